/* layers.h - the inside of a model, for src/model only: weights, linears with their low-rank terms, and the
 * activations of a pass. */
#ifndef MODEL_LAYERS_H
#define MODEL_LAYERS_H

#include "model/lora.h"
#include "model/pass.h"

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
    void *narrow;                /* its numbers in bf16, where products take no more; or NULL */
    struct buf *narrowed;        /* the view of those */
    size_t own_at;               /* place in model.owned */
};

/* What the file says, also where products take it in bf16. */
static inline struct ref weight_exact(const struct weight *w)
{
    return w->narrow ? (struct ref){w->wrapped, 0} : w->w;
}

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
    struct ref ablated; /* [D] direction that is taken out of the residual stream, or NONE */
    struct buf *rope_cos[2], *rope_sin[2]; /* the second for layers that slide, with two_ropes */
    size_t rope_max;                       /* positions in the tables */
};

struct layer_acts {
    struct ref x;                                  /* [N,D] input of the block */
    struct ref mean1, rstd1;                       /* [N] [N] of the norm before attention */
    struct ref q, k, v, y, lse;                    /* [N,HE] [N,KE] [N,KE] [N,HE] [N,H] */
    struct ref q0, k0, rstd_q, rstd_k;             /* before the norm of heads; [N,H] [N,K] */
    struct ref out1, post_rstd1, out2, post_rstd2; /* [N,D] [N] with post_norms: before them */
    struct ref mid, ln1;       /* [N,D] after the attention's residual add; post-norm: its norm */
    struct ref mean2, rstd2;   /* of the norm before the MLP */
    struct ref gate, up;       /* [N,F] */
    struct ref sum;            /* post-norm: [N,D] before the last norm */
    struct ref h[GROUP_COUNT]; /* [N, h_cols] */
};
struct acts {
    struct model *m;
    size_t rows, labelled, context;
    bool train;
    struct buf *buf;
    struct layer_acts *layer; /* [L + 1]: only x of the last */
    struct ref emb, demb;     /* [N,P] before project_in */
    struct ref t;             /* [N,D] a half's output before the residual add */
    struct ref normed,
        act;           /* [N,D] [N,F] what a half reads, and the MLP's middle: of the layer at work;
                               * a backward pass makes them again, which costs less than keeping all */
    struct ref drop;   /* [N,max(D,F,HE)] an input with dropout */
    struct ref back;   /* the same size: a gradient on its way through dropout */
    struct ref dh;     /* [N,max h_cols] */
    struct ref dx, dn; /* [N,D] residual gradient; gradient of a norm's output */
    struct ref dt;     /* gradient of a half's output: dx (dout), or t where a tap adds to it */
    struct ref dq, dk, dv, dy;
    struct ref dout; /* [N,D] with post_norms: gradient of a half's output */
    struct ref dk0;  /* [N,KE] before the norm of heads; that of q goes into dy */
    struct ref dgate, dup, dact;
    struct ref head_x, head, dhead, dhead_x; /* [labelled,D] [.,P] */
    struct ref head_n;                       /* [labelled,D] before project_out */
    struct ref head_mean, head_rstd;
    struct ref scores; /* [n_labels] of a classifier */
    int32_t *index;    /* [rows] host scratch: positions, rows */
    double *row_loss;  /* [labelled] of who does not want them */
};

/* Key-value cache of generation: per layer slots x cap rows. */
struct kv {
    struct ref k, v; /* [L, slots * cap, K E] */
    size_t rows;     /* slots * cap */
};

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

#endif
