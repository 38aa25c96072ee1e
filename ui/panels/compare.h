/* compare.h - runs beside each other: curves laid over, descriptions compared; and removing one. */
#ifndef PANELS_COMPARE_H
#define PANELS_COMPARE_H

#include "panels/state.h"

/* Lays a run's curves over those that are shown; false, and said why, when it cannot be read or
 * there is no place left (INK_RUNS). */
bool compare_lay(struct ui *ui, const char *dir);
/* Reads those again that have grown, a few seconds after the last time: they may be trained elsewhere. */
void compare_read_on(struct ui *ui);
/* Those that the command line names; 0, or -1 and err. */
int compare_lay_all(struct ui *ui, const char *const *dir, size_t n, struct vac_err *err);
/* What the run that is open has set aside when it went back, the newest first (GHOSTS_MOST); read anew. */
void compare_ghosts(struct ui *ui);
void compare_ghosts_done(struct ui *ui);
bool compare_is_laid(const struct ui *ui, const char *dir);
/* Whether curves of overlay i are drawn: not while that is the run that is open. */
bool compare_is_shown(const struct ui *ui, int i);
void compare_clear(struct ui *ui);
/* What tells a run's folder from another one of the same name: the last part of its path that differs, "." where it
 * is the other that has more. False where their names differ, or they are one. */
bool compare_apart(char *out, size_t size, const char *dir, const char *other);
/* Two names of one folder. */
bool compare_is_same(const char *a, const char *b);
/* What two runs' descriptions say differently, a line for each key; free it. The memory planned for
 * them is left out: it follows from the rest. NULL and why. */
char *compare_configs(const char *a, const char *b, char *why, size_t size);
/* Deletes a run folder with all that is in it. Follows no links, and refuses what is no run, what
 * trains, and what is open here. False and why. */
bool compare_delete(struct ui *ui, const char *dir, char *why, size_t size);
#endif
