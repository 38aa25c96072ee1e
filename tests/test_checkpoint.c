/* test_checkpoint.c - no run is lost: killed, damaged, changed and finished runs that go on, or are
 * refused. */
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "record/late.h"
#include "spec/spec.h"
#include "run_support.h"

#define TRAIN "'train':['rows.jsonl'],'batch_size':4,'lr':0.01"
#define LONG                                                                                       \
    "'checkpoint':{'steps':7,'minutes':0,'keep':2},'watch':{'every':5,'drift':'rows.jsonl','"      \
    "harmful_loss':'harm.jsonl'},"                                                                 \
    "'evaluate':[{'name':'L','data':'harm.jsonl','metric':'loss','every':20}],"                    \
    "'stages':[{'name':'align','method':'vaccine','rho':0.5," TRAIN                                \
    ",'lora':{'r':2,'dropout':0.2},'steps':160},"                                                  \
    "{'name':'attack','train':['rows.jsonl',{'file':'harm.jsonl','harmful':true}],'samples':15,'"  \
    "harmful_ratio':0.2,"                                                                          \
    "'batch_size':4,'lr':0.01,'lora':{'r':2,'dropout':0.1},'steps':140}]"
#define SHORT                                                                                      \
    "'checkpoint':{'steps':5,'minutes':0,'keep':3},'watch':{'every':5,'drift':'rows.jsonl'},"      \
    "'stages':[{'name':'align','method':'vaccine','rho':0.5," TRAIN                                \
    ",'lora':{'r':2,'dropout':0.2},'steps':20}]"

static void whole(const struct rig_run *r, const char *out, bool resume)
{
    struct vac_err err;

    if (run_whole(r, out, resume, &err))
        fail_msg("%s", err.msg);
}

/* A run that is stopped after some steps, with a checkpoint there. */
static void stop_at(const struct rig_run *r, const char *out, int64_t step)
{
    struct vac_session *s = run_up_to(r, out, false, step);

    run_give(s, VAC_OP_QUIT, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
}

/* --- kills --- */

/* Kills a run some times at any moment, each time before it can end, lets it end, and compares it
 * with one that was left alone. */
static void kill_often(const char *golden, const char *text, int kills, uint64_t seed)
{
    struct rig_run r;
    const char *a = run_folder(), *b = run_folder();
    struct rng rng = {.key = rng_key(17, RNG_TEST, seed, 0)};
    double begun;
    uint64_t longest;
    int status = -1, killed = 0;

    run_rig(&r, golden, false);
    run_file(&r, text);
    begun = clock_now();
    assert_int_equal(run_child(&r, a, false, -1), 0);
    longest = 2 + (uint64_t)(250 * (clock_now() - begun)); /* a quarter of the run, in ms */
    for (int i = 0; i < kills; i++) {
        status =
            run_child(&r, b, file_exists(run_path(b, "run.json")), (int)rng_below(&rng, longest));
        if (!WIFSIGNALED(status))
            break;
        killed++;
    }
    if (!WIFEXITED(status))
        status = run_child(&r, b, file_exists(run_path(b, "run.json")), -1);
    assert_int_equal(status, 0);
    assert_true(killed >= 1);
    run_assert_same(a, b);
}

static void test_killed(void **state)
{
    (void)state;
    kill_often("golden/llama-gqa", LONG, 10, 1);
}

/* All weights first, then an adapter on them: what lies beneath is found again. */
static void test_killed_full(void **state)
{
    (void)state;
    kill_often(
        "golden/opt",
        "'checkpoint':{'steps':4,'minutes':0,'keep':1},'watch':{'every':5,'drift':'rows.jsonl'},"
        "'stages':[{'name':'all','lora':null," TRAIN ",'steps':60},"
        "{'name':'top','lora':{'r':2,'dropout':0.1}," TRAIN ",'steps':60},"
        "{'name':'more','adapter':'same'," TRAIN ",'steps':60}]",
        10, 2);
}

/* --- damage --- */

static void flip_byte(const char *path, double where)
{
    FILE *f = fopen(path, "r+b");
    struct stat st;
    int c;

    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    fseek(f, (long)((double)(st.st_size - 1) * where), SEEK_SET);
    c = fgetc(f);
    fseek(f, -1, SEEK_CUR);
    fputc(c ^ 1, f);
    assert_int_equal(fclose(f), 0);
}

/* One byte anywhere in the newest checkpoint: the run goes on from the one before, and ends the
 * same. */
static void test_damaged(void **state)
{
    static const struct {
        const char *file;
        double where;
    } cases[] = {{"state.json", 0.03},
                 {"state.json", 0.5},
                 {"state.json", 1},
                 {"adapter_model.safetensors", 0.9},
                 {"adapter_model.safetensors", 0.001},
                 {"vaccine_state.safetensors", 0.5},
                 {"adapter_config.json", 0.5}};
    struct rig_run r;
    const char *a = run_folder();

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, SHORT);
    whole(&r, a, false);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *b = run_folder();
        stop_at(&r, b, 12);
        flip_byte(run_path(run_path(b, "checkpoint-12"), cases[i].file), cases[i].where);
        whole(&r, b, true);
        assert_true(run_resumed_from(b, "checkpoint-10"));
        run_assert_same(a, b);
    }
}

/* Ended before its first checkpoint there is nothing else to go on from: headless it begins again,
 * what it measured set aside; on a screen it is asked. */
static void test_never_saved(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    const struct vac_open asked = {.file = NULL, .resume = true, .interactive = true};
    struct vac_open o = asked;
    struct vac_err err = {0};
    const char *a = run_folder(), *b = run_folder();

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, SHORT);
    whole(&r, a, false);
    s = run_up_to(&r, b, false, 3);
    run_give(s, VAC_OP_DISCARD, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
    assert_int_equal(run_lines(b, "metrics.jsonl"), 4);
    o.file = b;
    o.out = b;
    if (vac_session_open(&s, &o, &err) == 0) {
        assert_int_equal(vac_session_start(s, &err), -1);
        vac_session_close(s);
    }
    assert_int_equal(err.code, VAC_ERR_NO_CHECKPOINT);
    whole(&r, b, true);
    assert_true(run_resumed_from(b, "start"));
    assert_int_equal(run_journal_count(b, "note"), 1);
    assert_int_equal(run_lines(b, "aside-0-1/metrics.jsonl"), 4);
    run_assert_same(a, b);
}

static void test_truncated(void **state)
{
    static const struct vac_open again = {.resume = true, .from_start = true};
    struct rig_run r;
    struct vac_err err;
    const char *a = run_folder(), *b = run_folder(), *c = run_folder();

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, SHORT);
    whole(&r, a, false);
    stop_at(&r, b, 12);
    assert_int_equal(truncate(run_path(b, "checkpoint-12/state.json"), 100), 0);
    assert_int_equal(unlink(run_path(b, "checkpoint-10/vaccine_state.safetensors")), 0);
    whole(&r, b, true);
    assert_true(run_resumed_from(b, "checkpoint-5"));
    run_assert_same(a, b);
    stop_at(&r, c, 7); /* none is whole: from the start */
    assert_int_equal(truncate(run_path(c, "checkpoint-7/state.json"), 0), 0);
    assert_int_equal(truncate(run_path(c, "checkpoint-5/state.json"), 0), 0);
    assert_int_equal(run_whole(&r, c, true, &err), 1);
    assert_int_equal(err.code, VAC_ERR_NO_CHECKPOINT);
    assert_error(&err, "there is no checkpoint to go on from, and 7 steps were made");
    assert_int_equal(run_again(&r, c, &again, &err), 0);
    assert_true(run_resumed_from(c, "start"));
    assert_true(dir_exists(run_path(c, "aside-0-1/checkpoint-7")));
    assert_int_equal(run_lines(c, "aside-0-1/metrics.jsonl"), 8);
    run_assert_same(a, c);
}

/* A damaged checkpoint of a later step must not push the good ones out. */
static void test_damaged_does_not_prune(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    const char *b = run_folder();

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, "'checkpoint':{'steps':5,'minutes':0,'keep':2},'stages':[{" TRAIN
                 ",'lora':{'r':2},'steps':20}]");
    stop_at(&r, b, 12);
    assert_int_equal(rename(run_path(b, "checkpoint-12"), run_path(b, "checkpoint-19")), 0);
    flip_byte(run_path(b, "checkpoint-19/state.json"), 0.5);
    s = run_up_to(&r, b, true, 13);
    vac_session_close(s);
    assert_true(dir_exists(run_path(b, "checkpoint-10")));
    assert_true(dir_exists(run_path(b, "checkpoint-13")));
    assert_true(dir_exists(run_path(b, "checkpoint-19")));
    whole(&r, b, true);
    assert_true(run_resumed_from(b, "checkpoint-13"));
    assert_false(dir_exists(run_path(b, "checkpoint-10")));
}

/* What a kill leaves half-made is swept away. */
static void test_leftovers(void **state)
{
    static const char *const folders[] = {"checkpoint-99.tmp", "stages", "stages/align.tmp",
                                          "final.tmp"};
    struct rig_run r;
    const char *b = run_folder();

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, SHORT);
    stop_at(&r, b, 6);
    for (size_t i = 0; i < 4; i++)
        assert_true(mkdir(run_path(b, folders[i]), 0777) == 0);
    support_write_text(run_path(b, "checkpoint-99.tmp/state.json"), "{");
    support_write_text(run_path(b, "metrics.csv.tmp-123"), "half");
    whole(&r, b, true);
    assert_false(dir_exists(run_path(b, "checkpoint-99.tmp")));
    assert_false(dir_exists(run_path(b, "stages/align.tmp")));
    assert_false(file_exists(run_path(b, "metrics.csv.tmp-123")));
}

/* --- changed inputs --- */

static void refused(const struct rig_run *r, const char *out, const char *why)
{
    struct vac_err err;
    char *before = run_read(out, "metrics.jsonl", NULL), *after;

    assert_int_equal(run_whole(r, out, true, &err), 1);
    assert_error(&err, why);
    after = run_read(out, "metrics.jsonl", NULL);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void test_changed_inputs(void **state)
{
    struct rig_run r;
    const char *b = run_folder();
    char *rows, *config, more[8192];

    (void)state;
    run_rig(&r, "golden/opt", true);
    unlink(run_path(r.model, "config.json"));
    config = run_read(support_path("golden/opt"), "config.json", NULL);
    support_write_text(run_path(r.model, "config.json"), config);
    run_file(&r, SHORT);
    stop_at(&r, b, 6);
    rows = run_read(r.dir, "rows.jsonl", NULL);
    run_rows(run_path(r.dir, "rows.jsonl"), 23, 12, 77);
    refused(&r, b, "has changed since the run began");
    unlink(run_path(r.dir, "rows.jsonl"));
    refused(&r, b, "rows.jsonl");
    support_write_text(run_path(r.dir, "rows.jsonl"), rows);
    support_write_text(run_path(r.model, "config.json"), " ");
    refused(&r, b, "config.json");
    snprintf(more, sizeof more, "%s\n\n", config); /* the same meaning, other bytes */
    support_write_text(run_path(r.model, "config.json"), more);
    refused(&r, b, "the model has changed");
    support_write_text(run_path(r.model, "config.json"), config);
    run_file(&r, "'stages':[{" TRAIN ",'lora':{'r':2},'steps':20}]");
    refused(&r, b, "has changed since the run began");
    run_file(&r, SHORT);
    whole(&r, b, true);
    free(rows);
    free(config);
}

static void test_no_run_there(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *b = run_folder();

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, SHORT);
    assert_int_equal(run_whole(&r, b, true, &err), 1);
    assert_error(&err, "holds no run");
    whole(&r, b, false);
    assert_int_equal(run_whole(&r, b, false, &err), 1);
    assert_int_equal(err.code, VAC_ERR_USAGE);
    assert_error(&err, "already holds a run");
}

/* A finished run is finished, whatever has become of its data; nothing is written. */
static void test_finished(void **state)
{
    struct rig_run r;
    struct vac_err err;
    struct vac_session *s;
    const char *b = run_folder();
    char *before, *after;

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, SHORT);
    whole(&r, b, false);
    before = run_read(b, "journal.jsonl", NULL);
    whole(&r, b, true);
    snprintf(r.file, sizeof r.file, "%s", b); /* the folder alone */
    run_rows(run_path(r.dir, "rows.jsonl"), 3, 3, 77);
    assert_int_equal(run_whole(&r, NULL, false, &err), 0);
    after = run_read(b, "journal.jsonl", NULL);
    assert_string_equal(before, after);
    s = run_start(&r, NULL, NULL);
    assert_int_equal(vac_snapshot(s)->state, VAC_DONE);
    assert_int_equal(vac_session_old_points(s), 21); /* nothing of its history is new */
    vac_session_close(s);
    free(before);
    free(after);
}

/* --- what a checkpoint must remember --- */

/* Options set while running, and a moved drift reference, outlive the program. */
static void test_steered_state(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    const char *a = run_folder(), *b = run_folder();

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, SHORT);
    for (int stops = 0; stops < 2; stops++) {
        const char *out = stops ? b : a;
        s = run_up_to(&r, out, false, 6);
        assert_true(run_do(s, VAC_OP_SET, 0, "rho", "0.0625", NULL));
        assert_true(run_do(s, VAC_OP_SET, 0, "layers", "1-2", NULL));
        assert_true(run_do(s, VAC_OP_REFERENCE, 0, "", NULL, NULL));
        if (stops) {
            vac_session_close(s);
            s = run_start(&r, out, &(struct vac_open){.resume = true});
        } else {
            run_give(s, VAC_OP_RESUME, 0, "", NULL);
        }
        run_wait(s, VAC_DONE);
        vac_session_close(s);
    }
    assert_true(run_metric(a, 10, "rho") == 0.0625);
    run_assert_same(a, b);
}

/* --set of a run that goes on: live options of the stage at work, and only those. */
static void test_set_on_resume(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    struct vac_err err = {0};
    const char *b = run_folder();
    const char *good[] = {"stages[0].lr=0.002"};
    static const struct {
        const char *set, *why;
    } refused_sets[] = {{"stages[1].lr=0.002", "goes on in stages[0] (align)"},
                        {"stages.align.steps=9", "begin another run"},
                        {"seed=3", "begin another run"},
                        {"stages[0].lr=quick", "--set stages[0].lr=quick: lr: expected"},
                        {"lr", "expected PATH=VALUE"}};
    struct vac_open o = {.resume = true, .set = good, .n_set = 1, .paused = true};

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, "'stages':[{'name':'align'," TRAIN
                 ",'schedule':'constant','lora':{'r':2},'steps':20},{'name':'b'," TRAIN "}]");
    stop_at(&r, b, 6);
    s = run_start(&r, b, &o);
    run_wait(s, VAC_PAUSED);
    run_give(s, VAC_OP_STEP, 1, "", NULL);
    run_wait_step(s, 7);
    run_wait(s, VAC_PAUSED);
    vac_session_close(s);
    assert_true(run_metric(b, 7, "lr") == 0.002);
    for (size_t i = 0; i < sizeof refused_sets / sizeof *refused_sets; i++) {
        const char *set[] = {"stages[0].lr=0.25", refused_sets[i].set};
        size_t before = run_journal_count(b, "set"), lines = run_lines(b, "journal.jsonl");
        err_clear(&err);
        o.file = r.file;
        o.out = b;
        o.set = set;
        o.n_set = 2;
        assert_ok(vac_session_open(&s, &o, &err), &err);
        assert_int_equal(vac_session_start(s, &err), -1);
        vac_session_close(s);
        assert_error(&err, refused_sets[i].why);
        assert_int_equal(err.code, VAC_ERR_USAGE);
        assert_int_equal(run_journal_count(b, "set"), before);
        assert_int_equal(run_lines(b, "journal.jsonl"), lines);
    }
}

/* What only the open stage can refuse: the options before it are not set either. */
static void test_set_all_or_none(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    struct vac_err err = {0};
    const char *a = run_folder(), *b = run_folder();
    const char *set[] = {"lr=0.25", "rho=0.125", "layers=0-9"};
    struct vac_open o = {.resume = true, .set = set, .n_set = 3};

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, SHORT);
    whole(&r, a, false);
    stop_at(&r, b, 6);
    s = run_start(&r, b, &o);
    run_wait(s, VAC_FAILED);
    assert_int_equal(vac_session_result(s, &err), 1);
    assert_int_equal(err.code, VAC_ERR_USAGE);
    assert_error(&err, "layers");
    vac_session_close(s);
    assert_int_equal(run_journal_count(b, "set"), 0);
    whole(&r, b, true);
    run_assert_same(a, b);
}

/* A finished run takes no options any more; another can begin with its description. */
static void test_set_on_finished(void **state)
{
    struct rig_run r, again;
    struct vac_session *s;
    struct vac_err err = {0};
    const char *a = run_folder(), *b = run_folder(), *set[] = {"stages[0].lr=0.002"};
    struct vac_open o = {.out = a, .set = set, .n_set = 1, .deterministic_wall = true};

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, SHORT);
    o.file = r.file;
    s = run_start(&r, a, &o);
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    assert_ok(late_check(r.file, a, set, 1, &err), &err); /* as it was begun */
    set[0] = "stages[0].lr=0.004";
    assert_int_equal(late_check(r.file, a, set, 1, &err), -1);
    err_clear(&err);
    assert_int_equal(late_check(a, NULL, set, 1, &err), -1);
    assert_int_equal(err.code, VAC_ERR_USAGE);
    assert_error(&err, "is finished");
    assert_error(&err, run_path(a, "run.json --set"));
    o = (struct vac_open){.file = a, .set = set, .n_set = 1, .interactive = true};
    err_clear(&err);
    assert_int_equal(vac_session_open(&s, &o, &err), -1);
    assert_error(&err, "is finished");
    again = r;
    snprintf(again.file, sizeof again.file, "%s", run_path(a, "run.json"));
    whole(&again, b, false);
    run_assert_same(a, b);
}

/* --- a drift reference in a file --- */

#define FULL                                                                                       \
    "'checkpoint':{'steps':5,'minutes':0,'keep':3},'watch':{'every':2,'drift':'rows.jsonl'},"      \
    "'stages':[{'name':'base'," TRAIN ",'lora':null,'steps':8},"                                   \
    "{'name':'more'," TRAIN ",'lora':{'r':2},'steps':4}]"

/* It is there while the stage is at work, made anew when a killed run goes on, and gone after. */
static void test_drift_file(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    struct vac_open paused = {.paused = true};
    const char *a = run_folder(), *b = run_folder();
    struct vac_err err = {0};
    char *left;
    size_t n;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, FULL);
    whole(&r, a, false);
    assert_false(file_exists(run_path(a, "drift-reference.tmp")));
    s = run_start(&r, b, &paused);
    run_wait(s, VAC_PAUSED);
    run_give(s, VAC_OP_STEP, 5, "", NULL);
    run_wait_step(s, 5);
    run_wait(s, VAC_PAUSED);
    left = run_read(b, "drift-reference.tmp", &n);
    assert_true(n > 0 && n % sizeof(float) == 0);
    run_give(s, VAC_OP_QUIT, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
    assert_false(file_exists(run_path(b, "drift-reference.tmp")));
    support_write(run_path(b, "drift-reference.tmp"), left, n / 2); /* as a kill leaves it */
    paused.resume = true;
    s = run_start(&r, b, &paused);
    run_wait(s, VAC_PAUSED);
    {
        size_t m;
        char *again = run_read(b, "drift-reference.tmp", &m);
        assert_int_equal(m, n);
        assert_memory_equal(again, left, n);
        free(again);
    }
    run_give(s, VAC_OP_STEP, 4, "", NULL);
    run_wait_step(s, 9); /* the next stage has an adapter */
    run_wait(s, VAC_PAUSED);
    assert_false(file_exists(run_path(b, "drift-reference.tmp")));
    run_give(s, VAC_OP_RESUME, 0, "", NULL);
    run_wait(s, VAC_DONE);
    assert_int_equal(vac_session_result(s, &err), 0);
    vac_session_close(s);
    free(left);
    run_assert_same(a, b);
}

/* Evaluations at the start of a stage that a quit has cut short are done after going on. */
static void test_cut_short(void **state)
{
    struct rig_run r;
    const char *a = run_folder(), *b = run_folder();
    struct vac_session *s;
    struct strbuf many = {0};
    size_t lines;

    (void)state;
    run_rig(&r, "golden/llama-gqa", true);
    for (int i = 0; i < 300; i++)
        sb_printf(&many, "{\"prompt\":\"question %d\"}\n", i);
    support_write(run_path(r.dir, "ask.jsonl"), many.s, many.len);
    sb_done(&many);
    run_file(&r, "'evaluate':[{'name':'A','prompts':'ask.jsonl','judge':'refusal','max_new_tokens':"
                 "2,'take':3},"
                 "{'name':'HS','prompts':'ask.jsonl','judge':'refusal','max_new_tokens':40}],"
                 "'stages':[{" TRAIN ",'lora':{'r':2},'steps':6}]");
    whole(&r, a, false);
    s = run_start(&r, b, NULL);
    while (vac_snapshot(s)->eval[1].done == 0 && !run_ended(s))
        run_wait(s, VAC_MEASURING);
    run_give(s, VAC_OP_QUIT, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    assert_int_equal(vac_snapshot(s)->step, 0);
    vac_session_close(s);
    lines = run_lines(b, "eval/history.jsonl");
    assert_int_equal(lines, 1); /* A is done, HS is not */
    whole(&r, b, true);
    run_assert_same(a, b);
}

/* The history goes on where it was, and the last measurements are there again. */
static void test_history_goes_on(void **state)
{
    struct rig_run r;
    const char *b = run_folder();
    struct vac_session *s;
    static struct vac_point p[64];
    uint64_t next = 0;
    size_t n = 0, k;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, "'evaluate':[{'name':'L','data':'harm.jsonl','metric':'loss','every':4}],"
                 "'stages':[{" TRAIN ",'lora':{'r':2},'steps':20}]");
    stop_at(&r, b, 6);
    s = run_start(&r, b, &(struct vac_open){.resume = true, .paused = true});
    assert_int_equal(vac_session_old_points(s), 7);
    run_wait(s, VAC_PAUSED);
    assert_int_equal(vac_snapshot(s)->eval[0].step, 4);
    assert_true(isfinite(vac_snapshot(s)->eval[0].value));
    run_give(s, VAC_OP_RESUME, 0, "", NULL);
    run_wait(s, VAC_DONE);
    while ((k = vac_history(s, &next, p + n, 64 - n)))
        n += k;
    assert_int_equal(n, 21);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(p[i].step, i);
    vac_session_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed),          cmocka_unit_test(test_killed_full),
        cmocka_unit_test(test_damaged),         cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_never_saved),     cmocka_unit_test(test_damaged_does_not_prune),
        cmocka_unit_test(test_leftovers),       cmocka_unit_test(test_changed_inputs),
        cmocka_unit_test(test_no_run_there),    cmocka_unit_test(test_finished),
        cmocka_unit_test(test_steered_state),   cmocka_unit_test(test_set_on_resume),
        cmocka_unit_test(test_set_all_or_none), cmocka_unit_test(test_set_on_finished),
        cmocka_unit_test(test_drift_file),      cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_history_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
