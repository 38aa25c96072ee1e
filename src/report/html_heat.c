/* html_heat.c - a heat map of layer x step as inline SVG.
 *
 * A measurement at a step fills the time since the one before, so that columns are as wide as what
 * they stand for; where nothing was measured the ground shows. Cells of one level are one path, and
 * equal neighbours in a row are one rectangle of it: compact even for many layers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/ticks.h"
#include "report/html_heat.h"
#include "report/html_svg.h"
#include "report/html_text.h"
#include "record/columns.h"

enum { LEVELS = 24, WIDTH = 548, LEFT = 58, RIGHT = 462, TOP = 20, BAR = 478, BAR_WIDTH = 12 };

struct column {
    double from, to; /* steps */
    float v[VAC_MAX_LAYERS];
};
struct grid {
    struct column *column;
    size_t n;
    int layers;
    double hi, top; /* the run's last step; largest value */
};

/* ---- Colours: one hue, from the ground's side to the strong side ---- */

struct rgb {
    int r, g, b;
};
static const struct rgb light[] = {
    {237, 243, 248}, {178, 205, 227}, {103, 157, 199}, {38, 103, 158}, {9, 45, 88}};
static const struct rgb dark[] = {
    {30, 40, 52}, {28, 76, 116}, {42, 122, 173}, {110, 178, 221}, {222, 240, 252}};

static struct rgb mix(const struct rgb *anchors, int level)
{
    double at = 4.0 * level / (LEVELS - 1);
    int i = at >= 4 ? 3 : (int)at;
    double t = at - i;
    const struct rgb *a = &anchors[i], *b = &anchors[i + 1];

    return (struct rgb){(int)lround(a->r + t * (b->r - a->r)),
                        (int)lround(a->g + t * (b->g - a->g)),
                        (int)lround(a->b + t * (b->b - a->b))};
}

static void put_levels(struct strbuf *out, const struct rgb *anchors)
{
    for (int i = 0; i < LEVELS; i++) {
        struct rgb c = mix(anchors, i);

        sb_printf(out, ".v%d{fill:#%02x%02x%02x}", i, (unsigned)c.r, (unsigned)c.g, (unsigned)c.b);
    }
}

void heat_style(struct strbuf *out)
{
    put_levels(out, light);
    sb_puts(out, "\n@media screen and (prefers-color-scheme:dark){");
    put_levels(out, dark);
    sb_puts(out, "}\n");
}

/* ---- Columns ---- */

/* The mean of some lines, layer by layer, over those that have it. */
static void average(struct column *c, const struct run_data *r, const size_t *line, size_t n,
                    size_t series)
{
    double sum[VAC_MAX_LAYERS] = {0};
    int k[VAC_MAX_LAYERS] = {0};
    struct vac_layers l;

    for (size_t j = 0; j < n; j++) {
        const float *x = layers_get(run_layers_at(r, line[j], &l), series);

        for (int i = 0; i < r->n_layers; i++)
            if (isfinite(x[i])) {
                sum[i] += (double)x[i];
                k[i]++;
            }
    }
    for (int i = 0; i < r->n_layers; i++)
        c->v[i] = k[i] ? (float)(sum[i] / k[i]) : NAN;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Each column begins where the one before ended, unless there was a long time without measurement.
 */
static int spread(struct grid *g, struct vac_err *err)
{
    double *gaps = mem_new(g->n, sizeof *gaps, err), gap = 1, before = 0;
    size_t k = 0;

    if (!gaps)
        return -1;
    for (size_t i = 1; i < g->n; i++)
        if (g->column[i].to > g->column[i - 1].to)
            gaps[k++] = g->column[i].to - g->column[i - 1].to;
    if (k) { /* the usual distance of two measurements */
        qsort(gaps, k, sizeof *gaps, by_size);
        gap = gaps[k / 2];
    }
    free(gaps);
    for (size_t i = 0; i < g->n; i++) {
        double to = g->column[i].to;

        g->column[i].from = to - before > 1.5 * gap ? to - gap : before;
        if (g->column[i].from < 0 || (i == 0 && to == 0))
            g->column[i].from = 0;
        before = fmax(before, to);
    }
    return 0;
}

static int fill_grid(struct grid *g, const struct run_data *r, size_t series, struct vac_err *err)
{
    size_t *line = mem_new(r->n_layer_lines, sizeof *line, err), n = 0, per;
    struct vac_layers l;

    for (size_t i = 0; line && i < r->n_layer_lines; i++)
        if (isfinite(layers_mean(layers_get(run_layers_at(r, i, &l), series), r->n_layers)))
            line[n++] = i;
    g->hi = r->n_layer_lines ? (double)r->layers[r->n_layer_lines - 1].step : 0;
    per = (n + HEAT_COLUMNS - 1) / HEAT_COLUMNS;
    g->layers = r->n_layers;
    g->column = line && n ? mem_new((n + per - 1) / per, sizeof *g->column, err) : NULL;
    for (size_t i = 0; g->column && i < n; i += per) {
        size_t k = n - i < per ? n - i : per;
        struct column *c = &g->column[g->n++];

        average(c, r, line + i, k, series);
        c->to = (double)r->layers[line[i + k - 1]].step;
        for (int j = 0; j < g->layers; j++)
            if (c->v[j] > g->top)
                g->top = (double)c->v[j];
    }
    free(line);
    for (size_t i = 0; i < g->n; i++)
        g->hi = fmax(fmax(g->hi, 1), g->column[i].to);
    if (line && (n == 0 || g->column))
        return 0;
    return -1;
}

/* ---- Drawing ---- */

static int level_of(const struct grid *g, float v)
{
    double at = g->top > 0 ? (double)v / g->top * LEVELS : 0;

    if (!isfinite(v))
        return -1;
    return at >= LEVELS ? LEVELS - 1 : at > 0 ? (int)at : 0;
}

/* The rectangles of one level: coordinates are steps and layers, layer 0 at the bottom. */
static void put_level(struct strbuf *out, const struct grid *g, int level)
{
    size_t start = out->len;

    sb_printf(out, "<path class=\"v%d\" d=\"", level);
    size_t empty = out->len;
    for (int row = 0; row < g->layers; row++)
        for (size_t i = 0, j; i < g->n; i = j) {
            double from = g->column[i].from, width;

            j = i + 1;
            if (level_of(g, g->column[i].v[row]) != level)
                continue;
            while (j < g->n && g->column[j].from == g->column[j - 1].to &&
                   level_of(g, g->column[j].v[row]) == level)
                j++;
            width = g->column[j - 1].to - from;
            if (width > 0)
                sb_printf(out, "M%.0f %dh%.0fv1h-%.0fz", from, g->layers - 1 - row, width, width);
        }
    if (out->len == empty && !out->bad)
        out->s[out->len = start] = '\0';
    else
        sb_puts(out, "\"/>");
}

static void put_cells(struct strbuf *out, const struct grid *g, double height)
{
    sb_printf(out, "<rect class=\"void\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"", LEFT, TOP,
              RIGHT - LEFT);
    page_fixed(out, height, 1);
    sb_printf(out, "\"/><g shape-rendering=\"crispEdges\" transform=\"translate(%d %d) scale(",
              LEFT, TOP);
    page_number(out, (RIGHT - LEFT) / g->hi, 9);
    sb_putc(out, ' ');
    page_number(out, height / g->layers, 9);
    sb_puts(out, ")\">");
    for (int level = 0; level < LEVELS; level++)
        put_level(out, g, level);
    sb_puts(out, "</g>");
}

static void put_text(struct strbuf *out, double x, double y, const char *anchor, double number)
{
    sb_puts(out, "<text x=\"");
    page_fixed(out, x, 1);
    sb_puts(out, "\" y=\"");
    page_fixed(out, y, 1);
    sb_printf(out, "\" text-anchor=\"%s\">", anchor);
    page_number(out, number, 3);
    sb_puts(out, "</text>");
}

static void put_axes(struct strbuf *out, const struct grid *g, double height)
{
    double tick[10], cell = height / g->layers;
    int n = ticks_make(0, g->hi, false, 8, tick), every = 1;

    for (int i = 0; i < n; i++)
        if (tick[i] == floor(tick[i]))
            put_text(out, LEFT + tick[i] / g->hi * (RIGHT - LEFT), TOP + height + 15, "middle",
                     tick[i]);
    while (cell * every < 13)
        every *= 2;
    for (int row = 0; row < g->layers; row += every)
        put_text(out, LEFT - 6, TOP + height - (row + 0.5) * cell + 3.8, "end", row);
    sb_printf(out, "<text x=\"%d\" y=\"", (LEFT + RIGHT) / 2);
    page_fixed(out, TOP + height + 32, 1);
    sb_puts(out, "\" text-anchor=\"middle\">step</text><text transform=\"translate(12 ");
    page_fixed(out, TOP + height / 2, 1);
    sb_puts(out, ") rotate(-90)\" text-anchor=\"middle\">layer</text>");
}

/* What the colours mean. */
static void put_scale(struct strbuf *out, const struct grid *g, const struct heat *h, double height)
{
    double part = height / LEVELS;

    sb_puts(out, "<g shape-rendering=\"crispEdges\">");
    for (int i = 0; i < LEVELS; i++) {
        sb_printf(out, "<rect class=\"v%d\" x=\"%d\" width=\"%d\" y=\"", i, BAR, BAR_WIDTH);
        page_fixed(out, TOP + height - (i + 1) * part, 2);
        sb_puts(out, "\" height=\"");
        page_fixed(out, part + 0.05, 2);
        sb_puts(out, "\"/>");
    }
    sb_puts(out, "</g>");
    for (int i = 0; i <= 2; i++)
        put_text(out, BAR + BAR_WIDTH + 5,
                 TOP + height * (1 - i / 2.0) +
                     (i == 2 ? 8
                      : i    ? 4
                             : 0),
                 "start", g->top * i / 2);
    sb_printf(out, "<text x=\"%d\" y=\"%d\">", BAR, TOP - 8);
    page_text(out, h->unit, SIZE_MAX);
    sb_puts(out, "</text>");
}

static void put_figure(struct strbuf *out, const struct grid *g, const struct heat *h)
{
    double height = fmin(220, fmax(90, 22.0 * g->layers));

    sb_puts(out, "<figure><figcaption><b>");
    page_text(out, h->title, SIZE_MAX);
    sb_puts(out, "</b> <small>");
    page_text(out, h->note, SIZE_MAX);
    sb_printf(out, "</small></figcaption>\n<svg viewBox=\"0 0 %d ", WIDTH);
    page_fixed(out, TOP + height + 38, 1);
    sb_puts(out, "\" role=\"img\" aria-label=\"");
    page_text(out, h->title, SIZE_MAX);
    sb_puts(out, "\">");
    put_cells(out, g, height);
    put_axes(out, g, height);
    put_scale(out, g, h, height);
    sb_puts(out, "</svg></figure>\n");
}

int svg_heat(struct strbuf *out, const struct heat *h, const struct run_data *r,
             struct vac_err *err)
{
    struct grid g = {0};
    int rc = fill_grid(&g, r, h->series, err);

    if (rc == 0 && g.n)
        rc = spread(&g, err);
    if (rc == 0 && g.n)
        put_figure(out, &g, h);
    free(g.column);
    return rc;
}
