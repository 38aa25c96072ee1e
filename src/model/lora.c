/* lora.c - what is trained: the top adapter, or all weights. */
#include "model/lora.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/adapter.h"
#include "model/bind.h"

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

/* With products of bf16 a frozen matrix need not be kept in more. The file's pages can go, and come back
 * where all is trained after all. */
static int narrow_base(struct model *m, struct vac_err *err)
{
    for (size_t i = 0; m->c->bf16 && !m->owned && i < m->n_weight; i++) {
        struct weight *w = m->weight[i];
        if (w->rank < 2 || !w->src || w->src->dtype != DTYPE_F32 || w->narrow)
            continue;
        w->narrow = mem_new(w->numel, dtype_size(DTYPE_BF16), err);
        if (!w->narrow)
            return -1;
        for (size_t at = 0, n; at < w->numel; at += n) {
            float part[4096];
            n = w->numel - at < 4096 ? w->numel - at : 4096;
            compute_download(m->c, part, (struct ref){w->wrapped, at}, n);
            dtype_narrow((char *)w->narrow + dtype_bytes(DTYPE_BF16, at), part, DTYPE_BF16, n);
        }
        w->narrowed = compute_wrap(m->c, w->narrow, DTYPE_BF16, w->numel, err);
        if (!w->narrowed)
            return -1;
        w->w = (struct ref){w->narrowed, 0};
        weights_forget(m->files, w->src);
    }
    return 0;
}

/* Makes the top adapter the one that is trained. */
static int adapter_train(struct model *m, struct vac_err *err)
{
    struct adapter *a = &m->adapter[m->n_adapter - 1];
    struct lora_place at;

    if (m->cfg.n_labels)
        return err_set(err, VAC_ERR_UNSUPPORTED, "a sequence classifier cannot be trained");
    if (narrow_base(m, err))
        return -1;
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
    for (size_t i = 0; i < m->params.count; i++)
        free(m->params.list[i].name);
    free(m->params.list);
    m->params = (struct params){0};
    for (size_t k = 0; k < m->n_adapter; k++) {
        compute_release(m->c, m->adapter[k].g);
        m->adapter[k].g = NULL;
        m->adapter[k].trained = false;
    }
    compute_release(m->c, m->owned_g);
    m->owned_g = NULL;
    for (size_t i = 0; i < m->n_weight; i++)
        m->weight[i]->g = REF_NONE;
    m->trains = m->full = false;
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
    if (adapter_train(m, err)) {
        model_freeze(m);
        adapter_pop(m);
        return -1;
    }
    for (size_t k = 0; adapter_place(m, a, k, &at); k++) {
        float bound = 1.0f / sqrtf((float)at.x->in);
        if (at.on)
            op_uniform(m->c, ref_at(m->params.w, at.a), a->r * at.x->in,
                       rng_key(seed, RNG_LORA, stage, k), -bound, bound);
    }
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
    if (lora_spec_check(&s, err))
        return -1;
    a->dropout = s.dropout;
    return adapter_train(m, err);
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
        op_copy(m->c, to, weight_exact(w), w->numel);
        compute_release(m->c, w->narrowed);
        free(w->narrow);
        w->narrowed = NULL;
        w->narrow = NULL;
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
        adapter_pop(m);
    m->owned_g = compute_alloc(m->c, m->own_n, err);
    if (!m->owned_g || full_params(m, err)) {
        model_freeze(m);
        return -1;
    }
    return 0;
}
