/* watch.h - what is measured beside training on fixed rows: drift, losses, the probe suite, evaluations.
 *
 * All of it without dropout or perturbation, after the update, with its own random streams: a run
 * that is watched ends with the same bytes as one that is not. */
#ifndef RUN_WATCH_H
#define RUN_WATCH_H

#include "run/book.h"

struct ask;

/* Whether this step measures all that the stage's bounds look at ("until"), so that it may be the last. */
bool watch_may_end(const struct stage *st);
bool watch_due(const struct rig *rig, const struct stage *st);
/* Fills the point and the layers where it measures. */
int watch_measure(const struct rig *rig, struct stage *st, struct vac_point *p,
                  struct vac_layers *l, struct vac_err *err);
/* Whether evaluate entry i is for the stage at work, and to be measured after this step. */
bool watch_applies(const struct rig *rig, const struct stage *st, size_t i);
bool watch_eval_due(const struct rig *rig, const struct stage *st, size_t i);
/* One evaluate entry; 1 = stopped by a command. */
int watch_evaluate(const struct rig *rig, struct stage *st, struct book *book, size_t i,
                   struct vac_err *err);
/* What is asked then: the fixed probes, then the user's own that there is room for; how many. */
size_t watch_questions(const struct rig *rig, const struct stage *st, struct ask *a);
/* All fixed probes, and the questions of the user's; 1 = stopped by a command, and nothing of it stands. */
int watch_suite(struct rig *rig, struct stage *st, struct book *book, uint64_t id,
                struct vac_err *err);
#endif
