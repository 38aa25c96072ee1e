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
    term_wait(&u, "training goes on");
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

/* A run without a screen whose terminal is gone goes on, saved, and screens come to it. */
static void test_a_dropped_run_attaches(void **state)
{
    const char *out = run_folder();
    struct term t = {.status = -1};
    int status = 0;

    (void)state;
    if (!getenv("VACCINE"))
        skip();
    make_rig(ENDLESS);
    t.pid = forkpty(&t.fd, NULL, NULL, NULL);
    assert_true(t.pid >= 0);
    if (t.pid == 0) {
        execl(getenv("VACCINE"), "vaccine", "run", rig.file, "-o", out, (char *)NULL);
        _exit(126);
    }
    fcntl(t.fd, F_SETFL, O_NONBLOCK);
    wait_lines(&t, out, 3);
    close(t.fd);
    stop_from_elsewhere(out);
    assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(run_journal_count(out, "checkpoint") >= 2); /* when it dropped, and at the end */
    term_free(&t);
}

/* An attack is made by the program that runs the run; who is attached is told what it came to. */
static void test_attack_from_elsewhere(void **state)
{
    const char *out = run_folder();
    struct term t, u;
    cJSON *line;

    (void)state;
    make_rig("'checkpoint':{'steps':0,'minutes':0},'evaluate':[{'name':'HS','prompts':'ask.jsonl',"
             "'judge':'refusal','max_new_tokens':4,'every':2,'stages':['attack']}],"
             "'stages':[{'name':'align'," TRAIN ",'lora':{'r':2},'steps':1000000,'lr':0.0001},"
             "{'name':'attack','train':[{'file':'rows.jsonl','harmful':true}],'batch_size':4,"
             "'lora':{'r':2},'steps':2,'lr':0.01}]");
    start(&t, out, "screen", NULL, NULL);
    wait_lines(&t, out, 3);
    kill(t.pid, SIGHUP);
    term_wait(&t, "training goes on without a screen");
    start_attached(&u, out, "ann");
    hold(&u);
    term_keys(&u, "7:attack steps=200\r");
    term_wait(&u, "ATTACK @");
    term_wait(&u, "steps to break");
    term_wait(&u, "200 steps: over"); /* its curves stay */
    term_keys(&u, ":quit save\r");
    assert_int_equal(term_end(&u, 60), 0);
    term_free(&u);
    assert_int_equal(term_end(&t, 60), 0);
    term_free(&t);
    assert_int_equal(lines_of(out, "attacks.jsonl"), 1);
    line = run_journal_last(out, "attack");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "who")), "socket ann");
    cJSON_Delete(line);
}

/* Who has control of a run that was left answers for it: a guard's pause waits for that one, and no longer. */
static void test_a_guard_waits_for_who_steers(void **state)
{
    const char *out = run_folder();
    struct term t, u;
    int64_t saved;

    (void)state;
    start_endless(&t, out, "screen");
    kill(t.pid, SIGHUP);
    term_wait(&t, "training goes on without a screen");
    start_attached(&u, out, "ann");
    hold(&u);
    saved = newest_checkpoint(out);
    term_keys(&u, ":guard step > 1 pause\r ");
    term_wait(&u, "! guard 1: step > 1");
    term_read(&t, 3);
    term_keys(&u, ":set lr 0.0002\r");
    for (int i = 0; i < 60 && run_journal_count(out, "set") == 0; i++)
        term_read(&u, 0.5);
    assert_int_equal(run_journal_count(out, "set"), 1);
    assert_int_equal(newest_checkpoint(out), saved); /* it has not ended */
    kill(u.pid, SIGKILL);
    assert_int_equal(waitpid(u.pid, NULL, 0), u.pid);
    assert_int_equal(term_end(&t, 60), 3);
    assert_resumable(out, newest_checkpoint(out));
    close(u.fd);
    term_free(&u);
    term_free(&t);
}

/* What was refused is not pending, and stands at the step at which it was asked. */
static void assert_refused_set(struct term *bob)
{
    char keys[1200], *text;

    term_keys(bob, ":set lr 0.0002\r");
    term_read(bob, 2);
    snprintf(keys, sizeof keys, ":export csv journal %s\r:export csv controls %s\r",
             here("refused.csv"), here("options.csv"));
    term_keys(bob, keys);
    for (int i = 0; i < 60 && access(here("options.csv"), R_OK); i++)
        term_read(bob, 1);
    text = run_read(rig.dir, "options.csv", NULL);
    if (!strstr(text, "lr,0.0001,,"))
        fail_msg("what was refused is pending:\n%s", text);
    free(text);
    text = run_read(rig.dir, "refused.csv", NULL);
    if (!strstr(text, "ann has control") || strstr(text, ",0,\"ann has control"))
        fail_msg("it is of no step:\n%s", text);
    free(text);
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
    assert_refused_set(&bob);
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
    {
        static const char *const handed[] = {"\"who\":\"socket ann\",\"op\":\"control\",\"old\":"
                                             "\"nobody\",\"new\":\"ann\"",
                                             "\"who\":\"socket ann\",\"op\":\"control\",\"old\":"
                                             "\"ann\",\"new\":\"bob\"",
                                             "\"who\":\"socket bob\",\"op\":\"control\",\"old\":"
                                             "\"bob\",\"new\":\"nobody\""};
        char *journal = run_read(out, "journal.jsonl", NULL), *at = journal;

        for (size_t i = 0; i < sizeof handed / sizeof *handed; i++) {
            at = strstr(at, handed[i]);
            if (!at)
                fail_msg("%s is not in\n%s", handed[i], journal);
        }
        free(journal);
    }
    term_free(&ann);
    term_free(&bob);
    term_free(&t);
}

/* The screen of another program goes back, and on again: it shows each step once, and says where the rest is. */
static void test_back_from_elsewhere(void **state)
{
    const char *out = run_folder();
    char script[1024], said[128], *csv, *text;
    struct term t, u;
    int64_t rows = 0, to;
    cJSON *line;

    (void)state;
    start_endless(&t, out, "screen");
    term_read(&t, 0.5);
    kill(t.pid, SIGHUP);
    term_wait(&t, "training goes on without a screen");
    snprintf(script, sizeof script,
             ":pause\n:wait state paused\nc\n:wait 1\nn\n\"4\\n\"\n:wait 1.5\nw\nEnter\n:wait 3\n"
             ":save-screen %s\nn\n\"3\\n\"\n:wait 2\n:export csv loss %s\n:quit save\n",
             here("back"), here("loss.csv"));
    support_write_text(here("script"), script);
    term_start(
        &u, 100, 30, "xterm-256color", "screen",
        (const char *const[]){"--attach", "--as", "ann", "--script", here("script"), out, NULL});
    assert_int_equal(term_end(&u, 60), 0);
    assert_int_equal(term_end(&t, 60), 0);
    line = run_journal_last(out, "rewind");
    assert_non_null(line);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(line, "who")), "socket ann");
    to = (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItem(line, "applied_step"));
    cJSON_Delete(line);
    snprintf(said, sizeof said, "back at step %lld; what lay after it is in aside-%lld-1",
             (long long)to, (long long)to);
    text = run_read(rig.dir, "back", NULL);
    if (!strstr(text, said))
        fail_msg("\"%s\" is not on the screen:\n%s", said, text);
    free(text);
    csv = run_read(rig.dir, "loss.csv", NULL);
    for (char *at = strchr(csv, '\n'); at && at[1]; at = strchr(at + 1, '\n'), rows++)
        assert_int_equal(strtoll(at + 1, NULL, 10), rows);
    assert_true(rows > to);
    free(csv);
    term_free(&t);
    term_free(&u);
}

/* A run that ends under an attached screen answers from what it saved, and is opened again from the list. */
static void test_it_ends_while_looked_at(void **state)
{
    const char *out = run_folder();
    struct term t, u;

    (void)state;
    make_rig(ONE_STAGE("1500"));
    start(&t, out, "screen", NULL, NULL);
    wait_lines(&t, out, 3);
    term_read(&t, 0.5);
    kill(t.pid, SIGHUP);
    term_wait(&t, "training goes on without a screen");
    start_attached(&u, out, "ann");
    hold(&u);
    term_keys(&u, ":resume\r");
    term_wait(&u, "DONE");
    assert_int_equal(term_end(&t, 60), 0);
    term_keys(&u, "pabc\r");
    term_wait(&u, "@end");
    term_keys(&u, "\x1b");
    term_read(&u, 0.5);
    term_keys(&u, "B");
    term_read(&u, 1);
    term_keys(&u, ":open ");
    term_keys(&u, out);
    term_keys(&u, "\r");
    term_wait(&u, "read-only");
    term_keys(&u, "q");
    assert_int_equal(term_end(&u, 60), 0);
    term_free(&u);
    term_free(&t);
}

static void test_nobody_runs_it(void **state)
{
    const char *out = untouched(STEERED);
    struct term t;

    (void)state;
    start_attached(&t, out, "ann");
    assert_int_equal(term_end(&t, 60), 2);
    assert_true(term_has(&t, "this run is over: vaccine "));
    term_free(&t);
}

static int cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_d_detaches),
        cmocka_unit_test(test_a_dropped_line_attaches),
        cmocka_unit_test(test_a_dropped_run_attaches),
        cmocka_unit_test(test_attack_from_elsewhere),
        cmocka_unit_test(test_a_guard_waits_for_who_steers),
        cmocka_unit_test(test_two_screens),
        cmocka_unit_test(test_back_from_elsewhere),
        cmocka_unit_test(test_it_ends_while_looked_at),
        cmocka_unit_test(test_nobody_runs_it),
    };

    return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return live_main(argc, argv, cases);
}
