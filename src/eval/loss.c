/* loss.c - the mean loss of a data set: in all and of each of its samples. */
#include "eval/loss.h"

#include <math.h>
#include <stdlib.h>

#include "eval/pack.h"

double dataset_loss(struct model *m, struct acts *a, size_t acts_rows, const struct dataset *d,
                    double *per, struct vac_err *err)
{
    struct acts_room room = acts_room(a);
    struct pack k;
    struct pass p = {
        .m = m, .a = a, .b = &k.b, .scale = 1, .from = PLACE_START, .stop = PLACE_START};
    double *row_loss, sum = 0, loss = NAN;

    room.rows = acts_rows < room.rows ? acts_rows : room.rows;
    if (pack_open(&k, d, room, err))
        return NAN;
    row_loss = mem_new(k.max_N, sizeof *row_loss, err);
    for (size_t i = 0; per && i < d->n; i++)
        per[i] = 0;
    while (row_loss && d->labels > 0 && pack_next(&k)) {
        sum += pass_loss(&p, false, per ? row_loss : NULL);
        for (size_t i = 0; per && i < k.b.n_lab; i++)
            per[k.b.slot[k.b.lab_row[i]]] += row_loss[i];
        loss = sum / (double)d->labels;
    }
    if (model_check(m, err))
        loss = NAN;
    for (size_t i = 0; per && i < d->n; i++)
        per[i] = !isfinite(loss) ? NAN : per[i] / (double)d->sample[i].n_labels;
    if (row_loss && d->labels > 0 && err && !isfinite(loss))
        model_not_numbers(m, "losses", err);
    free(row_loss);
    pack_close(&k);
    return loss;
}
