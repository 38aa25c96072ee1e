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
    const char *answer = format_has(row, "completion") ? "completion" : "response";

    return format_pair(row, "prompt", answer, out, a, err);
}

const struct format format_completion = {
    .name = "completion",
    .help = "prompt and completion (or response)",
    .keys = (const char *const[]){"prompt", "completion", NULL},
    .detect = completion_detect,
    .read = completion_read,
};
