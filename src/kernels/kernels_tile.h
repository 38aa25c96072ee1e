/* kernels_tile.h - products x w^T from panels of w, a tile of results in registers from the first number to
 * the last. Who includes it says what a panel holds:
 *
 *     NUMBER                 the type of x and of a panel's numbers, one step of the sum each
 *     ROWS                   rows of a tile: with PANEL columns and what is loaded they fill the registers
 *     LOAD_PANEL(name, from) LANES numbers of a panel
 *     ADD_PANEL(acc, x, name) acc += x times those, for LANES columns */
#ifndef KERNELS_KERNELS_TILE_H
#define KERNELS_KERNELS_TILE_H

#include "kernels/kernels_turn.h"

struct tile {
    float *c;
    size_t ldc;
    const NUMBER *a;
    size_t lda;
    const NUMBER *panel;
    size_t n, k; /* columns that are wanted, numbers to add up */
    float alpha;
    bool add;
};

/* out[0 .. n) (+)= alpha times a row of sums. */
INLINE void put_tile_row(float *out, vec sum[2], size_t n, float alpha, bool add)
{
    float part[PANEL];

    sum[0] *= splat(alpha);
    sum[1] *= splat(alpha);
    if (n == PANEL) {
        if (add) {
            sum[0] += load(out);
            sum[1] += load(out + LANES);
        }
        store(out, sum[0]);
        store(out + LANES, sum[1]);
        return;
    }
    store(part, sum[0]);
    store(part + LANES, sum[1]);
    for (size_t j = 0; j < n; j++)
        out[j] = add ? out[j] + part[j] : part[j];
}

INLINE void tile(const struct tile *t, int I)
{
    vec acc[ROWS][2] = {{{0}}};
    const NUMBER *a = t->a, *b = t->panel;

    for (size_t r = 0; r < t->k; r++, b += PANEL) {
        LOAD_PANEL(b0, b);
        LOAD_PANEL(b1, b + LANES);
        for (int i = 0; i < I; i++) {
            NUMBER x = a[(size_t)i * t->lda + r];
            ADD_PANEL(acc[i][0], x, b0);
            ADD_PANEL(acc[i][1], x, b1);
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
#if ROWS > 4
        TILE_OF(5)
        TILE_OF(6)
#endif
#if ROWS > 6
        TILE_OF(7)
        TILE_OF(8)
        TILE_OF(9)
        TILE_OF(10)
        TILE_OF(11)
        TILE_OF(12)
#endif
#if ROWS > 12
        TILE_OF(13)
        TILE_OF(14)
#endif
    }
}

/* Rows in tiles of almost the same height. */
static void times(float *c, size_t ldc, const NUMBER *a, size_t lda, const NUMBER *panels, size_t m,
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

#endif
