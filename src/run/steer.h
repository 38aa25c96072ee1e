/* steer.h - who drives the run: what was asked for, and what is shown. */
#ifndef RUN_STEER_H
#define RUN_STEER_H

#include "run/control.h"
#include "run/progress.h"
#include "rig/rig.h"
#include "run/stage.h"
#include "base/stopwatch.h"
#include "guard/guard.h"

#define STEER_OPTIONS 24
#define STEER_CHILDREN 16

struct steer {
    struct control *ctl;
    bool interactive;       /* somebody is there to be asked */
    struct stopwatch watch; /* seconds spent running */
    bool paused;
    char pause_reason[256];
    bool fault;         /* that is what is wrong */
    int64_t steps_left; /* of a STEP command */
    bool quit, discard;
    bool space_quit; /* asked to end while the disk was full: one more try, then it ends */
    bool guarded;    /* a guard has ended it */
    struct {
        char why[256], who[VAC_NAME]; /* who had it tried again; "" = nobody */
        double seconds;               /* 0 = none, or it was told */
    } space;                          /* that was waited for */
    pid_t child[STEER_CHILDREN];      /* commands of guards that were not seen to end */
    size_t n_children;
    double step_at; /* clock of the last step, or of when it could go on after that; 0 = none yet */
    bool over;      /* the last step is done: only questions are answered */
    uint64_t answering;    /* command id that is being answered */
    struct vac_err broken; /* what ends the run after the commands: one of a replay that could not
                            * be applied, or what took effect and could not be written down */
    struct vac_option
        option[STEER_OPTIONS]; /* live ones, as the driver sees them: under the lock */
    const struct option_row *option_row[STEER_OPTIONS];
    const struct option_row *method_row; /* all options of the stage's method; NULL = it has none */
    size_t n_options;
    pthread_mutex_t option_lock;
    /* What is shown. */
    const struct rig *rig;
    const struct stage *st;
    const struct progress *at;
    const struct guards *guards;
};
/* Of a run that was opened: names, and that nothing was measured. */
void steer_opened(struct steer *s);
/* A step_hear: publishes where a step is that takes long. */
void steer_hear(void *steer, const struct step *s, size_t b);
/* Publishes the snapshot with all counters as they are now. */
void steer_show(struct steer *s, enum vac_state state, const char *reason);
/* The run fails for this reason. The loop looks there after the commands, for a replay's failures
 * too. A run that is about to end anyway ends as it was told to. */
void steer_break(struct steer *s, const struct vac_err *why);
#endif
