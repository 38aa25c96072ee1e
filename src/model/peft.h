/* peft.h - adapters as PEFT keeps them in a folder. */
#ifndef MODEL_PEFT_H
#define MODEL_PEFT_H

#include "model/lora.h"

/* An adapter from a PEFT folder on top; trained or frozen. dropout < 0 keeps the folder's own. */
int model_add_peft(struct model *m, const char *dir, bool trained, double dropout,
                   struct vac_err *err);
/* What a PEFT folder's adapter is on this model; spec->targets is *targets, which is to be freed. */
int peft_spec(const struct model *m, const char *dir, struct lora_spec *spec, char **targets,
              struct vac_err *err);
/* Adapter i (0 = lowest) as a PEFT folder. base = where the weights lie on which it stands (NULL = the
 * model's folder); a folder of the Hugging Face cache is told by its name and commit. */
int model_save_peft(const struct model *m, size_t i, const char *base, const char *dir,
                    struct vac_err *err);
#endif
