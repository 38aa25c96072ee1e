/* test_ui_plots.c - what the frame does for every plot and every table: ranges that a single value
 * does not set, signs and legends, room for the curve of the scores, columns that never touch. */
#include "ui_sizes.h"
#include "ui/commands.h"
#include "ui/help.h"

/* The run's losses, 400 steps near 1, one of them 50; the harmful score every 50 steps. */
static void fill(double spike)
{
    for (int i = 1; i <= 400; i++) {
        struct vac_point p = {.step = i};

#define NOT_MEASURED(name, ...) p.name = NAN;
        VAC_COLUMNS(NOT_MEASURED)
        p.loss = i == 200 ? spike : 1 + 0.2 * sin(i / 9.0) + 0.05 * cos(i * 7.0);
        history_push(&ui.points, &p);
    }
}

/* A plot of the loss alone, in each set of characters. */
static void draw_loss_as(struct canvas *c, enum charset charset, double ema, bool mono, bool log)
{
    struct plot_line l = {.name = "loss",
                          .x = history_column(&ui.points, COL_step),
                          .y = history_column(&ui.points, COL_loss),
                          .n = ui.points.n,
                          .stride = HISTORY_STRIDE,
                          .style = INK_EPS,
                          .glyph = '+',
                          .ema = ema};
    struct plot p = {.lines = &l,
                     .n_lines = 1,
                     .log = log,
                     .y0 = NAN,
                     .y1 = NAN,
                     .cursor = NAN,
                     .level = NAN,
                     .x_unit = "step",
                     .mono = mono,
                     .legend = true};
    struct view v;

    assert_int_equal(canvas_init(c, 60, 16, charset), 0);
    v = view_all(c);
    plot_draw(&v, &p);
}

static void draw_loss(struct canvas *c, enum charset charset, double ema)
{
    draw_loss_as(c, charset, ema, false, false);
}

/* The greatest number of the axis. */
static double top_of(const struct canvas *c)
{
    char *text = canvas_text(c);
    double top = 0;

    for (char *s = text; s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
        if (strspn(s, " 0123456789.") < 8)
            top = fmax(top, strtod(s, NULL));
    assert_true(top > 0);
    free(text);
    return top;
}

/* A value of one step far off is cut, and a sign stands where it was; smoothed or not. */
static void test_a_single_spike_is_cut_and_marked(void **state)
{
    struct canvas c = {0};

    (void)state;
    history_done(&ui.points);
    fill(50);
    for (int charset = 0; charset < CHARSET_COUNT; charset++)
        for (double ema = 0; ema < 1; ema += 0.6) {
            uint32_t up = charset == CHARSET_ASCII ? '^' : 0x25b2;
            int marks = 0;

            draw_loss(&c, (enum charset)charset, ema);
            assert_true(top_of(&c) < 3);
            for (int x = 0; x < c.w; x++)
                if (c.cells[x].ch[0] == up) {
                    marks++;
                    assert_in_range(x, 28, 34); /* half of the way */
                }
            assert_int_equal(marks, 1);
        }
    canvas_done(&c);
}

/* The refusal direction is watched or it is not: it will not come by waiting. */
static void test_what_is_not_watched_is_not_waited_for(void **state)
{
    (void)state;
    ui.metric = METRIC_refusal;
    for (size_t k = 0; k < ui.layers.n * METRIC_COUNT * (size_t)ui.layers.n_layers; k++)
        if (k / (size_t)ui.layers.n_layers % METRIC_COUNT == METRIC_refusal)
            ui.layers.v[k] = NAN;
    ui_focus(&ui, PANEL_heat);
    for (int i = 0; i < SIZES; i++)
        assert_shows(i, "refusal is not watched by this");
}

/* What never moved from 0 stands at the foot of a range of its own, also where a logarithm was asked for, and
 * numbers below 0 keep their sign. */
static void test_a_constant_has_an_axis(void **state)
{
    static const double values[] = {-0.01, 0};
    struct canvas c = {0};

    (void)state;
    for (int i = 0; i < 4; i++) {
        double value = values[i / 2];
        char *text, *end;
        int n = 0;

        history_done(&ui.points);
        fill(1);
        for (size_t k = 0; k < ui.points.n; k++)
            ui.points.v[k * COL_COUNT + COL_loss] = value;
        draw_loss_as(&c, CHARSET_ASCII, 0, false, i % 2);
        text = canvas_text(&c);
        for (char *s = text; s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
            double at = strtod(s, &end);

            if (end == s || *end != '+')
                continue;
            assert_true(value < 0 ? at >= -0.011 && at <= -0.009 : at >= 0 && at <= 1);
            n++;
        }
        assert_true(n >= 3);
        free(text);
    }
    canvas_done(&c);
}

/* Many values far off are no accident, and what is rarely measured is shown as it is. */
static void test_what_lasts_is_in_range(void **state)
{
    struct canvas c = {0};

    (void)state;
    history_done(&ui.points);
    fill(50);
    for (size_t i = 200; i < 230; i++)
        ui.points.v[i * COL_COUNT + COL_loss] = 50;
    draw_loss(&c, CHARSET_ASCII, 0);
    assert_true(top_of(&c) >= 40);
    history_done(&ui.points);
    fill(50);
    for (size_t i = 0; i < ui.points.n; i++)
        if (i % 40 != 39)
            ui.points.v[i * COL_COUNT + COL_loss] = NAN;
    draw_loss(&c, CHARSET_ASCII, 0);
    assert_true(top_of(&c) >= 40);
    canvas_done(&c);
}

/* The same by keys, in the place that the panel has: linear axis, raw and smoothed. */
static void test_the_panel_keeps_its_range(void **state)
{
    (void)state;
    ui.points.v[600 * COL_COUNT + COL_loss] = 500;
    keys("1");
    for (int i = 0; i < SIZES; i++)
        for (int raw = 0; raw < 4; raw++) {
            char *row = line_of(i, 2);

            assert_non_null(strchr(row, '^'));
            free(row);
            assert_lacks(i, "|500+");
            assert_lacks(i, "|400+");
            keys("r");
        }
}

/* Every curve has its sign, name and value below, however many runs are laid over. */
/* Curves that lie on each other: each of them shows now and then. */
static void test_curves_that_coincide_are_all_seen(void **state)
{
    double x[40], y[40];
    struct plot_line line[3];
    struct plot p = {.lines = line, .n_lines = 3, .y0 = 0, .y1 = 100, .level = NAN, .cursor = NAN};
    struct canvas c;
    char *text;

    (void)state;
    for (int i = 0; i < 40; i++) {
        x[i] = i;
        y[i] = 50;
    }
    for (int i = 0; i < 3; i++)
        line[i] = (struct plot_line){.x = x,
                                     .y = y,
                                     .n = 40,
                                     .stride = sizeof *x,
                                     .style = INK_HARM + (unsigned)i,
                                     .glyph = "*o+"[i]};
    assert_int_equal(canvas_init(&c, 60, 12, CHARSET_ASCII), 0);
    plot_draw(&(struct view){.c = &c, .w = 60, .h = 12}, &p);
    text = canvas_text(&c);
    assert_non_null(strstr(text, "*o+*o+*o+*o+"));
    free(text);
    canvas_done(&c);
}

/* `ended`: all of them before this run's step, so that each value has its own. */
static void every_curve_is_in_the_legend(bool ended)
{
    static const char *const names[] = {"sft-01-with-a-long-name", "lisa-2", "booster",
                                        "t-vaccine"};

    keys("1");
    for (int i = 0; i < INK_RUNS; i++) {
        snprintf(ui.overlay[i].name, sizeof ui.overlay[i].name, "%s", names[i]);
        for (int k = 1; k < 100; k++) {
            struct vac_point p = {.step = ended    ? 10 * k + 9
                                          : i == 1 ? k
                                                   : 13 * k,
                                  .loss = ended ? 0.905 : 1 + i};

            history_push(&ui.overlay[i].points, &p);
        }
    }
    ui.n_overlay = INK_RUNS;
    for (int i = 0; i < SIZES; i++) {
        char *text = screen(i), *end = strstr(text, "y log"), *legend = end;
        const char *signs = "*o+x#@%&";

        for (int rows = 0; rows < 3; legend--)
            rows += *legend == '\n';
        end = strchr(end, '\n');
        *end = '\0';
        for (const char *s = signs; *s; s++) {
            char sign[] = {' ', *s, ' ', '\0'}, first[] = {'|', *s, ' ', '\0'};

            if (!strstr(legend, sign) && !strstr(legend, first))
                fail_msg("%dx%d: no %c in the legend:\n%s", sizes[i].w, sizes[i].h, *s, legend);
        }
        /* where there is room for values: of where this run is, or with their own step */
        if (i == 2 && !ended) {
            assert_non_null(strstr(legend, "4.00"));
            assert_non_null(strstr(legend, "2.00 @99 "));
        }
        free(text);
    }
    for (int i = 0; i < INK_RUNS; i++)
        history_done(&ui.overlay[i].points);
    ui.n_overlay = 0;
}

static void test_every_curve_is_in_the_legend(void **state)
{
    (void)state;
    every_curve_is_in_the_legend(false);
    every_curve_is_in_the_legend(true);
}

/* Without colours and in dots, each curve has its sign on it. */
static void test_signs_say_what_colours_say(void **state)
{
    (void)state;
    ui.charset = CHARSET_BRAILLE;
    ui.utf8 = true;
    keys("1z");
    for (int i = 0; i < 2 * SIZES; i++) {
        char *text;
        int n[2] = {0, 0};

        ui.colors = i < SIZES ? 0 : 256;
        text = screen(i % SIZES);
        for (const char *s = strchr(strchr(text, '\n') + 1, '\n'); *s; s++) {
            n[0] += *s == 'o';
            n[1] += *s == '*';
        }
        assert_true(ui.colors || n[0] >= 4 + 2);  /* curve, legend, and in the words around */
        assert_true(n[1] >= (ui.colors ? 3 : 4)); /* not every reader sees every colour */
        free(text);
    }
}

/* Two of these lines in braille, without colours: their picture as text; free it. */
static char *drawn(const struct plot_line *lines, int n, double x1, uint32_t *first_row)
{
    struct plot p = {.lines = lines,
                     .n_lines = n,
                     .x1 = x1,
                     .y0 = 0,
                     .y1 = 100,
                     .cursor = NAN,
                     .level = NAN,
                     .x_unit = "step",
                     .mono = true,
                     .legend = true};
    struct canvas c = {0};
    struct view v;
    char *text;

    assert_int_equal(canvas_init(&c, 60, 16, CHARSET_BRAILLE), 0);
    c.utf8 = true;
    v = view_all(&c);
    plot_draw(&v, &p);
    for (int x = 0; first_row && x < c.w; x++)
        first_row[x] = c.cells[x].ch[0];
    text = canvas_text(&c);
    canvas_done(&c);
    return text;
}

/* How often a sign stands in the picture, without its legend. */
static int signs_in(const char *text, char sign)
{
    const char *end = strstr(text, "step\n");
    int n = 0;

    assert_non_null(end);
    for (; text < end; text++)
        n += *text == sign;
    return n;
}

/* Three curves that coincide are three, be they drawn by values or by steps. */
static void test_no_curve_vanishes_under_another(void **state)
{
    static const char glyphs[] = "*ox";
    double x[40], y[40];
    struct plot_line lines[3];

    (void)state;
    for (int i = 0; i < 40; i++) {
        x[i] = i * 10;
        y[i] = 100;
    }
    for (int values = 0; values < 2; values++) {
        char *text;

        for (int i = 0; i < 3; i++)
            lines[i] = (struct plot_line){.name = "curve",
                                          .x = x,
                                          .y = y,
                                          .n = 40,
                                          .stride = sizeof *x,
                                          .style = INK_ALIGN,
                                          .glyph = glyphs[i],
                                          .steps = values};
        text = drawn(lines, 3, 390, NULL);
        for (int i = 0; i < 3; i++)
            if (signs_in(text, glyphs[i]) < 3)
                fail_msg("%c\n%s", glyphs[i], text);
        free(text);
    }
}

/* What a run went back from is broken where there is no colour for it, and a longer run is worth in
 * the legend what it was at the end of the picture. */
static void test_what_lies_behind_or_beyond_is_not_taken_for_the_run(void **state)
{
    double x[40], y[40];
    uint32_t row[60];
    struct plot_line lines[] = {
        {.name = "run", .x = x, .y = y, .n = 20, .stride = sizeof *x, .glyph = '*'},
        {.name = "longer", .x = x, .y = y, .n = 40, .stride = sizeof *x, .glyph = '#'},
        {.x = x, .y = y, .n = 40, .stride = sizeof *x, .style = INK_GHOST, .glyph = '.'},
    };
    int dots[2] = {0, 0};
    char *text;

    (void)state;
    for (int i = 0; i < 40; i++) {
        x[i] = i * 10;
        y[i] = i < 20 ? 50 : 80;
    }
    text = drawn(lines, 2, 190, NULL);
    assert_non_null(strstr(text, "# longer 50.0"));
    free(text);
    for (int i = 0; i < 40; i++)
        y[i] = 100;
    for (int ghost = 0; ghost < 2; ghost++) {
        free(drawn(lines + (ghost ? 2 : 1), 1, 390, row));
        for (int i = 0; i < 60; i++)
            dots[ghost] += row[i] > 0x2800 && row[i] <= 0x28ff;
    }
    assert_true(dots[0] > 40 && dots[1] > 15 && dots[1] < 35);
}

/* In ASCII, too, no sign means two things: raw values, what the run went back from, an interval, the cursor, a note
 * and a run laid over. */
static void test_signs_in_ascii_are_told_apart(void **state)
{
    static const char signs[] = ".,:|\"#";
    double x[40], y[40], lo[40], hi[40];
    struct plot_line lines[] = {
        {.name = "run", .x = x, .y = y, .n = 20, .stride = sizeof *x, .glyph = '*', .ema = 0.9},
        {.x = x, .y = hi, .n = 40, .stride = sizeof *x, .style = INK_GHOST, .glyph = PLOT_GHOST},
        {.x = x, .y = lo, .lo = lo, .hi = y, .n = 40, .stride = sizeof *x, .glyph = '#'},
    };
    struct plot p = {.lines = lines,
                     .n_lines = 3,
                     .y0 = NAN,
                     .y1 = NAN,
                     .level = NAN,
                     .cursor = 150,
                     .note = {{300, "here"}},
                     .n_notes = 1};
    struct canvas c = {0};
    struct view v;
    int n[sizeof signs] = {0};

    (void)state;
    for (int i = 0; i < 40; i++) {
        x[i] = i * 10;
        y[i] = i % 2 ? 40 : 60;
        lo[i] = 10;
        hi[i] = 90;
    }
    assert_int_equal(canvas_init(&c, 60, 20, CHARSET_ASCII), 0);
    v = view_all(&c);
    plot_draw(&v, &p);
    for (int i = 0; i < c.w * c.h; i++)
        for (size_t k = 0; signs[k]; k++)
            n[k] += c.cells[i].ch[0] == (unsigned char)signs[k];
    for (int x_of = 0; x_of < c.w; x_of++) /* nothing lies over the cursor */
        for (int y_of = 0; y_of < 18 && c.cells[18 * c.w + x_of].ch[0] == '^'; y_of++)
            assert_int_equal(c.cells[y_of * c.w + x_of].ch[0], '|');
    for (size_t k = 0; signs[k]; k++)
        assert_true(signs[k] == '"' ? n[k] == 1 : n[k] >= (signs[k] == '.' ? 5 : 15));
    canvas_done(&c);
}

/* ... and the raw values behind a smoothed curve are thinner than it: shades in blocks, half of the dots in braille. */
static void test_raw_values_are_thinner_without_colours(void **state)
{
    struct canvas c = {0};

    (void)state;
    history_done(&ui.points);
    fill(1);
    for (int mono = 0; mono < 2; mono++) {
        int solid = 0, shade = 0, dots = 0;

        draw_loss_as(&c, CHARSET_BLOCK, 0.98, mono, false);
        for (int i = 0; i < c.w * c.h; i++) {
            uint32_t ch = c.cells[i].ch[0];
            bool behind = (c.cells[i].style & STYLE_INK) == INK_GHOST;

            shade += ch == 0x2591;
            solid += behind && (ch == 0x2580 || ch == 0x2584 || ch == 0x2588);
        }
        assert_true(mono ? shade > 60 && !solid : solid > 60 && !shade);
        draw_loss_as(&c, CHARSET_BRAILLE, 0.98, mono, false);
        for (int i = 0; i < c.w * c.h; i++)
            if ((c.cells[i].style & STYLE_INK) == INK_GHOST && c.cells[i].ch[0] >= 0x2800)
                dots = dots > __builtin_popcount(c.cells[i].ch[0] & 0xff)
                           ? dots
                           : __builtin_popcount(c.cells[i].ch[0] & 0xff);
        assert_true(mono ? dots <= 4 && dots > 1 : dots > 4); /* of eight in a cell */
    }
    canvas_done(&c);
}

/* The scores over steps: a picture at every size, with its interval and the step. */
static void test_scores_have_a_large_place(void **state)
{
    static const int least[SIZES][2] = {{34, 8}, {60, 6}, {55, 9}}; /* columns, rows */

    (void)state;
    keys("7");
    for (int i = 0; i < SIZES; i++) {
        char *text = screen(i), *row = text;
        const struct spot *s = priv.layout.place;
        int rows = 0, cols = 0;

        while (s->panel != PANEL_evaluation)
            s++;
        for (int y = 0; y < s->y + s->h; y++, row = strchr(row, '\n') + 1) {
            const char *axis = row + s->x + s->w - 2;

            if (y <= s->y)
                continue;
            while (axis > row + s->x && !(strchr("|+", *axis) && strchr("0 ", axis[-1])))
                axis--;
            if (axis > row + s->x &&
                (cols ? row + s->x + s->w - 2 - axis == cols : axis[-1] == '0')) {
                cols = (int)(row + s->x + s->w - 2 - axis);
                rows++;
            }
        }
        if (cols < least[i][0] || rows < least[i][1])
            fail_msg("%dx%d: %d x %d in\n%s", sizes[i].w, sizes[i].h, cols, rows, text);
        free(text);
        assert_shows(i, "::"); /* the interval around it */
        assert_shows(i, "95%");
    }
}

/* The margin of p(refuse) is a curve beside the score that it lies under. */
static void test_the_margin_has_a_curve(void **state)
{
    struct vac_eval e = {.name = "HS",
                         .stage = "align",
                         .is_rate = true,
                         .value = 0.25,
                         .lo = 0.2,
                         .hi = 0.3,
                         .n = 500,
                         .step = 1200};
    struct vac_event told = {.kind = VAC_EVENT_EVAL, .eval = {.score = &e}};

    (void)state;
    ui_focus(&ui, PANEL_evaluation);
    ui.zoom = true;
    for (int i = 0; i < SIZES; i++) {
        e.beneath[VAC_BENEATH_margin].known = false;
        panels[PANEL_evaluation]->event(&ui, &told);
        assert_lacks(i, "m margin");
        e.beneath[VAC_BENEATH_margin] = (struct vac_span){true, 0.625, 0.5, 0.75};
        panels[PANEL_evaluation]->event(&ui, &told);
        assert_shows(i, "m margin 0.625");
    }
}

/* What stands here and its keys come first; then what does something; what does nothing now is last. */
static void test_help_begins_where_one_is(void **state)
{
    static const struct {
        const char *keys, *first, *words[3];
    } rows[] = {
        {"1", "Loss: losses over steps", {"  clean ", "  ^ v ", "  y  "}},
        {"2", "Layers: drift, ", {"  RSS ", "  drift^2 ", "  x  "}},
        {"5", "Probe: ", {"  p(ref) ", "  delta ", "  p  "}},
        {"7", "Evaluation: harmful score", {"  FA ", "  over_refusal part of ", "  E  "}},
        {"4", "Map: ", {"  reference ", "  step ", "  R  "}},
        {"0", "Runs: ", {"  HS% ", "  broke ", "  D  "}},
    };

    (void)state;
    for (int i = 0; i < SIZES; i++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            char *text, *all;

            keys(rows[k].keys);
            keys("?");
            assert_shows(i, rows[k].first);
            text = screen(i);
            all = strstr(text, "Run:"); /* on a large screen the general groups are in sight too */
            if (all)
                *all = '\0';
            for (int w = 0; w < 3; w++)
                if (!strstr(text, rows[k].words[w])) {
                    press_key(&ui, UIKEY_PGDN, false); /* one page at most */
                    assert_shows(i, rows[k].words[w]);
                    press_key(&ui, UIKEY_PGUP, false);
                }
            free(text);
            overlay_close();
        }
    command_line(&ui, "help");
    for (int i = 0; i < SIZES; i++) {
        assert_shows(i, "Commands, after a colon:");
        assert_shows(i, "  set       OPTION VALUE");
    }
    overlay_close();
    ui.snap.state = VAC_DONE;
    keys("1?");
    for (int i = 0; i < SIZES; i++) {
        char *text = command_help(&ui), *idle = strstr(text, "These do nothing for this run");

        assert_non_null(idle);
        assert_true(strstr(text, "  c         save a checkpoint") > idle);
        assert_true(strstr(text, "  q         leave") < idle);
        assert_null(strstr(text, "rho and options:\n\n")); /* no heading without keys */
        free(text);
    }
}

/* What a panel does with a key of its own its help lists, and what it says of a word is one line of 80 columns:
 * a row is as wide as the pager's inside. */
static void test_help_lists_what_a_panel_does(void **state)
{
    enum { INSIDE = 72 };
    static const enum action asked_anywhere[] = {ACT_overlay, ACT_probe, ACT_label, ACT_edit,
                                                 ACT_stop};

    (void)state;
    free(screen(2)); /* rows are there to be acted on */
    while (session_pump(&ui))
        ;
    for (int i = 0; i < PANEL_COUNT; i++) {
        char *text = NULL, row[200];
        size_t size;
        FILE *out = open_memstream(&text, &size);

        ui_focus(&ui, i);
        help_panel(NULL, (enum panel_id)i, out);
        fclose(out);
        for (const struct word *w = panels[i]->words; w && w->word; w++)
            if (snprintf(row, sizeof row, "  %-9s %s", w->word, w->help) > INSIDE)
                fail_msg("panel %s: longer than a line of 80 columns: %s", panels[i]->name, row);
        for (enum action a = ACT_NONE + 1; a < ACT_COUNT; a++) {
            const struct key_row *k = key_row_of(a);
            bool does = panel_act(&ui, (enum panel_id)i, a) != UI_IGNORED;

            for (size_t j = 0; j < sizeof asked_anywhere / sizeof *asked_anywhere; j++)
                does &= a != asked_anywhere[j];
            snprintf(row, sizeof row, "\n  %-9s %s\n", k->keys, k->help);
            if (does && !strstr(text, row))
                fail_msg("panel %s: its help lacks %s: %s", panels[i]->name, k->keys, k->help);
            overlay_close();
            prompt_close(&ui);
        }
        free(text);
    }
}

/* Panel 9 shows what was asked and what is to be learnt, at every size. */
static void test_samples_show_question_and_answer(void **state)
{
    (void)state;
    keys("9");
    for (int i = 0; i < SIZES; i++) {
        char *text, *row;
        const struct spot *s = priv.layout.place;

        free(screen(i)); /* which asks for them */
        while (session_pump(&ui))
            ;
        text = row = screen(i);
        while (s->panel != PANEL_data)
            s++;
        for (int y = 0; y < s->y + 2; y++)
            row = strchr(row, '\n') + 1;
        row[strcspn(row, "\n")] = '\0';
        if (!strstr(row, "How do I") || !strstr(row, " > I cannot"))
            fail_msg("%dx%d: %s", sizes[i].w, sizes[i].h, row);
        if (!i)
            assert_int_equal(s->w, 80); /* all of its row */
        free(text);
    }
    keys("5"); /* and the others have theirs again */
    assert_shows(0, " Controls ");
}

/* Where the journal has no frame its name stands in its first line, with its filter. */
static void test_a_panel_without_a_frame_has_its_name(void **state)
{
    char *row;

    (void)state;
    row = line_of(0, 19);
    assert_non_null(strstr(row, "  8 Journal  ^"));
    free(row);
    keys("8/rho\r");
    for (int i = 0; i < SIZES; i++) {
        assert_shows(i, ">8 Journal");
        assert_shows(i, "/rho  ");
    }
}

/* The gradients of a real model are small: their numbers are whole all the same. */
static void test_small_numbers_of_layers_are_whole(void **state)
{
    struct layer_history *h = &ui.layers;

    (void)state;
    for (size_t i = 0; i < h->n * METRIC_COUNT * (size_t)h->n_layers; i++)
        h->v[i] = isnan((double)h->v[i]) ? h->v[i] : 9.87e-5f;
    keys("2");
    for (int i = 0; i < SIZES; i++)
        for (int zoom = 0; zoom < 2; zoom++) {
            char *text = screen(i), *layers = strstr(text, ">2 Layers");

            assert_non_null(strstr(layers, "e-04"));
            if (strstr(layers, "e-~"))
                fail_msg("%s", layers);
            assert_null(strstr(layers, "e-0~"));
            free(text);
            keys("z");
        }
}

/* A note's mark on the axis of the heat map falls on no word and no number. */
static void test_a_note_covers_no_word_of_the_axis(void **state)
{
    (void)state;
    keys("3z");
    for (int step = 0; step <= 1200; step += 25) {
        struct vac_event e = {.kind = VAC_EVENT_NOTE, .step = step, .text = "here"};

        journal_push(&ui.journal, &e);
        for (int i = 0; i < SIZES; i++) {
            char *text = screen(i), *axis = strstr(text, "|step");
            bool number = false;

            assert_non_null(axis);
            axis[strcspn(axis, "\n")] = '\0';
            assert_non_null(strchr(axis, '"'));
            for (const char *s = axis; *s; s++) {
                bool digit = *s >= '0' && *s <= '9';

                assert_false((number && *s == '"') || (digit && s[-1] == '"'));
                number = digit;
            }
            free(text);
        }
        ui.journal.n--;
    }
}

/* At the step that drift is measured against it is 0, which no logarithmic scale has. */
static void test_a_drift_of_0_is_measured(void **state)
{
    (void)state;
    ui.log_y = true;
    for (size_t i = 0; i < ui.layers.n * METRIC_COUNT * (size_t)ui.layers.n_layers; i++)
        ui.layers.v[i] = 0;
    for (int i = 0; i < SIZES; i++) {
        ui_focus(&ui, PANEL_heat);
        assert_shows(i, "no drift above 0 measured yet");
    }
}

/* The plan's rows stand in their own panel. */
static void test_the_plan_is_no_news(void **state)
{
    static const char *const what[] = {"base weights (mapped)", "adapters", "activations", "total"};
    static const uint64_t bytes[] = {1100000000, 25200000, 640000000, 1765200000};

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct vac_event e = {.kind = VAC_EVENT_PLAN, .plan = {.bytes = bytes[i], .first = i == 0}};

        strcpy(e.plan.what, what[i]);
        panels[PANEL_plan]->event(&ui, &e);
    }
    for (int i = 0; i < SIZES; i++) {
        press_key(&ui, key_by_name("F2"), false);
        assert_shows(i, "base weights");
        assert_shows(i, "62.3%");
        keys("8z");
        assert_shows(i, "rho 1.8 -> 2");
        assert_lacks(i, "base weights");
        keys("z");
    }
}

/* Who comes late has it from run.json: as the first stage's, when another one is under way. */
static void test_the_plan_of_the_past_says_so(void **state)
{
    struct vac_event e = {.kind = VAC_EVENT_PLAN,
                          .plan = {.what = "total", .bytes = 5, .first = true, .past = true}};

    (void)state;
    panels[PANEL_plan]->event(&ui, &e);
    for (int i = 0; i < SIZES; i++) {
        press_key(&ui, key_by_name("F2"), false);
        ui.snap.stage_index = 0;
        assert_lacks(i, "first stage's");
        ui.snap.stage_index = 1;
        assert_shows(i, "first stage's");
    }
    e.plan.past = false;
    panels[PANEL_plan]->event(&ui, &e);
    assert_lacks(2, "first stage's");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_single_spike_is_cut_and_marked),
        CASE(test_what_is_not_watched_is_not_waited_for),
        CASE(test_a_constant_has_an_axis),
        CASE(test_what_lasts_is_in_range),
        CASE(test_the_panel_keeps_its_range),
        CASE(test_curves_that_coincide_are_all_seen),
        CASE(test_every_curve_is_in_the_legend),
        CASE(test_signs_say_what_colours_say),
        CASE(test_no_curve_vanishes_under_another),
        CASE(test_what_lies_behind_or_beyond_is_not_taken_for_the_run),
        CASE(test_signs_in_ascii_are_told_apart),
        CASE(test_raw_values_are_thinner_without_colours),
        CASE(test_scores_have_a_large_place),
        CASE(test_the_margin_has_a_curve),
        CASE(test_help_begins_where_one_is),
        CASE(test_help_lists_what_a_panel_does),
        CASE(test_samples_show_question_and_answer),
        CASE(test_a_panel_without_a_frame_has_its_name),
        CASE(test_small_numbers_of_layers_are_whole),
        CASE(test_a_note_covers_no_word_of_the_axis),
        CASE(test_a_drift_of_0_is_measured),
        CASE(test_the_plan_is_no_news),
        CASE(test_the_plan_of_the_past_says_so),
    };

    return run_cases(tests, sizeof tests / sizeof *tests);
}
