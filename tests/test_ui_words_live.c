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
        assert_non_null(strstr(text, "\" here it"));
        free(text);
    }
}

/* A terminal as vt100 and linux are, without another screen to go back from. */
struct glass {
    int w, h, x, y;
    char last, *cell; /* h rows of w */
};

static void glass_down(struct glass *g)
{
    if (++g->y < g->h)
        return;
    memmove(g->cell, g->cell + g->w, (size_t)(g->w * (g->h - 1)));
    memset(g->cell + g->w * (g->h - 1), ' ', (size_t)g->w);
    g->y = g->h - 1;
}

static void glass_put(struct glass *g, char c)
{
    if (g->x >= g->w) {
        g->x = 0;
        glass_down(g);
    }
    g->cell[g->y * g->w + g->x++] = g->last = c;
}

static void glass_blank(struct glass *g, int from, int to)
{
    if (to > from)
        memset(g->cell + from, ' ', (size_t)(to - from));
}

static void glass_control(struct glass *g, char what, const int *n, int given)
{
    int one = given && n[0] > 0 ? n[0] : 1, at = g->y * g->w + (g->x < g->w ? g->x : g->w - 1);

    switch (what) {
    case 'H':
        g->y = one - 1;
        g->x = given > 1 && n[1] > 0 ? n[1] - 1 : 0;
        break;
    case 'd':
        g->y = one - 1;
        break;
    case 'G':
        g->x = one - 1;
        break;
    case 'A':
        g->y -= one;
        break;
    case 'B':
        g->y += one;
        break;
    case 'C':
        g->x += one;
        break;
    case 'D':
        g->x -= one;
        break;
    case 'J':
        glass_blank(g, given && n[0] == 2 ? 0 : at, g->w * g->h);
        break;
    case 'K':
        glass_blank(g, given && n[0] == 1 ? g->y * g->w : at,
                    given && n[0] == 1 ? at + 1 : (g->y + 1) * g->w);
        break;
    case 'X':
        glass_blank(g, at, at + one);
        break;
    case 'b':
        while (one-- > 0)
            glass_put(g, g->last);
        break;
    default:
        break;
    }
    g->y = g->y < 0 ? 0 : g->y >= g->h ? g->h - 1 : g->y;
    g->x = g->x < 0 ? 0 : g->x;
}

static void glass_show(struct glass *g, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\033' && i + 1 < n && s[i + 1] == '[') {
            int number[8] = {0}, given = 0;

            for (i += 2; i < n && (unsigned char)s[i] < '@'; i++) {
                given = given ? given : 1;
                if (s[i] == ';' && given < 8)
                    given++;
                else if (s[i] >= '0' && s[i] <= '9')
                    number[given - 1] = 10 * number[given - 1] + s[i] - '0';
            }
            if (i < n)
                glass_control(g, s[i], number, given);
        } else if (s[i] == '\033') {
            i += i + 1 < n && strchr("()", s[i + 1]) ? 2 : 1;
        } else if (s[i] == '\r') {
            g->x = 0;
        } else if (s[i] == '\n') {
            glass_down(g);
        } else if (s[i] == '\b') {
            g->x -= g->x > 0;
        } else if (((unsigned char)s[i] & 0xc0) != 0x80 && (unsigned char)s[i] >= ' ') {
            glass_put(g, s[i]); /* a character of several bytes is one */
        }
    }
}

/* The last line as a terminal without an alternate screen keeps it is the key bar until the program
 * ends, and blank then, below what it says of the run. */
static void test_the_last_line_is_clean(void **state)
{
    static const char *const names[] = {"vt100", "linux"};

    (void)state;
    make_rig(ENDLESS);
    for (int i = 0; i < SIZES; i++)
        for (size_t k = 0; k < 2; k++) {
            const char *args[] = {rig.file, "-o", run_folder(), "--paused", NULL};
            struct glass g = {.w = sizes[i].w, .h = sizes[i].h};
            char *last;
            struct term t;
            size_t shown;

            term_start(&t, sizes[i].w, sizes[i].h, names[k], "screen", args);
            term_wait(&t, "PAUSED");
            term_wait(&t, "waiting to start");
            shown = t.n;
            term_keys(&t, "qD");
            assert_int_equal(term_end(&t, 60), 0);
            g.cell = malloc((size_t)(g.w * g.h));
            memset(g.cell, ' ', (size_t)(g.w * g.h));
            last = g.cell + g.w * (g.h - 1);
            glass_show(&g, t.out, shown);
            if (strncmp(last, "? Help", 6))
                fail_msg("%s: no key bar: %.*s", names[k], g.w, last);
            glass_show(&g, t.out + shown, t.n - shown);
            for (int x = 0; x < g.w; x++)
                if (last[x] != ' ')
                    fail_msg("%s: the last line is left as: %.*s", names[k], g.w, last);
            assert_int_equal(g.y, g.h - 1);
            assert_int_equal(g.x, 0);
            assert_non_null(memmem(last - g.w, (size_t)g.w, ": ended, nothing is saved", 25));
            free(g.cell);
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
        term_keys(&t, "p\r"); /* a key of the screen */
        term_wait(&t, "did you mean \"probe\"?");
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

/* The file is sound: nobody is sent to look for the fault in it. */
static void test_a_fault_on_the_command_line_is_no_files(void **state)
{
    (void)state;
    make_rig(ENDLESS);
    for (int i = 0; i < SIZES; i++) {
        const char *args[] = {rig.file, "-o", run_folder(), "--set", "stages[0].lr=-1", NULL};
        struct term t;

        term_start(&t, sizes[i].w, sizes[i].h, "xterm-256color", "screen", args);
        assert_int_equal(term_end(&t, 60), 2);
        assert_true(term_has(&t, "--set stages[0].lr=-1: stages[0].lr: expected"));
        assert_false(term_has(&t, "has a fault"));
        term_free(&t);
    }
}

/* What cannot be opened leaves an error, and no picture before it. */
static void test_only_the_error_is_shown(void **state)
{
    const char *over = untouched(ONE_STAGE("1"));
    const struct {
        const char *path, *flag, *says;
    } wrong[] = {
        {"nowhere.json", "--paused", "nowhere.json"},
        {over, "--attach", "this run is over"},
        {rig.dir, "--paused", "run.json"},
    };

    (void)state;
    for (int i = 0; i < SIZES; i++)
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
            const char *args[] = {wrong[k].path, wrong[k].flag, NULL};
            struct term t;

            term_start(&t, sizes[i].w, sizes[i].h, "xterm-256color", "screen", args);
            assert_true(term_end(&t, 60) > 0);
            if (!term_has(&t, wrong[k].says) || term_has(&t, "opening") || term_has(&t, "Enter") ||
                term_has(&t, "Quit"))
                fail_msg("%s: %s", wrong[k].path, t.out);
            term_free(&t);
        }
}

/* What is read while a run is opened, how much of it there is, and the way out. */
static void test_a_long_opening_tells_and_can_be_left(void **state)
{
    (void)state;
    make_rig(
        "'checkpoint':{'steps':0,'minutes':0},'stages':[{'train':['long.jsonl'],'batch_size':4,"
        "'lora':{'r':2},'steps':9,'lr':0.0001}]");
    run_rows(here("long.jsonl"), 60000, 8, 7);
    for (int i = 0; i < SIZES; i++) {
        const char *args[] = {rig.file, "-o", run_folder(), "--paused", NULL};
        struct term t;

        term_start(&t, sizes[i].w, sizes[i].h, "xterm-256color", "screen", args);
        term_wait(&t, "reading"); /* what follows may stand in the next row */
        term_wait(&t, "long.jsonl,");
        term_wait(&t, "leaves");
        if (i)
            term_keys(&t, "\033");
        else
            term_wait(&t, "PAUSED"); /* or it is waited for */
        if (!i)
            term_keys(&t, "qD");
        assert_int_equal(term_end(&t, 60), i ? 1 : 0);
        assert_true(!i || term_has(&t, "left while it was reading"));
        assert_int_equal(dir_exists(args[2]), !i);
        term_free(&t);
    }
}

/* What is typed while the weights to be asked are taken up is not lost; a q in it leaves nothing. */
static void test_what_is_typed_while_it_opens_is_asked(void **state)
{
    const char *out = run_folder(), *args[] = {out, NULL};
    char line[512], *text;
    struct term t;

    (void)state;
    make_rig(
        "'checkpoint':{'steps':0,'minutes':0},'stages':[{'train':['long.jsonl'],'batch_size':4,"
        "'lora':{'r':2},'steps':1,'lr':0.0001}]");
    run_rows(here("long.jsonl"), 60000, 8, 7);
    play_through(out, NULL, ":wait state done\n:quit\n");
    term_start(&t, 80, 24, "xterm-256color", "screen", args);
    term_wait(&t, "DONE");
    term_wait(&t, "chooses which weights"); /* all of panel 5 that says how has room */
    term_keys(&t, "p");
    term_wait(&t, "leaves");
    term_keys(&t, "\033[200~quick \033[201~and ");
    term_read(&t, 0.4);
    term_keys(&t, "quiet\rnext");
    term_wait(&t, "now, @1");
    snprintf(line, sizeof line, ":save-screen %s\r", here("asked"));
    term_read(&t, 0.3);
    term_keys(&t, "\033");
    term_read(&t, 0.5);
    term_keys(&t, line);
    term_read(&t, 0.5);
    text = run_read(rig.dir, "asked", NULL);
    assert_non_null(strstr(text, "> quick and quiet "));
    free(text);
    term_keys(&t, "q");
    assert_int_equal(term_end(&t, 30), 0);
    term_free(&t);
}

static int cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_layers_past_is_there_after_a_resume),
        cmocka_unit_test(test_a_note_outlives_its_run),
        cmocka_unit_test(test_the_last_line_is_clean),
        cmocka_unit_test(test_no_stray_prompts),
        cmocka_unit_test(test_a_fault_in_a_run_file_is_mended),
        cmocka_unit_test(test_a_fault_on_the_command_line_is_no_files),
        cmocka_unit_test(test_only_the_error_is_shown),
        cmocka_unit_test(test_a_long_opening_tells_and_can_be_left),
        cmocka_unit_test(test_what_is_typed_while_it_opens_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return live_main(argc, argv, cases);
}
