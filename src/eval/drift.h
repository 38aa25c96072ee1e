/* drift.h - harmful embedding drift: how far the attention outputs have moved on fixed rows.
 *
 *     drift_rel_l = ||A_l - A_l^0||_F / ||A_l^0||_F        drift_sq_l = ||A_l - A_l^0||_F^2
 *
 * over real tokens only, prompt included, no perturbation, no dropout, in double. drift_sq is the
 * reference code's definition (which sums it over layers and over 10 batches of 5 rows); here it
 * runs over exactly the rows taken. */
#ifndef EVAL_DRIFT_H
#define EVAL_DRIFT_H

#include "model/pass.h"

struct drift;
/* rows of `d` are packed in batches of at most acts' rows; a, d are borrowed. The reference, L x
 * tokens x D floats, lies in memory of the backend, or, when `file` is not NULL, in that file,
 * which is mapped: the system may drop its pages. The file is removed with the drift. */
struct drift *drift_new(struct model *m, struct acts *a, size_t acts_rows, const struct dataset *d,
                        const char *file, struct vac_err *err);
void drift_free(struct drift *x);
/* What the reference takes, and what measuring takes besides. */
uint64_t drift_reference_bytes(const struct model *m, size_t tokens);
uint64_t drift_bytes(const struct model *m, size_t tokens, size_t acts_rows);
/* The model's present activations become the reference; must be done once before measuring. Only
 * writing a file can fail: the reference then stays what it was. */
int drift_set_reference(struct drift *x, struct vac_err *err);
/* rel[L], sq[L]. */
void drift_measure(struct drift *x, double *rel, double *sq);
/* Costs a forward pass. The points of one layer for a picture: mean over tokens of each row's
 * attention outputs, now and at the reference, [rows, D] each. */
size_t drift_rows(const struct drift *x);
void drift_points(struct drift *x, size_t layer, float *now, float *reference);
#endif
