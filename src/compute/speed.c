/* speed.c - measures products and the core itself. */
#include "compute/speed.h"
#include <math.h>
#include <time.h>
#include "base/io.h"
#include "compute/gemm.h"
#include "compute/pages.h"

/* Operands of a product [m,k] x [n,k]^T with `more` numbers behind them; NULL = no memory. */
static float *operands(struct gemm *g, size_t m, size_t n, size_t k, size_t more, size_t *len)
{
    float *room = pages_new((m * k + n * k + m * n + more) * sizeof(float), len);

    for (size_t i = 0; room && i < m * k + n * k; i++)
        room[i] = (float)(i % 7) - 3.0f;
    *g = (struct gemm){.tb = true,
                       .m = m,
                       .n = n,
                       .k = k,
                       .alpha = 1,
                       .a = room,
                       .lda = k,
                       .b = room + m * k,
                       .ldb = k,
                       .c = room + m * k + n * k,
                       .ldc = n};
    return room;
}

double speed_of_products(const struct compute *c, size_t m, size_t n, size_t k, double seconds)
{
    struct cpu cpu = {.base.threads = c->threads,
                      .base.products = c->products,
                      .base.bf16 = c->bf16,
                      .k = kernels_at(0),
                      .half = kernels_bf16_at(0)};
    size_t len, need = m * k + n * k + m * n, wide = WIDEN_ROWS * k;
    struct gemm g;
    float *room = operands(&g, m, n, k, wide * (size_t)c->threads, &len);
    double start, took = 0;
    size_t rounds = 0;

    if (!room)
        return 0;
    cpu.scratch = room + need;
    cpu.size.widen = wide;
    gemm_run(&cpu, &g); /* the first one pays for pages and threads */
    start = clock_now();
    do {
        gemm_run(&cpu, &g);
        rounds++;
        took = clock_now() - start;
    } while (took < seconds);
    pages_free(room, len);
    return took > 0 ? 2e-9 * (double)m * (double)n * (double)k * (double)rounds / took : 0;
}

static double thread_time(void)
{
    struct timespec t;

    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) ? clock_now()
                                                      : (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* By turns, and the best of each: what else runs on the core slows both down. */
struct core_speed speed_of_core(const struct provider *p, size_t n, double seconds)
{
    const struct kernels *k = kernels_at(0);
    struct core_speed best = {0};
    size_t len;
    struct gemm g;
    float *room = operands(&g, n, n, n, 0, &len);
    double end = clock_now() + seconds;

    if (!room)
        return best;
    gemm_serial(p, &g);
    do {
        float io[2] = {0.999f, 0.001f};
        double done, start = thread_time(), middle;

        gemm_serial(p, &g);
        middle = thread_time();
        done = k->peak(io, 20000);
        best.product =
            fmax(best.product, 2e-9 * (double)n * (double)n * (double)n / (middle - start));
        best.peak = fmax(best.peak, 1e-9 * done / (thread_time() - middle));
    } while (clock_now() < end);
    pages_free(room, len);
    return best;
}

double speed_of_bf16(const struct provider *p, size_t n, double seconds)
{
    double best[2] = {INFINITY, INFINITY}, end = clock_now() + seconds;
    size_t len, wide = WIDEN_ROWS * n;
    struct gemm g;
    float *room = operands(&g, n, n, n, wide, &len);

    if (!room)
        return 0;
    do {
        for (int bf16 = 0; bf16 < 2; bf16++) {
            struct cpu c = {.base = {.threads = 1, .products = p, .bf16 = bf16 == 1},
                            .k = kernels_at(0),
                            .half = kernels_bf16_at(0),
                            .scratch = room + 3 * n * n,
                            .size.widen = wide};
            double start = thread_time();

            gemm_run(&c, &g);
            best[bf16] = fmin(best[bf16], thread_time() - start);
        }
    } while (clock_now() < end);
    pages_free(room, len);
    return best[0] / best[1];
}
