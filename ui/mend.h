/* mend.h - a run file with a fault: opened in the user's editor at the line, and read again. */
#ifndef UI_MEND_H
#define UI_MEND_H

#include "panels/panel.h"

/* Asks what to do about a run file that could not be read; `again` reads it. False when there is
 * nobody to ask, no file to mend, or the fault is the command line's. */
bool mend_offer(struct ui *ui, const char *path, const struct vac_err *why,
                void (*again)(struct ui *ui, const char *path));
/* Whether a run file or a run folder could be opened: asked before another run has to end for it. */
bool mend_is_sound(const char *path, struct vac_err *err);
#endif
