/* selfcheck.c - products on odd shapes against a plain loop. */
#include "compute/selfcheck.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "compute/gemm.h"

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

static bool check_shape(struct check *x, const struct provider *p, size_t m, size_t n, size_t k,
                        int variant)
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
    gemm_serial(p, &g);
    return check_one(x, &g);
}

static int check_all(struct check *x, const struct provider *p, struct vac_err *err)
{
    static const size_t shapes[][3] = {{1, 1, 1},    {1, 33, 17},  {3, 5, 7},    {8, 16, 32},
                                       {13, 12, 70}, {17, 31, 16}, {37, 41, 33}, {64, 64, 64},
                                       {71, 67, 65}, {72, 8, 72},  {8, 72, 71},  {5, 9, 0}};

    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
        for (int variant = 0; variant < 8; variant++) {
            size_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
            if (!check_shape(x, p, m, n, k, variant))
                return err_set(err, VAC_ERR_NUMERIC,
                               "%s computes a wrong %zu x %zu x %zu matrix product on this "
                               "processor: %s",
                               p->text(), m, n, k, p->cure());
        }
    return 0;
}

int selfcheck_products(const struct provider *p, struct vac_err *err)
{
    struct check *x = mem_new(1, sizeof(*x), err);
    uint32_t seed = 7;
    int rc;

    if (!x)
        return -1;
    check_fill(x->a, &seed);
    check_fill(x->b, &seed);
    rc = check_all(x, p, err);
    free(x);
    return rc;
}
