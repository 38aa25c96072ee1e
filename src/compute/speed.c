/* speed.c - measures products and the core itself. */
#include "compute/speed.h"
#include <math.h>
#include <time.h>
#include "base/io.h"
#include "compute/gemm.h"
#include "compute/pages.h"

/* Operands of a product with `more` numbers behind them; NULL = no memory. */
static float *operands(struct gemm *g, struct sides s, size_t more, size_t *len)
{
    size_t m = s.m, n = s.n, k = s.k;
    float *room = pages_new((m * k + n * k + m * n + more) * sizeof(float), len);

    for (size_t i = 0; room && i < m * k + n * k; i++)
        room[i] = (float)(i % 7) - 3.0f;
    *g = (struct gemm){.ta = s.ta,
                       .tb = s.tb,
                       .m = m,
                       .n = n,
                       .k = k,
                       .alpha = 1,
                       .a = room,
                       .lda = s.ta ? m : k,
                       .b = room + m * k,
                       .ldb = s.tb ? k : n,
                       .c = room + m * k + n * k,
                       .ldc = n};
    return room;
}

static double thread_time(void)
{
    struct timespec t;

    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) ? clock_now()
                                                      : (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* By the library alone where there is no c; in this thread's own time, or as the clock goes. */
static double speed_of(struct cpu *c, const struct provider *p, struct sides s, double seconds,
                       bool own)
{
    size_t wide = WIDEN_ROWS * (s.tb ? s.k : s.n), len;
    struct gemm g;
    float *room = operands(&g, s, c ? wide * (size_t)c->base.threads : 0, &len);
    double start = 0, took = 0;
    size_t rounds = 0;

    if (!room)
        return 0;
    if (c) {
        c->scratch = room + s.m * s.k + s.n * s.k + s.m * s.n;
        c->size.widen = wide;
    }
    do {
        if (c)
            gemm_run(c, &g);
        else
            gemm_serial(p, &g);
        if (rounds++ == 0) /* which pays for pages and threads */
            start = own ? thread_time() : clock_now();
        took = (own ? thread_time() : clock_now()) - start;
    } while (rounds < 2 || took < seconds);
    pages_free(room, len);
    return took > 0 ? 2e-9 * (double)s.m * (double)s.n * (double)s.k * (double)(rounds - 1) / took
                    : 0;
}

double speed_of_products(const struct compute *c, struct sides s, double seconds, bool own)
{
    struct cpu cpu = {.base.threads = c->threads,
                      .base.products = c->products,
                      .base.bf16 = c->bf16,
                      .k = kernels_at(0),
                      .half = kernels_bf16_at(0)};

    return speed_of(&cpu, NULL, s, seconds, own && c->threads == 1);
}

double speed_of_library(const struct provider *p, struct sides s, double seconds)
{
    return speed_of(NULL, p, s, seconds, true);
}

/* By turns, and the best of each: what else runs on the core slows both down. */
struct core_speed speed_of_core(const struct provider *p, size_t n, double seconds)
{
    const struct kernels *k = kernels_at(0);
    struct core_speed best = {0};
    size_t len;
    struct gemm g;
    float *room = operands(&g, (struct sides){false, true, n, n, n}, 0, &len);
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
    float *room = operands(&g, (struct sides){false, true, n, n, n}, wide, &len);

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
