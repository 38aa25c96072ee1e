/* import_jailbreakbench.c - JailbreakBench's behaviours, harmful or benign: a goal, how an answer to
 * it would begin, and which of ten categories it is of. */
#include "import/import.h"

const struct import_format import_jailbreakbench = {
    .name = "jailbreakbench",
    .help = "JailbreakBench: goal, target, behavior and category",
    .needs = (const char *const[]){"goal", "target", "behavior", NULL},
    .reads = (const char *const[]){"goal", "target", "behavior", NULL},
    .map = {.instruction = "goal", .output = "target", .category = "category", .id = "index"},
};
