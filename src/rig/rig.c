/* rig.c - see rig.h */
#include "rig/rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/products.h"
#include "compute/selfcheck.h"
#include "judge/opening.h"
#include "judge/judge.h"

/* A run goes on with the products that it began with, where they can be had. Runs of before there
 * was a choice know no more than the name of their BLAS. */
static int recorded_products(const cJSON *began, const char **name, struct vac_err *err)
{
    struct jnode root = json_root(began, "run.json");
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

static int open_compute(struct rig *rig, const cJSON *began, struct vac_err *err)
{
    const char *products = rig->spec.products;

    if (began && recorded_products(began, &products, err))
        return -1;
    rig->c = compute_open_in("cpu", (int)rig->spec.threads, products, rig->spec.precision, err);
    if (!rig->c || selfcheck_products(rig->c->products, err))
        return -1;
    rig->spec.threads = rig->c->threads;
    return 0;
}

static int open_model(struct rig *rig, struct vac_err *err)
{
    struct jnode root;

    if (rig->spec.init_random) {
        root = json_root(rig->spec.config, "config");
        rig->m = model_random(&root, rig->spec.seed, rig->c, err);
    } else {
        rig->m = model_open(rig->spec.model, rig->c, err);
    }
    if (!rig->m)
        return -1;
    if (model_config(rig->m)->n_labels)
        return err_set(err, VAC_ERR_UNSUPPORTED, "%s: a sequence classifier cannot be trained",
                       rig->spec.model);
    return 0;
}

static const char *tokenizer_dir(const struct rig *rig)
{
    return rig->spec.tokenizer ? rig->spec.tokenizer : rig->spec.model;
}

/* A folder without tokenizer.json is fine as long as nothing reads or shows text. */
static int open_tokenizer(struct rig *rig, struct vac_err *err)
{
    const char *dir = tokenizer_dir(rig);

    if (!dir || (!tokenizer_there(dir) && !rig->spec.tokenizer))
        return 0;
    rig->tok = tokenizer_open(dir, err);
    return rig->tok ? opening_tokens(rig->tok, model_config(rig->m)->V, &rig->openings, err) : -1;
}

static int make_encoder(struct rig *rig, struct vac_err *err)
{
    const struct config *c = model_config(rig->m);

    rig->enc = (struct encoder){.tok = rig->tok,
                                .max_length = (size_t)rig->spec.max_length,
                                .vocab = c->V,
                                .context = c->max_pos,
                                .eos = stops_eos(rig->m, rig->tok)};
    rig->enc.system = rig->spec.system;
    rig->enc.tmpl =
        template_open(rig->spec.template_name, "alpaca", rig->tok, rig->spec.today, err);
    if (!rig->enc.tmpl)
        return -1;
    if (rig->enc.max_length > c->max_pos)
        return err_set(err, VAC_ERR_USAGE,
                       "max_length: the model reads at most %zu tokens, found %lld", c->max_pos,
                       (long long)rig->spec.max_length);
    return stops_collect(&rig->stops, rig->m, &rig->enc, err);
}

/* --- watched data --- */

static int load_set(struct rig *rig, struct dataset *d, const struct data_keys *k, bool wanted,
                    const char *key, struct vac_err *err)
{
    struct dataset_spec spec = {.file = k->file,
                                .skip = (size_t)k->skip,
                                .take = (size_t)k->take,
                                .harmful = k->harmful,
                                .repeat = k->repeat,
                                .skip_odd = k->odd,
                                .drawn = !k->from,
                                .seed = rig->spec.seed};

    if (!wanted)
        return 0;
    if (dataset_add(d, &spec, &rig->enc, err) == 0 && d->n > 0)
        return 0;
    if (err->code == 0)
        err_set(err, VAC_ERR_FORMAT, "no sample keeps a label within max_length");
    err_prefix(err, "watch.%s", key);
    return -1;
}

static bool same_rows(const struct data_keys *a, const struct data_keys *b)
{
    return !strcmp(a->file, b->file) && a->take == b->take && a->skip == b->skip &&
           a->from == b->from && a->harmful == b->harmful && a->repeat == b->repeat;
}

/* Drift and losses are mostly measured on the same rows, which then lie there once. */
static int load_watched(struct rig *rig, struct vac_err *err)
{
    const struct watch_spec *w = &rig->spec.watch;

    rig->align_is_drift = w->has_drift && w->has_align && same_rows(&w->drift, &w->align_loss);
    if (load_set(rig, &rig->drift_set, &w->drift, w->has_drift, "drift", err) ||
        load_set(rig, &rig->align_set, &w->align_loss, w->has_align && !rig->align_is_drift,
                 "align_loss", err) ||
        load_set(rig, &rig->harmful_set, &w->harmful_loss, w->has_harmful, "harmful_loss", err))
        return -1;
    if (rig->align_is_drift)
        rig->align_set = rig->drift_set;
    return 0;
}

static int load_suite(struct rig *rig, struct vac_err *err)
{
    const struct watch_spec *w = &rig->spec.watch;
    struct suite *s = &rig->suite;
    struct dataset_spec chosen = {.skip = (size_t)w->probes.skip,
                                  .take = (size_t)w->probes.take,
                                  .drawn = !w->probes.from,
                                  .seed = rig->spec.seed};

    s->kind = judge_find(w->probes_judge, err);
    s->judge = s->kind ? s->kind->open(w->probes_options, rig->c, err) : NULL;
    if (!s->judge)
        return -1;
    if (!w->has_probes)
        return 0;
    if (!rig->tok)
        return err_set(err, VAC_ERR_USAGE,
                       "watch.probes: the model has no tokenizer.json: nothing can be asked");
    if (rows_read(&s->rows, w->probes.file, NULL, NULL, err) ||
        rows_choose(&s->rows, &chosen, err)) {
        err_prefix(err, "watch.probes");
        return -1;
    }
    s->prompt = mem_new(s->rows.n, sizeof *s->prompt, err);
    s->verdict = mem_new(s->rows.n, sizeof *s->verdict, err);
    s->said = mem_new(s->rows.n, sizeof *s->said, err);
    for (size_t i = 0; s->prompt && s->verdict && s->said && i < s->rows.n; i++) {
        const struct row *r = &s->rows.row[i];
        size_t n = r->n_turn;

        while (n && r->turn[n - 1].role == ROLE_ASSISTANT)
            n--;
        for (size_t k = 0; k < n; k++)
            s->said[i] = r->turn[k].role == ROLE_USER ? r->turn[k].text : s->said[i];
        s->verdict[i] = -1;
        if (!s->said[i])
            err_set(err, VAC_ERR_FORMAT, "%s:%zu: has no user turn to ask", w->probes.file,
                    r->line);
        if (!s->said[i] || encode_prompt(&rig->enc, r->turn, n, &s->prompt[i], err))
            return err_prefix(err, "watch.probes");
    }
    return s->prompt && s->verdict && s->said ? 0 : -1;
}

static void close_evaluations(struct rig *rig)
{
    for (size_t i = 0; rig->eval && i < rig->spec.n_evaluate; i++)
        evaluation_close(rig->eval[i]);
    free(rig->eval);
    rig->eval = NULL;
}

/* As many of its prompts as the refusal direction takes. */
static struct prompt_list refusal_prompts(const struct rig *rig, const struct evaluation *e)
{
    struct prompt_list list = {0};
    size_t most = (size_t)rig->spec.watch.refusal;

    if (e && most)
        list.v = evaluation_prompts(e, &list.n);
    list.n = list.n < most ? list.n : most;
    return list;
}

int rig_evaluations(struct rig *rig, struct vac_err *err)
{
    const struct evaluation *kind = NULL, *harm = NULL;

    close_evaluations(rig);
    if (rig->spec.n_evaluate > VAC_MAX_EVALS)
        return err_set(err, VAC_ERR_USAGE, "evaluate: at most %d entries, found %zu", VAC_MAX_EVALS,
                       rig->spec.n_evaluate);
    rig->eval = mem_new(rig->spec.n_evaluate, sizeof *rig->eval, err);
    for (size_t i = 0; rig->eval && i < rig->spec.n_evaluate; i++) {
        rig->eval[i] = evaluation_open(&rig->spec.evaluate[i], &rig->enc, rig->m, err);
        if (!rig->eval[i]) {
            err_prefix(err, "evaluate[%zu]", i);
            return -1;
        }
    }
    if (!rig->eval)
        return -1;
    for (size_t i = 0; i < rig->spec.n_evaluate; i++)
        for (size_t k = 0; rig->spec.evaluate[i].answers && k < i; k++)
            if (!strcmp(rig->spec.evaluate[k].name, rig->spec.evaluate[i].answers))
                evaluation_set_first(rig->eval[i], rig->eval[k]);
    for (size_t i = 0; i < rig->spec.n_evaluate && !kind; i++)
        kind = evaluation_counts(rig->eval[i], VERDICT_REFUSED) ? rig->eval[i] : NULL;
    for (size_t i = rig->spec.n_evaluate; i > 0; i--)
        if (evaluation_counts(rig->eval[i - 1], VERDICT_ANSWERED)) {
            evaluation_set_kind(rig->eval[i - 1], kind);
            harm = rig->eval[i - 1];
        }
    if (rig->spec.watch.refusal && (!harm || !kind))
        return err_set(
            err, VAC_ERR_USAGE,
            "watch.refusal: \"evaluate\" needs an entry that counts what is answered, and "
            "one that counts what is refused: whose requests shall be compared?");
    rig->harm = refusal_prompts(rig, harm);
    rig->kind = refusal_prompts(rig, kind);
    return 0;
}

int rig_model_again(struct rig *rig, struct vac_err *err)
{
    close_evaluations(rig);
    model_close(rig->m);
    rig->m = NULL;
    return open_model(rig, err) ? -1 : rig_evaluations(rig, err);
}

/* Adds what a judge takes; `seen` are the folders of the ones before, whose weights are mapped once. */
static int add_judge(struct rig *rig, const char *judge, const void *options, const char **seen,
                     size_t *n, struct vac_err *err)
{
    struct judge_memory x = {0};
    const struct judge *j = judge ? judge_find(judge, err) : NULL;
    bool shared = false;

    if (!j || !j->memory)
        return judge && !j ? -1 : 0;
    if (j->memory(options, rig->c, &x, err))
        return -1;
    for (size_t k = 0; x.model && k < *n; k++)
        shared |= !strcmp(seen[k], x.model);
    if (x.model)
        seen[(*n)++] = x.model;
    rig->judge_bytes += x.own + (shared ? 0 : x.mapped);
    return 0;
}

/* Judges' models lie in memory beside the model, from before the first stage to the end. */
static int judges_memory(struct rig *rig, struct vac_err *err)
{
    const struct evaluate_spec *e = rig->spec.evaluate;
    const char *seen[VAC_MAX_EVALS + 1];
    size_t n = 0;

    if (add_judge(rig, rig->spec.watch.probes_judge, rig->spec.watch.probes_options, seen, &n, err))
        return err_prefix(err, "watch.probes");
    for (size_t i = 0; i < rig->spec.n_evaluate; i++) {
        if (add_judge(rig, e[i].judge, e[i].options, seen, &n, err))
            return err_prefix(err, "evaluate[%zu]", i);
    }
    return 0;
}

int rig_open(struct rig *rig, const cJSON *began, struct vac_err *err)
{
    if (open_compute(rig, began, err) || open_model(rig, err) || open_tokenizer(rig, err) ||
        make_encoder(rig, err))
        return -1;
    rig->drift_rel = mem_new(2 * model_config(rig->m)->L, sizeof *rig->drift_rel, err);
    if (!rig->drift_rel || load_watched(rig, err) || load_suite(rig, err) ||
        rig_evaluations(rig, err) || judges_memory(rig, err))
        return -1;
    return 0;
}

void rig_close(struct rig *rig)
{
    close_evaluations(rig);
    if (rig->suite.judge)
        rig->suite.kind->close(rig->suite.judge);
    for (size_t i = 0; rig->suite.prompt && i < rig->suite.rows.n; i++)
        ids_done(&rig->suite.prompt[i]);
    free(rig->suite.prompt);
    free(rig->suite.said);
    free(rig->suite.verdict);
    rows_done(&rig->suite.rows);
    recall_forget(&rig->own, NULL, "");
    free(rig->own.v);
    dataset_done(&rig->drift_set);
    if (!rig->align_is_drift)
        dataset_done(&rig->align_set);
    dataset_done(&rig->harmful_set);
    ids_done(&rig->openings);
    template_close(rig->enc.tmpl);
    tokenizer_free(rig->tok);
    model_close(rig->m);
    compute_close(rig->c);
    for (size_t i = 0; rig->rows && i < rig->spec.n_stages; i++) {
        for (size_t k = 0; k < METHOD_STREAMS; k++)
            dataset_done(&rig->rows[i].of[k]);
    }
    free(rig->rows);
    free(rig->stage_total);
    free(rig->planned);
    free(rig->counts);
    free(rig->drift_rel);
    spec_done(&rig->spec);
}

size_t rig_layers(const struct rig *rig)
{
    size_t L = model_config(rig->m)->L;

    return L < VAC_MAX_LAYERS ? L : VAC_MAX_LAYERS;
}

int64_t rig_steps(const struct rig *rig)
{
    int64_t n = 0;

    for (size_t i = 0; i < rig->spec.n_stages; i++)
        n += (int64_t)rig->stage_total[i];
    return n;
}
