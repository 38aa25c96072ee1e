/* progress.h - how far a run has come: what a checkpoint holds beside the numbers that are trained. */
#ifndef RUN_PROGRESS_H
#define RUN_PROGRESS_H

#include "fork/broke.h"

struct progress {
    uint64_t step, tokens;
    size_t duty;            /* duties after the last step that are done: see do_duties */
    struct vac_point point; /* of the last step, while its line is being made */
    struct vac_layers layers;
    int64_t total_steps;               /* of all stages */
    double ms_average, tokens_average; /* running averages for the snapshot */
    /* seconds that each evaluation, the fixed probes, a reading of drift and losses and an attack took last; 0 =
     * none was made yet */
    double eval_s[VAC_MAX_EVALS], suite_s, reading_s, attack_s;
    int64_t saved_step;
    size_t keep_more;        /* checkpoints to keep besides the number in the run file */
    uint64_t rewinds;        /* how often the run went back */
    struct broke_seen broke; /* attacks on it that rho followed */
    double last_save;        /* clock of the last checkpoint, or of the beginning */
    double saved_at;         /* clock of that of saved_step: an earlier session may have made it */
};
#endif
