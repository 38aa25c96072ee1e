/* utf8.c - strict UTF-8 (Unicode 15, table 3-7): one table of what may follow a first byte. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/utf8.h"

/* A range of first bytes, the length they announce and the range of the second byte. The second
 * byte's range is where overlong forms, surrogates and code points above U+10FFFF are refused. */
struct lead {
    unsigned char first, last, len, low, high;
};
static const struct lead leads[] = {
    {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
    {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf},
    {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

static const struct lead *lead_find(unsigned char c)
{
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
        if (c >= leads[i].first && c <= leads[i].last)
            return &leads[i];
    return NULL;
}

/* Looks at the sequence at s (n > 0 bytes there): *len bytes belong together, whether they are
 * valid or the longest beginning of something valid. */
static bool scan(const unsigned char *s, size_t n, size_t *len, uint32_t *cp)
{
    const struct lead *l;
    size_t i;

    *len = 1;
    *cp = s[0];
    if (s[0] < 0x80)
        return true;
    l = lead_find(s[0]);
    if (!l)
        return false;
    *cp = s[0] & (0x7fu >> l->len);
    for (i = 1; i < l->len; i++) {
        unsigned char low = i == 1 ? l->low : 0x80, high = i == 1 ? l->high : 0xbf;

        if (i == n || s[i] < low || s[i] > high)
            break;
        *cp = *cp << 6 | (s[i] & 0x3f);
    }
    *len = i;
    return i == l->len;
}

size_t utf8_get(const char *s, size_t n, uint32_t *cp)
{
    size_t len;

    return n && scan((const unsigned char *)s, n, &len, cp) ? len : 0;
}

size_t utf8_put(uint32_t cp, char out[4])
{
    static const uint32_t first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

    for (size_t i = n; i-- > 1; cp >>= 6)
        out[i] = (char)(0x80 | (cp & 0x3f));
    out[0] = (char)(first[n] | cp);
    return n;
}

/* Most of what is read is ASCII: eight at a time. */
size_t utf8_valid(const char *s, size_t n)
{
    size_t i = 0, len = 1;
    uint64_t eight;
    uint32_t cp;

    while (i < n && len) {
        if (n - i >= sizeof eight) {
            memcpy(&eight, s + i, sizeof eight);
            if (!(eight & UINT64_C(0x8080808080808080))) {
                i += sizeof eight;
                continue;
            }
        }
        len = utf8_get(s + i, n - i, &cp);
        i += len;
    }
    return i;
}

size_t utf8_lossy(const char *s, size_t n, char *out)
{
    size_t done = 0, len;
    uint32_t cp;

    for (size_t i = 0; i < n; i += len) {
        if (scan((const unsigned char *)s + i, n - i, &len, &cp)) {
            memcpy(out + done, s + i, len);
            done += len;
        } else {
            done += utf8_put(0xfffd, out + done);
        }
    }
    return done;
}

bool utf8_is_unsafe(uint32_t cp)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},   {0x034f, 0x034f},
        {0x061c, 0x061c},   {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},
        {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},   {0x2800, 0x2800},
        {0x3164, 0x3164},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
        {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && cp >= ranges[i].first; i++)
        if (cp <= ranges[i].last)
            return true;
    return false;
}

bool utf8_is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

bool utf8_is_blank(const char *s)
{
    return !s || s[strspn(s, " \t\r\n")] == '\0';
}

size_t utf8_escape(const char *s, size_t n, char out[UTF8_ESCAPE])
{
    uint32_t cp = 0;
    size_t took = utf8_get(s, n, &cp);

    if (!took || (cp < 0x7f && cp != '\n' && cp != '\t' && cp != '\r'))
        snprintf(out, UTF8_ESCAPE, "\\x%02x", (unsigned)(unsigned char)*s);
    else if (cp < 0x20)
        snprintf(out, UTF8_ESCAPE, "\\%c", cp == '\n' ? 'n' : cp == '\t' ? 't' : 'r');
    else if (cp < 0x10000)
        snprintf(out, UTF8_ESCAPE, "\\u%04x", (unsigned)(uint16_t)cp);
    else
        snprintf(out, UTF8_ESCAPE, "\\u%04x\\u%04x", (unsigned)(uint16_t)(0xd7c0 + (cp >> 10)),
                 (unsigned)(uint16_t)(0xdc00 | (cp & 0x3ff)));
    return took ? took : 1;
}

/* The locale that the program has set is another matter: it may have none, or one for its own ends. */
bool utf8_shown(int fd)
{
    locale_t user = isatty(fd) ? newlocale(LC_CTYPE_MASK, "", (locale_t)0) : (locale_t)0;
    bool shown = user ? !strcmp(nl_langinfo_l(CODESET, user), "UTF-8") : !isatty(fd);

    if (user)
        freelocale(user);
    return shown;
}
