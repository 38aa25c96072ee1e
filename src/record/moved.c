/* moved.c - see moved.h */
#include "record/moved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/folder.h"
#include "spec/spec_path.h"
#include "spec/spec_set.h"
#include "record/hash.h"

#define RUN_JSON_MAX ((size_t)64 << 20)

/* The stored hash of an input; NULL = the path is none. */
static const char *hash_of(const cJSON *doc, const char *path)
{
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(doc, "model");
    const char *at = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(model, "path"));

    if (at && *at && !strcmp(at, path))
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(model, "hash"));
    return cJSON_GetStringValue(
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(doc, "files"), path));
}

static bool has_hash(const char *path, const char *want)
{
    char have[65];

    return (file_exists(path) || dir_exists(path)) && hash_file(path, have, NULL) == 0 &&
           !strcmp(have, want);
}

/* --- one path for another, everywhere --- */

static int replace_strings(cJSON *v, const char *old, const char *new, struct vac_err *err)
{
    if (cJSON_IsString(v) && !strcmp(v->valuestring, old) && !cJSON_SetValuestring(v, new))
        return err_set(err, VAC_ERR_MEMORY, "out of memory");
    for (cJSON *c = v ? v->child : NULL; c; c = c->next)
        if (replace_strings(c, old, new, err))
            return -1;
    return 0;
}

static int put_place(cJSON *doc, struct moved *m, const char *old, const char *new,
                     struct vac_err *err)
{
    cJSON *files = cJSON_GetObjectItemCaseSensitive(doc, "files");
    cJSON *hash = cJSON_DetachItemFromObjectCaseSensitive(files, old);

    if (json_add(m->places, old, cJSON_CreateString(new), err)) {
        cJSON_Delete(hash);
        return -1;
    }
    if (hash && json_add(files, new, hash, err))
        return -1;
    return replace_strings(cJSON_GetObjectItemCaseSensitive(doc, "spec"), old, new, err) ||
                   replace_strings(cJSON_GetObjectItemCaseSensitive(doc, "model"), old, new, err)
               ? -1
               : 0;
}

/* --- beside the run --- */

/* The first of FOLDER/END that has the hash, for the folders above the run from within, and ends of
 * the path from the longest on. Free it. */
static char *find_beside(const char *dir, const char *path, const char *want)
{
    char *folder = realpath(dir, NULL), *found = NULL;

    while (folder && !found && strcmp(folder, "/") != 0) {
        char *up = path_dir(folder, NULL);

        for (const char *end = path; !found && (end = strchr(end, '/')); end++) {
            char *there = end[1] ? path_join(folder, end + 1, NULL) : NULL;

            if (there && has_hash(there, want))
                found = there;
            else
                free(there);
        }
        free(folder);
        folder = up;
    }
    free(folder);
    return found;
}

/* The key that a path stands under: "stages[0].train[0].file". */
static bool key_of(const cJSON *v, const char *path, struct strbuf *out)
{
    size_t before = out->len, i = 0;

    if (cJSON_IsString(v))
        return !strcmp(v->valuestring, path);
    for (const cJSON *c = v ? v->child : NULL; c; c = c->next, i++) {
        if (cJSON_IsArray(v))
            sb_printf(out, "[%zu]", i);
        else
            sb_printf(out, "%s%s", before ? "." : "", c->string);
        if (key_of(c, path, out))
            return true;
        out->len = before;
    }
    return false;
}

static int find_one(cJSON *doc, const char *dir, struct moved *m, const char *old,
                    struct vac_err *err)
{
    const char *want = hash_of(doc, old);
    char *name, *found, near[SPEC_NAME_ROOM];
    struct strbuf key = {0};
    int rc = 0;

    if (!want || !*old || file_exists(old) || dir_exists(old))
        return 0;
    name = mem_strdup(old, err); /* what holds it is replaced */
    if (!name)
        return -1;
    found = find_beside(dir, old, want);
    if (found) {
        rc = put_place(doc, m, name, found, err);
    } else if (m->strict) {
        spec_nearest(name, near);
        key_of(cJSON_GetObjectItemCaseSensitive(doc, "spec"), name, &key);
        rc =
            err_set(err, VAC_ERR_IO,
                    "%s: is not there any more, and nothing beside the run is the same: name where "
                    "it is now, with --set %s=PATH%s%.100s%s",
                    name, key.len && !key.bad ? key.s : "model", *near ? " (did you mean \"" : "",
                    near, *near ? "\"?)" : "");
        sb_done(&key);
    }
    free(found);
    free(name);
    return rc;
}

/* --- named by overrides --- */

struct pairs {
    const cJSON *doc;
    const char *old[16], *new[16];
    size_t n, others; /* differences that are paths of inputs, and all else */
};

static void compare(struct pairs *p, const cJSON *old, const cJSON *new)
{
    const cJSON *file = cJSON_IsObject(old) && cJSON_IsString(new)
                            ? cJSON_GetObjectItemCaseSensitive(old, "file")
                            : NULL;
    const cJSON *a = old ? old->child : NULL, *b = new->child;

    if (file)
        old = file; /* "x" is short for {"file": "x"} */
    if (cJSON_IsString(old) && cJSON_IsString(new)) {
        if (!strcmp(old->valuestring, new->valuestring))
            return;
        if (hash_of(p->doc, old->valuestring) && p->n < sizeof p->old / sizeof *p->old) {
            p->old[p->n] = old->valuestring;
            p->new[p->n++] = new->valuestring;
            return;
        }
        p->others++;
    } else if (cJSON_IsArray(old) && cJSON_IsArray(new) &&
               cJSON_GetArraySize(old) == cJSON_GetArraySize(new)) {
        for (; a; a = a->next, b = b->next)
            compare(p, a, b);
    } else if (cJSON_IsObject(old) && cJSON_IsObject(new)) {
        for (; b; b = b->next)
            compare(p, cJSON_GetObjectItemCaseSensitive(old, b->string), b);
    } else if (!cJSON_Compare(old, new, true)) {
        p->others++;
    }
}

/* 1 = the override is about something else. */
static int take_override(cJSON *doc, struct moved *m, const char *set, struct vac_err *err)
{
    const cJSON *spec = cJSON_GetObjectItemCaseSensitive(doc, "spec");
    cJSON *changed = json_copy(spec, err), *was = NULL;
    struct pairs p = {.doc = doc};
    int rc = changed ? 0 : -1;

    if (rc == 0 && spec_set(changed, set, NULL))
        rc = 1; /* whoever takes it says what is wrong */
    if (rc == 0)
        compare(&p, spec, changed);
    if (rc == 0 && (p.others || !p.n))
        rc = 1;
    if (rc == 0 && !(was = json_copy(doc, err))) /* the old paths live there */
        rc = -1;
    p.doc = was;
    p.n = 0;
    if (rc == 0)
        compare(&p, cJSON_GetObjectItemCaseSensitive(was, "spec"), changed);
    for (size_t i = 0; rc == 0 && i < p.n; i++) {
        char *real = realpath(p.new[i], NULL);

        if (!real)
            rc = err_set(err, VAC_ERR_USAGE, "set %.200s: \"%.200s\" is not there", set, p.new[i]);
        else if (!has_hash(real, hash_of(was, p.old[i])) && m->others)
            rc = 1;
        else if (!has_hash(real, hash_of(was, p.old[i])))
            rc = err_set(err, VAC_ERR_USAGE,
                         "set %.200s: is not what the run began with (%s): name the same content, "
                         "or start a new run",
                         set, p.old[i]);
        else
            rc = put_place(doc, m, p.old[i], real, err);
        free(real);
    }
    cJSON_Delete(changed);
    cJSON_Delete(was);
    return rc;
}

cJSON *moved_read(const char *dir, struct moved *m, struct vac_err *err)
{
    char *path = path_join(dir, "run.json", err);
    cJSON *doc = path ? json_read(path, RUN_JSON_MAX, err) : NULL;

    const cJSON *f, *next, *model = cJSON_GetObjectItemCaseSensitive(doc, "model");
    const char *at;
    int rc = doc && (m->left = mem_new(m->n_set, sizeof *m->left, err)) ? 0 : -1;

    free(path);
    if (rc == 0 && !(m->places = cJSON_CreateObject()))
        rc = err_set(err, VAC_ERR_MEMORY, "out of memory");
    for (size_t i = 0; rc >= 0 && i < m->n_set; i++) {
        rc = take_override(doc, m, m->set[i], err);
        if (rc > 0)
            m->left[m->n_left++] = m->set[i];
    }
    at = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(model, "path"));
    if (rc >= 0)
        rc = at ? find_one(doc, dir, m, at, err) : 0;
    f = cJSON_GetObjectItemCaseSensitive(doc, "files");
    for (f = f ? f->child : NULL; rc == 0 && f; f = next) {
        next = f->next;
        rc = find_one(doc, dir, m, f->string, err);
    }
    if (rc == 0)
        return doc;
    cJSON_Delete(doc);
    return NULL;
}

void moved_done(struct moved *m)
{
    free(m->left);
    cJSON_Delete(m->places);
    m->left = NULL;
    m->places = NULL;
}
