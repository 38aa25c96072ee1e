/* compare.h - two samples files of the same prompts, paired. */
#ifndef EVAL_COMPARE_H
#define EVAL_COMPARE_H

#include "base/mem.h"
#include "judge/judge.h"
#include "eval/stats.h"

struct comparison {
    size_t n;
    double a, b; /* means: rates, or losses */
    bool loss;
    struct difference diff;                                    /* a - b */
    size_t verdict_a[VERDICT_COUNT], verdict_b[VERDICT_COUNT]; /* of judged samples; else all 0 */
};
/* Samples files as eval_result_write leaves them. They must hold the same prompts in the same
 * order. */
int compare_samples(struct comparison *out, const char *path_a, const char *path_b,
                    size_t resamples, uint64_t seed, struct vac_err *err);
#endif
