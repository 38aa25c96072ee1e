/* metric_label_reference.c - the rule of the reference implementation, for comparison with its
 * numbers: the label stands somewhere in the answer. It counts an answer that lists all labels as
 * right. */
#include <string.h>

#include "eval/metric.h"
#include "judge/text.h"

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* positive also counts as Positive, World as world, and Sci/Tech as sci: the lower form ends at a
 * slash. */
static bool label_reference_correct(const void *options, const char *expected, const char *answer,
                                    struct vac_err *err)
{
    struct part label = text_trim(expected);
    char form[128];
    size_t i;

    (void)options;
    (void)err;
    if (label.n == 0 || label.n >= sizeof form)
        return false;
    memcpy(form, label.s, label.n);
    form[label.n] = '\0';
    if (strstr(answer, form))
        return true;
    form[0] = ascii_upper(form[0]);
    if (strstr(answer, form))
        return true;
    for (i = 0; i < label.n && form[i] != '/'; i++)
        form[i] = ascii_lower(form[i]);
    form[i] = '\0';
    return i > 0 && strstr(answer, form);
}

const struct metric metric_label_reference = {
    .name = "label_reference",
    .help = "the label stands anywhere in the answer, as it is, capitalised or in lower case",
    .correct = label_reference_correct,
};
