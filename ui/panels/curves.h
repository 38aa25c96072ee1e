/* curves.h - the window of all plots: which steps are shown, in the unit of x that was chosen. */
#ifndef PANELS_CURVES_H
#define PANELS_CURVES_H

#include "panels/state.h"
#include "term/plot.h"

/* Puts the window of all plots (range, cursor and notes in the chosen unit of x) into a plot. */
void ui_window(const struct ui *ui, struct plot *p);
/* What stands for the points of overlay i (< INK_RUNS) in every panel, beside INK_RUN0 + i. */
char overlay_glyph(int i);
#endif
