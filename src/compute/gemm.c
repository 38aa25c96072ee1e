/* gemm.c - the one general matrix product.
 *
 * A product is cut into a grid of tiles, one for each part, and every tile is one call of the
 * provider, which uses a single thread. Narrow weights are widened tile by tile into the part's
 * scratch. */
#include "compute/gemm.h"
#include <math.h>
#include <string.h>

/* Numbers of w that are laid out at a time, and how long their sums are at most. */
enum {
    FEW_COLS = 16,
    PART_WORK = 1 << 20,
    PANEL_ROOM = 1 << 17,
    PANEL_DEPTH = 1024,
    PANEL_COST = 32, /* rows that can be multiplied while w is laid out */
    PAIR_ROWS = 64
};

/* c = beta c, the case that some libraries get wrong when nothing is to be added. */
static void clear_or_scale(const struct gemm *g)
{
    for (size_t i = 0; i < g->m; i++)
        for (size_t j = 0; j < g->n; j++) {
            float *x = &g->c[i * g->ldc + j];
            *x = g->beta == 0 ? 0 : g->beta * *x;
        }
}

void gemm_serial(const struct provider *p, const struct gemm *g)
{
    if (g->m == 0 || g->n == 0)
        return;
    if (g->k == 0) {
        clear_or_scale(g);
        return;
    }
    p->alone();
    p->multiply(g);
}

static const void *b_at(const struct gemm *g, size_t row, size_t col)
{
    return (const char *)g->b + dtype_bytes(g->bt, row * g->ldb + col);
}

/* Whether y = alpha x w^T has so few rows that laying out w would not pay. */
static bool is_few(const struct cpu *c, const struct gemm *g)
{
    return g->tb && !g->ta && g->k > 0 && g->m <= c->k->panel->few;
}

/* Rows of w in groups that stay in the nearest cache while all of x passes over them. */
static void few_rows(struct cpu *c, const struct gemm *g)
{
    const float *b = g->b;

    if (g->beta != 0 && g->beta != 1)
        for (size_t i = 0; i < g->m; i++)
            c->k->scale(g->c + i * g->ldc, g->beta, g->c + i * g->ldc, g->n);
    for (size_t j = 0; j < g->n; j += FEW_COLS)
        c->k->dots(g->c + j, g->ldc, g->a, g->lda, b + j * g->ldb, g->ldb, g->alpha, g->m, g->k,
                   g->n - j < FEW_COLS ? g->n - j : FEW_COLS, g->beta != 0);
}

/* y = alpha x w^T with w laid out for it block by block in `room`, which stays in the second-level
 * cache: faster than a general product, which copies w more slowly, and x too. */
static void gemm_panels(struct cpu *c, const struct gemm *g, float *room)
{
    const struct panel_kernels *p = c->k->panel;
    size_t parts = (g->k + PANEL_DEPTH - 1) / PANEL_DEPTH, deep = (g->k + parts - 1) / parts;
    size_t block = dtype_block(g->bt), cols;

    deep = (deep + block - 1) / block * block; /* no block is parted */
    cols = PANEL_ROOM / deep < WIDEN_ROWS ? PANEL_ROOM / deep : WIDEN_ROWS;

    cols = cols < p->rows ? p->rows : cols / p->rows * p->rows;
    if (g->beta != 0 && g->beta != 1)
        for (size_t i = 0; i < g->m; i++)
            c->k->scale(g->c + i * g->ldc, g->beta, g->c + i * g->ldc, g->n);
    for (size_t j = 0; j < g->n; j += cols)
        for (size_t r = 0; r < g->k; r += deep) {
            size_t n = g->n - j < cols ? g->n - j : cols, k = g->k - r < deep ? g->k - r : deep;
            for (size_t i = 0; i < n; i += p->rows)
                p->pack(room + i * k, b_at(g, j + i, r), g->bt, g->ldb,
                        n - i < p->rows ? n - i : p->rows, k);
            p->times(g->c + j, g->ldc, g->a + r, g->lda, room, g->m, n, k, g->alpha,
                     r > 0 || g->beta != 0);
        }
}

/* Both sides rounded to bf16: w in panels, and x a few rows at a time, in the part's scratch, which holds
 * WIDEN_ROWS times its width. */
static void gemm_bf16(struct cpu *c, const struct gemm *g, uint32_t *room)
{
    const struct bf16_kernels *h = c->half;
    size_t width = c->size.widen / WIDEN_ROWS / 2 * 2;
    size_t deep = width < PANEL_DEPTH ? width : PANEL_DEPTH, ld = deep / 2;
    uint32_t *x = room + BF16_COLS * ld;

    if (g->beta != 0 && g->beta != 1)
        for (size_t i = 0; i < g->m; i++)
            c->k->scale(g->c + i * g->ldc, g->beta, g->c + i * g->ldc, g->n);
    for (size_t j = 0; j < g->n; j += BF16_COLS)
        for (size_t r = 0; r < g->k; r += deep) {
            size_t n = g->n - j < BF16_COLS ? g->n - j : BF16_COLS;
            size_t k = g->k - r < deep ? g->k - r : deep;
            (g->tb ? h->pack : h->pack_across)(room, g->tb ? b_at(g, j, r) : b_at(g, r, j), g->bt,
                                               g->ldb, n, k);
            for (size_t i = 0; i < g->m; i += PAIR_ROWS) {
                size_t m = g->m - i < PAIR_ROWS ? g->m - i : PAIR_ROWS;
                h->pairs(x, ld, g->a + (g->ta ? r * g->lda + i : i * g->lda + r), g->lda, g->ta, m,
                         k);
                h->times(g->c + i * g->ldc + j, g->ldc, x, ld, room, m, n, (k + 1) / 2, g->alpha,
                         r > 0 || g->beta != 0);
            }
        }
}

static void gemm_f32(struct cpu *c, const struct gemm *g)
{
    if (is_few(c, g))
        few_rows(c, g);
    else
        gemm_serial(c->base.products, g);
}

/* b is [n,k] in a narrow type: columns of c in groups, each with its rows of b widened. A few rows
 * of c are worth so little work that the group must stay in the nearest cache. */
static void gemm_narrow_t(struct cpu *c, const struct gemm *g, float *wide)
{
    size_t step = is_few(c, g) ? 8 : WIDEN_ROWS;

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
        gemm_serial(c->base.products, &p);
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

/* Without wide vectors and multiply-add the libraries know more; and they copy x, whose rows in a tile push each
 * other out of the nearest cache where whole pages lie between them. */
static bool by_panels(const struct cpu *c, const struct gemm *g)
{
    return g->tb && !g->ta && g->k > 0 && !is_few(c, g) && c->k->panel->rows >= 16 &&
           g->lda * sizeof(float) % 4096 != 0 && !c->base.bf16;
}

bool gemm_rows_apart(const struct cpu *c, const struct gemm *g, size_t rows)
{
    struct gemm p = *g;

    p.m = rows;
    return by_panels(c, &p);
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
    if (c->base.bf16 && p.k > 0)
        gemm_bf16(c, &p, (uint32_t *)(void *)scratch_widen(c, t));
    else if (by_panels(c, &p))
        gemm_panels(c, &p, scratch_widen(c, t));
    else if (p.bt == DTYPE_F32 || p.k == 0)
        gemm_f32(c, &p);
    else if (p.tb)
        gemm_narrow_t(c, &p, scratch_widen(c, t));
    else
        gemm_narrow(c, &p, scratch_widen(c, t));
}

/* The grid of tiles: as many as there are parts, with the least to read at the edges; of panels, which are
 * whole and laid out by every part that reads them, with the least to compute. Narrow weights are cut by
 * columns alone, so that no number is widened or rounded twice. */
struct grid {
    int rows, cols;
    size_t grain; /* columns are cut at its multiples */
};
static double part_cost(const struct cpu *c, const struct gemm *g, struct grid x)
{
    double m = (double)g->m / x.rows, n = (double)g->n / x.cols;

    if (!by_panels(c, g))
        return m + n;
    return (m + PANEL_COST) * ceil(ceil((double)g->n / (double)x.grain) / x.cols);
}

static struct grid grid_for(const struct cpu *c, const struct gemm *g, int parts)
{
    size_t block = g->tb ? 1 : dtype_block(g->bt); /* of which no row of b gives a part */
    size_t grain = by_panels(c, g) ? c->k->panel->rows : block > 16 ? block : 16;
    struct grid best = {1, parts, grain};
    double least = INFINITY;

    for (int r = 1; r <= parts; r++) {
        struct grid x = {r, parts / r, grain};
        double cost = part_cost(c, g, x);
        if (parts % r ||
            (r > 1 && (g->bt != DTYPE_F32 || c->base.bf16) && g->n >= (size_t)parts * 32))
            continue;
        if (cost < least) {
            least = cost;
            best = x;
        }
    }
    return best;
}

static struct gemm tile_of(const struct gemm *g, struct grid grid, int t)
{
    struct range i = range_of(g->m, t / grid.cols, grid.rows, g->m > 8 ? 8 : 1);
    struct range j = range_of(g->n, t % grid.cols, grid.cols, grid.grain);
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
    struct grid grid = grid_for(c, g, parts);

    PARALLEL(parts)
    for (int t = 0; t < parts; t++) {
        struct gemm p = tile_of(g, grid, t);
        gemm_part(c, &p, t);
    }
}
