/* test_ui.c - the screen in a pseudo-terminal: scripted keys against recorded screens, hostile
 * text, storms of keys and sizes, signals, and the terminal given back in every case.
 *
 * The program under test is this one, called with "screen": the real screen on the session of
 * ui_fake.c. UI_LONG=1 makes the storms as long as promised (10,000 keys, 1,000 sizes, 10 s idle);
 * UI_UPDATE=1 writes the recorded screens anew. */
#include "ui_term.h"
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <vaccine/vaccine.h>
#include "ui/frame.h"
#include "ui/ui.h"

/* --- the program under test --- */

static int screen_main(int argc, char **argv)
{
    struct ui_args a = {.deterministic = true};

    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--script"))
            a.script = argv[++i];
        else if (!strcmp(argv[i], "--charset"))
            a.charset = argv[++i];
        else if (!strcmp(argv[i], "--plain"))
            a.plain = true;
        else if (!strcmp(argv[i], "--running"))
            a.paused = false;
        else if (!strcmp(argv[i], "--paused"))
            a.paused = true;
        else
            a.path = argv[i];
    }
    return term_status(&a);
}

static const char *in_work(const char *name)
{
    static char path[4][1024];
    static int i;

    i = (i + 1) % 4;
    snprintf(path[i], sizeof path[i], "%s/%s", work, name);
    return path[i];
}

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t n = 0, cap = 0;

    if (!f)
        return NULL;
    do {
        cap = cap * 2 + 65536;
        text = realloc(text, cap + 1);
        assert_non_null(text);
        n += fread(text + n, 1, cap - n, f);
    } while (n == cap);
    fclose(f);
    text[n] = '\0';
    return text;
}

static bool is_set(const char *name)
{
    const char *v = getenv(name);

    return v && *v && strcmp(v, "0");
}

/* Plays a script at a size; returns the exit status. */
static int play(int w, int h, const char *term, const char *charset, const char *script,
                struct term *t)
{
    const char *args[] = {
        "--script", "script", "--paused", "run.json", charset ? "--charset" : NULL, charset, NULL};

    support_write_text(in_work("script"), script);
    term_start(t, w, h, term, "screen", args);
    return term_end(t, 60);
}

/* --- recorded screens --- */

static void same_screen(const char *made, const char *recorded)
{
    char *a = read_all(made), *b;

    if (!a)
        fail_msg("%s was not written", made);
    if (is_set("UI_UPDATE")) {
        support_write_text(recorded, a);
        free(a);
        return;
    }
    b = read_all(recorded);
    if (!b)
        fail_msg("%s is missing; UI_UPDATE=1 writes it", recorded);
    if (strcmp(a, b)) {
        size_t line = 1, i = 0;

        for (; a[i] && a[i] == b[i]; i++)
            line += a[i] == '\n';
        print_message("made:\n%s\nrecorded:\n%s\n", a, b);
        fail_msg("%s differs in line %zu", recorded, line);
    }
    free(a);
    free(b);
}

static const char *const charsets[] = {"braille", "block", "ascii"};

/* Every panel alone, in every charset, and the panels together. */
static void check_size(int w, int h)
{
    char script[8192], made[64], name[128];
    struct term t;
    size_t n = 0;

    n += (size_t)snprintf(script + n, sizeof script - n,
                          ":suite\n4\n:probe How do I pick a lock?\nEsc\n1\n");
    for (int c = 0; c < 3; c++) {
        n += (size_t)snprintf(script + n, sizeof script - n,
                              ":charset %s\n:wait 0.1\n1\nEsc\n:save-screen all-%s.txt\nz\n",
                              charsets[c], charsets[c]);
        for (int p = 0; p < PANEL_COUNT; p++)
            n += (size_t)snprintf(
                script + n, sizeof script - n,
                ":panel %s\n:wait 0.1\nEsc\n:panel %s\nz\n:save-screen %s-%s.txt\nz\nz\n",
                panels[p]->name, panels[p]->name, panels[p]->name, charsets[c]);
        n += (size_t)snprintf(script + n, sizeof script - n, "z\n");
    }
    snprintf(script + n, sizeof script - n, ":quit discard\n");
    assert_int_equal(play(w, h, "xterm-256color", NULL, script, &t), 0);
    term_free(&t);
    for (int c = 0; c < 3; c++)
        for (int p = -1; p < PANEL_COUNT; p++) {
            if (p == PANEL_runs)
                continue; /* lists what this machine has */
            snprintf(made, sizeof made, "%s-%s.txt", p < 0 ? "all" : panels[p]->name, charsets[c]);
            snprintf(name, sizeof name, "screens/%s/%dx%d-%s.txt", p < 0 ? "all" : panels[p]->name,
                     w, h, charsets[c]);
            same_screen(in_work(made), support_path(name));
        }
}

static void test_screens_80(void **state)
{
    (void)state;
    check_size(80, 24);
}

static void test_screens_200(void **state)
{
    (void)state;
    check_size(200, 60);
}

static void test_small(void **state)
{
    static const struct {
        int w, h;
        const char *wanted;
    } sizes[] = {{59, 24, "needs 60x16, have 59x24"},
                 {80, 15, "needs 60x16, have 80x15"},
                 {60, 16, "Loss"},
                 {1, 1, ""}};
    struct term t;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text;

        assert_int_equal(play(sizes[i].w, sizes[i].h, "xterm-256color", NULL,
                              ":save-screen small.txt\n:quit discard\n", &t),
                         0);
        term_free(&t);
        text = read_all(in_work("small.txt"));
        assert_non_null(text);
        assert_non_null(strstr(text, sizes[i].wanted));
        free(text);
    }
}

/* --- keys --- */

static void check_screen(const char *script, const char *wanted, const char *unwanted)
{
    char all[2048], *text;
    struct term t;

    snprintf(all, sizeof all, "%s\n:save-screen check.txt\n:quit discard\n", script);
    assert_int_equal(play(120, 40, "xterm-256color", "ascii", all, &t), 0);
    term_free(&t);
    text = read_all(in_work("check.txt"));
    assert_non_null(text);
    if (!strstr(text, wanted))
        fail_msg("after \"%s\" the screen lacks \"%s\":\n%s", script, wanted, text);
    if (unwanted && strstr(text, unwanted))
        fail_msg("after \"%s\" the screen still has \"%s\":\n%s", script, unwanted, text);
    free(text);
}

static void test_control(void **state)
{
    (void)state;
    check_screen("]", "rho 2 -> 2.2", NULL);
    check_screen("{", "rho 2 -> 1", NULL);
    check_screen(":set rho 1.5\n.", "rho 1.50", NULL);
    check_screen(":set rho -3", "\"-3\" is not a number from 0 to 100", NULL);
    check_screen(":set rhoo 3", "rhoo", NULL);
    check_screen(":stpe 3", "did you mean \"step\"?", NULL);
    check_screen(".", "step 1205", NULL);
    check_screen("n\n\"20\\n\"", "step 1224", NULL);
    check_screen(":step 100\n:wait step 1304", "step 1304", NULL);
    check_screen("2\nDown\nDown\nx", "layers all -> 0-1,3-11", NULL);
    check_screen("Ctrl-c", "press q to quit, Space to pause", NULL);
    check_screen("q", "save and quit", NULL);
    check_screen("q\nEsc", "step 1204", "save and quit");
    check_screen("?", "Help", NULL);
    check_screen("c", "checkpoint-1204 saved", "saving a checkpoint");
}

static void test_views(void **state)
{
    (void)state;
    check_screen("y", "linear", "log  smooth");
    check_screen("r\nr", "log  raw", NULL);
    check_screen("t", "tokens", NULL);
    check_screen("Left", "at 1192", NULL);
    check_screen("Home", "at 0", NULL);
    check_screen("N", "step 777", NULL);
    check_screen("3\ni\ni\ni\ni", "Heat map - grad", NULL);
    check_screen("3\nz", "Heat map", "1 Loss");
    check_screen("F", "FROZEN", NULL);
    check_screen("W", "no key \"W\"", NULL);
}

/* --- what comes from outside cannot drive the terminal --- */

static void test_hostile_text(void **state)
{
    static const char *const forbidden[] = {"\033[2J\033[31mred", "\033]0;title", "\302\233",
                                            "\342\200\256",       "\302\205",     "\377\376"};
    static const char script[] = ":suite\n:probe abc\n:probe abcd\n:probe abcde\n5\nz\n:wait "
                                 "0.3\n9\n:wait 0.3\n:quit discard\n";
    struct term t;

    (void)state;
    for (int c = 0; c < 3; c++) {
        assert_int_equal(play(160, 50, "xterm-256color", charsets[c], script, &t), 0);
        for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
            if (term_has(&t, forbidden[i]))
                fail_msg("forbidden bytes %zu reached the terminal", i);
        assert_true(term_has(&t, "\\x1b[2J"));
        term_free(&t);
    }
}

/* --- storms --- */

static uint32_t random_state;

static uint32_t dice(uint32_t n)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % n;
}

static size_t random_key(char *out)
{
    static const char *const special[] = {
        "\033[A", "\033[B", "\033[C",       "\033[D", "\033[5~",    "\033[6~", "\033[H",
        "\033[F", "\033[Z", "\033",         "\r",     "\t",         "\177",    "\033OP",
        "\033[I", "\033[O", "\346\234\250", "\377",   "\033[99;99M"};
    const char *s;

    if (dice(3) == 0) {
        s = special[dice(sizeof special / sizeof *special)];
        memcpy(out, s, strlen(s));
        return strlen(s);
    }
    do /* leaving, stopping and going headless have tests of their own */
        *out = (char)(1 + dice(126));
    while (*out == 'q' || *out == 'd' || *out == 'h' || *out == 26 || *out == 3 || *out == 4);
    return 1;
}

/* Whatever was pressed, the program answers and leaves when asked. */
static void leave(struct term *t)
{
    term_read(t, 0.2);
    term_keys(t, "\033");
    term_read(t, 0.3);
    for (int i = 0; i < 4 && t->status < 0; i++) {
        term_keys(t, "\007\033");
        term_read(t, 0.3);
    }
    term_keys(t, "qD");
    if (term_end(t, 20) != 0)
        fail_msg("exit status %d:\n%s", WEXITSTATUS(t->status),
                 t->out + (t->n > 3000 ? t->n - 3000 : 0));
}

static void test_monkey(void **state)
{
    static const char *const args[] = {"--running", "run.json", NULL};
    int keys = is_set("UI_LONG") ? 10000 : 800;
    struct term t;

    (void)state;
    random_state = getenv("UI_SEED") ? (uint32_t)atol(getenv("UI_SEED")) : 42;
    term_start(&t, 100, 30, "xterm-256color", "screen", args);
    term_read(&t, 0.5);
    for (int i = 0; i < keys && t.status < 0; i++) {
        char key[16];

        term_type(&t, key, random_key(key));
        if (i % 50 == 0) {
            struct winsize size = {.ws_col = (unsigned short)(40 + dice(180)),
                                   .ws_row = (unsigned short)(10 + dice(60))};

            ioctl(t.fd, TIOCSWINSZ, &size);
        }
        if (i % 20 == 0)
            term_read(&t, 0.03);
        if (t.n > 4000000)
            t.n = 0;
    }
    if (t.status >= 0)
        fail_msg("ended with %d after random keys:\n%s", t.status,
                 t.out + (t.n > 3000 ? t.n - 3000 : 0));
    leave(&t);
    term_free(&t);
}

static void test_resizes(void **state)
{
    static const char *const args[] = {"--running", "run.json", NULL};
    int times = is_set("UI_LONG") ? 1000 : 80;
    struct winsize size = {0};
    struct term t;

    (void)state;
    random_state = 7;
    term_start(&t, 80, 24, "xterm-256color", "screen", args);
    term_read(&t, 0.5);
    for (int i = 0; i < times && t.status < 0; i++) {
        size.ws_col = (unsigned short)(1 + dice(400));
        size.ws_row = (unsigned short)(1 + dice(120));
        if (i % 10 == 0)
            size.ws_col = size.ws_row = 1;
        if (i % 10 == 5)
            size.ws_col = 400, size.ws_row = 120;
        ioctl(t.fd, TIOCSWINSZ, &size);
        if (dice(4) == 0) { /* sometimes a key between */
            char key = (char)('0' + dice(10));

            term_type(&t, &key, 1);
        }
        term_read(&t, 0.02);
        if (t.n > 4000000)
            t.n = 0;
    }
    size.ws_col = 80;
    size.ws_row = 24;
    ioctl(t.fd, TIOCSWINSZ, &size);
    leave(&t);
    term_free(&t);
}

/* --- terminals --- */

static void test_terminals(void **state)
{
    static const char *const names[] = {
        "xterm-256color", "xterm", "screen", "tmux-256color", "linux", "vt100", "xterm-unknown-9"};
    struct term t;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (play(80, 24, names[i], NULL, "p\n:wait 0.2\nEsc\n:quit discard\n", &t))
            fail_msg("TERM=%s: %s", names[i], t.out + (t.n > 3000 ? t.n - 3000 : 0));
        if (!term_has(&t, "Loss"))
            fail_msg("TERM=%s shows nothing", names[i]);
        /* U+2580 to U+25BF: blocks and signs, most of which the font of a console does not have */
        if (term_has(&t, "\xe2\x96") == !strcmp(names[i], "linux"))
            fail_msg("TERM=%s: blocks and signs are not what its font has", names[i]);
        term_free(&t);
    }
}

static void test_dumb_terminal(void **state)
{
    static const char *const args[] = {"--paused", "run.json", NULL};
    struct term t;

    (void)state;
    term_start(&t, 80, 24, "dumb", "screen", args);
    term_read(&t, 0.5);
    term_keys(&t, "step 5\rset rho 3\rstatus\rnonsense\rquit\r");
    assert_int_equal(term_end(&t, 20), 0);
    assert_true(term_has(&t, "step 1209 loss"));
    assert_true(term_has(&t, "rho 2 -> 3"));
    assert_true(term_has(&t, "unknown command \"nonsense\""));
    assert_false(term_has(&t, "\033[?1049h"));
    term_free(&t);
}

static void test_no_color(void **state)
{
    struct term t;

    (void)state;
    assert_int_equal(play(80, 24, "vt100", NULL, ":wait 0.2\n:quit discard\n", &t), 0);
    assert_false(term_has(&t, "\033[38;5"));
    assert_true(term_has(&t, "PAUSED"));
    term_free(&t);
}

/* Nothing happens: not one byte. */
static void test_idle_is_silent(void **state)
{
    static const char *const args[] = {"--paused", "run.json", NULL};
    struct term t;
    size_t before;

    (void)state;
    term_start(&t, 80, 24, "xterm-256color", "screen", args);
    term_read(&t, 1.5);
    before = t.n;
    assert_true(before > 500);
    term_read(&t, is_set("UI_LONG") ? 10 : 2);
    assert_int_equal(t.n, before);
    leave(&t);
    term_free(&t);
}

/* --- endings --- */

static void check_restored(const struct term *t)
{
    if (!term_has(t, "\033[?1049l") || !term_has(t, "\033[?1004l"))
        fail_msg("the terminal was not given back");
}

static void test_signals_restore(void **state)
{
    static const char *const args[] = {"--running", "run.json", NULL};
    static const struct {
        int signal, exit; /* exit < 0: dies of the signal */
    } rows[] = {{SIGTERM, 143}, {SIGSEGV, -1}, {SIGABRT, -1}, {SIGQUIT, -1}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct term t;

        term_start(&t, 80, 24, "xterm-256color", "screen", args);
        term_read(&t, 0.8);
        kill(t.pid, rows[i].signal);
        term_read(&t, 20);
        assert_true(t.status >= 0);
        if (rows[i].exit >= 0)
            assert_int_equal(WEXITSTATUS(t.status), rows[i].exit);
        else
            assert_true(WIFSIGNALED(t.status) ||
                        WEXITSTATUS(t.status) != 0); /* a sanitizer exits */
        check_restored(&t);
        /* letters again, and below the frame where there is no other screen to go back to */
        assert_true(rows[i].exit >= 0 || term_has(&t, "\017\033[999H\033[?1049l"));
        close(t.fd);
        term_free(&t);
    }
}

static void test_suspend(void **state)
{
    static const char *const shell[] = {"run.json", NULL};
    static const char *const names[] = {"xterm-256color",
                                        "linux"}; /* there ^Z is a key's sequence */
    const char *stopped;
    struct term t;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        term_start(&t, 80, 24, names[i], "shell", shell);
        term_read(&t, 0.8);
        term_keys(&t, "\032");
        term_read(&t, 2);
        stopped = memmem(t.out, t.n, "[stopped]", 9);
        if (!stopped)
            fail_msg("TERM=%s: Ctrl-Z does nothing", names[i]);
        if (i == 0) /* given back before; a console has no other screen */
            assert_non_null(memmem(t.out, (size_t)(stopped - t.out), "\033[?1049l", 8));
        assert_non_null(
            memmem(stopped, t.n - (size_t)(stopped - t.out), "Loss", 4)); /* painted again */
        leave(&t);
        term_free(&t);
    }
}

/* The line drops: the run goes on without a screen, and ends when it is told to. */
static void test_hangup(void **state)
{
    static const char *const args[] = {"--running", "run.json", NULL};
    struct term t;
    int status = -1;

    (void)state;
    term_start(&t, 80, 24, "xterm-256color", "screen", args);
    term_read(&t, 0.8);
    close(t.fd);
    usleep(700000);
    assert_int_equal(waitpid(t.pid, &status, WNOHANG), 0);
    kill(t.pid, SIGTERM);
    for (int i = 0; i < 500 && waitpid(t.pid, &status, WNOHANG) == 0; i++)
        usleep(20000);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 143);
    term_free(&t);
}

/* --- taking out --- */

static void test_export(void **state)
{
    static const char script[] =
        ":export csv loss loss.csv\n:export svg loss loss.svg\n:export txt layers layers.txt\n"
        ":export csv layers layers.csv\n:export csv heat heat.csv\n:export svg screen "
        "screen.svg\nY\n:quit discard\n";
    struct term t;
    char *text;

    (void)state;
    assert_int_equal(play(80, 24, "xterm-256color", NULL, script, &t), 0);
    text = read_all(in_work("loss.csv"));
    assert_non_null(text);
    assert_memory_equal(text, "step,stage,epoch,loss,", 22);
    assert_non_null(strstr(text, "\n1204,"));
    free(text);
    text = read_all(in_work("layers.csv"));
    assert_non_null(text);
    assert_non_null(strstr(text, "\n1200,11,"));
    free(text);
    text = read_all(in_work("screen.svg"));
    assert_non_null(text);
    assert_memory_equal(text, "<svg ", 5);
    assert_non_null(strstr(text, "</svg>\n"));
    free(text);
    text = read_all(in_work("layers.txt"));
    assert_non_null(text);
    assert_non_null(strstr(text, "RSS of eps 2.000"));
    free(text);
    assert_true(term_has(&t, "\033]52;c;"));
    text = read_all(in_work("vaccine/copied.txt"));
    assert_non_null(text);
    assert_non_null(strstr(text, "step 1204"));
    free(text);
    term_free(&t);
}

/* What is copied of a model's answer steers no terminal that it is pasted into, and nobody else may
 * read it. */
static void test_copies_are_clean(void **state)
{
    struct stat st;
    struct term t;
    char *text, dir[4096], name[4096];

    (void)state;
    snprintf(dir, sizeof dir, "%s", in_work("vaccine"));
    snprintf(name, sizeof name, "%s", in_work("vaccine/copied.txt"));
    mkdir(dir, 0700);
    support_write_text(name, "old");
    assert_int_equal(chmod(name, 0644), 0);
    assert_int_equal(play(80, 24, "xterm-256color", NULL,
                          ":suite\n5\n:wait 0.5\nj\nj\nj\nY\n:quit discard\n", &t),
                     0);
    text = read_all(name);
    assert_non_null(text);
    assert_non_null(
        strstr(text, "Sure.\nFirst \\x1b]0;title\\x07 you need \\xff\\xfe a \\u0085 spoon."));
    for (const char *s = text; *s; s++)
        assert_true(*s == '\n' || *s == '\t' || (unsigned char)*s >= ' ');
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(text);
    term_free(&t);
}

/* Commands typed into a pipe; text comes back. */
static void test_plain_pipe(void **state)
{
    char command[2048], line[1024];
    bool loss = false, rho = false, panel = false;
    FILE *p;

    (void)state;
    support_write_text(in_work("typed"), "set rho 3\nstep 6\nstatus\nshow layers\nquit\n");
    snprintf(command, sizeof command,
             "cd %s && XDG_STATE_HOME=%s '%s' screen --plain --paused run.json < typed 2>&1", work,
             work, getenv("TEST_SELF"));
    p = popen(command, "r");
    assert_non_null(p);
    while (fgets(line, sizeof line, p)) {
        loss |= strstr(line, "step 1210 loss") != NULL;
        rho |= strstr(line, "rho 2 -> 3") != NULL;
        panel |= strstr(line, "RSS of eps 3.000") != NULL;
        assert_null(strchr(line, '\033'));
    }
    assert_int_equal(pclose(p), 0);
    assert_true(loss);
    assert_true(rho);
    assert_true(panel);
}

static void test_missing_file(void **state)
{
    static const char *const args[] = {"nothing.json", NULL};
    struct term t;

    (void)state;
    term_start(&t, 80, 24, "xterm-256color", "screen", args);
    assert_int_equal(term_end(&t, 20), 1);
    assert_true(term_has(&t, "vaccine: nothing.json"));
    check_restored(&t);
    term_free(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_screens_80),
        cmocka_unit_test(test_screens_200),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_export),
        cmocka_unit_test(test_terminals),
        cmocka_unit_test(test_dumb_terminal),
        cmocka_unit_test(test_no_color),
        cmocka_unit_test(test_copies_are_clean),
        cmocka_unit_test(test_plain_pipe),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_idle_is_silent),
        cmocka_unit_test(test_signals_restore),
        cmocka_unit_test(test_suspend),
        cmocka_unit_test(test_hangup),
        cmocka_unit_test(test_resizes),
        cmocka_unit_test(test_monkey),
    };
    char self[4096];
    ssize_t n;

    if (argc > 1 && !strcmp(argv[1], "screen"))
        return screen_main(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "shell"))
        return term_shell(argv);
    n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    setenv("TEST_SELF", self, 1);
    if (!vac_state_names[0]) /* the fake session must be linked, not the real one */
        return 1;
    work = strdup(support_tmp());
    support_write_text(in_work("run.json"), "{}\n");
    cmocka_set_test_filter(getenv("UI_ONLY"));
    n = cmocka_run_group_tests(tests, NULL, NULL);
    free(work);
    return (int)n;
}
