/* attention.c - the attention module that both architectures share: q, k, v, rotation, mixing, output. */
#include <math.h>
#include <stdlib.h>

#include "model/layers.h"

static float attention_scale(const struct config *c)
{
    return 1.0f / sqrtf((float)c->E);
}

static void rotate(struct pass *p, struct ref q, struct ref k, bool inverse)
{
    const struct config *c = &p->m->cfg;
    struct ref cs = {p->m->rope_cos, 0}, sn = {p->m->rope_sin, 0};

    if (c->rope.kind == ROPE_NONE)
        return;
    op_rope(pass_c(p), q, cs, sn, p->b->pos, p->b->N, c->H, c->E, inverse);
    op_rope(pass_c(p), k, cs, sn, p->b->pos, p->b->N, c->K, c->E, inverse);
}

/* Heads are rows of width E. */
static void norm_heads(struct pass *p, size_t l)
{
    const struct config *c = &p->m->cfg;
    const struct layer *y = &p->m->layer[l];
    struct layer_acts *a = &p->a->layer[l];
    size_t N = p->b->N;

    op_rmsnorm(pass_c(p), a->q, a->rstd_q, a->q0, y->norm_q->w, N * c->H, c->E, c->norm_eps);
    op_rmsnorm(pass_c(p), a->k, a->rstd_k, a->k0, y->norm_k->w, N * c->K, c->E, c->norm_eps);
}

/* From dq and dk to what lies before the norm; *dq and *dk say where it is. */
static void norm_heads_backward(struct pass *p, size_t l, struct ref *dq, struct ref *dk)
{
    const struct config *c = &p->m->cfg;
    const struct layer *y = &p->m->layer[l];
    struct layer_acts *a = &p->a->layer[l];
    struct acts *s = p->a;
    size_t q = p->b->N * c->H, k = p->b->N * c->K;

    op_fill(pass_c(p), s->dy, q * c->E, 0); /* attention is through with it */
    op_fill(pass_c(p), s->dk0, k * c->E, 0);
    op_rmsnorm_bwd(pass_c(p), s->dy, weight_grad(p, y->norm_q), *dq, a->q0, y->norm_q->w, a->rstd_q, q,
                   c->E);
    op_rmsnorm_bwd(pass_c(p), s->dk0, weight_grad(p, y->norm_k), *dk, a->k0, y->norm_k->w, a->rstd_k, k,
                   c->E);
    *dq = s->dy;
    *dk = s->dk0;
}

/* Puts the new rows of k and v behind what the cache holds of their sequences. */
static void cache_put(struct pass *p, struct ref cache, struct ref x)
{
    size_t w = p->m->cfg.K * p->m->cfg.E;

    for (size_t s = 0; s < p->b->S; s++) {
        const struct seq *q = &p->b->seq[s];
        op_copy(pass_c(p), ref_at(cache, (q->k0 + q->nk - q->nq) * w), ref_at(x, q->q0 * w), q->nq * w);
    }
}

void attention_forward(struct pass *p, size_t l, struct ref x)
{
    const struct config *c = &p->m->cfg;
    struct layer_acts *a = &p->a->layer[l];
    struct ref k = a->k, v = a->v;

    if (c->head_norm) {
        group_forward(p, l, GROUP_QKV, x, (struct ref[]){a->q0, a->k0, a->v});
        norm_heads(p, l);
    } else {
        group_forward(p, l, GROUP_QKV, x, (struct ref[]){a->q, a->k, a->v});
    }
    rotate(p, a->q, a->k, false);
    if (p->kv) {
        k = ref_at(p->kv->k, l * p->kv->rows * c->K * c->E);
        v = ref_at(p->kv->v, l * p->kv->rows * c->K * c->E);
        cache_put(p, k, a->k);
        cache_put(p, v, a->v);
    }
    op_attention(pass_c(p), a->y, a->lse, a->q, k, v, p->b->seq, p->b->S, c->H, c->K, c->E,
                 attention_scale(c));
    group_forward(p, l, GROUP_O, a->y, &p->a->t);
}

void attention_backward(struct pass *p, size_t l, struct ref dx_in, struct ref x)
{
    const struct config *c = &p->m->cfg;
    struct acts *s = p->a;
    struct layer_acts *a = &s->layer[l];
    struct ref dq, dk;

    group_backward(p, l, GROUP_O, s->dy, &s->dt, a->y);
    op_attention_bwd(pass_c(p), s->dq, s->dk, s->dv, s->dy, a->y, a->lse, a->q, a->k, a->v, p->b->seq,
                     p->b->S, c->H, c->K, c->E, attention_scale(c));
    rotate(p, s->dq, s->dk, true);
    dq = s->dq;
    dk = s->dk;
    if (c->head_norm)
        norm_heads_backward(p, l, &dq, &dk);
    group_backward(p, l, GROUP_QKV, dx_in, (struct ref[]){dq, dk, s->dv}, x);
}

/* Frequency of pair i; Llama-3's scaling stretches long wavelengths and blends the middle ones. */
static double rope_frequency(const struct rope_config *r, size_t i, size_t E)
{
    double f = pow(r->theta, -2.0 * (double)i / (double)E), wave = 2 * M_PI / f, blend;

    if (r->kind == ROPE_LINEAR)
        return f / r->factor;
    if (r->kind != ROPE_LLAMA3 || wave < r->original_max / r->high_freq_factor)
        return f;
    if (wave > r->original_max / r->low_freq_factor)
        return f / r->factor;
    blend = (r->original_max / wave - r->low_freq_factor) / (r->high_freq_factor - r->low_freq_factor);
    return (1 - blend) * f / r->factor + blend * f;
}

/* The old tables stay when there is no room for new ones: whoever uses them goes on. */
static int rope_take(struct model *m, const float *cs, const float *sn, size_t n, struct vac_err *err)
{
    struct buf *c = compute_alloc(m->c, n, err), *s = c ? compute_alloc(m->c, n, err) : NULL;

    if (!s) {
        compute_release(m->c, c);
        return -1;
    }
    compute_upload(m->c, (struct ref){c, 0}, cs, n);
    compute_upload(m->c, (struct ref){s, 0}, sn, n);
    compute_release(m->c, m->rope_cos);
    compute_release(m->c, m->rope_sin);
    m->rope_cos = c;
    m->rope_sin = s;
    return 0;
}

int model_rope(struct model *m, size_t context, struct vac_err *err)
{
    size_t half = m->cfg.E / 2, n;
    float *cs = NULL, *sn = NULL;
    int rc = -1;

    if (m->cfg.rope.kind == ROPE_NONE || context <= m->rope_max)
        return 0;
    if (size_mul(context, half, &n))
        return err_set(err, VAC_ERR_MEMORY, "a context of %zu tokens is too long", context);
    cs = mem_new(n, sizeof *cs, err);
    sn = mem_new(n, sizeof *sn, err);
    if (!cs || !sn)
        goto out;
    for (size_t i = 0; i < half; i++) {
        double f = rope_frequency(&m->cfg.rope, i, m->cfg.E);
        for (size_t t = 0; t < context; t++) {
            cs[t * half + i] = (float)cos((double)t * f);
            sn[t * half + i] = (float)sin((double)t * f);
        }
    }
    rc = rope_take(m, cs, sn, n, err);
    if (rc == 0)
        m->rope_max = context;
out:
    free(cs);
    free(sn);
    return rc;
}
