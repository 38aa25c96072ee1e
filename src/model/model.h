/* model.h - a language model that can be run (pass.h), trained (lora.h) and taken apart at its taps.
 *
 * A model is frozen base weights (mapped from the file in their own dtype), a stack of LoRA adapters, and
 * one set of parameters that is being trained: the top adapter, or all weights. It does no I/O after
 * opening and allocates nothing during a pass: activations live in a struct acts made beforehand.
 * One thread at a time. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "compute/compute.h"
#include "model/arch.h"
#include "weights/weights.h"

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
/* Whether the weights' files are those that were opened: asked before anything that the model has
 * computed is believed. */
int model_check(const struct model *m, struct vac_err *err);
/* For whoever finds that what the model gave is no number (NaN, infinite), which must not become a figure:
 * sets the error, which names the tensor that is none either, and returns -1. Reads all weights. */
int model_not_numbers(const struct model *m, const char *what, struct vac_err *err);
/* What its user should know of how the files were read; NULL = nothing. */
const char *model_note(const struct model *m);
#endif
