/* tokenizer.c - opening a tokenizer, and the way of a text through its parts. */
#include "token/tokenizer.h"
#include "base/trace.h"
#include "base/io.h"
#include "token/tok.h"
#include "token/tok_added.h"
#include "token/tok_decode.h"
#include "token/tok_gguf.h"
#include "token/tok_json.h"
#include "token/tok_normalize.h"
#include "token/tok_post.h"
#include "token/tok_pretokenize.h"
#include "token/tok_roles.h"
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT (512u << 20)

/* ---- Opening ---- */

static int read_file(struct tokenizer *t, const char *path, struct vac_err *err)
{
    size_t len = 0;
    char *text = file_read(path, FILE_LIMIT, &len, err);
    cJSON *doc = text ? json_parse(text, len, path, err) : NULL;
    struct jnode root = json_root(doc, path);
    int rc = doc ? 0 : -1;

    free(text);
    if (rc == 0 && !cJSON_IsObject(doc))
        rc = json_error(&root, err, "expected an object {...}");
    if (rc == 0)
        rc = tok_read(t, &root, len, err);
    cJSON_Delete(doc);
    return rc;
}

/* As the folder's files that it was made from are read. */
static int read_gguf(struct tokenizer *t, const char *path, struct vac_err *err)
{
    struct strbuf text = {0}, config = {0};
    cJSON *doc = NULL, *roles = NULL;
    struct gguf g;
    int rc = -1;

    if (gguf_open(&g, path, err))
        return -1;
    if (!tok_gguf_texts(&g, &text, &config, err) &&
        (doc = json_parse(text.s, text.len, path, err)) &&
        (roles = json_parse(config.s, config.len, path, err))) {
        struct jnode root = json_root(doc, path), node = json_root(roles, path);
        rc = tok_read(t, &root, text.len, err) ||
                     (t->bpe.byte_fallback && tok_gguf_rank(&g, &t->bpe, err)) ||
                     tok_roles_from(t, &node, err)
                 ? -1
                 : 0;
    }
    if (!rc)
        rc = map_check(&g.map, err);
    cJSON_Delete(doc);
    cJSON_Delete(roles);
    sb_done(&text);
    sb_done(&config);
    gguf_close(&g);
    return rc;
}

bool tokenizer_there(const char *dir)
{
    char *path = path_join(dir, "tokenizer.json", NULL);
    bool there = gguf_is(dir) || (path && file_exists(path));

    free(path);
    return there;
}

struct tokenizer *tokenizer_open(const char *dir, struct vac_err *err)
{
    bool folder = dir_exists(dir), gguf = gguf_is(dir);
    struct tokenizer *t = mem_new(1, sizeof(*t), err);
    char *file = folder ? path_join(dir, "tokenizer.json", err) : mem_strdup(dir, err);
    char *base = folder ? mem_strdup(dir, err) : path_dir(dir, err);
    int rc = -1;

    if (file &&
        doing("reading", file, 0, file_size(file) > 0 ? (uint64_t)file_size(file) : 0, err)) {
        free(file);
        free(base);
        tokenizer_free(t);
        return NULL;
    }
    if (t && gguf)
        rc = read_gguf(t, dir, err);
    else if (t && file && base && read_file(t, file, err) == 0)
        rc = tok_roles_read(t, base, err);
    free(file);
    free(base);
    if (rc) {
        tokenizer_free(t);
        t = NULL;
    }
    return t;
}

void tokenizer_free(struct tokenizer *t)
{
    if (!t)
        return;
    tok_chain_free(t->normalizer);
    tok_chain_free(t->pretokenizer);
    tok_chain_free(t->post);
    tok_chain_free(t->decoder);
    tok_bpe_done(&t->bpe);
    tok_map_done(&t->added);
    free(t->raw.v);
    free(t->normalized.v);
    free(t->token);
    free(t->chat_template);
    arena_done(&t->text);
    tok_pieces_done(&t->a);
    tok_pieces_done(&t->b);
    sb_done(&t->norm[0]);
    sb_done(&t->norm[1]);
    free(t);
}

/* ---- Asking ---- */

size_t tokenizer_size(const struct tokenizer *t)
{
    return t->size;
}

size_t tokenizer_bytes(const struct tokenizer *t)
{
    size_t bytes = t->token_cap * sizeof *t->token + tok_bpe_bytes(&t->bpe);

    for (size_t i = 0; i < t->size; i++)
        bytes += t->token[i].s ? t->token[i].len + 1 : 0;
    return bytes;
}

const char *tokenizer_token(const struct tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->size ? t->token[id].s : NULL;
}

bool tokenizer_is_special(const struct tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->size && (t->token[id].flags & TOK_SPECIAL);
}

bool tokenizer_is_added(const struct tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->size && (t->token[id].flags & TOK_ADDED);
}

struct tokenizer_roles tokenizer_roles(const struct tokenizer *t)
{
    return t->roles;
}

const char *tokenizer_chat_template(const struct tokenizer *t)
{
    return t->chat_template;
}

/* ---- Encoding ---- */

/* Normalizes one piece of raw text and cuts it at the added tokens that match normalized text. */
static int normalize_piece(struct tokenizer *t, const char *s, size_t n, bool first,
                           struct vac_err *err)
{
    if (!t->normalizer)
        return tok_added_split(t, &t->normalized, s, n, first, &t->a, err);
    if (tok_normalize(t, s, n, &first, err))
        return -1;
    return tok_added_split(t, &t->normalized, t->norm[0].s ? t->norm[0].s : "", t->norm[0].len,
                           first, &t->a, err);
}

/* Leaves the words and the added tokens of the text in t->a. */
static int cut(struct tokenizer *t, const char *text, size_t n, struct vac_err *err)
{
    tok_pieces_clear(&t->a);
    tok_pieces_clear(&t->b);
    if (tok_added_split(t, &t->raw, text, n, true, &t->b, err))
        return -1;
    for (size_t i = 0; i < t->b.n; i++) {
        const struct tok_piece *p = &t->b.v[i];
        const char *s = t->b.buf.s + p->at;
        int rc = p->id >= 0 ? tok_pieces_add(&t->a, s, p->len, p->id, p->first, err)
                            : normalize_piece(t, s, p->len, p->first, err);

        if (rc)
            return -1;
        if (t->a.buf.len > tok_most(n))
            return err_set(err, VAC_ERR_FORMAT,
                           "the tokenizer's normalizer makes more than %zu bytes of a text of %zu",
                           tok_most(n), n);
    }
    return tok_pretokenize(t, err);
}

static int encode(struct tokenizer *t, const char *text, size_t n, bool special, struct ids *out,
                  struct vac_err *err)
{
    size_t from = out->n, valid = utf8_valid(text, n);

    if (valid < n)
        return err_set(err, VAC_ERR_FORMAT, "byte %zu of the text is not valid UTF-8", valid);
    tok_chain_begin(t->normalizer, n);
    tok_chain_begin(t->pretokenizer, n);
    if (cut(t, text, n, err))
        return -1;
    for (size_t i = 0; i < t->a.n; i++) {
        const struct tok_piece *p = &t->a.v[i];
        int rc = p->id >= 0 ? ids_push(out, p->id, err)
                            : tok_bpe_encode(&t->bpe, t->a.buf.s + p->at, p->len, out, err);

        if (rc)
            return -1;
    }
    return special ? tok_post_apply(t, out, from, err) : 0;
}

int tokenizer_encode(struct tokenizer *t, const char *text, size_t n, bool special, struct ids *out,
                     struct vac_err *err)
{
    size_t from = out->n;
    int rc = encode(t, text, n, special, out, err);

    if (rc)
        out->n = from;
    return rc;
}

/* The first `at` bytes, less what of a character stands at their end. */
static size_t whole_characters(const char *text, size_t at)
{
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

#define HEAD_BYTES ((size_t)64 << 10)

int tokenizer_encode_head(struct tokenizer *t, const char *text, size_t n, bool special,
                          size_t limit, struct ids *out, struct vac_err *err)
{
    struct ids head = {0}, twice = {0};
    size_t part = HEAD_BYTES, from = out->n;
    bool same = false;
    int rc = 0;

    if (limit > 0 && size_mul(limit, 16, &part) == 0 && size_add(part, HEAD_BYTES, &part) == 0)
        while (rc == 0 && !same && part < n / 2) {
            head.n = twice.n = 0;
            rc = encode(t, text, whole_characters(text, part), false, &head, err);
            if (rc == 0 && head.n > limit)
                rc = encode(t, text, whole_characters(text, 2 * part), false, &twice, err);
            same = rc == 0 && head.n > limit && twice.n > limit &&
                   memcmp(head.v, twice.v, limit * sizeof *head.v) == 0;
            part *= 2;
        }
    if (rc == 0 && same) {
        rc = ids_append(out, head.v, limit, err);
        if (rc == 0 && special)
            rc = tok_post_apply(t, out, from, err);
    } else if (rc == 0) {
        rc = encode(t, text, n, special, out, err);
    }
    if (rc)
        out->n = from;
    ids_done(&head);
    ids_done(&twice);
    return rc;
}

/* ---- Decoding ---- */

int tokenizer_decode(struct tokenizer *t, const int32_t *ids, size_t n, bool skip_special,
                     struct strbuf *out, struct vac_err *err)
{
    return tok_decode(t, ids, n, skip_special, out, err);
}
