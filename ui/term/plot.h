/* plot.h - curves and points in characters.
 *
 * A raster is a view seen as small dots: 2 x 4 to a cell in braille, 1 x 2 in blocks, 1 x 1 in
 * ASCII (where each series has its own glyph). A plot is a raster with axes. Its range is that of the
 * smoothed curves: a single value far off is cut, and a sign at the border says where. Every column
 * keeps the least and the greatest raw value, so that it stays visible however far one is zoomed
 * out. */
#ifndef TERM_PLOT_H
#define TERM_PLOT_H

#include "term/draw.h"

/* What a smoothed value is made of; {0} = of nothing yet. */
struct plot_smooth {
    double sum, weight;
};
struct plot_line {
    const char *name; /* in the legend; NULL = it has no place there */
    const double *x,
        *y; /* n values `stride` bytes apart; x never goes down; y NaN = not measured */
    const double *lo, *hi; /* an interval around y, drawn as a shade; or NULL */
    size_t n, stride;
    unsigned style;
    char glyph; /* * o + x: in ASCII the curve, else its values or its end, and in the legend */
    double ema; /* 0 = raw; else weight of the past, and the raw envelope stays behind it */
    struct plot_smooth before; /* what came before the line's first value */
    bool steps;                /* rarely measured: joined to the next value, each value marked */
    bool part;                 /* in the legend a part of 1, though it is drawn in percent */
};
/* Of a curve behind the others. No sign in ASCII means two things in one picture: "." are raw values, ":" is
 * the shade, "|" the cursor. */
enum { PLOT_GHOST = ',' };
/* A word on an x: a mark on the axis, and the text where the cursor is. */
enum { PLOT_NOTES = 32 };
struct plot_note {
    double x;
    const char *text;
};
struct plot {
    const struct plot_line *lines;
    int n_lines;
    double x0, x1; /* range shown; x1 <= x0 = all of the data */
    bool log;      /* log y: values <= 0 are left out */
    double y0, y1; /* NaN = by the data */
    double cursor; /* x of the cursor; NaN = none */
    double newest; /* where the legend is of while there is no cursor; 0 = the end of the picture */
    double level;  /* horizontal guide; NaN = none */
    const char *x_unit; /* "step" */
    const char *y_unit; /* "%", behind values; or NULL */
    /* Below: sign, name and value of each line, with its own x where another one was due since. */
    bool legend;
    const char *band; /* what the shade is, for the legend; or NULL */
    bool mono;        /* no colours: more signs along the curves */
    bool guides;      /* horizontal lines at the ticks */
    struct plot_note note[PLOT_NOTES];
    int n_notes;
};
/* The notes of a picture of `cols` columns for x0 to x1, from `left` on; the axis is in row y. */
void plot_draw_notes(const struct view *v, const struct plot *p, double x0, double x1, int left,
                     int cols, int y);
/* Fills the view. */
void plot_draw(const struct view *v, const struct plot *p);
/* The x under a column of a view of w x h that plot_draw fills; NaN = beside the picture. */
double plot_at(const struct plot *p, enum charset charset, int w, int h, int column);
/* Range that plot_draw will use for x, made round, so that a growing run changes it rarely. */
double plot_round_up(double x);
/* The value of a line at x: the last one measured at or before it, NaN = none; *smooth: what its smoothed
 * value is made of, or NULL. */
double plot_value(const struct plot_line *l, double x, struct plot_smooth *smooth);
#endif
