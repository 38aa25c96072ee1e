/* script.h - what a run's journal changed, as commands to be given again at the same places. */
#ifndef RECORD_SCRIPT_H
#define RECORD_SCRIPT_H

#include "spec/spec.h"
#include <vaccine/vaccine.h>

/* Commands of a run that is repeated, in order: each is applied in its stage, after that step of
 * the run. */
struct scripted {
    enum vac_op op; /* VAC_OP_SET, _REFERENCE or _QUIT */
    bool ends;      /* in place of `op`: the stage ends here, its bounds were passed */
    size_t stage;
    uint64_t step;
    uint64_t seq;     /* of its journal line */
    char *key, *text; /* may be NULL */
};
struct script {
    struct scripted *v;
    size_t n, cap, next;
};
/* From the checkpoint of one step to that of another; -1 = from the beginning, and as far as the run came. */
int script_read(struct script *s, const struct run_spec *spec, const char *dir, int64_t from,
                int64_t to, struct vac_err *err);
void script_done(struct script *s);
#endif
