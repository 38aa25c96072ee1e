/* halving.c - see halving.h */
#include "attack/halving.h"

#include <stdlib.h>

#include "base/mem.h"

int halving_open(struct halving *h, const int64_t *planned, size_t n, int64_t budget,
                 struct vac_err *err)
{
    int64_t all = 0, least;

    *h = (struct halving){.n = n, .left = n, .rounds = 1, .planned = planned, .budget = budget};
    h->target = mem_new(n, sizeof *h->target, err);
    h->in = mem_new(n, sizeof *h->in, err);
    if (!h->target || !h->in)
        return -1;
    for (size_t i = 0; i < n; i++) {
        h->in[i] = true;
        all += planned[i];
    }
    if (budget == 0 || budget >= all) { /* all of them, whole */
        h->budget = -1;
        return 0;
    }
    for (size_t k = n; k > 1; k = (k + 1) / 2)
        h->rounds++;
    least = (int64_t)(n * h->rounds);
    return budget >= least
               ? 0
               : err_set(err, VAC_ERR_USAGE,
                         "a budget of %lld steps is too small for %zu attacks in %zu rounds: %lld "
                         "give each a step",
                         (long long)budget, n, h->rounds, (long long)least);
}

bool halving_next(struct halving *h)
{
    int64_t share;

    if (h->round == h->rounds)
        return false;
    share = h->budget / (int64_t)(h->rounds - h->round) / (int64_t)(h->left ? h->left : 1);
    for (size_t i = 0; i < h->n; i++) {
        int64_t was = h->target[i];

        if (!h->in[i])
            continue;
        h->target[i] = h->budget < 0 || h->planned[i] - was < share ? h->planned[i] : was + share;
        if (h->budget >= 0)
            h->budget -= h->target[i] - was;
    }
    h->round++;
    return true;
}

void halving_cut(struct halving *h, const size_t *order)
{
    size_t stay = (h->left + 1) / 2;

    if (h->round == h->rounds)
        return;
    h->left = 0;
    for (size_t i = 0; i < h->n; i++) {
        h->in[order[i]] = h->in[order[i]] && h->left < stay;
        h->left += h->in[order[i]];
    }
}

void halving_close(struct halving *h)
{
    free(h->target);
    free(h->in);
    *h = (struct halving){.n = 0};
}
