/* commands.h - typed commands: `:set rho 2`, `:export svg loss`, and every action of the key
 * table by its name. The prompt line, scripts and the line mode share them; the help lists them. */
#ifndef UI_COMMANDS_H
#define UI_COMMANDS_H

#include "ui/frame.h"

/* Runs a typed command line without its colon. */
void command_line(struct ui *ui, const char *line);
/* An action, with those that are about commands: the line they are typed in, and the help. */
void command_action(struct ui *ui, enum action a);
/* The panel of that name; -1, and said which there are. */
int command_panel(struct ui *ui, const char *name);
/* The help as text; free it. Exactly the rows of the key table, the panels and the commands. */
char *command_help(struct ui *ui);
#endif
