/* direction.c - see direction.h. A prompt is a pass: few are asked, and rows of a batch would only be thrown away.
 * Its acts are its own: a prompt may be asked about while a step is made. */
#include "model/direction.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct direction {
    struct model *m;
    struct acts *a;
    struct prompt_list harm, kind;
    struct batch b;
    struct taps taps;
    struct buf *kept;  /* [L, longest, D] what left the blocks */
    size_t longest;    /* tokens of a prompt, at most */
    float *row;        /* [D] */
    double *now, *ref; /* [L, D] directions; that of the reference of length 1, or NaN */
    double *zero,
        *length; /* [L] of the reference: the mean of `kind` along it; how far that of `harm` is */
};

static size_t layers(const struct direction *x)
{
    return model_config(x->m)->L;
}

static size_t width(const struct direction *x)
{
    return model_config(x->m)->D;
}

uint64_t direction_bytes(const struct model *m, size_t longest)
{
    const struct config *c = model_config(m);

    return (uint64_t)c->L * c->D * (sizeof(float) * longest + 2 * sizeof(double)) +
           2 * c->L * sizeof(double) + sizeof(float) * acts_floats(m, longest, 1, false);
}

struct direction *direction_new(struct model *m, struct prompt_list harm, struct prompt_list kind,
                                size_t longest, struct vac_err *err)
{
    struct direction *x = mem_new(1, sizeof *x, err);
    size_t floats;

    if (!x)
        return NULL;
    *x = (struct direction){.m = m, .harm = harm, .kind = kind, .longest = longest};
    if (harm.n == 0 || kind.n == 0) {
        err_set(err, VAC_ERR_USAGE, "the refusal direction needs prompts of both kinds");
        goto fail;
    }
    if (size_mul(layers(x) * width(x), x->longest, &floats)) {
        err_set(err, VAC_ERR_MEMORY, "out of memory");
        goto fail;
    }
    x->a = acts_new(m, longest, 1, longest, false, err);
    x->kept = compute_alloc(model_compute(m), floats, err);
    x->row = mem_new(width(x), sizeof *x->row, err);
    x->now = mem_new(layers(x) * width(x), sizeof *x->now, err);
    x->ref = mem_new(layers(x) * width(x), sizeof *x->ref, err);
    x->zero = mem_new(layers(x), sizeof *x->zero, err);
    x->length = mem_new(layers(x), sizeof *x->length, err);
    if (x->a && x->kept && x->row && x->now && x->ref && x->zero && x->length &&
        !batch_init(&x->b, x->longest, 1, err) && !taps_init(&x->taps, m, err))
        return x;
fail:
    direction_free(x);
    return NULL;
}

void direction_free(struct direction *x)
{
    if (!x)
        return;
    acts_free(x->a);
    compute_release(model_compute(x->m), x->kept);
    batch_done(&x->b);
    taps_done(&x->taps);
    free(x->row);
    free(x->now);
    free(x->ref);
    free(x->zero);
    free(x->length);
    free(x);
}

/* The prompt goes through the model; its rows are kept layer by layer. */
static void forward(struct direction *x, const struct ids *prompt)
{
    struct pass p = {.m = x->m,
                     .a = x->a,
                     .b = &x->b,
                     .taps = &x->taps,
                     .from = PLACE_START,
                     .stop = PLACE_START};

    taps_clear(&x->taps);
    for (size_t l = 0; l < layers(x); l++)
        taps_at(&x->taps, SITE_BLOCK, l)->keep = (struct ref){x->kept, l * x->longest * width(x)};
    batch_fill_ids(&x->b, prompt->v, NULL, prompt->n);
    pass_forward(&p);
}

/* h_l of the prompt that went through last, in x->row. */
static void last_row(struct direction *x, size_t l)
{
    struct ref at = {x->kept, (l * x->longest + x->b.N - 1) * width(x)};

    compute_download(model_compute(x->m), x->row, at, width(x));
}

static void add_mean(struct direction *x, struct prompt_list list, double sign)
{
    size_t D = width(x);

    for (size_t i = 0; i < list.n; i++) {
        forward(x, &list.v[i]);
        for (size_t l = 0; l < layers(x); l++) {
            last_row(x, l);
            for (size_t k = 0; k < D; k++)
                x->now[l * D + k] += sign * (double)x->row[k] / (double)list.n;
        }
    }
}

/* The present one in x->now; harm[L, D] gets the mean of the harmful prompts unless it is NULL. */
static void find(struct direction *x, double *harm)
{
    size_t n = layers(x) * width(x);

    for (size_t i = 0; i < n; i++)
        x->now[i] = 0;
    add_mean(x, x->harm, 1);
    if (harm)
        memcpy(harm, x->now, n * sizeof *harm);
    add_mean(x, x->kind, -1);
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

void direction_set_reference(struct direction *x)
{
    size_t D = width(x);

    find(x, x->ref);
    for (size_t l = 0; l < layers(x); l++) {
        const double *d = x->now + l * D;
        double *ref = x->ref + l * D;

        x->length[l] = sqrt(dot(d, d, D));
        x->zero[l] = dot(ref, d, D) / x->length[l] - x->length[l]; /* (harm - d) . u */
        for (size_t k = 0; k < D; k++)
            ref[k] = d[k] / x->length[l];
    }
}

void direction_measure(struct direction *x, double *cosine)
{
    size_t D = width(x);

    find(x, NULL);
    for (size_t l = 0; l < layers(x); l++) {
        const double *d = x->now + l * D;

        cosine[l] = dot(d, x->ref + l * D, D) / sqrt(dot(d, d, D));
    }
}

bool direction_project(struct direction *x, const struct ids *prompt, double *out, double *along)
{
    size_t D = width(x), n = 0;
    double sum = 0;

    if (prompt->n == 0 || prompt->n > x->longest)
        return false;
    forward(x, prompt);
    for (size_t l = 0; l < layers(x); l++) {
        out[l] = 0;
        last_row(x, l);
        for (size_t k = 0; k < D; k++)
            out[l] += (double)x->row[k] * x->ref[l * D + k];
        if (isnan(out[l]))
            continue;
        sum += (out[l] - x->zero[l]) / x->length[l];
        n++;
    }
    *along = n ? sum / (double)n : (double)NAN;
    return true;
}
