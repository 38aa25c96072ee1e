/* setup.c - everything a run needs before its first stage: description, model, tokenizer, watched
 * data. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/products.h"
#include "compute/selfcheck.h"
#include "record/late.h"
#include "run/trainer.h"

/* A run goes on with the products that it began with, where they can be had. Runs of before there
 * was a choice know no more than the name of their BLAS. */
static int recorded_products(const struct trainer *t, const char **name, struct vac_err *err)
{
    struct jnode root = json_root(t->began, "run.json");
    const char *blas = NULL;

    *name = NULL;
    if (json_opt_str(&root, "products", name, err) || json_opt_str(&root, "blas", &blas, err))
        return -1;
    if (!*name && blas)
        *name = "openblas";
    if (*name && !products_find(*name, NULL))
        *name = NULL; /* compare_machines tells */
    return 0;
}

static int open_compute(struct trainer *t, struct vac_err *err)
{
    const char *products = t->spec.products;

    if (t->began && recorded_products(t, &products, err))
        return -1;
    t->c = compute_open("cpu", (int)t->spec.threads, products, err);
    if (!t->c || selfcheck_products(t->c->products, err))
        return -1;
    t->spec.threads = t->c->threads;
    return 0;
}

static int open_model(struct trainer *t, struct vac_err *err)
{
    struct jnode root;

    if (t->spec.init_random) {
        root = json_root(t->spec.config, "config");
        t->m = model_random(&root, t->spec.seed, t->c, err);
    } else {
        t->m = model_open(t->spec.model, t->c, err);
    }
    if (!t->m)
        return -1;
    if (model_config(t->m)->n_labels)
        return err_set(err, VAC_ERR_UNSUPPORTED, "%s: a sequence classifier cannot be trained",
                       t->spec.model);
    return 0;
}

static const char *tokenizer_dir(const struct trainer *t)
{
    return t->spec.tokenizer ? t->spec.tokenizer : t->spec.model;
}

/* A folder without tokenizer.json is fine as long as nothing reads or shows text. */
static int open_tokenizer(struct trainer *t, struct vac_err *err)
{
    char *path;
    bool there;

    if (!tokenizer_dir(t))
        return 0;
    path = path_join(tokenizer_dir(t), "tokenizer.json", err);
    there = path && file_exists(path);
    free(path);
    if (!there && !t->spec.tokenizer)
        return 0;
    t->tok = tokenizer_open(tokenizer_dir(t), err);
    return t->tok ? 0 : -1;
}

static int make_encoder(struct trainer *t, struct vac_err *err)
{
    const struct config *c = model_config(t->m);

    t->enc = (struct encoder){.tok = t->tok,
                              .max_length = (size_t)t->spec.max_length,
                              .vocab = c->V,
                              .context = c->max_pos,
                              .eos = stops_eos(t->m, t->tok)};
    t->enc.tmpl = template_find(t->spec.template_name, err);
    if (!t->enc.tmpl)
        return -1;
    if (t->enc.max_length > c->max_pos)
        return err_set(err, VAC_ERR_USAGE,
                       "max_length: the model reads at most %zu tokens, found %lld", c->max_pos,
                       (long long)t->spec.max_length);
    return stops_collect(&t->stops, t->m, &t->enc, err);
}

/* --- watched data --- */

static int load_set(struct trainer *t, struct dataset *d, const struct data_keys *k, bool wanted,
                    const char *key, struct vac_err *err)
{
    struct dataset_spec spec = {.file = k->file,
                                .skip = (size_t)k->skip,
                                .take = (size_t)k->take,
                                .harmful = k->harmful,
                                .repeat = k->repeat,
                                .drawn = !k->from,
                                .seed = t->spec.seed};

    if (!wanted)
        return 0;
    if (dataset_add(d, &spec, &t->enc, err) == 0 && d->n > 0)
        return 0;
    if (err->code == 0)
        err_set(err, VAC_ERR_FORMAT, "no sample keeps a label within max_length");
    err_prefix(err, "watch.%s", key);
    return -1;
}

static int load_suite(struct trainer *t, struct vac_err *err)
{
    const struct watch_spec *w = &t->spec.watch;
    struct suite *s = &t->suite;
    struct dataset_spec chosen = {.skip = (size_t)w->probes.skip,
                                  .take = (size_t)w->probes.take,
                                  .drawn = !w->probes.from,
                                  .seed = t->spec.seed};

    s->kind = judge_find(w->probes_judge, err);
    s->judge = s->kind ? s->kind->open(w->probes_options, t->c, err) : NULL;
    if (!s->judge)
        return -1;
    if (!w->has_probes)
        return 0;
    if (!t->tok)
        return err_set(err, VAC_ERR_USAGE,
                       "watch.probes: the model has no tokenizer.json: nothing can be asked");
    if (rows_read(&s->rows, w->probes.file, NULL, NULL, err) ||
        rows_choose(&s->rows, &chosen, err)) {
        err_prefix(err, "watch.probes");
        return -1;
    }
    s->prompt = mem_new(s->rows.n, sizeof *s->prompt, err);
    s->verdict = mem_new(s->rows.n, sizeof *s->verdict, err);
    for (size_t i = 0; s->prompt && s->verdict && i < s->rows.n; i++) {
        const struct row *r = &s->rows.row[i];
        size_t n = r->n_turn;
        while (n && r->turn[n - 1].role == ROLE_ASSISTANT)
            n--;
        s->verdict[i] = -1;
        if (n == 0 || encode_prompt(&t->enc, r->turn, n, &s->prompt[i], err)) {
            if (n == 0)
                err_set(err, VAC_ERR_FORMAT, "%s:%zu: has no user turn to ask", w->probes.file,
                        r->line);
            err_prefix(err, "watch.probes");
            return -1;
        }
    }
    return s->prompt && s->verdict ? 0 : -1;
}

static void close_evaluations(struct trainer *t)
{
    for (size_t i = 0; t->eval && i < t->spec.n_evaluate; i++)
        evaluation_close(t->eval[i]);
    free(t->eval);
    t->eval = NULL;
}

int trainer_evaluations(struct trainer *t, struct vac_err *err)
{
    close_evaluations(t);
    if (t->spec.n_evaluate > VAC_MAX_EVALS)
        return err_set(err, VAC_ERR_USAGE, "evaluate: at most %d entries, found %zu", VAC_MAX_EVALS,
                       t->spec.n_evaluate);
    t->eval = mem_new(t->spec.n_evaluate, sizeof *t->eval, err);
    for (size_t i = 0; t->eval && i < t->spec.n_evaluate; i++) {
        t->eval[i] = evaluation_open(&t->spec.evaluate[i], &t->enc, t->m, err);
        if (!t->eval[i]) {
            err_prefix(err, "evaluate[%zu]", i);
            return -1;
        }
    }
    return t->eval ? 0 : -1;
}

static void first_snapshot(struct trainer *t)
{
    struct vac_snapshot *s = control_writing(t->ctl);
    const char *model = t->spec.model ? path_base(t->spec.model) : "random";

    snprintf(s->model, sizeof s->model, "%s", model);
    point_clear(&s->last);
    layers_clear(&s->layers);
    s->drift_step = s->checkpoint_step = -1;
    s->n_evals = (int)t->spec.n_evaluate;
    for (size_t i = 0; i < t->spec.n_evaluate; i++) {
        const struct evaluate_spec *e = &t->spec.evaluate[i];
        s->eval[i] = (struct vac_eval){.step = -1,
                                       .value = NAN,
                                       .lo = NAN,
                                       .hi = NAN,
                                       .is_rate = evaluation_is_rate(t->eval[i])};
        snprintf(s->eval[i].name, sizeof s->eval[i].name, "%s", e->name);
    }
}

/* Adds what a judge takes; `seen` are the folders of the ones before, whose weights are mapped once. */
static int add_judge(struct trainer *t, const char *judge, const void *options, const char **seen,
                     size_t *n, struct vac_err *err)
{
    struct judge_memory x = {0};
    const struct judge *j = judge ? judge_find(judge, err) : NULL;
    bool shared = false;

    if (!j || !j->memory)
        return judge && !j ? -1 : 0;
    if (j->memory(options, t->c, &x, err))
        return -1;
    for (size_t k = 0; x.model && k < *n; k++)
        shared |= !strcmp(seen[k], x.model);
    if (x.model)
        seen[(*n)++] = x.model;
    t->judge_bytes += x.own + (shared ? 0 : x.mapped);
    return 0;
}

/* Judges' models lie in memory beside the model, from before the first stage to the end. */
static int judges_memory(struct trainer *t, struct vac_err *err)
{
    const struct evaluate_spec *e = t->spec.evaluate;
    const char *seen[VAC_MAX_EVALS + 1];
    size_t n = 0;

    if (add_judge(t, t->spec.watch.probes_judge, t->spec.watch.probes_options, seen, &n, err))
        return err_prefix(err, "watch.probes");
    for (size_t i = 0; i < t->spec.n_evaluate; i++) {
        if (add_judge(t, e[i].judge, e[i].options, seen, &n, err))
            return err_prefix(err, "evaluate[%zu]", i);
    }
    return 0;
}

static int open_parts(struct trainer *t, struct vac_err *err)
{
    const struct watch_spec *w = &t->spec.watch;

    if (open_compute(t, err) || open_model(t, err) || open_tokenizer(t, err) ||
        make_encoder(t, err))
        return -1;
    t->drift_rel = mem_new(2 * model_config(t->m)->L, sizeof *t->drift_rel, err);
    if (!t->drift_rel || load_set(t, &t->drift_set, &w->drift, w->has_drift, "drift", err) ||
        load_set(t, &t->align_set, &w->align_loss, w->has_align, "align_loss", err) ||
        load_set(t, &t->harmful_set, &w->harmful_loss, w->has_harmful, "harmful_loss", err) ||
        load_suite(t, err) || trainer_evaluations(t, err) || judges_memory(t, err) ||
        stage_totals(t, err))
        return -1;
    return 0;
}

int trainer_open(struct trainer *t, const struct vac_open *o, struct control *ctl,
                 struct vac_err *err)
{
    t->how = *o;
    t->ctl = ctl;
    t->saved_step = -1;
    t->pins = cJSON_CreateObject();
    if (!t->pins)
        return err_set(err, VAC_ERR_MEMORY, "out of memory");
    t->paused = o->paused;
    if (o->paused)
        snprintf(t->pause_reason, sizeof t->pause_reason, "waiting to start");
    if (o->resume && late_check(o->file, o->out, o->set, o->n_set, err))
        return -1;
    if (open_parts(t, err)) {
        spec_blame_file(err);
        return -1;
    }
    first_snapshot(t);
    return 0;
}

void trainer_close(struct trainer *t)
{
    stage_close(t);
    close_evaluations(t);
    if (t->suite.judge)
        t->suite.kind->close(t->suite.judge);
    for (size_t i = 0; t->suite.prompt && i < t->suite.rows.n; i++)
        ids_done(&t->suite.prompt[i]);
    free(t->suite.prompt);
    free(t->suite.verdict);
    rows_done(&t->suite.rows);
    dataset_done(&t->drift_set);
    dataset_done(&t->align_set);
    dataset_done(&t->harmful_set);
    tokenizer_free(t->tok);
    model_close(t->m);
    compute_close(t->c);
    cJSON_Delete(t->resume.json);
    cJSON_Delete(t->pins);
    cJSON_Delete(t->began);
    free(t->drift_rel);
    free(t->stage_total);
    free(t->counts);
    folder_close(&t->folder);
    script_done(&t->script);
    spec_done(&t->spec);
}
