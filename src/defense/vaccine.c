/* vaccine.c - perturbation-aware alignment: Vaccine, NeurIPS 2024 (arXiv 2402.01109), algorithm 1.
 *
 *     min_w  max_{||eps|| <= rho}  L(w; activations e_l + eps_l at every layer l)                     (1)
 *     eps_l* = rho dL/de_l / ||(dL/de_1, ..., dL/de_L)||                                              (3)
 *
 * e_l is the output of layer l's attention module, before the residual add. One norm over all layers and
 * the whole effective batch; eps enters the second pass as a constant, under the same dropout masks, and
 * only the second pass's gradient reaches the optimizer. */
#include "defense/passes.h"
#include "defense/rows.h"

struct vaccine_options {
    double rho;
    int site, norm;
    char *layers;
    int64_t tau, inner_steps;
};

static void vaccine_step(struct step *s)
{
    const struct vaccine_options *o = s->options;
    enum site site = (enum site)o->site;
    struct ref g = o->inner_steps > 1 ? s->eps2 : s->eps, none = REF_NONE;

    if ((s->stage_step - 1) % (uint64_t)o->tau) { /* algorithm 2: perturb every tau-th step only */
        s->out.loss = step_weight_gradients(s, site, none, false);
        return;
    }
    s->out.loss_clean = step_site_gradients(s, site, g, none);      /* pass 1: g_l = dL/de_l */
    step_normalise(s, s->eps, g, o->rho, (enum norm_scope)o->norm); /* eps_l = rho g_l / ||g|| */
    for (int64_t k = 1; k < o->inner_steps; k++) { /* projected ascent, if asked for */
        step_site_gradients(s, site, g, s->eps);
        step_ascend(s, s->eps, g, o->rho, (enum norm_scope)o->norm);
    }
    s->out.loss = step_weight_gradients(s, site, s->eps, o->inner_steps == 1); /* pass 2 */
}

static double vaccine_cost(const void *options)
{
    const struct vaccine_options *o = options;

    return 1 + (double)o->inner_steps / (double)o->tau;
}

static int vaccine_buffers(const void *options)
{
    const struct vaccine_options *o = options;

    return o->inner_steps > 1 ? 2 : 1;
}

static int vaccine_check(const void *options, const struct config *c, bool *mask,
                         struct vac_err *err)
{
    const struct vaccine_options *o = options;

    return layers_mask(o->layers, (enum site)o->site, c, mask, err);
}

static const struct option_row rows[] = {
    ROW_RHO(struct vaccine_options, "length of the perturbation over all layers", 2),
    ROW_SITE(struct vaccine_options),
    ROW_NORM(struct vaccine_options),
    ROW_LAYERS(struct vaccine_options),
    ROW_TAU(struct vaccine_options),
    {.name = "inner_steps",
     .help = "gradient steps to find the perturbation",
     .type = OPTION_INT,
     .min = 1,
     .max = 100,
     .def = 1,
     .offset = offsetof(struct vaccine_options, inner_steps)},
    {.name = NULL}};

const struct method method_vaccine = {
    .name = "vaccine",
    .help = "perturbation-aware alignment",
    .paper = "Huang et al., NeurIPS 2024, arXiv 2402.01109",
    .options = rows,
    .options_size = sizeof(struct vaccine_options),
    .buffers = vaccine_buffers,
    .check = vaccine_check,
    .step = vaccine_step,
    .cost = vaccine_cost,
};
