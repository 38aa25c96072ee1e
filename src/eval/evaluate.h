/* evaluate.h - an evaluation at work: answers, verdicts, a rate and interval. */
#ifndef EVAL_EVALUATE_H
#define EVAL_EVALUATE_H

#include <vaccine/vaccine.h>
#include "eval/evaluation.h"
#include "judge/judge.h"
#include "eval/stats.h"
#include "model/generate.h"

struct eval_sample {
    const char *prompt, *answer, *expected, *category, *id; /* expected, category, id may be NULL */
    size_t n_tokens;
    struct rating rating; /* judges */
    bool correct;         /* metrics */
    bool counted;         /* this one is in `count` */
    int first;       /* enum verdict of the judge whose answers are rated again; -1 = none is */
    double p_refuse; /* judges: probability that the answer begins as refusals do */
    double loss;     /* metric "loss" */
};
enum { EVAL_OTHERS = 3, EVAL_DISPUTES = 50 };
struct eval_result {
    size_t count, n; /* value = count / n; metric "loss": value = mean loss */
    double value;
    struct interval ci;
    size_t verdict[VERDICT_COUNT];
    struct vac_span beneath[VAC_BENEATH_COUNT];
    size_t disputes; /* answers that the two judges call differently */
    /* The most frequent other answers, where at least one in five is other: what the score does not
     * tell then. */
    struct vac_part other[EVAL_OTHERS];
    size_t n_other;
    struct eval_sample *sample; /* [n] */
    struct vac_part *category;
    size_t n_category;
    struct arena arena;
};
void eval_result_done(struct eval_result *r);

/* Asks all prompts (greedy) and rates the answers. `a` (for metric "loss") has room for acts_rows
 * rows. progress is called at least after each answer with the number that are known to be
 * finished; non-zero ends with VAC_ERR_STOPPED. Same weights, same result. */
typedef int evaluate_progress(void *ctx, size_t done, size_t n);
int evaluation_run(struct evaluation *e, struct generator *g, struct acts *a, size_t acts_rows,
                   struct eval_result *out, evaluate_progress *progress, void *ctx,
                   struct vac_err *err);
#endif
