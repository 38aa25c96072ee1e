/* import_table.c - any table or JSON whose columns the user names. */
#include "import/import.h"

static int read_named(const struct record *r, const char *name, const char **out, struct arena *a,
                      struct vac_err *err)
{
    return name ? record_scalar(r, name, out, a, err) : 0;
}

static int table_convert(const struct record *r, const struct import_choice *c,
                         struct import_sample *out, struct arena *a, struct vac_err *err)
{
    if (read_named(r, c->instruction, &out->instruction, a, err) ||
        read_named(r, c->input, &out->input, a, err) ||
        read_named(r, c->output, &out->output, a, err) ||
        read_named(r, c->category, &out->category, a, err) ||
        read_named(r, c->id, &out->id, a, err) || read_named(r, c->label, &out->label, a, err))
        return -1;
    return 0;
}

const struct import_format import_table = {
    .name = "table",
    .help = "any CSV, TSV or JSON file, with columns or keys that you name",
    .named_columns = true,
    .convert = table_convert,
};
