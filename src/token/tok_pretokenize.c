/* tok_pretokenize.c - how a normalized text is cut into the words that BPE sees: one function and
 * one row per pre-tokenizer. */
#include "token/tok_pretokenize.h"
#include "token/tok.h"
#include <stdlib.h>
#include <string.h>

/* The class of a character, for cutting without a regular expression; class 1 is the delimiter. */
typedef int class_fn(uint32_t cp);

static int put_pieces(const struct tok_span *v, size_t n, bool drop, const char *in, bool first,
                      struct tok_pieces *out, struct vac_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (drop && v[i].match)
            continue;
        if (tok_pieces_add(out, in + v[i].from, v[i].to - v[i].from, -1, first && v[i].from == 0,
                           err))
            return -1;
    }
    return 0;
}

/* Joins every delimiter to what precedes it, except one that follows a delimiter. Returns how many
 * spans are left. */
static size_t merge_previous(struct tok_span *v, size_t n)
{
    size_t w = 0;
    bool previous = false;

    for (size_t i = 0; i < n; i++) {
        bool match = v[i].match;

        if (match && !previous && w > 0)
            v[w - 1].to = v[i].to;
        else
            v[w++] = v[i];
        previous = match;
    }
    return w;
}

/* The same from the end; the spans left are the last ones, and the index of the first is returned.
 */
static size_t merge_next(struct tok_span *v, size_t n)
{
    size_t w = n;
    bool previous = false;

    for (size_t i = n; i-- > 0;) {
        bool match = v[i].match;

        if (match && !previous && w < n)
            v[w].from = v[i].from;
        else
            v[--w] = v[i];
        previous = match;
    }
    return w;
}

static size_t merge_equal(struct tok_span *v, size_t n)
{
    size_t w = 0;
    bool previous = false;

    for (size_t i = 0; i < n; i++) {
        bool match = v[i].match;

        if (w > 0 && match == previous)
            v[w - 1].to = v[i].to;
        else
            v[w++] = v[i];
        previous = match;
    }
    return w;
}

/* Cuts along spans, which are used up. */
static int cut(struct tok_span *v, size_t n, enum tok_behavior behavior, const char *in, bool first,
               struct tok_pieces *out, struct vac_err *err)
{
    size_t from = 0;

    if (behavior == TOK_MERGED_WITH_PREVIOUS)
        n = merge_previous(v, n);
    else if (behavior == TOK_MERGED_WITH_NEXT)
        from = merge_next(v, n);
    else if (behavior == TOK_CONTIGUOUS)
        n = merge_equal(v, n);
    return put_pieces(v + from, n - from, behavior == TOK_REMOVED, in, first, out, err);
}

/* A copy of the spans that the regular expression lends. */
static struct tok_span *own_spans(struct tok_regex *re, const char *in, size_t n, bool invert,
                                  size_t *count, struct vac_err *err)
{
    const struct tok_span *lent;
    struct tok_span *v;

    if (tok_regex_spans(re, in, n, &lent, count, err))
        return NULL;
    v = mem_new(*count, sizeof(*v), err);
    for (size_t i = 0; v && i < *count; i++) {
        v[i] = lent[i];
        v[i].match = lent[i].match != invert;
    }
    return v;
}

/* ---- Split ---- */

static int split(const struct tok_stage *s, const char *in, size_t n, bool first,
                 struct tok_pieces *out, struct vac_err *err)
{
    size_t count;
    struct tok_span *v = own_spans(s->re, in, n, s->invert, &count, err);
    int rc = v ? cut(v, count, s->behavior, in, first, out, err) : -1;

    free(v);
    return rc;
}

static int read_behavior(struct tok_stage *s, const struct jnode *n, struct vac_err *err)
{
    static const char *const names[] = {
        [TOK_REMOVED] = "Removed",
        [TOK_ISOLATED] = "Isolated",
        [TOK_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
        [TOK_MERGED_WITH_NEXT] = "MergedWithNext",
        [TOK_CONTIGUOUS] = "Contiguous",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(n->v->valuestring, names[i]) == 0) {
            s->behavior = (enum tok_behavior)i;
            return 0;
        }
    }
    return tok_refuse(
        n, err,
        "expected one of Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous, "
        "found \"%s\"",
        n->v->valuestring);
}

static int read_split(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    struct jnode behavior;

    if (tok_read_pattern(s, node, err) || json_get(node, "behavior", JSON_STRING, &behavior, err) ||
        read_behavior(s, &behavior, err))
        return -1;
    return json_bool(node, "invert", &s->invert, err);
}

/* ---- ByteLevel ---- */

#define GPT2_PATTERN                                                                               \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/* Writes every byte as the letter that stands for it. */
static int put_bytes(const char *s, size_t n, bool first, struct tok_pieces *out,
                     struct vac_err *err)
{
    size_t at = out->buf.len;

    for (size_t i = 0; i < n; i++) {
        char c[4];

        sb_put(&out->buf, c, utf8_put(tok_byte_to_char((unsigned char)s[i]), c));
    }
    return tok_pieces_end(out, at, -1, first, err);
}

static int put_byte_spans(const struct tok_stage *s, const char *in, size_t n, bool first,
                          struct tok_pieces *out, struct vac_err *err)
{
    const struct tok_span *v;
    size_t count;

    if (!s->re)
        return put_bytes(in, n, first, out, err);
    if (tok_regex_spans(s->re, in, n, &v, &count, err))
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (put_bytes(in + v[i].from, v[i].to - v[i].from, first && v[i].from == 0, out, err))
            return -1;
    }
    return 0;
}

static int byte_level(const struct tok_stage *s, const char *in, size_t n, bool first,
                      struct tok_pieces *out, struct vac_err *err)
{
    struct strbuf prefixed = {0};
    int rc;

    if (!s->prefix || n == 0 || in[0] == ' ')
        return put_byte_spans(s, in, n, first, out, err);
    sb_putc(&prefixed, ' ');
    sb_put(&prefixed, in, n);
    rc = sb_ok(&prefixed, err);
    if (rc == 0)
        rc = put_byte_spans(s, prefixed.s, prefixed.len, first, out, err);
    sb_done(&prefixed);
    return rc;
}

static int read_byte_level(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    bool use_regex = true;

    if (json_bool(node, "add_prefix_space", &s->prefix, err) ||
        json_opt_bool(node, "use_regex", &use_regex, err))
        return -1;
    if (!use_regex)
        return 0;
    s->re = tok_regex_new(GPT2_PATTERN, false, err);
    return s->re ? 0 : -1;
}

/* ---- Metaspace ---- */

/* Spaces become the replacement, one is put in front, and the text is cut before each. */
static int metaspace(const struct tok_stage *s, const char *in, size_t n, bool first,
                     struct tok_pieces *out, struct vac_err *err)
{
    size_t at = out->buf.len, count;
    bool starts = n > 0 && (in[0] == ' ' || (n >= s->len && memcmp(in, s->text, s->len) == 0));
    struct tok_span *v;
    struct strbuf text = {0};
    int rc;

    if (!starts && n > 0 && (s->scheme == TOK_ALWAYS || (s->scheme == TOK_FIRST && first)))
        sb_put(&text, s->text, s->len);
    for (size_t i = 0; i < n; i++)
        sb_put(&text, in[i] == ' ' ? s->text : in + i, in[i] == ' ' ? s->len : 1);
    rc = sb_ok(&text, err);
    if (rc == 0 && !s->split) {
        sb_put(&out->buf, text.s ? text.s : "", text.len);
        rc = tok_pieces_end(out, at, -1, first, err);
    } else if (rc == 0) {
        v = own_spans(s->re, text.s ? text.s : "", text.len, false, &count, err);
        rc = v ? cut(v, count, TOK_MERGED_WITH_NEXT, text.s ? text.s : "", first, out, err) : -1;
        free(v);
    }
    sb_done(&text);
    return rc;
}

static int read_metaspace(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    s->split = true;
    if (tok_read_metaspace(s, node, err) || json_opt_bool(node, "split", &s->split, err))
        return -1;
    s->re = tok_regex_new(s->text, true, err);
    return s->re ? 0 : -1;
}

/* ---- Cutting by character class ---- */

static int is_digit(uint32_t cp)
{
    return tok_is_numeric(cp);
}

static int is_punctuation(uint32_t cp)
{
    return tok_is_punctuation(cp);
}

static int is_space(uint32_t cp)
{
    return tok_is_space(cp);
}

/* Words, white space, and the rest. */
static int word_class(uint32_t cp)
{
    if (tok_is_word(cp))
        return 2;
    return tok_is_space(cp) ? 1 : 3;
}

/* Spans of equal class; those of class 1 count as matches, one character each. */
static struct tok_span *class_spans(class_fn *class, const char *in, size_t n, size_t *count,
                                    struct vac_err *err)
{
    struct tok_span *v = mem_new(n, sizeof(*v), err);
    size_t len, k = 0;
    int previous = 1;

    for (size_t i = 0; v && i < n; i += len) {
        uint32_t cp;
        int c;

        len = utf8_get(in + i, n - i, &cp);
        c = class(cp);
        if (c == 1 || c != previous)
            v[k++] = (struct tok_span){.from = i, .match = c == 1};
        v[k - 1].to = i + len;
        previous = c;
    }
    *count = k;
    return v;
}

static int cut_by_class(class_fn *class, enum tok_behavior behavior, const char *in, size_t n,
                        bool first, struct tok_pieces *out, struct vac_err *err)
{
    size_t count;
    struct tok_span *v = class_spans(class, in, n, &count, err);
    int rc = v ? cut(v, count, behavior, in, first, out, err) : -1;

    free(v);
    return rc;
}

static int digits(const struct tok_stage *s, const char *in, size_t n, bool first,
                  struct tok_pieces *out, struct vac_err *err)
{
    return cut_by_class(is_digit, s->split ? TOK_ISOLATED : TOK_CONTIGUOUS, in, n, first, out, err);
}

static int read_digits(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    return json_bool(node, "individual_digits", &s->split, err);
}

static int punctuation(const struct tok_stage *s, const char *in, size_t n, bool first,
                       struct tok_pieces *out, struct vac_err *err)
{
    return cut_by_class(is_punctuation, s->behavior, in, n, first, out, err);
}

static int read_punctuation(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    struct jnode behavior;
    int absent = json_opt(node, "behavior", JSON_STRING, &behavior, err);

    s->behavior = TOK_ISOLATED;
    if (absent)
        return absent < 0 ? -1 : 0;
    return read_behavior(s, &behavior, err);
}

static int whitespace(const struct tok_stage *s, const char *in, size_t n, bool first,
                      struct tok_pieces *out, struct vac_err *err)
{
    (void)s;
    return cut_by_class(word_class, TOK_REMOVED, in, n, first, out, err);
}

static int whitespace_split(const struct tok_stage *s, const char *in, size_t n, bool first,
                            struct tok_pieces *out, struct vac_err *err)
{
    (void)s;
    return cut_by_class(is_space, TOK_REMOVED, in, n, first, out, err);
}

static const struct tok_kind kinds[] = {
    {.type = "Split", .read = read_split, .split = split},
    {.type = "ByteLevel", .read = read_byte_level, .split = byte_level},
    {.type = "Metaspace", .read = read_metaspace, .split = metaspace},
    {.type = "Digits", .read = read_digits, .split = digits},
    {.type = "Punctuation", .read = read_punctuation, .split = punctuation},
    {.type = "Whitespace", .split = whitespace},
    {.type = "WhitespaceSplit", .split = whitespace_split},
    {.type = NULL},
};

const struct tok_part tok_pretokenizer_part = {
    .key = "pre_tokenizer", .list = "pretokenizers", .kinds = kinds};

void tok_pretokenizer_prefix(struct tokenizer *t, bool on)
{
    for (struct tok_stage *s = t->pretokenizer; s; s = s->next) {
        if (s->kind->split == byte_level)
            s->prefix = on;
        else if (s->kind->split == metaspace)
            s->scheme = !on ? TOK_NEVER : s->scheme == TOK_NEVER ? TOK_FIRST : s->scheme;
    }
}

static int run_stage(const struct tok_stage *s, const struct tok_pieces *in, struct tok_pieces *out,
                     struct vac_err *err)
{
    tok_pieces_clear(out);
    for (size_t i = 0; i < in->n; i++) {
        const struct tok_piece *p = &in->v[i];
        const char *text = in->buf.s + p->at;
        int rc;

        if (p->id >= 0)
            rc = tok_pieces_add(out, text, p->len, p->id, p->first, err);
        else
            rc = p->len > 0 ? s->kind->split(s, text, p->len, p->first, out, err) : 0;
        if (rc)
            return -1;
    }
    return 0;
}

int tok_pretokenize(struct tokenizer *t, struct vac_err *err)
{
    size_t most = tok_most(t->a.buf.len);

    for (struct tok_stage *s = t->pretokenizer; s; s = s->next) {
        struct tok_pieces swap;

        s->most = most;
        if (run_stage(s, &t->a, &t->b, err))
            return -1;
        if (t->b.buf.len > most)
            return tok_too_much(&tok_pretokenizer_part, s, err);
        swap = t->a;
        t->a = t->b;
        t->b = swap;
    }
    return 0;
}
