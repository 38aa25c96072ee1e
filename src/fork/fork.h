/* fork.h - a run that begins with what another one has saved.
 *
 * The parent is only read. It may be at work, moved or read-only: what it has saved is complete by
 * rename. The child's folder is a run like any other, which goes on by --resume: the files of the
 * checkpoint and of the stages beneath it have a second name there (a copy where the file system has no
 * such names), so that nothing is missed that the parent prunes; the base model is named, never copied.
 * run.json tells "parent": {"run", "id", "step", "stage", "checkpoint", "set"}; the id is the SHA-256 of
 * the parent's run.json, which is never rewritten. */
#ifndef FORK_FORK_H
#define FORK_FORK_H

#include "record/state.h"
#include "vaccine/vaccine.h"

struct fork {
    char *dir;                    /* the parent's folder, entered */
    cJSON *doc;                   /* its run.json with the paths of now; "spec" is the child's */
    struct checkpoint_state from; /* json NULL: there is none, a stage begins */
    size_t stage;                 /* in which the child begins */
    uint64_t step, tokens;
    int64_t
        size[LINES_COUNT]; /* of the line files up to there, in bytes; of the journal in lines */
    uint64_t *ends;        /* [stage] steps that the stages before made */
    bool
        cut; /* the last of those goes no further than the checkpoint of `step`, which is its end */
};
/* `at` = the step of a checkpoint, a stage that has ended, "final", or NULL for the newest. Overrides are
 * those of spec.h: where model and data are now, and what the child does otherwise from there on; live
 * options that were set on the way are in force unless they are overridden. fork_done after a failure
 * too. */
int fork_open(struct fork *f, const char *dir, const char *at, const char *const *set, size_t n_set,
              struct vac_err *err);
/* The stage in which it begins ends there: the child begins with one that is put on it. */
int fork_cut(struct fork *f, struct vac_err *err);
/* 0 where a child's folder can be made: nothing is there, or an empty folder. */
int fork_free(const char *out, struct vac_err *err);
/* The child's folder, whole or not at all; `out` must be free. f->doc is complete by now. */
int fork_write(struct fork *f, const char *out, const char *who, struct vac_err *err);
void fork_done(struct fork *f);
/* What run.json tells of a fork's parent; NULL = it has none. */
const cJSON *fork_parent(const cJSON *config);
/* Step of the checkpoint that a fork begins with, -1 = the run is no fork: it is never pruned. */
int64_t fork_step(const cJSON *config);
/* A free name beside the parent: "DIR-at-STEP", "DIR-at-STEP-2" ... Free it. */
char *fork_name(const char *dir, uint64_t step, struct vac_err *err);
#endif
