/* linear.h - inside src/model: a group of linears with the low-rank terms of all adapters. */
#ifndef MODEL_LINEAR_H
#define MODEL_LINEAR_H

#include "model/layers.h"

/* y[i] = linear i of x, low-rank terms included. */
void group_forward(struct pass *p, size_t l, enum group_id g, struct ref x, const struct ref *y);
/* dx (stored; REF_NONE = not wanted) from dy[i]; weight gradients when the pass wants them. */
void group_backward(struct pass *p, size_t l, enum group_id g, struct ref dx, const struct ref *dy,
                    struct ref x);
#endif
