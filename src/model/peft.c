/* peft.c - LoRA adapters as PEFT keeps them: adapter_config.json and adapter_model.safetensors.
 *
 * Keys are base_model.model. + module + .lora_A.weight [r,in] and .lora_B.weight [out,r]. What PEFT knows
 * and we do not (DoRA, biases, rank patterns, saved modules ...) is refused by its name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/layers.h"

/* Keys that may hold anything: they do not change what an adapter computes. */
static const char *const harmless[] = {"base_model_name_or_path", "revision", "task_type", "inference_mode",
                                       "peft_version", "megatron_core",
                                       "qalora_group_size", "auto_mapping", "parent_library", NULL};
static const char *const read_keys[] = {"peft_type", "r", "lora_alpha", "lora_dropout", "target_modules",
                                        "use_rslora", "bias", "init_lora_weights", NULL};

static bool in_list(const char *const *list, const char *key)
{
    for (; *list; list++) {
        if (!strcmp(*list, key))
            return true;
    }
    return false;
}

/* null, false, {}, [] and "" mean "not used". */
static bool unused_value(const cJSON *v)
{
    return cJSON_IsNull(v) || cJSON_IsFalse(v) ||
           ((cJSON_IsObject(v) || cJSON_IsArray(v)) && !v->child) ||
           (cJSON_IsString(v) && !*v->valuestring);
}

static int refuse_unknown(const struct jnode *root, struct vac_err *err)
{
    for (const cJSON *x = root->v->child; x; x = x->next) {
        struct jnode n = {.v = x, .up = root, .file = root->file, .key = x->string};
        if (!in_list(read_keys, x->string) && !in_list(harmless, x->string) && !unused_value(x))
            return json_error(&n, err, "is not implemented: only plain LoRA adapters are");
    }
    return 0;
}

/* Some ways of starting an adapter take its first value out of the base (PiSSA, OLoRA, CorDA, LoftQ): such
 * a folder does not stand on the base as it is. */
static int check_init(const struct jnode *root, struct vac_err *err)
{
    static const char *const plain[] = {"gaussian", "eva", "orthogonal", NULL};
    struct jnode at;

    if (json_opt(root, "init_lora_weights", JSON_ANY, &at, err) || cJSON_IsBool(at.v))
        return 0;
    if (cJSON_IsString(at.v) && in_list(plain, at.v->valuestring))
        return 0;
    return json_error(&at, err, "is not implemented: an adapter that changes the base first must be "
                      "converted to plain LoRA (PEFT: path_initial_model_for_weight_conversion)");
}

static int read_targets(const struct jnode *root, char *out, size_t size, struct vac_err *err)
{
    struct jnode list, one;
    size_t used = 0;

    if (json_get(root, "target_modules", JSON_ANY, &list, err))
        return -1;
    if (cJSON_IsString(list.v)) {
        if (strcmp(list.v->valuestring, "all-linear"))
            return json_error(&list, err, "a pattern is not implemented: give a list of module names");
        snprintf(out, size, "all");
        return 0;
    }
    if (!cJSON_IsArray(list.v) || json_count(&list) == 0)
        return json_error(&list, err, "expected a list of module names");
    for (size_t i = 0; i < json_count(&list); i++) {
        if (json_item(&list, i, JSON_STRING, &one, err))
            return -1;
        const char *dot = strrchr(one.v->valuestring, '.');
        const char *name = dot ? dot + 1 : one.v->valuestring;
        if (used + strlen(name) + 2 > size)
            return json_error(&one, err, "too many module names");
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "," : "", name);
    }
    return 0;
}

static int read_config(const char *path, struct lora_spec *spec, char *targets, size_t size,
                       struct vac_err *err)
{
    cJSON *doc = json_read(path, 16 << 20, err);
    struct jnode root = json_root(doc, path);
    const char *type = "", *bias = "none";
    int64_t r = 8;
    int rc = -1;

    if (!doc)
        return -1;
    spec->alpha = 8;
    spec->dropout = 0;
    if (!cJSON_IsObject(doc)) {
        json_error(&root, err, "expected an object");
        goto out;
    }
    if (json_str(&root, "peft_type", &type, err) || json_opt_str(&root, "bias", &bias, err))
        goto out;
    if (strcmp(type, "LORA")) {
        json_error(&root, err, "peft_type \"%s\" is not implemented; LORA is", type);
        goto out;
    }
    if (strcmp(bias, "none")) {
        json_error(&root, err, "bias \"%s\" is not implemented; none is", bias);
        goto out;
    }
    if (json_opt_int(&root, "r", 1, 1024, &r, err) || json_opt_num(&root, "lora_alpha", &spec->alpha, err) ||
        json_opt_num(&root, "lora_dropout", &spec->dropout, err) ||
        json_opt_bool(&root, "use_rslora", &spec->rslora, err) || refuse_unknown(&root, err) ||
        check_init(&root, err) || read_targets(&root, targets, size, err))
        goto out;
    spec->r = (size_t)r;
    spec->targets = targets;
    rc = 0;
out:
    cJSON_Delete(doc);
    return rc;
}

/* --- matrices and their names --- */

static const char *const letters[] = {"A", "B"};

static void matrix_name(char *name, size_t size, const struct linear *x, int which)
{
    snprintf(name, size, "base_model.model.%s.lora_%s.weight", x->module, letters[which]);
}

/* Finds the matrix of this name; files have them in an order of their own. */
static bool find_matrix(const struct model *m, const struct adapter *a, const char *want, size_t *at,
                        size_t *n)
{
    struct lora_place p;
    char name[192];

    for (size_t k = 0; adapter_place(m, a, k, &p); k++) {
        for (int i = 0; p.on && i < 2; i++) {
            matrix_name(name, sizeof name, p.x, i);
            if (strcmp(name, want))
                continue;
            *at = i ? p.b : p.a;
            *n = (i ? p.x->out : p.x->in) * a->r;
            return true;
        }
    }
    return false;
}

/* --- reading --- */

static int load_matrix(struct model *m, const struct weights *w, struct ref to, const struct linear *of,
                       int which, size_t rows, size_t cols, struct vac_err *err)
{
    size_t shape[2] = {rows, cols};
    char name[192];
    const struct st_tensor *t;
    float *x;

    matrix_name(name, sizeof name, of, which);
    t = weights_want(w, name, 2, shape, err);
    x = t ? mem_new(t->numel, sizeof *x, err) : NULL;
    if (!x)
        return -1;
    dtype_widen(x, t->data, t->dtype, t->numel);
    compute_upload(m->c, to, x, t->numel);
    free(x);
    return 0;
}

static int refuse_extra(const struct model *m, const struct adapter *a, const struct weights *w, size_t n,
                        struct vac_err *err)
{
    size_t i = 0, at, len;

    while (i + 1 < weights_count(w) && find_matrix(m, a, weights_at(w, i)->name, &at, &len))
        i++;
    return err_set(err, VAC_ERR_UNSUPPORTED,
                   "%s: %s: its target_modules make %zu tensors for this model, and this is none of them",
                   weights_path(w), weights_at(w, i)->name, n);
}

static int load_all(struct model *m, const struct adapter *a, const struct weights *w, struct vac_err *err)
{
    struct lora_place at;
    size_t n = 0;

    for (size_t k = 0; adapter_place(m, a, k, &at); k++) {
        if (!at.on)
            continue;
        if (load_matrix(m, w, (struct ref){a->w, at.a}, at.x, 0, a->r, at.x->in, err) ||
            load_matrix(m, w, (struct ref){a->w, at.b}, at.x, 1, at.x->out, a->r, err))
            return -1;
        n += 2;
    }
    return weights_count(w) == n ? 0 : refuse_extra(m, a, w, n, err);
}

int peft_spec(const char *dir, struct lora_spec *spec, char *targets, size_t size, struct vac_err *err)
{
    char *config = path_join(dir, "adapter_config.json", err);
    int rc;

    *spec = (struct lora_spec){0};
    rc = config ? read_config(config, spec, targets, size, err) : -1;
    free(config);
    return rc;
}

int peft_load(struct model *m, const char *dir, struct vac_err *err)
{
    struct lora_spec spec = {0};
    struct weights *w = NULL;
    struct adapter *a = NULL;
    char targets[256], *config = path_join(dir, "adapter_config.json", err);
    char *file = config ? path_join(dir, "adapter_model.safetensors", err) : NULL;
    int rc = -1;

    if (!file || read_config(config, &spec, targets, sizeof targets, err))
        goto out;
    w = weights_open(file, err);
    if (!w)
        goto out;
    a = model_push_adapter(m, &spec, err);
    if (!a) {
        err_prefix(err, "%s", config);
        goto out;
    }
    rc = load_all(m, a, w, err) || weights_check(w, err) ? -1 : 0;
    if (rc) {
        adapter_done(m, a);
        m->n_adapter--;
        model_restack(m);
    }
out:
    weights_close(w);
    free(config);
    free(file);
    return rc;
}

/* --- writing --- */

/* A folder of the cache is one's own; its name and commit are everybody's. */
static int put_base(const char *base, struct strbuf *s, struct vac_err *err)
{
    char *name, *commit;
    int rc = hub_name_of(base, &name, &commit, err);

    if (rc < 0)
        return -1;
    sb_puts(s, "  \"base_model_name_or_path\": \"");
    sb_json(s, rc ? base : name, strlen(rc ? base : name));
    sb_puts(s, rc ? "\",\n  \"revision\": null" : "\",\n  \"revision\": \"");
    if (rc == 0) {
        sb_json(s, commit, strlen(commit));
        sb_putc(s, '"');
        free(name);
        free(commit);
    }
    return 0;
}

static int config_text(const struct adapter *a, const char *base, struct strbuf *s, struct vac_err *err)
{
    const char *sep = "";

    sb_puts(s, "{\n  \"auto_mapping\": null,\n");
    if (put_base(base, s, err))
        return -1;
    sb_puts(s, ",\n  \"bias\": \"none\",\n  \"fan_in_fan_out\": false,\n  \"inference_mode\": true,\n"
               "  \"init_lora_weights\": true,\n  \"layers_pattern\": null,\n"
               "  \"layers_to_transform\": null,\n  \"lora_alpha\": ");
    sb_num(s, a->alpha);
    sb_puts(s, ",\n  \"lora_dropout\": ");
    sb_num(s, a->dropout);
    sb_printf(s, ",\n  \"modules_to_save\": null,\n  \"peft_type\": \"LORA\",\n  \"r\": %zu,\n"
                 "  \"rank_pattern\": {},\n  \"alpha_pattern\": {},\n"
                 "  \"target_modules\": [", a->r);
    for (const char *t = a->targets; *t;) {
        size_t k = strcspn(t, ",");
        sb_printf(s, "%s\n    \"%.*s\"", sep, (int)k, t);
        sep = ",";
        t += k + (t[k] == ',');
    }
    sb_printf(s, "\n  ],\n  \"task_type\": \"CAUSAL_LM\",\n  \"use_dora\": false,\n  \"use_rslora\": %s\n}\n",
              a->rslora ? "true" : "false");
    return 0;
}

static int save_config(const struct adapter *a, const char *base, const char *dir, struct vac_err *err)
{
    struct strbuf s = {0};
    struct outfile f = {0};
    char *path = path_join(dir, "adapter_config.json", err);
    int rc = -1;

    if (path && !config_text(a, base, &s, err) && !sb_ok(&s, err) && !out_open(&f, path, err) && !out_put(&f, s.s, s.len, err) &&
        !out_commit(&f, err))
        rc = 0;
    out_abort(&f);
    sb_done(&s);
    free(path);
    return rc;
}

static int declare_all(const struct model *m, const struct adapter *a, struct st_writer *w,
                       struct vac_err *err)
{
    struct lora_place at;
    char name[192];

    for (size_t k = 0; adapter_place(m, a, k, &at); k++) {
        for (int i = 0; at.on && i < 2; i++) {
            size_t shape[2] = {i ? at.x->out : a->r, i ? a->r : at.x->in};
            matrix_name(name, sizeof name, at.x, i);
            if (st_declare(w, name, DTYPE_F32, 2, shape, err))
                return -1;
        }
    }
    return 0;
}

static int put_all(const struct model *m, const struct adapter *a, struct st_writer *w, size_t count,
                   struct vac_err *err)
{
    float *x = NULL;
    size_t cap = 0, at, n;
    int rc = -1;

    for (size_t i = 0; i < count; i++) {
        if (!find_matrix(m, a, st_order(w, i), &at, &n) || mem_grow(&x, &cap, n, sizeof *x, err))
            goto out;
        compute_download(m->c, x, (struct ref){a->w, at}, n);
        if (st_put(w, x, n, err))
            goto out;
    }
    rc = 0;
out:
    free(x);
    return rc;
}

int model_save_peft(const struct model *m, size_t i, const char *base, const char *dir,
                    struct vac_err *err)
{
    const struct adapter *a = &m->adapter[i];
    char *path = path_join(dir, "adapter_model.safetensors", err);
    struct st_writer *w = NULL;
    size_t count;
    int rc = -1;

    if (!path || dirs_make(dir, err))
        goto out;
    w = st_create(path, err);
    if (w && !declare_all(m, a, w, err) && !st_begin(w, &count, err) && !put_all(m, a, w, count, err) &&
        !st_commit(w, err) && !save_config(a, base ? base : model_dir(m), dir, err))
        rc = 0;
out:
    st_free(w);
    free(path);
    return rc;
}
