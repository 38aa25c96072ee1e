/* text.c - see text.h */
#include "judge/text.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

bool text_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct part text_trim(const char *s)
{
    size_t n;

    while (text_is_space(*s))
        s++;
    for (n = strlen(s); n > 0 && text_is_space(s[n - 1]); n--)
        ;
    return (struct part){s, n};
}

struct part text_trim_marks(const char *s)
{
    struct part p = text_trim(s);

    while (p.n > 0 && (text_is_space(p.s[p.n - 1]) || strchr(".,;:!?\"'", p.s[p.n - 1])))
        p.n--;
    return p;
}

/* The character at s in lower case; the bytes it takes are the result. */
static size_t lower_at(const char *s, size_t n, uint32_t *cp)
{
    size_t took = utf8_get(s, n, cp);

    if (took == 0) {
        *cp = (unsigned char)*s;
        return 1;
    }
    *cp = (uint32_t)utf8proc_tolower((utf8proc_int32_t)*cp);
    return took;
}

bool text_same(struct part a, struct part b)
{
    size_t i = 0, k = 0;

    while (i < a.n && k < b.n) {
        uint32_t x, y;

        i += lower_at(a.s + i, a.n - i, &x);
        k += lower_at(b.s + k, b.n - k, &y);
        if (x != y)
            return false;
    }
    return i == a.n && k == b.n;
}

/* Quotation marks and accents that stand for an apostrophe. */
static bool is_apostrophe(uint32_t cp)
{
    return cp == 0x2019 || cp == 0x2018 || cp == 0x02bc || cp == 0x2032 || cp == 0xff07 ||
           cp == 0x60 || cp == 0xb4;
}

void text_fold(struct strbuf *out, const char *s, size_t max_chars)
{
    size_t n = strlen(s);

    for (size_t i = 0, chars = 0; i < n && chars < max_chars; chars++) {
        bool valid;
        uint32_t cp;
        char utf8[4];

        valid = utf8_get(s + i, n - i, &cp) > 0;
        i += lower_at(s + i, n - i, &cp);
        if (valid)
            sb_put(out, utf8, utf8_put(is_apostrophe(cp) ? '\'' : cp, utf8));
        else
            sb_putc(out, (char)cp);
    }
}

void text_copy(char *out, size_t size, const char *s)
{
    size_t n = strlen(s), len = 0;
    uint32_t cp;

    while (len < n) {
        size_t took = utf8_get(s + len, n - len, &cp);

        took = took ? took : 1;
        if (len + took >= size)
            break;
        len += took;
    }
    memcpy(out, s, len);
    out[len] = '\0';
}

void text_put_count(char *out, size_t size, const char *s, size_t n)
{
    size_t at = strlen(out);
    char brief[40];
    int len;

    text_copy(brief, sizeof brief, s);
    len = snprintf(out + at, size - at, "%s\"%s%s\" x %zu", at ? ", " : "", brief,
                   strlen(brief) < strlen(s) ? "..." : "", n);
    if (len < 0 || (size_t)len >= size - at)
        out[at] = '\0';
}
