/* judge_model.h - what the judge "model" takes of the machine's memory, for the plan that is shown
 * before. */
#ifndef EVAL_JUDGE_MODEL_H
#define EVAL_JUDGE_MODEL_H

#include "eval/judge.h"

extern const struct judge judge_model;
/* Of the classifier in `dir`: bytes of its mapped weights, and bytes of each judge's own. */
int judge_model_memory(const char *dir, struct compute *c, uint64_t *mapped, uint64_t *own,
                       struct vac_err *err);
#endif
