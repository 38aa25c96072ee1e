/* battery.c - see battery.h */
#include "attack/battery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json_out.h"
#include "record/columns.h"
#include "record/lines.h"
#include "spec/spec_keys.h"

const char battery_file[] = "battery.json";

/* What a value may have in the name of an attack, which is that of its folder; the name has "=" too. */
#define VALUE_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,+-"
enum { FILE_LIMIT = 1 << 20, GRID_KEYS = 16 };

static int add(struct battery *b, const struct jnode *at, struct battery_attack **out,
               struct vac_err *err)
{
    if (b->n == BATTERY_MAX)
        return json_error(at, err, "there are more than %d attacks", BATTERY_MAX);
    if (mem_grow(&b->v, &b->cap, b->n + 1, sizeof *b->v, err))
        return -1;
    *out = &b->v[b->n++];
    **out = (struct battery_attack){.planned = 0};
    return 0;
}

/* --- the attack file --- */

/* A list of values makes attacks: which keys have one, and which value of each is the present one's. */
struct grid {
    struct {
        const char *key;
        cJSON *list;
        int at, n;
    } v[GRID_KEYS];
    size_t n;
};

static int grid_of(struct grid *g, const struct jnode *one, struct vac_err *err)
{
    *g = (struct grid){.n = 0};
    for (cJSON *v = one->v->child; v; v = v->next) {
        struct jnode key = {.v = v, .up = one, .file = one->file, .key = v->string};

        if (!cJSON_IsArray(v) || *v->string == '_')
            continue;
        if (cJSON_GetArraySize(v) == 0)
            return json_error(&key, err, "is an empty list: give its values, or leave the key out");
        if (g->n == GRID_KEYS)
            return json_error(&key, err, "at most %d keys may have lists", GRID_KEYS);
        g->v[g->n].key = v->string;
        g->v[g->n].list = v;
        g->v[g->n++].n = cJSON_GetArraySize(v);
    }
    return 0;
}

/* The next point, the last key changing fastest; false behind the last. */
static bool grid_next(struct grid *g)
{
    for (size_t i = g->n; i-- > 0;) {
        if (++g->v[i].at < g->v[i].n)
            return true;
        g->v[i].at = 0;
    }
    return false;
}

/* "NAME,lr=0.001": what is no part of a folder's name becomes "_", and a value that is a path is its last part. */
static int name_point(char out[VAC_NAME], const char *name, const struct grid *g,
                      const struct jnode *one, struct vac_err *err)
{
    struct strbuf s = {0};
    int rc = 0;

    sb_puts(&s, name);
    for (size_t i = 0; i < g->n; i++) {
        const cJSON *v = cJSON_GetArrayItem(g->v[i].list, g->v[i].at);
        char *text = cJSON_IsString(v) ? mem_strdup(path_base(v->valuestring), err)
                                       : json_text(v, false, err);

        for (char *c = text; c && *c; c++)
            if (!strchr(VALUE_LETTERS, *c))
                *c = '_';
        sb_printf(&s, ",%s=%s", g->v[i].key, text ? text : "");
        rc = rc || !text ? -1 : 0;
        cJSON_IsString(v) ? free(text) : cJSON_free(text);
    }
    rc = rc || sb_ok(&s, err) ? -1 : 0;
    if (rc == 0 && s.len >= VAC_NAME)
        rc = json_error(one, err, "\"%.80s\" is longer than %d characters: take a shorter name",
                        s.s, VAC_NAME - 1);
    if (rc == 0)
        snprintf(out, VAC_NAME, "%s", s.s);
    sb_done(&s);
    return rc;
}

/* One point of an attack, of which `point` has the keys without lists. */
static int read_point(struct battery *b, const char *name, const struct grid *g,
                      const struct jnode *one, const struct attack_on *on, struct vac_err *err)
{
    cJSON *point = json_copy(one->v, err);
    struct jnode n = *one;
    struct battery_attack *a;
    int rc = point ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < g->n; i++)
        rc = json_add(point, g->v[i].key,
                      json_copy(cJSON_GetArrayItem(g->v[i].list, g->v[i].at), err), err);
    n.v = point;
    if (rc == 0)
        rc = add(b, one, &a, err);
    if (rc == 0) {
        rc = name_point(a->name, name, g, one, err);
        for (size_t i = 0; rc == 0 && i + 1 < b->n; i++)
            if (!strcmp(b->v[i].name, a->name))
                rc = json_error(one, err, "another attack is called \"%s\" already", a->name);
    }
    if (rc == 0)
        rc = (a->kind = attack_kind_of(&n, err)) ? a->kind->set(&n, on, &a->set, err) : -1;
    cJSON_Delete(point);
    return rc;
}

static int read_attack(struct battery *b, const struct jnode *one, const struct attack_on *on,
                       struct vac_err *err)
{
    struct jnode n = spec_key(one, "name");
    struct grid g;
    const char *name;

    if (json_str(one, "name", &name, err))
        return -1;
    if (!spec_name_is_valid(name))
        return json_wrong(&n, "a name of letters, digits and \"_.-\", with no dot in front", err);
    if (!attack_kind_of(one, err) || grid_of(&g, one, err))
        return -1;
    do {
        if (read_point(b, name, &g, one, on, err))
            return -1;
    } while (grid_next(&g));
    return 0;
}

/* The file's own name without what is behind the dot, as a folder may be called. */
static int name_battery(struct battery *b, const char *file, struct vac_err *err)
{
    const char *base = path_base(file), *dot = strrchr(base, '.');
    size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);

    if (n < VAC_NAME)
        snprintf(b->name, sizeof b->name, "%.*s", (int)n, base);
    return n < VAC_NAME && spec_name_is_valid(b->name)
               ? 0
               : err_set(err, VAC_ERR_USAGE,
                         "%s: a battery's results are kept under its file's name, which may have "
                         "letters, digits and \"_.-\", %d at most: rename it",
                         file, VAC_NAME - 1);
}

int battery_read(struct battery *b, const char *file, const struct attack_on *on,
                 struct vac_err *err)
{
    static const char *const known[] = {"description", "attacks", "within", "budget", NULL};
    char *real, *dir = NULL;
    cJSON *doc = NULL;
    struct jnode root, list, one, within;
    struct attack_on here = *on;
    int rc = -1;

    *b = (struct battery){.v = NULL};
    lines_name(b->stage, sizeof b->stage, on->stage);
    if (!(real = realpath(file, NULL)))
        return err_errno(err, "%s", file);
    if (name_battery(b, file, err) || !(dir = path_dir(real, err)) ||
        !(doc = json_read(file, FILE_LIMIT, err)))
        goto out;
    here.dir = dir;
    root = json_root(doc, file);
    if (!cJSON_IsObject(doc)) {
        json_wrong(&root, "an object with the list \"attacks\"", err);
        goto out;
    }
    if (json_known(&root, known, err) || json_get(&root, "attacks", JSON_ARRAY, &list, err) ||
        json_opt(&root, "within", JSON_OBJECT, &within, err) < 0 ||
        within_read(&b->within, &within, err) ||
        json_opt_int(&root, "budget", 1, RECORD_STEP_MAX, &b->budget, err))
        goto out;
    rc = json_count(&list) ? 0 : json_error(&list, err, "is empty: give at least one attack");
    for (size_t i = 0; rc == 0 && i < json_count(&list); i++)
        rc = json_item(&list, i, JSON_OBJECT, &one, err) || read_attack(b, &one, &here, err) ? -1
                                                                                             : 0;
out:
    cJSON_Delete(doc);
    free(dir);
    free(real);
    return rc;
}

/* --- battery.json --- */

/* What was written here is a name again, of one folder. */
static bool is_own_name(const char *name)
{
    return *name && *name != '.' && strlen(name) < VAC_NAME &&
           !name[strspn(name, VALUE_LETTERS "=")];
}

static int load_attack(struct battery *b, const struct jnode *one, struct vac_err *err)
{
    struct battery_attack *a;
    struct jnode set, text;
    const char *name, *kind;

    if (add(b, one, &a, err) || json_str(one, "name", &name, err) ||
        json_str(one, "kind", &kind, err) || json_get(one, "set", JSON_ARRAY, &set, err) ||
        json_opt_int(one, "steps", 0, RECORD_STEP_MAX, &a->planned, err))
        return -1;
    if (!is_own_name(name))
        return json_error(one, err, "\"%.80s\" is no name of an attack", name);
    snprintf(a->name, sizeof a->name, "%s", name);
    for (size_t i = 0; attack_kind_at(i); i++)
        if (!strcmp(attack_kind_at(i)->name, kind))
            a->kind = attack_kind_at(i);
    for (size_t i = 0; i < json_count(&set); i++) {
        struct strbuf s = {0};

        if (json_item(&set, i, JSON_STRING, &text, err))
            return -1;
        sb_puts(&s, text.v->valuestring);
        if (attack_sets_put(&a->set, &s, err))
            return -1;
    }
    return 0;
}

int battery_load(struct battery *b, const char *dir, struct vac_err *err)
{
    char *path = path_join(dir, battery_file, err);
    cJSON *doc = path ? json_read(path, FILE_LIMIT, err) : NULL;
    struct jnode root = json_root(doc, path), list, one, within;
    const char *name, *stage;
    int rc = -1;

    *b = (struct battery){.v = NULL};
    if (doc && json_str(&root, "battery", &name, err) == 0 &&
        json_str(&root, "stage", &stage, err) == 0 &&
        json_int(&root, "step", 0, RECORD_STEP_MAX, &b->step, err) == 0 &&
        json_opt_int(&root, "budget", 0, RECORD_STEP_MAX, &b->budget, err) == 0 &&
        json_opt(&root, "within", JSON_OBJECT, &within, err) >= 0 &&
        within_read(&b->within, &within, err) == 0 &&
        json_get(&root, "attacks", JSON_ARRAY, &list, err) == 0)
        rc = 0;
    for (size_t i = 0; rc == 0 && i < json_count(&list); i++)
        rc = json_item(&list, i, JSON_OBJECT, &one, err) || load_attack(b, &one, err) ? -1 : 0;
    if (rc == 0) {
        lines_name(b->name, sizeof b->name, name);
        lines_name(b->stage, sizeof b->stage, stage);
    }
    cJSON_Delete(doc);
    free(path);
    return rc;
}

int battery_save(const struct battery *b, const char *dir, struct vac_err *err)
{
    struct strbuf s = {0}, bound = {0};
    struct json_out o = json_out(&s);
    int rc;

    json_put_object(&o, NULL, JSON_LINED);
    json_put_text(&o, "battery", b->name);
    json_put_text(&o, "stage", b->stage);
    json_put_int(&o, "step", b->step);
    if (b->budget)
        json_put_int(&o, "budget", b->budget);
    json_put_object(&o, "within", JSON_SPACED);
    for (size_t i = 0; i < b->within.n; i++) {
        sb_clear(&bound);
        bound_text(&bound, &b->within.v[i].bound);
        json_put_text(&o, b->within.v[i].name, bound.s);
    }
    json_put_end(&o);
    json_put_list(&o, "attacks", JSON_LINED);
    for (size_t i = 0; i < b->n; i++) {
        const struct battery_attack *a = &b->v[i];

        json_put_object(&o, NULL, JSON_SPACED);
        json_put_text(&o, "name", a->name);
        json_put_text(&o, "kind", a->kind ? a->kind->name : "");
        json_put_int(&o, "steps", a->planned);
        json_put_list(&o, "set", JSON_SPACED);
        for (size_t k = 0; k < a->set.n; k++)
            json_put_text(&o, NULL, a->set.v[k]);
        json_put_end(&o);
        json_put_end(&o);
    }
    json_put_end(&o);
    json_put_end(&o);
    sb_putc(&s, '\n');
    rc = sb_ok(&bound, err) || sb_ok(&s, err) || out_text(dir, battery_file, &s, err) ? -1 : 0;
    sb_done(&bound);
    sb_done(&s);
    return rc;
}

static bool same_sets(const struct attack_sets *a, const struct attack_sets *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i], b->v[i]) != 0)
            return false;
    return true;
}

int battery_join(struct battery *b, const struct battery *begun, const char *dir,
                 struct vac_err *err)
{
    if (b->step != begun->step || strcmp(b->stage, begun->stage) != 0)
        return err_set(err, VAC_ERR_USAGE,
                       "%s: is of step %lld and stage %s: rename the attack file", dir,
                       (long long)begun->step, begun->stage);
    for (size_t i = 0; i < b->n; i++) {
        size_t k = 0;

        while (k < begun->n && strcmp(begun->v[k].name, b->v[i].name) != 0)
            k++;
        if (k == begun->n)
            continue;
        if (begun->v[k].kind != b->v[i].kind || !same_sets(&begun->v[k].set, &b->v[i].set))
            return err_set(err, VAC_ERR_USAGE,
                           "%s/%s: was another attack of that name: give it another one, or remove "
                           "that folder and its line of %s",
                           dir, b->v[i].name, battery_file);
        b->v[i].planned = begun->v[k].planned;
    }
    return 0;
}

void battery_done(struct battery *b)
{
    for (size_t i = 0; i < b->n; i++)
        attack_sets_done(&b->v[i].set);
    free(b->v);
    *b = (struct battery){.v = NULL};
}
