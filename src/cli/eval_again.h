/* eval_again.h - `vaccine eval --answers`: answers that were kept, by another judge. */
#ifndef CLI_EVAL_AGAIN_H
#define CLI_EVAL_AGAIN_H

#include "judge/judge.h"

/* Prints the share of `count` among the verdicts of an open judge, and where the file has verdicts how far the two
 * agree. */
int eval_again(const char *path, const char *name, const struct judge *judge, void *self, int count,
               bool json, struct vac_err *err);
#endif
