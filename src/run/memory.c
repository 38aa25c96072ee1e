/* memory.c - what a stage will take: the largest batch, the longest text, and the plan that is
 * shown and checked before anything of it is allocated. */
#include "run/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "defense/step.h"
#include "model/peft.h"
#include "run/control.h"
#include "run/stage.h"
#include "run/watch.h"

#define GEN_SLOTS 16
#define GEN_CONTEXT_MIN 512
/* Bytes of a packed row and of a sequence in a batch. */
#define BATCH_ROW (5 * sizeof(int32_t) + sizeof(uint64_t))
#define BATCH_SAMPLE (sizeof(struct seq) + sizeof(size_t))

/* --- sizes --- */

static int descending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x < y) - (x > y);
}

/* Tokens (or labels) of the `n` largest samples: no batch of n has more. */
static int largest_sum(const struct dataset *d, size_t n, bool labels, size_t *sum,
                       struct vac_err *err)
{
    size_t *v = mem_new(d->n, sizeof *v, err);

    if (!v)
        return -1;
    for (size_t i = 0; i < d->n; i++)
        v[i] = labels ? d->sample[i].n_labels : d->sample[i].n;
    qsort(v, d->n, sizeof *v, descending);
    *sum = 0;
    for (size_t i = 0; i < n && i < d->n; i++)
        *sum += v[i];
    free(v);
    return 0;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What is measured beside training passes through the same activations. */
size_t memory_refusal(const struct rig *rig)
{
    size_t longest = 0;

    for (size_t i = 0; i < rig->harm.n; i++)
        longest = max_size(longest, rig->harm.v[i].n);
    for (size_t i = 0; i < rig->kind.n; i++)
        longest = max_size(longest, rig->kind.v[i].n);
    for (size_t i = 0; rig->harm.n && i < rig->suite.rows.n; i++)
        longest = max_size(longest, rig->suite.prompt[i].n);
    return longest;
}

static void widen_for_watching(const struct rig *rig, struct memory_sizes *z)
{
    const struct dataset *watched[] = {&rig->drift_set, &rig->align_set, &rig->harmful_set};

    for (int i = 0; i < 3; i++) {
        z->rows = max_size(z->rows, watched[i]->longest);
        z->labels = max_size(z->labels, watched[i]->longest);
        z->context = max_size(z->context, watched[i]->longest);
    }
    z->rows = max_size(z->rows, memory_refusal(rig));
    z->context = max_size(z->context, memory_refusal(rig));
    for (size_t i = 0; i < rig->spec.n_evaluate; i++) {
        struct acts_room room = evaluation_room(rig->eval[i]);
        z->rows = max_size(z->rows, room.rows);
        z->labels = max_size(z->labels, room.labelled);
        z->context = max_size(z->context, room.context);
    }
}

int memory_sizes(const struct rig *rig, const struct stage *st, struct memory_sizes *z,
                 struct vac_err *err)
{

    *z = (struct memory_sizes){0};
    for (size_t k = 0; k < st->n_streams; k++) {
        const struct dataset *d = &st->stream[k].data;
        size_t B = min_size((size_t)st->spec->batch_size, d->n), rows, labels, all_rows, all_labels;
        size_t micros = min_size((size_t)st->spec->accumulate, (d->n + B - 1) / B);
        if (largest_sum(d, B, false, &rows, err) || largest_sum(d, B, true, &labels, err) ||
            largest_sum(d, B * micros, false, &all_rows, err) ||
            largest_sum(d, B * micros, true, &all_labels, err))
            return -1;
        z->batch[k] = B;
        z->micros[k] = micros;
        z->rows = max_size(z->rows, rows);
        z->labels = max_size(z->labels, labels);
        z->all_rows = max_size(z->all_rows, all_rows);
        z->all_labels = max_size(z->all_labels, all_labels);
        z->context = max_size(z->context, d->longest);
    }
    widen_for_watching(rig, z);
    return 0;
}

size_t memory_generator(const struct rig *rig, const struct stage *st, size_t *slots)
{
    size_t longest = 0, n = 1;

    for (size_t i = 0; i < rig->spec.n_evaluate; i++) {
        if (!watch_applies(rig, st, i) || !evaluation_longest(rig->eval[i]))
            continue;
        longest = max_size(longest, evaluation_longest(rig->eval[i]) +
                                        (size_t)rig->spec.evaluate[i].max_new_tokens);
        n = max_size(n, evaluation_size(rig->eval[i]));
    }
    for (size_t i = 0; i < rig->suite.rows.n; i++)
        longest = max_size(longest, rig->suite.prompt[i].n + (size_t)rig->spec.watch.probes_tokens);
    n = max_size(n, rig->suite.rows.n);
    *slots = n < GEN_SLOTS ? n : GEN_SLOTS;
    return max_size(longest, GEN_CONTEXT_MIN);
}

/* --- the plan --- */

int memory_adapter(const struct model *m, const struct stage_spec *s, struct lora_spec *out,
                   char **targets, struct vac_err *err)
{
    const struct lora_keys *k = &s->lora;

    *targets = NULL;
    if (k->init) {
        if (peft_spec(m, k->init, out, targets, err))
            return -1;
    } else {
        *out = (struct lora_spec){.r = (size_t)k->r,
                                  .alpha = k->alpha,
                                  .dropout = k->dropout,
                                  .rslora = k->rslora,
                                  .targets = k->targets};
    }
    if (k->dropout_given)
        out->dropout = k->dropout;
    return 0;
}

int memory_plan(const struct rig *rig, const struct stage *st, const struct plan_next *next,
                struct plan *p, uint64_t *trained, struct vac_err *err)
{
    struct memory_sizes z;
    size_t slots, context = memory_generator(rig, st, &slots);
    const struct dataset *watched[] = {&rig->drift_set, &rig->align_set, &rig->harmful_set};
    uint64_t batches = 0, rows = 0, state;

    if (memory_sizes(rig, st, &z, err) ||
        plan_train_next(p, rig->m, next, z.rows, z.labels, z.context, trained, err))
        return -1;
    for (size_t k = 0; k < st->n_streams; k++)
        batches += (uint64_t)z.micros[k] * (z.rows * BATCH_ROW + z.batch[k] * BATCH_SAMPLE);
    for (size_t k = 0; k < st->n_streams; k++)
        rows += dataset_bytes(&st->stream[k].data);
    for (size_t i = 0; i < rig->spec.n_stages; i++) {
        for (size_t k = 0; k < METHOD_STREAMS; k++)
            rows += dataset_bytes(&rig->rows[i].of[k]);
    }
    for (int i = 0; i < 3; i++)
        rows += i == 1 && rig->align_is_drift ? 0 : dataset_bytes(watched[i]);
    plan_add(p, "rows as tokens", rows, "use fewer rows, or a smaller max_length");
    plan_add(p, "tokenizer", rig->tok ? tokenizer_bytes(rig->tok) : 0, NULL);
    plan_add(p, "batches", batches, "use a smaller accumulate");
    plan_add(p, "perturbation", step_bytes(rig->m, st->spec->method, st->spec->options, z.all_rows),
             "use a smaller batch_size x accumulate");
    state = step_state_bytes(st->spec->method, *trained);
    if (state)
        plan_add(p, "state of the method", state, "train fewer numbers: a smaller lora.r");
    if (rig->drift_set.n) {
        plan_add(p, next->full ? "drift reference (mapped)" : "drift reference",
                 drift_reference_bytes(rig->m, rig->drift_set.tokens),
                 "use a smaller watch.drift.take");
        plan_add(p, "drift measurement", drift_bytes(rig->m, rig->drift_set.tokens, z.rows),
                 "use a smaller batch_size (with accumulate) or max_length");
    }
    if (rig->harm.n)
        plan_add(p, "refusal direction", direction_bytes(rig->m, memory_refusal(rig)), NULL);
    if (*trained <= START_COPY_MAX)
        plan_add(p, "stage-start parameters", sizeof(float) * *trained, NULL);
    plan_add(p, "judges (classifiers)", rig->judge_bytes, "use a smaller judge_model");
    if (rig->tok) {
        plan_add(p, "generation (cache, activations)", generator_bytes(rig->m, slots, context),
                 "use fewer max_new_tokens");
        plan_add(p, "answers while it trains",
                 generator_bytes(rig->m, 1, context) +
                     (*trained <= START_COPY_MAX ? sizeof(float) * *trained : 0),
                 "use fewer max_new_tokens");
    }
    return 0;
}

static void show_row(struct steer *steer, const char *what, uint64_t bytes, bool first)
{
    struct vac_event e = {.plan = {.bytes = bytes, .first = first}};
    struct strbuf s = {0};

    snprintf(e.plan.what, sizeof e.plan.what, "%s", what);
    sb_printf(&s, "plan: %s ", what);
    sb_quantity(&s, (double)bytes, "B");
    control_event(steer->ctl, VAC_EVENT_PLAN, 0, (int64_t)steer->at->step, s.s ? s.s : "", &e);
    sb_done(&s);
}

void memory_show(struct steer *steer, const struct plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        show_row(steer, p->row[i].what, p->row[i].bytes, i == 0);
    show_row(steer, "total", p->total, p->n == 0);
}
