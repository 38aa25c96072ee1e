/* test_compute_bf16.c - products of numbers rounded to bf16, against sums in double of what the rounding
 * leaves, for every table of kernels. */
#include "support_compute.h"
#include <math.h>

/* x rounded, one number after the other, by the arithmetic of files. */
static const float *rounded(struct rig *rig, const float *x, size_t n)
{
    float *y = rig_floats(rig, n);

    for (size_t i = 0; i < n; i++) {
        uint16_t b;
        dtype_narrow(&b, x + i, DTYPE_BF16, 1);
        dtype_widen(y + i, &b, DTYPE_BF16, 1);
    }
    return y;
}

/* Number [i,j] of got is start + the sum over l of a[i * ai + l * al] b[j * bj + l * bl]. */
struct sum {
    const float *a, *b;
    size_t ai, al, bj, bl, k;
};

static void check_sums(struct rig *rig, const char *what, const float *got, const float *start,
                       size_t m, size_t n, const struct sum *s)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = start ? (double)start[i * n + j] : 0, size = fabs(sum);
            for (size_t l = 0; l < s->k; l++) {
                double term =
                    (double)s->a[i * s->ai + l * s->al] * (double)s->b[j * s->bj + l * s->bl];
                sum += term;
                size += fabs(term);
            }
            if (!(fabs((double)got[i * n + j] - sum) <= 1e-6 * size + 1e-30))
                fail_msg("%s: %s: [%zu,%zu] is %.9g, not %.9g", rig->name, what, i, j,
                         (double)got[i * n + j], sum);
        }
}

static void linear(struct rig *rig, size_t N, size_t D, size_t M, enum dtype t)
{
    float *x = rig_random(rig, N * D), *w = rig_random(rig, M * D), *dy = rig_random(rig, N * M);
    float *y0 = rig_random(rig, N * M), *dx0 = rig_random(rig, N * D);
    float *dw0 = rig_random(rig, M * D), *b = rig_random(rig, M), *start = rig_floats(rig, N * M);
    struct ref W = rig_wrap(rig, w, t, M * D), X = rig_in(rig, x, N * D);
    struct ref DY = rig_in(rig, dy, N * M), B = rig_in(rig, b, M);
    struct ref y = rig_out(rig, NULL, N * M), more = rig_out(rig, y0, N * M);
    struct ref dx = rig_out(rig, NULL, N * D), dmore = rig_out(rig, dx0, N * D);
    struct ref dw = rig_out(rig, dw0, M * D);
    const float *xr = rounded(rig, x, N * D), *wr = rounded(rig, w, M * D);
    const float *dyr = rounded(rig, dy, N * M);
    const struct sum forward = {xr, wr, D, 1, D, 1, D}, back = {dyr, wr, M, 1, 1, D, M};
    const struct sum grad = {dyr, xr, 1, M, 1, D, N};

    op_linear(rig->c, y, X, W, REF_NONE, N, D, M, false);
    check_sums(rig, "y", rig_get(rig, y, N * M), NULL, N, M, &forward);
    op_linear(rig->c, more, X, W, B, N, D, M, true);
    for (size_t i = 0; i < N * M; i++)
        start[i] = y0[i] + b[i % M];
    check_sums(rig, "y + bias", rig_get(rig, more, N * M), start, N, M, &forward);
    op_linear_dx(rig->c, dx, DY, W, N, D, M, false);
    check_sums(rig, "dx", rig_get(rig, dx, N * D), NULL, N, D, &back);
    op_linear_dx(rig->c, dmore, DY, W, N, D, M, true);
    check_sums(rig, "dx +=", rig_get(rig, dmore, N * D), dx0, N, D, &back);
    op_linear_dw(rig->c, dw, REF_NONE, DY, X, N, D, M);
    check_sums(rig, "dw", rig_get(rig, dw, M * D), dw0, M, D, &grad);
    rig_done(rig);
}

static void linear_rig(struct rig *rig)
{
    static const size_t shapes[][3] = {{1, 1, 1},     {1, 33, 17},  {3, 5, 7},       {15, 130, 31},
                                       {67, 130, 33}, {64, 64, 64}, {130, 257, 300}, {2, 1500, 5},
                                       {5, 7, 1100},  {1024, 3, 2}};

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (enum dtype t = DTYPE_F32; t <= DTYPE_F16; t++)
            linear(rig, shapes[i][0], shapes[i][1], shapes[i][2], t);
}

static void test_linear(void **state)
{
    (void)state;
    rigs_each_bf16(linear_rig);
}

/* What is no number stays none, and stays where it belongs; the largest number of F32 rounds to infinity. */
static void numbers_rig(struct rig *rig)
{
    const size_t N = 5, D = 19, M = 21;
    float *x = rig_random(rig, N * D), *w = rig_random(rig, M * D);
    struct ref y = rig_out(rig, NULL, N * M);
    uint32_t bits = 0x7f800001; /* a signalling NaN that rounding must not turn into infinity */
    float *got;

    memcpy(&x[1 * D + 3], &bits, sizeof bits);
    bits = 0xffffffff;
    memcpy(&x[2 * D + 18], &bits, sizeof bits);
    x[3 * D] = 3.4e38f;
    for (size_t j = 0; j < M; j++)
        w[j * D] = 1;
    op_linear(rig->c, y, rig_in(rig, x, N * D), rig_wrap(rig, w, DTYPE_F32, M * D), REF_NONE, N, D,
              M, false);
    got = rig_get(rig, y, N * M);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < M; j++) {
            float v = got[i * M + j];
            if (i == 1 || i == 2 ? !isnan(v) : i == 3 ? !(v > 3e38f) : !isfinite(v))
                fail_msg("%s: row %zu, column %zu: %g", rig->name, i, j, (double)v);
        }
    rig_done(rig);
}

static void test_numbers(void **state)
{
    (void)state;
    rigs_each_bf16(numbers_rig);
}

/* The head: the loss of rounded states and words, and its gradient through rounded probabilities. */
static void head_rig(struct rig *rig)
{
    enum { N = 37, D = 48, V = 1030 };
    float *h = rig_random(rig, N * D), *w = rig_random(rig, V * D);
    struct ref H = rig_in(rig, h, N * D), W = rig_wrap(rig, w, DTYPE_BF16, V * D);
    struct ref dh = rig_out(rig, NULL, N * D);
    const float *hr = rounded(rig, h, N * D);
    double want = 0, got, *slope = rig_doubles(rig, N * D);
    int32_t label[N];

    for (size_t n = 0; n < N; n++) {
        double sum = 0, p[V];
        label[n] = (int32_t)(31 * n % V);
        for (size_t v = 0; v < V; v++) {
            p[v] = 0;
            for (size_t d = 0; d < D; d++)
                p[v] += (double)hr[n * D + d] * (double)w[v * D + d];
            sum += exp(p[v]);
        }
        want += log(sum) - p[label[n]];
        for (size_t v = 0; v < V; v++)
            for (size_t d = 0; d < D; d++)
                slope[n * D + d] +=
                    (exp(p[v]) / sum - ((int32_t)v == label[n])) / N * (double)w[v * D + d];
    }
    got = op_xent(rig->c, H, W, label, dh, REF_NONE, N, D, V, 0, 1.0f / N, NULL);
    if (!(fabs(got - want) <= 1e-5 * want))
        fail_msg("%s: loss %.9g, not %.9g", rig->name, got, want);
    rig_check(rig, "dh", rig_get(rig, dh, N * D), slope, N * D,
              4e-3); /* half an ulp of bf16: 2^-9 */
    rig_done(rig);
}

static void test_head(void **state)
{
    (void)state;
    rigs_each_bf16(head_rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
