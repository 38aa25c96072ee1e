/* shapes.h - lines, frames and bars. */
#ifndef TERM_SHAPES_H
#define TERM_SHAPES_H

#include "term/draw.h"

void draw_hline(const struct view *v, int x, int y, int w, unsigned style);
void draw_vline(const struct view *v, int x, int y, int h, unsigned style);
/* Frame around the whole view with the key that chooses it, title, notes behind the title ("log ema.6") and hints at
 * the lower right border; returns the view inside. key, title, notes and hints may be NULL. */
struct view draw_box(const struct view *v, const char *key, const char *title, const char *notes,
                     const char *hints, bool focus);
/* Bar from the left, part in [0, 1] of w columns, in halves (whole '#' in ASCII). NaN draws
 * nothing. */
void draw_bar(const struct view *v, int x, int y, int w, double part, unsigned style);
#endif
