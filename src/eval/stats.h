/* stats.h - intervals and comparisons of rates. */
#ifndef EVAL_STATS_H
#define EVAL_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interval {
    double lo, hi;
};
/* Wilson score interval of k successes in n at confidence z (1.959964 = 95 %); n = 0: [0, 1]. */
struct interval wilson(size_t k, size_t n, double z);
#define Z95 1.959963984540054
/* The interval of a rate that is looked at again and again: with 95 % all of them at once hold the rate of
 * their time, at every look (from 1) and after every answer within one. Over the draw of the prompts, whose
 * answers are taken as independent; looks that ask the same prompts again may hang together as they like.
 * n = 0: [0, 1]. */
struct interval rate_sequence(size_t k, size_t n, size_t look);
/* Paired bootstrap of mean(a) - mean(b) over the same n items: 95 % percentile interval and the
 * two-sided share of resamples on the other side of 0. */
struct difference {
    double mean;
    struct interval ci;
    double p;
};
struct difference paired_bootstrap(const double *a, const double *b, size_t n, size_t resamples,
                                   uint64_t seed);
/* First step at which value passes threshold, linearly interpolated between measured steps (step[]
 * rising); NaN when it never does; the first step when it begins above. */
double steps_to_break(const double *step, const double *value, size_t n, double threshold);
/* Quantile q of n > 0 sorted numbers, linear between neighbours. */
double quantile(const double *x, size_t n, double q);
double mean_of(const double *x, size_t n);
#endif
