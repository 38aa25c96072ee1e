/* evaluate_write.h - a result as JSON. */
#ifndef EVAL_EVALUATE_WRITE_H
#define EVAL_EVALUATE_WRITE_H

#include "eval/evaluate.h"

/* As a measurement, of no step yet. */
void eval_result_score(const struct evaluation *e, const struct eval_result *r,
                       struct vac_eval *out);
/* DIR/results_NAME_LABEL.json (lm-eval style) and DIR/samples_NAME_LABEL.jsonl, replaced safely. */
int eval_result_write(const struct evaluation *e, const struct eval_result *r, const char *dir,
                      const char *label, struct vac_err *err);
#endif
