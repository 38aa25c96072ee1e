/* defense.h - alignment methods: how one step turns an effective batch into gradients.
 *
 * A method is one file NAME.c with one `const struct method method_NAME`, one word in METHODS, and its line
 * in Makefile.am. It has its own options (rows over its own struct) and one function, `step`, which leaves
 * gradients in model_params()->g and its readings in the step. Everything a method needs is here: the
 * effective batch, passes over it, taps, and the perturbation, an array per layer.
 *
 * A method that learns from more than one data set names the others in `streams`; it then says itself
 * which effective batch it looks at (step_use), and a stream that is not used does not advance. What it
 * keeps from step to step are `state` arrays of the size of the parameters: the plan counts them, and a
 * checkpoint holds them. */
#ifndef DEFENSE_DEFENSE_H
#define DEFENSE_DEFENSE_H

#include "base/option.h"
#include "model/lora.h"
#include "model/pass.h"

/* X-macro: <name>.c each. */
#define METHODS(X) X(sft) X(vaccine) X(random) X(lisa) X(booster)

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

struct step {
    struct model *m;
    struct acts *a;
    step_take *take; /* NULL = the one batch below is all there is */
    void *take_ctx;
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
    /* Passes forward and back that a step costs on average, for estimates; NULL = 1. */
    double (*cost)(const void *options);
};
const struct method *method_at(size_t i); /* NULL after the last */
const struct method *method_find(const char *name,
                                 struct vac_err *err); /* error names the nearest */

size_t method_streams(const struct method *m); /* how many data sets, "train" included */
const char *method_stream(const struct method *m, size_t i); /* "train", ...; NULL after the last */

/* Room for a method's steps on effective batches of at most `rows` tokens and `labels` labelled ones. */
int step_init(struct step *s, struct model *m, struct acts *a, const struct method *method,
              const void *options, size_t rows, size_t labels, struct vac_err *err);
void step_done(struct step *s);
/* Bytes that step_init takes of the backend: for the perturbation, and for the arrays of `trained`
 * numbers. */
uint64_t step_bytes(const struct model *m, const struct method *method, const void *options,
                    size_t rows);
uint64_t step_state_bytes(const struct method *method, uint64_t trained);
/* Takes over options that have changed; -1 and nothing changed when they do not fit. */
int step_options(struct step *s, const struct method *method, const void *options,
                 struct vac_err *err);
/* One step of the method: gradients zeroed, "train" taken unless the method has streams to choose from,
 * then method->step. */
void step_run(struct step *s, const struct method *method);

/* --- what methods are written with --- */
enum norm_scope { NORM_GLOBAL, NORM_LAYER, NORM_SAMPLE, NORM_TOKEN };
extern const char *const norm_names[]; /* "global", "layer", "sample", "token", NULL */

/* "0-3,7" or "all" or "" (= all) into mask[L]; a layer that the model has not is an error, and leaves the
 * mask as it was. */
int layers_parse(const char *text, size_t L, bool *mask, struct vac_err *err);
/* The same for the layers that a site has: embed has layer 0 only. At least one is marked. */
int layers_mask(const char *text, enum site site, const struct config *c, bool *mask,
                struct vac_err *err);
/* The step looks at the effective batch of a stream from now on: readings cleared, dropout streams keyed. */
void step_use(struct step *s, size_t stream);
/* Where layer l of micro-batch b lies in an array like eps. */
struct ref step_slice(const struct step *s, struct ref array, size_t l, size_t b);

/* Passes over the effective batch. Both return the mean loss over its labelled tokens. */
/* Gradients at `site` of the masked layers into `into`; no weight gradients; ends at the lowest layer.
 * `at`: perturbation added meanwhile, or REF_NONE. Fills out.grad and out.attn. */
double step_site_gradients(struct step *s, enum site site, struct ref into, struct ref at);
/* Weight gradients, with eps added at `site` of the masked layers (REF_NONE = none). after_clean: the last
 * pass was a clean one over the same batch, whose lower part may be used again. */
double step_weight_gradients(struct step *s, enum site site, struct ref eps, bool after_clean);
/* to = rho from / (||from|| + 1e-7), for each unit of the scope: the whole (all layers, rows and columns of
 * the effective batch), a layer, a sample, or a token over all layers. Fills out.eps, out.eps_norm.
 * Vaccine, NeurIPS 2024, equation 3. */
void step_normalise(struct step *s, struct ref to, struct ref from, double rho,
                    enum norm_scope scope);
/* eps += rho g / (||g|| + 1e-7), then shortened to rho where it is longer (projected gradient ascent, Madry
 * et al. 2018); g is overwritten. */
void step_ascend(struct step *s, struct ref eps, struct ref g, double rho, enum norm_scope scope);
/* eps *= a on the masked layers. Fills out.eps, out.eps_norm. */
void step_scale(struct step *s, struct ref eps, double a);
#endif
