/* test_ui_words_live.c - what the screen says of a real run: after it goes on, when a file cannot be
 * opened, in the line mode; at three sizes. */
#include "ui_live.h"

static const struct {
    int w, h;
} sizes[] = {{80, 24}, {120, 40}, {200, 60}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* Plays a script on the run in `out` at a size; the exit status. */
static int play_at(int size, const char *out, const char *script)
{
    const char *args[] = {out, "--script", here("script"), "--paused", NULL};
    struct term t;
    int status;

    support_write_text(here("script"), script);
    term_start(&t, sizes[size].w, sizes[size].h, "xterm-256color", "screen", args);
    status = term_end(&t, 60);
    term_free(&t);
    return status;
}

/* The past of the layers is there when a run goes on, and a line tells its stage. */
static void test_the_layers_past_is_there_after_a_resume(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        const char *out = run_folder();
        char script[512], *text;

        make_rig(STEERED);
        play_through(out, "--paused", HELD ":step 4\n:wait step 4\n" HELD ":quit save\n");
        snprintf(script, sizeof script,
                 ".\n:wait step 5\n" HELD ":wait 0.3\n:export csv heat %s\n:quit save\n",
                 here("heat.csv"));
        assert_int_equal(play_at(i, out, script), 0);
        text = run_read(rig.dir, "heat.csv", NULL);
        assert_non_null(strstr(text, "\n2,"));
        assert_non_null(strstr(text, "\n4,"));
        free(text);
        text = run_read(out, "layers.jsonl", NULL);
        assert_non_null(strstr(text, "{\"step\":1,\"stage\":\"align\",\"grad\":["));
        free(text);
    }
}

static void test_a_note_outlives_its_run(void **state)
{
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        const char *out = run_folder();
        char script[512], *text;

        make_rig(STEERED);
        play_through(out, "--paused",
                     HELD ":step 4\n:wait step 4\n" HELD ":note here it \"gave\" way\n:wait 0.2\n"
                          ":quit save\n");
        assert_int_equal(run_journal_count(out, "note"), 1);
        snprintf(script, sizeof script,
                 "8\nz\n:save-screen %s\n:goto 4\n1\n:save-screen %s\n:quit\n", here("journal"),
                 here("loss"));
        assert_int_equal(play_at(i, out, script), 0);
        text = run_read(rig.dir, "journal", NULL);
        assert_non_null(strstr(text, "here it \"gave\" way"));
        free(text);
        text = run_read(rig.dir, "loss", NULL);
        assert_non_null(strstr(text, "# here it"));
        free(text);
    }
}

/* The screen as a terminal without an alternate one keeps it: the last line is clean. */
static void test_the_last_line_is_clean(void **state)
{
    static const char *const names[] = {"vt100", "linux"};

    (void)state;
    make_rig(ENDLESS);
    for (int i = 0; i < SIZES; i++)
        for (size_t k = 0; k < 2; k++) {
            const char *args[] = {rig.file, "-o", run_folder(), "--paused", NULL};
            char last[48];
            struct term t;

            term_start(&t, sizes[i].w, sizes[i].h, names[k], "screen", args);
            term_wait(&t, "PAUSED");
            term_keys(&t, "qD");
            assert_int_equal(term_end(&t, 60), 0);
            /* the cursor goes there, and what follows is no text of the key bar */
            snprintf(last, sizeof last, "\033[%d;1H\033[K", sizes[i].h);
            if (!term_has(&t, last) && !term_has(&t, "\033[J"))
                fail_msg("%s: the last line was left as it was:\n%s", names[k],
                         t.out + (t.n > 300 ? t.n - 300 : 0));
            term_free(&t);
        }
}

/* The line mode: news come above what is being typed, and no prompt is left standing there. */
static void test_no_stray_prompts(void **state)
{
    (void)state;
    make_rig(STEERED);
    for (int i = 0; i < SIZES; i++) {
        const char *args[] = {rig.file, "-o", run_folder(), "--paused", "--plain", NULL};
        struct term t;

        term_start(&t, sizes[i].w, sizes[i].h, "xterm-256color", "screen", args);
        term_wait(&t, "vaccine> ");
        term_keys(&t, "step 4\r");
        term_wait(&t, "step 4");
        term_keys(&t, "quit\r");
        assert_int_equal(term_end(&t, 60), 0);
        assert_false(term_has(&t, "vaccine> \r\n"));
        assert_false(term_has(&t, "vaccine> vaccine>"));
        term_free(&t);
    }
}

/* A run file with a fault: $EDITOR at its line, and it is read again. */
static void test_a_fault_in_a_run_file_is_mended(void **state)
{
    char *good, *text = NULL;

    (void)state;
    make_rig(ENDLESS);
    good = run_read(rig.dir, path_base(rig.file), NULL);
    assert_true(asprintf(&text, "#!/bin/sh\necho \"$@\" >'%s'\ncp '%s' \"$2\"\n", here("told"),
                         here("good.json")) > 0);
    support_write_text(here("editor"), text);
    free(text);
    chmod(here("editor"), 0700);
    support_write_text(here("good.json"), good);
    setenv("VISUAL", here("editor"), 1);
    for (int i = 0; i < SIZES; i++) {
        const char *args[] = {here("bad.json"), "-o", run_folder(), "--paused", NULL};
        struct term t;

        support_write_text(here("bad.json"), "{\n\"model\":\n,}\n");
        term_start(&t, sizes[i].w, sizes[i].h, "xterm-256color", "screen", args);
        term_wait(&t, "This run file has a fault");
        term_wait(&t, "at line 3");
        term_keys(&t, "e");
        term_wait(&t, "PAUSED");
        term_keys(&t, "qD");
        assert_int_equal(term_end(&t, 60), 0);
        term_free(&t);
        text = run_read(rig.dir, "told", NULL);
        assert_true(!strncmp(text, "+3 ", 3) && strstr(text, "bad.json"));
        free(text);
    }
    unsetenv("VISUAL");
    free(good);
}

static int cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_layers_past_is_there_after_a_resume),
        cmocka_unit_test(test_a_note_outlives_its_run),
        cmocka_unit_test(test_the_last_line_is_clean),
        cmocka_unit_test(test_no_stray_prompts),
        cmocka_unit_test(test_a_fault_in_a_run_file_is_mended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return live_main(argc, argv, cases);
}
