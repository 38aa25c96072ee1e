/* tour.h - the tour of the lab: what to press next, and what one will see, in lines above the messages. The real
 * screen does the rest, and every key does what it always does. */
#ifndef UI_TOUR_H
#define UI_TOUR_H

#include "ui/frame.h"

/* The tour as README.md has it, as a numbered list of lines of at most 120 characters. */
void tour_print(FILE *out);
/* A key was pressed, before it does anything. */
void tour_key(struct ui *ui, int key);
/* Goes on when what was asked for is done. */
void tour_look(struct ui *ui);
/* Rows that the present sentence takes on a screen of w columns; 0 = no tour is on. */
int tour_rows(const struct ui *ui, int w);
void tour_draw(const struct ui *ui, const struct view *v);
#endif
