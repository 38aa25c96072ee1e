/* contest.h - one measure of this run beside that of the runs laid over it, over one stage, each
 * from that stage's beginning: runs that were aligned for longer or shorter can be compared under
 * attack.
 *
 * A contest is made anew for each picture. It borrows names and measurements, so it is good until
 * something is measured or the overlay changes. It does not know where on the screen it stands. */
#ifndef PANELS_CONTEST_H
#define PANELS_CONTEST_H

#include "panels/measured.h"
#include "panels/state.h"

enum { CONTENDERS = 1 + INK_RUNS };

/* What another run has measured, as read from its folder. */
struct laid {
    char dir[VAC_PATH];
    size_t points; /* its length when it was read */
    struct measures measures;
};
/* A run's measurements in one stage. */
struct contender {
    const char *name;
    const struct measured *v;
    size_t n;
    unsigned ink;
    char glyph;
};
struct contest {
    struct contender run[CONTENDERS]; /* this run first */
    int n;
    bool rate;
    int name_w; /* of the longest name */
    const char *name, *stage;
    double start;  /* the step at which this run's stage begins */
    double x0, x1; /* steps of the stage that are shown */
};

/* Completes a contest of which the measure (name, rate) and this run's name, ink and glyph are
 * given; s is this run's series of it, or NULL. Reads again into `laid`, one for each overlay, what
 * has changed there. False when no other run has measured it. */
bool contest_make(struct ui *ui, struct contest *c, const struct series *s,
                  struct laid laid[INK_RUNS]);
/* What was read into `laid`. */
void contest_forget(struct laid laid[INK_RUNS]);

/* A row for each run from row y on: its sign in the picture, its value, where it passed one half;
 * `small`, where there is no room for the picture, with a row of its heights. Returns the row
 * below. */
int contest_draw_runs(struct ui *ui, const struct view *v, int y, const struct contest *c,
                      bool small);
/* The picture; fills the view. */
void contest_draw(struct ui *ui, const struct view *v, const struct contest *c);
#endif
