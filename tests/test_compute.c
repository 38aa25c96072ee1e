/* test_compute.c - opening backends, memory, the fence, and the check of the BLAS. */
#include "support_compute.h"
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compute/cpu.h"
#include "compute/gemm.h"
#include "compute/products.h"
#include "compute/selfcheck.h"
#include "compute/speed.h"

static struct compute *open_or_fail(const char *name, int threads)
{
    struct vac_err err = {0};
    struct compute *c = compute_open(name, threads, NULL, &err);

    if (!c)
        fail_msg("%s", err.msg);
    return c;
}

static void test_open(void **state)
{
    struct vac_err err = {0};
    struct compute *c;

    (void)state;
    assert_null(compute_open("cqu", 1, NULL, &err));
    assert_error(&err, "cpu");
    err_clear(&err);
    assert_null(compute_open("quantum", 1, NULL, &err));
    assert_error(&err, "quantum");
    err_clear(&err);
    assert_null(compute_open("cpu", -1, NULL, &err));
    assert_error(&err, "threads");
    err_clear(&err);
    assert_null(compute_open("cpu", 1000000, NULL, &err));
    assert_error(&err, "threads");
    assert_true(compute_cores() >= 1);
    c = open_or_fail("cpu", 0);
    assert_int_equal(c->threads, compute_cores());
    compute_close(c);
    c = open_or_fail("fence", 3);
    assert_int_equal(c->threads, 3);
    assert_string_equal(c->be->name, "fence");
    compute_close(c);
    compute_close(NULL);
}

static void test_memory(void **state)
{
    static const char *const names[] = {"cpu", "fence"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct compute *c = open_or_fail(names[i], 1);
        struct vac_err err = {0};
        struct buf *b = compute_alloc(c, 3000001, &err), *none = compute_alloc(c, 0, &err);
        assert_non_null(b);
        assert_non_null(none);
        assert_true(op_sumsq(c, (struct ref){b, 0}, 3000001) == 0);
        assert_null(compute_alloc(c, SIZE_MAX, &err));
        assert_error(&err, "memory");
        err_clear(&err);
        assert_null(compute_alloc(c, SIZE_MAX / 16, &err));
        assert_error(&err, "memory");
        compute_release(c, b);
        compute_release(c, none);
        compute_release(c, NULL);
        compute_close(c);
    }
}

/* Numbers may lie anywhere in a file. */
static void test_wrap_odd(void **state)
{
    static const char *const names[] = {"cpu", "fence"};
    static const enum dtype types[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
    const float x[5] = {1, -2, 0.5f, 3, 65504};

    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (size_t t = 0; t < 3; t++)
            for (size_t off = 0; off < 5; off++) {
                struct compute *c = open_or_fail(names[i], 1);
                struct vac_err err = {0};
                char room[5 * 4 + 8];
                float aligned[5], want[5], got[5];
                struct buf *b;
                dtype_narrow(aligned, x, types[t], 5);
                dtype_widen(want, aligned, types[t], 5);
                memcpy(room + off, aligned, 5 * dtype_size(types[t]));
                b = compute_wrap(c, room + off, types[t], 5, &err);
                assert_non_null(b);
                compute_download(c, got, (struct ref){b, 0}, 5);
                assert_memory_equal(got, want, sizeof(want));
                compute_release(c, b);
                compute_close(c);
            }
}

/* Wrapping reads nothing: here a read would be a fault. */
static void test_wrap_untouched(void **state)
{
    const size_t len = (size_t)1 << 36;
    struct compute *c = open_or_fail("cpu", 1);
    struct vac_err err = {0};
    void *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct buf *b;

    (void)state;
    assert_true(p != MAP_FAILED);
    b = compute_wrap(c, p, DTYPE_BF16, len / 2, &err);
    assert_non_null(b);
    compute_release(c, b);
    munmap(p, len);
    compute_close(c);
}

static void test_reserve(void **state)
{
    const struct compute_limits small = {
        .rows = 64, .seq = 32, .width = 128, .vocab = 500, .head = 16};
    struct compute_limits large = small, wild = small;
    struct compute *c = open_or_fail("cpu", 2), *more = open_or_fail("cpu", 3);
    struct vac_err err = {0};

    (void)state;
    large.rows = 1000;
    large.vocab = 49152;
    large.train = true;
    assert_true(compute_scratch_bytes(c, &large) > compute_scratch_bytes(c, &small));
    assert_true(compute_scratch_bytes(more, &small) > compute_scratch_bytes(c, &small));
    assert_ok(compute_reserve(c, &large, &err), &err);
    assert_ok(compute_reserve(c, &small, &err), &err);
    assert_true(cpu_of(c)->scratch_len >= compute_scratch_bytes(c, &large));
    wild.width = SIZE_MAX / 2;
    assert_int_equal(compute_reserve(c, &wild, &err), -1);
    assert_error(&err, "too large");
    compute_close(c);
    compute_close(more);
}

/* Equal chunks; at most 256 rows and 64 MB, but never fewer than 128 rows for the sake of the
 * latter. */
static void test_head_chunk(void **state)
{
    (void)state;
    assert_int_equal(head_chunk(0, 1000), 1);
    assert_int_equal(head_chunk(1, 1000), 1);
    assert_int_equal(head_chunk(256, 1000), 256);
    assert_int_equal(head_chunk(260, 1000), 130);
    assert_int_equal(head_chunk(1000, 49152), 250);
    assert_int_equal(head_chunk(1024, 128256), 128);
    assert_int_equal(head_chunk(1024, 1 << 20), 128);
}

/* --- the fence --- */

/* How a child ends that does `act` with a fenced buffer: the signal, or 0 when it survives. */
static int child_signal(void (*act)(struct compute *c, struct buf *b), bool wrapped)
{
    static float data[16];
    struct vac_err err = {0};
    struct compute *c = open_or_fail("fence", 1);
    struct buf *b =
        wrapped ? compute_wrap(c, data, DTYPE_F32, 16, &err) : compute_alloc(c, 16, &err);
    int status = 0;
    pid_t pid;

    assert_non_null(b);
    pid = fork();
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        act(c, b);
        _exit(0);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    compute_release(c, b);
    compute_close(c);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void act_read(struct compute *c, struct buf *b)
{
    volatile float x = *(volatile float *)b->data;

    (void)c;
    (void)x;
}

static void act_op(struct compute *c, struct buf *b)
{
    op_sumsq(c, (struct ref){b, 0}, 16);
}

static void act_overrun(struct compute *c, struct buf *b)
{
    op_fill(c, (struct ref){b, 0}, 17, 1);
}

static void test_fence(void **state)
{
    (void)state;
    assert_int_equal(child_signal(act_op, false), 0);
    assert_int_equal(child_signal(act_op, true), 0);
    assert_int_equal(child_signal(act_read, false), SIGSEGV);
    assert_int_equal(child_signal(act_read, true), SIGSEGV);
    assert_int_equal(child_signal(act_overrun, false), SIGSEGV);
}

/* --- the check of products --- */

static void product_off(const struct gemm *g)
{
    provider_openblas.multiply(g);
    if (g->m == 37 && g->ta)
        g->c[5 * g->ldc + 7] += 3e-4f;
}

static void product_outside(const struct gemm *g)
{
    provider_openblas.multiply(g);
    g->c[g->n] = 0;
}

static void product_beta(const struct gemm *g)
{
    provider_openblas.multiply(g);
    for (size_t i = 0; g->beta == 0 && i < g->m; i++)
        g->c[i * g->ldc] = NAN;
}

static void test_selfcheck(void **state)
{
    static void (*const wrong[])(const struct gemm *g) = {product_off, product_outside,
                                                          product_beta};
    struct provider bad = provider_openblas;
    struct vac_err err = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        bad.multiply = wrong[i];
        assert_int_equal(selfcheck_products(&bad, &err), -1);
        assert_error(&err, "OPENBLAS_CORETYPE");
        assert_int_equal(err.code, VAC_ERR_NUMERIC);
        err_clear(&err);
    }
}

/* --- the providers --- */

/* Sizes that no kernel likes, with padding, all transpositions, and nothing to add up. */
static void sweep(const struct provider *p)
{
    enum { MOST = 41, PAD = 2, ROOM = MOST * (MOST + PAD) };
    static float a[ROOM], b[ROOM], c[ROOM], was[ROOM];

    for (int i = 0; i < ROOM; i++) {
        a[i] = (float)rig_number();
        b[i] = (float)rig_number();
        was[i] = (float)rig_number();
    }
    for (int round = 0; round < 1500; round++) {
        size_t m = 1 + (size_t)(rig_number() * 20 + 20), n = 1 + (size_t)(rig_number() * 20 + 20);
        size_t k = (size_t)(rig_number() * 20 + 20);
        struct gemm g = {.ta = round & 1,
                         .tb = round & 2,
                         .m = m,
                         .n = n,
                         .k = k,
                         .alpha = round & 4 ? -1.7f : 1,
                         .beta = round % 3 ? (float)(round % 3) / 2 : 0,
                         .a = a,
                         .b = b,
                         .c = c};
        g.lda = (g.ta ? m : k) + PAD;
        g.ldb = (g.tb ? k : n) + PAD;
        g.ldc = n + PAD;
        for (size_t i = 0; i < m * g.ldc; i++)
            c[i] = g.beta == 0 && i % g.ldc < n ? NAN : was[i];
        gemm_serial(p, &g);
        for (size_t i = 0; i < m * g.ldc; i++) {
            size_t row = i / g.ldc, col = i % g.ldc;
            double want = 0;
            for (size_t l = 0; col < n && l < k; l++)
                want += (double)a[g.ta ? l * g.lda + row : row * g.lda + l] *
                        (double)b[g.tb ? col * g.ldb + l : l * g.ldb + col];
            want = col < n ? want * (double)g.alpha : (double)was[i];
            if (col < n && g.beta != 0)
                want += (double)g.beta * (double)was[i];
            if (!(fabs((double)c[i] - want) <= 3e-5))
                fail_msg("%s: %zu x %zu x %zu, round %d: %g instead of %g", products_name(p), m, n,
                         k, round, (double)c[i], want);
        }
    }
}

static volatile sig_atomic_t
    aside; /* 1 = a handler ran on a stack of its own, -1 = on the thread's */

static void on_signal(int number)
{
    stack_t now;

    (void)number;
    aside = !sigaltstack(NULL, &now) && (now.ss_flags & SS_ONSTACK) ? 1 : -1;
}

static void *call_alone(void *nothing)
{
    (void)nothing;
    provider_onednn.alone();
    raise(SIGUSR2);
    return NULL;
}

/* oneDNN's kernels keep a block of the heap in the stack pointer: a handler would write over it. */
static void test_handlers_stand_aside(void **state)
{
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK}, old;
    pthread_t id;

    (void)state;
    if (products_lack(&provider_onednn))
        skip();
    assert_int_equal(sigaction(SIGUSR2, &a, &old), 0);
    assert_int_equal(pthread_create(&id, NULL, call_alone, NULL), 0);
    assert_int_equal(pthread_join(id, NULL), 0);
    assert_int_equal(sigaction(SIGUSR2, &old, NULL), 0);
    assert_int_equal(aside, 1);
}

static void test_providers(void **state)
{
    struct vac_err err = {0};
    const struct provider *p;
    int usable = 0;

    (void)state;
    for (size_t i = 0; (p = products_at(i)); i++) {
        if (products_lack(p)) {
            assert_null(products_find(products_name(p), &err));
            assert_error(&err, products_lack(p));
            err_clear(&err);
            continue;
        }
        usable++;
        assert_ptr_equal(products_find(products_name(p), &err), p);
        assert_ok(selfcheck_products(p, &err), &err);
        assert_true(strlen(products_text(p)) > 4);
        rig_seed(3);
        sweep(p);
    }
    assert_true(usable > 0);
    assert_null(products_find("openblass", &err));
    assert_error(&err, "did you mean \"openblas\"?");
    err_clear(&err);
    setenv("VACCINE_PRODUCTS", "opneblas", 1);
    assert_null(products_find("auto", &err));
    assert_error(&err, "VACCINE_PRODUCTS: no provider of products is called \"opneblas\"");
    setenv("VACCINE_PRODUCTS", "openblas", 1);
    assert_ptr_equal(products_find(NULL, NULL), &provider_openblas);
    unsetenv("VACCINE_PRODUCTS");
}

static void test_speed(void **state)
{
    struct compute *c = open_or_fail("fence", 2);
    struct core_speed core = speed_of_core(c->products, 33, 0.001);

    (void)state;
    for (int t = 0; t < 4; t++) {
        struct sides s = {t & 1, t & 2, 65, 33, 17};

        assert_true(speed_of_products(c, s, 0.001, t & 1) > 0);
        assert_true(speed_of_library(c->products, s, 0.001) > 0);
    }
    assert_true(core.product > 0 && core.peak > 0);
    compute_close(c);
}

/* Rows that the head works on at a time may be given to it one after the other. */
static void head_pieces(struct rig *rig, size_t N, size_t D, size_t V)
{
    size_t piece = compute_head_rows(rig->c, N, V);
    struct ref h = rig_in(rig, rig_random(rig, N * D), N * D);
    struct ref w = rig_in(rig, rig_random(rig, V * D), V * D);
    struct ref dh[2], dw[2];
    double row[2][600];
    int32_t label[600];

    assert_true(piece < N && N <= 600);
    for (size_t n = 0; n < N; n++)
        label[n] = (int32_t)(n * 7919 % V);
    for (int i = 0; i < 2; i++) {
        size_t most = i ? piece : N;

        dh[i] = rig_out(rig, NULL, N * D);
        dw[i] = rig_out(rig, NULL, V * D);
        op_fill(rig->c, dw[i], V * D, 0.5f);
        for (size_t at = 0; at < N; at += most)
            op_xent(rig->c, ref_at(h, at * D), w, label + at, ref_at(dh[i], at * D), dw[i],
                    N - at < most ? N - at : most, D, V, 0, 0.25f, row[i] + at);
    }
    assert_memory_equal(rig_get(rig, dh[0], N * D), rig_get(rig, dh[1], N * D),
                        N * D * sizeof(float));
    assert_memory_equal(rig_get(rig, dw[0], V * D), rig_get(rig, dw[1], V * D),
                        V * D * sizeof(float));
    assert_memory_equal(row[0], row[1], N * sizeof(double));
    rig_done(rig);
}

static void head_pieces_rig(struct rig *rig)
{
    head_pieces(rig, 300, 48, 512);
    head_pieces(rig, 521, 33, 700);
}

static void test_head_pieces(void **state)
{
    (void)state;
    rigs_each(head_pieces_rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_wrap_odd),
        cmocka_unit_test(test_wrap_untouched),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_head_chunk),
        cmocka_unit_test(test_head_pieces),
        cmocka_unit_test(test_fence),
        cmocka_unit_test(test_selfcheck),
        cmocka_unit_test(test_providers),
        cmocka_unit_test(test_handlers_stand_aside),
        cmocka_unit_test(test_speed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
