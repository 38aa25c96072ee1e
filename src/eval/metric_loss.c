/* metric_loss.c - nothing is asked: the mean loss of the labelled tokens of a data set. */
#include <math.h>

#include "data/dataset.h"
#include "eval/loss.h"
#include "eval/metric.h"

/* The value is a ratio of sums, losses over labels; its variance by linearisation:
 * n / (n - 1) sum_i (loss_i - value labels_i)^2 / (sum of labels)^2. */
static double loss_measure(const void *options, struct model *m, struct acts *a, size_t rows,
                           const struct dataset *d, double *per, struct interval *ci,
                           struct vac_err *err)
{
    double value = dataset_loss(m, a, rows, d, per, err), sum = 0, n = (double)d->n, half = 0;

    (void)options;
    for (size_t i = 0; i < d->n; i++) {
        double rest = (per[i] - value) * (double)d->sample[i].n_labels;

        sum += rest * rest;
    }
    if (d->n > 1)
        half = Z95 * sqrt(n / (n - 1) * sum) / (double)d->labels;
    *ci = (struct interval){value - half, value + half};
    return value;
}

const struct metric metric_loss = {
    .name = "loss",
    .help = "no answer is asked: the mean loss of the labelled tokens",
    .loss = loss_measure,
};
