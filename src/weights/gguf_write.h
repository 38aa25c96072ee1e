/* gguf_write.h - writing one GGUF file (version 3): keys, then tensors, then their numbers in that order.
 *
 * Keys and declarations are kept in memory and cannot fail there: gguf_begin tells. The file appears whole or
 * not at all. */
#ifndef WEIGHTS_GGUF_WRITE_H
#define WEIGHTS_GGUF_WRITE_H

#include "weights/gguf.h"

struct gguf_writer;
struct gguf_writer *gguf_create(const char *path, struct vac_err *err);
void gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t x);
void gguf_put_f32(struct gguf_writer *w, const char *key, float x);
void gguf_put_bool(struct gguf_writer *w, const char *key, bool x);
void gguf_put_text(struct gguf_writer *w, const char *key, const char *s);
/* An array of n texts, whole numbers (I32) or numbers (F32): n of the next three follow. */
void gguf_put_array(struct gguf_writer *w, const char *key, enum gguf_type type, size_t n);
void gguf_add_text(struct gguf_writer *w, const char *s, size_t n);
void gguf_add_i32(struct gguf_writer *w, int32_t x);
void gguf_add_f32(struct gguf_writer *w, float x);
/* As it stands in another file. */
void gguf_put_value(struct gguf_writer *w, const struct gguf_value *v);
/* F32 or F16; dimensions in the order of Hugging Face. */
void gguf_declare(struct gguf_writer *w, const char *name, enum dtype t, size_t rank,
                  const size_t *shape);
int gguf_begin(struct gguf_writer *w, struct vac_err *err);
/* All numbers of the next tensor, rounded to nearest even. */
int gguf_put(struct gguf_writer *w, const float *x, size_t n, struct vac_err *err);
int gguf_commit(struct gguf_writer *w, struct vac_err *err);
void gguf_writer_free(struct gguf_writer *w); /* removes what was not committed */
#endif
