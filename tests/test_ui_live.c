/* test_ui_live.c - the screen on the real core: a small run is driven by keys in a pseudo-terminal,
 * and what it leaves is compared with what the same run file leaves without a screen.
 * UI_LONG=1: pauses of 10 s. */
#include "ui_live.h"

static void assert_on(const char *screen, const char *what)
{
    char *text = run_read(rig.dir, screen, NULL);

    if (!strstr(text, what))
        fail_msg("\"%s\" is not on the screen:\n%s", what, text);
    free(text);
}

static int64_t step_on(const char *screen)
{
    char *text = run_read(rig.dir, screen, NULL), *at = strstr(text, "step ");
    long long step = -1;

    assert_non_null(at);
    assert_int_equal(sscanf(at, "step %lld", &step), 1);
    free(text);
    return step;
}

static void script_for(char *out, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void script_for(char *out, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(out, size, fmt, ap);
    va_end(ap);
    assert_true(n > 0 && (size_t)n < size);
}

/* --- pausing and stepping --- */

/* Paused at step s, and still so after a while: the state of a run that was stopped at s. */
static void test_pause_is_the_state_at_its_step(void **state)
{
    static const char *const parts[] = {"adapter_model.safetensors", "vaccine_state.safetensors"};
    const char *a = run_folder(), *b = run_folder(), *wait = getenv("UI_LONG") ? "10" : "0.5";
    char script[1024], name[80];
    struct vac_session *s;
    int64_t step;

    (void)state;
    make_rig(STEERED);
    script_for(script, sizeof script,
               ":wait step 3\nSpace\n" HELD ":save-screen %s\n:wait %s\n:save-screen %s\n"
               "c\n:quit discard\n",
               here("first"), wait, here("later"));
    play_through(a, NULL, script);
    assert_on("first", "PAUSED");
    step = step_on("first");
    assert_true(step >= 3 && step <= 22);
    assert_int_equal(step_on("later"), step);
    s = run_up_to(&rig, b, false, step);
    run_give(s, VAC_OP_QUIT, 0, "", NULL);
    run_wait(s, VAC_STOPPED);
    vac_session_close(s);
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "checkpoint-%lld/%s", (long long)step, parts[i]);
        assert_true(run_same_file(a, b, name));
    }
}

/* `.` is one step and `n` is N, each time paused again; then to the end: the bytes of a run that
 * nobody touched. */
static void test_steps_and_pauses_change_nothing(void **state)
{
    const char *a = untouched(STEERED), *b = run_folder();
    char script[4096];

    (void)state;
    script_for(script, sizeof script,
               HELD ".\n:wait step 1\n" HELD ":save-screen %s\n"
                    "n\n\"4\\n\"\n:wait step 5\n" HELD
                    ":save-screen %s\nSpace\n:wait step 8\nSpace\n" HELD
                    "Space\n:wait step 14\nSpace\n" HELD ".\n:wait 0.1\nSpace\n:wait state done\n"
                    ":quit\n",
               here("one"), here("five"));
    play_through(b, "--paused", script);
    assert_int_equal(step_on("one"), 1);
    assert_on("one", "PAUSED");
    assert_int_equal(step_on("five"), 5);
    assert_on("five", "PAUSED");
    run_assert_same(a, b);
}

/* --- guards, and going on until something is so --- */

/* `G` pauses where it was to; a guard that trips stands in the header, rings and tells the desktop; `u` takes the
 * last change back. None of it changes the run. */
static void test_guards_and_undo(void **state)
{
    const char *a = untouched(STEERED), *b = run_folder();
    char script[2048];

    (void)state;
    script_for(script, sizeof script,
               HELD ":guard\n:save-screen %s\nEsc\nG\n\"step >= 3\\n\"\n:wait step 3\n" HELD
                    ":save-screen %s\n"
                    ":guard step >= 5 pause\n:guard HZ > 3\n:wait 0.2\n:save-screen %s\n"
                    ":until step >= 9\n:wait step 5\n" HELD ":save-screen %s\n"
                    "]\n:wait 0.2\nu\n:wait 0.2\n:guard\n:save-screen %s\nEsc\n"
                    "Space\n:wait step 9\n" HELD
                    "Space\n:wait state done\n:save-screen %s\n:quit\n",
               here("none"), here("until"), here("refused"), here("tripped"), here("list"),
               here("attacked"));
    assert_int_equal(play(b, "--paused", script,
                          "\033]9;vaccine: guard 1: step >= 5: "
                          "5\033\\\033]777;notify;vaccine;guard 1: step >= 5: 5\033\\"),
                     0);
    assert_on("none", "There is no guard: one is set by :guard");
    assert_int_equal(step_on("until"), 3);
    assert_on("until", "until step >= 3: 3");
    assert_on("refused", "the run has no \"HZ\": it has HS, epoch, loss");
    assert_on("tripped", "! guard 1: step >= 5: 5 ");
    assert_on("tripped", "PAUSED");
    assert_on("tripped", "step 5/22");
    assert_on("list", "! 1  step >= 5: pause");
    assert_on("list", "pauses when step >= 9");
    assert_on("attacked", "3 layers"); /* none of them is left out where none is perturbed */
    assert_int_equal(run_journal_count(b, "set"), 2);
    assert_int_equal(run_journal_count(b, "undo"), 1);
    run_assert_same(a, b);
}

/* --- rho while it runs --- */

/* Root of the sum of squares of the perturbation of a step, from layers.jsonl. */
static double rss_at(const char *out, int64_t step)
{
    char *text = run_read(out, "layers.jsonl", NULL), *save = NULL;
    double sum = NAN;

    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        cJSON *x = cJSON_Parse(line);
        const cJSON *eps = cJSON_GetObjectItemCaseSensitive(x, "eps"), *v;

        if (cJSON_GetObjectItemCaseSensitive(x, "step")->valueint == step && eps) {
            sum = 0;
            cJSON_ArrayForEach(v, eps) sum += v->valuedouble * v->valuedouble;
        }
        cJSON_Delete(x);
    }
    free(text);
    return sqrt(sum);
}

static void assert_rss(const char *out, int64_t step, double rho)
{
    if (!(fabs(rss_at(out, step) - rho) <= 1e-3 * rho))
        fail_msg("step %lld: the perturbation is %g long, rho is %g", (long long)step,
                 rss_at(out, step), rho);
}

static void test_rho_takes_effect_at_the_next_step(void **state)
{
    static const char *const wanted[][2] = {
        {"old", "0.5"}, {"new", "0.55"}, {"who", "script"}, {"status", "applied"}};
    const char *out = run_folder();
    cJSON *x;

    (void)state;
    make_rig(STEERED);
    play_through(out, "--paused",
                 HELD "n\n\"3\\n\"\n:wait step 3\n" HELD "]\n.\n:wait step 4\n" HELD
                      ":quit discard\n");
    x = run_journal_last(out, "set");
    assert_non_null(x);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_string_equal(cJSON_GetObjectItemCaseSensitive(x, wanted[i][0])->valuestring,
                            wanted[i][1]);
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(x, "step")->valueint, 3); /* when asked for */
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(x, "applied_step")->valueint, 4);
    cJSON_Delete(x);
    assert_rss(out, 3, 0.5);
    assert_rss(out, 4, 0.55);
    assert_true(fabs(run_metric(out, 4, "rho") - 0.55) < 1e-12);
}

/* --- asking --- */

/* Twenty questions: the bytes of a run that was not asked. */
static void test_questions_change_nothing(void **state)
{
    const char *a = untouched(STEERED), *b = run_folder();
    char script[4096] = HELD;

    (void)state;
    for (int i = 0; i < 20; i++) {
        strcat(script,
               i % 2 ? "p\n\"what now?\\n\"\n:wait probe\nEsc\n" : ":probe abc\n:wait probe\n");
        strcat(script, i % 4 ? "" : ".\n:wait 0.05\n");
    }
    strcat(script, "Esc\n" HELD "Space\n:probe while it runs\n:wait state done\n:quit\n");
    play_through(b, "--paused", script);
    assert_true(run_journal_count(b, "probe") >= 20);
    run_assert_same(a, b);
}

/* What a terminal sends for keys that nobody knows is no keys, whole or in pieces: `[` would change rho, digits go to
 * panels. Known ones that come in pieces are themselves. */
static void test_unknown_sequences_are_no_keys(void **state)
{
    static const char *const pieces[][3] = {{"\033[57399;5Q"},
                                            {"\033[57399", ";5Q"},
                                            {"\033", "[1;9Q"},
                                            {"\033O5Q", "\033[[Q"},
                                            {"\033]11;rgb:0", "[]\033\\"},
                                            {"\033]0;[[\007"},
                                            {"\033[", "O", "\033[I"},
                                            {"\033[20", "0~qD", "[\033[201~"}};
    const char *out = run_folder();
    struct term t;

    (void)state;
    make_rig(STEERED);
    start(&t, out, "screen", "--paused", NULL);
    term_wait(&t, "\033[?2004h");
    term_wait(&t, "PAUSED");
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        for (int k = 0; k < 3 && pieces[i][k]; k++) {
            term_keys(&t, pieces[i][k]);
            if (strcmp(pieces[i][k], "\033") != 0)
                term_read(&t, 0.1);
        }
    term_wait(&t, "a paste goes into a line"); /* that one was known */
    for (int i = 0; i < 40; i++) {             /* held down: the terminal is not gone for that */
        term_keys(&t, "\033[57399;5Q");
        term_read(&t, 0.01);
    }
    term_read(&t, 1.2);
    term_keys(&t, "[");
    term_wait(&t, "0.45"); /* rho was as it had been */
    assert_false(term_has(&t, "no key"));
    term_keys(&t, "qD");
    assert_int_equal(term_end(&t, 30), 0);
    assert_int_equal(run_journal_count(out, "set"), 1);
    term_free(&t);
}

/* Why it waits is of the last step, however short that was. */
static void test_a_step_ends_the_wait_for_the_start(void **state)
{
    char script[1024];

    (void)state;
    make_rig(STEERED);
    script_for(script, sizeof script,
               HELD ":save-screen %s\n.\n:wait step 1\n" HELD ":save-screen %s\n:quit discard\n",
               here("start"), here("step"));
    play_through(run_folder(), "--paused", script);
    assert_on("start", "waiting to start");
    assert_on("step", "the steps asked for are done");
}

/* A paste is one question, however many lines it has, and outside of a line it is no keys: these
 * would end the run without saving, or ask. */
static void test_a_paste_is_text(void **state)
{
    const char *out = run_folder();
    struct term t;
    char *probes;
    size_t n;

    (void)state;
    make_rig(STEERED);
    start(&t, out, "screen", "--paused", NULL);
    term_wait(&t, "\033[?2004h");
    term_wait(&t, "PAUSED");
    term_keys(&t, "\033[200~qD\rp\rq\r ");
    term_read(&t, 0.3); /* one that comes in pieces */
    term_keys(&t, "q\rD\033[201~");
    term_wait(&t, "a paste goes into a line");
    term_keys(&t, "p");
    term_wait(&t, "probe>");
    term_keys(&t, "\033[200~abc\rxyz 12\033[201~");
    term_read(&t, 0.3);
    assert_int_equal(run_journal_count(out, "probe"), 0);
    term_keys(&t, "\r");
    for (int i = 0; i < 3000 && run_journal_count(out, "probe") == 0; i++)
        term_read(&t, 0.02);
    term_keys(&t, ":quit\r"); /* no question and no command */
    term_wait(&t, "takes commands; behind a blank");
    term_keys(&t, "\033");
    term_read(&t, 0.3);
    term_keys(&t, "qD");
    assert_int_equal(term_end(&t, 30), 0);
    assert_true(term_has(&t, "\033[?2004l"));
    assert_true(term_has(&t, ": ended, nothing is saved"));
    assert_int_equal(run_journal_count(out, "probe"), 1);
    probes = file_read(run_path(out, "probes.jsonl"), 1 << 20, &n, NULL);
    assert_non_null(probes);
    assert_non_null(strstr(probes, "\"prompt\":\"abc\\nxyz 12\""));
    free(probes);
    term_free(&t);
}

/* A judge that does not answer before the file "go" is there: the trainer is busy till then. `then`: more
 * stages. */
static void make_busy_rig(const char *then)
{
    char text[2400], rest[3000];

    run_rig(&rig, "golden/llama-gqa", true);
    support_write_text(here("ask.jsonl"), "{\"prompt\":\"abc\"}\n");
    snprintf(text, sizeof text,
             "while read -r line; do\n    while [ ! -e '%s' ]; do sleep 0.02; done\n"
             "    echo '{\"verdict\":\"refused\"}'\ndone\n",
             here("go"));
    support_write_text(here("judge.sh"), text);
    snprintf(rest, sizeof rest,
             "'checkpoint':{'steps':0,'minutes':0},'watch':{'every':2,'drift':'rows.jsonl'},"
             "'evaluate':[{'name':'HS','prompts':'ask.jsonl','judge':'command','command':'sh %s',"
             "'max_new_tokens':4}],'stages':[{'name':'align','method':'vaccine','rho':0.5," TRAIN
             ",'lora':{'r':2},'steps':6,'lr':0.01}%s]",
             here("judge.sh"), then);
    run_file(&rig, rest);
}

/* The trainer is in the middle of something long: keys are answered all the same, and Ctrl-C ends
 * the answer that was asked for before its second token, and nothing else. */
static void test_keys_and_stop_while_the_trainer_is_busy(void **state)
{
    const char *a = run_folder(), *b = run_folder();
    char script[2048];

    (void)state;
    make_busy_rig("");
    script_for(
        script, sizeof script,
        ":wait state measuring\n:save-screen %s\n?\n:save-screen %s\nEsc\n:probe abc\nCtrl-c\n"
        ":save-screen %s\n:save-screen %s\n:wait probe\n:save-screen %s\n:wait state done\n"
        ":quit\n",
        here("busy"), here("help"), here("stopped"), here("go"), here("after"));
    play_through(b, NULL, script);
    assert_on("busy", "MEASURING");
    assert_on("help", "What stands here:");
    assert_on("stopped", "stopped this answer; training goes on");
    assert_int_equal(step_on("stopped"), 0);
    assert_int_equal(run_journal_count(b, "probe"), 1);
    assert_int_equal(run_journal_count(b, "pause"), 0);
    assert_int_equal(lines_of(b, "probes.jsonl"), 1);
    {
        char *text = run_read(b, "probes.jsonl", NULL);
        cJSON *x = cJSON_Parse(text);
        const cJSON *answer = cJSON_GetObjectItemCaseSensitive(x, "answer");

        assert_true(cJSON_IsString(answer) &&
                    strlen(answer->valuestring) <= 1); /* one token each */
        cJSON_Delete(x);
        free(text);
    }
    whole(a, false);
    run_assert_same(a, b);
    make_busy_rig(""); /* begun paused: Space lets it go on, whatever is measured meanwhile */
    script_for(script, sizeof script, ":wait state measuring\nSpace\n:save-screen %s\n%s",
               here("go"), ":wait state done\n:quit\n");
    play_through(run_folder(), "--paused", script);
}

/* What is done between two steps is announced when it is asked for, and by no step that has not come. */
static void test_what_waits_for_the_step_says_so(void **state)
{
    char script[2048];

    (void)state;
    make_busy_rig(",{'name':'attack','method':'sft','train':[{'file':'rows.jsonl','harmful':true}],"
                  "'batch_size':4,'lora':{'r':2},'steps':2,'lr':0.01}");
    script_for(script, sizeof script,
               ":wait state measuring\n:fork here\n:save-screen %s\nR\n:save-screen %s\n"
               ":attack steps=2\n:save-screen %s\n:save-screen %s\n:wait attack\n"
               ":wait state done\n:quit\n",
               here("fork"), here("reference"), here("attack"), here("go"));
    play_through(run_folder(), NULL, script);
    assert_on("fork", "forking after this step");
    assert_on("reference", "after this step its weights are what drift is measured against");
    assert_on("attack", "attacking after this step");
}

/* `x` twice before the next step: the second is of the layers that wait, and takes the first back. */
static void test_layers_are_left_out_of_those_that_wait(void **state)
{
    char script[2048];

    (void)state;
    make_busy_rig("");
    script_for(script, sizeof script,
               ":wait state measuring\nx\nX\n:save-screen %s\nEsc\nx\nX\n:save-screen %s\nEsc\n"
               ":save-screen %s\n:wait state done\n:quit\n",
               here("once"), here("twice"), here("go"));
    play_through(run_folder(), NULL, script);
    assert_on("once", "layers> 1-");
    assert_on("twice", "layers> 0-");
}

/* The screen's thread sleeps: training does not notice. */
static void test_training_does_not_wait_for_the_screen(void **state)
{
    const char *out = run_folder();
    struct term t;
    size_t after;

    (void)state;
    start_endless(&t, out, "screen");
    term_keys(&t, ":stall 60\r");
    term_read(&t, 0.3);
    wait_more(&t, out, 20);
    after = t.n;
    term_keys(&t, "?");
    term_read(&t, 0.3);
    assert_int_equal(t.n, after); /* it did sleep */
    kill(t.pid, SIGKILL);
    term_read(&t, 20);
    assert_true(t.status >= 0);
    close(t.fd);
    term_free(&t);
}

/* More steps than the rings hold have been missed: the screen takes them from the files, and
 * answers keys meanwhile. */
static void test_the_screen_catches_up(void **state)
{
    const char *out = run_folder();
    struct term t;

    (void)state;
    start_endless(&t, out, "screen");
    term_keys(&t, ":stall 5\r");
    wait_more(&t, out, 600);
    term_keys(&t, "?");
    term_wait(&t, "What stands here:");
    term_keys(&t, "\033");
    term_read(&t, 0.3);
    term_keys(&t, "q");
    term_wait(&t, "save and quit");
    term_keys(&t, "\033");
    term_read(&t, 0.3);
    term_keys(&t, "q\r");
    assert_int_equal(term_end(&t, 20), 0);
    assert_told_how_to_go_on(&t, out);
    term_free(&t);
}

/* A checkpoint that grows older is no reason to write: not one byte, paused or done. */
static void test_an_idle_screen_is_silent(void **state)
{
    static const char *const scripts[] = {":step 2\n:wait step 2\n" HELD "c\n",
                                          ":wait state done\n"};
    static const char *const states[] = {"PAUSED", "DONE"};

    (void)state;
    make_rig(STEERED);
    for (int i = 0; i < 2; i++) {
        const char *out = run_folder();
        struct term t;
        size_t before;

        start(&t, out, "screen", "--clocks", scripts[i]);
        term_wait(&t, states[i]);
        term_wait(&t, "ago");
        term_read(&t, 2);
        before = t.n;
        term_read(&t, getenv("UI_LONG") ? 10 : 2.5);
        assert_int_equal(t.n, before);
        term_keys(&t, "\033\033qD");
        term_end(&t, 20);
        term_free(&t);
    }
}

/* --- checkpoints --- */

static void test_checkpoint_key(void **state)
{
    static const char *const parts[] = {"adapter_config.json", "adapter_model.safetensors",
                                        "state.json"};
    const char *out = run_folder();
    char name[80];

    (void)state;
    make_rig(STEERED);
    play_through(out, "--paused", HELD ":step 3\n:wait step 3\n" HELD "c\n:quit discard\n");
    assert_int_equal(newest_checkpoint(out), 3);
    assert_false(dir_exists(run_path(out, "checkpoint-3.tmp")));
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "checkpoint-3/%s", parts[i]);
        free(run_read(out, name, NULL));
    }
}

/* --- leaving --- */

static void test_quit_saves(void **state)
{
    const char *a = untouched(STEERED), *b = run_folder();

    (void)state;
    play_through(b, NULL, ":wait step 3\nq s\n");
    assert_true(newest_checkpoint(b) >= 3);
    assert_int_equal(run_journal_count(b, "done"), 0);
    whole(b, true);
    run_assert_same(a, b);
}

static void test_quit_discards(void **state)
{
    const char *out = run_folder();

    (void)state;
    make_rig(STEERED);
    play_through(out, "--paused", HELD ":step 3\n:wait step 3\nq D\n");
    assert_int_equal(newest_checkpoint(out), -1);
    assert_int_equal(run_journal_count(out, "discard"), 1);
}

/* q Esc: as if nothing had been pressed. */
static void test_quit_is_cancelled(void **state)
{
    const char *a = untouched(STEERED), *b = run_folder();

    (void)state;
    play_through(b, NULL,
                 ":wait step 2\nq Esc\nq Esc\n:wait step 5\nq Esc q Esc\nCtrl-c\nCtrl-c\nCtrl-c\n"
                 ":wait state done\nq\n");
    run_assert_same(a, b);
}

/* h and d: to the end without a screen, with lines as `vaccine run` has them; also when it was
 * paused. */
static void test_headless_goes_on(void **state)
{
    static const char *const scripts[] = {":wait step 2\nq h\n", ":wait step 2\nd\n",
                                          ":step 3\n:wait step 3\n" HELD "d\n", ":quit headless\n"};
    const char *a = untouched(STEERED);

    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        const char *b = run_folder();

        assert_int_equal(
            play(b, i == 2 ? "--paused" : NULL, scripts[i], "training goes on without a screen"),
            0);
        run_assert_same(a, b);
    }
}

/* Behind a shell: it can be stopped and goes on, prints where it stands, and an interrupt saves. */
static void test_headless_obeys_the_shell(void **state)
{
    const char *out = run_folder();
    struct term t;

    (void)state;
    start_endless(&t, out, "shell");
    term_keys(&t, "qh");
    term_wait(&t, "training goes on without a screen");
    term_wait(&t, "\nstep ");
    term_keys(&t, "\032");
    term_wait(&t, "[stopped]");
    wait_more(&t, out, 10);
    term_keys(&t, "\003");
    assert_int_equal(term_end(&t, 30), 130);
    assert_told_how_to_go_on(&t, out);
    assert_true(newest_checkpoint(out) > 0);
    term_free(&t);
}

static int cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pause_is_the_state_at_its_step),
        cmocka_unit_test(test_guards_and_undo),
        cmocka_unit_test(test_steps_and_pauses_change_nothing),
        cmocka_unit_test(test_rho_takes_effect_at_the_next_step),
        cmocka_unit_test(test_questions_change_nothing),
        cmocka_unit_test(test_unknown_sequences_are_no_keys),
        cmocka_unit_test(test_a_step_ends_the_wait_for_the_start),
        cmocka_unit_test(test_a_paste_is_text),
        cmocka_unit_test(test_keys_and_stop_while_the_trainer_is_busy),
        cmocka_unit_test(test_what_waits_for_the_step_says_so),
        cmocka_unit_test(test_layers_are_left_out_of_those_that_wait),
        cmocka_unit_test(test_training_does_not_wait_for_the_screen),
        cmocka_unit_test(test_the_screen_catches_up),
        cmocka_unit_test(test_an_idle_screen_is_silent),
        cmocka_unit_test(test_checkpoint_key),
        cmocka_unit_test(test_quit_saves),
        cmocka_unit_test(test_quit_discards),
        cmocka_unit_test(test_quit_is_cancelled),
        cmocka_unit_test(test_headless_goes_on),
        cmocka_unit_test(test_headless_obeys_the_shell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return live_main(argc, argv, cases);
}
