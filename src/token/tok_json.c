/* tok_json.c - reading tokenizer.json: the model's vocabulary and merges, the added tokens, and
 * that every id is one we can hold. The four chains read themselves. */
#include "token/tok_json.h"
#include "token/tok.h"
#include "token/tok_added.h"
#include "token/tok_decode.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Holes in the numbering are allowed, but the table by id must stay in proportion to the file. */
#define ID_SLACK (1u << 20)

static struct jnode member(const struct jnode *up, const cJSON *c)
{
    return (struct jnode){.v = c, .up = up, .file = up->file, .key = c->string};
}

static struct jnode item(const struct jnode *up, const cJSON *c, size_t i)
{
    return (struct jnode){.v = c, .up = up, .file = up->file, .index = i};
}

/* ---- Tokens by id ---- */

static int set_token(struct tokenizer *t, int32_t id, const char *s, size_t len, unsigned flags,
                     struct vac_err *err)
{
    const char *copy;

    if (mem_grow(&t->token, &t->token_cap, (size_t)id + 1, sizeof(*t->token), err))
        return -1;
    copy = arena_strndup(&t->text, s, len, err);
    if (!copy)
        return -1;
    for (; t->size <= (size_t)id; t->size++)
        t->token[t->size] = (struct tok_token){0};
    t->token[id] = (struct tok_token){.s = copy, .len = len, .flags = flags};
    return 0;
}

/* ---- Vocabulary ---- */

static int read_token(struct tokenizer *t, const struct jnode *n, size_t limit, struct vac_err *err)
{
    double x = cJSON_IsNumber(n->v) ? n->v->valuedouble : -1;
    size_t len = strlen(n->key);
    int32_t id;

    if (!cJSON_IsNumber(n->v) || !(x >= 0 && x <= INT32_MAX) || x != (int32_t)x)
        return json_error(n, err, "expected an id, a whole number from 0");
    if (x >= (double)limit)
        return json_error(n, err, "id %.0f is too large for a file of this size (at most %zu)", x,
                          limit - 1);
    id = (int32_t)x;
    if ((size_t)id < t->size && t->token[id].s)
        return json_error(n, err, "id %ld is already that of \"%s\"", (long)id, t->token[id].s);
    if (tok_map_get(&t->bpe.vocab, n->key, len) >= 0)
        return json_error(n, err, "the token stands in the vocabulary twice");
    if (set_token(t, id, n->key, len, 0, err))
        return -1;
    return tok_map_put(&t->bpe.vocab, t->token[id].s, len, id);
}

static int read_vocab(struct tokenizer *t, const struct jnode *model, size_t limit,
                      struct vac_err *err)
{
    struct jnode vocab;

    if (json_get(model, "vocab", JSON_OBJECT, &vocab, err))
        return -1;
    t->vocab_count = json_count(&vocab);
    if (tok_map_init(&t->bpe.vocab, t->vocab_count, err))
        return -1;
    for (const cJSON *c = vocab.v->child; c; c = c->next) {
        struct jnode n = member(&vocab, c);

        if (read_token(t, &n, limit, err))
            return -1;
    }
    return 0;
}

/* ---- Merges ---- */

struct halves {
    const char *a, *b;
    size_t a_len, b_len;
};

/* "a b" or ["a", "b"] */
static int read_halves(const struct jnode *n, struct halves *h, struct vac_err *err)
{
    const cJSON *a = cJSON_IsArray(n->v) ? n->v->child : NULL, *b = a ? a->next : NULL;
    const char *space;

    if (cJSON_IsString(a) && cJSON_IsString(b) && !b->next) {
        *h = (struct halves){.a = a->valuestring, .b = b->valuestring};
        h->a_len = strlen(h->a);
        h->b_len = strlen(h->b);
        return 0;
    }
    space = cJSON_IsString(n->v) ? strchr(n->v->valuestring, ' ') : NULL;
    if (!space || strchr(space + 1, ' '))
        return json_error(n, err, "expected two tokens: \"a b\" or [\"a\", \"b\"]");
    h->a = n->v->valuestring;
    h->a_len = (size_t)(space - h->a);
    h->b = space + 1;
    h->b_len = strlen(h->b);
    return 0;
}

static int find_token(const struct tok_bpe *b, const struct jnode *n, const char *s, size_t len,
                      int32_t *id, struct vac_err *err)
{
    *id = tok_map_get(&b->vocab, s, len);
    if (*id >= 0)
        return 0;
    return json_error(n, err, "\"%.*s\" is not in the vocabulary", (int)(len < 200 ? len : 200), s);
}

/* The right half loses its continuing prefix when it joins the left one. */
static int read_merge(struct tok_bpe *b, const struct jnode *n, uint32_t rank, struct vac_err *err)
{
    struct halves h = {0};
    int32_t left, right, joined;

    if (read_halves(n, &h, err) || find_token(b, n, h.a, h.a_len, &left, err) ||
        find_token(b, n, h.b, h.b_len, &right, err))
        return -1;
    if (h.b_len < b->prefix_len)
        return json_error(n, err, "\"%s\" is shorter than the continuing prefix", h.b);
    sb_clear(&b->scratch);
    sb_put(&b->scratch, h.a, h.a_len);
    sb_put(&b->scratch, h.b + b->prefix_len, h.b_len - b->prefix_len);
    if (sb_ok(&b->scratch, err) || find_token(b, n, b->scratch.s, b->scratch.len, &joined, err))
        return -1;
    tok_bpe_add_merge(b, left, right, rank, joined);
    return 0;
}

static bool is_version_line(const cJSON *c)
{
    return cJSON_IsString(c) && strncmp(c->valuestring, "#version", 8) == 0;
}

static int read_merges(struct tok_bpe *b, const struct jnode *model, struct vac_err *err)
{
    struct jnode merges;
    uint32_t rank = 0;
    size_t i = 0, count;

    if (json_get(model, "merges", JSON_ARRAY, &merges, err))
        return -1;
    count = json_count(&merges);
    if (count >= UINT32_MAX)
        return json_error(&merges, err, "%zu merges are too many", count);
    if (tok_bpe_init(b, count, err))
        return -1;
    for (const cJSON *c = merges.v->child; c; c = c->next, i++) {
        struct jnode n = item(&merges, c, i);

        if (!is_version_line(c) && read_merge(b, &n, ++rank, err))
            return -1;
    }
    return 0;
}

/* ---- Model ---- */

static int read_affix(const struct jnode *model, const char *key, char **out, size_t *len,
                      struct vac_err *err)
{
    const char *s = "";
    struct jnode n;

    if (json_opt_str(model, key, &s, err))
        return -1;
    *len = strlen(s);
    if (*len > TOK_AFFIX) {
        json_opt(model, key, JSON_ANY, &n, NULL);
        return tok_refuse(&n, err, "more than %d bytes are not supported", TOK_AFFIX);
    }
    *out = mem_strdup(s, err);
    return *out ? 0 : -1;
}

static int read_unk(struct tok_bpe *b, const struct jnode *model, struct vac_err *err)
{
    const char *unk = NULL;

    if (json_opt_str(model, "unk_token", &unk, err))
        return -1;
    b->unk = -1;
    b->has_unk = unk != NULL;
    b->unk_token = mem_strdup(unk ? unk : "", err);
    if (!b->unk_token)
        return -1;
    if (unk)
        b->unk = tok_map_get(&b->vocab, unk, strlen(unk));
    return 0;
}

static void find_bytes(struct tok_bpe *b)
{
    char name[8];

    for (unsigned i = 0; i < 256; i++) {
        snprintf(name, sizeof(name), "<0x%02X>", i);
        b->byte[i] = tok_map_get(&b->vocab, name, 6);
    }
}

/* Older files have no type in the model; the other models have no merges. */
static int check_type(const struct jnode *model, struct vac_err *err)
{
    struct jnode n;
    int absent = json_opt(model, "type", JSON_STRING, &n, err);

    if (absent < 0)
        return -1;
    if (!absent && strcmp(n.v->valuestring, "BPE") != 0)
        return tok_refuse(&n, err, "a model of type \"%s\" is not supported, only BPE",
                          n.v->valuestring);
    if (absent && !cJSON_GetObjectItemCaseSensitive(model->v, "merges"))
        return tok_refuse(model, err, "a model without type and merges is not supported, only BPE");
    return 0;
}

static int read_model(struct tokenizer *t, const struct jnode *root, size_t limit,
                      struct vac_err *err)
{
    struct tok_bpe *b = &t->bpe;
    struct jnode model, n;
    double dropout = 0;

    if (json_get(root, "model", JSON_OBJECT, &model, err) || check_type(&model, err) ||
        json_opt_num(&model, "dropout", &dropout, err))
        return -1;
    if (dropout != 0) {
        json_opt(&model, "dropout", JSON_ANY, &n, NULL);
        return tok_refuse(&n, err, "dropout is not supported: it must be null or 0");
    }
    if (json_opt_bool(&model, "fuse_unk", &b->fuse_unk, err) ||
        json_opt_bool(&model, "byte_fallback", &b->byte_fallback, err) ||
        json_opt_bool(&model, "ignore_merges", &b->ignore_merges, err) ||
        read_affix(&model, "continuing_subword_prefix", &b->prefix, &b->prefix_len, err) ||
        read_affix(&model, "end_of_word_suffix", &b->suffix, &b->suffix_len, err) ||
        read_vocab(t, &model, limit, err) || read_unk(b, &model, err))
        return -1;
    find_bytes(b);
    return read_merges(b, &model, err);
}

/* ---- Added tokens ---- */

static const struct {
    const char *key;
    unsigned flag;
} flags[] = {
    {"special", TOK_SPECIAL},         {"lstrip", TOK_LSTRIP},         {"rstrip", TOK_RSTRIP},
    {"single_word", TOK_SINGLE_WORD}, {"normalized", TOK_NORMALIZED},
};

static int compare_ids(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* The ids that the file gives must at least be different. */
static int check_ids(const struct jnode *list, size_t limit, struct vac_err *err)
{
    struct ids ids = {0};
    size_t i = 0;
    int rc = 0;

    for (const cJSON *c = list->v->child; c && rc == 0; c = c->next) {
        struct jnode n = item(list, c, i++);
        int64_t id;

        rc = json_int(&n, "id", 0, (int64_t)(limit < INT32_MAX ? limit - 1 : INT32_MAX), &id, err);
        if (rc == 0)
            rc = ids_push(&ids, (int32_t)id, err);
    }
    if (rc == 0 && ids.n > 1)
        qsort(ids.v, ids.n, sizeof(*ids.v), compare_ids);
    for (i = 1; i < ids.n && rc == 0; i++) {
        if (ids.v[i] == ids.v[i - 1])
            rc = json_error(list, err, "two added tokens have the id %ld", (long)ids.v[i]);
    }
    ids_done(&ids);
    return rc;
}

int tok_read_flags(const struct jnode *node, bool optional, unsigned *out, struct vac_err *err)
{
    *out = 0;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        bool on = optional && flags[i].flag == TOK_NORMALIZED && !(*out & TOK_SPECIAL);

        if (optional ? json_opt_bool(node, flags[i].key, &on, err)
                     : json_bool(node, flags[i].key, &on, err))
            return -1;
        *out |= on ? flags[i].flag : 0;
    }
    return 0;
}

/* Hugging Face numbers the added tokens itself and does not look at the file's ids: a token of the
 * vocabulary keeps its id, the others follow the vocabulary and each other. */
static int32_t next_id(const struct tokenizer *t)
{
    int32_t highest = -1;

    for (size_t i = t->size; i-- > 0 && highest < 0;)
        if (t->token[i].flags & TOK_ADDED)
            highest = (int32_t)i;
    if (highest >= 0 && ((size_t)highest >= t->vocab_count || t->vocab_count == 0))
        return highest + 1;
    return (int32_t)t->vocab_count;
}

int tok_added_room(struct tokenizer *t, size_t n, struct vac_err *err)
{
    struct tok_map map = {0};

    if (n == 0)
        return 0;
    if (tok_map_init(&map, t->n_added + n, err))
        return -1;
    for (size_t i = 0; i < t->size; i++)
        if (t->token[i].flags & TOK_ADDED)
            tok_map_put(&map, t->token[i].s, t->token[i].len, (int32_t)i);
    tok_map_done(&t->added);
    t->added = map;
    return 0;
}

int tok_add(struct tokenizer *t, const char *content, unsigned set, struct vac_err *err)
{
    size_t len = strlen(content);
    int32_t id = tok_map_get(&t->added, content, len);

    if (id >= 0) {
        t->token[id].flags = set | TOK_ADDED;
        return 0;
    }
    id = tok_map_get(&t->bpe.vocab, content, len);
    if (id < 0) {
        id = next_id(t);
        if ((size_t)id < t->size && t->token[id].s)
            return err_set(err, VAC_ERR_FORMAT,
                           "\"%s\" would get the id %ld, which is that of \"%s\"", content,
                           (long)id, t->token[id].s);
        if (set_token(t, id, content, len, set, err))
            return -1;
    }
    t->token[id].flags = set | TOK_ADDED;
    t->n_added++;
    return tok_map_put(&t->added, t->token[id].s, len, id);
}

static int read_added_one(struct tokenizer *t, const struct jnode *n, struct vac_err *err)
{
    struct vac_err why = {0};
    const char *content;
    unsigned set;

    if (json_str(n, "content", &content, err) || tok_read_flags(n, false, &set, err))
        return -1;
    if (!*content)
        return 0;
    if (tok_map_get(&t->added, content, strlen(content)) >= 0)
        return json_error(n, err, "\"%s\" is added twice", content);
    return tok_add(t, content, set, &why) ? json_error(n, err, "%s", why.msg) : 0;
}

/* Special tokens are tried before the others, each in the order of the file. */
static int add_patterns(struct tokenizer *t, const struct jnode *list, bool special,
                        struct vac_err *err)
{
    size_t i = 0, order = special ? 0 : json_count(list);

    for (const cJSON *c = list->v->child; c; c = c->next) {
        const char *content = cJSON_GetObjectItemCaseSensitive(c, "content")->valuestring;
        int32_t id = tok_map_get(&t->added, content, strlen(content));
        struct jnode n = item(list, c, i++);
        int rc;

        if (id < 0 || ((t->token[id].flags & TOK_SPECIAL) != 0) != special)
            continue;
        rc = tok_added_pattern(t, id, order++, err);
        if (rc > 0)
            return tok_refuse(&n, err, "the normalizer leaves nothing of \"%s\"", content);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int read_added(struct tokenizer *t, const struct jnode *root, size_t limit,
                      struct vac_err *err)
{
    struct jnode list;
    size_t i = 0;
    int absent = json_opt(root, "added_tokens", JSON_ARRAY, &list, err);

    if (absent)
        return absent < 0 ? -1 : 0;
    if (check_ids(&list, limit, err) || tok_map_init(&t->added, json_count(&list), err))
        return -1;
    for (const cJSON *c = list.v->child; c; c = c->next) {
        struct jnode n = item(&list, c, i++);

        if (read_added_one(t, &n, err))
            return -1;
    }
    if (add_patterns(t, &list, true, err) || add_patterns(t, &list, false, err))
        return -1;
    tok_added_sort(&t->raw);
    tok_added_sort(&t->normalized);
    return 0;
}

/* ---- The file ---- */

/* Hugging Face's transformers sets truncation and padding anew for every call, so what the file
 * holds takes no part in how a model's texts are tokenized. */
static const char *const known[] = {
    "version",       "truncation",     "padding", "added_tokens", "normalizer",
    "pre_tokenizer", "post_processor", "decoder", "model",        NULL};

static int check_version(const struct jnode *root, struct vac_err *err)
{
    struct jnode n;
    int absent = json_opt(root, "version", JSON_STRING, &n, err);

    if (absent)
        return absent < 0 ? -1 : 0;
    if (strcmp(n.v->valuestring, "1.0") != 0)
        return tok_refuse(&n, err, "version \"%s\" is not supported, only 1.0", n.v->valuestring);
    return 0;
}

static int check_post_ids(const struct tokenizer *t, const struct jnode *post,
                          const struct ids *ids, struct vac_err *err)
{
    for (size_t i = 0; i < ids->n; i++) {
        if ((size_t)ids->v[i] >= t->size || !t->token[ids->v[i]].s)
            return json_error(post, err, "id %ld is no token of the vocabulary", (long)ids->v[i]);
    }
    return 0;
}

/* Post-processors name ids without the vocabulary at hand. Two that put something around the
 * sequence do not add up in Hugging Face's library: the second takes what the first made for
 * several sequences. */
static int check_post(const struct tokenizer *t, const struct jnode *root, struct vac_err *err)
{
    struct jnode post;
    size_t around = 0;

    if (json_opt(root, tok_post_part.key, JSON_OBJECT, &post, err) < 0)
        return -1;
    for (const struct tok_stage *s = t->post; s; s = s->next) {
        around += s->before.n + s->after.n > 0;
        if (around > 1)
            return tok_refuse(&post, err, "two post-processors that add tokens are not supported");
        if (check_post_ids(t, &post, &s->before, err) || check_post_ids(t, &post, &s->after, err))
            return -1;
    }
    return 0;
}

int tok_read(struct tokenizer *t, const struct jnode *root, size_t file_len, struct vac_err *err)
{
    size_t limit;
    int absent;

    if (size_add(file_len, ID_SLACK, &limit))
        return err_set(err, VAC_ERR_MEMORY, "%s: too large", root->file);
    if (json_known(root, known, err) || check_version(root, err) ||
        read_model(t, root, limit, err) ||
        tok_chain_read(&tok_normalizer_part, root, &t->normalizer, err) < 0 ||
        read_added(t, root, limit, err) ||
        tok_chain_read(&tok_pretokenizer_part, root, &t->pretokenizer, err) < 0 ||
        tok_chain_read(&tok_post_part, root, &t->post, err) < 0 || check_post(t, root, err))
        return -1;
    absent = tok_chain_read(&tok_decoder_part, root, &t->decoder, err);
    t->spaced = absent == 1;
    t->hold = tok_decode_hold(t->decoder);
    return absent < 0 ? -1 : 0;
}
