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

    if (h->round >= h->rounds) {
        bool once = h->rest && h->round == h->rounds;

        h->round += once;
        return once;
    }
    h->round++;
    share = h->budget / (int64_t)(h->rounds - h->round + 1) / (int64_t)(h->left ? h->left : 1);
    for (size_t i = 0; i < h->n; i++) {
        int64_t was = h->target[i];

        if (!h->in[i])
            continue;
        h->target[i] = h->budget < 0 || h->planned[i] - was < share ? h->planned[i] : was + share;
        if (h->budget >= 0)
            h->budget -= h->target[i] - was;
    }
    return true;
}

bool halving_goes_on(const struct halving *h)
{
    return h->round < h->rounds || (h->round == h->rounds && h->budget > 0);
}

/* What is left, to as many as it makes whole, and the next one. */
static void give_rest(struct halving *h, const size_t *order)
{
    h->left = 0;
    for (size_t k = 0; k < h->n; k++) {
        size_t i = order[k];
        int64_t more = h->planned[i] - h->target[i];

        more = more < h->budget ? more : h->budget;
        h->in[i] = more > 0;
        h->left += more > 0;
        h->target[i] += more;
        h->budget -= more;
    }
    h->rest = true;
}

void halving_cut(struct halving *h, const size_t *order)
{
    size_t stay = (h->left + 1) / 2;

    h->left = 0;
    if (h->round == h->rounds) {
        give_rest(h, order);
        return;
    }
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
