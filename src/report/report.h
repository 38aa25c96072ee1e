/* report.h - what leaves a run: other tools' files, the HTML page; all made from the run folder's own files.
 *
 * Nothing here knows a model or a trainer. A folder of a run that is still going on, or was killed, reads
 * as far as it goes; a torn last line is dropped. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <vaccine/vaccine.h>
#include "base/io.h"
#include "base/json.h"

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
    bool inside;                   /* dir is entered (base/inside.h) */
    cJSON *config;                 /* run.json */
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
    cJSON *journal, *probes;       /* arrays of their lines */
    const char *state;             /* see run_data_state */
    double *room;                  /* [2 n_evals] for curves of one entry */
};
int run_data_read(struct run_data *r, const char *dir, struct vac_err *err);
void run_data_done(struct run_data *r);
/* Line i of layers.jsonl in out, which is returned; NULL for SIZE_MAX. */
const struct vac_layers *run_layers_at(const struct run_data *r, size_t i, struct vac_layers *out);
/* "running" (somebody holds the lock), "paused" (its journal says so), "done", "stopped", "failed", "broken"; NULL
 * and the error when it cannot be read now. */
const char *run_data_state(const char *dir, struct vac_err *err);
/* First step at which entry `name` passes threshold in `stage`, interpolated (eval/stats.h); NaN = never. */
double run_steps_to_break(const struct run_data *r, const char *stage, const char *name, double threshold);
/* The same of the share that is not refused, whose rest may be other than answered; NaN also where that is not
 * known. */
double run_steps_to_unrefused(const struct run_data *r, const char *stage, const char *name, double threshold);
/* First measurement of an entry in a stage; NULL = none. A rate that had passed a threshold there already was
 * not broken in this stage. */
const struct run_eval *run_eval_first(const struct run_data *r, const char *stage, const char *name);
/* The last one. */
const struct run_eval *run_eval_last(const struct run_data *r, const char *stage, const char *name);

/* Exporters: an X-macro list, one file export_NAME.c each. Each replaces its file in the run folder. */
#define EXPORTS(X) X(csv) X(trainer_state) X(tensorboard)
struct export_row {
    const char *name;
    const char *help;
    int (*write)(const struct run_data *r, struct vac_err *err);
};
const struct export_row *export_at(size_t i);
/* All of them; called at the end of a run and at its checkpoints. */
int export_all(const char *dir, bool done, struct vac_err *err);

/* One self-contained HTML page. */
int report_html(const char *dir, const char *out, struct vac_err *err);
#endif
