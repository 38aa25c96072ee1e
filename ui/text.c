/* text.c - untrusted bytes to glyphs that are safe to show.
 *
 * The screen must never receive a byte that moves the cursor or changes a mode, and columns must
 * come out as wcwidth says, or frames tear. Decoding is strict: no overlong forms, no surrogates.
 */
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include "ui/text.h"

/* Bytes of the valid sequence at s, or 0. */
static size_t decode(const unsigned char *s, size_t n, uint32_t *cp)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80       ? 1
                 : s[0] >> 5 == 6  ? 2
                 : s[0] >> 4 == 14 ? 3
                 : s[0] >> 3 == 30 ? 4
                                   : 0;

    if (!len || len > n)
        return 0;
    *cp = len == 1 ? s[0] : s[0] & (0xff >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        *cp = *cp << 6 | (s[i] & 0x3f);
    }
    if (*cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp < 0xe000))
        return 0;
    return len;
}

/* Characters that wcwidth calls printable, and that still change how a line is laid out. */
static bool is_layout(uint32_t cp)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00ad, 0x00ad}, {0x034f, 0x034f}, {0x061c, 0x061c},   {0x115f, 0x1160},
        {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e},
        {0x2060, 0x206f}, {0x2800, 0x2800}, {0x3164, 0x3164},   {0xfeff, 0xfeff},
        {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0xe0000, 0xe0fff},
    };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (cp >= ranges[i].first && cp <= ranges[i].last)
            return true;
    return false;
}

/* Columns of a character as itself; -1 = only as an escape. */
static int columns(uint32_t cp, bool utf8)
{
    if (cp < 0x80)
        return cp >= 0x20 && cp != 0x7f ? 1 : -1;
    if (!utf8 || cp < 0xa0 || is_layout(cp))
        return -1;
    return wcwidth((wchar_t)cp);
}

static void put_escape(struct text_glyph *g, const char *fmt, uint32_t value)
{
    char text[sizeof g->cp / sizeof *g->cp + 1];

    g->n = snprintf(text, sizeof text, fmt, (unsigned)value);
    for (int i = 0; i < g->n; i++)
        g->cp[i] = (unsigned char)text[i];
    g->width = g->n;
    g->escape = true;
}

static void escape_character(struct text_glyph *g, uint32_t cp)
{
    if (cp == '\n')
        put_escape(g, "\\n", 0);
    else if (cp == '\t')
        put_escape(g, "\\t", 0);
    else if (cp == '\r')
        put_escape(g, "\\r", 0);
    else
        put_escape(g, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%06x", cp);
}

/* Marks behind a base character, at most two: a terminal's cell has little room, and piles of marks
 * climb over the rows above. The rest are eaten. */
static size_t take_marks(const unsigned char *s, size_t n, struct text_glyph *g)
{
    size_t at = 0, len;
    uint32_t cp;

    while (at < n && s[at] >= 0x80 && (len = decode(s + at, n - at, &cp)) &&
           columns(cp, true) == 0) {
        if (g->n < 3)
            g->cp[g->n++] = cp;
        at += len;
    }
    return at;
}

size_t text_next(const char *s, size_t n, bool utf8, struct text_glyph *out)
{
    const unsigned char *u = (const unsigned char *)s;
    uint32_t cp = 0;
    size_t len = decode(u, n, &cp);

    out->n = 0;
    out->escape = false;
    if (!len) {
        put_escape(out, "\\x%02x", u[0]);
        return 1;
    }
    out->width = columns(cp, utf8);
    if (out->width < 0) {
        escape_character(out, cp);
        return len;
    }
    if (out->width == 0) { /* a mark with nothing to stand on */
        out->cp[out->n++] = 0x25cc;
        out->width = 1;
    }
    out->cp[out->n++] = cp;
    return utf8 ? len + take_marks(u + len, n - len, out) : len;
}

int text_width(const char *s, size_t n, bool utf8)
{
    int used;

    text_fit(s, n, 1 << 28, utf8, &used);
    return used;
}

size_t text_fit(const char *s, size_t n, int width, bool utf8, int *used)
{
    struct text_glyph g;
    size_t at = 0, len;

    *used = 0;
    while (at < n) {
        len = text_next(s + at, n - at, utf8, &g);
        if (*used + g.width > width)
            break;
        *used += g.width;
        at += len;
    }
    return at;
}

size_t text_line(const char *s, size_t n, int width, bool utf8, size_t *len)
{
    const char *end = memchr(s, '\n', n);
    size_t line = end ? (size_t)(end - s) : n, fit, cut;
    struct text_glyph g;
    int used;

    fit = text_fit(s, line, width > 0 ? width : 1, utf8, &used);
    if (fit == line) {
        *len = line;
        return end ? line + 1 : line ? line : 1;
    }
    for (cut = fit; cut > 0 && s[cut] != ' '; cut--)
        ;
    if (cut > 0) {
        *len = cut;
        while (cut < line && s[cut] == ' ')
            cut++;
        return cut;
    }
    if (fit == 0) /* wider than the line: show nothing of it rather than stand still */
        fit = text_next(s, line, utf8, &g);
    *len = fit;
    return fit;
}

size_t text_put(char out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

void text_safe(char *out, size_t size, const char *s, bool utf8)
{
    size_t n = strlen(s), at = 0, used = 0;
    struct text_glyph g;
    char bytes[sizeof g.cp];

    while (at < n && size) {
        size_t len = 0;

        at += text_next(s + at, n - at, utf8, &g);
        for (int i = 0; i < g.n; i++)
            len += text_put(bytes + len, g.cp[i]);
        if (used + len >= size)
            break;
        memcpy(out + used, bytes, len);
        used += len;
    }
    if (size)
        out[used] = '\0';
}
