/* tok_normalize.c - what is done to a text before it is cut: one function and one row per
 * normalizer. */
#include "token/tok_normalize.h"
#include "token/tok.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static int prepend(const struct tok_stage *s, const char *in, size_t n, bool *first,
                   struct strbuf *out, struct vac_err *err)
{
    (void)first;
    if (n > 0)
        sb_put(out, s->text, s->len);
    sb_put(out, in, n);
    return sb_ok(out, err);
}

static int read_prepend(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    return tok_read_text(s, node, "prepend", false, err);
}

static int replace(const struct tok_stage *s, const char *in, size_t n, bool *first,
                   struct strbuf *out, struct vac_err *err)
{
    const struct tok_span *v;
    size_t count;

    if (tok_regex_spans(s->re, in, n, &v, &count, err))
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (out->len > s->most)
            return tok_too_much(&tok_normalizer_part, s, err);
        if (v[i].match)
            sb_put(out, s->text, s->len);
        else
            sb_put(out, in + v[i].from, v[i].to - v[i].from);
    }
    if (count > 0 && v[0].match && v[0].to > 0 && s->len == 0)
        *first = false;
    return sb_ok(out, err);
}

static int read_replace(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    if (tok_read_pattern(s, node, err))
        return -1;
    return tok_read_text(s, node, "content", false, err);
}

static int form_of(const char *in, size_t n, utf8proc_option_t options, struct strbuf *out,
                   struct vac_err *err)
{
    utf8proc_uint8_t *text = NULL;
    utf8proc_ssize_t len;

    if (n == 0)
        return 0;
    len = utf8proc_map((const utf8proc_uint8_t *)in, (utf8proc_ssize_t)n, &text,
                       options | UTF8PROC_STABLE);

    if (len < 0)
        return err_set(err, VAC_ERR_MEMORY, "normal form of a text of %zu bytes: %s", n,
                       utf8proc_errmsg(len));
    sb_put(out, (const char *)text, (size_t)len);
    free(text);
    return sb_ok(out, err);
}

/* Characters that the reference's older tables do not know stay as they are, and what is between
 * them has its form on its own. */
static int normal_form(const char *in, size_t n, utf8proc_option_t options, struct strbuf *out,
                       struct vac_err *err)
{
    size_t from = 0, len;
    uint32_t cp;

    for (size_t at = 0; at < n; at += len) {
        len = utf8_get(in + at, n - at, &cp);
        if (!tok_is_inert(cp))
            continue;
        if (form_of(in + from, at - from, options, out, err))
            return -1;
        sb_put(out, in + at, len);
        from = at + len;
    }
    return form_of(in + from, n - from, options, out, err);
}

static int nfc(const struct tok_stage *s, const char *in, size_t n, bool *first, struct strbuf *out,
               struct vac_err *err)
{
    (void)s;
    (void)first;
    return normal_form(in, n, UTF8PROC_COMPOSE, out, err);
}

static int nfd(const struct tok_stage *s, const char *in, size_t n, bool *first, struct strbuf *out,
               struct vac_err *err)
{
    (void)s;
    (void)first;
    return normal_form(in, n, UTF8PROC_DECOMPOSE, out, err);
}

static int nfkc(const struct tok_stage *s, const char *in, size_t n, bool *first,
                struct strbuf *out, struct vac_err *err)
{
    (void)s;
    (void)first;
    return normal_form(in, n, UTF8PROC_COMPOSE | UTF8PROC_COMPAT, out, err);
}

static int nfkd(const struct tok_stage *s, const char *in, size_t n, bool *first,
                struct strbuf *out, struct vac_err *err)
{
    (void)s;
    (void)first;
    return normal_form(in, n, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, out, err);
}

/* Character by character, so there is no final sigma; one capital has a small form of two
 * characters. */
static int lowercase(const struct tok_stage *s, const char *in, size_t n, bool *first,
                     struct strbuf *out, struct vac_err *err)
{
    size_t len;

    (void)s;
    (void)first;
    for (size_t i = 0; i < n; i += len) {
        char small[4];
        uint32_t cp;

        len = utf8_get(in + i, n - i, &cp);
        if (cp == 0x130)
            sb_puts(out, "i\xcc\x87");
        else
            sb_put(out, small, utf8_put(tok_lower(cp), small));
    }
    return sb_ok(out, err);
}

/* Bytes of white space that s begins with. */
static size_t space_before(const char *s, size_t n)
{
    size_t at = 0, len;
    uint32_t cp;

    while (at < n && (len = utf8_get(s + at, n - at, &cp)) > 0 && tok_is_space(cp))
        at += len;
    return at;
}

/* Where the white space that s ends with begins. */
static size_t space_behind(const char *s, size_t n)
{
    size_t end = 0, len;
    uint32_t cp;

    for (size_t i = 0; i < n && (len = utf8_get(s + i, n - i, &cp)) > 0; i += len) {
        if (!tok_is_space(cp))
            end = i + len;
    }
    return end;
}

static int strip(const struct tok_stage *s, const char *in, size_t n, bool *first,
                 struct strbuf *out, struct vac_err *err)
{
    size_t from = s->left ? space_before(in, n) : 0;
    size_t to = s->right ? space_behind(in, n) : n;

    if (from > 0)
        *first = false;
    if (to > from)
        sb_put(out, in + from, to - from);
    return sb_ok(out, err);
}

static int read_strip(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    if (json_bool(node, "strip_left", &s->left, err))
        return -1;
    return json_bool(node, "strip_right", &s->right, err);
}

static int strip_accents(const struct tok_stage *s, const char *in, size_t n, bool *first,
                         struct strbuf *out, struct vac_err *err)
{
    size_t len;

    (void)s;
    for (size_t i = 0; i < n; i += len) {
        uint32_t cp;

        len = utf8_get(in + i, n - i, &cp);
        if (!tok_is_mark(cp))
            sb_put(out, in + i, len);
        else if (i == 0)
            *first = false;
    }
    return sb_ok(out, err);
}

static const struct tok_kind kinds[] = {
    {.type = "Prepend", .read = read_prepend, .normalize = prepend},
    {.type = "Replace", .read = read_replace, .normalize = replace},
    {.type = "NFC", .normalize = nfc},
    {.type = "NFD", .normalize = nfd},
    {.type = "NFKC", .normalize = nfkc},
    {.type = "NFKD", .normalize = nfkd},
    {.type = "Lowercase", .normalize = lowercase},
    {.type = "Strip", .read = read_strip, .normalize = strip},
    {.type = "StripAccents", .normalize = strip_accents},
    {.type = NULL},
};

const struct tok_part tok_normalizer_part = {
    .key = "normalizer", .list = "normalizers", .kinds = kinds};

/* SentencePiece's space is a Prepend stage. */
void tok_normalizer_prefix(struct tokenizer *t, bool on)
{
    for (struct tok_stage **s = &t->normalizer; !on && *s;) {
        if ((*s)->kind->normalize == prepend)
            tok_chain_drop(s);
        else
            s = &(*s)->next;
    }
}

int tok_normalize(struct tokenizer *t, const char *s, size_t n, bool *first, struct vac_err *err)
{
    struct strbuf *now = &t->norm[0], *next = &t->norm[1];

    sb_clear(now);
    sb_put(now, s, n);
    if (sb_ok(now, err))
        return -1;
    for (struct tok_stage *x = t->normalizer; x; x = x->next) {
        struct strbuf swap;

        x->most = tok_most(n);

        sb_clear(next);
        sb_put(next, "", 0);
        if (x->kind->normalize(x, now->s ? now->s : "", now->len, first, next, err))
            return -1;
        if (next->len > x->most)
            return tok_too_much(&tok_normalizer_part, x, err);
        swap = *now;
        *now = *next;
        *next = swap;
    }
    return 0;
}
