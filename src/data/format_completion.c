/* format_completion.c - {"prompt", "completion"}; "response" may stand for "completion". */
#include "data/format.h"

static bool completion_detect(const struct jnode *row)
{
    return format_has(row, "prompt") &&
           (format_has(row, "completion") || format_has(row, "response"));
}

static int completion_read(const struct jnode *row, struct row *out, struct arena *a,
                           struct vac_err *err)
{
    static const char *const answers[] = {"completion", "response", NULL};
    const char *key;

    if (format_choose(row, answers, &key, err))
        return -1;
    return format_pair(row, "prompt", key ? key : answers[0], out, a, err);
}

const struct format format_completion = {
    .name = "completion",
    .help = "prompt and completion (or response); input (or context) and system",
    .keys = (const char *const[]){"prompt", "completion", NULL},
    .reads = (const char *const[]){"prompt", "completion", "response", FORMAT_QUESTION, NULL},
    .detect = completion_detect,
    .read = completion_read,
};
