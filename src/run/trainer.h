/* trainer.h - the trainer's own state: everything a run is made of while it goes on.
 *
 * Only the trainer thread touches it (after trainer_open). The loop is trainer.c; a stage is built
 * and taken down by stage.c; what is measured beside training is watch.c; commands are applied by
 * commands.c; checkpoint.c writes and reads the whole state. */
#ifndef RUN_TRAINER_H
#define RUN_TRAINER_H

#include "token/tokenizer.h"
#include "eval/drift.h"
#include "eval/evaluate.h"
#include "model/plan.h"
#include "model/stops.h"
#include "run/control.h"
#include "record/columns.h"
#include "record/folder.h"
#include "run/optimizer.h"
#include "record/pins.h"
#include "spec/spec.h"

#define TRAINER_MAX_OPTIONS 24
/* How far apart: measured on samples/lab with OpenBLAS's Haswell and Sandybridge kernels, and with one
 * thread and two. */
#define MACHINE_MEANS                                                                              \
    "sums are rounded otherwise; in the lab losses then agree to 6 digits for 20 steps, to 3 at "  \
    "step 100 and to 1 or 2 from 200 on"
/* Copies of a stage's start parameters are kept for comparison up to this many numbers. */
#define START_COPY_MAX ((size_t)64 << 20)

/* What a checkpoint's state.json holds. */
struct checkpoint_state {
    uint64_t step, tokens, stage, stage_step, epoch, next, updates, duty, drift_from;
    /* Journal lines up to this one count; later ones were lost with their steps. */
    uint64_t journal;
    double wall;
    int64_t size[LINES_COUNT];
    cJSON *json; /* the whole of state.json: live options, suite */
};
/* The fixed probes and what they were last answered with. */
struct suite {
    struct rows rows;
    struct ids *prompt;
    int *verdict; /* enum verdict of the last time, -1 = not asked yet */
    void *judge;
    const struct judge *kind;
};
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
    struct stage_spec *spec;
    size_t index;
    struct stream stream[METHOD_STREAMS]; /* "train", then what the method asks for */
    size_t n_streams;
    struct acts *acts;
    size_t acts_rows;
    struct step step;
    struct optimizer opt;
    struct generator *gen; /* NULL when nothing is ever generated */
    struct drift *drift;
    struct buf *start; /* trained parameters as they were when the stage began; NULL = too large */
    /* ... when the user moved the drift reference; NULL = it was not moved. */
    struct buf *reference;
    int64_t start_step;   /* run step at which it began */
    uint64_t total, done; /* optimizer steps */
    int64_t drift_from;   /* step of the drift reference */
};
/* Commands of a run that is repeated, in order: each is applied in its stage, after that step of
 * the run. */
struct scripted {
    enum vac_op op;
    size_t stage;
    uint64_t step;
    uint64_t seq;     /* of its journal line */
    char *key, *text; /* may be NULL */
};
struct script {
    struct scripted *v;
    size_t n, cap, next;
};
/* What became of a stage's rows, all its files together. */
struct data_counts {
    size_t rows;                 /* looked at */
    size_t cut;                  /* ... at max_length */
    size_t skipped;              /* ... of which no label was left */
    size_t empty, text, samples; /* with an empty answer; tokenised here; in all */
    uint64_t steps;
};
struct trainer {
    struct run_spec spec;
    struct script script; /* of a replay */
    struct vac_open how;
    char machine_was[160],
        machine[160];       /* what computed the run that goes on or is repeated, and what
                                            computes here, where they differ; else "" */
    char machine_told[600]; /* the same as a sentence */
    struct folder folder;
    struct control *ctl;
    struct compute *c;
    struct model *m;
    struct tokenizer *tok;
    struct encoder enc;
    struct stops stops;
    struct dataset drift_set, align_set, harmful_set;
    struct suite suite;
    struct evaluation **eval;
    struct stage st;
    bool in_stage;
    bool stack_dirty;     /* the model's stack must be rebuilt from the run folder */
    struct plan plan;     /* of the stage that is open */
    uint64_t judge_bytes; /* that the judges of the evaluate entries take */
    uint64_t step, tokens;
    struct vac_err broken; /* what ends the run after the commands: one of a replay that could not
                            * be applied, or what took effect and could not be written down */
    double wall;           /* seconds spent running before `since` */
    double since;          /* clock at which running last went on */
    double last_save;      /* clock of the last checkpoint */
    double last_export;    /* ... of the last export for other tools */
    int64_t saved_step;
    size_t keep_more;    /* checkpoints to keep besides the number in the run file */
    int64_t total_steps; /* of all stages, as far as known */
    bool paused;
    int64_t steps_left; /* of a STEP command */
    bool quit, discard;
    bool over;          /* the last step is done: only questions are answered */
    bool space_quit;    /* asked to end while the disk was full: one more try, then it ends */
    uint64_t answering; /* command id that is being answered */
    size_t evaluating;  /* evaluate entry under way */
    double *drift_rel;  /* [2 L] scratch of watch_measure */
    struct vac_option option[TRAINER_MAX_OPTIONS]; /* mirrored in control under its lock */
    const struct option_row *option_row[TRAINER_MAX_OPTIONS];
    size_t n_options;
    pthread_mutex_t option_lock;
    double ms_average, tokens_average; /* running averages for the snapshot */
    size_t duty;                       /* duties after the last step that are done: see do_duties */
    int64_t mark[LINES_COUNT];         /* sizes of the line files when the present duty began */
    bool marked;                       /* it is under way, or failed: its lines do not count */
    struct vac_point point;            /* of the last step, while its line is being made */
    struct vac_layers layers;
    char pause_reason[256];
    uint64_t *stage_total;          /* [n_stages] optimizer steps of each */
    struct data_counts *counts;     /* [n_stages] */
    double created;                 /* seconds since the epoch, as run.json has it */
    struct checkpoint_state resume; /* to go on from; json NULL = from the start */
    char resume_name[64];
    bool unpinned;      /* ... which has no checksums of the stages before */
    bool unsettled;     /* it goes on, and nothing was written yet: see trainer_settle */
    cJSON *began;       /* run.json, with the paths of now */
    const cJSON *moved; /* {"OLD": "NEW"} of those that are others there */
    cJSON *pins;        /* what checkpoints stand on: see pins.h */
    struct vac_err end; /* how it ended */
    int exit_code;
};

/* --- setup.c --- */
/* Reads spec, model, tokenizer and data; nothing is written. */
int trainer_open(struct trainer *t, const struct vac_open *o, struct control *ctl,
                 struct vac_err *err);
void trainer_close(struct trainer *t);
/* Opens the evaluate entries on the present model (again). */
int trainer_evaluations(struct trainer *t, struct vac_err *err);

/* --- begin.c --- */
/* Takes the run folder's lock, for a new run or to go on with one. */
int trainer_folder(struct trainer *t, const char *dir, struct vac_err *err);
/* To go on: checks that model and data are as they were, and finds the last good checkpoint.
 * VAC_ERR_NO_CHECKPOINT: there is none. Nothing is changed but the journal. */
int trainer_resume(struct trainer *t, struct vac_err *err);
/* Before a run that goes on makes its first step, or writes anything else: what lies after the
 * checkpoint is set aside, and what a kill left half-made removed. Later calls do nothing. */
int trainer_settle(struct trainer *t, struct vac_err *err);
/* Model and data must be what the run began with. */
int trainer_inputs(struct trainer *t, struct vac_err *err);
/* The same of what a stage reads when it begins, which may be hours after the run. */
int trainer_stage_inputs(struct trainer *t, size_t index, struct vac_err *err);
/* Builds the first stage of a new run and writes run.json, or goes on from the last good
 * checkpoint. *first = the stage that is open. */
int trainer_begin(struct trainer *t, size_t *first, struct vac_err *err);

/* --- trainer.c --- */
/* The loop, to the end of the run; fills t->end and t->exit_code. */
void trainer_run(struct trainer *t);
int save_now(struct trainer *t, struct vac_err *err);
int stage_begin(struct trainer *t, size_t index, struct vac_err *err);
/* Seconds spent running; hold and go stop and start that clock. */
double trainer_wall(const struct trainer *t);
void trainer_hold(struct trainer *t);
void trainer_go(struct trainer *t);

/* --- stage.c --- */
int stage_open(struct trainer *t, size_t index, struct vac_err *err);
/* Optimizer steps of every stage into t->stage_total: all data is read once, and all that is wrong
 * with it found. */
int stage_totals(struct trainer *t, struct vac_err *err);
void stage_close(struct trainer *t);
/* stages/NAME/: the adapter, or the weights, as they are at the end. */
int stage_save(struct trainer *t, struct vac_err *err);
/* What is trained as a folder others read: the adapter, or all weights with the run's tokenizer. */
int stage_write_model(struct trainer *t, const char *dir, struct vac_err *err);
/* The adapter that is trained, as a PEFT folder that says what it stands on. */
int stage_write_adapter(struct trainer *t, const char *dir, struct vac_err *err);
/* The present activations become the drift reference; a full disk is waited for. */
int stage_reference(struct trainer *t, struct vac_err *err);
/* All streams go back to these cursors, for a step that is made again. */
void stage_rewind(struct stage *s, const struct cursor cursor[METHOD_STREAMS]);
/* Makes the step of the method that comes next, `step` of the run, from 1. */
void stage_step(struct trainer *t, uint64_t step);
/* Seconds that a step takes, measured for at least `seconds` on the stage whose data is in t->st.
 * It trains t->m: only for a model that is thrown away; stage_close after it. */
int stage_rehearse(struct trainer *t, double seconds, double *per_step, struct vac_err *err);
/* Reads the data of a stage into t->st, which is otherwise cleared; st.total is then known. */
int stage_data(struct trainer *t, size_t index, struct vac_err *err);
void stage_data_done(struct stage *st);

/* --- warnings.c --- */
struct data_counts stage_counts(const struct stage *st);
/* What is legal and yet not what one thinks: a line each. */
int stage_warnings(const struct trainer *t, size_t index, const struct data_counts *c,
                   struct strbuf *out, struct vac_err *err);
void watch_warnings(const struct trainer *t, struct strbuf *out);
typedef int warnings_visit(void *ctx, const char *line, struct vac_err *err);
int warnings_each(const struct strbuf *lines, warnings_visit *visit, void *ctx,
                  struct vac_err *err);

/* --- memory.c: of the stage whose data is in t->st --- */
struct stage_sizes {
    size_t batch[METHOD_STREAMS];  /* samples of a micro-batch of each stream, */
    size_t micros[METHOD_STREAMS]; /* micro-batches of an effective batch */
    size_t rows, labels;           /* of a micro-batch, and at least the longest watched sample */
    size_t all_rows, all_labels;   /* of an effective batch */
    size_t context;
};
int stage_sizes(const struct trainer *t, struct stage_sizes *z, struct vac_err *err);
/* Context and slots of the generator. */
size_t stage_generator(const struct trainer *t, size_t *slots);
/* The adapter that the stage begins with (not "same"); *targets is to be freed. */
int stage_adapter(const struct model *m, const struct stage_spec *s, struct lora_spec *out,
                  char **targets, struct vac_err *err);
/* All rows, nothing allocated. *trained = numbers that are trained. */
int stage_plan(const struct trainer *t, const struct plan_next *next, struct plan *p,
               uint64_t *trained, struct vac_err *err);
/* As events. */
void plan_show(struct trainer *t, const struct plan *p);

/* --- watch.c: all fill the point or the layers where they measure --- */
int watch_measure(struct trainer *t, struct vac_point *p, struct vac_layers *l,
                  struct vac_err *err);
bool watch_due(const struct trainer *t);
/* All fixed probes; 1 = stopped by a command, and nothing of it stands. */
int watch_suite(struct trainer *t, uint64_t id, struct vac_err *err);
/* One evaluate entry; 1 = stopped by a command. */
int watch_evaluate(struct trainer *t, size_t i, struct vac_err *err);
bool watch_applies(const struct trainer *t, size_t i);
bool watch_eval_due(const struct trainer *t, size_t i);

/* --- ask.c: probes and bulk requests --- */
int ask_probe(struct trainer *t, const struct control_command *c, struct vac_err *err);
int ask_samples(struct trainer *t, const struct control_command *c, struct vac_err *err);
int ask_map(struct trainer *t, const struct control_command *c, struct vac_err *err);
/* Sum of the probabilities of the tokens that refusals begin with, for the next token after the
 * prompt. */
int ask_refusal_probability(struct trainer *t, const struct ids *prompt, double *out,
                            struct vac_err *err);

/* --- commands.c --- */
void options_mirror(struct trainer *t);
/* Applies what is queued; waits while paused. */
void commands_apply(struct trainer *t);
/* Applies the --set options of a run that goes on to the stage that is open. */
int commands_set_all(struct trainer *t, struct vac_err *err);
/* Whether they can be, as far as that shows before the stage is open. */
int commands_check_all(const struct trainer *t, size_t stage, struct vac_err *err);
/* After the end of a run on a screen: probes and measurements of the finished model, until it is
 * quit. */
void commands_linger(struct trainer *t);
/* VAC_OP_SET, _REFERENCE or _QUIT, as they were given in the run that is repeated. */
int commands_repeat(struct trainer *t, enum vac_op op, const char *key, const char *text,
                    struct vac_err *err);

/* --- script.c: what a journal holds, to be done again --- */
int script_read(struct script *s, const struct run_spec *spec, const char *dir,
                struct vac_err *err);
void script_done(struct script *s);
/* What stands at the present stage and step. A failure ends the run. */
void script_apply(struct trainer *t);

/* --- checkpoint.c --- */
int checkpoint_save(struct trainer *t, struct vac_err *err);
/* The newest checkpoint in a run's folder that is whole, of one of n_stages stages; damaged ones are
 * left standing and told. 1 = there is none; -1 = one could not be read, which may be whole. */
typedef void checkpoint_bad(void *ctx, const char *name, const struct vac_err *why);
int checkpoint_find(const char *dir, size_t n_stages, struct checkpoint_state *out, char *name,
                    size_t size, checkpoint_bad *bad, void *ctx, struct vac_err *err);
/* A checkpoint folder, checked; out->json is the caller's to delete. */
int checkpoint_read(const char *dir, struct checkpoint_state *out, struct vac_err *err);
/* "@120, @240": the checkpoints of a run's folder, for a message. */
void checkpoint_list(const char *dir, struct strbuf *out);
/* Parameters, optimizer, cursor and live options of the stage that is open. */
int checkpoint_load(struct trainer *t, const struct checkpoint_state *s, const char *name,
                    struct vac_err *err);

/* --- lines.c: lines, journal, snapshots --- */
size_t shown_layers(const struct trainer *t); /* that a line and the screen have room for */
void publish(struct trainer *t, enum vac_state state, const char *reason);
/* adapters.json: what to apply to what, in order, for whoever loads final/. */
void lines_adapters(struct strbuf *out, const struct trainer *t);
/* Around what writes several lines, so that all of them stand or none: `rc` is how it went, and
 * what lines_end returns. A checkpoint that is saved after a failure does not know those lines. */
int lines_begin(struct trainer *t, struct vac_err *err);
int lines_end(struct trainer *t, int rc, struct vac_err *err);
/* Journal line of the present step: written, fsynced, and shown. */
int journal(struct trainer *t, const struct journal_entry *e, struct vac_err *err);
/* Does `fn` until it succeeds or fails for another reason than a full disk: pauses (interactive) or
 * waits. `what` goes before the message; NULL = it says so itself. */
typedef int write_fn(struct trainer *t, void *ctx, struct vac_err *err);
int until_written(struct trainer *t, write_fn *fn, void *ctx, const char *what,
                  struct vac_err *err);
#endif
