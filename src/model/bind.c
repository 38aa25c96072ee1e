/* bind.c - weights bound to their names in the file, nothing read. */
#include "model/bind.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int weight_bind(struct model *m, struct weight *w, struct vac_err *err)
{
    const char *name = w->name;

    if (!m->files)
        return 0; /* random: memory comes when all are known */
    /* Some files keep the names of the inner model, without "model." in front. */
    if (!weights_find(m->files, name) && !strncmp(name, "model.", 6) &&
        weights_find(m->files, name + 6))
        name += 6;
    w->src = weights_want(m->files, name, w->rank, w->shape, err);
    if (!w->src)
        return -1;
    w->wrapped = compute_wrap(m->c, w->src->data, w->src->dtype, w->numel, err);
    w->w = (struct ref){w->wrapped, 0};
    return w->wrapped ? 0 : -1;
}

struct weight *model_weight(struct model *m, struct vac_err *err, size_t rows, size_t cols,
                            const char *fmt, ...)
{
    struct weight *w = mem_new(1, sizeof *w, err);
    va_list ap;

    if (!w || mem_grow(&m->weight, &m->cap_weight, m->n_weight + 1, sizeof *m->weight, err)) {
        free(w);
        return NULL;
    }
    m->weight[m->n_weight++] = w;
    va_start(ap, fmt);
    vsnprintf(w->name, sizeof w->name, fmt, ap);
    va_end(ap);
    w->rank = cols ? 2 : 1;
    w->shape[0] = rows;
    w->shape[1] = cols;
    w->decay = cols != 0;
    if (size_mul(rows, cols ? cols : 1, &w->numel)) {
        err_set(err, VAC_ERR_FORMAT, "%s: its shape is too large", w->name);
        return NULL;
    }
    return weight_bind(m, w, err) ? NULL : w;
}

int model_linear(struct model *m, size_t l, enum group_id g, size_t i, size_t in, size_t out,
                 bool bias, const char *prefix, const char *part, struct vac_err *err)
{
    struct group *group = &m->layer[l].group[g];
    struct linear *x = &group->lin[i];
    const char *dot;

    snprintf(x->module, sizeof x->module, "%s.%zu.%s", prefix, l, part);
    dot = strrchr(x->module, '.');
    x->target = dot + 1;
    x->in = in;
    x->out = out;
    if (group->n < i + 1)
        group->n = i + 1;
    group->in = in;
    x->w = model_weight(m, err, out, in, "%s.weight", x->module);
    if (!x->w)
        return -1;
    if (!bias)
        return 0;
    x->b = model_weight(m, err, out, 0, "%s.bias", x->module);
    return x->b ? 0 : -1;
}

int model_may_own(const struct model *m, struct vac_err *err)
{
    for (size_t i = 0; i < m->n_weight; i++) {
        const struct st_tensor *t = m->weight[i]->src;
        if (t && dtype_block(t->dtype) > 1)
            return err_set(
                err, VAC_ERR_UNSUPPORTED,
                "%s: weights in blocks (%s) are not trained themselves: train an adapter "
                "(\"lora\"), or merge them first into a folder of F32 weights (vaccine "
                "merge) and train that",
                weights_path(m->files), dtype_name(t->dtype));
    }
    return 0;
}

int model_own(struct model *m, struct vac_err *err)
{
    size_t n = 0;

    if (model_may_own(m, err))
        return -1;

    for (int decay = 1; decay >= 0; decay--) {
        for (size_t i = 0; i < m->n_weight; i++) {
            struct weight *w = m->weight[i];
            if (w->decay != (decay == 1))
                continue;
            w->own_at = n;
            if (size_add(n, w->numel, &n))
                return err_set(err, VAC_ERR_MEMORY,
                               "the model is too large for this machine's addresses");
        }
        if (decay)
            m->own_decay = n;
    }
    m->own_n = n;
    m->owned = compute_alloc(m->c, n, err);
    return m->owned ? 0 : -1;
}
