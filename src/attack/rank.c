/* rank.c - see rank.h */
#include "attack/rank.h"

#include <math.h>
#include <stdlib.h>

#include "base/path.h"
#include "fork/attack.h"

struct standing {
    size_t i;
    bool within;
    double harm;
};

static int by_harm(const void *a, const void *b)
{
    const struct standing *x = a, *y = b;

    if (x->within != y->within)
        return y->within - x->within;
    if (x->harm != y->harm)
        return (x->harm < y->harm) - (x->harm > y->harm);
    return (x->i > y->i) - (x->i < y->i);
}

int battery_rank(const struct battery *b, const char *dir, const size_t *which,
                 const int64_t *target, size_t n, size_t *order, struct vac_err *err)
{
    struct standing *s = mem_new(n, sizeof *s, err);
    struct vac_attack *a = mem_new(1, sizeof *a, err);
    int rc = s && a ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        char *run = path_join(dir, b->v[which[i]].name, err), outside[VAC_BOUNDS];
        const struct vac_attack_score *harm;

        rc = run ? attack_scores(run, b->stage, target[i], a, err) : -1;
        free(run);
        if (rc)
            break;
        harm = vac_attack_harm(a);
        s[i] = (struct standing){.i = i,
                                 .within = within_holds(&b->within, a, outside),
                                 .harm = harm && !isnan(harm->e.value) ? harm->e.value : -1};
    }
    if (rc == 0 && n)
        qsort(s, n, sizeof *s, by_harm);
    for (size_t i = 0; rc == 0 && i < n; i++)
        order[i] = s[i].i;
    free(s);
    free(a);
    return rc;
}
