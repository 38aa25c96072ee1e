/* endured.h - what attacks on the run that is shown came to, as its folder tells. */
#ifndef PANELS_ENDURED_H
#define PANELS_ENDURED_H

#include <stdio.h>
#include "panels/state.h"

struct endured {
    struct vac_attack *attack; /* by step */
    size_t n_attacks;
    struct vac_battery *battery; /* of attacks, by step */
    size_t n_batteries;
    int64_t size; /* of the file when it was read */
};
void endured_done(struct endured *e);
/* Reads it anew where there is more of it. */
void endured_refresh(struct endured *e, const char *dir);
/* In words, from row y on; returns the row below. */
int endured_draw(const struct endured *e, const struct view *v, int y);
/* The worst case of each battery, a line each. */
void endured_readout(const struct endured *e, FILE *out);
/* Steps to break over the steps of the run, a curve for each attack: one sees immunity grow. false = no two steps
 * were attacked alike, or there is no room. */
bool endured_curve(const struct endured *e, struct ui *ui, const struct view *v);
#endif
