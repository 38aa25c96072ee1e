/* direction.h - the refusal direction: where a model's activations differ between requests that it is to refuse and
 * requests that it is to answer (Arditi et al. 2024).
 *
 *     h_l(x) = what leaves block l at the last token of the prompt x
 *     d_l = mean of h_l over the harmful prompts - mean of h_l over the others,    u_l = d_l / ||d_l||
 *
 * without perturbation or dropout. The cosine of u_l with what it was at the reference falls as the model forgets
 * whom it refused; h_l(x) . u_l of the reference says how much of it a prompt calls up:
 *
 *     along(x) = mean over l of (h_l(x) - mean of h_l over the others at the reference) . u_l / ||d_l||
 *
 * is 0 where it stands as those did that are to be answered, and 1 as those that are to be refused. */
#ifndef MODEL_DIRECTION_H
#define MODEL_DIRECTION_H

#include "model/pass.h"

/* Whose prompts: borrowed. */
struct prompt_list {
    const struct ids *v;
    size_t n;
};
struct direction;
/* For prompts of at most `longest` tokens. m is borrowed, and its stack of adapters stays as it is. */
struct direction *direction_new(struct model *m, struct prompt_list harm, struct prompt_list kind,
                                size_t longest, struct vac_err *err);
void direction_free(struct direction *x);
/* What it takes for prompts of at most so many tokens. */
uint64_t direction_bytes(const struct model *m, size_t longest);
/* The present one becomes the reference: must be done once before the others. */
void direction_set_reference(struct direction *x);
/* cosine[L] of the present one with the reference; NaN where either is no direction. */
void direction_measure(struct direction *x, double *cosine);
/* out[L]: the prompt's activations along the reference; *along: all of them, as above, NaN where no layer has a
 * direction. False: it is too long. */
bool direction_project(struct direction *x, const struct ids *prompt, double *out, double *along);
#endif
