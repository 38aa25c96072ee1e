/* export.c - see export.h */
#include "report/export.h"

#include <stdlib.h>

#include "base/io.h"
#include "record/folder.h"

#define DECLARE(name) extern const struct export_row export_##name;
EXPORTS(DECLARE)
#undef DECLARE

#define ROW(name) &export_##name,
static const struct export_row *const rows[] = {EXPORTS(ROW)};
#undef ROW
enum { ROWS = sizeof rows / sizeof *rows };

struct exports {
    char *dir;
    struct run_data r; /* what is new */
    struct export_part part[ROWS];
    bool begun;
};

int export_grow(const char *dir, const char *name, const struct strbuf *text,
                struct export_part *part, struct vac_err *err)
{
    char *path;
    int rc = sb_ok(text, err); /* also where not even the first byte had room */

    if (rc)
        return rc;
    if (part->size == 0) {
        rc = out_text(dir, name, text, err);
    } else if (text->len) {
        path = path_join(dir, name, err);
        rc = path ? file_extend(path, part->size, text->s, text->len, err) : -1;
        free(path);
    }
    if (rc == 0)
        part->size += (int64_t)text->len;
    return rc;
}

int exports_open(struct exports **out, const char *dir, struct vac_err *err)
{
    *out = mem_new(1, sizeof **out, err);
    if (*out)
        (*out)->dir = mem_strdup(dir, err);
    if (*out && (*out)->dir)
        return 0;
    exports_close(*out);
    *out = NULL;
    return -1;
}

static void begin_again(struct exports *x)
{
    if (x->begun)
        run_data_done(&x->r);
    x->begun = false;
}

/* 1 = what was there has to be made anew. */
static int grow(struct exports *x, bool done, struct vac_err *err)
{
    int rc = 0;

    if (!x->begun) {
        if (run_data_open(&x->r, x->dir, err))
            return -1;
        x->begun = true;
        for (size_t i = 0; i < ROWS; i++)
            x->part[i] = (struct export_part){0};
    }
    if (run_data_next(&x->r, err))
        return -1;
    for (size_t i = 0; i < ROWS && rc <= 0; i++) {
        int one = rows[i]->write(&x->r, done, &x->part[i], err);

        rc = one ? one : rc;
    }
    return rc;
}

int exports_update(struct exports *x, bool done, struct vac_err *err)
{
    int rc = grow(x, done, err);

    if (rc > 0) {
        begin_again(x);
        rc = grow(x, done, err);
    }
    if (rc)
        begin_again(x);
    return rc > 0 ? err_set(err, VAC_ERR_BUSY, "%s: another program writes files for other tools",
                            x->dir)
                  : rc;
}

void exports_close(struct exports *x)
{
    if (!x)
        return;
    begin_again(x);
    free(x->dir);
    free(x);
}
