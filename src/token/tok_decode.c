/* tok_decode.c - from tokens back to text: one function and one row per decoder, and what the chain
 * means for a text that arrives token by token. */
#include "token/tok_decode.h"
#include "token/tok.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- ByteLevel ---- */

/* Appends the bytes of a token; one that is not all byte letters stands for itself. */
static void put_token_bytes(const char *s, size_t n, struct strbuf *out)
{
    size_t begin = out->len, len;

    for (size_t i = 0; i < n; i += len) {
        uint32_t cp = 0;
        int b;

        len = utf8_get(s + i, n - i, &cp);
        b = tok_char_to_byte(cp);
        if (b < 0) {
            out->len = begin;
            sb_put(out, s, n);
            return;
        }
        sb_putc(out, (char)b);
    }
}

static int byte_level(const struct tok_stage *s, const struct tok_pieces *in,
                      struct tok_pieces *out, struct vac_err *err)
{
    struct strbuf bytes = {0};
    char *text = NULL;
    size_t size = 0;
    int rc = -1;

    (void)s;
    for (size_t i = 0; i < in->n; i++)
        put_token_bytes(in->buf.s + in->v[i].at, in->v[i].len, &bytes);
    if (sb_ok(&bytes, err))
        goto out;
    if (size_mul(bytes.len, 3, &size)) {
        err_set(err, VAC_ERR_MEMORY, "a text of %zu bytes does not fit in memory", bytes.len);
        goto out;
    }
    text = mem_new(size, 1, err);
    if (text)
        rc = tok_pieces_add(out, text, utf8_lossy(bytes.s ? bytes.s : "", bytes.len, text), -1,
                            true, err);
out:
    free(text);
    sb_done(&bytes);
    return rc;
}

/* ---- ByteFallback ---- */

static int hex(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

int tok_byte_token(const char *s, size_t n)
{
    int high, low;

    if (n != 6 || memcmp(s, "<0x", 3) != 0 || s[5] != '>')
        return -1;
    high = hex(s[3]);
    low = hex(s[4]);
    /* Rust's number parser takes a plus sign */
    if (s[3] == '+' && low >= 0)
        return low;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* A run of byte tokens is one text when it is valid as a whole, else one U+FFFD for each. */
static int end_run(struct strbuf *run, struct tok_pieces *out, struct vac_err *err)
{
    size_t n = run->len;
    int rc = 0;

    if (n == 0)
        return 0;
    if (utf8_valid(run->s, n) == n) {
        rc = tok_pieces_add(out, run->s, n, -1, true, err);
    } else {
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = tok_pieces_add(out, "\xef\xbf\xbd", 3, -1, true, err);
    }
    sb_clear(run);
    return rc;
}

static int byte_fallback(const struct tok_stage *s, const struct tok_pieces *in,
                         struct tok_pieces *out, struct vac_err *err)
{
    struct strbuf run = {0};
    int rc = 0;

    (void)s;
    for (size_t i = 0; i < in->n && rc == 0; i++) {
        const char *text = in->buf.s + in->v[i].at;
        int b = tok_byte_token(text, in->v[i].len);

        if (b >= 0) {
            sb_putc(&run, (char)b);
            rc = sb_ok(&run, err);
        } else {
            rc = end_run(&run, out, err);
            if (rc == 0)
                rc = tok_pieces_add(out, text, in->v[i].len, -1, true, err);
        }
    }
    if (rc == 0)
        rc = end_run(&run, out, err);
    sb_done(&run);
    return rc;
}

/* ---- Replace, Fuse, Strip, Metaspace ---- */

static int replace(const struct tok_stage *s, const struct tok_pieces *in, struct tok_pieces *out,
                   struct vac_err *err)
{
    for (size_t i = 0; i < in->n; i++) {
        const char *text = in->buf.s + in->v[i].at;
        size_t at = out->buf.len, count;
        const struct tok_span *v;

        if (tok_regex_spans(s->re, text, in->v[i].len, &v, &count, err))
            return -1;
        for (size_t k = 0; k < count; k++) {
            if (out->buf.len > s->most)
                return tok_too_much(&tok_decoder_part, s, err);
            if (v[k].match)
                sb_put(&out->buf, s->text, s->len);
            else
                sb_put(&out->buf, text + v[k].from, v[k].to - v[k].from);
        }
        if (tok_pieces_end(out, at, -1, true, err))
            return -1;
    }
    return 0;
}

/* `start` keeps how many characters the pattern has, for tok_decode_hold. */
static int read_replace(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    struct jnode pattern;
    const cJSON *literal;
    uint32_t cp;

    if (tok_read_pattern(s, node, err) || json_get(node, "pattern", JSON_OBJECT, &pattern, err))
        return -1;
    literal = cJSON_GetObjectItemCaseSensitive(pattern.v, "String");
    if (s->literal && literal->valuestring[0]) {
        size_t len = strlen(literal->valuestring);

        s->start = utf8_get(literal->valuestring, len, &cp) == len ? 1 : 2;
    }
    return tok_read_text(s, node, "content", false, err);
}

static int fuse(const struct tok_stage *s, const struct tok_pieces *in, struct tok_pieces *out,
                struct vac_err *err)
{
    (void)s;
    return tok_pieces_add(out, in->buf.s ? in->buf.s : "", in->buf.len, -1, true, err);
}

static bool has_at(const struct tok_stage *s, const char *text, size_t from, size_t to)
{
    return to - from >= s->len && memcmp(text + from, s->text, s->len) == 0;
}

/* Cuts up to `start` and `stop` of the character from either end. */
static int strip(const struct tok_stage *s, const struct tok_pieces *in, struct tok_pieces *out,
                 struct vac_err *err)
{
    for (size_t i = 0; i < in->n; i++) {
        const char *text = in->buf.s + in->v[i].at;
        size_t from = 0, to = in->v[i].len;

        for (size_t k = 0; k < s->start && has_at(s, text, from, to); k++)
            from += s->len;
        for (size_t k = 0; k < s->stop && to > from && has_at(s, text, to - s->len, to); k++)
            to -= s->len;
        if (tok_pieces_add(out, text + from, to - from, -1, true, err))
            return -1;
    }
    return 0;
}

static int read_strip(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    int64_t start, stop;

    if (tok_read_text(s, node, "content", true, err) ||
        json_int(node, "start", 0, INT32_MAX, &start, err) ||
        json_int(node, "stop", 0, INT32_MAX, &stop, err))
        return -1;
    s->start = (size_t)start;
    s->stop = (size_t)stop;
    return 0;
}

/* In the first token the replacement is what the encoder put there, and goes; elsewhere it is a
 * space. */
static int metaspace(const struct tok_stage *s, const struct tok_pieces *in, struct tok_pieces *out,
                     struct vac_err *err)
{
    for (size_t i = 0; i < in->n; i++) {
        const char *text = in->buf.s + in->v[i].at;
        size_t at = out->buf.len, n = in->v[i].len;

        for (size_t k = 0; k < n;) {
            if (!has_at(s, text, k, n)) {
                sb_putc(&out->buf, text[k++]);
                continue;
            }
            if (i > 0 || s->scheme == TOK_NEVER)
                sb_putc(&out->buf, ' ');
            k += s->len;
        }
        if (tok_pieces_end(out, at, -1, true, err))
            return -1;
    }
    return 0;
}

static const struct tok_kind kinds[] = {
    {.type = "ByteLevel", .decode = byte_level},
    {.type = "Replace", .read = read_replace, .decode = replace},
    {.type = "ByteFallback", .decode = byte_fallback},
    {.type = "Fuse", .decode = fuse},
    {.type = "Strip", .read = read_strip, .decode = strip},
    {.type = "Metaspace", .read = tok_read_metaspace, .decode = metaspace},
    {.type = NULL},
};

const struct tok_part tok_decoder_part = {.key = "decoder", .list = "decoders", .kinds = kinds};

/* ---- The chain ---- */

/* A space that the encoder did not put there is not to be taken off. */
void tok_decoder_prefix(struct tokenizer *t, bool on)
{
    for (struct tok_stage **s = &t->decoder; !on && *s;) {
        if ((*s)->kind->decode == metaspace)
            (*s)->scheme = TOK_NEVER;
        if ((*s)->kind->decode == strip && (*s)->start > 0 && !strcmp((*s)->text, " "))
            tok_chain_drop(s);
        else
            s = &(*s)->next;
    }
    t->hold = tok_decode_hold(t->decoder);
}

/* Once the tokens are one text, a stage that looks at more than one character of it, or at its end,
 * can change what was there already. So can a byte run that does not see the tokens as they are. */
struct tok_hold tok_decode_hold(const struct tok_stage *chain)
{
    struct tok_hold hold = {0};
    bool fused = false, changed = false;

    for (const struct tok_stage *s = chain; s; s = s->next) {
        if (s->kind->decode == replace) {
            bool single = s->literal && s->start == 1;

            hold.all |= fused && !single;
            changed |= !single;
        } else if (s->kind->decode == strip) {
            hold.all |= fused && s->stop > 0;
            changed = true;
        } else if (s->kind->decode == byte_fallback) {
            hold.bytes = true;
            hold.all |= fused || changed;
        }
        fused |= s->kind->decode == fuse || s->kind->decode == byte_level;
    }
    return hold;
}

/* The tokens' own texts; without a decoder they are joined with spaces. */
static int collect(struct tokenizer *t, const int32_t *ids, size_t n, bool skip_special,
                   struct vac_err *err)
{
    tok_pieces_clear(&t->a);
    for (size_t i = 0; i < n; i++) {
        const struct tok_token *x;

        if (ids[i] < 0 || (size_t)ids[i] >= t->size || !t->token[ids[i]].s)
            return err_set(err, VAC_ERR_FORMAT,
                           "id %ld at position %zu is no token of the vocabulary (ids 0 to %zu)",
                           (long)ids[i], i, t->size ? t->size - 1 : 0);
        x = &t->token[ids[i]];
        if (skip_special && (x->flags & TOK_SPECIAL))
            continue;
        if (t->spaced && t->a.n > 0)
            sb_putc(&t->a.buf, ' ');
        if (tok_pieces_add(&t->a, x->read ? x->read : x->s, x->read ? x->read_len : x->len, -1,
                           true, err))
            return -1;
    }
    return 0;
}

int tok_decode(struct tokenizer *t, const int32_t *ids, size_t n, bool skip_special,
               struct strbuf *out, struct vac_err *err)
{
    size_t most;

    if (collect(t, ids, n, skip_special, err))
        return -1;
    most = tok_most(t->a.buf.len);
    tok_chain_begin(t->decoder, t->a.buf.len);
    for (struct tok_stage *s = t->decoder; s; s = s->next) {
        struct tok_pieces swap;

        tok_pieces_clear(&t->b);
        s->most = most;
        if (s->kind->decode(s, &t->a, &t->b, err))
            return -1;
        if (t->b.buf.len > most)
            return tok_too_much(&tok_decoder_part, s, err);
        swap = t->a;
        t->a = t->b;
        t->b = swap;
    }
    sb_put(out, t->a.buf.s ? t->a.buf.s : "", t->a.buf.len);
    return sb_ok(out, err);
}
