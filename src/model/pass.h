/* pass.h - forward and backward through a model, and the taps where a method touches what passes by.
 * Gradients are for the sum of the labelled tokens' losses times pass.scale. */
#ifndef MODEL_PASS_H
#define MODEL_PASS_H

#include "data/batch.h"
#include "model/acts.h"

/* --- taps: where a method touches activations --- */
enum site { SITE_EMBED, SITE_ATTN, SITE_MLP, SITE_BLOCK, SITE_COUNT };
extern const char *const site_names[SITE_COUNT + 1]; /* "embed", "attn", "mlp", "block", NULL */
/* All arrays [N,D]; REF_NONE = not wanted. SITE_EMBED has layer 0 only. */
struct tap {
    struct ref add;     /* added to the activation, as a constant */
    struct ref keep;    /* = the activation, before adding; */
    const int32_t *row; /* ... of these n_row of its rows only; NULL = all */
    size_t n_row;
    struct ref keep_grad; /* = the loss's gradient there */
    /* Added to that gradient, on its way down: as from a loss term on `keep`. */
    struct ref add_grad;
    double *sumsq;      /* += squared norm of the activation, before adding; or NULL */
    double *grad_sumsq; /* += squared norm of the gradient there; or NULL */
};
struct taps {
    struct tap *tap; /* [SITE_COUNT * L] */
    size_t L;
};
int taps_init(struct taps *t, const struct model *m, struct vac_err *err);
void taps_clear(struct taps *t);
void taps_done(struct taps *t);
struct tap *taps_at(const struct taps *t, enum site site, size_t layer);

/* A place on the way through the model, in the order in which a pass meets them. */
#define PLACE_START SIZE_MAX
size_t place_of(enum site site, size_t layer);

/* --- passes --- */
struct kv;
struct pass {
    struct model *m;
    struct acts *a;
    const struct batch *b;
    const struct taps *taps; /* NULL = none */
    bool train;              /* LoRA dropout on (batch_keys must be set) */
    bool grads;              /* backward adds weight gradients */
    float scale;             /* of the gradients, not of the loss */
    /* Forward begins after this place, from what the last forward of the same batch left there, to which
     * the place's `add` is applied; PLACE_START = at the beginning. */
    size_t from;
    /* Backward ends at this place (its keep_grad filled); PLACE_START = goes on to the end. */
    size_t stop;
    struct kv *kv; /* generation only: else NULL */
    /* Called before each block, forward and back, where a pass is at work on nothing but what its acts and taps
     * hold: whoever listens may make other passes of the model, in other acts. NULL = nobody. */
    void (*rest)(void *ctx);
    void *rest_ctx;
};
/* Sum of the losses of the labelled tokens. want_grad prepares pass_backward. row_loss[n_lab] or NULL. */
double pass_loss(struct pass *p, bool want_grad, double *row_loss);
/* After pass_loss(want_grad) of the same pass. */
void pass_backward(struct pass *p);
/* Forward without a head: taps only. */
void pass_forward(struct pass *p);
/* log-probability of ids[i+1] given ids[0..i] at each row that has a next one in its sequence, and the most
 * probable next id at every row, in the order of the batch's rows (logp of a last row is 0). The head runs
 * in pieces of the labelled rows that acts were made for. False: a logit was no number (asked with logp). */
bool pass_score(struct pass *p, double *logp, int32_t *top);
/* Sequence classifier: logits[S, n_labels] from the last token of each sequence. */
void pass_classify(struct pass *p, float *logits);

/* --- without a direction --- */
/* From now on passes of the model, forward only, go on with a residual stream that has no part along u[D], which has
 * length 1 and stays the caller's; NONE = they are as before. At every place that writes to the stream
 *
 *     x <- x - (x u) u
 *
 * which is what W <- W - u (u^T W) makes of each matrix that writes to it (token and position embeddings by their
 * rows, attention and MLP outputs with their biases and adapters), without a copy of any of them: the weights may be
 * of any dtype, and stay as they are. The head stays too, also where it is the embedding. Where a norm stands between
 * an output and the stream (Gemma), what the norm leaves is projected; where norms stand in the stream itself (OPT
 * 350m), the stream is, before and behind each block's last one. */
void pass_ablate(struct model *m, struct ref u);

/* --- for the architectures and the generator --- */
/* Logits [n,V] of what final_forward left in acts->head. */
void pass_logits(struct pass *p, struct ref out, size_t n);
/* Whether anything below block l still wants a gradient (else block 0 need not make its input's). */
bool pass_wants_below(const struct pass *p, size_t l);
#endif
