/* import_orbench.c - OR-Bench: prompts and their category, and nothing else. Which of its files it
 * is (80k and hard are for over-refusal, toxic is harmful) the rows do not tell. */
#include "import/import.h"

static bool orbench_detect(const struct record *r)
{
    static const char *const others[] = {"response", "completion", "output",     "answer",
                                         "is_safe",  "refusal",    "response_0", NULL};

    return record_has(r, "prompt") && record_has(r, "category") && !record_first(r, others);
}

const struct import_format import_orbench = {
    .name = "orbench",
    .help = "OR-Bench: prompt and category",
    .reads = (const char *const[]){"prompt", NULL},
    .map = {.instruction = "prompt", .category = "category"},
    .detect = orbench_detect,
};
