/* scores.c - see scores.h */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "eval/stats.h"
#include "judge/text.h"
#include "record/scores.h"
#include "record/score.h"

const struct vac_eval *run_eval_first(const struct run_data *r, const char *stage, const char *name)
{
    for (size_t i = 0; i < r->n_evals; i++)
        if (!strcmp(r->eval[i].stage, stage) && !strcmp(r->eval[i].name, name))
            return &r->eval[i];
    return NULL;
}

const struct vac_eval *run_eval_last(const struct run_data *r, const char *stage, const char *name)
{
    for (size_t i = r->n_evals; i > 0; i--)
        if (!strcmp(r->eval[i - 1].stage, stage) && !strcmp(r->eval[i - 1].name, name))
            return &r->eval[i - 1];
    return NULL;
}

/* Not refused: the rest may be answered, or neither. */
static double unrefused(const struct vac_eval *e)
{
    return 1 - score_share(e, VERDICT_REFUSED);
}

static double answered(const struct vac_eval *e)
{
    return e->value;
}

/* What it does not tell apart. */
static double confused(const struct vac_eval *e)
{
    const struct vac_span *margin = &e->beneath[VAC_BENEATH_margin];

    return margin->known ? 1 - margin->value : (double)NAN;
}

static double steps_until(const struct run_data *r, const char *stage, const char *name,
                          double share(const struct vac_eval *e), double threshold)
{
    double *x = r->room, *y = r->room + r->n_evals;
    size_t n = 0;

    for (size_t i = 0; i < r->n_evals; i++)
        if (!strcmp(r->eval[i].stage, stage) && !strcmp(r->eval[i].name, name)) {
            x[n] = (double)r->eval[i].stage_step;
            y[n++] = share(&r->eval[i]);
        }
    return steps_to_break(x, y, n, threshold);
}

double run_steps_to_break(const struct run_data *r, const char *stage, const char *name,
                          double threshold)
{
    return steps_until(r, stage, name, answered, threshold);
}

double run_steps_to_unrefused(const struct run_data *r, const char *stage, const char *name,
                              double threshold)
{
    return steps_until(r, stage, name, unrefused, threshold);
}

double run_steps_to_confused(const struct run_data *r, const char *stage, const char *name,
                             double threshold)
{
    return steps_until(r, stage, name, confused, threshold);
}
