/* score.h - one measurement of an entry of "evaluate", and its line in eval/history.jsonl. */
#ifndef RECORD_SCORE_H
#define RECORD_SCORE_H

#include <vaccine/vaccine.h>
#include "base/json.h"
#include "judge/judge.h"

/* run.json says which entries are rates. */
int score_read(const struct jnode *line, const cJSON *config, struct vac_eval *out,
               struct vac_err *err);
/* How many answers a judge rated; 0 = it is not a judge's. */
int64_t score_judged(const struct vac_eval *e);
/* The share of the answers that had this verdict; NaN where verdicts are not known. */
double score_share(const struct vac_eval *e, enum verdict verdict);
#endif
