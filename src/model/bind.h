/* bind.h - inside src/model: what weights a model has. */
#ifndef MODEL_BIND_H
#define MODEL_BIND_H

#include "model/layers.h"

/* Declares a weight of this shape (cols 0 = a vector); the name is printf-style. NULL and err when the
 * file does not hold it so. The pointer stays valid until model_close. */
struct weight *model_weight(struct model *m, struct vac_err *err, size_t rows, size_t cols,
                            const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Declares linear i of a group, whose module is PREFIX.l.PART ("model.layers", "self_attn.q_proj"):
 * PREFIX.l.PART.weight [out,in] and, with bias, PREFIX.l.PART.bias [out]. */
int model_linear(struct model *m, size_t l, enum group_id g, size_t i, size_t in, size_t out,
                 bool bias, const char *prefix, const char *part, struct vac_err *err);
/* Whether all weights could be: not where they lie in blocks. */
int model_may_own(const struct model *m, struct vac_err *err);
/* Lays all weights out in one F32 buffer, those that decay first, and allocates it. */
int model_own(struct model *m, struct vac_err *err);
#endif
