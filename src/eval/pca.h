/* pca.h - two principal components of a handful of points in many dimensions. */
#ifndef EVAL_PCA_H
#define EVAL_PCA_H

#include "base/err.h"

/* Directions of the largest variance of ref[n,D] (centred on its own mean); both sets projected on them:
 * ref_at, now_at [n,2]; explained[2] = share of ref's variance. Signs are fixed (the largest coordinate of
 * each component is positive), so that pictures do not flip. */
int pca2(const float *ref, const float *now, size_t n, size_t D, double *ref_at, double *now_at,
         double explained[2], struct vac_err *err);
#endif
