/* panel_heat.c - layer by step: where in the model, and when, it drifted or was pushed. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/ticks.h"
#include "panels/panel.h"

enum { LEFT = 4 };

struct scale {
    double lo, hi;
    bool log;
};

/* Steps that the columns stand for, behind the numbers of the layers and a blank. */
struct window {
    double x0, x1;
    int left, cols;
    struct plot notes;
};

static struct window window_of(const struct ui *ui, int width)
{
    int left = ui->layers.n_layers > 100 ? LEFT + 1 : LEFT;
    struct ui steps = *ui;
    struct plot p = {0};

    steps.x_unit = X_STEP;
    ui_window(&steps, &p);
    return (struct window){p.x0, p.x1, left, width - left, p};
}

static double step_of(const struct window *w, int col)
{
    return w->x0 + (w->x1 - w->x0) * (col + 0.999) / w->cols;
}

static struct scale scale_of(const struct ui *ui)
{
    const struct layer_history *h = &ui->layers;
    struct scale s = {.lo = INFINITY, .hi = -INFINITY, .log = ui->log_y};

    for (size_t r = 0; r < h->n; r++)
        for (int i = 0; i < h->n_layers; i++) {
            double v = (double)layer_values(h, r, ui->metric)[i];

            if (!isfinite(v) || (s.log && v <= 0))
                continue;
            s.lo = fmin(s.lo, v);
            s.hi = fmax(s.hi, v);
        }
    if (!s.log && s.lo > 0)
        s.lo = 0;
    if (s.log && s.lo < s.hi / 1000)
        s.lo = s.hi / 1000;
    return s;
}

static double part_of(const struct scale *s, double v)
{
    double part = s->log ? log(v / s->lo) / log(s->hi / s->lo) : (v - s->lo) / (s->hi - s->lo);

    if (!(s->hi > s->lo))
        return 0.5;
    return part < 0 || isnan(part) ? 0 : part > 1 ? 1 : part;
}

/* With enough colours a full cell; else the glyph says how much. */
static void draw_heat(const struct ui *ui, const struct view *v, int x, int y, double part)
{
    static const char ascii[] = ".:-=+*#@";
    static const uint32_t shades[] = {0xb7, 0x2591, 0x2592, 0x2593, 0x2588};
    int level = (int)(part * (INK_HEATS - 0.001));
    uint32_t glyph = v->c->charset == CHARSET_ASCII ? (unsigned char)ascii[(int)(part * 7.999)]
                     : ui->colors >= 256            ? 0x2588
                                                    : shades[(int)(part * 4.999)];

    draw_glyph(v, x, y, INK_HEAT0 + (unsigned)level, glyph);
}

/* Layer that a row shows; with fewer rows than layers the first and the last are always there. */
static int layer_of(int y, int rows, int n)
{
    if (rows >= n)
        return y * n / rows;
    return rows > 1 ? (y * (n - 1) + (rows - 1) / 2) / (rows - 1) : n - 1;
}

static void draw_column(const struct ui *ui, const struct view *v, const struct window *w,
                        const struct scale *s, int col, int rows)
{
    const struct layer_history *h = &ui->layers;
    long row = ui_layer_row(ui, step_of(w, col), ui->metric);

    if (row < 0 || step_of(w, col - 1) > h->step[h->n - 1])
        return;
    for (int y = 0; y < rows; y++) {
        int layer = layer_of(y, rows, h->n_layers);
        double value = (double)layer_values(h, (size_t)row, ui->metric)[layer];

        if (isfinite(value))
            draw_heat(ui, v, w->left + col, y, part_of(s, value));
    }
}

/* Rows: layers, each as many rows high as fits evenly. */
static int rows_for(const struct ui *ui, int h)
{
    int n = ui->layers.n_layers;

    return h >= n ? h / n * n : h;
}

static void draw_layers_axis(const struct ui *ui, const struct view *v, int rows)
{
    int n = ui->layers.n_layers, high = rows >= n ? rows / n : 1;

    for (int y = 0; y < rows; y += high) {
        int layer = layer_of(y, rows, n);
        bool selected =
            layer <= ui->layer && (y + high >= rows || layer_of(y + high, rows, n) > ui->layer);

        if (selected)
            layer = ui->layer;
        if (selected || high > 1 || rows < 2 * n || layer % 2 == 0)
            draw_fmt(v, 1, y, selected ? INK_STRONG | STYLE_BOLD : INK_FAINT, "%2d", layer);
        if (selected)
            draw_glyph(v, 0, y, INK_FOCUS | STYLE_BOLD, sign(v->c, SIGN_SELECTED));
    }
}

/* A note's mark falls on none of its words. */
static bool is_noted(const struct window *w, int from, int to)
{
    for (int i = 0; i < w->notes.n_notes; i++) {
        double part = (w->notes.note[i].x - w->x0) / (w->x1 - w->x0);
        int x = w->left + (int)lround(part * (w->cols - 1));

        if (part >= 0 && part <= 1 && x >= from && x < to)
            return true;
    }
    return false;
}

static void draw_steps_axis(const struct view *v, const struct window *w, int y)
{
    static const char unit[] = "step";
    double ticks[8];
    int n = ticks_make(w->x0, w->x1, false, w->cols / 8 > 8 ? 8 : w->cols / 8, ticks),
        end = (int)strlen(unit);

    draw_text(v, 0, y, INK_FAINT, unit);
    for (int i = 0; i < n; i++) {
        char text[NUMBER_SIZE];
        int x = w->left + (int)lround((ticks[i] - w->x0) / (w->x1 - w->x0) * (w->cols - 1)), len;

        len = snprintf(text, sizeof text, "%.0f", ticks[i]);
        x -= len / 2;
        if (x < (int)sizeof unit)
            x = (int)sizeof unit;
        if (x + len > v->w)
            x = v->w - len;
        if (x <= end || is_noted(w, x - 1, x + len + 1))
            continue;
        draw_text(v, x, y, INK_FAINT, text);
        end = x + len;
    }
}

/* Returns where it ends. */
static int draw_scale(const struct ui *ui, const struct view *v, const struct scale *s, int y)
{
    char lo[NUMBER_SIZE], hi[NUMBER_SIZE];
    int x = LEFT;

    x = draw_fmt(v, x, y, INK_FAINT, "%s ", number_text(lo, s->lo, 2));
    for (int i = 0; i < INK_HEATS; i++)
        draw_heat(ui, v, x++, y, (i + 0.5) / INK_HEATS);
    return draw_fmt(v, x + 1, y, INK_FAINT, "%s", number_text(hi, s->hi, 2));
}

/* Value under the cursor, or the newest, of the selected layer: behind `end`, in the row below, or in short. */
static void draw_readout(const struct ui *ui, const struct view *v, int y, int end)
{
    long row = ui_layer_row(ui, isnan(ui->cursor) ? INFINITY : ui->cursor, ui->metric);
    char text[NUMBER_SIZE], line[96];
    double step, value;

    if (row < 0 || ui->layer >= ui->layers.n_layers)
        return;
    step = ui->layers.step[row];
    value = (double)layer_values(&ui->layers, (size_t)row, ui->metric)[ui->layer];
    snprintf(line, sizeof line, "layer %d at %.0f: %s", ui->layer, step,
             number_text(text, value, 3));
    if (end + 2 + (int)strlen(line) > v->w && y + 1 < v->h) {
        y++;
        end = 0;
    } else if (end + 2 + (int)strlen(line) > v->w) {
        snprintf(line, sizeof line, "%d @%.0f %s", ui->layer, step, text);
    }
    if (end + 2 + (int)strlen(line) <= v->w)
        draw_right(v, v->w, y, INK_STRONG, line);
}

static void draw_cursor(const struct ui *ui, const struct view *v, const struct window *w, int rows)
{
    int x;

    if (isnan(ui->cursor) || ui->cursor < w->x0 || ui->cursor > w->x1)
        return;
    x = w->left + (int)lround((ui->cursor - w->x0) / (w->x1 - w->x0) * (w->cols - 1));
    for (int y = 0; y < rows; y++)
        draw_glyph(v, x, y, INK_CURSOR, v->c->charset == CHARSET_ASCII ? '|' : 0x2502);
}

static void draw(struct ui *ui, const struct view *v)
{
    int below = v->h > 6 ? 2 : 0, rows;
    struct window w = window_of(ui, v->w);
    struct scale s = scale_of(ui);

    if (!ui->layers.n || !(s.lo <= s.hi)) {
        char text[120];

        snprintf(text, sizeof text,
                 ui->metric == METRIC_refusal && ui->layers.n ? "%s is not watched by this run"
                 : ui->log_y && ui->layers.n                  ? "no %s above 0 measured yet"
                                                              : "%s not measured yet",
                 vac_series[ui->metric].label);
        draw_flow(v, 1, 0, v->w - 2, INK_FAINT, text, 0);
        return;
    }
    rows = rows_for(ui, v->h - below);
    for (int col = 0; col < w.cols; col++)
        draw_column(ui, v, &w, &s, col, rows);
    draw_layers_axis(ui, v, rows);
    draw_cursor(ui, v, &w, rows);
    if (!below)
        return;
    draw_steps_axis(v, &w, rows);
    plot_draw_notes(v, &w.notes, w.x0, w.x1, w.left, w.cols, rows);
    draw_readout(ui, v, rows + 1, draw_scale(ui, v, &s, rows + 1));
}

/* What was clicked: its step for the cursor, its layer for all panels. */
static void click(struct ui *ui, int x, int y, int w, int h)
{
    struct window win = window_of(ui, w);
    int rows = rows_for(ui, h - (h > 6 ? 2 : 0));

    if (!ui->layers.n || x < win.left || y >= rows)
        return;
    if (win.cols > 1)
        ui->cursor = round(win.x0 + (win.x1 - win.x0) * (x - win.left) / (win.cols - 1));
    ui->cursor = fmin(ui->cursor, ui->layers.step[ui->layers.n - 1]);
    ui->layer = layer_of(y, rows, ui->layers.n_layers);
}

static void notes(struct ui *ui, char *out, size_t size)
{
    snprintf(out, size, "%s  %s", vac_series[ui->metric].label, ui->log_y ? "log" : "linear");
}

static void csv(struct ui *ui, FILE *out)
{
    const struct layer_history *h = &ui->layers;

    fprintf(out, "step");
    for (int i = 0; i < h->n_layers; i++)
        fprintf(out, ",layer_%d", i);
    fputc('\n', out);
    for (size_t r = 0; r < h->n; r++) {
        const float *v = layer_values(h, r, ui->metric);

        int measured;

        layer_sum(v, h->n_layers, &measured);
        if (!measured)
            continue;
        fprintf(out, "%.0f", h->step[r]);
        for (int i = 0; i < h->n_layers; i++) {
            fputc(',', out);
            csv_print_number(out, (double)v[i], 9);
        }
        fputc('\n', out);
    }
}

#define SERIES_WORD(name, label, help) {label, help},
static const struct word words[] = {
    VAC_SERIES(SERIES_WORD){"rows", "layers, the first above; columns are steps"},
    {"scale", "below: from the least to the greatest value"},
    {NULL, NULL},
};

const struct panel panel_heat = {
    .name = "heat",
    .title = "Heat map",
    .about = "layer by step, for the chosen metric",
    .words = words,
    .hints = "i metric  y log  Up Down layer",
    .place = PLACE_HEAT,
    .plot = true,
    .notes = notes,
    .draw = draw,
    .click = click,
    .csv = csv,
};
