/* chrome.h - everything around the panels: header, messages, status row, key bar, what lies over
 * them. */
#ifndef UI_CHROME_H
#define UI_CHROME_H

#include "ui/frame.h"

/* Whole seconds for which what the run does has shown nothing new, from 2 on, else 0; -1 = it does
 * nothing. */
int chrome_seconds(const struct ui *ui);
/* Rows of a screen that the message, and the line that is typed, take. */
int chrome_rows(const struct ui *ui, int w, int h);
void chrome_draw(struct ui *ui, struct canvas *c, int *cursor_x, int *cursor_y);
#endif
