/* spec_measure.c - reads what is measured beside training: "watch" and "evaluate". */
#include <stdlib.h>
#include <string.h>
#include "eval/own.h"
#include "spec/spec_keys.h"
#include "spec/spec_measure.h"
#include "spec/spec_path.h"
#include "spec/spec_stage.h"
#include "spec/spec_tables.h"
#include "vaccine/vaccine.h"

enum { NAMES_MAX = 256 };

/* The keys that the judge or the metric has of its own. One of another would do nothing, which its writer
 * does not know; but `any` lets those with a default pass, because run.json has them all. */
static int read_own(void **options, const struct own_keys *own, bool any, const struct jnode *obj,
                    const char *dir, struct vac_err *err)
{
    const struct option_row *row;
    struct own_keys of;

    for (row = own->rows; row && row->name; row++) {
        if (row->required && !spec_has(obj, row->name))
            return json_error(obj, err, "\"%s\" is missing: the %s \"%s\" needs it", row->name,
                              own->kind, own->name);
    }
    for (size_t i = 0; (row = own_row(i, &of)); i++) {
        struct jnode n = spec_key(obj, row->name);

        if (spec_has(obj, row->name) && !(own->rows && option_find(own->rows, row->name)) &&
            !(any && own_anywhere(row)))
            return json_error(&n, err, "goes with \"%s\": \"%s\" only", of.kind, of.name);
    }
    if (!own->rows)
        return 0;
    *options = own_new(own, err);
    return !*options || option_read(own->rows, obj, *options, err) ||
                   spec_paths(own->rows, *options, obj, dir, err)
               ? -1
               : 0;
}

/* ---- What is watched ---- */

static int read_watched(struct watch_spec *w, const struct spec_watched *k, const struct jnode *obj,
                        const char *dir, struct vac_err *err)
{
    struct jnode n, judge;
    struct own_keys own;
    int rc = json_opt(obj, k->key, JSON_ANY, &n, err);

    if (rc)
        return rc < 0 ? -1 : 0;
    if (spec_read_data((struct data_keys *)((char *)w + k->data), &n, k->more, dir, err))
        return -1;
    *(bool *)((char *)w + k->has) = true;
    if (!k->more || !cJSON_IsObject(n.v)) /* only the probes have keys of their own */
        return 0;
    if (option_read(spec_rows_probes, &n, w, err))
        return -1;
    judge = spec_key(&n, "judge");
    if (!own_of(w->probes_judge, NULL, &own, err))
        return spec_prefix(&judge, err);
    return read_own(&w->probes_options, &own, false, &n, dir, err);
}

int spec_read_watch(struct run_spec *s, const struct jnode *root, const char *dir,
                    struct vac_err *err)
{
    static const char *const objects[] = {"drift", "align_loss", "harmful_loss", "probes", NULL};
    struct own_keys own;
    struct jnode n, reference;
    int rc = json_opt(root, "watch", JSON_OBJECT, &n, err);

    if (rc < 0 || option_defaults(spec_rows_probes, &s->watch, err))
        return -1;
    if (rc > 0 ? option_defaults(spec_rows_watch, &s->watch, err)
               : spec_read_object(&n, spec_rows_watch, objects, &s->watch, err))
        return -1;
    for (const struct spec_watched *k = spec_watched; rc == 0 && k->key; k++)
        if (read_watched(&s->watch, k, &n, dir, err))
            return -1;
    /* what is asked by hand is judged too, where there are no probes */
    if (!s->watch.probes_options && own_of(s->watch.probes_judge, NULL, &own, err) && own.rows &&
        !(s->watch.probes_options = own_new(&own, err)))
        return -1;
    if (rc || !s->watch.has_drift || s->watch.drift_reference == 0)
        return 0;
    reference = spec_key(&n, "drift_reference");
    for (size_t i = 0; i < s->n_stages; i++)
        if (s->stage[i].full)
            return json_error(&reference, err,
                              "stage \"%s\" trains all weights and keeps no base: use \"start\"",
                              s->stage[i].name);
    return 0;
}

/* ---- Evaluations ---- */

static const char *evaluate_name_at(const void *ctx, size_t i)
{
    const struct run_spec *s = ctx;

    return i < s->n_evaluate ? s->evaluate[i].name : NULL;
}

/* The entry that asks, before this one. */
static const struct evaluate_spec *asking_entry(const struct run_spec *s,
                                                const struct evaluate_spec *e,
                                                const struct jnode *obj, struct vac_err *err)
{
    struct jnode n = spec_key(obj, "answers");
    size_t before = (size_t)(e - s->evaluate);

    for (size_t i = 0; i < before; i++) {
        const struct evaluate_spec *first = &s->evaluate[i];

        if (strcmp(first->name, e->answers))
            continue;
        if (first->judge && !first->answers)
            return first;
        json_error(&n, err, "\"%s\" %s: name an entry with a judge that asks", first->name,
                   first->judge ? "rates the answers of another itself" : "has no judge");
        return NULL;
    }
    json_error(&n, err, "there is no entry \"%.80s\" before this one", e->answers);
    return NULL;
}

/* What is asked, how often and in which stages is the other entry's affair: a key of another value would do
 * nothing, which its writer does not know. run.json has them all. */
static int take_asking(const struct run_spec *s, struct evaluate_spec *e, const struct jnode *obj,
                       struct vac_err *err)
{
    static const char *const key[] = {"prompts", "max_new_tokens", "every",
                                      "take",    "take_from",      NULL};
    const struct evaluate_spec *first = asking_entry(s, e, obj, err);

    for (size_t i = 0; first && key[i]; i++) {
        const struct option_row *row = option_find(evaluate_options, key[i]);
        struct jnode n = spec_key(obj, key[i]);
        struct strbuf own = {0}, its = {0};
        bool given = spec_has(obj, key[i]);
        int rc;

        option_text(row, e, &own);
        option_text(row, first, &its);
        rc = sb_ok(&own, err) || sb_ok(&its, err) ? -1 : 0;
        if (rc == 0 && given && strcmp(own.s ? own.s : "", its.s))
            rc = json_error(&n, err, "is that of \"%s\", whose answers are rated: leave it out",
                            first->name);
        if (rc == 0 && !given)
            rc = option_set(row, its.s, e, key[i], err);
        sb_done(&own);
        sb_done(&its);
        if (rc)
            return -1;
    }
    return first ? 0 : -1;
}

static int read_measure(const struct run_spec *s, struct evaluate_spec *e, const struct jnode *obj,
                        const char *dir, struct vac_err *err)
{
    struct jnode metric = spec_key(obj, "metric"), prompts = spec_key(obj, "prompts"),
                 answers = spec_key(obj, "answers"), data = spec_key(obj, "data"),
                 named = e->judge ? spec_key(obj, "judge") : metric;
    struct own_keys own;

    if (e->judge && e->metric)
        return json_error(&metric, err, "excludes \"judge\": give only one of them");
    if (!e->judge && !e->metric)
        return json_error(obj, err,
                          "\"judge\" (with \"prompts\") or \"metric\" (with \"data\") is missing");
    if (!own_of(e->judge, e->metric, &own, err))
        return spec_prefix(&named, err);
    if (e->judge && e->answers &&
        (spec_paths(evaluate_options, e, obj, dir, err) || take_asking(s, e, obj, err)))
        return -1;
    if (e->judge && e->data)
        return json_error(&data, err, "goes with \"metric\": a judge takes \"prompts\"");
    if (e->judge && !e->prompts)
        return json_error(obj, err, "\"prompts\" is missing: the file whose requests are asked");
    if (e->metric && e->answers)
        return json_error(&answers, err, "goes with \"judge\": a metric asks itself");
    if (e->metric && e->prompts)
        return json_error(&prompts, err, "goes with \"judge\": a metric takes \"data\"");
    if (e->metric && !e->data)
        return json_error(obj, err, "\"data\" is missing: the file with questions and answers");
    return read_own(&e->options, &own, true, obj, dir, err) ||
                   (!e->answers && spec_paths(evaluate_options, e, obj, dir, err))
               ? -1
               : 0;
}

static int read_stage_names(const struct run_spec *s, struct evaluate_spec *e,
                            const struct jnode *obj, struct vac_err *err)
{
    struct jnode list, one;
    const char *name, *near;
    size_t n, known;
    int rc = json_opt(obj, "stages", JSON_ARRAY, &list, err);

    if (rc)
        return rc < 0 ? -1 : 0;
    if (spec_list(&list, 1, NAMES_MAX, &n, &one, err))
        return -1;
    e->stages = mem_new(n + 1, sizeof *e->stages, err);
    for (; e->stages && one.v; one.v = one.v->next, one.index++) {
        if (!cJSON_IsString(one.v))
            return json_wrong(&one, "the name of a stage", err);
        name = one.v->valuestring;
        for (known = 0; known < s->n_stages && strcmp(s->stage[known].name, name) != 0;)
            known++;
        near = known < s->n_stages ? NULL : err_nearest(name, spec_stage_name, s);
        if (known == s->n_stages)
            return json_error(&one, err, "there is no stage \"%.80s\"%s%s%s", name,
                              near ? " (did you mean \"" : "", near ? near : "",
                              near ? "\"?)" : "");
        e->stages[one.index] = mem_strdup(one.v->valuestring, err);
        if (!e->stages[one.index])
            return -1;
    }
    return e->stages ? 0 : -1;
}

/* Those of the entry whose answers are rated, likewise. */
static int take_stages(const struct run_spec *s, struct evaluate_spec *e, const struct jnode *obj,
                       struct vac_err *err)
{
    char **its = asking_entry(s, e, obj, err)->stages;
    struct jnode n = spec_key(obj, "stages");
    size_t i = 0, k = 0;

    while (its && its[k])
        k++;
    while (e->stages && e->stages[i] && i < k && !strcmp(e->stages[i], its[i]))
        i++;
    if (e->stages)
        return i == k && !e->stages[i] ? 0
                                       : json_error(&n, err,
                                                    "is that of \"%s\", whose answers are "
                                                    "rated: leave it out",
                                                    e->answers);
    e->stages = its ? mem_new(k + 1, sizeof *e->stages, err) : NULL;
    for (i = 0; e->stages && i < k; i++)
        if (!(e->stages[i] = mem_strdup(its[i], err)))
            return -1;
    return its && !e->stages ? -1 : 0;
}

static int read_evaluate(struct run_spec *s, size_t i, const struct jnode *obj, const char *dir,
                         struct vac_err *err)
{
    struct evaluate_spec *e = &s->evaluate[i];
    struct spec_keys known = {0};

    spec_keys_rows(&known, evaluate_options);
    spec_keys_own(&known);
    spec_keys_add(&known, "stages");
    if (spec_keys_check(&known, obj, err) || option_defaults(evaluate_options, e, err) ||
        option_read(evaluate_options, obj, e, err) ||
        spec_check_name(obj, e->name, i, evaluate_name_at, s, err) ||
        read_measure(s, e, obj, dir, err))
        return -1;
    e->seed = s->seed;
    if (read_stage_names(s, e, obj, err))
        return -1;
    return e->answers ? take_stages(s, e, obj, err) : 0;
}

int spec_read_evaluates(struct run_spec *s, const struct jnode *root, const char *dir,
                        struct vac_err *err)
{
    struct jnode list, one;
    size_t n;
    int rc = json_opt(root, "evaluate", JSON_ARRAY, &list, err);

    if (rc)
        return rc < 0 ? -1 : 0;
    if (spec_list(&list, 0, VAC_MAX_EVALS, &n, &one, err))
        return -1;
    s->evaluate = mem_new(n, sizeof *s->evaluate, err);
    if (!s->evaluate)
        return -1;
    s->n_evaluate = n;
    for (; one.v; one.v = one.v->next, one.index++)
        if (read_evaluate(s, one.index, &one, dir, err))
            return -1;
    return 0;
}
