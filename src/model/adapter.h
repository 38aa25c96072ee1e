/* adapter.h - inside src/model: low-rank terms, where they lie and which linears they are of. */
#ifndef MODEL_ADAPTER_H
#define MODEL_ADAPTER_H

#include "model/layers.h"

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
/* Recounts the columns of h after the adapter stack has changed. */
void model_restack(struct model *m);
/* Takes the top adapter away. */
void adapter_pop(struct model *m);
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
/* Whether r, alpha and dropout are what they may be. */
int lora_spec_check(const struct lora_spec *s, struct vac_err *err);
float lora_scale(double alpha, size_t r, bool rslora);
#endif
