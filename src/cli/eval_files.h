/* eval_files.h - `vaccine eval` of answers that were kept: rated again, and compared. */
#ifndef CLI_EVAL_FILES_H
#define CLI_EVAL_FILES_H

#include "judge/judge.h"

/* --answers: prints the share of `count` among the verdicts of an open judge, and where the file has verdicts how far
 * the two agree. */
int eval_again(const char *path, const char *name, const struct judge *judge, void *self, int count,
               bool json, struct vac_err *err);
/* --compare: two files of the same questions, by pairs; samples: two paths, or one and NULL. */
int eval_compare(char *const *samples, uint64_t seed, bool json, struct vac_err *err);
#endif
