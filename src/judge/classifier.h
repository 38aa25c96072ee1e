/* classifier.h - inside src/judge: a sequence classifier with independent labels, run on ids. */
#ifndef JUDGE_CLASSIFIER_H
#define JUDGE_CLASSIFIER_H

#include "data/batch.h"
#include "model/model.h"

struct classifier;
/* Texts longer than max_tokens (or than the model takes) are cut on the right. */
struct classifier *classifier_open(const char *dir, size_t max_tokens, struct compute *c,
                                   struct vac_err *err);
/* What that would take: bytes of its mapped weights, and bytes beside them, without the scratch
 * that everything on `c` shares. */
int classifier_memory(const char *dir, size_t max_tokens, struct compute *c, uint64_t *mapped,
                      uint64_t *own, struct vac_err *err);
void classifier_free(struct classifier *x);
size_t classifier_labels(const struct classifier *x);
const char *classifier_label(const struct classifier *x, size_t i);
/* prob[n, labels] = sigmoid of each text's logits. */
int classifier_rate(struct classifier *x, const struct ids *text, size_t n, float *prob,
                    struct vac_err *err);
#endif
