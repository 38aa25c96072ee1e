/* loss.h - the loss of a data set. */
#ifndef EVAL_LOSS_H
#define EVAL_LOSS_H

#include "model/pass.h"

/* Mean loss of the labelled tokens of a data set (no dropout, no perturbation); per[i] = of sample
 * i, or NULL. No finite number, and err (which may be NULL), when a sample does not fit in `a`, memory
 * is out, or the model's losses are no numbers. */
double dataset_loss(struct model *m, struct acts *a, size_t acts_rows, const struct dataset *d,
                    double *per, struct vac_err *err);
#endif
