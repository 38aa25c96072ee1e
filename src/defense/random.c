/* random.c - the control to Vaccine: a random direction instead of the gradient's, and one pass.
 *
 * noise sphere:   ||eps|| = rho over all layers and the whole effective batch, as Vaccine's
 * noise variance: every coordinate is normal with variance rho, as in the official code (whose rho is
 *                 therefore not comparable with Vaccine's) */
#include <math.h>

#include "base/rng.h"
#include "defense/passes.h"
#include "defense/rows.h"

enum noise { NOISE_SPHERE, NOISE_VARIANCE };
static const char *const noise_names[] = {"sphere", "variance", NULL};

struct random_options {
    double rho;
    int site, noise;
    char *layers;
    int64_t tau;
};

static void random_step(struct step *s)
{
    const struct random_options *o = s->options;
    struct compute *c = model_compute(s->m);
    const struct config *cfg = model_config(s->m);

    if ((s->stage_step - 1) % (uint64_t)o->tau) {
        s->out.loss = step_weight_gradients(s, (enum site)o->site, REF_NONE, false);
        return;
    }
    for (size_t l = 0; l < cfg->L; l++) {
        if (s->mask[l])
            op_normal(c, step_slice(s, s->eps, l, 0), s->rows * cfg->D,
                      rng_key(s->seed, RNG_NOISE, s->step, l), 1);
    }
    if (o->noise == NOISE_SPHERE)
        step_normalise(s, s->eps, s->eps, o->rho, NORM_GLOBAL);
    else
        step_scale(s, s->eps, sqrt(o->rho));
    s->out.loss = step_weight_gradients(s, (enum site)o->site, s->eps, false);
}

static int random_buffers(const void *options)
{
    (void)options;
    return 1;
}

static int random_check(const void *options, const struct config *c, bool *mask,
                        struct vac_err *err)
{
    const struct random_options *o = options;

    return layers_mask(o->layers, (enum site)o->site, c, mask, err);
}

static const struct option_row rows[] = {
    ROW_RHO(struct random_options,
            "length of the perturbation over all layers (noise variance: its variance)", 2),
    ROW_SITE(struct random_options),
    {.name = "noise",
     .help = "what rho is: the length, or the variance of a coordinate",
     .type = OPTION_CHOICE,
     .choices = noise_names,
     .def = NOISE_SPHERE,
     .live = true,
     .offset = offsetof(struct random_options, noise)},
    ROW_LAYERS(struct random_options),
    ROW_TAU(struct random_options),
    {.name = NULL}};

const struct method method_random = {
    .name = "random",
    .help = "random perturbation of the same length, a control",
    .paper = "Huang et al., NeurIPS 2024, table 7",
    .options = rows,
    .options_size = sizeof(struct random_options),
    .buffers = random_buffers,
    .check = random_check,
    .step = random_step,
};
