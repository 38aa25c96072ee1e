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

static int cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_layers_past_is_there_after_a_resume),
        cmocka_unit_test(test_a_note_outlives_its_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return live_main(argc, argv, cases);
}
