/* test_ui_alone.c - a screen that nobody looks at any more: faults, commands that can no longer
 * come, a line that drops. */
#include "ui_live.h"

/* --- faults while nobody looks --- */
/* Numbers that are none: the state before is saved and the exit status is 1, whether they came
 * before the screen was closed or after. The checkpoint before that stays. */
static void test_nan_without_a_screen(void **state)
{
    static const char *const scripts[] = {HELD "c\nSpace\n:wait step 1\n" HELD "d\n", HELD "c\nd\n",
                                          HELD "c q h\n"};

    (void)state;
    make_rig(WILD);
    for (size_t i = 0; i < 3; i++) {
        const char *out = run_folder();
        int64_t steps;

        assert_int_equal(play(out, "--paused", scripts[i], "the state before it is saved"), 1);
        assert_true(dir_exists(run_path(out, "checkpoint-0")) && run_journal_count(out, "fault"));
        steps = (int64_t)lines_of(out, "metrics.jsonl") - 1;
        assert_int_equal(newest_checkpoint(out), steps);
        assert_resumable(out, steps);
    }
}

/* A full disk: waited for as long as the run file says, then exit status 1 with the reason. The
 * screen is not left with work that has no place. */
static void test_full_disk_without_a_screen(void **state)
{
    static const struct {
        const char *script;
        int status;
    } rows[] = {{HELD "d\n", 1}, {"d\n", 1}, {HELD "q s\n:wait 2\n:save-screen %s\nq D\n", 0}};
    char script[512], *text;
    const char *a = untouched(FAT);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const char *b = run_folder();

        snprintf(script, sizeof script, rows[i].script, here("full"));
        assert_int_equal(play(b, "--no-room", script, "checkpoint at step"), rows[i].status);
        assert_int_equal(newest_checkpoint(b), -1);
        whole(b, true);
        run_assert_same(a, b);
    }
    text = run_read(rig.dir, "full", NULL);
    assert_non_null(strstr(text, "! no room on the disk: checkpoint at step"));
    free(text);
}

/* The line mode, when no more commands can come: the same. */
static void test_line_mode_without_commands(void **state)
{
    const char *a = untouched(STEERED), *b = run_folder();
    struct term t;

    (void)state;
    start(&t, b, "screen", "--plain", NULL);
    term_wait(&t, "vaccine> ");
    term_keys(&t, "step 2\r\004");
    assert_int_equal(term_end(&t, 60), 0);
    assert_true(term_has(&t, "training goes on without commands"));
    term_free(&t);
    run_assert_same(a, b);
    make_rig(WILD);
    b = run_folder();
    start(&t, b, "screen", "--plain", NULL);
    term_wait(&t, "vaccine> ");
    term_keys(&t, "\004");
    assert_int_equal(term_end(&t, 60), 1);
    term_free(&t);
    assert_resumable(b, (int64_t)lines_of(b, "metrics.jsonl") - 1);
}

/* --- the line drops --- */

/* Clock ticks of the program's first thread, which is the screen's. */
static long ui_ticks(pid_t pid)
{
    char path[80], *text, *at;
    unsigned long user = 0, system = 0;
    size_t n;

    snprintf(path, sizeof path, "/proc/%ld/task/%ld/stat", (long)pid, (long)pid);
    text = file_read(path, 4096, &n, NULL);
    at = text ? strrchr(text, ')') : NULL;
    assert_non_null(at);
    assert_int_equal(
        sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), 2);
    free(text);
    return (long)(user + system);
}

/* SIGHUP, or the terminal closed: a checkpoint to go on from is there, the run goes on, and the
 * screen's thread is at rest. */
static void test_hangup_saves_and_goes_on(void **state)
{
    (void)state;
    for (int closed = 0; closed < 2; closed++) {
        const char *out = run_folder();
        struct term t;
        int64_t saved = -1;
        int status = -1;
        size_t lines;
        long ticks;

        start_endless(&t, out, "screen");
        if (closed)
            close(t.fd);
        else
            kill(t.pid, SIGHUP);
        for (int i = 0; i < 3000 && saved < 0; i++, usleep(20000))
            saved = newest_checkpoint(out);
        assert_true(saved > 0);
        lines = lines_of(out, "metrics.jsonl");
        ticks = ui_ticks(t.pid);
        for (int i = 0; i < 3000 && lines_of(out, "metrics.jsonl") < lines + 50; i++)
            usleep(20000);
        assert_true(lines_of(out, "metrics.jsonl") >= lines + 50);
        sleep(1);
        assert_true(ui_ticks(t.pid) - ticks <= 10); /* 100 to 10000 in a second of a busy loop */
        assert_int_equal(waitpid(t.pid, &status, WNOHANG), 0);
        kill(t.pid, SIGKILL);
        assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
        assert_resumable(out, newest_checkpoint(out));
        if (!closed)
            close(t.fd);
        term_free(&t);
    }
}

/* A guard that would have waited for whoever looks ends a run that nobody looks at, as where there is no screen. */
static void test_a_guard_ends_a_run_that_is_left(void **state)
{
    const char *out = run_folder();
    struct term t;

    (void)state;
    make_rig("'control':'none','guards':[{'when':'step > 40','do':'pause'}]," ENDLESS);
    start(&t, out, "shell", "--paused", NULL);
    term_wait(&t, "waiting to start");
    term_keys(&t, "qh");
    assert_int_equal(term_end(&t, 60), 3);
    assert_true(term_has(&t, "guard 1: step > 40"));
    assert_resumable(out, newest_checkpoint(out));
    term_free(&t);
}

/* Nobody is left to let a paused run go on: it is saved and ended. */
static void test_hangup_of_a_paused_run(void **state)
{
    static const char *const files[] = {STEERED, WILD};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *out = run_folder();
        struct term t;

        make_rig(files[i]);
        start(&t, out, "screen", i ? NULL : "--paused", i ? HELD : ":step 3\n:wait step 3\n" HELD);
        wait_lines(&t, out, i ? 2 : 4);
        term_wait(&t, "PAUSED");
        term_read(&t, 0.5);
        kill(t.pid, SIGHUP);
        assert_int_equal(term_end(&t, 30), 129);
        term_free(&t);
        assert_resumable(out, (int64_t)lines_of(out, "metrics.jsonl") - 1);
    }
}

/* The signal without its cause: the terminal is given back, says where the run goes on, and takes
 * Ctrl-C as behind a shell. */
static void test_hangup_with_the_terminal_there(void **state)
{
    const char *out = run_folder();
    struct term t;

    (void)state;
    start_endless(&t, out, "screen");
    term_read(&t, 0.5);
    kill(t.pid, SIGHUP);
    term_wait(&t, "training goes on without a screen");
    assert_true(term_has(&t, "\033[?1049l"));
    wait_more(&t, out, 10);
    term_keys(&t, "\003");
    assert_int_equal(term_end(&t, 30), 130);
    assert_told_how_to_go_on(&t, out);
    term_free(&t);
}

/* Space that is freed brings no folder back: disk_wait, ten minutes here, is for a full disk. */
static void test_hangup_of_a_run_without_its_folder(void **state)
{
    const char *out = run_folder();
    struct term t;

    (void)state;
    make_rig(STEERED);
    start(&t, out, "screen", "--paused", ":step 3\n:wait step 3\n" HELD);
    wait_lines(&t, out, 4);
    term_wait(&t, "PAUSED");
    term_read(&t, 0.5);
    assert_int_equal(path_remove(out, NULL), 0);
    kill(t.pid, SIGHUP);
    assert_int_equal(term_end(&t, 30), 1);
    assert_true(term_has(&t, "is lost: checkpoint at step 3"));
    term_free(&t);
}

/* What came ignored stays so: nohup, and a shell that puts a program in the background. */
static void test_an_ignored_hangup(void **state)
{
    const char *out = run_folder();
    struct term t;

    (void)state;
    signal(SIGHUP, SIG_IGN);
    start_endless(&t, out, "screen");
    signal(SIGHUP, SIG_DFL);
    kill(t.pid, SIGHUP);
    wait_more(&t, out, 10);
    assert_false(term_has(&t, "without a screen"));
    term_keys(&t, "qD");
    assert_int_equal(term_end(&t, 30), 0);
    term_free(&t);
}

static int cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nan_without_a_screen),
        cmocka_unit_test(test_full_disk_without_a_screen),
        cmocka_unit_test(test_line_mode_without_commands),
        cmocka_unit_test(test_hangup_saves_and_goes_on),
        cmocka_unit_test(test_a_guard_ends_a_run_that_is_left),
        cmocka_unit_test(test_hangup_of_a_paused_run),
        cmocka_unit_test(test_hangup_with_the_terminal_there),
        cmocka_unit_test(test_hangup_of_a_run_without_its_folder),
        cmocka_unit_test(test_an_ignored_hangup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return live_main(argc, argv, cases);
}
