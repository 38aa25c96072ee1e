/* commands.h - commands applied between two optimizer steps; probes, also while a step is made. */
#ifndef RUN_COMMANDS_H
#define RUN_COMMANDS_H

struct trainer;
/* Applies what is queued, and what a replay gives at this step; waits while paused. */
void commands_apply(struct trainer *t);
/* A step_rest: a probe that waits in front of all other commands is answered while the step is made, a token at a
 * time, and goes on in the next one when it has to. */
void commands_rest(void *trainer);
/* The weights are about to change: it stays with those that it asks, or is answered first. */
void commands_weights_move(struct trainer *t);
/* It is not answered, for this reason. */
void commands_drop(struct trainer *t, const char *why);
/* After the end of a run on a screen: probes and measurements of the finished model, until it is
 * quit. */
void commands_linger(struct trainer *t);
#endif
