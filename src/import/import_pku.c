/* import_pku.c - PKU-SafeRLHF: a prompt, two answers, and which is the safer one.
 *
 * The row is the safer answer, or with --unsafe the other one. Its categories of harm are the
 * category, its level of severity (0 to 3) is the kind. */
#include "import/import.h"
#include <stdio.h>

static int harm_names(const struct record *r, const char *key, const char **out, struct arena *a,
                      struct vac_err *err)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(r->object.v, key);
    struct strbuf names = {0};
    int rc = 0;

    for (v = v ? v->child : NULL; v; v = v->next)
        if (cJSON_IsTrue(v))
            sb_printf(&names, "%s%s", names.len ? "," : "", v->string);
    if (names.len || names.bad)
        rc = sb_ok(&names, err) || !(*out = arena_strndup(a, names.s, names.len, err)) ? -1 : 0;
    sb_done(&names);
    return rc;
}

static int pku_convert(const struct record *r, const struct import_choice *c,
                       struct import_sample *out, struct arena *a, struct vac_err *err)
{
    char answer[32], safe[32], severity[48], harm[48];
    int64_t safer;
    bool is_safe;

    if (!r->json)
        return record_error(r, NULL, err, "PKU-SafeRLHF is read from JSON, not from a table");
    if (json_int(&r->object, "safer_response_id", 0, 1, &safer, err))
        return -1;
    if (c->safety == IMPORT_UNSAFE)
        safer = 1 - safer;
    snprintf(answer, sizeof answer, "response_%d", (int)safer);
    snprintf(safe, sizeof safe, "is_response_%d_safe", (int)safer);
    snprintf(severity, sizeof severity, "response_%d_severity_level", (int)safer);
    snprintf(harm, sizeof harm, "response_%d_harm_category", (int)safer);
    if (record_text(r, "prompt", &out->instruction, a, err) ||
        record_text(r, answer, &out->output, a, err) ||
        json_bool(&r->object, safe, &is_safe, err) ||
        (record_has(r, severity) && record_scalar(r, severity, &out->kind, a, err)) ||
        harm_names(r, harm, &out->category, a, err))
        return -1;
    out->is_safe = is_safe;
    out->label = is_safe ? "safe" : "unsafe";
    return 0;
}

const struct import_format import_pku = {
    .name = "pku",
    .help = "PKU-SafeRLHF: JSON with prompt, two responses and the safer one; severity is the kind",
    .needs = (const char *const[]){"prompt", "response_0", "response_1", "safer_response_id", NULL},
    .reads =
        (const char *const[]){"prompt", "response_0", "response_1", "response_0_source",
                              "response_1_source", "response_0_sha256", "response_1_sha256", NULL},
    .convert = pku_convert,
};
