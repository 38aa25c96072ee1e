/* plot.c - line plots with axes.
 *
 * The x axis covers a round range that grows rarely, so a running curve is appended to and the rest
 * of the picture stays as it is: that is what keeps the bytes sent over a slow line few. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "term/number.h"
#include "term/plot.h"
#include "term/raster.h"
#include "term/shapes.h"
#include "term/sign.h"
#include "term/text.h"

struct frame {
    double x0, x1, y0, y1; /* y as drawn: logarithms on a log axis */
    bool log;
    int left;       /* columns of the labels, the axis included */
    int cols, rows; /* cells of the picture */
};

static double at(const double *v, size_t stride, size_t i)
{
    return *(const double *)((const char *)v + i * stride);
}

/* First value with x >= `x`. */
static size_t lower_bound(const struct plot_line *l, double x)
{
    size_t lo = 0, hi = l->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (at(l->x, l->stride, mid) < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

double plot_round_up(double x)
{
    static const double steps[] = {1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10};
    double unit;

    if (!(x > 0) || !isfinite(x))
        return 1;
    unit = pow(10, floor(log10(x)));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] * unit >= x * (1 - 1e-12))
            return steps[i] * unit;
    return 10 * unit;
}

static double ema_step(double mean, double y, double ema)
{
    return isnan(mean) ? y : ema * mean + (1 - ema) * y;
}

double plot_value(const struct plot_line *l, double x, double *smooth)
{
    double raw = NAN, mean = NAN;

    for (size_t i = 0; i < l->n && !(at(l->x, l->stride, i) > x); i++) {
        double y = at(l->y, l->stride, i);

        if (isnan(y))
            continue;
        raw = y;
        mean = ema_step(mean, y, l->ema);
    }
    if (smooth)
        *smooth = mean;
    return raw;
}

/* --- ranges --- */

static void grow(double *lo, double *hi, double v)
{
    *lo = fmin(*lo, v);
    *hi = fmax(*hi, v);
}

static void x_range(const struct plot *p, struct frame *f)
{
    double lo = INFINITY, hi = -INFINITY;

    f->x0 = p->x0;
    f->x1 = p->x1;
    if (p->x1 > p->x0)
        return;
    for (int i = 0; i < p->n_lines; i++) {
        const struct plot_line *l = &p->lines[i];

        if (l->n) {
            grow(&lo, &hi, at(l->x, l->stride, 0));
            grow(&lo, &hi, at(l->x, l->stride, l->n - 1));
        }
    }
    f->x0 = lo > 0 && lo < hi / 2 ? 0 : lo;
    if (!(lo <= hi))
        f->x0 = hi = 0;
    f->x1 = f->x0 + plot_round_up(hi - f->x0);
}

static void y_data(const struct plot *p, const struct frame *f, double *lo, double *hi)
{
    *lo = INFINITY;
    *hi = -INFINITY;
    for (int i = 0; i < p->n_lines; i++) {
        const struct plot_line *l = &p->lines[i];

        for (size_t k = lower_bound(l, f->x0); k < l->n && at(l->x, l->stride, k) <= f->x1; k++) {
            double y = at(l->y, l->stride, k);

            if (isfinite(y) && (!f->log || y > 0))
                grow(lo, hi, y);
        }
    }
    if (!isnan(p->level) && isfinite(*lo) && (!f->log || p->level > 0))
        grow(lo, hi, p->level);
}

/* Ends on round values a little outside the data: steady while the data moves inside. */
static void y_round(struct frame *f, double lo, double hi)
{
    double unit;

    if (f->log) {
        static const double marks[] = {1, 2, 5, 10};
        double down = pow(10, floor(log10(lo))), up = pow(10, floor(log10(hi)));

        for (int i = 3; i >= 0; i--)
            if (marks[i] * down <= lo * (1 + 1e-9)) {
                f->y0 = log10(marks[i] * down);
                break;
            }
        for (int i = 0; i < 4; i++)
            if (marks[i] * up >= hi * (1 - 1e-9)) {
                f->y1 = log10(marks[i] * up);
                break;
            }
        if (f->y1 - f->y0 < 0.1)
            f->y1 = f->y0 + log10(2);
        return;
    }
    if (hi - lo < 1e-12 * fmax(fabs(hi), 1e-300) || hi <= lo) {
        double pad = hi != 0 ? fabs(hi) * 0.1 : 1;

        lo -= pad;
        hi += pad;
    }
    unit = plot_round_up((hi - lo) / 10);
    f->y0 = floor(lo / unit + 1e-9) * unit;
    f->y1 = ceil(hi / unit - 1e-9) * unit;
    if (lo >= 0 && f->y0 < 0.35 * f->y1)
        f->y0 = 0;
}

static void y_range(const struct plot *p, struct frame *f)
{
    double lo, hi;

    f->log = p->log;
    y_data(p, f, &lo, &hi);
    if (!isfinite(lo)) { /* nothing measured, or nothing above 0 */
        f->log = false;
        lo = 0;
        hi = 1;
    }
    if (!isnan(p->y0))
        lo = p->y0;
    if (!isnan(p->y1))
        hi = p->y1;
    y_round(f, lo, hi);
    if (!f->log && !isnan(p->y0))
        f->y0 = p->y0;
    if (!f->log && !isnan(p->y1))
        f->y1 = p->y1;
}

/* --- ticks --- */

static int linear_ticks(double lo, double hi, int max, double *out)
{
    double step = plot_round_up((hi - lo) / (max > 1 ? max : 1));
    int n = 0;

    if (step == 1.2 * pow(10, floor(log10(step))) || step == 1.5 * pow(10, floor(log10(step))))
        step = 2 * pow(10, floor(log10(step)));
    for (double t = ceil(lo / step - 1e-9) * step; t <= hi + step * 1e-9 && n < max; t += step)
        out[n++] = fabs(t) < step * 1e-9 ? 0 : t;
    return n;
}

/* Decades with as many marks between as fit; on a short range as on a linear axis. */
static int log_ticks(double lo, double hi, int max, double *out)
{
    static const double marks[][4] = {{1, 2, 5, 0}, {1, 3, 0}, {1, 0}};
    double decades = log10(hi / lo);
    int first = (int)floor(log10(lo)), last = (int)ceil(log10(hi)), n = 0;

    if (decades < 0.7)
        return linear_ticks(lo, hi, max, out);
    for (int set = 0; set < 3; set++) {
        int every = set < 2 ? 1 : (int)ceil(decades / max), count = 0;

        for (int e = first; e <= last; e += every)
            for (const double *m = marks[set]; *m > 0; m++) {
                double t = *m * pow(10, e);

                if (t < lo * (1 - 1e-9) || t > hi * (1 + 1e-9))
                    continue;
                if (count < max)
                    out[count] = t;
                count++;
            }
        n = count < max ? count : max;
        if (count <= max)
            break;
    }
    return n;
}

int plot_ticks(double lo, double hi, bool log, int max, double *out)
{
    if (max < 1 || !(hi > lo) || !isfinite(lo) || !isfinite(hi))
        return 0;
    return log && lo > 0 ? log_ticks(lo, hi, max, out) : linear_ticks(lo, hi, max, out);
}

static char *tick_text(char out[NUMBER_SIZE], double t)
{
    double size = fabs(t);

    if (size >= 10000) {
        number_si(out, t);
    } else if (size != 0 && size < 1e-3) {
        snprintf(out, NUMBER_SIZE, "%.0e", t);
    } else {
        snprintf(out, NUMBER_SIZE, "%.10g", t);
        if (strlen(out) > 7)
            snprintf(out, NUMBER_SIZE, "%.3g", t);
    }
    return out;
}

/* --- drawing --- */

static int row_of(const struct frame *f, double y)
{
    double part = ((f->log ? log10(y) : y) - f->y0) / (f->y1 - f->y0);

    return (int)lround((1 - part) * (f->rows - 1));
}

enum { MAX_TICKS = 12 };

static int y_ticks(const struct frame *f, double *ticks)
{
    double lo = f->log ? pow(10, f->y0) : f->y0, hi = f->log ? pow(10, f->y1) : f->y1;
    int max = f->log ? f->rows / 2 + 1 : f->rows / 3 + 1;

    return plot_ticks(lo, hi, f->log, max > MAX_TICKS ? MAX_TICKS : max, ticks);
}

static int label_width(const struct frame *f)
{
    double ticks[MAX_TICKS];
    char text[NUMBER_SIZE];
    int n = y_ticks(f, ticks), w = 3;

    for (int i = 0; i < n; i++) {
        int len = (int)strlen(tick_text(text, ticks[i]));

        w = len > w ? len : w;
    }
    return w + 1;
}

static void draw_y_axis(const struct view *v, const struct frame *f, bool guides)
{
    double ticks[MAX_TICKS];
    char text[NUMBER_SIZE];
    int n = y_ticks(f, ticks), last = -2;
    bool ascii = v->c->charset == CHARSET_ASCII;

    draw_vline(v, f->left - 1, 0, f->rows, INK_FRAME);
    draw_glyph(v, f->left - 1, f->rows, INK_FRAME, ascii ? '+' : 0x2514);
    for (int i = n - 1; i >= 0; i--) {
        int y = row_of(f, ticks[i]);

        if (y < 0 || y >= f->rows || y - last < 2)
            continue;
        last = y;
        draw_right(v, f->left - 1, y, INK_FAINT, tick_text(text, ticks[i]));
        draw_glyph(v, f->left - 1, y, INK_FRAME, ascii ? '+' : 0x2524);
        if (guides)
            for (int x = f->left + 1; x < f->left + f->cols; x += 2)
                draw_glyph(v, x, y, INK_FRAME, sign(v->c, SIGN_DOT));
    }
}

static void draw_x_axis(const struct view *v, const struct frame *f, const char *unit)
{
    double ticks[MAX_TICKS];
    char text[NUMBER_SIZE];
    int max = f->cols / 10 + 1, y = f->rows, unit_at = v->w - (int)strlen(unit), end = 0;
    int n = plot_ticks(f->x0, f->x1, false, max > MAX_TICKS ? MAX_TICKS : max, ticks);

    draw_hline(v, f->left, y, f->cols, INK_FRAME);
    for (int i = 0; i < n; i++) {
        int x = f->left + (int)lround((ticks[i] - f->x0) / (f->x1 - f->x0) * (f->cols - 1));
        int len = (int)strlen(tick_text(text, ticks[i])), from = x - len / 2;

        if (from < 0)
            from = 0;
        if (from + len > v->w)
            from = v->w - len;
        draw_glyph(v, x, y, INK_FRAME, v->c->charset == CHARSET_ASCII ? '+' : 0x252c);
        if (from <= end && end)
            continue;
        if (from + len + 1 > unit_at)
            break;
        draw_text(v, from, y + 1, INK_FAINT, text);
        end = from + len;
    }
    draw_text(v, unit_at, y + 1, INK_FAINT, unit);
}

/* What one column of dots holds of a line. */
struct bin {
    double lo, hi, smooth; /* raw range and mean of the smoothed values; NaN = nothing here */
    int n;
};

static struct bin *fill_bins(const struct plot_line *l, const struct frame *f, int w)
{
    struct bin *bins = malloc((size_t)(w > 0 ? w : 1) * sizeof *bins);
    double mean = NAN, scale = (w - 1) / (f->x1 - f->x0);

    if (!bins)
        return NULL;
    for (int i = 0; i < w; i++)
        bins[i] = (struct bin){NAN, NAN, NAN, 0};
    for (size_t i = 0; i < l->n; i++) {
        double x = at(l->x, l->stride, i), y = at(l->y, l->stride, i);
        int b;

        if (!isfinite(y) || (f->log && y <= 0))
            continue;
        mean = ema_step(mean, y, l->ema);
        if (!(x >= f->x0) || x > f->x1)
            continue;
        b = (int)lround((x - f->x0) * scale);
        bins[b].lo = fmin(bins[b].lo, y);
        bins[b].hi = fmax(bins[b].hi, y);
        bins[b].n++;
        bins[b].smooth =
            bins[b].n > 1 ? bins[b].smooth + (mean - bins[b].smooth) / bins[b].n : mean;
    }
    return bins;
}

static int dot_of(const struct frame *f, const struct raster *r, double y)
{
    double part = ((f->log ? log10(y) : y) - f->y0) / (f->y1 - f->y0);

    if (part < -1)
        part = -1;
    if (part > 2)
        part = 2;
    return (int)lround(part * (r->h - 1));
}

static void draw_envelope(struct raster *r, const struct frame *f, const struct bin *bins,
                          const struct plot_line *l)
{
    unsigned style = l->ema > 0 ? INK_GHOST : l->style;
    char glyph = l->ema > 0 ? '.' : l->glyph;

    for (int x = 0; x < r->w; x++)
        if (!isnan(bins[x].lo))
            raster_line(r, x, dot_of(f, r, bins[x].lo), x, dot_of(f, r, bins[x].hi), style, glyph);
}

static void draw_curve(struct raster *r, const struct frame *f, const struct bin *bins,
                       const struct plot_line *l)
{
    int px = -1, py = 0;

    for (int x = 0; x < r->w; x++) {
        int y;

        if (isnan(bins[x].smooth))
            continue;
        y = dot_of(f, r, bins[x].smooth);
        if (px >= 0)
            raster_line(r, px, py, x, y, l->style, l->glyph);
        else
            raster_dot(r, x, y, l->style, l->glyph);
        px = x;
        py = y;
    }
}

/* Rare values: each one a sign, so that one sees where was measured. */
static void draw_marks(const struct view *v, const struct frame *f, const struct plot_line *l)
{
    for (size_t i = lower_bound(l, f->x0); i < l->n && at(l->x, l->stride, i) <= f->x1; i++) {
        double y = at(l->y, l->stride, i);

        if (isfinite(y) && (!f->log || y > 0))
            draw_glyph(v,
                       f->left + (int)lround((at(l->x, l->stride, i) - f->x0) / (f->x1 - f->x0) *
                                             (f->cols - 1)),
                       row_of(f, y), l->style,
                       v->c->charset == CHARSET_ASCII ? (unsigned char)l->glyph : 0x2022);
    }
}

static void draw_lines(const struct view *v, const struct plot *p, const struct frame *f)
{
    struct raster r;

    if (raster_init(&r, v, f->cols, f->rows))
        return;
    for (int pass = 0; pass < 2; pass++) /* curves over all envelopes; the first line on top */
        for (int i = p->n_lines - 1; i >= 0; i--) {
            struct bin *bins = fill_bins(&p->lines[i], f, r.w);

            if (bins && pass == 0)
                draw_envelope(&r, f, bins, &p->lines[i]);
            else if (bins)
                draw_curve(&r, f, bins, &p->lines[i]);
            free(bins);
        }
    raster_draw(&r, v, f->left, 0);
    raster_done(&r);
    for (int i = p->n_lines - 1; i >= 0; i--)
        if (p->lines[i].steps && (p->lines[i].style & STYLE_INK) != INK_GHOST)
            draw_marks(v, f, &p->lines[i]);
}

static void draw_level(const struct view *v, const struct plot *p, const struct frame *f)
{
    int y;

    if (isnan(p->level) || (f->log && p->level <= 0))
        return;
    y = row_of(f, p->level);
    for (int x = 0; x < f->cols && y >= 0 && y < f->rows; x += 2)
        draw_glyph(v, f->left + x, y, INK_WARN, v->c->charset == CHARSET_ASCII ? '-' : 0x2508);
}

static void draw_cursor(const struct view *v, const struct plot *p, const struct frame *f)
{
    int x;

    if (isnan(p->cursor) || p->cursor < f->x0 || p->cursor > f->x1)
        return;
    x = f->left + (int)lround((p->cursor - f->x0) / (f->x1 - f->x0) * (f->cols - 1));
    for (int y = 0; y < f->rows; y++)
        draw_glyph(v, x, y, INK_CURSOR, v->c->charset == CHARSET_ASCII ? ':' : 0x250a);
    draw_glyph(v, x, f->rows, INK_CURSOR | STYLE_BOLD, sign(v->c, SIGN_UP));
}

static void draw_legend(const struct view *v, const struct plot *p, const struct frame *f, int y)
{
    int x = v->w < 60 ? 0 : f->left, marker = v->c->charset == CHARSET_ASCII ? 0 : 0x2501;
    char text[NUMBER_SIZE];

    for (int i = 0; i < p->n_lines; i++) {
        const struct plot_line *l = &p->lines[i];
        double smooth, value = plot_value(l, isnan(p->cursor) ? INFINITY : p->cursor, &smooth);

        number_text(text, l->ema > 0 ? smooth : value, 3);
        if (x + 3 + text_width(l->name, strlen(l->name), v->c->utf8) + (int)strlen(text) > v->w)
            continue;
        draw_glyph(v, x, y, l->style | STYLE_BOLD,
                   marker ? (uint32_t)marker : (unsigned char)l->glyph);
        x = draw_text(v, x + 2, y, INK_FAINT, l->name) + 1;
        x = draw_text(v, x, y, l->style | STYLE_BOLD, text) + 2;
    }
}

/* false = too small for a picture */
static bool frame_of(const struct plot *p, int w, int h, struct frame *f)
{
    *f = (struct frame){.cols = w, .rows = h - (h >= 4 ? 2 : 0) - (p->legend && h >= 5)};
    if (w < 12 || f->rows < 1)
        return false;
    x_range(p, f);
    y_range(p, f);
    f->left = label_width(f);
    f->cols = w - f->left;
    return true;
}

double plot_at(const struct plot *p, int w, int h, int column)
{
    struct frame f;

    if (!frame_of(p, w, h, &f) || column < f.left || column >= w || f.cols < 2)
        return NAN;
    return f.x0 + (f.x1 - f.x0) * (column - f.left) / (f.cols - 1);
}

void plot_draw(const struct view *v, const struct plot *p)
{
    bool legend = p->legend && v->h >= 5, axis = v->h >= 4;
    struct view picture;
    struct frame f;

    if (!frame_of(p, v->w, v->h, &f))
        return;
    picture = view_part(v, 0, 0, v->w, f.rows + (axis ? 2 : 0));
    draw_y_axis(&picture, &f, p->guides);
    if (axis)
        draw_x_axis(&picture, &f, p->x_unit ? p->x_unit : "");
    draw_level(&picture, p, &f);
    draw_lines(&picture, p, &f);
    draw_cursor(&picture, p, &f);
    if (legend)
        draw_legend(v, p, &f, v->h - 1);
}
