/* test_ui_alone.c - a screen that nobody looks at any more: faults, commands that can no longer
 * come, a line that drops. */
#include "ui_live.h"
#include <limits.h>
#include "panels/panel.h"

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

/* All that it says to commands from a file. */
static char *said_to(const char *run, const char *commands)
{
    char self[PATH_MAX] = "", line[3 * PATH_MAX], *text = calloc(1, 1 << 16);
    FILE *p;

    assert_non_null(text);
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    support_write_text(here("typed"), commands);
    snprintf(line, sizeof line, "cd %s && XDG_STATE_HOME=%s '%s' screen --plain '%s' < typed 2>&1",
             rig.dir, work, self, run);
    p = popen(line, "r");
    assert_non_null(p);
    assert_true(fread(text, 1, (1 << 16) - 1, p) > 0);
    assert_int_equal(pclose(p), 0);
    return text;
}

/* What a panel has to ask for first is waited for; the last line needs no end. */
static void test_the_line_mode_shows_every_panel(void **state)
{
    const char *out = untouched(STEERED);
    char *text, command[64];

    (void)state;
    for (int i = 0; i < PANEL_COUNT; i++) {
        snprintf(command, sizeof command, "show %s", panels[i]->name);
        text = said_to(out, command);
        if (!text[strspn(text, " \n")] || strstr(text, "Asked"))
            fail_msg("%s: %s", command, text);
        assert_true(i != PANEL_map || (strstr(text, "PC1") && strstr(text, "moved")));
        assert_true(i != PANEL_data ||
                    (strstr(text, "question, answer") && strstr(text, "rows.jsonl:")));
        free(text);
    }
    text = said_to(out, "show data\nshow map\nquit\nshow data\n"); /* one after the other */
    assert_non_null(strstr(text, "PC1"));
    assert_true(strstr(text, "question, answer") < strstr(text, "PC1"));
    free(text);
}

static void test_the_line_mode_shows_what_trains(void **state)
{
    const char *args[] = {rig.file, "-o", run_folder(), "--paused", "--plain", NULL};
    struct term t;

    (void)state;
    make_rig(STEERED);
    args[0] = rig.file;
    term_start(&t, 100, 30, "xterm", "screen", args);
    term_wait(&t, "vaccine> ");
    term_keys(&t, "step 3\r");
    term_wait(&t, "step 3 loss");
    term_keys(&t, "show map\rshow data\r");
    term_wait(&t, "PC1");
    term_wait(&t, "question, answer");
    term_keys(&t, "quit\r");
    assert_int_equal(term_end(&t, 60), 0);
    term_free(&t);
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

/* In a narrow terminal lines break between words, and a command in none: it can be copied. */
static void test_lines_of_a_narrow_terminal(void **state)
{
    enum { COLUMNS = 44 };
    const char *at, *end, *args[] = {NULL, "-o", NULL, NULL};
    char out[PATH_MAX];
    struct term t;

    (void)state;
    make_rig("'log_every':5," ENDLESS);
    snprintf(out, sizeof out, "%s", here("a b"));
    args[0] = rig.file;
    args[2] = out;
    term_start(&t, COLUMNS, 20, "xterm-256color", "screen", args);
    wait_lines(&t, out, 3);
    term_read(&t, 0.5);
    kill(t.pid, SIGHUP);
    term_wait(&t, "\033[?1049l");
    wait_more(&t, out, 30);
    term_read(&t, 0.5);
    term_keys(&t, "\003");
    assert_int_equal(term_end(&t, 30), 130);
    at = strstr(t.out, "Ctrl-C saves and ends it;");
    assert_non_null(at);
    assert_non_null(strstr(at, "step "));
    for (; (end = strstr(at, "\r\n")); at = end + 2) {
        at += strncmp(at, "^C", 2) ? 0 : 2;
        if (end - at > COLUMNS && strncmp(at, "vaccine run '", 13) &&
            memchr(at, ' ', (size_t)(end - at)))
            fail_msg("too long: %.*s", (int)(end - at), at);
    }
    at = strstr(t.out, "\r\nvaccine run '");
    assert_non_null(at);
    at += strlen("\r\nvaccine run '");
    assert_memory_equal(at, out, strlen(out));
    assert_memory_equal(at + strlen(out), "' --resume\r\n", strlen("' --resume\r\n"));
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
        cmocka_unit_test(test_the_line_mode_shows_every_panel),
        cmocka_unit_test(test_the_line_mode_shows_what_trains),
        cmocka_unit_test(test_hangup_saves_and_goes_on),
        cmocka_unit_test(test_a_guard_ends_a_run_that_is_left),
        cmocka_unit_test(test_hangup_of_a_paused_run),
        cmocka_unit_test(test_hangup_with_the_terminal_there),
        cmocka_unit_test(test_lines_of_a_narrow_terminal),
        cmocka_unit_test(test_hangup_of_a_run_without_its_folder),
        cmocka_unit_test(test_an_ignored_hangup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return live_main(argc, argv, cases);
}
