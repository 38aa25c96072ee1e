/* kernels_turn.h - rows of numbers laid side by side, for the kernels of panels; sums of vectors side by side. */
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

/* By fours: of both the even ones, and the odd ones; and within them the lower and upper halves, by turns and
 * as they are. */
#if LANES == 16
#define EVEN_FOURS 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define ODD_FOURS 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#define OF_FOURS(a, b, c, d)                                                                       \
    a, b, c, d, a + 4, b + 4, c + 4, d + 4, a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12,    \
        d + 12
#elif LANES == 8
#define EVEN_FOURS 0, 1, 2, 3, 8, 9, 10, 11
#define ODD_FOURS 4, 5, 6, 7, 12, 13, 14, 15
#define OF_FOURS(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4
#else
#define OF_FOURS(a, b, c, d) a, b, c, d
#endif

/* The sum of the quarters, eighths, ... of a vector, down to four lanes; of a[0], a[4], ... side by side. */
INLINE vec fours_of(const vec *a)
{
#if LANES == 16
    vec x = SHUFFLE(a[0], a[4], EVEN_FOURS) + SHUFFLE(a[0], a[4], ODD_FOURS);
    vec y = SHUFFLE(a[8], a[12], EVEN_FOURS) + SHUFFLE(a[8], a[12], ODD_FOURS);
    return SHUFFLE(x, y, EVEN_FOURS) + SHUFFLE(x, y, ODD_FOURS);
#elif LANES == 8
    return SHUFFLE(a[0], a[4], EVEN_FOURS) + SHUFFLE(a[0], a[4], ODD_FOURS);
#else
    return a[0];
#endif
}

/* The sums of the lanes of LANES vectors: for each the same additions, that of its halves, of their halves, ... */
INLINE vec sums_of(const vec *a)
{
    enum { N = LANES };
    vec v0 = fours_of(a), v1 = fours_of(a + 1), v2 = fours_of(a + 2), v3 = fours_of(a + 3);
    vec x =
        SHUFFLE(v0, v1, OF_FOURS(0, N, 1, N + 1)) + SHUFFLE(v0, v1, OF_FOURS(2, N + 2, 3, N + 3));
    vec y =
        SHUFFLE(v2, v3, OF_FOURS(0, N, 1, N + 1)) + SHUFFLE(v2, v3, OF_FOURS(2, N + 2, 3, N + 3));

    return SHUFFLE(x, y, OF_FOURS(0, 1, N, N + 1)) + SHUFFLE(x, y, OF_FOURS(2, 3, N + 2, N + 3));
}

#endif
