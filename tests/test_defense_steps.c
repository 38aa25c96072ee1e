/* test_defense_steps.c - what a perturbation is, whatever the model: its length over every scope, where it
 * is added, how the loss answers, and that neither micro-batches nor the backend matter. */
#include <math.h>

#include "defense/defense.h"
#include "base/rng.h"
#include "model_support.h"

/* --- a lab: a small random model, twenty samples, a method --- */

#define SAMPLES 20
#define LONGEST 9

struct lab {
    const char *form;
    struct compute *c;
    struct model *m;
    struct acts *a;
    struct batch b[SAMPLES];
    const struct method *method;
    void *options;
    struct step s;
    size_t rows, labels;
};

/* What a lab is made of; cut = samples of a micro-batch. */
struct plan {
    size_t form;
    const char *backend, *method, *options;
    double dropout;
    bool full;
    size_t cut;
    int threads;
};

struct samples {
    int32_t ids[SAMPLES][LONGEST], labels[SAMPLES][LONGEST];
    struct sample sample[SAMPLES];
    size_t rows, n_labels;
};

/* Lengths 2 to 9; the first two tokens are a prompt, one sample has no label at all. */
static void make_samples(struct samples *x, size_t V)
{
    struct rng r = {.key = rng_key(77, RNG_TEST, 0, 0)};

    *x = (struct samples){0};
    for (size_t s = 0; s < SAMPLES; s++) {
        size_t n = 2 + rng_below(&r, LONGEST - 1);
        for (size_t i = 0; i < n; i++) {
            x->ids[s][i] = (int32_t)rng_below(&r, V);
            x->labels[s][i] = i < 2 || s == 7 ? -100 : x->ids[s][i];
        }
        x->sample[s] = (struct sample){.ids = x->ids[s], .labels = x->labels[s], .n = n};
        x->rows += n;
        x->n_labels += s == 7 ? 0 : n - 2;
    }
}

static void pack(struct lab *x, size_t cut)
{
    struct samples d;
    struct dataset set = {.sample = d.sample, .n = SAMPLES};
    size_t index[SAMPLES];
    struct vac_err err = {0};

    make_samples(&d, model_config(x->m)->V);
    x->rows = d.rows;
    x->labels = d.n_labels;
    for (size_t i = 0; i < SAMPLES; i++)
        index[i] = i;
    for (size_t at = 0; at < SAMPLES; at += cut) {
        size_t n = SAMPLES - at < cut ? SAMPLES - at : cut;
        struct batch *b = &x->b[x->s.n_batch++];
        assert_ok(batch_init(b, d.rows, SAMPLES, &err), &err);
        batch_fill(b, &set, index + at, n, at);
    }
    x->s.batch = x->b;
}

/* "rho=2 norm=layer" */
static void set_options(struct lab *x, const char *text)
{
    struct vac_err err = {0};
    char copy[200], *save = NULL;

    snprintf(copy, sizeof copy, "%s", text ? text : "");
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        const struct option_row *row;
        *value++ = '\0';
        row = option_find(x->method->options, word);
        assert_non_null(row);
        assert_ok(option_set(row, value, x->options, word, &err), &err);
    }
}

/* Weights large enough that the attention outputs matter; B of the adapter is not zero. */
static void shake_adapter(struct lab *x)
{
    const struct params *p = model_params(x->m);
    float *w = calloc(p->n, sizeof *w);

    fill_normal(w, p->n, 31, 0.2);
    compute_upload(x->c, p->w, w, p->n);
    free(w);
}

static void lab_open(struct lab *x, const struct plan *p)
{
    struct lora_spec lora = {.r = 3, .alpha = 3, .dropout = p->dropout, .targets = "all"};
    struct vac_err err = {0};

    *x = (struct lab){.form = rig_forms[p->form].name, .method = method_find(p->method, &err)};
    x->c = compute_open(p->backend ? p->backend : "cpu", p->threads ? p->threads : 1, &err);
    x->m = random_model(rig_forms[p->form].config, x->c, 5);
    if (p->full) {
        assert_ok(model_train_full(x->m, &err), &err);
    } else {
        assert_ok(model_add_lora(x->m, &lora, 1, 0, &err), &err);
        shake_adapter(x);
    }
    x->options = calloc(1, x->method->options_size + 1);
    if (x->method->options)
        assert_ok(option_defaults(x->method->options, x->options, &err), &err);
    set_options(x, p->options);
    x->a = acts_new(x->m, SAMPLES * LONGEST, SAMPLES * LONGEST, LONGEST, true, &err);
    assert_ok(!x->a, &err);
    assert_ok(step_init(&x->s, x->m, x->a, x->method, x->options, SAMPLES * LONGEST, SAMPLES * LONGEST, &err),
              &err);
    pack(x, p->cut ? p->cut : SAMPLES);
    x->s.seed = 3;
    x->s.step = 11;
    x->s.stage_step = 1;
}

static void lab_close(struct lab *x)
{
    if (x->method->options)
        option_free(x->method->options, x->options);
    free(x->options);
    step_done(&x->s);
    for (size_t i = 0; i < x->s.n_batch || i < SAMPLES; i++)
        batch_done(&x->b[i]);
    acts_free(x->a);
    model_close(x->m);
    compute_close(x->c);
}

static void lab_run(struct lab *x)
{
    step_run(&x->s, x->method);
}

static float *fetch(struct lab *x, struct ref from, size_t n)
{
    float *y = calloc(n + 1, sizeof *y);

    compute_download(x->c, y, from, n);
    return y;
}

static float *gradients(struct lab *x)
{
    return fetch(x, model_params(x->m)->g, model_params(x->m)->n);
}

/* One step of a plan: its gradients, to be freed. */
static float *gradients_of(const struct plan *p, double *loss)
{
    struct lab x;
    float *g;

    lab_open(&x, p);
    lab_run(&x);
    g = gradients(&x);
    *loss = x.s.out.loss;
    lab_close(&x);
    return g;
}

static double sum_squares(const double *x, size_t n)
{
    double s = 0;

    for (size_t i = 0; i < n; i++)
        s += isnan(x[i]) ? 0 : x[i] * x[i];
    return s;
}

static double layer_square(struct lab *x, size_t l)
{
    return op_sumsq(x->c, step_slice(&x->s, x->s.eps, l, 0), x->s.rows * model_config(x->m)->D);
}

static double array_norm(struct lab *x)
{
    double s = 0;

    for (size_t l = 0; l < model_config(x->m)->L; l++)
        s += layer_square(x, l);
    return sqrt(s);
}

/* Plain llama with several heads, plain opt, opt-350m with its norms behind: in turns. */
static const size_t forms[] = {0, 2, 3, 4};
static const char *const backends[] = {"cpu", "fence"};
static const size_t cuts[] = {20, 5, 1, 7};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* --- its length --- */

static void check_length(const struct plan *p, double rho)
{
    struct lab x;
    double g, want;

    lab_open(&x, p);
    lab_run(&x);
    g = sqrt(sum_squares(x.s.out.grad, model_config(x.m)->L));
    want = rho * g / (g + 1e-7);
    if (!(fabs(array_norm(&x) - want) <= 1e-6 * want) || !(fabs(x.s.out.eps_norm - want) <= 1e-6 * want))
        fail_msg("%s: ||eps|| is %.9g and said to be %.9g, expected %.9g", x.form, array_norm(&x),
                 x.s.out.eps_norm, want);
    for (size_t l = 0; l < model_config(x.m)->L; l++) {
        double e = sqrt(layer_square(&x, l));
        if (isnan(x.s.out.grad[l])) { /* a layer that the site has not */
            assert_true(e == 0 && isnan(x.s.out.eps[l]));
            continue;
        }
        assert_true(fabs(e - x.s.out.eps[l]) <= 1e-6 * want);
        assert_true(fabs(e - rho * x.s.out.grad[l] / (g + 1e-7)) <= 1e-6 * want);
    }
    assert_true(x.s.out.loss > x.s.out.loss_clean || rho > 2); /* far away anything may happen */
    lab_close(&x);
}

static void test_length(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double rho;
    } lengths[] = {{"rho=1e-3", 1e-3}, {"rho=0.3", 0.3}, {"rho=2", 2}, {"rho=40", 40}};

    for (size_t i = 0; i < COUNT(forms); i++) {
        for (size_t k = 0; k < COUNT(lengths); k++) {
            struct plan p = {.form = forms[i], .method = "vaccine", .options = lengths[k].text,
                             .dropout = k % 2 ? 0.3 : 0, .cut = cuts[k], .backend = backends[k % 2]};
            check_length(&p, lengths[k].rho);
        }
    }
}

/* The unit of a row under each scope. */
static size_t unit(const char *scope, size_t l, size_t row, const uint32_t *slot)
{
    return *scope == 'l' ? l : *scope == 's' ? slot[row] : *scope == 't' ? row : 0;
}

/* By plain loops: eps from g, unit by unit, in double. */
static void normalise(float *x, const struct lab *lab, const char *scope, double rho)
{
    const struct config *c = model_config(lab->m);
    double sq[SAMPLES * LONGEST] = {0};
    uint32_t slot[SAMPLES * LONGEST];
    size_t n = 0;

    for (size_t b = 0; b < lab->s.n_batch; b++) {
        memcpy(slot + n, lab->b[b].slot, lab->b[b].N * sizeof *slot);
        n += lab->b[b].N;
    }
    for (int apply = 0; apply < 2; apply++) {
        for (size_t i = 0; i < c->L * n * c->D; i++) {
            size_t u = unit(scope, i / (n * c->D), i / c->D % n, slot);
            if (apply)
                x[i] = (float)(rho / (sqrt(sq[u]) + 1e-7) * x[i]);
            else
                sq[u] += (double)x[i] * x[i];
        }
    }
}

static float *fetch_layers(struct lab *x)
{
    size_t L = model_config(x->m)->L, n = x->rows * model_config(x->m)->D;
    float *y = calloc(L * n, sizeof *y);

    for (size_t l = 0; l < L; l++)
        compute_download(x->c, y + l * n, step_slice(&x->s, x->s.eps, l, 0), n);
    return y;
}

static void check_scope(const struct plan *p, const char *scope)
{
    struct lab x;
    size_t n;
    float *want, *got;
    int norm = 0;

    lab_open(&x, p);
    lab_run(&x); /* row counts and keys */
    while (strcmp(norm_names[norm], scope))
        norm++;
    step_site_gradients(&x.s, SITE_ATTN, x.s.eps, REF_NONE);
    want = fetch_layers(&x);
    normalise(want, &x, scope, 0.7);
    step_normalise(&x.s, x.s.eps, x.s.eps, 0.7, (enum norm_scope)norm);
    got = fetch_layers(&x);
    n = model_config(x.m)->L * x.rows * model_config(x.m)->D;
    assert_close(scope, got, want, n, 1e-6);
    free(got);
    lab_run(&x); /* and the method does the same by itself */
    got = fetch_layers(&x);
    assert_close(scope, got, want, n, 1e-6);
    assert_true(fabs(x.s.out.eps_norm - array_norm(&x)) <= 1e-6 * array_norm(&x));
    assert_true(x.s.out.loss > x.s.out.loss_clean);
    free(got);
    free(want);
    lab_close(&x);
}

static void test_scopes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        for (size_t k = 0; norm_names[k]; k++) {
            char text[64];
            struct plan p = {.form = forms[i], .method = "vaccine", .options = text, .cut = cuts[k],
                             .backend = backends[(i + k) % 2], .dropout = i % 2 ? 0.2 : 0};
            snprintf(text, sizeof text, "rho=0.7 norm=%s", norm_names[k]);
            check_scope(&p, norm_names[k]);
        }
    }
}

/* --- rho = 0 is plain fine-tuning, bit for bit --- */

static void same_bits(const struct plan *p, const struct plan *q)
{
    double loss_p, loss_q;
    float *a = gradients_of(p, &loss_p), *b = gradients_of(q, &loss_q);
    struct lab x;
    size_t n, differ = 0;

    lab_open(&x, p);
    n = model_params(x.m)->n;
    lab_close(&x);
    for (size_t i = 0; i < n; i++)
        differ += memcmp(&a[i], &b[i], sizeof *a) != 0;
    if (differ || memcmp(&loss_p, &loss_q, sizeof loss_p) != 0)
        fail_msg("%s: %s %s and %s: %zu of %zu gradients differ, losses %.17g and %.17g",
                 rig_forms[p->form].name, p->method, p->options, q->method, differ, n, loss_p, loss_q);
    free(a);
    free(b);
}

static void test_zero(void **state)
{
    (void)state;
    static const struct plan zero[] = {{.method = "vaccine", .options = "rho=0"},
                                       {.method = "vaccine", .options = "rho=0 norm=token site=block"},
                                       {.method = "vaccine", .options = "rho=0 site=mlp layers=1"},
                                       {.method = "vaccine", .options = "rho=0 site=embed"},
                                       {.method = "vaccine", .options = "rho=0 inner_steps=3"},
                                       {.method = "random", .options = "rho=0"},
                                       {.method = "random", .options = "rho=0 noise=variance"}};

    for (size_t i = 0; i < COUNT(forms); i++) {
        for (size_t k = 0; k < COUNT(zero); k++) {
            struct plan p = zero[k], q;
            p.form = forms[i];
            p.dropout = (i + k) % 3 ? 0.3 : 0;
            p.cut = cuts[(i + k) % COUNT(cuts)];
            p.full = k == 1;
            p.backend = backends[k % 2];
            p.threads = 1 + (int)(i % 2);
            q = p;
            q.method = "sft";
            q.options = NULL;
            same_bits(&p, &q);
            p.cut = q.cut = 20;
            same_bits(&p, &q);
        }
    }
}

/* Dropout is on in both passes, with the same masks, which change from step to step. */
static void test_dropout(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        struct plan p = {.form = forms[i], .method = "vaccine", .options = "rho=0", .cut = cuts[i]};
        struct lab x;
        double still, first;
        free(gradients_of(&p, &still));
        p.dropout = 0.4;
        lab_open(&x, &p);
        lab_run(&x);
        first = x.s.out.loss;
        assert_true(fabs(first - still) > 1e-4);
        assert_true(fabs(x.s.out.loss_clean - first) <= 1e-12 * first);
        x.s.step++;
        lab_run(&x);
        assert_true(fabs(x.s.out.loss - first) > 1e-4);
        x.s.step--;
        x.s.seed++;
        lab_run(&x);
        assert_true(fabs(x.s.out.loss - first) > 1e-4);
        x.s.seed--;
        lab_run(&x);
        assert_true(x.s.out.loss == first);
        lab_close(&x);
    }
}

/* --- how the loss answers --- */

/* loss(pass 2) - loss(pass 1) = rho ||g|| + O(rho^2). */
static double surplus(const struct plan *base, double rho, double *slope)
{
    struct plan p = *base;
    struct lab x;
    char text[128];
    double rise, g;

    snprintf(text, sizeof text, "rho=%.17g %s", rho, base->options ? base->options : "");
    p.options = text;
    lab_open(&x, &p);
    lab_run(&x);
    g = sqrt(sum_squares(x.s.out.grad, model_config(x.m)->L));
    rise = x.s.out.loss - x.s.out.loss_clean;
    lab_close(&x);
    *slope = rise / (rho * g);
    return rise - rho * g;
}

/* What the first order misses falls with the square of the length: from 0.04 to 0.01 sixteenfold, where an
 * error of first order would fall fourfold; the line is drawn between. (From 0.64, 256-fold or sixteenfold,
 * the third order is still in it, with the other sign.) Only of smooth models: ReLU has corners as close as
 * one likes. */
static void test_order(void **state)
{
    (void)state;
    static const size_t smooth[] = {0, 1, 2, 5, 6, 7};
    static const double rho[] = {0.64, 0.04, 0.01};

    for (size_t i = 0; i < COUNT(smooth); i++) {
        for (int k = 0; k < 2; k++) {
            struct plan p = {.form = smooth[i], .method = "vaccine", .dropout = k ? 0.3 : 0, .cut = k ? 5 : 20};
            double slope[3], rest[3];
            for (int j = 0; j < 3; j++)
                rest[j] = fabs(surplus(&p, rho[j], &slope[j]));
            if (!(fabs(slope[2] - 1) < 2e-3) || !(rest[1] < rest[0] / 32) || !(rest[2] < rest[1] / 8))
                fail_msg("%s: slopes %.6f %.6f %.6f, rests %.3g %.3g %.3g", rig_forms[p.form].name, slope[0],
                         slope[1], slope[2], rest[0], rest[1], rest[2]);
        }
    }
}

static void test_sites(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        for (size_t k = 0; site_names[k]; k++) {
            char text[64];
            struct plan p = {.form = forms[i], .method = "vaccine", .options = text, .dropout = 0.2,
                             .cut = cuts[k % 2], .backend = backends[k % 2]};
            struct lab x;
            double slope, g;
            snprintf(text, sizeof text, "site=%s", site_names[k]);
            surplus(&p, 0.01, &slope);
            if (!(fabs(slope - 1) < 0.02))
                fail_msg("%s at %s: the loss rises by %.4f rho ||g||", rig_forms[p.form].name, site_names[k],
                         slope);
            snprintf(text, sizeof text, "rho=3 site=%s", site_names[k]);
            check_length(&p, 3);
            lab_open(&x, &p);
            lab_run(&x);
            g = x.s.out.grad[0];
            for (size_t l = 1; l < model_config(x.m)->L; l++) { /* the embedding is one array */
                assert_int_equal(isnan(x.s.out.grad[l]), !strcmp(site_names[k], "embed"));
                assert_int_equal(isnan(x.s.out.eps[l]), !strcmp(site_names[k], "embed"));
                assert_true(x.s.out.attn[l] > 0 && g > 0);
            }
            lab_close(&x);
        }
    }
}

/* A random direction of the same length raises the loss less. */
static void test_against_random(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        double up[2], clean;
        struct plan p = {.form = forms[i], .method = "sft"};
        free(gradients_of(&p, &clean));
        for (int k = 0; k < 2; k++) {
            p.method = k ? "random" : "vaccine";
            p.options = "rho=0.1";
            free(gradients_of(&p, &up[k]));
        }
        assert_true(up[0] - clean > 4 * fabs(up[1] - clean));
    }
}

/* --- which layers --- */

static void check_mask(size_t form, const char *layers, size_t lowest, bool top, size_t cut)
{
    char text[64];
    struct plan p = {.form = form, .method = "vaccine", .options = text, .cut = cut};
    struct lab x;
    size_t n;
    float *dx, *g;

    snprintf(text, sizeof text, "rho=1.5 layers=%s", layers);
    lab_open(&x, &p);
    n = x.rows * model_config(x.m)->D;
    lab_run(&x);
    assert_true(fabs(array_norm(&x) - 1.5) < 1e-4);
    for (size_t l = 0; l < model_config(x.m)->L; l++) {
        bool in = l == lowest || (top && l + 1 == model_config(x.m)->L);
        assert_true(in ? x.s.out.eps[l] > 0 && layer_square(&x, l) > 0
                       : isnan(x.s.out.eps[l]) && layer_square(&x, l) == 0);
        assert_true(l < lowest ? isnan(x.s.out.grad[l]) : x.s.out.grad[l] > 0);
        assert_true(x.s.out.attn[l] > 0);
    }
    assert_true(x.s.out.loss > x.s.out.loss_clean);
    if (cut == SAMPLES) { /* the first pass has gone no further down than the lowest: its gradient stands */
        step_site_gradients(&x.s, SITE_ATTN, x.s.eps, REF_NONE);
        dx = fetch(&x, x.a->dx, n);
        g = fetch(&x, step_slice(&x.s, x.s.eps, lowest, 0), n);
        assert_memory_equal(dx, g, n * sizeof *g);
        free(dx);
        free(g);
    }
    lab_close(&x);
}

static void test_mask(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        check_mask(2, "1", 1, false, cuts[k]);
        check_mask(2, "2", 2, false, cuts[k]);
        check_mask(2, "0", 0, false, cuts[k]);
        check_mask(2, "0,2", 0, true, cuts[k]);
        check_mask(2, "1-2", 1, true, cuts[k]);
        check_mask(3, "1", 1, false, cuts[k]);
        check_mask(4, "1", 1, false, cuts[k]);
    }
}

/* With one layer masked, the perturbation is that layer's gradient alone, which does not depend on the
 * mask. */
static void test_mask_direction(void **state)
{
    (void)state;
    struct plan p = {.form = 2, .method = "vaccine", .options = "rho=0.5 norm=layer"};
    struct lab all, one;
    size_t n;
    float *a, *b;

    lab_open(&all, &p);
    lab_run(&all);
    p.options = "rho=0.5 layers=1";
    lab_open(&one, &p);
    lab_run(&one);
    n = all.rows * model_config(all.m)->D;
    a = fetch(&all, step_slice(&all.s, all.s.eps, 1, 0), n);
    b = fetch(&one, step_slice(&one.s, one.s.eps, 1, 0), n);
    assert_memory_equal(a, b, n * sizeof *a);
    free(a);
    free(b);
    lab_close(&all);
    lab_close(&one);
}

/* --- accumulation --- */

/* To 1e-5 of each tensor's largest number; what is zero in theory (the gradient of opt's k_proj bias) is
 * noise, and may be that of the largest of all. */
static void same_gradients(const struct lab *x, const float *a, const float *b, const char *what)
{
    const struct params *p = model_params(x->m);
    double all = 0;

    for (size_t i = 0; i < p->n; i++)
        all = fmax(all, fabs((double)b[i]));
    for (size_t i = 0; i < p->count; i++) {
        const struct param *q = &p->list[i];
        size_t n = q->shape[0] * (q->rank == 2 ? q->shape[1] : 1);
        double diff = 0, top = strstr(q->name, "k_proj.bias") ? all : 0;
        for (size_t k = q->at; k < q->at + n; k++) {
            diff = fmax(diff, fabs((double)a[k] - b[k]));
            top = fmax(top, fabs((double)b[k]));
        }
        if (!(diff <= 1e-5 * top))
            fail_msg("%s, %s: %s differs by %.3g of %.3g", x->form, what, q->name, diff, top);
    }
}

static void same_number(const char *what, double a, double b)
{
    if (isnan(a) && isnan(b))
        return;
    if (!(fabs(a - b) <= 1e-5 * fabs(b)))
        fail_msg("%s: %.9g and %.9g", what, a, b);
}

static void check_cuts(const struct plan *base, size_t cut)
{
    struct plan p = *base;
    struct lab one, many;
    float *a, *b;
    char what[160];

    snprintf(what, sizeof what, "%s %s, dropout %g, micro-batches of %zu", p.method,
             p.options ? p.options : "", p.dropout, cut);
    p.cut = SAMPLES;
    lab_open(&one, &p);
    lab_run(&one);
    p.cut = cut;
    lab_open(&many, &p);
    assert_int_equal(many.s.n_batch, (SAMPLES + cut - 1) / cut);
    lab_run(&many);
    same_number(what, many.s.out.loss, one.s.out.loss);
    same_number(what, many.s.out.loss_clean, one.s.out.loss_clean);
    same_number(what, many.s.out.eps_norm, one.s.out.eps_norm);
    for (size_t i = 0; i < 3 * model_config(one.m)->L; i++)
        same_number(what, many.s.out.grad[i], one.s.out.grad[i]); /* and eps and attn behind it */
    for (size_t i = 0; i < one.labels; i++)
        assert_true(fabs(many.s.out.row_loss[i] - one.s.out.row_loss[i]) <= 1e-5 * one.s.out.loss);
    a = gradients(&many);
    b = gradients(&one);
    same_gradients(&one, a, b, what);
    free(a);
    free(b);
    lab_close(&one);
    lab_close(&many);
}

static void test_accumulation(void **state)
{
    (void)state;
    static const struct plan plans[] = {{.method = "sft"},
                                        {.method = "vaccine"},
                                        {.method = "vaccine", .options = "rho=0.5 norm=sample"},
                                        {.method = "vaccine", .options = "rho=0.1 norm=token site=block"},
                                        {.method = "vaccine", .options = "norm=layer site=mlp layers=1"},
                                        {.method = "vaccine", .options = "site=embed"},
                                        {.method = "vaccine", .options = "rho=0.5 inner_steps=2"},
                                        {.method = "random", .options = "rho=2"},
                                        {.method = "random", .options = "rho=0.01 noise=variance"}};

    for (size_t i = 0; i < COUNT(forms); i++) {
        for (size_t k = 0; k < COUNT(plans); k++) {
            for (int drop = 0; drop < 2; drop++) {
                struct plan p = plans[k];
                p.form = forms[i];
                p.dropout = drop ? 0.25 : 0;
                p.full = !drop && k == 1;
                p.backend = backends[i == 1];
                check_cuts(&p, cuts[1 + (i + k) % 3]);
                if (k < 2)
                    check_cuts(&p, 5);
            }
        }
    }
}

/* --- every tau-th step, several inner steps --- */

static void test_tau(void **state)
{
    (void)state;
    struct plan p = {.form = 2, .method = "sft", .dropout = 0.3}, q = p;
    double loss, grad = 0;
    float *want = gradients_of(&p, &loss);

    for (int k = 0; k < 2; k++) {
        struct lab x;
        q.method = k ? "random" : "vaccine";
        q.options = "tau=3 site=mlp";
        lab_open(&x, &q);
        for (uint64_t t = 1; t <= 7; t++) {
            float *got;
            x.s.stage_step = t;
            lab_run(&x);
            got = gradients(&x);
            assert_int_equal(!memcmp(got, want, model_params(x.m)->n * sizeof *got), t % 3 != 1);
            assert_int_equal(x.s.out.loss == loss, t % 3 != 1);
            assert_int_equal(isnan(x.s.out.eps_norm), t % 3 != 1);
            assert_int_equal(isnan(x.s.out.loss_clean), k || t % 3 != 1);
            /* a plain step reads the gradient at the method's site too */
            assert_int_equal(isnan(x.s.out.grad[1]), k && t % 3 == 1);
            grad = t == 1 ? x.s.out.grad[1] : grad;
            assert_true(k || fabs(x.s.out.grad[1] - grad) <= 1e-6 * grad);
            free(got);
        }
        lab_close(&x);
    }
    free(want);
}

static void check_inner(const struct plan *base, double rho)
{
    struct plan p = *base;
    struct lab x[3];
    double loss[3];

    for (int k = 0; k < 3; k++) {
        char text[96];
        snprintf(text, sizeof text, "rho=%g inner_steps=%d %s", rho, (int[]){1, 3, 10}[k], base->options);
        p.options = text;
        lab_open(&x[k], &p);
        assert_int_equal(ref_is(x[k].s.eps2), k > 0);
        assert_int_equal(step_bytes(x[k].m, x[k].method, x[k].options, 100),
                         (uint64_t)(k ? 8 : 4) * 100 * model_config(x[k].m)->L * model_config(x[k].m)->D);
        lab_run(&x[k]);
        loss[k] = x[k].s.out.loss;
        assert_true(array_norm(&x[k]) <= rho * (1 + 1e-6));
        assert_true(fabs(array_norm(&x[k]) - x[k].s.out.eps_norm) <= 1e-6 * rho);
        assert_true(x[k].s.out.loss_clean == x[0].s.out.loss_clean);
        for (size_t l = 0; l < model_config(x[0].m)->L; l++)
            assert_true(x[k].s.out.grad[l] == x[0].s.out.grad[l]);
        assert_true(sqrt(sum_squares(x[k].s.out.eps, model_config(x[0].m)->L)) <= rho * (1 + 1e-6));
    }
    if (!(loss[1] > loss[0] && loss[2] > loss[0]))
        fail_msg("%s: losses after 1, 3 and 10 inner steps: %.6f %.6f %.6f", x[0].form, loss[0], loss[1],
                 loss[2]);
    for (int k = 0; k < 3; k++)
        lab_close(&x[k]);
}

static void test_inner_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        struct plan p = {.form = forms[i], .method = "vaccine", .options = "", .dropout = i % 2 ? 0.2 : 0,
                         .cut = cuts[i % 2], .backend = backends[i % 2]};
        check_inner(&p, 0.5);
        p.options = "site=block";
        check_inner(&p, 0.2);
    }
}

/* Every unit of a finer scope stays within rho too. */
static void test_inner_scope(void **state)
{
    (void)state;
    struct plan p = {.form = 2, .method = "vaccine", .options = "rho=0.3 inner_steps=4 norm=layer"};
    struct lab x;

    lab_open(&x, &p);
    lab_run(&x);
    for (size_t l = 0; l < model_config(x.m)->L; l++) {
        assert_true(sqrt(layer_square(&x, l)) <= 0.3 * (1 + 1e-6));
        assert_true(sqrt(layer_square(&x, l)) > 0.2);
    }
    lab_close(&x);
}

/* --- random --- */

static void check_sphere(size_t form, const char *options, double rho)
{
    struct plan p = {.form = form, .method = "random", .options = options, .cut = 20};
    struct lab x[3];
    size_t n;

    for (int k = 0; k < 3; k++) {
        p.cut = cuts[k];
        p.backend = backends[k % 2];
        lab_open(&x[k], &p);
        lab_run(&x[k]);
        assert_true(fabs(array_norm(&x[k]) - rho) <= 1e-6 * rho);
        assert_true(fabs(x[k].s.out.eps_norm - rho) <= 1e-6 * rho);
        assert_true(isnan(x[k].s.out.loss_clean) && isnan(x[k].s.out.grad[0]));
    }
    n = x[0].rows * model_config(x[0].m)->D;
    if (!strcmp(options, "rho=2")) { /* every layer has a direction of its own */
        struct ref u = step_slice(&x[0].s, x[0].s.eps, 0, 0), v = step_slice(&x[0].s, x[0].s.eps, 1, 0);
        double along = op_dot(x[0].c, u, v, n) / (x[0].s.out.eps[0] * x[0].s.out.eps[1]);
        assert_true(fabs(along) < 4 / sqrt((double)n));
    }
    for (size_t l = 0; l < model_config(x[0].m)->L; l++) {
        for (int k = 1; k < 3; k++) {
            float *a = fetch(&x[0], step_slice(&x[0].s, x[0].s.eps, l, 0), n);
            float *b = fetch(&x[k], step_slice(&x[k].s, x[k].s.eps, l, 0), n);
            assert_memory_equal(a, b, n * sizeof *a);
            free(a);
            free(b);
        }
    }
    for (int k = 0; k < 3; k++)
        lab_close(&x[k]);
}

static void test_sphere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        check_sphere(forms[i], "rho=2", 2);
        check_sphere(forms[i], "rho=0.01 site=block", 0.01);
        check_sphere(forms[i], "rho=5 layers=1 site=mlp", 5);
        check_sphere(forms[i], "rho=3 site=embed", 3);
    }
}

/* What is added is what was said: at the embedding one array and no more. */
static void test_sphere_embed(void **state)
{
    (void)state;
    struct plan p = {.form = 2, .method = "random", .options = "rho=3 site=embed"};
    struct lab x;

    lab_open(&x, &p);
    lab_run(&x);
    assert_true(fabs(sqrt(layer_square(&x, 0)) - 3) < 3e-6);
    assert_true(layer_square(&x, 1) == 0 && isnan(x.s.out.eps[1]));
    lab_close(&x);
}

static void test_variance(void **state)
{
    (void)state;
    struct plan p = {.form = 1, .method = "random", .options = "rho=0.04 noise=variance"};
    struct lab x;
    double sum = 0, square = 0;
    size_t n;
    float *a, *b;

    lab_open(&x, &p);
    lab_run(&x);
    n = model_config(x.m)->L * x.rows * model_config(x.m)->D;
    a = fetch_layers(&x);
    for (size_t i = 0; i < n; i++) {
        sum += a[i];
        square += (double)a[i] * a[i];
    }
    /* 4 sigma of n normal numbers of standard deviation 0.2 */
    assert_true(n > 2000 && fabs(sum / (double)n) < 4 * 0.2 / sqrt((double)n));
    assert_true(fabs(square / (double)n / 0.04 - 1) < 4 * sqrt(2.0 / (double)n));
    assert_true(fabs(x.s.out.eps_norm - sqrt(square)) <= 1e-6 * sqrt(square));
    x.s.step++;
    lab_run(&x); /* other steps, other noise */
    b = fetch_layers(&x);
    assert_true(support_diff(a, b, n) > 0.5);
    free(b);
    x.s.step--;
    lab_run(&x); /* the same step, the same */
    b = fetch_layers(&x);
    assert_memory_equal(a, b, n * sizeof *a);
    free(a);
    free(b);
    lab_close(&x);
}

/* --- nothing to learn from --- */

static void test_no_labels(void **state)
{
    (void)state;
    static const char *const methods[] = {"sft", "vaccine", "random"};

    for (size_t k = 0; k < COUNT(methods); k++) {
        struct plan p = {.form = 3, .method = methods[k]};
        struct lab x;
        lab_open(&x, &p);
        x.b[0].n_lab = 0;
        lab_run(&x);
        assert_true(x.s.out.loss == 0);
        assert_true(op_sumsq(x.c, model_params(x.m)->g, model_params(x.m)->n) == 0);
        if (!strcmp(methods[k], "vaccine"))
            assert_true(x.s.out.eps_norm == 0 && array_norm(&x) == 0);
        lab_close(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length),         cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_zero),           cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_sites),          cmocka_unit_test(test_against_random),
        cmocka_unit_test(test_mask),           cmocka_unit_test(test_mask_direction),
        cmocka_unit_test(test_accumulation),   cmocka_unit_test(test_tau),
        cmocka_unit_test(test_inner_steps),    cmocka_unit_test(test_inner_scope),
        cmocka_unit_test(test_sphere),         cmocka_unit_test(test_sphere_embed),
        cmocka_unit_test(test_variance),       cmocka_unit_test(test_no_labels),
    };

    return cmocka_run_group_tests_name("defense_steps", tests, NULL, NULL);
}
