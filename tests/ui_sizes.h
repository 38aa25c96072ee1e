/* ui_sizes.h - a run by formula and its screen at the three sizes that people have: keys in, text out.
 */
#ifndef TESTS_UI_SIZES_H
#define TESTS_UI_SIZES_H

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

static struct ui_args args = {.deterministic = true};
static struct ui_private priv;
static struct ui ui;
static const struct {
    int w, h;
} sizes[] = {{80, 24}, {120, 40}, {200, 60}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* A run by formula, paused at step 1204. */
static int setup(void **state)
{
    struct vac_open o = {.file = support_path("ui_sizes.h"), .paused = true};
    struct vac_err err = {0};

    (void)state;
    priv = (struct ui_private){.args = &args, .status = -1};
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

static inline void keys(const char *text)
{
    for (; *text; text++)
        press_key(&ui, (unsigned char)*text, false);
}

/* The screen of a size; free it. */
static inline char *screen(int size)
{
    int x, y;
    char *text;

    frame_draw(&ui, sizes[size].w, sizes[size].h, &x, &y);
    text = canvas_text(&priv.canvas);
    assert_non_null(text);
    return text;
}

/* Line `at` of a screen, counted from its end when negative; free it. */
static inline char *line_of(int size, int at)
{
    char *text = screen(size), *s = text, *out;

    for (int i = at < 0 ? sizes[size].h + at : at; i > 0; i--)
        s = strchr(s, '\n') + 1;
    out = strndup(s, strcspn(s, "\n"));
    free(text);
    return out;
}

static inline void assert_shows(int size, const char *what)
{
    char *text = screen(size);

    if (!strstr(text, what))
        fail_msg("%dx%d: \"%s\" is not in:\n%s", sizes[size].w, sizes[size].h, what, text);
    free(text);
}

static inline void assert_lacks(int size, const char *what)
{
    char *text = screen(size);

    if (strstr(text, what))
        fail_msg("%dx%d: \"%s\" is still in:\n%s", sizes[size].w, sizes[size].h, what, text);
    free(text);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
static int run_cases(const struct CMUnitTest *tests, size_t n)
{
    setlocale(LC_ALL, "C.UTF-8");
    setenv("INPUTRC", "/dev/null", 1);
    setenv("XDG_STATE_HOME", support_tmp(), 1);
    return _cmocka_run_group_tests("screens", tests, n, NULL, NULL);
}
#endif
