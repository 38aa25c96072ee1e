/* tok_roles.c - which token begins, ends, pads and is unknown, and the chat template: from the
 * files beside tokenizer.json, else from the post-processor and the names that tokenizers commonly
 * use. */
#include "token/tok_roles.h"
#include "token/tok.h"
#include "base/io.h"
#include "base/kind.h"
#include "token/tok_added.h"
#include "token/tok_config.h"
#include <stdlib.h>
#include <string.h>

#define CONFIG_LIMIT (64u << 20)

#define NAMES 8
struct role {
    const char *key;
    bool needed; /* a name that is no token is an error */
    const char *usual[NAMES];
};
enum { BOS, EOS, PAD, UNK, ROLES };
static const struct role roles[ROLES] = {
    [BOS] = {"bos_token",
             true,
             {"<s>", "<|begin_of_text|>", "<bos>", "<|startoftext|>", "<|endoftext|>"}},
    [EOS] = {"eos_token",
             true,
             {"</s>", "<|end_of_text|>", "<eos>", "<|endoftext|>", "<|im_end|>"}},
    [PAD] = {"pad_token", false, {"<pad>", "[PAD]", "<|pad|>", "<|finetune_right_pad_id|>"}},
    [UNK] = {"unk_token", false, {"<unk>", "[UNK]"}},
};

static int32_t by_usual_name(const struct tokenizer *t, const struct role *r)
{
    for (size_t i = 0; i < NAMES && r->usual[i]; i++) {
        int32_t id = tok_find(t, r->usual[i]);

        if (id >= 0)
            return id;
    }
    return -1;
}

/* A token is written as text or as an object with "content". 1 = the file does not say. */
static int from_config(const struct tokenizer *t, const struct jnode *config, const struct role *r,
                       int32_t *id, struct vac_err *err)
{
    const char *name = NULL;
    struct jnode n;

    if (json_opt(config, r->key, JSON_ANY, &n, err) < 0)
        return -1;
    if (!n.v) {
        *id = -1;
        return cJSON_GetObjectItemCaseSensitive(config->v, r->key) ? 0 : 1;
    }
    if (cJSON_IsString(n.v))
        name = n.v->valuestring;
    else if (json_str(&n, "content", &name, err))
        return -1;
    *id = tok_find(t, name);
    if (*id < 0 && r->needed)
        return json_error(&n, err, "\"%s\" is no token of the vocabulary", name);
    return 0;
}

/* What the post-processor puts before and behind a sequence. */
static int32_t from_post(const struct tokenizer *t, size_t role)
{
    for (const struct tok_stage *s = t->post; s; s = s->next) {
        const struct ids *x = role == BOS ? &s->before : &s->after;

        if ((role == BOS || role == EOS) && x->n > 0)
            return x->v[0];
    }
    return -1;
}

static bool post_adds(const struct tokenizer *t, bool before, int32_t id)
{
    for (const struct tok_stage *s = t->post; s && id >= 0; s = s->next) {
        const struct ids *x = before ? &s->before : &s->after;

        for (size_t i = 0; i < x->n; i++) {
            if (x->v[i] == id)
                return true;
        }
    }
    return false;
}

/* A role stands in special_tokens_map.json, where that counts (`map` holds it then), or in the
 * config. */
static int find_roles(struct tokenizer *t, const struct jnode *config, const struct jnode *map,
                      struct vac_err *err)
{
    int32_t id[ROLES];

    for (size_t i = 0; i < ROLES; i++) {
        const struct jnode *in =
            map->v && cJSON_GetObjectItemCaseSensitive(map->v, roles[i].key) ? map : config;
        int unsaid = in->v ? from_config(t, in, &roles[i], &id[i], err) : 1;

        if (unsaid < 0)
            return -1;
        if (!unsaid)
            continue;
        id[i] = i == UNK && t->bpe.unk >= 0 ? t->bpe.unk : from_post(t, i);
        if (id[i] < 0)
            id[i] = by_usual_name(t, &roles[i]);
    }
    if (config->v && tok_config_around(t, config, id[BOS], id[EOS], err))
        return -1;
    t->roles =
        (struct tokenizer_roles){.bos = id[BOS], .eos = id[EOS], .pad = id[PAD], .unk = id[UNK]};
    t->roles.add_bos = post_adds(t, true, id[BOS]);
    t->roles.add_eos = post_adds(t, false, id[EOS]);
    return 0;
}

/* The template is text, or a list of named ones, of which "default" counts. */
static int find_template(struct tokenizer *t, const struct jnode *config, struct vac_err *err)
{
    struct jnode n;
    int absent = config->v ? json_opt(config, "chat_template", JSON_ANY, &n, err) : 1;
    const cJSON *text;

    if (absent)
        return absent < 0 ? -1 : 0;
    text = n.v;
    if (cJSON_IsArray(n.v)) {
        for (const cJSON *c = n.v->child; c && text == n.v; c = c->next) {
            const cJSON *name = cJSON_GetObjectItemCaseSensitive(c, "name");

            if (cJSON_IsString(name) && strcmp(name->valuestring, "default") == 0)
                text = cJSON_GetObjectItemCaseSensitive(c, "template");
        }
        if (text == n.v)
            return 0;
    }
    if (!cJSON_IsString(text))
        return json_error(&n, err, "expected a template's text");
    t->chat_template = mem_strdup(text->valuestring, err);
    return t->chat_template ? 0 : -1;
}

/* chat_template.jinja, where it is, wins over the config. */
static int read_template_file(struct tokenizer *t, const char *dir, struct vac_err *err)
{
    char *path = path_join(dir, "chat_template.jinja", err), *text = NULL;
    size_t len;
    int rc = path ? kind_file_there(path, err) : -1;

    if (rc > 0) {
        text = file_read(path, CONFIG_LIMIT, &len, err);
        rc = text && !kind_refuse(path, text, len, KIND_JSON, err) ? 0 : -1;
        if (rc == 0 && (memchr(text, '\0', len) || utf8_valid(text, len) != len))
            rc = err_set(err, VAC_ERR_FORMAT, "%s: not a text in UTF-8", path);
    }
    if (rc == 0 && text) {
        free(t->chat_template);
        t->chat_template = text;
        text = NULL;
    }
    free(text);
    free(path);
    return rc;
}

/* 1 when the folder has no such file. */
static int read_object(const char *dir, const char *name, char **path, cJSON **doc,
                       struct jnode *root, struct vac_err *err)
{
    int there;

    *path = path_join(dir, name, err);
    there = *path ? kind_file_there(*path, err) : -1;
    if (there <= 0)
        return there < 0 ? -1 : 1;
    *doc = json_read(*path, CONFIG_LIMIT, err);
    if (!*doc)
        return -1;
    *root = json_root(*doc, *path);
    return cJSON_IsObject(*doc) ? 0 : json_error(root, err, "expected an object {...}");
}

/* special_tokens_map.json is the older place, and Transformers prefers it where the config does not
 * list the added tokens. */
int tok_roles_read(struct tokenizer *t, const char *dir, struct vac_err *err)
{
    struct jnode config = {0}, map = {0};
    cJSON *doc = NULL, *map_doc = NULL;
    char *path = NULL, *map_path = NULL;
    int rc = read_object(dir, "tokenizer_config.json", &path, &doc, &config, err);

    if (rc >= 0 && !(doc && cJSON_GetObjectItemCaseSensitive(doc, "added_tokens_decoder")) &&
        read_object(dir, "special_tokens_map.json", &map_path, &map_doc, &map, err) < 0)
        rc = -1;
    if (rc >= 0 &&
        ((doc && tok_config_apply(t, &config, err)) || find_roles(t, &config, &map, err) ||
         find_template(t, &config, err) || read_template_file(t, dir, err)))
        rc = -1;
    cJSON_Delete(doc);
    cJSON_Delete(map_doc);
    free(path);
    free(map_path);
    return rc < 0 ? -1 : 0;
}

int tok_roles_from(struct tokenizer *t, const struct jnode *config, struct vac_err *err)
{
    struct jnode map = {0};

    return tok_config_apply(t, config, err) || find_roles(t, config, &map, err) ||
                   find_template(t, config, err)
               ? -1
               : 0;
}
