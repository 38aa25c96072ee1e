/* test_rho.c - "rho_schedule": rho has a course over a stage, in parts of the option that can be set meanwhile. */
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_courses),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
