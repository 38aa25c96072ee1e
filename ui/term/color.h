/* color.h - how the inks look: palettes for 256, 16 and 8 colours, dark and light. */
#ifndef TERM_COLOR_H
#define TERM_COLOR_H

#include <stdbool.h>
#include "term/draw.h"

enum theme { THEME_DARK, THEME_LIGHT, THEME_NONE, THEME_COUNT };
extern const char *const theme_names[THEME_COUNT];

/* What a terminal is told for an ink: colours (-1 = its own) and whether bold. */
struct paint {
    short fg, bg;
    bool bold, reverse;
};
/* colors = 256, 16, 8, or less for none. */
struct paint color_paint(enum ink ink, enum theme theme, int colors);
/* The same as red, green, blue for pictures; -1 = the ground's own. */
int color_rgb(int color);
/* By COLORFGBG ("15;0", light when the ground is 7 or 15), else dark. */
enum theme color_guess_theme(void);
#endif
