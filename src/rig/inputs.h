/* inputs.h - what a run reads: model and data, and whether they are what the run began with. */
#ifndef RIG_INPUTS_H
#define RIG_INPUTS_H

#include "record/state.h"
#include "rig/rig.h"

/* How far apart: measured on samples/lab with OpenBLAS's Haswell and Sandybridge kernels, and with one
 * thread and two. */
#define INPUTS_MACHINE_MEANS                                                                       \
    "sums are rounded otherwise; in the lab losses then agree to 6 digits for 20 steps, to 3 at "  \
    "step 100 and to 1 or 2 from 200 on"

/* What a run goes on from, or repeats. */
struct origin {
    cJSON *began;                        /* run.json, with the paths of now */
    const cJSON *moved;                  /* {"OLD": "NEW"} of those that are others there */
    double created;                      /* seconds since the epoch, as run.json has it */
    char machine_was[160], machine[160]; /* what computed it, and what computes here, where they
                                          * differ; else "" */
    char machine_told[600];              /* the same as a sentence */
    struct checkpoint_state resume;      /* the checkpoint; json NULL = from the start */
    char resume_name[64];
    bool unpinned;  /* ... which has no checksums of the stages before */
    bool unsettled; /* it goes on, and nothing was written yet: see begin_settle */
    bool rewind;    /* ... because it was told to go back, */
    char aside[64]; /* the folder to which the last time what lay after went; "" = nothing did */
};
/* The model's hash, or "random". */
int inputs_model(const struct rig *rig, char out[65], struct vac_err *err);
/* {"PATH": "HASH"} of every file and folder but the model. */
cJSON *inputs_json(const struct rig *rig, struct vac_err *err);
/* Model and data must be what the run began with. What computes here and did not then is noted. */
int inputs_check(const struct rig *rig, struct origin *from, struct vac_err *err);
/* The same of what a stage reads when it begins, which may be hours after the run. */
int inputs_check_stage(const struct rig *rig, const struct origin *from, size_t index,
                       struct vac_err *err);
#endif
