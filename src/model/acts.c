/* acts.c - the activations of a pass: one buffer, laid out once.
 *
 * The same code first counts and then lays out, so that the memory plan and the allocation cannot differ.
 * Without training all layers share one layer's memory, and the residual stream is updated in place. */
#include "model/acts.h"

#include <stdlib.h>

#include "model/attention.h"

/* Pieces start at multiples of this many floats: a cache line. */
#define ALIGN_FLOATS 16

struct carve {
    struct buf *buf; /* NULL: only counting */
    size_t used;
};

static struct ref take(struct carve *k, size_t rows, size_t cols)
{
    struct ref r = {k->buf, k->used};

    k->used += (rows * cols + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
    return r;
}

static void carve_layer(const struct model *m, struct carve *k, struct layer_acts *a, size_t N,
                        bool train)
{
    const struct config *c = &m->cfg;

    a->mean1 = take(k, N, 1);
    a->rstd1 = take(k, N, 1);
    a->q = take(k, N, c->H * c->E);
    a->k = take(k, N, c->K * c->E);
    a->v = take(k, N, c->K * c->E);
    if (c->head_norm) {
        a->q0 = take(k, N, c->H * c->E);
        a->k0 = take(k, N, c->K * c->E);
        a->rstd_q = take(k, N, c->H);
        a->rstd_k = take(k, N, c->K);
    }
    a->y = take(k, N, c->H * c->E);
    a->lse = take(k, N, c->H);
    if (c->post_norms) {
        a->out1 = take(k, N, c->D);
        a->post_rstd1 = take(k, N, 1);
        a->out2 = take(k, N, c->D);
        a->post_rstd2 = take(k, N, 1);
    }
    a->mid = train ? take(k, N, c->D) : a->x;
    a->mean2 = take(k, N, 1);
    a->rstd2 = take(k, N, 1);
    if (!c->pre_norm) {
        a->ln1 = take(k, N, c->D);
        a->sum = train ? take(k, N, c->D) : a->ln1;
    }
    if (c->gated)
        a->gate = take(k, N, c->F);
    a->up = take(k, N, c->F);
    for (int g = 0; g < GROUP_COUNT; g++)
        a->h[g] = take(k, N, m->h_cols[g]);
}

static bool any_dropout(const struct model *m)
{
    for (size_t i = 0; i < m->n_adapter; i++) {
        if (m->adapter[i].trained && m->adapter[i].dropout > 0)
            return true;
    }
    return false;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void carve_backward(const struct model *m, struct carve *k, struct acts *a, size_t N)
{
    const struct config *c = &m->cfg;
    size_t wide = max_size(c->D, max_size(c->F, c->H * c->E)), cols = 1;

    for (int g = 0; g < GROUP_COUNT; g++)
        cols = max_size(cols, m->h_cols[g]);
    a->dh = take(k, N, cols);
    a->dx = take(k, N, c->D);
    a->dn = take(k, N, c->D);
    a->dq = take(k, N, c->H * c->E);
    a->dk = take(k, N, c->K * c->E);
    a->dv = take(k, N, c->K * c->E);
    a->dy = take(k, N, c->H * c->E);
    if (c->head_norm)
        a->dk0 = take(k, N, c->K * c->E);
    if (c->post_norms)
        a->dout = take(k, N, c->D);
    if (c->gated)
        a->dgate = take(k, N, c->F);
    a->dup = take(k, N, c->F);
    a->dact = take(k, N, c->F);
    if (c->P != c->D)
        a->demb = take(k, N, c->P);
    if (any_dropout(m)) {
        a->drop = take(k, N, wide);
        a->back = take(k, N, wide);
    }
}

/* Returns the floats used; a->layer has L + 1 entries, or is NULL when they are only counted. */
static size_t carve_all(const struct model *m, struct acts *a, struct buf *buf, size_t N,
                        size_t labelled, bool train)
{
    const struct config *c = &m->cfg;
    struct carve k = {.buf = buf};
    struct ref x = take(&k, N, c->D);
    struct layer_acts counted = {0};

    for (size_t l = 0; l <= c->L; l++) {
        struct layer_acts *at = a->layer ? &a->layer[l] : &counted;

        at->x = train && l ? take(&k, N, c->D) : x;
        if (l < c->L && (train || l == 0))
            carve_layer(m, &k, at, N, train);
        else if (l < c->L && a->layer)
            *at = a->layer[0];
    }
    if (c->P != c->D)
        a->emb = take(&k, N, c->P);
    a->t = take(&k, N, c->D);
    a->normed = take(&k, N, c->D);
    a->act = take(&k, N, c->F);
    a->head_x = take(&k, labelled, c->D);
    a->head = take(&k, labelled, c->P);
    a->head_n = c->P != c->D ? take(&k, labelled, c->D) : REF_NONE;
    a->head_mean = take(&k, labelled, 1);
    a->head_rstd = take(&k, labelled, 1);
    a->scores = take(&k, 1, c->n_labels);
    if (train) {
        a->dhead = take(&k, labelled, c->P);
        a->dhead_x = take(&k, labelled, c->D);
        carve_backward(m, &k, a, N);
    }
    return k.used;
}

size_t acts_floats(const struct model *m, size_t rows, size_t labelled, bool train)
{
    struct acts a = {0};

    return carve_all(m, &a, NULL, rows, labelled, train);
}

struct compute_limits acts_limits(const struct model *m, size_t rows, size_t context, bool train)
{
    const struct config *c = &m->cfg;

    return (struct compute_limits){.rows = rows,
                                   .seq = context,
                                   .width =
                                       max_size(max_size(c->D, c->P), max_size(c->F, c->H * c->E)),
                                   .vocab = max_size(c->V, c->n_labels),
                                   .head = c->E,
                                   .train = train};
}

/* What the tables of the model and of the backend must hold for such passes. */
static int reserve(struct model *m, size_t rows, size_t context, bool train, struct vac_err *err)
{
    struct compute_limits lim = acts_limits(m, rows, context, train);

    if (m->embed_pos && context > m->cfg.max_pos)
        return err_set(err, VAC_ERR_USAGE,
                       "sequences of %zu tokens are longer than the model's "
                       "max_position_embeddings %zu",
                       context, m->cfg.max_pos);
    return model_rope(m, context, err) || compute_reserve(m->c, &lim, err) ? -1 : 0;
}

struct acts *acts_new(struct model *m, size_t rows, size_t labelled, size_t context, bool train,
                      struct vac_err *err)
{
    struct acts *a = mem_new(1, sizeof *a, err);

    if (!a)
        return NULL;
    a->m = m;
    a->rows = rows;
    a->labelled = labelled ? labelled : 1;
    a->context = context;
    a->train = train;
    a->layer = mem_new(m->cfg.L + 1, sizeof *a->layer, err);
    a->index = mem_new(rows, sizeof *a->index, err);
    a->row_loss = mem_new(a->labelled, sizeof *a->row_loss, err);
    if (!a->layer || !a->index || !a->row_loss ||
        reserve(m, max_size(rows, a->labelled), context, train, err))
        goto fail;
    a->buf = compute_alloc(m->c, acts_floats(m, rows, a->labelled, train), err);
    if (!a->buf)
        goto fail;
    carve_all(m, a, a->buf, rows, a->labelled, train);
    return a;
fail:
    acts_free(a);
    return NULL;
}

void acts_free(struct acts *a)
{
    if (!a)
        return;
    compute_release(a->m->c, a->buf);
    free(a->layer);
    free(a->index);
    free(a->row_loss);
    free(a);
}

struct acts_room acts_room(const struct acts *a)
{
    return (struct acts_room){.rows = a->rows, .labelled = a->labelled, .context = a->context};
}
