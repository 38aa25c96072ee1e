/* test_faults.c - the world fails: a second program, a full disk, numbers that are none, files that
 * are gone. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run_support.h"

#define TRAIN "'train':['rows.jsonl'],'batch_size':4"
/* Checkpoints of about 300 kB, every 5 steps. */
#define FAT                                                                                        \
    "'disk_wait':0.004,'checkpoint':{'steps':5,'minutes':0,'keep':2},"                             \
    "'stages':[{" TRAIN ",'lr':0.01,'lora':{'r':16,'dropout':0.1},'steps':20}]"
#define LIMIT (60 << 10) /* bytes: lines of a short run fit, weights do not */

static void whole(const struct rig_run *r, const char *out, bool resume)
{
    struct vac_err err;

    if (run_whole(r, out, resume, &err))
        fail_msg("%s", err.msg);
}

static void step_to(struct vac_session *s, int64_t step)
{
    run_wait(s, VAC_PAUSED);
    run_give(s, VAC_OP_STEP, step - vac_snapshot(s)->step, "", NULL);
    run_wait_step(s, step);
    run_wait(s, VAC_PAUSED);
}

static void stop_at(const struct rig_run *r, const char *out, int64_t step)
{
    struct vac_session *s = run_start(r, out, &(struct vac_open){.paused = true});

    step_to(s, step);
    run_give(s, VAC_OP_QUIT, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
}

static void limit(int what, rlim_t most)
{
    struct rlimit l;

    assert_int_equal(getrlimit(what, &l), 0);
    l.rlim_cur = most;
    assert_int_equal(setrlimit(what, &l), 0);
}

/* --- a second program --- */

static void hold(const struct rig_run *r, const char *out, int ready)
{
    struct vac_session *s = run_start(r, out, &(struct vac_open){.paused = true});

    run_wait(s, VAC_PAUSED);
    if (write(ready, "x", 1) != 1)
        _exit(9);
    pause();
    _exit(8);
}

static void test_second_program(void **state)
{
    struct rig_run r;
    const char *out = run_folder();
    struct vac_open o = {.out = out, .resume = true, .deterministic_wall = true};
    struct vac_session *s;
    struct vac_err err = {0};
    int fds[2], status;
    char c, text[40];
    pid_t pid;

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, FAT);
    o.file = r.file;
    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0)
        hold(&r, out, fds[1]);
    assert_int_equal(read(fds[0], &c, 1), 1);
    assert_ok(vac_session_open(&s, &o, &err), &err);
    assert_int_equal(vac_session_start(s, &err), -1);
    assert_int_equal(err.code, VAC_ERR_BUSY);
    snprintf(text, sizeof text, "pid %ld", (long)pid);
    assert_error(&err, text);
    vac_session_close(s);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(fds[0]);
    close(fds[1]);
    whole(&r, out, true); /* the lock went with its holder */
}

/* --- a full disk --- */

static void limit_files(rlim_t bytes)
{
    signal(SIGXFSZ, SIG_IGN);
    limit(RLIMIT_FSIZE, bytes);
}

/* Headless: tried again for disk_wait minutes, then exit 1 naming path and bytes; the last good
 * checkpoint is untouched, and the run goes on from it to the same end. */
static void test_no_room_headless(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *a = run_folder(), *b = run_folder();
    size_t before;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, FAT);
    whole(&r, a, false);
    stop_at(&r, b, 7);
    limit_files(LIMIT);
    assert_int_equal(run_whole(&r, b, true, &err), 1);
    limit_files(RLIM_INFINITY);
    assert_int_equal(err.code, VAC_ERR_SPACE);
    assert_error(&err, "checkpoint at step 10");
    assert_error(&err, " kB)");
    assert_error(&err, b);
    assert_true(dir_exists(run_path(b, "checkpoint-7")));
    assert_false(dir_exists(run_path(b, "checkpoint-10")));
    assert_false(dir_exists(run_path(b, "checkpoint-10.tmp")));
    before = run_journal_count(b, "resume-run");
    whole(&r, b, true);
    assert_int_equal(run_journal_count(b, "resume-run"), before + 1);
    run_assert_same(a, b);
}

/* On a screen: paused with its state in memory until there is room; a quit that would lose it is
 * refused. */
static void test_no_room_on_screen(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    struct vac_event e;
    const char *a = run_folder(), *b = run_folder();

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, FAT);
    whole(&r, a, false);
    s = run_start(&r, b, &(struct vac_open){.interactive = true, .paused = true});
    step_to(s, 4);
    limit_files(LIMIT);
    run_give(s, VAC_OP_RESUME, 0, "", NULL);
    run_wait_step(s, 5);
    run_wait(s, VAC_PAUSED);
    assert_non_null(strstr(vac_snapshot(s)->reason, "checkpoint at step 5"));
    assert_true(vac_snapshot(s)->fault);
    assert_false(run_do(s, VAC_OP_QUIT, 0, "", NULL, &e));
    assert_non_null(strstr(e.text, "stop: no room on the disk: checkpoint at step 5"));
    vac_event_done(&e);
    assert_false(run_do(s, VAC_OP_PROBE, 0, "", "abc", &e));
    assert_non_null(strstr(e.text, "probe: no room on the disk: checkpoint at step 5"));
    vac_event_done(&e);
    limit_files(RLIM_INFINITY);
    assert_true(run_do(s, VAC_OP_RESUME, 0, "", NULL, NULL));
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    run_assert_same(a, b);
    for (int i = 0; i < 2; i++) { /* the journal has it as soon as there is room */
        cJSON *line = run_journal_last(b, i ? "resume" : "fault");

        assert_non_null(line);
        assert_int_equal(cJSON_GetObjectItem(line, "step")->valueint, 5);
        if (i == 0)
            assert_non_null(
                strstr(json_text_at(line, "reason"), "no room on the disk: checkpoint at step 5"));
        cJSON_Delete(line);
    }
}

/* The file of a drift reference: headless it ends the run after a while and leaves nothing
 * half-made, on a screen it is waited for. */
static void test_no_room_for_drift(void **state)
{
    struct rig_run r;
    struct vac_err err;
    struct vac_session *s;
    const char *a = run_folder(), *b = run_folder(), *c = run_folder();

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, "'disk_wait':0.004,'checkpoint':{'steps':5,'minutes':0,'keep':2},"
                 "'watch':{'every':2,'drift':'rows.jsonl'},"
                 "'stages':[{" TRAIN ",'lr':0.01,'lora':null,'steps':4}]");
    whole(&r, a, false);
    limit_files(20 << 10);
    assert_int_equal(run_whole(&r, b, false, &err), 1);
    limit_files(RLIM_INFINITY);
    assert_int_equal(err.code, VAC_ERR_SPACE);
    assert_error(&err, "drift reference (");
    assert_error(&err, " kB)");
    assert_error(&err, b);
    assert_false(file_exists(run_path(b, "drift-reference.tmp")));
    whole(&r, b, false);
    run_assert_same(a, b);
    limit_files(20 << 10);
    s = run_start(&r, c, &(struct vac_open){.interactive = true});
    run_wait(s, VAC_PAUSED);
    assert_non_null(strstr(vac_snapshot(s)->reason, "drift reference ("));
    limit_files(RLIM_INFINITY);
    run_give(s, VAC_OP_RESUME, 0, "", NULL);
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    run_assert_same(a, c);
}

/* A command that took effect is not refused because its journal line has no room: the run fails, as
 * by any line. */
static void test_no_room_for_a_command(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    struct vac_option o;
    const char *b = run_folder();

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, FAT);
    s = run_start(&r, b, &(struct vac_open){.paused = true});
    run_wait(s, VAC_PAUSED);
    limit_files(1);
    assert_true(run_do(s, VAC_OP_SET, 0, "lr", "0.25", NULL));
    run_wait(s, VAC_FAILED);
    limit_files(RLIM_INFINITY);
    assert_non_null(strstr(vac_snapshot(s)->reason, "journal"));
    for (size_t i = 0; vac_option_at(s, i, &o) && strcmp(o.name, "lr") != 0; i++)
        ;
    assert_string_equal(o.value, "0.25");
    vac_session_close(s);
}

/* Leaving without saving is always possible. */
static void test_discard_without_room(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    const char *b = run_folder();

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, FAT);
    stop_at(&r, b, 7);
    for (int how = 0; how < 2; how++) {
        s = run_start(&r, b,
                      &(struct vac_open){.interactive = true, .resume = true, .paused = true});
        run_wait(s, VAC_PAUSED);
        limit_files(LIMIT);
        run_give(s, VAC_OP_RESUME, 0, "", NULL);
        run_wait_step(s, 10);
        run_wait(s, VAC_PAUSED);
        if (how == 0)
            assert_true(run_do(s, VAC_OP_DISCARD, 0, "", NULL, NULL));
        vac_session_close(s); /* closing alone does not wait for room either */
        limit_files(RLIM_INFINITY);
        assert_true(dir_exists(run_path(b, "checkpoint-7")));
    }
}

static void test_tmpfs(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *a = run_folder(), *disk = support_tmp();
    char out[1200];

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    run_file(&r, FAT);
    if (mount("tmpfs", disk, "tmpfs", 0, "size=800k")) {
        print_message("skipped: no tmpfs can be mounted here\n");
        skip();
    }
    whole(&r, a, false);
    snprintf(out, sizeof out, "%s/run", disk);
    assert_int_equal(run_whole(&r, out, false, &err), 1);
    assert_int_equal(err.code, VAC_ERR_SPACE);
    assert_error(&err, "No space left on device");
    assert_error(&err, out);
    assert_int_equal(mount("tmpfs", disk, "tmpfs", MS_REMOUNT, "size=16m"), 0);
    whole(&r, out, true);
    run_assert_same(a, out);
    assert_int_equal(umount(disk), 0);
}

/* --- numbers that are none --- */

static void wild_file(struct rig_run *r, const char *lr)
{
    char text[600];

    snprintf(
        text, sizeof text,
        "'checkpoint':{'steps':100,'minutes':0,'keep':1},'stages':[{" TRAIN
        ",'method':'vaccine','schedule':'constant','lr':%s,'rho':0.5,'lora':{'r':4},'steps':12}]",
        lr);
    run_file(r, text);
}

/* Headless: the step is dropped, the state before it saved, exit 1; with a lower rate the run goes
 * on to its end from the checkpoint before the one that is spoilt. */
static void test_nan_headless(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *out = run_folder(), *set[] = {"stages[0].lr=0.001"};
    struct vac_session *s;
    size_t step;
    char name[40];
    cJSON *x;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    wild_file(&r, "0.001");
    stop_at(&r, out, 3);
    s = run_start(
        &r, out, &(struct vac_open){.resume = true, .set = (const char *[]){"lr=1e6"}, .n_set = 1});
    run_wait(s, VAC_FAILED);
    err = (struct vac_err){0};
    assert_int_equal(vac_session_result(s, &err), 1);
    vac_session_close(s);
    assert_int_equal(err.code, VAC_ERR_NUMERIC);
    assert_error(&err, "is not a number");
    assert_error(&err, "--resume");
    step = run_lines(out, "metrics.jsonl") - 1;
    assert_true(step > 3);
    x = run_journal_last(out, "fault");
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(x, "step")->valueint, step);
    cJSON_Delete(x);
    assert_int_equal(run_journal_count(out, "fail"), 1);
    assert_true(dir_exists(run_path(out, "checkpoint-3"))); /* kept besides, whatever `keep` says */
    snprintf(name, sizeof name, "checkpoint-%zu", step);
    assert_error(&err, name);
    assert_ok(path_remove(run_path(out, name), &err), &err); /* as the message says */
    s = run_start(&r, out, &(struct vac_open){.resume = true, .set = set, .n_set = 1});
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    assert_int_equal(run_lines(out, "metrics.jsonl"), 13);
}

/* On a screen: paused, with everything in memory, and every command still answered; an earlier
 * checkpoint goes on. */
static void test_nan_on_screen(void **state)
{
    struct rig_run r;
    struct vac_err err = {0};
    const char *out = run_folder();
    struct vac_session *s;
    int64_t step;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    wild_file(&r, "1e6");
    s = run_start(&r, out, &(struct vac_open){.interactive = true});
    while (vac_snapshot(s)->state != VAC_PAUSED)
        run_wait(s, VAC_PAUSED);
    assert_non_null(strstr(vac_snapshot(s)->reason, "is not a number: lower lr"));
    assert_true(vac_snapshot(s)->fault);
    step = vac_snapshot(s)->step;
    assert_true(step >= 1 && step < 12);
    assert_true(run_do(s, VAC_OP_SET, 0, "lr", "0.001", NULL));
    assert_true(run_do(s, VAC_OP_SAMPLES, 0, "", NULL, NULL));
    assert_true(run_do(s, VAC_OP_RESUME, 0, "", NULL, NULL));
    run_wait(
        s, VAC_PAUSED); /* a rate of 1e6 has spoilt the weights: it is no use, and no end either */
    assert_true(vac_snapshot(s)->step >= step);
    assert_true(run_do(s, VAC_OP_DISCARD, 0, "", NULL, NULL));
    run_wait(s, VAC_STOPPED);
    assert_int_equal(vac_session_result(s, &err), 0);
    vac_session_close(s);
    assert_int_equal(run_lines(out, "metrics.jsonl"), step + 1);
}

/* --- what is missing --- */

static void test_data_gone(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *out = run_folder();

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, FAT);
    stop_at(&r, out, 7);
    assert_int_equal(rename(run_path(r.dir, "rows.jsonl"), run_path(r.dir, "row.jsonl")), 0);
    assert_int_equal(run_whole(&r, out, true, &err), 1);
    assert_error(&err, "rows.jsonl");
    assert_error(&err, "row.jsonl"); /* did you mean ... */
    assert_true(dir_exists(run_path(out, "checkpoint-7")));
    assert_int_equal(rename(run_path(r.dir, "row.jsonl"), run_path(r.dir, "rows.jsonl")), 0);
    whole(&r, out, true);
}

/* No pad token is needed anywhere: batches are packed, and prompts have slots of their own. */
static void test_no_pad_token(void **state)
{
    struct rig_run r;
    const char *out = run_folder();

    (void)state;
    run_rig(&r, "golden/llama-rope3-tied", true);
    support_write_text(run_path(r.dir, "text.jsonl"),
                       "{\"prompt\":\"a b\",\"completion\":\" "
                       "c\"}\n{\"prompt\":\"a\",\"completion\":\" longer answer\"}\n"
                       "{\"prompt\":\"one two three\",\"completion\":\" x\"}\n");
    run_file(
        &r,
        "'watch':{'every':2,'probes':{'file':'text.jsonl','every':2,'max_new_tokens':4}},"
        "'evaluate':[{'name':'HS','prompts':'text.jsonl','judge':'refusal','max_new_tokens':5,'"
        "every':2},"
        "{'name':'FA','data':'text.jsonl','metric':'exact','max_new_tokens':5}],"
        "'stages':[{'train':['text.jsonl'],'batch_size':2,'lr':0.01,'lora':{'r':2},'epochs':2}]");
    whole(&r, out, false);
    assert_int_equal(run_lines(out, "metrics.jsonl"), 1 + 4);
    assert_int_equal(run_lines(out, "eval/history.jsonl"), 3 + 2);
    assert_int_equal(run_lines(out, "probes.jsonl"), 3 * 3);
}

/* A folder that cannot be made, and one that holds something else. */
static void test_bad_folder(void **state)
{
    struct rig_run r;
    struct vac_err err;
    char out[1300];

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, FAT);
    snprintf(out, sizeof out, "%s/rows.jsonl/run", r.dir);
    assert_int_equal(run_whole(&r, out, false, &err), 1);
    assert_error(&err, "rows.jsonl");
    snprintf(out, sizeof out, "%s", support_tmp());
    support_write_text(run_path(out, "metrics.jsonl"), "{}\n");
    assert_int_equal(run_whole(&r, out, false, &err), 1);
    assert_int_equal(err.code, VAC_ERR_USAGE);
    assert_error(&err, "holds metrics.jsonl and no run.json");
}

/* A folder in which a run file is called run.json is no run, and does not hide those below it. */
static void test_run_file_beside_runs(void **state)
{
    struct rig_run r;
    struct vac_session *s;
    struct vac_err err = {0};
    struct vac_open o = {0};
    struct vac_run_info *info;
    size_t n;

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, FAT);
    o.file = r.dir;
    assert_int_equal(vac_session_open(&s, &o, &err), -1);
    assert_error(&err, "is no run's folder");
    whole(&r, run_path(r.dir, "first"), false);
    err_clear(&err);
    assert_ok(vac_runs(r.dir, &info, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_string_equal(info->name, "first");
    assert_string_equal(info->state, "done");
    free(info);
}

/* A plan that cannot fit is refused with its numbers before anything is taken. */
static void test_no_memory(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)state;
    print_message("skipped: a sanitizer needs all addresses\n");
    skip();
#else
    struct rig_run r;
    struct vac_err err;
    const char *out = run_folder();

    (void)state;
    run_rig(&r, "golden/opt", false);
    run_file(&r, "'watch':{'every':1,'drift':{'file':'rows.jsonl','take':1000000,'repeat':true}},"
                 "'stages':[{" TRAIN ",'lora':{'r':2},'steps':2,'lr':0.1}]");
    limit(RLIMIT_AS, (rlim_t)3 << 30);
    assert_int_equal(run_whole(&r, out, false, &err), 1);
    limit(RLIMIT_AS, RLIM_INFINITY);
    assert_int_equal(err.code, VAC_ERR_MEMORY);
    assert_error(&err, "stages[0]: needs");
    assert_error(&err, "drift reference");
    assert_error(&err, "use a smaller watch.drift.take");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_program),
        cmocka_unit_test(test_no_room_headless),
        cmocka_unit_test(test_no_room_on_screen),
        cmocka_unit_test(test_no_room_for_drift),
        cmocka_unit_test(test_no_room_for_a_command),
        cmocka_unit_test(test_discard_without_room),
        cmocka_unit_test(test_tmpfs),
        cmocka_unit_test(test_nan_headless),
        cmocka_unit_test(test_nan_on_screen),
        cmocka_unit_test(test_data_gone),
        cmocka_unit_test(test_no_pad_token),
        cmocka_unit_test(test_bad_folder),
        cmocka_unit_test(test_run_file_beside_runs),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
