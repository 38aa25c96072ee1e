/* lora.h - what of a model is trained: the top one of its stack of low-rank adapters, or all weights. */
#ifndef MODEL_LORA_H
#define MODEL_LORA_H

#include "model/model.h"

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
#endif
