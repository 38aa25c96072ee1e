/* play.h - plays a script's lines: keys by name, "text", and :commands. */
#ifndef UI_PLAY_H
#define UI_PLAY_H

#include "ui/frame.h"

/* Does what is due; returns seconds until it wants to be called again, < 0 = when something
 * happens. */
double play_script(struct ui *ui);
#endif
