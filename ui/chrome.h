/* chrome.h - everything around the panels: header, messages, status row, key bar, what lies over
 * them. */
#ifndef UI_CHROME_H
#define UI_CHROME_H

#include "ui/frame.h"

void chrome_draw(struct ui *ui, struct canvas *c, int *cursor_x, int *cursor_y);
#endif
