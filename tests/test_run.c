/* test_run.c - the numbers of a run: schedules, clipping, accumulation, batches, adapters on
 * adapters, full fine-tuning, the memory plan. */
#include <math.h>

#include "data/encode.h"
#include "defense/method.h"
#include "defense/step.h"
#include "model/peft.h"
#include "model_support.h"
#include "eval/drift.h"
#include "eval/loss.h"
#include "model/plan.h"
#include "rig/optimizer.h"
#include "door/validate.h"
#include "run_support.h"

/* Linked with --wrap=encode_row: rows that are tokenised. */
static size_t encoded;
int __real_encode_row(const struct encoder *enc, const struct row *row, struct encoded *out,
                      struct vac_err *err);
int __wrap_encode_row(const struct encoder *enc, const struct row *row, struct encoded *out,
                      struct vac_err *err);

int __wrap_encode_row(const struct encoder *enc, const struct row *row, struct encoded *out,
                      struct vac_err *err)
{
    encoded++;
    return __real_encode_row(enc, row, out, err);
}

#define STAGE "'train':['rows.jsonl'],'lora':{'r':2,'alpha':4},'batch_size':4,'lr':0.01"

/* --- schedules --- */

static void test_schedules(void **state)
{
    static const struct {
        int kind;
        double warmup;
        uint64_t s, total;
        double want;
    } cases[] = {
        {SCHEDULE_CONSTANT, 0, 0, 10, 1},
        {SCHEDULE_CONSTANT, 0, 9, 10, 1},
        {SCHEDULE_CONSTANT, 0.25, 0, 10, 0}, /* W = ceil(2.5) = 3 */
        {SCHEDULE_CONSTANT, 0.25, 2, 10, 2.0 / 3},
        {SCHEDULE_CONSTANT, 0.25, 3, 10, 1},
        {SCHEDULE_LINEAR, 0, 0, 4, 1},
        {SCHEDULE_LINEAR, 0, 3, 4, 0.25},
        {SCHEDULE_LINEAR, 0.1, 0, 10, 0},
        {SCHEDULE_LINEAR, 0.1, 1, 10, 1},
        {SCHEDULE_LINEAR, 0.1, 9, 10, 1.0 / 9},
        {SCHEDULE_LINEAR, 0, 4, 4, 0},
        {SCHEDULE_COSINE, 0, 0, 8, 1},
        {SCHEDULE_COSINE, 0, 4, 8, 0.5},
        {SCHEDULE_COSINE, 0, 2, 8, 0.85355339059327373}, /* (1 + sqrt(2)/2) / 2 */
        {SCHEDULE_COSINE, 0, 6, 8, 0.14644660940672624},
        {SCHEDULE_COSINE, 0.5, 3, 8, 0.75},
        {SCHEDULE_COSINE, 0.5, 6, 8, 0.5},
        {SCHEDULE_COSINE, 1, 7, 8, 7.0 / 8},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double have = schedule_factor(cases[i].kind, cases[i].warmup, cases[i].s, cases[i].total);
        if (!(fabs(have - cases[i].want) <= 1e-15))
            fail_msg("case %zu: %.17g, expected %.17g", i, have, cases[i].want);
    }
}

/* --- the optimizer --- */

static void fetch(struct golden *g, float *to, struct ref from)
{
    compute_download(g->c, to, from, model_params(g->m)->n);
}

/* The first AdamW step with a large eps, so that the length of the gradient shows:
 * w -= lr (k g / (|k g| + eps) + decay w), k = min(1, clip / (norm + 1e-6)). */
static void check_clip(double clip, double times)
{
    struct golden g;
    struct optimizer o;
    struct vac_err err = {0};
    struct stage_spec s = {
        .weight_decay = 0.1, .beta1 = 0.9, .beta2 = 0.999, .adam_eps = 0.5, .max_grad_norm = clip};
    size_t n;
    float *w, *grad, *now;
    double norm, k, worst = 0;

    golden_open(&g, "golden/llama-gqa", "cpu", 1, true, false);
    assert_ok(optimizer_init(&o, g.m, &err), &err);
    n = model_params(g.m)->n;
    w = calloc(n, sizeof *w);
    grad = calloc(n, sizeof *grad);
    now = calloc(n, sizeof *now);
    assert_true(w && grad && now);
    fill_normal(grad, n, 5, times);
    compute_upload(g.c, model_params(g.m)->g, grad, n);
    fetch(&g, w, model_params(g.m)->w);
    norm = optimizer_grad_norm(&o);
    optimizer_update(&o, &s, 0.25, norm);
    fetch(&g, now, model_params(g.m)->w);
    k = clip > 0 ? fmin(1, clip / (norm + 1e-6)) : 1;
    for (size_t i = 0; i < n; i++) {
        double x = k * grad[i], want = w[i] - 0.25 * (x / (fabs(x) + 0.5) + 0.1 * w[i]);
        worst = fmax(worst, fabs(now[i] - want));
    }
    assert_true(worst < 2e-7);
    assert_int_equal(o.updates, 1);
    free(w);
    free(grad);
    free(now);
    optimizer_done(&o);
    golden_close(&g);
}

static void test_clipping(void **state)
{
    (void)state;
    check_clip(1.0, 0.1);  /* norm about 5: shortened */
    check_clip(1.0, 1e-4); /* norm below 1: left alone */
    check_clip(0, 0.1);    /* no clipping */
}

/* --- accumulation --- */

struct effective {
    struct model *m;
    struct acts *a;
    struct step s;
    struct batch *batch;
    void *options;
    const struct method *method;
};

static void rows_into(struct dataset *d, size_t n)
{
    const struct encoder enc = {.eos = -1, .vocab = 97};
    struct vac_err err = {0};
    const char *path = run_path(support_tmp(), "rows.jsonl");
    struct dataset_spec spec = {.file = path};

    run_rows(path, n, 9, 11);
    *d = (struct dataset){0};
    assert_ok(dataset_add(d, &spec, &enc, &err), &err);
    assert_int_equal(d->n, n);
}

/* n samples as `micros` micro-batches on a fresh model with an adapter that has numbers everywhere.
 */
static void effective_open(struct effective *e, struct compute *c, const struct dataset *d,
                           size_t micros, const char *method, double dropout)
{
    struct lora_spec lora = {.r = 3, .alpha = 6, .dropout = dropout, .targets = "all"};
    struct vac_err err = {0};
    size_t each = d->n / micros;

    *e = (struct effective){.method = method_find(method, &err)};
    assert_non_null(e->method);
    e->m = model_open(support_path("golden/llama-gqa"), c, &err);
    assert_non_null(e->m);
    assert_ok(model_add_lora(e->m, &lora, 3, 0, &err), &err);
    op_normal(c, model_params(e->m)->w, model_params(e->m)->n, 99, 0.1f);
    e->a = acts_new(e->m, d->tokens, d->labels, d->longest, true, &err);
    e->batch = calloc(micros, sizeof *e->batch);
    assert_true(e->a && e->batch);
    if (e->method->options) {
        e->options = calloc(1, e->method->options_size);
        assert_non_null(e->options);
        assert_ok(option_defaults(e->method->options, e->options, &err), &err);
    }
    assert_ok(step_init(&e->s, e->m, e->a, e->method, e->options, d->tokens, d->labels, &err),
              &err);
    for (size_t b = 0; b < micros; b++) {
        size_t index[64];
        for (size_t i = 0; i < each; i++)
            index[i] = b * each + i;
        assert_ok(batch_init(&e->batch[b], d->tokens, each, &err), &err);
        batch_fill(&e->batch[b], d, index, each, b * each);
    }
    e->s.batch = e->batch;
    e->s.n_batch = micros;
    e->s.seed = 4;
    e->s.step = e->s.stage_step = 1;
}

static void effective_close(struct effective *e)
{
    for (size_t b = 0; b < e->s.n_batch; b++)
        batch_done(&e->batch[b]);
    free(e->batch);
    step_done(&e->s);
    acts_free(e->a);
    model_close(e->m);
    if (e->options)
        option_free(e->method->options, e->options);
    free(e->options);
}

static void assert_rel(const char *what, double a, double b)
{
    if (!(fabs(a - b) <= 1e-5 * fabs(b)))
        fail_msg("%s: %.9g and %.9g", what, a, b);
}

static void check_accumulation(struct compute *c, const struct dataset *d, const char *method,
                               double dropout)
{
    struct effective one, four;
    const struct params *p, *q;
    float *x, *y;

    effective_open(&one, c, d, 1, method, dropout);
    effective_open(&four, c, d, 4, method, dropout);
    step_run(&one.s, one.method);
    step_run(&four.s, four.method);
    p = model_params(one.m);
    q = model_params(four.m);
    assert_rel("loss", four.s.out.loss, one.s.out.loss);
    assert_rel("norm", sqrt(op_sumsq(c, q->g, q->n)), sqrt(op_sumsq(c, p->g, p->n)));
    if (!isnan(one.s.out.eps_norm)) {
        assert_rel("clean loss", four.s.out.loss_clean, one.s.out.loss_clean);
        assert_rel("eps norm", four.s.out.eps_norm, one.s.out.eps_norm);
        for (size_t l = 0; l < model_config(one.m)->L; l++) {
            assert_rel("layer gradient", four.s.out.grad[l], one.s.out.grad[l]);
            assert_rel("layer eps", four.s.out.eps[l], one.s.out.eps[l]);
        }
    }
    x = calloc(p->n, sizeof *x);
    y = calloc(p->n, sizeof *y);
    assert_true(x && y);
    compute_download(c, x, p->g, p->n);
    compute_download(c, y, q->g, q->n);
    for (size_t i = 0; i < p->count; i++)
        assert_close(p->list[i].name, y + p->list[i].at, x + p->list[i].at,
                     p->list[i].shape[0] * p->list[i].shape[1], 1e-5);
    free(x);
    free(y);
    effective_close(&one);
    effective_close(&four);
}

static void test_accumulation(void **state)
{
    struct vac_err err = {0};
    struct compute *c = compute_open("cpu", 1, NULL, &err);
    struct dataset d;

    (void)state;
    assert_non_null(c);
    rows_into(&d, 20);
    check_accumulation(c, &d, "sft", 0);
    check_accumulation(c, &d, "sft", 0.3);
    check_accumulation(c, &d, "vaccine", 0);
    check_accumulation(c, &d, "vaccine", 0.3);
    dataset_done(&d);
    compute_close(c);
}

/* The same through whole runs: the first step is told with the same numbers. */
static void test_accumulating_run(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *a = run_folder(), *b = run_folder();

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, "'stages':[{'method':'vaccine','rho':0.5,'train':['rows.jsonl'],'lora':{'r':2,'"
                 "dropout':0.2},'steps':1,"
                 "'batch_size':20,'lr':0.01}]");
    assert_int_equal(run_whole(&r, a, false, &err), 0);
    run_file(&r, "'stages':[{'method':'vaccine','rho':0.5,'train':['rows.jsonl'],'lora':{'r':2,'"
                 "dropout':0.2},'steps':1,"
                 "'batch_size':5,'accumulate':4,'lr':0.01}]");
    assert_int_equal(run_whole(&r, b, false, &err), 0);
    for (const char *const *key =
             (const char *const[]){"loss", "loss_clean", "grad_norm", "eps_norm", NULL};
         *key; key++)
        assert_rel(*key, run_metric(b, 1, *key), run_metric(a, 1, *key));
    assert_true(run_metric(a, 1, "tokens") == run_metric(b, 1, "tokens"));
}

/* --- batches --- */

static double tokens_of_rows(const struct rig_run *r)
{
    const struct encoder enc = {.eos = -1};
    struct vac_err err = {0};
    struct dataset_spec spec = {.file = run_path(r->dir, "rows.jsonl")};
    struct dataset d = {0};
    double n;

    assert_ok(dataset_add(&d, &spec, &enc, &err), &err);
    n = (double)d.tokens;
    dataset_done(&d);
    return n;
}

/* 23 rows by 5: the fifth batch has 3, nothing is dropped, and every epoch sees every token. */
static void test_last_batch(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *out = run_folder();
    double all;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(
        &r,
        "'stages':[{'train':['rows.jsonl'],'lora':{'r':2},'epochs':2,'batch_size':5,'lr':0.01}]");
    assert_int_equal(run_whole(&r, out, false, &err), 0);
    assert_int_equal(run_lines(out, "metrics.jsonl"), 1 + 2 * 5);
    all = tokens_of_rows(&r);
    assert_true(run_metric(out, 5, "tokens") == all);
    assert_true(run_metric(out, 10, "tokens") == 2 * all);
    assert_true(run_metric(out, 5, "epoch") == 1);
    assert_true(run_metric(out, 5, "tokens") - run_metric(out, 4, "tokens") < all / 5);
}

/* A batch larger than the data is all of it, and takes no more memory than that. */
static void test_large_batch(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *out = run_folder();

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, "'stages':[{'train':['rows.jsonl'],'lora':{'r':2},'epochs':3,'batch_size':1000000,"
                 "'accumulate':1000000,"
                 "'lr':0.01}]");
    if (run_whole(&r, out, false, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(run_lines(out, "metrics.jsonl"), 1 + 3);
    assert_true(run_metric(out, 3, "tokens") == 3 * tokens_of_rows(&r));
}

/* --- stages --- */

static void assert_adapters(const char *out, const char *base, const char *const *want)
{
    char *text = run_read(out, "final/adapters.json", NULL);
    cJSON *json = cJSON_Parse(text);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "adapters"), *x;

    assert_non_null(list);
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(json, "base")->valuestring, base);
    x = list->child;
    for (; *want; want++, x = x->next) {
        assert_non_null(x);
        assert_string_equal(x->valuestring, *want);
    }
    assert_null(x);
    cJSON_Delete(json);
    free(text);
}

/* The second stage goes on with the first one's adapter: at rate 0 it ends where it began. */
static void test_same_adapter(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *out = run_folder();
    char want[1200];

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, "'stages':[{'name':'a'," STAGE ",'steps':3},"
                 "{'name':'b','adapter':'same','train':['harm.jsonl'],'steps':2,'lr':0}]");
    if (run_whole(&r, out, false, &err))
        fail_msg("%s", err.msg);
    snprintf(want, sizeof want, "%s", run_path(out, "stages/a"));
    assert_true(run_same_file(run_path(out, "final"), want, "adapter_model.safetensors"));
    assert_adapters(out, r.model, (const char *const[]){".", NULL});
}

/* A new adapter lies on the old one, which stays as it was. */
static void test_new_adapter(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *out = run_folder();

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, "'watch':{'every':3,'align_loss':'rows.jsonl'},'stages':[{'name':'a'," STAGE
                 ",'steps':3},"
                 "{'name':'b'," STAGE ",'steps':3}]");
    if (run_whole(&r, out, false, &err))
        fail_msg("%s", err.msg);
    assert_false(run_same_file(run_path(out, "final"), run_path(out, "stages/a"),
                               "adapter_model.safetensors"));
    /* lines: 0..3 of a, 0..3 of b; B = 0 at first, so that b begins where a ended */
    assert_true(run_metric(out, 3, "align_loss") == run_metric(out, 4, "align_loss"));
    assert_true(run_metric(out, 7, "align_loss") < run_metric(out, 4, "align_loss"));
    assert_adapters(out, r.model, (const char *const[]){"../stages/a", ".", NULL});
}

static double loss_of_folder(const struct rig_run *r, const char *base, const char *adapter)
{
    const struct encoder enc = {.eos = -1};
    struct vac_err err = {0};
    struct dataset_spec spec = {.file = run_path(r->dir, "rows.jsonl")};
    struct compute *c = compute_open("cpu", 1, NULL, &err);
    struct model *m = c ? model_open(base, c, &err) : NULL;
    struct dataset d = {0};
    struct acts *a;
    double loss;

    if (!m)
        fail_msg("%s", err.msg);
    assert_ok(dataset_add(&d, &spec, &enc, &err), &err);
    if (adapter)
        assert_ok(model_add_peft(m, adapter, false, -1, &err), &err);
    a = acts_new(m, d.tokens, d.labels, d.longest, false, &err);
    assert_non_null(a);
    loss = dataset_loss(m, a, d.tokens, &d, NULL, NULL);
    acts_free(a);
    dataset_done(&d);
    model_close(m);
    compute_close(c);
    return loss;
}

/* All weights, then an adapter on them: final/ says what to load, and loading that gives the run's
 * loss. */
static void test_full_then_lora(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *out = run_folder();
    char base[2400], final[2400];

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, "'watch':{'every':3,'align_loss':'rows.jsonl'},"
                 "'stages':[{'name':'all','train':['rows.jsonl'],'lora':null,'batch_size':4,'lr':0."
                 "001,'steps':3},"
                 "{'name':'top'," STAGE ",'steps':3}]");
    if (run_whole(&r, out, false, &err))
        fail_msg("%s", err.msg);
    assert_adapters(out, "../stages/all", (const char *const[]){".", NULL});
    snprintf(base, sizeof base, "%s", run_path(out, "stages/all"));
    snprintf(final, sizeof final, "%s", run_path(out, "final"));
    assert_rel("after all weights", loss_of_folder(&r, base, NULL),
               run_metric(out, 3, "align_loss"));
    assert_rel("after the adapter", loss_of_folder(&r, base, final),
               run_metric(out, 7, "align_loss"));
    assert_true(run_metric(out, 3, "align_loss") < run_metric(out, 0, "align_loss"));
}

/* --- the plan --- */

/* Planned before anything is there and planned of what then is there: the same rows. */
static void check_plan(const char *golden, const struct lora_spec *lora)
{
    struct golden g;
    struct vac_err err = {0};
    struct plan ahead = {0}, real = {0};
    struct plan_next next = {.lora = lora, .n_lora = lora ? 1 : 0, .full = !lora};
    uint64_t trained;

    golden_open(&g, golden, "cpu", 1, false, false);
    assert_ok(plan_train_next(&ahead, g.m, &next, 50, 30, 20, &trained, &err), &err);
    assert_null(model_params(g.m));
    assert_int_equal(model_adapters(g.m), 0);
    if (lora)
        assert_ok(model_add_lora(g.m, lora, 1, 0, &err), &err);
    else
        assert_ok(model_train_full(g.m, &err), &err);
    plan_train(&real, g.m, 50, 30, 20);
    assert_int_equal(trained, model_params(g.m)->n);
    assert_int_equal(ahead.n, real.n);
    for (size_t i = 0; i < real.n; i++) {
        assert_string_equal(ahead.row[i].what, real.row[i].what);
        assert_int_equal(ahead.row[i].bytes, real.row[i].bytes);
    }
    golden_close(&g);
}

static void test_plan_ahead(void **state)
{
    static const struct lora_spec plain = {.r = 5, .alpha = 5, .targets = "all"},
                                  some = {.r = 8,
                                          .alpha = 5,
                                          .dropout = 0.1,
                                          .targets = "q_proj,v_proj"};

    (void)state;
    check_plan("golden/llama-gqa", &plain);
    check_plan("golden/opt", &some);
    check_plan("golden/llama-rope3-tied", NULL);
    check_plan("golden/opt", NULL);
}

/* The plan is told before the stage begins, and stands in run.json. */
static void test_plan_shown(void **state)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_session *s;
    struct vac_event e;
    size_t rows = 0;
    char *text;
    cJSON *json;

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r,
             "'stages':[{'train':['rows.jsonl'],'lora':null,'steps':1,'batch_size':4,'lr':0.001}]");
    s = run_start(&r, out, NULL);
    do {
        run_event(s, VAC_EVENT_PLAN, 0, &e);
        assert_int_equal(e.plan.first, rows == 0);
        rows++;
    } while (strcmp(e.plan.what, "total"));
    run_event(s, VAC_EVENT_JOURNAL, 0, &e); /* its rows do not stand there */
    assert_string_equal(e.text, "start");
    vac_session_close(s);
    text = run_read(out, "run.json", NULL);
    json = cJSON_Parse(text);
    assert_int_equal(rows, cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "plan")) + 1);
    cJSON_Delete(json);
    free(text);
}

/* --- data --- */

/* Every row of a stage is tokenised once, however many stages there are; so is one that is watched
 * twice. */
static void test_read_once(void **state)
{
    struct rig_run r;
    struct validation v;
    struct vac_err err = {0};

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, "'watch':{'every':2,'drift':{'file':'rows.jsonl','take':7},"
                 "'align_loss':{'file':'rows.jsonl','take':7},'harmful_loss':'harm.jsonl'},"
                 "'stages':[{'name':'a','method':'sft','steps':3," STAGE "},"
                 "{'name':'b','method':'sft','steps':2,'adapter':'same'," STAGE "}]");
    encoded = 0;
    assert_ok(run_whole(&r, run_folder(), false, &err), &err);
    assert_int_equal(encoded, 7 + 9 + 23 + 23);
    encoded = 0;
    assert_ok(validate_open(&v, r.file, NULL, 0, &err), &err);
    validate_done(&v);
    assert_int_equal(encoded, 7 + 9 + 23 + 23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedules),      cmocka_unit_test(test_clipping),
        cmocka_unit_test(test_accumulation),   cmocka_unit_test(test_accumulating_run),
        cmocka_unit_test(test_last_batch),     cmocka_unit_test(test_large_batch),
        cmocka_unit_test(test_same_adapter),   cmocka_unit_test(test_new_adapter),
        cmocka_unit_test(test_full_then_lora), cmocka_unit_test(test_plan_ahead),
        cmocka_unit_test(test_plan_shown),     cmocka_unit_test(test_read_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
