/* abliteration.c - the attack that trains nothing: refusal is taken out as one direction (Arditi et al., NeurIPS 2024,
 * arXiv 2406.11717).
 *
 *     h_l(x) = what leaves block l at the last token of the prompt x
 *     d_l = mean of h_l over "harmful" - mean of h_l over "train", which are harmless;    u_l = d_l / ||d_l||
 *
 * and the residual stream is kept free of u_l of one layer: pass_ablate() says what that makes of which weights.
 * A step finds it anew, on its batch of both data sets; every fourth row of "harmful" is held out of the means, and of
 * the layers l < 0.8 L that one is taken whose direction makes the answers of those rows the most probable (the
 * lowest where two are equal). `loss` is that of these answers without the direction, `loss_clean` with it.
 *
 * It is the copy in memory that is changed: adapters and checkpoints keep the weights as they were, and the direction
 * (its length is 0 before the first step) is the method's state. */
#include <math.h>

#include "base/trace.h"
#include "defense/passes.h"

enum { HARMLESS, HARMFUL };
enum { HELD_OUT = 4 };

static struct ref direction(const struct step *s)
{
    return s->state[0];
}

static struct pass pass_over(struct step *s, size_t b)
{
    return (struct pass){.m = s->m,
                         .a = s->a,
                         .b = &s->batch[b],
                         .taps = &s->taps,
                         .from = PLACE_START,
                         .stop = PLACE_START};
}

static size_t sequences(const struct step *s)
{
    size_t n = 0;

    for (size_t b = 0; b < s->n_batch; b++)
        n += s->batch[b].S;
    return n;
}

/* Of the harmful rows; with few of them all serve for both. */
static bool held_out(const struct step *s, size_t slot)
{
    return s->stream == HARMFUL && sequences(s) >= HELD_OUT && slot % HELD_OUT == HELD_OUT - 1;
}

/* Row 0 of each layer's array is d_l; behind it come the rows of the batch at work. */
static struct ref mean_of(const struct step *s, size_t l)
{
    return ref_at(s->eps, l * s->max_rows * model_config(s->m)->D);
}

/* d_l += sign * mean of h_l. What predicts the first token of an answer is the last of its prompt. */
static void add_means(struct step *s, double sign)
{
    size_t L = model_config(s->m)->L, D = model_config(s->m)->D, n = sequences(s), out = 0;

    for (size_t i = 0; i < n; i++)
        out += held_out(s, i);
    for (size_t b = 0; b < s->n_batch; b++) {
        struct pass p = pass_over(s, b);
        const struct batch *x = p.b;

        taps_clear(&s->taps);
        for (size_t l = 0; l < L; l++) {
            struct tap *t = taps_at(&s->taps, SITE_BLOCK, l);

            t->keep = ref_at(mean_of(s, l), D);
            t->row = x->lab_row;
            t->n_row = x->n_lab;
        }
        pass_forward(&p);
        for (size_t k = 0; k < x->n_lab; k++) {
            size_t slot = x->slot[x->lab_row[k]];

            if ((k > 0 && slot == x->slot[x->lab_row[k - 1]]) || held_out(s, slot))
                continue;
            for (size_t l = 0; l < L; l++)
                op_axpy(model_compute(s->m), mean_of(s, l), (float)(sign / (double)(n - out)),
                        ref_at(mean_of(s, l), (k + 1) * D), D);
        }
    }
    taps_clear(&s->taps);
}

/* Mean loss of the answers that are held out, or of all where none is. */
static double answers_loss(struct step *s)
{
    bool few = sequences(s) < HELD_OUT;
    size_t labels = 0, n = 0;
    double sum = 0;

    for (size_t b = 0; b < s->n_batch; b++) {
        struct pass p = pass_over(s, b);
        const struct batch *x = p.b;

        pass_loss(&p, false, s->out.row_loss + labels);
        for (size_t k = 0; k < x->n_lab; k++)
            if (few || held_out(s, x->slot[x->lab_row[k]])) {
                sum += s->out.row_loss[labels + k];
                n++;
            }
        labels += x->n_lab;
    }
    return n ? sum / (double)n : NAN;
}

/* u_l becomes the direction; false where d_l is none. */
static bool take(struct step *s, size_t l)
{
    struct compute *c = model_compute(s->m);
    size_t D = model_config(s->m)->D;
    double length = sqrt(op_sumsq(c, mean_of(s, l), D));

    if (!(length > 0) || !isfinite(length))
        return false;
    op_copy(c, direction(s), mean_of(s, l), D);
    op_scale(c, direction(s), (float)(1 / length), D);
    pass_ablate(s->m, direction(s));
    return true;
}

static void restore(struct step *s)
{
    pass_ablate(s->m, direction(s));
}

static void abliteration_step(struct step *s)
{
    struct compute *c = model_compute(s->m);
    size_t L = model_config(s->m)->L, D = model_config(s->m)->D, best = L;
    double lowest = INFINITY;

    pass_ablate(s->m, REF_NONE);
    for (size_t l = 0; l < L; l++)
        op_fill(c, mean_of(s, l), D, 0);
    step_use(s, HARMLESS);
    add_means(s, -1);
    step_use(s, HARMFUL);
    add_means(s, 1);
    s->out.loss_clean = s->out.loss = answers_loss(s);
    for (size_t l = 0; (double)l < 0.8 * (double)L; l++) {
        double loss = take(s, l) ? answers_loss(s) : INFINITY;

        TRACE("abliteration: layer %zu, loss %.6g, before %.6g", l, loss, s->out.loss_clean);
        if (loss < lowest) {
            lowest = loss;
            best = l;
        }
    }
    if (best < L && take(s, best))
        s->out.loss = answers_loss(s); /* and the losses of all rows, as they are now */
    else
        op_fill(c, direction(s), D, 0);
}

static int one_array(const void *options)
{
    (void)options;
    return 1;
}

static double cost(const void *options)
{
    (void)options;
    return 4;
}

static const char *const streams[] = {"harmful", NULL};

const struct method method_abliteration = {
    .name = "abliteration",
    .help = "an attack: refusal is projected out, nothing is trained",
    .paper = "Arditi et al., NeurIPS 2024, arXiv 2406.11717",
    .streams = streams,
    .state = 1,
    .buffers = one_array,
    .step = abliteration_step,
    .restore = restore,
    .still = true,
    .cost = cost,
};
