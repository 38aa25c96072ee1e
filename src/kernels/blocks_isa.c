/* blocks_isa.c - the layouts of GGUF's blocks.
 *
 * In the small types a block is 32 numbers with a scale d (and a minimum m); byte i holds number i in its
 * low half and number i + 16 in its high half. In the K types it is 256 numbers in groups of 16 or 32, whose
 * scales are small whole numbers times d. */
#include "kernels/blocks_isa.h"
#include <string.h>

#ifndef ISA
#define ISA base
#endif
#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define SIMD _Pragma("omp simd")

/* As widen_f16 of kernels_isa.c does it. */
static inline float half_at(const unsigned char *p)
{
    uint32_t h = p[0] | (uint32_t)p[1] << 8, top = (h & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0;
    union {
        uint32_t u;
        float f;
    } t = {(h & 0x7fffu) << 13};

    t.f *= 0x1p112f;
    t.u |= top | (h & 0x8000u) << 16;
    return t.f;
}

static void q8_0(float *restrict y, const unsigned char *p)
{
    const signed char *q = (const signed char *)p + 2;
    float d = half_at(p);

    SIMD for (int i = 0; i < 32; i++) y[i] = d * (float)q[i];
}

static void q4_0(float *restrict y, const unsigned char *p)
{
    const unsigned char *q = p + 2;
    float d = half_at(p);

    SIMD for (int i = 0; i < 16; i++)
    {
        y[i] = d * (float)((q[i] & 15) - 8);
        y[i + 16] = d * (float)((q[i] >> 4) - 8);
    }
}

static void q4_1(float *restrict y, const unsigned char *p)
{
    const unsigned char *q = p + 4;
    float d = half_at(p), m = half_at(p + 2);

    SIMD for (int i = 0; i < 16; i++)
    {
        y[i] = d * (float)(q[i] & 15) + m;
        y[i + 16] = d * (float)(q[i] >> 4) + m;
    }
}

/* The fifth bits of all 32 numbers stand together. */
static void q5(float *restrict y, const unsigned char *h, float d, int from, float m)
{
    const unsigned char *q = h + 4;
    uint32_t bits;

    memcpy(&bits, h, sizeof bits);
    SIMD for (int i = 0; i < 16; i++)
    {
        y[i] = d * (float)((int)((q[i] & 15) | (bits >> i & 1) << 4) - from) + m;
        y[i + 16] = d * (float)((int)(q[i] >> 4 | (bits >> (i + 16) & 1) << 4) - from) + m;
    }
}

static void q5_0(float *restrict y, const unsigned char *p)
{
    /* -0 is what leaves every number as it is */
    q5(y, p + 2, half_at(p), 16, -0.0f);
}

static void q5_1(float *restrict y, const unsigned char *p)
{
    q5(y, p + 4, half_at(p), 0, half_at(p + 2));
}

/* y[i] = d q[i] - m, q the two bits of 16 bytes at `shift`. */
static void q2_k(float *restrict y, const unsigned char *p)
{
    float d = half_at(p + 80), dmin = half_at(p + 82);

    for (int g = 0; g < 16; g++) {
        const unsigned char *q = p + 16 + 32 * (g / 8) + 16 * (g % 2);
        float s = d * (float)(p[g] & 15), m = dmin * (float)(p[g] >> 4);
        int shift = 2 * (g / 2 % 4);

        SIMD for (int i = 0; i < 16; i++) y[16 * g + i] = s * (float)(q[i] >> shift & 3) - m;
    }
}

static void q3_k(float *restrict y, const unsigned char *p)
{
    const unsigned char *scale = p + 96;
    float d = half_at(p + 108);

    for (int g = 0; g < 16; g++) {
        const unsigned char *q = p + 32 + 32 * (g / 8) + 16 * (g % 2), *mask = p + 16 * (g % 2);
        int low = g < 8 ? scale[g] & 15 : scale[g - 8] >> 4;
        int high = scale[8 + g % 4] >> 2 * (g / 4) & 3;
        float s = d * (float)((low | high << 4) - 32);
        int shift = 2 * (g / 2 % 4), bit = g / 2;

        SIMD for (int i = 0; i < 16; i++) y[16 * g + i] =
            s * (float)((q[i] >> shift & 3) - 4 + 4 * (mask[i] >> bit & 1));
    }
}

/* Scale and minimum of group g, six bits each, in twelve bytes. */
static void scale_min(const unsigned char *s, int g, float *scale, float *min)
{
    if (g < 4) {
        *scale = (float)(s[g] & 63);
        *min = (float)(s[g + 4] & 63);
    } else {
        *scale = (float)((s[g + 4] & 15) | s[g - 4] >> 6 << 4);
        *min = (float)(s[g + 4] >> 4 | s[g] >> 6 << 4);
    }
}

/* Q4_K, and Q5_K with its fifth bits in `high`. */
static void q45_k(float *restrict y, const unsigned char *p, const unsigned char *qs,
                  const unsigned char *high)
{
    static const unsigned char none[32];
    float d = half_at(p), dmin = half_at(p + 2);

    high = high ? high : none;
    for (int g = 0; g < 8; g++) {
        const unsigned char *q = qs + 32 * (g / 2);
        int shift = 4 * (g % 2);
        float s, m;

        scale_min(p + 4, g, &s, &m);
        s *= d;
        m *= dmin;
        SIMD for (int i = 0; i < 32; i++) y[32 * g + i] =
            s * (float)((q[i] >> shift & 15) | (high[i] >> g & 1) << 4) - m;
    }
}

static void q4_k(float *restrict y, const unsigned char *p)
{
    q45_k(y, p, p + 16, NULL);
}

static void q5_k(float *restrict y, const unsigned char *p)
{
    q45_k(y, p, p + 48, p + 16);
}

static void q6_k(float *restrict y, const unsigned char *p)
{
    const signed char *scale = (const signed char *)p + 192;
    float d = half_at(p + 208);

    for (int g = 0; g < 16; g++) {
        int n = g / 8, k = g / 2 % 4, low = 4 * (k / 2), high = 2 * k;
        const unsigned char *ql = p + 64 * n + 32 * (k % 2) + 16 * (g % 2);
        const unsigned char *qh = p + 128 + 32 * n + 16 * (g % 2);
        float s = d * (float)scale[g];

        SIMD for (int i = 0; i < 16; i++) y[16 * g + i] =
            s * (float)(((ql[i] >> low & 15) | (qh[i] >> high & 3) << 4) - 32);
    }
}

void JOIN(blocks_widen_, ISA)(float *y, const unsigned char *x, enum dtype t, size_t n)
{
    static void (*const widen[DTYPE_COUNT])(float *restrict y, const unsigned char *p) = {
        [DTYPE_Q8_0] = q8_0, [DTYPE_Q4_0] = q4_0, [DTYPE_Q4_1] = q4_1, [DTYPE_Q5_0] = q5_0,
        [DTYPE_Q5_1] = q5_1, [DTYPE_Q2_K] = q2_k, [DTYPE_Q3_K] = q3_k, [DTYPE_Q4_K] = q4_k,
        [DTYPE_Q5_K] = q5_k, [DTYPE_Q6_K] = q6_k};
    size_t block = dtype_block(t), size = dtype_size(t);

    for (size_t i = 0; i < n / block; i++)
        widen[t](y + i * block, x + i * size);
}
