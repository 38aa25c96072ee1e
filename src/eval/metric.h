/* metric.h - task metrics: is this answer right?
 *
 * A metric is one file metric_NAME.c with one `const struct metric metric_NAME`, one word in METRICS, and
 * its line in Makefile.am. Its own keys are rows over its own struct, as those of a judge are. */
#ifndef EVAL_METRIC_H
#define EVAL_METRIC_H

#include "base/option.h"
#include "eval/stats.h"

/* X-macro: metric_<name>.c each. */
#define METRICS(X) X(label) X(label_reference) X(number) X(exact) X(loss)

struct acts;
struct dataset;
struct model;
struct metric {
    const char *name;
    const char *help;
    const struct option_row *options; /* ends with a NULL name; NULL = none */
    size_t options_size;
    /* expected = the data set's answer text. False and err when it cannot be told. */
    bool (*correct)(const void *options, const char *expected, const char *answer,
                    struct vac_err *err);
    bool whole; /* right is only what is as long as the expected text */
    /* In place of `correct` where nothing is asked: per[i] = the loss of sample i; returns that of the data
     * set and its interval. No finite number, and err, when there is none. Passes of at most `rows` rows. */
    double (*loss)(const void *options, struct model *m, struct acts *a, size_t rows,
                   const struct dataset *d, double *per, struct interval *ci, struct vac_err *err);
};
const struct metric *metric_at(size_t i);
const struct metric *metric_find(const char *name, struct vac_err *err);
/* Whether it gives a share, not a loss: also what is no metric here, and NULL. */
bool metric_is_rate(const char *name);
#endif
