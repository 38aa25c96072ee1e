/* patience.c - see patience.h */
#include "run/patience.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stopwatch.h"
#include "run/control.h"
#include "run/steer.h"

/* Waits for the next try; what a user asks for meanwhile is answered. On a screen a quit would lose
 * what has no place on the disk: it is refused, and a discard is not. */
static void wait_for_space(struct steer *steer, const char *why)
{
    struct control_command c;
    bool taken = false, was = steer->fault;

    steer->fault = true;
    snprintf(steer->space.why, sizeof steer->space.why, "%.255s", why);
    *steer->space.who = '\0';
    steer_show(steer, VAC_PAUSED, why);
    steer->fault = was;
    /* 30 s, or less when the whole patience is short */
    if (!control_pop(steer->ctl, &c, fmin(30, fmax(0.05, steer->rig->spec.disk_wait * 60 / 4))))
        return;
    if (c.op == VAC_OP_DISCARD ||
        (c.op == VAC_OP_QUIT && (!steer->interactive || !strcmp(c.who, "core"))))
        taken = steer->quit = steer->space_quit = true;
    if (c.op == VAC_OP_DISCARD)
        steer->discard = true;
    if (c.op == VAC_OP_RESUME) { /* tries again now */
        taken = true;
        snprintf(steer->space.who, sizeof steer->space.who, "%s", c.who);
    }
    if (taken)
        control_event(steer->ctl, VAC_EVENT_ACK, c.id, (int64_t)steer->at->step, "", NULL);
    else
        control_refuse(steer->ctl, &c, (int64_t)steer->at->step, why);
    control_writing(steer->ctl)->commands_applied = c.id;
    free(c.text);
}

bool patience_left(struct patience *p, struct vac_err *err)
{
    struct steer *steer = p->steer;

    if (!p->tried) {
        p->tried = true;
        p->begun = clock_now();
        p->ran = steer->watch.since > 0;
        return true;
    }
    if (p->rc == 0) {
        if (p->ran)
            stopwatch_go(&steer->watch);
        if (p->waited)
            steer->space.seconds += clock_now() - p->begun;
        return false;
    }
    if (p->what)
        err_prefix(&p->why, "%s", p->what);
    if (p->why.code != VAC_ERR_SPACE || steer->space_quit) {
        err_set(err, p->why.code, "%s", p->why.msg);
        return false;
    }
    if (!steer->interactive && clock_now() - p->begun >= steer->rig->spec.disk_wait * 60) {
        err_set(err, VAC_ERR_SPACE, "%s (waited %g min: free space and go on with --resume)",
                p->why.msg, steer->rig->spec.disk_wait);
        return false;
    }
    p->waited = true;
    stopwatch_hold(&steer->watch);
    err_prefix(&p->why, "no room on the disk"); /* first: a header has no place for all of it */
    wait_for_space(steer, p->why.msg);
    err_clear(&p->why);
    return true;
}
