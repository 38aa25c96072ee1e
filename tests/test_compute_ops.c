/* test_compute_ops.c - ops that work number by number or row by row, against plain loops in double
 * and against central differences. */
#include "support_compute.h"
#include <float.h>
#include <math.h>
#include "base/rng.h"
#include "compute/cpu.h"

static const size_t rows_of[] = {1, 2, 3, 17, 67};
static const size_t widths_of[] = {1, 5, 33, 130};
static const size_t counts_of[] = {0, 1, 2, 63, 1000, 70001};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- plain arithmetic --- */

static void arithmetic(struct rig *rig, size_t n)
{
    float *a = rig_random(rig, n), *b = rig_random(rig, n), *got;
    struct ref ra = rig_in(rig, a, n), rb = rig_in(rig, b, n), y = rig_out(rig, NULL, n);
    struct ref z = rig_out(rig, NULL, n);
    double *want = rig_doubles(rig, n);

    op_fill(rig->c, y, n, 2.5f);
    got = rig_get(rig, y, n);
    for (size_t i = 0; i < n; i++)
        assert_true(got[i] == 2.5f);
    op_add(rig->c, y, ra, rb, n);
    op_add(rig->c, y, y, rb, n);
    op_axpy(rig->c, y, -0.75f, ra, n);
    op_scale(rig->c, y, 3, n);
    for (size_t i = 0; i < n; i++)
        want[i] = 3 * (0.25 * (double)a[i] + 2 * (double)b[i]);
    rig_check(rig, "add, axpy, scale", rig_get(rig, y, n), want, n, 5e-7);
    op_copy(rig->c, y, rb, n);
    assert_memory_equal(rig_get(rig, y, n), b, n * sizeof(float));
    op_copy(rig->c, z, ra, n);
    op_swap(rig->c, y, z, n);
    assert_memory_equal(rig_get(rig, y, n), a, n * sizeof(float));
    assert_memory_equal(rig_get(rig, z, n), b, n * sizeof(float));
    rig_done(rig);
}

static void arithmetic_rig(struct rig *rig)
{
    for (size_t i = 0; i < COUNT(counts_of); i++)
        arithmetic(rig, counts_of[i]);
}

static void test_arithmetic(void **state)
{
    (void)state;
    rigs_each(arithmetic_rig);
}

/* All 65536 numbers of each narrow type, as the converters of base say. */
static void copy_narrow_rig(struct rig *rig)
{
    uint16_t *all = calloc(65536, sizeof(*all));

    assert_non_null(all);
    for (size_t i = 0; i < 65536; i++)
        all[i] = (uint16_t)i;
    for (int t = DTYPE_BF16; t <= DTYPE_F16; t++) {
        struct vac_err err = {0};
        struct buf *b = compute_wrap(rig->c, all, (enum dtype)t, 65536, &err);
        struct ref y = rig_out(rig, NULL, 65535);
        float *got;
        assert_non_null(b);
        op_copy(rig->c, y, (struct ref){b, 1}, 65535);
        got = rig_get(rig, y, 65535);
        for (size_t i = 0; i < 65535; i++) {
            uint16_t h = (uint16_t)(i + 1);
            float want;

            dtype_widen(&want, &h, (enum dtype)t, 1);
            if (isnan(want) ? !isnan(got[i]) : memcmp(&want, &got[i], 4) != 0)
                fail_msg("%s: %s %04x gives %g, not %g", rig->name, dtype_name((enum dtype)t), h,
                         (double)got[i], (double)want);
        }
        compute_release(rig->c, b);
    }
    free(all);
}

static void test_copy_narrow(void **state)
{
    (void)state;
    rigs_each(copy_narrow_rig);
}

static void sums(struct rig *rig, size_t n)
{
    float *a = rig_random(rig, n), *b = rig_random(rig, n);
    struct ref ra = rig_in(rig, a, n), rb = rig_in(rig, b, n);
    long double sq = 0, diff = 0, dot = 0, size = 1e-30L;

    for (size_t i = 0; i < n; i++) {
        long double x = (long double)a[i], y = (long double)b[i];
        sq += x * x;
        diff += (x - y) * (x - y);
        dot += x * y;
        size += fabsl(x * y);
    }
    assert_true(fabsl((long double)op_sumsq(rig->c, ra, n) - sq) <= 1e-13L * sq);
    assert_true(fabsl((long double)op_sumsq_diff(rig->c, ra, rb, n) - diff) <= 1e-13L * diff);
    assert_true(fabsl((long double)op_dot(rig->c, ra, rb, n) - dot) <= 1e-13L * size);
    rig_done(rig);
}

static void sums_rig(struct rig *rig)
{
    for (size_t i = 0; i < COUNT(counts_of); i++)
        sums(rig, counts_of[i]);
    sums(rig, 1200000); /* more than 256 blocks of the least size */
}

static void test_sums(void **state)
{
    (void)state;
    rigs_each(sums_rig);
}

/* Sums may not depend on how many threads add them up. */
static void test_sums_threads(void **state)
{
    enum { N = 100003 };
    struct vac_err err = {0};
    float *x = malloc(N * sizeof(*x));
    double first = 0;

    (void)state;
    assert_non_null(x);
    rig_seed(5);
    for (size_t i = 0; i < N; i++)
        x[i] = (float)rig_number();
    for (int threads = 1; threads <= 5; threads++) {
        struct compute *c = compute_open("cpu", threads, NULL, &err);
        struct buf *b = compute_wrap(c, x, DTYPE_F32, N, &err);
        double s = op_sumsq(c, (struct ref){b, 0}, N);
        if (threads == 1)
            first = s;
        assert_memory_equal(&s, &first, sizeof(s));
        compute_release(c, b);
        compute_close(c);
    }
    free(x);
}

static void scaled_rows(struct rig *rig, size_t N, size_t D)
{
    float *x = rig_random(rig, N * D), *s = rig_random(rig, N);
    struct ref rx = rig_in(rig, x, N * D), y = rig_out(rig, NULL, N * D);
    struct ref same = rig_out(rig, x, N * D);
    double *want = rig_doubles(rig, N * D), *sq = rig_doubles(rig, N), *sums_got;

    for (size_t i = 0; i < N * D; i++) {
        want[i] = (double)s[i / D] * (double)x[i];
        sq[i / D] += (double)x[i] * (double)x[i];
    }
    op_scale_rows(rig->c, y, rx, s, N, D);
    op_scale_rows(rig->c, same, same, s, N, D);
    rig_check(rig, "scale_rows", rig_get(rig, y, N * D), want, N * D, 1e-7);
    rig_check(rig, "scale_rows in place", rig_get(rig, same, N * D), want, N * D, 1e-7);
    sums_got = rig_doubles(rig, N);
    op_row_sumsq(rig->c, sums_got, rx, N, D);
    for (size_t n = 0; n < N; n++)
        assert_true(fabs(sums_got[n] - sq[n]) <= 1e-13 * sq[n]);
    rig_done(rig);
}

/* --- normalisation --- */

struct norm {
    double *x, *w, *b, *dy;
    size_t N, D;
    double eps, plus;
    bool centred;
};

static void norm_row(const struct norm *o, size_t n, double *y)
{
    const double *x = o->x + n * o->D;
    double mean = 0, var = 0;

    for (size_t d = 0; o->centred && d < o->D; d++)
        mean += x[d] / (double)o->D;
    for (size_t d = 0; d < o->D; d++)
        var += (x[d] - mean) * (x[d] - mean) / (double)o->D;
    for (size_t d = 0; d < o->D; d++)
        y[d] =
            (x[d] - mean) / sqrt(var + o->eps) * (o->plus + o->w[d]) + (o->centred ? o->b[d] : 0);
}

static double norm_loss(void *ctx)
{
    const struct norm *o = ctx;
    double y[256], loss = 0;

    for (size_t n = 0; n < o->N; n++) {
        norm_row(o, n, y);
        for (size_t d = 0; d < o->D; d++)
            loss += o->dy[n * o->D + d] * y[d];
    }
    return loss;
}

/* What a backward adds: the array after minus the array before. */
static float *added(struct rig *rig, struct ref r, const float *before, size_t n)
{
    float *x = rig_get(rig, r, n);

    for (size_t i = 0; i < n; i++)
        x[i] -= before[i];
    return x;
}

struct norm_case {
    float *x, *w, *b, *dy, *dx0, *dw0;
    struct ref rx, rw, rb, rdy, y, mean, rstd, dx, dw, db;
};

static struct norm_case norm_case(struct rig *rig, size_t N, size_t D, enum dtype t)
{
    struct norm_case k = {.x = rig_random(rig, N * D),
                          .w = rig_random(rig, D),
                          .b = rig_random(rig, D),
                          .dy = rig_random(rig, N * D),
                          .dx0 = rig_random(rig, N * D),
                          .dw0 = rig_random(rig, D)};

    k.rx = rig_in(rig, k.x, N * D);
    k.rw = rig_wrap(rig, k.w, t, D);
    k.rb = rig_wrap(rig, k.b, t, D);
    k.rdy = rig_in(rig, k.dy, N * D);
    k.y = rig_out(rig, NULL, N * D);
    k.mean = rig_out(rig, NULL, N);
    k.rstd = rig_out(rig, NULL, N);
    k.dx = rig_out(rig, k.dx0, N * D);
    k.dw = rig_out(rig, k.dw0, D);
    k.db = rig_out(rig, k.dw0, D);
    return k;
}

static void norm_grads(struct rig *rig, const struct norm_case *k, struct norm *o)
{
    size_t n = o->N * o->D;

    /* One number in a row: its gradient is nearly nothing, the difference of large terms. */
    if (o->D > 1)
        rig_check_grad(rig, "norm dx", norm_loss, o, o->x, added(rig, k->dx, k->dx0, n), n, 2e-5);
    rig_check_grad(rig, "norm dw", norm_loss, o, o->w, added(rig, k->dw, k->dw0, o->D), o->D, 2e-5);
    if (o->centred)
        rig_check_grad(rig, "norm db", norm_loss, o, o->b, added(rig, k->db, k->dw0, o->D), o->D,
                       2e-5);
}

static void norms(struct rig *rig, size_t N, size_t D, enum dtype t, bool centred)
{
    const float eps = 1e-2f, plus = !centred && N % 2 ? 1 : 0;
    struct norm_case k = norm_case(rig, N, D, t);
    struct norm o = {.x = rig_widen(rig, k.x, N * D),
                     .w = rig_widen(rig, k.w, D),
                     .b = rig_widen(rig, k.b, D),
                     .dy = rig_widen(rig, k.dy, N * D),
                     .N = N,
                     .D = D,
                     .eps = (double)eps,
                     .plus = (double)plus,
                     .centred = centred};
    double *want = rig_doubles(rig, N * D);

    for (size_t n = 0; n < N; n++)
        norm_row(&o, n, want + n * D);
    if (centred) {
        op_layernorm(rig->c, k.y, REF_NONE, REF_NONE, k.rx, k.rw, k.rb, N, D, eps);
        op_layernorm(rig->c, k.y, k.mean, k.rstd, k.rx, k.rw, k.rb, N, D, eps);
        op_layernorm_bwd(rig->c, k.dx, k.dw, k.db, k.rdy, k.rx, k.rw, k.mean, k.rstd, N, D);
    } else {
        op_rmsnorm(rig->c, k.y, REF_NONE, k.rx, k.rw, plus, N, D, eps);
        op_rmsnorm(rig->c, k.y, k.rstd, k.rx, k.rw, plus, N, D, eps);
        op_rmsnorm_bwd(rig->c, k.dx, k.dw, k.rdy, k.rx, k.rw, plus, k.rstd, N, D);
    }
    rig_check(rig, centred ? "layernorm" : "rmsnorm", rig_get(rig, k.y, N * D), want, N * D, 3e-6);
    norm_grads(rig, &k, &o);
    rig_done(rig);
}

static void norms_rig(struct rig *rig)
{
    for (size_t i = 0; i < COUNT(rows_of); i++)
        for (size_t j = 0; j < COUNT(widths_of); j++)
            for (int t = 0; t < 3; t++) {
                norms(rig, rows_of[i], widths_of[j], (enum dtype)t, false);
                norms(rig, rows_of[i], widths_of[j], (enum dtype)t, true);
            }
    norms(rig, 700, 130, DTYPE_F32, true); /* enough for several threads */
    norms(rig, 700, 130, DTYPE_BF16, false);
}

static void test_norms(void **state)
{
    (void)state;
    rigs_each(norms_rig);
}

static void rows_rig(struct rig *rig)
{
    for (size_t i = 0; i < COUNT(rows_of); i++)
        for (size_t j = 0; j < COUNT(widths_of); j++)
            scaled_rows(rig, rows_of[i], widths_of[j]);
    scaled_rows(rig, 300, 130);
}

static void test_rows(void **state)
{
    (void)state;
    rigs_each(rows_rig);
}

/* Frozen weights: gradients of weights left out. */
static void norms_frozen_rig(struct rig *rig)
{
    struct norm_case k = norm_case(rig, 17, 33, DTYPE_F32);

    op_rmsnorm(rig->c, k.y, k.rstd, k.rx, k.rw, 0, 17, 33, 1e-5f);
    op_rmsnorm_bwd(rig->c, k.dx, REF_NONE, k.rdy, k.rx, k.rw, 0, k.rstd, 17, 33);
    op_layernorm(rig->c, k.y, k.mean, k.rstd, k.rx, k.rw, k.rb, 17, 33, 1e-5f);
    op_layernorm_bwd(rig->c, k.dx, REF_NONE, REF_NONE, k.rdy, k.rx, k.rw, k.mean, k.rstd, 17, 33);
    op_layernorm_bwd(rig->c, k.dx, REF_NONE, k.db, k.rdy, k.rx, k.rw, k.mean, k.rstd, 17, 33);
    assert_memory_equal(rig_get(rig, k.dw, 33), k.dw0, 33 * sizeof(float));
}

static void test_norms_frozen(void **state)
{
    (void)state;
    rigs_each(norms_frozen_rig);
}

/* --- embedding --- */

static void embedding(struct rig *rig, size_t N, size_t D, enum dtype t)
{
    enum { V = 11 };
    float *table = rig_random(rig, V * D), *y0 = rig_random(rig, N * D);
    float *dt0 = rig_random(rig, V * D), *want = rig_floats(rig, N * D), *grad;
    int32_t *idx = (int32_t *)(void *)rig_floats(rig, N);
    struct ref rt = rig_wrap(rig, table, t, V * D), y = rig_out(rig, NULL, N * D);
    struct ref more = rig_out(rig, y0, N * D), dy = rig_in(rig, y0, N * D);
    struct ref dt = rig_out(rig, dt0, V * D);

    for (size_t n = 0; n < N; n++)
        idx[n] = (int32_t)((n * 7 + 3) % V);
    for (size_t i = 0; i < N * D; i++)
        want[i] = table[(size_t)idx[i / D] * D + i % D];
    op_embed(rig->c, y, rt, idx, N, D, false);
    assert_memory_equal(rig_get(rig, y, N * D), want, N * D * sizeof(float));
    op_embed(rig->c, more, rt, idx, N, D, true);
    for (size_t i = 0; i < N * D; i++)
        want[i] = y0[i] + want[i];
    assert_memory_equal(rig_get(rig, more, N * D), want, N * D * sizeof(float));
    /* Equal indices add up in row order: the bits are those of this loop. */
    op_embed_bwd(rig->c, dt, dy, idx, N, D);
    grad = dt0;
    for (size_t i = 0; i < N * D; i++)
        grad[(size_t)idx[i / D] * D + i % D] += y0[i];
    assert_memory_equal(rig_get(rig, dt, V * D), grad, V * D * sizeof(float));
    rig_done(rig);
}

static void embedding_rig(struct rig *rig)
{
    for (size_t i = 0; i < COUNT(rows_of); i++)
        for (size_t j = 0; j < COUNT(widths_of); j++)
            for (int t = 0; t < 3; t++)
                embedding(rig, rows_of[i], widths_of[j], (enum dtype)t);
    embedding(rig, 400, 130, DTYPE_BF16);
}

static void test_embedding(void **state)
{
    (void)state;
    rigs_each(embedding_rig);
}

/* --- random numbers and dropout --- */

static void random_rig(struct rig *rig)
{
    enum { N = 60001 };
    struct ref a = rig_out(rig, NULL, N), b = rig_out(rig, NULL, 1001);
    float *x, *y;
    double m1 = 0, m2 = 0, m4 = 0;

    op_normal(rig->c, a, N, 42, 2.0f);
    op_normal(rig->c, b, 1001, 42, 2.0f);
    x = rig_get(rig, a, N);
    y = rig_get(rig, b, 1001);
    assert_memory_equal(x, y, 1001 * sizeof(float));
    for (size_t i = 0; i < N; i++) {
        double v = (double)x[i] / 2;
        m1 += v / N;
        m2 += v * v / N;
        m4 += v * v * v * v / N;
    }
    /* five standard errors of each moment */
    assert_true(fabs(m1) < 5 / sqrt(N));
    assert_true(fabs(m2 - 1) < 5 * sqrt(2.0 / N));
    assert_true(fabs(m4 - 3) < 5 * sqrt(96.0 / N));
    op_uniform(rig->c, a, N, 43, -0.25f, 0.75f);
    op_uniform(rig->c, b, 1001, 43, -0.25f, 0.75f);
    x = rig_get(rig, a, N);
    assert_memory_equal(x, rig_get(rig, b, 1001), 1001 * sizeof(float));
    m1 = 0;
    for (size_t i = 0; i < N; i++) {
        assert_true(x[i] >= -0.25f && x[i] < 0.75f);
        m1 += (double)x[i] / N;
    }
    assert_true(fabs(m1 - 0.25) < 5 * sqrt(1.0 / 12 / N));
    op_uniform(rig->c, a, N, 44, 1.0f, nextafterf(1.0f, 2.0f));
    x = rig_get(rig, a, N);
    for (size_t i = 0; i < N; i++)
        assert_true(x[i] == 1.0f);
}

static void test_random(void **state)
{
    (void)state;
    rigs_each(random_rig);
}

static void dropout_case(struct rig *rig, size_t N, size_t D, float p)
{
    float *x = rig_random(rig, N * D), *y0 = rig_random(rig, N * D);
    struct ref rx = rig_in(rig, x, N * D), y = rig_out(rig, NULL, N * D);
    struct ref more = rig_out(rig, y0, N * D), same = rig_out(rig, x, N * D);
    uint64_t *key = (uint64_t *)(void *)rig_doubles(rig, N);
    double *want = rig_doubles(rig, N * D), *sum = rig_doubles(rig, N * D);

    for (size_t n = 0; n < N; n++)
        key[n] = rng_key(1, RNG_DROPOUT, 0, n);
    for (size_t i = 0; i < N * D; i++) {
        uint32_t draw = rng_at32(rng_mix(key[i / D], 9), (uint32_t)(i % D));
        want[i] = (double)draw < (double)p * 4294967296.0 ? 0 : (double)x[i] / (1 - (double)p);
        sum[i] = want[i] + (double)y0[i];
    }
    op_dropout(rig->c, y, rx, key, 9, p, N, D, false);
    op_dropout(rig->c, same, same, key, 9, p, N, D, false);
    op_dropout(rig->c, more, rx, key, 9, p, N, D, true);
    rig_check(rig, "dropout", rig_get(rig, y, N * D), want, N * D, 2e-7);
    rig_check(rig, "dropout in place", rig_get(rig, same, N * D), want, N * D, 2e-7);
    rig_check(rig, "dropout added", rig_get(rig, more, N * D), sum, N * D, 2e-7);
    rig_done(rig);
}

static void dropout_rig(struct rig *rig)
{
    enum { N = 100, D = 777 };
    struct ref y;
    float *ones = rig_floats(rig, N * D), *got;
    uint64_t key[N];
    size_t kept = 0;

    for (size_t i = 0; i < N * D; i++)
        ones[i] = 1;
    for (size_t n = 0; n < N; n++)
        key[n] = rng_key(7, RNG_DROPOUT, 3, n);
    y = rig_out(rig, NULL, N * D);
    op_dropout(rig->c, y, rig_in(rig, ones, N * D), key, 2, 0.1f, N, D, false);
    got = rig_get(rig, y, N * D);
    for (size_t i = 0; i < N * D; i++)
        kept += got[i] != 0;
    assert_true(fabs((double)kept / (N * D) - 0.9) < 5 * sqrt(0.09 / (N * D)));
    rig_done(rig);
    for (size_t i = 0; i < COUNT(rows_of); i++)
        for (size_t j = 0; j < COUNT(widths_of); j++)
            dropout_case(rig, rows_of[i], widths_of[j], j % 2 ? 0.3f : 0.0f);
}

static void test_dropout(void **state)
{
    (void)state;
    rigs_each(dropout_rig);
}

/* --- rotation --- */

static void rotation(struct rig *rig, size_t N, size_t H, size_t E)
{
    enum { MAX = 40 };
    size_t half = E / 2, n = N * H * E;
    float *x = rig_random(rig, n), *co = rig_floats(rig, MAX * half);
    float *si = rig_floats(rig, MAX * half);
    int32_t *pos = (int32_t *)(void *)rig_floats(rig, N);
    struct ref r = rig_out(rig, x, n), rc, rs;
    double *want = rig_doubles(rig, n);

    for (size_t i = 0; i < MAX * half; i++) {
        co[i] = (float)cos((double)i);
        si[i] = (float)sin((double)i);
    }
    for (size_t i = 0; i < N; i++)
        pos[i] = (int32_t)(i * 5 % MAX);
    rc = rig_in(rig, co, MAX * half);
    rs = rig_in(rig, si, MAX * half);
    for (size_t i = 0; i < n; i++) {
        size_t e = i % E, at = (size_t)pos[i / (H * E)] * half + e % half;
        double other = e < half ? -(double)x[i + half] : (double)x[i - half];
        want[i] = (double)x[i] * (double)co[at] + other * (double)si[at];
    }
    op_rope(rig->c, r, rc, rs, pos, N, H, E, false);
    rig_check(rig, "rope", rig_get(rig, r, n), want, n, 3e-7);
    op_rope(rig->c, r, rc, rs, pos, N, H, E, true);
    rig_check(rig, "rope there and back", rig_get(rig, r, n), rig_widen(rig, x, n), n, 1e-6);
    rig_done(rig);
}

static void rotation_rig(struct rig *rig)
{
    rotation(rig, 1, 1, 2);
    rotation(rig, 17, 3, 6);
    rotation(rig, 67, 2, 34);
    rotation(rig, 100, 9, 64);
}

static void test_rotation(void **state)
{
    (void)state;
    rigs_each(rotation_rig);
}

/* --- activations --- */

struct act {
    double *x, *u, *dy;
    size_t n;
    double (*f)(double x);
};

static double silu(double x)
{
    return x / (1 + exp(-x));
}

static double gelu_tanh(double x)
{
    double z = sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x);

    return x / (1 + exp(-2 * z));
}

static double gelu(double x)
{
    return 0.5 * x * erfc(-x / sqrt(2));
}

static double act_loss(void *ctx)
{
    const struct act *a = ctx;
    double s = 0;

    for (size_t i = 0; i < a->n; i++)
        s += a->dy[i] * a->f(a->x[i]) * (a->u ? a->u[i] : 1);
    return s;
}

/* Numbers of all sizes, with both zeros and the ends. */
static float *wide_numbers(struct rig *rig, size_t n)
{
    static const float special[] = {0.0f, -0.0f, 100.0f, -100.0f, 1e-20f, -1e-20f, 12.0f, -12.0f};
    float *x = rig_random(rig, n);

    for (size_t i = 0; i < n; i++)
        x[i] = i < COUNT(special) ? special[i] : 6 * x[i];
    return x;
}

/* Each number on its own is right, small ones too. */
static void relative(struct rig *rig, const char *what, const float *got, const double *want,
                     size_t n, double tol)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - want[i]) <= tol * fabs(want[i]) + 1e-36))
            fail_msg("%s: %s: number %zu is %.9g, not %.9g", rig->name, what, i, (double)got[i],
                     want[i]);
}

typedef void gate_op(struct compute *c, struct ref y, struct ref g, struct ref u, size_t n);
typedef void gate_op_bwd(struct compute *c, struct ref dg, struct ref du, struct ref dy,
                         struct ref g, struct ref u, size_t n);

static void gate_case(struct rig *rig, const char *what, double (*f)(double), gate_op *forward,
                      gate_op_bwd *backward, double tol, size_t n)
{
    float *g = wide_numbers(rig, n), *u = rig_random(rig, n), *dy = rig_random(rig, n);
    struct ref rg = rig_in(rig, g, n), ru = rig_in(rig, u, n), rdy = rig_in(rig, dy, n);
    struct ref y = rig_out(rig, NULL, n), dg = rig_out(rig, NULL, n), du = rig_out(rig, NULL, n);
    struct ref ig = rig_out(rig, g, n), iu = rig_out(rig, u, n);
    struct act a = {.x = rig_widen(rig, g, n),
                    .u = rig_widen(rig, u, n),
                    .dy = rig_widen(rig, dy, n),
                    .n = n,
                    .f = f};
    double *want = rig_doubles(rig, n);

    for (size_t i = 0; i < n; i++)
        want[i] = f(a.x[i]) * a.u[i];
    forward(rig->c, y, rg, ru, n);
    relative(rig, what, rig_get(rig, y, n), want, n, tol);
    backward(rig->c, dg, du, rdy, rg, ru, n);
    backward(rig->c, ig, iu, rdy, ig, iu, n);
    rig_check_grad(rig, what, act_loss, &a, a.x, rig_get(rig, dg, n), n, 1e-5);
    rig_check_grad(rig, what, act_loss, &a, a.u, rig_get(rig, du, n), n, 1e-5);
    assert_memory_equal(rig_get(rig, dg, n), rig_get(rig, ig, n), n * sizeof(float));
    assert_memory_equal(rig_get(rig, du, n), rig_get(rig, iu, n), n * sizeof(float));
    rig_done(rig);
}

static void softcap_case(struct rig *rig, size_t n)
{
    float *x = wide_numbers(rig, n);
    struct ref r = rig_out(rig, x, n);
    double *want = rig_doubles(rig, n);

    for (size_t i = 0; i < n; i++)
        want[i] = 5 * tanh((double)x[i] / 5);
    op_softcap(rig->c, r, n, 5);
    relative(rig, "softcap", rig_get(rig, r, n), want, n, 1e-6);
    rig_done(rig);
}

static void gelu_case(struct rig *rig, size_t n)
{
    float *x = wide_numbers(rig, n), *dy = rig_random(rig, n);
    struct ref rx = rig_in(rig, x, n), y = rig_out(rig, NULL, n), same = rig_out(rig, dy, n);
    struct ref rdy = rig_in(rig, dy, n), dx = rig_out(rig, NULL, n);
    struct act a = {.x = rig_widen(rig, x, n), .dy = rig_widen(rig, dy, n), .n = n, .f = gelu};
    double *want = rig_doubles(rig, n);

    for (size_t i = 0; i < n; i++)
        want[i] = gelu(a.x[i]);
    op_gelu(rig->c, y, rx, n);
    relative(rig, "gelu", rig_get(rig, y, n), want, n, 5e-6);
    op_gelu_bwd(rig->c, dx, rdy, rx, n);
    op_gelu_bwd(rig->c, same, same, rx, n);
    rig_check_grad(rig, "gelu dx", act_loss, &a, a.x, rig_get(rig, dx, n), n, 1e-5);
    assert_memory_equal(rig_get(rig, dx, n), rig_get(rig, same, n), n * sizeof(float));
    rig_done(rig);
}

static void relu_case(struct rig *rig, size_t n)
{
    float *x = wide_numbers(rig, n), *dy = rig_random(rig, n), *y, *dx;
    struct ref rx = rig_in(rig, x, n), ry = rig_out(rig, NULL, n), rdx = rig_out(rig, dy, n);

    op_relu(rig->c, ry, rx, n);
    op_relu_bwd(rig->c, rdx, rdx, rx, n);
    y = rig_get(rig, ry, n);
    dx = rig_get(rig, rdx, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(y[i] == (x[i] > 0 ? x[i] : 0));
        assert_true(dx[i] == (x[i] > 0 ? dy[i] : 0));
    }
    rig_done(rig);
}

static void activations_rig(struct rig *rig)
{
    for (size_t i = 0; i < COUNT(counts_of); i++) {
        gate_case(rig, "swiglu", silu, op_swiglu, op_swiglu_bwd, 1e-6, counts_of[i]);
        gate_case(rig, "geglu", gelu_tanh, op_geglu, op_geglu_bwd, 5e-6, counts_of[i]);
        softcap_case(rig, counts_of[i]);
        gelu_case(rig, counts_of[i]);
        relu_case(rig, counts_of[i]);
    }
}

static void test_activations(void **state)
{
    (void)state;
    rigs_each(activations_rig);
}

/* The exponential behind them all: within 1.2 units in the last place of a float, right at the
 * ends. */
static void test_exp(void **state)
{
    const struct kernels *k;

    (void)state;
    for (size_t t = 0; (k = kernels_at(t)); t++) {
        float ends[8] = {-INFINITY, NAN, -200, 0, 89.5f, -90, 88.5f, -103}, x[8];
        for (double at = -87; at < 88.5; at += 0.00113 * 8) {
            float in[8];
            for (int i = 0; i < 8; i++)
                in[i] = x[i] = (float)(at + 0.00113 * i);
            k->exp_sum(x, 0, 8);
            for (int i = 0; i < 8; i++) {
                double want = exp((double)in[i]), ulp = want * FLT_EPSILON;
                if (!(fabs((double)x[i] - want) <= 1.2 * ulp))
                    fail_msg("%s: exp(%.9g) = %.9g, not %.9g", k->name, (double)in[i], (double)x[i],
                             want);
            }
        }
        memcpy(x, ends, sizeof(x));
        k->exp_sum(x, 0, 8);
        assert_true(x[0] == 0 && isnan(x[1]) && x[2] == 0 && x[3] == 1 && isinf(x[4]));
        assert_true(x[5] > 0 && x[5] < FLT_MIN && x[6] > 2.7e38f && x[7] > 0);
        assert_true(k->row_max(x, 0) == -INFINITY);
    }
}

/* --- optimizer --- */

struct adam {
    double *w, *m, *v;
};

static void adam_step(struct adam *a, const float *g, size_t n, const struct adamw *o)
{
    double b1 = (double)o->beta1, b2 = (double)o->beta2, lr = (double)o->lr;
    double fix1 = 1 - pow(b1, (double)o->step), fix2 = 1 - pow(b2, (double)o->step);

    for (size_t i = 0; i < n; i++) {
        double d = (double)g[i] * (double)o->grad_scale;
        a->w[i] *= 1 - lr * (double)o->weight_decay;
        a->m[i] = b1 * a->m[i] + (1 - b1) * d;
        a->v[i] = b2 * a->v[i] + (1 - b2) * d * d;
        a->w[i] -= lr * (a->m[i] / fix1) / (sqrt(a->v[i] / fix2) + (double)o->eps);
    }
}

static void adamw_case(struct rig *rig, size_t n)
{
    float *w = rig_random(rig, n), *zero = rig_floats(rig, n);
    struct ref rw = rig_out(rig, w, n), m = rig_out(rig, zero, n), v = rig_out(rig, zero, n);
    struct adam a = {.w = rig_widen(rig, w, n), .m = rig_doubles(rig, n), .v = rig_doubles(rig, n)};

    for (uint64_t step = 1; step <= 5; step++) {
        struct adamw o = {.lr = 1e-2f,
                          .beta1 = 0.9f,
                          .beta2 = 0.999f,
                          .eps = 1e-8f,
                          .weight_decay = 0.1f,
                          .grad_scale = 0.5f,
                          .step = step};
        float *g = rig_random(rig, n);
        op_adamw(rig->c, rw, rig_in(rig, g, n), m, v, n, &o);
        adam_step(&a, g, n, &o);
    }
    rig_check(rig, "adamw w", rig_get(rig, rw, n), a.w, n, 1e-6);
    rig_check(rig, "adamw m", rig_get(rig, m, n), a.m, n, 1e-6);
    rig_check(rig, "adamw v", rig_get(rig, v, n), a.v, n, 1e-6);
    rig_done(rig);
}

static void adamw_rig(struct rig *rig)
{
    for (size_t i = 0; i < COUNT(counts_of); i++)
        adamw_case(rig, counts_of[i]);
}

static void test_adamw(void **state)
{
    (void)state;
    rigs_each(adamw_rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic),   cmocka_unit_test(test_copy_narrow),
        cmocka_unit_test(test_sums),         cmocka_unit_test(test_sums_threads),
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_norms),
        cmocka_unit_test(test_norms_frozen), cmocka_unit_test(test_embedding),
        cmocka_unit_test(test_random),       cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_rotation),     cmocka_unit_test(test_activations),
        cmocka_unit_test(test_exp),          cmocka_unit_test(test_adamw),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
