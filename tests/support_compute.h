/* support_compute.h - a rig: one open backend and the guarded arrays of one test.
 *
 * Every array sits at an odd place between guard numbers. rig_done checks that no guard was
 * touched, that no input was written, and frees everything. */
#ifndef TESTS_SUPPORT_COMPUTE_H
#define TESTS_SUPPORT_COMPUTE_H

#include <stdbool.h>
#include "compute/compute.h"
#include "support.h"

enum { RIG_ARRAYS = 64 };

struct rig_array {
    struct buf *buf;
    float *host;  /* what an input must still hold; NULL for an output */
    void *narrow; /* memory behind a wrapped array */
    size_t n;
    bool wrapped;
};

struct rig {
    struct compute *c;
    const char *name; /* "cpu 3 threads", ... */
    struct rig_array arrays[RIG_ARRAYS];
    void *kept[RIG_ARRAYS * 4];
    size_t n_arrays, n_kept;
};

/* Runs the test once for every backend, thread count and instruction set of the table. */
void rigs_each(void (*test)(struct rig *rig));
/* The same with products of bf16, and every table of kernels for them. */
void rigs_each_bf16(void (*test)(struct rig *rig));
void rig_done(struct rig *rig); /* also between the cases of one test: the backend stays open */

/* Host memory that lives until rig_done. */
float *rig_floats(struct rig *rig, size_t n);
double *rig_doubles(struct rig *rig, size_t n);
/* n numbers in about [-1, 1], the same in every run. */
float *rig_random(struct rig *rig, size_t n);
struct ref rig_in(struct rig *rig, const float *x, size_t n);
/* An array that ops may write, starting as x, or as NaN when x is NULL. */
struct ref rig_out(struct rig *rig, const float *x, size_t n);
/* A wrapped array in the given type; x is rounded to what it holds. */
struct ref rig_wrap(struct rig *rig, float *x, enum dtype t, size_t n);
float *rig_get(struct rig *rig, struct ref r, size_t n);
double *rig_widen(struct rig *rig, const float *x, size_t n);

double rig_number(void); /* in [-1, 1) */
void rig_seed(uint64_t seed);

/* The gradient g of loss(ctx) with respect to x (which loss reads) against central differences
 * along random directions; fails naming `what`. tol is relative to the sum of |g| along the
 * direction, with 1e-3 more for each number: gradients that cancel to nothing are rounding of terms
 * of size one. */
void rig_check_grad(struct rig *rig, const char *what, double (*loss)(void *ctx), void *ctx,
                    double *x, const float *g, size_t n, double tol);
void rig_check(struct rig *rig, const char *what, const float *got, const double *want, size_t n,
               double tol);
#endif
