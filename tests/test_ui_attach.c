/* test_ui_attach.c - the screen of a run that another program runs, and how a run comes to be one. */
#include "ui_live.h"

static void start_attached(struct term *t, const char *out, const char *as)
{
    const char *args[] = {"--attach", "--as", as, out, NULL};

    term_start(t, 100, 30, "xterm-256color", "screen", args);
}

/* Pauses as soon as it may: what the message line says is painted where it differs, so it is no text to wait for. */
static void hold(struct term *t)
{
    for (int i = 0; i < 60 && !term_has(t, "PAUSED"); i++) {
        term_keys(t, ":pause\r");
        term_read(t, 1);
    }
    assert_true(term_has(t, "PAUSED"));
}

/* Ends the run from the screen of another program. */
static void stop_from_elsewhere(const char *out)
{
    struct term u;

    start_attached(&u, out, "ann");
    hold(&u);
    term_keys(&u, ":quit save\r");
    assert_int_equal(term_end(&u, 60), 0);
    term_free(&u);
}

/* The shell has the terminal again, and the process has none. */
static void test_d_detaches(void **state)
{
    const char *out = run_folder();
    struct term t;
    struct term u;

    (void)state;
    start_endless(&t, out, "shell");
    term_keys(&t, "d");
    term_wait(&t, "comes back to it");
    term_wait(&t, "[stopped]");
    wait_more(&t, out, 10);
    start_attached(&u, out, "ann");
    term_wait(&u, "you have control");
    term_keys(&u, "q"); /* leaves the run as it is, and asks nothing */
    assert_int_equal(term_end(&u, 60), 0);
    term_free(&u);
    wait_more(&t, out, 10);
    term_keys(&t, "\003"); /* is no longer its */
    wait_more(&t, out, 10);
    stop_from_elsewhere(out);
    assert_int_equal(term_end(&t, 60), 0);
    term_free(&t);
    assert_resumable(out, (int64_t)lines_of(out, "metrics.jsonl") - 1);
}

static void test_a_dropped_line_attaches(void **state)
{
    const char *out = run_folder();
    struct term t;

    (void)state;
    start_endless(&t, out, "screen");
    term_read(&t, 0.5);
    kill(t.pid, SIGHUP);
    term_wait(&t, "training goes on without a screen");
    stop_from_elsewhere(out);
    assert_int_equal(term_end(&t, 60), 0);
    term_free(&t);
}

/* One steers, the other looks and asks; a killed one gives control free. */
static void test_two_screens(void **state)
{
    const char *out = run_folder();
    struct term t, ann, bob;

    (void)state;
    start_endless(&t, out, "screen");
    term_read(&t, 0.5);
    kill(t.pid, SIGHUP);
    term_wait(&t, "training goes on without a screen");
    start_attached(&ann, out, "ann");
    term_wait(&ann, "you have control");
    start_attached(&bob, out, "bob");
    term_wait(&bob, "ann has control; :control asks for it");
    term_keys(&bob, " ");
    term_wait(&bob, "ann has control of this run: wait");
    term_keys(&bob, ":control\r");
    term_wait(&ann, "bob asks for control: :control gives it");
    term_keys(&ann, ":control\r");
    hold(&bob);
    kill(bob.pid, SIGKILL);
    term_keys(&ann, ":resume\r");
    term_read(&ann, 1);
    term_keys(&ann, ":control\r");
    term_keys(&ann, ":quit save\r");
    assert_int_equal(term_end(&ann, 60), 0);
    assert_int_equal(waitpid(bob.pid, NULL, 0), bob.pid);
    close(bob.fd);
    assert_int_equal(term_end(&t, 60), 0);
    term_free(&ann);
    term_free(&bob);
    term_free(&t);
}

static void test_nobody_runs_it(void **state)
{
    const char *out = untouched(STEERED);
    struct term t;

    (void)state;
    start_attached(&t, out, "ann");
    assert_int_equal(term_end(&t, 60), 2);
    assert_true(term_has(&t, "no program is running this run: vaccine run"));
    term_free(&t);
}

static int cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_d_detaches),
        cmocka_unit_test(test_a_dropped_line_attaches),
        cmocka_unit_test(test_two_screens),
        cmocka_unit_test(test_nobody_runs_it),
    };

    return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return live_main(argc, argv, cases);
}
