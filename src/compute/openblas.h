/* openblas.h - see openblas.c. */
#ifndef COMPUTE_OPENBLAS_H
#define COMPUTE_OPENBLAS_H

#include <stdbool.h>

/* The kernels that it should run instead, by the name that OPENBLAS_CORETYPE takes before the
 * program starts: those it runs use less than this processor has, because it does not know the
 * processor or was told so. `tried` are those that were taken for that reason, NULL = none yet: they
 * are kept when they run and `right` says that they compute right numbers. NULL = these are the
 * ones; "" = what was tried is no good, and no more is left. */
const char *openblas_better(const char *tried, bool right);

#endif
