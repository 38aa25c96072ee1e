/* moved.h - run.json of a run that may have been moved, with its model and its data.
 *
 * It holds whole paths. One that leads nowhere any more is looked for beside the run: in the
 * folders above it, under ever shorter ends of the old path; what has the stored hash is meant.
 * What was brought elsewhere is named by overrides (as spec.h has them) of the keys that hold its
 * path. */
#ifndef RECORD_MOVED_H
#define RECORD_MOVED_H

#include "base/json.h"

struct moved {
    const char *const *set; /* overrides; NULL = none */
    size_t n_set;
    const char **left; /* those that are about something else, [n_left]; free it */
    size_t n_left;
    cJSON *places; /* {"OLD": "NEW", ...}; cJSON_Delete it */
    bool strict;   /* what is found nowhere is an error, which tells how to name it */
    bool others;   /* an override may name a file with another content: it is left to the caller */
};
/* DIR/run.json with the paths of now: in "spec", "model" and "files". NULL = error. */
cJSON *moved_read(const char *dir, struct moved *m, struct vac_err *err);
void moved_done(struct moved *m);
#endif
