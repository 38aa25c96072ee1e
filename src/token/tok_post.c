/* tok_post.c - what is put around the ids of a single sequence: one function and one row per
 * post-processor. Pairs of sequences and offsets are none of our business. */
#include "token/tok_post.h"
#include "token/tok.h"
#include <stdlib.h>
#include <string.h>

static int surround(const struct tok_stage *s, const struct ids *in, struct ids *out,
                    struct vac_err *err)
{
    if (ids_append(out, s->before.v, s->before.n, err) || ids_append(out, in->v, in->n, err))
        return -1;
    return ids_append(out, s->after.v, s->after.n, err);
}

/* Trims offsets only. */
static int byte_level(const struct tok_stage *s, const struct ids *in, struct ids *out,
                      struct vac_err *err)
{
    (void)s;
    return ids_append(out, in->v, in->n, err);
}

/* ---- TemplateProcessing ---- */

/* Adds the ids that special_tokens has for a name. */
static int read_special(const struct jnode *node, const struct jnode *item, struct ids *out,
                        struct vac_err *err)
{
    struct jnode special, table, entry, ids;
    const char *name;
    size_t i = 0;

    if (json_get(item, "SpecialToken", JSON_OBJECT, &special, err) ||
        json_str(&special, "id", &name, err) ||
        json_get(node, "special_tokens", JSON_OBJECT, &table, err) ||
        json_get(&table, name, JSON_OBJECT, &entry, err) ||
        json_get(&entry, "ids", JSON_ARRAY, &ids, err))
        return -1;
    for (const cJSON *c = ids.v->child; c; c = c->next) {
        struct jnode one = {.v = c, .up = &ids, .file = ids.file, .index = i++};

        if (!cJSON_IsNumber(c) || !(c->valuedouble >= 0 && c->valuedouble < INT32_MAX) ||
            c->valuedouble != (int32_t)c->valuedouble)
            return json_error(&one, err, "expected a token id");
        if (i > TOK_AROUND)
            return tok_refuse(&one, err, "more than %d ids around a text are not supported",
                              TOK_AROUND);
        if (ids_push(out, (int32_t)c->valuedouble, err))
            return -1;
    }
    return 0;
}

static int read_sequence(const struct jnode *item, bool *seen, struct vac_err *err)
{
    struct jnode sequence;
    const char *name;

    if (json_get(item, "Sequence", JSON_OBJECT, &sequence, err) ||
        json_str(&sequence, "id", &name, err))
        return -1;
    if (strcmp(name, "A") != 0 || *seen)
        return tok_refuse(&sequence, err, "a single sequence has \"A\" once, found \"%s\"", name);
    *seen = true;
    return 0;
}

static int read_template(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    struct jnode single;
    bool seen = false;
    size_t i = 0;

    if (json_get(node, "single", JSON_ARRAY, &single, err))
        return -1;
    for (const cJSON *c = single.v->child; c; c = c->next) {
        struct jnode item = {.v = c, .up = &single, .file = single.file, .index = i++};
        int rc;

        if (cJSON_GetObjectItemCaseSensitive(c, "Sequence"))
            rc = read_sequence(&item, &seen, err);
        else
            rc = read_special(node, &item, seen ? &s->after : &s->before, err);
        if (rc)
            return -1;
        if (s->before.n + s->after.n > TOK_AROUND)
            return tok_refuse(&item, err, "more than %d ids around a text are not supported",
                              TOK_AROUND);
    }
    if (!seen)
        return tok_refuse(&single, err, "the sequence \"A\" is missing");
    return 0;
}

/* ---- RobertaProcessing, BertProcessing ---- */

/* ["token", id] */
static int read_pair(const struct jnode *node, const char *key, struct ids *out,
                     struct vac_err *err)
{
    struct jnode pair, id;

    if (json_get(node, key, JSON_ARRAY, &pair, err) || json_item(&pair, 1, JSON_NUMBER, &id, err))
        return -1;
    if (!(id.v->valuedouble >= 0 && id.v->valuedouble < INT32_MAX) ||
        id.v->valuedouble != (int32_t)id.v->valuedouble)
        return json_error(&id, err, "expected a token id");
    return ids_push(out, (int32_t)id.v->valuedouble, err);
}

static int read_cls_sep(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    if (read_pair(node, "cls", &s->before, err))
        return -1;
    return read_pair(node, "sep", &s->after, err);
}

static const struct tok_kind kinds[] = {
    {.type = "TemplateProcessing", .read = read_template, .post = surround},
    {.type = "ByteLevel", .post = byte_level},
    {.type = "RobertaProcessing", .read = read_cls_sep, .post = surround},
    {.type = "BertProcessing", .read = read_cls_sep, .post = surround},
    {.type = NULL},
};

const struct tok_part tok_post_part = {
    .key = "post_processor", .list = "processors", .kinds = kinds};

/* What is to be changed, or a new stage at the end that can be. */
static struct tok_stage *surrounding(struct tokenizer *t, struct vac_err *err)
{
    struct tok_stage **end = &t->post;

    for (; *end; end = &(*end)->next)
        if ((*end)->before.n + (*end)->after.n > 0)
            return *end;
    *end = mem_new(1, sizeof **end, err);
    if (*end)
        (*end)->kind = &kinds[0];
    return *end;
}

int tok_post_set(struct tokenizer *t, bool before, int32_t id, struct vac_err *err)
{
    struct tok_stage *s = surrounding(t, err);
    struct ids *x = !s ? NULL : before ? &s->before : &s->after;

    if (!x)
        return -1;
    x->n = 0;
    return id < 0 ? 0 : ids_push(x, id, err);
}

int tok_post_apply(const struct tokenizer *t, struct ids *out, size_t from, struct vac_err *err)
{
    struct ids now = {0};
    int rc = 0;

    for (const struct tok_stage *s = t->post; s && rc == 0; s = s->next) {
        now.n = 0;
        rc = ids_append(&now, ids_from(out, from), out->n - from, err);
        if (rc == 0) {
            out->n = from;
            rc = s->kind->post(s, &now, out, err);
        }
    }
    ids_done(&now);
    return rc;
}
