/* text.h - untrusted text (prompts, answers, file names, data) made safe for the terminal.
 *
 * Everything that reaches the screen passes through text_next: what utf8_is_unsafe names,
 * unassigned characters and bytes that are not UTF-8 become visible escapes: \n \t \x1b \u202e, in
 * plain ASCII. Widths are wcwidth's. Nothing here allocates. */
#ifndef TERM_TEXT_H
#define TERM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One thing to show: a character with the marks that combine with it, or an escape. */
struct text_glyph {
    uint32_t cp[12];
    int n;       /* of cp */
    int width;   /* columns: 1 or 2; of an escape n */
    bool escape; /* cp are n single ASCII cells, not one cell */
};
/* Takes the locale of the environment for widths and for what is typed; where that is C, one with UTF-8: in C
 * a byte above 127 has no width, and curses would drop it and what is typed behind it. */
void text_locale(void);
/* The next glyph of s (n > 0 bytes); returns the bytes it took, at least 1. Without utf8 everything
 * outside ASCII is an escape. */
size_t text_next(const char *s, size_t n, bool utf8, struct text_glyph *out);
/* Columns that s needs. */
int text_width(const char *s, size_t n, bool utf8);
/* Bytes of the longest beginning of s that fits into `width` columns; *used = its columns. */
size_t text_fit(const char *s, size_t n, int width, bool utf8, int *used);
/* One line of flowing text: returns the bytes consumed (at least 1), *len = how many of them to
 * show. Breaks at \n, else at the last blank that fits, else inside a word. */
size_t text_line(const char *s, size_t n, int width, bool utf8, size_t *len);
/* The whole of s, safe, as UTF-8 into out (room for `size` bytes, always terminated, cut at a
 * glyph). */
void text_safe(char *out, size_t size, const char *s, bool utf8);
/* A word that was typed, without the quotes of a shell that begin it; any other text as it is. */
void text_unquote(char *out, size_t size, const char *s);
#endif
