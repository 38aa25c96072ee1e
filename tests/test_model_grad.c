/* test_model_grad.c - gradients of whole models, and at their taps, against finite differences. */
#include <math.h>

#include "model_support.h"

/* --- finite differences --- */

/* What is differentiated: the loss, and where taps add to gradients, <add_grad, activation> as
 * well. */
static double objective(struct rig *r)
{
    struct pass p = rig_pass(r);
    double f = (double)RIG_SCALE * pass_loss(&p, false, NULL);

    for (size_t q = 0; q < r->places; q++) {
        struct tap *t = rig_tap(r, q);
        if (ref_is(t->add_grad))
            f += op_dot(r->c, t->add_grad, t->keep, r->n);
    }
    return f;
}

static double objective_at(struct rig *r, struct ref w, const float *x, const double *d, size_t n,
                           double t)
{
    float *y = calloc(n, sizeof *y);

    for (size_t i = 0; i < n; i++)
        y[i] = (float)(x[i] + t * d[i]);
    compute_upload(r->c, w, y, n);
    free(y);
    return objective(r);
}

/* d = a unit vector between g and a random one: along g alone a missing part would not show.
 * Returns g d. */
static double direction(double *d, const float *g, size_t n, double norm, uint64_t seed)
{
    float *x = calloc(n, sizeof *x);
    double len = 0, slope = 0;

    fill_normal(x, n, seed, 1);
    for (size_t i = 0; i < n; i++)
        len += (double)x[i] * x[i];
    for (size_t i = 0; i < n; i++)
        d[i] = x[i] / sqrt(len) + (norm > 0 ? g[i] / norm : 0);
    len = 0;
    for (size_t i = 0; i < n; i++)
        len += d[i] * d[i];
    for (size_t i = 0; i < n; i++) {
        d[i] /= sqrt(len);
        slope += d[i] * g[i];
    }
    free(x);
    return slope;
}

/* The fourth-order central difference with step h has an error of h^4/30 times the fifth
 * derivative, nothing with these steps, but it carries the noise of a loss in F32 over h: 13
 * labelled rows with errors of 1e-7 or so add up to a few 1e-8 of the loss. Beyond that noise a
 * slope must agree to 1e-3 of the gradient's length. */
#define TOL_FD 1e-3
#define NOISE 3e-8
static bool slope_agrees(struct rig *r, struct ref w, const float *x, const float *g, size_t n,
                         uint64_t seed, char *text, size_t size)
{
    double *d = calloc(n, sizeof *d), norm = 0, h = 2.5e-3, slope, f[4], fd;

    for (size_t i = 0; i < n; i++)
        norm += (double)g[i] * g[i];
    norm = sqrt(norm);
    slope = direction(d, g, n, norm, seed);
    for (int i = 0; i < 4; i++)
        f[i] = objective_at(r, w, x, d, n, h * (double[]){-2, -1, 1, 2}[i]);
    compute_upload(r->c, w, x, n);
    free(d);
    fd = (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h);
    snprintf(text, size, "slope %.6g, by differences %.6g (gradient %.3g, loss %.3g)", slope, fd,
             norm, f[0]);
    return fabs(fd - slope) <= TOL_FD * fmax(norm, fabs(fd)) + NOISE * fabs(f[0]) / h;
}

static void check_slope(struct rig *r, const char *what, struct ref w, const float *g, size_t n,
                        uint64_t seed)
{
    float *x = rig_fetch(r, w, n);
    char text[160];

    if (!slope_agrees(r, w, x, g, n, seed, text, sizeof text))
        fail_msg("%s: %s: %s", r->form->name, what, text);
    free(x);
}

static void check_params(struct rig *r, uint64_t seed)
{
    const struct params *p = model_params(r->m);
    struct pass pass = rig_pass(r);
    float *g;

    rig_zero_grads(r);
    pass_loss(&pass, true, NULL);
    pass_backward(&pass);
    g = rig_fetch(r, p->g, p->n);
    for (size_t i = 0; i < p->count; i++) {
        const struct param *q = &p->list[i];
        check_slope(r, q->name, ref_at(p->w, q->at), g + q->at,
                    q->shape[0] * (q->rank == 2 ? q->shape[1] : 1), seed + i);
    }
    free(g);
}

static void test_full(void **state)
{
    (void)state;
    for (size_t i = 0; i < RIG_FORMS; i++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct rig r;
            struct vac_err err = {0};
            rig_make(&r, &rig_forms[i], "cpu", 1, seed);
            assert_ok(model_train_full(r.m, &err), &err);
            rig_ready(&r);
            check_params(&r, seed);
            rig_drop(&r);
        }
    }
}

static void test_lora(void **state)
{
    (void)state;
    for (size_t i = 0; i < RIG_FORMS; i++) {
        for (size_t k = 0; k < RIG_LORAS; k++) {
            struct rig r;
            rig_make(&r, &rig_forms[i], "cpu", 1, 3 + k);
            rig_lora(&r, &rig_loras[k], k);
            check_params(&r, 50 + k);
            rig_drop(&r);
        }
    }
}

/* Both passes have to see the frozen adapter, which is not among the parameters. */
static void test_lower_adapter(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, &rig_forms[0], "cpu", 1, 1);
    rig_lora(&r, &rig_loras[3], 1);
    struct pass p = rig_pass(&r);
    double with = pass_loss(&p, false, NULL);
    op_fill(r.c, (struct ref){r.m->adapter[0].w, 0}, r.m->adapter[0].n, 0);
    assert_true(fabs(pass_loss(&p, false, NULL) - with) > 1e-2);
    assert_null(r.m->adapter[0].g);
    assert_int_equal(model_params(r.m)->n, r.m->adapter[1].n);
    rig_drop(&r);
}

/* --- taps --- */

/* keep_grad at every place is the slope along what is added there, with all the others added too,
 * and with terms on the activations themselves whose gradients come in through add_grad. The
 * gradient at a place is that of everything above it: its own term comes in below. */
static void check_taps(struct rig *r, bool add_grad, uint64_t seed)
{
    struct pass p = rig_pass(r);

    rig_tap_all(r, add_grad);
    rig_zero_grads(r);
    pass_loss(&p, true, NULL);
    pass_backward(&p);
    for (size_t q = 0; q < r->places; q++) {
        char what[64];
        float *g = rig_fetch(r, rig_array(r, KEEP_GRAD, q), r->n);
        snprintf(what, sizeof what, "%s %zu", site_names[rig_site(q)], q ? (q - 1) / 3 : 0);
        check_slope(r, what, rig_array(r, ADD, q), g, r->n, seed + q);
        free(g);
    }
    check_params(r, seed);
    taps_clear(&r->taps);
}

static void test_taps(void **state)
{
    (void)state;
    for (size_t i = 0; i < RIG_FORMS; i++) {
        for (int add_grad = 0; add_grad < 2; add_grad++) {
            struct rig r;
            rig_make(&r, &rig_forms[i], "cpu", 1, 5);
            rig_lora(&r, &rig_loras[add_grad ? 4 : 0], 5);
            check_taps(&r, add_grad, 70);
            rig_drop(&r);
        }
    }
}

static void test_taps_full(void **state)
{
    (void)state;
    for (size_t i = 0; i < RIG_FORMS; i++) {
        struct rig r;
        struct vac_err err = {0};
        rig_make(&r, &rig_forms[i], "cpu", 1, 6);
        assert_ok(model_train_full(r.m, &err), &err);
        rig_ready(&r);
        check_taps(&r, true, 80);
        rig_drop(&r);
    }
}

/* sumsq and grad_sumsq are sums of squares of keep and keep_grad, and add up over batches. */
static void test_tap_squares(void **state)
{
    (void)state;
    struct rig r;
    double sq[32] = {0}, gsq[32] = {0};
    rig_make(&r, &rig_forms[4], "cpu", 1, 8);
    rig_lora(&r, &rig_loras[0], 8);
    struct pass p = rig_pass(&r);
    rig_tap_all(&r, false);
    for (size_t q = 0; q < r.places; q++) {
        rig_tap(&r, q)->sumsq = &sq[q];
        rig_tap(&r, q)->grad_sumsq = &gsq[q];
    }
    for (int i = 0; i < 2; i++) {
        pass_loss(&p, true, NULL);
        pass_backward(&p);
    }
    for (size_t q = 0; q < r.places; q++) {
        double a = 2 * op_sumsq(r.c, rig_array(&r, KEEP, q), r.n);
        double g = 2 * op_sumsq(r.c, rig_array(&r, KEEP_GRAD, q), r.n);
        assert_true(a > 0 && fabs(sq[q] - a) <= 1e-12 * a);
        assert_true(g > 0 && fabs(gsq[q] - g) <= 1e-12 * g);
    }
    rig_drop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),          cmocka_unit_test(test_lora),
        cmocka_unit_test(test_lower_adapter), cmocka_unit_test(test_taps),
        cmocka_unit_test(test_taps_full),     cmocka_unit_test(test_tap_squares),
    };

    return cmocka_run_group_tests_name("model_grad", tests, NULL, NULL);
}
