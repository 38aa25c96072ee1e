/* lex.c - a template as tokens, with the white space around its tags taken away as trim_blocks,
 * lstrip_blocks and the signs in the tags say. */
#include "jinja/lex.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"

enum { TOKENS_MAX = 1 << 20 };

struct lexer {
    const char *s, *end;
    int line;
    struct arena *a;
    struct tokens *out;
    bool trim_next;    /* the tag before ended with "-": the text begins without white space */
    bool newline_next; /* ... or was a block: without one line end */
    struct vac_err *err;
};

bool str_is(struct str a, const char *b)
{
    return a.n == strlen(b) && !memcmp(a.s, b, a.n);
}

static int put(struct lexer *x, enum token_kind kind, const char *s, size_t n)
{
    if (x->out->n >= TOKENS_MAX)
        return err_set(x->err, VAC_ERR_FORMAT, "line %d: the template is too long", x->line);
    if (mem_grow(&x->out->v, &x->out->cap, x->out->n + 1, sizeof *x->out->v, x->err))
        return -1;
    x->out->v[x->out->n++] = (struct token){.kind = kind, .line = x->line, .text = {s, n}};
    return 0;
}

static void count_lines(struct lexer *x, const char *from, const char *to)
{
    for (; from < to; from++)
        x->line += *from == '\n';
}

/* The next "{{", "{%" or "{#". */
static const char *next_tag(const char *s, const char *end)
{
    for (; s + 1 < end; s++) {
        if (*s == '{' && (s[1] == '{' || s[1] == '%' || s[1] == '#'))
            return s;
    }
    return end;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Text up to a tag. Before a block or comment the blanks from the line's beginning go, unless it
 * says "+". */
static int put_text(struct lexer *x, const char *tag)
{
    const char *from = x->s, *to = tag, *line;
    bool has_tag = tag < x->end, starts = x->out->n == 0 && !x->trim_next && !x->newline_next;
    char sign = has_tag && tag + 2 < x->end ? tag[2] : 0;
    int rc;

    if (x->newline_next && from < to && *from == '\n')
        starts = *from++ == '\n';
    while (x->trim_next && from < to && is_space(*from))
        starts = *from++ == '\n';
    if (has_tag && sign == '-') {
        while (to > from && is_space(to[-1]))
            to--;
    } else if (has_tag && tag[1] != '{' && sign != '+') {
        for (line = to; line > from && line[-1] != '\n' && is_space(line[-1]);)
            line--;
        if (line > from ? line[-1] == '\n' : starts)
            to = line;
    }
    rc = to > from ? put(x, TOK_TEXT, from, (size_t)(to - from)) : 0;
    count_lines(x, x->s, tag);
    x->s = tag;
    x->trim_next = x->newline_next = false;
    return rc;
}

static int put_string(struct lexer *x)
{
    char quote = *x->s, *to;
    const char *s = x->s + 1;
    size_t n = 0;

    while (s < x->end && *s != quote)
        s += *s == '\\' && s + 1 < x->end ? 2 : 1;
    if (s >= x->end)
        return err_set(x->err, VAC_ERR_FORMAT, "line %d: a string is not closed", x->line);
    to = arena_alloc(x->a, (size_t)(s - x->s) + 4, 1, x->err);
    if (!to)
        return -1;
    for (const char *c = x->s + 1; c < s; c++) {
        static const char from[] = "nrtabfv\\'\"", into[] = "\n\r\t\a\b\f\v\\'\"";
        const char *known = *c == '\\' ? strchr(from, c[1]) : NULL;
        uint32_t cp = 0;
        int digits = *c == '\\' ? c[1] == 'x' ? 2 : c[1] == 'u' ? 4 : c[1] == 'U' ? 8 : 0 : 0;
        bool hex = digits > 0 && c + 1 + digits < s;
        for (int i = 0; hex && i < digits; i++) {
            char d = c[2 + i];
            hex = isxdigit((unsigned char)d);
            cp = cp << 4 | (uint32_t)(d <= '9' ? d - '0' : (d | 32) - 'a' + 10);
        }
        if (hex && cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff)) {
            n += utf8_put(cp, to + n);
            c += 1 + digits;
        } else if (*c == '\\' && c[1] >= '0' && c[1] <= '7') { /* up to three octal digits */
            for (int i = 0; i < 3 && c + 1 < s && c[1] >= '0' && c[1] <= '7'; i++)
                cp = cp << 3 | (uint32_t)(*++c - '0');
            n += utf8_put(cp, to + n);
        } else if (known && c[1]) {
            to[n++] = into[known - from];
            c++;
        } else if (*c == '\\' && c[1] == '\n') {
            c++;
        } else {
            to[n++] = *c;
        }
    }
    if (put(x, TOK_STRING, to, n))
        return -1;
    count_lines(x, x->s, s);
    x->s = s + 1;
    return 0;
}

static int put_number(struct lexer *x)
{
    const char *s = x->s;
    enum token_kind kind = TOK_INT;

    while (s < x->end && (isdigit((unsigned char)*s) || *s == '_'))
        s++;
    if (s + 1 < x->end && *s == '.' && isdigit((unsigned char)s[1])) {
        kind = TOK_FLOAT;
        for (s++; s < x->end && isdigit((unsigned char)*s); s++)
            continue;
    }
    if (s + 1 < x->end && (*s == 'e' || *s == 'E') &&
        (isdigit((unsigned char)s[1]) ||
         (s + 2 < x->end && (s[1] == '-' || s[1] == '+') && isdigit((unsigned char)s[2])))) {
        kind = TOK_FLOAT;
        for (s += 2; s < x->end && isdigit((unsigned char)*s); s++)
            continue;
    }
    if (put(x, kind, x->s, (size_t)(s - x->s)))
        return -1;
    x->s = s;
    return 0;
}

static int put_op(struct lexer *x)
{
    static const char *const ops[] = {"**", "//", "==", "!=", "<=", ">=", "+", "-", "*",
                                      "/",  "%",  "~",  "<",  ">",  "=",  "(", ")", "[",
                                      "]",  "{",  "}",  ",",  ".",  ":",  "|", NULL};

    for (const char *const *op = ops; *op; op++) {
        size_t n = strlen(*op);
        if ((size_t)(x->end - x->s) >= n && !memcmp(x->s, *op, n)) {
            if (put(x, TOK_OP, x->s, n))
                return -1;
            x->s += n;
            return 0;
        }
    }
    return err_set(x->err, VAC_ERR_FORMAT, "line %d: a template has no \"%c\" here", x->line,
                   *x->s);
}

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* What stands inside of {{ }} or {% %}; x->s is behind the opening. */
static int lex_inside(struct lexer *x, bool block)
{
    char close = block ? '%' : '}';
    int depth = 0; /* of brackets: "}}" in a dict is no end */

    for (;;) {
        const char *s = x->s;
        if (s >= x->end)
            return err_set(x->err, VAC_ERR_FORMAT, "line %d: a tag is not closed", x->line);
        if (is_space(*s)) {
            x->line += *s == '\n';
            x->s++;
            continue;
        }
        if (depth == 0 && s + 2 < x->end && (*s == '-' || (*s == '+' && block)) && s[1] == close &&
            s[2] == '}') {
            x->trim_next = *s == '-';
            x->s = s + 3;
            return put(x, block ? TOK_BLOCK_END : TOK_VAR_END, s, 3);
        }
        if (depth == 0 && s + 1 < x->end && *s == close && s[1] == '}') {
            x->newline_next = block;
            x->s = s + 2;
            return put(x, block ? TOK_BLOCK_END : TOK_VAR_END, s, 2);
        }
        if (*s == '"' || *s == '\'') {
            if (put_string(x))
                return -1;
        } else if (isdigit((unsigned char)*s)) {
            if (put_number(x))
                return -1;
        } else if (name_char(*s)) {
            while (x->s < x->end && name_char(*x->s))
                x->s++;
            if (put(x, TOK_NAME, s, (size_t)(x->s - s)))
                return -1;
        } else {
            depth += *s == '(' || *s == '[' || *s == '{';
            depth -= depth > 0 && (*s == ')' || *s == ']' || *s == '}');
            if (put_op(x))
                return -1;
        }
    }
}

static int skip_comment(struct lexer *x)
{
    const char *s = x->s + 2;

    if (s == x->end) { /* the template ends with "{#": nothing, as in Jinja */
        x->s = s;
        return 0;
    }
    while (s + 1 < x->end && !(*s == '#' && s[1] == '}'))
        s++;
    if (s + 1 >= x->end)
        return err_set(x->err, VAC_ERR_FORMAT, "line %d: a comment is not closed", x->line);
    x->trim_next = s > x->s + 2 && s[-1] == '-';
    x->newline_next = !x->trim_next && !(s > x->s + 2 && s[-1] == '+');
    count_lines(x, x->s, s);
    x->s = s + 2;
    return 0;
}

/* Behind "{%": whether it is the tag `name`; then *after is behind its end, and the sign of that
 * end told. */
static bool is_tag(const struct lexer *x, const char *s, const char *name, const char **after,
                   char *sign)
{
    size_t n = strlen(name);

    s += s < x->end && (*s == '-' || *s == '+');
    while (s < x->end && is_space(*s))
        s++;
    if ((size_t)(x->end - s) < n || memcmp(s, name, n))
        return false;
    for (s += n; s < x->end && is_space(*s);)
        s++;
    *sign = s < x->end && (*s == '-' || *s == '+') ? *s++ : 0;
    *after = s + 2;
    return x->end - s >= 2 && *s == '%' && s[1] == '}';
}

/* {% raw %}: text up to {% endraw %}, whatever it holds. */
static int put_raw(struct lexer *x, const char *from, char sign)
{
    const char *after = NULL;
    char end_sign = 0;

    x->s = from;
    x->trim_next = sign == '-'; /* trim_blocks is not for what begins a raw text */
    for (const char *s = from; s + 1 < x->end; s++) {
        if (*s != '{' || s[1] != '%' || !is_tag(x, s + 2, "endraw", &after, &end_sign))
            continue;
        if (put_text(x, s))
            return -1;
        x->s = after;
        x->trim_next = end_sign == '-';
        x->newline_next = end_sign == 0;
        return 0;
    }
    return err_set(x->err, VAC_ERR_FORMAT, "line %d: expected {%% endraw %%}", x->line);
}

/* \r\n and \r are line ends as \n is, wherever they stand. */
static char *with_line_ends(const char *text, size_t *len, struct arena *a, struct vac_err *err)
{
    char *copy = arena_strndup(a, text, *len, err);
    size_t n = 0;

    for (size_t i = 0; copy && i < *len; i++) {
        if (text[i] == '\r')
            i += i + 1 < *len && text[i + 1] == '\n';
        copy[n++] = text[i] == '\r' ? '\n' : text[i];
    }
    *len = n;
    return copy;
}

int lex(const char *text, size_t len, struct arena *a, struct tokens *out, struct vac_err *err)
{
    struct lexer x = {.line = 1, .a = a, .out = out, .err = err};

    if (memchr(text, '\r', len) && !(text = with_line_ends(text, &len, a, err)))
        return -1;
    x.s = text;
    x.end = text + len;
    if (len && text[len - 1] == '\n') /* one line end at the end is not the template's */
        x.end--;
    while (x.s < x.end) {
        const char *tag = next_tag(x.s, x.end);
        const char *after = NULL;
        char sign = 0;
        bool block;
        if (put_text(&x, tag))
            return -1;
        if (tag == x.end)
            break;
        if (tag[1] == '#') {
            if (skip_comment(&x))
                return -1;
            continue;
        }
        block = tag[1] == '%';
        if (block && is_tag(&x, tag + 2, "raw", &after, &sign) && sign != '+') {
            if (put_raw(&x, after, sign))
                return -1;
            continue;
        }
        if (put(&x, block ? TOK_BLOCK : TOK_VAR, tag, 2))
            return -1;
        x.s += 2;
        if (x.s < x.end && (*x.s == '-' || *x.s == '+'))
            x.s++;
        if (lex_inside(&x, block))
            return -1;
    }
    return put(&x, TOK_END, x.end, 0);
}
