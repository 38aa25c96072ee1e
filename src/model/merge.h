/* merge.h - a model written as one Hugging Face folder. */
#ifndef MODEL_MERGE_H
#define MODEL_MERGE_H

#include "model/model.h"

/* Base and all adapters merged in order, as a folder that Hugging Face reads: weights in the base's dtype
 * (round to nearest even), or in F32; config, tokenizer and generation files
 * copied. shard = bytes a file may have (0 = 5 GB). */
int model_save_merged(const struct model *m, const char *dir, bool in_f32, size_t shard,
                      struct vac_err *err);
struct weight;
/* One weight with all adapters in it, for a file that holds it as t; tmp and host have room for it. */
int model_merged(const struct model *m, const struct weight *x, enum dtype t, struct buf *tmp,
                 float *host, struct vac_err *err);
/* The files of a tokenizer, those there are, from one folder to another. */
int model_copy_tokenizer(const char *from, const char *to, struct vac_err *err);
#endif
