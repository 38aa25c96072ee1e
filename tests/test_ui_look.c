/* test_ui_look.c - looking around in a pseudo-terminal: the cursor of all plots, zoom, smoothing
 * and units, tables and filters, other runs laid over, characters and colours, files, the mouse. */
#include "base/io.h"
#include <sys/stat.h>
#include "ui_term.h"
#include "ui/ui.h"

static char path[1024], other[1024];

/* The screen as it is now, from the program itself; free it. */
static char *saved(struct term *t)
{
    struct vac_err err = {0};
    char *text = NULL;

    unlink(path);
    term_keys(t, ":save-screen screen.txt\r");
    for (int i = 0; i < 200 && !text; i++) {
        term_read(t, 0.05);
        text = file_read(path, 1 << 20, NULL, &err);
    }
    if (!text)
        fail_msg("no screen was saved:\n%s", t->out ? t->out : "");
    return text;
}

static void assert_shows(struct term *t, const char *what)
{
    char *text = saved(t);

    if (!strstr(text, what))
        fail_msg("\"%s\" is not in:\n%s", what, text);
    free(text);
}

static void assert_lacks(struct term *t, const char *what)
{
    char *text = saved(t);

    if (strstr(text, what))
        fail_msg("\"%s\" is still in:\n%s", what, text);
    free(text);
}

/* Keys, then what the screen has to show. */
static void press(struct term *t, const char *keys, const char *what)
{
    term_keys(t, keys);
    assert_shows(t, what);
}

static void open_screen(struct term *t, int w, int h, const char *how)
{
    const char *args[] = {how, NULL};

    term_start(t, w, h, "xterm-256color", "screen", args);
    term_read(t, 0.4);
}

static void leave(struct term *t)
{
    t->n = 0;
    term_keys(t, ":quit discard\r");
    assert_int_equal(term_end(t, 20), 0);
}

/* A file that the program wrote, once it is there; free it. */
static char *written(const char *name, const char *wanted)
{
    struct vac_err err = {0};
    char *text = NULL;

    snprintf(other, sizeof other, "%s/%s", work, name);
    for (int i = 0; i < 100 && !(text && strstr(text, wanted)); i++) {
        free(text);
        usleep(50000);
        text = file_read(other, 1 << 22, NULL, &err);
    }
    if (!text || !strstr(text, wanted))
        fail_msg("%s lacks \"%s\": %s", name, wanted, text ? text : "(there is none)");
    return text;
}

/* --- curves --- */

/* One cursor for all plots; what stands there can be copied: step, raw, smoothed, time. */
static void test_cursor(void **state)
{
    struct term t;
    char *text;

    (void)state;
    open_screen(&t, 200, 60, "ascii");
    press(&t, ":goto 600\r", "smooth 0.9  at 600");
    assert_shows(&t, "layer 0 at 600:");    /* heat map */
    assert_shows(&t, "drift at 600: mean"); /* layers */
    press(&t, "l", "at 612");               /* a hundredth of the picture */
    press(&t, "hh", "at 588");
    term_keys(&t, "1Y");
    text = written("vaccine/copied.txt", "step 588");
    assert_non_null(strstr(text, "\nwall 326.34\n"));
    assert_non_null(strstr(text, "\nloss "));
    assert_non_null(strstr(text, "\nloss_smoothed "));
    free(text);
    press(&t, "\033OF", "smooth 0.9 -"); /* End: the newest, no cursor */
    leave(&t);
    term_free(&t);
}

static void test_zoom_and_units(void **state)
{
    struct term t;
    char *text, *at;

    (void)state;
    open_screen(&t, 120, 40, "ascii");
    term_keys(&t, "1z");
    press(&t, ":goto 600\r++", "at 600");
    assert_shows(&t, "450                500"); /* 301 steps around the cursor */
    press(&t, "H", "400                450");   /* a quarter of them to the left */
    press(&t, "Z", "1200");
    press(&t, "y", "- linear");
    press(&t, "y", "- log");
    press(&t, "r", "log  smooth 0.98");
    press(&t, "r", "log  raw");
    press(&t, "r", "log  smooth 0.6");
    press(&t, "r", "log  smooth 0.9 ");
    press(&t, "t", "tokens|");
    press(&t, "t", " s|");
    press(&t, "t", "step|");
    text = saved(&t);
    at = strstr(text, " at 600");
    assert_non_null(at);
    free(text);
    leave(&t);
    term_free(&t);
}

/* --- lists --- */

static void test_layers_are_sorted(void **state)
{
    struct term t;
    char *text;

    (void)state;
    open_screen(&t, 120, 40, "ascii");
    term_keys(&t, "2z");
    text = saved(&t);
    assert_true(strstr(text, "|> 0 ") < strstr(text, "| 11 "));
    free(text);
    term_keys(&t, "s"); /* by drift, the largest first */
    text = saved(&t);
    assert_non_null(strstr(text, "| 11 "));
    assert_true(strstr(text, "| 11 ") < strstr(text, "|  1 "));
    free(text);
    press(&t, "z:panel heat\r\033[A", "> 0"); /* the selection is the same in the other panels */
    leave(&t);
    term_free(&t);
}

static void test_filter(void **state)
{
    struct term t;

    (void)state;
    open_screen(&t, 120, 40, "ascii");
    press(&t, "8/checkpoint\r", "/checkpoint  2 of 4");
    assert_lacks(&t, "probe suite: 4 prompts");
    press(&t, "/nothing like it\r", "no match: nothing like it");
    assert_shows(&t, "/checkpoint  2 of 4"); /* the old view stays */
    press(&t, "/(rho|/(/\r", "/(/");         /* told what is wrong with it */
    press(&t, "1/", "has no list to filter");
    leave(&t);
    term_free(&t);
}

static void test_overlays_have_glyphs(void **state)
{
    struct term t;
    char *text;

    (void)state;
    open_screen(&t, 160, 44, "ascii");
    press(&t, "0mmo", "2 marked");
    press(&t, "1z", "# run-07");
    text = saved(&t);
    assert_non_null(strstr(text, "@ sft-01"));
    assert_non_null(strstr(text, "##"));
    free(text);
    assert_shows(&t, "|0.2+"); /* the others' one step near 0 does not stretch the axis */
    assert_lacks(&t, "|1e-0");
    press(&t, "rr", "log  raw");
    assert_shows(&t, "|0.2+");
    assert_lacks(&t, "|1e-0");
    leave(&t);
    term_free(&t);
}

/* --- other runs, evaluation by evaluation --- */

/* Compares with a file of tests/screens, which UI_UPDATE=1 writes anew. */
static void assert_recorded(struct term *t, const char *name)
{
    char *text = saved(t), file[256], *want;
    struct vac_err err = {0};

    snprintf(file, sizeof file, "%s", support_path(name));
    if (getenv("UI_UPDATE"))
        support_write_text(file, text);
    want = file_read(file, 1 << 20, NULL, &err);
    if (!want)
        fail_msg("%s is missing; UI_UPDATE=1 writes it", file);
    if (strcmp(text, want))
        fail_msg("%s differs:\n%s\nrecorded:\n%s", file, text, want);
    free(want);
    free(text);
}

/* This run was aligned for 800 steps and attacked for 404, the one laid over it for 600 and 500. */
static void open_attacked(struct term *t, int w, int h, const char *how)
{
    setenv("FAKE_ATTACK", "800", 1);
    open_screen(t, w, h, how);
    unsetenv("FAKE_ATTACK");
    term_keys(t, "0jmo7");
    term_read(t, 0.1);
}

static void test_evaluations_beside_each_other(void **state)
{
    static const struct {
        const char *how, *name;
    } sets[] = {{"ascii", "ascii"}, {"block", "block"}, {"", "braille"}, {"NO_COLOR", "mono"}};
    static const int sizes[][2] = {{80, 24}, {200, 60}};
    char name[128];
    struct term t;

    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (int k = 0; k < 2; k++) {
            open_attacked(&t, sizes[k][0], sizes[k][1], sets[i].how);
            snprintf(name, sizeof name, "screens/overlay/%dx%d-%s.txt", sizes[k][0], sizes[k][1],
                     sets[i].name);
            assert_recorded(&t, name);
            term_keys(&t, "z");
            snprintf(name, sizeof name, "screens/overlay-zoom/%dx%d-%s.txt", sizes[k][0],
                     sizes[k][1], sets[i].name);
            assert_recorded(&t, name);
            leave(&t);
            term_free(&t);
        }
}

/* An attack that the run waits for: its scores leave the curves of the run where they are, and all figures are there. */
static void test_an_attack_is_seen_to_go_on(void **state)
{
    static const int sizes[][2] = {{80, 24}, {120, 40}, {200, 60}};
    char name[128];
    struct term t;

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        setenv("FAKE_SIEGE", "120", 1);
        open_screen(&t, sizes[k][0], sizes[k][1], "ascii");
        unsetenv("FAKE_SIEGE");
        press(&t, "7", "attack at 1200: step 120/200");
        assert_shows(&t, "PAUSED  ATTACK @1200 120/200  step 1204");
        snprintf(name, sizeof name, "screens/siege/%dx%d.txt", sizes[k][0], sizes[k][1]);
        assert_recorded(&t, name);
        assert_shows(&t, "over_refusal 0.9%");
        assert_shows(&t, "harmful loss 1.74");
        press(&t, "z", "harmful loss 1.74");
        assert_shows(&t, "HS 73.5%");
        assert_shows(&t, "drift 0.213");
        snprintf(name, sizeof name, "screens/siege/%dx%d-zoom.txt", sizes[k][0], sizes[k][1]);
        assert_recorded(&t, name);
        leave(&t);
        term_free(&t);
    }
}

/* Of a battery it says which of how many, by name where there is room. */
static void test_an_attack_of_a_battery_is_in_the_header(void **state)
{
    static const struct {
        int w;
        const char *says;
    } rows[] = {{80, "|| PAUSED  ATTACK @1200 2/18 120/200  step 1204"},
                {200, "|| PAUSED  ATTACK @1200 2/18 lr=0.003 of many 120/200  step 1204"}};
    struct term t;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setenv("FAKE_SIEGE", "120 lr=0.003 of many", 1);
        open_screen(&t, rows[i].w, 24, "ascii");
        unsetenv("FAKE_SIEGE");
        press(&t, "7", rows[i].says);
        leave(&t);
        term_free(&t);
    }
}

/* The first column of the picture that has the sign; -1 = none. */
static int first_column(const char *text, char sign)
{
    const char *line = strstr(text, "|100+"), *end;
    int first = -1;

    for (; line && (end = strchr(line, '\n')) && !memmem(line, (size_t)(end - line), "++--", 4);
         line = end + 1) {
        const char *at = memchr(line, sign, (size_t)(end - line));

        if (at && (first < 0 || at - line < first))
            first = (int)(at - line);
    }
    return first;
}

/* Where the stage begins is the same column, however long the runs were aligned before it. */
static void test_stages_begin_together(void **state)
{
    struct term t;
    char *text;
    int here, there;

    (void)state;
    open_attacked(&t, 120, 40, "ascii");
    press(&t, "z", "HS, attack");
    text = saved(&t);
    here = first_column(text, '*');
    there = first_column(text, '#');
    if (here < 0 || here != there || here != (int)strlen("|   |"))
        fail_msg("columns %d and %d in:\n%s", here, there, text);
    assert_non_null(strstr(text, "* run-07"));
    assert_non_null(strstr(text, "passed 50% at step 260"));
    assert_non_null(strstr(text, "# sft-01"));
    assert_non_null(strstr(text, "passed 50% at step 120"));
    free(text);
    press(&t, ":goto 400\r", "HS, align"); /* the cursor stands in another stage */
    press(&t, "jz", "over_refusal");       /* which no other run has measured */
    assert_lacks(&t, "HS, al");
    assert_lacks(&t, "passed 50%");
    leave(&t);
    term_free(&t);
}

/* --- characters and colours --- */

/* Is there a "ESC [ ... m" with a number from 30 to 48 or 90 on that is not 39? */
static bool sets_color(const char *s, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++) {
        size_t end = i + 2;
        bool color = false;

        if (s[i] != '\033' || s[i + 1] != '[')
            continue;
        while (end < n && ((s[end] >= '0' && s[end] <= '9') || s[end] == ';')) {
            long x = strtol(s + end, NULL, 10);

            color |= (x >= 30 && x <= 48 && x != 39) || x >= 90;
            end += strspn(s + end, "0123456789");
            end += end < n && s[end] == ';';
        }
        if (color && end < n && s[end] == 'm')
            return true;
    }
    return false;
}

static void test_charsets(void **state)
{
    struct term t;

    (void)state;
    open_screen(&t, 80, 24, "");
    assert_true(sets_color(t.out, t.n));
    assert_shows(&t, "\342\225\255"); /* a round corner: the locale is UTF-8 */
    press(&t, "C", "characters: block");
    press(&t, "C", "characters: ASCII");
    assert_lacks(&t, "\342\225\255");
    assert_shows(&t, "+- >1 Loss");
    leave(&t);
    term_free(&t);
    open_screen(&t, 80, 24, "C"); /* a locale without UTF-8 */
    assert_shows(&t, "+- >1 Loss");
    press(&t, "C", "the locale is not UTF-8");
    press(&t, ":O\303\271\346\227\245\177e\r", "\"O\\u00f9e\""); /* typed and taken back whole */
    leave(&t);
    for (size_t i = 0; i < t.n; i++)
        assert_true((unsigned char)t.out[i] < 0x80);
    term_free(&t);
}

static void test_no_color_is_obeyed(void **state)
{
    struct term t;

    (void)state;
    open_screen(&t, 80, 24, "NO_COLOR");
    assert_shows(&t, "PAUSED");
    assert_shows(&t, "1 Loss");
    assert_false(sets_color(t.out, t.n));
    leave(&t);
    term_free(&t);
}

/* --- files --- */

static void test_every_panel_is_exported(void **state)
{
    static const char *const names[] = {"loss",     "layers",     "heat",    "map",  "probe",
                                        "controls", "evaluation", "journal", "data", "runs"};
    struct term t;
    char line[128], file[64];

    (void)state;
    open_screen(&t, 120, 40, "ascii");
    term_keys(&t, "P");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        static const char *const kinds[][2] = {{"txt", "+- "}, {"svg", "</svg>\n"}, {"csv", ","}};

        for (int k = 0; k < 3; k++) {
            snprintf(file, sizeof file, "%s.%s", names[i], kinds[k][0]);
            snprintf(line, sizeof line, ":export %s %s %s\r", kinds[k][0], names[i], file);
            term_keys(&t, line);
            term_read(&t, 0.05);
            if (k < 2 || strcmp(names[i], "map"))
                free(written(file, kinds[k][1]));
        }
    }
    leave(&t);
    term_free(&t);
}

/* --- the mouse --- */

/* Button 0 = the left one, 64 and 65 = the wheel; cells from 1 on. */
static void mouse(struct term *t, int button, int x, int y)
{
    char keys[64];

    snprintf(keys, sizeof keys, "\033[<%d;%d;%dM", button, x, y);
    term_keys(t, keys);
    if (button == 0) {
        snprintf(keys, sizeof keys, "\033[<%d;%d;%dm", button, x, y);
        term_keys(t, keys);
    }
}

/* The left button goes down at one place and up at another. */
static void drag(struct term *t, int x, int y, int to_x, int to_y)
{
    char keys[128];

    snprintf(keys, sizeof keys, "\033[<0;%d;%dM\033[<32;%d;%dM\033[<32;%d;%dM\033[<0;%d;%dm", x, y,
             (x + to_x) / 2, (y + to_y) / 2, to_x, to_y, to_x, to_y);
    term_keys(t, keys);
}

/* The line of the loss panel with the labels of x; free it. */
static char *x_labels(struct term *t)
{
    char *text = saved(t), *line = text, *end;

    for (int i = 0; i < 9; i++)
        line = strchr(line, '\n') + 1;
    end = strchr(line, '\n');
    line = strndup(line, (size_t)(end - line) < 40 ? (size_t)(end - line) : 40);
    free(text);
    return line;
}

/* A VT100 as terminfo has it: no mouse, no clipboard, and none of the keys that every later one has. */
static void test_an_old_terminal(void **state)
{
    static const char *const ascii[] = {"ascii", NULL};
    struct term t;

    (void)state;
    term_start(&t, 80, 24, "vt100", "screen", ascii);
    term_read(&t, 0.4);
    press(&t, "2\033[B\033[B", "> 2 ");
    press(&t, "\033[1~", "> 0 ");
    press(&t, "\033[4~", ">11 ");
    press(&t, "M", "! this terminal has no mouse");
    press(&t, "1Y", "bytes in copied.txt, not on the clipboard");
    assert_false(term_has(&t, "\033]"));
    leave(&t);
    term_free(&t);
}

static void test_mouse(void **state)
{
    char *whole, *near;
    struct term t;

    (void)state;
    open_screen(&t, 80, 24, "ascii");
    assert_shows(&t, ">1 Loss");
    assert_false(term_has(&t, "\033[?1006;1000h")); /* the terminal keeps its own selection */
    term_keys(&t, "M");
    assert_shows(&t, "mouse on: Shift-drag selects text");
    assert_true(term_has(&t, "\033[?1006;1000h"));

    mouse(&t, 0, 52, 7); /* the fifth row below the frame is layer 3 */
    assert_shows(&t, ">2 Layers");
    assert_shows(&t, "> 3 ");
    mouse(&t, 65, 52, 7);
    assert_shows(&t, "> 4 ");
    mouse(&t, 64, 52, 7);
    assert_shows(&t, "> 3 ");
    mouse(&t, 0, 60, 16); /* the second option */
    assert_shows(&t, ">6 Controls");
    assert_shows(&t, ">lr");
    drag(&t, 60, 16, 24, 6); /* the button went down in no plot */
    assert_shows(&t, ">6 Controls");
    assert_shows(&t, "smooth 0.9 -");
    mouse(&t, 0, 10, 17);
    assert_shows(&t, ">5 Probe");

    mouse(&t, 0, 24, 6); /* half way along the curves */
    assert_shows(&t, ">1 Loss");
    assert_shows(&t, "at 711");
    assert_shows(&t, "\n|   |**                |"); /* the cursor is where the click was */
    assert_true(term_has(&t, "\033[?1002h"));       /* moves while the button is down, no others */
    assert_false(term_has(&t, "\033[?1003h"));
    drag(&t, 24, 6, 30, 8);
    assert_shows(&t, "\n|   |**                      |");
    drag(&t, 30, 8, 60, 30); /* out of the panel: as far as it goes */
    assert_shows(&t, "at 1204");
    assert_shows(&t, ">1 Loss");
    drag(&t, 30, 8, 24, 6);
    assert_shows(&t, "at 711");
    whole = x_labels(&t);
    mouse(&t, 64, 24, 6);
    near = x_labels(&t);
    assert_non_null(strstr(whole, "1000"));
    assert_string_not_equal(whole, near);
    free(near);
    mouse(&t, 65, 24, 6);
    near = x_labels(&t);
    assert_string_equal(whole, near);
    free(near);
    free(whole);
    term_keys(&t, "3"); /* the heat map comes into the place of the layers */
    term_read(&t, 0.2);
    mouse(&t, 0, 51, 4);
    assert_shows(&t, ">3 Heat map");
    assert_shows(&t, "smooth 0.9  at 0 ");
    assert_shows(&t, "> 2 |"); /* the cursor, in the selected layer's row */
    mouse(&t, 0, 80, 24);      /* outside of all panels, and of the screen */
    mouse(&t, 0, 200, 200);
    assert_shows(&t, ">3 Heat map");

    term_keys(&t, "M");
    assert_shows(&t, "mouse off");
    assert_true(term_has(&t, "\033[?1006;1000l"));
    term_keys(&t, "M");
    term_read(&t, 0.2);
    leave(&t);
    assert_true(term_has(&t, "\033[?1006;1000l")); /* given back as it was */
    term_free(&t);
}

/* The program under test. */
static int screen_main(const char *how)
{
    struct ui_args a = {.path = "run.json", .paused = true, .deterministic = true};

    if (!strcmp(how, "ascii") || !strcmp(how, "block"))
        a.charset = how;
    if (!strcmp(how, "C"))
        setenv("LC_ALL", "C", 1);
    if (!strcmp(how, "NO_COLOR"))
        setenv("NO_COLOR", "1", 1);
    return term_status(&a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursor),
        cmocka_unit_test(test_zoom_and_units),
        cmocka_unit_test(test_layers_are_sorted),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_overlays_have_glyphs),
        cmocka_unit_test(test_evaluations_beside_each_other),
        cmocka_unit_test(test_an_attack_is_seen_to_go_on),
        cmocka_unit_test(test_an_attack_of_a_battery_is_in_the_header),
        cmocka_unit_test(test_stages_begin_together),
        cmocka_unit_test(test_charsets),
        cmocka_unit_test(test_no_color_is_obeyed),
        cmocka_unit_test(test_every_panel_is_exported),
        cmocka_unit_test(test_an_old_terminal),
        cmocka_unit_test(test_mouse),
    };
    int rc;

    if (argc > 2)
        return screen_main(argv[2]);
    work = strdup(support_tmp());
    snprintf(path, sizeof path, "%s/run.json", work);
    support_write_text(path, "{}\n");
    snprintf(path, sizeof path, "%s/runs", work);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/screen.txt", work);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(work);
    return rc;
}
