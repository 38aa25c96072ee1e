/* support_compute.c - see support_compute.h */
#include "support_compute.h"
#include <math.h>
#include "base/rng.h"
#include "compute/cpu.h"
#include "compute/products.h"

enum { BEFORE = 37, AFTER = 19 };
static const float guard = -12345.5f;

struct rig_kind {
    const char *name, *backend;
    int threads;
    size_t kernels; /* which of kernels_at, or in bf16 of kernels_bf16_at; 0 the best */
    const char *products;
    bool bf16;
};
static const struct rig_kind kinds[] = {
    {.name = "cpu 1 thread", .backend = "cpu", .threads = 1},
    {.name = "cpu 1 thread, OpenBLAS", .backend = "cpu", .threads = 1, .products = "openblas"},
    {.name = "cpu 2 threads, OpenBLAS", .backend = "cpu", .threads = 2, .products = "openblas"},
    {.name = "cpu 2 threads", .backend = "cpu", .threads = 2},
    {.name = "cpu 3 threads", .backend = "cpu", .threads = 3},
    {.name = "cpu second kernels", .backend = "cpu", .threads = 1, .kernels = 1},
    {.name = "cpu third kernels", .backend = "cpu", .threads = 2, .kernels = 2},
    {.name = "fence 2 threads", .backend = "fence", .threads = 2},
    {.name = "meter 1 thread", .backend = "meter", .threads = 1},
};

static const struct rig_kind bf16_kinds[] = {
    {.name = "bf16", .backend = "cpu", .threads = 1, .bf16 = true},
    {.name = "bf16, 3 threads", .backend = "cpu", .threads = 3, .bf16 = true},
    {.name = "bf16, second kernels", .backend = "cpu", .threads = 2, .kernels = 1, .bf16 = true},
    {.name = "bf16, third kernels", .backend = "cpu", .threads = 1, .kernels = 2, .bf16 = true},
    {.name = "bf16, fourth kernels", .backend = "cpu", .threads = 1, .kernels = 3, .bf16 = true},
    {.name = "bf16, fence", .backend = "fence", .threads = 2, .bf16 = true},
};

static struct rng numbers;

void rig_seed(uint64_t seed)
{
    numbers = (struct rng){.key = rng_key(seed, RNG_TEST, 0, 0)};
}

double rig_number(void)
{
    return (double)(rng_next(&numbers) >> 11) * 0x1p-52 - 1;
}

static void rigs_of(const struct rig_kind *of, size_t n, void (*test)(struct rig *rig))
{
    const struct compute_limits lim = {
        .rows = 1024, .seq = 600, .width = 1536, .vocab = 1100, .head = 128, .train = true};

    for (size_t i = 0; i < n; i++) {
        struct vac_err err = {0};
        struct rig *rig;

        if (of[i].bf16 ? !kernels_bf16_at(of[i].kernels) : !kernels_at(of[i].kernels))
            continue;
        rig = calloc(1, sizeof(*rig));
        assert_non_null(rig);
        rig->name = of[i].name;
        rig->c = compute_open_in(of[i].backend, of[i].threads, of[i].products, of[i].bf16, &err);
        if (!rig->c)
            fail_msg("%s: %s", rig->name, err.msg);
        if (of[i].kernels && of[i].bf16)
            cpu_of(rig->c)->half = kernels_bf16_at(of[i].kernels);
        else if (of[i].kernels)
            cpu_of(rig->c)->k = kernels_at(of[i].kernels);
        assert_ok(compute_reserve(rig->c, &lim, &err), &err);
        rig_seed(1);
        test(rig);
        rig_done(rig);
        compute_close(rig->c);
        free(rig);
    }
}

void rigs_each(void (*test)(struct rig *rig))
{
    rigs_of(kinds, sizeof kinds / sizeof *kinds, test);
}

void rigs_each_bf16(void (*test)(struct rig *rig))
{
    rigs_of(bf16_kinds, sizeof bf16_kinds / sizeof *bf16_kinds, test);
}

static void *keep(struct rig *rig, void *p)
{
    assert_non_null(p);
    assert_true(rig->n_kept < sizeof(rig->kept) / sizeof(rig->kept[0]));
    rig->kept[rig->n_kept++] = p;
    return p;
}

float *rig_floats(struct rig *rig, size_t n)
{
    return keep(rig, calloc(n + 1, sizeof(float)));
}

double *rig_doubles(struct rig *rig, size_t n)
{
    return keep(rig, calloc(n + 1, sizeof(double)));
}

float *rig_random(struct rig *rig, size_t n)
{
    float *x = rig_floats(rig, n);

    for (size_t i = 0; i < n; i++)
        x[i] = (float)rig_number();
    return x;
}

double *rig_widen(struct rig *rig, const float *x, size_t n)
{
    double *y = rig_doubles(rig, n);

    for (size_t i = 0; i < n; i++)
        y[i] = (double)x[i];
    return y;
}

static struct rig_array *array_new(struct rig *rig, size_t n)
{
    struct rig_array *a = &rig->arrays[rig->n_arrays++];

    assert_true(rig->n_arrays <= RIG_ARRAYS);
    *a = (struct rig_array){.n = n};
    return a;
}

static struct ref array_put(struct rig *rig, const float *x, size_t n, bool input)
{
    struct vac_err err = {0};
    struct rig_array *a = array_new(rig, n);
    size_t all = n + BEFORE + AFTER;
    float *full = rig_floats(rig, all);

    a->buf = compute_alloc(rig->c, all, &err);
    if (!a->buf)
        fail_msg("%s: %s", rig->name, err.msg);
    for (size_t i = 0; i < all; i++)
        full[i] = guard;
    for (size_t i = 0; i < n; i++)
        full[BEFORE + i] = x ? x[i] : NAN;
    compute_upload(rig->c, (struct ref){a->buf, 0}, full, all);
    a->host = input ? full + BEFORE : NULL;
    return (struct ref){a->buf, BEFORE};
}

struct ref rig_in(struct rig *rig, const float *x, size_t n)
{
    return array_put(rig, x, n, true);
}

struct ref rig_out(struct rig *rig, const float *x, size_t n)
{
    return array_put(rig, x, n, false);
}

struct ref rig_wrap(struct rig *rig, float *x, enum dtype t, size_t n)
{
    struct vac_err err = {0};
    struct rig_array *a = array_new(rig, n);
    size_t size = dtype_size(t);
    char *room = keep(rig, calloc(n + BEFORE + 1, size));

    dtype_narrow(room + BEFORE * size, x, t, n);
    dtype_widen(x, room + BEFORE * size, t, n);
    a->buf = compute_wrap(rig->c, room, t, n + BEFORE, &err);
    if (!a->buf)
        fail_msg("%s: %s", rig->name, err.msg);
    a->wrapped = true;
    return (struct ref){a->buf, BEFORE};
}

float *rig_get(struct rig *rig, struct ref r, size_t n)
{
    float *x = rig_floats(rig, n);

    compute_download(rig->c, x, r, n);
    return x;
}

static void array_check(struct rig *rig, const struct rig_array *a)
{
    size_t all = a->n + BEFORE + AFTER;
    float *now = rig_floats(rig, all);

    compute_download(rig->c, now, (struct ref){a->buf, 0}, all);
    for (size_t i = 0; i < all; i++)
        if ((i < BEFORE || i >= BEFORE + a->n) && now[i] != guard)
            fail_msg("%s: an array of %zu was overrun at %zd", rig->name, a->n,
                     (ssize_t)i - BEFORE);
    if (a->host && memcmp(a->host, now + BEFORE, a->n * sizeof(float)) != 0)
        fail_msg("%s: an input of %zu numbers was written", rig->name, a->n);
}

void rig_done(struct rig *rig)
{
    for (size_t i = 0; i < rig->n_arrays; i++) {
        if (!rig->arrays[i].wrapped)
            array_check(rig, &rig->arrays[i]);
        compute_release(rig->c, rig->arrays[i].buf);
    }
    for (size_t i = 0; i < rig->n_kept; i++)
        free(rig->kept[i]);
    rig->n_arrays = rig->n_kept = 0;
}

void rig_check(struct rig *rig, const char *what, const float *got, const double *want, size_t n,
               double tol)
{
    double diff = support_diff_d(got, want, n);

    if (!(diff <= tol))
        fail_msg("%s: %s: off by %.3g of the largest value (tolerance %.1g)", rig->name, what, diff,
                 tol);
}

void rig_check_grad(struct rig *rig, const char *what, double (*loss)(void *ctx), void *ctx,
                    double *x, const float *g, size_t n, double tol)
{
    const double step = 1e-5;
    double *at = rig_doubles(rig, n), *dir = rig_doubles(rig, n);

    memcpy(at, x, n * sizeof(*x));
    for (int round = 0; round < 3; round++) {
        double up, down, want, got = 0, size = 1e-3 * (double)n;
        for (size_t i = 0; i < n; i++) {
            dir[i] = rig_number();
            got += dir[i] * (double)g[i];
            size += fabs(dir[i] * (double)g[i]);
        }
        for (size_t i = 0; i < n; i++)
            x[i] = at[i] + step * dir[i];
        up = loss(ctx);
        for (size_t i = 0; i < n; i++)
            x[i] = at[i] - step * dir[i];
        down = loss(ctx);
        memcpy(x, at, n * sizeof(*x));
        want = (up - down) / (2 * step);
        if (!(fabs(got - want) <= tol * size))
            fail_msg("%s: %s: slope %.9g, differences say %.9g (size %.3g)", rig->name, what, got,
                     want, size);
    }
}
