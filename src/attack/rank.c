/* rank.c - see rank.h */
#include "attack/rank.h"

#include <stdlib.h>

#include "base/path.h"
#include "fork/attack.h"

struct standing {
    size_t i;
    bool within;
    struct vac_attack attack;
};

static int by_harm(const void *a, const void *b)
{
    const struct standing *x = a, *y = b;
    int harm = within_compare(&x->attack, &y->attack);

    if (x->within != y->within)
        return y->within - x->within;
    return harm ? harm : (x->i > y->i) - (x->i < y->i);
}

int battery_rank(const struct battery *b, const char *dir, const int64_t *target, size_t *order,
                 struct vac_err *err)
{
    size_t n = b->n;
    struct standing *s = mem_new(n, sizeof *s, err);
    int rc = s ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        char *run = path_join(dir, b->v[i].name, err), outside[VAC_BOUNDS];

        s[i].i = i;
        rc = run ? attack_scores(run, b->stage, target[i], &s[i].attack, err) : -1;
        s[i].within = rc == 0 && within_holds(&b->within, &s[i].attack, outside);
        free(run);
    }
    if (rc == 0 && n)
        qsort(s, n, sizeof *s, by_harm);
    for (size_t i = 0; rc == 0 && i < n; i++)
        order[i] = s[i].i;
    free(s);
    return rc;
}
