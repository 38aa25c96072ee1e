/* import_harmbench.c - HarmBench's behaviours as text; a context, where there is one, is the input.
 */
#include "import/import.h"

const struct import_format import_harmbench = {
    .name = "harmbench",
    .help = "HarmBench: behavior with its context, semantic category and id",
    .needs = (const char *const[]){"behavior", "semanticcategory", "behaviorid", NULL},
    .reads = (const char *const[]){"behavior", "contextstring", "functionalcategory",
                                   "semanticcategory", "behaviorid", NULL},
    .map = {.instruction = "behavior",
            .input = "contextstring",
            .category = "semanticcategory",
            .id = "behaviorid",
            .kind = "functionalcategory",
            .safety = IMPORT_UNSAFE},
};
