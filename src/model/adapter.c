/* adapter.c - the stack of low-rank terms: where they lie and which linears they are of.
 *
 *     y = x W^T + b + scale (dropout(x) A^T) B^T,  scale = alpha / r  (rsLoRA: alpha / sqrt(r))
 *
 * Hu et al. 2021, arXiv 2106.09685, equation 3. The A of linears that read the same input lie stacked, so
 * that one product serves all of them. */
#include "model/adapter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parameters of different groups start at multiples of this: vector loads stay aligned. */
#define ALIGN_FLOATS 16

void adapter_forget(struct adapter *a)
{
    free(a->term);
    free(a->targets);
    *a = (struct adapter){0};
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

int lora_spec_check(const struct lora_spec *s, struct vac_err *err)
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
    if (lora_spec_check(spec, err))
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
        adapter_forget(a);
        return NULL;
    }
    m->n_adapter++;
    model_restack(m);
    return a;
}

void adapter_pop(struct model *m)
{
    struct adapter *a = &m->adapter[--m->n_adapter];

    compute_release(m->c, a->w);
    compute_release(m->c, a->g);
    adapter_forget(a);
    model_restack(m);
}

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
