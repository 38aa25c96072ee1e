/* model.h - a language model that can be run, trained and taken apart at its taps.
 *
 * A model is frozen base weights (mapped from the file in their own dtype), a stack of LoRA adapters, and
 * one set of parameters that is being trained: the top adapter, or all weights. It does no I/O after
 * opening and allocates nothing during a pass: activations live in a struct acts made beforehand.
 * One thread at a time. Gradients are for the sum of the labelled tokens' losses times pass.scale. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "compute/compute.h"
#include "data/batch.h"
#include "weights/safetensors.h"
#include "model/arch.h"

/* --- opening --- */
struct model *model_open(const char *dir, struct compute *c, struct vac_err *err);
/* The same with the weights of another folder or file (NULL = dir's own), and config.json's object in the
 * place of the file (NULL = dir's; else dir may be ""). */
struct model *model_open_parts(const char *dir, const struct jnode *config, const char *weights,
                               struct compute *c, struct vac_err *err);
/* Random weights from a config: normal of config's initializer_range, norms 1, biases 0. */
struct model *model_random(const struct jnode *config, uint64_t seed, struct compute *c,
                           struct vac_err *err);
void model_close(struct model *m);
const struct config *model_config(const struct model *m);
struct compute *model_compute(const struct model *m);
const char *model_dir(const struct model *m); /* "" for a random one */
uint64_t model_count(const struct model *m);  /* parameters of the base */
uint64_t model_bytes(const struct model *m);  /* bytes of the mapped base */
/* For whoever finds that what the model gave is no number (NaN, infinite), which must not become a figure:
 * sets the error, which names the tensor that is none either, and returns -1. Reads all weights. */
/* Whether the weights' files are those that were opened: asked before anything that the model has
 * computed is believed. */
int model_check(const struct model *m, struct vac_err *err);
int model_not_numbers(const struct model *m, const char *what, struct vac_err *err);
/* What its user should know of how the files were read; NULL = nothing. */
const char *model_note(const struct model *m);

/* --- what is trained --- */
struct lora_spec {
    size_t r;
    double alpha, dropout;
    bool rslora; /* scaling alpha / sqrt(r) instead of alpha / r */
    const char *
        targets; /* "all", or module names like "q_proj,v_proj", or their ends, "layers.0.mlp.up_proj" */
};
/* A named piece of the trained parameters. */
struct param {
    char *name; /* as in the file it is saved to: PEFT key or Hugging Face weight name */
    size_t at;  /* offset in params.w */
    size_t rank, shape[2];
};
/* The trained parameters: one buffer, so that norms and updates are one op each. The first n_decay numbers
 * take weight decay, the rest (norms and biases of full fine-tuning) do not. */
struct params {
    struct ref w, g;
    size_t n, n_decay;
    struct param *list;
    size_t count;
};
/* A fresh adapter on top, trained; those beneath are frozen. A uniform in +-1/sqrt(in), B = 0, from
 * (seed, stage). */
int model_add_lora(struct model *m, const struct lora_spec *spec, uint64_t seed, uint64_t stage,
                   struct vac_err *err);
/* An adapter from a PEFT folder on top; trained or frozen. dropout < 0 keeps the folder's own. */
int model_add_peft(struct model *m, const char *dir, bool trained, double dropout,
                   struct vac_err *err);
/* What a PEFT folder's adapter is on this model; spec->targets is *targets, which is to be freed. */
int peft_spec(const struct model *m, const char *dir, struct lora_spec *spec, char **targets,
              struct vac_err *err);
/* Passes use the lowest n adapters only (SIZE_MAX = all, as at first); returns how many they used. */
size_t model_use_adapters(struct model *m, size_t n);
/* Goes on training the top adapter ("adapter": "same"), with another dropout unless NaN. */
int model_retrain_lora(struct model *m, double dropout, struct vac_err *err);
/* Merges all adapters into F32 copies of all weights, which are trained from now on. */
int model_train_full(struct model *m, struct vac_err *err);
/* Nothing is trained any more; gradients are given back. */
void model_freeze(struct model *m);
const struct params *model_params(const struct model *m); /* NULL when nothing is trained */
size_t model_adapters(const struct model *m);
bool model_is_full(const struct model *m);

/* --- leaving with files --- */
/* Adapter i (0 = lowest) as a PEFT folder. base = where the weights lie on which it stands (NULL = the
 * model's folder); a folder of the Hugging Face cache is told by its name and commit. */
int model_save_peft(const struct model *m, size_t i, const char *base, const char *dir,
                    struct vac_err *err);
/* Base and all adapters merged in order, as a folder that Hugging Face reads: weights in the base's dtype
 * (round to nearest even), or in F32; config, tokenizer and generation files
 * copied. shard = bytes a file may have (0 = 5 GB). */
int model_save_merged(const struct model *m, const char *dir, bool in_f32, size_t shard,
                      struct vac_err *err);
/* The files of a tokenizer, those there are, from one folder to another. */
int model_copy_tokenizer(const char *from, const char *to, struct vac_err *err);

/* --- activations --- */
struct acts;
struct kv;
/* Floats that acts_new will take. rows = packed tokens of the largest batch, labelled = rows with labels;
 * train keeps every layer's activations, else all layers share theirs. */
size_t acts_floats(const struct model *m, size_t rows, size_t labelled, bool train);
/* Made for the adapters that the model has now: make new ones after the stack has changed. Sets the
 * compute limits too. context = the longest sequence. */
struct acts *acts_new(struct model *m, size_t rows, size_t labelled, size_t context, bool train,
                      struct vac_err *err);
void acts_free(struct acts *a);
/* What they were made for. */
struct acts_room {
    size_t rows, labelled, context;
};
struct acts_room acts_room(const struct acts *a);

/* --- taps: where a method touches activations --- */
enum site { SITE_EMBED, SITE_ATTN, SITE_MLP, SITE_BLOCK, SITE_COUNT };
extern const char *const site_names[SITE_COUNT + 1]; /* "embed", "attn", "mlp", "block", NULL */
/* All arrays [N,D]; REF_NONE = not wanted. SITE_EMBED has layer 0 only. */
struct tap {
    struct ref add;       /* added to the activation, as a constant */
    struct ref keep;      /* = the activation, before adding */
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
#endif
