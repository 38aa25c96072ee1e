/* cmd_replay.h - a run, or a stretch of one, made again and compared. */
#ifndef CLI_CMD_REPLAY_H
#define CLI_CMD_REPLAY_H

#include "cli/cli.h"
#include "record/replay.h"

struct repetition {
    const char *dir, *out;      /* out NULL: a temporary folder, which goes again */
    const struct cli_list *set; /* where model and data are now */
    const int64_t *stretch;     /* as in struct vac_open */
    char kernels[600]; /* where other ones than the run's compute here, what that means; else "" */
    struct replay_result result;
};
/* 0, -1, or the exit status after an interrupt. */
int replay_repeat(struct repetition *r, struct vac_err *err);
#endif
