/* hash.c - see hash.h */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "base/hash.h"

/* ---- CRC-32C ---- */

enum { SLICES = 8 };

/* crc_table[k][b]: what byte b, followed by k zero bytes, does to a checksum. */
static uint32_t crc_table[SLICES][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_fill(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t r = b;

        for (int bit = 0; bit < 8; bit++)
            r = r >> 1 ^ (r & 1 ? 0x82f63b78u : 0);
        crc_table[0][b] = r;
    }
    for (size_t k = 1; k < SLICES; k++)
        for (size_t b = 0; b < 256; b++) {
            uint32_t r = crc_table[k - 1][b];

            crc_table[k][b] = r >> 8 ^ crc_table[0][r & 0xff];
        }
}

/* Eight bytes at a time; byte order plays no part, as they are taken one by one. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t n)
{
    const unsigned char *p = data;

    pthread_once(&crc_once, crc_fill);
    crc = ~crc;
    for (; n >= SLICES; n -= SLICES, p += SLICES)
        crc = crc_table[7][(crc ^ p[0]) & 0xff] ^ crc_table[6][(crc >> 8 ^ p[1]) & 0xff] ^
              crc_table[5][(crc >> 16 ^ p[2]) & 0xff] ^ crc_table[4][(crc >> 24 ^ p[3]) & 0xff] ^
              crc_table[3][p[4]] ^ crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]];
    for (; n > 0; n--)
        crc = crc >> 8 ^ crc_table[0][(crc ^ *p++) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const void *data,
                                                            size_t n)
{
    const unsigned char *p = data;
    uint64_t r = (uint32_t)~crc, x;

    for (; n >= sizeof x; n -= sizeof x, p += sizeof x) {
        memcpy(&x, p, sizeof x);
        r = __builtin_ia32_crc32di(r, x);
    }
    crc = (uint32_t)r;
    for (; n > 0; n--)
        crc = __builtin_ia32_crc32qi(crc, *p++);
    return ~crc;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t n)
{
    if (__builtin_cpu_supports("sse4.2"))
        return crc_sse42(crc, data, n);
    return crc32c_portable(crc, data, n);
}
#else
uint32_t crc32c(uint32_t crc, const void *data, size_t n)
{
    return crc32c_portable(crc, data, n);
}
#endif

/* ---- SHA-256 (FIPS 180-4; names as there) ---- */

static const uint32_t sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void sha_schedule(uint32_t w[64], const unsigned char *block)
{
    for (size_t t = 0; t < 16; t++, block += 4)
        w[t] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 |
               block[3];
    for (size_t t = 16; t < 64; t++) {
        uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;

        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
}

static void sha_block(uint32_t h[8], const unsigned char *block)
{
    uint32_t w[64], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], i = h[7];

    sha_schedule(w, block);
    for (size_t t = 0; t < 64; t++) {
        uint32_t s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25), ch = (e & f) ^ (~e & g);
        uint32_t s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22), maj = (a & b) ^ (a & c) ^ (b & c);
        uint32_t t1 = i + s1 + ch + sha_k[t] + w[t];

        i = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + s0 + maj;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d;
    h[4] += e, h[5] += f, h[6] += g, h[7] += i;
}

void sha256_init(struct sha256 *s)
{
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    *s = (struct sha256){0};
    memcpy(s->h, first, sizeof first);
}

void sha256_put(struct sha256 *s, const void *data, size_t n)
{
    const unsigned char *p = data;
    size_t used = s->len % 64, k;

    s->len += n;
    if (used) {
        k = n < 64 - used ? n : 64 - used;
        if (k)
            memcpy(s->block + used, p, k);
        if (used + k < 64)
            return;
        sha_block(s->h, s->block);
        p += k;
        n -= k;
    }
    for (; n >= 64; n -= 64, p += 64)
        sha_block(s->h, p);
    if (n)
        memcpy(s->block, p, n);
}

void sha256_hex(struct sha256 *s, char out[65])
{
    static const unsigned char pad[64] = {0x80};
    uint64_t bits = s->len * 8;
    unsigned char length[8];

    for (size_t i = 0; i < 8; i++)
        length[i] = (unsigned char)(bits >> (56 - 8 * i));
    sha256_put(s, pad, 1 + (119 - s->len % 64) % 64);
    sha256_put(s, length, sizeof length);
    for (size_t i = 0; i < 8; i++)
        snprintf(out + 8 * i, 9, "%08x", (unsigned)s->h[i]);
}
