/* test_faults.c - the world fails: a second program, a full disk, numbers that are none, files that are gone. */
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
#define FAT                                                                                                    \
    "'disk_wait':0.004,'checkpoint':{'steps':5,'minutes':0,'keep':2},"                                         \
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
    struct rlimit l;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* Headless: tried again for disk_wait minutes, then exit 1 naming path and bytes; the last good checkpoint
 * is untouched, and the run goes on from it to the same end. */
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
    assert_error(&err, "MB");
    assert_error(&err, b);
    assert_true(dir_exists(run_path(b, "checkpoint-7")));
    assert_false(dir_exists(run_path(b, "checkpoint-10")));
    assert_false(dir_exists(run_path(b, "checkpoint-10.tmp")));
    before = run_journal_count(b, "resume-run");
    whole(&r, b, true);
    assert_int_equal(run_journal_count(b, "resume-run"), before + 1);
    run_assert_same(a, b);
}

/* On a screen: paused with its state in memory until there is room; a quit that would lose it is refused. */
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
    assert_false(run_do(s, VAC_OP_QUIT, 0, "", NULL, &e));
    assert_non_null(strstr(e.text, "checkpoint at step 5"));
    assert_false(run_do(s, VAC_OP_PROBE, 0, "", "abc", &e));
    limit_files(RLIM_INFINITY);
    assert_true(run_do(s, VAC_OP_RESUME, 0, "", NULL, NULL));
    run_wait(s, VAC_DONE);
    vac_session_close(s);
    run_assert_same(a, b);
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
        s = run_start(&r, b, &(struct vac_open){.interactive = true, .resume = true, .paused = true});
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

#define WILD "'checkpoint':{'steps':1,'minutes':0,'keep':1},'stages':[{" TRAIN ",'method':'vaccine','schedule':'constant','lr':%s,'rho':%s,'steps':12}]"

static void wild_file(struct rig_run *r, const char *lr, const char *rho)
{
    char text[600];

    snprintf(text, sizeof text, WILD, lr, rho);
    run_file(r, text);
}

/* Headless: the state before the step is saved, exit 1; with another rate the run goes on to its end. */
static void test_nan_headless(void **state)
{
    struct rig_run r;
    struct vac_err err;
    const char *out = run_folder();
    struct vac_session *s;
    const char *set[] = {"stages[0].rho=0.5"};
    size_t lines;
    cJSON *x;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    wild_file(&r, "0.01", "1e6"); /* within what may be set, and too much */
    s = run_start(&r, out, &(struct vac_open){.paused = true});
    run_wait(s, VAC_PAUSED);
    assert_true(run_do(s, VAC_OP_SET, 0, "rho", "0.5", NULL));
    step_to(s, 3);
    vac_session_close(s);
    wild_file(&r, "1e6", "0.5");
    out = run_folder();
    assert_int_equal(run_whole(&r, out, false, &err), 1);
    assert_int_equal(err.code, VAC_ERR_NUMERIC);
    assert_error(&err, "is not a number");
    assert_error(&err, "--resume");
    lines = run_lines(out, "metrics.jsonl");
    x = run_journal_last(out, "fault");
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(x, "step")->valueint, lines - 1);
    cJSON_Delete(x);
    {
        char name[40];
        snprintf(name, sizeof name, "checkpoint-%zu", lines - 1);
        assert_true(dir_exists(run_path(out, name)));
    }
    assert_int_equal(run_journal_count(out, "fail"), 1);
    (void)set;
}

/* On a screen: the step is dropped, the run waits, and goes on when the option that was too much is set. */
static void test_nan_on_screen(void **state)
{
    struct rig_run r;
    const char *a = run_folder(), *b = run_folder();
    struct vac_session *s;

    (void)state;
    run_rig(&r, "golden/llama-gqa", false);
    wild_file(&r, "0.01", "0.5");
    whole(&r, a, false);
    s = run_start(&r, b, &(struct vac_open){.interactive = true, .paused = true});
    step_to(s, 3);
    assert_true(run_do(s, VAC_OP_SET, 0, "rho", "1e6", NULL));
    run_give(s, VAC_OP_RESUME, 0, "", NULL);
    run_wait(s, VAC_PAUSED);
    vac_session_close(s);
    (void)a;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_program),     cmocka_unit_test(test_no_room_headless),
        cmocka_unit_test(test_no_room_on_screen),  cmocka_unit_test(test_discard_without_room),
        cmocka_unit_test(test_tmpfs),              cmocka_unit_test(test_nan_headless),
        cmocka_unit_test(test_nan_on_screen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
