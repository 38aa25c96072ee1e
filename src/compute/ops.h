/* ops.h - the ops: the arithmetic the model may use, and nothing else.
 *
 * For every op: arrays are dense, row-major, F32 unless it says "any dtype"; inputs are never
 * written; outputs do not overlap inputs unless marked "in place"; an argument marked "or NONE" may
 * be REF_NONE. Gradients: an op ADDS into what is written `+=` in its contract and stores where it
 * says `=`. Plain pointers (indices, row keys, sequences, results) are the caller's host memory.
 * Ops cannot fail: sizes are checked once, when the model is built; and they allocate nothing:
 * compute_reserve has made room for the largest shapes. Same inputs, same shapes, same thread
 * count, same kernels, same provider of products: same bits.
 *
 * Shape letters: B batch, T tokens, N = rows (packed tokens), D width, M output width, H heads, K
 * key heads, E head size, F MLP width, V vocabulary, L layers, R rank. A gradient is d + name. */
#ifndef COMPUTE_OPS_H
#define COMPUTE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* One op is DO(name, parameters), which returns nothing, or GET(name, parameters), which returns a
 * double; a parameter is (type, name), and `struct compute *c` comes before all of them. The ops
 * of one list are one table of a backend. */
/* clang-format off: a row reads like a prototype */
#define OPS_BASIC(DO, GET)                                                                           \
    /* Plain arithmetic over n numbers. */                                                           \
    /* x = value */                                                                                  \
    DO(fill, (struct ref, x), (size_t, n), (float, value))                                           \
    /* y = x; x any dtype */                                                                         \
    DO(copy, (struct ref, y), (struct ref, x), (size_t, n))                                          \
    /* x and y change places */                                                                      \
    DO(swap, (struct ref, x), (struct ref, y), (size_t, n))                                          \
    /* y = x1 + x2; y may be x1 (in place) */                                                        \
    DO(add, (struct ref, y), (struct ref, x1), (struct ref, x2), (size_t, n))                        \
    /* y += a x */                                                                                   \
    DO(axpy, (struct ref, y), (float, a), (struct ref, x), (size_t, n))                              \
    /* x *= a, in place */                                                                           \
    DO(scale, (struct ref, x), (float, a), (size_t, n))                                              \
    /* y[n,:] = s[n] x[n,:]; y may be x */                                                           \
    DO(scale_rows, (struct ref, y), (struct ref, x), (const float *, s), (size_t, N), (size_t, D))   \
    /* x = standard normal times sd: number i of the stream `key` */                                 \
    DO(normal, (struct ref, x), (size_t, n), (uint64_t, key), (float, sd))                           \
    /* x uniform in [lo, hi): number i of the stream `key` */                                        \
    DO(uniform, (struct ref, x), (size_t, n), (uint64_t, key), (float, lo), (float, hi))             \
    /* sums in double: of x^2, of (x - y)^2, of x y */                                               \
    GET(sumsq, (struct ref, x), (size_t, n))                                                         \
    GET(sumsq_diff, (struct ref, x), (struct ref, y), (size_t, n))                                   \
    GET(dot, (struct ref, x), (struct ref, y), (size_t, n))                                          \
    /* out[n] = sum of x[n,:]^2, in double */                                                        \
    DO(row_sumsq, (double *, out), (struct ref, x), (size_t, N), (size_t, D))                        \
    /* AdamW with decoupled decay (Loshchilov & Hutter 2019, as PyTorch): updates w, m, v in       \
     * place */ \
    DO(adamw, (struct ref, w), (struct ref, g), (struct ref, m), (struct ref, v), (size_t, n),       \
       (const struct adamw *, o))

#define OPS_ROWS(DO, GET)                                                                            \
    /* Embedding, also gathering and scattering of rows. */                                          \
    /* y[n,:] = table[idx[n],:] (+= when add); table any dtype */                                    \
    DO(embed, (struct ref, y), (struct ref, table), (const int32_t *, idx), (size_t, N),             \
       (size_t, D), (bool, add))                                                                     \
    /* dtable[idx[n],:] += dy[n,:]; repeated indices add up in row order */                          \
    DO(embed_bwd, (struct ref, dtable), (struct ref, dy), (const int32_t *, idx), (size_t, N),       \
       (size_t, D))                                                                                  \
    /* rstd[n] = 1/sqrt(mean(x^2) + eps); y = x rstd (plus + w); w any dtype; rstd or NONE */        \
    DO(rmsnorm, (struct ref, y), (struct ref, rstd), (struct ref, x), (struct ref, w),               \
       (float, plus), (size_t, N), (size_t, D), (float, eps))                                        \
    /* dx += gradient; dw += gradient; dw or NONE */                                                 \
    DO(rmsnorm_bwd, (struct ref, dx), (struct ref, dw), (struct ref, dy), (struct ref, x),           \
       (struct ref, w), (float, plus), (struct ref, rstd), (size_t, N), (size_t, D))                 \
    /* y = (x - mean) rstd w + b; w, b any dtype; mean, rstd or NONE */                              \
    DO(layernorm, (struct ref, y), (struct ref, mean), (struct ref, rstd), (struct ref, x),          \
       (struct ref, w), (struct ref, b), (size_t, N), (size_t, D), (float, eps))                     \
    /* dx += ; dw += ; db += ; dw and db or NONE */                                                  \
    DO(layernorm_bwd, (struct ref, dx), (struct ref, dw), (struct ref, db), (struct ref, dy),        \
       (struct ref, x), (struct ref, w), (struct ref, mean), (struct ref, rstd), (size_t, N),        \
       (size_t, D))                                                                                  \
    /* y[n,d] = x[n,d] m / (1 - p) (+= when add); m = 0 with probability p: element d of the       \
     * stream rng_mix(key[n], module), rng_at32(..., d) < p 2^32 drops. y may be x unless add */ \
    DO(dropout, (struct ref, y), (struct ref, x), (const uint64_t *, key), (uint64_t, module),       \
       (float, p), (size_t, N), (size_t, D), (bool, add))                                            \
    /* x[n,:] -= (x[n,:] u) u, in place, the product in double; u[D] of length 1 */                  \
    DO(project, (struct ref, x), (struct ref, u), (size_t, N), (size_t, D))                          \
    /* rotates x[N,H,E] in place by position: pairs (e, e + E/2), tables cos, sin [max,E/2];       \
     * inverse = the other way (its gradient) */ \
    DO(rope, (struct ref, x), (struct ref, cos), (struct ref, sin), (const int32_t *, pos),          \
       (size_t, N), (size_t, H), (size_t, E), (bool, inverse))                                       \
    /* Activations over n numbers. */                                                                \
    /* y = silu(g) u */                                                                              \
    DO(swiglu, (struct ref, y), (struct ref, g), (struct ref, u), (size_t, n))                       \
    /* dg =, du = ; dg may be g and du may be u (in place) */                                        \
    DO(swiglu_bwd, (struct ref, dg), (struct ref, du), (struct ref, dy), (struct ref, g),            \
       (struct ref, u), (size_t, n))                                                                 \
    /* y = gelu(g) u with GELU's tanh form; the gradients likewise */                                \
    DO(geglu, (struct ref, y), (struct ref, g), (struct ref, u), (size_t, n))                        \
    DO(geglu_bwd, (struct ref, dg), (struct ref, du), (struct ref, dy), (struct ref, g),             \
       (struct ref, u), (size_t, n))                                                                 \
    /* x = cap tanh(x / cap), in place */                                                            \
    DO(softcap, (struct ref, x), (size_t, n), (float, cap))                                          \
    /* y = max(x, 0); dx = dy where x > 0; dx may be dy */                                           \
    DO(relu, (struct ref, y), (struct ref, x), (size_t, n))                                          \
    DO(relu_bwd, (struct ref, dx), (struct ref, dy), (struct ref, x), (size_t, n))                   \
    /* GELU with erf (exact), dx may be dy */                                                        \
    DO(gelu, (struct ref, y), (struct ref, x), (size_t, n))                                          \
    DO(gelu_bwd, (struct ref, dx), (struct ref, dy), (struct ref, x), (size_t, n))

#define OPS_LINEAR(DO, GET)                                                                          \
    /* y[N,M] = x[N,D] w[M,D]^T + b[M] (y += ... when add); w any dtype; b any dtype or NONE */      \
    DO(linear, (struct ref, y), (struct ref, x), (struct ref, w), (struct ref, b), (size_t, N),      \
       (size_t, D), (size_t, M), (bool, add))                                                        \
    /* dx[N,D] = dy[N,M] w[M,D] (+= when add); w any dtype */                                        \
    DO(linear_dx, (struct ref, dx), (struct ref, dy), (struct ref, w), (size_t, N), (size_t, D),     \
       (size_t, M), (bool, add))                                                                     \
    /* dw[M,D] += dy[N,M]^T x[N,D]; db[M] += sum over rows of dy; either or NONE */                  \
    DO(linear_dw, (struct ref, dw), (struct ref, db), (struct ref, dy), (struct ref, x),             \
       (size_t, N), (size_t, D), (size_t, M))                                                        \
    /* LoRA. h and dh have ldh columns, of which R (from the ref's place on) are meant: several    \
     * modules that read the same x keep their A stacked, so that one product serves all of        \
     * them. */ \
    /* h[N,R] = x[N,D] a[R,D]^T */                                                                   \
    DO(lora_down, (struct ref, h), (size_t, ldh), (struct ref, x), (struct ref, a), (size_t, N),     \
       (size_t, D), (size_t, R))                                                                     \
    /* y[N,M] += s h[N,R] b[M,R]^T */                                                                \
    DO(lora_up, (struct ref, y), (struct ref, h), (size_t, ldh), (struct ref, b), (float, s),        \
       (size_t, N), (size_t, M), (size_t, R))                                                        \
    /* dh[N,R] = s dy[N,M] b[M,R]; db[M,R] += s dy^T h; db or NONE (h is then not read) */           \
    DO(lora_up_bwd, (struct ref, dh), (size_t, ldh), (struct ref, db), (struct ref, dy),             \
       (struct ref, h), (struct ref, b), (float, s), (size_t, N), (size_t, M), (size_t, R))          \
    /* dx[N,D] = dh[N,R] a[R,D] (+= when add) */                                                     \
    DO(lora_down_dx, (struct ref, dx), (struct ref, dh), (size_t, ldh), (struct ref, a),             \
       (size_t, N), (size_t, D), (size_t, R), (bool, add))                                           \
    /* da[R,D] += dh[N,R]^T x[N,D] */                                                                \
    DO(lora_down_dw, (struct ref, da), (struct ref, dh), (size_t, ldh), (struct ref, x),             \
       (size_t, N), (size_t, D), (size_t, R))                                                        \
    /* w[M,D] += s b[M,R] a[R,D] */                                                                  \
    DO(lora_merge, (struct ref, w), (struct ref, a), (struct ref, b), (float, s), (size_t, M),       \
       (size_t, D), (size_t, R))

#define OPS_ATTENTION(DO, GET)                                                                       \
    /* y[.,H,E] = softmax(scale q k^T, causal) v over packed sequences, grouped heads (head h      \
     * reads key head h / (H/K)); lse[.,H] = log of the sum of exponentials, or NONE */ \
    DO(attention, (struct ref, y), (struct ref, lse), (struct ref, q), (struct ref, k),              \
       (struct ref, v), (const struct seq *, seqs), (size_t, S), (const struct attn_form *, f))      \
    /* dq, dk, dv = gradients (stored); needs y and lse of the forward; nq == nk in every          \
     * sequence */ \
    DO(attention_bwd, (struct ref, dq), (struct ref, dk), (struct ref, dv), (struct ref, dy),        \
       (struct ref, y), (struct ref, lse), (struct ref, q), (struct ref, k), (struct ref, v),        \
       (const struct seq *, seqs), (size_t, S), (const struct attn_form *, f))

#define OPS_HEAD(DO, GET)                                                                            \
    /* N x V never exists: rows go in chunks. */                                                     \
    /* sum over n of -log softmax(h[n] w[V,D]^T)[label[n]], in double; row_loss[n] too or NULL;    \
     * dh = scale x gradient or NONE; dw += scale x gradient or NONE; w any dtype. With a cap      \
     * the logits are cap tanh(h w / cap); 0 = none */ \
    GET(xent, (struct ref, h), (struct ref, w), (const int32_t *, label), (struct ref, dh),          \
        (struct ref, dw), (size_t, N), (size_t, D), (size_t, V), (float, cap), (float, scale),       \
        (double *, row_loss))                                                                        \
    /* logp[n] = log softmax(h[n] w^T)[id[n]] (logp or id NULL: left out); top[n] = the largest    \
     * (the lowest id among equals), or NULL; with top, logp is NaN where a logit is none (NaN,    \
     * infinite) */ \
    DO(logprobs, (struct ref, h), (struct ref, w), (const int32_t *, id), (size_t, N),               \
       (size_t, D), (size_t, V), (float, cap), (double *, logp), (int32_t *, top))
/* clang-format on */

/* OP_PARAMS((T, a), (U, b)) is `T a, U b`, and OP_NAMES of the same is `a, b`. */
#define OP_PARAM(type, name) type name
#define OP_NAME(type, name) name
#define OP_PARAMS(...) OP_EACH(OP_PARAM, __VA_ARGS__)
#define OP_NAMES(...) OP_EACH(OP_NAME, __VA_ARGS__)
#define OP_13TH(a, b, c, d, e, f, g, h, i, j, k, l, m, ...) m
#define OP_EACH(F, ...)                                                                            \
    OP_13TH(__VA_ARGS__, OP_12, OP_11, OP_10, OP_9, OP_8, OP_7, OP_6, OP_5, OP_4, OP_3, OP_2,      \
            OP_1, 0)                                                                               \
    (F, __VA_ARGS__)
#define OP_1(F, x) F x
#define OP_2(F, x, ...) F x, OP_1(F, __VA_ARGS__)
#define OP_3(F, x, ...) F x, OP_2(F, __VA_ARGS__)
#define OP_4(F, x, ...) F x, OP_3(F, __VA_ARGS__)
#define OP_5(F, x, ...) F x, OP_4(F, __VA_ARGS__)
#define OP_6(F, x, ...) F x, OP_5(F, __VA_ARGS__)
#define OP_7(F, x, ...) F x, OP_6(F, __VA_ARGS__)
#define OP_8(F, x, ...) F x, OP_7(F, __VA_ARGS__)
#define OP_9(F, x, ...) F x, OP_8(F, __VA_ARGS__)
#define OP_10(F, x, ...) F x, OP_9(F, __VA_ARGS__)
#define OP_11(F, x, ...) F x, OP_10(F, __VA_ARGS__)
#define OP_12(F, x, ...) F x, OP_11(F, __VA_ARGS__)

/* A table of a backend is one of these, and calls go through op_NAME of compute.h. */
#define OP_FIELD_V(name, ...) void (*name)(struct compute * c, OP_PARAMS(__VA_ARGS__));
#define OP_FIELD_R(name, ...) double (*name)(struct compute * c, OP_PARAMS(__VA_ARGS__));
struct ops_basic {
    OPS_BASIC(OP_FIELD_V, OP_FIELD_R)
};
struct ops_rows {
    OPS_ROWS(OP_FIELD_V, OP_FIELD_R)
};
struct ops_linear {
    OPS_LINEAR(OP_FIELD_V, OP_FIELD_R)
};
struct ops_attention {
    OPS_ATTENTION(OP_FIELD_V, OP_FIELD_R)
};
struct ops_head {
    OPS_HEAD(OP_FIELD_V, OP_FIELD_R)
};
#undef OP_FIELD_V
#undef OP_FIELD_R

#endif
