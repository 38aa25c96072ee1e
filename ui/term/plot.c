/* plot.c - line plots with axes.
 *
 * The x axis covers a round range that grows rarely, so a running curve is appended to and the rest
 * of the picture stays as it is: that is what keeps the bytes sent over a slow line few. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "term/curve.h"
#include "base/ticks.h"
#include "term/number.h"
#include "term/raster.h"
#include "term/shapes.h"
#include "term/sign.h"
#include "term/text.h"

/* First value with x >= `x`. */
static size_t lower_bound(const struct plot_line *l, double x)
{
    size_t lo = 0, hi = l->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (curve_at(l, l->x, mid) < x)
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

double plot_value(const struct plot_line *l, double x, struct plot_smooth *smooth)
{
    struct plot_smooth s = l->before;
    double raw = NAN;

    for (size_t i = 0; i < l->n && !(curve_at(l, l->x, i) > x); i++) {
        double y = curve_at(l, l->y, i);

        if (isnan(y))
            continue;
        raw = y;
        curve_smooth(&s, y, l->ema);
    }
    if (smooth)
        *smooth = s;
    return raw;
}

/* --- ranges --- */

static void x_range(const struct plot *p, struct plot_frame *f)
{
    double lo = INFINITY, hi = -INFINITY;

    f->x0 = p->x0;
    f->x1 = p->x1;
    if (p->x1 > p->x0)
        return;
    for (int i = 0; i < p->n_lines; i++) {
        const struct plot_line *l = &p->lines[i];

        if (l->n) {
            curve_grow(&lo, &hi, curve_at(l, l->x, 0));
            curve_grow(&lo, &hi, curve_at(l, l->x, l->n - 1));
        }
    }
    f->x0 = lo > 0 && lo < hi / 2 ? 0 : lo;
    if (!(lo <= hi))
        f->x0 = hi = 0;
    f->x1 = f->x0 + plot_round_up(hi - f->x0);
}

/* Ends on round values a little outside the data: steady while the data moves inside. */
static void y_round(struct plot_frame *f, double lo, double hi)
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
        double pad = fabs(hi) * 0.1;

        lo -= pad;
        hi += hi != 0 ? pad : 1;
    }
    unit = plot_round_up((hi - lo) / 10);
    f->y0 = floor(lo / unit + 1e-9) * unit;
    f->y1 = ceil(hi / unit - 1e-9) * unit;
    if (lo >= 0 && f->y0 < 0.35 * f->y1)
        f->y0 = 0;
}

/* --- axes --- */

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

static void y_range(const struct plot *p, struct plot_frame *f, struct curve *curves, int w)
{
    double lo = INFINITY, hi = -INFINITY;

    for (int i = 0; i < p->n_lines; i++)
        curve_range(&curves[i], &p->lines[i], f, w, &lo, &hi);
    if (!isfinite(lo)) { /* nothing measured, or nothing above 0 */
        f->log = false;
        lo = 0;
        hi = 1;
    } else {
        if (!isnan(p->level) && (!f->log || p->level > 0))
            curve_grow(&lo, &hi, curve_drawn(f, p->level));
        lo = f->log ? pow(10, lo) : lo;
        hi = f->log ? pow(10, hi) : hi;
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

/* --- drawing --- */

static int row_of(const struct plot_frame *f, double y)
{
    double part = ((f->log ? log10(y) : y) - f->y0) / (f->y1 - f->y0);

    return (int)lround((1 - part) * (f->rows - 1));
}

enum { MAX_TICKS = 12 };

static int y_ticks(const struct plot_frame *f, double *ticks)
{
    double lo = f->log ? pow(10, f->y0) : f->y0, hi = f->log ? pow(10, f->y1) : f->y1;
    int max = f->log ? f->rows / 2 + 1 : f->rows / 3 + 1;

    if (!f->log && max == 2) { /* where only two have room, the ends say most */
        ticks[0] = lo;
        ticks[1] = hi;
        return 2;
    }
    return ticks_make(lo, hi, f->log, max > MAX_TICKS ? MAX_TICKS : max, ticks);
}

static int label_width(const struct plot_frame *f)
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

static void draw_y_axis(const struct view *v, const struct plot_frame *f, bool guides)
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
                draw_glyph(v, x, y, INK_FRAME, ascii ? '\'' : 0xb7); /* "." are raw values */
    }
}

static void draw_x_axis(const struct view *v, const struct plot_frame *f, const char *unit)
{
    double ticks[MAX_TICKS];
    char text[NUMBER_SIZE];
    int max = f->cols / 10 + 1, y = f->rows, unit_at = v->w - (int)strlen(unit), end = 0;
    int n = ticks_make(f->x0, f->x1, false, max > MAX_TICKS ? MAX_TICKS : max, ticks);

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

static int dot_of(const struct plot_frame *f, const struct raster *r, double y)
{
    double part = ((f->log ? log10(y) : y) - f->y0) / (f->y1 - f->y0);

    if (part < -1)
        part = -1;
    if (part > 2)
        part = 2;
    return (int)lround(part * (r->h - 1));
}

static void draw_envelope(struct raster *r, const struct plot_frame *f, const struct bin *bins,
                          const struct plot_line *l)
{
    unsigned style = l->ema > 0 ? INK_GHOST : l->style;
    char glyph = l->ema > 0 ? '.' : l->glyph;

    for (int x = 0; x < r->w; x++) {
        int lo = bins[x].n ? dot_of(f, r, bins[x].lo) : 0,
            hi = bins[x].n ? dot_of(f, r, bins[x].hi) : -1;
        bool thin = r->mono && l->ema > 0 && r->charset == CHARSET_BRAILLE && hi > lo + 1;

        for (int y = lo; y <= hi; y++)
            if (!thin || (x + y) % 2 == 0)
                raster_dot(r, x, y, style, glyph);
    }
}

/* Every second dot between two curves: a shade behind the others. */
static void draw_band(struct raster *r, const struct plot_frame *f, const struct plot_line *l)
{
    struct bin *lo = curve_bins(l, l->lo, f, r->w), *hi = curve_bins(l, l->hi, f, r->w);
    int from = -1;

    for (int x = 0; x < r->w && lo && hi; x++) {
        if (!lo[x].n || !hi[x].n)
            continue;
        for (int at = from < 0 ? x : from + 1; at <= x; at++) {
            double part = from < 0 ? 1 : (double)(at - from) / (x - from);
            const struct bin *a = from < 0 ? lo + x : lo + from, *b = from < 0 ? hi + x : hi + from;
            int low = dot_of(f, r, a->lo + (lo[x].lo - a->lo) * part);
            int high = dot_of(f, r, b->hi + (hi[x].hi - b->hi) * part);

            for (int y = low < 0 ? 0 : low; y <= high && y < r->h; y++)
                if ((at + y) % 2 == 0 || r->charset == CHARSET_ASCII || low == high)
                    raster_dot(r, at, y, INK_GHOST, ':');
        }
        from = x;
    }
    free(lo);
    free(hi);
}

static void draw_curve(struct raster *r, const struct plot_frame *f, const struct bin *bins,
                       const struct plot_line *l)
{
    int px = -1, py = 0;

    for (int x = 0; x < r->w; x++) {
        int y;

        if (!bins[x].n)
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

static bool is_ghost(const struct plot_line *l)
{
    return (l->style & STYLE_INK) == INK_GHOST;
}

/* Signs alone are bold in a picture. */
static bool has_sign(const struct view *v, int x, int y)
{
    return v->c->cells[(size_t)(v->y + y) * (size_t)v->c->w + (size_t)(v->x + x)].style &
           STYLE_BOLD;
}

/* Rare values: each one the sign of its line, so that one sees where was measured. Where lines
 * coincide the topmost leaves each second sign to those below, the next each third, and so on: none
 * vanishes. */
static void draw_values(const struct view *v, const struct plot *p, const struct plot_frame *f,
                        int line)
{
    const struct plot_line *l = &p->lines[line];
    int last_x = -1, last_row = -1, met = 0;

    for (size_t i = lower_bound(l, f->x0); i < l->n && curve_at(l, l->x, i) <= f->x1; i++) {
        double y = curve_at(l, l->y, i);
        int x =
            f->left + (int)lround((curve_at(l, l->x, i) - f->x0) / (f->x1 - f->x0) * (f->cols - 1));
        int row = isfinite(y) && (!f->log || y > 0) ? row_of(f, y) : -1;

        if (row < 0 || row >= f->rows || (x == last_x && row == last_row))
            continue;
        last_x = x;
        last_row = row;
        if (!has_sign(v, x, row) || ++met % (line + 2))
            draw_glyph(v, x, row, l->style | STYLE_BOLD, (unsigned char)l->glyph);
    }
}

/* Which line is which, also for who sees no colours, or not all of them: its sign at the end, or
 * where the first other one leaves room for it, and now and then. */
static void draw_signs(const struct view *v, const struct plot *p, const struct plot_frame *f,
                       int i, const struct bin *bins, int cw)
{
    const int every = p->mono ? 16 : 32;
    const struct plot_line *l = &p->lines[i];
    bool last = true;

    for (int x = f->cols * cw - 1; x >= 0; x--) {
        int y = bins[x].n ? row_of(f, bins[x].smooth) : -1;

        if (y < 0 || y >= f->rows || (!last && x / cw % every != i * every / (p->n_lines + 1)) ||
            has_sign(v, f->left + x / cw, y))
            continue;
        draw_glyph(v, f->left + x / cw, y, l->style | STYLE_BOLD, (unsigned char)l->glyph);
        last = false;
    }
}

struct off {
    bool above, below; /* single values lie there, outside the picture */
};

static struct off draw_cut_off(const struct view *v, const struct plot_frame *f,
                               const struct plot_line *l, const struct curve *c, int cw)
{
    int last[2] = {-2, -2};

    for (int x = 0; x < f->cols * cw; x++)
        for (int up = 0; up < 2 && c->bin[x].n; up++) {
            double y = curve_drawn(f, up ? c->bin[x].hi : c->bin[x].lo);
            bool out = up ? y > c->most && y > f->y1 : y < c->least && y < f->y0;

            if (!out || x / cw <= last[up] + 1)
                continue;
            last[up] = x / cw;
            draw_glyph(v, f->left + last[up], up ? 0 : f->rows - 1, l->style | STYLE_BOLD,
                       sign(v->c, up ? SIGN_UP : SIGN_DOWN));
        }
    return (struct off){.above = last[1] >= 0, .below = last[0] >= 0};
}

/* Which of those that are no ghosts it is. */
static int turn_of(const struct plot *p, int line)
{
    int n = 0;

    for (int i = 0; i < line; i++)
        n += !is_ghost(&p->lines[i]);
    return n;
}

/* Where something was cut off. */
static struct off draw_lines(const struct view *v, const struct plot *p, const struct plot_frame *f,
                             const struct curve *curves)
{
    struct raster r;
    struct off off = {false, false}, one;

    if (raster_init(&r, v, f->cols, f->rows))
        return off;
    r.mono = p->mono;
    r.turns = turn_of(p, p->n_lines);
    for (int pass = 0; pass < 3; pass++) /* bands, envelopes, curves; the first line on top */
        for (int i = p->n_lines - 1; i >= 0; i--) {
            const struct plot_line *l = &p->lines[i];

            r.line = turn_of(p, i);
            if (pass == 0 && l->lo && l->hi)
                draw_band(&r, f, l);
            else if (pass == 1 && curves[i].bin && !(r.mono && is_ghost(l))) /* it is broken */
                draw_envelope(&r, f, curves[i].bin, l);
            else if (pass == 2 && curves[i].bin)
                draw_curve(&r, f, curves[i].bin, l);
        }
    raster_draw(&r, v, f->left, 0);
    for (int i = p->n_lines - 1; i >= 0; i--) {
        if (!curves[i].bin || is_ghost(&p->lines[i]))
            continue;
        if (p->lines[i].steps)
            draw_values(v, p, f, i);
        else if (v->c->charset != CHARSET_ASCII)
            draw_signs(v, p, f, i, curves[i].bin, r.cw);
        one = draw_cut_off(v, f, &p->lines[i], &curves[i], r.cw);
        off = (struct off){off.above || one.above, off.below || one.below};
    }
    raster_done(&r);
    return off;
}

static void draw_level(const struct view *v, const struct plot *p, const struct plot_frame *f)
{
    int y;

    if (isnan(p->level) || (f->log && p->level <= 0))
        return;
    y = row_of(f, p->level);
    for (int x = 0; x < f->cols && y >= 0 && y < f->rows; x += 2)
        draw_glyph(v, f->left + x, y, INK_WARN, v->c->charset == CHARSET_ASCII ? '-' : 0x2508);
}

static void draw_cursor(const struct view *v, const struct plot *p, const struct plot_frame *f)
{
    int x;

    if (isnan(p->cursor) || p->cursor < f->x0 || p->cursor > f->x1)
        return;
    x = f->left + (int)lround((p->cursor - f->x0) / (f->x1 - f->x0) * (f->cols - 1));
    for (int y = 0; y < f->rows; y++)
        draw_glyph(v, x, y, INK_CURSOR, v->c->charset == CHARSET_ASCII ? '|' : 0x250a);
    draw_glyph(v, x, f->rows, INK_CURSOR | STYLE_BOLD, sign(v->c, SIGN_UP));
}

void plot_draw_notes(const struct view *v, const struct plot *p, double x0, double x1, int left,
                     int cols, int y)
{
    double wide = (x1 - x0) / (cols > 1 ? cols - 1 : 1);
    const struct plot_note *here = NULL;

    for (int i = 0; i < p->n_notes; i++) {
        double x = p->note[i].x;

        if (x < x0 || x > x1)
            continue;
        draw_glyph(v, left + (int)lround((x - x0) / wide), y, INK_KEY | STYLE_BOLD,
                   sign(v->c, SIGN_NOTE));
        if (fabs(x - p->cursor) <= wide)
            here = &p->note[i];
    }
    if (here) {
        int w = text_width(here->text, strlen(here->text), v->c->utf8) + 2,
            x = left + (int)lround((here->x - x0) / wide) + 2;

        if (x + w > left + cols)
            x = left + cols - w > left ? left + cols - w : left;
        draw_fill(v, x, 0, 2, 1, INK_TEXT, ' ');
        draw_glyph(v, x, 0, INK_KEY | STYLE_BOLD, sign(v->c, SIGN_NOTE));
        draw_cut(v, x + 2, 0, left + cols - x - 2, INK_STRONG, here->text);
    }
}

/* --- the legend: every line with its sign and its value, in as many rows as it is given --- */

struct legend {
    int rows, left, name_w; /* names are cut there */
    bool values;            /* there is room for them */
    bool ages;              /* ... and for the steps of those that are not of the cursor's */
};

static int name_width(const struct view *v, const struct plot_line *l, int most)
{
    int w = text_width(l->name, strlen(l->name), v->c->utf8);

    return w < most ? w : most;
}

/* Rows that it takes. */
static int rows_of(const struct view *v, const struct plot *p, const struct legend *g)
{
    enum {
        VALUE_W = 6,
        AGE_W = 5
    }; /* that few exceed: the legend stands still while they change */
    int x = g->left, rows = 1;

    for (int i = 0; i < p->n_lines; i++) {
        int w;

        if (!p->lines[i].name)
            continue;
        w = 2 + name_width(v, &p->lines[i], g->name_w) + (g->values ? VALUE_W : 0) +
            (g->ages && p->lines[i].steps ? AGE_W : 0);
        if (x > g->left && x + w > v->w) {
            rows++;
            x = g->left;
        }
        x += w + 2;
    }
    return rows;
}

/* One row with whole names; else two where the picture stays high enough; else short names; and
 * where even these would be too short, names without values. */
static struct legend legend_of(const struct view *v, const struct plot *p)
{
    enum { HIGH = 9, NAME_MOST = 40, NAME_LEAST = 6 };
    struct legend g = {
        .rows = 1, .left = 0, .name_w = NAME_MOST, .values = true, .ages = !isnan(p->cursor)};

    if (!p->legend || v->h < 5)
        return (struct legend){.rows = 0};
    if (v->h >= HIGH && rows_of(v, p, &g) > 1)
        g.rows = 2;
    g.ages = false;
    while (g.name_w > NAME_LEAST && rows_of(v, p, &g) > g.rows)
        g.name_w--;
    if (rows_of(v, p, &g) > g.rows) {
        g.values = false;
        g.name_w = NAME_MOST;
        while (g.name_w > 1 && rows_of(v, p, &g) > g.rows)
            g.name_w--;
    }
    return g;
}

/* A line's value as it is in words elsewhere: a share in percent with one decimal; never "-0". */
static const char *value_text(char out[NUMBER_SIZE], const struct plot *p,
                              const struct plot_line *l, double x)
{
    if (!p->y_unit || isnan(x))
        number_text(out, x, 3);
    else
        snprintf(out, NUMBER_SIZE, l->part ? "%.3f" : "%.1f",
                 l->part ? round(x * 10) / 1000 + 0.0 : round(x * 10) / 10 + 0.0);
    return out;
}

/* " @400" of a value that is not of the cursor's step, or, without a cursor, where another one was due since. */
static const char *age_text(char out[NUMBER_SIZE + 2], const struct plot *p, const struct curve *c)
{
    char at[NUMBER_SIZE];
    double now = isnan(p->cursor) ? p->newest : p->cursor;

    out[0] = '\0';
    if (now > c->at && !(isnan(p->cursor) && now - c->at <= 1.5 * c->gap))
        snprintf(out, NUMBER_SIZE + 2, " @%s", tick_text(at, c->at));
    return out;
}

/* The names with their values, from *x, *y on; without `drawn` only where they would end. False: one has no place. */
static bool put_names(const struct view *v, const struct plot *p, const struct legend *g,
                      const struct curve *curves, bool drawn, int *x, int *y)
{
    bool all = true;

    for (int i = 0; i < p->n_lines; i++) {
        const struct plot_line *l = &p->lines[i];
        char text[NUMBER_SIZE], age[NUMBER_SIZE + 2];
        const char *unit = p->y_unit && !l->part && !isnan(curves[i].value) ? p->y_unit : "";
        bool values = g->values && !is_ghost(l);
        int w, value_w;

        if (!l->name)
            continue;
        w = name_width(v, l, g->name_w);
        value_w = (int)(strlen(value_text(text, p, l, curves[i].value)) + strlen(unit) +
                        strlen(age_text(age, p, &curves[i])));
        if (*x > g->left && *x + 3 + w + (values ? value_w : -1) > v->w && *y + 1 < v->h) {
            *x = g->left;
            ++*y;
        }
        all = all && *x + 2 < v->w;
        values = values && *x + 3 + w + value_w <= v->w; /* half a number would be another */
        if (drawn) {
            draw_glyph(v, *x, *y, l->style | STYLE_BOLD, (unsigned char)l->glyph);
            draw_cut(v, *x + 2, *y, w, INK_FAINT, l->name);
        }
        *x += 2 + w;
        if (drawn && values) {
            int at = draw_text(v, *x + 1, *y, l->style | STYLE_BOLD, text);

            at = draw_text(v, at, *y, INK_FAINT, unit);
            draw_text(v, at, *y, INK_FAINT, age);
        }
        *x += (values ? 1 + value_w : 0) + 2;
    }
    return all;
}

static void draw_legend(const struct view *v, const struct plot *p, struct legend g,
                        const struct curve *curves, int indent, struct off off)
{
    int y = v->h - g.rows, x, end_x, end_y = y;

    g.left = indent;
    end_x = x = g.left =
        rows_of(v, p, &g) > g.rows ? 0 : indent; /* below the picture, if it fits */
    g.values = g.values && put_names(v, p, &g, curves, false, &end_x, &end_y);
    put_names(v, p, &g, curves, true, &x, &y);
    if (p->band && x + 4 + text_width(p->band, strlen(p->band), v->c->utf8) <= v->w) {
        draw_glyph(v, x, y, INK_GHOST, v->c->charset == CHARSET_ASCII ? ':' : 0x2592);
        x = draw_text(v, x + 2, y, INK_FAINT, p->band) + 2;
    }
    if ((off.above || off.below) && x + 12 <= v->w) {
        if (off.above)
            draw_glyph(v, x++, y, INK_TEXT | STYLE_BOLD, sign(v->c, SIGN_UP));
        if (off.below)
            draw_glyph(v, x++, y, INK_TEXT | STYLE_BOLD, sign(v->c, SIGN_DOWN));
        draw_text(v, x + 1, y, INK_FAINT, "off scale");
    }
}

/* --- the whole --- */

static void curves_done(const struct plot *p, struct curve *curves)
{
    for (int i = 0; curves && i < p->n_lines; i++)
        free(curves[i].bin);
    free(curves);
}

/* What the columns of dots hold when the labels take `left` of w columns. */
static struct curve *curves_of(const struct plot *p, struct plot_frame *f, int w, int left, int cw)
{
    struct curve *curves = calloc((size_t)p->n_lines + 1, sizeof *curves);

    f->left = left;
    f->cols = w - left;
    for (int i = 0; curves && i < p->n_lines; i++)
        curves[i].bin = curve_bins(&p->lines[i], p->lines[i].y, f, f->cols * cw);
    return curves;
}

/* The frame of a picture of w columns, and its curves; NULL = too small for one. */
static struct curve *frame_of(const struct view *v, const struct plot *p, struct plot_frame *f)
{
    static const int cw[CHARSET_COUNT] = {2, 1, 1};
    int dots = cw[v->c->charset], left = 4;
    struct curve *curves;

    *f = (struct plot_frame){
        .rows = v->h - (v->h >= 4 ? 2 : 0) - legend_of(v, p).rows, .log = p->log, .cols = v->w};
    if (v->w < 12 || f->rows < 1)
        return NULL;
    x_range(p, f);
    /* the labels' width is known with the range only, and that there is nothing above 0 with the first one */
    for (int round = 0; round < 3; round++) {
        bool log = f->log;

        curves = curves_of(p, f, v->w, left, dots);
        if (!curves)
            return NULL;
        y_range(p, f, curves, f->cols * dots);
        left = label_width(f);
        if (round == 2 || (left == f->left && log == f->log))
            break;
        curves_done(p, curves);
    }
    return curves;
}

double plot_at(const struct plot *p, enum charset charset, int w, int h, int column)
{
    struct canvas none = {.charset = charset};
    struct plot_frame f;
    struct curve *curves = frame_of(&(struct view){.c = &none, .w = w, .h = h}, p, &f);

    curves_done(p, curves);
    if (!curves || column < f.left || column >= w || f.cols < 2)
        return NAN;
    return f.x0 + (f.x1 - f.x0) * (column - f.left) / (f.cols - 1);
}

void plot_draw(const struct view *v, const struct plot *p)
{
    bool axis = v->h >= 4;
    struct off off;
    struct legend legend = legend_of(v, p);
    struct view picture;
    struct plot_frame f;
    struct curve *curves = frame_of(v, p, &f);

    if (!curves)
        return;
    picture = view_part(v, 0, 0, v->w, f.rows + (axis ? 2 : 0));
    draw_y_axis(&picture, &f, p->guides);
    if (axis)
        draw_x_axis(&picture, &f, p->x_unit ? p->x_unit : "");
    draw_level(&picture, p, &f);
    off = draw_lines(&picture, p, &f, curves);
    draw_cursor(&picture, p, &f);
    plot_draw_notes(&picture, p, f.x0, f.x1, f.left, f.cols, f.rows);
    if (legend.rows) {
        double of = !isnan(p->cursor) ? p->cursor : p->newest > 0 ? fmin(p->newest, f.x1) : f.x1;

        for (int i = 0; i < p->n_lines; i++)
            curve_last(&curves[i], &p->lines[i], &f, of);
        draw_legend(v, p, legend, curves, f.left, off);
    }
    curves_done(p, curves);
}
