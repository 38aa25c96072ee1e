/* booster.c - attenuating harmful perturbation: Booster, ICLR 2025 (arXiv 2409.01586), algorithm 1.
 *
 * The fall of the harmful loss along one step of its own gradient is made small:
 *
 *     min_w  f(w; train) + lambda (h(w) - h(w - alpha g1 / ||g1||)),   h = loss on "harmful",  g1 = dh/dw
 *     g = df/dw + lambda (g1 - g2),   g2 = dh/dw at the moved weights; second order dropped
 *
 * The weights come back from a copy: adding the move again, as the official code does, is not exact. With
 * rho above 0 df/dw is Vaccine's (its `perturb_aware`): taken with eps_l = rho d_l / ||d|| added to the
 * attention outputs, d_l = df/de_l of a first pass. */
#include <math.h>

#include "defense/passes.h"
#include "defense/rows.h"

/* Keeps a zero gradient from becoming a division by zero, as the reference does. */
#define NORM_FLOOR 1e-7

enum { TRAIN, HARMFUL };
enum { FALL, WEIGHTS };

struct booster_options {
    double lambda, alpha, rho;
    char *layers;
};

/* g1 - g2 of this step's harmful batch into the scratch array FALL; the gradients are zero again. */
static void harmful_fall(struct step *s, double alpha)
{
    const struct params *p = model_params(s->m);
    struct compute *c = model_compute(s->m);
    double norm;

    step_use(s, HARMFUL);
    step_weight_gradients(s, SITE_ATTN, REF_NONE, false);
    norm = sqrt(op_sumsq(c, p->g, p->n));
    op_copy(c, s->scratch[FALL], p->g, p->n);
    op_copy(c, s->scratch[WEIGHTS], p->w, p->n);
    s->kept = s->scratch[WEIGHTS];
    op_axpy(c, p->w, (float)(-alpha / (norm + NORM_FLOOR)), p->g, p->n);
    op_fill(c, p->g, p->n, 0);
    step_weight_gradients(s, SITE_ATTN, REF_NONE, false);
    op_axpy(c, s->scratch[FALL], -1, p->g, p->n);
    op_copy(c, p->w, s->scratch[WEIGHTS], p->n);
    s->kept = REF_NONE;
    op_fill(c, p->g, p->n, 0);
}

static void booster_step(struct step *s)
{
    const struct booster_options *o = s->options;
    const struct params *p = model_params(s->m);

    if (o->lambda > 0)
        harmful_fall(s, o->alpha);
    step_use(s, TRAIN);
    if (o->rho > 0) {
        s->out.loss_clean = step_site_gradients(s, SITE_ATTN, s->eps, REF_NONE);
        step_normalise(s, s->eps, s->eps, o->rho, NORM_GLOBAL);
    }
    s->out.loss = step_weight_gradients(s, SITE_ATTN, o->rho > 0 ? s->eps : REF_NONE, o->rho > 0);
    if (o->lambda > 0)
        op_axpy(model_compute(s->m), p->g, (float)o->lambda, s->scratch[FALL], p->n);
}

static double booster_cost(const void *options)
{
    const struct booster_options *o = options;

    return 1 + 2 * (o->lambda > 0) + (o->rho > 0);
}

/* rho may rise from 0 while the run goes on. */
static int booster_buffers(const void *options)
{
    (void)options;
    return 1;
}

static int booster_check(const void *options, const struct config *c, bool *mask,
                         struct vac_err *err)
{
    const struct booster_options *o = options;

    return layers_mask(o->layers, SITE_ATTN, c, mask, err);
}

static const char *const streams[] = {"harmful", NULL};

static const struct option_row rows[] = {
    {.name = "lambda",
     .help = "weight of the fall of the harmful loss",
     .type = OPTION_NUM,
     .min = 0,
     .max = 1e6,
     .def = 5,
     .live = true,
     .offset = offsetof(struct booster_options, lambda)},
    {.name = "alpha",
     .help = "length of the step along the harmful gradient",
     .type = OPTION_NUM,
     .min = 0,
     .max = 1e6,
     .def = 0.1,
     .live = true,
     .offset = offsetof(struct booster_options, alpha)},
    ROW_RHO(struct booster_options, "length of Vaccine's perturbation over all layers; 0 = none",
            0),
    ROW_LAYERS(struct booster_options),
    {.name = NULL}};

const struct method method_booster = {
    .name = "booster",
    .help = "makes a harmful step gain little",
    .paper = "Huang et al., ICLR 2025, arXiv 2409.01586",
    .options = rows,
    .options_size = sizeof(struct booster_options),
    .streams = streams,
    .scratch = 2,
    .buffers = booster_buffers,
    .check = booster_check,
    .step = booster_step,
    .cost = booster_cost,
};
