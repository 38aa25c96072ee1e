/* tok_config.c - what tokenizer_config.json changes about tokenizer.json, as Transformers applies
 * it: added tokens, BOS and EOS around a text, the space in front of it.
 *
 * add_bos_token and add_eos_token count where they stand, whatever the post-processor says; a key
 * that does not stand there leaves its side as it is. Releases of Transformers differ here: 4 and
 * the first of 5 go by the config, later ones by tokenizer.json alone. Files that their makers keep
 * in order say the same in both. */
#include "token/tok_config.h"
#include "token/tok.h"
#include "token/tok_added.h"
#include "token/tok_decode.h"
#include "token/tok_json.h"
#include "token/tok_normalize.h"
#include "token/tok_post.h"
#include "token/tok_pretokenize.h"
#include <stdlib.h>
#include <string.h>

/* ---- Added tokens ---- */

struct addition {
    const char *content;
    unsigned flags;
    long index; /* the order of adding */
};
struct additions {
    struct addition *v;
    size_t n, cap;
};

static int push(struct additions *a, const char *content, unsigned flags, long index,
                struct vac_err *err)
{
    if (!*content)
        return 0;
    if (mem_grow(&a->v, &a->cap, a->n + 1, sizeof *a->v, err))
        return -1;
    a->v[a->n++] = (struct addition){.content = content, .flags = flags, .index = index};
    return 0;
}

static int by_index(const void *x, const void *y)
{
    const struct addition *a = x, *b = y;

    return a->index < b->index ? -1 : a->index > b->index;
}

/* {"32000": {"content": "<pad>", "special": true, ...}, ...}, added by ascending key. The key
 * itself does not become the id: a token that tokenizer.json lacks gets the next free one. */
static int read_decoder(struct additions *a, const struct jnode *config, struct vac_err *err)
{
    struct jnode table;
    int absent = json_opt(config, "added_tokens_decoder", JSON_OBJECT, &table, err);

    if (absent)
        return absent < 0 ? -1 : 0;
    for (const cJSON *c = table.v->child; c; c = c->next) {
        struct jnode n = {.v = c, .up = &table, .file = table.file, .key = c->string};
        size_t digits = strspn(c->string, "0123456789");
        const char *content;
        unsigned flags;

        if (digits == 0 || digits > 9 || c->string[digits])
            return json_error(&n, err, "expected a token id as the key");
        if (!cJSON_IsObject(c))
            return json_error(&n, err, "expected an object {...}");
        if (json_str(&n, "content", &content, err) || tok_read_flags(&n, true, &flags, err) ||
            push(a, content, flags, strtol(c->string, NULL, 10), err))
            return -1;
    }
    if (a->n > 1)
        qsort(a->v, a->n, sizeof *a->v, by_index);
    return 0;
}

/* A special token is named by its text or by an object with "content". */
static const char *special_name(const cJSON *c)
{
    const cJSON *v = cJSON_IsObject(c) ? cJSON_GetObjectItemCaseSensitive(c, "content") : c;

    return cJSON_GetStringValue(v);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Every special token that the config names is an added one. BOS and EOS must be in the vocabulary,
 * which is checked where the roles are found. */
static int read_named(const struct tokenizer *t, struct additions *a, const struct jnode *config,
                      struct vac_err *err)
{
    static const char *const lists[] = {"extra_special_tokens", "additional_special_tokens"};

    for (const cJSON *c = config->v->child; c; c = c->next) {
        const char *name = ends_with(c->string, "_token") ? special_name(c) : NULL;
        bool needed = !strcmp(c->string, "bos_token") || !strcmp(c->string, "eos_token");

        if (name && !(needed && tok_find(t, name) < 0) && push(a, name, TOK_SPECIAL, 0, err))
            return -1;
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(config->v, lists[i]);

        for (const cJSON *c = list ? list->child : NULL; c; c = c->next) {
            const char *name = special_name(c);

            if (name && push(a, name, TOK_SPECIAL, 0, err))
                return -1;
        }
    }
    return 0;
}

/* Named tokens that are added already keep their flags. */
static int add_all(struct tokenizer *t, const struct additions *a, size_t n_decoder,
                   struct vac_err *err)
{
    bool changed = false;

    for (size_t i = 0; i < a->n; i++) {
        const struct addition *x = &a->v[i];
        int32_t id = tok_map_get(&t->added, x->content, strlen(x->content));
        unsigned flags = x->flags | TOK_ADDED;

        if (id >= 0 && (i >= n_decoder || t->token[id].flags == flags))
            continue;
        if (tok_add(t, x->content, flags, err))
            return -1;
        changed = true;
    }
    return changed ? tok_added_again(t, err) : 0;
}

static int read_added(struct tokenizer *t, const struct jnode *config, struct vac_err *err)
{
    struct additions a = {0};
    int rc = read_decoder(&a, config, err);
    size_t n_decoder = a.n;

    if (rc == 0)
        rc = read_named(t, &a, config, err);
    if (rc == 0 && (tok_added_room(t, a.n, err) || add_all(t, &a, n_decoder, err)))
        rc = err_prefix(err, "%s", config->file);
    free(a.v);
    return rc;
}

/* ---- The space in front ---- */

/* The classes that set up their tokenizer by the key; others go by tokenizer.json. */
static bool sets_prefix(const struct jnode *config)
{
    static const char *const classes[] = {"GPT2Tokenizer", "Qwen2Tokenizer", "LlamaTokenizer",
                                          "CodeLlamaTokenizer", "RobertaTokenizer"};
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(config->v, "tokenizer_class");
    const char *name = cJSON_GetStringValue(v);
    size_t n = name ? strlen(name) : 0;

    n -= name && ends_with(name, "Fast") ? 4 : 0;
    for (size_t i = 0; name && i < sizeof classes / sizeof *classes; i++)
        if (strlen(classes[i]) == n && strncmp(classes[i], name, n) == 0)
            return true;
    return false;
}

static int read_prefix(struct tokenizer *t, const struct jnode *config, struct vac_err *err)
{
    struct jnode n;
    int absent = json_opt(config, "add_prefix_space", JSON_BOOL, &n, err);

    if (absent || !sets_prefix(config))
        return absent < 0 ? -1 : 0;
    tok_pretokenizer_prefix(t, cJSON_IsTrue(n.v));
    tok_normalizer_prefix(t, cJSON_IsTrue(n.v));
    tok_decoder_prefix(t, cJSON_IsTrue(n.v));
    return 0;
}

int tok_config_apply(struct tokenizer *t, const struct jnode *config, struct vac_err *err)
{
    if (json_opt_bool(config, "split_special_tokens", &t->split_special, err) ||
        read_prefix(t, config, err))
        return -1;
    return read_added(t, config, err);
}

int tok_config_around(struct tokenizer *t, const struct jnode *config, int32_t bos, int32_t eos,
                      struct vac_err *err)
{
    struct jnode b, e;
    int no_bos = json_opt(config, "add_bos_token", JSON_BOOL, &b, err);
    int no_eos = no_bos < 0 ? -1 : json_opt(config, "add_eos_token", JSON_BOOL, &e, err);

    if (no_bos < 0 || no_eos < 0)
        return -1;
    if (!no_bos && tok_post_set(t, true, cJSON_IsTrue(b.v) ? bos : -1, err))
        return -1;
    return no_eos ? 0 : tok_post_set(t, false, cJSON_IsTrue(e.v) ? eos : -1, err);
}
