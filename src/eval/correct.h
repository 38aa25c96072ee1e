/* correct.h - a rate that a judge gave, corrected by what people say of the judge.
 *
 *     corrected = (count / n + specificity - 1) / (sensitivity + specificity - 1), in [0, 1]
 *
 * (Rogan and Gladen 1978). */
#ifndef EVAL_CORRECT_H
#define EVAL_CORRECT_H

#include <vaccine/vaccine.h>

struct judged {
    size_t positive, found;  /* labelled as what the score counts; the judge said so too */
    size_t negative, spared; /* labelled otherwise; the judge said so too */
    size_t count, n;         /* of the score */
};
/* With the 95 % percentile interval of a bootstrap that draws the score, and both shares of the judge, anew; draws in
 * which the judge tells nothing are left out. Not known with less than VAC_LABELS_LEAST of either label, when
 * sensitivity + specificity <= 1, or when that is so in more than one of 20 draws. */
struct vac_span correct_rate(const struct judged *j, size_t resamples, uint64_t seed);
#endif
