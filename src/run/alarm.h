/* alarm.h - the guards of a run, and what is done when one trips. */
#ifndef RUN_ALARM_H
#define RUN_ALARM_H

#include "guard/guard.h"

struct trainer;
struct control_command;
/* With those of the run file; the run's evaluations are open. */
int alarm_open(struct trainer *t, struct vac_err *err);
/* Tells of those that have tripped and does what they say, between two steps. A command that cannot be started
 * is told, and stops nothing. */
int alarm_act(struct trainer *t, struct vac_err *err);
/* A stage begins: with a smaller learning rate where the run went back from it for a guard. */
int alarm_stage(struct trainer *t, struct vac_err *err);
/* A run goes on from a checkpoint: what guards did after they went back to it, and before the next was saved, holds
 * still. */
int alarm_resume(struct trainer *t, struct vac_err *err);
/* While a step is made: tells of those that trip because it does not come. What else they are for is done when it
 * has. */
void alarm_hangs(struct trainer *t);
/* The command. */
int alarm_run_until(struct trainer *t, const struct control_command *c, struct vac_err *err);
#endif
