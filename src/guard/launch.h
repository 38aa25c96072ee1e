/* launch.h - the command of a guard: started, and left alone. */
#ifndef GUARD_LAUNCH_H
#define GUARD_LAUNCH_H

#include <sys/types.h>
#include "base/err.h"

/* What the command finds in its environment: VACCINE_RUN, VACCINE_STAGE, VACCINE_STEP, VACCINE_GUARD and
 * VACCINE_REASON. */
struct launch {
    char *const *word; /* the program, found by PATH, and its words; no shell reads them */
    const char *run, *stage, *reason;
    long long step, guard;
    const char *log; /* what it says goes to the end of this file */
};
/* With nothing to read, the signals of a fresh program, and a process group of its own; the folder is the
 * caller's. *pid is the caller's to reap. */
int launch_start(const struct launch *l, pid_t *pid, struct vac_err *err);
#endif
