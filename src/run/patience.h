/* patience.h - what must be written is tried until it succeeds, or fails for another reason than a
 * full disk: on a screen the run pauses meanwhile, without one it waits as long as the run file says.
 *
 *     struct patience p = {.steer = steer, .what = "metrics.jsonl"};
 *
 *     while (patience_left(&p, err))
 *         p.rc = write_it(..., &p.why);
 *     return p.rc;
 */
#ifndef RUN_PATIENCE_H
#define RUN_PATIENCE_H

#include "run/steer.h"

struct patience {
    struct steer *steer;
    const char *what; /* goes before the message; NULL = it says so itself */
    int rc;           /* of the last try, */
    struct vac_err why;
    double begun; /* clock of the first */
    bool tried, ran, waited;
};
/* Whether to try (again); when not, rc and err tell how it went. */
bool patience_left(struct patience *p, struct vac_err *err);
#endif
