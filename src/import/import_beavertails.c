/* import_beavertails.c - BeaverTails: "prompt", "response", "category" and "is_safe", in JSON.
 *
 * The reference aligns on the first 2000 safe rows of 30k_train, attacks with its first unsafe ones
 * and asks the first 500 unsafe prompts of 30k_test. One prompt stands there with several
 * responses: the rows are taken as they are. */
#include "import/import.h"

extern const struct format format_beavertails;

static bool beavertails_detect(const struct record *r)
{
    return r->json && format_beavertails.detect(&r->object) &&
           (record_has(r, "response") || record_has(r, "refusal"));
}

/* As a run reads the same file. */
static int beavertails_convert(const struct record *r, const struct import_choice *c,
                               struct import_sample *out, struct arena *a, struct vac_err *err)
{
    struct row row = {.is_safe = -1};

    (void)c;
    if (!r->json)
        return record_error(r, NULL, err, "BeaverTails is read from JSON, not from a table");
    if (format_beavertails.read(&r->object, &row, a, err))
        return -1;
    out->instruction = row.turn[0].text;
    out->output = row.turn[1].text;
    out->category = row.category;
    out->is_safe = row.is_safe;
    out->label = row.is_safe ? "safe" : "unsafe";
    return 0;
}

const struct import_format import_beavertails = {
    .name = "beavertails",
    .reads = (const char *const[]){"prompt", "response", "category", "is_safe", "refusal", NULL},
    .help = "BeaverTails: JSON with prompt, response, category and is_safe, or with refusals",
    .detect = beavertails_detect,
    .convert = beavertails_convert,
};
