/* defense.h - alignment methods: how one step turns an effective batch into gradients.
 *
 * A method is one file NAME.c with one `const struct method method_NAME`, one word in METHODS, and its line
 * in Makefile.am. It has its own options (rows over its own struct; rows.h has those that several share) and
 * one function, `step`, which leaves gradients in model_params()->g and its readings in the step. What it is
 * written with is in passes.h: the effective batch, passes over it, taps, and the perturbation, an array per
 * layer.
 *
 * A method that learns from more than one data set names the others in `streams`; it then says itself
 * which effective batch it looks at (step_use), and a stream that is not used does not advance. One that moves the
 * weights within a step says where they are meanwhile (kept): questions are answered from there. What it
 * keeps from step to step are `state` arrays of the size of the parameters: the plan counts them, and a
 * checkpoint holds them. */
#ifndef DEFENSE_DEFENSE_H
#define DEFENSE_DEFENSE_H

#include "base/option.h"
#include "model/lora.h"
#include "model/pass.h"

/* X-macro: <name>.c each. */
#define METHODS(X) X(sft) X(vaccine) X(random) X(lisa) X(booster) X(abliteration)
/* The method of a stage that names none: the first. */
#define METHOD_TEXT(name) #name "\0"
#define METHOD_DEFAULT (METHODS(METHOD_TEXT))

/* What a step has seen; arrays have L entries, NaN = not measured. */
struct reading {
    double loss;       /* mean over labelled tokens of what was optimised */
    double loss_clean; /* of the first, unperturbed pass; NaN = there was none */
    double eps_norm;   /* length of the whole perturbation; NaN = none */
    double *grad; /* ||dL/da_l|| without perturbation, at the site (sft: the attention outputs) */
    double *eps;  /* ||eps_l|| */
    double *attn; /* ||attention output of layer l||, before its own eps; of the first pass */
    double *row_loss; /* [labelled tokens of the effective batch], in the order of its rows */
};

enum { METHOD_STREAMS = 4, METHOD_ARRAYS = 4 }; /* the most of either, "train" included */

struct step;
/* Sets s->batch and s->n_batch to the effective batch of this step of a stream: the next one at the
 * first call in a step, the same one after that. */
typedef void step_take(void *ctx, struct step *s, size_t stream);
/* Hears that pass s->pass begins with micro-batch b; for whoever watches a step that takes long. */
typedef void step_hear(void *ctx, const struct step *s, size_t b);
/* Called again and again while a step is made, where other passes of the model may be: see pass.rest. */
typedef void step_rest(void *ctx);

struct step {
    struct model *m;
    struct acts *a;
    step_take *take; /* NULL = the one batch below is all there is */
    void *take_ctx;
    step_hear *hear; /* NULL = nobody */
    step_rest *rest;
    void *hear_ctx; /* of both */
    struct ref
        kept; /* the weights that the step began with, while a method has moved them; else NONE */
    size_t pass;         /* over the effective batch, forward and back: 1, 2, ... of this step */
    size_t stream;       /* that the step looks at: 0 = "train", then the method's */
    struct batch *batch; /* micro-batches of the effective batch, packed */
    size_t n_batch;
    size_t rows;     /* tokens of the effective batch */
    size_t n_labels; /* labelled tokens of it */
    uint64_t seed;
    uint64_t step;        /* of the whole run, from 1: keys the random streams */
    uint64_t stage_step;  /* of the stage, from 1 */
    uint64_t stage_steps; /* that are planned for it */
    const void *options;  /* the method's own struct, current values */
    struct taps taps;
    struct ref eps;     /* [L, max rows, D]: layer l of micro-batch b at eps_of(l, b) */
    struct ref eps2;    /* the same again, when the method asked for it */
    struct buf *arrays; /* of the next two */
    struct ref state[METHOD_ARRAYS],
        scratch[METHOD_ARRAYS]; /* [params n] each, zero at the start */
    size_t max_rows;
    double *row_sq;   /* [L * max_rows] host scratch */
    float *row_scale; /* [max_rows] */
    double *unit;     /* [max(max_rows, L)] sums over the units of a norm */
    bool *mask;       /* [L] layers that are perturbed */
    double *site; /* [L] length of what the first pass had at the site, over the effective batch */
    struct reading out;
};

struct method {
    const char *name;
    const char *help;
    const char *paper;                /* where it is from */
    const struct option_row *options; /* ends with a NULL name; NULL = none */
    size_t options_size;
    /* Data sets beside "train", ended by NULL; NULL = none. A stage gives each under its name. */
    const char *const *streams;
    /* Arrays of the size of the trained parameters: kept from step to step and in checkpoints; within a
     * step only. */
    size_t state, scratch;
    /* Arrays of [L, rows, D] that a step needs for these options: 0, 1 or 2. */
    int (*buffers)(const void *options);
    /* Checks that the options fit the model, and fills mask[L], the layers that are perturbed. NULL =
     * nothing to check, no mask. Called at the start and whenever an option has changed. */
    int (*check)(const void *options, const struct config *c, bool *mask, struct vac_err *err);
    void (*step)(struct step *s);
    /* After the state arrays were read from a checkpoint: what hangs on them is made again. NULL = nothing does. */
    void (*restore)(struct step *s);
    bool still; /* the weights stay as they are: what a step leaves in the gradients is not taken */
    /* Passes forward and back that a step costs on average, for estimates; NULL = 1. */
    double (*cost)(const void *options);
};

enum norm_scope { NORM_GLOBAL, NORM_LAYER, NORM_SAMPLE, NORM_TOKEN, NORM_RELATIVE };
extern const char *const norm_names[]; /* "global", "layer", "sample", "token", "relative", NULL */
#endif
