/* hash.h - CRC-32C for what we write ourselves, SHA-256 for naming what others wrote. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli, reflected 0x82f63b78): crc32c(0, "123456789", 9) = 0xe3069283. */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);
/* The same without the help of the processor's instruction. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t n);
/* SHA-256 as 64 hexadecimal digits and a 0. */
struct sha256 {
    uint32_t h[8];
    uint64_t len;
    unsigned char block[64];
};
void sha256_init(struct sha256 *s);
void sha256_put(struct sha256 *s, const void *data, size_t n);
void sha256_hex(struct sha256 *s, char out[65]);
#endif
