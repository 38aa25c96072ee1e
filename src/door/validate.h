/* validate.h - a run looked at without being run: its data read, its memory planned, its time
 * guessed.
 *
 * Everything that can be wrong before training is found, and nothing is written. Where steps are
 * short a few are made, on a model that is thrown away, to tell how long they take; else no memory
 * is taken beyond that for the data. */
#ifndef DOOR_VALIDATE_H
#define DOOR_VALIDATE_H

#include "model/plan.h"
#include "spec/spec.h"

struct validate_file {
    const char *path;
    bool harmful;
    size_t samples, tokens, labels;
};
struct validate_stage {
    const struct stage_spec *spec;
    struct validate_file *file;
    size_t n_files;
    size_t rows, cut,
        skipped; /* rows that were looked at; cut at max_length; left without a label */
    size_t samples, tokens, labels, longest;
    uint64_t steps, steps_per_epoch;
    double epochs;
    struct strbuf until;  /* bounds that end it before that; nothing = none */
    uint64_t until_every; /* steps between two looks */
    struct plan plan;
    uint64_t trained;       /* numbers */
    double flops, seconds;  /* rough; without what is measured beside training, */
    double measuring;       /* seconds of that; */
    double reading;         /* of one reading of drift and losses */
    struct strbuf warnings; /* what is legal and yet not what one thinks: a line each */
    bool rehearsed;         /* the seconds are those of real steps, not of arithmetic alone */
};
struct validate_evaluate {
    const char *name;
    size_t prompts, longest; /* longest = 0: nothing is asked */
    struct strbuf warning;   /* a sentence, or nothing */
    double seconds;          /* that one measurement takes */
};
/* From which on a time is not one that can be told: it hangs on whether the others stay. */
#define VALIDATE_CROWDED 1.3
struct validation {
    struct validate_stage *stage;
    size_t n_stages;
    struct validate_evaluate *evaluate;
    size_t n_evaluate;
    const struct run_spec *spec;
    uint64_t parameters, available;
    int threads;
    double gflops; /* of matrix products of the run's shapes, measured */
    uint64_t steps;
    double seconds, measuring, attacking; /* of all stages; none is part of another */
    uint64_t attacks;                     /* that it makes by itself */
    double
        crowd; /* all that takes so many times longer as others use the processors: 1 = nobody does */
    double suite;           /* seconds of one round of the fixed probes */
    struct vac_err refused; /* the first stage that does not fit into memory; code 0 = all do */
    struct validate_work *work;
};
int validate_open(struct validation *v, const char *file, const char *const *set, size_t n_set,
                  struct vac_err *err);
void validate_done(struct validation *v);
#endif
