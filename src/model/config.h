/* config.h - what a model's config.json says, read strictly.
 *
 * Every key of config.json is either implemented, known not to change the forward pass, or an error that
 * names it: nothing is guessed. An architecture reads its own keys (see arch.h). */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "base/dtype.h"
#include "base/json.h"
#include "weights/hub.h"

struct arch;

enum activation { ACT_SILU, ACT_RELU, ACT_GELU, ACT_GELU_TANH };
enum rope_kind { ROPE_NONE, ROPE_DEFAULT, ROPE_LINEAR, ROPE_LLAMA3 };

struct rope_config {
    enum rope_kind kind;
    double theta, factor, low_freq_factor, high_freq_factor, original_max;
};

#define CONFIG_MAX_LABELS 256
#define CONFIG_MAX_LAYERS 4096
struct config {
    const struct arch *arch;
    char model_type[32];
    /* shape letters as in compute.h; P = width of the embedding table where it differs from D (opt-350m) */
    size_t V, D, L, H, K, E, F, P, max_pos;
    float norm_eps;
    float norm_plus;                       /* RMSNorm's factor is this + w */
    float embed_scale;                     /* of the embedding; 0 = none */
    float attn_scale;                      /* of the scores */
    float attn_cap, logit_cap;             /* soft caps; 0 = none */
    struct rope_config rope, rope_sliding; /* of layers that slide, where it differs */
    bool two_ropes;
    size_t window; /* keys that a layer which slides sees; 0 = no layer does */
    bool slides[CONFIG_MAX_LAYERS];
    enum activation act;
    bool gated;     /* the MLP has a gate */
    bool tied;      /* the head is the embedding */
    bool attn_bias; /* q, k and v have biases */
    bool o_bias;
    bool mlp_bias;
    bool head_norm;  /* every head of q and k is normalised before rotation */
    bool pre_norm;   /* false: the norms stand after the residual adds (opt-350m) */
    bool post_norms; /* attention and MLP outputs are normalised before they are added */
    bool final_norm;
    size_t n_labels; /* a sequence classifier's outputs; 0 = a language model */
    char label[CONFIG_MAX_LABELS][64];
    int32_t bos, pad; /* -1 = none */
    int32_t eos[GEN_MAX_EOS];
    size_t n_eos;
    enum dtype dtype;  /* of most weights as stored */
    double init_range; /* sd of random initial weights */
    char *text;        /* config.json as it was, for writing it again */
};

/* DIR/config.json. */
int config_read(struct config *c, const char *dir, struct vac_err *err);
/* The same from an object (a run file's "config"); c->text is its text. */
int config_from(struct config *c, const struct jnode *root, struct vac_err *err);
void config_done(struct config *c);

/* For architectures: a size in 1..limit; required unless *out already holds a default (non-zero). */
int config_size(const struct jnode *root, const char *key, size_t limit, size_t *out,
                struct vac_err *err);
/* The key, where it is given and not null, must have this value. */
int config_must_be(const struct jnode *root, const char *key, bool want, struct vac_err *err);
int config_must_be_one(const struct jnode *root, const char *key, double want, struct vac_err *err);
/* rope_theta / rope_scaling / rope_parameters in their old and new forms; of layers that slide too, when
 * sliding is not NULL. Thetas that are set before are the defaults. */
int config_rope(const struct jnode *root, struct rope_config *r, struct rope_config *sliding,
                struct vac_err *err);
/* Which layers slide: those of layer_types; without it every one from `from` on, but each full_every-th
 * (0 = none is excepted). A window that is null, or use_sliding_window false, means none; one that is set before
 * is that of a file that says nothing. */
int config_window(struct config *c, const struct jnode *root, size_t from, size_t full_every,
                  struct vac_err *err);
/* The same, from max_window_layers on, and only where use_sliding_window says so (Qwen). */
int config_window_above(struct config *c, const struct jnode *root, struct vac_err *err);
#endif
