/* spec_measure.c - reads what is measured beside training: "watch" and "evaluate". */
#include <stdlib.h>
#include <string.h>
#include "spec/spec_keys.h"
#include "spec/spec_measure.h"
#include "spec/spec_path.h"
#include "spec/spec_stage.h"
#include "spec/spec_tables.h"
#include "vaccine/vaccine.h"

enum { NAMES_MAX = 256 };

/* ---- What is watched ---- */

/* Judges that cannot work without a key of their own. */
static const struct {
    const char *judge, *key;
} judge_keys[] = {{"model", "judge_model"}, {"command", "command"}};
enum { N_JUDGE_KEYS = sizeof judge_keys / sizeof *judge_keys };

static int check_probes(const struct watch_spec *w, const struct jnode *probes, struct vac_err *err)
{
    struct jnode judge = spec_key(probes, "judge"), phrases = spec_key(probes, "phrases");

    if (!judge_find(w->probes_judge, err))
        return spec_prefix(&judge, err);
    for (size_t i = 0; i < N_JUDGE_KEYS; i++)
        if (!strcmp(w->probes_judge, judge_keys[i].judge))
            return json_error(&judge, err,
                              "\"%s\" needs \"%s\", which probes have not: use \"refusal\"",
                              w->probes_judge, judge_keys[i].key);
    if (w->probes_phrases && strcmp(w->probes_judge, "refusal") != 0)
        return json_error(&phrases, err, "goes with \"judge\": \"refusal\" only");
    return 0;
}

static int read_probes(struct watch_spec *w, const struct jnode *probes, const char *dir,
                       struct vac_err *err)
{
    struct jnode phrases = spec_key(probes, "phrases");

    if (cJSON_IsObject(probes->v) && (option_read(spec_rows_probes, probes, w, err) ||
                                      spec_path(&w->probes_phrases, PATH_FILE, &phrases, dir, err)))
        return -1;
    return check_probes(w, probes, err);
}

static int read_watched(struct watch_spec *w, const struct spec_watched *k, const struct jnode *obj,
                        const char *dir, struct vac_err *err)
{
    struct jnode n;
    int rc = json_opt(obj, k->key, JSON_ANY, &n, err);

    if (rc)
        return rc < 0 ? -1 : 0;
    if (spec_read_data((struct data_keys *)((char *)w + k->data), &n, k->more, dir, err))
        return -1;
    *(bool *)((char *)w + k->has) = true;
    return k->more ? read_probes(w, &n, dir, err) : 0;
}

static int check_reference(const struct run_spec *s, const struct jnode *obj, struct vac_err *err)
{
    struct jnode n = spec_key(obj, "drift_reference");

    if (!s->watch.has_drift || s->watch.drift_reference == 0)
        return 0;
    for (size_t i = 0; i < s->n_stages; i++)
        if (s->stage[i].full)
            return json_error(&n, err,
                              "stage \"%s\" trains all weights and keeps no base: use \"start\"",
                              s->stage[i].name);
    return 0;
}

int spec_read_watch(struct run_spec *s, const struct jnode *root, const char *dir,
                    struct vac_err *err)
{
    static const char *const objects[] = {"drift", "align_loss", "harmful_loss", "probes", NULL};
    struct jnode n;
    int rc = json_opt(root, "watch", JSON_OBJECT, &n, err);

    if (rc < 0 || option_defaults(spec_rows_probes, &s->watch, err))
        return -1;
    if (rc > 0)
        return option_defaults(spec_rows_watch, &s->watch, err);
    if (spec_read_object(&n, spec_rows_watch, objects, &s->watch, err))
        return -1;
    for (const struct spec_watched *k = spec_watched; k->key; k++)
        if (read_watched(&s->watch, k, &n, dir, err))
            return -1;
    return check_reference(s, &n, err);
}

/* ---- Evaluations ---- */

static const char *evaluate_name_at(const void *ctx, size_t i)
{
    const struct run_spec *s = ctx;

    return i < s->n_evaluate ? s->evaluate[i].name : NULL;
}

static int check_key_of_judge(const struct evaluate_spec *e, const struct jnode *obj,
                              const char *key, const char *judge, bool needed, struct vac_err *err)
{
    bool of_it = e->judge && !strcmp(e->judge, judge);
    struct jnode n = spec_key(obj, key);

    if (of_it && needed && !spec_has(obj, key))
        return json_error(obj, err, "\"%s\" is missing: the judge \"%s\" needs it", key, judge);
    if (!of_it && spec_has(obj, key))
        return json_error(&n, err, "goes with \"judge\": \"%s\" only", judge);
    return 0;
}

static int check_judge(const struct evaluate_spec *e, const struct jnode *obj, struct vac_err *err)
{
    struct jnode judge = spec_key(obj, "judge"), data = spec_key(obj, "data");

    if (!judge_find(e->judge, err))
        return spec_prefix(&judge, err);
    if (e->data)
        return json_error(&data, err, "goes with \"metric\": a judge takes \"prompts\"");
    if (!e->prompts)
        return json_error(obj, err, "\"prompts\" is missing: the file whose requests are asked");
    return 0;
}

static int check_metric(const struct evaluate_spec *e, const struct jnode *obj, struct vac_err *err)
{
    struct jnode metric = spec_key(obj, "metric"), prompts = spec_key(obj, "prompts");

    if (strcmp(e->metric, "loss") && !metric_find(e->metric, err))
        return spec_prefix(&metric, err);
    if (e->prompts)
        return json_error(&prompts, err, "goes with \"judge\": a metric takes \"data\"");
    if (!e->data)
        return json_error(obj, err, "\"data\" is missing: the file with questions and answers");
    return 0;
}

static int check_evaluate(const struct evaluate_spec *e, const struct jnode *obj,
                          struct vac_err *err)
{
    struct jnode metric = spec_key(obj, "metric");

    if (e->judge && e->metric)
        return json_error(&metric, err, "excludes \"judge\": give only one of them");
    if (!e->judge && !e->metric)
        return json_error(obj, err,
                          "\"judge\" (with \"prompts\") or \"metric\" (with \"data\") is missing");
    if (e->judge ? check_judge(e, obj, err) : check_metric(e, obj, err))
        return -1;
    for (size_t i = 0; i < N_JUDGE_KEYS; i++)
        if (check_key_of_judge(e, obj, judge_keys[i].key, judge_keys[i].judge, true, err))
            return -1;
    return check_key_of_judge(e, obj, "phrases", "refusal", false, err);
}

static int evaluate_paths(struct evaluate_spec *e, const struct jnode *obj, const char *dir,
                          struct vac_err *err)
{
    const struct {
        const char *key;
        char **path;
        enum spec_path_kind kind;
    } paths[] = {{"prompts", &e->prompts, PATH_FILE},
                 {"data", &e->data, PATH_FILE},
                 {"phrases", &e->phrases, PATH_FILE},
                 {"judge_model", &e->judge_model, PATH_MODEL}};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct jnode n = spec_key(obj, paths[i].key);

        if (spec_path(paths[i].path, paths[i].kind, &n, dir, err))
            return -1;
    }
    return 0;
}

static int check_stage_named(const struct run_spec *s, const struct jnode *n, struct vac_err *err)
{
    const char *name = n->v->valuestring, *near;

    for (size_t i = 0; i < s->n_stages; i++)
        if (!strcmp(s->stage[i].name, name))
            return 0;
    near = err_nearest(name, spec_stage_name, s);
    return json_error(n, err, "there is no stage \"%.80s\"%s%s%s", name,
                      near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static int read_stage_names(const struct run_spec *s, struct evaluate_spec *e,
                            const struct jnode *obj, struct vac_err *err)
{
    struct jnode list, one;
    size_t n;
    int rc = json_opt(obj, "stages", JSON_ARRAY, &list, err);

    if (rc)
        return rc < 0 ? -1 : 0;
    if (spec_list(&list, 1, NAMES_MAX, &n, &one, err))
        return -1;
    e->stages = mem_new(n + 1, sizeof *e->stages, err);
    for (; e->stages && one.v; one.v = one.v->next, one.index++) {
        if (!cJSON_IsString(one.v))
            return json_wrong(&one, "the name of a stage", err);
        if (check_stage_named(s, &one, err))
            return -1;
        e->stages[one.index] = mem_strdup(one.v->valuestring, err);
        if (!e->stages[one.index])
            return -1;
    }
    return e->stages ? 0 : -1;
}

static int read_evaluate(struct run_spec *s, size_t i, const struct jnode *obj, const char *dir,
                         struct vac_err *err)
{
    static const char *const lists[] = {"stages", NULL};
    struct evaluate_spec *e = &s->evaluate[i];

    if (spec_read_object(obj, evaluate_options, lists, e, err) ||
        spec_check_name(obj, e->name, i, evaluate_name_at, s, err) || check_evaluate(e, obj, err) ||
        evaluate_paths(e, obj, dir, err))
        return -1;
    e->seed = s->seed;
    return read_stage_names(s, e, obj, err);
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
