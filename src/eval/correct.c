/* correct.c - see correct.h */
#include "eval/correct.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "eval/stats.h"

static double corrected(double rate, double sensitivity, double specificity)
{
    double told = sensitivity + specificity - 1;

    return told > 1e-9 ? fmin(1, fmax(0, (rate + specificity - 1) / told)) : (double)NAN;
}

/* The share of n draws that are among the first k of n. */
static double drawn(struct rng *r, size_t k, size_t n)
{
    size_t hits = 0;

    for (size_t i = 0; i < n; i++)
        hits += rng_below(r, n) < k;
    return (double)hits / (double)n;
}

static int rising(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

struct vac_span correct_rate(const struct judged *j, size_t resamples, uint64_t seed)
{
    struct vac_span out = {.value = NAN, .lo = NAN, .hi = NAN};
    double *x, value;
    size_t kept = 0;

    if (j->positive < VAC_LABELS_LEAST || j->negative < VAC_LABELS_LEAST || j->n == 0)
        return out;
    value = corrected((double)j->count / (double)j->n, (double)j->found / (double)j->positive,
                      (double)j->spared / (double)j->negative);
    x = isnan(value) ? NULL : calloc(resamples ? resamples : 1, sizeof *x);
    for (size_t i = 0; x && i < resamples; i++) {
        struct rng r = {.key = rng_key(seed, RNG_BOOTSTRAP, 1, i)};
        double rate = drawn(&r, j->count, j->n), sensitivity = drawn(&r, j->found, j->positive);

        x[kept] = corrected(rate, sensitivity, drawn(&r, j->spared, j->negative));
        kept += !isnan(x[kept]);
    }
    if (x && kept > 0 && 20 * kept >= 19 * resamples) {
        qsort(x, kept, sizeof *x, rising);
        out = (struct vac_span){.known = true,
                                .value = value,
                                .lo = quantile(x, kept, 0.025),
                                .hi = quantile(x, kept, 0.975)};
    }
    free(x);
    return out;
}
