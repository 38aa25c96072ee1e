/* metric_label.c - the whole answer is the label: an echo of all labels is wrong. */
#include "eval/metric.h"
#include "judge/text.h"

static bool label_correct(const void *options, const char *expected, const char *answer,
                          struct vac_err *err)
{
    (void)options;
    (void)err;
    return text_same(text_trim_marks(expected), text_trim_marks(answer));
}

const struct metric metric_label = {
    .name = "label",
    .help = "the answer is the expected label, but for case, space around it and punctuation at "
            "its end",
    .correct = label_correct,
};
