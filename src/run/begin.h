/* begin.h - the first moments of a run: run.json for a new one, the last good checkpoint for an old
 * one, which is only looked at until something new is to be written. */
#ifndef RUN_BEGIN_H
#define RUN_BEGIN_H

#include "base/err.h"

struct trainer;
/* Takes the run folder's lock, for a new run or to go on with one. */
int begin_folder(struct trainer *t, const char *dir, struct vac_err *err);
/* To go on: checks that model and data are as they were, and finds the last good checkpoint.
 * VAC_ERR_NO_CHECKPOINT: there is none. Nothing is changed but the journal. */
int begin_resume(struct trainer *t, struct vac_err *err);
/* Before a run that goes on makes its first step, or writes anything else: what lies after the
 * checkpoint is set aside, and what a kill left half-made removed. Later calls do nothing. */
int begin_settle(struct trainer *t, struct vac_err *err);
/* The stage at work is `index`. */
int begin_stage(struct trainer *t, size_t index, struct vac_err *err);
/* Builds the first stage of a new run and writes run.json, or goes on from the last good
 * checkpoint. *first = the stage that is open. */
int begin_run(struct trainer *t, size_t *first, struct vac_err *err);
#endif
