/* panel_layers.c - layer by layer: drift, perturbation, gradient, and which layers are perturbed.
 *
 * The perturbations' root sum of squares stands beside rho: eps_l = rho g_l / ||g|| over all
 * layers, so the two must agree, and a mark says so when they do not. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/panel.h"

struct own {
    struct list list;
    int sort;                  /* column; 0 = by layer */
    int order[VAC_MAX_LAYERS]; /* layer of each row */
};

/* Values shown: the newest, or those at the cursor. */
struct shown {
    const float *v[METRIC_COUNT]; /* NULL = not measured */
    double step[METRIC_COUNT], eps_sum, rss, rho;
    int n;
};

static double stage_at(const struct ui *ui, double step)
{
    long row = history_row(&ui->points, step);

    return row < 0 ? NAN : ui->points.v[(size_t)row * COL_COUNT + COL_stage];
}

static void look_up(const struct ui *ui, struct shown *s)
{
    double at = isnan(ui->cursor) ? INFINITY : ui->cursor;
    long row;

    memset(s, 0, sizeof *s);
    s->n = ui->layers.n_layers;
    for (int m = 0; m < METRIC_COUNT; m++) {
        row = layer_row(&ui->layers, at, (enum metric)m);
        if (row < 0)
            continue;
        s->v[m] = layer_values(&ui->layers, (size_t)row, (enum metric)m);
        s->step[m] = ui->layers.step[row];
    }
    if (s->v[METRIC_eps] && stage_at(ui, s->step[METRIC_eps]) < stage_at(ui, at))
        s->v[METRIC_eps] = s->v[METRIC_eps_rel] =
            NULL; /* an earlier stage was perturbed, this one is not */
    for (int i = 0; i < s->n && s->v[METRIC_eps]; i++)
        if (!isnan(s->v[METRIC_eps][i])) /* a masked layer has none */
            s->eps_sum += (double)s->v[METRIC_eps][i] * (double)s->v[METRIC_eps][i];
    s->rss = sqrt(s->eps_sum);
    row = history_row(&ui->points, s->step[METRIC_eps]);
    s->rho = row < 0 ? NAN : ui->points.v[(size_t)row * COL_COUNT + COL_rho];
}

static double value(const struct shown *s, enum metric m, int layer)
{
    return s->v[m] ? (double)s->v[m][layer] : NAN;
}

/* --- table --- */

static const struct column_row {
    const char *title;
    int width;
    enum metric metric;
    unsigned style;
} columns[] = {
    {"drift", 7, METRIC_drift_rel, INK_DRIFT}, {"eps", 7, METRIC_eps, INK_EPS},
    {"grad", 7, METRIC_grad, INK_GRAD},        {"drift^2", 9, METRIC_drift_sq, INK_DRIFT},
    {"attn", 7, METRIC_attn, INK_TEXT},        {"eps/A", 8, METRIC_eps_rel, INK_EPS},
    {"refusal", 8, METRIC_refusal, INK_ALIGN},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

struct rank {
    double value;
    int layer;
};

static int by_value(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;

    return x->value < y->value ? 1 : x->value > y->value ? -1 : x->layer - y->layer;
}

static void sort_layers(struct own *o, const struct shown *s)
{
    struct rank ranks[VAC_MAX_LAYERS];

    for (int i = 0; i < s->n; i++) {
        double v = o->sort ? value(s, columns[o->sort - 1].metric, i) : -i;

        ranks[i] = (struct rank){isnan(v) ? -INFINITY : v, i};
    }
    qsort(ranks, (size_t)s->n, sizeof *ranks, by_value);
    for (int i = 0; i < s->n; i++)
        o->order[i] = ranks[i].layer;
}

/* How many columns of numbers leave room for bars. */
static int columns_that_fit(const struct shown *s, int w)
{
    int n = 0, x = 5;

    while (n < N_COLUMNS && x + columns[n].width + 14 <= w &&
           (columns[n].metric != METRIC_refusal || s->v[METRIC_refusal]))
        x += columns[n++].width;
    return n > 1 ? n : 2;
}

static void draw_titles(const struct own *o, const struct view *v, int n, int bar_at,
                        const char *bar)
{
    struct line to = {.v = v};
    int x = 5;

    line_left(&to, 1, 4, INK_FAINT | (o->sort ? 0 : STYLE_UNDERLINE), "L");
    for (int i = 0; i < n; i++) {
        x += columns[i].width;
        line_right(&to, x, INK_FAINT | (o->sort == i + 1 ? STYLE_UNDERLINE : 0), columns[i].title);
    }
    line_left(&to, bar_at, v->w, INK_FAINT, bar);
}

static double greatest(const struct shown *s, enum metric m)
{
    double top = 0;

    for (int i = 0; i < s->n; i++)
        if (value(s, m, i) > top)
            top = value(s, m, i);
    return top;
}

static unsigned metric_ink(enum metric m)
{
    return m == METRIC_eps || m == METRIC_eps_rel ? INK_EPS
           : m == METRIC_grad                     ? INK_GRAD
                                                  : INK_DRIFT;
}

static void draw_row(struct ui *ui, const struct view *v, const struct shown *s, int layer, int y,
                     int n, int bar_at, double top)
{
    bool selected = layer == ui->layer, on = ui->snap.mask[layer];
    struct line to = {.v = v, .y = y};
    char text[NUMBER_SIZE];
    int x = 5;

    if (selected)
        draw_glyph(v, 0, y, INK_FOCUS | STYLE_BOLD, sign(v->c, SIGN_SELECTED));
    snprintf(text, sizeof text, "%2d", layer);
    line_left(&to, 1, 4, selected ? INK_STRONG | STYLE_BOLD : on ? INK_TEXT : INK_FAINT, text);
    line_left(&to, 4, 6, INK_FAINT, on ? "" : "-");
    for (int i = 0; i < n; i++) {
        x += columns[i].width;
        line_right(&to, x, columns[i].style | (selected ? STYLE_BOLD : 0),
                   number_text(text, value(s, columns[i].metric, layer), 3));
    }
    draw_bar(v, bar_at, y, v->w - bar_at - 1, top > 0 ? value(s, ui->metric, layer) / top : NAN,
             metric_ink(ui->metric));
}

/* --- below the table --- */

static int draw_sum(const struct ui *ui, const struct view *v, const struct shown *s, int y)
{
    char rss[NUMBER_SIZE], rho[NUMBER_SIZE];
    bool off = s->rho > 0 && fabs(s->rss - s->rho) > 1e-3 * s->rho;
    int x = 1;

    (void)ui;
    if (!s->v[METRIC_eps] || !(s->rss > 0)) {
        draw_text(v, 1, y, INK_FAINT, "no perturbation");
        return y + 1;
    }
    x = draw_text(v, x, y, INK_FAINT, "RSS of eps ");
    x = draw_text(v, x, y, INK_EPS | STYLE_BOLD, number_text(rss, s->rss, 4));
    if (off)
        draw_fmt(v, x + 1, y, INK_WARN | STYLE_BOLD, "!= rho %s  RSS!=rho",
                 number_text(rho, s->rho, 4));
    else
        draw_fmt(v, x + 1, y, INK_FAINT, "= rho %s", number_text(rho, s->rho, 4));
    return y + 1;
}

static void draw_drift(const struct ui *ui, const struct view *v, const struct shown *s, int y)
{
    double sum;
    char text[NUMBER_SIZE];
    int x, n;

    (void)ui;
    if (!s->v[METRIC_drift_rel])
        return;
    sum = layer_sum(s->v[METRIC_drift_rel], s->n, &n);
    x = draw_fmt(v, 1, y, INK_FAINT, "drift at %.0f: mean ", s->step[METRIC_drift_rel]);
    x = draw_text(v, x, y, INK_DRIFT, number_text(text, sum / n, 3));
    if (!s->v[METRIC_drift_sq])
        return;
    number_text(text, layer_sum(s->v[METRIC_drift_sq], s->n, &n), 4);
    if (x + 18 + (int)strlen(text) > v->w) /* half a number would be another number */
        return;
    x = draw_text(v, x, y, INK_FAINT, "  sum of squares ");
    draw_text(v, x, y, INK_DRIFT, text);
}

/* Share of rho^2: which layers take the perturbation, largest first. Returns the row below. */
static int draw_shares(const struct view *v, const struct shown *s, int y)
{
    struct rank ranks[VAC_MAX_LAYERS];
    int n = 0;

    if (!(s->eps_sum > 0) || v->h - y < 3)
        return y;
    draw_text(v, 1, y++, INK_TITLE, "Share of rho squared");
    for (int i = 0; i < s->n; i++) {
        double eps = value(s, METRIC_eps, i);

        if (!isnan(eps))
            ranks[n++] = (struct rank){eps * eps / s->eps_sum, i};
    }
    qsort(ranks, (size_t)n, sizeof *ranks, by_value);
    for (int i = 0; i < n && y < v->h; i++, y++) {
        if (y + 1 == v->h && i + 1 < n) {
            draw_fmt(v, 1, y, INK_FAINT, "... %d more", n - i);
            return v->h;
        }
        draw_fmt(v, 1, y, INK_TEXT, "%2d", ranks[i].layer);
        draw_fmt(v, 4, y, INK_EPS, "%5.1f%%", ranks[i].value * 100);
        draw_bar(v, 12, y, v->w - 13, ranks[i].value / ranks[0].value, INK_EPS);
    }
    return y + 1;
}

/* Where there is room: how the chosen metric went, in the selected layer and on average. */
struct over_steps {
    double step, one, mean;
};

static struct over_steps *gather(const struct ui *ui, size_t *n)
{
    const struct layer_history *h = &ui->layers;
    struct over_steps *rows = malloc((h->n + 1) * sizeof *rows);

    *n = 0;
    for (size_t r = 0; rows && r < h->n; r++) {
        const float *x = layer_values(h, r, ui->metric);
        int measured;
        double sum = layer_sum(x, h->n_layers, &measured);

        if (measured)
            rows[(*n)++] = (struct over_steps){h->step[r], (double)x[ui->layer], sum / measured};
    }
    return rows;
}

static void draw_over_steps(const struct ui *ui, const struct view *v, int y)
{
    enum { LEAST = 8 };
    struct view below = view_part(v, 1, y + 1, v->w - 2, v->h - y - 1);
    struct ui steps = *ui;
    struct plot_line line[2];
    struct plot p = {.lines = line, .n_lines = 2, .y0 = NAN, .y1 = NAN, .level = NAN};
    struct over_steps *rows;
    char name[24];
    size_t n;

    if (below.h < LEAST || ui->layer >= ui->layers.n_layers)
        return;
    rows = gather(ui, &n);
    snprintf(name, sizeof name, "layer %d", ui->layer);
    for (int i = 0; i < 2 && n > 0; i++)
        line[i] = (struct plot_line){.name = i ? "mean" : name,
                                     .x = &rows->step,
                                     .y = i ? &rows->mean : &rows->one,
                                     .n = n,
                                     .stride = sizeof *rows,
                                     .style = i ? INK_TEXT : metric_ink(ui->metric),
                                     .glyph = i ? 'o' : '*'};
    if (n > 0) {
        steps.x_unit = X_STEP;
        ui_window(&steps, &p);
        p.log = ui->log_y;
        p.legend = true;
        p.guides = ui->guides;
        draw_fmt(v, 1, y, INK_TITLE, "%s over steps", vac_series[ui->metric].label);
        plot_draw(&below, &p);
    }
    free(rows);
}

static void draw(struct ui *ui, const struct view *v)
{
    struct own *o = panel_own(ui, PANEL_layers);
    struct shown s;
    int n, bar_at = 7, rows, below;
    double top;

    look_up(ui, &s);
    n = columns_that_fit(&s, v->w);
    if (!s.n) {
        draw_text(v, 1, 0, INK_FAINT, "no layer measured yet");
        return;
    }
    for (int i = 0; i < n; i++)
        bar_at += columns[i].width;
    below = v->h > s.n + 3 ? 3 : 2;
    rows = v->h - 1 - below < s.n ? v->h - 1 - (v->h > 8 ? 2 : 0) : s.n;
    sort_layers(o, &s);
    for (int i = 0; i < s.n; i++)
        if (o->order[i] == ui->layer)
            o->list.selected = i;
    list_show(&o->list, s.n, rows);
    top = greatest(&s, ui->metric);
    draw_titles(o, v, n, bar_at, vac_series[ui->metric].label);
    for (int i = 0; i < rows && o->list.top + i < s.n; i++)
        draw_row(ui, v, &s, o->order[o->list.top + i], 1 + i, n, bar_at, top);
    list_draw_scroll(&o->list, v, 1);
    if (v->h > rows + 1)
        draw_drift(ui, v, &s, draw_sum(ui, v, &s, rows + 1));
    draw_over_steps(ui, v, draw_shares(v, &s, rows + 4));
}

static void notes(struct ui *ui, char *out, size_t size)
{
    int n = ui->layers.n_layers, on = 0;

    if (!n)
        return;
    for (int i = 0; i < n; i++)
        on += ui->snap.mask[i];
    if (on < n)
        snprintf(out, size, "%d of %d perturbed", on, n);
    else
        snprintf(out, size, "%d layers", n);
}

static unsigned act(struct ui *ui, enum action a)
{
    struct own *o = panel_own(ui, PANEL_layers);
    unsigned bits = UI_IGNORED;

    if (a == ACT_sort) {
        o->sort = (o->sort + 1) % (N_COLUMNS + 1);
        return UI_HANDLED;
    }
    if (ui->layers.n_layers)
        bits = list_act(&o->list, a);
    if (bits)
        ui->layer = o->order[o->list.selected];
    return bits;
}

static void click(struct ui *ui, int x, int y, int w, int h)
{
    struct own *o = panel_own(ui, PANEL_layers);
    int row = o->list.top + y - 1;

    (void)x;
    (void)w;
    (void)h;
    if (y >= 1 && y <= o->list.rows && row < o->list.n)
        ui->layer = o->order[row];
}

static void csv(struct ui *ui, FILE *out)
{
    const struct layer_history *h = &ui->layers;

    fputs("step,layer", out);
    for (int m = 0; m < METRIC_COUNT; m++)
        fprintf(out, ",%s", vac_series[m].label);
    fputc('\n', out);
    for (size_t r = 0; r < h->n; r++)
        for (int i = 0; i < h->n_layers; i++) {
            fprintf(out, "%.0f,%d", h->step[r], i);
            for (int m = 0; m < METRIC_COUNT; m++) {
                fputc(',', out);
                csv_print_number(out, (double)layer_values(h, r, (enum metric)m)[i], 9);
            }
            fputc('\n', out);
        }
}

static void readout(struct ui *ui, FILE *out)
{
    struct shown s;

    look_up(ui, &s);
    if (ui->layer >= s.n)
        return;
    fprintf(out, "layer %d", ui->layer);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (!isnan(value(&s, (enum metric)m, ui->layer)))
            fprintf(out, "  %s %.6g (step %.0f)", vac_series[m].label,
                    value(&s, (enum metric)m, ui->layer), s.step[m]);
    fprintf(out, "\nRSS of eps %.6g  rho %.6g\n", s.rss, s.rho);
}

#define SERIES_WORD(name, label, help) {label, help},
static const struct word words[] = {
    VAC_SERIES(SERIES_WORD){"-", "beside a layer: it is not perturbed (x changes it)"},
    {"RSS", "root of the sum of the squares of all eps: it has to be rho"},
    {"share", "eps^2 of a layer in parts of rho^2"},
    {NULL, NULL},
};

const struct panel panel_layers = {
    .name = "layers",
    .title = "Layers",
    .about = "drift, perturbation and gradient of each layer; RSS of eps beside rho",
    .words = words,
    .hints = "i metric  s sort  x mask",
    .place = PLACE_LAYERS,
    .own = sizeof(struct own),
    .notes = notes,
    .draw = draw,
    .act = act,
    .click = click,
    .readout = readout,
    .csv = csv,
};
