/* arch_opt.c - OPT 125m ... 66b: LayerNorm, learned positions, ReLU, biases everywhere.
 *
 *     pre-norm:              mid = x + attention(norm(x));  next x = mid + fc2(act(fc1(norm(mid))))
 *     post-norm (opt-350m):  mid = x + attention(x);  u = norm(mid);  next x = norm(u + fc2(act(fc1(u))))
 *
 * Where the embedding is narrower than the model (opt-350m), project_in and project_out stand between. */
#include <string.h>

#include "model/attention.h"
#include "model/bind.h"
#include "model/linear.h"
#include "model/norm.h"

/* The position table's first two rows are for padding, which packed batches do not have. */
#define POSITION_OFFSET 2

static const char *const types[] = {"opt", NULL};
static const char *const classes[] = {"OPTForCausalLM", NULL};
static const char *const keys[] = {"hidden_size",
                                   "ffn_dim",
                                   "num_hidden_layers",
                                   "num_attention_heads",
                                   "word_embed_proj_dim",
                                   "max_position_embeddings",
                                   "activation_function",
                                   "do_layer_norm_before",
                                   "_remove_final_layer_norm",
                                   "enable_bias",
                                   "layer_norm_elementwise_affine",
                                   NULL};

static int opt_read_act(struct config *c, const struct jnode *root, struct vac_err *err)
{
    const char *act = "relu";

    if (json_opt_str(root, "activation_function", &act, err))
        return -1;
    if (strcmp(act, "relu") && strcmp(act, "gelu"))
        return json_error(root, err,
                          "activation_function \"%s\" is not implemented; relu and gelu are", act);
    c->act = act[0] == 'r' ? ACT_RELU : ACT_GELU;
    return 0;
}

static int opt_read(struct config *c, const struct jnode *root, struct vac_err *err)
{
    bool bias = true, removed = false;

    if (config_size(root, "hidden_size", 1 << 20, &c->D, err) ||
        config_size(root, "ffn_dim", 1 << 22, &c->F, err) ||
        config_size(root, "num_hidden_layers", 4096, &c->L, err) ||
        config_size(root, "num_attention_heads", 4096, &c->H, err))
        return -1;
    c->P = c->D;
    c->max_pos = 2048;
    c->tied = c->pre_norm = true;
    if (config_size(root, "word_embed_proj_dim", 1 << 20, &c->P, err) ||
        config_size(root, "max_position_embeddings", 1 << 24, &c->max_pos, err) ||
        json_opt_bool(root, "do_layer_norm_before", &c->pre_norm, err) ||
        json_opt_bool(root, "_remove_final_layer_norm", &removed, err) ||
        json_opt_bool(root, "enable_bias", &bias, err) ||
        json_opt_bool(root, "tie_word_embeddings", &c->tied, err) ||
        config_must_be(root, "layer_norm_elementwise_affine", true, err) ||
        opt_read_act(c, root, err))
        return -1;
    if (c->D % c->H)
        return json_error(
            root, err, "hidden_size %zu must be a multiple of num_attention_heads %zu", c->D, c->H);
    c->K = c->H;
    c->E = c->D / c->H;
    c->attn_bias = c->o_bias = c->mlp_bias = bias;
    c->final_norm = c->pre_norm && !removed;
    c->norm_eps = 1e-5f;
    c->rope.kind = ROPE_NONE;
    return 0;
}

static int opt_bind_layer(struct model *m, size_t l, struct vac_err *err)
{
    static const struct {
        enum group_id g;
        size_t i;
        const char *part;
    } lin[] = {{GROUP_QKV, 0, "self_attn.q_proj"},
               {GROUP_QKV, 1, "self_attn.k_proj"},
               {GROUP_QKV, 2, "self_attn.v_proj"},
               {GROUP_O, 0, "self_attn.out_proj"},
               {GROUP_UP, 0, "fc1"},
               {GROUP_DOWN, 0, "fc2"}};
    const struct config *c = &m->cfg;
    struct layer *y = &m->layer[l];

    for (size_t i = 0; i < sizeof lin / sizeof *lin; i++) {
        if (model_linear(m, l, lin[i].g, lin[i].i, lin[i].g == GROUP_DOWN ? c->F : c->D,
                         lin[i].g == GROUP_UP ? c->F : c->D, c->attn_bias, "model.decoder.layers",
                         lin[i].part, err))
            return -1;
    }
    y->norm1 =
        model_weight(m, err, c->D, 0, "model.decoder.layers.%zu.self_attn_layer_norm.weight", l);
    y->norm1_b =
        model_weight(m, err, c->D, 0, "model.decoder.layers.%zu.self_attn_layer_norm.bias", l);
    y->norm2 = model_weight(m, err, c->D, 0, "model.decoder.layers.%zu.final_layer_norm.weight", l);
    y->norm2_b = model_weight(m, err, c->D, 0, "model.decoder.layers.%zu.final_layer_norm.bias", l);
    return y->norm1 && y->norm1_b && y->norm2 && y->norm2_b ? 0 : -1;
}

static int opt_bind(struct model *m, struct vac_err *err)
{
    const struct config *c = &m->cfg;

    m->embed = model_weight(m, err, c->V, c->P, "model.decoder.embed_tokens.weight");
    m->embed_pos = model_weight(m, err, c->max_pos + POSITION_OFFSET, c->D,
                                "model.decoder.embed_positions.weight");
    if (!m->embed || !m->embed_pos)
        return -1;
    if (c->P != c->D) {
        m->proj_in = model_weight(m, err, c->D, c->P, "model.decoder.project_in.weight");
        m->proj_out = model_weight(m, err, c->P, c->D, "model.decoder.project_out.weight");
        if (!m->proj_in || !m->proj_out)
            return -1;
    }
    for (size_t l = 0; l < c->L; l++) {
        if (opt_bind_layer(m, l, err))
            return -1;
    }
    if (c->final_norm) {
        m->norm = model_weight(m, err, c->D, 0, "model.decoder.final_layer_norm.weight");
        m->norm_b = model_weight(m, err, c->D, 0, "model.decoder.final_layer_norm.bias");
        if (!m->norm || !m->norm_b)
            return -1;
    }
    m->head = c->tied ? m->embed : model_weight(m, err, c->V, c->P, "lm_head.weight");
    return m->head ? 0 : -1;
}

static const int32_t *opt_positions(const struct pass *p)
{
    for (size_t i = 0; i < p->b->N; i++)
        p->a->index[i] = p->b->pos[i] + POSITION_OFFSET;
    return p->a->index;
}

static void opt_embed(struct pass *p)
{
    const struct model *m = p->m;
    struct ref x = p->a->layer[0].x;
    size_t N = p->b->N, D = m->cfg.D, P = m->cfg.P;

    if (m->proj_in) {
        op_embed(m->c, p->a->emb, m->embed->w, p->b->ids, N, P, false);
        op_linear(m->c, x, p->a->emb, m->proj_in->w, REF_NONE, N, P, D, false);
    } else {
        op_embed(m->c, x, m->embed->w, p->b->ids, N, D, false);
    }
    op_embed(m->c, x, m->embed_pos->w, opt_positions(p), N, D, true);
}

static void opt_embed_backward(struct pass *p)
{
    const struct model *m = p->m;
    struct acts *a = p->a;
    size_t N = p->b->N, D = m->cfg.D, P = m->cfg.P;

    op_embed_bwd(m->c, m->embed_pos->g, a->dx, opt_positions(p), N, D);
    if (m->proj_in) {
        op_linear_dw(m->c, m->proj_in->g, REF_NONE, a->dx, a->emb, N, P, D);
        op_linear_dx(m->c, a->demb, a->dx, m->proj_in->w, N, P, D, false);
        op_embed_bwd(m->c, m->embed->g, a->demb, p->b->ids, N, P);
    } else {
        op_embed_bwd(m->c, m->embed->g, a->dx, p->b->ids, N, D);
    }
}

/* What attention reads: the norm of x, or x in post-norm models. */
static struct ref opt_attn_input(struct pass *p, size_t l)
{
    const struct layer *y = &p->m->layer[l];
    struct layer_acts *a = &p->a->layer[l];

    if (!p->m->cfg.pre_norm)
        return a->x;
    norm_forward(p, p->a->normed, a->mean1, a->rstd1, a->x, y->norm1, y->norm1_b, p->b->N);
    return p->a->normed;
}

static void opt_attn(struct pass *p, size_t l)
{
    struct layer_acts *a = &p->a->layer[l];

    attention_forward(p, l, opt_attn_input(p, l));
    op_add(pass_c(p), a->mid, a->x, p->a->t, p->b->N * p->m->cfg.D);
}

static void opt_attn_backward(struct pass *p, size_t l)
{
    const struct layer *y = &p->m->layer[l];
    struct layer_acts *a = &p->a->layer[l];
    struct acts *s = p->a;
    bool below = pass_wants_below(p, l), pre = p->m->cfg.pre_norm;

    attention_backward(p, l, below ? s->dn : REF_NONE, opt_attn_input(p, l));
    if (!below)
        return;
    if (pre)
        norm_backward(p, s->dx, s->dn, a->x, y->norm1, y->norm1_b, a->mean1, a->rstd1, p->b->N);
    else
        op_add(pass_c(p), s->dx, s->dx, s->dn, p->b->N * p->m->cfg.D);
}

/* What the MLP reads: the norm of mid; post-norm models keep it, and add it to the MLP's output. */
static struct ref opt_mlp_input(struct pass *p, size_t l)
{
    const struct layer *y = &p->m->layer[l];
    struct layer_acts *a = &p->a->layer[l];

    if (!p->m->cfg.pre_norm)
        return a->ln1;
    norm_forward(p, p->a->normed, a->mean2, a->rstd2, a->mid, y->norm2, y->norm2_b, p->b->N);
    return p->a->normed;
}

static void opt_activate(struct pass *p, size_t l)
{
    size_t n = p->b->N * p->m->cfg.F;

    if (p->m->cfg.act == ACT_RELU)
        op_relu(pass_c(p), p->a->act, p->a->layer[l].up, n);
    else
        op_gelu(pass_c(p), p->a->act, p->a->layer[l].up, n);
}

static void opt_mlp(struct pass *p, size_t l)
{
    const struct layer *y = &p->m->layer[l];
    struct layer_acts *a = &p->a->layer[l];
    size_t N = p->b->N, D = p->m->cfg.D;
    bool pre = p->m->cfg.pre_norm;

    if (!pre)
        norm_forward(p, a->ln1, a->mean1, a->rstd1, a->mid, y->norm1, y->norm1_b, N);
    group_forward(p, l, GROUP_UP, opt_mlp_input(p, l), &a->up);
    opt_activate(p, l);
    group_forward(p, l, GROUP_DOWN, p->a->act, &p->a->t);
    op_add(pass_c(p), mlp_sum(p, l), pre ? a->mid : a->ln1, p->a->t, N * D);
}

/* dx = gradient of norm(x), in place. */
static void opt_norm_back(struct pass *p, struct ref x, const struct weight *w,
                          const struct weight *b, struct ref mean, struct ref rstd)
{
    size_t n = p->b->N * p->m->cfg.D;

    op_copy(pass_c(p), p->a->dn, p->a->dx, n);
    op_fill(pass_c(p), p->a->dx, n, 0);
    norm_backward(p, p->a->dx, p->a->dn, x, w, b, mean, rstd, p->b->N);
}

static void opt_mlp_backward(struct pass *p, size_t l)
{
    const struct layer *y = &p->m->layer[l];
    struct acts *s = p->a;
    struct layer_acts *a = &s->layer[l];
    size_t N = p->b->N, F = p->m->cfg.F;

    if (p->grads)
        opt_activate(p, l);
    group_backward(p, l, GROUP_DOWN, s->dact, &s->dt, s->act);
    if (p->m->cfg.act == ACT_RELU)
        op_relu_bwd(pass_c(p), s->dup, s->dact, a->up, N * F);
    else
        op_gelu_bwd(pass_c(p), s->dup, s->dact, a->up, N * F);
    group_backward(p, l, GROUP_UP, s->dn, &s->dup, opt_mlp_input(p, l));
    if (p->m->cfg.pre_norm) {
        norm_backward(p, s->dx, s->dn, a->mid, y->norm2, y->norm2_b, a->mean2, a->rstd2, N);
        return;
    }
    op_add(pass_c(p), s->dx, s->dx, s->dn, N * p->m->cfg.D);
    opt_norm_back(p, a->mid, y->norm1, y->norm1_b, a->mean1, a->rstd1);
}

static void opt_out(struct pass *p, size_t l)
{
    const struct layer *y = &p->m->layer[l];
    struct layer_acts *a = &p->a->layer[l];

    if (!p->m->cfg.pre_norm)
        norm_forward(p, p->a->layer[l + 1].x, a->mean2, a->rstd2, a->sum, y->norm2, y->norm2_b,
                     p->b->N);
}

static void opt_out_backward(struct pass *p, size_t l)
{
    const struct layer *y = &p->m->layer[l];
    struct layer_acts *a = &p->a->layer[l];

    if (!p->m->cfg.pre_norm)
        opt_norm_back(p, a->sum, y->norm2, y->norm2_b, a->mean2, a->rstd2);
}

static void opt_final(struct pass *p, size_t n)
{
    const struct model *m = p->m;
    struct acts *a = p->a;
    struct ref normed = m->proj_out ? a->head_n : a->head;

    if (m->norm)
        norm_forward(p, normed, a->head_mean, a->head_rstd, a->head_x, m->norm, m->norm_b, n);
    else
        op_copy(m->c, normed, a->head_x, n * m->cfg.D);
    if (m->proj_out)
        op_linear(m->c, a->head, normed, m->proj_out->w, REF_NONE, n, m->cfg.D, m->cfg.P, false);
}

static void opt_final_backward(struct pass *p, size_t n)
{
    const struct model *m = p->m;
    struct acts *a = p->a;
    struct ref d = a->dhead;

    if (m->proj_out) {
        if (p->grads && m->full)
            op_linear_dw(m->c, m->proj_out->g, REF_NONE, a->dhead, a->head_n, n, m->cfg.D,
                         m->cfg.P);
        d = a->head_n;
        op_linear_dx(m->c, d, a->dhead, m->proj_out->w, n, m->cfg.D, m->cfg.P, false);
    }
    if (!m->norm) {
        op_copy(m->c, a->dhead_x, d, n * m->cfg.D);
        return;
    }
    op_fill(m->c, a->dhead_x, n * m->cfg.D, 0);
    norm_backward(p, a->dhead_x, d, a->head_x, m->norm, m->norm_b, a->head_mean, a->head_rstd, n);
}

const struct arch arch_opt = {
    .name = "opt",
    .help = "OPT 125m to 66b, with 350m's projections and post-norm",
    .model_types = types,
    .classes = classes,
    .keys = keys,
    .peft_targets = "q_proj,k_proj,v_proj,out_proj,fc1,fc2",
    .read = opt_read,
    .bind = opt_bind,
    .embed_forward = opt_embed,
    .embed_backward = opt_embed_backward,
    .attn_forward = opt_attn,
    .attn_backward = opt_attn_backward,
    .mlp_forward = opt_mlp,
    .mlp_backward = opt_mlp_backward,
    .out_forward = opt_out,
    .out_backward = opt_out_backward,
    .final_forward = opt_final,
    .final_backward = opt_final_backward,
};
