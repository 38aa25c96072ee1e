/* arrays.h - the numbers of a checkpoint as files: what is trained, and what else the next step reads.
 *
 * The trained ones stand under the names that other tools know, so that a checkpoint is an adapter, or a
 * model, too; moments, the method's state and a drift reference that was moved have a file of ours. */
#ifndef RUN_ARRAYS_H
#define RUN_ARRAYS_H

#include "run/stage.h"

#define ARRAYS_STATE "vaccine_state.safetensors"

/* The file of what the stage at work trains. */
const char *arrays_trained(const struct rig *rig);
/* All weights of full fine-tuning; an adapter is written by stage_write_adapter. */
int arrays_save_full(const struct rig *rig, const char *dir, struct vac_err *err);
int arrays_load_trained(const struct rig *rig, const char *dir, struct vac_err *err);
int arrays_save_state(const struct rig *rig, const struct stage *st, const char *dir,
                      struct vac_err *err);
/* `moved`: with the weights that the user made the drift reference, which then takes effect; the trained
 * parameters are overwritten for that. */
int arrays_load_state(const struct rig *rig, struct stage *st, struct steer *steer, bool moved,
                      const char *dir, struct vac_err *err);
#endif
