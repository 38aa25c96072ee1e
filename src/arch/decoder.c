/* decoder.c - what the decoders of the Llama family share: RMSNorm, rotation, grouped heads, a gated MLP.
 *
 *     mid = x + attention(norm(x));   next x = mid + down(act(gate(n)) up(n)), n = norm(mid)
 *
 * An architecture is its names, its keys, and the flags of struct config that say which parts it has. */
#include "arch/decoder.h"

#include <string.h>

#include "model/attention.h"
#include "model/bind.h"
#include "model/linear.h"
#include "model/norm.h"

static int decoder_read_act(struct config *c, const struct jnode *root, struct vac_err *err)
{
    const char *act = "silu";

    if (json_opt_str(root, "hidden_act", &act, err))
        return -1;
    if (strcmp(act, "silu") && strcmp(act, "swish"))
        return json_error(root, err, "hidden_act \"%s\" is not implemented; silu is", act);
    c->act = ACT_SILU;
    return 0;
}

static int decoder_check(const struct config *c, const struct jnode *root, double eps,
                         struct vac_err *err)
{
    struct jnode at;

    if (c->D % c->H && json_opt(root, "head_dim", JSON_NUMBER, &at, err))
        return json_error(
            root, err, "hidden_size %zu must be a multiple of num_attention_heads %zu", c->D, c->H);
    if (c->H % c->K)
        return json_error(root, err,
                          "num_attention_heads %zu must be a multiple of "
                          "num_key_value_heads %zu",
                          c->H, c->K);
    if (c->E % 2)
        return json_error(root, err, "head_dim %zu must be even", c->E);
    if (!(eps >= 0 && eps < 1))
        return json_error(root, err, "rms_norm_eps: expected 0 <= rms_norm_eps < 1, found %g", eps);
    return 0;
}

int decoder_read(struct config *c, const struct jnode *root, struct vac_err *err)
{
    double eps = 1e-6;
    bool tied = c->tied;

    if (config_size(root, "hidden_size", 1 << 20, &c->D, err) ||
        config_size(root, "intermediate_size", 1 << 22, &c->F, err) ||
        config_size(root, "num_hidden_layers", 4096, &c->L, err) ||
        config_size(root, "num_attention_heads", 4096, &c->H, err))
        return -1;
    c->K = c->H;
    if (!c->E)
        c->E = c->D / c->H ? c->D / c->H : 1;
    c->max_pos = 2048;
    if (config_size(root, "num_key_value_heads", 4096, &c->K, err) ||
        config_size(root, "head_dim", 4096, &c->E, err) ||
        config_size(root, "max_position_embeddings", 1 << 24, &c->max_pos, err) ||
        json_opt_num(root, "rms_norm_eps", &eps, err) ||
        json_opt_bool(root, "tie_word_embeddings", &tied, err) ||
        config_must_be(root, "rope_interleaved", false, err) ||
        config_must_be_one(root, "partial_rotary_factor", 1, err) ||
        config_rope(root, &c->rope, c->two_ropes ? &c->rope_sliding : NULL, err) ||
        (c->act == ACT_SILU && decoder_read_act(c, root, err)) || decoder_check(c, root, eps, err))
        return -1;
    c->norm_eps = (float)eps;
    c->tied = tied && !c->n_labels;
    c->P = c->D;
    c->pre_norm = c->final_norm = c->gated = true;
    return 0;
}

static int decoder_bind_layer(struct model *m, size_t l, struct vac_err *err)
{
    const struct config *c = &m->cfg;
    struct layer *y = &m->layer[l];
    size_t q = c->H * c->E, k = c->K * c->E;
    const struct {
        enum group_id g;
        size_t i, in, out;
        bool bias;
        const char *part;
    } lin[] = {{GROUP_QKV, 0, c->D, q, c->attn_bias, "self_attn.q_proj"},
               {GROUP_QKV, 1, c->D, k, c->attn_bias, "self_attn.k_proj"},
               {GROUP_QKV, 2, c->D, k, c->attn_bias, "self_attn.v_proj"},
               {GROUP_O, 0, q, c->D, c->o_bias, "self_attn.o_proj"},
               {GROUP_UP, 0, c->D, c->F, c->mlp_bias, "mlp.gate_proj"},
               {GROUP_UP, 1, c->D, c->F, c->mlp_bias, "mlp.up_proj"},
               {GROUP_DOWN, 0, c->F, c->D, c->mlp_bias, "mlp.down_proj"}};

    for (size_t i = 0; i < sizeof lin / sizeof *lin; i++) {
        if (model_linear(m, l, lin[i].g, lin[i].i, lin[i].in, lin[i].out, lin[i].bias,
                         "model.layers", lin[i].part, err))
            return -1;
    }
    if (c->head_norm) {
        y->norm_q = model_weight(m, err, c->E, 0, "model.layers.%zu.self_attn.q_norm.weight", l);
        y->norm_k = model_weight(m, err, c->E, 0, "model.layers.%zu.self_attn.k_norm.weight", l);
        if (!y->norm_q || !y->norm_k)
            return -1;
    }
    y->norm1 = model_weight(m, err, c->D, 0, "model.layers.%zu.input_layernorm.weight", l);
    y->norm2 =
        model_weight(m, err, c->D, 0, "model.layers.%zu.%s.weight", l,
                     c->post_norms ? "pre_feedforward_layernorm" : "post_attention_layernorm");
    if (c->post_norms) {
        y->post1 =
            model_weight(m, err, c->D, 0, "model.layers.%zu.post_attention_layernorm.weight", l);
        y->post2 =
            model_weight(m, err, c->D, 0, "model.layers.%zu.post_feedforward_layernorm.weight", l);
        if (!y->post1 || !y->post2)
            return -1;
    }
    return y->norm1 && y->norm2 ? 0 : -1;
}

int decoder_bind(struct model *m, struct vac_err *err)
{
    const struct config *c = &m->cfg;

    m->embed = model_weight(m, err, c->V, c->D, "model.embed_tokens.weight");
    if (!m->embed)
        return -1;
    for (size_t l = 0; l < c->L; l++) {
        if (decoder_bind_layer(m, l, err))
            return -1;
    }
    m->norm = model_weight(m, err, c->D, 0, "model.norm.weight");
    if (!m->norm)
        return -1;
    if (c->n_labels) {
        m->score = model_weight(m, err, c->n_labels, c->D, "score.weight");
        return m->score ? 0 : -1;
    }
    m->head = c->tied ? m->embed : model_weight(m, err, c->V, c->D, "lm_head.weight");
    return m->head ? 0 : -1;
}

void decoder_embed(struct pass *p)
{
    const struct config *c = &p->m->cfg;

    op_embed(pass_c(p), p->a->layer[0].x, p->m->embed->w, p->b->ids, p->b->N, c->D, false);
    if (c->embed_scale > 0)
        op_scale(pass_c(p), p->a->layer[0].x, c->embed_scale, p->b->N * c->D);
}

void decoder_embed_backward(struct pass *p)
{
    const struct config *c = &p->m->cfg;

    if (c->embed_scale > 0) /* nothing reads dx after this */
        op_scale(pass_c(p), p->a->dx, c->embed_scale, p->b->N * c->D);
    op_embed_bwd(pass_c(p), p->m->embed->g, p->a->dx, p->b->ids, p->b->N, p->m->cfg.D);
}

static void norm_attn(struct pass *p, size_t l)
{
    struct layer_acts *a = &p->a->layer[l];

    norm_forward(p, p->a->normed, REF_NONE, a->rstd1, a->x, p->m->layer[l].norm1, NULL, p->b->N);
}

static void norm_mlp(struct pass *p, size_t l)
{
    struct layer_acts *a = &p->a->layer[l];

    norm_forward(p, p->a->normed, REF_NONE, a->rstd2, a->mid, p->m->layer[l].norm2, NULL, p->b->N);
}

static void activate(struct pass *p, size_t l)
{
    struct layer_acts *a = &p->a->layer[l];
    size_t n = p->b->N * p->m->cfg.F;

    if (p->m->cfg.act == ACT_SILU)
        op_swiglu(pass_c(p), p->a->act, a->gate, a->up, n);
    else
        op_geglu(pass_c(p), p->a->act, a->gate, a->up, n);
}

void decoder_attn(struct pass *p, size_t l)
{
    struct layer_acts *a = &p->a->layer[l];
    size_t N = p->b->N, D = p->m->cfg.D;

    norm_attn(p, l);
    attention_forward(p, l, p->a->normed);
    if (p->m->cfg.post_norms)
        op_copy(pass_c(p), a->out1, p->a->t, N * D);
    else
        op_add(pass_c(p), a->mid, a->x, p->a->t, N * D);
}

/* sum = x + norm(out) */
static void join(struct pass *p, struct ref sum, struct ref x, struct ref out, struct ref rstd,
                 const struct weight *w)
{
    size_t n = p->b->N * p->m->cfg.D;

    norm_forward(p, p->a->t, REF_NONE, rstd, out, w, NULL, p->b->N);
    op_add(pass_c(p), sum, x, p->a->t, n);
}

static void split(struct pass *p, struct ref out, struct ref rstd, const struct weight *w)
{
    op_fill(pass_c(p), p->a->dout, p->b->N * p->m->cfg.D, 0);
    norm_backward(p, p->a->dout, p->a->dx, out, w, NULL, REF_NONE, rstd, p->b->N);
}

void decoder_attn_join(struct pass *p, size_t l)
{
    struct layer_acts *a = &p->a->layer[l];

    join(p, a->mid, a->x, a->out1, a->post_rstd1, p->m->layer[l].post1);
}

void decoder_attn_split(struct pass *p, size_t l)
{
    split(p, p->a->layer[l].out1, p->a->layer[l].post_rstd1, p->m->layer[l].post1);
}

void decoder_mlp_join(struct pass *p, size_t l)
{
    struct layer_acts *a = &p->a->layer[l];

    join(p, p->a->layer[l + 1].x, a->mid, a->out2, a->post_rstd2, p->m->layer[l].post2);
}

void decoder_mlp_split(struct pass *p, size_t l)
{
    split(p, p->a->layer[l].out2, p->a->layer[l].post_rstd2, p->m->layer[l].post2);
}

void decoder_attn_backward(struct pass *p, size_t l)
{
    struct layer_acts *a = &p->a->layer[l];
    bool below = pass_wants_below(p, l);

    if (p->grads)
        norm_attn(p, l);
    attention_backward(p, l, below ? p->a->dn : REF_NONE, p->a->normed);
    if (below)
        norm_backward(p, p->a->dx, p->a->dn, a->x, p->m->layer[l].norm1, NULL, REF_NONE, a->rstd1,
                      p->b->N);
}

void decoder_mlp(struct pass *p, size_t l)
{
    struct layer_acts *a = &p->a->layer[l];
    size_t N = p->b->N, D = p->m->cfg.D;

    norm_mlp(p, l);
    group_forward(p, l, GROUP_UP, p->a->normed, (struct ref[]){a->gate, a->up});
    activate(p, l);
    group_forward(p, l, GROUP_DOWN, p->a->act, &p->a->t);
    if (p->m->cfg.post_norms)
        op_copy(pass_c(p), a->out2, p->a->t, N * D);
    else
        op_add(pass_c(p), mlp_sum(p, l), a->mid, p->a->t, N * D);
}

void decoder_mlp_backward(struct pass *p, size_t l)
{
    struct acts *s = p->a;
    struct layer_acts *a = &s->layer[l];
    size_t N = p->b->N, F = p->m->cfg.F;

    if (p->grads)
        activate(p, l);
    group_backward(p, l, GROUP_DOWN, s->dact, &s->dt, s->act);
    if (p->m->cfg.act == ACT_SILU)
        op_swiglu_bwd(pass_c(p), s->dgate, s->dup, s->dact, a->gate, a->up, N * F);
    else
        op_geglu_bwd(pass_c(p), s->dgate, s->dup, s->dact, a->gate, a->up, N * F);
    if (p->grads)
        norm_mlp(p, l);
    group_backward(p, l, GROUP_UP, s->dn, (struct ref[]){s->dgate, s->dup}, s->normed);
    norm_backward(p, s->dx, s->dn, a->mid, p->m->layer[l].norm2, NULL, REF_NONE, a->rstd2, N);
}

void decoder_final(struct pass *p, size_t n)
{
    norm_forward(p, p->a->head, REF_NONE, p->a->head_rstd, p->a->head_x, p->m->norm, NULL, n);
}

void decoder_final_backward(struct pass *p, size_t n)
{
    op_fill(pass_c(p), p->a->dhead_x, n * p->m->cfg.D, 0);
    norm_backward(p, p->a->dhead_x, p->a->dhead, p->a->head_x, p->m->norm, NULL, REF_NONE,
                  p->a->head_rstd, n);
}
