/* compute.h - the arithmetic the model may use, and nothing else.
 *
 * The CPU table is the reference: complete, and every other backend is tested against it. Memory belongs
 * to the backend: a `struct buf` is opaque, a `struct ref` is a place in one, and nobody outside
 * src/compute looks behind it. compute_upload and compute_download are the only ways in and out.
 *
 * For every op: arrays are dense, row-major, F32 unless it says "any dtype"; inputs are never written;
 * outputs do not overlap inputs unless marked "in place"; an argument marked "or NONE" may be REF_NONE.
 * Gradients: an op ADDS into what is written `+=` in its contract and stores where it says `=`.
 * Plain pointers (indices, row keys, sequences, results) are the caller's host memory.
 * Ops cannot fail: sizes are checked once, when the model is built; and they allocate nothing:
 * compute_reserve has made room for the largest shapes. Same inputs, same shapes, same thread count,
 * same kernels: same bits.
 *
 * Shape letters: B batch, T tokens, N = rows (packed tokens), D width, M output width, H heads, K key heads,
 * E head size, F MLP width, V vocabulary, L layers, R rank. A gradient is d + name. */
#ifndef COMPUTE_COMPUTE_H
#define COMPUTE_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/dtype.h"
#include "base/err.h"

struct compute; /* an open backend */
struct buf;     /* memory of a backend */

/* A place in a buffer: `at` counts elements, not bytes. */
struct ref {
    struct buf *buf;
    size_t at;
};
#define REF_NONE ((struct ref){NULL, 0})
static inline bool ref_is(struct ref r)
{
    return r.buf != NULL;
}
static inline struct ref ref_at(struct ref r, size_t off)
{
    return (struct ref){r.buf, r.buf ? r.at + off : 0};
}

/* One packed sequence: nq queries in rows q0.. of q and y; nk keys in rows k0.. of k and v. Query i of
 * the sequence sees keys 0 .. nk - nq + i. In training nq == nk and q0 == k0; with a cache nk > nq. */
struct seq {
    size_t q0, nq, k0, nk;
};

/* What an attention is besides its sizes. Query i sees the `window` keys up to its own (0 = all of them);
 * scores become cap tanh(score / cap) (0 = they stay). */
struct attn_form {
    size_t H, K, E;
    float scale;
    size_t window;
    float cap;
};

struct adamw {
    float lr, beta1, beta2, eps, weight_decay;
    float grad_scale; /* the gradient is multiplied by this first (clipping) */
    uint64_t step;    /* 1 at the first update: bias correction 1 - beta^step */
};

/* V(name, parameters, arguments) returns nothing, R(...) returns a double.
 * Every parameter list begins with `struct compute *c`. */
/* clang-format off: a row reads like a prototype */
#define COMPUTE_OPS(V, R)                                                                                 \
    /* --- plain arithmetic over n numbers --- */                                                         \
    /* x = value */                                                                                       \
    V(fill, (struct compute * c, struct ref x, size_t n, float value), (c, x, n, value))                  \
    /* y = x; x any dtype */                                                                              \
    V(copy, (struct compute * c, struct ref y, struct ref x, size_t n), (c, y, x, n))                     \
    /* y = x1 + x2; y may be x1 (in place) */                                                             \
    V(add, (struct compute * c, struct ref y, struct ref x1, struct ref x2, size_t n),                    \
      (c, y, x1, x2, n))                                                                                  \
    /* y += a x */                                                                                        \
    V(axpy, (struct compute * c, struct ref y, float a, struct ref x, size_t n), (c, y, a, x, n))         \
    /* x *= a, in place */                                                                                \
    V(scale, (struct compute * c, struct ref x, float a, size_t n), (c, x, a, n))                         \
    /* y[n,:] = s[n] x[n,:]; y may be x */                                                                \
    V(scale_rows,                                                                                         \
      (struct compute * c, struct ref y, struct ref x, const float *s, size_t N, size_t D),               \
      (c, y, x, s, N, D))                                                                                 \
    /* x = standard normal times sd: number i of the stream `key` */                                      \
    V(normal, (struct compute * c, struct ref x, size_t n, uint64_t key, float sd),                       \
      (c, x, n, key, sd))                                                                                 \
    /* x uniform in [lo, hi): number i of the stream `key` */                                             \
    V(uniform, (struct compute * c, struct ref x, size_t n, uint64_t key, float lo, float hi),            \
      (c, x, n, key, lo, hi))                                                                             \
    /* sums in double: of x^2, of (x - y)^2, of x y */                                                    \
    R(sumsq, (struct compute * c, struct ref x, size_t n), (c, x, n))                                     \
    R(sumsq_diff, (struct compute * c, struct ref x, struct ref y, size_t n), (c, x, y, n))               \
    R(dot, (struct compute * c, struct ref x, struct ref y, size_t n), (c, x, y, n))                      \
    /* out[n] = sum of x[n,:]^2, in double */                                                             \
    V(row_sumsq, (struct compute * c, double *out, struct ref x, size_t N, size_t D),                     \
      (c, out, x, N, D))                                                                                  \
    /* --- embedding, also gathering and scattering of rows --- */                                        \
    /* y[n,:] = table[idx[n],:] (+= when add); table any dtype */                                         \
    V(embed,                                                                                              \
      (struct compute * c, struct ref y, struct ref table, const int32_t *idx, size_t N, size_t D,        \
       bool add),                                                                                         \
      (c, y, table, idx, N, D, add))                                                                      \
    /* dtable[idx[n],:] += dy[n,:]; repeated indices add up in row order */                               \
    V(embed_bwd,                                                                                          \
      (struct compute * c, struct ref dtable, struct ref dy, const int32_t *idx, size_t N,                \
       size_t D),                                                                                         \
      (c, dtable, dy, idx, N, D))                                                                         \
    /* --- normalisation --- */                                                                           \
    /* rstd[n] = 1/sqrt(mean(x^2) + eps); y = x rstd (plus + w); w any dtype; rstd or NONE */             \
    V(rmsnorm,                                                                                            \
      (struct compute * c, struct ref y, struct ref rstd, struct ref x, struct ref w, float plus,         \
       size_t N, size_t D, float eps),                                                                    \
      (c, y, rstd, x, w, plus, N, D, eps))                                                                \
    /* dx += gradient; dw += gradient; dw or NONE */                                                      \
    V(rmsnorm_bwd,                                                                                        \
      (struct compute * c, struct ref dx, struct ref dw, struct ref dy, struct ref x,                     \
       struct ref w, float plus, struct ref rstd, size_t N, size_t D),                                    \
      (c, dx, dw, dy, x, w, plus, rstd, N, D))                                                            \
    /* y = (x - mean) rstd w + b; w, b any dtype; mean, rstd or NONE */                                   \
    V(layernorm,                                                                                          \
      (struct compute * c, struct ref y, struct ref mean, struct ref rstd, struct ref x,                  \
       struct ref w, struct ref b, size_t N, size_t D, float eps),                                        \
      (c, y, mean, rstd, x, w, b, N, D, eps))                                                             \
    /* dx += ; dw += ; db += ; dw and db or NONE */                                                       \
    V(layernorm_bwd,                                                                                      \
      (struct compute * c, struct ref dx, struct ref dw, struct ref db, struct ref dy,                    \
       struct ref x, struct ref w, struct ref mean, struct ref rstd, size_t N, size_t D),                 \
      (c, dx, dw, db, dy, x, w, mean, rstd, N, D))                                                        \
    /* --- matrix products --- */                                                                         \
    /* y[N,M] = x[N,D] w[M,D]^T + b[M] (y += ... when add); w any dtype; b any dtype or NONE */           \
    V(linear,                                                                                             \
      (struct compute * c, struct ref y, struct ref x, struct ref w, struct ref b, size_t N,              \
       size_t D, size_t M, bool add),                                                                     \
      (c, y, x, w, b, N, D, M, add))                                                                      \
    /* dx[N,D] = dy[N,M] w[M,D] (+= when add); w any dtype */                                             \
    V(linear_dx,                                                                                          \
      (struct compute * c, struct ref dx, struct ref dy, struct ref w, size_t N, size_t D,                \
       size_t M, bool add),                                                                               \
      (c, dx, dy, w, N, D, M, add))                                                                       \
    /* dw[M,D] += dy[N,M]^T x[N,D]; db[M] += sum over rows of dy; either or NONE */                       \
    V(linear_dw,                                                                                          \
      (struct compute * c, struct ref dw, struct ref db, struct ref dy, struct ref x, size_t N,           \
       size_t D, size_t M),                                                                               \
      (c, dw, db, dy, x, N, D, M))                                                                        \
    /* LoRA. h and dh have ldh columns, of which R (from the ref's place on) are meant: several modules \
     * that read the same x keep their A stacked, so that one product serves all of them. */ \
    /* h[N,R] = x[N,D] a[R,D]^T */                                                                        \
    V(lora_down,                                                                                          \
      (struct compute * c, struct ref h, size_t ldh, struct ref x, struct ref a, size_t N,                \
       size_t D, size_t R),                                                                               \
      (c, h, ldh, x, a, N, D, R))                                                                         \
    /* y[N,M] += s h[N,R] b[M,R]^T */                                                                     \
    V(lora_up,                                                                                            \
      (struct compute * c, struct ref y, struct ref h, size_t ldh, struct ref b, float s,                 \
       size_t N, size_t M, size_t R),                                                                     \
      (c, y, h, ldh, b, s, N, M, R))                                                                      \
    /* dh[N,R] = s dy[N,M] b[M,R]; db[M,R] += s dy^T h; db or NONE (h is then not read) */                \
    V(lora_up_bwd,                                                                                        \
      (struct compute * c, struct ref dh, size_t ldh, struct ref db, struct ref dy, struct ref h,         \
       struct ref b, float s, size_t N, size_t M, size_t R),                                              \
      (c, dh, ldh, db, dy, h, b, s, N, M, R))                                                             \
    /* dx[N,D] = dh[N,R] a[R,D] (+= when add) */                                                          \
    V(lora_down_dx,                                                                                       \
      (struct compute * c, struct ref dx, struct ref dh, size_t ldh, struct ref a, size_t N,              \
       size_t D, size_t R, bool add),                                                                     \
      (c, dx, dh, ldh, a, N, D, R, add))                                                                  \
    /* da[R,D] += dh[N,R]^T x[N,D] */                                                                     \
    V(lora_down_dw,                                                                                       \
      (struct compute * c, struct ref da, struct ref dh, size_t ldh, struct ref x, size_t N,              \
       size_t D, size_t R),                                                                               \
      (c, da, dh, ldh, x, N, D, R))                                                                       \
    /* w[M,D] += s b[M,R] a[R,D] */                                                                       \
    V(lora_merge,                                                                                         \
      (struct compute * c, struct ref w, struct ref a, struct ref b, float s, size_t M, size_t D,         \
       size_t R),                                                                                         \
      (c, w, a, b, s, M, D, R))                                                                           \
    /* y[n,d] = x[n,d] m / (1 - p) (+= when add); m = 0 with probability p: element d of the stream    \
     * rng_mix(key[n], module), rng_at32(..., d) < p 2^32 drops. y may be x when not add */  \
    V(dropout,                                                                                            \
      (struct compute * c, struct ref y, struct ref x, const uint64_t *key, uint64_t module,              \
       float p, size_t N, size_t D, bool add),                                                            \
      (c, y, x, key, module, p, N, D, add))                                                               \
    /* --- attention --- */                                                                               \
    /* rotates x[N,H,E] in place by position: pairs (e, e + E/2), tables cos, sin [max,E/2];           \
     * inverse = the other way (its gradient) */  \
    V(rope,                                                                                               \
      (struct compute * c, struct ref x, struct ref cos, struct ref sin, const int32_t *pos,              \
       size_t N, size_t H, size_t E, bool inverse),                                                       \
      (c, x, cos, sin, pos, N, H, E, inverse))                                                            \
    /* y[.,H,E] = softmax(scale q k^T, causal) v over packed sequences, grouped heads (head h reads    \
     * key head h / (H/K)); lse[.,H] = log of the sum of exponentials, or NONE */  \
    V(attention,                                                                                          \
      (struct compute * c, struct ref y, struct ref lse, struct ref q, struct ref k, struct ref v,        \
       const struct seq *seqs, size_t S, const struct attn_form *f),                                      \
      (c, y, lse, q, k, v, seqs, S, f))                                                                   \
    /* dq, dk, dv = gradients (stored); needs y and lse of the forward; nq == nk in every sequence */     \
    V(attention_bwd,                                                                                      \
      (struct compute * c, struct ref dq, struct ref dk, struct ref dv, struct ref dy,                    \
       struct ref y, struct ref lse, struct ref q, struct ref k, struct ref v,                            \
       const struct seq *seqs, size_t S, const struct attn_form *f),                                      \
      (c, dq, dk, dv, dy, y, lse, q, k, v, seqs, S, f))                                                   \
    /* --- activations over n numbers --- */                                                              \
    /* y = silu(g) u */                                                                                   \
    V(swiglu, (struct compute * c, struct ref y, struct ref g, struct ref u, size_t n),                   \
      (c, y, g, u, n))                                                                                    \
    /* dg =, du = ; dg may be g and du may be u (in place) */                                             \
    V(swiglu_bwd,                                                                                         \
      (struct compute * c, struct ref dg, struct ref du, struct ref dy, struct ref g,                     \
       struct ref u, size_t n),                                                                           \
      (c, dg, du, dy, g, u, n))                                                                           \
    /* y = gelu(g) u with GELU's tanh form; the gradients likewise */                                     \
    V(geglu, (struct compute * c, struct ref y, struct ref g, struct ref u, size_t n),                    \
      (c, y, g, u, n))                                                                                    \
    V(geglu_bwd,                                                                                          \
      (struct compute * c, struct ref dg, struct ref du, struct ref dy, struct ref g,                     \
       struct ref u, size_t n),                                                                           \
      (c, dg, du, dy, g, u, n))                                                                           \
    /* x = cap tanh(x / cap), in place */                                                                 \
    V(softcap, (struct compute * c, struct ref x, size_t n, float cap), (c, x, n, cap))                   \
    /* y = max(x, 0); dx = dy where x > 0; dx may be dy */                                                \
    V(relu, (struct compute * c, struct ref y, struct ref x, size_t n), (c, y, x, n))                     \
    V(relu_bwd, (struct compute * c, struct ref dx, struct ref dy, struct ref x, size_t n),               \
      (c, dx, dy, x, n))                                                                                  \
    /* GELU with erf (exact), dx may be dy */                                                             \
    V(gelu, (struct compute * c, struct ref y, struct ref x, size_t n), (c, y, x, n))                     \
    V(gelu_bwd, (struct compute * c, struct ref dx, struct ref dy, struct ref x, size_t n),               \
      (c, dx, dy, x, n))                                                                                  \
    /* --- the language-model head; N x V never exists: rows in chunks --- */                             \
    /* sum over n of -log softmax(h[n] w[V,D]^T)[label[n]], in double; row_loss[n] too or NULL;        \
     * dh = scale x gradient or NONE; dw += scale x gradient or NONE; w any dtype. With a cap the     \
     * logits are cap tanh(h w / cap); 0 = none */  \
    R(xent,                                                                                               \
      (struct compute * c, struct ref h, struct ref w, const int32_t *label, struct ref dh,               \
       struct ref dw, size_t N, size_t D, size_t V, float cap, float scale, double *row_loss),            \
      (c, h, w, label, dh, dw, N, D, V, cap, scale, row_loss))                                            \
    /* logp[n] = log softmax(h[n] w^T)[id[n]] (logp or id NULL: left out); top[n] = the largest (the   \
     * lowest id among equals), or NULL; with top, logp is NaN where a logit is none (NaN, infinite) */  \
    V(logprobs,                                                                                           \
      (struct compute * c, struct ref h, struct ref w, const int32_t *id, size_t N, size_t D,             \
       size_t V, float cap, double *logp, int32_t *top),                                                  \
      (c, h, w, id, N, D, V, cap, logp, top))                                                             \
    /* --- optimizer --- */                                                                               \
    /* AdamW with decoupled decay (Loshchilov & Hutter 2019, as PyTorch): updates w, m, v in place */     \
    V(adamw,                                                                                              \
      (struct compute * c, struct ref w, struct ref g, struct ref m, struct ref v, size_t n,              \
       const struct adamw *o),                                                                            \
      (c, w, g, m, v, n, o))
/* clang-format on */

#define COMPUTE_V(name, params, args) void(*name) params;
#define COMPUTE_R(name, params, args) double(*name) params;
struct compute_ops {
    COMPUTE_OPS(COMPUTE_V, COMPUTE_R)
};
#undef COMPUTE_V
#undef COMPUTE_R

/* The largest shapes a caller will ask for; scratch is reserved for them once. */
struct compute_limits {
    size_t rows;  /* N of any op */
    size_t seq;   /* keys of one sequence */
    size_t width; /* the largest of D, M, F, H E (not V) */
    size_t vocab;
    size_t head; /* E */
    bool train;  /* backward ops too */
};

struct backend {
    const char *name;
    const char *help;
    struct compute *(*open)(int threads, struct vac_err *err);
    void (*close)(struct compute *c);
    int (*reserve)(struct compute *c, const struct compute_limits *lim, struct vac_err *err);
    struct buf *(*alloc)(struct compute *c, size_t n, struct vac_err *err);
    struct buf *(*wrap)(struct compute *c, const void *data, enum dtype t, size_t n,
                        struct vac_err *err);
    void (*release)(struct compute *c, struct buf *b);
    void (*upload)(struct compute *c, struct ref to, const float *from, size_t n);
    void (*download)(struct compute *c, float *to, struct ref from, size_t n);
    void (*between_steps)(struct compute *c); /* NULL = nothing to do */
    struct compute_ops ops;
};

/* What every backend's struct compute begins with. */
struct compute {
    const struct backend *be;
    int threads; /* resolved: never 0 */
};

/* Backend by name ("cpu", "fence"); threads 0 = physical cores (compute_cores). */
struct compute *compute_open(const char *backend, int threads, struct vac_err *err);
void compute_close(
    struct compute *c); /* frees no buffers that the caller still holds: release them first */
int compute_cores(void);
/* Bytes that compute_reserve will take, for the memory plan. */
size_t compute_scratch_bytes(const struct compute_limits *lim, int threads);
int compute_reserve(struct compute *c, const struct compute_limits *lim, struct vac_err *err);
/* Said before every training step: time to see how the computing goes. Changes no result. */
void compute_between_steps(struct compute *c);
/* n zeroed floats. */
struct buf *compute_alloc(struct compute *c, size_t n, struct vac_err *err);
/* Read-only view of n numbers in the caller's memory (a mapped file), which must outlive the buffer. */
struct buf *compute_wrap(struct compute *c, const void *data, enum dtype t, size_t n,
                         struct vac_err *err);
void compute_release(struct compute *c, struct buf *b); /* NULL is fine */
void compute_upload(struct compute *c, struct ref to, const float *from, size_t n);
void compute_download(struct compute *c, float *to, struct ref from,
                      size_t n); /* any dtype, widened */

/* The BLAS below: "OpenBLAS 0.3.21 (openmp) kernels Haswell". */
const char *compute_blas(void);
/* The instruction set that our own loops use: "avx512". With another BLAS or another set the same sums are
 * rounded otherwise. */
const char *compute_kernels(void);
/* The kernels that it should run instead, by the name that OPENBLAS_CORETYPE takes before the program
 * starts: those it runs use less than this processor has, because it does not know the processor or was
 * told so. `tried` are those that were taken for that reason, NULL = none yet: they are kept when they run
 * and compute right numbers. NULL = these are the ones; "" = what was tried is no good, and no more is left. */
const char *compute_blas_better(const char *tried);
/* GFLOP/s of one core, in time that this thread really had: of products of [n,n], and of multiply-adds
 * that touch no memory, which no product can pass. 0 when there is no memory. */
struct core_speed {
    double product, peak;
};
struct core_speed compute_core_speed(size_t n, double seconds);
/* Compares products on odd shapes and all transpositions with a plain loop; well under 50 ms.
 * -1 and advice when this BLAS computes wrong numbers on this processor. */
int compute_selfcheck(struct vac_err *err);
/* Multiplies [m,k] by [n,k]^T for `seconds` and returns GFLOP/s: what the products here can reach. */
double compute_gemm_speed(struct compute *c, size_t m, size_t n, size_t k, double seconds);

#define COMPUTE_V(name, params, args)                                                              \
    static inline void op_##name params                                                            \
    {                                                                                              \
        c->be->ops.name args;                                                                      \
    }
#define COMPUTE_R(name, params, args)                                                              \
    static inline double op_##name params                                                          \
    {                                                                                              \
        return c->be->ops.name args;                                                               \
    }
COMPUTE_OPS(COMPUTE_V, COMPUTE_R)
#undef COMPUTE_V
#undef COMPUTE_R
#endif
