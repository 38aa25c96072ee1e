/* spec_stage.c - reads the stages of a run: method, data, adapter, and what must go together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/name.h"
#include "defense/method.h"
#include "spec/spec_keys.h"
#include "spec/spec_lora.h"
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

static const char *const stage_objects[] = {"train",       "lora",         "until",
                                            "rho_control", "rho_schedule", NULL};

/* Known are the stage's keys and the method's. Keys of other methods are told apart from mistakes,
 * and may stand there as null, so that an override can change the method. */
static int check_stage_keys(const struct jnode *obj, const struct method *m, struct vac_err *err)
{
    struct spec_keys known = {0};
    const struct method *other;
    int rc = 0;

    spec_keys_rows(&known, spec_rows_stage);
    for (size_t i = 0; stage_objects[i]; i++)
        spec_keys_add(&known, stage_objects[i]);
    for (size_t i = 0; (other = method_at(i)); i++) {
        spec_keys_rows(&known, other->options);
        for (size_t k = 1; method_stream(other, k); k++)
            spec_keys_add(&known, method_stream(other, k));
    }
    if (spec_keys_check(&known, obj, err))
        return -1;
    for (const cJSON *v = obj->v->child; rc == 0 && v; v = v->next) {
        struct jnode n = {.v = v, .up = obj, .file = obj->file, .key = v->string};
        struct strbuf who = {0};
        bool own = option_find(spec_rows_stage, v->string) ||
                   name_listed(stage_objects, v->string) || method_has(m, v->string);

        if (!own && !cJSON_IsNull(v) && methods_with(n.key, &who))
            rc =
                json_error(&n, err, "is a key of %s, not of %s", who.s ? who.s : "others", m->name);
        sb_done(&who);
    }
    return rc;
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

bool spec_stage_has_harm(const struct stage_spec *st)
{
    for (size_t k = 0; st->n_streams && k < st->stream[0].n; k++)
        if (st->stream[0].file[k].harmful)
            return true;
    return false;
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
    const struct stage_spec *st = &s->stage[i];
    struct jnode steps = spec_key(obj, "steps"), ratio = spec_key(obj, "harmful_ratio"),
                 train = spec_key(obj, "train");
    bool harmless = false;

    if (spec_check_bounds(obj, bounds, st, err))
        return -1;
    if (spec_has(obj, "steps") && spec_has(obj, "epochs"))
        return json_error(&steps, err, "stands in place of \"epochs\": give only one of them");
    if (!st->mixed && spec_has(obj, "harmful_ratio"))
        return json_error(&ratio, err, "needs \"samples\": without it all rows are used");
    /* a mix takes its harmful part from the files that say so, and the rest from the others */
    for (size_t k = 0; k < st->stream[0].n; k++)
        harmless |= !st->stream[0].file[k].harmful;
    if (st->mixed && st->harmful_ratio > 0 && !spec_stage_has_harm(st))
        return json_error(&ratio, err, "no file of \"train\" is marked \"harmful\": true");
    if (st->mixed && st->harmful_ratio < 1 && !harmless)
        return json_error(&train, err,
                          "all files are harmful: harmful_ratio below 1 needs one that is not");
    return spec_check_adapter(s, i, obj, err);
}

static int read_stage(struct run_spec *s, size_t i, const struct jnode *obj, const char *dir,
                      struct vac_err *err)
{
    struct stage_spec *st = &s->stage[i];
    char made[32];

    snprintf(made, sizeof made, "stage%zu", i + 1);
    if (read_method(st, obj, dir, err) || option_defaults(spec_rows_stage, st, err) ||
        option_read(spec_rows_stage, obj, st, err) ||
        (!st->name && !(st->name = mem_strdup(made, err))) ||
        spec_check_name(obj, st->name, i, spec_stage_name, s, err))
        return -1;
    st->mixed = spec_has(obj, "samples");
    if (read_streams(st, obj, dir, err) || spec_read_lora(st, obj, dir, err))
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
