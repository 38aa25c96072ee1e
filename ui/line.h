/* line.h - the prompt line, for the framework: keys in, cells out, files at the end.
 *
 * What panels use of it is in prompt.h. */
#ifndef UI_LINE_H
#define UI_LINE_H

#include "term/draw.h"
#include "ui/prompt.h"

/* A key (keys.h) while a prompt line is open; false = not for it: do with it what is usual. `more`
 * = the next key is there already, so that an Esc is the beginning of Alt-something. */
bool prompt_key(struct ui *ui, int key, bool more);
/* Pasted text: never runs anything; line breaks become blanks where a line has none. */
void prompt_paste(struct ui *ui, const char *s, size_t n);
/* Label, line and hint in the last row of v, what Tab found in the row above when v has one. Where
 * the terminal's cursor belongs, relative to v, in *cx and *cy. */
void prompt_draw(struct ui *ui, const struct view *v, int *cx, int *cy);
/* Gives back what readline holds. */
void prompt_done(void);
#endif
