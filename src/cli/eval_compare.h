/* eval_compare.h - `vaccine eval --compare`: two samples files of the same questions, by pairs. */
#ifndef CLI_EVAL_COMPARE_H
#define CLI_EVAL_COMPARE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

/* samples: two paths, or one and NULL. */
int eval_compare(char *const *samples, uint64_t seed, bool json, struct vac_err *err);
#endif
