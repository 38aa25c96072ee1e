/* kernels_turn.h - rows of numbers laid side by side, for the kernels of panels. */
#ifndef KERNELS_KERNELS_TURN_H
#define KERNELS_KERNELS_TURN_H

#include "kernels/kernels_isa.h"

/* Rows of w in a panel. */
enum { PANEL = 2 * LANES };

/* Numbers 0 .. of both by turns; and of the upper halves. */
#if LANES == 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#endif
#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int32_t ivec __attribute__((vector_size(LANES * sizeof(int32_t))));
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (ivec){__VA_ARGS__})
#endif

/* LANES x LANES numbers change rows for columns: each round deals the two halves out by turns. */
INLINE void turn(vec *v)
{
    for (int n = 1; n < LANES; n *= 2) {
        vec t[LANES];
        for (int i = 0; i < LANES / 2; i++) {
            t[2 * i] = SHUFFLE(v[i], v[i + LANES / 2], LOW);
            t[2 * i + 1] = SHUFFLE(v[i], v[i + LANES / 2], HIGH);
        }
        for (int i = 0; i < LANES; i++)
            v[i] = t[i];
    }
}

/* to[k][PANEL], columns 0 .. LANES, from LANES rows; those past `rows` are 0. */
INLINE void pack_rows(float *to, const float *const *row, size_t k)
{
    size_t r = 0;

    for (; r + LANES <= k; r += LANES) {
        vec v[LANES];
        for (int i = 0; i < LANES; i++)
            v[i] = load(row[i] + r);
        turn(v);
        for (int i = 0; i < LANES; i++)
            store(to + (r + (size_t)i) * PANEL, v[i]);
    }
    for (; r < k; r++)
        for (int i = 0; i < LANES; i++)
            to[r * PANEL + (size_t)i] = row[i][r];
}

#endif
