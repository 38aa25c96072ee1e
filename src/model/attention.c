/* attention.c - the attention module that both architectures share: q, k, v, rotation, mixing, output. */
#include <math.h>
#include <stdlib.h>

#include "model/attention.h"
#include "model/linear.h"

static struct attn_form form_of(const struct config *c, size_t l)
{
    return (struct attn_form){.H = c->H,
                              .K = c->K,
                              .E = c->E,
                              .scale =
                                  c->attn_scale > 0 ? c->attn_scale : 1.0f / sqrtf((float)c->E),
                              .window = c->slides[l] ? c->window : 0,
                              .cap = c->attn_cap};
}

static void rotate(struct pass *p, size_t l, struct ref q, struct ref k, bool inverse)
{
    const struct config *c = &p->m->cfg;
    bool second = c->two_ropes && c->slides[l];
    struct ref cs = {p->m->rope_cos[second], 0}, sn = {p->m->rope_sin[second], 0};

    if (c->rope.kind == ROPE_NONE)
        return;
    op_rope(pass_c(p), q, cs, sn, p->b->pos, p->b->N, c->H, c->E, inverse);
    op_rope(pass_c(p), k, cs, sn, p->b->pos, p->b->N, c->K, c->E, inverse);
}

/* Puts the new rows of k and v behind what the cache holds of their sequences. */
static void cache_put(struct pass *p, struct ref cache, struct ref x)
{
    size_t w = p->m->cfg.K * p->m->cfg.E;

    for (size_t s = 0; s < p->b->S; s++) {
        const struct seq *q = &p->b->seq[s];
        op_copy(pass_c(p), ref_at(cache, (q->k0 + q->nk - q->nq) * w), ref_at(x, q->q0 * w),
                q->nq * w);
    }
}

void attention_forward(struct pass *p, size_t l, struct ref x)
{
    const struct config *c = &p->m->cfg;
    const struct layer *y = &p->m->layer[l];
    struct layer_acts *a = &p->a->layer[l];
    struct attn_form form = form_of(c, l);
    struct ref k = a->k, v = a->v;

    group_forward(p, l, GROUP_QKV, x,
                  c->head_norm ? (struct ref[]){a->q0, a->k0, v} : (struct ref[]){a->q, k, v});
    if (c->head_norm) { /* heads are rows of width E */
        op_rmsnorm(pass_c(p), a->q, a->rstd_q, a->q0, y->norm_q->w, c->norm_plus, p->b->N * c->H,
                   c->E, c->norm_eps);
        op_rmsnorm(pass_c(p), k, a->rstd_k, a->k0, y->norm_k->w, c->norm_plus, p->b->N * c->K, c->E,
                   c->norm_eps);
    }
    rotate(p, l, a->q, k, false);
    if (p->kv) {
        k = ref_at(p->kv->k, l * p->kv->rows * c->K * c->E);
        v = ref_at(p->kv->v, l * p->kv->rows * c->K * c->E);
        cache_put(p, k, a->k);
        cache_put(p, v, a->v);
    }
    op_attention(pass_c(p), a->y, a->lse, a->q, k, v, p->b->seq, p->b->S, &form);
    group_forward(p, l, GROUP_O, a->y, &p->a->t);
}

void attention_backward(struct pass *p, size_t l, struct ref dx_in, struct ref x)
{
    const struct config *c = &p->m->cfg;
    const struct layer *y = &p->m->layer[l];
    struct acts *s = p->a;
    struct layer_acts *a = &s->layer[l];
    struct attn_form form = form_of(c, l);
    size_t q = p->b->N * c->H, k = p->b->N * c->K;

    group_backward(p, l, GROUP_O, s->dy, &s->dt, a->y);
    op_attention_bwd(pass_c(p), s->dq, s->dk, s->dv, s->dy, a->y, a->lse, a->q, a->k, a->v,
                     p->b->seq, p->b->S, &form);
    rotate(p, l, s->dq, s->dk, true);
    if (c->head_norm) { /* on to what lies before the norm; attention is through with dy */
        op_fill(pass_c(p), s->dy, q * c->E, 0);
        op_fill(pass_c(p), s->dk0, k * c->E, 0);
        op_rmsnorm_bwd(pass_c(p), s->dy, weight_grad(p, y->norm_q), s->dq, a->q0, y->norm_q->w,
                       c->norm_plus, a->rstd_q, q, c->E);
        op_rmsnorm_bwd(pass_c(p), s->dk0, weight_grad(p, y->norm_k), s->dk, a->k0, y->norm_k->w,
                       c->norm_plus, a->rstd_k, k, c->E);
    }
    group_backward(p, l, GROUP_QKV, dx_in,
                   c->head_norm ? (struct ref[]){s->dy, s->dk0, s->dv}
                                : (struct ref[]){s->dq, s->dk, s->dv},
                   x);
}

/* Llama-3's scaling stretches long wavelengths and blends the middle ones. */
double rope_frequency(const struct rope_config *r, size_t i, size_t E)
{
    double f = pow(r->theta, -2.0 * (double)i / (double)E), wave = 2 * M_PI / f, blend;

    if (r->kind == ROPE_LINEAR)
        return f / r->factor;
    if (r->kind != ROPE_LLAMA3 || wave < r->original_max / r->high_freq_factor)
        return f;
    if (wave > r->original_max / r->low_freq_factor)
        return f / r->factor;
    blend =
        (r->original_max / wave - r->low_freq_factor) / (r->high_freq_factor - r->low_freq_factor);
    return (1 - blend) * f / r->factor + blend * f;
}

/* Tables of cosines and sines, [context, E/2]. */
static int rope_table(struct model *m, const struct rope_config *r, size_t context, size_t n,
                      struct buf **cos_out, struct buf **sin_out, struct vac_err *err)
{
    size_t half = m->cfg.E / 2;
    float *cs = mem_new(n, sizeof *cs, err), *sn = mem_new(n, sizeof *sn, err);
    int rc = -1;

    for (size_t i = 0; cs && sn && i < half; i++) {
        double f = rope_frequency(r, i, m->cfg.E);
        for (size_t t = 0; t < context; t++) {
            cs[t * half + i] = (float)cos((double)t * f);
            sn[t * half + i] = (float)sin((double)t * f);
        }
    }
    *cos_out = cs && sn ? compute_alloc(m->c, n, err) : NULL;
    *sin_out = *cos_out ? compute_alloc(m->c, n, err) : NULL;
    if (*sin_out) {
        compute_upload(m->c, (struct ref){*cos_out, 0}, cs, n);
        compute_upload(m->c, (struct ref){*sin_out, 0}, sn, n);
        rc = 0;
    }
    free(cs);
    free(sn);
    return rc;
}

/* The old tables stay when there is no room for new ones: whoever uses them goes on. */
int model_rope(struct model *m, size_t context, struct vac_err *err)
{
    const struct config *c = &m->cfg;
    struct buf *made[4] = {NULL};
    size_t n;
    int rc;

    if (c->rope.kind == ROPE_NONE || context <= m->rope_max)
        return 0;
    if (size_mul(context, c->E / 2, &n))
        return err_set(err, VAC_ERR_MEMORY, "a context of %zu tokens is too long", context);
    rc = rope_table(m, &c->rope, context, n, &made[0], &made[2], err);
    if (rc == 0 && c->two_ropes)
        rc = rope_table(m, &c->rope_sliding, context, n, &made[1], &made[3], err);
    for (int i = 0; i < 4; i++) {
        struct buf **at = i < 2 ? &m->rope_cos[i] : &m->rope_sin[i - 2];
        compute_release(m->c, rc ? made[i] : *at);
        if (rc == 0)
            *at = made[i];
    }
    if (rc == 0)
        m->rope_max = context;
    return rc;
}
