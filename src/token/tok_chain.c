/* tok_chain.c - the stages of the four configurable parts: reading a part into a chain, and the
 * fields that several kinds of stage have in common. */
#include "token/tok_chain.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tok_refuse(const struct jnode *n, struct vac_err *err, const char *fmt, ...)
{
    bool mine = err && err->code == VAC_OK;
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    json_error(n, err, "%s", text);
    if (mine)
        err->code = VAC_ERR_UNSUPPORTED;
    return -1;
}

/* ---- Pieces ---- */

int tok_pieces_end(struct tok_pieces *p, size_t at, int32_t id, bool first, struct vac_err *err)
{
    sb_put(&p->buf, "", 0); /* pieces of nothing, too, stand in a buffer */
    if (sb_ok(&p->buf, err) || mem_grow(&p->v, &p->cap, p->n + 1, sizeof(*p->v), err))
        return -1;
    p->v[p->n++] = (struct tok_piece){.at = at, .len = p->buf.len - at, .id = id, .first = first};
    return 0;
}

int tok_pieces_add(struct tok_pieces *p, const char *s, size_t n, int32_t id, bool first,
                   struct vac_err *err)
{
    size_t at = p->buf.len;

    sb_put(&p->buf, s, n);
    return tok_pieces_end(p, at, id, first, err);
}

void tok_pieces_clear(struct tok_pieces *p)
{
    sb_clear(&p->buf);
    p->n = 0;
}

void tok_pieces_done(struct tok_pieces *p)
{
    sb_done(&p->buf);
    free(p->v);
    *p = (struct tok_pieces){0};
}

/* ---- Fields ---- */

int tok_read_text(struct tok_stage *s, const struct jnode *node, const char *key, bool one,
                  struct vac_err *err)
{
    struct jnode n;
    uint32_t cp;

    if (json_get(node, key, JSON_STRING, &n, err))
        return -1;
    s->len = strlen(n.v->valuestring);
    if (one && (s->len == 0 || utf8_get(n.v->valuestring, s->len, &cp) != s->len))
        return json_error(&n, err, "expected exactly one character, found \"%s\"",
                          n.v->valuestring);
    s->text = mem_strdup(n.v->valuestring, err);
    return s->text ? 0 : -1;
}

int tok_read_pattern(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    struct jnode pattern, n;
    struct vac_err why = {0};
    int absent;

    if (json_get(node, "pattern", JSON_OBJECT, &pattern, err))
        return -1;
    absent = json_opt(&pattern, "String", JSON_STRING, &n, err);
    if (absent < 0)
        return -1;
    s->literal = !absent;
    if (absent && json_get(&pattern, "Regex", JSON_STRING, &n, err))
        return -1;
    s->re = tok_regex_new(n.v->valuestring, s->literal, &why);
    if (s->re)
        return 0;
    json_error(&n, err, "%s", why.msg);
    if (err && err->code == VAC_ERR_FORMAT)
        err->code = why.code;
    return -1;
}

int tok_read_metaspace(struct tok_stage *s, const struct jnode *node, struct vac_err *err)
{
    static const char *const names[] = {
        [TOK_ALWAYS] = "always", [TOK_FIRST] = "first", [TOK_NEVER] = "never"};
    struct jnode n;
    bool old = true;
    int absent = json_opt(node, "prepend_scheme", JSON_STRING, &n, err);

    if (absent < 0 || tok_read_text(s, node, "replacement", true, err) ||
        json_opt_bool(node, "add_prefix_space", &old, err))
        return -1;
    s->scheme = old ? TOK_ALWAYS : TOK_NEVER;
    if (absent)
        return 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(n.v->valuestring, names[i]) != 0)
            continue;
        s->scheme = (enum tok_scheme)i;
        if (!old && s->scheme != TOK_NEVER)
            return json_error(&n, err, "\"%s\" contradicts \"add_prefix_space\": false", names[i]);
        return 0;
    }
    return tok_refuse(&n, err, "expected one of always, first, never, found \"%s\"",
                      n.v->valuestring);
}

/* ---- How much one text may take ---- */

size_t tok_most(size_t n)
{
    size_t most;

    return size_mul(n, TOK_GROWTH, &most) || size_add(most, TOK_GROWTH_BASE, &most) ? SIZE_MAX
                                                                                    : most;
}

void tok_chain_begin(const struct tok_stage *chain, size_t n)
{
    for (const struct tok_stage *s = chain; s; s = s->next)
        if (s->re)
            tok_regex_begin(s->re, n);
}

int tok_too_much(const struct tok_part *part, const struct tok_stage *s, struct vac_err *err)
{
    return err_set(err, VAC_ERR_FORMAT,
                   "the tokenizer's %s %s makes more than %zu bytes of the text: it may make %d of "
                   "each",
                   part->key, s->kind->type, s->most, TOK_GROWTH);
}

/* ---- Chains ---- */

static int read_one(const struct tok_part *part, const struct jnode *node, struct tok_stage ***end,
                    size_t *count, struct vac_err *err);

static int read_list(const struct tok_part *part, const struct jnode *node, struct tok_stage ***end,
                     size_t *count, struct vac_err *err)
{
    struct jnode list;
    size_t i = 0;

    if (json_get(node, part->list, JSON_ARRAY, &list, err))
        return -1;
    for (const cJSON *c = list.v->child; c; c = c->next) {
        struct jnode one = {.v = c, .up = &list, .file = list.file, .index = i++};

        if (read_one(part, &one, end, count, err))
            return -1;
    }
    return 0;
}

/* Adds the stage, or the stages of a Sequence, at *end. */
static int read_one(const struct tok_part *part, const struct jnode *node, struct tok_stage ***end,
                    size_t *count, struct vac_err *err)
{
    const struct tok_kind *kind = part->kinds;
    const char *type;
    struct tok_stage *s;

    if (json_str(node, "type", &type, err))
        return -1;
    if (strcmp(type, "Sequence") == 0)
        return read_list(part, node, end, count, err);
    while (kind->type && strcmp(kind->type, type) != 0)
        kind++;
    if (!kind->type)
        return tok_refuse(node, err, "a %s of type \"%s\" is not supported", part->key, type);
    if (++*count > TOK_STAGES)
        return tok_refuse(node, err, "more than %d stages are not supported", TOK_STAGES);
    s = mem_new(1, sizeof(*s), err);
    if (!s)
        return -1;
    s->kind = kind;
    **end = s;
    *end = &s->next;
    return kind->read ? kind->read(s, node, err) : 0;
}

int tok_chain_read(const struct tok_part *part, const struct jnode *root, struct tok_stage **out,
                   struct vac_err *err)
{
    struct jnode node;
    size_t count = 0;
    int absent = json_opt(root, part->key, JSON_OBJECT, &node, err);

    return absent ? absent : read_one(part, &node, &out, &count, err);
}

void tok_chain_drop(struct tok_stage **s)
{
    struct tok_stage *gone = *s;

    *s = gone->next;
    gone->next = NULL;
    tok_chain_free(gone);
}

void tok_chain_free(struct tok_stage *s)
{
    while (s) {
        struct tok_stage *next = s->next;

        tok_regex_free(s->re);
        free(s->text);
        ids_done(&s->before);
        ids_done(&s->after);
        free(s);
        s = next;
    }
}
