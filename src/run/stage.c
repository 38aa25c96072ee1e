/* stage.c - one stage built and taken down: its data, what is trained on top of what, its memory.
 *
 * The stack beneath a stage can be rebuilt from the run folder alone: every stage leaves
 * stages/NAME/ with its adapter, or with all weights when it trained all. */
#include "run/stage.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/trace.h"
#include "defense/step.h"
#include "eval/stats.h"
#include "model/merge.h"
#include "model/peft.h"
#include "record/folder.h"
#include "record/pins.h"
#include "run/memory.h"
#include "rig/optimizer.h"
#include "run/options.h"
#include "run/patience.h"
#include "rig/rig.h"
#include "run/warnings.h"
#include "spec/spec_tables.h"
#include "spec/spec_attack.h"
#include "spec/spec_until.h"

static char *stage_dir(const struct run_spec *spec, const struct folder *run, size_t index,
                       struct vac_err *err)
{
    char name[160];

    snprintf(name, sizeof name, "stages/%s", spec->stage[index].name);
    return folder_path(run, name, err);
}

/* --- what is trained --- */

/* The model as the stages before `index` left it: their adapters on the base, or the last full
 * weights. */
static int stack_rebuild(struct rig *rig, const struct folder *run, size_t index,
                         struct vac_err *err)
{
    size_t first = 0;
    char *dir;
    int rc = 0;

    for (size_t i = 0; i < index; i++) {
        if (rig->spec.stage[i].full)
            first = i + 1;
    }
    if (first) {
        dir = stage_dir(&rig->spec, run, first - 1, err);
        model_close(rig->m);
        rig->m = dir ? model_open(dir, rig->c, err) : NULL;
        free(dir);
        if (!rig->m || rig_evaluations(rig, err))
            return -1;
    }
    for (size_t i = first; rc == 0 && i < index; i++) {
        /* a stage that went on with the same adapter left the newer state of it */
        if (i + 1 < index && !rig->spec.stage[i + 1].full &&
            rig->spec.stage[i + 1].adapter == ADAPTER_SAME)
            continue;
        dir = stage_dir(&rig->spec, run, i, err);
        rc = dir ? model_add_peft(rig->m, dir, false, -1, err) : -1;
        free(dir);
    }
    return rc;
}

static int make_trainable(struct rig *rig, size_t index, struct vac_err *err)
{
    const struct stage_spec *s = &rig->spec.stage[index];
    const struct lora_keys *k = &s->lora;
    struct lora_spec spec = {.r = (size_t)k->r,
                             .alpha = k->alpha,
                             .dropout = k->dropout,
                             .rslora = k->rslora,
                             .targets = k->targets};

    if (s->full)
        return model_train_full(rig->m, err);
    if (s->adapter == ADAPTER_SAME && !k->init)
        return model_retrain_lora(rig->m, k->dropout_given ? k->dropout : NAN, err);
    if (k->init)
        return model_add_peft(rig->m, k->init, true, k->dropout_given ? k->dropout : -1, err);
    return model_add_lora(rig->m, &spec, rig->spec.seed, index, err);
}

/* --- data --- */

static int stream_data(struct stage *st, const struct rig *rig, size_t index, size_t k,
                       struct vac_err *err)
{
    const struct stage_spec *s = &rig->spec.stage[index];
    const struct stream_spec *x = &s->stream[k];
    struct dataset *d = &st->stream[k].data;
    struct dataset_spec *spec = mem_new(x->n, sizeof *spec, err);
    bool mixed = s->mixed && k == 0;
    int rc = spec ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < x->n; i++)
        spec[i] = (struct dataset_spec){.file = x->file[i].file,
                                        .skip = (size_t)x->file[i].skip,
                                        .take = (size_t)x->file[i].take,
                                        .harmful = x->file[i].harmful,
                                        .repeat = x->file[i].repeat,
                                        .skip_odd = x->file[i].odd,
                                        .drawn = !x->file[i].from,
                                        .seed = rig->spec.seed};
    if (rc == 0 && mixed)
        rc = dataset_mix(d, spec, x->n, (size_t)s->samples, s->harmful_ratio, &rig->enc, err);
    for (size_t i = 0; rc == 0 && !mixed && i < x->n; i++)
        rc = dataset_add(d, &spec[i], &rig->enc, err);
    free(spec);
    if (rc == 0 && d->n == 0)
        rc = err_set(err, VAC_ERR_FORMAT,
                     "no sample keeps a label within max_length %lld: %zu rows were skipped",
                     (long long)rig->spec.max_length, d->rows_skipped);
    if (rc)
        err_prefix(err, "stages[%zu].%s", index, x->name);
    return rc;
}

int stage_data(struct stage *st, struct rig *rig, size_t index, uint64_t step, struct vac_err *err)
{
    struct stage_spec *s = &rig->spec.stage[index];
    size_t per = (size_t)s->batch_size * (size_t)s->accumulate;
    double epoch;

    *st = (struct stage){.open = true,
                         .spec = s,
                         .index = index,
                         .n_streams = rig->spec.stage[index].n_streams,
                         .start_step = (int64_t)step,
                         .drift_from = (int64_t)step};
    for (size_t k = 0; k < st->n_streams; k++) {
        if (rig->rows[index].held) {
            st->stream[k].data = rig->rows[index].of[k];
            rig->rows[index].of[k] = (struct dataset){0};
        } else if (stream_data(st, rig, index, k, err)) {
            return -1;
        }
    }
    rig->rows[index].held = false;
    epoch = (double)((st->stream[0].data.n + per - 1) / per);
    st->total =
        s->steps > 0 ? (uint64_t)s->steps : (uint64_t)fmax(1, ceil(s->epochs * epoch - 1e-9));
    st->end = st->total;
    st->look_every = spec_until_every(&rig->spec, s);
    return 0;
}

void stage_data_done(struct stage *st)
{
    for (size_t k = 0; k < st->n_streams; k++)
        dataset_done(&st->stream[k].data);
    *st = (struct stage){0};
}

/* What only the model can tell, for a stage that may begin in hours: its layers and its adapter. */
static int check_fit(const struct rig *rig, size_t index, struct vac_err *err)
{
    const struct stage_spec *s = &rig->spec.stage[index];
    struct lora_spec lora;
    struct plan_next next = {.lora = &lora, .n_lora = 1};
    struct plan plan = {0};
    char *targets = NULL;
    uint64_t trained;
    bool *mask = mem_new(model_config(rig->m)->L, sizeof *mask, err);
    int rc = mask ? 0 : -1;

    if (rc == 0 && s->method->check &&
        s->method->check(s->options, model_config(rig->m), mask, err)) {
        rc = -1;
        err_prefix(err, "stages[%zu]", index);
    }
    free(mask);
    if (rc || s->full || (s->adapter == ADAPTER_SAME && !s->lora.init))
        return rc;
    rc = memory_adapter(rig->m, s, &lora, &targets, err) ||
                 plan_train_next(&plan, rig->m, &next, 1, 1, 1, &trained, err)
             ? err_prefix(err, "stages[%zu].lora", index)
             : 0;
    free(targets);
    return rc;
}

int stage_totals(struct rig *rig, struct vac_err *err)
{
    size_t held = 0;

    rig->stage_total = mem_new(rig->spec.n_stages, sizeof *rig->stage_total, err);
    rig->planned = mem_new(rig->spec.n_stages, sizeof *rig->planned, err);
    rig->counts = mem_new(rig->spec.n_stages, sizeof *rig->counts, err);
    rig->rows = mem_new(rig->spec.n_stages, sizeof *rig->rows, err);
    if (!rig->stage_total || !rig->planned || !rig->counts || !rig->rows)
        return -1;
    for (size_t i = 0; i < rig->spec.n_stages; i++) {
        struct stage st = {.open = false};
        int rc = check_fit(rig, i, err) || stage_data(&st, rig, i, 0, err) ? -1 : 0;

        if (rc == 0) {
            rig->stage_total[i] = rig->planned[i] = st.total;
            rig->counts[i] = warnings_count(&st);
            for (size_t k = 0; k < st.n_streams; k++)
                held += dataset_bytes(&st.stream[k].data);
            for (size_t k = 0; k < st.n_streams && (i == 0 || held <= STAGE_ROWS_MAX); k++) {
                rig->rows[i].of[k] = st.stream[k].data;
                st.stream[k].data = (struct dataset){0};
            }
            rig->rows[i].held = i == 0 || held <= STAGE_ROWS_MAX;
        }
        stage_data_done(&st);
        if (rc)
            return -1;
    }
    return 0;
}

/* --- memory --- */

/* The name is that of a leftover: what a kill leaves is removed when the run goes on, which makes
 * the reference anew. */
#define DRIFT_FILE "drift-reference.tmp"

static int stream_memory(struct stream *x, const struct memory_sizes *z, size_t batch,
                         size_t micros, struct vac_err *err)
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

static void cursors_begin(struct stage *st, uint64_t seed)
{

    for (size_t k = 0; k < st->n_streams; k++) {
        struct stream *x = &st->stream[k];
        /* with the same order for all streams the same places would always meet */
        x->cursor = (struct cursor){
            .seed = k ? rng_mix(seed, k) : seed, .stage = st->index, .shuffle = st->spec->shuffle};
        cursor_order(&x->cursor, x->order, x->data.n);
    }
}

static int stage_memory(struct stage *st, const struct rig *rig, struct vac_err *err)
{
    const struct stage_spec *s = st->spec;
    struct memory_sizes z;

    if (memory_sizes(rig, st, &z, err))
        return -1;
    for (size_t k = 0; k < st->n_streams; k++) {
        if (stream_memory(&st->stream[k], &z, z.batch[k], z.micros[k], err))
            return -1;
    }
    st->acts_rows = z.rows;
    st->acts = acts_new(rig->m, z.rows, z.labels, z.context, true, err);
    if (!st->acts || optimizer_init(&st->opt, rig->m, err) ||
        step_init(&st->step, rig->m, st->acts, s->method, s->options, z.all_rows, z.all_labels,
                  err))
        return -1;
    return 0;
}

/* What is measured beside training needs more. */
static int watch_memory(struct stage *st, const struct rig *rig, const struct book *book,
                        struct vac_err *err)
{
    size_t slots, context = memory_generator(rig, st, &slots);
    char *file = NULL;

    if (rig->tok && (!(st->gen = generator_new(rig->m, slots, context, err)) ||
                     !(st->asker = generator_new(rig->m, 1, context, err))))
        return -1;
    if (rig->tok && model_params(rig->m)->n <= START_COPY_MAX &&
        !(st->asked = compute_alloc(rig->c, model_params(rig->m)->n, err)))
        return -1;
    if (rig->harm.n &&
        !(st->direction = direction_new(rig->m, rig->harm, rig->kind, memory_refusal(rig), err)))
        return err_prefix(err, "watch.refusal");
    if (!rig->drift_set.n)
        return 0;
    /* weights, gradients and moments of all parameters leave full fine-tuning the least memory to
     * spare, so there the reference is a file */
    if (st->spec->full && !book->shut && !(file = folder_path(&book->folder, DRIFT_FILE, err)))
        return -1;
    st->drift = drift_new(rig->m, st->acts, st->acts_rows, &rig->drift_set, file, err);
    free(file);
    return st->drift ? 0 : -1;
}

int stage_reference(struct stage *st, const struct rig *rig, struct steer *steer,
                    struct vac_err *err)
{
    struct strbuf what = {0};
    struct patience p = {.steer = steer};

    if (st->direction)
        direction_set_reference(st->direction);
    if (!st->drift)
        return 0;
    sb_puts(&what, "drift reference (");
    sb_quantity(&what, (double)drift_reference_bytes(rig->m, rig->drift_set.tokens), "B)");
    p.what = what.s;
    while (patience_left(&p, err))
        p.rc = drift_set_reference(st->drift, &p.why);
    sb_done(&what);
    return p.rc;
}

/* Drift and "before" answers look back at these. */
static int keep_start(struct stage *st, const struct rig *rig, struct steer *steer,
                      struct vac_err *err)
{
    const struct params *p = model_params(rig->m);
    char what[VAC_NAME + 64];
    size_t muted;
    int rc;

    if (p->n <= START_COPY_MAX) {
        st->start = compute_alloc(rig->c, p->n, err);
        if (!st->start)
            return -1;
        op_copy(rig->c, (struct ref){st->start, 0}, p->w, p->n);
    }
    if (!st->drift && !st->direction)
        return 0;
    /* with a large model that is a matter of minutes */
    snprintf(what, sizeof what, "stage %s: the model as it is, to measure drift against",
             st->spec->name);
    steer_show(steer, VAC_LOADING, what);
    muted = model_use_adapters(rig->m, rig->spec.watch.drift_reference ? 0 : SIZE_MAX);
    rc = stage_reference(st, rig, steer, err);
    model_use_adapters(rig->m, muted);
    return rc;
}

/* --- the stage --- */

/* The memory that the stage will take, checked and shown before any of it is allocated. */
static int plan_ahead(struct stage *st, const struct rig *rig, struct steer *steer,
                      struct vac_err *err)
{
    const struct stage_spec *s = st->spec;
    struct lora_spec lora;
    struct plan_next next = {.lora = &lora,
                             .full = s->full,
                             .n_lora = s->adapter == ADAPTER_SAME && !s->lora.init ? 0 : 1};
    char *targets = NULL;
    struct plan plan = {0};
    uint64_t trained;

    int rc = (!s->full && memory_adapter(rig->m, s, &lora, &targets, err)) ||
                     memory_plan(rig, st, &next, &plan, &trained, err)
                 ? err_prefix(err, "stages[%zu].lora", st->index)
                 : 0;

    free(targets);
    if (rc)
        return -1;
    memory_show(steer, &plan);
    if (plan_check(&plan, plan_available(), err)) {
        err_prefix(err, "stages[%zu]", st->index);
        return -1;
    }
    st->plan = plan;
    return 0;
}

int stage_open(struct stage *st, struct rig *rig, struct book *book, size_t index, uint64_t step,
               struct vac_err *err)
{
    double begun = clock_now();

    if (stage_data(st, rig, index, step, err))
        return -1;
    if (rig->stack_dirty && stack_rebuild(rig, &book->folder, index, err))
        return -1;
    rig->stack_dirty = false;
    if (plan_ahead(st, rig, book->steer, err))
        return -1;
    if (make_trainable(rig, index, err)) {
        err_prefix(err, "stages[%zu].lora", index);
        return -1;
    }
    if (stage_memory(st, rig, err) || watch_memory(st, rig, book, err) ||
        keep_start(st, rig, book->steer, err))
        return -1;
    cursors_begin(st, rig->spec.seed);
    options_mirror(book->steer, st);
    TRACE("stage %zu opened after step %llu, %.1f ms", index, (unsigned long long)step,
          1e3 * (clock_now() - begun));
    return 0;
}

void stage_close(struct stage *st, struct rig *rig)
{
    if (!st->open)
        return;
    drift_free(st->drift);
    direction_free(st->direction);
    generator_free(st->gen);
    generator_free(st->asker);
    step_done(&st->step);
    optimizer_done(&st->opt);
    acts_free(st->acts);
    compute_release(rig->c, st->asked);
    compute_release(rig->c, st->start);
    compute_release(rig->c, st->reference);
    for (size_t k = 0; k < st->n_streams; k++) {
        struct stream *x = &st->stream[k];

        for (size_t i = 0; x->micro && i < x->micros; i++)
            batch_done(&x->micro[i]);
        free(x->micro);
        free(x->order);
        free(x->picked);
        free(x->sample_loss);
        free(x->sample_step);
    }
    stage_data_done(st);
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

static double *rho_option(struct stage *st)
{
    struct live_option o;

    for (size_t i = 0; spec_live(st->spec, i, &o); i++)
        if (!strcmp(o.row->name, "rho"))
            return (double *)(void *)((char *)o.base + o.row->offset);
    return NULL;
}

void stage_step(struct stage *st, uint64_t seed, uint64_t step)
{
    double *rho = rho_option(st), whole = rho ? *rho : NAN;

    st->step.take = take_batch;
    st->step.take_ctx = st;
    st->step.seed = seed;
    st->step.step = step;
    st->step.stage_step = st->done + 1;
    st->step.stage_steps = st->total;
    st->rho = whole * schedule_rho(&st->spec->rho_schedule, st->done, st->total);
    if (rho) /* the method sees what holds at this step; the option stays what was set */
        *rho = st->rho;
    step_run(&st->step, st->spec->method);
    if (rho)
        *rho = whole;
}

/* --- an early end --- */

void stage_note_score(struct stage *st, size_t entry, const struct vac_eval *score)
{
    const struct until_spec *u = &st->spec->until;

    for (size_t i = 0; st->done > 0 && i < u->n; i++) {
        const struct bound *b = &u->v[i].bound;
        double x = score ? score->value : (double)NAN;

        if (u->v[i].entry != entry)
            continue;
        if (u->sure && score && score->is_rate) {
            struct interval ci =
                rate_sequence((size_t)score->count, (size_t)score->n, (size_t)++st->looks[i]);

            x = b->below ? ci.hi : ci.lo;
        }
        st->passed[i] = bound_passed(b, x) ? st->passed[i] + 1 : 0;
    }
}

void stage_end(struct stage *st, struct rig *rig, struct progress *at, size_t index, uint64_t steps)
{
    rig->stage_total[index] = steps;
    at->total_steps = rig_steps(rig);
    if (st->index == index)
        st->end = steps;
}

bool stage_is_attacked(const struct stage *st, const struct rig *rig)
{
    return spec_attack_due(&rig->spec, st->index, st->total, st->total);
}

size_t stage_duties(const struct stage *st, const struct rig *rig)
{
    size_t n = rig->spec.n_evaluate;

    return (st->spec->until.n ? 2 * n + 3 : n + 2) + stage_is_attacked(st, rig);
}

/* --- how long a step takes --- */

int stage_rehearse(struct stage *st, struct rig *rig, double seconds, double *per_step,
                   struct vac_err *err)
{
    double start = 0, took = 0;
    int n = 0;

    if (make_trainable(rig, st->index, err) || stage_memory(st, rig, err))
        return -1;
    cursors_begin(st, rig->spec.seed);
    for (; n < 2 || took < seconds; n++) {
        if (n == 1)
            start = clock_now(); /* the first one pays for pages and threads */
        stage_step(st, rig->spec.seed, st->done + 1);
        st->done++;
        optimizer_update(&st->opt, st->spec, st->spec->lr, optimizer_grad_norm(&st->opt));
        took = n ? clock_now() - start : 0;
    }
    *per_step = took / (n - 1);
    return 0;
}

/* After a stage that trained all weights, what its folder holds is what an adapter stands on. */
static int weights_beneath(const struct stage *st, const struct rig *rig, const struct folder *run,
                           char **out, struct vac_err *err)
{
    size_t index = st->open ? st->index : rig->spec.n_stages - 1;
    char name[160], *real;

    *out = NULL;
    while (index > 0 && !rig->spec.stage[index - 1].full)
        index--;
    if (index == 0)
        return 0;
    real = realpath(run->dir, NULL);
    if (!real)
        return err_errno(err, "%s", run->dir);
    snprintf(name, sizeof name, "stages/%s", rig->spec.stage[index - 1].name);
    *out = path_join(real, name, err);
    free(real);
    return *out ? 0 : -1;
}

int stage_write_adapter(const struct stage *st, const struct rig *rig, const struct folder *run,
                        const char *dir, struct vac_err *err)
{
    char *base;
    int rc = weights_beneath(st, rig, run, &base, err);

    if (rc == 0)
        rc = model_save_peft(rig->m, model_adapters(rig->m) - 1, base, dir, err);
    free(base);
    return rc;
}

int stage_write_model(const struct stage *st, const struct rig *rig, const struct folder *run,
                      const char *dir, struct vac_err *err)
{
    if (!model_is_full(rig->m))
        return stage_write_adapter(st, rig, run, dir, err);
    if (model_save_merged(rig->m, dir, true, 0, err))
        return -1;
    return rig->spec.tokenizer ? model_copy_tokenizer(rig->spec.tokenizer, dir, err) : 0;
}

int stage_save(const struct stage *st, const struct rig *rig, struct book *book,
               struct vac_err *err)
{
    char *dir = stage_dir(&rig->spec, &book->folder, st->index, err), tmp[192], name[160], *path;
    int rc = -1;

    snprintf(name, sizeof name, "stages/%s", st->spec->name);
    snprintf(tmp, sizeof tmp, "%s.tmp", name);
    path = folder_path(&book->folder, tmp, err);
    if (!dir || !path || (dir_exists(path) && path_remove(path, err)))
        goto out;
    if (stage_write_model(st, rig, &book->folder, path, err))
        goto out;
    rc = book_rewrite(book, name, err) || folder_swap(book->folder.dir, tmp, name, err) ||
                 pin_folder(book->pins, book->folder.dir, name, err)
             ? -1
             : 0;
out:
    if (rc && path)
        path_remove(path, NULL); /* gives the space back */
    free(dir);
    free(path);
    return rc;
}
