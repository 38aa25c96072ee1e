/* test_rewind.c - a run that goes back: forward again it is as if it had never gone, nothing is lost, a replay
 * makes the same, and a kill at any moment leaves a run that goes on. */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "guard/guard.h"
#include "record/replay.h"
#include "run_support.h"

struct two {
    struct rig_run r;
    const char *whole; /* never went back */
};

static void setting(struct two *x, bool whole)
{
    struct vac_err err = {0};

    run_rig(&x->r, "golden/llama-gqa", false);
    run_file(
        &x->r,
        "'checkpoint':{'steps':4,'minutes':0,'keep':9},"
        "'watch':{'every':3,'drift':'rows.jsonl','align_loss':'rows.jsonl'},"
        "'stages':[{'name':'align','method':'vaccine','rho':1,'train':['rows.jsonl'],"
        "'lora':{'r':2,'dropout':0.1},'steps':14,'batch_size':4,'lr':0.01,'schedule':'cosine'},"
        "{'name':'attack','train':['harm.jsonl'],'lora':{'r':2},'steps':10,'batch_size':3,"
        "'lr':0.01}]");
    x->whole = run_folder();
    if (whole)
        assert_ok(run_whole(&x->r, x->whole, false, &err), &err);
}

static struct vac_session *begin(const struct two *x, const char *out)
{
    struct vac_session *s =
        run_start(&x->r, out, &(struct vac_open){.paused = true, .interactive = true});

    run_wait(s, VAC_PAUSED);
    return s;
}

static void steps(struct vac_session *s, int64_t n)
{
    int64_t to = vac_snapshot(s)->step + n;

    run_give(s, VAC_OP_STEP, n, NULL, NULL);
    run_wait_step(s, to);
    run_wait(s, VAC_PAUSED);
}

static void rewind_run(struct vac_session *s, int64_t step)
{
    struct vac_event e;

    if (!run_do(s, VAC_OP_REWIND, step, NULL, NULL, &e))
        fail_msg("%s", e.text);
    vac_event_done(&e);
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_snapshot(s)->step, step);
}

static void finish(struct vac_session *s)
{
    struct vac_err err = {0};

    run_give(s, VAC_OP_RESUME, 0, NULL, NULL);
    run_wait(s, VAC_DONE);
    assert_ok(vac_session_result(s, &err), &err);
    vac_session_close(s);
}

static void assert_replays(const struct two *x, const char *dir)
{
    struct rig_run again = x->r;
    struct replay_result result;
    struct vac_err err = {0};
    const char *out = run_folder();

    snprintf(again.file, sizeof again.file, "%s", dir);
    assert_ok(run_again(&again, out, &(struct vac_open){.replay = true}, &err), &err);
    assert_ok(replay_compare(dir, out, &result, &err), &err);
    if (!result.same)
        fail_msg("%s", result.difference);
    assert_true(result.lines > 20);
}

/* Within a stage, twice to the same step, across the stages, and to where it is. */
static void test_never_gone(void **state)
{
    struct two x;
    const char *out = run_folder();
    struct vac_session *s;

    (void)state;
    setting(&x, true);
    s = begin(&x, out);
    steps(s, 7);
    rewind_run(s, 4);
    steps(s, 6);
    rewind_run(s, 8);
    rewind_run(s, 8);
    rewind_run(s, 4);
    steps(s, 15); /* in the second stage */
    assert_string_equal(vac_snapshot(s)->stage, "attack");
    rewind_run(s, 18);
    rewind_run(s, 8);
    assert_string_equal(vac_snapshot(s)->stage, "align");
    finish(s);
    run_assert_same(x.whole, out);
    assert_true(run_same_file(x.whole, out, "metrics.csv"));
    assert_replays(&x, out);
}

/* What was changed since then is as it was, also in a stage that will begin again; what was made is kept. */
static void test_changes(void **state)
{
    struct two x;
    const char *out = run_folder();
    struct vac_session *s;
    cJSON *line;
    char *text;

    (void)state;
    setting(&x, true);
    s = begin(&x, out);
    steps(s, 6);
    assert_true(run_do(s, VAC_OP_SET, 0, "rho", "3", NULL));
    assert_true(run_do(s, VAC_OP_REFERENCE, 0, NULL, NULL, NULL));
    steps(s, 10);
    assert_true(run_do(s, VAC_OP_SET, 0, "lr", "0.5", NULL));
    steps(s, 3);
    assert_true(isfinite(run_metric(out, 19, "loss")));
    rewind_run(s, 4);
    assert_int_equal(run_lines(out, "metrics.jsonl"), 5);
    assert_int_equal(run_lines(run_path(out, "aside-4-1"), "metrics.jsonl"), 16);
    for (const char *const *kept =
             (const char *const[]){"aside-4-1/checkpoint-8/state.json",
                                   "aside-4-1/checkpoint-19/state.json",
                                   "aside-4-1/stages/align/adapter_config.json",
                                   "aside-4-1/run.json", "checkpoint-4/state.json", NULL};
         *kept; kept++)
        assert_true(file_exists(run_path(out, *kept)));
    assert_false(file_exists(run_path(out, "checkpoint-8")));
    assert_false(file_exists(run_path(out, "stages/align")));
    text = run_read(run_path(out, "aside-4-1"), "metrics.jsonl", NULL);
    assert_non_null(strstr(text, "\"step\":5,"));
    assert_non_null(strstr(text, "\"rho\":3,"));
    free(text);
    line = run_journal_last(out, "rewind");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "old")), "19");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "new")), "checkpoint-4");
    cJSON_Delete(line);
    finish(s);
    run_assert_same(x.whole, out);
    assert_replays(&x, out);
}

/* A stage that has made its last step has none that would use what is set; the event says which command it was.
 * A run that is not held is not resumed. */
static void test_too_late(void **state)
{
    struct two x;
    const char *out = run_folder();
    struct vac_session *s;
    struct vac_event e;
    struct vac_option o = {.name = ""};

    (void)state;
    setting(&x, false);
    s = begin(&x, out);
    assert_true(run_do(s, VAC_OP_SET, 0, "rho", "0.5", NULL));
    steps(s, 14);
    for (int undo = 0; undo < 2; undo++) {
        assert_false(run_do(s, undo ? VAC_OP_UNDO : VAC_OP_SET, 0, undo ? "" : "rho",
                            undo ? NULL : "0.25", &e));
        assert_true(!strncmp(e.text, undo ? "undo: " : "set: ", undo ? 6 : 5));
        assert_non_null(strstr(e.text, ": rho: stage align has made its last step: none would use "
                                       "it, and the next stage has its own"));
        vac_event_done(&e);
    }
    for (size_t i = 0; strcmp(o.name, "rho") != 0; i++)
        assert_true(vac_option_at(s, i, &o));
    assert_string_equal(o.value, "0.5");
    assert_string_equal(o.pending, "");
    assert_int_equal(run_journal_count(out, "set"), 1);
    run_give(s, VAC_OP_RESUME, 0, NULL, NULL);
    run_give(s, VAC_OP_RESUME, 0, NULL, NULL);
    run_wait(s, VAC_DONE);
    assert_int_equal(run_journal_count(out, "resume"), 1);
    vac_session_close(s);
}

/* Whoever reads the history is told, and finds it again. */
static void test_history(void **state)
{
    struct two x;
    const char *out = run_folder();
    static struct vac_point p[64];
    static struct vac_layers l[64];
    struct vac_session *s;
    struct vac_event e;
    uint64_t next = 0;

    (void)state;
    setting(&x, false);
    s = begin(&x, out);
    steps(s, 7);
    assert_int_equal(vac_history(s, &next, p, 64), 8);
    rewind_run(s, 4);
    assert_int_equal(vac_history(s, &next, p, 64), 0); /* it has not asked yet what there is */
    run_give(s, VAC_OP_REWIND, 4, NULL, NULL);
    run_event(s, VAC_EVENT_REWIND, 0, &e);
    assert_int_equal(e.step, 4);
    vac_event_done(&e);
    assert_true(run_do(s, VAC_OP_NOTE, 0, NULL, "back", NULL));
    steps(s, 2);
    next = 0;
    assert_int_equal(vac_history(s, &next, p, 64), 5);
    assert_int_equal(vac_history(s, &next, p + 5, 64), 2);
    for (int i = 0; i < 7; i++)
        assert_int_equal(p[i].step, i);
    assert_int_equal(vac_session_points(s), 7);
    next = 0;
    assert_int_equal(vac_layer_history(s, &next, l, 64), 5);
    assert_int_equal(vac_layer_history(s, &next, l + 5, 64), 2);
    for (int i = 0; i < 7; i++)
        assert_int_equal(l[i].step, i);
    finish(s);
}

static void test_refused(void **state)
{
    struct two x;
    const char *out = run_folder();
    struct vac_session *s;
    struct vac_event e;

    (void)state;
    setting(&x, true);
    s = begin(&x, out);
    steps(s, 1);
    assert_false(run_do(s, VAC_OP_REWIND, 1, NULL, NULL, &e));
    assert_non_null(strstr(e.text, "has no checkpoint of step 1; there is none yet"));
    vac_event_done(&e);
    steps(s, 8);
    assert_false(run_do(s, VAC_OP_REWIND, 7, NULL, NULL, &e));
    assert_non_null(strstr(e.text, "the nearest are 4 and 8"));
    vac_event_done(&e);
    run_give(s, VAC_OP_RESUME, 0, NULL, NULL);
    run_wait(s, VAC_DONE);
    assert_false(run_do(s, VAC_OP_REWIND, 8, NULL, NULL, &e));
    assert_non_null(strstr(e.text, "the run is done"));
    vac_event_done(&e);
    vac_session_close(s);
    run_assert_same(x.whole, out);
}

static bool has_checkpoint(const char *out, int64_t step)
{
    char name[64];

    snprintf(name, sizeof name, "checkpoint-%lld", (long long)step);
    return dir_exists(run_path(out, name));
}

struct tally {
    size_t rewinds, undone, redone;
};

/* Steps, changes, saves, ways back and changes taken back as they come: repeated, the run is the same. */
static void random_run(struct two *x, uint64_t seed, struct tally *sum)
{
    const char *out = run_folder();
    struct vac_session *s = begin(x, out);
    size_t rewinds = 0, undone = 0, redone = 0;

    for (uint64_t i = 0; i < 30; i++) {
        uint64_t what = rng_mix(seed, 2 * i) % 12, n = rng_mix(seed, 2 * i + 1);
        int64_t step = vac_snapshot(s)->step;
        char value[32];

        if (what < 3 && step < 20) {
            steps(s, 1 + (int64_t)(n % 4));
        } else if (what < 5 && step != 14) { /* the first stage's end: it would be refused */
            snprintf(value, sizeof value, "%.3f", 1e-3 * (double)(1 + n % 20));
            assert_true(run_do(s, VAC_OP_SET, 0,
                               n % 3 && vac_snapshot(s)->stage_index == 0 ? "rho" : "lr", value,
                               NULL)); /* the second stage has no rho */
        } else if (what == 5) {
            run_do(s, n % 2 ? VAC_OP_REFERENCE : VAC_OP_SAVE, 0, NULL, NULL, NULL);
        } else if (what == 6) {
            assert_true(run_do(s, VAC_OP_GUARD, 0, NULL, "step >= 9 alert", NULL));
        } else if (what == 7) {
            undone += run_do(s, VAC_OP_UNDO, 0, NULL, NULL, NULL);
            undone += run_do(s, VAC_OP_UNDO, 0, NULL, NULL, NULL);
            if (n % 2)
                redone += run_do(s, VAC_OP_UNDO, 1, NULL, NULL, NULL);
        } else if (what == 8) {
            redone += run_do(s, VAC_OP_UNDO, 1, NULL, NULL, NULL);
        } else {
            int64_t to = step ? (int64_t)(n % (uint64_t)(step + 1)) : 0;

            while (to > 0 && !has_checkpoint(out, to))
                to--;
            if (to == 0)
                continue;
            rewind_run(s, to);
            rewinds++;
        }
    }
    finish(s);
    assert_int_equal(run_journal_count(out, "rewind"), rewinds);
    assert_int_equal(run_journal_count(out, "undo"), undone);
    assert_int_equal(run_journal_count(out, "redo"), redone);
    assert_replays(x, out);
    sum->rewinds += rewinds;
    sum->undone += undone;
    sum->redone += redone;
}

static void test_random(void **state)
{
    struct two x;
    struct tally sum = {0};

    (void)state;
    setting(&x, false);
    for (uint64_t seed = 1; seed <= 4; seed++)
        random_run(&x, seed, &sum);
    if (!(sum.rewinds > 3 && sum.undone > 3 && sum.redone > 0))
        fail_msg("%zu back, %zu undone, %zu redone", sum.rewinds, sum.undone, sum.redone);
}

static void assert_rho(struct vac_session *s, const char *value)
{
    struct vac_option o = {.name = ""};

    for (size_t i = 0; strcmp(o.name, "rho") != 0; i++)
        assert_true(vac_option_at(s, i, &o));
    assert_string_equal(o.value, value);
}

static void assert_guards(struct vac_session *s, int n)
{
    assert_true(run_do(s, VAC_OP_NOTE, 0, NULL, "it is shown before the next command", NULL));
    assert_int_equal(vac_snapshot(s)->n_guards, n);
}

static void assert_age(struct vac_session *s, int64_t step, int hours)
{
    const struct vac_snapshot *now = vac_snapshot(s);

    assert_int_equal(now->checkpoint_step, step);
    assert_true(now->checkpoint_age >= hours * 3600);
    assert_true(now->checkpoint_age < (hours + 1) * 3600);
}

/* Since it was made, and not since the run went on from it. */
static void test_how_old_a_checkpoint_is(void **state)
{
    const time_t then = time(NULL) - 3 * 3600;
    const struct timespec old[2] = {{.tv_sec = then}, {.tv_sec = then}};
    const char *out = run_folder();
    struct vac_session *s;
    struct two x;

    (void)state;
    setting(&x, false);
    s = begin(&x, out);
    steps(s, 5);
    assert_age(s, 4, 0);
    run_give(s, VAC_OP_QUIT, 0, NULL, NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
    assert_int_equal(utimensat(AT_FDCWD, run_path(out, "checkpoint-5"), old, 0), 0);
    s = run_start(&x.r, out,
                  &(struct vac_open){.interactive = true, .resume = true, .paused = true});
    run_wait(s, VAC_PAUSED);
    assert_age(s, 5, 3);
    steps(s, 4);
    assert_age(s, 8, 0);
    assert_int_equal(utimensat(AT_FDCWD, run_path(out, "checkpoint-5"), old, 0), 0);
    rewind_run(s, 5);
    assert_age(s, 5, 3);
    vac_session_close(s);
}

/* What could be taken back at a checkpoint can be when the run goes on from it: by hand, or because it was left. */
static void test_undo_outlives(void **state)
{
    struct two x;
    const char *out = run_folder();
    struct vac_session *s;
    struct vac_event e;

    (void)state;
    setting(&x, false);
    s = begin(&x, out);
    assert_true(run_do(s, VAC_OP_GUARD, 0, NULL, "step >= 99 alert", NULL));
    assert_true(run_do(s, VAC_OP_SET, 0, "rho", "2", NULL));
    assert_true(run_do(s, VAC_OP_SET, 0, "rho", "3", NULL));
    assert_true(run_do(s, VAC_OP_UNDO, 0, NULL, NULL, NULL));
    steps(s, 5);
    assert_true(run_do(s, VAC_OP_SET, 0, "rho", "4", NULL));
    rewind_run(s, 4);
    assert_rho(s, "2");
    assert_true(run_do(s, VAC_OP_UNDO, 1, NULL, NULL, NULL));
    assert_rho(s, "3");
    assert_true(run_do(s, VAC_OP_GUARD, 1, NULL, NULL, NULL));
    steps(s, 1);
    run_give(s, VAC_OP_QUIT, 0, NULL, NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
    s = run_start(&x.r, out,
                  &(struct vac_open){.interactive = true, .resume = true, .paused = true});
    run_wait(s, VAC_PAUSED);
    assert_guards(s, 0);
    assert_true(run_do(s, VAC_OP_UNDO, 0, NULL, NULL, NULL));
    assert_guards(s, 1);
    assert_string_equal(vac_snapshot(s)->guard[0].text, "step >= 99: alert");
    assert_true(run_do(s, VAC_OP_UNDO, 0, NULL, NULL, NULL));
    assert_rho(s, "2");
    assert_true(run_do(s, VAC_OP_UNDO, 0, NULL, NULL, NULL));
    assert_rho(s, "1");
    assert_true(run_do(s, VAC_OP_UNDO, 0, NULL, NULL, NULL));
    assert_guards(s, 0);
    assert_false(run_do(s, VAC_OP_UNDO, 0, NULL, NULL, &e));
    assert_string_equal(e.text, "undo: nothing to take back: no option and no guard was changed");
    vac_event_done(&e);
    finish(s);
    assert_replays(&x, out);
}

/* Killed at some moment among steps and ways back; what goes on then comes to the same bytes. */
static void back_and_forth(const struct two *x, const char *out)
{
    struct vac_session *s = begin(x, out);

    for (int i = 0; i < 100; i++) {
        run_give(s, VAC_OP_STEP, 7, NULL, NULL);
        run_wait(s, VAC_PAUSED);
        run_do(s, VAC_OP_REWIND, 4, NULL, NULL, NULL);
    }
    _exit(0);
}

static void test_killed(void **state)
{
    struct two x;
    struct vac_err err = {0};

    (void)state;
    setting(&x, true);
    for (int ms = 120; ms < 400; ms += 31) {
        const char *out = run_folder();
        struct vac_open how = {.resume = true, .from_start = true};
        pid_t pid = fork();

        if (pid == 0)
            back_and_forth(&x, out);
        for (int waited = 0; waited < 20000 && !has_checkpoint(out, 4); waited++)
            poll(NULL, 0, 1);
        poll(NULL, 0, ms);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        assert_ok(run_again(&x.r, out, &how, &err), &err);
        run_assert_same(x.whole, out);
        assert_replays(&x, out);
    }
}

/* --- a guard goes back --- */

static void guarded(struct rig_run *r, const char *guards)
{
    char text[1024];

    run_rig(r, "golden/opt", false);
    snprintf(text, sizeof text,
             "'checkpoint':{'steps':4,'minutes':0,'keep':1},'watch':{'every':1},'guards':%s,"
             "'evaluate':[{'name':'L','data':'rows.jsonl','metric':'loss','every':2}],"
             "'stages':[{'name':'align','train':['rows.jsonl'],'batch_size':4,'method':'vaccine',"
             "'rho':0.1,'lora':{'r':2},'steps':12,'schedule':'constant','warmup_ratio':0,"
             "'lr':0.01}]",
             guards);
    run_file(r, text);
}

/* To step 5 by hand, with a checkpoint at 4 that is healthy. */
static struct vac_session *at_five(struct rig_run *r, const char *out, const char *guards)
{
    struct vac_session *s;

    guarded(r, guards);
    s = run_start(r, out, &(struct vac_open){.interactive = true, .paused = true});
    run_wait(s, VAC_PAUSED);
    assert_true(run_do(s, VAC_OP_STEP, 5, "", NULL, NULL));
    run_wait_step(s, 5);
    run_wait(s, VAC_PAUSED);
    return s;
}

static void leave(struct vac_session *s)
{
    run_give(s, VAC_OP_DISCARD, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
}

enum { LINES = 64 };

static void keep_line(void *ctx, const struct vac_event *e)
{
    char(*line)[sizeof e->text] = ctx;

    if (e->kind == VAC_EVENT_JOURNAL && e->line < LINES)
        memcpy(line[e->line], e->text, sizeof e->text);
}

/* By its number a line of the journal is the same one, whether the run tells it or its file: several are of one
 * moment when a guard goes back. */
static void test_lines_have_their_numbers(void **state)
{
    static const struct vac_follow_take take = {.event = keep_line};
    struct rig_run r;
    const char *out = run_folder();
    struct vac_session *s = at_five(&r, out, "['step >= 7 rewind']");
    char file[LINES][sizeof((struct vac_event *)0)->text] = {""};
    struct vac_follow *f;
    struct vac_event e;
    struct vac_err err = {0};
    uint64_t last = 0;
    int set = 0;

    (void)state;
    run_give(s, VAC_OP_RESUME, 0, "", NULL);
    while (!vac_snapshot(s)->fault)
        run_wait(s, VAC_PAUSED);
    assert_ok(vac_follow_open(&f, out, &err), &err);
    assert_int_equal(vac_follow_read(f, &take, file, &err), VAC_FOLLOW_NEW);
    vac_follow_close(f);
    for (; vac_event_next(s, &e); vac_event_done(&e)) {
        if (e.kind != VAC_EVENT_JOURNAL || !e.line)
            continue;
        assert_true(e.line < LINES && e.line > last);
        assert_string_equal(e.text, file[e.line]);
        set += strstr(e.text, "set lr 0.01 ->") != NULL;
        last = e.line;
    }
    assert_int_equal(set, 3);
    leave(s);
}

/* One that was given after the checkpoint that it goes back to is not in that: it stays, and so does its count. */
static void test_rewind_by_hand(void **state)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_session *s = at_five(&r, out, "['step >= 20 alert']");

    (void)state;
    assert_true(run_do(s, VAC_OP_GUARD, 0, "", "step >= 7 rewind", NULL));
    assert_true(run_do(s, VAC_OP_RESUME, 0, "", NULL, NULL));
    while (!vac_snapshot(s)->fault)
        run_wait(s, VAC_PAUSED);
    assert_non_null(strstr(vac_snapshot(s)->reason, "it went back 3 times already"));
    assert_int_equal(vac_snapshot(s)->step, 7);
    assert_int_equal(vac_snapshot(s)->n_guards, 2);
    assert_string_equal(vac_snapshot(s)->guard[1].text, "step >= 7: rewind");
    assert_int_equal(run_journal_count(out, "rewind"), 3);
    assert_int_equal(run_journal_count(out, "guard"), 4);
    assert_true(run_metric(out, 5, "lr") == 0.00125);
    leave(s);
}

/* A checkpoint that is damaged is no way back, and no end of what is in memory either. */
static void test_rewind_to_damage(void **state)
{
    struct rig_run r;
    struct vac_err err = {0};
    const char *out = run_folder();
    struct vac_session *s = at_five(&r, out, "['step >= 7 rewind']");

    (void)state;
    assert_ok(path_remove(run_path(out, "checkpoint-4/adapter_model.safetensors"), &err), &err);
    assert_true(run_do(s, VAC_OP_RESUME, 0, "", NULL, NULL));
    while (!vac_snapshot(s)->fault)
        run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_snapshot(s)->step, 7);
    if (!strstr(vac_snapshot(s)->reason, "checkpoint-4/adapter_model.safetensors"))
        fail_msg("%s", vac_snapshot(s)->reason);
    assert_true(run_do(s, VAC_OP_RESUME, 0, "", NULL, NULL));
    run_wait(s, VAC_DONE);
    vac_session_close(s);
}

/* What cannot be measured is gone back for as what cannot be trained. */
static void test_rewind_from_no_number(void **state)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_session *s = at_five(&r, out, "['nan rewind']");

    (void)state;
    assert_true(run_do(s, VAC_OP_SET, 0, "lr", "1e38", NULL));
    assert_true(run_do(s, VAC_OP_RESUME, 0, "", NULL, NULL));
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    assert_int_equal(run_journal_count(out, "rewind"), 1);
    assert_true(run_metric(out, 4, "lr") == 0.01 && run_metric(out, 5, "lr") == 0.005);
    assert_int_equal(run_lines(out, "metrics.jsonl"), 13);
}

/* Two stages; the attack begins at step 12. */
#define SLOWED(guards)                                                                             \
    "'checkpoint':{'steps':4,'minutes':0,'keep':1},'guards':[" guards "],'stages':["               \
    "{'name':'align','train':['rows.jsonl'],'batch_size':4,'lora':{'r':2},'steps':12,'lr':0.02},"  \
    "{'name':'attack','train':['harm.jsonl'],'batch_size':4,'lora':{'r':2},'steps':3,'lr':0.01}]"

/* Killed before a checkpoint knows of it: the guard has gone back all the same, and what it slowed is slow. */
static void test_a_kill_takes_nothing_back(void **state)
{
    static const struct {
        const char *text;
        int64_t steps; /* the last of them is made after it went back */
    } rows[] = {
        {SLOWED("'step >= 7 rewind'"), 8},
        {SLOWED("'step >= 15 rewind',{'when':'step >= 10','stages':['align'],'do':'alert'}"), 16}};
    struct rig_run r;
    struct vac_err err = {0};

    (void)state;
    run_rig(&r, "golden/opt", false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *whole = run_folder(), *out = run_folder(), *again = run_folder();
        struct replay_result result;
        struct rig_run repeated = r;
        pid_t pid;

        run_file(&r, rows[i].text);
        assert_int_equal(run_whole(&r, whole, false, &err), 3);
        err_clear(&err);
        assert_int_equal(run_journal_count(whole, "set"), 3);
        pid = fork();
        if (pid == 0) {
            struct vac_session *s =
                run_start(&r, out, &(struct vac_open){.interactive = true, .paused = true});
            struct vac_event e;

            run_wait(s, VAC_PAUSED);
            run_give(s, VAC_OP_STEP, rows[i].steps, NULL, NULL);
            run_event(s, VAC_EVENT_REWIND, 0, &e);
            run_wait(s, VAC_PAUSED);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
        assert_int_equal(run_journal_count(out, "rewind"), 1);
        assert_int_equal(run_whole(&r, out, true, &err), 3);
        err_clear(&err);
        assert_int_equal(run_journal_count(out, "rewind"), 3); /* those before count */
        assert_ok(run_whole(&r, whole, true, &err), &err);
        assert_ok(run_whole(&r, out, true, &err), &err);
        run_assert_same(whole, out);
        snprintf(repeated.file, sizeof repeated.file, "%s", out);
        assert_ok(run_again(&repeated, again, &(struct vac_open){.replay = true}, &err), &err);
        assert_ok(replay_compare(out, again, &result, &err), &err);
        if (!result.same)
            fail_msg("%s", result.difference);
    }
}

/* How often it went back is counted on over a checkpoint: else two that take turns would never come to an end. */
static void test_turns(void **state)
{
    struct rig_run r;
    struct run_spec s;
    struct guard_sight sight = {.layers = 2};
    struct guards g;
    struct strbuf text = {0};
    struct json_out o = json_out(&text);
    struct vac_err err = {0};
    struct jnode root;
    cJSON *doc;

    (void)state;
    guarded(&r, "['step >= 7 rewind','loss > 9 rewind']");
    assert_ok(spec_read(&s, r.file, NULL, 0, &err), &err);
    assert_ok(guards_open(&g, &s, &sight, &err), &err);
    json_put_object(&o, NULL, JSON_TIGHT);
    guards_put(&o, &g);
    json_put_end(&o);
    guards_find(&g, 2)->backs = 2;
    doc = json_parse(text.s, text.len, "state.json", &err);
    assert_non_null(doc);
    root = json_root(doc, "state.json");
    assert_ok(guards_read(&g, &root, &err), &err);
    assert_int_equal(guards_find(&g, 1)->backs, 0);
    assert_int_equal(guards_find(&g, 2)->backs, 2);
    cJSON_Delete(doc);
    sb_done(&text);
    guards_done(&g);
    spec_done(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_gone),
        cmocka_unit_test(test_too_late),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_undo_outlives),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_lines_have_their_numbers),
        cmocka_unit_test(test_rewind_by_hand),
        cmocka_unit_test(test_rewind_to_damage),
        cmocka_unit_test(test_rewind_from_no_number),
        cmocka_unit_test(test_a_kill_takes_nothing_back),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_how_old_a_checkpoint_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
