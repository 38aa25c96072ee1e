/* attack.h - an attack on a fork of the run that is shown, by sessions beside it; one that another program runs is told
 * to make it.
 *
 * The run waits meanwhile, where it can, and goes on afterwards if it was going on; what it has saved is all
 * that is used of it. Leaving the program leaves an attack that can be gone on with as a run. */
#ifndef UI_ATTACK_H
#define UI_ATTACK_H

#include "ui/frame.h"

/* Asks what to attack with, beginning with what the run's own attack stage would do; of one that is under way, whether to
 * stop it. */
void attack_ask(struct ui *ui);
/* ":attack [at=STEP] [ratio=P] [samples=N] [steps=N] [lr=X]", ":attack battery=FILE [at=STEP] [budget=N]", or
 * ":attack stop" */
void attack_typed(struct ui *ui, const char *args);
/* Something is still to be done for one. */
bool attack_is_on(const struct ui *ui);
/* It is to be gone on with, and nothing will say so. */
bool attack_is_waiting(const struct ui *ui);
/* Takes over what is new; true when something was. */
bool attack_pump(struct ui *ui);
/* Saves and ends it. */
void attack_leave(struct ui *ui);
#endif
