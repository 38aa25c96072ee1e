/* test_ui_locale.c - letters above ASCII: as they are where the locale has UTF-8 and in files and pipes, as
 * escapes on a terminal where it has not. */
#include "ui_live.h"

/* Programs that this one is started as. */
static const char *const locales[] = {"C", "C.UTF-8"};
enum { IN_C, IN_UTF8, LOCALES };

static void assert_ascii(const struct term *t)
{
    for (size_t i = 0; i < t->n; i++)
        if ((unsigned char)t->out[i] > 126)
            fail_msg("byte %d of %zu is not ASCII: %.40s", (int)i, t->n, t->out + i);
}

static void start_in(struct term *t, int locale, const char *how, const char *const *args)
{
    setenv("TEST_LOCALE", locales[locale], 1);
    term_start(t, 80, 24, "xterm", how, args);
}

/* What is typed, the question, its answer, notes and panels; inputrc does not change what the terminal gets. */
static void test_the_line_mode(void **state)
{
    (void)state;
    make_rig(STEERED);
    support_write_text(here("inputrc"), "set output-meta on\n");
    setenv("INPUTRC", here("inputrc"), 1);
    for (int i = 0; i < LOCALES; i++) {
        const char *args[] = {rig.file, "-o", run_folder(), "--paused", "--plain", NULL};
        struct term t;

        start_in(&t, i, "screen", args);
        term_wait(&t, "vaccine> ");
        term_keys(&t, "probe b\u00f6at\r");
        term_wait(&t, "@0 [other]"); /* the answer is there, and what it was asked */
        assert_true(term_has(&t, i == IN_C ? "\rb\\u00f6at" : "\rb\u00f6at"));
        assert_true(term_has(&t, i == IN_C ? "probe b\\303\\266at" : "probe b\u00f6at"));
        term_keys(&t, "note \u00dcnd\r");
        term_wait(&t, i == IN_C ? "\r\\u00dcnd" : "\r\u00dcnd");
        term_keys(&t, "show probe\r");
        term_wait(&t, i == IN_C ? "> b\\u00f6at" : "> b\u00f6at");
        term_keys(&t, "show b\u00f6\r");
        term_wait(&t, i == IN_C ? "no panel \"b\\u00f6\": loss," : "no panel \"b\u00f6\": loss,");
        term_keys(&t, "help\r");
        term_wait(&t, "show PANEL");
        term_keys(&t, "quit\r");
        assert_int_equal(term_end(&t, 60), 0);
        assert_false(term_has(&t, "b\\u00f6vaccine>"));
        assert_false(term_has(&t, "b\u00f6vaccine>"));
        if (i == IN_C)
            assert_ascii(&t);
        term_free(&t);
    }
    unsetenv("INPUTRC");
}

/* A key that is none says which it was; there is no choice of characters where there is none. */
static void test_the_screen(void **state)
{
    (void)state;
    make_rig(STEERED);
    for (int i = 0; i < LOCALES; i++) {
        const char *args[] = {rig.file, "-o", run_folder(), "--paused", NULL};
        struct term t;

        start_in(&t, i, "screen", args);
        term_wait(&t, "PAUSED");
        term_keys(&t, "\u00f6");
        term_wait(&t, "\"\\u00f6\""); /* in ASCII for both */
        term_keys(&t, ":glyph-test\r");
        term_wait(&t, i == IN_C ? "the locale is not UTF-8" : "Can you see these?");
        term_keys(&t, i == IN_C ? "qD" : "\033");
        if (i == IN_UTF8) {
            term_read(&t, 0.3);
            term_keys(&t, "qD");
        }
        assert_int_equal(term_end(&t, 60), 0);
        if (i == IN_C)
            assert_ascii(&t);
        term_free(&t);
    }
}

/* Output and errors of commands; what goes into a pipe is the name itself. */
static void test_commands(void **state)
{
    const char *runs[] = {"runs", "l\u00e4b", NULL}, *bad[] = {"nosuch\u00df", NULL};
    char line[2048], got[512] = "";
    struct term t;
    FILE *p;

    (void)state;
    if (!getenv("VACCINE"))
        skip();
    snprintf(line, sizeof line, "%s/l\u00e4b", work);
    assert_int_equal(mkdir(line, 0700), 0);
    for (int i = 0; i < LOCALES; i++) {
        start_in(&t, i, "vaccine", runs);
        assert_int_equal(term_end(&t, 60), 0);
        assert_true(term_has(&t, i == IN_C ? "no runs in l\\u00e4b" : "no runs in l\u00e4b"));
        term_free(&t);
        start_in(&t, i, "vaccine", bad);
        assert_int_equal(term_end(&t, 60), 2);
        assert_true(term_has(&t, i == IN_C ? "\"nosuch\\u00df\"" : "\"nosuch\u00df\""));
        term_free(&t);
    }
    snprintf(line, sizeof line, "cd '%s' && LC_ALL=C '%s' runs l\u00e4b", work, getenv("VACCINE"));
    p = popen(line, "r");
    assert_non_null(p);
    assert_non_null(fgets(got, sizeof got, p));
    assert_int_equal(pclose(p), 0);
    assert_string_equal(got, "no runs in l\u00e4b\n");
}

static int cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_line_mode),
        cmocka_unit_test(test_the_screen),
        cmocka_unit_test(test_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc > 1 && getenv("TEST_LOCALE"))
        setenv("LC_ALL", getenv("TEST_LOCALE"), 1);
    if (argc > 1 && !strcmp(argv[1], "vaccine")) {
        execv(getenv("VACCINE"), argv + 1);
        return 126;
    }
    return live_main(argc, argv, cases);
}
