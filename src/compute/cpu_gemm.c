/* cpu_gemm.c - the one general matrix product, and the only file that knows BLAS.
 *
 * A product is cut into a grid of tiles, one for each part, and every tile is one call of a BLAS
 * that uses a single thread: there is one thread pool, ours, whichever way the BLAS was built.
 * Narrow weights are widened tile by tile into the part's scratch. */
#include <cblas.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/io.h"
#include "compute/cpu.h"
#ifdef _OPENMP
#include <omp.h>
#endif

enum { FEW_ROWS = 4, PART_WORK = 1 << 20 };

void gemm_open(void)
{
#ifdef OPENBLAS_VERSION
    openblas_set_num_threads(1);
#endif
}

#ifdef OPENBLAS_VERSION
const char *gemm_kernels(void)
{
    return openblas_get_corename();
}

const char *compute_blas(void)
{
    static const char *const kinds[] = {"serial", "pthreads", "openmp"};
    static char text[160];
    char version[64] = "";
    int kind = openblas_get_parallel();

    if (sscanf(openblas_get_config(), "OpenBLAS %63s", version) != 1)
        version[0] = 0;
    snprintf(text, sizeof(text), "OpenBLAS%s%s (%s) kernels %s", *version ? " " : "", version,
             kind >= 0 && kind < 3 ? kinds[kind] : "unknown threads", openblas_get_corename());
    return text;
}
#else
const char *gemm_kernels(void)
{
    return NULL;
}

const char *compute_blas(void)
{
    return "BLAS (unnamed)";
}
#endif

/* A BLAS built with OpenMP asks how many threads the CALLING thread may start, so what gemm_open
 * said holds in the thread that said it; whoever trains in another one would get a second pool. */
static void blas_alone(void)
{
#ifdef _OPENMP
    if (omp_get_max_threads() != 1)
        omp_set_num_threads(1);
#endif
}

/* c = beta c, the case that some libraries get wrong when nothing is to be added. */
static void clear_or_scale(const struct gemm *g)
{
    for (size_t i = 0; i < g->m; i++)
        for (size_t j = 0; j < g->n; j++) {
            float *x = &g->c[i * g->ldc + j];
            *x = g->beta == 0 ? 0 : g->beta * *x;
        }
}

void gemm_serial(const struct gemm *g)
{
    if (g->m == 0 || g->n == 0)
        return;
    if (g->k == 0) {
        clear_or_scale(g);
        return;
    }
    blas_alone();
    cblas_sgemm(CblasRowMajor, g->ta ? CblasTrans : CblasNoTrans, g->tb ? CblasTrans : CblasNoTrans,
                (blasint)g->m, (blasint)g->n, (blasint)g->k, g->alpha, g->a, (blasint)g->lda, g->b,
                (blasint)g->ldb, g->beta, g->c, (blasint)g->ldc);
}

static const void *b_at(const struct gemm *g, size_t row, size_t col)
{
    return (const char *)g->b + (row * g->ldb + col) * dtype_size(g->bt);
}

/* Rows of y = alpha x w^T for a few rows of x: a general product would copy all of w first. */
static void few_rows(struct cpu *c, const struct gemm *g)
{
    if (g->beta != 0 && g->beta != 1)
        for (size_t i = 0; i < g->m; i++)
            c->k->scale(g->c + i * g->ldc, g->beta, g->c + i * g->ldc, g->n);
    c->k->dots(g->c, g->ldc, g->a, g->lda, g->b, g->ldb, g->alpha, g->m, g->k, g->n, g->beta != 0);
}

static void gemm_f32(struct cpu *c, const struct gemm *g)
{
    if (g->m <= FEW_ROWS && g->tb && !g->ta && g->k > 0)
        few_rows(c, g);
    else
        gemm_serial(g);
}

/* b is [n,k] in a narrow type: columns of c in groups, each with its rows of b widened. A few rows
 * of c are worth so little work that the group must stay in the nearest cache. */
static void gemm_narrow_t(struct cpu *c, const struct gemm *g, float *wide)
{
    size_t step = g->m <= FEW_ROWS ? 8 : WIDEN_ROWS;

    for (size_t j = 0; j < g->n; j += step) {
        struct gemm p = *g;
        p.n = g->n - j < step ? g->n - j : step;
        for (size_t i = 0; i < p.n; i++)
            c->k->widen(wide + i * g->k, b_at(g, j + i, 0), g->bt, g->k);
        p.b = wide;
        p.bt = DTYPE_F32;
        p.ldb = g->k;
        p.c = g->c + j;
        gemm_f32(c, &p);
    }
}

/* b is [k,n] in a narrow type: the sum over k in groups, each adding to c. */
static void gemm_narrow(struct cpu *c, const struct gemm *g, float *wide)
{
    for (size_t j = 0; j < g->k; j += WIDEN_ROWS) {
        struct gemm p = *g;
        p.k = g->k - j < WIDEN_ROWS ? g->k - j : WIDEN_ROWS;
        for (size_t i = 0; i < p.k; i++)
            c->k->widen(wide + i * g->n, b_at(g, j + i, 0), g->bt, g->n);
        p.a = g->a + (g->ta ? j * g->lda : j);
        p.b = wide;
        p.bt = DTYPE_F32;
        p.ldb = g->n;
        p.beta = j ? 1 : g->beta;
        gemm_serial(&p);
    }
}

static void add_bias(struct cpu *c, const struct gemm *g)
{
    for (size_t i = 0; i < g->m; i++) {
        float *row = g->c + i * g->ldc;
        if (g->beta != 0)
            c->k->add(row, row, g->bias, g->n);
        else if (g->n)
            memcpy(row, g->bias, g->n * sizeof(float));
    }
}

void gemm_part(struct cpu *c, const struct gemm *g, int t)
{
    struct gemm p = *g;

    if (g->bias) {
        add_bias(c, g);
        p.beta = 1;
        p.bias = NULL;
    }
    if (p.m == 0 || p.n == 0)
        return;
    if (p.bt == DTYPE_F32 || p.k == 0)
        gemm_f32(c, &p);
    else if (p.tb)
        gemm_narrow_t(c, &p, scratch_widen(c, t));
    else
        gemm_narrow(c, &p, scratch_widen(c, t));
}

/* The grid of tiles: as many as there are parts, with the least to read at the edges. Narrow
 * weights are cut by columns alone, so that no number is widened twice. */
struct grid {
    int rows, cols;
};
static struct grid grid_for(const struct gemm *g, int parts)
{
    struct grid best = {1, parts};
    double least = INFINITY;

    for (int r = 1; r <= parts; r++) {
        double cost = (double)g->m / r + (double)g->n / (parts / r);
        if (parts % r || (r > 1 && g->bt != DTYPE_F32 && g->n >= (size_t)parts * 32))
            continue;
        if (cost < least) {
            least = cost;
            best = (struct grid){r, parts / r};
        }
    }
    return best;
}

static struct gemm tile_of(const struct gemm *g, struct grid grid, int t)
{
    struct range i = range_of(g->m, t / grid.cols, grid.rows, g->m > FEW_ROWS ? 8 : 1);
    struct range j = range_of(g->n, t % grid.cols, grid.cols, 16);
    struct gemm p = *g;

    p.m = i.hi - i.lo;
    p.n = j.hi - j.lo;
    p.a = g->a + (g->ta ? i.lo : i.lo * g->lda);
    p.b = g->tb ? b_at(g, j.lo, 0) : b_at(g, 0, j.lo);
    p.c = g->c + i.lo * g->ldc + j.lo;
    p.bias = g->bias ? g->bias + j.lo : NULL;
    return p;
}

void gemm_run(struct cpu *c, const struct gemm *g)
{
    double work = (double)g->m * (double)g->n * (double)g->k;
    int most = work / PART_WORK < c->base.threads ? (int)(work / PART_WORK) : c->base.threads;
    int parts = most < 1 ? 1 : most;
    struct grid grid = grid_for(g, parts);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct gemm p = tile_of(g, grid, t);
        gemm_part(c, &p, t);
    }
}

/* --- check and speed --- */

/* Room for the largest operand of the check with its padding. */
enum { CHECK_MAX = 72, CHECK_PAD = 3, CHECK_ROOM = CHECK_MAX * (CHECK_MAX + CHECK_PAD) + 16 };

struct check {
    float a[CHECK_ROOM], b[CHECK_ROOM], c[CHECK_ROOM], before[CHECK_ROOM];
};

static void check_fill(float *x, uint32_t *seed)
{
    for (size_t i = 0; i < CHECK_ROOM; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        x[i] = (float)(*seed >> 8) * 0x1p-23f - 1.0f;
    }
}

static bool check_value(const struct gemm *g, const float *before, size_t i, size_t j)
{
    const size_t step_a = g->ta ? g->lda : 1, step_b = g->tb ? 1 : g->ldb;
    const float *a = g->a + (g->ta ? i : i * g->lda);
    const float *b = (const float *)g->b + (g->tb ? j * g->ldb : j);
    double s = 0, size = 1;

    for (size_t l = 0; l < g->k; l++) {
        double x = (double)a[l * step_a] * (double)b[l * step_b];
        s += x;
        size += fabs(x);
    }
    s *= (double)g->alpha;
    if (g->beta != 0)
        s += (double)g->beta * (double)before[i * g->ldc + j];
    return fabs((double)g->c[i * g->ldc + j] - s) <= 2e-6 * size;
}

/* Every number inside is right and every number outside is untouched. */
static bool check_one(struct check *x, const struct gemm *g)
{
    for (size_t i = 0; i < CHECK_ROOM; i++) {
        size_t row = i / g->ldc, col = i % g->ldc;
        if (row < g->m && col < g->n) {
            if (!check_value(g, x->before, row, col))
                return false;
        } else if (memcmp(&x->c[i], &x->before[i], sizeof(float)) != 0) {
            return false;
        }
    }
    return true;
}

static bool check_shape(struct check *x, void (*product)(const struct gemm *g), size_t m, size_t n,
                        size_t k, int variant)
{
    struct gemm g = {.ta = variant & 1,
                     .tb = variant & 2,
                     .m = m,
                     .n = n,
                     .k = k,
                     .alpha = variant & 4 ? 0.3f : 1.0f,
                     .beta = variant & 4 ? 1.0f : 0.0f,
                     .a = x->a,
                     .b = x->b,
                     .c = x->c,
                     .ldc = n + CHECK_PAD};
    size_t cols_a = g.ta ? m : k, cols_b = g.tb ? k : n;

    g.lda = cols_a + CHECK_PAD;
    g.ldb = cols_b + CHECK_PAD;
    for (size_t i = 0; i < CHECK_ROOM; i++) {
        bool inside = i / g.ldc < m && i % g.ldc < n;
        x->before[i] = g.beta == 0 && inside ? NAN : x->b[CHECK_ROOM - 1 - i];
    }
    memcpy(x->c, x->before, sizeof(x->c));
    product(&g);
    return check_one(x, &g);
}

static int check_all(struct check *x, void (*product)(const struct gemm *g), struct vac_err *err)
{
    static const size_t shapes[][3] = {{1, 1, 1},    {1, 33, 17},  {3, 5, 7},    {8, 16, 32},
                                       {13, 12, 70}, {17, 31, 16}, {37, 41, 33}, {64, 64, 64},
                                       {71, 67, 65}, {72, 8, 72},  {8, 72, 71},  {5, 9, 0}};

    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
        for (int variant = 0; variant < 8; variant++) {
            size_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
            if (!check_shape(x, product, m, n, k, variant))
                return err_set(err, VAC_ERR_NUMERIC,
                               "%s computes a wrong %zu x %zu x %zu matrix product on this "
                               "processor: set OPENBLAS_CORETYPE=%s in the environment, or "
                               "install another BLAS",
                               compute_blas(), m, n, k, blas_other());
        }
    return 0;
}

int gemm_check(void (*product)(const struct gemm *g), struct vac_err *err)
{
    struct check *x = mem_new(1, sizeof(*x), err);
    uint32_t seed = 7;
    int rc;

    if (!x)
        return -1;
    check_fill(x->a, &seed);
    check_fill(x->b, &seed);
    rc = check_all(x, product, err);
    free(x);
    return rc;
}

int compute_selfcheck(struct vac_err *err)
{
    gemm_open();
    return gemm_check(gemm_serial, err);
}

double compute_gemm_speed(struct compute *c, size_t m, size_t n, size_t k, double seconds)
{
    struct cpu cpu = {.base.threads = c->threads, .k = kernels_at(0)};
    size_t len, need = m * k + n * k + m * n;
    float *room = pages_new(need * sizeof(float), &len);
    struct gemm g = {.tb = true,
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
    double start, took = 0;
    size_t rounds = 0;

    if (!room)
        return 0;
    for (size_t i = 0; i < m * k + n * k; i++)
        room[i] = (float)(i % 7) - 3.0f;
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
struct core_speed compute_core_speed(size_t n, double seconds)
{
    const struct kernels *k = kernels_at(0);
    struct core_speed best = {0};
    size_t len;
    float *room = pages_new(3 * n * n * sizeof(float), &len);
    struct gemm g = {.tb = true, .m = n, .n = n, .k = n, .alpha = 1, .lda = n, .ldb = n, .ldc = n};
    double end = clock_now() + seconds;

    if (!room)
        return best;
    for (size_t i = 0; i < 2 * n * n; i++)
        room[i] = (float)(i % 7) - 3.0f;
    g.a = room;
    g.b = room + n * n;
    g.c = room + 2 * n * n;
    gemm_serial(&g);
    do {
        float io[2] = {0.999f, 0.001f};
        double done, start = thread_time(), middle;

        gemm_serial(&g);
        middle = thread_time();
        done = k->peak(io, 20000);
        best.product =
            fmax(best.product, 2e-9 * (double)n * (double)n * (double)n / (middle - start));
        best.peak = fmax(best.peak, 1e-9 * done / (thread_time() - middle));
    } while (clock_now() < end);
    pages_free(room, len);
    return best;
}
