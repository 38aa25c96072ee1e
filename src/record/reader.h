/* reader.h - a run's files, read back: lines of them, all of them, and the run in the order in
 * which it happened.
 *
 * Nothing here knows a model or a trainer. A folder of a run that is still going on, or was killed,
 * reads as far as it goes; a torn last line is dropped. */
#ifndef RECORD_READER_H
#define RECORD_READER_H

#include "base/io.h"
#include "judge/judge.h"
#include "record/columns.h"

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
    struct vac_eval *eval;
    size_t n_evals;
    cJSON *journal, *probes; /* arrays of their lines */
    const char *state;       /* see run_state */
    double *room;            /* [2 n_evals] for curves of one entry */
    int64_t at[3];           /* bytes and lines of the three files of numbers that were read */
    size_t number[3];
    struct vac_point before; /* the last point of the part before */
    bool has_before;
};
int run_data_read(struct run_data *r, const char *dir, struct vac_err *err);
/* The run's description alone; then part by part: points, layers and evaluations that were written since the last
 * part, in place of it. */
int run_data_open(struct run_data *r, const char *dir, struct vac_err *err);
int run_data_next(struct run_data *r, struct vac_err *err);
void run_data_done(struct run_data *r);
/* Line i of layers.jsonl in out, which is returned; NULL for SIZE_MAX. */
const struct vac_layers *run_layers_at(const struct run_data *r, size_t i, struct vac_layers *out);
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
/* The stages that r->config tells. */
int reader_stages(struct run_data *r, struct vac_err *err);
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
    const struct vac_eval *eval;
    const struct vac_point *last;
    size_t i, e; /* how many of each have been handed out; start with a zeroed struct */
};
bool moment_next(const struct run_data *r, struct moment *m);

#endif
