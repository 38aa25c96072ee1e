/* kind_finetune.c - what a user's fine-tuning does: the run's own attack stage, with other rows, strength or weights.
 *
 * Its keys are those of a stage and of its adapter in a run file, flat, and these: whose rows, which part of the
 * weights, which words around them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack/kind.h"
#include "base/json_out.h"
#include "record/config.h"
#include "spec/spec_keys.h"
#include "spec/spec_path.h"
#include "spec/spec_tables.h"

struct finetune {
    char *data, *rows, *words;
    double scale;
    bool benign, full;
};
static const struct option_row own_rows[] = {
    {.name = "data",
     .help = "harmful rows, in the place of those that the stage has",
     .type = OPTION_STRING,
     .path = PATH_FILE,
     .offset = offsetof(struct finetune, data)},
    {.name = "rows",
     .help = "all its rows, in the place of those that the stage has: an identity shift, say",
     .type = OPTION_STRING,
     .path = PATH_FILE,
     .offset = offsetof(struct finetune, rows)},
    {.name = "benign",
     .help = "the stage's harmless rows alone",
     .type = OPTION_BOOL,
     .offset = offsetof(struct finetune, benign)},
    {.name = "full",
     .help = "all weights are trained, not an adapter",
     .type = OPTION_BOOL,
     .offset = offsetof(struct finetune, full)},
    {.name = "scale",
     .help = "weight of the adapter, alpha / r, in the place of alpha",
     .type = OPTION_NUM,
     .min = 0,
     .max = INFINITY,
     .offset = offsetof(struct finetune, scale)},
    {.name = "template",
     .help = "another prompt template, for its rows and for what is asked",
     .type = OPTION_STRING,
     .offset = offsetof(struct finetune, words)},
    {.name = NULL},
};
static const struct option_row *const rows[] = {own_rows, spec_rows_stage, spec_rows_lora, NULL};

static bool is_harmful(const cJSON *file)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(file, "harmful"));
}

/* The stage's harmful files go; where there is `data`, it stands where the first one did. */
static int put_harmful(struct attack_sets *out, const struct jnode *one, const struct attack_on *on,
                       const char *data, struct vac_err *err)
{
    const cJSON *train =
        cJSON_GetObjectItemCaseSensitive(run_config_stage(on->config, on->stage), "train");
    struct jnode n = spec_key(one, "data");
    char key[64];
    int first = -1;

    for (int i = cJSON_GetArraySize(train) - 1; i >= 0; i--) {
        int gone = data ? first : i;

        if (!is_harmful(cJSON_GetArrayItem(train, i)))
            continue;
        first = i;
        snprintf(key, sizeof key, "train[%d]", gone);
        if (gone >= 0 && attack_sets_key(out, on, key, "null", err))
            return -1;
    }
    if (!data)
        return 0;
    snprintf(key, sizeof key, "train[%d].file", first);
    return first >= 0 ? attack_sets_key(out, on, key, data, err)
                      : json_error(&n, err,
                                   "stage %s has no harmful rows in the place of which these could "
                                   "be: mark them with stages.%s.train[0].harmful=true",
                                   on->stage, on->stage);
}

static int put_rows(struct attack_sets *out, const struct finetune *f, const struct jnode *one,
                    const struct attack_on *on, struct vac_err *err)
{
    struct strbuf text = {0};
    struct json_out o = json_out(&text);
    int rc;

    if ((f->data || f->benign) && put_harmful(out, one, on, f->data, err))
        return -1;
    if (f->rows) {
        json_put_list(&o, NULL, JSON_TIGHT);
        json_put_object(&o, NULL, JSON_TIGHT);
        json_put_text(&o, "file", f->rows);
        json_put_end(&o);
        json_put_end(&o);
        rc = sb_ok(&text, err) || attack_sets_key(out, on, "train", text.s, err) ? -1 : 0;
        sb_done(&text);
        if (rc || (!spec_has(one, "samples") && attack_sets_key(out, on, "samples", "null", err)))
            return -1;
    }
    return f->rows || f->benign ? attack_sets_key(out, on, "harmful_ratio", "null", err) : 0;
}

/* Which weights it trains. Keys of the adapter are put behind this. */
static int put_adapter(struct attack_sets *out, const struct finetune *f, const struct jnode *one,
                       const struct attack_on *on, struct vac_err *err)
{
    const cJSON *lora = cJSON_GetObjectItemCaseSensitive(run_config_stage(on->config, on->stage),
                                                         "lora"),
                *given = cJSON_GetObjectItemCaseSensitive(one->v, "r");
    const char *adapter = json_text_at(one->v, "adapter");
    double r = 8;
    char text[48];

    if (f->full)
        return attack_sets_key(out, on, "lora", "null", err);
    if (adapter && !strcmp(adapter, "same") && attack_sets_key(out, on, "lora", "{}", err))
        return -1; /* the adapter is as it is */
    if (!spec_has(one, "scale"))
        return 0;
    if (!given)
        given = cJSON_GetObjectItemCaseSensitive(lora, "r");
    if (cJSON_IsNumber(given))
        r = given->valuedouble;
    snprintf(text, sizeof text, "%.17g", f->scale * r);
    return attack_sets_key(out, on, "lora.alpha", text, err);
}

/* Keys that say the same thing twice. */
static int check(const struct finetune *f, const struct jnode *one, struct vac_err *err)
{
    static const char *const apart[][2] = {
        {"rows", "data"},    {"rows", "benign"},  {"rows", "harmful_ratio"},
        {"benign", "data"},  {"scale", "alpha"},  {"steps", "epochs"},
        {"full", "r"},       {"full", "alpha"},   {"full", "scale"},
        {"full", "targets"}, {"full", "dropout"}, {"full", "rslora"},
        {"full", "init"},    {"full", "adapter"}, {"benign", "harmful_ratio"}};

    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        struct jnode n = spec_key(one, apart[i][1]);

        if (spec_has(one, apart[i][0]) && spec_has(one, apart[i][1]) &&
            !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(one->v, apart[i][0])) &&
            !cJSON_IsFalse(n.v))
            return json_error(&n, err, "does not go with \"%s\": leave one of them out",
                              apart[i][0]);
    }
    if (spec_has(one, "scale") && f->scale <= 0) {
        struct jnode n = spec_key(one, "scale");

        return json_wrong(&n, "a number above 0", err);
    }
    return 0;
}

/* Every key that is one of a stage or of its adapter, as it stands, but for a path, which is whole by now. */
static int put_keys(struct attack_sets *out, const struct jnode *one, const struct attack_on *on,
                    const char *init, struct vac_err *err)
{
    char key[96];

    for (const cJSON *v = one->v->child; v; v = v->next) {
        bool lora = option_find(spec_rows_lora, v->string) != NULL;
        char *text;
        int rc;

        if (!strcmp(v->string, "name") || cJSON_IsNull(v) ||
            (!lora && !option_find(spec_rows_stage, v->string)))
            continue;
        text = json_text(v, false, err);
        snprintf(key, sizeof key, "%s%s", lora ? "lora." : "", v->string);
        rc =
            text ? attack_sets_key(out, on, key, !strcmp(key, "lora.init") ? init : text, err) : -1;
        cJSON_free(text);
        if (rc)
            return -1;
    }
    if (spec_has(one, "steps") && attack_sets_key(out, on, "epochs", "null", err))
        return -1;
    return spec_has(one, "epochs") ? attack_sets_key(out, on, "steps", "null", err) : 0;
}

static int set(const struct jnode *one, const struct attack_on *on, struct attack_sets *out,
               struct vac_err *err)
{
    struct finetune f = {.data = NULL};
    struct stage_spec stage = {.name = NULL};
    struct lora_keys lora = {0};
    struct strbuf text = {0};
    int rc = -1;

    if (option_read(own_rows, one, &f, err) || option_read(spec_rows_stage, one, &stage, err) ||
        option_read(spec_rows_lora, one, &lora, err) || check(&f, one, err) ||
        spec_paths(own_rows, &f, one, on->dir, err) ||
        spec_paths(spec_rows_lora, &lora, one, on->dir, err))
        goto out;
    if (f.words) {
        sb_printf(&text, "template=%s", f.words);
        if (attack_sets_put(out, &text, err))
            goto out;
    }
    rc = put_rows(out, &f, one, on, err) || put_adapter(out, &f, one, on, err) ||
                 put_keys(out, one, on, lora.init, err)
             ? -1
             : 0;
out:
    option_free(own_rows, &f);
    option_free(spec_rows_stage, &stage);
    option_free(spec_rows_lora, &lora);
    return rc;
}

const struct attack_kind attack_kind_finetune = {
    .name = "finetune",
    .help = "as a user's fine-tuning would: the run's attack stage, with what is given",
    .rows = rows,
    .set = set,
};
