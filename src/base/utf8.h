/* utf8.h - reading and writing UTF-8, strictly: no overlong forms, no surrogates, at most U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
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

/* The one list of what untrusted text must not bring to a reader as itself: controls (C0, DEL, C1) and line
 * ends, which steer a terminal or forge a line of a table, and characters that show nothing or change the
 * order in which others are shown. */
bool utf8_is_unsafe(uint32_t cp);
/* White space as Python's str.isspace and strip see it. */
bool utf8_is_space(uint32_t cp);
/* Nothing (NULL too), or nothing but the white space of JSON. */
bool utf8_is_blank(const char *s);
/* The first character of s (n > 0 bytes), whatever it is, as visible ASCII: \n \t \r \x1b \u202e, above
 * U+FFFF two of these (what a JSON string would have), \xff for a byte that is not UTF-8. Writes at most 12
 * characters and a 0; returns the bytes of s that it stands for. */
enum { UTF8_ESCAPE = 13 };
size_t utf8_escape(const char *s, size_t n, char out[UTF8_ESCAPE]);
/* Whoever reads what is written to fd gets UTF-8 as it is: a terminal where the locale of the environment has
 * it, a file or a pipe always. */
bool utf8_shown(int fd);
#endif
