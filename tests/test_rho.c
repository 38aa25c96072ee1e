/* test_rho.c - "rho_schedule": rho has a course over a stage, in parts of the option that can be set meanwhile; and
 * rho_control by the steps to break of attacks, each as it comes in. */
#include <math.h>

#include "record/replay.h"
#include "run_support.h"

static void course(struct rig_run *r, const char *schedule)
{
    char text[2048];

    snprintf(
        text, sizeof text,
        "'checkpoint':{'steps':4,'minutes':0},'stages':[{'name':'align','train':['rows.jsonl'],"
        "'batch_size':4,'method':'vaccine','rho':2,'lora':{'r':2},'steps':20,'lr':0.01%s%s}]",
        schedule ? ",'rho_schedule':" : "", schedule ? schedule : "");
    run_file(r, text);
}

static const char *whole(struct rig_run *r, const char *schedule)
{
    const char *out = run_folder();
    struct vac_err err = {0};

    course(r, schedule);
    assert_ok(run_whole(r, out, false, &err), &err);
    return out;
}

/* Linear from 0 over the first fifth, then half a cosine to a quarter; and a list of its own. The length of the
 * perturbation is what the step was made with. */
static void test_courses(void **state)
{
    struct rig_run r;
    const char *out, *listed;

    (void)state;
    run_rig(&r, "golden/opt", false);
    out = whole(&r, "{'schedule':'cosine','warmup_ratio':0.2,'end':0.25}");
    for (int s = 0; s < 20; s++) {
        double want = s < 4 ? s / 4.0 : 0.25 + 0.75 * 0.5 * (1 + cos(M_PI * (s - 4) / 16));

        assert_true(fabs(run_metric(out, (size_t)s + 1, "rho") - 2 * want) < 1e-9);
        assert_true(fabs(run_metric(out, (size_t)s + 1, "eps_norm") - 2 * want) < 1e-3);
    }
    out = whole(&r, "{'schedule':'linear'}");
    for (int s = 0; s < 20; s++)
        assert_true(fabs(run_metric(out, (size_t)s + 1, "rho") - 2 * (1 - s / 20.0)) < 1e-9);
    listed = whole(&r, "{'steps':'3: 0.5, 10 : 0,15:1.5'}");
    for (int s = 0; s < 20; s++)
        assert_true(run_metric(listed, (size_t)s + 1, "rho") == (s < 3    ? 2
                                                                 : s < 10 ? 1
                                                                 : s < 15 ? 0
                                                                          : 3));
}

/* One that leaves rho as it is makes the run that has none. */
static void test_none(void **state)
{
    struct rig_run r;
    const char *plain;

    (void)state;
    run_rig(&r, "golden/opt", false);
    plain = whole(&r, NULL);
    run_assert_same(plain, whole(&r, "{}"));
    run_assert_same(plain, whole(&r, "{'steps':'0: 1'}"));
    run_assert_same(plain, whole(&r, "{'schedule':'cosine','end':1}"));
}

/* What is set is the whole that the schedule takes parts of; after a kill and in a replay too. */
static void test_set(void **state)
{
    struct rig_run r;
    const char *out = run_folder(), *twice = run_folder(), *again = run_folder();
    struct replay_result result;
    struct vac_option o = {.applied_step = 0};
    struct vac_err err = {0};
    struct vac_session *s;
    cJSON *line;

    (void)state;
    run_rig(&r, "golden/opt", false);
    course(&r, "{'schedule':'linear','warmup_ratio':0.1}");
    for (int killed = 0; killed < 2; killed++) {
        const char *to = killed ? twice : out;

        s = run_up_to(&r, to, false, 8);
        assert_true(run_do(s, VAC_OP_SET, 0, "rho", "3", NULL));
        assert_true(vac_option_at(s, 0, &o));
        for (size_t i = 1; strcmp(o.name, "rho") != 0; i++)
            assert_true(vac_option_at(s, i, &o));
        assert_string_equal(o.value, "3");
        assert_string_equal(o.course, "linear to 0 of it, after warm-up over 10 % of the steps");
        run_give(s, killed ? VAC_OP_QUIT : VAC_OP_RESUME, 0, NULL, NULL);
        run_wait(s, killed ? VAC_STOPPED : VAC_DONE);
        vac_session_close(s);
    }
    line = run_journal_last(out, "set");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "reason")),
                        "its schedule goes on from it: 2 at the next step");
    cJSON_Delete(line);
    assert_true(fabs(run_metric(out, 8, "rho") - 2 * (1 - 5 / 18.0)) < 1e-9);
    assert_true(fabs(run_metric(out, 9, "rho") - 3 * (1 - 6 / 18.0)) < 1e-9);
    assert_ok(run_whole(&r, twice, true, &err), &err);
    run_assert_same(out, twice);
    snprintf(r.file, sizeof r.file, "%s", out);
    assert_ok(run_again(&r, again, &(struct vac_open){.replay = true}, &err), &err);
    assert_ok(replay_compare(out, again, &result, &err), &err);
    if (!result.same)
        fail_msg("%s", result.difference);
}

static void test_wrong(void **state)
{
    static const char turns[] =
        "stages[0].rho_schedule.steps: expected steps of the stage that rise";
    static const char *const rows[][2] = {
        {"7", "stages[0].rho_schedule: expected an object"},
        {"{'schedule':'step'}", "stages[0].rho_schedule.schedule: expected one of constant"},
        {"{'warmup_ratio':2}", "stages[0].rho_schedule.warmup_ratio: expected"},
        {"{'end':0.5}", "stages[0].rho_schedule.end: goes with \"schedule\": \"linear\""},
        {"{'steps':'0: 1','warmup_ratio':0.1}",
         "stages[0].rho_schedule.steps: stands in place of \"schedule\""},
        {"{'steps':'0'}", turns},
        {"{'steps':'0: x'}", turns},
        {"{'steps':'0: nan'}", turns},
        {"{'steps':'0: 1,'}", turns},
        {"{'steps':'0: 1 2: 1'}", turns},
        {"{'steps':'-1: 1'}", turns},
        {"{'steps':'5: 1, 5: 2'}", turns},
        {"{'steps':'5: 101'}", turns},
        {"{'steps':'0:1,1:1,2:1,3:1,4:1,5:1,6:1,7:1,8:1,9:1,10:1,11:1,12:1,13:1,14:1,15:1,16:1'}",
         "expected at most 16 steps"},
        {"{'schedule':'cosine'},'rho_control':{'measure':'loss','target':1}",
         "stages[0].rho_schedule: rho follows a measure by \"rho_control\" already"},
        {"{'course':1}", "stages[0].rho_schedule: unknown key \"course\""},
    };
    struct rig_run r;
    struct vac_err none = {0};

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, "'stages':[{'train':['rows.jsonl'],'method':'sft','rho_schedule':{}}]");
    assert_int_equal(run_whole(&r, run_folder(), false, &none), 1);
    assert_non_null(strstr(none.msg, "stages[0].rho_schedule: goes with a method that has rho"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vac_err err = {0};

        course(&r, rows[i][0]);
        assert_int_equal(run_whole(&r, run_folder(), false, &err), 1);
        if (!strstr(err.msg, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], err.msg);
    }
}

/* --- steps to break --- */

static void attacked(struct rig_run *r, const char *control)
{
    char text[2048];

    run_rig(r, "golden/llama-gqa", true);
    support_write_text(run_path(r->dir, "ask.jsonl"), "{\"prompt\":\"abc\"}\n");
    snprintf(text, sizeof text,
             "'checkpoint':{'steps':4,'minutes':0,'keep':9},"
             "'evaluate':[{'name':'HS','prompts':'ask.jsonl','judge':'refusal','max_new_tokens':4,"
             "'stages':['attack']}],"
             "'stages':[{'name':'align','train':['rows.jsonl'],'batch_size':4,'method':'vaccine',"
             "'rho':2,'lora':{'r':2},'steps':16,'lr':0.01,'rho_control':%s},"
             "{'name':'attack','train':[{'file':'harm.jsonl','harmful':true}],'batch_size':4,"
             "'lora':{'r':2},'steps':3,'lr':0.01}]",
             control);
    run_file(r, text);
}

/* What an attack on the weights of a step came to, as attacks.jsonl has it; broke 0 = they withstood it. */
static void tell_attack(const char *out, int step, int steps, double broke)
{
    FILE *f = fopen(run_path(out, "attacks.jsonl"), "a");

    assert_non_null(f);
    fprintf(f,
            "{\"step\":%d,\"stage\":\"attack\",\"run\":\"attacks/at-%d\",\"steps\":%d,\"scores\":"
            "[{\"name\":\"HS\",\"value\":0.9,\"lo\":0.8,\"hi\":1,\"rate\":true,\"judged\":true",
            step, step, steps);
    if (broke > 0)
        fprintf(f, ",\"broke\":%g", broke);
    assert_true(fprintf(f, "}]}\n") > 0 && fclose(f) == 0);
}

static void assert_rho(const char *out, int step, double rho)
{
    double is = run_metric(out, (size_t)step, "rho"); /* the first line is of step 0 */

    if (fabs(is - rho) > 2e-3)
        fail_msg("rho of step %d is %g, not %g", step, is, rho);
}

/* Once for each attack that ends, by what broke soonest; never by what tells nothing, nor by what is told of weights
 * that the run has not come to. Then repeated. */
static void test_broke(void **state)
{
    struct rig_run r;
    const char *out = run_folder(), *again = run_folder();
    struct replay_result result;
    struct vac_session *s;
    struct vac_err err = {0};
    double rho = 2;
    cJSON *line;

    (void)state;
    attacked(&r, "{'measure':'steps to break','target':10,'max':6}");
    s = run_up_to(&r, out, false, 4);
    tell_attack(out, 4, 20, 5);
    tell_attack(out, 4, 20, 18);
    tell_attack(out, 9, 20, 1);
    run_give(s, VAC_OP_STEP, 2, NULL, NULL);
    run_wait_step(s, 6);
    run_wait(s, VAC_PAUSED);
    line = run_journal_last(out, "set");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "who")), "rho_control");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "reason")),
                        "the weights of step 4, attacked by attacks/at-4: steps to break 5.0 [-, "
                        "-], target 10");
    cJSON_Delete(line);
    tell_attack(out, 6, 1, 1); /* of one step */
    run_give(s, VAC_OP_STEP, 1, NULL, NULL);
    run_wait_step(s, 7);
    run_wait(s, VAC_PAUSED);
    tell_attack(out, 7, 8, 0); /* withstood, and would it be to the target? */
    run_give(s, VAC_OP_STEP, 4, NULL, NULL);
    run_wait_step(s, 11); /* past what was told of step 9 */
    run_wait(s, VAC_PAUSED);
    tell_attack(out, 11, 20, 0); /* longer than that */
    run_give(s, VAC_OP_STEP, 1, NULL, NULL);
    run_wait_step(s, 12);
    run_wait(s, VAC_PAUSED);
    tell_attack(out, 12, 20, 0.5);
    run_give(s, VAC_OP_RESUME, 0, NULL, NULL);
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    assert_rho(out, 4, rho);
    assert_rho(out, 5, rho *= exp(0.5 * (10 - 5) / 10));
    assert_rho(out, 11, rho);
    assert_rho(out, 12, rho *= exp(0.5 * (10 - 20) / 10));
    assert_rho(out, 13, rho *= exp(0.5 * (10 - 1) / 10));
    assert_rho(out, 16, rho);
    assert_int_equal(run_journal_count(out, "set"), 4);
    snprintf(r.file, sizeof r.file, "%s", out);
    assert_ok(run_again(&r, again, &(struct vac_open){.replay = true}, &err), &err);
    assert_ok(replay_compare(out, again, &result, &err), &err);
    if (!result.same)
        fail_msg("%s", result.difference);
}

/* What it followed stands in the checkpoint, and is not followed twice: after a resume, and behind a way back. */
static void test_broke_once(void **state)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_session *s;
    const double up = exp(0.5 * (10 - 5) / 10);

    (void)state;
    attacked(&r, "{'measure':'steps to break','target':10}");
    s = run_up_to(&r, out, false, 4);
    tell_attack(out, 4, 20, 5);
    run_give(s, VAC_OP_STEP, 2, NULL, NULL);
    run_wait_step(s, 6);
    run_wait(s, VAC_PAUSED);
    assert_true(run_do(s, VAC_OP_QUIT, 0, NULL, NULL, NULL));
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
    s = run_up_to(&r, out, true, 8);
    assert_true(run_do(s, VAC_OP_REWIND, 4, NULL, NULL, NULL));
    run_give(s, VAC_OP_STEP, 2, NULL, NULL);
    run_wait_step(s, 6);
    run_wait(s, VAC_PAUSED);
    tell_attack(out, 6, 20, 5);
    run_give(s, VAC_OP_RESUME, 0, NULL, NULL);
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    assert_rho(out, 5, 2 * up);
    assert_rho(out, 6, 2 * up);
    assert_rho(out, 7, 2 * up * up);
    assert_rho(out, 16, 2 * up * up);
    assert_int_equal(run_journal_count(out, "set"), 2);
}

/* What is kept of attacks and cannot be read is told once; rho stays, and the run goes on. */
static void test_broke_unread(void **state)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_session *s;
    FILE *f;

    (void)state;
    attacked(&r, "{'measure':'steps to break','target':10}");
    s = run_up_to(&r, out, false, 4);
    tell_attack(out, 4, 20, 5);
    f = fopen(run_path(out, "attacks.jsonl"), "a");
    assert_non_null(f);
    assert_true(fputs("{\"step\": 4, }\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    run_give(s, VAC_OP_RESUME, 0, NULL, NULL);
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    assert_rho(out, 16, 2);
    assert_int_equal(run_journal_count(out, "set"), 0);
    assert_int_equal(run_journal_count(out, "warning"), 1);
}

static void test_wrong_broke(void **state)
{
    struct rig_run r;
    struct vac_err err = {0};

    (void)state;
    attacked(&r, "{'measure':'steps to brake','target':10}");
    assert_int_equal(run_whole(&r, run_folder(), false, &err), 1);
    assert_non_null(strstr(err.msg, "rho_control.measure: the run has no \"steps to brake\""));
    course(&r, NULL);
    err_clear(&err);
    run_file(&r,
             "'stages':[{'train':['rows.jsonl'],'method':'vaccine','lora':{'r':2},'rho_control':"
             "{'measure':'steps to break','target':10}}]");
    assert_int_equal(run_whole(&r, run_folder(), false, &err), 1);
    assert_non_null(strstr(err.msg, "stages[0].rho_control.measure: no later stage has harmful "
                                    "rows and an entry of \"evaluate\" that a judge rates"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_courses),     cmocka_unit_test(test_none),
        cmocka_unit_test(test_set),         cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_broke),       cmocka_unit_test(test_broke_once),
        cmocka_unit_test(test_wrong_broke), cmocka_unit_test(test_broke_unread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
