/* test_until.c - a stage that ends when bounds are passed: as one of so many steps, whenever it was stopped,
 * killed, asked or repeated. */
#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "record/replay.h"
#include "record/runs.h"
#include "run_support.h"
#include "spec/spec.h"

#define MEASURE                                                                                    \
    "'checkpoint':{'steps':3,'minutes':0,'keep':2},"                                               \
    "'watch':{'every':1,'drift':'rows.jsonl'},"                                                    \
    "'evaluate':[{'name':'L','data':'rows.jsonl','metric':'loss','every':2},"                      \
    "{'name':'H','data':'harm.jsonl','metric':'loss','every':3},"                                  \
    "{'name':'E','data':'harm.jsonl','metric':'loss'}],"
/* a constant rate does not ask how many steps there are to be */
#define ALIGN                                                                                      \
    "'stages':[{'name':'align','train':['rows.jsonl'],'batch_size':4,'lr':0.01,"                   \
    "'lora':{'r':2,'dropout':0.2},'schedule':'constant','warmup_ratio':0,"
#define ATTACK                                                                                     \
    "},{'name':'attack','train':['harm.jsonl'],'batch_size':4,'lr':0.01,'lora':{'r':2},"           \
    "'schedule':'constant','warmup_ratio':0,'steps':5}]"

static void whole(const struct rig_run *r, const char *out, bool resume)
{
    struct vac_err err;

    if (run_whole(r, out, resume, &err))
        fail_msg("%s", err.msg);
}

static void rig(struct rig_run *r, const char *until, int steps)
{
    char text[2048];

    snprintf(text, sizeof text, MEASURE ALIGN "'steps':%d%s%s" ATTACK, steps,
             *until ? ",'until':" : "", until);
    run_file(r, text);
}

/* Where the scores of an entry in the first stage first pass `times` times in a row, at multiples of
 * `every`; the last of them as the bound, so that it is a real one. */
static double bound_at(const char *dir, const char *name, int64_t step)
{
    struct vac_eval *e;
    struct vac_err err = {0};
    double at = NAN;
    size_t n;

    assert_ok(vac_run_evals(dir, &e, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(e[i].name, name) && e[i].step == step && !strcmp(e[i].stage, "align"))
            at = e[i].value;
    free(e);
    assert_false(isnan(at));
    return at;
}

static void survey(const char *dir, struct vac_run_info *out)
{
    struct vac_run_info *r;
    struct vac_err err = {0};
    size_t n;

    assert_ok(vac_runs(dir, &r, &n, &err), &err);
    assert_int_equal(n, 1);
    *out = *r;
    free(r);
}

struct ended {
    struct rig_run r;
    char until[200];
    const char *dir;
};
/* A run whose first stage of 30 steps ends by its bounds after 12: L falls below what it was at 10, so that
 * it passes at 12 first (L is measured at 2, 4, ... and H at 3, 6, ...). */
static void setup_ended(struct ended *x)
{
    const char *long_one = run_folder();

    run_rig(&x->r, "golden/opt", false);
    rig(&x->r, "", 30);
    whole(&x->r, long_one, false);
    snprintf(x->until, sizeof x->until, "{'L':'< %.17g','H':'< 99'}", bound_at(long_one, "L", 10));
    rig(&x->r, x->until, 30);
    x->dir = run_folder();
    whole(&x->r, x->dir, false);
}

static int64_t number(const cJSON *line, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(line, key);

    return cJSON_IsString(v) ? strtoll(v->valuestring, NULL, 10) : (int64_t)cJSON_GetNumberValue(v);
}

/* The same bytes as a stage of 12 steps; the journal and the list of runs say why and where. */
static void test_as_steps(void **state)
{
    struct ended x;
    struct vac_run_info info;
    const char *short_one = run_folder();
    cJSON *line;

    (void)state;
    setup_ended(&x);
    line = run_journal_last(x.dir, "until");
    assert_non_null(line);
    assert_int_equal(number(line, "new"), 12);
    assert_int_equal(number(line, "old"), 30);
    assert_int_equal(number(line, "step"), 12);
    assert_non_null(strstr(cJSON_GetObjectItem(line, "reason")->valuestring, " and H < 99"));
    cJSON_Delete(line);
    rig(&x.r, "", 12);
    whole(&x.r, short_one, false);
    run_assert_same(x.dir, short_one);
    survey(x.dir, &info);
    assert_int_equal(info.total_steps, 17);
    assert_int_equal(info.step, 17);
    assert_int_equal(info.n_untils, 1);
    assert_int_equal(info.until[0].step, 12);
    assert_int_equal(info.until[0].planned, 30);
    assert_string_equal(info.until[0].stage, "align");
    assert_string_equal(info.state, "done");
    survey(short_one, &info);
    assert_int_equal(info.n_untils, 0);
}

/* The schedule is that of the steps that were planned. */
static void test_schedule(void **state)
{
    struct rig_run r;
    const char *a = run_folder(), *b = run_folder();

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r,
             MEASURE "'stages':[{'name':'align','train':['rows.jsonl'],'batch_size':4,'steps':20,"
                     "'lr':0.01,'lora':{'r':2},'until':{'L':'< 99','for':3}}]");
    whole(&r, a, false);
    run_file(&r,
             MEASURE "'stages':[{'name':'align','train':['rows.jsonl'],'batch_size':4,'steps':20,"
                     "'lr':0.01,'lora':{'r':2}}]");
    whole(&r, b, false);
    assert_int_equal(run_lines(a, "metrics.jsonl"), 7); /* the start, and 2, 4, 6: three in a row */
    for (size_t i = 1; i < 7; i++) {
        assert_true(run_metric(a, i, "lr") == run_metric(b, i, "lr"));
        assert_true(run_metric(a, i, "loss") == run_metric(b, i, "loss"));
    }
}

/* A stage whose bounds are not passed makes all its steps; those at the last one count as well. */
static void test_not_passed(void **state)
{
    struct rig_run r;
    struct vac_run_info info;
    const char *a = run_folder(), *b = run_folder();

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r, "{'L':'< 1e-9'}", 7);
    whole(&r, a, false);
    survey(a, &info);
    assert_int_equal(info.until[0].step, 0);
    assert_int_equal(info.total_steps, 12);
    assert_int_equal(run_journal_count(a, "until"), 0);
    rig(&r, "{'L':'< 99','for':4}", 7);
    whole(&r, b, false); /* at 2, 4, 6, and at 7 as the last */
    survey(b, &info);
    assert_int_equal(info.until[0].step, 7);
    assert_int_equal(info.total_steps, 12);
    run_assert_same(a, b);
}

/* Stopped after any of its steps and gone on with. */
static void test_stopped(void **state)
{
    static const int64_t at[] = {1, 2, 3, 6, 7, 10, 11, 12, 13, 16};
    struct ended x;

    (void)state;
    setup_ended(&x);
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        int64_t step = at[k];
        const char *out = run_folder();
        struct vac_session *s = run_start(&x.r, out, &(struct vac_open){.paused = true});
        struct vac_run_info info;

        run_wait(s, VAC_PAUSED);
        run_give(s, VAC_OP_STEP, step, "", NULL);
        run_wait_step(s, step);
        run_wait(s, VAC_PAUSED);
        /* what is asked by hand counts for nothing */
        assert_true(run_do(s, VAC_OP_EVALUATE, 0, "", NULL, NULL));
        run_give(s, VAC_OP_QUIT, 0, "", NULL);
        run_wait(s, VAC_STOPPED);
        vac_session_close(s);
        survey(out, &info);
        assert_int_equal(info.total_steps, step >= 12 ? 17 : 35);
        whole(&x.r, out, true);
        assert_int_equal(run_journal_count(out, "until"), 1);
        survey(out, &info);
        assert_int_equal(info.until[0].step, 12);
        assert_int_equal(info.total_steps, 17);
        for (int i = 0; i < 2; i++) {
            static const char *const files[] = {"metrics.jsonl", "final/adapter_model.safetensors"};

            if (!run_same_file(x.dir, out, files[i]))
                fail_msg("stopped at %lld: %s is another", (long long)step, files[i]);
        }
    }
}

/* Killed at any moment, many times. */
static void test_killed(void **state)
{
    struct ended x;
    const char *out = run_folder();
    double begun, longest;
    int status = 1, killed = 0;

    (void)state;
    setup_ended(&x);
    begun = clock_now();
    whole(&x.r, run_folder(), false);
    longest = 1000 * (clock_now() - begun);
    for (int i = 0; i < 25 && status != 0; i++) {
        status = run_child(&x.r, out, file_exists(run_path(out, "run.json")),
                           (int)(longest * (i % 7 + 1) / 10));
        killed += WIFSIGNALED(status);
    }
    assert_true(killed >= 1);
    if (status != 0)
        assert_int_equal(run_child(&x.r, out, file_exists(run_path(out, "run.json")), -1), 0);
    run_assert_same(x.dir, out);
}

/* Repeated: the journal says where it ended, nothing is measured. */
static void test_replay(void **state)
{
    struct ended x;
    const char *out = run_folder();
    struct replay_result result;
    struct vac_err err = {0};

    (void)state;
    setup_ended(&x);
    snprintf(x.r.file, sizeof x.r.file, "%s", x.dir);
    assert_ok(run_again(&x.r, out, &(struct vac_open){.replay = true}, &err), &err);
    assert_ok(replay_compare(x.dir, out, &result, &err), &err);
    if (!result.same)
        fail_msg("%s", result.difference);
    assert_int_equal(run_lines(out, "metrics.jsonl"), run_lines(x.dir, "metrics.jsonl"));
}

/* --- the run file --- */

static void test_reading(void **state)
{
    static const char *const good[] = {"{'L':'< 1'}", "{'L':' >-2.5e0 ','for':3}", "null",
                                       "{'L':null,'H':'<1'}"};
    static const size_t bounds[] = {1, 1, 0, 1};
    static const struct {
        const char *until, *says;
    } bad[] = {
        {"{}", "stages[0].until: names no bound: write"},
        {"{'for':2}", "stages[0].until: names no bound: write"},
        {"7", "stages[0].until: expected an object {...}, found 7"},
        {"{'L':5}", "stages[0].until.L: expected a bound like \"< 5 %\" or \"> 0.9\", found 5"},
        {"{'L':'5 %'}", "stages[0].until.L: write < NUMBER or > NUMBER"},
        {"{'L':'< '}", "stages[0].until.L: a number must follow the <"},
        {"{'L':'< 1e999'}", "stages[0].until.L: a number must follow the <"},
        {"{'L':'< 5 % or so'}", "stages[0].until.L: \" or so\" after the number"},
        {"{'rat':'< 1'}",
         "stages[0].until.rat: no entry of \"evaluate\" is called so (did you mean \"rate\"?)"},
        {"{'rate':'< 5'}",
         "stages[0].until.rate: a score is a share, at most 1, or 100 %: was 5 % meant?"},
        {"{'rate':'< 0 %'}",
         "stages[0].until.rate: rate is from 0 to 100 %: this bound is never passed"},
        {"{'rate':'> 100 %'}",
         "stages[0].until.rate: rate is from 0 to 100 %: this bound is never passed"},
        {"{'rate':'< 101 %'}",
         "stages[0].until.rate: rate is from 0 to 100 %: this bound is always passed"},
        {"{'late':'< 1'}", "stages[0].until.late: is not measured in this stage: add \"align\" to "
                           "evaluate.late.stages"},
        {"{'E':'< 1'}",
         "stages[0].until.E: is measured at the end of the stage only: give evaluate.E.every"},
        {"{'L':'< 1','for':0}", "stages[0].until.for: expected a whole number"},
    };
    struct rig_run r;
    struct run_spec s;
    struct vac_err err = {0};
    char text[2048];

    (void)state;
    run_rig(&r, "golden/opt", false);
    for (size_t i = 0; i < sizeof bad / sizeof *bad + sizeof good / sizeof *good; i++) {
        size_t k = i - sizeof bad / sizeof *bad;
        bool is_bad = i < sizeof bad / sizeof *bad;

        snprintf(
            text, sizeof text,
            "'evaluate':[{'name':'L','data':'harm.jsonl','metric':'loss','every':2},"
            "{'name':'H','data':'harm.jsonl','metric':'loss','every':2},"
            "{'name':'E','data':'harm.jsonl','metric':'loss'},"
            "{'name':'late','data':'harm.jsonl','metric':'loss','every':2,'stages':['attack']},"
            "{'name':'rate','prompts':'harm.jsonl','judge':'refusal','every':2}]," ALIGN
            "'steps':9,'until':%s" ATTACK,
            is_bad ? bad[i].until : good[k]);
        run_file(&r, text);
        err_clear(&err);
        if (!is_bad) {
            assert_ok(spec_read(&s, r.file, NULL, 0, &err), &err);
            assert_int_equal(s.stage[0].until.n, bounds[k]);
            assert_int_equal(s.stage[1].until.n, 0);
            spec_done(&s);
            continue;
        }
        if (spec_read(&s, r.file, NULL, 0, &err) == 0)
            fail_msg("%s is taken", bad[i].until);
        if (!strstr(err.msg, bad[i].says))
            fail_msg("%s: %s", bad[i].until, err.msg);
    }
}

/* From the command line, and back from run.json. */
static void test_set(void **state)
{
    static const char *const set[] = {"stages.align.until.L=< 2.5", "stages.align.until.for=2"};
    struct rig_run r;
    struct run_spec s, again;
    struct vac_err err = {0};
    struct strbuf whole_text = {0};
    struct jnode root;
    char *text;
    cJSON *doc;

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r, "", 9);
    assert_ok(spec_read(&s, r.file, set, 2, &err), &err);
    assert_int_equal(s.stage[0].until.times, 2);
    text = json_text(s.json, false, &err);
    assert_non_null(strstr(text, "\"until\":{\"L\":\"< 2.5\",\"for\":2}"));
    sb_printf(&whole_text, "{\"spec\":%s}", text);
    doc = json_parse(whole_text.s, whole_text.len, "run.json", &err);
    root = json_root(doc, "run.json");
    assert_ok(spec_from(&again, &root, r.dir, &err), &err);
    assert_true(cJSON_Compare(s.json, again.json, true));
    spec_done(&again);
    spec_done(&s);
    cJSON_Delete(doc);
    cJSON_free(text);
    sb_done(&whole_text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_steps),   cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_not_passed), cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_killed),     cmocka_unit_test(test_replay),
        cmocka_unit_test(test_reading),    cmocka_unit_test(test_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
