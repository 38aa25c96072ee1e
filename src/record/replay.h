/* replay.h - whether two run folders hold the same run, number for number. */
#ifndef RECORD_REPLAY_H
#define RECORD_REPLAY_H

#include "base/io.h"

struct replay_result {
    bool same;
    char difference[320];  /* the first: where, and both values */
    size_t lines, tensors; /* compared */
    char weights[64];      /* where the last weights lie: "final" or "checkpoint-300" */
};
/* Compares metrics.jsonl (all but wall and step_ms), and the weights at the end of each stage and
 * of the run, as far as `was` goes. */
int replay_compare(const char *was, const char *is, struct replay_result *out, struct vac_err *err);
/* Compares metrics and layers up to a step, and all arrays of its checkpoint. */
int replay_compare_to(const char *was, const char *is, int64_t step, struct replay_result *out,
                      struct vac_err *err);
#endif
