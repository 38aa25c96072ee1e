/* change.h - options and guards changed while the run goes on, and taken back. */
#ifndef RUN_CHANGE_H
#define RUN_CHANGE_H

#include "guard/guard.h"

#define CHANGES_MOST 32

struct change {
    int64_t guard;      /* number of the one that was given or taken away; 0 = an option was set */
    struct guard held;  /* while it is away */
    size_t stage;       /* whose option it is */
    char key[VAC_NAME]; /* its name */
    char *value;        /* that it does not have now; NULL for a guard */
};
/* The last changes, the oldest first; those from `at` on were taken back. */
struct changes {
    struct change v[CHANGES_MOST];
    size_t n, at;
};
struct trainer;
void changes_done(struct changes *u);
/* Sets an option of the stage at work. */
int change_option(struct trainer *t, const char *who, const char *key, const char *text,
                  struct vac_err *err);
/* Gives a guard as it is typed; text NULL = takes number n away. */
int change_guard(struct trainer *t, const char *who, int64_t n, const char *text,
                 struct vac_err *err);
/* Takes the last change back, or makes the last that was taken back again; the journal has what was changed
 * by it, and then that it was. */
int change_back(struct trainer *t, const char *who, bool again, struct vac_err *err);
/* Members of a checkpoint's state: what could be taken back there can be when the run goes on from it. None =
 * nothing. */
void changes_put(struct json_out *o, const struct changes *u, const struct guards *g);
int changes_read(struct changes *u, const struct guards *g, const struct jnode *state,
                 struct vac_err *err);
/* "rho_control": after the numbers of a step (entry = -1), or an entry of "evaluate", which was due,
 *
 *     rho <- rho exp(gain s (target - x) / |target|),   within min and max, and at most twofold at a time
 *
 * s = 1 where the measure x rises with rho, else -1. It is an option that is set, in force from the next step on: the
 * journal and a checkpoint have it, and nothing else is remembered. */
void change_rho(struct trainer *t, int entry);
/* The same by the steps to break of an attack on the run that has ended since (fork/broke.h), if rho is to follow
 * them; x and where it comes from stand in the journal's line. One that the weights withstood in fewer steps than the
 * target tells nothing: rho stays. So it does, with a warning, where what is kept of attacks cannot be read. */
void change_rho_broke(struct trainer *t);
#endif
