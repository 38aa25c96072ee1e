/* format.c - the list of data set formats, and what their readers share. */
#include "data/format.h"
#include <string.h>

#define DECLARE(name) extern const struct format format_##name;
FORMATS(DECLARE)

#define ADDRESS(name) &format_##name,
static const struct format *const formats[] = {FORMATS(ADDRESS) NULL};

const struct format *format_at(size_t i)
{
    return i < sizeof formats / sizeof *formats ? formats[i] : NULL;
}

bool format_has(const struct jnode *row, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(row->v, key) != NULL;
}

int format_str(const struct jnode *row, const char *key, const char **out, struct arena *a,
               struct vac_err *err)
{
    const char *s;

    if (json_str(row, key, &s, err))
        return -1;
    *out = arena_strndup(a, s, strlen(s), err);
    return *out ? 0 : -1;
}

int format_opt_str(const struct jnode *row, const char *key, const char **out, struct arena *a,
                   struct vac_err *err)
{
    const char *s = NULL;

    if (json_opt_str(row, key, &s, err))
        return -1;
    if (!s || !*s)
        return 0;
    *out = arena_strndup(a, s, strlen(s), err);
    return *out ? 0 : -1;
}

struct jnode format_item(const struct jnode *array, const cJSON *value, size_t i)
{
    return (struct jnode){.v = value, .up = array, .file = array->file, .index = i};
}

int format_room(struct row *out, size_t n, struct arena *a, struct vac_err *err)
{
    out->turn = arena_alloc(a, n, sizeof *out->turn, err);
    return out->turn ? 0 : -1;
}

void format_put(struct row *out, struct turn turn)
{
    out->turn[out->n_turn++] = turn;
}

int format_pair(const struct jnode *row, const char *prompt, const char *answer, struct row *out,
                struct arena *a, struct vac_err *err)
{
    struct turn user = {.role = ROLE_USER};
    struct turn reply = {.role = ROLE_ASSISTANT, .train = true};

    if (format_str(row, prompt, &user.text, a, err) ||
        format_str(row, answer, &reply.text, a, err) || format_room(out, 2, a, err))
        return -1;
    format_put(out, user);
    format_put(out, reply);
    return 0;
}

static int chat_role(const struct jnode *turn, const struct chat_keys *keys, enum role *out,
                     struct vac_err *err)
{
    const struct chat_role *r = keys->roles;
    struct jnode node;
    const char *name;

    if (json_get(turn, keys->role, JSON_STRING, &node, err))
        return -1;
    name = node.v->valuestring;
    while (r->name && strcmp(r->name, name))
        r++;
    if (!r->name)
        return json_error(&node, err, "role \"%s\" is not supported: one of %s", name, keys->names);
    *out = r->role;
    return 0;
}

/* A weight on the other roles' turns is what exporters write everywhere and means nothing here. */
static int chat_train(const struct jnode *turn, enum role role, bool *out, struct vac_err *err)
{
    int64_t weight = 1;
    bool train;

    if (json_opt_int(turn, "weight", 0, 1, &weight, err))
        return -1;
    train = role == ROLE_ASSISTANT && weight == 1;
    if (json_opt_bool(turn, "train", &train, err))
        return -1;
    if (train && role != ROLE_ASSISTANT)
        return json_error(turn, err, "only an assistant's turn can be trained");
    *out = train;
    return 0;
}

static int chat_turn(const struct jnode *node, const struct chat_keys *keys, struct row *out,
                     struct arena *a, struct vac_err *err)
{
    struct turn turn = {0};
    size_t first = out->n_turn > 0 && out->turn[0].role == ROLE_SYSTEM ? 1 : 0;
    size_t place = out->n_turn - first;
    bool fits;

    if (!cJSON_IsObject(node->v))
        return json_error(node, err, "expected an object with \"%s\" and \"%s\"", keys->role,
                          keys->text);
    if (chat_role(node, keys, &turn.role, err) || chat_train(node, turn.role, &turn.train, err) ||
        format_str(node, keys->text, &turn.text, a, err))
        return -1;
    if (turn.role == ROLE_SYSTEM)
        fits = out->n_turn == 0;
    else
        fits = (turn.role == ROLE_ASSISTANT) == (place % 2 == 1);
    if (!fits)
        return json_error(node, err,
                          "roles must take turns: an optional system turn first, then user and "
                          "assistant, beginning with the user");
    format_put(out, turn);
    return 0;
}

static int chat_system(const struct jnode *row, struct row *out, struct arena *a,
                       struct vac_err *err)
{
    const char *text = NULL;

    if (format_opt_str(row, "system", &text, a, err))
        return -1;
    if (text)
        format_put(out, (struct turn){.role = ROLE_SYSTEM, .text = text});
    return 0;
}

int format_chat(const struct jnode *row, const struct chat_keys *keys, struct row *out,
                struct arena *a, struct vac_err *err)
{
    struct jnode list, item;
    const cJSON *v;
    size_t i = 0;

    if (json_get(row, keys->list, JSON_ARRAY, &list, err) ||
        format_room(out, json_count(&list) + 1, a, err) || chat_system(row, out, a, err))
        return -1;
    cJSON_ArrayForEach(v, list.v)
    {
        item = format_item(&list, v, i++);
        if (chat_turn(&item, keys, out, a, err))
            return -1;
    }
    if (out->n_turn == 0 || out->turn[out->n_turn - 1].role == ROLE_SYSTEM)
        return json_error(&list, err, "holds no user turn");
    return 0;
}
