/* broke.c - see broke.h */
#include "fork/broke.h"

#include <math.h>
#include <stdlib.h>

#include "base/io.h"
#include "fork/attack.h"

/* Of the weights that the run has, or had on its way here. */
static bool is_own(const struct broke_seen *s, const char *dir, int64_t step,
                   const struct vac_attack *a)
{
    char *run;
    bool own = s->known && a->line > s->lines;

    if (own || a->step != step)
        return own;
    run = path_join(dir, a->dir, NULL);
    own = run && attack_is_of(run, dir, step);
    free(run);
    return own;
}

static bool is_sooner(const struct vac_attack *a, const struct vac_attack *b)
{
    double x = vac_attack_harm(a)->broke.value, y = vac_attack_harm(b)->broke.value;

    if (a->step != b->step)
        return a->step > b->step;
    return isnan(x) ? isnan(y) && a->steps > b->steps : isnan(y) || x < y;
}

int broke_next(struct broke_seen *s, const char *dir, int64_t step, struct vac_attack *out,
               struct vac_err *err)
{
    struct vac_attack *v;
    const struct vac_attack *best = NULL;
    int64_t size;
    size_t n;

    if (attack_kept(dir, &size, err))
        return -1;
    if (size == s->size && (s->known || size > 0))
        return 0;
    s->size = size;
    if (vac_run_attacks(dir, &v, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (v[i].step > s->taken && v[i].step <= step && v[i].steps > 1 && vac_attack_harm(&v[i]) &&
            is_own(s, dir, step, &v[i]) && (!best || is_sooner(&v[i], best)))
            best = &v[i];
    s->lines = n;
    s->known = true;
    if (best) {
        *out = *best;
        s->taken = best->step;
    }
    free(v);
    return best != NULL;
}
