/* merge_gguf.h - a model written as a GGUF file, and its adapters as one that stands on the base. */
#ifndef MODEL_MERGE_GGUF_H
#define MODEL_MERGE_GGUF_H

#include "model/model.h"

/* Base and all adapters merged: matrices in F16 (rounded to nearest even) or F32, vectors in F32. Keys and
 * tokenizer are those of the GGUF file that the model is, or are made from its folder and `tokenizer`. */
int model_save_gguf(const struct model *m, const char *tokenizer, const char *path, bool in_f32,
                    struct vac_err *err);
/* All adapters as one LoRA in F32. */
int model_save_gguf_lora(const struct model *m, const char *path, struct vac_err *err);
#endif
