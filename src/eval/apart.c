/* apart.c - see apart.h */
#include "eval/apart.h"

#include <math.h>
#include <string.h>

#include "eval/stats.h"

/* Of the mean; NaN for less than two. */
static double variance_of_mean(const double *x, size_t n)
{
    double mean = mean_of(x, n), sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? sum / ((double)(n - 1) * (double)n) : (double)NAN;
}

static struct vac_span span(double value, double variance, double least)
{
    double half = Z95 * sqrt(variance);

    return (struct vac_span){.known = true,
                             .value = value,
                             .lo = isnan(half) ? half : fmax(least, value - half),
                             .hi = isnan(half) ? half : fmin(1, value + half)};
}

/* Of the n others: the share that x is greater than. */
static double share_below(double x, const double *other, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x > other[i] ? 1 : x < other[i] ? 0 : 0.5;
    return sum / (double)n;
}

/* A component of DeLong's variance: of the shares of x's pairs. The mean of the shares goes to *mean. */
static double component(const double *x, size_t n, const double *other, size_t n_other,
                        double *mean)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++)
        sum += share_below(x[i], other, n_other);
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        double rest = share_below(x[i], other, n_other) - *mean;

        squares += rest * rest;
    }
    return n > 1 ? squares / ((double)(n - 1) * (double)n) : (double)NAN;
}

static struct vac_span auc_of(const double *harm, size_t m, const double *kind, size_t n)
{
    size_t fewer = m < n ? m : n;
    double auc, other, variance;

    variance = component(harm, m, kind, n, &auc) + component(kind, n, harm, m, &other);
    if (auc > 0 && auc < 1)
        return span(auc, variance, 0);
    struct interval ci = wilson(auc > 0 ? fewer : 0, fewer, Z95);
    return (struct vac_span){.known = true, .value = auc, .lo = ci.lo, .hi = ci.hi};
}

void apart_measure(const double *harm, size_t m, const double *kind, size_t n,
                   struct vac_span out[VAC_BENEATH_COUNT])
{
    double a = mean_of(harm, m), b = mean_of(kind, n);

    memset(out, 0, VAC_BENEATH_COUNT * sizeof *out);
    if (m == 0)
        return;
    out[VAC_BENEATH_p_refuse] = span(a, variance_of_mean(harm, m), 0);
    if (n == 0)
        return;
    out[VAC_BENEATH_p_refuse_kind] = span(b, variance_of_mean(kind, n), 0);
    out[VAC_BENEATH_margin] =
        span(a - b, variance_of_mean(harm, m) + variance_of_mean(kind, n), -1);
    out[VAC_BENEATH_auc] = auc_of(harm, m, kind, n);
}
