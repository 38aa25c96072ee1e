/* tok_regex_read.c - from Oniguruma's syntax (its Ruby dialect) to PCRE2's.
 *
 * The pattern is copied piece by piece; only what means something else in PCRE2 is rewritten. The
 * output remembers where its last atom and its open groups begin, because X{n,m}+ is a repeated
 * X{n,m} for Oniguruma and a possessive one for PCRE2, so that a group must be put around it. */
#include "token/tok_regex_read.h"
#include "token/tok_unicode.h"
#include <ctype.h>
#include <string.h>

#define GROUPS_MAX 64

/* Unicode's White_Space, which PCRE2's \s would exceed by U+180E, and its complement. */
#define SPACE                                                                                      \
    "\\t-\\r\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}"   \
    "\\x{3000}"
#define NOT_SPACE                                                                                  \
    "\\x00-\\x08\\x0e-\\x1f!-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"           \
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"                 \
    "\\x{3001}-\\x{d7ff}\\x{e000}-\\x{10ffff}"
/* Oniguruma counts marks, connectors and enclosed letters as word characters, PCRE2's \w does not;
 * and outside of classes Latin-1's small digits and fractions too. */
#define WORD_CLASS "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
#define WORD WORD_CLASS "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"

struct reader {
    const char *p; /* what is left of the pattern */
    struct strbuf *out;
    size_t atom;              /* where the last atom begins in out */
    size_t group[GROUPS_MAX]; /* where the open groups begin */
    size_t depth;
};

/* An escape outside and inside a character class; NULL = not to be had there. */
struct escape {
    char c;
    const char *outside, *inside;
};

static const struct escape escapes[] = {
    {'s', "[" SPACE "]", SPACE},
    {'S', "[^" SPACE "]", NOT_SPACE},
    {'w', "[" WORD "]", WORD_CLASS},
    {'W', "[^" WORD "]", NULL},
    {'d', "\\p{Nd}", "\\p{Nd}"},
    {'D', "\\P{Nd}", "\\P{Nd}"},
    {'h', "[0-9a-fA-F]", "0-9a-fA-F"},
    {'H', "[^0-9a-fA-F]", NULL},
    {'b', "(?:(?<=[" WORD "])(?![" WORD "])|(?<![" WORD "])(?=[" WORD "]))", "\\x08"},
    {'B', "(?:(?<=[" WORD "])(?=[" WORD "])|(?<![" WORD "])(?![" WORD "]))", NULL},
    {'v', "\\x0b", "\\x0b"},
    {'n', "\\n", "\\n"},
    {'r', "\\r", "\\r"},
    {'t', "\\t", "\\t"},
    {'f', "\\f", "\\f"},
    {'e', "\\e", "\\e"},
    {'a', "\\a", "\\a"},
    {'A', "\\A", NULL},
    {'z', "\\z", NULL},
    {'Z', "\\Z", NULL},
    {'G', "\\G", NULL},
    {'K', "\\K", NULL},
    {'R', "\\R", NULL},
    {'X', "\\X", NULL},
    {0},
};

/* Properties by names that PCRE2 does not know or knows for something else. */
static const struct property {
    const char *name, *is;
} properties[] = {
    {"letter", "L"},
    {"mark", "M"},
    {"number", "N"},
    {"punctuation", "P"},
    {"punct", "P"},
    {"symbol", "S"},
    {"separator", "Z"},
    {"other", "C"},
    {"digit", "Nd"},
    {"any", "Any"},
    {"alpha", "Alphabetic"},
    {"alphabetic", "Alphabetic"},
    {"uppercase", "Uppercase"},
    {"lowercase", "Lowercase"},
    {NULL, NULL},
};

/* [:name:] inside a class. */
static const struct property posix_classes[] = {
    {"[:space:]", SPACE},
    {"[:punct:]", "\\p{P}\\p{S}"},
    {"[:alpha:]", "\\p{Alphabetic}"},
    {"[:digit:]", "\\p{Nd}"},
    {NULL, NULL},
};

static int refuse(struct vac_err *err, const char *what, size_t len)
{
    return err_set(err, VAC_ERR_UNSUPPORTED, "\"%.*s\" in the pattern is not supported", (int)len,
                   what);
}

/* Puts text into out at byte `at`. */
static void insert(struct strbuf *out, size_t at, const char *text)
{
    size_t len = strlen(text);

    sb_put(out, text, len);
    if (out->bad)
        return;
    memmove(out->s + at + len, out->s + at, out->len - len - at);
    memcpy(out->s + at, text, len);
}

/* \p{Name}, \p{^Name}, \P{Name}: p points at the p. Scripts are asked for as such, since PCRE2
 * would take their wider script extensions. */
static int put_property(struct reader *r, struct vac_err *err)
{
    bool negated = r->p[0] == 'P';
    const char *name = r->p + 2, *end = r->p[1] == '{' ? strchr(name, '}') : NULL;
    char lower[40] = "";
    const char *is = NULL;
    size_t n = 0;

    if (!end)
        return refuse(err, r->p, 2);
    if (*name == '^') {
        negated = !negated;
        name++;
    }
    for (const char *c = name; c < end; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("_- ", *c))
            return refuse(err, r->p, (size_t)(end - r->p) + 1);
        if (isalnum((unsigned char)*c) && n < sizeof(lower) - 1)
            lower[n++] = (char)tolower((unsigned char)*c);
    }
    for (const struct property *x = properties; x->name && !is; x++)
        is = strcmp(x->name, lower) == 0 ? x->is : NULL;
    sb_puts(r->out, negated ? "\\P{" : "\\p{");
    if (is)
        sb_puts(r->out, is);
    else if (n == 1 || n == 2) /* a general category */
        sb_printf(r->out, "%c%s", toupper((unsigned char)lower[0]), lower + 1);
    else
        sb_printf(r->out, "sc:%s", lower);
    sb_putc(r->out, '}');
    r->p = end + 1;
    return 0;
}

static bool all_hex(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isxdigit((unsigned char)s[i]))
            return false;
    }
    return n > 0;
}

/* \xHH below 80 (a byte above is no character), \x{H..}, \uHHHH: p points at the letter. */
static int put_code(struct reader *r, struct vac_err *err)
{
    const char *digits = r->p + 1, *end;

    if (*digits == '{' && r->p[0] == 'x') {
        digits++;
        end = digits + strspn(digits, "0123456789abcdefABCDEF");
        if (*end != '}' || end == digits || end - digits > 8)
            return refuse(err, r->p - 1, 3);
        r->p = end + 1;
    } else {
        size_t want = r->p[0] == 'u' ? 4 : 2;

        end = digits + want;
        if (!all_hex(digits, strnlen(digits, want)) || strnlen(digits, want) < want ||
            (want == 2 && digits[0] >= '8'))
            return refuse(err, r->p - 1, 2);
        r->p = end;
    }
    sb_printf(r->out, "\\x{%.*s}", (int)(end - digits), digits);
    return 0;
}

/* The piece behind a backslash; p points behind it. */
static int put_escape(struct reader *r, bool inside, struct vac_err *err)
{
    char c = *r->p;

    if (c == 'p' || c == 'P')
        return put_property(r, err);
    if (c == 'x' || c == 'u')
        return put_code(r, err);
    for (const struct escape *e = escapes; e->c; e++) {
        const char *is = inside ? e->inside : e->outside;

        if (e->c == c && is) {
            sb_puts(r->out, is);
            r->p++;
            return 0;
        }
    }
    if (c == '\0' || (isalnum((unsigned char)c) && (inside || c < '1' || c > '9')))
        return refuse(err, r->p - 1, c ? 2 : 1);
    if ((unsigned char)c < 0x80)
        sb_putc(r->out, '\\');
    sb_putc(r->out, c);
    r->p++;
    return 0;
}

/* [:name:]; p points at the bracket. */
static int put_posix(struct reader *r, struct vac_err *err)
{
    for (const struct property *x = posix_classes; x->name; x++) {
        size_t len = strlen(x->name);

        if (strncmp(r->p, x->name, len) == 0) {
            sb_puts(r->out, x->is);
            r->p += len;
            return 0;
        }
    }
    return refuse(err, r->p, strcspn(r->p, "]"));
}

/* Does a whole class of characters stand at p, which cannot end a range? */
static bool class_escape(const char *p)
{
    return p[0] == '\\' && p[1] && strchr("sSwWdDhHpP", p[1]);
}

/* One piece of a class. `whole` says whether the piece before was a class of its own, behind which
 * a dash cannot make a range, and is updated. */
static int put_class_piece(struct reader *r, bool first, bool *whole, struct vac_err *err)
{
    bool was_whole = *whole;

    *whole = class_escape(r->p) || *r->p == '[';
    if (*r->p == '\0')
        return err_set(err, VAC_ERR_FORMAT, "a character class of the pattern has no end");
    if (*r->p == '&' && r->p[1] == '&')
        return refuse(err, r->p, 2);
    if (*r->p == '[')
        return put_posix(r, err);
    if (*r->p == '\\') {
        r->p++;
        return put_escape(r, true, err);
    }
    if (*r->p == '-' && (first || was_whole || r->p[1] == ']' || class_escape(r->p + 1)))
        sb_putc(r->out, '\\');
    sb_putc(r->out, *r->p++);
    return 0;
}

/* One character class; p points behind its bracket. A class inside it adds its characters, so its
 * brackets are left out. */
static int put_class(struct reader *r, struct vac_err *err)
{
    bool first = true, whole = false;
    size_t inner = 0;

    sb_putc(r->out, '[');
    if (*r->p == '^')
        sb_putc(r->out, *r->p++);
    for (; *r->p != ']' || first || inner > 0; first = false) {
        if (*r->p == ']' && inner > 0) {
            inner--;
            r->p++;
        } else if (*r->p == '[' && r->p[1] != ':') {
            if (r->p[1] == '^' || r->p[1] == ']')
                return refuse(err, r->p, 2);
            inner++;
            r->p++;
        } else if (put_class_piece(r, first, &whole, err)) {
            return -1;
        }
    }
    sb_putc(r->out, *r->p++);
    return 0;
}

/* What follows "(?": lookaround, atomic and named groups and (?i) mean the same in both. A bare
 * (?i) behind the beginning does not: Oniguruma lets it reach over the alternatives that follow. */
static int put_group(struct reader *r, struct vac_err *err)
{
    const char *p = r->p;
    size_t len = 1;

    if (p[1] == '*')
        return refuse(err, p, 2);
    if (r->depth == GROUPS_MAX)
        return err_set(err, VAC_ERR_UNSUPPORTED, "more than %d groups in each other", GROUPS_MAX);
    if (p[1] == '?') {
        size_t flags = strspn(p + 2, "i-");

        len = 3;
        if (flags > 0 && (p[2 + flags] == ':' || (p[2 + flags] == ')' && r->out->len == 0)))
            len = 2 + flags + 1;
        else if (flags > 0 || !p[2] || !strchr(":=!><", p[2]))
            return refuse(err, p, strnlen(p, 4));
    }
    if (p[len - 1] != ')')
        r->group[r->depth++] = r->out->len;
    sb_put(r->out, p, len);
    r->p += len;
    return 0;
}

/* {n}, {n,}, {n,m} or {,m}: the length of it, 0 when the brace is an ordinary character. */
static size_t interval(const char *p)
{
    size_t low = strspn(p + 1, "0123456789"), len = 1 + low;

    if (p[len] == ',') {
        size_t high = strspn(p + len + 1, "0123456789");

        if (low + high == 0)
            return 0;
        len += 1 + high;
    } else if (low == 0) {
        return 0;
    }
    return p[len] == '}' ? len + 1 : 0;
}

static void put_interval(struct reader *r, size_t len)
{
    bool exact = !memchr(r->p, ',', len);
    char next = r->p[len];
    bool wrap = next == '+' || (exact && next == '?');

    if (wrap)
        insert(r->out, r->atom, "(?:");
    sb_puts(r->out, r->p[1] == ',' ? "{0" : "{");
    sb_put(r->out, r->p + 1, len - 1);
    if (wrap)
        sb_putc(r->out, ')');
    r->p += len;
}

/* One piece outside classes that is not an escape. */
static int put_plain(struct reader *r, struct vac_err *err)
{
    size_t braces = *r->p == '{' ? interval(r->p) : 0;

    if (*r->p == '(')
        return put_group(r, err);
    if (braces > 0) {
        put_interval(r, braces);
        return 0;
    }
    if (*r->p == ')') {
        if (r->depth == 0)
            return err_set(err, VAC_ERR_FORMAT, "a \")\" of the pattern has no \"(\"");
        r->atom = r->group[--r->depth];
    } else if (!strchr("*+?|", *r->p) && ((unsigned char)*r->p & 0xc0) != 0x80) {
        r->atom = r->out->len;
    }
    if (*r->p == '{')
        sb_putc(r->out, '\\');
    sb_putc(r->out, *r->p++);
    return 0;
}

int tok_regex_translate(const char *pattern, struct strbuf *out, struct vac_err *err)
{
    struct reader r = {.p = pattern, .out = out};

    while (*r.p) {
        int rc;

        if (*r.p == '\\' || *r.p == '[') {
            r.atom = out->len;
            r.p++;
            rc = r.p[-1] == '[' ? put_class(&r, err) : put_escape(&r, false, err);
        } else {
            rc = put_plain(&r, err);
        }
        if (rc)
            return -1;
    }
    return sb_ok(out, err);
}
