/* turned.c - see turned.h */
#include "report/turned.h"

#include <math.h>
#include <stdlib.h>

#include "eval/stats.h"

int turned_steps(const struct run_data *r, size_t stage, double threshold, double *out, bool *known,
                 struct vac_err *err)
{
    size_t *join = reader_join(r, err), n = 0;
    double *x = mem_new(2 * r->n_points, sizeof *x, err), *y = x + r->n_points;
    struct vac_layers l;

    *known = false;
    for (size_t i = 0; join && x && i < r->n_points; i++) {
        const struct vac_layers *at =
            (size_t)r->point[i].stage == stage ? run_layers_at(r, join[i], &l) : NULL;
        double mean = at ? layers_mean(at->refusal, r->n_layers) : (double)NAN;

        if (isnan(mean))
            continue;
        x[n] = (double)r->point[i].stage_step;
        y[n++] = 1 - mean;
    }
    if (join && x) {
        *known = n > 0;
        *out = steps_to_break(x, y, n, 1 - threshold);
    }
    free(join);
    free(x);
    return join && x ? 0 : -1;
}
