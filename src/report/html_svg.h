/* html_svg.h - curves, as pictures in a page. */
#ifndef REPORT_HTML_SVG_H
#define REPORT_HTML_SVG_H

#include <vaccine/vaccine.h>
#include "base/mem.h"

/* Colours that everything on the page shares. */
enum hue { HUE_TASK, HUE_HARM, HUE_ALIGN, HUE_REFUSAL, HUE_OTHER, HUE_COUNT };
struct xy {
    double x, y, lo, hi; /* lo, hi: interval, NaN = none */
    int segment;         /* the line is broken where it changes */
};
struct curve {
    const char *name;
    enum hue hue;
    bool dashed, dots;
    bool faint; /* the single values behind a running mean: no key of its own */
    struct xy *p;
    size_t n;
};
struct mark {
    double x;
    char text[VAC_NAME];
    bool event; /* a small triangle with a tooltip, in place of a line with a name */
};
enum { PLOT_CURVES = 3 * VAC_MAX_EVALS, PLOT_MARKS = 64, CURVE_POINTS = 1200 };
struct plot {
    const char *title, *note, *x_label, *y_label;
    bool log, percent;
    double threshold; /* dashed horizontal line; NaN = none */
    struct curve curve[PLOT_CURVES];
    size_t n;
    struct mark mark[PLOT_MARKS];
    size_t n_marks;
};
/* One <figure>; nothing when no curve has a point. */
void svg_plot(struct strbuf *out, const struct plot *p);
/* Keeps at most `max` points: first and last, and of each stretch between the lowest and the
 * highest. */
size_t svg_envelope(struct xy *p, size_t n, size_t max);
void svg_key(struct strbuf *out, enum hue hue, bool dashed);
#endif
