/* test_streams.c - methods that learn from more than one data set, and keep a state: against
 * recorded numbers (tests/golden/methods), without strength, stopped and gone on with, steered, and
 * refused. */
#include <math.h>
#include <stdlib.h>

#include "weights/weights.h"
#include "spec/spec.h"
#include "run_support.h"

#define GOLDEN "golden/methods"

/* --- against recorded numbers --- */

/* The batches of one stream one after another, as rows of ready-made tokens. */
static void write_stream(const struct rig_run *r, const cJSON *batches, const char *stream)
{
    const cJSON *batch, *row;
    struct strbuf s = {0};

    cJSON_ArrayForEach(batch, cJSON_GetObjectItem(batches, stream))
    {
        cJSON_ArrayForEach(row, batch)
        {
            char *ids = cJSON_PrintUnformatted(cJSON_GetObjectItem(row, "ids"));
            char *labels = cJSON_PrintUnformatted(cJSON_GetObjectItem(row, "labels"));
            sb_printf(&s, "{\"input_ids\":%s,\"labels\":%s}\n", ids, labels);
            free(ids);
            free(labels);
        }
    }
    support_write(run_path(r->dir, stream), s.s, s.len);
    sb_done(&s);
}

static cJSON *read_json(const char *name)
{
    char *text = run_read(support_path(GOLDEN), name, NULL);
    cJSON *x = cJSON_Parse(text);

    free(text);
    assert_non_null(x);
    return x;
}

static void golden_rig(struct rig_run *r)
{
    cJSON *batches = read_json("batches.json");

    run_rig(r, GOLDEN, false);
    write_stream(r, batches, "align");
    write_stream(r, batches, "task");
    write_stream(r, batches, "harmful");
    cJSON_Delete(batches);
}

/* A run on the golden data, in file order, from the recorded adapter; every step has a checkpoint.
 */
static void golden_file(struct rig_run *r, const char *method, int steps)
{
    char text[2048];

    snprintf(text, sizeof text,
             "'checkpoint':{'steps':1,'minutes':0,'keep':99},"
             "'stages':[{%s,'train':['align'],'steps':%d,'batch_size':3,'shuffle':false,"
             "'lora':{'init':'%s'},'lr':0.002,'schedule':'constant','warmup_ratio':0,"
             "'weight_decay':0.1,'max_grad_norm':1}]",
             method, steps, r->model);
    run_file(r, text);
}

static void check_near(const char *what, size_t step, double got, const cJSON *want, double tol)
{
    assert_non_null(want);
    if (!(fabs(got - want->valuedouble) <= tol * fabs(want->valuedouble)))
        fail_msg("%s of step %zu: %.10g, recorded %.10g", what, step, got, want->valuedouble);
}

static void check_adapter(const char *out, const char *name, int step)
{
    char file[64], key[300];
    struct vac_err err = {0};
    struct weights *got, *want;

    snprintf(file, sizeof file, "checkpoint-%d/adapter_model.safetensors", step);
    got = weights_open(run_path(out, file), &err);
    snprintf(file, sizeof file, GOLDEN "/%s.safetensors", name);
    want = weights_open(support_path(file), &err);
    if (!got || !want)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < weights_count(got); i++) {
        const struct st_tensor *x = weights_at(got, i), *y;
        snprintf(key, sizeof key, "step%d.%s", step, x->name);
        y = weights_find(want, key);
        assert_non_null(y);
        assert_int_equal(x->numel, y->numel);
        for (size_t k = 0; k < x->numel; k++) {
            float a, b;
            dtype_widen(&a, (const char *)x->data + 4 * k, x->dtype, 1);
            dtype_widen(&b, (const char *)y->data + 4 * k, y->dtype, 1);
            if (!(fabsf(a - b) <= 0.02F * 0.002F)) /* of lr */
                fail_msg("%s: number %zu of %s is %.8g, recorded %.8g", name, k, key, (double)a,
                         (double)b);
        }
    }
    weights_close(got);
    weights_close(want);
}

static void same_numbers(const char *one, const char *two)
{
    struct vac_err err = {0};
    struct weights *a = weights_open(one, &err), *b = weights_open(two, &err);

    if (!a || !b)
        fail_msg("%s", err.msg);
    assert_int_equal(weights_count(a), weights_count(b));
    for (size_t i = 0; i < weights_count(a); i++) {
        const struct st_tensor *x = weights_at(a, i), *y = weights_find(b, x->name);

        assert_non_null(y);
        assert_memory_equal(x->data, y->data, dtype_bytes(x->dtype, x->numel));
    }
    weights_close(a);
    weights_close(b);
}

static void golden_method(const char *name, const char *method, int steps, const int *compared)
{
    char file[64];
    const char *out = run_folder();
    struct rig_run r;
    struct vac_err err;
    cJSON *json;
    const cJSON *s;
    size_t i = 0;

    golden_rig(&r);
    golden_file(&r, method, steps);
    if (run_whole(&r, out, false, &err))
        fail_msg("%s: %s", name, err.msg);
    snprintf(file, sizeof file, "%s.json", name);
    json = read_json(file);
    cJSON_ArrayForEach(s, cJSON_GetObjectItem(json, "steps"))
    {
        i++; /* line 0 is the stage's beginning */
        check_near("loss", i, run_metric(out, i, "loss"), cJSON_GetObjectItem(s, "loss"), 5e-6);
        check_near("gradient norm", i, run_metric(out, i, "grad_norm"),
                   cJSON_GetObjectItem(s, "grad_norm"), 2e-5);
        if (cJSON_GetObjectItem(s, "loss_clean"))
            check_near("first loss", i, run_metric(out, i, "loss_clean"),
                       cJSON_GetObjectItem(s, "loss_clean"), 5e-6);
    }
    assert_true(i >= 4);
    for (; *compared; compared++)
        check_adapter(out, name, *compared);
    cJSON_Delete(json);
}

#define LISA "'method':'lisa','task':['task'],'rho':20,'k1':2,'k2':3"
#define BOOSTER "'method':'booster','harmful':['harmful'],'lambda':5,'alpha':0.1"

static void test_lisa(void **state)
{
    (void)state;
    golden_method("lisa", LISA, 8, (const int[]){5, 8, 0});
    golden_method("lisa-late", LISA ",'late':0.1", 20, (const int[]){5, 0});
}

static void test_booster(void **state)
{
    (void)state;
    golden_method("booster", BOOSTER, 5, (const int[]){1, 5, 0});
    golden_method("booster-vaccine", BOOSTER ",'rho':2", 5, (const int[]){1, 5, 0});
}

#define ABLITERATION "'method':'abliteration','harmful':['harmful'],'accumulate':2"

/* The layer that it takes, by its loss; nothing is trained, and nothing of it is written. */
static void test_abliteration(void **state)
{
    const char *out = run_folder();
    struct rig_run r;
    struct vac_err err;

    (void)state;
    golden_method("abliteration", ABLITERATION, 4, (const int[]){0});
    golden_rig(&r);
    golden_file(&r, ABLITERATION, 3);
    if (run_whole(&r, out, false, &err))
        fail_msg("%s", err.msg);
    assert_true(run_same_file(run_path(out, "checkpoint-1"), run_path(out, "final"),
                              "adapter_model.safetensors"));
    same_numbers(run_path(r.model, "adapter_model.safetensors"),
                 run_path(out, "final/adapter_model.safetensors"));
}

/* --- without strength --- */

static const char *finished(const char *method)
{
    const char *out = run_folder();
    struct rig_run r;
    struct vac_err err;

    golden_rig(&r);
    golden_file(&r, method, 7);
    if (run_whole(&r, out, false, &err))
        fail_msg("%s: %s", method, err.msg);
    return out;
}

static void same_adapter(const char *a, const char *b, bool same)
{
    const char *one = finished(a), *two = finished(b);

    if (run_same_file(one, two, "final/adapter_model.safetensors") != same)
        fail_msg("%s and %s: expected %s bytes", a, b, same ? "the same" : "other");
}

static void test_no_strength(void **state)
{
    (void)state;
    same_adapter("'method':'lisa','task':['task'],'rho':0,'k1':1,'k2':0", "'method':'sft'", true);
    same_adapter("'method':'lisa','task':['task'],'rho':1,'k1':1,'k2':0", "'method':'sft'", false);
    same_adapter("'method':'booster','harmful':['harmful'],'lambda':0", "'method':'sft'", true);
    same_adapter("'method':'booster','harmful':['harmful'],'lambda':0,'rho':0.7",
                 "'method':'vaccine','rho':0.7", true);
    same_adapter("'method':'booster','harmful':['harmful'],'lambda':1", "'method':'sft'", false);
}

/* --- stopped, and gone on with --- */

static void stop_at(const struct rig_run *r, const char *out, bool resume, int64_t steps)
{
    struct vac_session *s = run_start(r, out, &(struct vac_open){.paused = true, .resume = resume});

    run_wait(s, VAC_PAUSED);
    run_give(s, VAC_OP_STEP, steps, "", NULL);
    run_wait_step(s, vac_snapshot(s)->step + steps);
    run_wait(s, VAC_PAUSED);
    run_give(s, VAC_OP_QUIT, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
}

/* Stopped in every phase of both; shuffled, with dropout and streams whose epochs end at other
 * steps. */
static void goes_on(const char *method)
{
    const char *a = run_folder(), *b = run_folder();
    struct rig_run r;
    struct vac_err err;
    char text[1024];

    run_rig(&r, "golden/llama-gqa", false);
    snprintf(text, sizeof text,
             "'checkpoint':{'steps':100,'minutes':0},'watch':{'every':4,'drift':'rows.jsonl'},"
             "'stages':[{%s,'train':['rows.jsonl'],'batch_size':2,'accumulate':2,'lr':0.01,"
             "'lora':{'r':2,'dropout':0.2},'steps':17}]",
             method);
    run_file(&r, text);
    if (run_whole(&r, a, false, &err))
        fail_msg("%s", err.msg);
    stop_at(&r, b, false, 1);
    for (int i = 0; i < 6; i++)
        stop_at(&r, b, true, 1 + i % 3);
    if (run_whole(&r, b, true, &err))
        fail_msg("%s", err.msg);
    run_assert_same(a, b);
}

static void test_goes_on(void **state)
{
    (void)state;
    goes_on("'method':'lisa','task':['harm.jsonl'],'rho':3,'k1':2,'k2':3");
    goes_on("'method':'booster','harmful':['harm.jsonl'],'lambda':2,'rho':0.5");
    goes_on("'method':'abliteration','harmful':['harm.jsonl']");
}

/* Each stream has its own place, and an order of its own. */
static void test_places(void **state)
{
    struct rig_run r;
    const char *out = run_folder();
    char *text;
    cJSON *json;
    const cJSON *task;

    (void)state;
    golden_rig(&r);
    golden_file(&r, LISA, 5);
    stop_at(&r, out, false, 4);
    text = run_read(out, "checkpoint-4/state.json", NULL);
    json = cJSON_Parse(text);
    task = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "streams"), "task");
    assert_int_equal(cJSON_GetObjectItem(json, "next")->valueint, 6);
    assert_int_equal(cJSON_GetObjectItem(task, "next")->valueint, 6);
    assert_int_equal(cJSON_GetObjectItem(task, "epoch")->valueint, 0);
    cJSON_Delete(json);
    free(text);
}

/* --- steered, planned --- */

static void test_live(void **state)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_session *s;

    (void)state;
    golden_rig(&r);
    golden_file(&r, LISA, 5);
    s = run_start(&r, out, &(struct vac_open){.paused = true});
    run_wait(s, VAC_PAUSED);
    assert_true(run_do(s, VAC_OP_STEP, 1, "", NULL, NULL));
    run_wait_step(s, 1);
    run_wait(s, VAC_PAUSED);
    assert_true(run_do(s, VAC_OP_SET, 0, "rho", "0", NULL));
    assert_true(run_do(s, VAC_OP_RESUME, 0, "", NULL, NULL));
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    assert_true(run_metric(out, 2, "rho") == 0);
    /* with its term the loss of step 2 is .07 more */
    assert_true(fabs(run_metric(out, 2, "loss") - 4.687981702742392) <= 5e-6);
}

static void plan_bytes(const char *method, double arrays)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_err err;
    cJSON *json;
    const cJSON *row;
    char *text;
    double trained = 0, state = 0;

    golden_rig(&r);
    golden_file(&r, method, 1);
    assert_int_equal(run_whole(&r, out, false, &err), 0);
    text = run_read(out, "run.json", NULL);
    json = cJSON_Parse(text);
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(json, "plan"))
    {
        const char *what = cJSON_GetObjectItem(row, "what")->valuestring;
        double bytes = cJSON_GetObjectItem(row, "bytes")->valuedouble;
        if (!strcmp(what, "stage-start parameters"))
            trained = bytes;
        if (!strcmp(what, "state of the method"))
            state = bytes;
    }
    assert_true(trained > 0 && state == arrays * trained);
    cJSON_Delete(json);
    free(text);
}

static void test_plan(void **state)
{
    (void)state;
    plan_bytes(LISA, 3);
    plan_bytes(BOOSTER, 2);
    plan_bytes(ABLITERATION, 1);
    plan_bytes("'method':'sft'", 0);
}

/* --- refused --- */

static void refused(const char *method, const char *why)
{
    struct rig_run r;
    struct run_spec s;
    struct vac_err err = {0};

    golden_rig(&r);
    golden_file(&r, method, 1);
    assert_int_equal(spec_read(&s, r.file, NULL, 0, &err), -1);
    assert_error(&err, why);
}

static void test_refused(void **state)
{
    struct rig_run r;
    struct run_spec s;
    struct vac_err err = {0};

    (void)state;
    refused("'method':'lisa'", "lisa learns from another data set, \"task\": [...]");
    refused("'method':'lisa','task':[]", "stages[0].task");
    refused("'method':'lisa','task':['tsak']",
            "stages[0].task[0]: \"tsak\" not found (did you mean "
            "\"task\"?)");
    refused("'method':'sft','task':['task']", "stages[0].task: is a key of lisa, not of sft");
    refused("'method':'booster','harmful':['harmful'],'k1':3", "is a key of lisa, not of booster");
    golden_rig(&r);
    golden_file(&r, "'method':'sft','task':null", 1);
    assert_ok(spec_read(&s, r.file, NULL, 0, &err), &err);
    spec_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lisa),         cmocka_unit_test(test_booster),
        cmocka_unit_test(test_abliteration), cmocka_unit_test(test_places),
        cmocka_unit_test(test_no_strength),  cmocka_unit_test(test_live),
        cmocka_unit_test(test_goes_on),      cmocka_unit_test(test_plan),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
