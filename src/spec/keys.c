/* keys.c - see keys.h */
#include <stdio.h>
#include <string.h>
#include "defense/method.h"
#include "eval/own.h"
#include "spec/keys.h"
#include "spec/spec_keys.h"
#include "spec/spec_tables.h"

enum { PATH_ROOM = 256 };

struct walk {
    const cJSON *run;
    bool numbers;
    keys_visit *visit;
    void *ctx;
};

/* The rows of a section of the option tables. */
static const struct option_row *rows_of(const char *section)
{
    struct option_section s;

    for (size_t i = 0; spec_section(i, &s); i++)
        if (!strcmp(s.name, section))
            return s.rows;
    return NULL;
}

static void each_row(const struct walk *w, const char *prefix, const struct option_row *rows)
{
    char path[2 * PATH_ROOM];

    for (; rows && rows->name; rows++) {
        snprintf(path, sizeof path, "%s%s", prefix, rows->name);
        w->visit(w->ctx, path, rows);
    }
}

/* "stages.align." of an entry that has a name, "stages.stage1." of a stage without one,
 * "evaluate[0]." where only the number is left. */
static void entry_prefix(const struct walk *w, const char *list, const cJSON *entry, size_t i,
                         char out[PATH_ROOM])
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "name"));

    if (!w->numbers && name && spec_name_is_valid(name))
        snprintf(out, PATH_ROOM, "%s.%s.", list, name);
    else if (!w->numbers && entry && !name && !strcmp(list, "stages"))
        snprintf(out, PATH_ROOM, "stages.stage%zu.", i + 1);
    else
        snprintf(out, PATH_ROOM, "%s[%zu].", list, i);
}

static void each_stream_row(const struct walk *w, const char *prefix, const cJSON *stage,
                            const char *stream)
{
    int n = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(stage, stream));
    char inner[PATH_ROOM + 32];

    for (int k = 0; k < (n ? n : 1); k++) {
        snprintf(inner, sizeof inner, "%s%s[%d].", prefix, stream, k);
        each_row(w, inner, rows_of("stages[].train[]"));
    }
}

/* A stage has the keys of its method; of all methods where it is not known. */
static void each_method_row(const struct walk *w, const char *prefix, const cJSON *stage)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(stage, "method"));
    const struct method *m;

    for (size_t i = 0; (m = method_at(i)); i++) {
        if (stage && strcmp(m->name, name ? name : METHOD_DEFAULT))
            continue;
        each_row(w, prefix, m->options);
        for (size_t k = 1; method_stream(m, k); k++)
            each_stream_row(w, prefix, stage, method_stream(m, k));
    }
}

/* Beside its own keys the names of what is evaluated, with a bound each. */
static void each_until_row(const struct walk *w, const char *prefix)
{
    static const struct option_row bound = {
        .name = "until", .help = "a bound that ends the stage, like < 5 %", .type = OPTION_STRING};
    const cJSON *evaluate = cJSON_GetObjectItemCaseSensitive(w->run, "evaluate"), *entry;
    char path[2 * PATH_ROOM + VAC_NAME];

    each_row(w, prefix, rows_of("stages[].until"));
    cJSON_ArrayForEach(entry, evaluate)
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "name"));

        if (!name || !spec_name_is_valid(name) || strchr(name, '.'))
            continue;
        snprintf(path, sizeof path, "%s%s", prefix, name);
        w->visit(w->ctx, path, &bound);
    }
}

static void each_stage_row(const struct walk *w, const cJSON *stage, size_t i)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(stage, "method"));
    char prefix[PATH_ROOM], inner[PATH_ROOM + 32];
    const struct method *m;

    entry_prefix(w, "stages", stage, i, prefix);
    each_row(w, prefix, rows_of("stages[]"));
    each_method_row(w, prefix, stage);
    each_stream_row(w, prefix, stage, "train");
    snprintf(inner, sizeof inner, "%suntil.", prefix);
    each_until_row(w, inner);
    m = method_find(name ? name : METHOD_DEFAULT, NULL);
    if (!stage || !m || (m->options && option_find(m->options, "rho"))) {
        snprintf(inner, sizeof inner, "%srho_control.", prefix);
        each_row(w, inner, rows_of("stages[].rho_control"));
        snprintf(inner, sizeof inner, "%srho_schedule.", prefix);
        each_row(w, inner, rows_of("stages[].rho_schedule"));
    }
    snprintf(inner, sizeof inner, "%slora.", prefix);
    each_row(w, inner, rows_of("stages[].lora"));
}

/* Likewise of its judge or metric. */
static void each_own_row(const struct walk *w, const char *prefix, const cJSON *entry)
{
    const char *judge = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "judge")),
               *metric = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "metric"));
    const struct option_row *row;
    struct own_keys own;

    if (own_of(judge, metric, &own, NULL)) {
        each_row(w, prefix, own.rows);
        return;
    }
    for (size_t i = 0; (row = own_row(i, &own)); i++) {
        char path[2 * PATH_ROOM];

        snprintf(path, sizeof path, "%s%s", prefix, row->name);
        w->visit(w->ctx, path, row);
    }
}

static void each_watch_row(const struct walk *w)
{
    const cJSON *watch = cJSON_GetObjectItemCaseSensitive(w->run, "watch");
    char prefix[PATH_ROOM];

    each_row(w, "watch.", rows_of("watch"));
    for (const struct spec_watched *k = spec_watched; k->key; k++) {
        snprintf(prefix, sizeof prefix, "watch.%s.", k->key);
        each_row(w, prefix, rows_of("stages[].train[]"));
        each_row(w, prefix, k->more);
        if (k->more)
            each_own_row(w, prefix, cJSON_GetObjectItemCaseSensitive(watch, k->key));
    }
}

static void each_evaluate_row(const struct walk *w, const cJSON *entry, size_t i)
{
    char prefix[PATH_ROOM];

    entry_prefix(w, "evaluate", entry, i, prefix);
    each_row(w, prefix, rows_of("evaluate[]"));
    each_own_row(w, prefix, entry);
}

void keys_each(const cJSON *run, bool numbers, keys_visit *visit, void *ctx)
{
    const struct walk w = {.run = run, .numbers = numbers, .visit = visit, .ctx = ctx};
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(run, "stages"),
                *evaluate = cJSON_GetObjectItemCaseSensitive(run, "evaluate"), *entry;
    size_t i = 0;

    each_row(&w, "", rows_of(""));
    cJSON_ArrayForEach(entry, stages) each_stage_row(&w, entry, i++);
    if (!i)
        each_stage_row(&w, NULL, 0);
    each_row(&w, "checkpoint.", rows_of("checkpoint"));
    each_watch_row(&w);
    each_row(&w, "attack.", rows_of("attack"));
    i = 0;
    cJSON_ArrayForEach(entry, evaluate) each_evaluate_row(&w, entry, i++);
    if (!i)
        each_evaluate_row(&w, NULL, 0);
    entry = cJSON_GetObjectItemCaseSensitive(run, "guards");
    for (int n = cJSON_GetArraySize(entry), k = 0; k < (n ? n : 1); k++) {
        char prefix[PATH_ROOM];

        snprintf(prefix, sizeof prefix, "guards[%d].", k);
        each_row(&w, prefix, rows_of("guards[]"));
    }
}

/* "stages[].train[]" reads better as stages.train. */
bool keys_section(size_t i, char name[VAC_NAME], const struct option_row **rows)
{
    struct option_section s;
    size_t n = 0;

    if (!spec_section(i, &s))
        return false;
    for (const char *c = *s.name ? s.name : "top"; *c && n + 1 < VAC_NAME; c++)
        if (*c != '[' && *c != ']')
            name[n++] = *c;
    name[n] = '\0';
    *rows = s.rows;
    return true;
}
