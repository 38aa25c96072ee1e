/* spec_set.c - overrides of a run file: "stages[1].rho=2", "stages.attack.rho=2",
 * "evaluate.HS.take=50".
 *
 * They change the document before it is read, so that every check is the reader's. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "spec/spec_set.h"

enum { PARTS_MAX = 16 };

/* An override being followed through the document. */
struct walk {
    const char *text; /* the whole, for messages */
    const char *at;   /* what is left of the path */
    const char *end;  /* its '=' */
    cJSON *here;
    bool in_stages; /* here is the list of stages */
    struct vac_err *err;
};

static int refuse(const struct walk *w, const char *what)
{
    return err_set(w->err, VAC_ERR_USAGE, "--set %.200s: %.*s: %s", w->text, (int)(w->at - w->text),
                   w->text, what);
}

/* A stage without a name has that which the reader will give it. */
static const char *name_of(const struct walk *w, const cJSON *entry, size_t i, char number[32])
{
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(entry, "name");

    number[0] = '\0';
    if (w->in_stages)
        snprintf(number, 32, "stage%zu", i + 1);
    return cJSON_IsString(own) ? own->valuestring : number;
}

static int refuse_name(struct walk *w)
{
    char text[200] = "nothing in this list has that name", number[32];
    const cJSON *entry = w->here->child;
    const char *between = ": it has ";

    for (size_t i = 0; entry; entry = entry->next, i++) {
        const char *name = name_of(w, entry, i, number);
        size_t n = strlen(text);

        if (!*name)
            continue;
        snprintf(text + n, sizeof text - n, "%s%.60s", between, name);
        between = ", ";
    }
    w->at = w->end;
    return refuse(w, text);
}

/* Names may hold dots, so the longest that the path goes on with is meant. */
static int list_name(struct walk *w, size_t *index)
{
    const cJSON *entry = w->here->child;
    size_t left = (size_t)(w->end - w->at), best = 0;

    for (size_t i = 0; entry; entry = entry->next, i++) {
        char number[32];
        const char *name = name_of(w, entry, i, number);
        size_t n = strlen(name);

        if (n <= best || n > left || memcmp(name, w->at, n))
            continue;
        if (n < left && w->at[n] != '.' && w->at[n] != '[')
            continue;
        best = n;
        *index = i;
    }
    if (!best)
        return refuse_name(w);
    w->at += best;
    return 0;
}

static int list_index(struct walk *w, size_t *index)
{
    size_t n = 0, digits = 0;

    w->at++;
    for (; w->at < w->end && isdigit((unsigned char)*w->at) && digits < 9; digits++)
        n = n * 10 + (size_t)(*w->at++ - '0');
    if (!digits || w->at == w->end || *w->at != ']')
        return refuse(w, "expected a number and \"]\"");
    w->at++;
    *index = n;
    if (!cJSON_IsArray(w->here))
        return refuse(w, "this is no list");
    if (n >= (size_t)cJSON_GetArraySize(w->here))
        return refuse(w, "the list is not so long");
    return 0;
}

/* Goes into an entry of the list, or sets it where the path ends; null takes it away. */
static int into_list(struct walk *w, size_t index, cJSON **value)
{
    if (w->at < w->end) {
        w->here = cJSON_GetArrayItem(w->here, (int)index);
        return 0;
    }
    if (cJSON_IsNull(*value)) {
        cJSON_DeleteItemFromArray(w->here, (int)index);
        cJSON_Delete(*value);
        *value = NULL;
        return 0;
    }
    if (!cJSON_ReplaceItemInArray(w->here, (int)index, *value))
        return refuse(w, "out of memory");
    *value = NULL;
    return 0;
}

/* An absent or null member on the way becomes an empty object. */
static int into_member(struct walk *w, cJSON **value)
{
    const char *from = w->at;
    cJSON *next;
    char *key;
    int rc = 0;

    while (w->at < w->end && *w->at != '.' && *w->at != '[')
        w->at++;
    if (w->at == from)
        return refuse(w, "expected the name of a key");
    if (!cJSON_IsObject(w->here))
        return refuse(w, "what holds this key is no object");
    key = mem_strndup(from, (size_t)(w->at - from), w->err);
    if (!key)
        return -1;
    if (w->at < w->end) {
        w->in_stages = !strcmp(key, "stages") && from == w->text;
        next = cJSON_GetObjectItemCaseSensitive(w->here, key);
        if (!next || cJSON_IsNull(next))
            rc = json_add(w->here, key, next = cJSON_CreateObject(), w->err);
        w->here = next;
    } else {
        rc = json_add(w->here, key, *value, w->err);
        *value = NULL;
    }
    free(key);
    return rc;
}

/* One part: "[1]", ".name" of a list, ".key", or at the very beginning "key". */
static int take_part(struct walk *w, cJSON **value)
{
    size_t index = 0;

    if (*w->at == '[')
        return list_index(w, &index) || into_list(w, index, value) ? -1 : 0;
    if (w->at > w->text) {
        if (*w->at != '.')
            return refuse(w, "expected \".\" or \"[\" here");
        w->at++;
    }
    if (cJSON_IsArray(w->here))
        return list_name(w, &index) || into_list(w, index, value) ? -1 : 0;
    return into_member(w, value);
}

int spec_set(cJSON *doc, const char *text, struct vac_err *err)
{
    const char *end = strchr(text, '=');
    struct walk w = {.text = text, .at = text, .end = end, .here = doc, .err = err};
    struct vac_err why = {0};
    cJSON *value;
    int rc = 0;

    if (!end || end == text)
        return err_set(err, VAC_ERR_USAGE,
                       "--set %.200s: expected PATH=VALUE, like stages[0].lr=1e-4", text);
    if (utf8_valid(text, strlen(text)) != strlen(text))
        return err_set(err, VAC_ERR_USAGE, "--set %.200s: not valid UTF-8", text);
    value = json_parse(end + 1, strlen(end + 1), "set", &why);
    if (!value && why.code != VAC_ERR_MEMORY) /* what is no JSON is text */
        value = cJSON_CreateString(end + 1);
    if (!value)
        return err_set(err, VAC_ERR_MEMORY, "out of memory");
    for (size_t parts = 0; rc == 0 && value; parts++)
        rc = parts < PARTS_MAX ? take_part(&w, &value) : refuse(&w, "the path has too many parts");
    cJSON_Delete(value);
    return rc;
}
