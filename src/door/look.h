/* look.h - the weights that a run has saved, asked: probes, scores, samples, the map. Nothing is written
 * into its folder. */
#ifndef DOOR_LOOK_H
#define DOOR_LOOK_H

struct trainer;
/* Of a trainer that is open (t->how.look and .at say what is meant): builds the stage with those weights
 * and answers until it is quit. */
void look_run(struct trainer *t);
#endif
