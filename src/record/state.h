/* state.h - state.json of a checkpoint, and which checkpoint of a run folder is the last good one. */
#ifndef RECORD_STATE_H
#define RECORD_STATE_H

#include "base/json.h"
#include "record/folder.h"

/* The end of state.json: the CRC-32C of all that stands before it. */
#define STATE_SEAL ",\n  \"crc32c\": \"%08x\"\n}\n"

/* What a checkpoint's state.json holds. */
struct checkpoint_state {
    uint64_t step, tokens, stage, stage_step, epoch, next, updates, duty, drift_from;
    /* Journal lines up to this one count; later ones were lost with their steps. */
    uint64_t journal;
    double wall;
    int64_t size[LINES_COUNT];
    cJSON *json; /* the whole of state.json: live options, suite */
};
/* Reads and checks a checkpoint folder, and what it stands on in the run's folder `run` (NULL =
 * that is not asked); unless `whole`, large files by their sizes alone. out->json is the caller's
 * to delete. VAC_ERR_FORMAT: it is damaged; another error tells nothing of it. */
int state_read(const char *dir, const char *run, bool whole, struct checkpoint_state *out,
               struct vac_err *err);
/* The newest checkpoint in a run's folder that is whole, of one of n_stages stages; damaged ones are
 * left standing and told (`bad` may be NULL). 1 = there is none; -1 = one could not be read, which
 * may be whole. */
typedef void state_bad(void *ctx, const char *name, const struct vac_err *why);
int state_find(const char *dir, size_t n_stages, struct checkpoint_state *out, char *name,
               size_t size, state_bad *bad, void *ctx, struct vac_err *err);
/* That there is no checkpoint of that step, and which ones are near: -1. */
int state_none_at(const char *dir, long long step, struct vac_err *err);
/* Numbers of all checkpoints of a run folder, newest first; free *out. */
int state_list(const char *dir, long long **out, size_t *n, struct vac_err *err);
/* Which saved weights of a run are meant: after stage `stage`, or a checkpoint within it. */
struct saved {
    size_t stage;
    long long step;  /* of the checkpoint; -1 = the stage's end */
    bool unfinished; /* the newest checkpoint stands for an end that has not come */
};
/* `at` = a stage that has ended, or the step of a checkpoint; NULL = the end, or how far the run came.
 * `stage` are the names of its n stages, in order. */
int state_saved_find(const char *dir, const char *const *stage, size_t n, const char *at,
                     struct saved *out, struct vac_err *err);
/* All that there are, stages first: "align, attack, 120, 60", each behind `before`. */
void state_saved_list(const char *dir, const char *const *stage, size_t n, const char *before,
                      struct strbuf *out);
#endif
