/* import_sorrybench.c - SORRY-Bench: one turn each, in the base style or another. */
#include "import/import.h"

const struct import_format import_sorrybench = {
    .name = "sorrybench",
    .help = "SORRY-Bench: turns (one) and category; the prompt style is the kind",
    .needs = (const char *const[]){"question_id", "turns", "prompt_style", NULL},
    .reads = (const char *const[]){"turns", "prompt_style", NULL},
    .map = {.instruction = "turns",
            .category = "category",
            .id = "question_id",
            .kind = "prompt_style",
            .safety = IMPORT_UNSAFE},
};
