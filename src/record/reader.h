/* reader.h - a run's files, read back: lines of them, all of them, and the run in the order in
 * which it happened.
 *
 * Nothing here knows a model or a trainer. A folder of a run that is still going on, or was killed,
 * reads as far as it goes; a torn last line is dropped. */
#ifndef RECORD_READER_H
#define RECORD_READER_H

#include "base/io.h"
#include "eval/judge.h"
#include "record/columns.h"

/* One line of eval/history.jsonl. */
struct run_eval {
    int64_t step, stage_step, count, n;
    char stage[VAC_NAME], name[VAC_NAME];
    double value, lo, hi;
    struct vac_verdicts verdicts;
};
struct run_stage {
    char name[VAC_NAME], method[VAC_NAME];
};
/* A line of layers.jsonl, packed: struct vac_layers would take 5 kB for it, run_layers_at() unpacks it. */
struct run_layers {
    int64_t step;
    size_t at; /* in the pool: each series in turn, n numbers each */
    int n;
};
/* A whole run folder in memory. */
struct run_data {
    char *dir;
    bool inside;   /* dir is entered (base/inside.h) */
    cJSON *config; /* run.json */
    struct run_stage *stage;
    size_t n_stages;
    struct vac_point *point;
    size_t n_points;
    struct run_layers *layers;
    size_t n_layer_lines;
    float *pool;
    size_t pool_n, pool_cap;
    int n_layers;
    struct run_eval *eval;
    size_t n_evals;
    cJSON *journal, *probes; /* arrays of their lines */
    const char *state;       /* see run_data_state */
    double *room;            /* [2 n_evals] for curves of one entry */
};
int run_data_read(struct run_data *r, const char *dir, struct vac_err *err);
void run_data_done(struct run_data *r);
/* Line i of layers.jsonl in out, which is returned; NULL for SIZE_MAX. */
const struct vac_layers *run_layers_at(const struct run_data *r, size_t i, struct vac_layers *out);
/* "running" (somebody holds the lock), "paused" (its journal says so), "done", "stopped", "failed", "broken"; NULL
 * and the error when it cannot be read now. */
const char *run_data_state(const char *dir, struct vac_err *err);
/* First step at which entry `name` passes threshold in `stage`, interpolated (eval/stats.h); NaN = never. */
double run_steps_to_break(const struct run_data *r, const char *stage, const char *name,
                          double threshold);
/* The same of the share that is not refused, whose rest may be other than answered; NaN also where that is not
 * known. */
double run_steps_to_unrefused(const struct run_data *r, const char *stage, const char *name,
                              double threshold);
/* First measurement of an entry in a stage; NULL = none. A rate that had passed a threshold there already was
 * not broken in this stage. */
const struct run_eval *run_eval_first(const struct run_data *r, const char *stage,
                                      const char *name);
/* The last one. */
const struct run_eval *run_eval_last(const struct run_data *r, const char *stage, const char *name);

enum { READER_CONFIG_LIMIT = 1 << 26, READER_LINES_LIMIT = 1 << 30 };

/* Each whole line of DIR/NAME in turn; a missing file has none, a torn last line is dropped. -1 of
 * the visitor ends it; errors name file and line. Returns -1, or 0. */
typedef int reader_visit(void *ctx, const struct jnode *line, struct vac_err *err);
int reader_lines(const char *dir, const char *name, reader_visit *visit, void *ctx,
                 struct vac_err *err);
/* Each whole line of a file from the byte *at on and before `end`; *at and *number count on what was
 * visited. */
int reader_file_lines(const char *path, int64_t end, int64_t *at, size_t *number,
                      reader_visit *visit, void *ctx, struct vac_err *err);
/* All of them as an array; free with cJSON_Delete, after a failure too. */
int reader_array(cJSON **out, const char *dir, const char *name, struct vac_err *err);
/* Visitor: a copy of the line is appended to the cJSON array ctx. */
int reader_keep(void *ctx, const struct jnode *line, struct vac_err *err);
/* Visitors of metrics.jsonl and layers.jsonl: a line is appended to the points or layers of
 * pile->r; one pile each. */
struct reader_pile {
    struct run_data *r;
    size_t cap;
};
int reader_point(void *pile, const struct jnode *line, struct vac_err *err);
int reader_layers(void *pile, const struct jnode *line, struct vac_err *err);
/* All points of a run, with their drift, and how many layers lines it has, in the first so many
 * bytes of the two files. The layers themselves are not kept: 5 kB a line. */
int reader_history(const char *dir, int64_t points_end, int64_t layers_end, struct vac_point **out,
                   size_t *n, size_t *n_layer_lines, struct vac_err *err);
/* Copies text, cut at a character's boundary. */
void reader_name(char *out, size_t size, const char *text);
/* run.json; free with cJSON_Delete. */
cJSON *reader_config(const char *dir, struct vac_err *err);
/* The stages that r->config tells. */
int reader_stages(struct run_data *r, struct vac_err *err);
/* A line of eval/history.jsonl. */
int reader_eval(const struct jnode *line, struct run_eval *out, struct vac_err *err);
/* The share of the answers that had this verdict; NaN where verdicts are not known. */
double eval_share(const struct run_eval *e, enum verdict verdict);
/* Is this entry of "evaluate" a rate? Only the metric "loss" is not. */
bool reader_is_rate(const cJSON *config, const char *name);
/* The resolved run file inside run.json, or NULL. */
const cJSON *reader_spec(const cJSON *config);

/* For each point the number of the layers line that was measured with it, SIZE_MAX = none. Free it.
 */
size_t *reader_join(const struct run_data *r, struct vac_err *err);
/* The same of layers lines of which only that much is kept. */
struct layers_mark {
    int64_t step;
    double drift; /* mean over layers of drift_rel */
    bool trained; /* it has gradients */
};
struct layers_marks {
    struct layers_mark *v; /* free it */
    size_t n, cap;
};
int reader_mark(struct layers_marks *m, const struct vac_layers *l, struct vac_err *err);
size_t *reader_join_marks(const struct run_data *r, const struct layers_marks *m,
                          struct vac_err *err);
/* Points and evaluations in the order of their steps, those of a step after its points. Exactly one
 * of the two is set; `last` is the newest point by then, NULL before the first. */
struct moment {
    const struct vac_point *point;
    const struct run_eval *eval;
    const struct vac_point *last;
    size_t i, e; /* how many of each have been handed out; start with a zeroed struct */
};
bool moment_next(const struct run_data *r, struct moment *m);

/* Replaces DIR/NAME, or PATH when dir is "". */
int reader_replace(const char *dir, const char *name, const struct strbuf *text,
                   struct vac_err *err);
#endif
