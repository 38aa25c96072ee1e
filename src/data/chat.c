/* chat.c - conversations rendered by Jinja, and which part of them is an answer.
 *
 * A template says where an answer lies only by what it writes: the answer begins where the same
 * conversation without it would ask for one, and a conversation in which its text is another one
 * differs from it there and nowhere else. */
#include "data/chat.h"
#include "base/json.h"
#include <stdlib.h>
#include <string.h>

struct chat {
    struct jinja *j;
    char *today;
};

/* Stands for a text that no conversation holds; no template takes it apart. */
#define MARK "\002\003"

struct chat *chat_new(const char *text, size_t len, const char *name, const char *today,
                      struct vac_err *err)
{
    struct chat *c = mem_new(1, sizeof *c, err);

    if (!c)
        return NULL;
    c->today = today ? mem_strdup(today, err) : NULL;
    if (!today || c->today)
        c->j = jinja_parse(text, len, name, err);
    if (c->j)
        return c;
    chat_free(c);
    return NULL;
}

void chat_free(struct chat *c)
{
    if (!c)
        return;
    jinja_free(c->j);
    free(c->today);
    free(c);
}

/* {"role", "content"}; the text of turn `marked` is another one. */
static int add_turns(cJSON *list, const struct turn *turn, size_t n, size_t marked,
                     struct vac_err *err)
{
    static const char *const names[] = {
        [ROLE_SYSTEM] = "system", [ROLE_USER] = "user", [ROLE_ASSISTANT] = "assistant"};
    struct strbuf text = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        cJSON *one = cJSON_CreateObject();

        sb_clear(&text);
        sb_puts(&text, i == marked ? MARK : turn[i].text);
        if (i != marked && turn[i].input && *turn[i].input)
            sb_printf(&text, "\n%s", turn[i].input);
        rc = json_add(one, "role", cJSON_CreateString(names[turn[i].role]), err) ||
                     sb_ok(&text, err) ||
                     json_add(one, "content", cJSON_CreateString(text.s ? text.s : ""), err)
                 ? -1
                 : 0;
        rc = json_add(list, NULL, one, err) || rc ? -1 : 0;
    }
    sb_done(&text);
    return rc;
}

static int render(const struct chat *c, const struct turn *turn, size_t n, size_t marked,
                  const char *bos, const char *eos, struct jinja_output *out, struct vac_err *err)
{
    cJSON *vars = cJSON_CreateObject(), *list = cJSON_CreateArray();
    bool prompt = n > 0 && turn[n - 1].role == ROLE_USER;
    int rc = add_turns(list, turn, n, marked, err);

    if (json_add(vars, "messages", list, err) ||
        json_add(vars, "add_generation_prompt", cJSON_CreateBool(prompt), err) ||
        json_add(vars, "bos_token", cJSON_CreateString(bos), err) ||
        json_add(vars, "eos_token", cJSON_CreateString(eos), err) ||
        json_add(vars, "tools", cJSON_CreateNull(), err) ||
        json_add(vars, "documents", cJSON_CreateNull(), err))
        rc = -1;
    if (rc == 0)
        rc = jinja_render(c->j, vars, c->today, out, err);
    cJSON_Delete(vars);
    return rc;
}

/* Where the texts part from the front, and `a` from behind: b has a mark in place of what lies
 * there. */
static void differ(const struct strbuf *a, const struct strbuf *b, size_t *from, size_t *to)
{
    size_t n = a->len < b->len ? a->len : b->len, i = 0, k = 0;

    while (i < n && a->s[i] == b->s[i])
        i++;
    while (k < n - i && a->s[a->len - 1 - k] == b->s[b->len - 1 - k])
        k++;
    *from = i;
    *to = a->len - k;
}

/* What is learnt of turn i, an answer. */
static int answer_span(const struct chat *c, const struct turn *turn, size_t n, size_t i,
                       const char *bos, const char *eos, const char *end, const struct strbuf *text,
                       struct jinja_span *out, struct vac_err *err)
{
    struct jinja_output other = {0};
    size_t at, len;
    int rc = render(c, turn, n, i, bos, eos, &other, err);

    if (rc == 0) {
        differ(text, &other.text, &out->from, &out->to);
        at = out->to + strspn(text->s + out->to, " \n");
        /* some write EOS where the conversation ends, and nothing behind the answers before */
        end = *end || i + 1 < n ? end : eos;
        len = strlen(end);
        if (len && text->len - at >= len && memcmp(text->s + at, end, len) == 0)
            out->to = at + len;
        rc = render(c, turn, i, SIZE_MAX, bos, eos, &other, err);
    }
    if (rc == 0 && other.text.len <= out->from &&
        memcmp(text->s, other.text.s, other.text.len) == 0)
        out->from = other.text.len;
    jinja_output_done(&other);
    return rc;
}

int chat_render(const struct chat *c, const struct turn *turn, size_t n, const char *bos,
                const char *eos, const char *end, struct jinja_output *out, struct vac_err *err)
{
    size_t answers = 0, seen = 0, kept = 0;
    bool marked;

    if (render(c, turn, n, SIZE_MAX, bos, eos, out, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        answers += turn[i].role == ROLE_ASSISTANT;
    marked = out->n_spans == answers;
    for (size_t i = 0; i < n; i++) {
        struct jinja_span span;

        if (turn[i].role != ROLE_ASSISTANT)
            continue;
        if (turn[i].train) {
            if (marked)
                span = out->span[seen];
            else if (answer_span(c, turn, n, i, bos, eos, end, &out->text, &span, err) ||
                     mem_grow(&out->span, &out->cap_spans, kept + 1, sizeof span, err))
                return -1;
            if (kept == 0 || span.from >= out->span[kept - 1].to)
                out->span[kept++] = span;
        }
        seen++;
    }
    out->n_spans = kept;
    return 0;
}

int chat_ends(const struct chat *c, const char *bos, const char *eos, struct strbuf *between,
              struct strbuf *last, struct vac_err *err)
{
    const struct turn turn[] = {{.role = ROLE_USER, .text = "one"},
                                {.role = ROLE_ASSISTANT, .text = "two"},
                                {.role = ROLE_USER, .text = "three"}};
    struct jinja_output text = {{0}, NULL, 0, 0}, other = {{0}, NULL, 0, 0};
    size_t from, to, next;
    int rc = -1;

    if (render(c, turn, 2, SIZE_MAX, bos, eos, &text, err) ||
        render(c, turn, 2, 1, bos, eos, &other, err))
        goto out;
    differ(&text.text, &other.text, &from, &to);
    sb_put(last, text.text.s + to, text.text.len - to);
    if (render(c, turn, 3, SIZE_MAX, bos, eos, &text, err) ||
        render(c, turn, 3, 1, bos, eos, &other, err))
        goto out;
    differ(&text.text, &other.text, &from, &to);
    if (render(c, turn, 3, 2, bos, eos, &other, err))
        goto out;
    differ(&text.text, &other.text, &next, &from);
    if (to <= next)
        sb_put(between, text.text.s + to, next - to);
    rc = sb_ok(last, err) || sb_ok(between, err) ? -1 : 0;
out:
    jinja_output_done(&text);
    jinja_output_done(&other);
    return rc;
}
