/* test_defense_same.c - micro-batches do not matter, every tau-th step, several inner steps, and
 * random perturbations. */
#include <math.h>

#include "defense_support.h"
#include "defense/step.h"

/* --- accumulation --- */

/* To 1e-5 of each tensor's largest number; what is zero in theory (the gradient of opt's k_proj
 * bias) is noise, and may be that of the largest of all. */
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
    p.cut = LAB_SAMPLES;
    lab_open(&one, &p);
    lab_run(&one);
    p.cut = cut;
    lab_open(&many, &p);
    assert_int_equal(many.s.n_batch, (LAB_SAMPLES + cut - 1) / cut);
    lab_run(&many);
    same_number(what, many.s.out.loss, one.s.out.loss);
    same_number(what, many.s.out.loss_clean, one.s.out.loss_clean);
    same_number(what, many.s.out.eps_norm, one.s.out.eps_norm);
    for (size_t i = 0; i < 3 * model_config(one.m)->L; i++)
        same_number(what, many.s.out.grad[i], one.s.out.grad[i]); /* and eps and attn behind it */
    for (size_t i = 0; i < one.labels; i++)
        assert_true(fabs(many.s.out.row_loss[i] - one.s.out.row_loss[i]) <= 1e-5 * one.s.out.loss);
    a = lab_gradients(&many);
    b = lab_gradients(&one);
    same_gradients(&one, a, b, what);
    free(a);
    free(b);
    lab_close(&one);
    lab_close(&many);
}

static void test_accumulation(void **state)
{
    (void)state;
    static const struct plan plans[] = {
        {.method = "sft"},
        {.method = "vaccine"},
        {.method = "vaccine", .options = "rho=0.5 norm=sample"},
        {.method = "vaccine", .options = "rho=0.1 norm=token site=block"},
        {.method = "vaccine", .options = "norm=layer site=mlp layers=1"},
        {.method = "vaccine", .options = "site=embed"},
        {.method = "vaccine", .options = "rho=0.5 inner_steps=2"},
        {.method = "random", .options = "rho=2"},
        {.method = "random", .options = "rho=0.01 noise=variance"}};

    for (size_t i = 0; i < LAB_FORMS; i++) {
        for (size_t k = 0; k < COUNT(plans); k++) {
            for (int drop = 0; drop < 2; drop++) {
                struct plan p = plans[k];
                p.form = lab_forms[i];
                p.dropout = drop ? 0.25 : 0;
                p.full = !drop && k == 1;
                p.backend = lab_backends[i == 1];
                check_cuts(&p, lab_cuts[1 + (i + k) % 3]);
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
    float *want = plan_gradients(&p, &loss);

    for (int k = 0; k < 2; k++) {
        struct lab x;
        q.method = k ? "random" : "vaccine";
        q.options = "tau=3 site=mlp";
        lab_open(&x, &q);
        for (uint64_t t = 1; t <= 7; t++) {
            float *got;
            x.s.stage_step = t;
            lab_run(&x);
            got = lab_gradients(&x);
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
        snprintf(text, sizeof text, "rho=%g inner_steps=%d %s", rho, (int[]){1, 3, 10}[k],
                 base->options);
        p.options = text;
        lab_open(&x[k], &p);
        assert_int_equal(ref_is(x[k].s.eps2), k > 0);
        assert_int_equal(step_bytes(x[k].m, x[k].method, x[k].options, 100),
                         (uint64_t)(k ? 8 : 4) * 100 * model_config(x[k].m)->L *
                             model_config(x[k].m)->D);
        lab_run(&x[k]);
        loss[k] = x[k].s.out.loss;
        assert_true(lab_norm(&x[k]) <= rho * (1 + 1e-6));
        assert_true(fabs(lab_norm(&x[k]) - x[k].s.out.eps_norm) <= 1e-6 * rho);
        assert_true(x[k].s.out.loss_clean == x[0].s.out.loss_clean);
        for (size_t l = 0; l < model_config(x[0].m)->L; l++)
            assert_true(x[k].s.out.grad[l] == x[0].s.out.grad[l]);
        assert_true(sqrt(lab_sum_squares(x[k].s.out.eps, model_config(x[0].m)->L)) <=
                    rho * (1 + 1e-6));
    }
    if (!(loss[1] > loss[0] && loss[2] > loss[0]))
        fail_msg("%s: losses after 1, 3 and 10 inner steps: %.6f %.6f %.6f", x[0].form, loss[0],
                 loss[1], loss[2]);
    for (int k = 0; k < 3; k++)
        lab_close(&x[k]);
}

static void test_inner_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < LAB_FORMS; i++) {
        struct plan p = {.form = lab_forms[i],
                         .method = "vaccine",
                         .options = "",
                         .dropout = i % 2 ? 0.2 : 0,
                         .cut = lab_cuts[i % 2],
                         .backend = lab_backends[i % 2]};
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
        assert_true(sqrt(lab_layer_square(&x, l)) <= 0.3 * (1 + 1e-6));
        assert_true(sqrt(lab_layer_square(&x, l)) > 0.2);
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
        p.cut = lab_cuts[k];
        p.backend = lab_backends[k % 2];
        lab_open(&x[k], &p);
        lab_run(&x[k]);
        assert_true(fabs(lab_norm(&x[k]) - rho) <= 1e-6 * rho);
        assert_true(fabs(x[k].s.out.eps_norm - rho) <= 1e-6 * rho);
        assert_true(isnan(x[k].s.out.loss_clean) && isnan(x[k].s.out.grad[0]));
    }
    n = x[0].rows * model_config(x[0].m)->D;
    if (!strcmp(options, "rho=2")) { /* every layer has a direction of its own */
        struct ref u = step_slice(&x[0].s, x[0].s.eps, 0, 0),
                   v = step_slice(&x[0].s, x[0].s.eps, 1, 0);
        double along = op_dot(x[0].c, u, v, n) / (x[0].s.out.eps[0] * x[0].s.out.eps[1]);
        assert_true(fabs(along) < 4 / sqrt((double)n));
    }
    for (size_t l = 0; l < model_config(x[0].m)->L; l++) {
        for (int k = 1; k < 3; k++) {
            float *a = lab_fetch(&x[0], step_slice(&x[0].s, x[0].s.eps, l, 0), n);
            float *b = lab_fetch(&x[k], step_slice(&x[k].s, x[k].s.eps, l, 0), n);
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
    for (size_t i = 0; i < LAB_FORMS; i++) {
        check_sphere(lab_forms[i], "rho=2", 2);
        check_sphere(lab_forms[i], "rho=0.01 site=block", 0.01);
        check_sphere(lab_forms[i], "rho=5 layers=1 site=mlp", 5);
        check_sphere(lab_forms[i], "rho=3 site=embed", 3);
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
    assert_true(fabs(sqrt(lab_layer_square(&x, 0)) - 3) < 3e-6);
    assert_true(lab_layer_square(&x, 1) == 0 && isnan(x.s.out.eps[1]));
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
    a = lab_fetch_layers(&x);
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
    b = lab_fetch_layers(&x);
    assert_true(support_diff(a, b, n) > 0.5);
    free(b);
    x.s.step--;
    lab_run(&x); /* the same step, the same */
    b = lab_fetch_layers(&x);
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
            assert_true(x.s.out.eps_norm == 0 && lab_norm(&x) == 0);
        lab_close(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accumulation), cmocka_unit_test(test_tau),
        cmocka_unit_test(test_inner_steps),  cmocka_unit_test(test_inner_scope),
        cmocka_unit_test(test_sphere),       cmocka_unit_test(test_sphere_embed),
        cmocka_unit_test(test_variance),     cmocka_unit_test(test_no_labels),
    };

    return cmocka_run_group_tests_name("defense_same", tests, NULL, NULL);
}
