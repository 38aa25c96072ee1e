/* checkpoint.h - the whole state of a run, saved and loaded. */
#ifndef RUN_CHECKPOINT_H
#define RUN_CHECKPOINT_H

#include "record/state.h"

struct trainer;
int checkpoint_save(struct trainer *t, struct vac_err *err);
/* ... waiting for a full disk, with its journal line and the files for other tools. */
int checkpoint_save_now(struct trainer *t, struct vac_err *err);
/* The files for other tools; `done` = the run has ended. */
int checkpoint_export(struct trainer *t, bool done, struct vac_err *err);
/* Parameters, optimizer, cursor and live options of the stage that is open. */
int checkpoint_load(struct trainer *t, const struct checkpoint_state *s, const char *name,
                    struct vac_err *err);
#endif
