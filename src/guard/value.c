/* value.c - see value.h */
#include "guard/value.h"

#include <math.h>

#include "record/score.h"

double value_of_step(const struct condition *c, const struct vac_point *p,
                     const struct vac_layers *l)
{
    switch (c->kind) {
    case CONDITION_STEP:
        return (double)(c->what ? p->stage_step : p->step);
    case CONDITION_COLUMN:
    case CONDITION_PLATEAU:
        return *(const double *)((const char *)p + vac_columns[c->what].offset);
    case CONDITION_LAYER:
        return (double)((const float *)(const void *)((const char *)l +
                                                      vac_series[c->what].offset))[c->layer];
    default:
        return NAN;
    }
}

double value_of_score(const struct condition *c, const struct vac_eval *e, int64_t *k, int64_t *n)
{
    *k = e->count;
    *n = e->n;
    if (c->beneath >= 0)
        return e->beneath[c->beneath].known ? e->beneath[c->beneath].value : (double)NAN;
    if (c->share < 0)
        return e->value;
    *n = score_judged(e);
    *k = llround(score_share(e, (enum verdict)c->share) * (double)*n);
    return score_share(e, (enum verdict)c->share);
}
