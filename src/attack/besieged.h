/* besieged.h - a run whose weights are attacked while it waits: by itself, as "attack" of its run file says, or because
 * it is told to. */
#ifndef ATTACK_BESIEGED_H
#define ATTACK_BESIEGED_H

#include "spec/spec.h"

/* How many attacks the run file's "attack" makes each time, and their steps in all where the run's attack stage makes
 * `own`. An attack file is read, and an error says what is wrong with it. */
int besieged_plan(const struct run_spec *s, int64_t own, int64_t *attacks, int64_t *steps,
                  struct vac_err *err);

struct trainer;
/* The trainer's weights are attacked, while it waits: as `words` say, for which the present ones are saved where they
 * are meant and it can be, or, NULL, those that are saved, as "attack" of its run file does; that one is gone on with
 * where it was begun on these weights, and made once. What it comes to, or why it came to nothing, stands in the journal. 0; 1 = the run is to end, and so it was left to be gone on
 * with; -1 and why it could not be begun or went wrong. */
int besieged_run(struct trainer *t, const char *words, const char *who, struct vac_err *err);
#endif
