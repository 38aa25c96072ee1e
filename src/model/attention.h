/* attention.h - inside src/model: self-attention. */
#ifndef MODEL_ATTENTION_H
#define MODEL_ATTENTION_H

#include "model/layers.h"

/* q, k, v from x, positions rotated when the model has RoPE, mixed, o into acts->t. */
void attention_forward(struct pass *p, size_t l, struct ref x);
/* From acts->dt (gradient of o's output) to dx_in [N,D] (stored; REF_NONE = not wanted). */
void attention_backward(struct pass *p, size_t l, struct ref dx_in, struct ref x);

/* Makes the tables long enough for `context` positions. */
int model_rope(struct model *m, size_t context, struct vac_err *err);
/* How far pair i of E / 2 turns from one position to the next. */
double rope_frequency(const struct rope_config *r, size_t i, size_t E);
#endif
