/* columns.h - the numbers of a step and of its layers, each listed once (vaccine.h): cleared, looked up,
 * carried on, and as the lines of metrics.jsonl and layers.jsonl. */
#ifndef RECORD_COLUMNS_H
#define RECORD_COLUMNS_H

#include <vaccine/vaccine.h>
#include "base/json.h"
#include "base/json_out.h"

#define RECORD_STEP_MAX ((int64_t)1 << 52) /* of steps and counts in a run's files */

void point_clear(struct vac_point *p); /* nothing is measured */
void layers_clear(struct vac_layers *l);
/* The number of a column; the n_layers numbers of a series. */
double *point_at(struct vac_point *p, size_t column);
double point_get(const struct vac_point *p, size_t column);
float *layers_at(struct vac_layers *l, size_t series);
const float *layers_get(const struct vac_layers *l, size_t series);
/* What `newer` measured replaces what *to holds; a series as a whole. */
void point_update(struct vac_point *to, const struct vac_point *newer);
void layers_update(struct vac_layers *to, const struct vac_layers *newer);

/* As objects. Infinite stands for what was measured and is no number: null, and a mark beside it. */
void point_json(struct json_out *o, const char *key, const struct vac_point *p, const char *stage);
void layers_json(struct json_out *o, const char *key, const struct vac_layers *l, const char *stage,
                 size_t n_layers); /* stage NULL = it is not told */
/* All of a point but its stage, which the line names and run.json numbers. */
int point_read(const struct jnode *line, struct vac_point *p, struct vac_err *err);
/* *n_layers grows to the length of the longest series. */
int layers_read(const struct jnode *line, struct vac_layers *l, int *n_layers, struct vac_err *err);

/* The double whose shortest text is the float's: 0.1f is 0.1, not 0.10000000149011612. */
double layers_short(float x);
double layers_mean(const float *x, int n);  /* of those measured; NaN = none */
double layers_total(const float *x, int n); /* their sum; NaN = none */
#endif
