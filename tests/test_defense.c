/* test_defense.c - alignment methods against numbers recorded in float64 with PyTorch
 * (tests/golden), and the table of methods and its options. */
#include <math.h>

#include "defense/method.h"
#include "defense/passes.h"
#include "model_support.h"
#include "rig/optimizer.h"

static const char *const folders[] = {
    "golden/llama-gqa", "golden/llama-rope3-tied", "golden/opt",   "golden/mistral", "golden/qwen2",
    "golden/qwen3",     "golden/gemma2",           "golden/gemma3"};
static const char *const backends[] = {"cpu", "fence"};
#define FOLDERS (sizeof folders / sizeof *folders)
#define STEPS 5

/* --- a golden folder with a method on it --- */

struct run {
    struct golden g;
    const struct method *method;
    void *options;
    struct step s;
    struct optimizer o;
    float *start; /* the adapter as recorded */
};

static void run_open(struct run *r, const char *folder, const char *method, const char *backend)
{
    struct vac_err err = {0};
    const struct params *p;
    char rho[64];

    *r = (struct run){.method = method_find(method, &err)};
    golden_open(&r->g, folder, backend, 1, true, false);
    r->options = calloc(1, r->method->options_size + 1);
    if (r->method->options) {
        snprintf(
            rho, sizeof rho, "%.17g",
            cJSON_GetObjectItem(cJSON_GetObjectItem(r->g.numbers, "params"), "rho")->valuedouble);
        assert_ok(option_defaults(r->method->options, r->options, &err), &err);
        assert_ok(option_set(option_find(r->method->options, "rho"), rho, r->options, "rho", &err),
                  &err);
    }
    assert_ok(step_init(&r->s, r->g.m, r->g.a, r->method, r->options, r->g.b.N, r->g.b.n_lab, &err),
              &err);
    assert_ok(optimizer_init(&r->o, r->g.m, &err), &err);
    r->s.batch = &r->g.b;
    r->s.n_batch = 1;
    r->s.seed = 1;
    p = model_params(r->g.m);
    r->start = calloc(p->n, sizeof *r->start);
    compute_download(r->g.c, r->start, p->w, p->n);
}

static void run_close(struct run *r)
{
    if (r->method->options)
        option_free(r->method->options, r->options);
    free(r->options);
    free(r->start);
    optimizer_done(&r->o);
    step_done(&r->s);
    golden_close(&r->g);
}

/* Gradients only; the update is optimizer_update's. */
static void run_step(struct run *r)
{
    r->s.step++;
    r->s.stage_step++;
    step_run(&r->s, r->method);
}

static void run_update(struct run *r)
{
    cJSON *p = cJSON_GetObjectItem(r->g.numbers, "params");
    struct stage_spec stage = {.beta1 = 0.9, .beta2 = 0.999, .adam_eps = 1e-8};

    stage.weight_decay = cJSON_GetObjectItem(p, "wd")->valuedouble;
    stage.max_grad_norm = cJSON_GetObjectItem(p, "clip")->valuedouble;
    optimizer_update(&r->o, &stage, cJSON_GetObjectItem(p, "lr")->valuedouble,
                     optimizer_grad_norm(&r->o));
}

static void check_number(const char *what, size_t i, double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol * fabs(want)))
        fail_msg("%s %zu: %.10g, recorded %.10g (tolerance %.1g)", what, i, got, want, tol);
}

static double member(const cJSON *x, const char *key)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(x, key);

    if (!cJSON_IsNumber(n))
        fail_msg("expected.json: a trace has no %s", key);
    return n->valuedouble;
}

static double element(const cJSON *x, const char *key, size_t i)
{
    const cJSON *n = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(x, key), (int)i);

    if (!cJSON_IsNumber(n))
        fail_msg("expected.json: %s has no element %zu", key, i);
    return n->valuedouble;
}

/* --- one step --- */

#define TOL_LOSS 5e-6
#define TOL_NORM 2e-5
#define TOL_GRAD 1e-4

static size_t param_size(const struct param *q)
{
    return q->shape[0] * (q->rank == 2 ? q->shape[1] : 1);
}

static void check_gradients(struct run *r, const char *prefix)
{
    const struct params *p = model_params(r->g.m);
    float *x = calloc(p->n, sizeof *x);
    char name[256];

    compute_download(r->g.c, x, p->g, p->n);
    for (size_t i = 0; i < p->count; i++) {
        size_t n = param_size(&p->list[i]);
        snprintf(name, sizeof name, "%s.%s", prefix, p->list[i].name);
        assert_close(name, x + p->list[i].at, golden_tensor(&r->g, name, n), n, TOL_GRAD);
    }
    free(x);
}

static void golden_vaccine(const char *folder, const char *backend)
{
    struct run r;
    double all = 0;

    run_open(&r, folder, "vaccine", backend);
    run_step(&r);
    check_number("clean loss", 0, r.s.out.loss_clean, golden_number(&r.g, "vaccine_loss1"),
                 TOL_LOSS);
    check_number("loss", 0, r.s.out.loss, golden_number(&r.g, "vaccine_loss2"), TOL_LOSS);
    for (size_t l = 0; l < r.g.m->cfg.L; l++) {
        all += r.s.out.grad[l] * r.s.out.grad[l];
        check_number("gradient of layer", l, r.s.out.grad[l],
                     element(r.g.numbers, "vaccine_layer_grad_norm", l), TOL_NORM);
        check_number("eps of layer", l, r.s.out.eps[l],
                     element(r.g.numbers, "vaccine_layer_eps_norm", l), TOL_NORM);
    }
    check_number("norm of all gradients", 0, sqrt(all), golden_number(&r.g, "vaccine_global_norm"),
                 TOL_NORM);
    check_gradients(&r, "vaccine_grad");
    run_close(&r);
}

static void golden_sft(const char *folder, const char *backend)
{
    struct run r;

    run_open(&r, folder, "sft", backend);
    run_step(&r);
    check_number("loss", 0, r.s.out.loss, golden_number(&r.g, "loss_lora"), TOL_LOSS);
    assert_true(isnan(r.s.out.loss_clean) && isnan(r.s.out.eps_norm) && isnan(r.s.out.eps[0]));
    /* what is measured at the attention outputs is what Vaccine's first pass sees there */
    for (size_t l = 0; l < r.g.m->cfg.L; l++)
        check_number("gradient of layer", l, r.s.out.grad[l],
                     element(r.g.numbers, "vaccine_layer_grad_norm", l), TOL_NORM);
    check_gradients(&r, "sft_grad");
    run_close(&r);
}

static void test_golden_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        for (size_t k = 0; k < 2; k++) {
            golden_vaccine(folders[i], backends[k]);
            golden_sft(folders[i], backends[k]);
        }
    }
}

/* --- five steps --- */

struct distance {
    double dot, got, want; /* of the updates */
    double worst;
    size_t far, n;
};

/* AdamW moves a weight by lr whatever the size of its gradient, so that a weight whose gradient is
 * noise may go either way: few may be far off, and the whole update must point where the recorded
 * one does. */
static void check_adapter(struct run *r, const char *method, int step)
{
    const struct params *p = model_params(r->g.m);
    double lr = cJSON_GetObjectItem(cJSON_GetObjectItem(r->g.numbers, "params"), "lr")->valuedouble;
    float *x = calloc(p->n, sizeof *x);
    struct distance d = {0};
    char name[256];

    compute_download(r->g.c, x, p->w, p->n);
    for (size_t i = 0; i < p->count; i++) {
        const struct param *q = &p->list[i];
        size_t n = param_size(q);
        const float *want;
        snprintf(name, sizeof name, "%s_step%d.%s", method, step, q->name);
        want = golden_tensor(&r->g, name, n);
        for (size_t k = 0; k < n; k++, d.n++) {
            double u = (double)x[q->at + k] - r->start[q->at + k],
                   v = (double)want[k] - r->start[q->at + k];
            d.dot += u * v;
            d.got += u * u;
            d.want += v * v;
            d.worst = fmax(d.worst, fabs(u - v));
            d.far += fabs(u - v) > 0.02 * lr;
        }
    }
    free(x);
    if (!(d.dot >= 0.9999 * sqrt(d.got * d.want)) || (double)d.far > 0.002 * (double)d.n)
        fail_msg("%s after step %d: cosine %.7f, %zu of %zu numbers off, the worst by %.3g", method,
                 step, d.dot / sqrt(d.got * d.want), d.far, d.n, d.worst);
}

static void check_trace(struct run *r, const cJSON *t, size_t i)
{
    double norm = optimizer_grad_norm(&r->o);

    check_number("loss of step", i, r->s.out.loss, member(t, "loss"), 5e-5);
    check_number("gradient norm of step", i, norm, member(t, "grad_norm"), 2e-4);
    if (!cJSON_GetObjectItem(t, "global_norm"))
        return;
    for (size_t l = 0; l < r->g.m->cfg.L; l++) {
        double g = element(t, "layer_grad_norm", l), all = member(t, "global_norm");
        double rho =
            cJSON_GetObjectItem(cJSON_GetObjectItem(r->g.numbers, "params"), "rho")->valuedouble;
        check_number("gradient of layer", l, r->s.out.grad[l], g, 3e-4);
        check_number("eps of layer", l, r->s.out.eps[l], rho * g / (all + 1e-7), 3e-4);
    }
}

static void golden_training(const char *folder, const char *method)
{
    struct run r;
    char key[64];

    run_open(&r, folder, method, "cpu");
    snprintf(key, sizeof key, "%s_trace", method);
    for (int i = 0; i < STEPS; i++) {
        run_step(&r);
        check_trace(&r, cJSON_GetArrayItem(cJSON_GetObjectItem(r.g.numbers, key), i),
                    (size_t)i + 1);
        run_update(&r);
        if (i == 0 || i + 1 == STEPS)
            check_adapter(&r, method, i + 1);
    }
    run_close(&r);
}

static void test_golden_training(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        golden_training(folders[i], "sft");
        golden_training(folders[i], "vaccine");
    }
}

/* --- the table --- */

static void test_methods(void **state)
{
    (void)state;
    struct vac_err err = {0};
    size_t n = 0;

    for (const struct method *m; (m = method_at(n)); n++) {
        assert_non_null(m->help);
        assert_non_null(m->step);
        assert_ptr_equal(method_find(m->name, &err), m);
        assert_true(!m->options == !m->options_size);
        for (const struct option_row *o = m->options; o && o->name; o++)
            assert_true(o->help && o->offset < m->options_size);
    }
    assert_true(n >= 3 && err.code == 0);
    assert_null(method_at(n + 5));
    assert_null(method_find("vacine", &err));
    assert_int_equal(err.code, VAC_ERR_USAGE);
    assert_error(&err, "unknown method \"vacine\": expected one of sft, vaccine, random");
    assert_error(&err, "(did you mean \"vaccine\"?)");
    err_clear(&err);
    assert_null(method_find("quite another", &err));
    assert_error(&err, "unknown method \"quite another\": expected one of sft, vaccine, random");
    err_clear(&err);
    assert_null(method_find("", &err));
    assert_error(&err, "one of sft");
}

static const struct config eight = {.L = 8};

static void check_layers(const char *text, const char *want)
{
    struct vac_err err = {0};
    bool mask[8];
    char got[9] = "";

    assert_ok(layers_mask(text, SITE_ATTN, &eight, mask, &err), &err);
    for (int l = 0; l < 8; l++)
        got[l] = mask[l] ? 'x' : '.';
    assert_string_equal(got, want);
}

static void check_no_layers(const char *text, const char *why)
{
    struct vac_err err = {0};
    bool mask[8] = {true, false, true, false, false, false, false, true};

    assert_int_equal(layers_mask(text, SITE_ATTN, &eight, mask, &err), -1);
    assert_int_equal(err.code, VAC_ERR_USAGE);
    assert_error(&err, why);
    assert_true(mask[0] && !mask[1] && mask[2] && !mask[3] && !mask[6] && mask[7]);
}

static void test_layers(void **state)
{
    (void)state;
    check_layers(NULL, "xxxxxxxx");
    check_layers("", "xxxxxxxx");
    check_layers("all", "xxxxxxxx");
    check_layers("0", "x.......");
    check_layers("7", ".......x");
    check_layers("0-3,7", "xxxx...x");
    check_layers("5,1-2,1", ".xx..x..");
    check_layers("3-3", "...x....");
    check_layers("0-7", "xxxxxxxx");
    check_layers("007", ".......x");
    check_no_layers("8", "up to 7");
    check_no_layers("0,2-8", "up to 7, found \"0,2-8\"");
    check_no_layers("99999999999999999999999", "up to 7");
    check_no_layers("0-99999999999999999999999", "up to 7");
    for (size_t i = 0; i < 16; i++) {
        static const char *const bad[] = {"none", "-1",  "1-",    "3-1", "1,",    ",1",
                                          "1,,2", "1 2", " 1",    "1;",  "1-2-3", "+1",
                                          "0x1",  "ALL", "all,1", "1.5"};
        check_no_layers(bad[i], "expected numbers and ranges like 0-3,7 or all");
    }
}

/* What does not fit leaves the step as it was. */
static void test_options_refused(void **state)
{
    (void)state;
    struct run r;
    struct vac_err err = {0};
    void *other;

    run_open(&r, folders[0], "vaccine", "cpu");
    other = calloc(1, r.method->options_size);
    assert_ok(option_defaults(r.method->options, other, &err), &err);
    assert_ok(option_set(option_find(r.method->options, "layers"), "1,9", other, "", &err), &err);
    assert_int_equal(step_options(&r.s, r.method, other, &err), -1);
    assert_error(&err, "up to 2");
    assert_ptr_equal(r.s.options, r.options);
    assert_true(r.s.mask[0] && r.s.mask[1] && r.s.mask[2]);
    err_clear(&err);
    assert_ok(option_set(option_find(r.method->options, "layers"), "1-2", other, "", &err), &err);
    assert_ok(step_options(&r.s, r.method, other, &err), &err);
    assert_true(r.s.options == other && !r.s.mask[0] && r.s.mask[1] && r.s.mask[2]);
    assert_ok(option_set(option_find(r.method->options, "site"), "embed", other, "", &err), &err);
    assert_int_equal(step_options(&r.s, r.method, other, &err), -1);
    assert_error(&err, "site embed has layer 0 only");
    err_clear(&err);
    assert_ok(option_set(option_find(r.method->options, "layers"), "0", other, "", &err), &err);
    assert_ok(step_options(&r.s, r.method, other, &err), &err);
    assert_true(r.s.mask[0] && !r.s.mask[1] && !r.s.mask[2]);
    option_free(r.method->options, other);
    free(other);
    run_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_step),     cmocka_unit_test(test_golden_training),
        cmocka_unit_test(test_methods),         cmocka_unit_test(test_layers),
        cmocka_unit_test(test_options_refused),
    };

    return cmocka_run_group_tests_name("defense", tests, NULL, NULL);
}
