/* lisa.c - lazy safety alignment: Lisa, NeurIPS 2024 (arXiv 2405.18641), algorithm 1.
 *
 * k1 steps on "train", the alignment data, and k2 steps on "task", the user's, in turns, each held near
 * the weights with which the other one ended:
 *
 *     min_w  f(w; train) + rho/2 ||w - w_task||^2,   min_w  h(w; task) + rho/2 ||w - w_align||^2
 *
 * Both begin as the weights of the start. The official code adds the term only behind the first tenth of
 * the steps (`late` 0.1; the paper has no such delay), and throws a batch of the user's data away in every
 * alignment step, which is not repeated here. */
#include "defense/passes.h"
#include "defense/rows.h"

enum { TRAIN, TASK };
enum { W_ALIGN, W_TASK };

struct lisa_options {
    double rho, late;
    int64_t k1, k2;
};

static void copy_weights(struct step *s, struct ref to)
{
    const struct params *p = model_params(s->m);

    op_copy(model_compute(s->m), to, p->w, p->n);
}

/* Adds rho (w - anchor) to the gradients; returns rho/2 ||w - anchor||^2. The difference is taken first:
 * the two are nearly equal. */
static double hold_near(struct step *s, struct ref anchor, double rho)
{
    const struct params *p = model_params(s->m);
    struct compute *c = model_compute(s->m);

    copy_weights(s, s->scratch[0]);
    op_axpy(c, s->scratch[0], -1, anchor, p->n);
    op_axpy(c, p->g, (float)rho, s->scratch[0], p->n);
    return rho / 2 * op_sumsq(c, s->scratch[0], p->n);
}

static void lisa_step(struct step *s)
{
    const struct lisa_options *o = s->options;
    uint64_t at = s->stage_step - 1, k1 = (uint64_t)o->k1, in_turn = at % (k1 + (uint64_t)o->k2);
    bool task = in_turn >= k1;

    if (at == 0 || in_turn == k1) /* alignment has just ended */
        copy_weights(s, s->state[W_ALIGN]);
    if (at == 0 || (o->k2 && in_turn == 0)) /* the task has */
        copy_weights(s, s->state[W_TASK]);
    step_use(s, task ? TASK : TRAIN);
    s->out.loss = step_weight_gradients(s, SITE_ATTN, REF_NONE, false);
    if (o->rho <= 0 || (o->late > 0 && (double)at <= o->late * (double)s->stage_steps))
        return;
    s->out.loss_clean = s->out.loss; /* of the data alone */
    s->out.loss += hold_near(s, s->state[task ? W_ALIGN : W_TASK], o->rho);
}

static const char *const streams[] = {"task", NULL};

static const struct option_row rows[] = {
    ROW_RHO(struct lisa_options,
            "weight of the distance to where the other data set left the weights", 1),
    {.name = "k1",
     .help = "steps on train, then",
     .unit = "steps",
     .type = OPTION_INT,
     .min = 1,
     .max = 1e9,
     .def = 100,
     .offset = offsetof(struct lisa_options, k1)},
    {.name = "k2",
     .help = "steps on task, and so on",
     .unit = "steps",
     .type = OPTION_INT,
     .min = 0,
     .max = 1e9,
     .def = 900,
     .offset = offsetof(struct lisa_options, k2)},
    {.name = "late",
     .help = "part of the steps without that weight at first; 0.1 as the official code",
     .type = OPTION_NUM,
     .min = 0,
     .max = 1,
     .def = 0,
     .offset = offsetof(struct lisa_options, late)},
    {.name = NULL}};

const struct method method_lisa = {
    .name = "lisa",
    .help = "align and task in turns, each held near the other",
    .paper = "Huang et al., NeurIPS 2024, arXiv 2405.18641",
    .options = rows,
    .options_size = sizeof(struct lisa_options),
    .streams = streams,
    .state = 2,
    .scratch = 1,
    .step = lisa_step,
};
