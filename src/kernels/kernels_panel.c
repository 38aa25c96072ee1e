/* kernels_panel.c - products x w^T, w first laid out in panels.
 *
 * A panel is PANEL rows of w side by side, panel[k][PANEL]: one step of the sum loads a few whole
 * vectors of it, and a tile of results stays in registers to the end. Laying out costs a shuffle
 * for four numbers, once for all rows of x, and takes w in any dtype. */
#include "kernels/kernels_panel.h"
#include <string.h>
#include "kernels/kernels_turn.h"

/* Rows of a tile: with PANEL columns and what is loaded they fill the registers. */
#if LANES == 16
#define ROWS 14
#define FEW 24
#else
#define ROWS 6
#define FEW 10
#endif
enum { STRIP = 64 };

static void pack(float *to, const void *w, enum dtype t, size_t ldw, size_t rows, size_t k)
{
    static const float none[DTYPE_BLOCK_MAX];
    float wide[LANES][DTYPE_BLOCK_MAX];
    size_t strip = dtype_block(t) > STRIP ? dtype_block(t) : STRIP;

    for (size_t half = 0; half < PANEL; half += LANES)
        for (size_t r = 0; r < k; r += strip) {
            size_t n = k - r < strip ? k - r : strip;
            const float *row[LANES];
            for (size_t i = 0; i < LANES; i++) {
                const char *from = w;
                row[i] = none;
                if (half + i >= rows)
                    continue;
                from += dtype_bytes(t, (half + i) * ldw + r);
                row[i] = t == DTYPE_F32 ? (const float *)(const void *)from : wide[i];
                if (t != DTYPE_F32)
                    JOIN(kernels_, ISA).widen(wide[i], from, t, n);
            }
            pack_rows(to + r * PANEL + half, row, n);
        }
}

struct tile {
    float *c;
    size_t ldc;
    const float *a;
    size_t lda;
    const float *panel;
    size_t n, k; /* columns that are wanted, numbers to add up */
    float alpha;
    bool add;
};

INLINE void tile(const struct tile *t, int I)
{
    vec acc[ROWS][2] = {{{0}}};
    const float *a = t->a, *b = t->panel;

    for (size_t r = 0; r < t->k; r++, b += PANEL) {
        vec b0 = load(b), b1 = load(b + LANES);
        for (int i = 0; i < I; i++) {
            vec x = splat(a[(size_t)i * t->lda + r]);
            acc[i][0] += x * b0;
            acc[i][1] += x * b1;
        }
    }
    for (int i = 0; i < I; i++)
        put_tile_row(t->c + (size_t)i * t->ldc, acc[i], t->n, t->alpha, t->add);
}

#define TILE_OF(rows)                                                                              \
    case rows:                                                                                     \
        tile(t, rows);                                                                             \
        break;
static void tile_of(const struct tile *t, size_t rows)
{
    switch (rows) {
        TILE_OF(1)
        TILE_OF(2)
        TILE_OF(3)
        TILE_OF(4)
        TILE_OF(5)
        TILE_OF(6)
#if ROWS > 6
        TILE_OF(7)
        TILE_OF(8)
        TILE_OF(9)
        TILE_OF(10)
        TILE_OF(11)
        TILE_OF(12)
        TILE_OF(13)
        TILE_OF(14)
#endif
    }
}

/* Rows in tiles of almost the same height. */
static void times(float *c, size_t ldc, const float *a, size_t lda, const float *panels, size_t m,
                  size_t n, size_t k, float alpha, bool more)
{
    size_t tiles = (m + ROWS - 1) / ROWS;

    for (size_t i = 0; i < tiles; i++) {
        size_t lo = m * i / tiles, hi = m * (i + 1) / tiles;
        struct tile t = {.ldc = ldc,
                         .a = a + lo * lda,
                         .lda = lda,
                         .panel = panels,
                         .k = k,
                         .alpha = alpha,
                         .add = more};
        for (size_t j = 0; j < n; j += PANEL, t.panel += PANEL * k) {
            t.c = c + lo * ldc + j;
            t.n = n - j < PANEL ? n - j : PANEL;
            tile_of(&t, hi - lo);
        }
    }
}

const struct panel_kernels JOIN(panel_,
                                ISA) = {.rows = PANEL, .few = FEW, .pack = pack, .times = times};
