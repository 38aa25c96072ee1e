/* spec.h - a run's description: the JSON file, every key a row of an option table, checked whole.
 *
 * spec_tables.c holds the rows; spec.c reads the whole, spec_stage.c, spec_measure.c, spec_attack.c, spec_until.c
 * and spec_guard.c its parts,
 * with the helpers of spec_keys.c; spec_path.c resolves paths; spec_set.c applies overrides;
 * spec_json.c writes the resolved description.
 *
 * Reading a spec touches no model and no data but their paths. Unknown keys name the nearest one;
 * wrong types and ranges name the key path and what would be right. Paths become absolute. */
#ifndef SPEC_SPEC_H
#define SPEC_SPEC_H

#include "defense/defense.h"
#include "spec/bound.h"
#include "spec/condition.h"
#include "eval/entry.h"
#include "vaccine/vaccine.h"

enum schedule { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE };
enum adapter_mode { ADAPTER_NEW, ADAPTER_SAME };

/* One data file of a stage or of a watch. Rows over this struct: dataset keys. */
struct data_keys {
    char *file;
    int64_t take, skip;
    int from; /* 0 = take and skip are drawn by the seed, 1 = from the start */
    int odd;  /* 0 = refuse odd conversations, 1 = skip them */
    bool harmful, repeat;
};
/* A data set of a stage: "train", or one that its method asks for under another name. */
struct stream_spec {
    const char *name;
    struct data_keys *file;
    size_t n;
};
struct lora_keys {
    int64_t r;
    double alpha, dropout;
    bool rslora;
    char *targets;
    char *init; /* PEFT folder to start from; r, alpha and targets are then its own */
    bool dropout_given;
};
/* Ends a stage at the first step at which all entries are measured and each was passed `times` times in
 * a row. */
struct until_bound {
    size_t entry; /* of "evaluate" */
    struct bound bound;
};
struct until_spec {
    struct until_bound v[VAC_MAX_EVALS];
    size_t n; /* 0 = the stage makes all its steps */
    int64_t times;
    bool sure; /* a rate passes with its whole confidence sequence */
};
/* What is done when a guard trips, in the order of its words. */
#define GUARD_ACTIONS(X)                                                                           \
    X(ALERT, "alert")                                                                              \
    X(PAUSE, "pause")                                                                              \
    X(SAVE, "save")                                                                                \
    X(REWIND, "rewind")                                                                            \
    X(STOP, "stop")                                                                                \
    X(RUN, "run")
#define GUARD_ACTION(id, word) GUARD_##id,
enum guard_action { GUARD_ACTIONS(GUARD_ACTION) GUARD_ACTION_COUNT };
extern const char *const guard_actions[]; /* words, NULL-terminated */
struct guard_spec {
    struct condition when;
    int action;     /* enum guard_action */
    char **command; /* of GUARD_RUN: its words, NULL-terminated */
    char **stages;  /* names, NULL-terminated; NULL = all */
    int64_t times;  /* how often in a row */
};
/* Rho follows a measure: see run/change.h. */
struct rho_spec {
    char *measure;         /* NULL = it does not */
    bool broke;            /* it is the steps to break of attacks on the run, */
    struct condition what; /* else this */
    double target, gain, min, max;
    bool rises;
};
/* Rho over a stage, in parts of "rho": as its learning rate is in parts of "lr", or a list of its own. */
#define RHO_TURNS 16
struct rho_schedule {
    bool given;
    int schedule; /* enum schedule */
    double warmup_ratio, end;
    char *steps; /* "200: 0.5, 400: 1"; NULL = the three above */
    struct rho_turn {
        int64_t from; /* stage steps made before */
        double part;
    } turn[RHO_TURNS];
    size_t n_turns;
};
struct stage_spec {
    char *name;
    char *method_name;
    const struct method *method;
    void *options; /* method's own struct (options_size bytes); NULL when it has none */
    struct stream_spec stream[METHOD_STREAMS]; /* the first is "train" */
    size_t n_streams;
    int64_t samples; /* of train; 0 = all rows */
    double harmful_ratio;
    bool mixed; /* samples was given: harmful_ratio counts */
    bool full;  /* "lora": null */
    struct lora_keys lora;
    int adapter; /* enum adapter_mode */
    double epochs;
    int64_t steps; /* > 0: instead of epochs */
    int64_t batch_size, accumulate;
    double lr, warmup_ratio, weight_decay, max_grad_norm, beta1, beta2, adam_eps;
    int schedule;
    bool shuffle;
    struct until_spec until;
    struct rho_spec rho_control;
    struct rho_schedule rho_schedule;
};
struct watch_spec {
    int64_t every; /* stage steps; 0 = never */
    struct data_keys drift, align_loss, harmful_loss, probes;
    bool has_drift, has_align, has_harmful, has_probes;
    int drift_reference; /* 0 = stage start, 1 = base model */
    int64_t refusal;     /* requests of either kind for the refusal direction; 0 = none */
    int64_t probes_every, probes_tokens;
    char *probes_judge;
    void *probes_options; /* of the judge (eval/own.h) */
};
struct checkpoint_spec {
    int64_t steps, keep;
    double minutes;
};
/* Attacks on forks of the run's weights. Rows over this struct: keys of "attack". */
struct attack_spec {
    int64_t every; /* stage steps; 0 = never */
    double ratio;  /* and so on: NaN, 0 or NULL = as the stage that attacks has it */
    int64_t samples, steps;
    double lr;
    char *battery; /* an attack file, in the place of those */
    int64_t budget;
    size_t stage; /* that attacks */
};
struct run_spec {
    char *file;        /* the run file, absolute; "" when read from a folder's run.json */
    char *model;       /* folder or name; NULL with init random */
    char *tokenizer;   /* folder; NULL = the model's */
    char *description; /* the user's own words; NULL = none */
    int init;          /* 0 = the model's weights, 1 = random */
    bool init_random;
    cJSON *config;       /* of a random model */
    char *template_name; /* built-in, or an absolute path; NULL = the model's own */
    char *system;        /* NULL = none */
    char *today;         /* never NULL */
    char *products;      /* who multiplies matrices: see compute/products.h */
    int precision;       /* of what they multiply: index into compute_precisions */
    uint64_t seed;
    int64_t max_length, threads, log_every;
    double disk_wait; /* minutes */
    int control;      /* what its socket allows: index into spec_controls */
    struct stage_spec *stage;
    size_t n_stages;
    struct checkpoint_spec checkpoint;
    struct watch_spec watch;
    struct attack_spec attack;
    struct evaluate_spec *evaluate;
    size_t n_evaluate;
    struct guard_spec *guard;
    size_t n_guards;
    cJSON *json; /* the resolved description: every key with its value, paths absolute */
};

enum { SPEC_CONTROL_FULL, SPEC_CONTROL_READ, SPEC_CONTROL_NONE };
extern const char *const spec_controls[]; /* "full", "read", "none", NULL */

/* Reads a run file, or the run.json of a run folder, whose description begins another run; applies
 * the overrides; checks everything.
 *
 * An override is PATH=VALUE: "stages[1].rho=2", "stages.attack.rho=2". VALUE is JSON, or a string
 * when it is not.
 *
 * An error is wrong usage when an override is to blame for it, and then names that in place of the
 * file, "--set stages[1].rho=-2: stages[1].rho: expected ..."; it is never so when the file is. */
int spec_read(struct run_spec *s, const char *file, const char *const *set, size_t n_set,
              struct vac_err *err);
/* From a run folder's run.json (whose "spec" member is the resolved description). */
int spec_from(struct run_spec *s, const struct jnode *root, const char *dir, struct vac_err *err);
void spec_done(struct run_spec *s);
/* An error found in what the file holds is not the command line's: wrong usage becomes a wrong
 * file.
 */
void spec_blame_file(struct vac_err *err);
#endif
