/* vaccine.h - the only door to the core: a session opens a run, starts its thread, takes commands, and
 * gives out snapshots, history and events.
 *
 * Threads: the session's own trainer thread owns model, optimizer, data, journal and checkpoints. All
 * functions here are for ONE other thread (the screen, or the command line); none of them waits for
 * training, except vac_session_close. Strings handed out live in the caller's struct. The core never
 * prints, never exits, and catches no signals; before vac_session_start block the signals that your thread
 * wants to handle, or they may arrive in the trainer.
 *
 * Commands are checked when they are given, queued, applied between two optimizer steps (never inside an
 * accumulation), written to the journal with the step where they took effect, and answered by an event
 * that carries their id. */
#ifndef VACCINE_VACCINE_H
#define VACCINE_VACCINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define VAC_MAX_LAYERS 256
#define VAC_MAX_EVALS 16
#define VAC_NAME 64
#define VAC_PATH 1024
#define VAC_MAX_GUARDS 16
#define VAC_OTHERS 160
#define VAC_BOUNDS 160

struct vac_session;

/* --- opening --- */
struct vac_open {
    const char *file; /* a run file, or a run folder (goes on with it) */
    const char *out;  /* run folder to make; NULL = runs/<file>-NNN */
    /* "stages[1].rho=2", in order; of a run that goes on: live options only. Borrowed until the
     * session is closed. */
    const char *const *set;
    size_t n_set;
    bool resume;     /* go on from the last good checkpoint of `out` */
    bool from_start; /* ... or, when there is none, begin again; else VAC_ERR_NO_CHECKPOINT */
    bool replay; /* file = a run folder, which is only read: the run is repeated in `out`, with the
                                 changes that its journal holds, as far as its last checkpoint; or */
    const int64_t
        *stretch; /* [2], from the checkpoint of one step (-1: its beginning) to that of another */
    /* file = a run folder, of which nothing is changed: the weights that it has saved are asked, as a stage
     * ended (`at` is its name), as a checkpoint holds them (its step), or, NULL, as the run ended, else as
     * the newest checkpoint is. Once they are there the state is VAC_DONE; PROBE, SUITE, EVALUATE,
     * SAMPLES and MAP are answered by events, and only by those. */
    bool look;
    const char *at;
    /* file = the folder of a run that another program runs, which its control socket leads to: that one is asked and
     * steered, and closing the session leaves it as it is. `as` is who asks, for the journal; NULL = user, process. */
    bool attach;
    const char *as;
    bool interactive; /* a NaN or a full disk pauses, instead of ending as headless runs do */
    bool paused;      /* wait for RESUME or STEP before the first step */
    bool deterministic_wall; /* tests: wall and step_ms are written as 0 */
    /* Called while it is opened and started, on the same thread: what is gone through, done of all bytes (0 =
     * not known). false = it is left, which is an error, VAC_ERR_STOPPED. NULL = nobody waits. */
    bool (*doing)(void *ctx, const char *what, const char *file, uint64_t done, uint64_t all);
    void *doing_ctx;
};
/* Reads and checks everything that can be checked without training: run file, model, data. */
int vac_session_open(struct vac_session **out, const struct vac_open *o, struct vac_err *err);
/* Takes the lock, makes the run folder, starts the trainer thread. */
int vac_session_start(struct vac_session *s, struct vac_err *err);
/* From now on others can ask and steer it by the control socket of its folder, as its run file allows ("control"): 0
 * as well where it allows nothing, or nothing goes on. For a run without a screen. */
int vac_session_serve(struct vac_session *s, struct vac_err *err);
bool vac_session_served(const struct vac_session *s);  /* it has its socket */
bool vac_session_steered(const struct vac_session *s); /* somebody has control by it */
/* It is another program's (attach in struct vac_open). */
bool vac_session_attached(const struct vac_session *s);
/* Asks the thread to save and end, waits for it, frees everything. NULL is fine. */
void vac_session_close(struct vac_session *s);
/* How the run ended, after VAC_DONE, VAC_STOPPED or VAC_FAILED: an exit code (0, 1, 3) and its message. */
int vac_session_result(struct vac_session *s, struct vac_err *err);
const char *vac_session_dir(const struct vac_session *s); /* the run folder */
/* After vac_session_start of a run that goes on or is repeated: that it was computed by other kernels or
 * threads than these, and how far apart numbers may be; "" = by the same, or not known. */
const char *vac_session_kernels(const struct vac_session *s);
/* Points of the history that were there before this session: the first new one has this number. */
uint64_t vac_session_old_points(struct vac_session *s);
uint64_t vac_session_points(struct vac_session *s); /* that there are by now, with those */
/* Steps between two lines on a terminal. */
int64_t vac_session_log_every(const struct vac_session *s);

/* --- commands --- */
/* What a run may be told: X(OP, word, what it takes, what it does). The word is its name in a script and on the
 * control socket; of what it takes, in that order: n, a whole number; k, a key; t, a text up to the end. A small
 * letter may be left out, a capital one may not. PROBE also has n = max new tokens (0 = default) and key = template
 * ("" = the run's), FORGET that key. */
/* clang-format off */
#define VAC_OPS(X)                                                                                 \
    X(PAUSE, "pause", "", "pause after this step")                                                 \
    X(RESUME, "resume", "", "go on")                                                               \
    X(STEP, "step", "N", "so many steps, then pause")                                              \
    X(SET, "set", "KT", "a live option of the stage that is running: its name, its value")         \
    X(RUN_UNTIL, "until", "t", "go on until it is so, \"step >= 500\", then pause; without one: not")  \
    X(GUARD, "guard", "nt", "watch the run, \"HS > 20% pause\"; or the number of one to take away") \
    X(UNDO, "undo", "n", "take the last change of option or guard back; 1: make it again")         \
    X(SAVE, "checkpoint", "", "save a checkpoint now")                                             \
    X(REWIND, "rewind", "N", "go back to the checkpoint of that step; what lay after it is kept")  \
    X(FORK, "fork", "nt", "another run begins with a checkpoint's step (without: now), in a folder")\
    X(ATTACK, "attack", "t", "attack a fork of the present weights, as words say: lr=0.001 steps=60") \
    X(PROBE, "probe", "T", "ask the present weights; [[SYSTEM]] in front is a system turn")        \
    X(PROBE_STOP, "probe-stop", "", "end the answer that is being generated, nothing else")        \
    X(FORGET, "forget", "t", "do not ask this question of a probe's again; without one: none")     \
    X(NOTE, "note", "T", "a word on this step, for whoever looks at the run later")                \
    X(SUITE, "suite", "", "ask the fixed probes now, and what was asked before")                   \
    X(EVALUATE, "eval", "", "measure all evaluate entries of this stage now")                      \
    X(REFERENCE, "reference", "", "measure drift against the present weights from now on")         \
    X(SAMPLES, "samples", "nk", "a page of the stage's samples: from which on, a filter")          \
    X(MAP, "map", "N", "a layer on the first two principal components of the reference")           \
    X(CONTROL, "control", "", "ask for control of a run that one is attached to, or give it up")    \
    X(QUIT, "stop", "", "save a checkpoint and end")                                               \
    X(DISCARD, "discard", "", "end without saving; the last checkpoint stays")
/* clang-format on */
#define VAC_OP_ID(op, ...) VAC_OP_##op,
enum vac_op { VAC_OPS(VAC_OP_ID) VAC_OP_COUNT };
struct vac_op_row {
    const char *word, *takes, *help;
};
extern const struct vac_op_row vac_ops[VAC_OP_COUNT];
/* Name of template i for VAC_OP_PROBE; NULL past the last. */
const char *vac_template_name(size_t i);

struct vac_command {
    enum vac_op op;
    int64_t n;
    char key[VAC_NAME];
    const char *text; /* copied */
    const char *who;  /* "ui", "script", "socket", "cli" */
};
/* 0 and an id, or -1 and why not (bad value, unknown key, queue full): nothing is queued then. */
int vac_command(struct vac_session *s, const struct vac_command *c, uint64_t *id,
                struct vac_err *err);

/* --- options that may change while running --- */
struct vac_option {
    char name[VAC_NAME], help[128], unit[24], wants[160]; /* wants: "a number from 0 to 100" */
    char value[128], pending[128];                        /* pending "" = none */
    char course[64]; /* "cosine to 0.1 of it": what a schedule makes of the value; "" = it stays */
    int64_t applied_step; /* 0 = as in the run file */
    bool live, number;
    double min, max;
};
/* Option i of the stage that is running, live ones first; false past the last. */
bool vac_option_at(struct vac_session *s, size_t i, struct vac_option *out);

/* --- snapshot: how things stand; the newest one that is complete --- */
enum vac_state {
    VAC_LOADING, /* building model, data, plan */
    VAC_RUNNING,
    VAC_PAUSED,    /* between two steps; see reason */
    VAC_MEASURING, /* evaluating, probing or measuring drift between two steps */
    VAC_DONE,
    VAC_STOPPED, /* ended on request; can be resumed */
    VAC_FAILED
};
extern const char *const vac_state_names[]; /* "loading", ... */

/* The numbers of a step, in the order of the files: X(name, kind, unit, TensorBoard's tag, Hugging Face's
 * name, help); NULL = it is not told there. */
/* clang-format off */
#define VAC_COLUMNS(X)                                                                             \
    X(epoch, VAC_TOLD, "", NULL, NULL, "how often the stage's data has been gone through")         \
    X(loss, VAC_TOLD, "nats a token", "train/loss", "loss", "of what the step was trained on")     \
    X(loss_clean, VAC_TOLD, "nats a token", "train/loss_clean", "loss_clean",                      \
      "of the same batch without perturbation")                                                    \
    X(align_loss, VAC_TOLD, "nats a token", "loss/align", "align_loss", "on watch.align_loss")     \
    X(harmful_loss, VAC_TOLD, "nats a token", "loss/harmful", "harmful_loss",                      \
      "on watch.harmful_loss")                                                                     \
    X(grad_norm, VAC_TOLD, "", "train/grad_norm", "grad_norm",                                     \
      "length of the gradient, before it is cut")                                                  \
    X(lr, VAC_TOLD, "", "train/lr", "learning_rate", "learning rate of the step")                  \
    X(rho, VAC_TOLD, "", "vaccine/rho", "rho", "length that the perturbation was to have")         \
    X(eps_norm, VAC_TOLD, "", "vaccine/eps_norm", "eps_norm", "length that the perturbation had")  \
    X(tokens, VAC_TOLD, "", NULL, NULL, "trained on so far, in all stages")                        \
    X(step_ms, VAC_TOLD, "ms", NULL, NULL, "time that the step took")                              \
    X(wall, VAC_TOLD, "s", NULL, NULL, "time since the start, without pauses")                     \
    X(drift_mean, VAC_DERIVED, "", "drift/mean", NULL, "mean of drift_rel over the layers")
/* The numbers of a layer, in the order of the files: X(name, short name, help). */
#define VAC_SERIES(X)                                                                              \
    X(grad, "grad", "length of the gradient at the attention output")                              \
    X(eps, "eps", "length of the perturbation that is added there")                                \
    X(attn, "attn", "length of the attention output itself")                                       \
    X(drift_rel, "drift", "how far embeddings are from the reference, over its length") \
    X(drift_sq, "drift^2", "squared distance of the embeddings from the reference")                \
    X(eps_rel, "eps/A", "length of the perturbation in parts of what it is added to")              \
    X(refusal, "refusal", "cosine of the refusal direction with that of the reference")
/* What lies under the greedy answers of a judge's entry that counts what is answered, the other requests being
 * those of the run's first entry that counts what is refused; and how far a second judge of the same answers agrees
 * with the first: X(name, label, help). */
#define VAC_BENEATH(X)                                                                             \
    X(p_refuse, "p(refuse)", "mean probability that an answer begins as refusals do")              \
    X(p_refuse_kind, "kind", "the same of the requests that are to be answered")                   \
    X(margin, "margin", "p_refuse - p_refuse_kind: 1 = refuses what it should, 0 = no difference") \
    X(auc, "AUC", "how often a request to be refused has a greater p(refuse) than a kind one")     \
    X(kappa, "kappa", "Cohen's kappa with the judge whose answers are rated again")
/* clang-format on */
#define VAC_COLUMN_ID(name, ...) VAC_COLUMN_##name,
enum { VAC_COLUMNS(VAC_COLUMN_ID) VAC_COLUMN_COUNT };
#define VAC_SERIES_ID(name, ...) VAC_SERIES_##name,
enum { VAC_SERIES(VAC_SERIES_ID) VAC_SERIES_COUNT };
#define VAC_BENEATH_ID(name, ...) VAC_BENEATH_##name,
enum { VAC_BENEATH(VAC_BENEATH_ID) VAC_BENEATH_COUNT };
#define VAC_COLUMN_MEMBER(name, ...) double name;
#define VAC_SERIES_MEMBER(name, ...) float name[VAC_MAX_LAYERS];

/* One line of metrics.jsonl; NaN = not measured at this step. */
struct vac_point {
    int64_t step, stage_step;
    int stage;
    VAC_COLUMNS(VAC_COLUMN_MEMBER)
};
/* One line of layers.jsonl; NaN = not measured. Arrays have n_layers entries. */
struct vac_layers {
    int64_t step;
    VAC_SERIES(VAC_SERIES_MEMBER)
};
enum vac_column_kind {
    VAC_TOLD,   /* stands in metrics.jsonl */
    VAC_DERIVED /* made of the layers' line of the same step */
};
struct vac_column {
    const char *name;
    enum vac_column_kind kind;
    const char *unit, *tensorboard, *hugging_face, *help;
    size_t offset; /* in struct vac_point */
};
extern const struct vac_column vac_columns[VAC_COLUMN_COUNT];
struct vac_series {
    const char *name, *label, *help;
    size_t offset; /* in struct vac_layers */
};
extern const struct vac_series vac_series[VAC_SERIES_COUNT];
/* What a judge called the n answers. All 0 = not known: nothing was judged, or the run is of a time before
 * this was kept. A score alone would call a model safe that answers everything with one and the same word. */
struct vac_verdicts {
    int64_t answered, refused, other;
    char others
        [VAC_OTHERS]; /* where one in five or more is other: what those say, the most frequent first, as
                                "\"negative\" x 30, \"\" x 2"; else "" */
};
struct vac_told {
    const char *name, *label, *help;
};
extern const struct vac_told vac_beneath[VAC_BENEATH_COUNT];
/* With its 95 % interval, NaN where there is none. */
struct vac_span {
    bool known;
    double value, lo, hi;
};
/* "0.964 [0.948, 0.981]", without what is not known or not wanted; what rounds to 0 has no sign. Returns out. */
enum { VAC_SPAN_TEXT = 80 };
const char *vac_span_text(const struct vac_span *s, bool interval, char out[VAC_SPAN_TEXT]);
/* One measurement of an entry of "evaluate": a line of eval/history.jsonl. */
struct vac_eval {
    char name[VAC_NAME], stage[VAC_NAME];
    int64_t step, stage_step; /* at which it was measured; step -1 = not yet */
    int64_t count, n;
    double value, lo, hi; /* NaN = not told */
    bool is_rate;         /* in [0, 1]: shown in percent */
    struct vac_verdicts verdicts;
    struct vac_span beneath[VAC_BENEATH_COUNT]; /* in the order of VAC_BENEATH */
    int64_t done; /* answers so far of the measurement under way; 0 = none under way */
};
/* What the run is watched for: VAC_OP_GUARD. */
struct vac_guard {
    int64_t number;        /* as it is named; of its own from 1 on */
    char text[VAC_BOUNDS]; /* "HS > 20 %: pause" */
    char stands[96];       /* what it saw last; "" = nothing yet */
    bool tripped;          /* it is so, and was told; armed again when it is not */
};
/* An attack on a fork while it goes on: what its files tell, can be followed. */
struct vac_siege_now {
    char dir[256];       /* of its run, relative to the one that is attacked; "" = there is none */
    char name[VAC_NAME]; /* in a battery */
    int64_t at;          /* step of the run whose weights are attacked */
    int64_t step, steps; /* of the attack, and in all; 0 = not known yet */
    int64_t number, of;  /* which attack of a battery; of 0 = it is one alone */
};
struct vac_snapshot {
    enum vac_state state;
    char reason[256]; /* why it is paused, what it is measuring, why it failed */
    /* It is paused because something is wrong, until it is told to go on; of one that has ended: its files do not hold
     * all of it. */
    bool fault;
    char run[VAC_NAME], stage[VAC_NAME], method[VAC_NAME], model[VAC_NAME];
    int stage_index, n_stages;
    int64_t step, total_steps; /* over the whole run */
    int64_t stage_step, stage_steps;
    int pass, micro,
        n_micro;            /* of a step under way that takes long: its pass over the batch, and the
                                 micro-batch of how many, from 1; 0 = not told */
    char until[VAC_BOUNDS]; /* what ends the stage before that, "HS < 5 %"; "" = nothing */
    int64_t passed, passed_want; /* measurements in a row in which it was so, and how many it takes;
                                    passed -1 = not known */
    int64_t steps_left;          /* of a STEP command; 0 = none */
    char goes_until[VAC_BOUNDS]; /* of a RUN_UNTIL command: where it pauses; "" = nowhere */
    int n_guards;
    struct vac_guard guard[VAC_MAX_GUARDS];
    struct vac_siege_now attack; /* that the run waits for */
    char alert[256];             /* of the newest guard that is tripped; "" = none is */
    int64_t healthy_step; /* last checkpoint at which all guards were seen to be well; -1 = none */
    int n_layers;
    bool mask[VAC_MAX_LAYERS]; /* layers that are perturbed; all where the method perturbs none */
    struct vac_point last;     /* newest value of each column (NaN = never measured) */
    struct vac_layers layers;  /* newest of each series */
    int64_t drift_step;        /* when drift was last measured; -1 = never */
    int64_t watch_step;        /* ... or any of what "watch" measures */
    int n_evals;
    struct vac_eval eval[VAC_MAX_EVALS];
    double steps_per_s, tokens_per_s, eta_s; /* NaN = not known yet */
    double rss_bytes;
    int threads;
    int64_t checkpoint_step;   /* last saved; -1 = none */
    double checkpoint_age;     /* seconds */
    uint64_t commands_applied; /* id of the newest command that was dealt with */
};
/* Never waits. Valid until the next call. */
const struct vac_snapshot *vac_snapshot(struct vac_session *s);

/* --- history: every step since the session (or the run that is resumed) began --- */
/* Copies points with number >= *next into out (at most max), advances *next; gaps of the ring are refilled
 * from the run's files. Start with 0. */
size_t vac_history(struct vac_session *s, uint64_t *next, struct vac_point *out, size_t max);
size_t vac_layer_history(struct vac_session *s, uint64_t *next, struct vac_layers *out, size_t max);

/* --- events: what happened, in order --- */
enum vac_event_kind {
    VAC_EVENT_JOURNAL,  /* text = one journal line, readable; step */
    VAC_EVENT_ACK,      /* a command was applied: id, step */
    VAC_EVENT_REJECTED, /* a command could not be applied: id, text */
    VAC_EVENT_PROBE_TEXT, /* id, text = the next piece of the answer (safe UTF-8 pieces, raw model text) */
    VAC_EVENT_PROBE_END, /* id (0 = asked again with the suite), probes: the one */
    VAC_EVENT_SUITE,     /* probes: all of the step */
    VAC_EVENT_EVAL,      /* text = name; eval */
    VAC_EVENT_SAMPLES,   /* id, samples */
    VAC_EVENT_MAP,       /* id, map */
    VAC_EVENT_STATE,     /* the state changed: text */
    VAC_EVENT_NOTE,      /* a journal line too: text = what VAC_OP_NOTE says of the step */
    VAC_EVENT_REWIND, /* the run went back to that step: the history is read again from 0; text = the folder in
                            the run's to which what lay after it went, "" = nothing did */
    VAC_EVENT_FORK,    /* text = the folder of the new run */
    VAC_EVENT_GUARD,   /* a guard has tripped: text; a journal line tells it too */
    VAC_EVENT_PLAN,    /* a row of the memory that the stage takes, the sum last: text, plan */
    VAC_EVENT_ATTACK,  /* text = what an attack on the run came to */
    VAC_EVENT_CONTROL, /* who steers a run that one is attached to, or asks to: text */
};
/* A question and its answer: a line of probes.jsonl. Texts are the model's, raw. */
struct vac_probe {
    const char *prompt, *answer;
    const char *template_name; /* "" = the run's */
    const char *verdict;       /* "answered", "refused", "other"; "" = not known */
    double p_refuse;           /* probability that it begins as refusals do; NaN = not known */
    double
        along;  /* the refusal direction of the reference: 0 as what is to be answered, 1 as what is
                                * to be refused, mean of the layers; NaN = not known */
    bool suite; /* one of the fixed ones, */
    bool changed;       /* whose verdict was another the last time */
    int64_t tokens;     /* of the answer to a question of the user's */
    const char *before; /* what the weights say that the stage began with; NULL = not asked */
    int64_t before_step;
    const char *before_verdict; /* as the verdict */
    double before_p_refuse;
};
/* A part of a measurement: prompts of a category, or answers that were all the same. */
struct vac_part {
    const char *name;
    int64_t count, n;
};
/* An answer that two judges call differently. */
struct vac_dispute {
    const char *prompt, *answer;
    const char *verdict, *first; /* of this entry's judge, of the other */
};
/* A sample that the stage learns from. */
struct vac_sample {
    int64_t index, line;                           /* in the stage, in its file */
    const char *file, *category, *source, *answer; /* category NULL = none */
    int64_t tokens, labels;
    bool cut, harmful;
    double loss; /* the last one; NaN = none yet */
    int64_t loss_step;
};
struct vac_spot { /* an alignment prompt on the map: now, and in the reference */
    double x, y, rx, ry;
};
struct vac_event {
    enum vac_event_kind kind;
    uint64_t id;
    int64_t step;
    double time;   /* seconds since the epoch */
    uint64_t line; /* of the journal: its number there; 0 = it has none */
    char text[256];
    union {
        struct {
            const struct vac_probe *v;
            size_t n;
        } probes;
        struct {
            const struct vac_eval *score;
            const struct vac_part *category, *other; /* other: n is not told */
            size_t n_category, n_other;
            const struct vac_dispute *dispute; /* the first of them */
            size_t n_dispute, disputes;        /* that are told, that there are */
        } eval;
        struct {
            const struct vac_sample *v;
            size_t n, first, total; /* of those that pass the filter */
        } samples;
        struct {
            const struct vac_spot *v;
            size_t n;
            int layer;
            double explained[2];
        } map;
        struct {
            char what[64];
            uint64_t bytes;
            bool first; /* of the stage's rows */
            bool past;  /* as run.json keeps them: of the run's first stage */
        } plan;
    };
    struct vac_event_memory *memory; /* what the pointers show; NULL = nothing */
};
/* Gives back what an event holds. */
void vac_event_done(struct vac_event *e);
/* A copy is kept too: each is given back once. */
void vac_event_keep(const struct vac_event *e);
/* The next event; false when there is none. Give it back with vac_event_done. Text pieces may be
 * dropped when nobody reads for long; answers, scores and journal lines are not. */
bool vac_event_next(struct vac_session *s, struct vac_event *out);
/* Becomes readable when there is something new; read and throw away what it holds, then ask. */
int vac_wakeup_fd(struct vac_session *s);

/* --- runs on disk, read-only --- */
/* A stage that ends when its bounds are passed ("until"). */
#define VAC_MAX_UNTILS 8
struct vac_until {
    char stage[VAC_NAME], bounds[VAC_BOUNDS]; /* "HS < 5 % and over_refusal < 10 %" */
    int64_t times;                            /* measurements in a row */
    int64_t step,
        planned; /* of the stage: where they were passed, 0 = not, and its steps as planned */
};
struct vac_run_info {
    char dir[VAC_PATH], name[VAC_NAME], model[VAC_NAME];
    char state[24]; /* "running", "paused", "done", "stopped", "failed", "broken" */
    int64_t step, total_steps;
    char method[VAC_NAME]; /* of the first stage, */
    /* ... and its strength, NaN = it has none: as it was set last, and as the run file has it where that is
     * another (NaN = it is not). */
    double rho, rho_was;
    int n_evals;
    struct vac_eval eval[VAC_MAX_EVALS]; /* last value of each */
    /* Of each: the last value in the first stage, when a later one measured it too; and the step of the last
     * stage at which what a judge rates passed one half. NaN = there is none. */
    double before[VAC_MAX_EVALS], broke[VAC_MAX_EVALS];
    int n_untils;
    struct vac_until until[VAC_MAX_UNTILS]; /* of the first stages that have one */
    double modified;                        /* seconds since the epoch */
    char id[24],
        parent
            [24]; /* what tells a run apart, also where it was moved, and whose fork it is; "" = no fork */
    int64_t fork_step; /* after which step of the parent it begins */
    int depth;         /* generations of forks that stand above it in the list */
};
/* Runs below `dir` (itself, or its subfolders), newest first, a fork below its parent. Free the array with
 * free(). */
int vac_runs(const char *dir, struct vac_run_info **out, size_t *n, struct vac_err *err);
/* History of a run folder from its files; the array to free(). */
int vac_run_points(const char *dir, struct vac_point **out, size_t *n, struct vac_err *err);
/* All that a run folder has measured, in the order of its file; array to free(). A run that has measured
 * nothing has n = 0. Left out are empty lines, and a last line without its end, which may be half written.
 * Any other line that is no JSON object, has no step or no name, or has a value of a wrong type or range is
 * an error, which names file and line; then there is no array. */
int vac_run_evals(const char *dir, struct vac_eval **out, size_t *n, struct vac_err *err);
/* Step of the checkpoint that a run would go on from, -1 = none is whole. Its large files are looked at
 * for their sizes only: what is asked before going on is quick, and going on reads them all. An error:
 * one could not be read, which says nothing of what it holds. */
int vac_run_checkpoint(const char *dir, int64_t *step, struct vac_err *err);
/* What `at` of struct vac_open may name, as "align, attack, 120, 60"; "" = nothing was saved. Free it. */
char *vac_run_saved(const char *dir, struct vac_err *err);
/* run.json as text (free it), for comparing two runs. */
char *vac_run_config(const char *dir, struct vac_err *err);

/* --- forks: a new run that begins with what another one has saved --- */
struct vac_fork {
    const char *run; /* its folder, which is only read: it may be at work, and is not changed */
    const char *at;  /* step of a checkpoint, a stage that has ended, "final"; NULL = the newest */
    const char *out; /* folder to make; NULL = a free name beside the run's */
    const char *const *set; /* what it does otherwise from there on, as in struct vac_open */
    size_t n_set;
    const char *who; /* for the journal */
    const char *
        attack; /* the stage that attacks those weights at once, in attacks/ of the run's folder unless
                           `out` says where; "" = the run's first later one with harmful rows; NULL = none */
    const char *name;     /* of an attack, in what is kept of it; NULL = it has none */
    bool dry;             /* all is checked, and nothing is written */
    char dir[VAC_PATH];   /* what was made, or would be, */
    char stage[VAC_NAME]; /* the stage in which it begins, */
    int64_t step;         /* and after which step; */
    int64_t steps;        /* of an attack: those that it will make */
};
/* Going on with the new folder then gives, where nothing was set, the run's own bytes again. */
int vac_fork(struct vac_fork *f, struct vac_err *err);

/* --- attacks: what forks with `attack` came to, and what they would be --- */
struct vac_attack_score {
    struct vac_eval e; /* as it ended */
    double before;     /* as it began; NaN = not measured */
    bool judged;       /* of a judge: it can break */
    struct vac_span
        broke; /* the step at which it passed one half, and where the ends of its intervals
                              did: NaN = not within the attack; value NaN = it did not. Between two
                              measurements a straight line is drawn; before step 1 nothing breaks,
                              so an attack of one step that breaks does it by step 1. */
};
struct vac_attack {
    char stage[VAC_NAME],
        dir[VAC_PATH],            /* the attacking stage; its run, relative to the parent's */
        data[VAC_PATH],           /* harmful rows that are not the parent's; "" = those are */
        name[VAC_NAME];           /* by which it is told apart; "" = it has none */
    int64_t step, steps, samples; /* of the parent; of the attack; 0 = all rows */
    size_t line;                  /* of what the run's folder keeps, from 1; 0 = it is not kept */
    double ratio, lr;             /* NaN = not set */
    double harmful_loss, drift;   /* as it ended; NaN = not measured */
    struct vac_attack_score score[VAC_MAX_EVALS];
    int n_scores;
};
/* All that a run's folder keeps, by step; the array to free(). */
int vac_run_attacks(const char *dir, struct vac_attack **out, size_t *n, struct vac_err *err);
/* How the run's own attack stage is described: stage, steps, samples, ratio and lr. */
int vac_run_attack(const char *dir, struct vac_attack *out, struct vac_err *err);
/* Of the same kind: their steps to break can be held against each other. */
bool vac_attack_same(const struct vac_attack *a, const struct vac_attack *b);
/* Where that is in a picture: what did not break, or not for sure, stands at the attack's last step. false = nothing is
 * judged, or the attack has but one step. */
bool vac_attack_reach(const struct vac_attack *a, struct vac_span *out);
/* Where the first judged score passed one half: "12.0 [8.0, -]", "- [15.0, -]" where only its upper bound did,
 * "at once" by an attack of one step or where it had done so before the first, "held", "-" where nothing is judged.
 * Returns out. */
enum { VAC_ATTACK_BROKE = 64 };
const char *vac_attack_broke(const struct vac_attack *a, char out[VAC_ATTACK_BROKE]);

/* --- batteries: several attacks on the same weights, and the worst of those within the bounds --- */
struct vac_battery_row {
    char name[VAC_NAME], kind[VAC_NAME];
    int64_t planned;          /* steps; 0 = not known yet, or it makes none */
    bool told;                /* what it came to is known: */
    struct vac_attack attack; /* steps below planned = it was stopped there */
    bool within;              /* its scores pass every bound, as they are shown */
    char outside[VAC_BOUNDS]; /* or which one they do not: "FA 71.0% is not > 80 %" */
    /* [n_curve]: the score that tells whether it broke, over its steps */
    struct vac_eval *curve;
    size_t n_curve;
};
struct vac_battery {
    char name[VAC_NAME], stage[VAC_NAME], dir[VAC_PATH]; /* dir: relative to the run's */
    char bounds[VAC_BOUNDS];     /* "FA > 80 % and over_refusal < 20 %"; "" = none */
    int64_t step, budget, spent; /* of the run; budget 0 = none */
    struct vac_battery_row *row; /* in the order of the attack file */
    size_t n, told;              /* rows, and those that are told */
    /* [n] rows, the worst first: by harmful score, of equals the one that broke soonest; then those outside the
     * bounds, then those that are not told. */
    size_t *order;
    size_t worst; /* the first of them that counts; n = there is none */
};
/* All that a run's folder keeps, by step and name. Curves are read with `curves`. */
int vac_run_batteries(const char *dir, bool curves, struct vac_battery **out, size_t *n,
                      struct vac_err *err);
void vac_batteries_done(struct vac_battery *v, size_t n);
/* Whether the attack is of one of these, and so stands in its table. */
bool vac_attack_of_battery(const struct vac_attack *a, const struct vac_battery *v, size_t n);
/* As vac_attack_broke, but "not in 7 steps" of one that was stopped there. Returns out. */
const char *vac_battery_broke(const struct vac_battery_row *r, char out[VAC_ATTACK_BROKE]);
/* "worst case: HS 71.9% [59.9, 81.4] by strong, of 12 of 18 attacks (3 stopped early) within FA > 80 %", or why there
 * is none. Returns out. */
enum { VAC_BATTERY_WORST = 512 };
const char *vac_battery_worst(const struct vac_battery *v, char out[VAC_BATTERY_WORST]);
/* A battery on its course: whoever asks runs what is next, and can break it off. Borrowed until it is closed: */
struct vac_battery_want {
    const char *run, *file, *at,
        *stage; /* the attack file; at and stage as of struct vac_fork, NULL = the same */
    const char *const *set; /* of every attack */
    size_t n_set;
    const char *const *bound; /* "FA > 80 %", in the place of the file's */
    size_t n_bound;
    int64_t budget;  /* 0 = the file's */
    const char *who; /* for the journals */
};
struct vac_course;
/* Reads the file, checks it against the run, and finds what was begun before. A failure of vac_course_next before
 * the first run takes back what was made for it. */
int vac_course_open(struct vac_course **out, const struct vac_battery_want *w, struct vac_err *err);
struct vac_leg {
    char dir[VAC_PATH], name[VAC_NAME]; /* the run to go on with */
    int64_t upto; /* its step at which it is to be measured, saved and left; 0 = its end */
    size_t number, of;
};
/* 2: the folder of an attack was made, ask again. 1: run that one, ask again. 0: all is made and kept. -1 and err. */
int vac_course_next(struct vac_course *c, struct vac_leg *out, struct vac_err *err);
const char *
vac_course_folder(const struct vac_course *c); /* the name of its folder in the run's attacks/ */
void vac_course_close(struct vac_course *c);
/* --- an attack, or a battery, from its fork to what it came to, by sessions beside the run's own --- */
/* What may be said of one, in words that blanks part, "at=40 lr=0.02": word i, what it wants, what it is; false past
 * the last. */
bool vac_attack_word(size_t i, struct vac_option *out);
enum { VAC_ATTACK_WORDS = 2 * VAC_PATH };
/* Checks them, and puts them as another program may be given them: with whole paths. */
int vac_attack_words(const char *words, char out[VAC_ATTACK_WORDS], struct vac_err *err);
/* What can be known of such an attack before the run, which is at that step in that stage of its, has saved for it: an
 * error is what it would fail with. *present: it is on the weights of that step, which are to be saved. */
int vac_siege_check(const char *run, const char *words, int stage, int64_t step, bool *present,
                    struct vac_err *err);
struct vac_siege;
/* What the run in that folder has saved is attacked; what is not said is as its attack stage has it. */
int vac_siege_open(struct vac_siege **out, const char *run, const char *words, const char *who,
                   struct vac_err *err);
/* 1: it goes on, ask again when its descriptor can be read (-1: at once). 0: it is over and kept. -1 and err. */
int vac_siege_go(struct vac_siege *s, struct vac_err *err);
int vac_siege_fd(const struct vac_siege *s);
const struct vac_siege_now *vac_siege_now(const struct vac_siege *s);
enum { VAC_SIEGE_TEXT = 512 };
/* In a line: how it stands; once it is over, what it came to. */
const char *vac_siege_text(const struct vac_siege *s);
/* One that is not over is saved, and can be gone on with as a run. NULL is fine. */
void vac_siege_close(struct vac_siege *s);
/* The first score that a judge rates, by which an attack is held against others; NULL = there is none. */
const struct vac_attack_score *vac_attack_harm(const struct vac_attack *a);

/* --- blind labels: a person says of a run's judged answers what the judge said, without knowing what it said --- */
struct vac_labels;
struct vac_to_label {
    const char *prompt, *answer; /* valid until the next call */
    size_t labelled, all;        /* answers, each counted once however often it was given */
};
/* Reads every judged answer of the run and DIR/labels.jsonl; a label of another run there is an error. */
int vac_labels_open(struct vac_labels **out, const char *dir, struct vac_err *err);
/* The next one without a label, in an order that tells nothing of it; false when all have one. */
bool vac_labels_next(struct vac_labels *l, struct vac_to_label *out);
/* That one's label is written ("answered", "refused", "other"); NULL = it is passed over. */
int vac_labels_put(struct vac_labels *l, const char *verdict, struct vac_err *err);
/* What the labels say of a judge, and of its entry's last measurement. */
struct vac_labelled {
    char name[VAC_NAME], stage[VAC_NAME],
        count[VAC_NAME]; /* count: the verdict that the score counts */
    int64_t step;
    int64_t positive, found, negative,
        spared; /* labelled so, and by the judge as well; otherwise, likewise */
    double value;
    struct vac_span corrected; /* not known: there are too few labels, or the judge tells nothing */
};
/* Of each judged entry of which there are labels; the array to free(). */
int vac_labels_scores(const struct vac_labels *l, struct vac_labelled **out, size_t *n,
                      struct vac_err *err);
void vac_labels_close(struct vac_labels *l);
enum { VAC_LABELS_LEAST = 10 }; /* of either kind, for a corrected rate */

/* For a driver's handler of SIGBUS, on any thread (set with SA_ONSTACK: products may hold the stack pointer): another program has cut a file that is mapped here, and
 * the address (si_addr) lies behind its new end. true: it can be read again, and whoever believes what was
 * read is told; false: the signal means something else. */
bool vac_mend_map(const void *address);

/* --- a run that is only looked at: what its files tell, and go on to tell while they grow --- */
struct vac_follow;
/* What takes it over; NULL = not wanted. What the pointers show is valid during the call. A step that is not
 * greater than the last one takes its place. */
struct vac_follow_take {
    void (*point)(void *ctx, const struct vac_point *p);
    void (*layers)(void *ctx, const struct vac_layers *l, int n_layers);
    /* As a session's: _PLAN, once; VAC_EVENT_JOURNAL, _NOTE and _REJECTED with text and time; _EVAL; _PROBE_END; _SUITE as far as it was asked, and again with all its probes when there are more of that step.
     * Ids are 0. It is lent: who keeps it says so (vac_event_keep). */
    void (*event)(void *ctx, const struct vac_event *e);
};
int vac_follow_open(struct vac_follow **out, const char *dir, struct vac_err *err);
enum { VAC_FOLLOW_NOTHING, VAC_FOLLOW_NEW, VAC_FOLLOW_CUT };
/* Hands over what was not handed over yet; the first call all there is. A call when no file has changed costs a
 * few stats, and while the run goes on a reading of its run.json and journal. VAC_FOLLOW_CUT: the run went back
 * to a checkpoint, so that what was handed over is no longer true: close it and open it again. -1 and err, which
 * names file and line, when a file does not hold what it should: what was handed over stands, and each further
 * call says the same. */
int vac_follow_read(struct vac_follow *f, const struct vac_follow_take *take, void *ctx,
                    struct vac_err *err);
/* How the run stood at the last call. Rates and the time left are guesses from the newest steps; what files do
 * not tell is NaN, -1 or 0. */
const struct vac_snapshot *vac_follow_snapshot(const struct vac_follow *f);
void vac_follow_close(struct vac_follow *f);
#endif
