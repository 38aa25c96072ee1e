/* curve.h - what the columns of dots of a plot hold of a line, and the range that it asks for.
 *
 * All points of a line are looked at once for a picture, and once more for its legend; everything else is made of its
 * columns. */
#ifndef TERM_CURVE_H
#define TERM_CURVE_H

#include "term/plot.h"

struct plot_frame {
    double x0, x1, y0, y1; /* y as drawn: logarithms on a log axis */
    bool log;
    int left;       /* columns of the labels, the axis included */
    int cols, rows; /* cells of the picture */
};
struct bin {
    double lo, hi; /* raw; NaN = nothing here */
    double smooth; /* mean of the smoothed values */
    double calm;   /* the same without single values far off: the range is made of it */
    int n;
};
struct curve {
    struct bin *bin; /* one for each column of dots; NULL = no memory */
    /* For the legend: the last value up to where it is of, its x, and how far the one before it lies behind. */
    double value, at, gap;
    double least, most; /* as drawn; what lies beyond is a spike */
};

/* Value i of an array of a line: its x, its y, an end of its interval. */
double curve_at(const struct plot_line *l, const double *of, size_t i);
/* As drawn: its logarithm on a log axis. */
double curve_drawn(const struct plot_frame *f, double y);
/* The next smoothed value: a mean of all so far, each weighing ema times as much as the one after it. */
double curve_smooth(struct plot_smooth *s, double y, double ema);
void curve_grow(double *lo, double *hi, double v);
/* w columns of one of a line's arrays, to be freed. NULL = no memory. */
struct bin *curve_bins(const struct plot_line *l, const double *of, const struct plot_frame *f,
                       int w);
/* What the legend needs of a curve, up to an x. */
void curve_last(struct curve *c, const struct plot_line *l, const struct plot_frame *f, double x);
/* Widens [lo, hi] by the range that a line asks for, as drawn: that of its smoothed values, and of the
 * raw ones around them as far as the curve keeps a third of the height. Single values far off do not
 * count; they will be cut and marked. What is rarely measured counts in full. */
void curve_range(struct curve *c, const struct plot_line *l, const struct plot_frame *f, int w,
                 double *lo, double *hi);
#endif
