/* panel_layers.c - layer by layer: drift, perturbation, gradient, and which layers are perturbed.
 *
 * The perturbations' root sum of squares stands beside rho: eps_l = rho g_l / ||g|| over all
 * layers, so the two must agree, and a mark says so when they do not. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/table.h"

/* Values shown: the newest, or those at the cursor. */
struct shown {
    const float *v[METRIC_COUNT]; /* NULL = not measured */
    double step[METRIC_COUNT], eps_sum, rss, rho;
    int n;
};

struct own {
    struct table table;
    int sort;           /* column; 0 = by layer */
    struct shown shown; /* while it is drawn */
};

static void look_up(const struct ui *ui, struct shown *s)
{
    double at = isnan(ui->cursor) ? INFINITY : ui->cursor;
    long row;

    memset(s, 0, sizeof *s);
    s->n = ui->layers.n_layers;
    for (int m = 0; m < METRIC_COUNT; m++) {
        row = ui_layer_row(ui, at, (enum metric)m);
        if (row < 0)
            continue;
        s->v[m] = layer_values(&ui->layers, (size_t)row, (enum metric)m);
        s->step[m] = ui->layers.step[row];
    }
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

enum { LAYER, FIRST, BAR = FIRST + 7, COLUMNS };
static const enum metric metric_of[COLUMNS] = {
    [FIRST] = METRIC_drift_rel,
    METRIC_eps,
    METRIC_grad,
    METRIC_drift_sq,
    METRIC_attn,
    METRIC_eps_rel,
    METRIC_refusal,
};
#define COLUMN(head, width, from_)                                                                 \
    {                                                                                              \
        head, NULL, {width, width}, .right = true, .main = true, .from = from_                     \
    }
/* Numbers as far as they leave room for bars. */
static const struct table_column columns[COLUMNS] = {
    [LAYER] = {"L", NULL, {6, 6}, .pad = 0, .main = true},
    [FIRST] = COLUMN("drift", 6, 0),
    COLUMN("eps", 7, 0),
    COLUMN("grad", 7, 41),
    COLUMN("drift^2", 9, 50),
    COLUMN("attn", 7, 57),
    COLUMN("eps/A", 8, 65),
    COLUMN("refusal", 8, 73),
    [BAR] = {NULL, NULL, {-1, -1}, .pad = 2},
};

static struct own *own(struct ui *ui)
{
    return panel_own(ui, PANEL_layers);
}

static int count(struct ui *ui)
{
    return ui->layers.n_layers;
}

static void title(struct ui *ui, int column, bool csv, char *out, size_t size)
{
    (void)column;
    (void)csv;
    snprintf(out, size, "%s", vac_series[ui->metric].label);
}

static unsigned metric_ink(enum metric m)
{
    return m == METRIC_eps || m == METRIC_eps_rel ? INK_EPS
           : m == METRIC_grad                     ? INK_GRAD
           : m == METRIC_attn                     ? INK_TEXT
           : m == METRIC_refusal                  ? INK_ALIGN
                                                  : INK_DRIFT;
}

static void cell(struct ui *ui, int row, int column, int wide, struct entry *c)
{
    char text[NUMBER_SIZE];
    bool on = ui->snap.mask[row];

    double v;

    (void)wide;
    if (column == LAYER) {
        entry_fmt(c, on ? INK_TEXT : INK_FAINT, "%2d%s", row, on ? "" : " -");
        return;
    }
    v = value(&own(ui)->shown, metric_of[column], row);
    if (strlen(number_text(text, v, 3)) >
        6) /* "9.9e-04": a figure less is better than half of it */
        snprintf(text, sizeof text, "%.0e", v);
    entry_fmt(c, metric_ink(metric_of[column]), "%s", text);
}

static bool paint(struct ui *ui, const struct view *v, int row, int column, bool selected)
{
    const struct shown *s = &own(ui)->shown;
    double top = 0;

    (void)selected;
    if (column != BAR)
        return false;
    if (!s->v[ui->metric]) {
        if (row == table_row(ui, PANEL_layers, own(ui)->table.list.top))
            draw_cut(v, 1, 0, v->w - 1, INK_FAINT,
                     ui->metric == METRIC_refusal ? "not watched" : "none yet");
        return true;
    }
    for (int i = 0; i < s->n; i++)
        top = fmax(top, value(s, ui->metric, i));
    draw_bar(v, 2, 0, v->w - 3, top > 0 ? value(s, ui->metric, row) / top : NAN,
             metric_ink(ui->metric));
    return true;
}

/* The greatest first; what was not measured last. */
static bool before(struct ui *ui, int a, int b)
{
    const struct own *o = own(ui);
    double x = o->sort ? value(&o->shown, metric_of[o->sort], a) : b,
           y = o->sort ? value(&o->shown, metric_of[o->sort], b) : a;

    return x > y || (isnan(y) && !isnan(x));
}

static int ordered(struct ui *ui)
{
    return own(ui)->sort;
}

static void chosen(struct ui *ui, int row)
{
    ui->layer = row;
}

static const struct table_rows listing = {
    .column = columns,
    .n_columns = COLUMNS,
    .count = count,
    .cell = cell,
    .title = title,
    .paint = paint,
    .before = before,
    .ordered = ordered,
    .chosen = chosen,
};

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

struct rank {
    double value;
    int layer;
};

static int by_value(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;

    return x->value < y->value ? 1 : x->value > y->value ? -1 : x->layer - y->layer;
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
    struct own *o = own(ui);
    const struct shown *s = &o->shown;
    struct view part;
    int rows;

    look_up(ui, &o->shown);
    if (!s->n) {
        draw_text(v, 1, 0, INK_FAINT, "no layer measured yet");
        return;
    }
    rows = v->h > s->n + 3 ? s->n : v->h - 1 - (v->h > 8 ? 2 : 0);
    rows = rows < s->n ? rows : s->n;
    table_reset(&o->table); /* the values are others, and so may their order be */
    table_look(ui, PANEL_layers);
    for (int i = 0; i < s->n; i++)
        if (table_row(ui, PANEL_layers, i) == ui->layer)
            o->table.list.selected = i;
    part = view_part(v, 0, 0, v->w, rows + 1);
    table_draw(ui, PANEL_layers, &part);
    if (v->h > rows + 1)
        draw_drift(ui, v, s, draw_sum(ui, v, s, rows + 1));
    draw_over_steps(ui, v, draw_shares(v, s, rows + 4));
}

static void notes(struct ui *ui, char *out, size_t size)
{
    int n = ui->layers.n_layers, on = 0;
    char text[NUMBER_SIZE];

    if (!n)
        return;
    for (int i = 0; i < n; i++)
        on += ui->snap.mask[i];
    if (on < n)
        snprintf(out, size, "%d of %d perturbed", on, n);
    else
        snprintf(out, size, "%s", number_of(text, n, "layers"));
}

static unsigned act(struct ui *ui, enum action a)
{
    if (a != ACT_sort)
        return UI_IGNORED;
    own(ui)->sort = (own(ui)->sort + 1) % BAR;
    return UI_HANDLED;
}

static void done(struct ui *ui)
{
    table_done(&own(ui)->table);
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
    .table = &listing,
    .draw = draw,
    .act = act,
    .done = done,
    .readout = readout,
    .csv = csv,
};
