/* broke.h - the steps to break of attacks on a run's own weights, taken as they come in.
 *
 * An attack is the run's own (attack.every), or of whoever made one; what it came to is a line of attacks.jsonl. Those
 * of weights that are not the run's any more, because it went back or was killed and goes on otherwise, do not count. */
#ifndef FORK_BROKE_H
#define FORK_BROKE_H

#include <vaccine/vaccine.h>

/* A zeroed one has looked at nothing: what stands there by then counts only for the step the run is at. So does what
 * stands there when the run has gone back: `known` is false again. */
struct broke_seen {
    int64_t
        taken; /* step of the weights of the last one; 0 = there was none. A checkpoint has it */
    bool known;
    size_t lines; /* that were looked at */
    int64_t
        size; /* of the file then; as long as it stays nothing is read again, also what could not be */
};
/* 1: attacks on the weights of a step after the last one and up to `step` have ended; *out is that which broke the
 * newest of them soonest, or, where none did, that which they withstood longest. 0: none has. Attacks of one step, and
 * those that no judge rates, tell no steps. -1: the lines cannot be read; said once for each length of the file. */
int broke_next(struct broke_seen *s, const char *dir, int64_t step, struct vac_attack *out,
               struct vac_err *err);
#endif
