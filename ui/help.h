/* help.h - what the help says first: what stands where one is, in words, and its keys. */
#ifndef UI_HELP_H
#define UI_HELP_H

#include <stdio.h>
#include "panels/panel.h"

/* Of a panel: what is to be seen, what its words mean, which keys mean something there. */
void help_panel(const struct ui *ui, enum panel_id id, FILE *out);
/* The table of keys by groups; first those that do something for the run as it is. ui NULL = all. */
void help_keys(const struct ui *ui, FILE *out);
#endif
