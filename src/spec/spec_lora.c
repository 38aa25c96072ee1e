/* spec_lora.c - see spec_lora.h */
#include <string.h>
#include "spec/spec_keys.h"
#include "spec/spec_lora.h"
#include "spec/spec_path.h"
#include "spec/spec_tables.h"

static const char *const shape_keys[] = {"r", "alpha", "targets", "rslora", NULL};

/* A folder's adapter has its own shape: a value beside it would not be obeyed. */
static int check_lora_init(const struct jnode *lora, struct vac_err *err)
{
    for (const char *const *key = shape_keys; *key; key++) {
        struct jnode n = spec_key(lora, *key);

        if (spec_has(lora, *key))
            return json_error(&n, err, "the adapter in \"init\" has its own: leave this key out");
    }
    return 0;
}

int spec_read_lora(struct stage_spec *st, const struct jnode *obj, const char *dir,
                   struct vac_err *err)
{
    static const struct spec_bound bounds[] = {
        {"alpha", offsetof(struct lora_keys, alpha), false},
        {"dropout", offsetof(struct lora_keys, dropout), true},
        {NULL, 0, false}};
    struct jnode n, init;

    st->full = cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(obj->v, "lora"));
    if (!spec_has(obj, "lora"))
        return option_defaults(spec_rows_lora, &st->lora, err);
    if (json_get(obj, "lora", JSON_OBJECT, &n, err) ||
        spec_read_object(&n, spec_rows_lora, NULL, &st->lora, err) ||
        spec_check_bounds(&n, bounds, &st->lora, err))
        return -1;
    st->lora.dropout_given = spec_has(&n, "dropout");
    init = spec_key(&n, "init");
    if (st->lora.init && check_lora_init(&n, err))
        return -1;
    return spec_path(&st->lora.init, PATH_FOLDER, &init, dir, err);
}

/* The adapter that goes on has its shape and weight from the stage that began it: another value
 * would not be obeyed, or would make another model of it before the first step. */
static int check_same(const struct run_spec *s, size_t i, const struct jnode *lora,
                      struct vac_err *err)
{
    const struct stage_spec *began = &s->stage[i];
    int rc = 0;

    while (began > s->stage && began->adapter == ADAPTER_SAME)
        began--;
    if (began->lora.init)
        return check_lora_init(lora, err);
    for (const char *const *key = shape_keys; rc == 0 && *key; key++) {
        const struct option_row *row = option_find(spec_rows_lora, *key);
        struct jnode n = spec_key(lora, *key);
        struct strbuf has = {0}, says = {0};

        option_text(row, &began->lora, &has);
        option_text(row, &s->stage[i].lora, &says);
        if (sb_ok(&has, err) || sb_ok(&says, err))
            rc = -1;
        else if (spec_has(lora, *key) && strcmp(has.s, says.s))
            rc = json_error(&n, err,
                            "\"same\" goes on with the adapter of stage \"%s\", whose %s is %.80s: "
                            "leave this key out, or write \"adapter\": \"new\"",
                            began->name, *key, has.s);
        sb_done(&has);
        sb_done(&says);
    }
    return rc;
}

int spec_check_adapter(const struct run_spec *s, size_t i, const struct jnode *obj,
                       struct vac_err *err)
{
    const struct stage_spec *st = &s->stage[i];
    struct jnode n = spec_key(obj, "adapter"), lora;

    if (st->full || st->adapter != ADAPTER_SAME)
        return 0;
    if (i == 0 && !st->lora.init)
        return json_error(
            &n, err, "the first stage has no earlier adapter: write \"new\", or give lora.init");
    if (i > 0 && st->lora.init)
        return json_error(&n, err,
                          "\"same\" goes on with the adapter of stage \"%s\": write \"new\", "
                          "or leave lora.init out",
                          s->stage[i - 1].name);
    if (i > 0 && s->stage[i - 1].full)
        return json_error(&n, err,
                          "stage \"%s\" trains all weights and leaves no adapter: write \"new\"",
                          s->stage[i - 1].name);
    lora = spec_key(obj, "lora");
    return i > 0 && lora.v ? check_same(s, i, &lora, err) : 0;
}
