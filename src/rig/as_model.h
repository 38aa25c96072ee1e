/* as_model.h - a run folder as a model: which weights to open, what to put on them and in which order.
 *
 *     RUN            as the run ended; one that has not, as its newest checkpoint is
 *     RUN@STAGE      as the stage ended
 *     RUN@STEP       as checkpoint-STEP is
 *
 * RUN/final, RUN/stages/NAME and RUN/checkpoint-N mean the same where they hold an adapter: it stands on
 * others. Only run.json is read, so that a run whose data are gone can still be asked; nothing is written. */
#ifndef RIG_AS_MODEL_H
#define RIG_AS_MODEL_H

#include "base/json.h"

struct run_model {
    char *base;      /* a model's folder; NULL when the run began with random weights */
    cJSON *config;   /* then: config.json's object */
    char *weights;   /* the folder of its weights where that is another: checkpoint-N; else NULL */
    char *tokenizer; /* a folder, or NULL: the base's */
    char *template_name;  /* what the run asks with; NULL = its default */
    char *system, *today; /* of its conversations, and for its chat template; NULL = none */
    int64_t max_length;
    char **adapter; /* PEFT folders, lowest first */
    size_t n;
    bool trained_base; /* base or weights are the run's own: a stage trained them all */
    char *at;          /* what it is, in words: "final", "stages/align", "checkpoint-120" */
    bool unfinished;   /* the newest checkpoint stands for an end that has not come */
};
/* 0 and *out, 1 when the name is none of a run, -1 and an error. Done with run_model_done. */
int run_model_find(struct run_model *out, const char *name, struct vac_err *err);
void run_model_done(struct run_model *x);
#endif
