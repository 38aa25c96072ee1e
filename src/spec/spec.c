/* spec.c - reads a run's description and checks it whole: keys, values, paths, and what must go
 * together.
 *
 * An object is read in three steps: its keys must be known, its values are read by its option
 * table, and then come the checks that no table can hold. */
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "data/template.h"
#include "eval/own.h"
#include "spec/spec_attack.h"
#include "spec/spec_guard.h"
#include "spec/spec_json.h"
#include "spec/spec_keys.h"
#include "spec/spec_measure.h"
#include "spec/spec_path.h"
#include "spec/spec_rho.h"
#include "spec/spec_set.h"
#include "spec/spec_stage.h"
#include "spec/spec_tables.h"
#include "spec/spec_until.h"

enum { FILE_LIMIT = 1 << 20 }; /* bytes of a run file */

/* A model with random weights: what it is stands in the file. */
static int read_config(struct run_spec *s, const struct jnode *root, struct vac_err *err)
{
    struct jnode n, model = spec_key(root, "model");
    struct config c = {0};

    if (s->model)
        return json_error(&model, err,
                          "\"init\": \"random\" takes no weights from a model: leave this "
                          "key out, or \"init\"; a tokenizer can be given as \"tokenizer\"");
    if (json_get(root, "config", JSON_OBJECT, &n, err))
        return -1;
    if (config_from(&c, &n, err)) {
        config_done(&c);
        return -1;
    }
    config_done(&c);
    s->config = json_copy(n.v, err);
    return s->config ? 0 : -1;
}

/* A name that is not built in is a file. */
static int read_template(struct run_spec *s, const struct jnode *n, const char *dir,
                         struct vac_err *err)
{
    char *path = path_join(dir, s->template_name, err);
    int rc = path ? 0 : -1;

    if (path && template_check(path, NULL))
        rc = template_check(s->template_name, err) ? spec_prefix(n, err) : 0;
    if (rc == 0) {
        free(s->template_name);
        s->template_name = path;
        path = NULL;
    }
    free(path);
    return rc;
}

static int read_model(struct run_spec *s, const struct jnode *root, const char *dir,
                      struct vac_err *err)
{
    struct jnode model = spec_key(root, "model"), config = spec_key(root, "config"),
                 tokenizer = spec_key(root, "tokenizer"), template = spec_key(root, "template"),
                 today = spec_key(root, "today");
    char now[32];

    if (s->template_name && !template_find(s->template_name, NULL) &&
        read_template(s, &template, dir, err))
        return -1;
    if (s->today && template_check_day(s->today, err))
        return spec_prefix(&today, err);
    template_now(now);
    if (!s->today && !(s->today = mem_strndup(now, 10, err)))
        return -1;
    if (spec_path(&s->tokenizer, PATH_FOLDER, &tokenizer, dir, err))
        return -1;
    s->init_random = s->init == 1;
    if (s->init_random)
        return read_config(s, root, err);
    if (spec_has(root, "config"))
        return json_error(&config, err, "goes with \"init\": \"random\" only");
    if (!s->model)
        return json_error(root, err,
                          "\"model\" is missing (a folder, or a name in the Hugging Face "
                          "cache; or \"init\": \"random\" with \"config\")");
    return spec_path(&s->model, PATH_MODEL, &model, dir, err);
}

static int read_root(struct run_spec *s, const struct jnode *root, const char *dir,
                     struct vac_err *err)
{
    static const char *const objects[] = {"config", "stages",   "checkpoint", "watch",
                                          "attack", "evaluate", "guards",     NULL};
    struct jnode checkpoint, stages, first, lora;
    int rc;

    if (!cJSON_HasObjectItem(root->v, "stages") && cJSON_HasObjectItem(root->v, "attacks"))
        return json_error(root, err,
                          "it describes attacks on a run: vaccine attack RUN_DIR --battery FILE");
    if (spec_read_object(root, spec_rows_top, objects, s, err) || read_model(s, root, dir, err) ||
        spec_read_stages(s, root, dir, err))
        return -1;
    if (s->init_random && !s->stage[0].full) { /* adapters on random weights learn nothing */
        stages = spec_key(root, "stages");
        first = (struct jnode){.v = stages.v->child, .up = &stages, .file = root->file};
        lora = spec_key(&first, "lora");
        return json_error(&lora, err,
                          "a random model is first trained whole: write \"lora\": null");
    }
    rc = json_opt(root, "checkpoint", JSON_OBJECT, &checkpoint, err);
    if (rc == 0)
        rc = spec_read_object(&checkpoint, spec_rows_checkpoint, NULL, &s->checkpoint, err);
    else if (rc > 0) /* absent or null: the defaults */
        rc = option_defaults(spec_rows_checkpoint, &s->checkpoint, err);
    if (rc || spec_read_watch(s, root, dir, err) || spec_read_evaluates(s, root, dir, err) ||
        spec_read_attack(s, root, dir, err) || spec_read_until(s, root, err) ||
        spec_read_guards(s, root, err) || spec_read_rho(s, root, err))
        return -1;
    s->json = spec_json(s, err);
    return s->json ? 0 : -1;
}

/* A list of names in the place of one text, "a,b"; NULL when it is no list of texts. */
static char *joined(const cJSON *list)
{
    struct strbuf b = {0};

    if (!cJSON_IsArray(list) || !list->child)
        return NULL;
    for (const cJSON *v = list->child; v; v = v->next) {
        if (!cJSON_IsString(v)) {
            sb_done(&b);
            return NULL;
        }
        sb_printf(&b, "%s%s", b.len ? "," : "", v->valuestring);
    }
    if (b.bad)
        sb_done(&b);
    return b.s;
}

/* "targets" may be a list; the table knows it as one text. What is no list of names is left to the
 * table, which refuses it. */
static int join_targets(cJSON *doc, struct vac_err *err)
{
    cJSON *stage = cJSON_GetObjectItemCaseSensitive(doc, "stages");
    int rc;

    for (stage = cJSON_IsArray(stage) ? stage->child : NULL; stage; stage = stage->next) {
        cJSON *lora = cJSON_GetObjectItemCaseSensitive(stage, "lora");
        char *all = joined(cJSON_GetObjectItemCaseSensitive(lora, "targets"));

        if (!all)
            continue;
        rc = json_add(lora, "targets", cJSON_CreateString(all), err);
        free(all);
        if (rc)
            return -1;
    }
    return 0;
}

/* As if set[without] had not been said; without = n_set leaves out none. */
static int read_file(struct run_spec *s, const char *file, const char *const *set, size_t n_set,
                     size_t without, struct vac_err *err)
{
    cJSON *doc = json_read(file, FILE_LIMIT, err), *spec;
    struct jnode root;
    char *dir = NULL, *real = NULL;
    int rc = -1;

    memset(s, 0, sizeof *s);
    if (!doc)
        return -1;
    /* the description is the document, or a member of a run folder's run.json */
    spec = cJSON_GetObjectItemCaseSensitive(doc, "spec");
    root =
        json_root(cJSON_IsObject(spec) && cJSON_HasObjectItem(doc, "vaccine") ? spec : doc, file);
    if (!cJSON_IsObject(root.v)) {
        json_wrong(&root, "an object {...}", err);
        goto out;
    }
    for (size_t i = 0; i < n_set; i++)
        if (i != without && spec_set((cJSON *)root.v, set[i], err))
            goto out;
    /* without symbolic links, so that the paths hold wherever they are used */
    dir = path_dir(file, err);
    real = dir ? realpath(dir, NULL) : NULL;
    if (dir && !real)
        err_errno(err, "%s: cannot find its folder", file);
    if (real && join_targets((cJSON *)root.v, err) == 0 && read_root(s, &root, real, err) == 0)
        rc = (s->file = path_join(real, path_base(file), err)) ? 0 : -1;
out:
    free(dir);
    free(real);
    cJSON_Delete(doc);
    if (rc)
        spec_done(s);
    return rc;
}

void spec_blame_file(struct vac_err *err)
{
    if (err && err->code == VAC_ERR_USAGE)
        err->code = VAC_ERR_FORMAT;
}

/* Whether the file reads, or fails otherwise than with `err`, without set[without]: 1, 0 = it fails as
 * before, 2 = it reads. */
static int fails_otherwise(const char *file, const char *const *set, size_t n_set, size_t without,
                           const struct vac_err *err)
{
    struct vac_err other = {0};
    struct run_spec s;

    if (read_file(&s, file, set, n_set, without, &other) == 0) {
        spec_done(&s);
        return 2;
    }
    return strcmp(err->msg, other.msg) != 0;
}

/* Whether the message, behind the name of the file, is of the key of an override. */
static bool is_of(const char *says, const char *set)
{
    size_t n = strcspn(set, "=");

    return !strncmp(says, set, n) && says[n] == ':';
}

/* Says which override it is: the one without which the file reads, or the only one without which it
 * fails otherwise. The name of the file, in which the fault is not, goes. A file that has a fault of its own
 * (not `sound`) may have this one, too: what an override does away with can stand before it. */
static void blame_set(const char *file, const char *const *set, size_t n_set, bool sound,
                      struct vac_err *err)
{
    size_t n = strlen(file), at = 0;
    bool named = !strncmp(err->msg, file, n) && !strncmp(err->msg + n, ": ", 2);
    const char *says = err->msg + (named ? n + 2 : 0);
    int otherwise = 0, found = 0;

    if (!strncmp(err->msg, "--set ", 6)) {
        err->code = VAC_ERR_USAGE;
        return;
    }
    for (size_t i = 0; i < n_set && otherwise < 2; i++) {
        otherwise = fails_otherwise(file, set, n_set, i, err);
        if (otherwise)
            at = i;
        found = otherwise == 2 ? 1 : found + otherwise;
    }
    if (!sound && otherwise < 2 && !(found == 1 && is_of(says, set[at])))
        return;
    err->code = VAC_ERR_USAGE;
    memmove(err->msg, says, strlen(says) + 1);
    if (found == 1)
        err_prefix(err, "--set %.100s", set[at]);
    else
        err_prefix(err, "--set");
}

int spec_read(struct run_spec *s, const char *file, const char *const *set, size_t n_set,
              struct vac_err *err)
{
    int rc = read_file(s, file, set, n_set, n_set, err), alone;

    if (rc == 0 || !err)
        return rc;
    spec_blame_file(err);
    /* the overrides are to blame for what the file alone does not fail with */
    if (n_set > 0 && err->code != VAC_ERR_MEMORY &&
        (alone = fails_otherwise(file, NULL, 0, 0, err)) != 0)
        blame_set(file, set, n_set, alone == 2, err);
    return rc;
}

int spec_from(struct run_spec *s, const struct jnode *root, const char *dir, struct vac_err *err)
{
    struct jnode n;
    int rc = -1;

    memset(s, 0, sizeof *s);
    if (json_get(root, "spec", JSON_OBJECT, &n, err) == 0 && read_root(s, &n, dir, err) == 0)
        rc = (s->file = mem_strdup("", err)) ? 0 : -1;
    if (rc) {
        spec_blame_file(err);
        spec_done(s);
    }
    return rc;
}

/* ---- Giving back ---- */

void spec_done(struct run_spec *s)
{
    struct own_keys own;

    for (size_t j = 0; j < s->n_stages; j++) {
        struct stage_spec *st = &s->stage[j];

        for (size_t k = 0; k < st->n_streams; k++) {
            for (size_t i = 0; i < st->stream[k].n; i++)
                option_free(spec_rows_data, &st->stream[k].file[i]);
            free(st->stream[k].file);
        }
        if (st->method && st->method->options)
            option_free(st->method->options, st->options);
        free(st->options);
        option_free(spec_rows_lora, &st->lora);
        option_free(spec_rows_rho, &st->rho_control);
        option_free(spec_rows_rho_schedule, &st->rho_schedule);
        option_free(spec_rows_stage, st);
    }
    for (size_t i = 0; i < s->n_evaluate; i++)
        evaluate_spec_done(&s->evaluate[i]);
    for (size_t i = 0; i < s->n_guards; i++)
        guard_spec_done(&s->guard[i]);
    free(s->guard);
    if (own_of(s->watch.probes_judge, NULL, &own, NULL))
        own_free(&own, s->watch.probes_options);
    for (const struct spec_watched *k = spec_watched; k->key; k++) {
        option_free(spec_rows_data, (char *)&s->watch + k->data);
        if (k->more)
            option_free(k->more, &s->watch);
    }
    option_free(spec_rows_watch, &s->watch);
    option_free(spec_rows_attack, &s->attack);
    option_free(spec_rows_top, s);
    free(s->stage);
    free(s->evaluate);
    free(s->file);
    cJSON_Delete(s->config);
    cJSON_Delete(s->json);
    memset(s, 0, sizeof *s);
}
