/* rig.h - what a run is made with, opened once: compute, model, tokenizer, watched data, judges. */
#ifndef RIG_RIG_H
#define RIG_RIG_H

#include <vaccine/vaccine.h>

#include "data/rows.h"
#include "model/direction.h"
#include "eval/evaluate.h"
#include "judge/judge.h"
#include "model/stops.h"
#include "eval/recall.h"
#include "spec/spec.h"

/* What became of a stage's rows, all its files together. */
struct data_counts {
    size_t rows;                 /* looked at */
    size_t cut;                  /* ... at max_length */
    size_t skipped;              /* ... of which no label was left */
    size_t odd;                  /* passed over before: conversations of other roles */
    size_t empty, text, samples; /* with an empty answer; tokenised here; in all */
    uint64_t steps;
};
/* The fixed probes and what they were last answered with. */
struct suite {
    struct rows rows;
    struct ids *prompt;
    const char **said; /* the last user turn of each: how it is shown, judged and told apart */
    int *verdict;      /* enum verdict of the last time, -1 = not asked yet */
    const char
        *turned; /* the first that was refused, and was answered the last time; NULL = none */
    void *judge;
    const struct judge *kind;
};
struct stage_rows {
    bool held;
    struct dataset of[METHOD_STREAMS];
};
struct rig {
    struct run_spec spec; /* as it was read; live options change in it */
    struct compute *c;
    struct model *m;
    struct tokenizer *tok; /* NULL = nothing reads or shows text */
    struct encoder enc;
    struct stops stops;
    struct ids openings; /* first tokens of refusals */
    struct dataset drift_set, align_set, harmful_set;
    bool align_is_drift; /* the same rows: align_set borrows them */
    double *drift_rel;   /* [2 L] scratch of watch_measure */
    struct suite suite;
    struct recall own;        /* questions of the user's, asked with the suite */
    struct evaluation **eval; /* [spec.n_evaluate] */
    struct prompt_list harm,
        kind;             /* prompts for the refusal direction; n = 0: it is not measured */
    uint64_t judge_bytes; /* that the judges of the evaluate entries take */
    bool stack_dirty;     /* the model's stack must be rebuilt from the run folder */
    /* [spec.n_stages] of each: optimizer steps, as planned or as it has ended, what became of its rows, and its rows until it takes
     * them. */
    uint64_t *stage_total;
    uint64_t *planned; /* as planned */
    struct data_counts *counts;
    struct stage_rows *rows;
};
/* Model, tokenizer, watched data and judges of rig->spec, which has been read; `began` = run.json of
 * a run that goes on or is repeated, or NULL. */
int rig_open(struct rig *rig, const cJSON *began, struct vac_err *err);
void rig_close(struct rig *rig);
/* Layers that lines and screen tell of: all, or the first VAC_MAX_LAYERS. */
size_t rig_layers(const struct rig *rig);
/* Optimizer steps of all stages, once they are known. */
int64_t rig_steps(const struct rig *rig);
/* The model as it was when the rig was opened: nothing trained is on it, and the evaluate entries are opened
 * on it again. */
int rig_model_again(struct rig *rig, struct vac_err *err);
/* Opens the evaluate entries on the present model (again). */
int rig_evaluations(struct rig *rig, struct vac_err *err);
#endif
