/* paint.h - a frame: the panels in their places and what is around them. */
#ifndef UI_PAINT_H
#define UI_PAINT_H

#include "ui/frame.h"

/* Draws the screen into priv->canvas at w x h. */
void frame_draw(struct ui *ui, int w, int h, int *cursor_x, int *cursor_y);
/* Paints it on the terminal; about how many bytes that took. */
size_t frame_paint(struct ui *ui);
/* Paints at once: before something that takes long. */
void frame_now(struct ui *ui);
#endif
