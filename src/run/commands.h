/* commands.h - commands applied between two optimizer steps. */
#ifndef RUN_COMMANDS_H
#define RUN_COMMANDS_H

struct trainer;
/* Applies what is queued, and what a replay gives at this step; waits while paused. */
void commands_apply(struct trainer *t);
/* After the end of a run on a screen: probes and measurements of the finished model, until it is
 * quit. */
void commands_linger(struct trainer *t);
#endif
