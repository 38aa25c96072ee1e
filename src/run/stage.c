/* stage.c - one stage built and taken down: its data, what is trained on top of what, its memory.
 *
 * The stack beneath a stage can be rebuilt from the run folder alone: every stage leaves
 * stages/NAME/ with its adapter, or with all weights when it trained all. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/merge.h"
#include "model/peft.h"
#include "run/trainer.h"

static char *stage_dir(const struct trainer *t, size_t index, struct vac_err *err)
{
    char name[160];

    snprintf(name, sizeof name, "stages/%s", t->spec.stage[index].name);
    return folder_path(&t->folder, name, err);
}

/* --- what is trained --- */

/* The model as the stages before `index` left it: their adapters on the base, or the last full
 * weights. */
static int stack_rebuild(struct trainer *t, size_t index, struct vac_err *err)
{
    size_t first = 0;
    char *dir;
    int rc = 0;

    for (size_t i = 0; i < index; i++) {
        if (t->spec.stage[i].full)
            first = i + 1;
    }
    if (first) {
        dir = stage_dir(t, first - 1, err);
        model_close(t->m);
        t->m = dir ? model_open(dir, t->c, err) : NULL;
        free(dir);
        if (!t->m || trainer_evaluations(t, err))
            return -1;
    }
    for (size_t i = first; rc == 0 && i < index; i++) {
        /* a stage that went on with the same adapter left the newer state of it */
        if (i + 1 < index && !t->spec.stage[i + 1].full &&
            t->spec.stage[i + 1].adapter == ADAPTER_SAME)
            continue;
        dir = stage_dir(t, i, err);
        rc = dir ? model_add_peft(t->m, dir, false, -1, err) : -1;
        free(dir);
    }
    return rc;
}

static int train_lora(struct trainer *t, size_t index, struct vac_err *err)
{
    const struct lora_keys *k = &t->spec.stage[index].lora;
    struct lora_spec spec = {.r = (size_t)k->r,
                             .alpha = k->alpha,
                             .dropout = k->dropout,
                             .rslora = k->rslora,
                             .targets = k->targets};

    if (t->spec.stage[index].adapter == ADAPTER_SAME && !k->init)
        return model_retrain_lora(t->m, k->dropout_given ? k->dropout : NAN, err);
    if (k->init)
        return model_add_peft(t->m, k->init, true, k->dropout_given ? k->dropout : -1, err);
    return model_add_lora(t->m, &spec, t->spec.seed, index, err);
}

static int make_trainable(struct trainer *t, size_t index, struct vac_err *err)
{
    if (!t->spec.stage[index].full)
        return train_lora(t, index, err);
    return model_train_full(t->m, err);
}

/* --- data --- */

static uint64_t total_steps(const struct stage *st)
{
    size_t per = (size_t)st->spec->batch_size * (size_t)st->spec->accumulate;
    double epoch = (double)((st->stream[0].data.n + per - 1) / per);

    if (st->spec->steps > 0)
        return (uint64_t)st->spec->steps;
    return (uint64_t)fmax(1, ceil(st->spec->epochs * epoch - 1e-9));
}

static int stream_data(struct trainer *t, size_t index, size_t k, struct vac_err *err)
{
    const struct stage_spec *s = &t->spec.stage[index];
    const struct stream_spec *x = &s->stream[k];
    struct dataset *d = &t->st.stream[k].data;
    struct dataset_spec *spec = mem_new(x->n, sizeof *spec, err);
    bool mixed = s->mixed && k == 0;
    int rc = spec ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < x->n; i++)
        spec[i] = (struct dataset_spec){.file = x->file[i].file,
                                        .skip = (size_t)x->file[i].skip,
                                        .take = (size_t)x->file[i].take,
                                        .harmful = x->file[i].harmful,
                                        .repeat = x->file[i].repeat,
                                        .drawn = !x->file[i].from,
                                        .seed = t->spec.seed};
    if (rc == 0 && mixed)
        rc = dataset_mix(d, spec, x->n, (size_t)s->samples, s->harmful_ratio, &t->enc, err);
    for (size_t i = 0; rc == 0 && !mixed && i < x->n; i++)
        rc = dataset_add(d, &spec[i], &t->enc, err);
    free(spec);
    if (rc == 0 && d->n == 0)
        rc = err_set(err, VAC_ERR_FORMAT,
                     "no sample keeps a label within max_length %lld: %zu rows were skipped",
                     (long long)t->spec.max_length, d->rows_skipped);
    if (rc)
        err_prefix(err, "stages[%zu].%s", index, x->name);
    return rc;
}

int stage_data(struct trainer *t, size_t index, struct vac_err *err)
{
    struct stage *st = &t->st;

    *st = (struct stage){.spec = &t->spec.stage[index],
                         .index = index,
                         .n_streams = t->spec.stage[index].n_streams,
                         .start_step = (int64_t)t->step,
                         .drift_from = (int64_t)t->step};
    for (size_t k = 0; k < st->n_streams; k++) {
        if (stream_data(t, index, k, err))
            return -1;
    }
    st->total = total_steps(st);
    return 0;
}

void stage_data_done(struct stage *st)
{
    for (size_t k = 0; k < st->n_streams; k++)
        dataset_done(&st->stream[k].data);
    *st = (struct stage){0};
}

/* What only the model can tell, for a stage that may begin in hours: its layers and its adapter. */
static int check_fit(const struct trainer *t, size_t index, struct vac_err *err)
{
    const struct stage_spec *s = &t->spec.stage[index];
    struct lora_spec lora;
    struct plan_next next = {.lora = &lora, .n_lora = 1};
    struct plan plan = {0};
    char *targets = NULL;
    uint64_t trained;
    bool *mask = mem_new(model_config(t->m)->L, sizeof *mask, err);
    int rc = mask ? 0 : -1;

    if (rc == 0 && s->method->check &&
        s->method->check(s->options, model_config(t->m), mask, err)) {
        rc = -1;
        err_prefix(err, "stages[%zu]", index);
    }
    free(mask);
    if (rc || s->full || (s->adapter == ADAPTER_SAME && !s->lora.init))
        return rc;
    rc = stage_adapter(t->m, s, &lora, &targets, err) ||
                 plan_train_next(&plan, t->m, &next, 1, 1, 1, &trained, err)
             ? err_prefix(err, "stages[%zu].lora", index)
             : 0;
    free(targets);
    return rc;
}

int stage_totals(struct trainer *t, struct vac_err *err)
{
    t->stage_total = mem_new(t->spec.n_stages, sizeof *t->stage_total, err);
    t->counts = mem_new(t->spec.n_stages, sizeof *t->counts, err);
    if (!t->stage_total || !t->counts)
        return -1;
    for (size_t i = 0; i < t->spec.n_stages; i++) {
        int rc = check_fit(t, i, err) || stage_data(t, i, err) ? -1 : 0;
        if (rc == 0) {
            t->stage_total[i] = t->st.total;
            t->counts[i] = stage_counts(&t->st);
            t->total_steps += (int64_t)t->stage_total[i];
        }
        stage_data_done(&t->st);
        if (rc)
            return -1;
    }
    return 0;
}

/* --- memory --- */

/* The name is that of a leftover: what a kill leaves is removed when the run goes on, which makes
 * the reference anew. */
#define DRIFT_FILE "drift-reference.tmp"

/* Weights, gradients and moments of all parameters leave full fine-tuning the least memory to
 * spare, so there the reference is a file. */
static int stage_drift(struct trainer *t, size_t rows, struct vac_err *err)
{
    char *file = NULL;

    if (t->st.spec->full && !(file = folder_path(&t->folder, DRIFT_FILE, err)))
        return -1;
    t->st.drift = drift_new(t->m, t->st.acts, rows, &t->drift_set, file, err);
    free(file);
    return t->st.drift ? 0 : -1;
}

static int stream_memory(struct stream *x, const struct stage_sizes *z, size_t batch, size_t micros,
                         struct vac_err *err)
{
    x->sample_loss = mem_new(x->data.n, sizeof *x->sample_loss, err);
    x->sample_step = mem_new(x->data.n, sizeof *x->sample_step, err);
    x->order = mem_new(x->data.n, sizeof *x->order, err);
    x->picked = mem_new(x->data.n, sizeof *x->picked, err);
    x->micro = mem_new(micros, sizeof *x->micro, err);
    x->micros = micros;
    if (!x->sample_loss || !x->sample_step || !x->order || !x->picked || !x->micro)
        return -1;
    for (size_t i = 0; i < x->data.n; i++)
        x->sample_loss[i] = NAN;
    for (size_t i = 0; i < micros; i++) {
        if (batch_init(&x->micro[i], z->rows, batch, err))
            return -1;
    }
    return 0;
}

static void stream_done(struct stream *x)
{
    for (size_t i = 0; x->micro && i < x->micros; i++)
        batch_done(&x->micro[i]);
    free(x->micro);
    free(x->order);
    free(x->picked);
    free(x->sample_loss);
    free(x->sample_step);
}

static void cursors_begin(struct trainer *t)
{
    struct stage *st = &t->st;

    for (size_t k = 0; k < st->n_streams; k++) {
        struct stream *x = &st->stream[k];
        /* with the same order for all streams the same places would always meet */
        x->cursor = (struct cursor){.seed = k ? rng_mix(t->spec.seed, k) : t->spec.seed,
                                    .stage = st->index,
                                    .shuffle = st->spec->shuffle};
        cursor_order(&x->cursor, x->order, x->data.n);
    }
}

static int stage_memory(struct trainer *t, struct vac_err *err)
{
    struct stage *st = &t->st;
    const struct stage_spec *s = st->spec;
    struct stage_sizes z;

    if (stage_sizes(t, &z, err))
        return -1;
    for (size_t k = 0; k < st->n_streams; k++) {
        if (stream_memory(&st->stream[k], &z, z.batch[k], z.micros[k], err))
            return -1;
    }
    st->acts_rows = z.rows;
    st->acts = acts_new(t->m, z.rows, z.labels, z.context, true, err);
    if (!st->acts || optimizer_init(&st->opt, t->m, err) ||
        step_init(&st->step, t->m, st->acts, s->method, s->options, z.all_rows, z.all_labels, err))
        return -1;
    return 0;
}

/* What is measured beside training needs more. */
static int watch_memory(struct trainer *t, struct vac_err *err)
{
    size_t slots, context = stage_generator(t, &slots);

    if (t->tok && !(t->st.gen = generator_new(t->m, slots, context, err)))
        return -1;
    return t->drift_set.n ? stage_drift(t, t->st.acts_rows, err) : 0;
}

static int reference_try(struct trainer *t, void *ctx, struct vac_err *err)
{
    (void)ctx;
    return drift_set_reference(t->st.drift, err);
}

int stage_reference(struct trainer *t, struct vac_err *err)
{
    char what[64];

    snprintf(what, sizeof what, "drift reference (%.1f MB)",
             1e-6 * (double)drift_reference_bytes(t->m, t->drift_set.tokens));
    return until_written(t, reference_try, NULL, what, err);
}

/* Drift and "before" answers look back at these. */
static int keep_start(struct trainer *t, struct vac_err *err)
{
    const struct params *p = model_params(t->m);
    size_t muted;
    int rc;

    if (p->n <= START_COPY_MAX) {
        t->st.start = compute_alloc(t->c, p->n, err);
        if (!t->st.start)
            return -1;
        op_copy(t->c, (struct ref){t->st.start, 0}, p->w, p->n);
    }
    if (!t->st.drift)
        return 0;
    muted = model_use_adapters(t->m, t->spec.watch.drift_reference ? 0 : SIZE_MAX);
    rc = stage_reference(t, err);
    model_use_adapters(t->m, muted);
    return rc;
}

/* --- the stage --- */

/* The memory that the stage will take, checked and shown before any of it is allocated. */
static int plan_ahead(struct trainer *t, struct vac_err *err)
{
    const struct stage_spec *s = t->st.spec;
    struct lora_spec lora;
    struct plan_next next = {.lora = &lora,
                             .full = s->full,
                             .n_lora = s->adapter == ADAPTER_SAME && !s->lora.init ? 0 : 1};
    char *targets = NULL;
    struct plan plan = {0};
    uint64_t trained;

    int rc = (!s->full && stage_adapter(t->m, s, &lora, &targets, err)) ||
                     stage_plan(t, &next, &plan, &trained, err)
                 ? err_prefix(err, "stages[%zu].lora", t->st.index)
                 : 0;

    free(targets);
    if (rc)
        return -1;
    plan_show(t, &plan);
    if (plan_check(&plan, plan_available(), err)) {
        err_prefix(err, "stages[%zu]", t->st.index);
        return -1;
    }
    t->plan = plan;
    return 0;
}

int stage_open(struct trainer *t, size_t index, struct vac_err *err)
{
    t->in_stage = true;
    if (stage_data(t, index, err))
        return -1;
    if (t->stack_dirty && stack_rebuild(t, index, err))
        return -1;
    t->stack_dirty = false;
    if (plan_ahead(t, err))
        return -1;
    if (make_trainable(t, index, err)) {
        err_prefix(err, "stages[%zu].lora", index);
        return -1;
    }
    if (stage_memory(t, err) || watch_memory(t, err) || keep_start(t, err))
        return -1;
    cursors_begin(t);
    options_mirror(t);
    return 0;
}

void stage_close(struct trainer *t)
{
    struct stage *st = &t->st;

    if (!t->in_stage)
        return;
    drift_free(st->drift);
    generator_free(st->gen);
    step_done(&st->step);
    optimizer_done(&st->opt);
    acts_free(st->acts);
    compute_release(t->c, st->start);
    compute_release(t->c, st->reference);
    for (size_t k = 0; k < st->n_streams; k++)
        stream_done(&st->stream[k]);
    stage_data_done(st);
    t->in_stage = false;
}

/* --- a step --- */

static void take_batch(void *ctx, struct step *step, size_t k)
{
    struct stage *st = ctx;
    struct stream *x = &st->stream[k];
    size_t B = (size_t)st->spec->batch_size, want = B * (size_t)st->spec->accumulate;

    step->batch = x->micro;
    step->n_batch = x->n_micro;
    if (x->taken == step->step)
        return;
    x->taken = step->step;
    x->n_picked = cursor_next(&x->cursor, x->order, x->data.n, want, x->picked);
    x->n_micro = 0;
    for (size_t at = 0; at < x->n_picked; at += B) {
        size_t n = x->n_picked - at < B ? x->n_picked - at : B;
        batch_fill(&x->micro[x->n_micro++], &x->data, x->picked + at, n, at);
    }
    step->n_batch = x->n_micro;
}

void stage_rewind(struct stage *st, const struct cursor cursor[METHOD_STREAMS])
{
    for (size_t k = 0; k < st->n_streams; k++) {
        struct stream *x = &st->stream[k];
        x->cursor = cursor[k];
        x->taken = 0;
        cursor_order(&x->cursor, x->order, x->data.n);
    }
}

void stage_step(struct trainer *t, uint64_t step)
{
    struct stage *st = &t->st;

    st->step.take = take_batch;
    st->step.take_ctx = st;
    st->step.seed = t->spec.seed;
    st->step.step = step;
    st->step.stage_step = st->done + 1;
    st->step.stage_steps = st->total;
    step_run(&st->step, st->spec->method);
}

/* --- how long a step takes --- */

static void bare_step(struct trainer *t)
{
    struct stage *st = &t->st;

    stage_step(t, st->done + 1);
    st->done++;
    optimizer_update(&st->opt, st->spec, st->spec->lr, optimizer_grad_norm(&st->opt));
}

int stage_rehearse(struct trainer *t, double seconds, double *per_step, struct vac_err *err)
{
    struct stage *st = &t->st;
    double start, took;
    int n = 0;

    t->in_stage = true;
    if (make_trainable(t, st->index, err) || stage_memory(t, err))
        return -1;
    cursors_begin(t);
    bare_step(t); /* the first one pays for pages and threads */
    start = clock_now();
    do {
        bare_step(t);
        took = clock_now() - start;
        n++;
    } while (took < seconds);
    *per_step = took / n;
    return 0;
}

/* After a stage that trained all weights, what its folder holds is what an adapter stands on. */
static int weights_beneath(const struct trainer *t, char **out, struct vac_err *err)
{
    size_t index = t->in_stage ? t->st.index : t->spec.n_stages - 1;
    char name[160], *real;

    *out = NULL;
    while (index > 0 && !t->spec.stage[index - 1].full)
        index--;
    if (index == 0)
        return 0;
    real = realpath(t->folder.dir, NULL);
    if (!real)
        return err_errno(err, "%s", t->folder.dir);
    snprintf(name, sizeof name, "stages/%s", t->spec.stage[index - 1].name);
    *out = path_join(real, name, err);
    free(real);
    return *out ? 0 : -1;
}

int stage_write_adapter(struct trainer *t, const char *dir, struct vac_err *err)
{
    char *base;
    int rc = weights_beneath(t, &base, err);

    if (rc == 0)
        rc = model_save_peft(t->m, model_adapters(t->m) - 1, base, dir, err);
    free(base);
    return rc;
}

int stage_write_model(struct trainer *t, const char *dir, struct vac_err *err)
{
    if (!model_is_full(t->m))
        return stage_write_adapter(t, dir, err);
    if (model_save_merged(t->m, dir, true, 0, err))
        return -1;
    return t->spec.tokenizer ? model_copy_tokenizer(t->spec.tokenizer, dir, err) : 0;
}

int stage_save(struct trainer *t, struct vac_err *err)
{
    char *dir = stage_dir(t, t->st.index, err), tmp[192], name[160], *path;
    int rc = -1;

    snprintf(name, sizeof name, "stages/%s", t->st.spec->name);
    snprintf(tmp, sizeof tmp, "%s.tmp", name);
    path = folder_path(&t->folder, tmp, err);
    if (!dir || !path || (dir_exists(path) && path_remove(path, err)))
        goto out;
    if (stage_write_model(t, path, err))
        goto out;
    rc = folder_swap(t->folder.dir, tmp, name, err) || pin_folder(t->pins, t->folder.dir, name, err)
             ? -1
             : 0;
out:
    if (rc && path)
        path_remove(path, NULL); /* gives the space back */
    free(dir);
    free(path);
    return rc;
}
