/* kernels_bf16.c - products of numbers rounded to bf16, summed in F32.
 *
 * Two numbers that follow each other in a sum make a pair of 32 bits, the first in the low half; a panel is PANEL
 * columns of pairs side by side. A processor with the instruction adds both products of a pair at
 * once; another one multiplies the halves, widened, one after the other. */
#include "kernels/kernels_bf16.h"
#include <string.h>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#ifdef __AVX512BF16__
#define ROWS 14
#elif LANES == 16
#define ROWS 12
#else
#define ROWS 4
#endif
INLINE uint32_t bits_of(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof u);
    return u;
}

INLINE float float_of(uint32_t u)
{
    float x;

    memcpy(&x, &u, sizeof x);
    return x;
}

#define NUMBER uint32_t
/* acc += the products of both numbers of a pair, for LANES columns. */
#ifdef __AVX512BF16__
#define LOAD_PANEL(name, from) __m512i name = _mm512_loadu_si512(from)
/* As a float: the compiler then broadcasts from memory. */
#define ADD_PANEL(acc, pair, name)                                                                 \
    (acc) = (vec)_mm512_dpbf16_ps((__m512)(acc), (__m512bh)_mm512_set1_ps(float_of(pair)),         \
                                  (__m512bh)(name))
#else
typedef uint32_t uvec __attribute__((vector_size(LANES * sizeof(uint32_t)), aligned(4), may_alias));
#define LOAD_PANEL(name, from)                                                                     \
    uvec name##_bits = *(const uvec *)(const void *)(from);                                        \
    vec name##_low = (vec)(name##_bits << 16), name##_high = (vec)(name##_bits & 0xffff0000u)
#define ADD_PANEL(acc, pair, name)                                                                 \
    (acc) += splat(float_of((pair) << 16)) * name##_low;                                           \
    (acc) += splat(float_of((pair)&0xffff0000u)) * name##_high
#endif
#include "kernels/kernels_tile.h"

enum { STRIP = DTYPE_BLOCK_MAX };

/* To nearest, ties to even, in the high half; a NaN stays one. */
INLINE uint32_t rounded(float x)
{
    uint32_t u = bits_of(x), up = u + 0x7fff + (u >> 16 & 1);

    return (u & 0x7fffffff) > 0x7f800000 ? u | 0x400000 : up;
}

INLINE uint32_t pair_of(float first, float second)
{
    return rounded(first) >> 16 | (rounded(second) & 0xffff0000);
}

/* Pairs of n numbers; a last one alone is paired with 0. */
static void pair_row(uint32_t *to, const float *x, size_t n)
{
    SIMD for (size_t i = 0; i < n / 2; i++) to[i] = pair_of(x[2 * i], x[2 * i + 1]);
    if (n % 2)
        to[n / 2] = pair_of(x[n - 1], 0);
}

static void pairs(uint32_t *to, size_t ldt, const float *a, size_t lda, bool across, size_t m,
                  size_t k)
{
    for (size_t i = 0; !across && i < m; i++)
        pair_row(to + i * ldt, a + i * lda, k);
    for (size_t r = 0; across && r < k; r += 2) {
        const float *x = a + r * lda, *next = x + lda;
        for (size_t i = 0; i < m; i++)
            to[i * ldt + r / 2] = pair_of(x[i], r + 1 < k ? next[i] : 0);
    }
}

/* Rows of w, whose numbers follow each other in the sum. */
static void pack_rows_of(uint32_t *to, const void *w, enum dtype t, size_t ldw, size_t rows,
                         size_t k)
{
    static const float none[STRIP / 2];
    const struct kernels *wide = kernels_at(0);
    float x[STRIP], pair[LANES][STRIP / 2];

    for (size_t half = 0; half < PANEL; half += LANES)
        for (size_t r = 0; r < k; r += STRIP) {
            size_t n = k - r < STRIP ? k - r : STRIP;
            const float *row[LANES];
            for (size_t i = 0; i < LANES; i++) {
                const char *from = w;
                row[i] = none;
                if (half + i >= rows)
                    continue;
                from += dtype_bytes(t, (half + i) * ldw + r);
                row[i] = pair[i];
                if (t == DTYPE_BF16) {
                    pair[i][(n - 1) / 2] = 0;
                    memcpy(pair[i], from, n * 2);
                    continue;
                }
                if (t != DTYPE_F32)
                    wide->widen(x, from, t, n);
                pair_row((uint32_t *)(void *)pair[i], t == DTYPE_F32 ? (const void *)from : x, n);
            }
            pack_rows((float *)(void *)to + r / 2 * PANEL + half, row, (n + 1) / 2);
        }
}

static void pack(uint32_t *panels, const void *w, enum dtype t, size_t ldw, size_t rows, size_t k)
{
    size_t pairs = (k + 1) / 2;

    for (size_t j = 0; j < rows; j += PANEL)
        pack_rows_of(panels + j * pairs, (const char *)w + dtype_bytes(t, j * ldw), t, ldw,
                     rows - j < PANEL ? rows - j : PANEL, k);
}

/* Columns of w: two rows of it give one row of pairs in every panel. */
static void pack_across(uint32_t *panels, const void *w, enum dtype t, size_t ldw, size_t cols,
                        size_t k)
{
    const struct kernels *wide = kernels_at(0);
    float x[2][BF16_COLS];
    size_t pairs = (k + 1) / 2, all = (cols + PANEL - 1) / PANEL * PANEL;

    memset(x, 0, sizeof x);
    for (size_t r = 0; r < k; r += 2) {
        wide->widen(x[0], (const char *)w + dtype_bytes(t, r * ldw), t, cols);
        if (r + 1 < k)
            wide->widen(x[1], (const char *)w + dtype_bytes(t, (r + 1) * ldw), t, cols);
        else
            memset(x[1], 0, sizeof x[1]);
        for (size_t j = 0; j < all; j += PANEL) {
            uint32_t *to = panels + j * pairs + r / 2 * PANEL;
            SIMD for (size_t i = 0; i < PANEL; i++) to[i] = pair_of(x[0][j + i], x[1][j + i]);
        }
    }
}

const struct bf16_kernels JOIN(bf16_, ISA) = {
    .name = TEXT(ISA), .pack = pack, .pack_across = pack_across, .pairs = pairs, .times = times};
