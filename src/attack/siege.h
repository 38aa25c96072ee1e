/* siege.h - an attack, or a battery of them, while it goes on: from the fork to what it came to, by sessions of
 * their own in this process. What they attack is only read, and the frozen base is mapped from the same file by all
 * of them: the machine holds it once. The handle and what is told of it are in vaccine.h. */
#ifndef ATTACK_SIEGE_H
#define ATTACK_SIEGE_H

#include "attack/words.h"

/* As vac_siege_check. */
int siege_check(const char *run, const struct attack_words *w, size_t stage, int64_t step,
                bool *present, struct vac_err *err);
/* As vac_siege_open; with `own` of 0 or more it is the run's own attack on that step, which is gone on with where it was
 * begun on the weights that the step has now. `w` is not needed after. */
int siege_open(struct vac_siege **out, const char *run, const struct attack_words *w, int64_t own,
               const char *who, struct vac_err *err);
#endif
