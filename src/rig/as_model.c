/* as_model.c - see as_model.h */
#include "rig/as_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/hash.h"
#include "spec/spec_keys.h"
#include "record/folder.h"
#include "record/state.h"
#include "record/moved.h"
#include "spec/spec.h"
#include "weights/gguf.h"

enum { STAGES_MAX = 256 };

/* What run.json says of the stages. */
struct stage_shape {
    const char *name;
    bool full, same;
};
struct history {
    char *dir; /* of the run */
    char *file;
    cJSON *doc;
    struct jnode root, spec;
    struct stage_shape stage[STAGES_MAX];
    size_t n;
};

static void history_done(struct history *h)
{
    cJSON_Delete(h->doc);
    free(h->file);
    free(h->dir);
}

static int read_stages(struct history *h, struct vac_err *err)
{
    struct jnode list, one;

    if (json_get(&h->spec, "stages", JSON_ARRAY, &list, err))
        return -1;
    if (json_count(&list) == 0 || json_count(&list) > STAGES_MAX)
        return json_error(&list, err, "expected 1 to %d stages", STAGES_MAX);
    for (const cJSON *v = list.v->child; v; v = v->next, h->n++) {
        struct stage_shape *s = &h->stage[h->n];
        const char *adapter = "new";
        one = (struct jnode){.v = v, .up = &list, .file = list.file, .index = h->n};
        if (json_str(&one, "name", &s->name, err) || json_opt_str(&one, "adapter", &adapter, err))
            return -1;
        if (!spec_name_is_valid(s->name))
            return json_error(&one, err, "\"%.80s\" is no name of a stage", s->name);
        s->full = cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(v, "lora"));
        s->same = !s->full && !strcmp(adapter, "same");
    }
    return 0;
}

/* Takes dir. */
static int history_read(struct history *h, char *dir, struct vac_err *err)
{
    struct moved moved = {.n_set = 0};

    *h = (struct history){.dir = dir, .file = path_join(dir, "run.json", err)};
    h->doc = h->file ? moved_read(dir, &moved, err) : NULL;
    moved_done(&moved);
    if (!h->doc)
        return -1;
    h->root = json_root(h->doc, h->file);
    return json_get(&h->root, "spec", JSON_OBJECT, &h->spec, err) || read_stages(h, err) ? -1 : 0;
}

/* --- what it is made of --- */

static int copy_text(char **to, const char *text, struct vac_err *err)
{
    *to = text ? mem_strdup(text, err) : NULL;
    return !text || *to ? 0 : -1;
}

/* Folder NAME of the run. */
static char *below(const struct history *h, const char *where, const char *name,
                   struct vac_err *err)
{
    char rest[160];

    snprintf(rest, sizeof rest, "%s%.128s", where, name);
    return path_join(h->dir, rest, err);
}

static int push_adapter(struct run_model *x, char *dir)
{
    if (!dir)
        return -1;
    x->adapter[x->n++] = dir;
    return 0;
}

/* The model that the run began with must be the one that is there now: what is said of a run would
 * be said of another model. */
static int check_base(const struct history *h, const char *base, struct vac_err *err)
{
    struct jnode model;
    const char *want;
    char have[65];

    if (json_get(&h->root, "model", JSON_OBJECT, &model, err) ||
        json_str(&model, "hash", &want, err))
        return -1;
    if (!dir_exists(base) && !gguf_is(base))
        return err_set(err, VAC_ERR_IO,
                       "%s: its model %s is not there: name the base yourself, with --adapter for "
                       "each of the run's adapters",
                       h->dir, base);
    if (hash_model(base, have, err))
        return -1;
    if (strcmp(want, have))
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: its model %s has changed since the run began: name the base yourself, "
                       "with --adapter for each of the run's adapters",
                       h->dir, base);
    return 0;
}

/* Without any stage that trained all weights. */
static int base_of_spec(const struct history *h, struct run_model *x, struct vac_err *err)
{
    struct jnode config;
    const char *model = NULL;
    int rc;

    if (json_opt_str(&h->spec, "model", &model, err))
        return -1;
    if (model)
        return check_base(h, model, err) ? -1 : copy_text(&x->base, model, err);
    rc = json_opt(&h->spec, "config", JSON_OBJECT, &config, err);
    if (rc)
        return rc < 0 ? -1 : json_error(&h->spec, err, "has neither a \"model\" nor a \"config\"");
    x->config = json_copy(config.v, err);
    return x->config ? 0 : -1;
}

/* The lowest part: the last stage before the moment that trained all weights, or the run's model.
 */
static int find_base(const struct history *h, const struct saved *at, size_t *first,
                     struct run_model *x, struct vac_err *err)
{
    char step[32];
    bool within = at->step >= 0 && h->stage[at->stage].full;

    *first = 0;
    for (size_t i = 0; i < at->stage + (at->step < 0); i++)
        *first = h->stage[i].full ? i + 1 : *first;
    x->trained_base = within || *first > 0;
    if (*first == 0 && base_of_spec(h, x, err))
        return -1;
    if (*first > 0 && !(x->base = below(h, "stages/", h->stage[*first - 1].name, err)))
        return -1;
    if (!within)
        return 0;
    snprintf(step, sizeof step, "%lld", at->step);
    x->weights = below(h, "checkpoint-", step, err);
    *first = at->stage + 1; /* it holds all that lay beneath */
    return x->weights ? 0 : -1;
}

static int find_adapters(const struct history *h, const struct saved *at, size_t first,
                         struct run_model *x, struct vac_err *err)
{
    char step[32];

    x->adapter = mem_new(h->n, sizeof *x->adapter, err);
    if (!x->adapter)
        return -1;
    for (size_t i = first; i <= at->stage; i++) {
        if (i < at->stage && h->stage[i + 1].same)
            continue; /* the next stage's adapter is a newer state of this one */
        if (i == at->stage && at->step >= 0)
            break;
        if (push_adapter(x, below(h, "stages/", h->stage[i].name, err)))
            return -1;
    }
    if (at->step < 0 || first > at->stage)
        return 0;
    snprintf(step, sizeof step, "%lld", at->step);
    return push_adapter(x, below(h, "checkpoint-", step, err));
}

static int fill(const struct history *h, const struct saved *at, struct run_model *x,
                struct vac_err *err)
{
    const char *tokenizer = NULL, *template_name = NULL, *system = NULL, *today = NULL;
    char what[96];
    size_t first;

    x->max_length = INT32_MAX;
    if (json_opt_str(&h->spec, "tokenizer", &tokenizer, err) ||
        json_opt_str(&h->spec, "template", &template_name, err) ||
        json_opt_str(&h->spec, "system", &system, err) ||
        json_opt_str(&h->spec, "today", &today, err) ||
        json_opt_int(&h->spec, "max_length", 1, INT32_MAX, &x->max_length, err))
        return -1;
    if (at->step >= 0)
        snprintf(what, sizeof what, "checkpoint-%lld", at->step);
    else
        snprintf(what, sizeof what, "stages/%.64s", h->stage[at->stage].name);
    return copy_text(&x->tokenizer, tokenizer, err) ||
                   copy_text(&x->template_name, template_name, err) ||
                   copy_text(&x->system, system, err) || copy_text(&x->today, today, err) ||
                   copy_text(&x->at, what, err) || find_base(h, at, &first, x, err) ||
                   find_adapters(h, at, first, x, err)
               ? -1
               : 0;
}

/* --- names --- */

/* The run and the moment that a name means; *dir is NULL when it means none. RUN/final and others
 * as they stand in a run folder are meant by what they hold: an adapter, and no whole model. */
static int split(const char *name, char **dir, char **at, struct vac_err *err)
{
    char *copy = mem_strdup(name, err), *cut, *config = NULL;
    size_t n;
    int rc = copy ? 0 : -1;

    *dir = *at = NULL;
    for (n = copy ? strlen(copy) : 0; n > 1 && copy[n - 1] == '/';)
        copy[--n] = '\0';
    if (rc == 0 && dir_exists(copy) && folder_holds_run(copy, NULL) > 0) {
        *dir = copy;
        return 0;
    }
    if (rc == 0 && (cut = strrchr(copy, '@')) && !dir_exists(copy)) {
        *cut = '\0';
        if (dir_exists(copy) && folder_holds_run(copy, NULL) > 0) {
            *at = mem_strdup(cut + 1, err);
            *dir = copy;
            return *at ? 0 : -1;
        }
        *cut = '@';
    }
    config = rc == 0 ? path_join(copy, "config.json", err) : NULL;
    if (config && dir_exists(copy) && !file_exists(config)) {
        char *real = realpath(copy, NULL), *up = real ? path_dir(real, err) : NULL;
        char *up2 = up ? path_dir(up, err) : NULL;
        const char *base = real ? path_base(real) : "";
        if (up && folder_holds_run(up, NULL) > 0 && !strcmp(base, "final")) {
            *dir = mem_strdup(up, err);
        } else if (up && folder_holds_run(up, NULL) > 0 && !strncmp(base, "checkpoint-", 11)) {
            *dir = mem_strdup(up, err);
            *at = mem_strdup(base + 11, err);
        } else if (up2 && !strcmp(path_base(up), "stages") && folder_holds_run(up2, NULL) > 0) {
            *dir = mem_strdup(up2, err);
            *at = mem_strdup(base, err);
        }
        free(up);
        free(up2);
        free(real);
    }
    rc = config ? 0 : -1;
    free(config);
    free(copy);
    return rc;
}

int run_model_find(struct run_model *out, const char *name, struct vac_err *err)
{
    struct history h;
    const char *names[STAGES_MAX];
    struct saved moment = {0};
    char *dir, *at;
    int rc = -1;

    *out = (struct run_model){0};
    if (split(name, &dir, &at, err)) {
        free(dir);
        return -1;
    }
    if (!dir) {
        free(at);
        return 1;
    }
    if (history_read(&h, dir, err))
        goto out;
    for (size_t i = 0; i < h.n; i++)
        names[i] = h.stage[i].name;
    if (state_saved_find(h.dir, names, h.n, at, &moment, err))
        goto out;
    out->unfinished = moment.unfinished;
    rc = fill(&h, &moment, out, err);
out:
    history_done(&h);
    free(at);
    if (rc)
        run_model_done(out);
    return rc;
}

void run_model_done(struct run_model *x)
{
    for (size_t i = 0; i < x->n; i++)
        free(x->adapter[i]);
    free(x->adapter);
    free(x->base);
    free(x->weights);
    free(x->tokenizer);
    free(x->template_name);
    free(x->system);
    free(x->today);
    free(x->at);
    cJSON_Delete(x->config);
    *x = (struct run_model){0};
}
