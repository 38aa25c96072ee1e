/* loop.h - the screen's one loop. */
#ifndef UI_LOOP_H
#define UI_LOOP_H

#include "ui/frame.h"

/* Opens the terminal and what the command line names, and loops until it is left; -1 and err. The
 * terminal is still open then. */
int loop_run(struct ui *ui, struct vac_err *err);
#endif
