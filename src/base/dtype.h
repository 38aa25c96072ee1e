/* dtype.h - the number formats of weights, and the exact way between those that stand alone.
 *
 * The others come in blocks (GGUF's): so many numbers of a row share a scale. They are only read, and only
 * src/compute knows what is in a block. */
#ifndef BASE_DTYPE_H
#define BASE_DTYPE_H

#include <stddef.h>
#include <stdint.h>

/* X-macro: name, numbers in a block, bytes of one. */
#define DTYPES(X)                                                                                  \
    X(F32, 1, 4)                                                                                   \
    X(BF16, 1, 2)                                                                                  \
    X(F16, 1, 2)                                                                                   \
    X(Q8_0, 32, 34)                                                                                \
    X(Q4_0, 32, 18)                                                                                \
    X(Q4_1, 32, 20)                                                                                \
    X(Q5_0, 32, 22)                                                                                \
    X(Q5_1, 32, 24)                                                                                \
    X(Q2_K, 256, 84)                                                                               \
    X(Q3_K, 256, 110)                                                                              \
    X(Q4_K, 256, 144)                                                                              \
    X(Q5_K, 256, 176)                                                                              \
    X(Q6_K, 256, 210)
#define DTYPE_ENUM(name, block, bytes) DTYPE_##name,
enum dtype { DTYPES(DTYPE_ENUM) DTYPE_COUNT };
#undef DTYPE_ENUM
#define DTYPE_BLOCK_MAX 256

const char *dtype_name(enum dtype t); /* "F32", "BF16", "Q4_K": the names that files use */
size_t dtype_block(enum dtype t);     /* numbers in a block; 1 for those that stand alone */
size_t dtype_size(enum dtype t);      /* bytes of a block: 4, 2, 2, 34 ... */
/* Bytes of n numbers, which are whole blocks. */
size_t dtype_bytes(enum dtype t, size_t n);
/* n numbers at once, from and to any of the three. Narrowing rounds to nearest, ties to even; what is
 * too large becomes Inf; NaN stays a (quiet) NaN. */
void dtype_widen(float *out, const void *in, enum dtype t, size_t n);
void dtype_narrow(void *out, const float *in, enum dtype t, size_t n);
#endif
