/* score_json.h - a measurement as JSON: in a run's history, in results files, on standard output. */
#ifndef EVAL_SCORE_JSON_H
#define EVAL_SCORE_JSON_H

#include <vaccine/vaccine.h>
#include "base/json_out.h"

/* Members of an object that is open: "name", "value", of a rate "count", "n", "lo", "hi", of a judge what it
 * called the answers, and where there are any "others": [{"answer", "n"}]. */
void score_json(struct json_out *o, const struct vac_eval *e, const struct vac_part *other,
                size_t n_other);
/* The same behind "step", "stage" and "stage_step": a line of eval/history.jsonl. */
void score_history(struct json_out *o, const struct vac_eval *e, const struct vac_part *other,
                   size_t n_other);
/* The three counts, as members. */
void score_verdicts(struct json_out *o, const struct vac_verdicts *v);
/* What is known of it, as members: "margin", "margin_lo", "margin_hi", ... */
void score_beneath(struct json_out *o, const struct vac_span beneath[VAC_BENEATH_COUNT]);
/* "KEY": [{"name", "count", "n"}] */
void score_parts(struct json_out *o, const char *key, const struct vac_part *part, size_t n);
#endif
