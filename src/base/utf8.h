/* utf8.h - reading and writing UTF-8, strictly: no overlong forms, no surrogates, at most U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the valid sequence at s (n bytes there), its code point in *cp; 0 when it is not valid. */
size_t utf8_get(const char *s, size_t n, uint32_t *cp);
/* Writes cp (valid, not a surrogate) into out, at most 4 bytes; returns how many. */
size_t utf8_put(uint32_t cp, char out[4]);
/* Length of the valid beginning of s: n when all of it is valid. */
size_t utf8_valid(const char *s, size_t n);
/* Appends s with every byte that is not valid UTF-8 replaced by U+FFFD as Rust's from_utf8_lossy does
 * (one replacement for each maximal subpart). Returns the bytes written; out holds at least 3 n. */
size_t utf8_lossy(const char *s, size_t n, char *out);
#endif
