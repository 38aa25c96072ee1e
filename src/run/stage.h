/* stage.h - one stage built and taken down: its data, what is trained on top of what, its memory. */
#ifndef RUN_STAGE_H
#define RUN_STAGE_H

#include "model/direction.h"
#include "eval/drift.h"
#include "model/generate.h"
#include "model/plan.h"
#include "record/folder.h"
#include "rig/optimizer.h"
#include "run/progress.h"
#include "rig/rig.h"

/* Copies of a stage's start parameters are kept for comparison up to this many numbers. */
#define START_COPY_MAX ((size_t)64 << 20)

/* Rows of all stages are kept for them up to this many bytes; the first stage's always. */
#define STAGE_ROWS_MAX ((size_t)256 << 20)

/* One data set of a stage, and how far it has been gone through. */
struct stream {
    struct dataset data;
    double *sample_loss;    /* [data.n] last loss of each sample, NaN = none yet */
    int64_t *sample_step;   /* [data.n] when */
    size_t *order, *picked; /* epoch's order; the effective batch */
    struct cursor cursor;
    struct batch *micro; /* [micros] */
    size_t micros, n_picked, n_micro;
    uint64_t taken; /* run step whose effective batch is in micro */
};
/* One stage at work. */
struct stage {
    bool open;
    struct stage_spec *spec;
    size_t index;
    struct stream stream[METHOD_STREAMS]; /* "train", then what the method asks for */
    size_t n_streams;
    struct acts *acts;
    size_t acts_rows;
    struct step step;
    struct optimizer opt;
    struct generator *gen;   /* NULL when nothing is ever generated */
    struct generator *asker; /* of what somebody asks, also while a step is made; NULL likewise */
    struct buf *asked;       /* ... and room for the weights that are asked; NULL = too large */
    struct drift *drift;
    struct direction *direction; /* of refusals; NULL = it is not measured */
    struct buf *start; /* trained parameters as they were when the stage began; NULL = too large */
    /* ... when the user moved the drift reference; NULL = it was not moved. */
    struct buf *reference;
    int64_t start_step;            /* run step at which it began */
    uint64_t total, done;          /* optimizer steps; the schedule's are `total` */
    uint64_t look_every;           /* steps between two looks at its bounds; 0 = it has none */
    uint64_t end;                  /* the last one: total, or where its bounds were passed */
    int64_t looks[VAC_MAX_EVALS];  /* that were taken of each bound */
    int64_t passed[VAC_MAX_EVALS]; /* how often in a row, for each bound */
    struct plan plan;              /* its memory */
    int64_t drift_from;            /* step of the drift reference */
    double rho;                    /* of its last step; NaN = its method has none */
};
struct book;
struct steer;
/* Reads its data, checks and shows the memory that it will take, and builds it. It begins after
 * step `step` of the run. */
int stage_open(struct stage *st, struct rig *rig, struct book *book, size_t index, uint64_t step,
               struct vac_err *err);
/* Optimizer steps of every stage into rig->stage_total: all data is read, all that is wrong with it
 * found, and what of it is not too large is kept for its stage. */
int stage_totals(struct rig *rig, struct vac_err *err);
void stage_close(struct stage *st, struct rig *rig);
/* stages/NAME/: the adapter, or the weights, as they are at the end. */
int stage_save(const struct stage *st, const struct rig *rig, struct book *book,
               struct vac_err *err);
/* What is trained as a folder others read: the adapter, or all weights with the run's tokenizer. */
int stage_write_model(const struct stage *st, const struct rig *rig, const struct folder *run,
                      const char *dir, struct vac_err *err);
/* The adapter that is trained, as a PEFT folder that says what it stands on. */
int stage_write_adapter(const struct stage *st, const struct rig *rig, const struct folder *run,
                        const char *dir, struct vac_err *err);
/* The present activations become the reference of drift and refusal direction; a full disk is waited for. */
int stage_reference(struct stage *st, const struct rig *rig, struct steer *steer,
                    struct vac_err *err);
/* All streams go back to these cursors, for a step that is made again. */
void stage_rewind(struct stage *st, const struct cursor cursor[METHOD_STREAMS]);
/* Makes the step of the method that comes next, `step` of the run, from 1. */
void stage_step(struct stage *st, uint64_t seed, uint64_t step);
/* "until": only measurements that are due count, none that somebody asks for, and not the stage's start: a
 * run that is watched ends where one that is not does. What was counted stands in the checkpoint.
 *
 * Entry `entry` of "evaluate" was measured because it was due; NULL = it could not be. */
void stage_note_score(struct stage *st, size_t entry, const struct vac_eval *score);
/* Stage `index`, the one at work or one before it, ends after so many of its steps. */
void stage_end(struct stage *st, struct rig *rig, struct progress *at, size_t index,
               uint64_t steps);
/* What there is to do after a step of the stage: progress.duty counts it. */
size_t stage_duties(const struct stage *st, const struct rig *rig);
/* Forks of its weights are attacked by the run itself: the last of the duties. */
bool stage_is_attacked(const struct stage *st, const struct rig *rig);
/* Seconds that a step takes, measured for at least `seconds` on a stage that has its data. It trains
 * rig->m: only for a model that is thrown away; stage_close after it. */
int stage_rehearse(struct stage *st, struct rig *rig, double seconds, double *per_step,
                   struct vac_err *err);
/* The data of a stage, as it was kept or read again; total is then known. */
int stage_data(struct stage *st, struct rig *rig, size_t index, uint64_t step, struct vac_err *err);
void stage_data_done(struct stage *st);
#endif
