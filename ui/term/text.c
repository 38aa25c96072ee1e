/* text.c - untrusted bytes to glyphs that are safe to show.
 *
 * The screen must never receive a byte that moves the cursor or changes a mode, and columns must
 * come out as wcwidth says, or frames tear. */
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>
#include "base/utf8.h"
#include "term/text.h"

void text_locale(void)
{
    setlocale(LC_CTYPE, "");
    if (!strcmp(nl_langinfo(CODESET), "ANSI_X3.4-1968"))
        setlocale(LC_CTYPE, "C.UTF-8");
}

/* Columns of a character as itself; -1 = only as an escape. */
static int columns(uint32_t cp, bool utf8)
{
    if (utf8_is_unsafe(cp) || (cp >= 0x80 && !utf8))
        return -1;
    return cp < 0x80 ? 1 : wcwidth((wchar_t)cp);
}

/* Marks behind a base character, at most two: a terminal's cell has little room, and piles of marks
 * climb over the rows above. The rest are eaten. */
static size_t take_marks(const char *s, size_t n, struct text_glyph *g)
{
    size_t at = 0, len;
    uint32_t cp;

    while ((len = utf8_get(s + at, n - at, &cp)) && columns(cp, true) == 0) {
        if (g->n < 3)
            g->cp[g->n++] = cp;
        at += len;
    }
    return at;
}

size_t text_next(const char *s, size_t n, bool utf8, struct text_glyph *out)
{
    uint32_t cp = 0;
    size_t len = utf8_get(s, n, &cp);

    out->n = 0;
    out->width = len ? columns(cp, utf8) : -1;
    out->escape = out->width < 0;
    if (out->escape) {
        char text[UTF8_ESCAPE];

        len = utf8_escape(s, n, text);
        while (text[out->n]) {
            out->cp[out->n] = (unsigned char)text[out->n];
            out->n++;
        }
        out->width = out->n;
        return len;
    }
    if (out->width == 0) { /* a mark with nothing to stand on */
        out->cp[out->n++] = 0x25cc;
        out->width = 1;
    }
    out->cp[out->n++] = cp;
    return utf8 ? len + take_marks(s + len, n - len, out) : len;
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

void text_safe(char *out, size_t size, const char *s, bool utf8)
{
    size_t n = strlen(s), at = 0, used = 0;
    struct text_glyph g;
    char bytes[sizeof g.cp];

    while (at < n && size) {
        size_t len = 0;

        at += text_next(s + at, n - at, utf8, &g);
        for (int i = 0; i < g.n; i++)
            len += utf8_put(g.cp[i], bytes + len);
        if (used + len >= size)
            break;
        memcpy(out + used, bytes, len);
        used += len;
    }
    if (size)
        out[used] = '\0';
}

void text_unquote(char *out, size_t size, const char *s)
{
    char quote = '\0';
    bool quoted = *s == '\'' || *s == '"';
    size_t n = 0;

    for (; *s && n + 1 < size; s++) {
        if (quoted && (quote ? *s == quote : *s == '\'' || *s == '"')) {
            quote = quote ? '\0' : *s;
            continue;
        }
        if (quoted && !quote && *s == '\\' && s[1])
            s++;
        out[n++] = *s;
    }
    out[n] = '\0';
}
