/* lora.c - adapters and what is trained: the stack of low-rank terms, their parameters, full fine-tuning.
 *
 *     y = x W^T + b + scale (dropout(x) A^T) B^T,  scale = alpha / r  (rsLoRA: alpha / sqrt(r))
 *
 * Hu et al. 2021, arXiv 2106.09685, equation 3. The A of linears that read the same input lie stacked, so
 * that one product serves all of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/layers.h"

/* Parameters of different groups start at multiples of this: vector loads stay aligned. */
#define ALIGN_FLOATS 16

const struct params *model_params(const struct model *m)
{
    return m->trains ? &m->params : NULL;
}

size_t model_adapters(const struct model *m)
{
    return m->n_adapter;
}

size_t model_use_adapters(struct model *m, size_t n)
{
    size_t was = m->n_used;

    m->n_used = n;
    return was;
}

bool model_is_full(const struct model *m)
{
    return m->full;
}

void params_clear(struct model *m)
{
    for (size_t i = 0; i < m->params.count; i++)
        free(m->params.list[i].name);
    free(m->params.list);
    m->params = (struct params){0};
    m->trains = false;
}

void adapter_forget(struct adapter *a)
{
    free(a->term);
    free(a->targets);
    *a = (struct adapter){0};
}

void adapter_done(struct model *m, struct adapter *a)
{
    compute_release(m->c, a->w);
    compute_release(m->c, a->g);
    adapter_forget(a);
}

static struct lowrank *term_of(const struct adapter *a, size_t l, int g)
{
    return &a->term[l * GROUP_COUNT + g];
}

/* Number n of the model's linears: layer l, group g, place i. */
static bool linear_index(const struct model *m, size_t n, size_t *l, int *g, size_t *i)
{
    size_t per_layer = 0;

    for (int k = 0; k < GROUP_COUNT; k++)
        per_layer += m->layer[0].group[k].n;
    *l = n / per_layer;
    n %= per_layer;
    for (*g = 0; n >= m->layer[0].group[*g].n; ++*g)
        n -= m->layer[0].group[*g].n;
    *i = n;
    return *l < m->cfg.L;
}

const struct linear *model_linear_at(const struct model *m, size_t n)
{
    size_t l, i;
    int g;

    return linear_index(m, n, &l, &g, &i) ? &m->layer[l].group[g].lin[i] : NULL;
}

bool adapter_place(const struct model *m, const struct adapter *a, size_t n, struct lora_place *out)
{
    const struct lowrank *t;
    size_t l, i, before = 0;
    int g;

    if (!linear_index(m, n, &l, &g, &i))
        return false;
    t = term_of(a, l, g);
    for (size_t k = 0; k < i; k++)
        before += t->on[k];
    *out = (struct lora_place){.x = &m->layer[l].group[g].lin[i],
                               .on = t->on[i],
                               .b = t->b_at[i],
                               .alpha = t->alpha[i],
                               .scale = t->scale[i]};
    out->a = t->a_at + before * a->r * out->x->in;
    return true;
}

void adapter_weigh(const struct model *m, struct adapter *a, size_t n, double alpha, float scale)
{
    size_t l, i;
    int g;

    if (!linear_index(m, n, &l, &g, &i))
        return;
    term_of(a, l, g)->alpha[i] = alpha;
    term_of(a, l, g)->scale[i] = scale;
}

/* Layers may have different numbers of targets: the columns are for the most. */
void model_restack(struct model *m)
{
    memset(m->h_cols, 0, sizeof m->h_cols);
    for (size_t k = 0; k < m->n_adapter; k++) {
        for (int g = 0; g < GROUP_COUNT; g++) {
            size_t most = 0;
            for (size_t l = 0; l < m->cfg.L; l++) {
                size_t n = term_of(&m->adapter[k], l, g)->n_on;
                most = n > most ? n : most;
            }
            m->adapter[k].col[g] = m->h_cols[g];
            m->h_cols[g] += most * m->adapter[k].r;
        }
    }
}

/* --- which modules an adapter changes --- */

bool module_named(const char *module, const char *name, size_t k)
{
    size_t n = strlen(module);

    return k > 0 && k <= n && !strncmp(module + n - k, name, k) &&
           (k == n || module[n - k - 1] == '.');
}

static bool target_listed(const char *list, const struct linear *x)
{
    for (const char *s = list; *s;) {
        size_t k = strcspn(s, ",");
        if (module_named(x->module, s, k))
            return true;
        s += k + (s[k] == ',');
    }
    return false;
}

static const char *target_candidate(const void *ctx, size_t i)
{
    const struct linear *x = model_linear_at(ctx, i);

    return x ? x->target : NULL;
}

static bool target_exists(const struct model *m, const char *name, size_t k)
{
    const struct linear *x;

    for (size_t n = 0; (x = model_linear_at(m, n)); n++) {
        if (module_named(x->module, name, k))
            return true;
    }
    return false;
}

int target_unknown(const struct model *m, const char *name, const char *key, struct vac_err *err)
{
    const char *near = err_nearest(name, target_candidate, m);

    return err_set(err, VAC_ERR_USAGE, "%s: \"%s\" is no linear of a %s block%s%s%s; there are %s",
                   key, name, m->cfg.arch->name, near ? " (did you mean \"" : "", near ? near : "",
                   near ? "\"?)" : "", m->cfg.arch->peft_targets);
}

/* "all" or names, each of which must be a linear of this architecture. Free it. */
static char *targets_resolve(const struct model *m, const char *targets, struct vac_err *err)
{
    const char *all = m->cfg.arch->peft_targets;
    char name[sizeof((struct linear *)0)->module];

    if (!strcmp(targets, "all") || !strcmp(targets, "all-linear"))
        targets = all;
    for (const char *s = targets; *s;) {
        size_t k = strcspn(s, ",");
        if (!target_exists(m, s, k)) {
            snprintf(name, sizeof name, "%.*s", (int)(k < sizeof name ? k : sizeof name - 1), s);
            target_unknown(m, name, "targets", err);
            return NULL;
        }
        s += k + (s[k] == ',');
    }
    if (!*targets) {
        err_set(err, VAC_ERR_USAGE, "targets: no module is named; there are %s", all);
        return NULL;
    }
    return mem_strdup(targets, err);
}

float lora_scale(double alpha, size_t r, bool rslora)
{
    return (float)(rslora ? alpha / sqrt((double)r) : alpha / (double)r);
}

/* Lays the adapter's matrices out; n counts its numbers. */
static void adapter_layout(const struct model *m, struct adapter *a)
{
    for (size_t l = 0; l < m->cfg.L; l++) {
        for (int g = 0; g < GROUP_COUNT; g++) {
            const struct group *group = &m->layer[l].group[g];
            struct lowrank *t = term_of(a, l, g);
            for (size_t i = 0; i < group->n; i++) {
                t->on[i] = target_listed(a->targets, &group->lin[i]);
                t->n_on += t->on[i];
                t->alpha[i] = a->alpha;
                t->scale[i] = lora_scale(a->alpha, a->r, a->rslora);
            }
            t->a_at = a->n;
            a->n += t->n_on * a->r * group->in;
            for (size_t i = 0; i < group->n; i++) {
                t->b_at[i] = a->n;
                a->n += t->on[i] ? group->lin[i].out * a->r : 0;
            }
            a->n = (a->n + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
        }
    }
}

static int spec_check(const struct lora_spec *s, struct vac_err *err)
{
    if (s->r < 1 || s->r > 1024)
        return err_set(err, VAC_ERR_USAGE, "r: expected a whole number from 1 to 1024, found %zu",
                       s->r);
    if (!(s->alpha > 0) || !isfinite(s->alpha))
        return err_set(err, VAC_ERR_USAGE, "alpha: expected a positive number, found %g", s->alpha);
    if (!(s->dropout >= 0 && s->dropout < 1))
        return err_set(err, VAC_ERR_USAGE, "dropout: expected 0 <= dropout < 1, found %g",
                       s->dropout);
    return 0;
}

int adapter_shape(const struct model *m, struct adapter *a, const struct lora_spec *spec,
                  struct vac_err *err)
{
    *a = (struct adapter){
        .r = spec->r, .alpha = spec->alpha, .dropout = spec->dropout, .rslora = spec->rslora};
    if (spec_check(spec, err))
        return -1;
    a->term = mem_new(m->cfg.L * GROUP_COUNT, sizeof *a->term, err);
    a->targets = a->term ? targets_resolve(m, spec->targets, err) : NULL;
    if (!a->targets) {
        adapter_forget(a);
        return -1;
    }
    adapter_layout(m, a);
    return 0;
}

struct adapter *model_push_adapter(struct model *m, const struct lora_spec *spec,
                                   struct vac_err *err)
{
    struct adapter *grown = realloc(m->adapter, (m->n_adapter + 1) * sizeof *grown), *a;

    if (!grown) {
        err_set(err, VAC_ERR_MEMORY, "out of memory");
        return NULL;
    }
    m->adapter = grown;
    a = &grown[m->n_adapter];
    if (adapter_shape(m, a, spec, err))
        return NULL;
    a->w = compute_alloc(m->c, a->n, err);
    if (!a->w) {
        adapter_done(m, a);
        return NULL;
    }
    m->n_adapter++;
    model_restack(m);
    return a;
}

/* --- parameters --- */

static int params_push(struct model *m, size_t at, size_t rank, size_t rows, size_t cols,
                       const char *prefix, const char *name, const char *suffix,
                       struct vac_err *err)
{
    struct param *p = &m->params.list[m->params.count];
    struct strbuf s = {0};

    sb_printf(&s, "%s%s%s", prefix, name, suffix);
    if (sb_ok(&s, err)) {
        sb_done(&s);
        return -1;
    }
    *p = (struct param){.name = s.s, .at = at, .rank = rank, .shape = {rows, cols}};
    m->params.count++;
    return 0;
}

/* Fills the list with the adapter's matrices, in the order of the model's linears. */
static int adapter_params(struct model *m, const struct adapter *a, struct vac_err *err)
{
    struct lora_place at;

    m->params.list = mem_new(m->cfg.L * GROUP_COUNT * GROUP_MAX * 2, sizeof *m->params.list, err);
    if (!m->params.list)
        return -1;
    for (size_t k = 0; adapter_place(m, a, k, &at); k++) {
        if (at.on && (params_push(m, at.a, 2, a->r, at.x->in, "base_model.model.", at.x->module,
                                  ".lora_A.weight", err) ||
                      params_push(m, at.b, 2, at.x->out, a->r, "base_model.model.", at.x->module,
                                  ".lora_B.weight", err)))
            return -1;
    }
    return 0;
}

/* Makes the top adapter the one that is trained. */
static int adapter_train(struct model *m, struct vac_err *err)
{
    struct adapter *a = &m->adapter[m->n_adapter - 1];

    if (m->cfg.n_labels)
        return err_set(err, VAC_ERR_UNSUPPORTED, "a sequence classifier cannot be trained");
    if (adapter_params(m, a, err))
        return -1;
    a->g = compute_alloc(m->c, a->n, err);
    if (!a->g)
        return -1;
    a->trained = true;
    m->params.w = (struct ref){a->w, 0};
    m->params.g = (struct ref){a->g, 0};
    m->params.n = m->params.n_decay = a->n;
    m->trains = true;
    return 0;
}

void model_freeze(struct model *m)
{
    params_clear(m);
    for (size_t k = 0; k < m->n_adapter; k++) {
        compute_release(m->c, m->adapter[k].g);
        m->adapter[k].g = NULL;
        m->adapter[k].trained = false;
    }
    compute_release(m->c, m->owned_g);
    m->owned_g = NULL;
    for (size_t i = 0; i < m->n_weight; i++)
        m->weight[i]->g = REF_NONE;
    m->full = false;
}

/* Drops a half-made top adapter. */
static int adapter_drop(struct model *m)
{
    params_clear(m);
    adapter_done(m, &m->adapter[--m->n_adapter]);
    model_restack(m);
    return -1;
}

int model_add_lora(struct model *m, const struct lora_spec *spec, uint64_t seed, uint64_t stage,
                   struct vac_err *err)
{
    struct adapter *a;
    struct lora_place at;

    model_freeze(m);
    a = model_push_adapter(m, spec, err);
    if (!a)
        return -1;
    if (adapter_train(m, err))
        return adapter_drop(m);
    for (size_t k = 0; adapter_place(m, a, k, &at); k++) {
        float bound = 1.0f / sqrtf((float)at.x->in);
        if (at.on)
            op_uniform(m->c, ref_at(m->params.w, at.a), a->r * at.x->in,
                       rng_key(seed, RNG_LORA, stage, k), -bound, bound);
    }
    return 0;
}

int model_add_peft(struct model *m, const char *dir, bool trained, double dropout,
                   struct vac_err *err)
{
    model_freeze(m);
    if (peft_load(m, dir, err))
        return -1;
    if (dropout >= 0)
        m->adapter[m->n_adapter - 1].dropout = dropout;
    if (trained && adapter_train(m, err))
        return adapter_drop(m);
    return 0;
}

int model_retrain_lora(struct model *m, double dropout, struct vac_err *err)
{
    struct adapter *a;
    struct lora_spec s;

    if (m->n_adapter == 0)
        return err_set(err, VAC_ERR_USAGE,
                       "adapter \"same\": there is no earlier adapter to go on with");
    model_freeze(m);
    a = &m->adapter[m->n_adapter - 1];
    s = (struct lora_spec){
        .r = a->r, .alpha = a->alpha, .dropout = isnan(dropout) ? a->dropout : dropout};
    if (spec_check(&s, err))
        return -1;
    a->dropout = s.dropout;
    return adapter_train(m, err);
}

/* --- full fine-tuning --- */

void model_merge_into(const struct model *m, const struct weight *w, struct ref to)
{
    struct lora_place at;
    size_t k = 0;

    while (model_linear_at(m, k) && model_linear_at(m, k)->w != w)
        k++;
    for (size_t j = 0; j < m->n_adapter; j++) {
        const struct adapter *a = &m->adapter[j];
        if (adapter_place(m, a, k, &at) && at.on)
            op_lora_merge(m->c, to, (struct ref){a->w, at.a}, (struct ref){a->w, at.b}, at.scale,
                          at.x->out, at.x->in, a->r);
    }
}

static int full_params(struct model *m, struct vac_err *err)
{
    m->params.list = mem_new(m->n_weight, sizeof *m->params.list, err);
    if (!m->params.list)
        return -1;
    for (size_t i = 0; i < m->n_weight; i++) {
        struct weight *w = m->weight[i];
        if (params_push(m, w->own_at, w->rank, w->shape[0], w->shape[1], "", w->name, "", err))
            return -1;
        w->g = (struct ref){m->owned_g, w->own_at};
    }
    m->params.w = (struct ref){m->owned, 0};
    m->params.g = (struct ref){m->owned_g, 0};
    m->params.n = m->own_n;
    m->params.n_decay = m->own_decay;
    m->trains = m->full = true;
    return 0;
}

/* Weights of the file become F32 copies, with what lies above them merged in. */
static int widen_all(struct model *m, struct vac_err *err)
{
    if (m->owned) {
        for (size_t i = 0; i < m->n_weight; i++)
            model_merge_into(m, m->weight[i], m->weight[i]->w);
        return 0;
    }
    if (model_own(m, err))
        return -1;
    for (size_t i = 0; i < m->n_weight; i++) {
        struct weight *w = m->weight[i];
        struct ref to = {m->owned, w->own_at};
        op_copy(m->c, to, w->w, w->numel);
        model_merge_into(m, w, to);
        w->w = to;
        if (w->src)
            weights_forget(m->files, w->src);
    }
    return 0;
}

int model_train_full(struct model *m, struct vac_err *err)
{
    if (m->cfg.n_labels)
        return err_set(err, VAC_ERR_UNSUPPORTED, "a sequence classifier cannot be trained");
    model_freeze(m);
    if (widen_all(m, err))
        return -1;
    while (m->n_adapter)
        adapter_done(m, &m->adapter[--m->n_adapter]);
    model_restack(m);
    m->owned_g = compute_alloc(m->c, m->own_n, err);
    if (!m->owned_g || full_params(m, err)) {
        params_clear(m);
        return -1;
    }
    return 0;
}
