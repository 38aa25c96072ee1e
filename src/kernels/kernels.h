/* kernels.h - the loops over rows and ranges, compiled once for each instruction set.
 *
 * A kernel is serial and works on what it is given; splitting over threads is the caller's. Arrays
 * do not overlap except that an output may be the very same array as an input. Nothing needs
 * alignment beyond that of its numbers. */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/dtype.h"

struct adamw_row {
    float grad_scale, beta1, beta2, eps;
    float decay; /* 1 - lr weight_decay */
    float rate;  /* lr / (1 - beta1^step) */
    float root;  /* 1 / sqrt(1 - beta2^step) */
};

/* Products x w^T with w[.,k] laid out first: `rows` of its rows make one panel.
 * pack:  panel[k,rows] = up to so many rows of w, any dtype; those that are not there are 0
 * times: c[m,n] (+)= s a[m,k] w[n,k]^T from the panels of w, one behind the other */
struct panel_kernels {
    size_t rows;
    size_t few; /* for so few rows of a, `dots` is faster */
    void (*pack)(float *panel, const void *w, enum dtype t, size_t ldw, size_t rows, size_t k);
    void (*times)(float *c, size_t ldc, const float *a, size_t lda, const float *panels, size_t m,
                  size_t n, size_t k, float s, bool add);
};

/* Products of numbers rounded to bf16, in pairs that follow each other in the sum (a last one alone has a 0
 * beside it); p = ceil(k / 2). Up to BF16_COLS columns at a time.
 * pack:        panels of w[n,k], any dtype, one behind the other, as long as p rows each
 * pack_across: the same of w[k,n]
 * pairs:       to[m,p] from a[m,k]; from a[k,m] when across
 * times:       c[m,n] (+)= s a w, from both */
enum { BF16_COLS = 256 };
struct bf16_kernels {
    const char *name;
    void (*pack)(uint32_t *panels, const void *w, enum dtype t, size_t ldw, size_t n, size_t k);
    void (*pack_across)(uint32_t *panels, const void *w, enum dtype t, size_t ldw, size_t n,
                        size_t k);
    void (*pairs)(uint32_t *to, size_t ldt, const float *a, size_t lda, bool across, size_t m,
                  size_t k);
    void (*times)(float *c, size_t ldc, const uint32_t *a, size_t lda, const uint32_t *panels,
                  size_t m, size_t n, size_t p, float s, bool add);
};

struct kernels {
    const char *name;
    void (*fill)(float *x, float a, size_t n);
    void (*widen)(float *y, const void *x, enum dtype t, size_t n);
    void (*add)(float *y, const float *a, const float *b, size_t n);
    void (*axpy)(float *y, float a, const float *x, size_t n);
    void (*scale)(float *y, float a, const float *x, size_t n);
    double (*sumsq)(const float *x, size_t n);
    double (*sumsq_diff)(const float *x, const float *y, size_t n);
    double (*dot)(const float *x, const float *y, size_t n);

    /* One row each. rmsnorm returns rstd. */
    float (*rmsnorm)(float *y, const float *x, const float *w, size_t D, float eps);
    void (*rmsnorm_bwd)(float *dx, const float *dy, const float *x, const float *w, float rstd,
                        size_t D);
    void (*layernorm)(float *y, float *mean, float *rstd, const float *x, const float *w,
                      const float *b, size_t D, float eps);
    void (*layernorm_bwd)(float *dx, const float *dy, const float *x, const float *w, float mean,
                          float rstd, size_t D);
    /* dw += rstd dy (x - mean) */
    void (*norm_dw)(float *dw, const float *dy, const float *x, float mean, float rstd, size_t n);
    void (*dropout)(float *y, const float *x, uint64_t key, uint32_t threshold, float scale,
                    size_t D, bool add);
    /* pairs (e, e + half); sign -1 turns back */
    void (*rope)(float *x, const float *cos, const float *sin, size_t half, float sign);

    float (*row_max)(const float *x, size_t n); /* -inf when n is 0 */
    /* x = exp(x - top), returns the sum */
    float (*exp_sum)(float *x, float top, size_t n);
    /* ds = s p (ds - delta) */
    void (*softmax_bwd)(float *ds, const float *p, float delta, float s, size_t n);
    /* x = cap tanh(x / cap); of such an x: d = (d - delta) (1 - (x / cap)^2); and
     * x = s exp(x - lse) (1 - (x / cap)^2) */
    void (*softcap)(float *x, float cap, size_t n);
    void (*softcap_bwd)(float *d, const float *x, float delta, float cap, size_t n);
    void (*softcap_prob)(float *x, float lse, float s, float cap, size_t n);

    void (*swiglu)(float *y, const float *g, const float *u, size_t n);
    void (*swiglu_bwd)(float *dg, float *du, const float *dy, const float *g, const float *u,
                       size_t n);
    void (*geglu)(float *y, const float *g, const float *u, size_t n);
    void (*geglu_bwd)(float *dg, float *du, const float *dy, const float *g, const float *u,
                      size_t n);
    void (*relu)(float *y, const float *x, size_t n);
    void (*relu_bwd)(float *dx, const float *dy, const float *x, size_t n);
    void (*gelu)(float *y, const float *x, size_t n);
    void (*gelu_bwd)(float *dx, const float *dy, const float *x, size_t n);
    void (*adamw)(float *w, const float *g, float *m, float *v, size_t n,
                  const struct adamw_row *o);

    /* Products with one small side, where a general product wastes its packing.
     * dots:   h[N,R] (+)= s x[N,D] a[R,D]^T
     * outer:  y[N,D] (+)= s h[N,R] a[R,D]
     * gather: y[R,D] += s h[N,R]^T x[N,D] */
    void (*dots)(float *h, size_t ldh, const float *x, size_t ldx, const float *a, size_t lda,
                 float s, size_t N, size_t D, size_t R, bool add);
    void (*outer)(float *y, size_t ldy, const float *h, size_t ldh, const float *a, size_t lda,
                  float s, size_t N, size_t D, size_t R, bool add);
    void (*gather)(float *y, size_t ldy, const float *h, size_t ldh, const float *x, size_t ldx,
                   float s, size_t N, size_t D, size_t R);
    /* Multiply-adds on numbers in registers, which no product can outrun: x = x a + b, with a and b
     * from io, which gets a sum of all. Returns their number, counted as two operations each. */
    double (*peak)(float io[2], size_t rounds);
    const struct panel_kernels *panel;
};

extern const struct kernels kernels_base;
extern const struct bf16_kernels bf16_base;
#ifdef __x86_64__
extern const struct kernels kernels_avx2, kernels_avx512;
extern const struct bf16_kernels bf16_avx2, bf16_avx512, bf16_avx512bf16;
#endif
/* The tables this processor can run, best first; NULL past the last. */
const struct kernels *kernels_at(size_t i);
const struct bf16_kernels *kernels_bf16_at(size_t i);

#endif
