/* endured.h - what attacks on the run that is shown came to, as its folder tells, and how one goes on. */
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
    /* One that goes on: its files are followed. */
    struct vac_siege_now now;
    struct vac_follow *follow;
    struct measures live;
    double drift, harmful; /* its newest; NaN = not measured */
};
void endured_done(struct endured *e);
/* Reads it anew where there is more of it. */
void endured_refresh(struct endured *e, const struct ui *ui);
/* In words, from row y on; returns the row below. */
int endured_draw(const struct endured *e, const struct view *v, int y);
/* The attack that goes on: what it is, how its scores, drift and harmful loss stand, and, where there is room, its
 * curves, which leave those of the run at the step that is attacked; those are dim. false = none goes on. */
bool endured_live(const struct endured *e, const struct ui *ui, const struct measures *run,
                  const struct view *v);
/* The worst case of each battery, a line each, and how an attack goes on. */
void endured_readout(const struct endured *e, FILE *out);
/* Steps to break over the steps of the run, a curve for each attack: one sees immunity grow. false = no two steps
 * were attacked alike, or there is no room. */
bool endured_curve(const struct endured *e, struct ui *ui, const struct view *v);
#endif
