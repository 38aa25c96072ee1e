/* tokenizer_support.c - see tokenizer_support.h */
#include "tokenizer_support.h"
#include "base/utf8.h"

/* Characters of the fixtures' vocabulary. */
static const char alphabet[] =
    " _abcdefghijklmnopqrstuvwxyzABCDEFGHILMNORSTWXY0123456789.,!?'-+$<>|/"
    "()\n\t\r▁é\xcc\x81ĠĊÃ©\xc2\x85\xe1\xa0\x8e\xe2\x80\x8b中ß\xcc\x87ﬁ²Ⅷ";

static void put_vocab_entry(struct strbuf *b, const char *s, size_t n, const char *suffix, int id)
{
    sb_puts(b, id ? ",\"" : "\"");
    sb_json(b, s, n);
    sb_printf(b, "%s\":%d", suffix, id);
}

/* Every character of the alphabet, when `marked` with and without the suffix; then the unknown
 * token. */
static void put_vocab(struct strbuf *b, bool marked)
{
    int id = 0;

    for (size_t i = 0, len; i < sizeof(alphabet) - 1; i += len) {
        uint32_t cp;

        len = utf8_get(alphabet + i, sizeof(alphabet) - 1 - i, &cp);
        put_vocab_entry(b, alphabet + i, len, "", id++);
        if (marked)
            put_vocab_entry(b, alphabet + i, len, "]", id++);
    }
    sb_printf(b, ",\"*\":%d", id);
}

const char *quoted(const char *json)
{
    static char out[4096];

    snprintf(out, sizeof(out), "%s", json);
    assert_int_equal(strlen(out), strlen(json));
    for (char *p = out; (p = strchr(p, '\''));)
        *p = '"';
    return out;
}

static void put_part(struct strbuf *b, const char *key, const char *json, const char *absent)
{
    sb_printf(b, "\"%s\":%s,", key, quoted(json ? json : absent));
}

char *fixture(const struct parts *p)
{
    struct strbuf b = {0};

    sb_puts(&b, "{\"version\":\"1.0\",");
    put_part(&b, "added_tokens", p->added, "[]");
    put_part(&b, "normalizer", p->normalizer, "null");
    put_part(&b, "pre_tokenizer", p->pre, "null");
    put_part(&b, "post_processor", p->post, "null");
    put_part(&b, "decoder", p->decoder, "null");
    sb_puts(&b, "\"model\":{\"type\":\"BPE\",");
    if (p->model) {
        sb_puts(&b, quoted(p->model));
    } else {
        sb_puts(&b, quoted("'unk_token':'*','merges':[],'end_of_word_suffix':"));
        sb_puts(&b, quoted(p->bare ? "'','vocab':{" : "']','vocab':{"));
        put_vocab(&b, !p->bare);
        sb_puts(&b, "}");
    }
    sb_puts(&b, "}}");
    assert_false(b.bad);
    return b.s;
}

struct tokenizer *open_text(const char *json, struct vac_err *err)
{
    static char path[1100];

    if (!path[0])
        snprintf(path, sizeof(path), "%s/tokenizer.json", support_tmp());
    support_write_text(path, json);
    return tokenizer_open(path, err);
}

struct tokenizer *open_parts(const struct parts *p)
{
    struct vac_err err = {0};
    char *json = fixture(p);
    struct tokenizer *t = open_text(json, &err);

    if (!t)
        fail_msg("%s\n%s", err.msg, json);
    free(json);
    return t;
}

/* The tokens of a text put together. Free it. */
static char *tokens_of(struct tokenizer *t, const char *text, size_t n, bool special)
{
    struct vac_err err = {0};
    struct ids ids = {0};
    struct strbuf b = {0};

    assert_ok(tokenizer_encode(t, text, n, special, &ids, &err), &err);
    sb_puts(&b, "");
    for (size_t i = 0; i < ids.n; i++) {
        const char *s = tokenizer_token(t, ids.v[i]);

        assert_non_null(s);
        sb_puts(&b, s);
    }
    ids_done(&ids);
    return b.s ? b.s : strdup("");
}

void check_tokens(struct tokenizer *t, const char *text, const char *expected)
{
    char *got = tokens_of(t, text, strlen(text), false);

    if (strcmp(got, expected) != 0)
        fail_msg("\"%s\" became \"%s\", expected \"%s\"", text, got, expected);
    free(got);
}

void check_ids(struct tokenizer *t, const char *text, bool special, const int32_t *expected,
               size_t n)
{
    struct vac_err err = {0};
    struct ids ids = {0};

    assert_ok(tokenizer_encode(t, text, strlen(text), special, &ids, &err), &err);
    assert_int_equal(ids.n, n);
    if (n > 0)
        assert_memory_equal(ids.v, expected, n * sizeof(*expected));
    ids_done(&ids);
}

void check_decoded(struct tokenizer *t, const int32_t *ids, size_t n, bool skip,
                   const char *expected)
{
    struct vac_err err = {0};
    struct strbuf b = {0};

    assert_ok(tokenizer_decode(t, ids, n, skip, &b, &err), &err);
    assert_string_equal(b.s ? b.s : "", expected);
    sb_done(&b);
}
