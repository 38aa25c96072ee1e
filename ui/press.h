/* press.h - keys and the mouse, whatever is on the screen. */
#ifndef UI_PRESS_H
#define UI_PRESS_H

#include "ui/frame.h"

/* A key of the keyboard or a script; `more` = the next one is there already. */
void press_key(struct ui *ui, int key, bool more);
/* button as of screen_mouse_event. */
void press_mouse(struct ui *ui, int x, int y, int button);
/* A paste is text for a line that is being typed, and no keys: it could hold any. */
void press_paste(struct ui *ui, const char *text, size_t n);
#endif
