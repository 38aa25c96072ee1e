/* aside.h - what a run leaves behind when it goes back to a checkpoint, or to its beginning: no
 * step that was ever made is thrown away.
 *
 * aside-STEP-K/ holds what lay after STEP: the lines of metrics, layers, probes and history, the
 * files of later measurements, and run.json, so that it can be read and laid over like a run; of a run
 * that was told to go back also the later checkpoints and ends of stages, which would be gone on from
 * otherwise. */
#ifndef RECORD_ASIDE_H
#define RECORD_ASIDE_H

#include "record/folder.h"
#include "spec/spec.h"

enum { ASIDE_NAME = 64 };

struct aside_from {
    int64_t size[LINES_COUNT]; /* what stays of the line files */
    uint64_t step, stage, stage_step;
    bool start;  /* nothing stays: checkpoints and finished stages go too */
    bool rewind; /* later ones go */
};
/* Moves it, and cuts the line files. At every moment all of it is there, and after a failure it can
 * be called again. `name` is "" before the first call; then that of the new folder, or still "" when
 * nothing lay after the step. Only for who holds the lock. */
int aside_make(struct folder *f, const struct run_spec *spec, const struct aside_from *from,
               char name[ASIDE_NAME], struct vac_err *err);
#endif
