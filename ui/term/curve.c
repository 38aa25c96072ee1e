/* curve.c - see curve.h */
#include <math.h>
#include <stdlib.h>
#include "term/curve.h"

double curve_at(const struct plot_line *l, const double *of, size_t i)
{
    return *(const double *)((const char *)of + i * l->stride);
}

double curve_drawn(const struct plot_frame *f, double y)
{
    return f->log ? log10(y) : y;
}

double curve_smooth(struct plot_smooth *s, double y, double ema)
{
    s->sum = ema * s->sum + (1 - ema) * y;
    s->weight = ema * s->weight + (1 - ema);
    return s->sum / s->weight;
}

void curve_grow(double *lo, double *hi, double v)
{
    *lo = fmin(*lo, v);
    *hi = fmax(*hi, v);
}

static double middle_of(double a, double b, double c)
{
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

static void into(double *mean, double y, int n)
{
    *mean = n > 1 ? *mean + (y - *mean) / n : y;
}

void curve_last(struct curve *c, const struct plot_line *l, const struct plot_frame *f, double x)
{
    struct plot_smooth s = l->before;
    double mean = NAN;

    c->value = c->at = c->gap = NAN;
    for (size_t i = 0; i < l->n && !(curve_at(l, l->x, i) > x); i++) {
        double y = curve_at(l, l->y, i), at = curve_at(l, l->x, i);
        bool drawn = isfinite(y) && (!f->log || y > 0);

        if (drawn)
            mean = curve_smooth(&s, y, l->ema);
        if (l->ema > 0 ? !drawn : isnan(y))
            continue;
        c->value = l->ema > 0 ? mean : y;
        c->gap = at - c->at;
        c->at = at;
    }
}

struct bin *curve_bins(const struct plot_line *l, const double *of, const struct plot_frame *f,
                       int w)
{
    struct bin *bins = malloc((size_t)(w > 0 ? w : 1) * sizeof *bins);
    struct plot_smooth smooth = l->before, calmed = l->before;
    double before[2] = {NAN, NAN}, scale = (w - 1) / (f->x1 - f->x0);

    if (!bins)
        return NULL;
    for (int i = 0; i < w; i++)
        bins[i] = (struct bin){NAN, NAN, NAN, NAN, 0};
    for (size_t i = 0; i < l->n; i++) {
        double x = curve_at(l, l->x, i), y = curve_at(l, of, i), mean, calm;
        struct bin *b;

        if (!isfinite(y) || (f->log && y <= 0))
            continue;
        mean = curve_smooth(&smooth, y, l->ema);
        calm = curve_smooth(&calmed, isnan(before[1]) ? y : middle_of(before[0], before[1], y),
                            l->ema);
        before[0] = isnan(before[1]) ? y : before[1];
        before[1] = y;
        if (!(x >= f->x0) || x > f->x1)
            continue;
        b = &bins[(int)lround((x - f->x0) * scale)];
        b->lo = fmin(b->lo, y);
        b->hi = fmax(b->hi, y);
        b->n++;
        into(&b->smooth, mean, b->n);
        into(&b->calm, calm, b->n);
    }
    return bins;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

void curve_range(struct curve *c, const struct plot_line *l, const struct plot_frame *f, int w,
                 double *lo, double *hi)
{
    enum { FEW = 16 };
    double *low = malloc(2 * (size_t)w * sizeof *low), *high = low + w, room;
    double calm[2] = {INFINITY, -INFINITY}, raw[2] = {INFINITY, -INFINITY};
    int n = 0;

    for (int i = 0; i < w && low && c->bin; i++)
        if (c->bin[i].n) {
            low[n] = curve_drawn(f, c->bin[i].lo);
            high[n++] = curve_drawn(f, c->bin[i].hi);
            curve_grow(&calm[0], &calm[1], curve_drawn(f, c->bin[i].calm));
        }
    c->least = -INFINITY;
    c->most = INFINITY;
    if (n >= FEW && !l->steps) {
        qsort(low, (size_t)n, sizeof *low, by_size);
        qsort(high, (size_t)n, sizeof *high, by_size);
        room = (high[n * 9 / 10] - low[n / 10]) / 2;
        c->least = fmin(low[n / 10] - room, calm[0]);
        c->most = fmax(high[n * 9 / 10] + room, calm[1]);
    }
    for (int i = 0; i < n; i++) {
        if (low[i] >= c->least)
            raw[0] = fmin(raw[0], low[i]);
        if (high[i] <= c->most)
            raw[1] = fmax(raw[1], high[i]);
    }
    if (n >= FEW && !l->steps && calm[1] > calm[0]) {
        raw[0] = fmax(raw[0], calm[0] - (calm[1] - calm[0]));
        raw[1] = fmin(raw[1], calm[1] + (calm[1] - calm[0]));
    }
    if (n) {
        curve_grow(lo, hi, fmin(raw[0], calm[0]));
        curve_grow(lo, hi, fmax(raw[1], calm[1]));
    }
    free(low);
}
