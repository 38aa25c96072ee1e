/* import_donotanswer.c - Do-Not-Answer: questions by area and type of harm. What models answered,
 * and what judges made of it, stands in further columns and is no part of a row. */
#include "import/import.h"

const struct import_format import_donotanswer = {
    .name = "donotanswer",
    .help = "Do-Not-Answer: question, its risk area and types of harm",
    .needs = (const char *const[]){"question", "risk_area", "types_of_harm", NULL},
    .map = {.instruction = "question",
            .category = "types_of_harm",
            .id = "id",
            .kind = "risk_area",
            .safety = IMPORT_UNSAFE},
};
