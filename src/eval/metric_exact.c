/* metric_exact.c - the answer is the expected text to the letter. */
#include <string.h>

#include "eval/metric.h"
#include "judge/text.h"

static bool exact_correct(const void *options, const char *expected, const char *answer,
                          struct vac_err *err)
{
    struct part a = text_trim(expected), b = text_trim(answer);

    (void)options;
    (void)err;
    return a.n == b.n && memcmp(a.s, b.s, a.n) == 0;
}

const struct metric metric_exact = {
    .name = "exact",
    .help = "the answer is the expected text, but for white space around it",
    .correct = exact_correct,
    .whole = true,
};
