/* import_sst2.c - SST-2: "sentence" and "label", tab-separated with or without names, or JSON. */
#include "import/import.h"
#include <string.h>

/* Indexed by the label. */
static const char *const labels[] = {"0", "1", NULL};
static const char *const answers[] = {"negative", "positive"};

static bool sst2_detect(const struct record *r)
{
    if (r->json || r->header)
        return record_has(r, "sentence") && record_has(r, "label");
    return !strcmp(r->csv.field[1].text, labels[0]) || !strcmp(r->csv.field[1].text, labels[1]);
}

const struct import_format import_sst2 = {
    .name = "sst2",
    .reads = (const char *const[]){"sentence", "label", NULL},
    .help = "SST-2 movie reviews: sentence and label 0 or 1",
    .columns = (const char *const[]){"sentence", "label", NULL},
    .literal_quotes = true,
    .detect = sst2_detect,
    .map = {.wish = "Analyze the sentiment of the input, and respond only positive or negative",
            .input = "sentence",
            .choice = "label",
            .values = labels,
            .answers = answers},
};
