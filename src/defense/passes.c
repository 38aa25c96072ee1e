/* passes.c - what methods are written with: passes over an effective batch, and its perturbation. */
#include "defense/passes.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Keeps a zero gradient from becoming a division by zero, as the reference does. */
#define NORM_FLOOR 1e-7

const char *const norm_names[] = {"global", "layer", "sample", "token", "relative", NULL};

/* --- which layers --- */

static const char *layer_range(const char *s, size_t *from, size_t *to)
{
    char *end;

    if (!isdigit((unsigned char)*s))
        return NULL;
    *from = *to = strtoul(s, &end, 10);
    if (*end == '-' && isdigit((unsigned char)end[1]))
        *to = strtoul(end + 1, &end, 10);
    return end;
}

/* Checks the list, and with a mask, marks its layers. */
static int layers_walk(const char *text, size_t L, bool *mask, struct vac_err *err)
{
    size_t from, to;

    for (const char *s = text; *s; s += *s == ',') {
        s = layer_range(s, &from, &to);
        if (!s || (*s && *s != ',') || from > to || (*s == ',' && !s[1]))
            return err_set(err, VAC_ERR_USAGE,
                           "layers: expected numbers and ranges like 0-3,7 or all, found \"%s\"",
                           text);
        if (to >= L)
            return err_set(err, VAC_ERR_USAGE, "layers: expected numbers up to %zu, found \"%s\"",
                           L - 1, text);
        for (size_t l = from; mask && l <= to; l++)
            mask[l] = true;
    }
    return 0;
}

int layers_mask(const char *text, enum site site, const struct config *c, bool *mask,
                struct vac_err *err)
{
    bool all = !text || !*text || !strcmp(text, "all");
    size_t n = site == SITE_EMBED ? 1 : c->L;

    if (!all && layers_walk(text, n, NULL, err)) {
        if (site == SITE_EMBED)
            err_prefix(err, "site embed has layer 0 only");
        return -1;
    }
    for (size_t l = 0; l < c->L; l++)
        mask[l] = all && l < n;
    return all ? 0 : layers_walk(text, n, mask, err);
}

static size_t layers_at(const struct step *s, enum site site)
{
    return site == SITE_EMBED ? 1 : model_config(s->m)->L;
}

/* The first layer that is perturbed; layers_mask never leaves a mask empty. */
static size_t lowest_layer(const struct step *s, enum site site)
{
    size_t l = 0;

    while (l + 1 < layers_at(s, site) && !s->mask[l])
        l++;
    return l;
}

struct ref step_slice(const struct step *s, struct ref array, size_t l, size_t b)
{
    size_t row = 0;

    for (size_t i = 0; i < b; i++)
        row += s->batch[i].N;
    return ref_at(array, (l * s->max_rows + row) * model_config(s->m)->D);
}

/* --- passes --- */

static struct pass pass_over(struct step *s, size_t b, bool grads)
{
    s->pass += b == 0;
    if (s->hear)
        s->hear(s->hear_ctx, s, b);
    return (struct pass){.m = s->m,
                         .a = s->a,
                         .b = &s->batch[b],
                         .taps = &s->taps,
                         .train = true,
                         .grads = grads,
                         .scale = s->n_labels ? 1.0f / (float)s->n_labels : 0,
                         .from = PLACE_START,
                         .stop = PLACE_START,
                         .rest = s->rest,
                         .rest_ctx = s->hear_ctx};
}

static double mean_loss(const struct step *s, double sum)
{
    return s->n_labels ? sum / (double)s->n_labels : 0;
}

/* Sums of squares of the batch that the taps are to collect, into L squares, from layer `low` on. */
static void watch_squares(struct step *s, double *sq, enum site site, size_t low, bool gradient)
{
    for (size_t l = low; l < layers_at(s, site); l++) {
        struct tap *t = taps_at(&s->taps, site, l);
        if (gradient)
            t->grad_sumsq = &sq[l];
        else
            t->sumsq = &sq[l];
        sq[l] = isnan(sq[l]) ? 0 : sq[l];
    }
}

static void squares_to_norms(const struct step *s, double *sq)
{
    for (size_t l = 0; l < model_config(s->m)->L; l++)
        sq[l] = sqrt(sq[l]);
}

/* Of the activations, out of their squares. */
static void read_lengths(struct step *s, enum site site)
{
    squares_to_norms(s, s->out.attn);
    squares_to_norms(s, s->site);
    if (site == SITE_ATTN)
        memcpy(s->site, s->out.attn, model_config(s->m)->L * sizeof *s->site);
}

static void set_adds(struct step *s, enum site site, struct ref eps, size_t b)
{
    for (size_t l = 0; ref_is(eps) && l < layers_at(s, site); l++) {
        if (s->mask[l])
            taps_at(&s->taps, site, l)->add = step_slice(s, eps, l, b);
    }
}

double step_site_gradients(struct step *s, enum site site, struct ref into, struct ref at)
{
    bool first = !ref_is(at); /* readings are taken without perturbation */
    size_t low = lowest_layer(s, site);
    double sum = 0;

    for (size_t l = 0; first && l < model_config(s->m)->L; l++)
        s->site[l] = NAN;
    for (size_t b = 0; b < s->n_batch; b++) {
        struct pass p = pass_over(s, b, false);
        taps_clear(&s->taps);
        set_adds(s, site, at, b);
        if (first) {
            watch_squares(s, s->out.attn, SITE_ATTN, 0, false);
            if (site != SITE_ATTN)
                watch_squares(s, s->site, site, 0, false);
            watch_squares(s, s->out.grad, site, low, true);
        }
        for (size_t l = 0; l < layers_at(s, site); l++) {
            if (s->mask[l])
                taps_at(&s->taps, site, l)->keep_grad = step_slice(s, into, l, b);
        }
        p.stop = place_of(site, low);
        sum += pass_loss(&p, true, NULL);
        pass_backward(&p);
    }
    if (first) {
        squares_to_norms(s, s->out.grad);
        read_lengths(s, site);
    }
    return mean_loss(s, sum);
}

double step_weight_gradients(struct step *s, enum site site, struct ref eps, bool after_clean)
{
    bool first = isnan(s->out.attn[0]), clean = !ref_is(eps);
    size_t labels = 0;
    double sum = 0;

    for (size_t b = 0; b < s->n_batch; b++) {
        struct pass p = pass_over(s, b, true);
        taps_clear(&s->taps);
        set_adds(s, site, eps, b);
        if (first) {
            watch_squares(s, s->out.attn, SITE_ATTN, 0, false);
            if (site != SITE_ATTN)
                watch_squares(s, s->site, site, 0, false);
        }
        if (first && clean)
            watch_squares(s, s->out.grad, site, 0, true);
        /* with one micro-batch, what lies below the lowest perturbation is as the clean pass left it */
        if (after_clean && !clean && s->n_batch == 1)
            p.from = place_of(site, lowest_layer(s, site));
        sum += pass_loss(&p, true, s->out.row_loss + labels);
        pass_backward(&p);
        labels += s->batch[b].n_lab;
    }
    if (first)
        read_lengths(s, site);
    if (first && clean)
        squares_to_norms(s, s->out.grad);
    return mean_loss(s, sum);
}

/* --- perturbations --- */

typedef void slice_visit(struct step *s, struct ref x, size_t l, size_t n, void *ctx);

/* Calls for every masked layer with its rows of the whole effective batch. */
static void each_layer(struct step *s, struct ref array, slice_visit *visit, void *ctx)
{
    for (size_t l = 0; l < model_config(s->m)->L; l++) {
        if (s->mask[l])
            visit(s, step_slice(s, array, l, 0), l, s->rows, ctx);
    }
}

static void square_rows(struct step *s, struct ref x, size_t l, size_t n, void *ctx)
{
    (void)ctx;
    op_row_sumsq(model_compute(s->m), s->row_sq + l * s->max_rows, x, n, model_config(s->m)->D);
}

/* The unit of the scope that a row belongs to: 0 .. units - 1. */
static size_t unit_of(const struct step *s, enum norm_scope scope, size_t l, size_t row)
{
    size_t b = 0, first = 0;

    switch (scope) {
    case NORM_LAYER:
    case NORM_RELATIVE:
        return l;
    case NORM_TOKEN:
        return row;
    case NORM_SAMPLE:
        while (row - first >= s->batch[b].N)
            first += s->batch[b++].N;
        return s->batch[b].slot[row - first];
    default:
        return 0;
    }
}

/* Replaces every row's square by its unit's sum of squares. The sums live in unit[]; there are never more
 * units than rows or layers. */
static void unit_sums(struct step *s, enum norm_scope scope, double *unit)
{
    size_t L = model_config(s->m)->L, n = s->rows > L ? s->rows : L;

    memset(unit, 0, n * sizeof *unit);
    for (size_t l = 0; l < L; l++) {
        for (size_t i = 0; s->mask[l] && i < s->rows; i++)
            unit[unit_of(s, scope, l, i)] += s->row_sq[l * s->max_rows + i];
    }
}

enum factor { FACTOR_NORMALISE, FACTOR_SHORTEN };

static double unit_factor(enum factor f, double sq, double rho)
{
    double norm = sqrt(sq);

    if (f == FACTOR_NORMALISE)
        return rho / (norm + NORM_FLOOR);
    return norm > rho ? rho / norm : 1;
}

/* to = factor(unit) from; also the norms of the result. */
static void rescale(struct step *s, struct ref to, struct ref from, double rho,
                    enum norm_scope scope, enum factor f)
{
    size_t L = model_config(s->m)->L, D = model_config(s->m)->D;
    double total = 0, site = 0;

    for (size_t l = 0; l < L; l++)
        site += s->mask[l] ? s->site[l] * s->site[l] : 0;
    each_layer(s, from, square_rows, NULL);
    unit_sums(s, scope, s->unit);
    for (size_t l = 0; l < L; l++) {
        double sq = 0, own = rho;
        if (!s->mask[l])
            continue;
        if (scope == NORM_RELATIVE)
            own *= s->site[l] / (sqrt(site) + NORM_FLOOR);
        for (size_t i = 0; i < s->rows; i++) {
            double k = unit_factor(f, s->unit[unit_of(s, scope, l, i)], own);
            s->row_scale[i] = (float)k;
            sq += k * k * s->row_sq[l * s->max_rows + i];
        }
        op_scale_rows(model_compute(s->m), step_slice(s, to, l, 0), step_slice(s, from, l, 0),
                      s->row_scale, s->rows, D);
        s->out.eps[l] = sqrt(sq);
        total += sq;
    }
    s->out.eps_norm = sqrt(total);
}

void step_normalise(struct step *s, struct ref to, struct ref from, double rho,
                    enum norm_scope scope)
{
    rescale(s, to, from, rho, scope, FACTOR_NORMALISE);
}

static void add_slice(struct step *s, struct ref x, size_t l, size_t n, void *ctx)
{
    op_axpy(model_compute(s->m), x, 1, step_slice(s, *(struct ref *)ctx, l, 0),
            n * model_config(s->m)->D);
}

void step_ascend(struct step *s, struct ref eps, struct ref g, double rho, enum norm_scope scope)
{
    rescale(s, g, g, rho, scope, FACTOR_NORMALISE);
    each_layer(s, eps, add_slice, &g);
    rescale(s, eps, eps, rho, scope, FACTOR_SHORTEN);
}

static void scale_slice(struct step *s, struct ref x, size_t l, size_t n, void *ctx)
{
    size_t numbers = n * model_config(s->m)->D;

    op_scale(model_compute(s->m), x, *(float *)ctx, numbers);
    s->out.eps[l] = sqrt(op_sumsq(model_compute(s->m), x, numbers));
    s->out.eps_norm = sqrt((isnan(s->out.eps_norm) ? 0 : s->out.eps_norm * s->out.eps_norm) +
                           s->out.eps[l] * s->out.eps[l]);
}

void step_scale(struct step *s, struct ref eps, double a)
{
    float x = (float)a;

    each_layer(s, eps, scale_slice, &x);
}
