/* look.h - the weights that a run has saved, asked: probes, scores, samples, the map. Nothing is written
 * into its folder. */
#ifndef DOOR_LOOK_H
#define DOOR_LOOK_H

struct trainer;
struct vac_err;
/* Which weights of the run in t->book.folder.dir `at` names (a stage, a step, NULL = the last), into t->saved: t->rig.spec has
 * been read, and the model need not. */
int look_find(struct trainer *t, const char *at, struct vac_err *err);
/* Of a trainer that is open: builds the stage with the weights of t->saved and answers until it is quit. */
void look_run(struct trainer *t);
#endif
