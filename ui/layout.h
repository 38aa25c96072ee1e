/* layout.h - which panels are where. */
#ifndef UI_LAYOUT_H
#define UI_LAYOUT_H

#include "ui/frame.h"

/* Places for a screen of w x h; each slot shows, of those that it may, the panel that had the focus
 * last. */
void layout_make(struct ui *ui, int w, int h);
/* The next panel that is on the screen (or any, when there is one at a time). */
int layout_next(const struct ui *ui, int from, int direction);
#endif
