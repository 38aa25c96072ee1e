/* tok_gguf_write.c - see tok_gguf_write.h */
#include "token/tok_gguf_write.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "base/json.h"
#include "token/tok_decode.h"
#include "token/tok_gguf.h"
#include "token/tok_map.h"
#include "token/tokenizer.h"

#define FILE_LIMIT (512u << 20)
#define KEY "tokenizer.ggml."

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER = 4, UNUSED = 5, BYTE = 6 };
#define BLANK "\xe2\x96\x81"

static bool is(const cJSON *v, const char *key, const char *text)
{
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(v, key));

    return s && !strcmp(s, text);
}

static bool on(const cJSON *v, const char *key, bool otherwise)
{
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(v, key);

    return x ? cJSON_IsTrue(x) : otherwise;
}

/* The name of a pre-tokenizer whose stages are these; NULL = it has none. */
static const char *pre_name(const cJSON *pre, bool whole)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(pre, "pretokenizers"), *first, *bytes;
    const char *re;
    bool regex;

    first = is(pre, "type", "Sequence") && cJSON_IsArray(list) ? list->child : pre;
    bytes = first && first != pre && first->next ? first->next : first;
    if (!first || (first != pre && bytes->next) || !is(bytes, "type", "ByteLevel") ||
        on(bytes, "add_prefix_space", true))
        return NULL;
    regex = on(bytes, "use_regex", true);
    if (first == bytes)
        return regex && !whole ? "gpt-2" : NULL;
    if (is(first, "type", "Digits"))
        return regex && !whole && on(first, "individual_digits", false) ? "smollm" : NULL;
    re = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(first, "pattern"), "Regex"));
    if (regex || !re || !is(first, "type", "Split") || !is(first, "behavior", "Isolated") ||
        on(first, "invert", false))
        return NULL;
    return tok_gguf_split_name(re, whole);
}

/* Tokens by id, NULL = nobody's; -1 when an id is not one of `rows`. */
static int list_tokens(const cJSON *doc, const char **text, int32_t *type, size_t rows,
                       const char *path, struct vac_err *err)
{
    const cJSON *vocab =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(doc, "model"), "vocab");
    const cJSON *added = cJSON_GetObjectItemCaseSensitive(doc, "added_tokens"), *x;

    for (int pass = 0; pass < 2; pass++) {
        const cJSON *list = pass ? added : vocab;
        cJSON_ArrayForEach(x, list)
        {
            const cJSON *id = pass ? cJSON_GetObjectItemCaseSensitive(x, "id") : x;
            const char *s =
                pass ? cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(x, "content"))
                     : x->string;
            size_t i = cJSON_IsNumber(id) && id->valuedouble >= 0 ? (size_t)id->valuedouble : rows;

            if (!s || i >= rows)
                return err_set(err, VAC_ERR_FORMAT,
                               "%s: token \"%.60s\" has no row in the embedding of %zu", path,
                               s ? s : "", rows);
            text[i] = s;
            type[i] = !pass ? NORMAL : on(x, "special", false) ? CONTROL : USER;
        }
    }
    return 0;
}

static int put_merges(const cJSON *model, struct gguf_writer *w, const char *path,
                      struct vac_err *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(model, "merges"), *x;
    struct strbuf both = {0};

    gguf_put_array(w, KEY "merges", GGUF_STRING, (size_t)cJSON_GetArraySize(list));
    cJSON_ArrayForEach(x, list)
    {
        const char *a = cJSON_IsArray(x) ? cJSON_GetStringValue(cJSON_GetArrayItem(x, 0))
                                         : cJSON_GetStringValue(x);
        const char *b = cJSON_IsArray(x) ? cJSON_GetStringValue(cJSON_GetArrayItem(x, 1)) : "";

        if (!a || !b) {
            sb_done(&both);
            return err_set(err, VAC_ERR_FORMAT, "%s: a merge is not two tokens", path);
        }
        sb_clear(&both);
        sb_puts(&both, a);
        sb_puts(&both, cJSON_IsArray(x) ? " " : "");
        sb_puts(&both, b);
        if (sb_ok(&both, err)) {
            sb_done(&both);
            return -1;
        }
        gguf_add_text(w, both.s, both.len);
    }
    sb_done(&both);
    return 0;
}

/* Whether texts go to the merges whole, blanks turned to U+2581; *prefix: with one put in front. */
static bool is_pieces(const cJSON *doc, bool *prefix)
{
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(doc, "model");
    const cJSON *pre = cJSON_GetObjectItemCaseSensitive(doc, "pre_tokenizer");
    const cJSON *norm = cJSON_GetObjectItemCaseSensitive(doc, "normalizer");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(norm, "normalizers");
    const cJSON *first = list ? list->child : norm, *blank;

    *prefix = first && list && is(first, "type", "Prepend") && is(first, "prepend", BLANK);
    blank = *prefix ? first->next : first;
    return on(model, "byte_fallback", false) && (!pre || cJSON_IsNull(pre)) && blank &&
           (!list || !blank->next) && is(blank, "type", "Replace") && is(blank, "content", BLANK) &&
           is(cJSON_GetObjectItemCaseSensitive(blank, "pattern"), "String", " ");
}

/* SentencePiece joins by the score of what comes of it: the earlier its merge, the higher. */
static int put_pieces(const cJSON *doc, const char **text, int32_t *type, size_t rows, bool prefix,
                      struct gguf_writer *w, struct vac_err *err)
{
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(doc, "model"), *x;
    const char *unk = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(model, "unk_token"));
    struct strbuf joined = {0};
    struct tok_map map = {0};
    float *score = mem_new(rows, sizeof *score, err);
    int rc = score && !tok_map_init(&map, rows, err) ? 0 : -1;
    float rank = 0;

    for (size_t i = 0; !rc && i < rows; i++) {
        if (!text[i])
            continue;
        tok_map_put(&map, text[i], strlen(text[i]), (int32_t)i);
        if (tok_byte_token(text[i], strlen(text[i])) >= 0)
            type[i] = BYTE;
        else if (unk && !strcmp(text[i], unk))
            type[i] = UNKNOWN;
    }
    cJSON_ArrayForEach(x, cJSON_GetObjectItemCaseSensitive(model, "merges"))
    {
        const char *a = cJSON_GetStringValue(cJSON_IsArray(x) ? x->child : x), *space;
        int32_t id;

        sb_clear(&joined);
        space = a && !cJSON_IsArray(x) ? strchr(a, ' ') : NULL;
        sb_put(&joined, a ? a : "", space ? (size_t)(space - a) : strlen(a ? a : ""));
        sb_puts(&joined, space ? space + 1 : "");
        if (cJSON_IsArray(x) && a)
            sb_puts(&joined, cJSON_GetStringValue(x->child->next));
        rc = rc || sb_ok(&joined, err) ? -1 : 0;
        id = rc ? -1 : tok_map_get(&map, joined.s, joined.len);
        if (id >= 0 && score[id] == 0)
            score[id] = -++rank;
    }
    if (!rc) {
        gguf_put_text(w, KEY "model", "llama");
        gguf_put_bool(w, KEY "add_space_prefix", prefix);
        gguf_put_array(w, KEY "scores", GGUF_F32, rows);
        for (size_t i = 0; i < rows; i++)
            gguf_add_f32(w, score[i] == 0 ? -1e9f : score[i]);
    }
    sb_done(&joined);
    tok_map_done(&map);
    free(score);
    return rc;
}

static int put_all(const cJSON *doc, const struct tokenizer *t, const char *path, size_t rows,
                   struct gguf_writer *w, struct vac_err *err)
{
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(doc, "model");
    const cJSON *normalizer = cJSON_GetObjectItemCaseSensitive(doc, "normalizer");
    const char *pre = pre_name(cJSON_GetObjectItemCaseSensitive(doc, "pre_tokenizer"),
                               on(model, "ignore_merges", false));
    struct tokenizer_roles roles = tokenizer_roles(t);
    const char **text = mem_new(rows, sizeof *text, err);
    int32_t *type = mem_new(rows, sizeof *type, err);
    char pad[32];
    bool prefix, pieces = is_pieces(doc, &prefix);
    int rc = -1;

    if (!text || !type || list_tokens(doc, text, type, rows, path, err))
        goto out;
    if (!pieces &&
        (!pre || (normalizer && !cJSON_IsNull(normalizer) && !is(normalizer, "type", "NFC")))) {
        err_set(err, VAC_ERR_UNSUPPORTED,
                "%s: cuts texts in a way that GGUF files have no name for here; those of gpt-2, "
                "smollm, qwen2, llama-bpe and SentencePiece are written",
                path);
        goto out;
    }
    if (pieces && put_pieces(doc, text, type, rows, prefix, w, err))
        goto out;
    if (!pieces) {
        gguf_put_text(w, KEY "model", "gpt2");
        gguf_put_text(w, KEY "pre", pre);
    }
    gguf_put_array(w, KEY "tokens", GGUF_STRING, rows);
    for (size_t i = 0; i < rows; i++) {
        snprintf(pad, sizeof pad, "[PAD%zu]", i);
        type[i] = text[i] ? type[i] : UNUSED;
        gguf_add_text(w, text[i] ? text[i] : pad, strlen(text[i] ? text[i] : pad));
    }
    gguf_put_array(w, KEY "token_type", GGUF_I32, rows);
    for (size_t i = 0; i < rows; i++)
        gguf_add_i32(w, type[i]);
    if (!pieces && put_merges(model, w, path, err))
        goto out;
    if (roles.bos >= 0)
        gguf_put_u32(w, KEY "bos_token_id", (uint32_t)roles.bos);
    if (roles.eos >= 0)
        gguf_put_u32(w, KEY "eos_token_id", (uint32_t)roles.eos);
    if (roles.unk >= 0)
        gguf_put_u32(w, KEY "unknown_token_id", (uint32_t)roles.unk);
    if (roles.pad >= 0)
        gguf_put_u32(w, KEY "padding_token_id", (uint32_t)roles.pad);
    gguf_put_bool(w, KEY "add_bos_token", roles.add_bos);
    gguf_put_bool(w, KEY "add_eos_token", roles.add_eos);
    if (tokenizer_chat_template(t))
        gguf_put_text(w, "tokenizer.chat_template", tokenizer_chat_template(t));
    rc = 0;
out:
    free(text);
    free(type);
    return rc;
}

int tok_gguf_write(const char *dir, size_t rows, struct gguf_writer *w, struct vac_err *err)
{
    struct tokenizer *t = tokenizer_open(dir, err); /* all of it is checked by that */
    char *path = t ? path_join(dir, "tokenizer.json", err) : NULL;
    cJSON *doc = path ? json_read(path, FILE_LIMIT, err) : NULL;
    int rc = doc ? put_all(doc, t, path, rows, w, err) : -1;

    cJSON_Delete(doc);
    free(path);
    tokenizer_free(t);
    return rc;
}
