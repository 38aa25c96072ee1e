/* norm.h - inside src/model: norms over the width of the model. */
#ifndef MODEL_NORM_H
#define MODEL_NORM_H

#include "model/layers.h"

/* A norm of the model's kind and its gradient (adds into dx). */
void norm_forward(struct pass *p, struct ref y, struct ref mean, struct ref rstd, struct ref x,
                  const struct weight *w, const struct weight *b, size_t n);
void norm_backward(struct pass *p, struct ref dx, struct ref dy, struct ref x,
                   const struct weight *w, const struct weight *b, struct ref mean, struct ref rstd,
                   size_t n);
#endif
