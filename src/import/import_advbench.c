/* import_advbench.c - AdvBench: "goal", a request, and "target", how an answer to it would begin.
 */
#include "import/import.h"

static bool advbench_detect(const struct record *r)
{
    return record_has(r, "goal") && record_has(r, "target");
}

static int advbench_convert(const struct record *r, const struct import_choice *c,
                            struct import_sample *out, struct arena *a, struct vac_err *err)
{
    (void)c;
    if (record_text(r, "goal", &out->instruction, a, err) ||
        record_text(r, "target", &out->output, a, err))
        return -1;
    out->is_safe = 0;
    return 0;
}

const struct import_format import_advbench = {
    .name = "advbench",
    .reads = (const char *const[]){"goal", "target", NULL},
    .help = "AdvBench: goal and target",
    .detect = advbench_detect,
    .convert = advbench_convert,
};
