/* speed.h - how fast products are, beside what the core could. */
#ifndef COMPUTE_SPEED_H
#define COMPUTE_SPEED_H

#include <stdbool.h>
#include <stddef.h>
#include "compute/compute.h"

/* GFLOP/s of one core, in time that this thread really had: of products of [n,n], and of multiply-adds
 * that touch no memory, which no product can pass. 0 when there is no memory. */
struct core_speed {
    double product, peak;
};
struct core_speed speed_of_core(const struct provider *p, size_t n, double seconds);
/* A product c[m,n] = a b: a is stored [m,k], or [k,m] with ta; b [k,n], or [n,k] with tb. */
struct sides {
    bool ta, tb;
    size_t m, n, k;
};
/* Multiplies for `seconds` and returns GFLOP/s: what products here can reach. On one thread in the time that it
 * really had if `own`. */
double speed_of_products(const struct compute *c, struct sides s, double seconds, bool own);
/* The same by one call of the library, in the calling thread and its time. */
double speed_of_library(const struct provider *p, struct sides s, double seconds);

/* By how much a product of n x n x n is faster in bf16 than in F32, in the calling thread; 0 when there is
 * no memory. */
double speed_of_bf16(const struct provider *p, size_t n, double seconds);

#endif
