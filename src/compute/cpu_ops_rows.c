/* cpu_ops_rows.c - what goes row by row or number by number inside a block: embedding,
 * normalisation, dropout, rotation and activations. Sums over rows (gradients of weights) are cut
 * by columns, so that every number is added up in row order by one thread. */
#include "base/rng.h"
#include "compute/cpu.h"
#include "compute/cpu_ops.h"

enum { GRAIN = 64, COLS = 32 };

/* --- embedding --- */

static void cpu_embed(struct compute *c, struct ref y, struct ref table, const int32_t *idx,
                      size_t N, size_t D, bool add)
{
    const struct kernels *k = kernels_of(c);
    enum dtype type = table.buf->type;
    const char *from = any_at(table);
    float *Y = f32_at(y);
    int parts = parts_for(c, N * D);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 1);
        float *wide = add ? scratch_widen(cpu_of(c), t) : NULL;
        for (size_t n = r.lo; n < r.hi; n++) {
            const char *row = from + dtype_bytes(type, (size_t)idx[n] * D);
            k->widen(add ? wide : Y + n * D, row, type, D);
            if (add)
                k->add(Y + n * D, Y + n * D, wide, D);
        }
    }
}

static void cpu_embed_bwd(struct compute *c, struct ref dtable, struct ref dy, const int32_t *idx,
                          size_t N, size_t D)
{
    float *to = f32_at(dtable);
    const float *dY = f32_at(dy);
    int parts = parts_for(c, N * D);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(D, t, parts, COLS);
        for (size_t n = 0; n < N; n++) {
            float *row = to + (size_t)idx[n] * D + r.lo;
            kernels_of(c)->add(row, row, dY + n * D + r.lo, r.hi - r.lo);
        }
    }
}

/* --- projection --- */

static void cpu_project(struct compute *c, struct ref x, struct ref u, size_t N, size_t D)
{
    float *X = f32_at(x);
    const float *U = f32_at(u);
    int parts = parts_for(c, N * D);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 1);
        for (size_t n = r.lo; n < r.hi; n++)
            kernels_of(c)->axpy(X + n * D, (float)-kernels_of(c)->dot(X + n * D, U, D), U, D);
    }
}

/* --- normalisation --- */

/* w + plus as floats. */
static const float *norm_weight(struct compute *c, struct ref w, float plus, size_t D)
{
    const float *from = vec_f32(c, w, D, 0);
    float *to = scratch_vec(cpu_of(c), 0);

    if (plus == 0)
        return from;
    for (size_t d = 0; d < D; d++)
        to[d] = plus + from[d];
    return to;
}

static void cpu_rmsnorm(struct compute *c, struct ref y, struct ref rstd, struct ref x,
                        struct ref w, float plus, size_t N, size_t D, float eps)
{
    float *Y = f32_at(y), *S = f32_at(rstd);
    const float *X = f32_at(x), *W = norm_weight(c, w, plus, D);
    int parts = parts_for(c, N * D);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 1);
        for (size_t n = r.lo; n < r.hi; n++) {
            float s = kernels_of(c)->rmsnorm(Y + n * D, X + n * D, W, D, eps);
            if (S)
                S[n] = s;
        }
    }
}

struct norm_grad {
    float *dw, *db;
    const float *dy, *x, *mean, *rstd;
    size_t N, D;
};

static void norm_grad_run(struct compute *c, const struct norm_grad *g)
{
    int parts = parts_for(c, g->N * g->D);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(g->D, t, parts, COLS);
        for (size_t n = 0; n < g->N; n++) {
            const float *dy = g->dy + n * g->D + r.lo, *x = g->x + n * g->D + r.lo;
            if (g->dw)
                kernels_of(c)->norm_dw(g->dw + r.lo, dy, x, g->mean ? g->mean[n] : 0, g->rstd[n],
                                       r.hi - r.lo);
            if (g->db)
                kernels_of(c)->add(g->db + r.lo, g->db + r.lo, dy, r.hi - r.lo);
        }
    }
}

static void cpu_rmsnorm_bwd(struct compute *c, struct ref dx, struct ref dw, struct ref dy,
                            struct ref x, struct ref w, float plus, struct ref rstd, size_t N,
                            size_t D)
{
    float *dX = f32_at(dx);
    const float *dY = f32_at(dy), *X = f32_at(x), *W = norm_weight(c, w, plus, D),
                *S = f32_at(rstd);
    struct norm_grad g = {.dw = f32_at(dw), .dy = dY, .x = X, .rstd = S, .N = N, .D = D};
    int parts = parts_for(c, N * D);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 1);
        for (size_t n = r.lo; n < r.hi; n++)
            kernels_of(c)->rmsnorm_bwd(dX + n * D, dY + n * D, X + n * D, W, S[n], D);
    }
    if (g.dw)
        norm_grad_run(c, &g);
}

static void cpu_layernorm(struct compute *c, struct ref y, struct ref mean, struct ref rstd,
                          struct ref x, struct ref w, struct ref b, size_t N, size_t D, float eps)
{
    float *Y = f32_at(y), *M = f32_at(mean), *S = f32_at(rstd);
    const float *X = f32_at(x), *W = vec_f32(c, w, D, 0), *B = vec_f32(c, b, D, 1);
    int parts = parts_for(c, N * D);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 1);
        for (size_t n = r.lo; n < r.hi; n++) {
            float m, s;
            kernels_of(c)->layernorm(Y + n * D, &m, &s, X + n * D, W, B, D, eps);
            if (M)
                M[n] = m;
            if (S)
                S[n] = s;
        }
    }
}

static void cpu_layernorm_bwd(struct compute *c, struct ref dx, struct ref dw, struct ref db,
                              struct ref dy, struct ref x, struct ref w, struct ref mean,
                              struct ref rstd, size_t N, size_t D)
{
    float *dX = f32_at(dx);
    const float *dY = f32_at(dy), *X = f32_at(x), *W = vec_f32(c, w, D, 0);
    const float *M = f32_at(mean), *S = f32_at(rstd);
    struct norm_grad g = {
        .dw = f32_at(dw), .db = f32_at(db), .dy = dY, .x = X, .mean = M, .rstd = S, .N = N, .D = D};
    int parts = parts_for(c, N * D);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 1);
        for (size_t n = r.lo; n < r.hi; n++)
            kernels_of(c)->layernorm_bwd(dX + n * D, dY + n * D, X + n * D, W, M[n], S[n], D);
    }
    if (g.dw || g.db)
        norm_grad_run(c, &g);
}

/* --- dropout and rotation --- */

static void cpu_dropout(struct compute *c, struct ref y, struct ref x, const uint64_t *key,
                        uint64_t module, float p, size_t N, size_t D, bool add)
{
    const double cut = (double)p * 4294967296.0;
    const uint32_t threshold = cut >= 4294967295.0 ? UINT32_MAX : (uint32_t)cut;
    const float keep = p < 1 ? 1 / (1 - p) : 0;
    float *Y = f32_at(y);
    const float *X = f32_at(x);
    int parts = parts_for(c, N * D);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 1);
        for (size_t n = r.lo; n < r.hi; n++)
            kernels_of(c)->dropout(Y + n * D, X + n * D, rng_mix(key[n], module), threshold, keep,
                                   D, add);
    }
}

static void cpu_rope(struct compute *c, struct ref x, struct ref cos_table, struct ref sin_table,
                     const int32_t *pos, size_t N, size_t H, size_t E, bool inverse)
{
    const size_t half = E / 2;
    const float *co = f32_at(cos_table), *si = f32_at(sin_table), sign = inverse ? -1.0f : 1.0f;
    float *X = f32_at(x);
    int parts = parts_for(c, N * H * E);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(N, t, parts, 1);
        for (size_t n = r.lo; n < r.hi; n++) {
            size_t at = (size_t)pos[n] * half;
            for (size_t h = 0; h < H; h++)
                kernels_of(c)->rope(X + (n * H + h) * E, co + at, si + at, half, sign);
        }
    }
}

/* --- activations --- */

static void gate_forward(struct compute *c, struct ref y, struct ref g, struct ref u, size_t n,
                         void (*kernel)(float *, const float *, const float *, size_t))
{
    float *Y = f32_at(y);
    const float *G = f32_at(g), *U = f32_at(u);
    int parts = parts_for(c, n * 2);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        kernel(Y + r.lo, G + r.lo, U + r.lo, r.hi - r.lo);
    }
}

static void gate_backward(struct compute *c, struct ref dg, struct ref du, struct ref dy,
                          struct ref g, struct ref u, size_t n,
                          void (*kernel)(float *, float *, const float *, const float *,
                                         const float *, size_t))
{
    float *dG = f32_at(dg), *dU = f32_at(du);
    const float *dY = f32_at(dy), *G = f32_at(g), *U = f32_at(u);
    int parts = parts_for(c, n * 2);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        kernel(dG + r.lo, dU + r.lo, dY + r.lo, G + r.lo, U + r.lo, r.hi - r.lo);
    }
}

static void cpu_swiglu(struct compute *c, struct ref y, struct ref g, struct ref u, size_t n)
{
    gate_forward(c, y, g, u, n, kernels_of(c)->swiglu);
}

static void cpu_swiglu_bwd(struct compute *c, struct ref dg, struct ref du, struct ref dy,
                           struct ref g, struct ref u, size_t n)
{
    gate_backward(c, dg, du, dy, g, u, n, kernels_of(c)->swiglu_bwd);
}

static void cpu_geglu(struct compute *c, struct ref y, struct ref g, struct ref u, size_t n)
{
    gate_forward(c, y, g, u, n, kernels_of(c)->geglu);
}

static void cpu_geglu_bwd(struct compute *c, struct ref dg, struct ref du, struct ref dy,
                          struct ref g, struct ref u, size_t n)
{
    gate_backward(c, dg, du, dy, g, u, n, kernels_of(c)->geglu_bwd);
}

static void cpu_softcap(struct compute *c, struct ref x, size_t n, float cap)
{
    float *X = f32_at(x);
    int parts = parts_for(c, n);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        kernels_of(c)->softcap(X + r.lo, cap, r.hi - r.lo);
    }
}

static void map_forward(struct compute *c, struct ref y, struct ref x, size_t n,
                        void (*kernel)(float *, const float *, size_t))
{
    float *Y = f32_at(y);
    const float *X = f32_at(x);
    int parts = parts_for(c, n);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        kernel(Y + r.lo, X + r.lo, r.hi - r.lo);
    }
}

static void map_backward(struct compute *c, struct ref dx, struct ref dy, struct ref x, size_t n,
                         void (*kernel)(float *, const float *, const float *, size_t))
{
    float *dX = f32_at(dx);
    const float *dY = f32_at(dy), *X = f32_at(x);
    int parts = parts_for(c, n);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct range r = range_of(n, t, parts, GRAIN);
        kernel(dX + r.lo, dY + r.lo, X + r.lo, r.hi - r.lo);
    }
}

static void cpu_relu(struct compute *c, struct ref y, struct ref x, size_t n)
{
    map_forward(c, y, x, n, kernels_of(c)->relu);
}

static void cpu_relu_bwd(struct compute *c, struct ref dx, struct ref dy, struct ref x, size_t n)
{
    map_backward(c, dx, dy, x, n, kernels_of(c)->relu_bwd);
}

static void cpu_gelu(struct compute *c, struct ref y, struct ref x, size_t n)
{
    map_forward(c, y, x, n, kernels_of(c)->gelu);
}

static void cpu_gelu_bwd(struct compute *c, struct ref dx, struct ref dy, struct ref x, size_t n)
{
    map_backward(c, dx, dy, x, n, kernels_of(c)->gelu_bwd);
}

const struct ops_rows cpu_ops_rows = {OPS_ROWS(CPU_OP, CPU_OP)};
