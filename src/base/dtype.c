/* dtype.c - bfloat16 and half precision without help of the processor, in loops that vectorise.
 *
 * Selections instead of branches, and integer arithmetic wherever it is exact; the one place that
 * leans on the floating-point unit to round says so. */
#include <string.h>
#include "base/dtype.h"

static const struct {
    const char *name;
    size_t block, size;
} dtypes[] = {
#define DTYPE_ROW(name, block, bytes) [DTYPE_##name] = {#name, block, bytes},
    DTYPES(DTYPE_ROW)
#undef DTYPE_ROW
};

const char *dtype_name(enum dtype t)
{
    return dtypes[t].name;
}

size_t dtype_block(enum dtype t)
{
    return dtypes[t].block;
}

size_t dtype_size(enum dtype t)
{
    return dtypes[t].size;
}

size_t dtype_bytes(enum dtype t, size_t n)
{
    return n / dtypes[t].block * dtypes[t].size;
}

static inline uint32_t bits_of(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float float_of(uint32_t u)
{
    float x;

    memcpy(&x, &u, sizeof x);
    return x;
}

static inline float widen_bf16(uint16_t x)
{
    return float_of((uint32_t)x << 16);
}

/* 112 is the difference of the two exponent biases (127 - 15). */
static inline float widen_f16(uint16_t x)
{
    uint32_t sign = (uint32_t)(x & 0x8000) << 16, body = x & 0x7fff;
    uint32_t normal = (body << 13) + (112u << 23);
    uint32_t special = normal + (112u << 23); /* Inf and NaN: all ones in the exponent */
    uint32_t small = bits_of((float)(int32_t)body * 0x1p-24f);
    uint32_t u = body < 0x0400 ? small : body < 0x7c00 ? normal : special;

    return float_of(sign | u);
}

static inline uint16_t narrow_bf16(float x)
{
    uint32_t u = bits_of(x);
    uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    uint32_t nan = u >> 16 | 0x40;

    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

/* Adding 0.5 to something below 2^-14 rounds it to a multiple of 2^-24, the step of the subnormal
 * halves, and leaves the count of these steps in the low bits. */
static inline uint16_t narrow_f16(float x)
{
    uint32_t u = bits_of(x), body = u & 0x7fffffff, sign = u >> 16 & 0x8000;
    uint32_t normal = (body - (112u << 23) + 0xfff + (body >> 13 & 1)) >> 13;
    uint32_t small = bits_of(float_of(body) + 0.5f) - bits_of(0.5f);
    uint32_t nan = 0x7e00 | (body >> 13 & 0x3ff);
    uint32_t r = body < 0x38800000 ? small : normal;

    r = body >= 0x477ff000 ? 0x7c00 : r; /* from 65520 on, halfway past the largest half */
    r = body > 0x7f800000 ? nan : r;
    return (uint16_t)(sign | r);
}

/* Tensors in a file may start at any byte, so 16-bit numbers are read and written by memcpy. */
static void widen_bf16_n(float *out, const unsigned char *in, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint16_t x;

        memcpy(&x, in + 2 * i, 2);
        out[i] = widen_bf16(x);
    }
}

static void widen_f16_n(float *out, const unsigned char *in, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint16_t x;

        memcpy(&x, in + 2 * i, 2);
        out[i] = widen_f16(x);
    }
}

static void narrow_bf16_n(unsigned char *out, const float *in, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint16_t x = narrow_bf16(in[i]);

        memcpy(out + 2 * i, &x, 2);
    }
}

static void narrow_f16_n(unsigned char *out, const float *in, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint16_t x = narrow_f16(in[i]);

        memcpy(out + 2 * i, &x, 2);
    }
}

void dtype_widen(float *out, const void *in, enum dtype t, size_t n)
{
    if (t == DTYPE_BF16)
        widen_bf16_n(out, in, n);
    else if (t == DTYPE_F16)
        widen_f16_n(out, in, n);
    else if (n)
        memcpy(out, in, n * sizeof *out);
}

void dtype_narrow(void *out, const float *in, enum dtype t, size_t n)
{
    if (t == DTYPE_BF16)
        narrow_bf16_n(out, in, n);
    else if (t == DTYPE_F16)
        narrow_f16_n(out, in, n);
    else if (n)
        memcpy(out, in, n * sizeof *in);
}
