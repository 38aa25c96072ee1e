/* import_advbench.c - AdvBench: "goal", a request, and "target", how an answer to it would begin.
 */
#include "import/import.h"

const struct import_format import_advbench = {
    .name = "advbench",
    .help = "AdvBench: goal and target",
    .needs = (const char *const[]){"goal", "target", NULL},
    .reads = (const char *const[]){"goal", "target", NULL},
    .map = {.instruction = "goal", .output = "target", .safety = IMPORT_UNSAFE},
};
