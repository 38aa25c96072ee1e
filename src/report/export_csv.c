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

static void put_cell(struct strbuf *out, double x)
{
    sb_putc(out, ',');
    if (isfinite(x))
        sb_num(out, x);
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
        for (size_t i = 0; part->size == 0 && i < VAC_COLUMN_COUNT; i++)
            sb_printf(&out, "%s,%s", i ? "" : "step,stage,stage_step", vac_columns[i].name);
        for (size_t k = 0; part->size == 0 && k < PER_LAYER; k++)
            for (int i = 0; i < r->n_layers; i++)
                sb_printf(&out, ",%s_L%d", vac_series[per_layer[k]].label, i);
        if (part->size == 0)
            sb_puts(&out, "\r\n");
        for (size_t row = 0; row < r->n_points; row++) {
            const struct vac_point *p = &r->point[row];
            const struct vac_layers *there = run_layers_at(r, join[row], &l);

            sb_printf(&out, "%lld,", (long long)p->step);
            csv_put(&out, r->stage[p->stage].name);
            sb_printf(&out, ",%lld", (long long)p->stage_step);
            for (size_t i = 0; i < VAC_COLUMN_COUNT; i++)
                put_cell(&out, point_get(p, i));
            /* floats are written as short as they read back the same as floats */
            for (size_t k = 0; k < PER_LAYER; k++)
                for (int i = 0; i < r->n_layers; i++) {
                    float x = there ? layers_get(there, per_layer[k])[i] : NAN;

                    put_cell(&out, isfinite(x) ? layers_short(x) : (double)NAN);
                }
            sb_puts(&out, "\r\n");
        }
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
