/* runs.h - how a run on disk stands. */
#ifndef RECORD_RUNS_H
#define RECORD_RUNS_H

#include "base/err.h"

/* "running" (somebody holds the lock), "paused" (its journal says so), "done", "stopped", "failed", "broken"; NULL
 * and the error when it cannot be read now. */
const char *run_state(const char *dir, struct vac_err *err);
#endif
