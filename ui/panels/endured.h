/* endured.h - what attacks on the run that is shown came to, as its folder tells, and how one goes on. */
#ifndef PANELS_ENDURED_H
#define PANELS_ENDURED_H

#include <stdio.h>
#include "panels/state.h"

struct last_seen {
    double value; /* NaN = not measured */
    int64_t step; /* of the run */
};
struct endured {
    struct vac_attack *attack; /* by step */
    size_t n_attacks;
    struct vac_battery *battery; /* of attacks, by step */
    size_t n_batteries;
    int64_t size;             /* of the file when it was read */
    bool looked;              /* at what there is of this run: more of it is news */
    struct vac_siege_now now; /* one that goes on; dir "" = none does */
    /* Whose curves are shown, now or kept: its files are followed. dir "" = the run's own scores are. */
    struct vac_siege_now shown;
    size_t line; /* of what is kept of it; 0 = it goes on */
    struct vac_follow *follow;
    struct measures scores;
    struct last_seen drift, harmful; /* its newest */
};
void endured_done(struct endured *e);
/* Reads it anew where there is more of it. An attack that begins is shown, and stays when it has ended. */
void endured_refresh(struct endured *e, const struct ui *ui);
/* From the run's own scores to the attack that goes on, to those that are kept, the newest first, and back. false =
 * there is none. */
bool endured_next(struct endured *e);
/* From one that is over to the run's own scores; false = none is shown. */
bool endured_back(struct endured *e);
/* Which of those kept is shown: "attack 2 of 5". */
void endured_notes(const struct endured *e, char *out, size_t size);
/* In words, from row y up to row `end`: the last one counts what has no room. Returns the row below. */
int endured_draw(const struct endured *e, const struct view *v, int y, int end);
/* The attack that is shown: what it is, how its scores, drift and harmful loss stand, and, where there is room, its
 * curves, which leave those of the run at the step that is attacked; those are dim. false = none is. */
bool endured_shown(const struct endured *e, const struct ui *ui, const struct measures *run,
                   const struct view *v);
/* The worst case of each battery, a line each, and how the attack that is shown stands. */
void endured_readout(const struct endured *e, FILE *out);
/* Steps to break over the steps of the run, a curve for each attack: one sees immunity grow. false = no two steps
 * were attacked alike, or there is no room. */
bool endured_curve(const struct endured *e, struct ui *ui, const struct view *v);
#endif
