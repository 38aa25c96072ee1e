/* trainer.h - the trainer's own state: everything a run is made of while it goes on.
 *
 * Only the trainer thread touches it (after trainer_open). The loop is trainer.c; a stage is built and
 * taken down by stage.c; what is measured beside training is watch.c; commands are applied by commands.c;
 * checkpoint.c writes and reads the whole state. */
#ifndef RUN_TRAINER_H
#define RUN_TRAINER_H

#include "data/tokenizer.h"
#include "eval/drift.h"
#include "eval/evaluate.h"
#include "model/plan.h"
#include "run/control.h"
#include "run/folder.h"
#include "run/optimizer.h"
#include "run/spec.h"

#define TRAINER_MAX_OPTIONS 24

/* The fixed probes and what they were last answered with. */
struct suite {
    struct rows rows;
    struct ids *prompt;
    int *verdict; /* enum verdict of the last time, -1 = not asked yet */
    void *judge;
    const struct judge *kind;
};
/* One stage at work. */
struct stage {
    struct stage_spec *spec;
    size_t index;
    struct dataset data;
    double *sample_loss;    /* [data.n] last loss of each sample, NaN = none yet */
    int64_t *sample_step;   /* [data.n] when */
    size_t *order, *picked; /* epoch's order; the effective batch */
    struct cursor cursor;
    struct batch *micro;    /* [accumulate] */
    size_t n_picked, n_micro;
    struct acts *acts;
    size_t acts_rows;
    struct step step;
    struct optimizer opt;
    struct generator *gen;  /* NULL when nothing is ever generated */
    struct drift *drift;
    struct buf *start;      /* trained parameters as they were when the stage began; NULL = too large */
    int64_t start_step;     /* run step at which it began */
    uint64_t total, done;   /* optimizer steps */
    int64_t drift_from;     /* step of the drift reference */
};
struct trainer {
    struct run_spec spec;
    struct vac_open how;
    struct folder folder;
    struct control *ctl;
    struct compute *c;
    struct model *m;
    struct tokenizer *tok;
    struct encoder enc;
    struct gen_config gen;
    int32_t stop[GEN_MAX_EOS + 2];
    size_t n_stop;
    struct dataset drift_set, align_set, harmful_set;
    struct suite suite;
    struct evaluation **eval;
    struct stage st;
    bool in_stage;
    uint64_t step, tokens;
    double wall;             /* seconds spent running before `since` */
    double since;            /* clock at which running last went on */
    double last_save;        /* clock of the last checkpoint */
    int64_t saved_step;
    bool paused;
    int64_t steps_left;      /* of a STEP command */
    bool quit, discard;
    uint64_t answering;      /* command id that is being answered */
    struct vac_option option[TRAINER_MAX_OPTIONS]; /* mirrored in control under its lock */
    size_t n_options;
    pthread_mutex_t option_lock;
    char model_hash[65];
    double speed_clock;      /* running averages for the snapshot */
    double ms_average, tokens_average;
    struct vac_err end;      /* how it ended */
    int exit_code;
};

/* --- trainer.c --- */
/* Reads spec, model, tokenizer and data; nothing is written. */
int trainer_open(struct trainer *t, const struct vac_open *o, struct control *ctl, struct vac_err *err);
void trainer_close(struct trainer *t);
/* Makes or goes on with the run folder. */
int trainer_folder(struct trainer *t, struct vac_err *err);
/* The loop, to the end of the run; fills t->end and t->exit_code. */
void trainer_run(struct trainer *t);
double trainer_wall(const struct trainer *t);

/* --- stage.c --- */
int stage_open(struct trainer *t, size_t index, struct vac_err *err);
void stage_close(struct trainer *t);
/* stages/NAME/: the adapter, or the weights, as they are at the end. */
int stage_save(struct trainer *t, struct vac_err *err);
/* Takes the next effective batch; returns its samples. */
void stage_next_batch(struct stage *s);
/* Memory of a stage, without building it beyond its adapter. */
int stage_plan(struct trainer *t, struct plan *p, struct vac_err *err);

/* --- watch.c: all fill the point or the layers where they measure --- */
void watch_measure(struct trainer *t, struct vac_point *p, struct vac_layers *l);
bool watch_due(const struct trainer *t);
int watch_suite(struct trainer *t, uint64_t id, struct vac_err *err);
/* One evaluate entry; 1 = stopped by a command. */
int watch_evaluate(struct trainer *t, size_t i, struct vac_err *err);
bool watch_applies(const struct trainer *t, size_t i);
bool watch_eval_due(const struct trainer *t, size_t i);

/* --- ask.c: probes and bulk requests --- */
int ask_probe(struct trainer *t, const struct control_command *c, struct vac_err *err);
int ask_samples(struct trainer *t, const struct control_command *c, struct vac_err *err);
int ask_map(struct trainer *t, const struct control_command *c, struct vac_err *err);
/* Sum of the probabilities of the tokens that refusals begin with, for the next token after the prompt. */
double ask_refusal_probability(struct trainer *t, const struct ids *prompt);

/* --- commands.c --- */
void options_mirror(struct trainer *t);
/* Applies what is queued; waits while paused. */
void commands_apply(struct trainer *t);

/* --- checkpoint.c --- */
struct checkpoint_state {
    uint64_t step, tokens, stage, stage_step, epoch, next, updates;
    double wall;
    int64_t size[LINES_COUNT];
    cJSON *json; /* the whole of state.json: live options, suite */
};
int checkpoint_save(struct trainer *t, struct vac_err *err);
/* The newest checkpoint that is whole; bad ones are left standing and journalled. 1 = there is none. */
int checkpoint_find(struct trainer *t, struct checkpoint_state *out, char *name, size_t size,
                    struct vac_err *err);
/* Parameters, optimizer, cursor and live options of the stage that is open. */
int checkpoint_load(struct trainer *t, const struct checkpoint_state *s, const char *name,
                    struct vac_err *err);

/* --- report.c of this folder: lines and snapshots --- */
void lines_point(struct strbuf *out, const struct trainer *t, const struct vac_point *p);
void lines_layers(struct strbuf *out, const struct trainer *t, const struct vac_layers *l);
void publish(struct trainer *t, enum vac_state state, const char *reason);
void point_clear(struct vac_point *p);
void layers_clear(struct vac_layers *l);
/* Journal line: written, fsynced, and shown. */
int journal(struct trainer *t, const struct journal_entry *e, struct vac_err *err);
/* Does `fn` until it succeeds or fails for another reason than a full disk: pauses (interactive) or waits. */
typedef int write_fn(struct trainer *t, void *ctx, struct vac_err *err);
int until_written(struct trainer *t, write_fn *fn, void *ctx, const char *what, struct vac_err *err);
#endif
