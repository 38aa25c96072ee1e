/* compare.h - samples files: two of the same prompts, paired; one, by another judge. */
#ifndef EVAL_COMPARE_H
#define EVAL_COMPARE_H

#include <vaccine/vaccine.h>
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

struct rejudged {
    const char *prompt, *answer;
    int first; /* enum verdict that stands in the file; -1 = none does */
    struct rating rating;
};
struct rejudging {
    struct rejudged *sample; /* [n] */
    size_t n, verdict[VERDICT_COUNT];
    size_t both, disputes; /* samples with two verdicts; that are not the same */
    struct vac_span kappa; /* of `both` */
    struct arena arena;
};
/* The answers of a samples file, or of any lines {"prompt", "answer"}, rated by an open judge, and held against
 * the verdicts that stand there. */
int rejudge_samples(struct rejudging *out, const char *path, const struct judge *judge, void *self,
                    struct vac_err *err);
void rejudging_done(struct rejudging *r);
#endif
