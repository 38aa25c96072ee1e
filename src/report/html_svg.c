/* html_svg.c - curves with axes as inline SVG. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/ticks.h"
#include "report/html_svg.h"
#include "report/html_text.h"

enum { WIDTH = 548, HEIGHT = 262, LEFT = 58, RIGHT = 528, TOP = 22, BOTTOM = 220, TICKS = 10 };

/* From values to coordinates. */
struct scale {
    double lo, hi, from, to;
    bool log;
};

static double place(const struct scale *s, double v)
{
    double lo = s->lo, hi = s->hi;

    if (s->log) {
        v = log10(v);
        lo = log10(lo);
        hi = log10(hi);
    }
    return s->from + (v - lo) / (hi - lo) * (s->to - s->from);
}

static bool drawable(double v, bool log)
{
    return isfinite(v) && (!log || v > 0);
}

/* One decimal is a tenth of a pixel. */
static void put_at(struct strbuf *out, double x)
{
    size_t n;

    page_fixed(out, x, 1);
    n = out->len;
    if (!out->bad && n > 2 && out->s[n - 1] == '0' && out->s[n - 2] == '.') {
        out->s[n - 2] = '\0';
        out->len = n - 2;
    }
}

static void put_pair(struct strbuf *out, char command, double x, double y)
{
    sb_putc(out, command);
    put_at(out, x);
    sb_putc(out, ' ');
    put_at(out, y);
}

static void put_line(struct strbuf *out, const char *css, double x0, double y0, double x1,
                     double y1)
{
    sb_printf(out, "<path class=\"%s\" d=\"", css);
    put_pair(out, 'M', x0, y0);
    put_pair(out, 'L', x1, y1);
    sb_puts(out, "\"/>");
}

static void put_label(struct strbuf *out, double x, double y, const char *anchor)
{
    sb_puts(out, "<text x=\"");
    put_at(out, x);
    sb_puts(out, "\" y=\"");
    put_at(out, y);
    sb_printf(out, "\" text-anchor=\"%s\">", anchor);
}

/* ---- Fewer points ---- */

size_t svg_envelope(struct xy *p, size_t n, size_t max)
{
    size_t buckets, kept = 1;

    if (n <= max || max < 4)
        return n;
    buckets = (max - 2) / 2;
    for (size_t i = 0; i < buckets; i++) {
        size_t a = 1 + (n - 2) / buckets * i + (n - 2) % buckets * i / buckets;
        size_t b = 1 + (n - 2) / buckets * (i + 1) + (n - 2) % buckets * (i + 1) / buckets;
        struct xy low = p[a], high = p[a];
        bool falls = false; /* the highest comes first */

        for (size_t k = a; k < b; k++) {
            if (p[k].y < low.y) {
                low = p[k];
                falls = true;
            }
            if (p[k].y > high.y) {
                high = p[k];
                falls = false;
            }
        }
        p[kept++] = falls ? high : low;
        if (low.y < high.y)
            p[kept++] = falls ? low : high;
    }
    p[kept++] = p[n - 1];
    return kept;
}

/* ---- Axes ---- */

static void widen(struct scale *s, double v)
{
    if (!drawable(v, s->log))
        return;
    s->lo = fmin(s->lo, v);
    s->hi = fmax(s->hi, v);
}

/* False when there is nothing to draw. */
static bool ranges(const struct plot *p, struct scale *x, struct scale *y)
{
    double air;

    *x = (struct scale){.lo = INFINITY, .hi = -INFINITY, .from = LEFT, .to = RIGHT};
    *y = (struct scale){.lo = INFINITY, .hi = -INFINITY, .from = BOTTOM, .to = TOP, .log = p->log};
    for (size_t c = 0; c < p->n; c++)
        for (size_t i = 0; i < p->curve[c].n; i++) {
            const struct xy *at = &p->curve[c].p[i];

            if (!drawable(at->y, p->log))
                continue;
            widen(x, at->x);
            widen(y, at->y);
        }
    if (!(x->hi >= x->lo) || !(y->hi >= y->lo) || !isfinite(y->hi - y->lo))
        return false;
    if (x->hi == x->lo)
        x->hi = x->lo + 1;
    if (p->percent) {
        y->lo = 0;
        y->hi = 1;
    } else if (p->log) { /* some air, and never empty */
        air = fmax(pow(y->hi / y->lo, 0.04), 1.02);
        y->lo /= air;
        y->hi *= air;
    } else {
        air = y->hi > y->lo ? 0.05 * (y->hi - y->lo) : fmax(fabs(y->hi), 1) * 0.5;
        y->hi += air;
        y->lo = y->lo >= 0 && y->lo < 0.5 * y->hi ? 0 : y->lo - air;
    }
    return isfinite(y->hi) && y->hi > y->lo;
}

static void put_tick_text(struct strbuf *out, double v, bool percent)
{
    page_number(out, percent ? 100 * v : v, 6);
    sb_puts(out, percent ? "\xc2\xa0%</text>" : "</text>");
}

static void put_y_axis(struct strbuf *out, const struct plot *p, const struct scale *y)
{
    double tick[TICKS];
    int n = ticks_make(y->lo, y->hi, p->log, p->log ? 9 : 6, tick);

    for (int i = 0; i < n; i++) {
        double at = place(y, tick[i]);

        put_line(out, "rule", LEFT, at, RIGHT, at);
        put_label(out, LEFT - 6, at + 3.8, "end");
        put_tick_text(out, tick[i], p->percent);
    }
    sb_printf(out, "<text transform=\"translate(12 %d) rotate(-90)\" text-anchor=\"middle\">",
              (TOP + BOTTOM) / 2);
    page_text(out, p->y_label, SIZE_MAX);
    sb_puts(out, "</text>");
}

static void put_x_axis(struct strbuf *out, const struct plot *p, const struct scale *x)
{
    double tick[TICKS];
    int n = ticks_make(x->lo, x->hi, false, 8, tick);

    put_line(out, "axis", LEFT, BOTTOM, RIGHT, BOTTOM);
    for (int i = 0; i < n; i++) {
        double at = place(x, tick[i]);

        if (tick[i] != floor(tick[i]))
            continue;
        put_line(out, "axis", at, BOTTOM, at, BOTTOM + 4);
        put_label(out, at, BOTTOM + 16, "middle");
        put_tick_text(out, tick[i], false);
    }
    put_label(out, (LEFT + RIGHT) / 2.0, BOTTOM + 34, "middle");
    page_text(out, p->x_label, SIZE_MAX);
    sb_puts(out, "</text>");
}

/* ---- Curves ---- */

static bool has_interval(const struct xy *p)
{
    return isfinite(p->lo) && isfinite(p->hi);
}

/* Few intervals are bars; many would be a thicket and become a band. */
static void put_curve(struct strbuf *out, const struct curve *c, const struct scale *x,
                      const struct scale *y)
{
    const struct xy *before = NULL, *end = c->p + c->n;
    bool band = c->n > 40;

    for (const struct xy *p = c->p; band && p < end; p++)
        band = has_interval(p);
    if (band) {
        sb_printf(out, "<path class=\"band c%d\" d=\"", (int)c->hue);
        for (const struct xy *p = c->p; p < end; p++)
            put_pair(out, p == c->p ? 'M' : 'L', place(x, p->x), place(y, p->hi));
        for (const struct xy *p = end; p-- > c->p;)
            put_pair(out, 'L', place(x, p->x), place(y, p->lo));
        sb_puts(out, "Z\"/>");
    } else if (c->n <= 40) {
        sb_printf(out, "<path class=\"bar c%d\" d=\"", (int)c->hue);
        for (const struct xy *p = c->p; p < end; p++)
            if (has_interval(p) && isfinite(p->y)) {
                put_pair(out, 'M', place(x, p->x), place(y, p->lo));
                put_pair(out, 'L', place(x, p->x), place(y, p->hi));
            }
        sb_puts(out, "\"/>");
    }
    sb_printf(out, "<path class=\"l c%d%s%s\" d=\"", (int)c->hue, c->dashed ? " d" : "",
              c->faint ? " faint" : "");
    for (const struct xy *p = c->p; p < end; p++) {
        if (!drawable(p->y, y->log))
            continue;
        put_pair(out, before && before->segment == p->segment ? 'L' : 'M', place(x, p->x),
                 place(y, p->y));
        before = p;
    }
    sb_puts(out, "\"/>");
    for (const struct xy *p = c->p; c->dots && p < end; p++) {
        if (!drawable(p->y, y->log))
            continue;
        sb_printf(out, "<circle class=\"dot c%d\" r=\"%s\" cx=\"", (int)c->hue,
                  c->n <= 40 ? "2.6" : "1.6");
        put_at(out, place(x, p->x));
        sb_puts(out, "\" cy=\"");
        put_at(out, place(y, p->y));
        sb_puts(out, "\"/>");
    }
}

/* ---- Marks ---- */

/* A line where a stage begins, and its name when there is room before the next. */
static void put_mark(struct strbuf *out, const struct plot *p, size_t i, const struct scale *x)
{
    const struct mark *m = &p->mark[i];
    double at = place(x, fmax(m->x, x->lo)), next = RIGHT;

    if (m->x > x->hi)
        return;
    if (m->event) {
        if (m->x < x->lo)
            return;
        sb_printf(out, "<path class=\"tri c%d\" d=\"", (int)HUE_REFUSAL);
        put_pair(out, 'M', at, BOTTOM - 7);
        sb_puts(out, "l4.5 7h-9z\"><title>");
        page_text(out, m->text, SIZE_MAX);
        sb_puts(out, "</title></path>");
        return;
    }
    for (size_t k = i + 1; k < p->n_marks && next == RIGHT; k++)
        if (!p->mark[k].event && p->mark[k].x <= x->hi)
            next = place(x, fmax(p->mark[k].x, x->lo));
    if (at > LEFT + 1)
        put_line(out, "cut", at, TOP - 14, at, BOTTOM);
    if (next - at > 7.0 * (double)strlen(m->text)) {
        put_label(out, at + (at > LEFT + 1 ? 4 : 0), TOP - 8, "start");
        page_text(out, m->text, SIZE_MAX);
        sb_puts(out, "</text>");
    }
}

/* ---- The figure ---- */

void svg_key(struct strbuf *out, enum hue hue, bool dashed)
{
    sb_printf(out,
              "<svg class=\"key\" viewBox=\"0 0 22 8\" aria-hidden=\"true\"><path class=\"l "
              "c%d%s\" d=\"M0 4h22\"/></svg>",
              (int)hue, dashed ? " d" : "");
}

static void put_caption(struct strbuf *out, const struct plot *p)
{
    sb_puts(out, "<figcaption><b>");
    page_text(out, p->title, SIZE_MAX);
    sb_puts(out, "</b>");
    if (p->note) {
        sb_puts(out, " <small>");
        page_text(out, p->note, SIZE_MAX);
        sb_puts(out, "</small>");
    }
    sb_puts(out, "<span class=\"keys\">");
    for (size_t i = 0; i < p->n && p->n > 1; i++) {
        if (!p->curve[i].n || p->curve[i].faint)
            continue;
        sb_puts(out, "<span>");
        svg_key(out, p->curve[i].hue, p->curve[i].dashed);
        page_text(out, p->curve[i].name, SIZE_MAX);
        sb_puts(out, "</span>");
    }
    sb_puts(out, "</span></figcaption>\n");
}

void svg_plot(struct strbuf *out, const struct plot *p)
{
    struct scale x, y;

    if (!ranges(p, &x, &y))
        return;
    sb_puts(out, "<figure>");
    put_caption(out, p);
    sb_printf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    page_text(out, p->title, SIZE_MAX);
    sb_puts(out, "\">");
    put_y_axis(out, p, &y);
    put_x_axis(out, p, &x);
    if (isfinite(p->threshold))
        put_line(out, "limit", LEFT, place(&y, p->threshold), RIGHT, place(&y, p->threshold));
    for (size_t i = 0; i < p->n_marks; i++)
        put_mark(out, p, i, &x);
    for (size_t i = 0; i < p->n; i++)
        put_curve(out, &p->curve[i], &x, &y);
    sb_puts(out, "</svg></figure>\n");
}
