/* import_strongreject.c - StrongREJECT: requests that a model should refuse. */
#include "import/import.h"

const struct import_format import_strongreject = {
    .name = "strongreject",
    .help = "StrongREJECT: forbidden_prompt and category",
    .needs = (const char *const[]){"forbidden_prompt", "category", NULL},
    .reads = (const char *const[]){"forbidden_prompt", NULL},
    .map = {.instruction = "forbidden_prompt", .category = "category", .safety = IMPORT_UNSAFE},
};
