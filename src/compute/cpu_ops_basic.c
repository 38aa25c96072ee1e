/* cpu_ops_basic.c - plain arithmetic, sums, random numbers and the optimizer over n numbers. */
#include <math.h>
#include <string.h>
#include "base/rng.h"
#include "compute/cpu.h"
#include "compute/cpu_ops.h"

enum { GRAIN = 64, SUM_BLOCKS = 256, SUM_LEAST = 4096 };

static void cpu_fill(struct compute *c, struct ref x, size_t n, float value)
{
    float *X = f32_at(x);
    int parts = parts_for(c, n);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        kernels_of(c)->fill(X + r.lo, value, r.hi - r.lo);
    }
}

static void cpu_copy(struct compute *c, struct ref y, struct ref x, size_t n)
{
    enum dtype type = x.buf->type;
    const char *X = any_at(x);
    float *Y = f32_at(y);
    int parts = parts_for(c, n);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, DTYPE_BLOCK_MAX);
        kernels_of(c)->widen(Y + r.lo, X + dtype_bytes(type, r.lo), type, r.hi - r.lo);
    }
}

static void cpu_swap(struct compute *c, struct ref x, struct ref y, size_t n)
{
    enum { BLOCK = 1024 };
    float *X = f32_at(x), *Y = f32_at(y);
    int parts = parts_for(c, n);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        float kept[BLOCK];

        for (size_t i = r.lo; i < r.hi; i += BLOCK) {
            size_t bytes = (r.hi - i < BLOCK ? r.hi - i : BLOCK) * sizeof *X;

            memcpy(kept, X + i, bytes);
            memcpy(X + i, Y + i, bytes);
            memcpy(Y + i, kept, bytes);
        }
    }
}

static void cpu_add(struct compute *c, struct ref y, struct ref x1, struct ref x2, size_t n)
{
    float *Y = f32_at(y);
    const float *A = f32_at(x1), *B = f32_at(x2);
    int parts = parts_for(c, n);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        kernels_of(c)->add(Y + r.lo, A + r.lo, B + r.lo, r.hi - r.lo);
    }
}

static void cpu_axpy(struct compute *c, struct ref y, float a, struct ref x, size_t n)
{
    float *Y = f32_at(y);
    const float *X = f32_at(x);
    int parts = parts_for(c, n);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        kernels_of(c)->axpy(Y + r.lo, a, X + r.lo, r.hi - r.lo);
    }
}

static void cpu_scale(struct compute *c, struct ref x, float a, size_t n)
{
    float *X = f32_at(x);
    int parts = parts_for(c, n);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        kernels_of(c)->scale(X + r.lo, a, X + r.lo, r.hi - r.lo);
    }
}

static void cpu_scale_rows(struct compute *c, struct ref y, struct ref x, const float *s, size_t N,
                           size_t D)
{
    float *Y = f32_at(y);
    const float *X = f32_at(x);
    int parts = parts_for(c, N * D);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 1);
        for (size_t n = r.lo; n < r.hi; n++)
            kernels_of(c)->scale(Y + n * D, s[n], X + n * D, D);
    }
}

/* --- random --- */

/* Numbers 2j and 2j + 1 are the two coordinates of one point (Box and Muller). */
static void normal_pair(uint64_t key, uint64_t j, double sd, float out[2])
{
    double u = (double)((rng_at(key, 2 * j) >> 11) + 1) * 0x1p-53;
    double a = (double)(rng_at(key, 2 * j + 1) >> 11) * (2 * 3.14159265358979323846 * 0x1p-53);
    double r = sd * sqrt(-2 * log(u));

    out[0] = (float)(r * cos(a));
    out[1] = (float)(r * sin(a));
}

static void cpu_normal(struct compute *c, struct ref x, size_t n, uint64_t key, float sd)
{
    float *X = f32_at(x);
    int parts = parts_for(c, n * 16);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, 2);
        for (size_t i = r.lo; i < r.hi; i += 2) {
            float pair[2];
            normal_pair(key, i / 2, (double)sd, pair);
            X[i] = pair[0];
            if (i + 1 < r.hi)
                X[i + 1] = pair[1];
        }
    }
}

static void cpu_uniform(struct compute *c, struct ref x, size_t n, uint64_t key, float lo, float hi)
{
    float *X = f32_at(x), last = nextafterf(hi, lo);
    double wide = (double)hi - (double)lo;
    int parts = parts_for(c, n * 2);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        for (size_t i = r.lo; i < r.hi; i++) {
            float v = (float)((double)lo + wide * ((double)(rng_at(key, i) >> 11) * 0x1p-53));
            X[i] = v < hi ? v : last; /* rounding may reach hi */
        }
    }
}

/* --- sums: over blocks that depend on n alone, added in order --- */

struct sum {
    const float *x, *y;
    size_t n, block;
    double (*two)(const float *x, const float *y, size_t n);
    double (*one)(const float *x, size_t n);
};

static double sum_run(struct compute *c, struct sum s)
{
    double part[SUM_BLOCKS], total = 0;
    size_t least = (s.n + SUM_BLOCKS - 1) / SUM_BLOCKS, blocks;
    int parts = parts_for(c, s.n);

    s.block = least < SUM_LEAST ? SUM_LEAST : least;
    blocks = (s.n + s.block - 1) / s.block;
    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(blocks, t, parts, 1);
        for (size_t b = r.lo; b < r.hi; b++) {
            size_t at = b * s.block, n = s.n - at < s.block ? s.n - at : s.block;
            part[b] = s.one ? s.one(s.x + at, n) : s.two(s.x + at, s.y + at, n);
        }
    }
    for (size_t b = 0; b < blocks; b++)
        total += part[b];
    return total;
}

static double cpu_sumsq(struct compute *c, struct ref x, size_t n)
{
    return sum_run(c, (struct sum){.x = f32_at(x), .n = n, .one = kernels_of(c)->sumsq});
}

static double cpu_sumsq_diff(struct compute *c, struct ref x, struct ref y, size_t n)
{
    return sum_run(
        c, (struct sum){.x = f32_at(x), .y = f32_at(y), .n = n, .two = kernels_of(c)->sumsq_diff});
}

static double cpu_dot(struct compute *c, struct ref x, struct ref y, size_t n)
{
    return sum_run(c,
                   (struct sum){.x = f32_at(x), .y = f32_at(y), .n = n, .two = kernels_of(c)->dot});
}

static void cpu_row_sumsq(struct compute *c, double *out, struct ref x, size_t N, size_t D)
{
    const float *X = f32_at(x);
    int parts = parts_for(c, N * D);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 1);
        for (size_t n = r.lo; n < r.hi; n++)
            out[n] = kernels_of(c)->sumsq(X + n * D, D);
    }
}

/* --- optimizer --- */

static void cpu_adamw(struct compute *c, struct ref w, struct ref g, struct ref m, struct ref v,
                      size_t n, const struct adamw *o)
{
    float *W = f32_at(w), *M = f32_at(m), *S = f32_at(v);
    const float *G = f32_at(g);
    double fix1 = 1 - pow((double)o->beta1, (double)o->step);
    double fix2 = 1 - pow((double)o->beta2, (double)o->step);
    struct adamw_row row = {.grad_scale = o->grad_scale,
                            .beta1 = o->beta1,
                            .beta2 = o->beta2,
                            .eps = o->eps,
                            .decay = (float)(1 - (double)o->lr * (double)o->weight_decay),
                            .rate = (float)((double)o->lr / fix1),
                            .root = (float)(1 / sqrt(fix2))};
    int parts = parts_for(c, n * 2);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        kernels_of(c)->adamw(W + r.lo, G + r.lo, M + r.lo, S + r.lo, r.hi - r.lo, &row);
    }
}

const struct ops_basic cpu_ops_basic = {OPS_BASIC(CPU_OP, CPU_OP)};
