/* actions.h - what keys do: first the panel that has the focus, then panels that care, then the
 * general meaning. */
#ifndef UI_ACTIONS_H
#define UI_ACTIONS_H

#include "ui/frame.h"

void action_do(struct ui *ui, enum action a);
/* ":rewind STEP" and ":fork [STEP|here] [FOLDER]". */
void action_rewind(struct ui *ui, const char *args);
void action_fork(struct ui *ui, const char *args);
/* Draws with these, or with ASCII where the locale has no more; says which. */
void action_charset(struct ui *ui, enum charset wanted);
/* Leaves; asks while a run is under way. */
void action_quit(struct ui *ui);
#endif
