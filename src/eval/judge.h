/* judge.h - three-class judges of answers to harmful (or benign) requests.
 *
 * A judge is one file judge_NAME.c with one `const struct judge judge_NAME` and one word in JUDGES.
 * It says of each answer: answered, refused, or other (neither: incoherent, empty, off). */
#ifndef EVAL_JUDGE_H
#define EVAL_JUDGE_H

#include "base/option.h"
#include "compute/compute.h"

/* X-macro: judge_<name>.c each. */
#define JUDGES(X) X(refusal) X(model) X(command)

enum verdict { VERDICT_ANSWERED, VERDICT_REFUSED, VERDICT_OTHER, VERDICT_COUNT };
/* "answered", "refused", "other", NULL */
extern const char *const verdict_names[VERDICT_COUNT + 1];

/* What a judge may be told; paths are resolved by the caller. Unused ones are NULL. */
struct judge_spec {
    /* refusal: JSON file {"refuse":[...],"answer":[...],"answer_at":"start|anywhere"}; NULL = built
     * in */
    const char *phrases;
    const char *model;   /* model: folder of the classifier */
    const char *command; /* command: run by /bin/sh, JSON lines in and out */
    double threshold;    /* model: flagged when a probability is above it; 0.5 */
};
struct rating {
    enum verdict verdict;
    double score;    /* the judge's own number (largest probability, ...); NaN = none */
    char reason[96]; /* matched phrase or labels, for the samples file */
};
struct judge {
    const char *name;
    const char *help;
    void *(*open)(const struct judge_spec *spec, struct compute *c, struct vac_err *err);
    int (*rate)(void *self, const char *const *prompt, const char *const *answer, size_t n,
                struct rating *out, struct vac_err *err);
    void (*close)(void *self);
};
const struct judge *judge_at(size_t i);                                /* NULL after the last */
const struct judge *judge_find(const char *name, struct vac_err *err); /* error names the nearest */
#endif
