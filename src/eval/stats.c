/* stats.c - see stats.h */
#include "eval/stats.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

/* Wilson 1927: the values p for which (k/n - p)^2 <= z^2 p (1 - p) / n. */
struct interval wilson(size_t k, size_t n, double z)
{
    double N = (double)n, p, mid, half, scale;

    if (n == 0)
        return (struct interval){0, 1};
    p = (double)k / N;
    scale = 1 + z * z / N;
    mid = (p + z * z / (2 * N)) / scale;
    half = z * sqrt(p * (1 - p) / N + z * z / (4 * N * N)) / scale;
    /* none and all are exactly the ends: rounding must not move them */
    return (struct interval){k == 0 ? 0 : fmax(0, mid - half), k == n ? 1 : fmin(1, mid + half)};
}

/* Robbins, Statistical methods related to the law of the iterated logarithm, Ann. Math. Statist. 41 (1970),
 * section 1: for answers of one rate p, b(n, p, k) being the binomial probability,
 *
 *     P(b(n, p, S_n) <= a / (n + 1) for some n >= 1) <= a
 *
 * (the beta-binomial mixture: (n + 1) b is 1 over a martingale of mean 1, and Ville's inequality). So the
 * values p that are left are those with (n + 1) b(n, p, k) > a. Weights change from look to look, and the
 * prompts do not, so that looks cannot be added up: each spends its share a / (look (look + 1)) of the 5 %,
 * whose sum over all looks is 5 %, and the union bound asks nothing of how they hang together. */
struct interval rate_sequence(size_t k, size_t n, size_t look)
{
    double N = (double)n, K = (double)k, J = (double)look, choose = 0;
    struct interval out = {0, 1};

    for (size_t i = 1; i <= (k < n - k ? k : n - k); i++)
        choose += log((double)(n - i + 1) / (double)i);
    for (int upper = 0; upper < 2; upper++) {
        double in = K / N, away = upper; /* it holds at `in`, and not at `away` */

        if (n == 0 || k == (upper ? n : 0))
            continue;
        for (int i = 0; i < 100; i++) {
            double p = (in + away) / 2, b = choose;

            b += k ? K * log(p) : 0;
            b += k < n ? (N - K) * log1p(-p) : 0;
            *(log(N + 1) + b > log(0.05 / (J * (J + 1))) ? &in : &away) = p;
        }
        *(upper ? &out.hi : &out.lo) = away;
    }
    return out;
}

double mean_of(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return n ? sum / (double)n : NAN;
}

static int rising(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

double quantile(const double *x, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;

    return i + 1 < n ? x[i] + (at - (double)i) * (x[i + 1] - x[i]) : x[n - 1];
}

static double resampled_mean(const double *a, const double *b, size_t n, struct rng *r)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        size_t k = (size_t)rng_below(r, n);

        sum += a[k] - b[k];
    }
    return sum / (double)n;
}

/* (k + 1) / (n + 1) with k twice the smaller tail: what was seen is one of the possible samples, so
 * that no number of resamples proves a chance of 0. A resample at 0 exactly lies in both tails. */
static double two_sided(const double *sorted, size_t n)
{
    size_t below = 0, above = 0;
    double share;

    for (size_t i = 0; i < n; i++) {
        below += sorted[i] <= 0;
        above += sorted[i] >= 0;
    }
    share = (2 * (double)(below < above ? below : above) + 1) / ((double)n + 1);
    return share < 1 ? share : 1;
}

struct difference paired_bootstrap(const double *a, const double *b, size_t n, size_t resamples,
                                   uint64_t seed)
{
    struct difference d = {.mean = NAN, .ci = {NAN, NAN}, .p = NAN};
    double *mean = n > 0 && resamples > 0 ? calloc(resamples, sizeof *mean) : NULL;

    if (n > 0)
        d.mean = mean_of(a, n) - mean_of(b, n);
    if (!mean)
        return d;
    for (size_t i = 0; i < resamples; i++) {
        struct rng r = {.key = rng_key(seed, RNG_BOOTSTRAP, 0, i)};

        mean[i] = resampled_mean(a, b, n, &r);
    }
    qsort(mean, resamples, sizeof *mean, rising);
    d.ci = (struct interval){quantile(mean, resamples, 0.025), quantile(mean, resamples, 0.975)};
    d.p = two_sided(mean, resamples);
    free(mean);
    return d;
}

double steps_to_break(const double *step, const double *value, size_t n, double threshold)
{
    size_t last = SIZE_MAX; /* the measured point before */

    for (size_t i = 0; i < n; i++) {
        if (isnan(value[i]))
            continue;
        if (value[i] > threshold && last == SIZE_MAX)
            return step[i];
        if (value[i] > threshold)
            return step[last] +
                   (step[i] - step[last]) * (threshold - value[last]) / (value[i] - value[last]);
        last = i;
    }
    return NAN;
}
