/* passes.h - what methods are written with: passes over the effective batch, and its perturbation. */
#ifndef DEFENSE_PASSES_H
#define DEFENSE_PASSES_H

#include "defense/step.h"

/* "0-3,7" or "all" or "" (= all) into mask[L], of the layers that a site has: embed has layer 0 only. At
 * least one is marked; a layer that is not there is an error, and leaves the mask as it was. */
int layers_mask(const char *text, enum site site, const struct config *c, bool *mask,
                struct vac_err *err);
/* Where layer l of micro-batch b lies in an array like eps. */
struct ref step_slice(const struct step *s, struct ref array, size_t l, size_t b);

/* Passes over the effective batch. Both return the mean loss over its labelled tokens. */
/* Gradients at `site` of the masked layers into `into`; no weight gradients; ends at the lowest layer.
 * `at`: perturbation added meanwhile, or REF_NONE. Fills out.grad and out.attn. */
double step_site_gradients(struct step *s, enum site site, struct ref into, struct ref at);
/* Weight gradients, with eps added at `site` of the masked layers (REF_NONE = none). after_clean: the last
 * pass was a clean one over the same batch, whose lower part may be used again. */
double step_weight_gradients(struct step *s, enum site site, struct ref eps, bool after_clean);
/* to = rho from / (||from|| + 1e-7), for each unit of the scope: the whole (all layers, rows and columns of
 * the effective batch), a layer, a sample, or a token over all layers. Fills out.eps, out.eps_norm.
 * Vaccine, NeurIPS 2024, equation 3. NORM_RELATIVE: each layer by the length of its own activations a_l in
 * the clean pass, because one length for all falls where outputs are short, on the first layers:
 *
 *     ||to_l|| = rho ||a_l|| / ||(a_1, ..., a_L)||,   so that the whole has the length rho */
void step_normalise(struct step *s, struct ref to, struct ref from, double rho,
                    enum norm_scope scope);
/* eps += rho g / (||g|| + 1e-7), then shortened to rho where it is longer (projected gradient ascent, Madry
 * et al. 2018); g is overwritten. */
void step_ascend(struct step *s, struct ref eps, struct ref g, double rho, enum norm_scope scope);
/* eps *= a on the masked layers. Fills out.eps, out.eps_norm. */
void step_scale(struct step *s, struct ref eps, double a);
#endif
