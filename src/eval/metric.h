/* metric.h - task metrics: is this answer right? A metric is one file metric_NAME.c and one word in
 * METRICS. */
#ifndef EVAL_METRIC_H
#define EVAL_METRIC_H

#include "base/mem.h"

/* X-macro: metric_<name>.c each. "loss" (mean loss of the labelled tokens) needs no answers and is
 * not one. */
#define METRICS(X) X(label) X(label_reference) X(number) X(exact)

struct metric {
    const char *name;
    const char *help;
    /* expected = the data set's answer text. False and err when it cannot be told. */
    bool (*correct)(const char *expected, const char *answer, struct vac_err *err);
    bool whole; /* right is only what is as long as the expected text */
};
const struct metric *metric_at(size_t i);
const struct metric *metric_find(const char *name, struct vac_err *err);
#endif
