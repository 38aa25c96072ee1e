/* script.h - a file that plays the user: opened, and what it waits for. */
#ifndef UI_SCRIPT_H
#define UI_SCRIPT_H

#include "ui/frame.h"

int script_open(struct ui *ui, const char *path, struct vac_err *err);
void script_close(struct ui *ui);
/* `:wait step N`, `:wait 0.5`, `:wait state paused` */
void script_wait(struct ui *ui, const char *args);
/* Its next line, with its end; false while it waits (*due = seconds until it wants to be asked again,
 * < 0 = when something happens) or when there is none any more (it is closed). */
bool script_next(struct ui *ui, char *line, int size, double *due);
/* A word that is no key. */
void script_complain(struct ui *ui, const char *word);
#endif
