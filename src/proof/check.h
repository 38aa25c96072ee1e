/* check.h - whether a run's folder holds what its chain says, and nothing else. */
#ifndef PROOF_CHECK_H
#define PROOF_CHECK_H

#include "proof/ledger.h"

/* What was found, a sentence that names file and line: wrong, or only not covered by the chain. */
typedef void check_told(void *ctx, bool wrong, const char *text);
struct check {
    check_told *told;
    void *ctx;
    size_t links, lines, files; /* looked at */
    size_t wrong;
    int64_t step;  /* of the last link */
    char head[65]; /* its hash: it vouches for all before it */
};
/* Nothing is changed. -1 when it cannot be told: no run, one that is going on (VAC_ERR_BUSY), or without a chain
 * (VAC_ERR_UNSUPPORTED). Runs in attacks/ are checked too. */
int check_run(struct check *c, const char *dir, struct vac_err *err);
#endif
