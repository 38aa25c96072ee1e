/* step.c - the memory and readings of a step. */
#include "defense/step.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

uint64_t step_bytes(const struct model *m, const struct method *method, const void *options,
                    size_t rows)
{
    const struct config *c = model_config(m);
    int arrays = method->buffers ? method->buffers(options) : 0;

    return sizeof(float) * (uint64_t)arrays * c->L * rows * c->D;
}

uint64_t step_state_bytes(const struct method *method, uint64_t trained)
{
    return sizeof(float) * (uint64_t)(method->state + method->scratch) * trained;
}

static int arrays_alloc(struct step *s, const struct method *method, struct vac_err *err)
{
    size_t n = model_params(s->m)->n, arrays = method->state + method->scratch;

    if (arrays == 0)
        return 0;
    s->arrays = compute_alloc(model_compute(s->m), n * arrays, err);
    for (size_t i = 0; s->arrays && i < arrays; i++) {
        struct ref x = {s->arrays, i * n};
        *(i < method->state ? &s->state[i] : &s->scratch[i - method->state]) = x;
    }
    return s->arrays ? 0 : -1;
}

static int eps_alloc(struct step *s, const struct method *method, const void *options,
                     struct vac_err *err)
{
    const struct config *c = model_config(s->m);
    int arrays = method->buffers ? method->buffers(options) : 0;
    size_t n = c->L * s->max_rows * c->D;

    if (arrays == 0)
        return 0;
    s->eps.buf = compute_alloc(model_compute(s->m), n * (size_t)arrays, err);
    if (!s->eps.buf)
        return -1;
    if (arrays > 1)
        s->eps2 = ref_at(s->eps, n);
    return 0;
}

int step_init(struct step *s, struct model *m, struct acts *a, const struct method *method,
              const void *options, size_t rows, size_t labels, struct vac_err *err)
{
    size_t L = model_config(m)->L;

    *s = (struct step){.m = m, .a = a, .max_rows = rows};
    s->row_sq = mem_new(L * rows, sizeof *s->row_sq, err);
    s->row_scale = mem_new(rows, sizeof *s->row_scale, err);
    s->unit = mem_new(rows > L ? rows : L, sizeof *s->unit, err);
    s->mask = mem_new(L, sizeof *s->mask, err);
    s->site = mem_new(L, sizeof *s->site, err);
    s->out.grad = mem_new(3 * L, sizeof *s->out.grad, err);
    s->out.row_loss = mem_new(labels, sizeof *s->out.row_loss, err);
    if (!s->row_sq || !s->row_scale || !s->unit || !s->mask || !s->site || !s->out.grad ||
        !s->out.row_loss || taps_init(&s->taps, m, err) || eps_alloc(s, method, options, err) ||
        arrays_alloc(s, method, err) || step_options(s, method, options, err)) {
        step_done(s);
        return -1;
    }
    s->out.eps = s->out.grad + L;
    s->out.attn = s->out.grad + 2 * L;
    return 0;
}

void step_done(struct step *s)
{
    if (s->m) {
        pass_ablate(s->m, REF_NONE); /* what a method has taken out comes back */
        compute_release(model_compute(s->m), s->eps.buf);
        compute_release(model_compute(s->m), s->arrays);
    }
    free(s->row_sq);
    free(s->row_scale);
    free(s->unit);
    free(s->mask);
    free(s->site);
    free(s->out.grad);
    free(s->out.row_loss);
    taps_done(&s->taps);
    *s = (struct step){0};
}

int step_options(struct step *s, const struct method *method, const void *options,
                 struct vac_err *err)
{
    if (method->check && method->check(options, model_config(s->m), s->mask, err))
        return -1;
    s->options = options;
    return 0;
}

void step_use(struct step *s, size_t stream)
{
    /* another stream draws other dropout masks than "train" does at the same place */
    uint64_t seed = stream ? rng_mix(s->seed, stream) : s->seed;
    size_t L = model_config(s->m)->L;

    if (s->take)
        s->take(s->take_ctx, s, stream);
    s->stream = stream;
    for (size_t i = 0; i < 3 * L; i++)
        s->out.grad[i] = NAN;
    for (size_t l = 0; l < L; l++)
        s->site[l] = NAN;
    s->out.loss = s->out.loss_clean = s->out.eps_norm = NAN;
    s->rows = s->n_labels = 0;
    for (size_t b = 0; b < s->n_batch; b++) {
        s->rows += s->batch[b].N;
        s->n_labels += s->batch[b].n_lab;
        batch_keys(&s->batch[b], seed, s->step);
    }
}

void step_run(struct step *s, const struct method *method)
{
    const struct params *p = model_params(s->m);

    compute_between_steps(model_compute(s->m));
    op_fill(model_compute(s->m), p->g, p->n, 0);
    s->pass = 0;
    if (!method->streams)
        step_use(s, 0);
    method->step(s);
}
