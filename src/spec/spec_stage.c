/* spec_stage.c - reads the stages of a run: method, data, adapter, and what must go together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "defense/method.h"
#include "spec/spec_keys.h"
#include "spec/spec_path.h"
#include "spec/spec_stage.h"
#include "spec/spec_tables.h"

enum { STAGES_MAX = 256, TRAIN_MAX = 1024 };

const char *spec_stage_name(const void *ctx, size_t i)
{
    const struct run_spec *s = ctx;

    return i < s->n_stages ? s->stage[i].name : NULL;
}

/* Every data set that the method learns from must be there. */
static int read_streams(struct stage_spec *st, const struct jnode *obj, const char *dir,
                        struct vac_err *err)
{
    struct jnode list, one;
    const char *name;
    size_t n;

    for (size_t k = 0; (name = method_stream(st->method, k)); k++) {
        struct stream_spec *x = &st->stream[k];
        if (json_get(obj, name, JSON_ARRAY, &list, err)) {
            if (k > 0 && !spec_has(obj, name))
                err_prefix(err, "%s learns from another data set, \"%s\": [...]", st->method->name,
                           name);
            return -1;
        }
        if (spec_list(&list, 1, TRAIN_MAX, &n, &one, err))
            return -1;
        *x = (struct stream_spec){.name = name, .file = mem_new(n, sizeof *x->file, err)};
        if (!x->file)
            return -1;
        x->n = n;
        st->n_streams = k + 1;
        for (; one.v; one.v = one.v->next, one.index++)
            if (spec_read_data(&x->file[one.index], &one, NULL, dir, err))
                return -1;
    }
    return 0;
}

static bool method_has(const struct method *m, const char *key)
{
    for (size_t k = 1; method_stream(m, k); k++)
        if (!strcmp(method_stream(m, k), key))
            return true;
    return m->options && option_find(m->options, key);
}

/* "a, b and c" of the methods that have the option; false when none has. */
static bool methods_with(const char *key, struct strbuf *out)
{
    const struct method *m, *last = NULL;

    for (size_t i = 0; (m = method_at(i)); i++) {
        if (!method_has(m, key))
            continue;
        if (last)
            sb_printf(out, "%s%s", out->len ? ", " : "", last->name);
        last = m;
    }
    if (last)
        sb_printf(out, "%s%s", out->len ? " and " : "", last->name);
    return last != NULL;
}

static int foreign_key(const struct jnode *n, const struct method *own, struct vac_err *err)
{
    struct strbuf who = {0};
    int rc = 0;

    if (methods_with(n->key, &who))
        rc = json_error(n, err, "is a key of %s, not of %s", who.s ? who.s : "others", own->name);
    sb_done(&who);
    return rc;
}

static const char *const stage_objects[] = {"train", "lora", NULL};

/* Known are the stage's keys and the method's. Keys of other methods are told apart from mistakes,
 * and may stand there as null, so that an override can change the method. */
static int check_stage_keys(const struct jnode *obj, const struct method *m, struct vac_err *err)
{
    struct spec_keys known = {0};
    const struct method *other;

    spec_keys_rows(&known, spec_rows_stage);
    spec_keys_add(&known, stage_objects[0]);
    spec_keys_add(&known, stage_objects[1]);
    for (size_t i = 0; (other = method_at(i)); i++) {
        spec_keys_rows(&known, other->options);
        for (size_t k = 1; method_stream(other, k); k++)
            spec_keys_add(&known, method_stream(other, k));
    }
    if (spec_keys_check(&known, obj, err))
        return -1;
    for (const cJSON *v = obj->v->child; v; v = v->next) {
        struct jnode n = {.v = v, .up = obj, .file = obj->file, .key = v->string};
        bool own = option_find(spec_rows_stage, v->string) || !strcmp(v->string, "train") ||
                   !strcmp(v->string, "lora") || method_has(m, v->string);

        if (!own && !cJSON_IsNull(v) && foreign_key(&n, m, err))
            return -1;
    }
    return 0;
}

static int read_method(struct stage_spec *st, const struct jnode *obj, const char *dir,
                       struct vac_err *err)
{
    struct jnode n = spec_key(obj, "method");
    const char *name = METHOD_DEFAULT;

    if (json_opt_str(obj, "method", &name, err))
        return -1;
    st->method = method_find(name, err);
    if (!st->method)
        return spec_prefix(&n, err);
    if (check_stage_keys(obj, st->method, err))
        return -1;
    if (!st->method->options)
        return 0;
    st->options = mem_new(1, st->method->options_size, err);
    if (!st->options || option_defaults(st->method->options, st->options, err))
        return -1;
    return option_read(st->method->options, obj, st->options, err) ||
                   spec_paths(st->method->options, st->options, obj, dir, err)
               ? -1
               : 0;
}

static const char *const adapter_shape_keys[] = {"r", "alpha", "targets", "rslora", NULL};

/* A folder's adapter has its own shape: a value beside it would not be obeyed. */
static int check_lora_init(const struct jnode *lora, struct vac_err *err)
{
    for (const char *const *key = adapter_shape_keys; *key; key++) {
        struct jnode n = spec_key(lora, *key);

        if (spec_has(lora, *key))
            return json_error(&n, err, "the adapter in \"init\" has its own: leave this key out");
    }
    return 0;
}

static int read_lora(struct stage_spec *st, const struct jnode *obj, const char *dir,
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
    for (const char *const *key = adapter_shape_keys; rc == 0 && *key; key++) {
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

/* "same" needs an adapter to go on with. */
static int check_adapter(const struct run_spec *s, size_t i, const struct jnode *obj,
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

/* A mix takes its harmful part from the files that say so, and the rest from the others. */
static int check_mix(const struct stage_spec *st, const struct jnode *obj, struct vac_err *err)
{
    struct jnode ratio = spec_key(obj, "harmful_ratio"), train = spec_key(obj, "train");
    bool harmful = false, harmless = false;

    if (!st->mixed && spec_has(obj, "harmful_ratio"))
        return json_error(&ratio, err, "needs \"samples\": without it all rows are used");
    for (size_t i = 0; i < st->stream[0].n; i++) {
        harmful |= st->stream[0].file[i].harmful;
        harmless |= !st->stream[0].file[i].harmful;
    }
    if (st->mixed && st->harmful_ratio > 0 && !harmful)
        return json_error(&ratio, err, "no file of \"train\" is marked \"harmful\": true");
    if (st->mixed && st->harmful_ratio < 1 && !harmless)
        return json_error(&train, err,
                          "all files are harmful: harmful_ratio below 1 needs one that is not");
    return 0;
}

static int check_stage(const struct run_spec *s, size_t i, const struct jnode *obj,
                       struct vac_err *err)
{
    static const struct spec_bound bounds[] = {
        {"epochs", offsetof(struct stage_spec, epochs), false},
        {"adam_eps", offsetof(struct stage_spec, adam_eps), false},
        {"beta1", offsetof(struct stage_spec, beta1), true},
        {"beta2", offsetof(struct stage_spec, beta2), true},
        {NULL, 0, false}};
    struct jnode steps = spec_key(obj, "steps");

    if (spec_check_bounds(obj, bounds, &s->stage[i], err))
        return -1;
    if (spec_has(obj, "steps") && spec_has(obj, "epochs"))
        return json_error(&steps, err, "stands in place of \"epochs\": give only one of them");
    if (check_mix(&s->stage[i], obj, err))
        return -1;
    return check_adapter(s, i, obj, err);
}

static int name_stage(struct stage_spec *st, size_t i, struct vac_err *err)
{
    char made[32];

    snprintf(made, sizeof made, "stage%zu", i + 1);
    if (!st->name)
        st->name = mem_strdup(made, err);
    return st->name ? 0 : -1;
}

static int read_stage(struct run_spec *s, size_t i, const struct jnode *obj, const char *dir,
                      struct vac_err *err)
{
    struct stage_spec *st = &s->stage[i];

    if (read_method(st, obj, dir, err) || option_defaults(spec_rows_stage, st, err) ||
        option_read(spec_rows_stage, obj, st, err) || name_stage(st, i, err) ||
        spec_check_name(obj, st->name, i, spec_stage_name, s, err))
        return -1;
    st->mixed = spec_has(obj, "samples");
    if (read_streams(st, obj, dir, err) || read_lora(st, obj, dir, err))
        return -1;
    return check_stage(s, i, obj, err);
}

int spec_read_stages(struct run_spec *s, const struct jnode *root, const char *dir,
                     struct vac_err *err)
{
    struct jnode list, one;
    size_t n;

    if (json_get(root, "stages", JSON_ARRAY, &list, err) ||
        spec_list(&list, 1, STAGES_MAX, &n, &one, err))
        return -1;
    s->stage = mem_new(n, sizeof *s->stage, err);
    if (!s->stage)
        return -1;
    s->n_stages = n;
    for (; one.v; one.v = one.v->next, one.index++)
        if (read_stage(s, one.index, &one, dir, err))
            return -1;
    return 0;
}
