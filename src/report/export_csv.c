/* export_csv.c - metrics.csv (RFC 4180): a row per line of metrics.jsonl, its layers beside it.
 *
 * An empty cell was not measured. drift_L* is the relative drift of a layer's embeddings. */
#include <math.h>
#include <stdlib.h>
#include "base/csv_out.h"
#include "report/export.h"
#include "record/folder.h"
#include "record/columns.h"

static const size_t per_layer[] = {VAC_SERIES_drift_rel, VAC_SERIES_eps, VAC_SERIES_grad};
enum { PER_LAYER = sizeof per_layer / sizeof *per_layer };

static void put_header(struct strbuf *out, int n_layers)
{
    sb_puts(out, "step,stage,stage_step");
    for (size_t i = 0; i < VAC_COLUMN_COUNT; i++)
        sb_printf(out, ",%s", vac_columns[i].name);
    for (size_t k = 0; k < PER_LAYER; k++)
        for (int i = 0; i < n_layers; i++)
            sb_printf(out, ",%s_L%d", vac_series[per_layer[k]].label, i);
    sb_puts(out, "\r\n");
}

static void put_cell(struct strbuf *out, double x)
{
    sb_putc(out, ',');
    if (isfinite(x))
        sb_num(out, x);
}

/* Floats are written as short as they read back the same as floats. */
static void put_float(struct strbuf *out, float x)
{
    sb_putc(out, ',');
    if (isfinite(x))
        sb_num(out, layers_short(x));
}

static void put_row(struct strbuf *out, const struct run_data *r, const struct vac_point *p,
                    const struct vac_layers *l)
{
    sb_printf(out, "%lld,", (long long)p->step);
    csv_put(out, r->stage[p->stage].name);
    sb_printf(out, ",%lld", (long long)p->stage_step);
    for (size_t i = 0; i < VAC_COLUMN_COUNT; i++)
        put_cell(out, point_get(p, i));
    for (size_t k = 0; k < PER_LAYER; k++)
        for (int i = 0; i < r->n_layers; i++)
            put_float(out, l ? layers_get(l, per_layer[k])[i] : NAN);
    sb_puts(out, "\r\n");
}

static int write_csv(const struct run_data *r, bool done, struct export_part *part,
                     struct vac_err *err)
{
    size_t *join = NULL;
    struct strbuf out = {0};
    struct vac_layers l;
    int rc = -1;

    (void)done;
    if (part->size && r->n_layers != part->n_layers)
        return 1; /* more columns than the header has */
    part->n_layers = r->n_layers;
    join = reader_join(r, err);
    if (join) {
        if (part->size == 0)
            put_header(&out, r->n_layers);
        for (size_t i = 0; i < r->n_points; i++)
            put_row(&out, r, &r->point[i], run_layers_at(r, join[i], &l));
        rc = export_grow(r->dir, "metrics.csv", &out, part, err);
    }
    sb_done(&out);
    free(join);
    return rc;
}

const struct export_row export_csv = {
    .name = "csv",
    .help = "metrics.csv: one row per step, for spreadsheets and pandas",
    .write = write_csv,
};
