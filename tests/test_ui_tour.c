/* test_ui_tour.c - the tour: at three sizes each sentence stands above the messages until what it asks for was
 * pressed and done, and nothing else of the screen is another one for it. */
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "support.h"
#include "term/dialog.h"
#include "term/prompt.h"
#include "ui/frame.h"
#include "ui/headless.h"
#include "ui/paint.h"
#include "ui/press.h"
#include "ui/session.h"
#include "ui/tour.h"

static struct ui_args args = {.deterministic = true, .tour = true};
static struct ui_private priv;
static struct ui ui;
static const struct {
    int w, h;
} sizes[] = {{80, 24}, {120, 40}, {200, 60}};
enum { SIZES = sizeof sizes / sizeof *sizes };
static int size; /* which of them */

/* A run by formula, paused at step 1204, on the first sentence. */
static int setup(void **state)
{
    struct vac_open o = {.file = support_path("test_ui_tour.c"), .paused = true};
    struct vac_err err = {0};

    (void)state;
    priv = (struct ui_private){.args = &args, .status = -1, .tour = {.on = true}};
    ui = (struct ui){.deterministic = true,
                     .who = "ui",
                     .cursor = NAN,
                     .priv = &priv,
                     .ema = 0.6,
                     .metric = METRIC_drift_rel};
    ui.charset = CHARSET_ASCII;
    for (int i = 0; i < PANEL_COUNT; i++)
        ui.own[i] = calloc(1, panels[i]->own ? panels[i]->own : 1);
    assert_ok(vac_session_open(&ui.session, &o, &err), &err);
    assert_ok(vac_session_start(ui.session, &err), &err);
    while (session_pump(&ui))
        ;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    prompt_close(&ui);
    overlay_close();
    session_close(&ui);
    for (int i = 0; i < PANEL_COUNT; i++) {
        if (panels[i]->done)
            panels[i]->done(&ui);
        free(ui.own[i]);
    }
    canvas_done(&priv.canvas);
    return 0;
}

static void press(int key)
{
    press_key(&ui, key, false);
    while (session_pump(&ui))
        ;
}

static void keys(const char *text)
{
    for (; *text; text++)
        press((unsigned char)*text);
}

/* The screen; free it. */
static char *screen(void)
{
    int x, y;
    char *text;

    frame_draw(&ui, sizes[size].w, sizes[size].h, &x, &y);
    text = canvas_text(&priv.canvas);
    assert_non_null(text);
    return text;
}

/* The rows of the tour as one line, above the message and the keys; free it. */
static char *sentence(void)
{
    char *text = screen(), *s = text, *out = calloc(1, 2000);
    const struct layout *l = &priv.layout;
    int from = sizes[size].h - l->footer - l->tour;

    for (int y = 0; *s; y++) {
        size_t n = strcspn(s, "\n"), lead = strspn(s, " ");

        if (y >= from && y < from + l->tour && n > lead)
            snprintf(out + strlen(out), 2000 - strlen(out), "%s%.*s", *out ? " " : "",
                     (int)(n - lead), s + lead);
        s += n + (s[n] == '\n');
    }
    free(text);
    return out;
}

static void assert_says(const char *what)
{
    char *said = sentence();

    if (strncmp(said, what, strlen(what)))
        fail_msg("%dx%d: \"%s\", not \"%s\"", sizes[size].w, sizes[size].h, said, what);
    free(said);
}

static void through(void)
{
    assert_says("1 Align: n, 100, Enter: a hundred steps, then a pause.");
    keys("y"); /* does what it does, and the sentence waits */
    assert_says("1 Align: n, 100,");
    keys("n4\r");
    assert_says("1 Align: n, 100,"); /* four are no hundred */
    keys("n96\r");
    assert_int_equal(ui.snap.step, 1304);
    assert_says(
        "1 Align: HS in the first line, the share of mischief that is answered, has fallen");
    keys("3"); /* another panel */
    assert_says("1 Align: HS in the first line");
    keys("2");
    assert_says("1 Align: Drift is how far");
    keys(".");
    assert_says("2 Ask: p, How do I forge the boat?, Enter: refused, in panel 5.");
    keys("p2.n"); /* typed, not pressed */
    assert_says("2 Ask: p,");
    keys("\r");
    assert_says("2 Ask: Ask as well, How do I paint the boat?: that should be");
    press(UIKEY_ESC);
    assert_says("3 Change rho: } doubles it and { halves it, ] and [ change it by a tenth");
    keys(".}"); /* the wrong way round */
    assert_says("3 Change rho: } doubles");
    keys(".");
    assert_says("3 Change rho: In panel 2 eps has doubled");
    keys("n48\r");
    assert_says("3 Change rho: In panel 1 the loss lies further");
    keys("{");
    assert_says("4 Look around: n, 200, Enter goes on");
    keys("n200\r");
    assert_says("4 Look around: 7 has the scores, and after z");
    keys("7z");
    assert_says("4 Look around: Over-refusal");
    keys("z");
    assert_says("4 Look around: 3 is drift");
    keys("341");
    assert_says("5 Attack: It begins by itself at step 400");
    keys("n120\r");
    assert_says("5 Attack: HS rises. 5, z and P ask");
    keys("5zP");
    assert_says("5 Attack: D, 400, Enter sets the answers");
    keys("D400\r");
    press(UIKEY_DOWN);
    assert_says("5 Attack: p asks what you asked before");
    keys("p");
    press(UIKEY_ESC);
    keys("z");
    assert_says("6 Compare: Space goes on to the end.");
    keys(" ");
    assert_says("6 Compare: Space");
    ui.snap.state = VAC_DONE;
    assert_says("6 Compare: HS is near 100 %");
    keys("0mo");
    assert_says("6 Compare: 8 is the journal");
    keys("8/set\r");
    assert_says("6 Compare: q leaves.");
    keys("8?");
    overlay_close();
    assert_says("6 Compare: q leaves.");
}

static void test_it_waits_for_each_key(void **state)
{
    for (size = 0; size < SIZES; size++) {
        through();
        teardown(state);
        setup(state);
    }
    size = 0;
}

/* No sentence is cut, at any width. */
static void test_no_sentence_is_cut(void **state)
{
    (void)state;
    for (size = 0; size < SIZES; size++) {
        int rows = -1;

        for (priv.tour.step = 0;; priv.tour.step++) {
            char *said = sentence();
            bool last = strstr(said, "q leaves.") != NULL;

            if (said[strlen(said) - 1] != '.' || strchr(said, '`') || strchr(said, '*'))
                fail_msg("%dx%d: %s", sizes[size].w, sizes[size].h, said);
            assert_true(rows < 0 || rows == priv.layout.tour); /* nothing moves between two */
            rows = priv.layout.tour;
            free(said);
            if (last)
                break;
        }
        assert_true(rows >= 1 && rows <= 3);
        priv.tour.step = 0;
    }
    size = 0;
}

/* As everywhere: it asks while there is something to lose. */
static void test_it_can_be_left(void **state)
{
    (void)state;
    for (size = 0; size < SIZES; size++) {
        char *text;

        keys("q");
        assert_true(overlay_is_up());
        text = screen();
        assert_non_null(strstr(text, "save")); /* and the sentence stands below the question */
        assert_non_null(strstr(text, "1 Align: n, 100"));
        free(text);
        overlay_close();
    }
    size = 0;
}

static void test_without_it_there_is_no_row(void **state)
{
    char *text;

    (void)state;
    for (size = 0; size < SIZES; size++) {
        priv.tour.on = false;
        text = screen();
        assert_null(strstr(text, "1 Align"));
        assert_int_equal(priv.layout.tour, 0);
        free(text);
        priv.tour.on = true;
    }
    size = 0;
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_it_waits_for_each_key),
        CASE(test_no_sentence_is_cut),
        CASE(test_it_can_be_left),
        CASE(test_without_it_there_is_no_row),
    };

    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
