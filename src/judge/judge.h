/* judge.h - three-class judges of answers to harmful (or benign) requests.
 *
 * A judge is one file judge_NAME.c with one `const struct judge judge_NAME`, one word in JUDGES, and its
 * line in Makefile.am. It says of each answer: answered, refused, or other (neither: incoherent, empty,
 * off). Its own keys are rows over its own struct; they stand beside "judge" in a run file, and are
 * options of `vaccine eval`. Files that rows name are there, hashed, and part of what a run is. */
#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

#include "base/option.h"
#include "compute/compute.h"

/* X-macro: judge_<name>.c each. */
#define JUDGES(X) X(refusal) X(model) X(guard) X(command)

enum verdict { VERDICT_ANSWERED, VERDICT_REFUSED, VERDICT_OTHER, VERDICT_COUNT };
/* "answered", "refused", "other", NULL */
extern const char *const verdict_names[VERDICT_COUNT + 1];

struct rating {
    enum verdict verdict;
    double score;    /* the judge's own number (largest probability, ...); NaN = none */
    char reason[96]; /* matched phrase or labels, for the samples file */
};
/* What a judge takes beside the model, for the plan that is shown before. */
struct judge_memory {
    const char *model;    /* a folder that lies mapped, however many judges use it; NULL = none */
    uint64_t mapped, own; /* bytes of it; bytes of this judge alone */
};
struct judge {
    const char *name;
    const char *help;
    const struct option_row *options; /* ends with a NULL name; NULL = none */
    size_t options_size;
    void *(*open)(const void *options, struct compute *c, struct vac_err *err);
    int (*rate)(void *self, const char *const *prompt, const char *const *answer, size_t n,
                struct rating *out, struct vac_err *err);
    void (*close)(void *self);
    /* NULL = nothing to speak of. */
    int (*memory)(const void *options, struct compute *c, struct judge_memory *out,
                  struct vac_err *err);
};
const struct judge *judge_at(size_t i);                                /* NULL after the last */
const struct judge *judge_find(const char *name, struct vac_err *err); /* error names the nearest */
#endif
