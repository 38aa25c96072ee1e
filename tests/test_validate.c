/* test_validate.c - a run looked at without being run, and a run that is repeated. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "eval_support.h"
#include "record/replay.h"
#include "door/validate.h"
#include "run_support.h"

#define TRAIN "'train':['rows.jsonl'],'batch_size':4,'lr':0.01"

/* --- validate --- */

static void look(struct validation *v, const struct rig_run *r)
{
    struct vac_err err = {0};

    assert_ok(validate_open(v, r->file, NULL, 0, &err), &err);
}

static void test_counts(void **state)
{
    struct rig_run r;
    struct validation v;
    struct vac_err err = {0};
    const char *set[] = {"max_length=4"};

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    support_write_text(run_path(r.dir, "few.jsonl"),
                       "{\"input_ids\":[5,6,7,8],\"labels\":[-100,-100,7,8]}\n"
                       "{\"input_ids\":[5,6,7,8],\"labels\":[-100,-100,-100,-100]}\n"
                       "{\"input_ids\":[5,6,7,8,9,10],\"labels\":[-100,6,7,8,9,10]}\n"
                       "{\"input_ids\":[5,6,7,8,9,10],\"labels\":[-100,-100,-100,-100,9,10]}\n");
    run_file(&r, "'evaluate':[{'name':'L','data':'few.jsonl','metric':'loss'}],"
                 "'stages':[{'name':'one','train':['few.jsonl'],'batch_size':2,'epochs':3},"
                 "{'name':'two','train':['few.jsonl',{'file':'harm.jsonl','harmful':true}],'"
                 "samples':6,'harmful_ratio':0.66,"
                 "'batch_size':2,'accumulate':2,'steps':5}]");
    assert_ok(validate_open(&v, r.file, set, 1, &err), &err);
    assert_int_equal(v.stage[0].rows, 4);
    assert_int_equal(v.stage[0].cut, 2);
    assert_int_equal(v.stage[0].skipped, 2);
    assert_int_equal(v.stage[0].samples, 2);
    assert_int_equal(v.stage[0].tokens, 8);
    assert_int_equal(v.stage[0].labels, 2 + 3);
    assert_int_equal(v.stage[0].longest, 4);
    assert_int_equal(v.stage[0].steps_per_epoch, 1);
    assert_int_equal(v.stage[0].steps, 3);
    assert_int_equal(v.stage[1].samples, 6);
    assert_int_equal(v.stage[1].file[0].samples, 2);
    assert_int_equal(v.stage[1].file[1].samples, 4); /* round(0.66 x 6) */
    assert_true(v.stage[1].file[1].harmful);
    assert_int_equal(v.stage[1].file[0].labels, 5);
    assert_int_equal(v.stage[1].steps_per_epoch, 2);
    assert_true(v.stage[1].epochs == 2.5);
    assert_int_equal(v.steps, 8);
    assert_int_equal(v.n_evaluate, 1);
    validate_done(&v);
}

/* Every number of the plan's rows is that of the run itself. */
static void test_plan_of_run(void **state)
{
    struct rig_run r;
    struct validation v;
    struct vac_err err;
    const char *out = run_folder();
    char *text;
    cJSON *json;
    const cJSON *row;
    size_t i = 0;

    (void)state;
    run_rig(&r, "golden/opt", true);
    run_file(&r,
             "'watch':{'every':1,'drift':'rows.jsonl'},"
             "'stages':[{'method':'vaccine'," TRAIN ",'lora':{'r':4,'dropout':0.1},'steps':2}]");
    look(&v, &r);
    assert_int_equal(run_whole(&r, out, false, &err), 0);
    text = run_read(out, "run.json", NULL);
    json = cJSON_Parse(text);
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(json, "plan"))
    {
        assert_true(i < v.stage[0].plan.n);
        assert_string_equal(cJSON_GetObjectItemCaseSensitive(row, "what")->valuestring,
                            v.stage[0].plan.row[i].what);
        assert_true(cJSON_GetObjectItemCaseSensitive(row, "bytes")->valuedouble ==
                    (double)v.stage[0].plan.row[i].bytes);
        i++;
    }
    assert_int_equal(i, v.stage[0].plan.n);
    assert_true(i > 5);
    cJSON_Delete(json);
    free(text);
    validate_done(&v);
}

static uint64_t row_bytes(const struct plan *p, const char *what)
{
    for (size_t i = 0; i < p->n; i++) {
        if (!strcmp(p->row[i].what, what))
            return p->row[i].bytes;
    }
    return 0;
}

/* A classifier that judges lies beside the model: its weights once, its activations for each entry.
 */
static void test_plan_of_judges(void **state)
{
    const char *data = support_testdata("judge"), *judge = support_tmp();
    struct rig_run r;
    struct validation v;
    char text[4000], path[PATH_MAX];
    uint64_t one = 0, mapped = 0;

    (void)state;
    if (!data) {
        print_message("skipped: VACCINE_TESTDATA has no judge\n");
        skip();
    }
    mini_tokenizer(judge);
    assert_non_null(realpath(support_testdata("judge/config.json"), path));
    assert_int_equal(symlink(path, run_path(judge, "config.json")), 0);
    assert_non_null(realpath(support_testdata("judge/model.safetensors"), path));
    assert_int_equal(symlink(path, run_path(judge, "model.safetensors")), 0);
    run_rig(&r, "golden/opt", true);
    support_write_text(run_path(r.dir, "ask.jsonl"), "{\"prompt\":\"a b\"}\n");
    for (int n = 1; n < 3; n++) {
        snprintf(text, sizeof text,
                 "'evaluate':[{'name':'A','prompts':'ask.jsonl','judge':'model','judge_model':'%s'}"
                 "%s%s%s],'stages':[{" TRAIN ",'lora':{'r':2},'steps':2}]",
                 judge,
                 n > 1 ? ",{'name':'B','prompts':'ask.jsonl','judge':'model','judge_model':'" : "",
                 n > 1 ? judge : "", n > 1 ? "'}" : "");
        run_file(&r, text);
        look(&v, &r);
        if (n == 1)
            one = row_bytes(&v.stage[0].plan, "judges (classifiers)");
        else
            mapped = 2 * one - row_bytes(&v.stage[0].plan, "judges (classifiers)");
        validate_done(&v);
    }
    assert_true(mapped > 0 && mapped < one);
    assert_true((uint64_t)file_size(path) >= mapped && (uint64_t)file_size(path) < mapped + 65536);
}

/* What earlier stages leave lies beneath the later ones. */
static void test_plan_of_stages(void **state)
{
    struct rig_run r;
    struct validation v;
    uint64_t F32;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, "'stages':[{" TRAIN ",'lora':{'r':2}},{" TRAIN ",'lora':{'r':2}},{" TRAIN
                 ",'adapter':'same','lora':{'r':2}},"
                 "{" TRAIN ",'lora':null},{" TRAIN ",'lora':{'r':2}}]");
    look(&v, &r);
    F32 = 4 * v.parameters;
    assert_int_equal(v.n_stages, 5);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(row_bytes(&v.stage[i].plan, "adapters"),
                         4 * v.stage[0].trained * (i ? 2 : 1));
        assert_int_equal(row_bytes(&v.stage[i].plan, "weights in F32"), 0);
        assert_int_equal(v.stage[i].trained, v.stage[0].trained);
    }
    assert_int_equal(v.stage[3].trained, v.parameters);
    assert_int_equal(row_bytes(&v.stage[3].plan, "weights in F32"), F32);
    assert_int_equal(row_bytes(&v.stage[3].plan, "gradients and optimizer"), 3 * F32);
    assert_int_equal(row_bytes(&v.stage[3].plan, "adapters"), 0);
    assert_int_equal(row_bytes(&v.stage[4].plan, "weights in F32"), F32);
    assert_int_equal(row_bytes(&v.stage[4].plan, "base weights (mapped)"), 0);
    assert_int_equal(row_bytes(&v.stage[4].plan, "adapters"), 4 * v.stage[0].trained);
    assert_int_equal(v.refused.code, 0);
    assert_true(v.seconds > 0 && v.gflops > 0 && v.crowd >= 1);
    validate_done(&v);
}

/* Short steps are made, every stage on what those before it left; the numbers of the plan stay
 * those of the run. */
static void test_rehearsed(void **state)
{
    struct rig_run r;
    struct validation v;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, "'watch':{'every':1,'drift':'rows.jsonl'},"
                 "'stages':[{'method':'vaccine'," TRAIN ",'lora':{'r':2},'steps':9},{" TRAIN
                 ",'adapter':'same','lora':{'r':2},'steps':9},{" TRAIN ",'lora':null,'steps':9},"
                 "{" TRAIN ",'lora':{'r':2},'steps':9}]");
    look(&v, &r);
    for (size_t i = 0; i < v.n_stages; i++) {
        assert_true(v.stage[i].rehearsed);
        assert_true(v.stage[i].seconds > 0);
    }
    assert_true(v.stage[0].seconds + v.stage[1].seconds + v.stage[2].seconds < v.seconds);
    assert_int_equal(v.stage[2].trained, v.parameters);
    validate_done(&v);
}

static void assert_rel(double a, double b)
{
    assert_true(fabs(a - b) <= 1e-9 * fabs(b));
}

/* What is measured takes its time too, in every stage that measures it. */
static void test_validate_counts_measuring(void **state)
{
    struct rig_run r;
    struct validation v;

    (void)state;
    run_rig(&r, "golden/llama-gqa", true);
    support_write_text(run_path(r.dir, "ask.jsonl"),
                       "{\"prompt\":\"abc\"}\n{\"prompt\":\"xyz\"}\n");
    run_file(&r,
             "'watch':{'every':2,'drift':'rows.jsonl','probes':{'file':'ask.jsonl','every':3,"
             "'max_new_tokens':4}},"
             "'evaluate':[{'name':'HS','prompts':'ask.jsonl','judge':'refusal','max_new_tokens':4,"
             "'every':5},{'name':'L','data':'rows.jsonl','metric':'loss','stages':['b']}],"
             "'stages':[{'name':'a','train':['rows.jsonl'],'lora':{'r':2},'steps':10},"
             "{'name':'b','train':['rows.jsonl'],'lora':{'r':2},'steps':4}]");
    look(&v, &r);
    assert_true(v.evaluate[0].seconds > 0 && v.evaluate[1].seconds > 0);
    assert_true(v.suite > 0 && v.stage[0].reading > 0);
    /* HS at 0, 5, 10; probes at 0, 3, 6, 9; drift at 0, 2, ... 10 */
    assert_rel(v.stage[0].measuring,
               3 * v.evaluate[0].seconds + 4 * v.suite + 6 * v.stage[0].reading);
    /* HS and L at 0 and 4; probes at 0, 3; drift at 0, 2, 4 */
    assert_rel(v.stage[1].measuring, 2 * (v.evaluate[0].seconds + v.evaluate[1].seconds) +
                                         2 * v.suite + 3 * v.stage[1].reading);
    assert_rel(v.measuring, v.stage[0].measuring + v.stage[1].measuring);
    validate_done(&v);
}

static void test_validate_refuses(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"'stages':[{'train':['rows.jsonl'],'lora':{'targets':'q_prj'}}]",
         "did you mean \"q_proj\""},
        {"'stages':[{'train':['row.jsonl']}]", "did you mean \"rows.jsonl\""},
        {"'stages':[{'train':['bad.jsonl']}]", "bad.jsonl:2"},
        {"'stages':[{'train':['empty.jsonl']}]", "empty.jsonl"},
        {"'stages':[{'train':['rows.jsonl'],'layers':'0-9','method':'vaccine'}]", "layers"},
        {"'stages':[{'train':['rows.jsonl',{'file':'harm.jsonl','harmful':true}],'samples':100,'"
         "harmful_ratio':0.5}]",
         "samples"},
        {"'watch':{'drift':'bad.jsonl'},'stages':[{'train':['rows.jsonl']}]", "watch.drift"},
        {"'evaluate':[{'name':'HS','prompts':'rows.jsonl','judge':'refusal'}],'stages':[{'train':['"
         "rows.jsonl']}]",
         "evaluate[0]"},
    };
    struct rig_run r;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    support_write_text(
        run_path(r.dir, "bad.jsonl"),
        "{\"input_ids\":[5,6],\"labels\":[5,6]}\n{\"input_ids\":[5],\"labels\":[5,6]}\n");
    support_write_text(run_path(r.dir, "empty.jsonl"), "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vac_err err = {0};
        struct validation v;
        run_file(&r, cases[i].text);
        if (validate_open(&v, r.file, NULL, 0, &err) == 0)
            fail_msg("not refused: %s", cases[i].text);
        assert_error(&err, cases[i].why);
    }
}

/* --- replay --- */

static void repeat(const char *run, const char *out, struct replay_result *result)
{
    struct rig_run none = {0};
    struct vac_session *s = run_start(&none, out, &(struct vac_open){.file = run, .replay = true});
    struct vac_err err = {0};

    while (!run_ended(s))
        run_wait_step(s, vac_snapshot(s)->step);
    if (vac_session_result(s, &err))
        fail_msg("%s", err.msg);
    vac_session_close(s);
    assert_ok(replay_compare(run, out, result, &err), &err);
}

#define STEERED                                                                                    \
    "'checkpoint':{'steps':5,'minutes':0},'watch':{'every':3,'drift':'rows.jsonl','align_loss':'"  \
    "rows.jsonl'},"                                                                                \
    "'stages':[{'name':'align','method':'vaccine','rho':0.5," TRAIN                                \
    ",'lora':{'r':2,'dropout':0.2},'steps':12},"                                                   \
    "{'name':'attack'," TRAIN ",'lora':{'r':2,'dropout':0.1},'steps':10}]"

static void go_to(struct vac_session *s, int64_t step)
{
    run_wait(s, VAC_PAUSED);
    run_give(s, VAC_OP_STEP, step - vac_snapshot(s)->step, "", NULL);
    run_wait_step(s, step);
    run_wait(s, VAC_PAUSED);
}

static void set_to(struct vac_session *s, const char *key, const char *value)
{
    assert_true(run_do(s, VAC_OP_SET, 0, key, value, NULL));
}

static void run_to(struct vac_session *s, enum vac_op op, enum vac_state state)
{
    run_give(s, op, 0, "", NULL);
    run_wait(s, state);
    vac_session_close(s);
}

/* A run with changes in both stages, of which some were lost with the steps that a kill took. */
static void steer(struct rig_run *r, const char *out, bool to_the_end)
{
    static const struct vac_open first = {.paused = true}, again = {.paused = true, .resume = true};
    struct vac_session *s;

    run_rig(r, "golden/llama-gqa", false);
    run_file(r, STEERED);
    s = run_start(r, out, &first);
    go_to(s, 3);
    set_to(s, "rho", "0.25");
    go_to(s, 7);
    set_to(s, "lr", "0.5"); /* after checkpoint-5: lost */
    go_to(s, 8);
    run_to(s, VAC_OP_DISCARD, VAC_STOPPED);
    s = run_start(r, out, &again);
    go_to(s, 5 + 1);
    set_to(s, "lr", "0.004");
    assert_true(run_do(s, VAC_OP_REFERENCE, 0, "", NULL, NULL));
    go_to(s, 14);
    set_to(s, "lr", "0.02");
    go_to(s, 16);
    run_to(s, to_the_end ? VAC_OP_RESUME : VAC_OP_QUIT, to_the_end ? VAC_DONE : VAC_STOPPED);
}

static void test_replay(void **state)
{
    struct rig_run r;
    struct replay_result result;
    const char *a = run_folder(), *b = run_folder();

    (void)state;
    steer(&r, a, true);
    assert_true(run_metric(a, 7, "lr") > 0);
    repeat(a, b, &result);
    if (!result.same)
        fail_msg("%s", result.difference);
    assert_string_equal(result.weights, "final");
    assert_int_equal(result.lines, 24);
    assert_true(result.tensors > 0);
    run_assert_same(a, b);
}

/* A run that has not ended is repeated as far as its last checkpoint. */
static void test_replay_unfinished(void **state)
{
    struct rig_run r;
    struct replay_result result;
    const char *a = run_folder(), *b = run_folder();

    (void)state;
    steer(&r, a, false);
    repeat(a, b, &result);
    if (!result.same)
        fail_msg("%s", result.difference);
    assert_string_equal(result.weights, "checkpoint-16");
    assert_int_equal(result.lines, 13 + 5);
}

static void replace(const char *path, const char *what, const char *with)
{
    size_t n;
    char *text = run_read(path, "metrics.jsonl", &n), *at = strstr(text, what);

    assert_non_null(at);
    assert_int_equal(strlen(what), strlen(with));
    memcpy(at, with, strlen(with));
    support_write(run_path(path, "metrics.jsonl"), text, n);
    free(text);
}

/* Its first n lines are left. */
static void cut_lines(const char *path, int n)
{
    size_t len;
    char *text = run_read(path, "metrics.jsonl", &len), *end = text;

    while (n-- > 0)
        end = strchr(end, '\n') + 1;
    support_write(run_path(path, "metrics.jsonl"), text, (size_t)(end - text));
    free(text);
}

static void test_replay_tells(void **state)
{
    struct rig_run r;
    struct replay_result result;
    struct vac_err err = {0};
    const char *a = run_folder(), *b = run_folder();
    FILE *f;

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, "'stages':[{'name':'only'," TRAIN ",'lora':{'r':2},'steps':4}]");
    assert_int_equal(run_whole(&r, a, false, &err), 0);
    repeat(a, b, &result);
    assert_true(result.same);
    replace(b, "\"wall\":0", "\"wall\":9"); /* the clock does not count */
    assert_ok(replay_compare(a, b, &result, &err), &err);
    assert_true(result.same);
    replace(b, "\"stage_step\":3", "\"stage_step\":7");
    assert_ok(replay_compare(a, b, &result, &err), &err);
    assert_false(result.same);
    assert_string_equal(result.difference,
                        "metrics.jsonl:4 (step 3): stage_step: 3 in the run, 7 when repeated");
    replace(b, "\"stage_step\":7", "\"stage_step\":3");
    f = fopen(run_path(b, "final/adapter_model.safetensors"), "r+b");
    assert_non_null(f);
    fseek(f, -2, SEEK_END);
    fputc(0x55, f);
    fclose(f);
    assert_ok(replay_compare(a, b, &result, &err), &err);
    assert_false(result.same);
    assert_non_null(strstr(result.difference, "final: base_model"));
    assert_non_null(strstr(result.difference, "differs by up to"));
    for (int i = 0; i < 2;
         i++) { /* in the run, then in its repetition as well, lines are missing */
        cut_lines(i ? b : a, 3 - 2 * i);
        assert_ok(replay_compare(a, b, &result, &err), &err);
        assert_false(result.same);
        assert_string_equal(result.difference,
                            i ? "metrics.jsonl: 3 lines in the run, 1 when repeated"
                              : "metrics.jsonl: 3 lines in the run, 5 when repeated");
    }
}

static void test_replay_refuses(void **state)
{
    struct rig_run r;
    struct vac_session *s, *again;
    struct vac_err err = {0};
    const char *a = run_folder(), *b = run_folder();
    struct vac_open o = {.file = a, .out = b, .replay = true};

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, "'stages':[{'name':'only'," TRAIN ",'lora':{'r':2},'steps':4}]");
    assert_int_equal(vac_session_open(&again, &o, &err), -1);
    assert_error(&err, "there is no such folder: name a run folder");
    err_clear(&err);
    s = run_start(&r, a, &(struct vac_open){.paused = true});
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_session_open(&again, &o, &err), -1);
    assert_error(&err, "nothing to repeat");
    vac_session_close(s);
    assert_int_equal(rename(run_path(r.dir, "harm.jsonl"), run_path(r.dir, "rows.jsonl")), 0);
    err_clear(&err);
    assert_ok(vac_session_open(&again, &o, &err), &err);
    assert_int_equal(vac_session_start(again, &err), -1);
    assert_error(&err, "has changed since the run began");
    vac_session_close(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_plan_of_run),
        cmocka_unit_test(test_plan_of_stages),
        cmocka_unit_test(test_plan_of_judges),
        cmocka_unit_test(test_validate_counts_measuring),
        cmocka_unit_test(test_validate_refuses),
        cmocka_unit_test(test_rehearsed),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_replay_unfinished),
        cmocka_unit_test(test_replay_tells),
        cmocka_unit_test(test_replay_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
