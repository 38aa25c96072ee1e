/* layers.h - the inside of a model, for src/model only: weights, linears with their low-rank terms, the
 * activations of a pass, and the pieces that architectures are put together from. */
#ifndef MODEL_LAYERS_H
#define MODEL_LAYERS_H

#include "model/model.h"

/* Linears that read the same input form a group; a block of either architecture has these four. */
enum group_id { GROUP_QKV, GROUP_O, GROUP_UP, GROUP_DOWN, GROUP_COUNT };
#define GROUP_MAX 3

struct weight {
    char name[128]; /* as in the file */
    size_t rank, shape[2];
    size_t numel;
    bool decay; /* matrices yes; norms and biases no */
    struct ref w;
    struct ref g;                /* gradient; REF_NONE while frozen */
    const struct st_tensor *src; /* NULL in a random model */
    struct buf *wrapped;         /* the view of the mapped file */
    size_t own_at;               /* place in model.owned */
};

struct linear {
    struct weight *w, *b; /* b may be NULL */
    size_t in, out;
    char module[112];   /* "model.layers.0.self_attn.q_proj" */
    const char *target; /* "q_proj": what LoRA targets name; inside module */
};

/* What one adapter adds to one group. A of the targeted linears are stacked: [n_on R, in]. */
struct lowrank {
    size_t n_on;
    bool on[GROUP_MAX];
    size_t a_at;            /* of the stack, in the adapter's buffer */
    size_t b_at[GROUP_MAX]; /* [out, R] */
    double alpha[GROUP_MAX];
    float scale[GROUP_MAX]; /* alpha / R, or rsLoRA's */
};
struct group {
    struct linear lin[GROUP_MAX];
    size_t n, in;
};
struct layer {
    struct group group[GROUP_COUNT];
    struct weight *norm1, *norm1_b, *norm2, *norm2_b;
    struct weight *norm_q, *norm_k; /* [E], of every head */
    struct weight *post1, *post2;   /* of the outputs of attention and MLP */
};

struct adapter {
    size_t r;
    double alpha, dropout;
    bool rslora;
    char *targets; /* comma-separated module names */
    bool trained;
    struct buf *w, *g; /* g NULL while frozen */
    size_t n;
    struct lowrank *term;    /* [L * GROUP_COUNT] */
    size_t col[GROUP_COUNT]; /* first column in the group's h */
};

struct model {
    struct config cfg;
    struct compute *c;
    char *dir;
    struct weights *files;  /* NULL in a random model */
    struct weight **weight; /* grows while binding; fixed afterwards */
    size_t n_weight, cap_weight;
    struct buf *owned; /* F32 weights of a random or fully trained model */
    struct buf *owned_g;
    size_t own_n, own_decay; /* numbers in owned; the first own_decay of them take weight decay */
    struct layer *layer;     /* [L] */
    bool untied; /* config.json ties the head to the embedding, and the file has another */
    struct weight *embed, *embed_pos, *norm, *norm_b, *head, *proj_in, *proj_out, *score;
    struct adapter *adapter;
    size_t n_adapter;
    size_t n_used;              /* passes use the lowest n_used of them at most */
    size_t h_cols[GROUP_COUNT]; /* columns of a group's h over all adapters */
    struct params params;
    bool trains, full;
    struct buf *rope_cos[2], *rope_sin[2]; /* the second for layers that slide, with two_ropes */
    size_t rope_max;                       /* positions in the tables */
};

/* Declares a weight of this shape (cols 0 = a vector); the name is printf-style. NULL and err when the
 * file does not hold it so. The pointer stays valid until model_close. */
struct weight *model_weight(struct model *m, struct vac_err *err, size_t rows, size_t cols,
                            const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Declares linear i of a group, whose module is PREFIX.l.PART ("model.layers", "self_attn.q_proj"):
 * PREFIX.l.PART.weight [out,in] and, with bias, PREFIX.l.PART.bias [out]. */
int model_linear(struct model *m, size_t l, enum group_id g, size_t i, size_t in, size_t out,
                 bool bias, const char *prefix, const char *part, struct vac_err *err);

struct layer_acts {
    struct ref x;                                  /* [N,D] input of the block */
    struct ref n1, mean1, rstd1;                   /* [N,D] [N] [N] norm before attention */
    struct ref q, k, v, y, lse;                    /* [N,HE] [N,KE] [N,KE] [N,HE] [N,H] */
    struct ref q0, k0, rstd_q, rstd_k;             /* before the norm of heads; [N,H] [N,K] */
    struct ref out1, post_rstd1, out2, post_rstd2; /* [N,D] [N] with post_norms: before them */
    struct ref mid, ln1;         /* [N,D] after the attention's residual add; post-norm: its norm */
    struct ref n2, mean2, rstd2; /* norm before the MLP */
    struct ref gate, up, act;    /* [N,F] */
    struct ref sum;              /* post-norm: [N,D] before the last norm */
    struct ref h[GROUP_COUNT];   /* [N, h_cols] */
};
struct acts {
    struct model *m;
    size_t rows, labelled, context;
    bool train;
    struct buf *buf;
    struct layer_acts *layer; /* [L + 1]: only x of the last */
    struct ref emb, demb;     /* [N,P] before project_in */
    struct ref t;             /* [N,D] a half's output before the residual add */
    struct ref drop;          /* [N,max(D,F,HE)] an input with dropout */
    struct ref back;          /* the same size: a gradient on its way through dropout */
    struct ref dh;            /* [N,max h_cols] */
    struct ref dx, dn;        /* [N,D] residual gradient; gradient of a norm's output */
    struct ref dt; /* gradient of a half's output: dx (dout), or t where a tap adds to it */
    struct ref dq, dk, dv, dy;
    struct ref dout; /* [N,D] with post_norms: gradient of a half's output */
    struct ref dk0;  /* [N,KE] before the norm of heads; that of q goes into dy */
    struct ref dgate, dup, dact;
    struct ref head_x, head, dhead, dhead_x; /* [labelled,D] [.,P] */
    struct ref head_n;                       /* [labelled,D] before project_out */
    struct ref head_mean, head_rstd;
    struct ref scores; /* [n_labels] of a classifier */
    int32_t *index;    /* [rows] host scratch: positions, rows */
};

/* Key-value cache of generation: per layer slots x cap rows. */
struct kv {
    struct ref k, v; /* [L, slots * cap, K E] */
    size_t rows;     /* slots * cap */
};

/* --- linear.c --- */
/* y[i] = linear i of x, low-rank terms included. */
void group_forward(struct pass *p, size_t l, enum group_id g, struct ref x, const struct ref *y);
/* dx (stored; REF_NONE = not wanted) from dy[i]; weight gradients when the pass wants them. */
void group_backward(struct pass *p, size_t l, enum group_id g, struct ref dx, const struct ref *dy,
                    struct ref x);

/* --- attention.c: q, k, v from x, positions rotated when the model has RoPE, mixed, o into acts->t --- */
void attention_forward(struct pass *p, size_t l, struct ref x);
/* From acts->dt (gradient of o's output) to dx_in [N,D] (stored; REF_NONE = not wanted). */
void attention_backward(struct pass *p, size_t l, struct ref dx_in, struct ref x);

/* --- decoder.c: the decoders of the Llama family --- */
/* Reads DECODER_KEYS. What the caller has set before stays where the file says nothing: E, the flags. */
int decoder_read(struct config *c, const struct jnode *root, struct vac_err *err);
int decoder_bind(struct model *m, struct vac_err *err);
void decoder_embed(struct pass *p);
void decoder_embed_backward(struct pass *p);
void decoder_attn(struct pass *p, size_t l);
void decoder_attn_backward(struct pass *p, size_t l);
void decoder_mlp(struct pass *p, size_t l);
void decoder_mlp_backward(struct pass *p, size_t l);
void decoder_attn_join(struct pass *p, size_t l);
void decoder_attn_split(struct pass *p, size_t l);
void decoder_mlp_join(struct pass *p, size_t l);
void decoder_mlp_split(struct pass *p, size_t l);
void decoder_final(struct pass *p, size_t n);
void decoder_final_backward(struct pass *p, size_t n);
#define DECODER_KEYS                                                                               \
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",                \
        "num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings",                \
        "rms_norm_eps", "rope_theta", "rope_scaling", "rope_parameters", "rope_interleaved",       \
        "partial_rotary_factor"
/* Reads GEMMA_KEYS but for the window; caps that are set before are the defaults, null is none. */
int gemma_read(struct config *c, const struct jnode *root, struct vac_err *err);
#define GEMMA_KEYS                                                                                 \
    DECODER_KEYS, "hidden_activation", "query_pre_attn_scalar", "attn_logit_softcapping",          \
        "final_logit_softcapping", "sliding_window", "use_bidirectional_attention",                \
        "attention_bias"
#define DECODER_TARGETS "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"
#define DECODER_BLOCK                                                                              \
    .bind = decoder_bind, .embed_forward = decoder_embed,                                          \
    .embed_backward = decoder_embed_backward, .attn_forward = decoder_attn,                        \
    .attn_backward = decoder_attn_backward, .mlp_forward = decoder_mlp,                            \
    .mlp_backward = decoder_mlp_backward, .final_forward = decoder_final,                          \
    .final_backward = decoder_final_backward
#define DECODER_JOINS                                                                              \
    .attn_join = decoder_attn_join, .attn_split = decoder_attn_split,                              \
    .mlp_join = decoder_mlp_join, .mlp_split = decoder_mlp_split

/* --- pass.c --- */
/* Logits [n,V] of what final_forward left in acts->head. */
void pass_logits(struct pass *p, struct ref out, size_t n);

/* --- helpers of the architectures --- */
static inline struct compute *pass_c(const struct pass *p)
{
    return p->m->c;
}
static inline struct ref weight_ref(const struct weight *w)
{
    return w ? w->w : REF_NONE;
}
static inline struct ref weight_grad(const struct pass *p, const struct weight *w)
{
    return w && p->grads ? w->g : REF_NONE;
}
/* Whether anything below block l still wants a gradient (else block 0 need not make its input's). */
bool pass_wants_below(const struct pass *p, size_t l);
/* A norm of the model's kind and its gradient (adds into dx). */
void norm_forward(struct pass *p, struct ref y, struct ref mean, struct ref rstd, struct ref x,
                  const struct weight *w, const struct weight *b, size_t n);
void norm_backward(struct pass *p, struct ref dx, struct ref dy, struct ref x,
                   const struct weight *w, const struct weight *b, struct ref mean, struct ref rstd,
                   size_t n);

/* Where SITE_ATTN adds: the sum that the output has gone into, or the output where a norm comes first. */
static inline struct ref attn_sum(const struct pass *p, size_t l)
{
    return p->m->cfg.post_norms ? p->a->layer[l].out1 : p->a->layer[l].mid;
}
/* Where SITE_MLP adds: likewise; the block's output, or what its last norm reads (post-norm models). */
static inline struct ref mlp_sum(const struct pass *p, size_t l)
{
    if (p->m->cfg.post_norms)
        return p->a->layer[l].out2;
    return p->m->cfg.pre_norm ? p->a->layer[l + 1].x : p->a->layer[l].sum;
}

/* The shapes of passes over `rows` packed tokens in sequences of at most `context`. */
struct compute_limits acts_limits(const struct model *m, size_t rows, size_t context, bool train);
/* Makes the tables long enough for `context` positions. */
int model_rope(struct model *m, size_t context, struct vac_err *err);
/* Lays all weights out in one F32 buffer, those that decay first, and allocates it. */
int model_own(struct model *m, struct vac_err *err);
/* Recounts the columns of h after the adapter stack has changed. */
void model_restack(struct model *m);
void adapter_done(struct model *m, struct adapter *a);
void params_clear(struct model *m);
/* What an adapter of this spec would be, all but its memory. adapter_forget frees it. */
int adapter_shape(const struct model *m, struct adapter *a, const struct lora_spec *spec,
                  struct vac_err *err);
void adapter_forget(struct adapter *a);
/* A frozen adapter of zeros on top. NULL and err when the spec does not fit the model. */
struct adapter *model_push_adapter(struct model *m, const struct lora_spec *spec,
                                   struct vac_err *err);
/* Adds every adapter's term for this weight, in order, to F32 numbers of its shape. */
void model_merge_into(const struct model *m, const struct weight *w, struct ref to);
/* The error that `name`, found under `key`, is no module; returns -1. */
int target_unknown(const struct model *m, const char *name, const char *key, struct vac_err *err);
float lora_scale(double alpha, size_t r, bool rslora);
int peft_load(struct model *m, const char *dir, struct vac_err *err);
/* Linear number n of the model, in the order of layers and groups; NULL past the last. */
const struct linear *model_linear_at(const struct model *m, size_t n);
/* Where the adapter's matrices for linear n lie in its buffer: A [r,in], B [out,r]. on = false: none there.
 * false past the last linear. */
struct lora_place {
    const struct linear *x;
    bool on;
    size_t a, b;
    double alpha;
    float scale;
};
bool adapter_place(const struct model *m, const struct adapter *a, size_t n,
                   struct lora_place *out);
/* Gives linear n a weight of its own. */
void adapter_weigh(const struct model *m, struct adapter *a, size_t n, double alpha, float scale);
/* Whether a name of a list of modules means this one: it is its end, "q_proj" or "layers.0.mlp.up_proj",
 * of k characters. */
bool module_named(const char *module, const char *name, size_t k);
#endif
