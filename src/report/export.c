/* export.c - the table of exporters. */
#include "report/report.h"

#define DECLARE(name) extern const struct export_row export_##name;
EXPORTS(DECLARE)
#undef DECLARE

#define ROW(name) &export_##name,
static const struct export_row *const rows[] = {EXPORTS(ROW) NULL};
#undef ROW

const struct export_row *export_at(size_t i)
{
    return i < sizeof rows / sizeof *rows ? rows[i] : NULL;
}

/* One that fails does not keep the others from being written. */
int export_all(const char *dir, bool done, struct vac_err *err)
{
    struct run_data r;
    int rc;

    if (run_data_read(&r, dir, err))
        return -1;
    if (done)
        r.state = "done";
    rc = 0;
    for (size_t i = 0; rows[i]; i++)
        if (rows[i]->write(&r, err))
            rc = -1;
    run_data_done(&r);
    return rc;
}
