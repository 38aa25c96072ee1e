/* late.h - overrides that come too late. */
#ifndef RECORD_LATE_H
#define RECORD_LATE_H

#include "base/err.h"

/* Overrides given beside a run that is over (the folder `file`, or `out` when that is a run file)
 * are an error, unless it began with them: nothing of it can change any more. */
int late_check(const char *file, const char *out, const char *const *set, size_t n_set,
               struct vac_err *err);
#endif
