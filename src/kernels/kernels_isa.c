/* kernels_isa.c - the loops of kernels.h, in one table for each instruction set.
 *
 * The loops are plain C that compilers vectorise (sums through `omp simd
 * reduction`, so no relaxed floating-point rules are needed); only the three small products use
 * vector types, because their tiles must stay in registers. */
#include "kernels/kernels_isa.h"
#include <math.h>
#include <string.h>
#include "base/rng.h"
#include "kernels/blocks_isa.h"
#include "kernels/kernels_panel.h"
#include "kernels/kernels_turn.h"

/* e^x to within one unit in the last place, without branches: x = k ln 2 + r, a polynomial in r,
 * and 2^k in two factors so that results near both ends of the range come out right. Below -103.9
 * it is 0, above 88.7 infinity; NaN stays NaN because both comparisons are then false. */
INLINE float exp_of(float x)
{
    const float magic = 12582912.0f; /* 1.5 2^23: adding it rounds to a whole number */
    union {
        float f;
        uint32_t u;
        int32_t i;
    } t, a, b;
    float k, r, p;
    int32_t n, half;

    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    t.f = x * 1.44269504f + magic;
    k = t.f - magic;
    r = x - k * 0.693359375f + k * 2.12194440e-4f;
    p = 1.39262504e-3f;
    p = p * r + 8.36323295e-3f;
    p = p * r + 4.16665524e-2f;
    p = p * r + 1.66665763e-1f;
    p = p * r + 0.5f;
    p = p * (r * r) + r + 1.0f;
    t.u -= 0x4b400000u;
    n = t.i;
    half = n >> 1;
    a.u = (uint32_t)(half + 127) << 23;
    b.u = (uint32_t)(n - half + 127) << 23;
    return p * a.f * b.f;
}

/* Near 0, where 1 - 2 / (1 + e^2x) would leave no digits, the series. */
INLINE float tanh_of(float x)
{
    float q = x * x, p, e = exp_of(2.0f * x);

    p = 2.18694885e-2f;
    p = p * q - 5.39682540e-2f;
    p = p * q + 1.33333333e-1f;
    p = p * q - 3.33333333e-1f;
    p = p * q * x + x;
    return q < 0.0625f ? p : 1.0f - 2.0f / (1.0f + e);
}

INLINE float sigmoid_of(float x)
{
    return 1.0f / (1.0f + exp_of(-x));
}

/* --- plain arithmetic --- */

static void fill(float *x, float a, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++) x[i] = a;
}

static void widen_bf16(float *y, const uint16_t *x, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++)
    {
        union {
            uint32_t u;
            float f;
        } t = {(uint32_t)x[i] << 16};
        y[i] = t.f;
    }
}

/* The exponent is moved up by a multiplication, which also makes denormals right; Inf and NaN get
 * the full exponent put in. */
static void widen_f16(float *y, const uint16_t *x, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++)
    {
        uint32_t h = x[i], top = (h & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0;
        union {
            uint32_t u;
            float f;
        } t = {(h & 0x7fffu) << 13};
        t.f *= 0x1p112f;
        t.u |= top | (h & 0x8000u) << 16;
        y[i] = t.f;
    }
}

static void widen(float *y, const void *x, enum dtype t, size_t n)
{
    if (t == DTYPE_BF16)
        widen_bf16(y, x, n);
    else if (t == DTYPE_F16)
        widen_f16(y, x, n);
    else if (t != DTYPE_F32)
        JOIN(blocks_widen_, ISA)(y, x, t, n);
    else if (n)
        memcpy(y, x, n * sizeof(float));
}

static void add(float *y, const float *a, const float *b, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

static void axpy(float *y, float a, const float *x, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

static void scale(float *y, float a, const float *x, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++) y[i] = a * x[i];
}

static double sumsq(const float *x, size_t n)
{
    double s = 0;

    SIMD_SUM(s)
    for (size_t i = 0; i < n; i++)
        s += (double)x[i] * (double)x[i];
    return s;
}

static double sumsq_diff(const float *x, const float *y, size_t n)
{
    double s = 0;

    SIMD_SUM(s)
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - (double)y[i];
        s += d * d;
    }
    return s;
}

static double dot(const float *x, const float *y, size_t n)
{
    double s = 0;

    SIMD_SUM(s)
    for (size_t i = 0; i < n; i++)
        s += (double)x[i] * (double)y[i];
    return s;
}

/* --- rows --- */

static float rmsnorm(float *y, const float *x, const float *w, size_t D, float eps)
{
    float s = 0, r;

    SIMD_SUM(s)
    for (size_t d = 0; d < D; d++)
        s += x[d] * x[d];
    r = 1.0f / sqrtf(s / (float)D + eps);
    SIMD for (size_t d = 0; d < D; d++) y[d] = x[d] * r * w[d];
    return r;
}

/* dx = rstd (dy w - x rstd^2 mean(dy w x)) */
static void rmsnorm_bwd(float *dx, const float *dy, const float *x, const float *w, float rstd,
                        size_t D)
{
    float s = 0;

    SIMD_SUM(s)
    for (size_t d = 0; d < D; d++)
        s += dy[d] * w[d] * x[d];
    s *= rstd * rstd / (float)D;
    SIMD for (size_t d = 0; d < D; d++) dx[d] += rstd * (dy[d] * w[d] - x[d] * s);
}

static void layernorm(float *y, float *mean, float *rstd, const float *x, const float *w,
                      const float *b, size_t D, float eps)
{
    float s = 0, q = 0, m, r;

    SIMD_SUM(s)
    for (size_t d = 0; d < D; d++)
        s += x[d];
    m = s / (float)D;
    SIMD_SUM(q)
    for (size_t d = 0; d < D; d++)
        q += (x[d] - m) * (x[d] - m);
    r = 1.0f / sqrtf(q / (float)D + eps);
    SIMD for (size_t d = 0; d < D; d++) y[d] = (x[d] - m) * r * w[d] + b[d];
    *mean = m;
    *rstd = r;
}

/* With xh = (x - mean) rstd and g = dy w: dx = rstd (g - mean(g) - xh mean(g xh)) */
static void layernorm_bwd(float *dx, const float *dy, const float *x, const float *w, float mean,
                          float rstd, size_t D)
{
    float s = 0, q = 0;

    SIMD_SUM(s)
    for (size_t d = 0; d < D; d++)
        s += dy[d] * w[d];
    SIMD_SUM(q)
    for (size_t d = 0; d < D; d++)
        q += dy[d] * w[d] * (x[d] - mean);
    s /= (float)D;
    q *= rstd * rstd / (float)D;
    SIMD for (size_t d = 0; d < D; d++) dx[d] += rstd * (dy[d] * w[d] - s - (x[d] - mean) * q);
}

static void norm_dw(float *dw, const float *dy, const float *x, float mean, float rstd, size_t n)
{
    SIMD for (size_t d = 0; d < n; d++) dw[d] += dy[d] * (x[d] - mean) * rstd;
}

static void dropout(float *y, const float *x, uint64_t key, uint32_t threshold, float keep,
                    size_t D, bool more)
{
    if (more) {
        SIMD for (size_t d = 0; d < D; d++) y[d] +=
            rng_at32(key, (uint32_t)d) < threshold ? 0.0f : x[d] * keep;
    } else {
        SIMD for (size_t d = 0; d < D; d++) y[d] =
            rng_at32(key, (uint32_t)d) < threshold ? 0.0f : x[d] * keep;
    }
}

static void rope(float *x, const float *co, const float *si, size_t half, float sign)
{
    SIMD for (size_t e = 0; e < half; e++)
    {
        float a = x[e], b = x[e + half], s = sign * si[e];
        x[e] = a * co[e] - b * s;
        x[e + half] = b * co[e] + a * s;
    }
}

/* Many running maxima side by side, because a compiler may not reorder the comparisons of one. */
static float row_max(const float *x, size_t n)
{
    enum { WIDE = 64 };
    float t[WIDE], top = -INFINITY;
    size_t i = 0;

    for (int l = 0; l < WIDE; l++)
        t[l] = -INFINITY;
    for (; i + WIDE <= n; i += WIDE) {
        SIMD for (int l = 0; l < WIDE; l++) t[l] =
            x[i + (size_t)l] > t[l] ? x[i + (size_t)l] : t[l];
    }
    for (; i < n; i++)
        t[0] = x[i] > t[0] ? x[i] : t[0];
    for (int l = 0; l < WIDE; l++)
        top = t[l] > top ? t[l] : top;
    return top;
}

static float exp_sum(float *x, float top, size_t n)
{
    float s = 0;

    SIMD_SUM(s)
    for (size_t i = 0; i < n; i++) {
        float e = exp_of(x[i] - top);
        x[i] = e;
        s += e;
    }
    return s;
}

static void softmax_bwd(float *ds, const float *p, float delta, float s, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++) ds[i] = s * p[i] * (ds[i] - delta);
}

static void softcap(float *x, float cap, size_t n)
{
    float inverse = 1.0f / cap;

    SIMD for (size_t i = 0; i < n; i++) x[i] = cap * tanh_of(x[i] * inverse);
}

static void softcap_bwd(float *d, const float *x, float delta, float cap, size_t n)
{
    float inverse = 1.0f / cap;

    SIMD for (size_t i = 0; i < n; i++)
    {
        float t = x[i] * inverse;
        d[i] = (d[i] - delta) * (1.0f - t * t);
    }
}

static void softcap_prob(float *x, float lse, float s, float cap, size_t n)
{
    float inverse = 1.0f / cap;

    SIMD for (size_t i = 0; i < n; i++)
    {
        float t = x[i] * inverse;
        x[i] = s * exp_of(x[i] - lse) * (1.0f - t * t);
    }
}

/* --- activations --- */

static void swiglu(float *y, const float *g, const float *u, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++) y[i] = g[i] * sigmoid_of(g[i]) * u[i];
}

/* silu'(g) = s + g s (1 - s) with s = sigmoid(g) */
static void swiglu_bwd(float *dg, float *du, const float *dy, const float *g, const float *u,
                       size_t n)
{
    SIMD for (size_t i = 0; i < n; i++)
    {
        float s = sigmoid_of(g[i]), z = g[i] * s, a = dy[i], b = u[i];
        dg[i] = a * b * (s + z * (1.0f - s));
        du[i] = a * z;
    }
}

/* GELU's tanh form: x/2 (1 + tanh z) = x s with s = sigmoid(2z), z = a (x + b x^3); its derivative
 * is s + x s (1 - s) 2a (1 + 3b x^2) */
#define GELU_2A 1.5957691216f
#define GELU_B 0.044715f

static void geglu(float *y, const float *g, const float *u, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++)
    {
        float x = g[i];
        y[i] = x * sigmoid_of(GELU_2A * (x + GELU_B * x * x * x)) * u[i];
    }
}

static void geglu_bwd(float *dg, float *du, const float *dy, const float *g, const float *u,
                      size_t n)
{
    SIMD for (size_t i = 0; i < n; i++)
    {
        float x = g[i], s = sigmoid_of(GELU_2A * (x + GELU_B * x * x * x)), a = dy[i], b = u[i];
        dg[i] = a * b * (s + x * s * (1.0f - s) * GELU_2A * (1.0f + 3.0f * GELU_B * x * x));
        du[i] = a * x * s;
    }
}

static void relu(float *y, const float *x, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++) y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static void relu_bwd(float *dx, const float *dy, const float *x, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++) dx[i] = x[i] > 0.0f ? dy[i] : 0.0f;
}

/* The normal distribution function: its tail is exp(-t^2/2) times Mills' ratio, which is smooth in
 * u = 1 / (1 + t/4); a polynomial fitted on t in [0, 15] is right to 6e-9 relative. *e is
 * exp(-x^2/2). */
INLINE float normal_cdf(float x, float *e)
{
    float t = x < 0.0f ? -x : x, u = 1.0f / (1.0f + 0.25f * t), p, tail;

    p = 0.01607147417962551f;
    p = p * u - 0.06022585183382034f;
    p = p * u + 0.04611993581056595f;
    p = p * u + 0.03507515415549278f;
    p = p * u + 0.007866203784942627f;
    p = p * u + 0.08885935693979263f;
    p = p * u + 0.07138857245445251f;
    p = p * u + 0.095611572265625f;
    p = p * u + 0.09948556870222092f;
    p = p * u + 0.09974801540374756f;
    *e = exp_of(-0.5f * x * x);
    tail = p * u * *e;
    return x < 0.0f ? tail : 1.0f - tail;
}

static void gelu(float *y, const float *x, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++)
    {
        float e;
        y[i] = x[i] * normal_cdf(x[i], &e);
    }
}

static void gelu_bwd(float *dx, const float *dy, const float *x, size_t n)
{
    SIMD for (size_t i = 0; i < n; i++)
    {
        float e, c = normal_cdf(x[i], &e);
        dx[i] = dy[i] * (c + x[i] * 0.398942280401f * e);
    }
}

static void adamw(float *w, const float *g, float *m, float *v, size_t n, const struct adamw_row *o)
{
    const float gs = o->grad_scale, b1 = o->beta1, b2 = o->beta2, eps = o->eps;
    const float decay = o->decay, rate = o->rate, root = o->root;

    SIMD for (size_t i = 0; i < n; i++)
    {
        float d = g[i] * gs;
        float mi = m[i] + (1.0f - b1) * (d - m[i]);
        float vi = v[i] * b2 + (1.0f - b2) * d * d;
        m[i] = mi;
        v[i] = vi;
        w[i] = w[i] * decay - rate * mi / (sqrtf(vi) * root + eps);
    }
}

/* --- products with one small side --- */

#if LANES == 16
#define TILE_I 4
#define TILE_J 4
#elif LANES == 8
#define TILE_I 6
#define TILE_J 2
#else
#define TILE_I 4
#define TILE_J 2
#endif

typedef float vec4 __attribute__((vector_size(16)));

INLINE vec4 load_four(const float *p)
{
    vec4 v;

    memcpy(&v, p, sizeof(v));
    return v;
}

INLINE void store_four(float *p, vec4 v)
{
    memcpy(p, &v, sizeof(v));
}

/* Room for a tile's sums, in whole vectors. */
#define TILE_SUMS ((TILE_I * TILE_J + LANES - 1) / LANES * LANES)

struct product {
    float *y;
    size_t ldy;
    const float *h;
    size_t ldh;
    const float *a;
    size_t lda;
    float s;
    size_t N, D, R;
    bool add;
};

/* What is left of a row behind the last whole vector. */
INLINE void dots_rest(const struct product *p, float *sum, size_t i, size_t r, size_t d, int I,
                      int J)
{
    for (int k = 0; k < I; k++)
        for (int j = 0; j < J; j++)
            for (size_t e = d; e < p->D; e++)
                sum[k * J + j] +=
                    p->h[(i + (size_t)k) * p->ldh + e] * p->a[(r + (size_t)j) * p->lda + e];
}

/* h[i..i+I, r..r+J] for dots: here y is h, h is x. */
INLINE void dots_tile(const struct product *p, size_t i, size_t r, int I, int J)
{
    vec acc[TILE_SUMS] = {{0}};
    const float *x = p->h + i * p->ldh, *a = p->a + r * p->lda;
    float sum[TILE_SUMS], *out = p->y + i * p->ldy + r;
    size_t d = 0;

    for (; d + LANES <= p->D; d += LANES) {
        vec av[TILE_J];
        for (int j = 0; j < J; j++)
            av[j] = load(a + (size_t)j * p->lda + d);
        for (int k = 0; k < I; k++) {
            vec xv = load(x + (size_t)k * p->ldh + d);
            for (int j = 0; j < J; j++)
                acc[k * J + j] += xv * av[j];
        }
    }
    for (int k = 0; k < I * J; k += LANES)
        store(sum + k, sums_of(acc + k));
    if (d < p->D)
        dots_rest(p, sum, i, r, d, I, J);
    for (int k = 0; k < I; k++)
        for (int j = 0; j < J; j++) {
            float *y = out + (size_t)k * p->ldy + (size_t)j;
            *y = p->add ? *y + p->s * sum[k * J + j] : p->s * sum[k * J + j];
        }
}

INLINE void dots_rows(const struct product *p, size_t i, int I)
{
    size_t r = 0;

    for (; r + TILE_J <= p->R; r += TILE_J)
        dots_tile(p, i, r, I, TILE_J);
    for (; r < p->R; r++)
        dots_tile(p, i, r, I, 1);
}

static void dots(float *h, size_t ldh, const float *x, size_t ldx, const float *a, size_t lda,
                 float s, size_t N, size_t D, size_t R, bool more)
{
    struct product p = {h, ldh, x, ldx, a, lda, s, N, D, R, more};
    size_t i = 0;

    for (; i + TILE_I <= N; i += TILE_I)
        dots_rows(&p, i, TILE_I);
    for (; i + 2 <= N; i += 2)
        dots_rows(&p, i, 2);
    for (; i < N; i++)
        dots_rows(&p, i, 1);
}

/* y[i..i+I, d..d+J lanes] for outer. */
INLINE void outer_tile(const struct product *p, size_t i, size_t d, int I, int J)
{
    vec acc[TILE_I][TILE_J] = {{{0}}};
    const float *h = p->h + i * p->ldh, *a = p->a + d;
    float *y = p->y + i * p->ldy + d;

    for (size_t r = 0; r < p->R; r++) {
        vec av[TILE_J];
        for (int j = 0; j < J; j++)
            av[j] = load(a + r * p->lda + (size_t)j * LANES);
        for (int k = 0; k < I; k++) {
            vec hv = splat(h[(size_t)k * p->ldh + r]);
            for (int j = 0; j < J; j++)
                acc[k][j] += hv * av[j];
        }
    }
    for (int k = 0; k < I; k++)
        for (int j = 0; j < J; j++) {
            float *out = y + (size_t)k * p->ldy + (size_t)j * LANES;
            store(out, p->add ? load(out) + splat(p->s) * acc[k][j] : splat(p->s) * acc[k][j]);
        }
}

/* Four columns of what does not fill a vector: a head may be that narrow. */
INLINE void outer_four(const struct product *p, size_t i, size_t d, int I)
{
    vec4 acc[TILE_I] = {{0}};
    const float *h = p->h + i * p->ldh, *a = p->a + d;

    for (size_t r = 0; r < p->R; r++) {
        vec4 av = load_four(a + r * p->lda);
        for (int k = 0; k < I; k++)
            acc[k] += h[(size_t)k * p->ldh + r] * av;
    }
    for (int k = 0; k < I; k++) {
        float *out = p->y + (i + (size_t)k) * p->ldy + d;
        store_four(out, p->add ? load_four(out) + p->s * acc[k] : p->s * acc[k]);
    }
}

INLINE void outer_rest(const struct product *p, size_t i, size_t d)
{
    for (; d < p->D; d++) {
        float *out = p->y + i * p->ldy + d, s = 0;
        for (size_t r = 0; r < p->R; r++)
            s += p->h[i * p->ldh + r] * p->a[r * p->lda + d];
        *out = p->add ? *out + p->s * s : p->s * s;
    }
}

INLINE void outer_rows(const struct product *p, size_t i, int I)
{
    size_t d = 0;

    for (; d + TILE_J * LANES <= p->D; d += TILE_J * LANES)
        outer_tile(p, i, d, I, TILE_J);
    for (; d + 2 * LANES <= p->D; d += 2 * LANES)
        outer_tile(p, i, d, I, 2);
    for (; d + LANES <= p->D; d += LANES)
        outer_tile(p, i, d, I, 1);
    for (; d + 4 <= p->D; d += 4)
        outer_four(p, i, d, I);
    for (int k = 0; k < I; k++)
        outer_rest(p, i + (size_t)k, d);
}

static void outer(float *y, size_t ldy, const float *h, size_t ldh, const float *a, size_t lda,
                  float s, size_t N, size_t D, size_t R, bool more)
{
    struct product p = {y, ldy, h, ldh, a, lda, s, N, D, R, more};
    size_t i = 0;

    for (; i + TILE_I <= N; i += TILE_I)
        outer_rows(&p, i, TILE_I);
    for (; i < N; i++)
        outer_rows(&p, i, 1);
}

/* y[r..r+I, d..d+J lanes] += for gather, over the N rows of this block: here a is x. */
INLINE void gather_tile(const struct product *p, size_t r, size_t d, int I, int J)
{
    vec acc[TILE_I][TILE_J] = {{{0}}};
    const float *h = p->h + r, *x = p->a + d;

    for (size_t n = 0; n < p->N; n++) {
        vec xv[TILE_J];
        for (int j = 0; j < J; j++)
            xv[j] = load(x + n * p->lda + (size_t)j * LANES);
        for (int k = 0; k < I; k++) {
            vec hv = splat(h[n * p->ldh + (size_t)k]);
            for (int j = 0; j < J; j++)
                acc[k][j] += hv * xv[j];
        }
    }
    for (int k = 0; k < I; k++)
        for (int j = 0; j < J; j++) {
            float *out = p->y + (r + (size_t)k) * p->ldy + d + (size_t)j * LANES;
            store(out, load(out) + splat(p->s) * acc[k][j]);
        }
}

INLINE void gather_four(const struct product *p, size_t r, size_t d, int I)
{
    vec4 acc[TILE_I] = {{0}};
    const float *h = p->h + r, *x = p->a + d;

    for (size_t n = 0; n < p->N; n++) {
        vec4 xv = load_four(x + n * p->lda);
        for (int k = 0; k < I; k++)
            acc[k] += h[n * p->ldh + (size_t)k] * xv;
    }
    for (int k = 0; k < I; k++) {
        float *out = p->y + (r + (size_t)k) * p->ldy + d;
        store_four(out, load_four(out) + p->s * acc[k]);
    }
}

INLINE void gather_rows(const struct product *p, size_t r, int I)
{
    size_t d = 0;

    for (; d + TILE_J * LANES <= p->D; d += TILE_J * LANES)
        gather_tile(p, r, d, I, TILE_J);
    for (; d + 2 * LANES <= p->D; d += 2 * LANES)
        gather_tile(p, r, d, I, 2);
    for (; d + LANES <= p->D; d += LANES)
        gather_tile(p, r, d, I, 1);
    for (; d + 4 <= p->D; d += 4)
        gather_four(p, r, d, I);
    for (; d < p->D; d++)
        for (int k = 0; k < I; k++) {
            float s = 0;
            for (size_t n = 0; n < p->N; n++)
                s += p->h[n * p->ldh + r + (size_t)k] * p->a[n * p->lda + d];
            p->y[(r + (size_t)k) * p->ldy + d] += p->s * s;
        }
}

/* Rows in blocks that stay in the second-level cache while the ranks pass over them. */
static void gather(float *y, size_t ldy, const float *h, size_t ldh, const float *x, size_t ldx,
                   float s, size_t N, size_t D, size_t R)
{
    enum { BLOCK = 64 };
    struct product p = {.y = y, .ldy = ldy, .lda = ldx, .ldh = ldh, .s = s, .D = D, .R = R};

    for (size_t n = 0; n < N; n += BLOCK) {
        size_t r = 0;
        p.N = N - n < BLOCK ? N - n : BLOCK;
        p.h = h + n * ldh;
        p.a = x + n * ldx;
        for (; r + TILE_I <= R; r += TILE_I)
            gather_rows(&p, r, TILE_I);
        for (; r < R; r++)
            gather_rows(&p, r, 1);
    }
}

/* As many chains as hide the time that one takes, and as registers hold. */
static double peak(float io[2], size_t rounds)
{
    enum { CHAINS = 12 };
    vec x[CHAINS], a = splat(io[0]), b = splat(io[1]);

    for (int i = 0; i < CHAINS; i++)
        x[i] = splat((float)i);
    for (size_t r = 0; r < rounds; r++)
        for (int i = 0; i < CHAINS; i++)
            x[i] = x[i] * a + b;
    for (int i = 1; i < CHAINS; i++)
        x[0] += x[i];
    io[1] = x[0][0];
    return 2.0 * LANES * CHAINS * (double)rounds;
}

const struct kernels JOIN(kernels_, ISA) = {
    .name = TEXT(ISA),
    .fill = fill,
    .widen = widen,
    .add = add,
    .axpy = axpy,
    .scale = scale,
    .sumsq = sumsq,
    .sumsq_diff = sumsq_diff,
    .dot = dot,
    .rmsnorm = rmsnorm,
    .rmsnorm_bwd = rmsnorm_bwd,
    .layernorm = layernorm,
    .layernorm_bwd = layernorm_bwd,
    .norm_dw = norm_dw,
    .dropout = dropout,
    .rope = rope,
    .row_max = row_max,
    .exp_sum = exp_sum,
    .softmax_bwd = softmax_bwd,
    .softcap = softcap,
    .softcap_bwd = softcap_bwd,
    .softcap_prob = softcap_prob,
    .swiglu = swiglu,
    .swiglu_bwd = swiglu_bwd,
    .geglu = geglu,
    .geglu_bwd = geglu_bwd,
    .relu = relu,
    .relu_bwd = relu_bwd,
    .gelu = gelu,
    .gelu_bwd = gelu_bwd,
    .adamw = adamw,
    .dots = dots,
    .outer = outer,
    .gather = gather,
    .peak = peak,
    .panel = &JOIN(panel_, ISA),
};
