/* begin.h - the first moments of a run: run.json for a new one, the last good checkpoint for an old
 * one, which is only looked at until something new is to be written; and going back to one. */
#ifndef RUN_BEGIN_H
#define RUN_BEGIN_H

#include "base/json.h"

struct trainer;
/* Takes the run folder's lock, for a new run or to go on with one. */
int begin_folder(struct trainer *t, const char *dir, struct vac_err *err);
/* To go on: checks that model and data are as they were, and finds the last good checkpoint.
 * VAC_ERR_NO_CHECKPOINT: there is none. Nothing is changed but the journal. */
int begin_resume(struct trainer *t, struct vac_err *err);
/* Before a run that goes on makes its first step, or writes anything else: what lies after the
 * checkpoint is set aside, and what a kill left half-made removed. Later calls do nothing. */
int begin_settle(struct trainer *t, struct vac_err *err);
/* What the checkpoint stands on, as it tells; what it has no checksums of, as older ones do not, is taken as
 * it is now. */
int begin_pins(struct trainer *t, struct vac_err *err);
/* What run.json tells of a run that is open; cJSON_Delete it. */
cJSON *begin_describe(const struct trainer *t, struct vac_err *err);
/* The stage at work is `index`. */
int begin_stage(struct trainer *t, size_t index, struct vac_err *err);
/* Builds the first stage of a new run and writes run.json, or goes on from the last good
 * checkpoint. *first = the stage that is open. */
int begin_run(struct trainer *t, size_t *first, struct vac_err *err);
/* Between two steps: everything is as it was when checkpoint-STEP was saved, also what was measured and set
 * since then, so that the steps after it come again, byte for byte, where nothing is changed. What lies after
 * it is set aside (aside.h), the present state as a checkpoint among it. -1 and err: nothing has changed, or,
 * when steer.broken tells so too, the run ends and is gone on with from a checkpoint. */
int begin_rewind(struct trainer *t, int64_t step, const char *who, struct vac_err *err);
#endif
