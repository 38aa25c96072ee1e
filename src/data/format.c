/* format.c - the list of data set formats, and what their readers share. */
#include "data/format.h"
#include "base/utf8.h"
#include <string.h>
#include <strings.h>

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
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(row->v, key);

    return v && !cJSON_IsNull(v);
}

static const char *text_of(const struct jnode *row, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row->v, key));
}

int format_choose(const struct jnode *row, const char *const *names, const char **out,
                  struct vac_err *err)
{
    const char *there = NULL;

    *out = NULL;
    for (; *names; names++) {
        const char *s = text_of(row, *names);

        if (!utf8_is_blank(s) && *out && strcmp(s, text_of(row, *out)))
            return json_error(row, err, "\"%s\" and \"%s\" both hold text: keep one of them", *out,
                              *names);
        if (!utf8_is_blank(s) && !*out)
            *out = *names;
        if (!there && format_has(row, *names))
            there = *names;
        if (!names[1] && !*out)
            *out = there;
    }
    return 0;
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

int format_system(const struct jnode *row, struct row *out, struct arena *a, struct vac_err *err)
{
    static const char *const names[] = {"system", "system_prompt", NULL};
    struct turn system = {.role = ROLE_SYSTEM};
    const char *key;

    if (format_choose(row, names, &key, err) ||
        (key && format_opt_str(row, key, &system.text, a, err)))
        return -1;
    if (system.text)
        format_put(out, system);
    return 0;
}

int format_user(const struct jnode *row, const char *prompt, struct row *out, struct arena *a,
                struct vac_err *err)
{
    static const char *const names[] = {"input", "context", NULL};
    struct turn user = {.role = ROLE_USER};
    const char *key;

    if (format_str(row, prompt, &user.text, a, err) || format_choose(row, names, &key, err) ||
        (key && format_opt_str(row, key, &user.input, a, err)))
        return -1;
    format_put(out, user);
    return 0;
}

int format_pair(const struct jnode *row, const char *prompt, const char *answer, struct row *out,
                struct arena *a, struct vac_err *err)
{
    struct turn reply = {.role = ROLE_ASSISTANT, .train = true};

    if (format_room(out, 3, a, err) || format_system(row, out, a, err) ||
        format_user(row, prompt, out, a, err) || format_str(row, answer, &reply.text, a, err))
        return -1;
    format_put(out, reply);
    return 0;
}

/* Right, and yet nothing that a template can write: who reads the file may pass it over. */
static int odd(int rc, struct vac_err *err)
{
    if (err && err->code == VAC_ERR_FORMAT)
        err->code = VAC_ERR_UNSUPPORTED;
    return rc;
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
        return odd(
            json_error(&node, err, "role \"%s\" is not supported: one of %s", name, keys->names),
            err);
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
    const char *const reads[] = {keys->role, keys->text, "train", "weight", NULL};
    struct turn turn = {0};
    size_t first = out->n_turn > 0 && out->turn[0].role == ROLE_SYSTEM ? 1 : 0;
    size_t place = out->n_turn - first;
    bool fits;

    if (!cJSON_IsObject(node->v))
        return json_error(node, err, "expected an object with \"%s\" and \"%s\"", keys->role,
                          keys->text);
    if (chat_role(node, keys, &turn.role, err) || chat_train(node, turn.role, &turn.train, err) ||
        format_str(node, keys->text, &turn.text, a, err) || format_unread(node, reads, NULL, err))
        return -1;
    if (turn.role == ROLE_SYSTEM)
        fits = out->n_turn == 0;
    else
        fits = (turn.role == ROLE_ASSISTANT) == (place % 2 == 1);
    if (!fits)
        return odd(json_error(node, err,
                              "roles must take turns: an optional system turn first, then user "
                              "and assistant, beginning with the user"),
                   err);
    format_put(out, turn);
    return 0;
}

int format_chat(const struct jnode *row, const struct chat_keys *keys, struct row *out,
                struct arena *a, struct vac_err *err)
{
    struct jnode list, item;
    const cJSON *v;
    size_t i = 0;

    if (json_get(row, keys->list, JSON_ARRAY, &list, err) ||
        format_room(out, json_count(&list) + 1, a, err) || format_system(row, out, a, err))
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

/* --- what is not read --- */

/* What people note beside a text. */
static const char *const notes[] = {
    "id",         "idx",        "index",    "uid",       "uuid",      "guid",     "hash",
    "source",     "src",        "dataset",  "subset",    "split",     "origin",   "category",
    "categories", "label",      "labels",   "answer",    "class",     "type",     "kind",
    "task",       "subtask",    "topic",    "topics",    "domain",    "subject",  "subjects",
    "tag",        "tags",       "keyword",  "keywords",  "title",     "name",     "author",
    "annotator",  "url",        "link",     "license",   "lang",      "language", "languages",
    "locale",     "date",       "time",     "timestamp", "created",   "updated",  "version",
    "model",      "generator",  "engine",   "provider",  "score",     "scores",   "rating",
    "quality",    "difficulty", "level",    "severity",  "safety",    "status",   "meta",
    "metadata",   "info",       "note",     "notes",     "comment",   "comments", "description",
    "file",       "path",       "filename", "dump",      "usage",     "focus",    "_id",
    "_ids",       "_name",      "_type",    "_source",   "_url",      "_at",      "_date",
    "_version",   "_lang",      "_hash",    "_path",     "_category", "_by",
};
enum { N_NOTES = sizeof notes / sizeof *notes };

const char *format_note_at(size_t i)
{
    return i < N_NOTES ? notes[i] : NULL;
}

bool format_is_note(const char *key)
{
    size_t n = strlen(key);

    if (key[0] == '_')
        return true;
    for (size_t i = 0; i < N_NOTES; i++) {
        size_t end = notes[i][0] == '_' ? strlen(notes[i]) : n;

        if (n >= end && !strcasecmp(key + n - end, notes[i]))
            return true;
    }
    return false;
}

static bool holds_text(const cJSON *v)
{
    if (cJSON_IsString(v))
        return !utf8_is_blank(v->valuestring);
    for (const cJSON *c = v->child; c; c = c->next)
        if (holds_text(c))
            return true;
    return false;
}

/* A turn's own text once more, or the last question rendered, in "prompt" without its answer. */
static bool repeats(const struct row *row, const char *key, const char *s)
{
    size_t n = row ? row->n_turn : 0;
    const struct turn *user = n > 1 ? &row->turn[n - 2] : NULL;

    for (size_t i = 0; i < n; i++)
        if (!strcmp(row->turn[i].text, s))
            return true;
    return user && strstr(s, user->text) && (!user->input || strstr(s, user->input)) &&
           (!strcmp(key, "prompt") || strstr(s, user[1].text));
}

/* Whether the row reads the key, or the same value under another one. */
static bool is_read(const struct jnode *row, const char *const *reads, const cJSON *v)
{
    for (; *reads; reads++)
        if (!strcmp(*reads, v->string) ||
            (!cJSON_IsString(v) &&
             cJSON_Compare(v, cJSON_GetObjectItemCaseSensitive(row->v, *reads), true)))
            return true;
    return false;
}

int format_unread(const struct jnode *row, const char *const *reads, const struct row *out,
                  struct vac_err *err)
{
    for (const cJSON *v = row->v->child; v; v = v->next) {
        struct jnode node = {.v = v, .up = row, .file = row->file, .key = v->string};

        if (is_read(row, reads, v) || format_is_note(v->string) || !holds_text(v) ||
            (cJSON_IsString(v) && repeats(out, v->string, v->valuestring)))
            continue;
        return json_error(&node, err,
                          "is not read here, and its text would be lost: remove it, or call it "
                          "\"_%.40s\" to leave it out",
                          v->string);
    }
    return 0;
}
