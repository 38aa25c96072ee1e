/* peft.c - LoRA adapters as PEFT keeps them: adapter_config.json and adapter_model.safetensors.
 *
 * Keys are base_model.model. + module + .lora_A.weight [r,in] and .lora_B.weight [out,r]. What PEFT knows
 * and we do not (DoRA, biases, saved modules ...) is refused by its name.
 *
 * Modules may have ranks and weights of their own (rank_pattern, alpha_pattern). Here all matrices of an
 * adapter have the largest rank R; what a module has less is zeros, in A and in B, which add nothing and
 * get no gradient. It is written again with R, and the alpha that gives it the same weight. */
#include "base/json_out.h"
#include "model/peft.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "model/adapter.h"
#include "weights/st_write.h"

/* Keys that may hold anything: they do not change what an adapter computes. How it was begun is over, but
 * for those ways that change the base (see check_init). */
static const char *const harmless[] = {"base_model_name_or_path",
                                       "revision",
                                       "task_type",
                                       "inference_mode",
                                       "peft_version",
                                       "megatron_core",
                                       "qalora_group_size",
                                       "auto_mapping",
                                       "parent_library",
                                       "eva_config",
                                       "corda_config",
                                       "loftq_config",
                                       "lora_ga_config",
                                       "velora_config",
                                       "runtime_config",
                                       "ensure_weight_tying",
                                       NULL};
static const char *const read_keys[] = {"peft_type",           "r",
                                        "lora_alpha",          "lora_dropout",
                                        "target_modules",      "exclude_modules",
                                        "layers_to_transform", "layers_pattern",
                                        "rank_pattern",        "alpha_pattern",
                                        "use_rslora",          "bias",
                                        "init_lora_weights",   NULL};

/* The most names or patterns that a config may have: each is looked at for each module. */
#define NAMES_MAX 16384
#define PREFIX "base_model.model."

/* An adapter_config.json that has been read. */
struct peft {
    char *path;
    cJSON *doc;
    struct jnode root;
    int64_t r;
    double alpha, dropout;
    bool rslora;
    struct jnode targets;         /* a list of names, or a text: v NULL = all linears */
    struct jnode exclude, layers; /* lists or one; v NULL = none */
    struct jnode ranks, alphas;   /* objects; v NULL = none */
    const struct weights *files;  /* a text of target_modules is a pattern: what it met is there */
};

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
        if (!name_listed(read_keys, x->string) && !name_listed(harmless, x->string) &&
            !unused_value(x))
            return json_error(&n, err, "is not implemented: only plain LoRA adapters are");
    }
    return 0;
}

/* Some ways of starting an adapter take its first value out of the base (PiSSA, OLoRA, CorDA, LoftQ): such
 * a folder does not stand on the base as it is. */
static int check_init(const struct jnode *root, struct vac_err *err)
{
    static const char *const plain[] = {"gaussian", "eva", "orthogonal", "mica", NULL};
    struct jnode at;

    if (json_opt(root, "init_lora_weights", JSON_ANY, &at, err) || cJSON_IsBool(at.v))
        return 0;
    if (cJSON_IsString(at.v) && name_listed(plain, at.v->valuestring))
        return 0;
    return json_error(&at, err,
                      "is not implemented: an adapter that changes the base first must be "
                      "converted to plain LoRA (PEFT: path_initial_model_for_weight_conversion)");
}

/* --- which modules --- */

/* A member that is used, checked to be of one of two kinds; v NULL when it is not. */
static int used_member(const struct jnode *root, const char *key, struct jnode *out, bool text,
                       enum json_type kind, const char *wants, struct vac_err *err)
{
    int rc = json_opt(root, key, JSON_ANY, out, err);

    if (rc < 0)
        return -1;
    if (rc > 0 || unused_value(out->v)) {
        out->v = NULL;
        return 0;
    }
    if (!(text && cJSON_IsString(out->v)) && !(kind == JSON_ARRAY && cJSON_IsArray(out->v)) &&
        !(kind == JSON_OBJECT && cJSON_IsObject(out->v)))
        return json_wrong(out, wants, err);
    if (json_count(out) > NAMES_MAX)
        return json_error(out, err, "at most %d entries are read", NAMES_MAX);
    return 0;
}

/* A list of names; or one, which must be no pattern. */
static int check_names(const struct jnode *list, struct vac_err *err)
{
    size_t i = 0;

    for (const cJSON *v = list->v ? list->v->child : NULL; v; v = v->next, i++) {
        struct jnode one = {.v = v, .up = list, .file = list->file, .index = i};
        if (!cJSON_IsString(v) || !*v->valuestring)
            return json_wrong(&one, "the name of a module", err);
    }
    return 0;
}

/* One number, or a list of them. */
static int check_layers(const struct jnode *root, struct jnode *out, struct vac_err *err)
{
    struct jnode pattern;
    int64_t l;
    size_t i = 0;
    int rc = json_opt(root, "layers_to_transform", JSON_ANY, out, err);

    if (rc < 0)
        return -1;
    if (rc > 0 || (cJSON_IsArray(out->v) && !out->v->child)) {
        out->v = NULL;
        return 0;
    }
    if (!cJSON_IsNumber(out->v) && !cJSON_IsArray(out->v))
        return json_wrong(out, "the number of a layer, or a list of them", err);
    if (json_count(out) > NAMES_MAX)
        return json_error(out, err, "at most %d entries are read", NAMES_MAX);
    for (const cJSON *v = cJSON_IsArray(out->v) ? out->v->child : NULL; v; v = v->next, i++) {
        struct jnode one = {.v = v, .up = out, .file = out->file, .index = i};
        if (!json_whole(v, &l))
            return json_wrong(&one, "the number of a layer", err);
    }
    if (used_member(root, "layers_pattern", &pattern, true, JSON_ARRAY, "names", err))
        return -1;
    if (!pattern.v || (cJSON_IsString(pattern.v) && !strcmp(pattern.v->valuestring, "layers")))
        return 0;
    for (const cJSON *v = cJSON_IsArray(pattern.v) ? pattern.v->child : NULL; v; v = v->next) {
        if (cJSON_IsString(v) && !strcmp(v->valuestring, "layers"))
            return 0;
    }
    return json_error(&pattern, err,
                      "is not implemented: here the list of layers is called \"layers\"");
}

/* A pattern's key may be a regular expression; most are the end of a module's name, which is all that is
 * read: with "^" the whole, "\\." for a dot, "$" behind. */
static int check_pattern(const struct jnode *map, bool whole, struct vac_err *err)
{
    for (const cJSON *v = map->v ? map->v->child : NULL; v; v = v->next) {
        struct jnode one = {.v = v, .up = map, .file = map->file, .key = v->string};
        int64_t r;
        for (const char *s = v->string + (v->string[0] == '^'); *s; s++) {
            if (!isalnum((unsigned char)*s) && !strchr("_.-", *s) && !(*s == '$' && !s[1]) &&
                !(*s == '\\' && s[1] == '.'))
                return json_error(&one, err,
                                  "a regular expression is not implemented: name the modules");
        }
        if (whole ? !json_whole(v, &r) || r < 1 || r > 1024
                  : !cJSON_IsNumber(v) || !(v->valuedouble > 0) || !isfinite(v->valuedouble))
            return json_wrong(&one, whole ? "a rank from 1 to 1024" : "a positive number", err);
    }
    return 0;
}

/* The value of the first key that means the module, or NULL. */
static const cJSON *pattern_value(const struct jnode *map, const char *module)
{
    for (const cJSON *v = map->v ? map->v->child : NULL; v; v = v->next) {
        bool start = v->string[0] == '^';
        char name[sizeof((struct linear *)0)->module];
        size_t n = 0;
        for (const char *s = v->string + start; *s && n + 1 < sizeof name; s++) {
            if (*s != '\\' && *s != '$')
                name[n++] = *s;
        }
        if (module_named(module, name, n) && (!start || n == strlen(module)))
            return v;
    }
    return NULL;
}

static bool is_named(const struct jnode *list, const char *module, bool exactly)
{
    for (const cJSON *v = cJSON_IsArray(list->v) ? list->v->child : NULL; v; v = v->next) {
        if (exactly ? !strcmp(v->valuestring, module)
                    : module_named(module, v->valuestring, strlen(v->valuestring)))
            return true;
    }
    return false;
}

/* A module's layer is the first part of its name that is a number. */
static bool layer_chosen(const struct jnode *layers, const char *module)
{
    const char *s = strchr(module, '.');
    int64_t l, x;

    if (!layers->v)
        return true;
    while (s && !isdigit((unsigned char)s[1]))
        s = strchr(s + 1, '.');
    l = s ? strtoll(s + 1, NULL, 10) : -1;
    if (cJSON_IsNumber(layers->v))
        return json_whole(layers->v, &x) && x == l;
    for (const cJSON *v = layers->v->child; v; v = v->next) {
        if (json_whole(v, &x) && x == l)
            return true;
    }
    return false;
}

/* Whether PEFT would put the adapter on this module. */
static bool targeted(const struct peft *p, const char *module)
{
    char name[192];

    if (is_named(&p->exclude, module, false))
        return false;
    if (p->targets.v && cJSON_IsString(p->targets.v)) {
        snprintf(name, sizeof name, PREFIX "%s.lora_A.weight", module);
        return weights_find(p->files, name) != NULL;
    }
    if (!p->targets.v)
        return true;
    if (is_named(&p->targets, module, true))
        return true;
    return is_named(&p->targets, module, false) && layer_chosen(&p->layers, module);
}

static size_t rank_of(const struct peft *p, const char *module)
{
    const cJSON *v = pattern_value(&p->ranks, module);

    return v ? (size_t)v->valuedouble : (size_t)p->r;
}

/* --- the config --- */

static void peft_done(struct peft *p)
{
    cJSON_Delete(p->doc);
    free(p->path);
}

static int read_targets(struct peft *p, struct vac_err *err)
{
    if (json_get(&p->root, "target_modules", JSON_ANY, &p->targets, err))
        return -1;
    if (cJSON_IsString(p->targets.v) && !strcmp(p->targets.v->valuestring, "all-linear"))
        p->targets.v = NULL;
    else if (!(cJSON_IsString(p->targets.v) && *p->targets.v->valuestring) &&
             (!cJSON_IsArray(p->targets.v) || !p->targets.v->child))
        return json_error(&p->targets, err, "expected a list of module names");
    if (json_count(&p->targets) > NAMES_MAX)
        return json_error(&p->targets, err, "at most %d entries are read", NAMES_MAX);
    if (cJSON_IsArray(p->targets.v) && check_names(&p->targets, err))
        return -1;
    return used_member(&p->root, "exclude_modules", &p->exclude, false, JSON_ARRAY,
                       "a list of module names (a pattern is not implemented)", err) ||
                   check_names(&p->exclude, err) || check_layers(&p->root, &p->layers, err) ||
                   used_member(&p->root, "rank_pattern", &p->ranks, false, JSON_OBJECT,
                               "an object {...}", err) ||
                   used_member(&p->root, "alpha_pattern", &p->alphas, false, JSON_OBJECT,
                               "an object {...}", err) ||
                   check_pattern(&p->ranks, true, err) || check_pattern(&p->alphas, false, err)
               ? -1
               : 0;
}

static int peft_read(struct peft *p, const char *dir, struct vac_err *err)
{
    const char *type = "", *bias = "none";

    *p = (struct peft){.path = path_join(dir, "adapter_config.json", err), .r = 8, .alpha = 8};
    p->doc = p->path ? json_read(p->path, 16 << 20, err) : NULL;
    if (!p->doc)
        return -1;
    p->root = json_root(p->doc, p->path);
    if (!cJSON_IsObject(p->doc))
        return json_error(&p->root, err, "expected an object");
    if (json_str(&p->root, "peft_type", &type, err) || json_opt_str(&p->root, "bias", &bias, err))
        return -1;
    if (strcmp(type, "LORA"))
        return json_error(&p->root, err, "peft_type \"%s\" is not implemented; LORA is", type);
    if (strcmp(bias, "none"))
        return json_error(&p->root, err, "bias \"%s\" is not implemented; none is", bias);
    if (json_opt_int(&p->root, "r", 1, 1024, &p->r, err) ||
        json_opt_num(&p->root, "lora_alpha", &p->alpha, err) ||
        json_opt_num(&p->root, "lora_dropout", &p->dropout, err) ||
        json_opt_bool(&p->root, "use_rslora", &p->rslora, err) || refuse_unknown(&p->root, err) ||
        check_init(&p->root, err) || read_targets(p, err))
        return -1;
    return 0;
}

/* Names as they stand where they mean the same modules in every layer; else each module by its own. */
static bool names_suffice(const struct peft *p)
{
    if (!cJSON_IsArray(p->targets.v) || p->exclude.v || p->layers.v)
        return false;
    for (const cJSON *v = p->targets.v->child; v; v = v->next) {
        if (strchr(v->valuestring, '.') || strchr(v->valuestring, ','))
            return false;
    }
    return true;
}

static int no_target(const struct model *m, const struct peft *p, struct vac_err *err)
{
    const cJSON *first = cJSON_IsArray(p->targets.v) ? p->targets.v->child : NULL;
    struct vac_err why = {0};

    if (!first || p->exclude.v || p->layers.v)
        return json_error(&p->root, err, "target_modules: no module of this model is meant");
    target_unknown(m, first->valuestring, "target_modules", &why);
    return json_error(&p->root, err, "%s", why.msg);
}

/* What the config makes of this model; the text of spec->targets is the caller's to free. */
static int resolve(const struct model *m, const struct peft *p, struct lora_spec *spec,
                   char **targets, struct vac_err *err)
{
    bool short_names = names_suffice(p);
    struct strbuf s = {0};
    const struct linear *x;
    size_t most = 0, n = 0;

    for (size_t k = 0; (x = model_linear_at(m, k)); k++) {
        if (!targeted(p, x->module))
            continue;
        most = rank_of(p, x->module) > most ? rank_of(p, x->module) : most;
        if (!short_names)
            sb_printf(&s, "%s%s", n ? "," : "", x->module);
        n++;
    }
    for (const cJSON *v = short_names ? p->targets.v->child : NULL; n && v; v = v->next) {
        bool known = false;
        for (size_t k = 0; !known && (x = model_linear_at(m, k)); k++)
            known = module_named(x->module, v->valuestring, strlen(v->valuestring));
        if (known)
            sb_printf(&s, "%s%s", s.len ? "," : "", v->valuestring);
    }
    if (n == 0 || sb_ok(&s, err)) {
        sb_done(&s);
        return n == 0 ? no_target(m, p, err) : -1;
    }
    *spec = (struct lora_spec){
        .r = most, .alpha = p->alpha, .dropout = p->dropout, .rslora = p->rslora, .targets = s.s};
    *targets = s.s;
    return 0;
}

/* The weights of the adapter; a folder may hold those of a model beside them. */
static struct weights *open_files(const char *dir, struct vac_err *err)
{
    return weights_open_stem(dir, "adapter_model", err);
}

/* --- matrices and their names --- */

static const char *const letters[] = {"A", "B"};

static void matrix_name(char *name, size_t size, const struct linear *x, int which)
{
    snprintf(name, size, PREFIX "%s.lora_%s.weight", x->module, letters[which]);
}

/* Finds the matrix of this name; files have them in an order of their own. */
static bool find_matrix(const struct model *m, const struct adapter *a, const char *want,
                        size_t *at, size_t *n)
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

/* A [r,in] or B [out,r] of the file, as the first rows or columns of the adapter's rank R. */
static int load_matrix(struct model *m, const struct weights *w, const struct lora_place *at,
                       const struct adapter *a, int which, size_t r, struct vac_err *err)
{
    size_t rows = which ? at->x->out : r, cols = which ? r : at->x->in, R = which ? a->r : cols;
    size_t shape[2] = {rows, cols};
    char name[192];
    const struct st_tensor *t;
    float *x, *y;

    matrix_name(name, sizeof name, at->x, which);
    t = weights_want(w, name, 2, shape, err);
    x = t ? mem_new(t->numel, sizeof *x, err) : NULL;
    y = x ? mem_new(rows, R * sizeof *y, err) : NULL;
    if (y) {
        dtype_widen(x, t->data, t->dtype, t->numel);
        for (size_t i = 0; i < rows; i++)
            memcpy(y + i * R, x + i * cols, cols * sizeof *y);
        compute_upload(m->c, (struct ref){a->w, which ? at->b : at->a}, y, rows * R);
    }
    free(x);
    free(y);
    return y ? 0 : -1;
}

static int refuse_extra(const struct model *m, const struct adapter *a, const struct weights *w,
                        size_t n, struct vac_err *err)
{
    size_t i = 0, at, len;

    while (i + 1 < weights_count(w) && find_matrix(m, a, weights_at(w, i)->name, &at, &len))
        i++;
    return err_set(
        err, VAC_ERR_UNSUPPORTED,
        "%s: %s: its target_modules make %zu tensors for this model, and this is none of them",
        weights_path(w), weights_at(w, i)->name, n);
}

static int load_all(struct model *m, struct adapter *a, const struct peft *p,
                    const struct weights *w, struct vac_err *err)
{
    struct lora_place at;
    size_t n = 0;

    for (size_t k = 0; adapter_place(m, a, k, &at); k++) {
        const cJSON *own;
        size_t r;
        double alpha, widened;
        if (!at.on)
            continue;
        r = rank_of(p, at.x->module);
        own = pattern_value(&p->alphas, at.x->module);
        alpha = own ? own->valuedouble : p->alpha;
        widened = (double)a->r / (double)r;
        adapter_weigh(m, a, k, r == a->r ? alpha : alpha * (p->rslora ? sqrt(widened) : widened),
                      lora_scale(alpha, r, p->rslora));
        if (load_matrix(m, w, &at, a, 0, r, err) || load_matrix(m, w, &at, a, 1, r, err))
            return -1;
        n += 2;
    }
    return weights_count(w) == n ? 0 : refuse_extra(m, a, w, n, err);
}

int peft_spec(const struct model *m, const char *dir, struct lora_spec *spec, char **targets,
              struct vac_err *err)
{
    struct weights *w = NULL;
    struct peft p;
    int rc = peft_read(&p, dir, err);

    *spec = (struct lora_spec){0};
    *targets = NULL;
    /* only the names of the tensors tell what a pattern has met */
    if (rc == 0 && p.targets.v && cJSON_IsString(p.targets.v)) {
        p.files = w = open_files(dir, err);
        rc = w ? 0 : -1;
    }
    if (rc == 0)
        rc = resolve(m, &p, spec, targets, err);
    weights_close(w);
    peft_done(&p);
    return rc;
}

static int peft_load(struct model *m, const char *dir, struct vac_err *err)
{
    struct lora_spec spec;
    struct weights *w;
    struct adapter *a;
    char *targets = NULL;
    struct peft p;
    int rc = peft_read(&p, dir, err);

    p.files = w = rc == 0 ? open_files(dir, err) : NULL;
    rc = w ? resolve(m, &p, &spec, &targets, err) : -1;
    if (rc)
        goto out;
    a = model_push_adapter(m, &spec, err);
    if (!a) {
        rc = err_prefix(err, "%s", p.path);
        goto out;
    }
    rc = load_all(m, a, &p, w, err) || weights_check(w, err) ? -1 : 0;
    if (rc)
        adapter_pop(m);
out:
    free(targets);
    weights_close(w);
    peft_done(&p);
    return rc;
}

int model_add_peft(struct model *m, const char *dir, bool trained, double dropout,
                   struct vac_err *err)
{
    model_freeze(m);
    if (peft_load(m, dir, err))
        return -1;
    if (dropout >= 0)
        m->adapter[m->n_adapter - 1].dropout = dropout;
    if (trained && model_retrain_lora(m, NAN, err)) {
        model_freeze(m);
        adapter_pop(m);
        return -1;
    }
    return 0;
}

/* --- writing --- */

/* A folder of the cache is one's own; its name and commit are everybody's. */
static int put_base(const char *base, struct json_out *o, struct vac_err *err)
{
    char *name = NULL, *commit = NULL;
    int rc = hub_name_of(base, &name, &commit, err);

    if (rc < 0)
        return -1;
    json_put_text(o, "base_model_name_or_path", rc ? base : name);
    json_put_text(o, "revision", rc ? NULL : commit);
    if (rc == 0) {
        free(name);
        free(commit);
    }
    return 0;
}

static int save_config(const struct model *m, const struct adapter *a, const char *base,
                       const char *dir, struct vac_err *err)
{
    struct strbuf s = {0};
    struct json_out o = json_out(&s);
    struct lora_place at;
    int rc = -1;

    json_put_object(&o, NULL, JSON_LINED);
    json_put_text(&o, "auto_mapping", NULL);
    if (put_base(base, &o, err))
        goto out;
    json_put_text(&o, "bias", "none");
    json_put_bool(&o, "fan_in_fan_out", false);
    json_put_bool(&o, "inference_mode", true);
    json_put_bool(&o, "init_lora_weights", true);
    json_put_text(&o, "layers_pattern", NULL);
    json_put_text(&o, "layers_to_transform", NULL);
    json_put_num(&o, "lora_alpha", a->alpha);
    json_put_num(&o, "lora_dropout", a->dropout);
    json_put_text(&o, "modules_to_save", NULL);
    json_put_text(&o, "peft_type", "LORA");
    json_put_natural(&o, "r", a->r);
    json_put_object(&o, "rank_pattern", JSON_TIGHT);
    json_put_end(&o);
    json_put_object(&o, "alpha_pattern", JSON_LINED);
    for (size_t k = 0; adapter_place(m, a, k, &at); k++)
        if (at.on &&
            at.alpha != a->alpha) /* the modules whose weight is another than the adapter's */
            json_put_num(&o, at.x->module, at.alpha);
    json_put_end(&o);
    json_put_list(&o, "target_modules", JSON_LINED);
    for (const char *t = a->targets; *t;) {
        size_t k = strcspn(t, ",");

        json_put_bytes(&o, NULL, t, k);
        t += k + (t[k] == ',');
    }
    json_put_end(&o);
    json_put_text(&o, "task_type", "CAUSAL_LM");
    json_put_bool(&o, "use_dora", false);
    json_put_bool(&o, "use_rslora", a->rslora);
    json_put_end(&o);
    sb_putc(&s, '\n');
    rc = out_text(dir, "adapter_config.json", &s, err);
out:
    sb_done(&s);
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

static int put_all(const struct model *m, const struct adapter *a, struct st_writer *w,
                   size_t count, struct vac_err *err)
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
    if (w && !declare_all(m, a, w, err) && !st_begin(w, &count, err) &&
        !put_all(m, a, w, count, err) && !st_commit(w, err) &&
        !save_config(m, a, base ? base : model_dir(m), dir, err))
        rc = 0;
out:
    st_free(w);
    free(path);
    return rc;
}
