/* import_xstest.c - XSTest: safe prompts that look unsafe, unsafe ones in contrast, and models'
 * answers.
 *
 * Three shapes: the prompts ("prompt", "type", "label"), one model's answers in a table
 * ("completion", "final_label"), and answers of several models ("response", "kind", "model"). The
 * types of unsafe prompts begin with "contrast_"; that tells them where there is no label. */
#include "import/import.h"
#include <string.h>

static const char *const answer_names[] = {"response", "completion", NULL};
static const char *const kind_names[] = {"kind", "final_label", NULL};
static const char *const safety[] = {"unsafe", "safe", NULL};

static bool xstest_detect(const struct record *r)
{
    return record_has(r, "prompt") && record_has(r, "type") &&
           (record_has(r, "label") || record_first(r, kind_names));
}

static int read_opt(const struct record *r, const char *name, const char **out, struct arena *a,
                    struct vac_err *err)
{
    return name && record_has(r, name) ? record_scalar(r, name, out, a, err) : 0;
}

static int read_safety(const struct record *r, struct import_sample *out, struct vac_err *err)
{
    size_t safe = strncmp(out->category, "contrast_", 9) != 0;

    if (record_has(r, "label") && record_choice(r, "label", safety, &safe, err))
        return -1;
    out->is_safe = safe == 1;
    out->label = safety[safe];
    return 0;
}

static int xstest_convert(const struct record *r, const struct import_choice *c,
                          struct import_sample *out, struct arena *a, struct vac_err *err)
{
    (void)c;
    if (record_text(r, "prompt", &out->instruction, a, err) ||
        record_text(r, "type", &out->category, a, err) || read_safety(r, out, err) ||
        read_opt(r, "id", &out->id, a, err) ||
        read_opt(r, record_first(r, answer_names), &out->output, a, err) ||
        read_opt(r, record_first(r, kind_names), &out->kind, a, err) ||
        read_opt(r, "model", &out->model, a, err))
        return -1;
    return 0;
}

const struct import_format import_xstest = {
    .name = "xstest",
    .reads = (const char *const[]){"prompt", "type", "label", "response", "completion", "kind",
                                   "final_label", "model", "id", "annotation_1", "annotation_2",
                                   "agreement", NULL},
    .help = "XSTest: prompt, type and label, or models' answers with their kind",
    .detect = xstest_detect,
    .convert = xstest_convert,
};
