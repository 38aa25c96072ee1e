/* test_defense_steps.c - what a perturbation is, whatever the model: its length over every scope,
 * where it is added, which layers it reaches, and how the loss answers. */
#include <math.h>

#include "defense_support.h"

/* --- its length --- */

static void check_length(const struct plan *p, double rho)
{
    struct lab x;
    double g, want;

    lab_open(&x, p);
    lab_run(&x);
    g = sqrt(lab_sum_squares(x.s.out.grad, model_config(x.m)->L));
    want = rho * g / (g + 1e-7);
    if (!(fabs(lab_norm(&x) - want) <= 1e-6 * want) ||
        !(fabs(x.s.out.eps_norm - want) <= 1e-6 * want))
        fail_msg("%s: ||eps|| is %.9g and said to be %.9g, expected %.9g", x.form, lab_norm(&x),
                 x.s.out.eps_norm, want);
    for (size_t l = 0; l < model_config(x.m)->L; l++) {
        double e = sqrt(lab_layer_square(&x, l));
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

    for (size_t i = 0; i < LAB_FORMS; i++) {
        for (size_t k = 0; k < COUNT(lengths); k++) {
            struct plan p = {.form = lab_forms[i],
                             .method = "vaccine",
                             .options = lengths[k].text,
                             .dropout = k % 2 ? 0.3 : 0,
                             .cut = lab_cuts[k],
                             .backend = lab_backends[k % 2]};
            check_length(&p, lengths[k].rho);
        }
    }
}

/* The unit of a row under each scope. */
static size_t unit(const char *scope, size_t l, size_t row, const uint32_t *slot)
{
    return *scope == 'l' || *scope == 'r' ? l : *scope == 's' ? slot[row] : *scope == 't' ? row : 0;
}

/* By plain loops: eps from g, unit by unit, in double. */
static void normalise(float *x, const struct lab *lab, const char *scope, double rho)
{
    const struct config *c = model_config(lab->m);
    double sq[LAB_SAMPLES * LAB_LONGEST] = {0};
    uint32_t slot[LAB_SAMPLES * LAB_LONGEST];
    double whole = sqrt(lab_sum_squares(lab->s.out.attn, c->L));
    size_t n = 0;

    for (size_t b = 0; b < lab->s.n_batch; b++) {
        memcpy(slot + n, lab->b[b].slot, lab->b[b].N * sizeof *slot);
        n += lab->b[b].N;
    }
    for (int apply = 0; apply < 2; apply++) {
        for (size_t i = 0; i < c->L * n * c->D; i++) {
            size_t u = unit(scope, i / (n * c->D), i / c->D % n, slot);
            double length = *scope == 'r' ? rho * lab->s.out.attn[u] / whole : rho;
            if (apply)
                x[i] = (float)(length / (sqrt(sq[u]) + 1e-7) * x[i]);
            else
                sq[u] += (double)x[i] * x[i];
        }
    }
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
    step_use(&x.s, 0); /* readings are cleared */
    step_site_gradients(&x.s, SITE_ATTN, x.s.eps, REF_NONE);
    want = lab_fetch_layers(&x);
    normalise(want, &x, scope, 0.7);
    step_normalise(&x.s, x.s.eps, x.s.eps, 0.7, (enum norm_scope)norm);
    got = lab_fetch_layers(&x);
    n = model_config(x.m)->L * x.rows * model_config(x.m)->D;
    assert_close(scope, got, want, n, 1e-6);
    free(got);
    lab_run(&x); /* and the method does the same by itself */
    got = lab_fetch_layers(&x);
    assert_close(scope, got, want, n, 1e-6);
    assert_true(fabs(x.s.out.eps_norm - lab_norm(&x)) <= 1e-6 * lab_norm(&x));
    assert_true(x.s.out.loss > x.s.out.loss_clean);
    free(got);
    free(want);
    lab_close(&x);
}

/* At every site in proportion to what lies there, measured by a pass of the test's own. */
static void test_relative(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        enum site site;
    } sites[] = {{"rho=0.4 norm=relative", SITE_ATTN},
                 {"rho=0.4 norm=relative site=mlp", SITE_MLP},
                 {"rho=0.4 norm=relative site=block inner_steps=2", SITE_BLOCK}};

    for (size_t i = 0; i < LAB_FORMS * COUNT(sites); i++) {
        size_t k = i % COUNT(sites), L;
        struct plan p = {
            .form = lab_forms[i / COUNT(sites)], .method = "vaccine", .options = sites[k].options};
        double sq[16] = {0}, whole = 0;
        struct lab x;

        lab_open(&x, &p);
        L = model_config(x.m)->L;
        lab_run(&x);
        assert_true(lab_norm(&x) <= 0.4 * (1 + 1e-6));
        taps_clear(&x.s.taps);
        for (size_t l = 0; l < L; l++)
            taps_at(&x.s.taps, sites[k].site, l)->sumsq = &sq[l];
        for (size_t b = 0; b < x.s.n_batch; b++)
            pass_forward(&(struct pass){.m = x.m,
                                        .a = x.a,
                                        .b = &x.s.batch[b],
                                        .taps = &x.s.taps,
                                        .from = PLACE_START,
                                        .stop = PLACE_START});
        for (size_t l = 0; l < L; l++)
            whole += sq[l];
        for (size_t l = 0; l < L; l++) {
            double want = 0.4 * sqrt(sq[l] / whole);
            if (!(x.s.out.eps[l] <= want * (1 + 1e-5)) ||
                (k < 2 && !(x.s.out.eps[l] >= want * (1 - 1e-5))))
                fail_msg("%s, %s: layer %zu has %.9g, expected %.9g", x.form, p.options, l,
                         x.s.out.eps[l], want);
        }
        lab_close(&x);
    }
}

static void test_scopes(void **state)
{
    (void)state;
    for (size_t i = 0; i < LAB_FORMS; i++) {
        for (size_t k = 0; norm_names[k]; k++) {
            char text[64];
            struct plan p = {.form = lab_forms[i],
                             .method = "vaccine",
                             .options = text,
                             .cut = lab_cuts[k % LAB_CUTS],
                             .backend = lab_backends[(i + k) % 2],
                             .dropout = i % 2 ? 0.2 : 0};
            snprintf(text, sizeof text, "rho=0.7 norm=%s", norm_names[k]);
            check_scope(&p, norm_names[k]);
        }
    }
}

/* --- rho = 0 is plain fine-tuning, bit for bit --- */

static void same_bits(const struct plan *p, const struct plan *q)
{
    double loss_p, loss_q;
    float *a = plan_gradients(p, &loss_p), *b = plan_gradients(q, &loss_q);
    struct lab x;
    size_t n, differ = 0;

    lab_open(&x, p);
    n = model_params(x.m)->n;
    lab_close(&x);
    for (size_t i = 0; i < n; i++)
        differ += memcmp(&a[i], &b[i], sizeof *a) != 0;
    if (differ || memcmp(&loss_p, &loss_q, sizeof loss_p) != 0)
        fail_msg("%s: %s %s and %s: %zu of %zu gradients differ, losses %.17g and %.17g",
                 rig_forms[p->form].name, p->method, p->options, q->method, differ, n, loss_p,
                 loss_q);
    free(a);
    free(b);
}

static void test_zero(void **state)
{
    (void)state;
    static const struct plan zero[] = {
        {.method = "vaccine", .options = "rho=0"},
        {.method = "vaccine", .options = "rho=0 norm=token site=block"},
        {.method = "vaccine", .options = "rho=0 site=mlp layers=1"},
        {.method = "vaccine", .options = "rho=0 site=embed"},
        {.method = "vaccine", .options = "rho=0 inner_steps=3"},
        {.method = "random", .options = "rho=0"},
        {.method = "random", .options = "rho=0 noise=variance"}};

    for (size_t i = 0; i < LAB_FORMS; i++) {
        for (size_t k = 0; k < COUNT(zero); k++) {
            struct plan p = zero[k], q;
            p.form = lab_forms[i];
            p.dropout = (i + k) % 3 ? 0.3 : 0;
            p.cut = lab_cuts[(i + k) % LAB_CUTS];
            p.full = k == 1;
            p.backend = lab_backends[k % 2];
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
    for (size_t i = 0; i < LAB_FORMS; i++) {
        struct plan p = {
            .form = lab_forms[i], .method = "vaccine", .options = "rho=0", .cut = lab_cuts[i]};
        struct lab x;
        double still, first;
        free(plan_gradients(&p, &still));
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
    g = sqrt(lab_sum_squares(x.s.out.grad, model_config(x.m)->L));
    rise = x.s.out.loss - x.s.out.loss_clean;
    lab_close(&x);
    *slope = rise / (rho * g);
    return rise - rho * g;
}

/* What the first order misses falls with the square of the length: from 0.04 to 0.01 sixteenfold,
 * where an error of first order would fall fourfold; the line is drawn between. (From 0.64,
 * 256-fold or sixteenfold, the third order is still in it, with the other sign.) Only of smooth
 * models: ReLU has corners as close as one likes. */
static void test_order(void **state)
{
    (void)state;
    static const size_t smooth[] = {0, 1, 2, 5, 6, 7};
    static const double rho[] = {0.64, 0.04, 0.01};

    for (size_t i = 0; i < COUNT(smooth); i++) {
        for (int k = 0; k < 2; k++) {
            struct plan p = {
                .form = smooth[i], .method = "vaccine", .dropout = k ? 0.3 : 0, .cut = k ? 5 : 20};
            double slope[3], rest[3];
            for (int j = 0; j < 3; j++)
                rest[j] = fabs(surplus(&p, rho[j], &slope[j]));
            if (!(fabs(slope[2] - 1) < 2e-3) || !(rest[1] < rest[0] / 32) ||
                !(rest[2] < rest[1] / 8))
                fail_msg("%s: slopes %.6f %.6f %.6f, rests %.3g %.3g %.3g", rig_forms[p.form].name,
                         slope[0], slope[1], slope[2], rest[0], rest[1], rest[2]);
        }
    }
}

static void test_sites(void **state)
{
    (void)state;
    for (size_t i = 0; i < LAB_FORMS; i++) {
        for (size_t k = 0; site_names[k]; k++) {
            char text[64];
            struct plan p = {.form = lab_forms[i],
                             .method = "vaccine",
                             .options = text,
                             .dropout = 0.2,
                             .cut = lab_cuts[k % 2],
                             .backend = lab_backends[k % 2]};
            struct lab x;
            double slope, g;
            snprintf(text, sizeof text, "site=%s", site_names[k]);
            surplus(&p, 0.01, &slope);
            if (!(fabs(slope - 1) < 0.02))
                fail_msg("%s at %s: the loss rises by %.4f rho ||g||", rig_forms[p.form].name,
                         site_names[k], slope);
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
    for (size_t i = 0; i < LAB_FORMS; i++) {
        double up[2], clean;
        struct plan p = {.form = lab_forms[i], .method = "sft"};
        free(plan_gradients(&p, &clean));
        for (int k = 0; k < 2; k++) {
            p.method = k ? "random" : "vaccine";
            p.options = "rho=0.1";
            free(plan_gradients(&p, &up[k]));
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
    assert_true(fabs(lab_norm(&x) - 1.5) < 1e-4);
    for (size_t l = 0; l < model_config(x.m)->L; l++) {
        bool in = l == lowest || (top && l + 1 == model_config(x.m)->L);
        assert_true(in ? x.s.out.eps[l] > 0 && lab_layer_square(&x, l) > 0
                       : isnan(x.s.out.eps[l]) && lab_layer_square(&x, l) == 0);
        assert_true(l < lowest ? isnan(x.s.out.grad[l]) : x.s.out.grad[l] > 0);
        assert_true(x.s.out.attn[l] > 0);
    }
    assert_true(x.s.out.loss > x.s.out.loss_clean);
    if (cut == LAB_SAMPLES) { /* the first pass has gone no further down than the lowest: its
                             gradient stands */
        step_site_gradients(&x.s, SITE_ATTN, x.s.eps, REF_NONE);
        dx = lab_fetch(&x, x.a->dx, n);
        g = lab_fetch(&x, step_slice(&x.s, x.s.eps, lowest, 0), n);
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
        check_mask(2, "1", 1, false, lab_cuts[k]);
        check_mask(2, "2", 2, false, lab_cuts[k]);
        check_mask(2, "0", 0, false, lab_cuts[k]);
        check_mask(2, "0,2", 0, true, lab_cuts[k]);
        check_mask(2, "1-2", 1, true, lab_cuts[k]);
        check_mask(3, "1", 1, false, lab_cuts[k]);
        check_mask(4, "1", 1, false, lab_cuts[k]);
    }
}

/* With one layer masked, the perturbation is that layer's gradient alone, which does not depend on
 * the mask. */
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
    a = lab_fetch(&all, step_slice(&all.s, all.s.eps, 1, 0), n);
    b = lab_fetch(&one, step_slice(&one.s, one.s.eps, 1, 0), n);
    assert_memory_equal(a, b, n * sizeof *a);
    free(a);
    free(b);
    lab_close(&all);
    lab_close(&one);
}

/* Whoever watches hears where the step is: each pass, each micro-batch, in order; in every step from 1 again. */
struct heard {
    size_t pass[64], micro[64], n;
};

static void hear(void *ctx, const struct step *s, size_t b)
{
    struct heard *h = ctx;

    assert_true(h->n < COUNT(h->pass));
    h->pass[h->n] = s->pass;
    h->micro[h->n++] = b;
}

static void test_passes_are_heard(void **state)
{
    (void)state;
    struct plan p = {.form = 2, .method = "vaccine", .options = "rho=0.5", .cut = 2};
    struct heard h = {.n = 0};
    struct lab x;

    lab_open(&x, &p);
    x.s.hear = hear;
    x.s.hear_ctx = &h;
    for (int step = 0; step < 2; step++, h.n = 0) {
        lab_run(&x);
        assert_int_equal(h.n, 2 * x.s.n_batch);
        for (size_t i = 0; i < h.n; i++) {
            assert_int_equal(h.pass[i], 1 + i / x.s.n_batch);
            assert_int_equal(h.micro[i], i % x.s.n_batch);
        }
    }
    lab_close(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_relative),
        cmocka_unit_test(test_zero),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_sites),
        cmocka_unit_test(test_against_random),
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_mask_direction),
        cmocka_unit_test(test_passes_are_heard),
    };

    return cmocka_run_group_tests_name("defense_steps", tests, NULL, NULL);
}
