/* recall.c - see recall.h */
#include "eval/recall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { RECALL_MOST = 64 };

int recall_open(struct recalled *q, const char *said, const char *template_name, int64_t tokens,
                const struct encoder *enc, const struct model *m, struct vac_err *err)
{
    const char *end = strncmp(said, "[[", 2) ? NULL : strstr(said, "]]");
    struct turn turn = {.role = ROLE_USER, .text = said};
    struct encoder with = *enc;
    char *system = NULL;
    int rc = -1;

    *q = (struct recalled){.said = mem_strdup(said, err), .tokens = tokens};
    if (!q->said)
        return -1;
    snprintf(q->template_name, sizeof q->template_name, "%s", template_name);
    if (end) {
        system = mem_strndup(said + 2, (size_t)(end - said) - 2, err);
        turn.text = end + 2 + strspn(end + 2, " \t");
        if (!system)
            return -1;
        with.system = system;
    }
    if (!*turn.text)
        err_set(err, VAC_ERR_USAGE, "a probe needs a prompt");
    else if (!*template_name || (with.tmpl = template_find(template_name, err)))
        rc = encode_prompt(&with, &turn, 1, &q->prompt, err) ||
                     stops_collect(&q->stops, m, &with, err)
                 ? -1
                 : 0;
    free(system);
    return rc;
}

void recall_done(struct recalled *q)
{
    free(q->said);
    ids_done(&q->prompt);
    *q = (struct recalled){0};
}

static size_t find(const struct recall *l, const char *said, const char *template_name)
{
    size_t i = 0;

    while (i < l->n && (strcmp(l->v[i].said, said) || strcmp(l->v[i].template_name, template_name)))
        i++;
    return i;
}

static void take_out(struct recall *l, size_t i)
{
    recall_done(&l->v[i]);
    memmove(&l->v[i], &l->v[i + 1], (--l->n - i) * sizeof *l->v);
}

int recall_keep(struct recall *l, struct recalled *q, struct vac_err *err)
{
    size_t i = find(l, q->said, q->template_name);

    if (mem_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, err))
        return -1;
    if (i < l->n) {
        recall_done(&l->v[i]);
    } else {
        if (l->n == RECALL_MOST)
            take_out(l, 0);
        i = l->n++;
    }
    l->v[i] = *q;
    *q = (struct recalled){0};
    return 0;
}

size_t recall_forget(struct recall *l, const char *said, const char *template_name)
{
    size_t n = l->n, i = said ? find(l, said, template_name) : 0;

    if (said && i < n)
        take_out(l, i);
    while (!said && l->n)
        recall_done(&l->v[--l->n]);
    return n - l->n;
}

void recall_json(struct json_out *o, const struct recall *l)
{
    if (!l->n)
        return;
    json_put_list(o, "own", JSON_SPACED);
    for (size_t i = 0; i < l->n; i++) {
        json_put_object(o, NULL, JSON_SPACED);
        json_put_text(o, "prompt", l->v[i].said);
        json_put_text(o, "template", l->v[i].template_name);
        json_put_int(o, "tokens", l->v[i].tokens);
        json_put_end(o);
    }
    json_put_end(o);
}

int recall_read(struct recall *l, const cJSON *state, const struct encoder *enc,
                const struct model *m, struct vac_err *err)
{
    const cJSON *one;

    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(state, "own"))
    {
        const char *said = json_text_at(one, "prompt"), *name = json_text_at(one, "template");
        struct recalled q = {0};
        struct vac_err why = {0};
        int64_t tokens;
        int rc = 0;

        if (said && name && strlen(name) < VAC_NAME && enc->tok &&
            json_whole(cJSON_GetObjectItemCaseSensitive(one, "tokens"), &tokens) && tokens > 0) {
            rc = recall_open(&q, said, name, tokens, enc, m, &why);
            rc = rc ? why.code == VAC_ERR_MEMORY : recall_keep(l, &q, &why);
        }
        recall_done(&q);
        if (rc)
            return err_set(err, why.code, "%s", why.msg);
    }
    return 0;
}
