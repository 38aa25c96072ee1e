/* import_alpaca.c - Alpaca: "instruction", "input" (or "context") and "output" (or "response"). */
#include "import/import.h"
#include <string.h>

static const char *const inputs[] = {"input", "context", NULL};
static const char *const outputs[] = {"output", "response", NULL};

static bool alpaca_detect(const struct record *r)
{
    return record_has(r, "instruction") && record_first(r, outputs);
}

/* What our rows have no place for is refused with the rest, but these a run can read. */
static int refuse_more(const struct record *r, struct vac_err *err)
{
    static const char *const more[] = {"system", "system_prompt", "history"};

    for (size_t i = 0; r->json && i < sizeof more / sizeof *more; i++) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(r->object.v, more[i]);

        if (v && !cJSON_IsNull(v) && !(cJSON_IsString(v) && !*v->valuestring) &&
            !(cJSON_IsArray(v) && !v->child))
            return record_error(r, more[i], err,
                                "cannot be imported: give the file to a run as it is instead");
    }
    return 0;
}

static int alpaca_convert(const struct record *r, const struct import_choice *c,
                          struct import_sample *out, struct arena *a, struct vac_err *err)
{
    const char *input, *output;

    (void)c;
    if (record_choose(r, inputs, &input, err) || record_choose(r, outputs, &output, err) ||
        refuse_more(r, err) || record_text(r, "instruction", &out->instruction, a, err) ||
        (input && record_opt_text(r, input, &out->input, a, err)) ||
        record_text(r, output ? output : outputs[0], &out->output, a, err))
        return -1;
    return 0;
}

const struct import_format import_alpaca = {
    .name = "alpaca",
    .reads = (const char *const[]){"instruction", "input", "context", "output", "response", "text",
                                   NULL},
    .help = "Alpaca and Dolly: instruction, input or context, and output or response",
    .detect = alpaca_detect,
    .convert = alpaca_convert,
};
