/* test_alarms.c - what a run is watched for: conditions as they are written, guards that trip within a step of
 * what they wait for, and a run whose guards do not, which is as one without. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "guard/guard.h"
#include "record/replay.h"
#include "run/stage.h"
#include "run_support.h"
#include "spec/spec_guard.h"

#define MEASURE                                                                                    \
    "'checkpoint':{'steps':4,'minutes':0,'keep':1},"                                               \
    "'watch':{'every':1,'drift':'rows.jsonl','align_loss':'harm.jsonl'},"                          \
    "'evaluate':[{'name':'L','data':'rows.jsonl','metric':'loss','every':2}],"
#define STAGES                                                                                     \
    "'stages':[{'name':'align','train':['rows.jsonl'],'batch_size':4,'method':'vaccine','rho':0."  \
    "1,"                                                                                           \
    "'lora':{'r':2},'steps':30,'schedule':'constant','warmup_ratio':0,'lr':"

static void rig(struct rig_run *r, const char *guards, const char *lr)
{
    char text[4096];

    snprintf(text, sizeof text,
             MEASURE "%s%s%s" STAGES "%s},{'name':'attack','train':['harm.jsonl'],"
                     "'batch_size':4,'lr':0.01,'lora':{'r':2},'steps':3}]",
             *guards ? "'guards':" : "", guards, *guards ? "," : "", lr);
    run_file(r, text);
}

/* Reads the run file for its description alone. */
static void read_spec(const struct rig_run *r, struct run_spec *s)
{
    struct vac_err err = {0};

    assert_ok(spec_read(s, r->file, NULL, 0, &err), &err);
}

/* --- as they are written --- */

static void test_words(void **state)
{
    static const char *const rows[][2] = {
        {"L<5", "L < 5: pause"},
        {"  loss  >=  0.25  alert ", "loss >= 0.25: alert"},
        {"loss > 3 x average save", "loss > 3 x average: save"},
        {"grad_norm > 2.5x average: stop", "grad_norm > 2.5 x average: stop"},
        {"drift > 0.5", "drift > 0.5: pause"},
        {"drift_mean > 0.5", "drift > 0.5: pause"},
        {"drift of layer 1 > 0.5", "drift of layer 1 > 0.5: pause"},
        {"eps_rel of layer 0 > 1 alert", "eps/A of layer 0 > 1: alert"},
        {"step >= 500", "step >= 500: pause"},
        {"stage_step > 5 save", "stage_step > 5: save"},
        {"plateau 200", "plateau 200: pause"},
        {"plateau of align_loss 20 stop", "plateau of align_loss 20: stop"},
        {"NaN stop", "nan: stop"},
        {"no step for 60 s run echo a  b", "no step for 60 s: run echo a b"},
        {"L < 1 run x", "L < 1: run x"},
    };
    struct rig_run r;
    struct run_spec s;

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r, "", "0.01");
    read_spec(&r, &s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int again = 0; again < 2; again++) {
            struct vac_err err = {0};
            struct guard_spec g;
            struct strbuf text = {0};

            assert_ok(guard_spec_read(&g, &s, rows[i][again], &err), &err);
            guard_spec_text(&text, &s, &g);
            assert_string_equal(text.s, rows[i][1]);
            sb_done(&text);
            guard_spec_done(&g);
        }
    spec_done(&s);
}

static void test_wrong_words(void **state)
{
    static const char *const rows[][2] = {
        {"", "write MEASURE > NUMBER"},
        {"> 5", "write MEASURE > NUMBER"},
        {"HS > 20%",
         "the run has no \"HS\": it has L, epoch, loss, loss_clean, align_loss, grad_norm, lr, "
         "rho, eps_norm, tokens, step_ms, wall, drift, step, stage_step, grad of layer N, eps of "
         "layer N, attn of layer N, drift of layer N, drift^2 of layer N, eps/A of layer N"},
        {"los > 3", "(did you mean \"loss\"?)"},
        {"harmful_loss > 3", "the run has no \"harmful_loss\""},
        {"refusal of layer 1 > 3", "the run has no \"refusal of layer 1\""},
        {"drift of layer x > 3", "the run has no \"drift of layer x\""},
        {"loss > x", "a number must follow the >"},
        {"loss > 3 x", "\"x\" after the condition: alert, pause"},
        {"loss > 3 puase", "(did you mean \"pause\"?)"},
        {"loss > 3 save it", "\"it\" after the condition"},
        {"loss > 3 run", "run wants a command"},
        {"plateau", "write plateau N"},
        {"plateau 0", "write plateau N"},
        {"plateau of L 5", "plateau is of a column"},
        {"no step for 5", "write no step for 5 s"},
        {"no step for -5 s", "write no step for N s"},
        {"a refused probe is answered", "the run asks no fixed probes"},
    };
    struct rig_run r;
    struct run_spec s;

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r, "", "0.01");
    read_spec(&r, &s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vac_err err = {0};
        struct guard_spec g;

        assert_int_equal(guard_spec_read(&g, &s, rows[i][0], &err), -1);
        if (!strstr(err.msg, rows[i][1]))
            fail_msg("\"%s\": %s", rows[i][0], err.msg);
    }
    spec_done(&s);
}

static void test_wrong_file(void **state)
{
    static const char *const rows[][2] = {
        {"[7]", "guards[0]: expected a guard like"},
        {"[{'do':'pause'}]", "guards[0]: \"when\" is missing"},
        {"[{'when':'loss > 1','why':2}]", "guards[0]: unknown key \"why\""},
        {"[{'when':'loss > 1','do':'shout'}]",
         "guards[0].do: expected one of alert, pause, save, rewind, stop, run"},
        {"[{'when':'loss > 1 pause'}]",
         "guards[0].when: \"pause\" after the condition: actions go to"},
        {"[{'when':'HS > 1 %'}]", "guards[0].when: the run has no \"HS\""},
        {"['loss > 1', 'HS > 1 %']", "guards[1]: the run has no \"HS\""},
        {"[{'when':'loss > 1','do':'run'}]", "guards[0].command: goes with \"do\": \"run\""},
        {"[{'when':'loss > 1','command':['a']}]", "guards[0].command: goes with \"do\": \"run\""},
        {"[{'when':'loss > 1','stages':['aligm']}]",
         "guards[0].stages: there is no stage \"aligm\" (did you mean \"align\"?)"},
        {"['drift of layer 99 > 1']", "guards[0]: there is no layer 99: the model has 0 to "},
    };
    struct rig_run r;

    (void)state;
    run_rig(&r, "golden/opt", false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vac_err err = {0};

        rig(&r, rows[i][0], "0.01");
        assert_int_equal(run_whole(&r, run_folder(), false, &err), 1);
        if (!strstr(err.msg, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], err.msg);
    }
}

/* --- rates --- */

/* A run of four answers in ten, ten of which are asked: made of a spec that no file has. */
struct rates {
    struct rig_run r;
    struct run_spec s;
    struct guard_sight sight;
    struct guards g;
};

static void setup_rates(struct rates *x, size_t prompts)
{
    struct vac_err err = {0};

    run_rig(&x->r, "golden/opt", false);
    run_file(&x->r, "'evaluate':[{'name':'HS','prompts':'harm.jsonl','judge':'refusal','every':1}],"
                    "'stages':[{'train':['rows.jsonl'],'lora':{'r':2},'steps':3}]");
    read_spec(&x->r, &x->s);
    x->sight = (struct guard_sight){.layers = 2, .size = {prompts}};
    assert_ok(guards_open(&x->g, &x->s, &x->sight, &err), &err);
}

static void teardown_rates(struct rates *x)
{
    guards_done(&x->g);
    spec_done(&x->s);
}

static int64_t add(struct rates *x, const char *text)
{
    struct vac_err err = {0};
    int64_t number = 0;

    assert_ok(guards_add(&x->g, text, &number, &err), &err);
    return number;
}

static bool score(struct rates *x, int64_t step, int64_t k, int64_t n)
{
    struct vac_eval e = {
        .step = step, .count = k, .n = n, .value = (double)k / (double)n, .is_rate = true};

    e.verdicts = (struct vac_verdicts){.answered = k, .refused = n - k};
    guards_score(&x->g, 0, 0, &e);
    return guards_next(&x->g) != NULL;
}

/* Thirty in a hundred is not known to be above a fifth, nor a half at the hundredth look as at the first:
 * its interval is that of the sequence. The figure itself trips at once. */
static void test_rate(void **state)
{
    struct rates x;
    struct vac_snapshot s = {0};

    (void)state;
    setup_rates(&x, 100);
    assert_int_equal(add(&x, "HS > 20% pause"), 1);
    assert_false(score(&x, 1, 30, 100)); /* Wilson's is from 21.9 % on */
    assert_true(score(&x, 2, 60, 100));
    assert_false(score(&x, 3, 70, 100)); /* it was told */
    assert_false(score(&x, 4, 10, 100));
    assert_true(score(&x, 5, 60, 100));
    guards_show(&x.g, &s);
    assert_int_equal(s.n_guards, 1);
    assert_string_equal(s.guard[0].text, "HS > 20 %: pause");
    assert_string_equal(s.alert, "guard 1: HS > 20 %: 60.0 % [39.5, 78.3] of 100 at look 5");
    guards_remove(&x.g, 1);
    add(&x, "HS measured > 20%");
    assert_true(score(&x, 6, 30, 100));
    guards_remove(&x.g, 1);
    add(&x, "HS.refused < 50% alert");
    assert_true(score(&x, 7, 90, 100));
    teardown_rates(&x);
}

/* What so few prompts can never show is a slip, and said at once. */
static void test_out_of_reach(void **state)
{
    struct rates x;
    struct vac_err err = {0};
    int64_t number;

    (void)state;
    setup_rates(&x, 20);
    assert_int_equal(guards_add(&x.g, "HS < 5% stop", &number, &err), -1);
    assert_string_equal(
        err.msg,
        "20 prompts cannot show that HS < 5 %: 0 of them still leave 28.6 % (of a confidence "
        "sequence); ask more of them, or write \"HS measured < 5 %\" for the figure itself");
    err_clear(&err);
    assert_int_equal(guards_add(&x.g, "HS > 95%", &number, &err), -1);
    assert_int_equal(guards_go_until(&x.g, "HS < 5%", NULL), -1);
    add(&x, "HS measured < 5% stop");
    add(&x, "HS < 30%");
    teardown_rates(&x);
}

/* A fixed probe, once each time; a pause of steps. */
static void test_happenings(void **state)
{
    struct rates x;

    (void)state;
    setup_rates(&x, 20);
    x.s.watch.has_probes = true;
    x.s.watch.probes_every = 5;
    add(&x, "a refused probe is answered alert");
    guards_probe(&x.g, 0, 5, NULL);
    assert_null(guards_next(&x.g));
    guards_probe(&x.g, 0, 10, "how is a moon stolen?");
    assert_non_null(guards_next(&x.g));
    assert_string_equal(x.g.v[0].stands, "\"how is a moon stolen?\"");
    guards_probe(&x.g, 0, 15, NULL);
    guards_probe(&x.g, 0, 20, "and a sun?");
    assert_non_null(guards_next(&x.g));
    guards_remove(&x.g, 1);
    add(&x, "no step for 60 s");
    guards_idle(&x.g, 0, 21, 59.9);
    assert_null(guards_next(&x.g));
    guards_idle(&x.g, 0, 22, 60);
    assert_non_null(guards_next(&x.g));
    x.s.watch.has_probes = false;
    teardown_rates(&x);
}

/* --- at work --- */

/* On a screen it is paused after that step, and header and journal say why. */
static void trips_at(const char *guard, const char *lr, int64_t step, const char *why)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_session *s;
    cJSON *line;

    run_rig(&r, "golden/opt", false);
    rig(&r, guard, lr);
    s = run_start(&r, out, &(struct vac_open){.interactive = true});
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_snapshot(s)->step, step);
    assert_true(vac_snapshot(s)->fault);
    if (!strstr(vac_snapshot(s)->reason, why))
        fail_msg("%s: %s", guard, vac_snapshot(s)->reason);
    line = run_journal_last(out, "trip");
    assert_non_null(line);
    assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(line, "applied_step")), step);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "key")), "1");
    assert_non_null(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(line, "reason")), why));
    cJSON_Delete(line);
    run_give(s, VAC_OP_DISCARD, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
}

static void test_trips(void **state)
{
    (void)state;
    trips_at("['step >= 3']", "0.01", 3, "guard 1: step >= 3: 3");
    trips_at("['loss > 0']", "0.01", 1, "guard 1: loss > 0: ");
    trips_at("['grad_norm > 1e-9 x average']", "0.01", 21, "grad_norm > 1e-09 x average: ");
    trips_at("['drift of layer 0 > 1e-9']", "0.01", 1, "drift of layer 0 > 1e-09: ");
    trips_at("['eps_norm > 0.01']", "0.01", 1, "eps_norm > 0.01: 0.1");
    trips_at("['plateau of align_loss 5']", "1e-30", 5, "plateau of align_loss 5: average ");
    trips_at("[{'when':'L > 0','for':3}]", "0.01", 4, "L > 0: "); /* at 0, 2 and 4 */
    trips_at("[{'when':'stage_step >= 2','stages':['attack']}]", "0.01", 32, "stage_step >= 2: 2");
    trips_at("['nan']", "1e38", 1, "is not a number");
}

/* Without a screen nobody could go on: it saves, ends with status 3, and goes on when it is told to. */
static void test_headless(void **state)
{
    struct rig_run r;
    const char *plain = run_folder();
    struct vac_err err = {0};

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r, "", "0.01");
    assert_ok(run_whole(&r, plain, false, &err), &err);
    for (int stop = 0; stop < 2; stop++) {
        const char *out = run_folder();

        rig(&r, stop ? "['step >= 7 stop']" : "['step >= 7']", "0.01");
        assert_int_equal(run_whole(&r, out, false, &err), 3);
        assert_string_equal(err.msg,
                            "guard 1: step >= 7: 7; last healthy checkpoint: 4; saved: go on with "
                            "--resume");
        err_clear(&err);
        assert_true(dir_exists(run_path(out, "checkpoint-7")));
        assert_true(dir_exists(run_path(out, "checkpoint-4"))); /* though one is kept */
        assert_ok(run_whole(&r, out, true, &err), &err);
        assert_int_equal(run_journal_count(out, "trip"), 1);
        run_assert_same(plain, out);
    }
}

/* Guards that never trip, and those that only tell or save, leave the run as it is. */
static void test_same(void **state)
{
    static const char *const guards[] = {
        "['L > 1e9','loss > 1e9 x average','drift > 99','plateau 999','nan','no step for 999 s']",
        "['loss > 0 alert','step >= 5 save',{'when':'L > 0','do':'run','command':['true']}]"};
    struct rig_run r;
    const char *plain = run_folder();
    struct vac_err err = {0};

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r, "", "0.01");
    assert_ok(run_whole(&r, plain, false, &err), &err);
    for (int i = 0; i < 2; i++) {
        const char *out = run_folder();

        rig(&r, guards[i], "0.01");
        assert_ok(run_whole(&r, out, false, &err), &err);
        run_assert_same(plain, out);
        assert_int_equal(run_journal_count(out, "trip"),
                         i ? 5 : 0); /* two of them in either stage */
    }
}

/* Killed at any moment: what it remembers is that of the checkpoint, so that it trips where it would have. */
static void test_killed(void **state)
{
    struct rig_run r;
    const char *out = run_folder(), *whole = run_folder();
    struct vac_err err = {0};
    int status = 1, killed = 0;
    double begun = clock_now(), longest;
    cJSON *a, *b;

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r,
        "[{'when':'L > 0','for':9,'do':'alert'},'plateau 7 alert','grad_norm > 0.9 x average "
        "alert']",
        "0.01");
    assert_ok(run_whole(&r, whole, false, &err), &err);
    longest = 1000 * (clock_now() - begun);
    for (int i = 0; i < 20 && status != 0; i++) {
        status = run_child(&r, out, file_exists(run_path(out, "run.json")),
                           (int)(longest * (i % 7 + 1) / 10));
        killed += WIFSIGNALED(status);
    }
    if (status != 0)
        assert_int_equal(run_child(&r, out, file_exists(run_path(out, "run.json")), -1), 0);
    assert_true(killed >= 1);
    run_assert_same(whole, out);
    a = run_journal_last(whole, "trip");
    b = run_journal_last(out, "trip");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(a, "reason")),
                        cJSON_GetStringValue(cJSON_GetObjectItem(b, "reason")));
    cJSON_Delete(a);
    cJSON_Delete(b);
}

/* Back to the last healthy checkpoint and on with half the rate, three times; then it waits. The journal repeats it. */
static void test_rewind(void **state)
{
    struct rig_run r;
    const char *out = run_folder(), *again = run_folder();
    struct replay_result result;
    struct vac_err err = {0};

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r, "[{'when':'step >= 7','do':'rewind'}]", "0.01");
    assert_int_equal(run_whole(&r, out, false, &err), 3);
    assert_non_null(
        strstr(err.msg,
               "guard 1: step >= 7: 7; last healthy checkpoint: 4; it went back 3 times already"));
    assert_int_equal(run_journal_count(out, "trip"), 4);
    assert_int_equal(run_journal_count(out, "rewind"), 3);
    assert_true(run_metric(out, 4, "lr") == 0.01 && run_metric(out, 5, "lr") == 0.00125);
    assert_int_equal(run_lines(out, "metrics.jsonl"), 8);
    err_clear(&err);
    assert_ok(run_whole(&r, out, true, &err), &err);
    snprintf(r.file, sizeof r.file, "%s", out);
    assert_ok(run_again(&r, again, &(struct vac_open){.replay = true}, &err), &err);
    assert_ok(replay_compare(out, again, &result, &err), &err);
    if (!result.same)
        fail_msg("%s", result.difference);
}

static void assert_slowed(const char *run, const char *to)
{
    cJSON *line = run_journal_last(run, "set");

    assert_non_null(line);
    assert_string_equal(json_text_at(line, "key"), "lr");
    assert_string_equal(json_text_at(line, "old"),
                        "0.01"); /* the attack's; the alignment's is 0.02 */
    assert_string_equal(json_text_at(line, "new"), to);
    assert_int_equal(cJSON_GetObjectItem(line, "applied_step")->valueint, 31);
    cJSON_Delete(line);
}

/* From a later stage it goes back to before that one, which begins with half of its own rate then. */
static void test_rewind_from_later_stage(void **state)
{
    struct rig_run r;
    const char *out = run_folder(), *again = run_folder();
    struct replay_result result;
    struct vac_err err = {0};

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r, "[{'when':'step >= 32','do':'rewind'}]", "0.02");
    assert_int_equal(run_whole(&r, out, false, &err), 3);
    assert_non_null(strstr(err.msg, "last healthy checkpoint: 30; it went back 3 times already"));
    err_clear(&err);
    assert_slowed(out, "0.00125");
    assert_int_equal(run_journal_count(out, "set"), 3);
    assert_true(run_metric(out, 30, "lr") == 0.02 && run_metric(out, 32, "lr") <= 0.00125);
    assert_ok(run_whole(&r, out, true, &err), &err);
    snprintf(r.file, sizeof r.file, "%s", out);
    assert_ok(run_again(&r, again, &(struct vac_open){.replay = true}, &err), &err);
    assert_ok(replay_compare(out, again, &result, &err), &err);
    if (!result.same)
        fail_msg("%s", result.difference);
}

/* The last healthy checkpoint may lie in the midst of the stage before: a run that is left there knows of it still. */
static void test_slower_stage_outlives(void **state)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_session *s;
    struct vac_err err = {0};

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r, "[{'when':'step >= 33','do':'rewind'},{'when':'step >= 26','stages':['align']}]",
        "0.02");
    s = run_start(&r, out, &(struct vac_open){.interactive = true});
    run_wait(s, VAC_PAUSED);
    run_give(s, VAC_OP_RESUME, 0, NULL, NULL);
    run_wait_step(s, 33);
    run_wait(s, VAC_PAUSED); /* at the second guard's step, again */
    assert_int_equal(vac_snapshot(s)->step, 26);
    assert_int_equal(run_journal_count(out, "set"), 0);
    run_give(s, VAC_OP_QUIT, 0, NULL, NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
    assert_int_equal(run_whole(&r, out, true, &err), 3);
    assert_slowed(out, "0.005");
}

/* A command finds where it is in its environment; what it says is kept. */
static void test_command(void **state)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_err err = {0};
    double until = clock_now() + 60;
    char *log = NULL;
    size_t n = 0;

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r,
        "[{'when':'step >= 2','do':'run','stages':['align'],'command':['sh','-c','echo "
        "$VACCINE_GUARD "
        "$VACCINE_STEP $VACCINE_STAGE $(basename $VACCINE_RUN): $VACCINE_REASON']},"
        "{'when':'step >= 3','do':'run','stages':['align'],'command':['/nowhere/at all']}]",
        "0.01");
    assert_ok(run_whole(&r, out, false, &err), &err);
    while (!n && clock_now() < until) {
        free(log);
        log = file_exists(run_path(out, "guards.log")) ? run_read(out, "guards.log", &n) : NULL;
    }
    assert_non_null(log);
    assert_string_equal(log, "1 2 align run: guard 1: step >= 2: 2\n");
    free(log);
    {
        cJSON *line = run_journal_last(out, "trip");

        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "status")), "failed");
        assert_non_null(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(line, "reason")),
                               "guard 2: /nowhere/at all: No such file"));
        cJSON_Delete(line);
    }
}

/* --- by hand --- */

static void test_live(void **state)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_session *s;
    struct vac_event e;

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r, "['step >= 20 alert']", "0.01");
    s = run_start(&r, out, &(struct vac_open){.interactive = true, .paused = true});
    run_wait(s, VAC_PAUSED);
    assert_false(run_do(s, VAC_OP_GUARD, 0, "", "HS > 20%", &e));
    assert_non_null(strstr(e.text, "the run has no \"HS\""));
    assert_true(run_do(s, VAC_OP_GUARD, 0, "", "step >= 6 pause", NULL));
    assert_true(run_do(s, VAC_OP_GUARD, 0, "", "loss > 0 pause", NULL));
    assert_true(run_do(s, VAC_OP_GUARD, 3, "", NULL, NULL));
    assert_false(run_do(s, VAC_OP_GUARD, 3, "", NULL, NULL));
    /* goes until 4, then until the guard at 6 */
    assert_true(run_do(s, VAC_OP_RUN_UNTIL, 0, "", "step >= 4", NULL));
    run_wait_step(s, 4);
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_snapshot(s)->step, 4);
    assert_false(vac_snapshot(s)->fault);
    assert_string_equal(vac_snapshot(s)->reason, "until step >= 4: 4");
    assert_string_equal(vac_snapshot(s)->goes_until, "");
    assert_false(run_do(s, VAC_OP_RUN_UNTIL, 0, "", "step >= 4", &e));
    assert_string_equal(e.text, "until: it is so already, at step 4");
    assert_false(run_do(s, VAC_OP_RUN_UNTIL, 0, "", "step >= 4 pause", NULL));
    assert_true(run_do(s, VAC_OP_RUN_UNTIL, 0, "", "step >= 9", NULL));
    run_wait_step(s, 6);
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_snapshot(s)->step, 6);
    assert_true(vac_snapshot(s)->fault);
    assert_string_equal(vac_snapshot(s)->goes_until, "step >= 9");
    assert_int_equal(vac_snapshot(s)->n_guards, 2);
    assert_string_equal(vac_snapshot(s)->guard[1].text, "step >= 6: pause");
    /* what was given stays when the run is left and gone on with */
    run_give(s, VAC_OP_QUIT, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
    s = run_start(&r, out, &(struct vac_open){.interactive = true, .resume = true});
    run_wait_step(s, 9);
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_snapshot(s)->step, 9);
    assert_int_equal(vac_snapshot(s)->n_guards, 2);
    run_give(s, VAC_OP_DISCARD, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
}

static double rho_of(struct vac_session *s)
{
    struct vac_option o;

    for (size_t i = 0; vac_option_at(s, i, &o); i++)
        if (!strcmp(o.name, "rho"))
            return strtod(o.value, NULL);
    return NAN;
}

/* Back, back, again, and another change, which ends what could be made again; then all of it repeated. */
static void test_undo(void **state)
{
    struct rig_run r;
    const char *out = run_folder(), *again = run_folder();
    struct replay_result result;
    struct vac_session *s;
    struct vac_event e;
    struct vac_err err = {0};
    cJSON *line;

    (void)state;
    run_rig(&r, "golden/opt", false);
    rig(&r, "", "0.01");
    s = run_start(&r, out, &(struct vac_open){.interactive = true, .paused = true});
    run_wait(s, VAC_PAUSED);
    assert_false(run_do(s, VAC_OP_UNDO, 0, "", NULL, &e));
    assert_non_null(strstr(e.text, "nothing to take back"));
    assert_true(run_do(s, VAC_OP_SET, 0, "rho", "0.2", NULL));
    assert_true(run_do(s, VAC_OP_STEP, 3, "", NULL, NULL));
    run_wait_step(s, 3);
    run_wait(s, VAC_PAUSED);
    assert_true(run_do(s, VAC_OP_SET, 0, "rho", "0.3", NULL));
    assert_true(run_do(s, VAC_OP_GUARD, 0, "", "step >= 5 pause", NULL));
    assert_true(run_do(s, VAC_OP_UNDO, 0, "", NULL, NULL));
    assert_true(run_do(s, VAC_OP_UNDO, 0, "", NULL, NULL));
    assert_int_equal(vac_snapshot(s)->n_guards, 0);
    assert_true(rho_of(s) == 0.2);
    assert_true(run_do(s, VAC_OP_UNDO, 0, "", NULL, NULL));
    assert_true(rho_of(s) == 0.1);
    assert_false(run_do(s, VAC_OP_UNDO, 0, "", NULL, NULL));
    assert_true(run_do(s, VAC_OP_UNDO, 1, "", NULL, NULL));
    assert_true(run_do(s, VAC_OP_UNDO, 1, "", NULL, NULL));
    assert_true(rho_of(s) == 0.3);
    line = run_journal_last(out, "redo");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "key")), "rho");
    cJSON_Delete(line);
    assert_true(run_do(s, VAC_OP_SET, 0, "lr", "0.02", NULL));
    assert_false(run_do(s, VAC_OP_UNDO, 1, "", NULL, NULL));
    assert_true(run_do(s, VAC_OP_STEP, 2, "", NULL, NULL));
    run_wait_step(s, 5);
    run_wait(s, VAC_PAUSED);
    assert_true(run_do(s, VAC_OP_UNDO, 0, "", NULL, NULL));
    assert_int_equal(run_journal_count(out, "undo"), 4);
    assert_int_equal(run_journal_count(out, "set"), 8);
    run_give(s, VAC_OP_RESUME, 0, "", NULL);
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    assert_true(run_metric(out, 3, "rho") == 0.2 && run_metric(out, 4, "rho") == 0.3);
    assert_true(run_metric(out, 5, "lr") == 0.02 && run_metric(out, 6, "lr") == 0.01);
    snprintf(r.file, sizeof r.file, "%s", out);
    assert_ok(run_again(&r, again, &(struct vac_open){.replay = true}, &err), &err);
    assert_ok(replay_compare(out, again, &result, &err), &err);
    if (!result.same)
        fail_msg("%s", result.difference);
}

/* --- rho follows --- */

#define FOLLOW                                                                                     \
    MEASURE "'stages':[{'name':'align','train':['rows.jsonl'],'batch_size':4,'method':'vaccine',"  \
            "'rho':0.1,'lora':{'r':2},'steps':30,'lr':0.01,'rho_control':"

static void follow(struct rig_run *r, const char *control)
{
    char text[2048];

    snprintf(text, sizeof text, FOLLOW "%s}]", control);
    run_file(r, text);
}

/* The length of the perturbation is rho, so that it comes to its target, and no further than its limit; killed,
 * and repeated. */
static void test_rho_control(void **state)
{
    struct rig_run r;
    const char *out = run_folder(), *held = run_folder(), *again = run_folder(),
               *twice = run_folder();
    struct replay_result result;
    struct vac_err err = {0};
    cJSON *line;
    double rho;
    int status = 1;

    (void)state;
    run_rig(&r, "golden/opt", false);
    follow(&r, "{'measure':'eps_norm','target':0.5}");
    assert_ok(run_whole(&r, out, false, &err), &err);
    rho = run_metric(out, 30, "rho");
    assert_true(run_metric(out, 1, "rho") == 0.1);
    assert_true(fabs(run_metric(out, 2, "rho") - 0.1 * exp(0.5 * 0.4 / 0.5)) < 1e-4);
    assert_true(fabs(rho - 0.5) < 1e-3);
    line = run_journal_last(out, "set");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "who")), "rho_control");
    cJSON_Delete(line);
    for (int i = 0; i < 8 && status != 0; i++)
        status = run_child(&r, twice, file_exists(run_path(twice, "run.json")), 150 + 100 * i);
    if (status != 0)
        assert_int_equal(run_child(&r, twice, file_exists(run_path(twice, "run.json")), -1), 0);
    run_assert_same(out, twice);
    follow(&r, "{'measure':'eps_norm','target':0.5,'max':0.3}");
    assert_ok(run_whole(&r, held, false, &err), &err);
    assert_true(run_metric(held, 30, "rho") == 0.3);
    follow(
        &r,
        "{'measure':'L','target':0.001,'rises':false,'gain':10}"); /* at most twofold at a time */
    assert_ok(run_whole(&r, run_folder(), false, &err), &err);
    snprintf(r.file, sizeof r.file, "%s", out);
    assert_ok(run_again(&r, again, &(struct vac_open){.replay = true}, &err), &err);
    assert_ok(replay_compare(out, again, &result, &err), &err);
    if (!result.same)
        fail_msg("%s", result.difference);
}

static void test_wrong_rho_control(void **state)
{
    static const char *const rows[][2] = {
        {"7", "stages[0].rho_control: expected an object"},
        {"{'target':1}", "stages[0].rho_control: \"measure\" is missing"},
        {"{'measure':'HS','target':1}",
         "stages[0].rho_control.measure: the run has no \"HS\": it has L"},
        {"{'measure':'step','target':1}", "stages[0].rho_control.measure: rho has no hold on it"},
        {"{'measure':'drift','target':0}",
         "stages[0].rho_control.target: expected another number than 0"},
        {"{'measure':'drift','target':1,'min':3,'max':2}",
         "stages[0].rho_control.min: expected 0 <= min"},
    };
    struct rig_run r;

    (void)state;
    run_rig(&r, "golden/opt", false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vac_err err = {0};

        follow(&r, rows[i][0]);
        assert_int_equal(run_whole(&r, run_folder(), false, &err), 1);
        if (!strstr(err.msg, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], err.msg);
    }
}

/* --- an early end that is sure --- */

/* One in a hundred is surely below 12 % at the first look, and not at the hundredth. */
static void test_sure(void **state)
{
    struct stage_spec spec = {.until = {.n = 1, .times = 1, .sure = true}};
    struct stage st = {.spec = &spec, .done = 1};
    struct vac_eval e = {.count = 1, .n = 100, .value = 0.01, .is_rate = true};
    struct vac_err err = {0};

    (void)state;
    assert_ok(bound_read(&spec.until.v[0].bound, "< 12 %", &err), &err);
    stage_note_score(&st, 0, &e);
    assert_int_equal(st.passed[0], 1);
    for (int i = 0; i < 99; i++)
        stage_note_score(&st, 0, &e);
    assert_int_equal(st.looks[0], 100);
    assert_int_equal(st.passed[0], 0);
    spec.until.sure = false;
    stage_note_score(&st, 0, &e);
    assert_int_equal(st.passed[0], 1);
    assert_int_equal(st.looks[0], 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_wrong_words),
        cmocka_unit_test(test_wrong_file),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_out_of_reach),
        cmocka_unit_test(test_happenings),
        cmocka_unit_test(test_trips),
        cmocka_unit_test(test_headless),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_rewind_from_later_stage),
        cmocka_unit_test(test_slower_stage_outlives),
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_undo),
        cmocka_unit_test(test_rho_control),
        cmocka_unit_test(test_wrong_rho_control),
        cmocka_unit_test(test_sure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
