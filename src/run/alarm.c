/* alarm.c - see alarm.h */
#include "run/alarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "guard/launch.h"
#include "run/book.h"
#include "run/checkpoint.h"
#include "run/control.h"
#include "run/steer.h"
#include "run/trainer.h"

int alarm_open(struct trainer *t, struct vac_err *err)
{
    struct guard_sight x = {.layers = rig_layers(&t->rig)};

    for (size_t i = 0; i < t->rig.spec.n_evaluate; i++)
        x.size[i] = evaluation_size(t->rig.eval[i]);
    return guards_open(&t->guards, &t->rig.spec, &x, err);
}

/* Nobody waits for a command; one that has ended is reaped when the next one starts. */
static int start_command(struct trainer *t, const struct guard *g, const char *reason,
                         struct vac_err *err)
{
    char *log = folder_path(&t->book.folder, "guards.log", err), *run = NULL;
    struct launch l = {.word = g->spec.command,
                       .stage = t->st.spec->name,
                       .reason = reason,
                       .step = (long long)t->at.step,
                       .guard = (long long)g->number,
                       .log = log};
    pid_t pid;
    int rc = -1;

    for (size_t i = 0; i < t->steer.n_children;)
        if (waitpid(t->steer.child[i], NULL, WNOHANG))
            t->steer.child[i] = t->steer.child[--t->steer.n_children];
        else
            i++;
    if (t->steer.n_children == STEER_CHILDREN)
        err_set(err, VAC_ERR_BUSY, "%d commands are still at work", STEER_CHILDREN);
    else if (log && (run = realpath(t->book.folder.dir, NULL))) {
        l.run = run;
        rc = launch_start(&l, &pid, err);
    } else if (log)
        err_errno(err, "%s", t->book.folder.dir);
    if (rc == 0)
        t->steer.child[t->steer.n_children++] = pid;
    free(run);
    free(log);
    return rc;
}

/* Where the run was to go: it waits there, and nothing is wrong. */
static int arrive(struct trainer *t, struct strbuf *reason, struct vac_err *err)
{
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->at.step,
                              .verb = JOURNAL_PAUSE,
                              .status = "applied"};

    sb_puts(reason, ", as it was to go");
    e.reason = reason->s;
    guards_remove(&t->guards, 0);
    if (sb_ok(reason, err) || book_journal(&t->book, &e, err))
        return -1;
    if (!t->steer.paused)
        snprintf(t->steer.pause_reason, sizeof t->steer.pause_reason, "%.250s", reason->s);
    t->steer.paused = true;
    t->steer.steps_left = 0;
    control_event(t->steer.ctl, VAC_EVENT_GUARD, 0, (int64_t)t->at.step, reason->s, NULL);
    return 0;
}

static int trip(struct trainer *t, const struct guard *g, struct strbuf *reason,
                struct vac_err *err)
{
    bool waits = g->spec.action == GUARD_PAUSE && t->steer.interactive;
    bool ends = g->spec.action == GUARD_STOP || (g->spec.action == GUARD_PAUSE && !waits);
    struct vac_err why = {0};
    char number[24];
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->at.step,
                              .who = "guard",
                              .verb = JOURNAL_TRIP,
                              .key = number,
                              .value = guard_actions[g->spec.action],
                              .status = "applied"};

    snprintf(number, sizeof number, "%lld", (long long)g->number);
    if (t->guards.healthy >= 0)
        sb_printf(reason, "; last healthy checkpoint: %lld", (long long)t->guards.healthy);
    if (sb_ok(reason, err))
        return -1;
    if (g->spec.action == GUARD_RUN && start_command(t, g, reason->s, &why)) {
        e.status = "failed";
        sb_printf(reason, "; %s", why.msg);
    }
    e.reason = reason->s;
    if (sb_ok(reason, err) || book_journal(&t->book, &e, err))
        return -1;
    control_event(t->steer.ctl, VAC_EVENT_GUARD, 0, (int64_t)t->at.step, reason->s, NULL);
    if (waits) {
        e = (struct journal_entry){.applied = true,
                                   .applied_step = (int64_t)t->at.step,
                                   .who = "guard",
                                   .verb = JOURNAL_PAUSE,
                                   .status = "applied"};
        t->steer.paused = t->steer.fault = true;
        t->steer.steps_left = 0;
        snprintf(t->steer.pause_reason, sizeof t->steer.pause_reason, "%.250s", reason->s);
        return book_journal(&t->book, &e, err);
    }
    if (ends && !t->steer.quit) {
        t->steer.quit = t->steer.guarded = true;
        err_set(&t->end, VAC_ERR_STOPPED, "%.400s; saved: go on with --resume", reason->s);
    }
    return g->spec.action == GUARD_SAVE ? checkpoint_save_now(t, err) : 0;
}

int alarm_act(struct trainer *t, struct vac_err *err)
{
    struct guard *g;
    int rc = 0;

    while (rc == 0 && (g = guards_next(&t->guards))) {
        struct strbuf reason = {0};

        guards_reason(&reason, &t->guards, g);
        rc = g->number ? trip(t, g, &reason, err) : arrive(t, &reason, err);
        sb_done(&reason);
    }
    return rc;
}

/* --- commands --- */

static int tell_guard(struct trainer *t, const char *who, const struct guard *g, bool given,
                      struct vac_err *err)
{
    struct strbuf text = {0};
    char number[24];
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->at.step,
                              .who = who,
                              .verb = JOURNAL_GUARD,
                              .key = number,
                              .status = given ? "given" : "taken away"};
    int rc;

    guards_text(&text, &t->guards, g);
    snprintf(number, sizeof number, "%lld", (long long)g->number);
    e.value = text.s;
    rc = sb_ok(&text, err);
    if (rc == 0)
        book_tell(&t->book, &e);
    sb_done(&text);
    return rc;
}

int alarm_toggle(struct trainer *t, const char *who, int64_t number, struct guard *held,
                 struct vac_err *err)
{
    if (guards_take(&t->guards, number, held))
        return tell_guard(t, who, held, false, err);
    if (guards_give(&t->guards, held, err))
        return -1;
    *held = (struct guard){0};
    return tell_guard(t, who, guards_find(&t->guards, number), true, err);
}

int alarm_give(struct trainer *t, const char *who, const char *text, int64_t *number,
               struct vac_err *err)
{
    if (guards_add(&t->guards, text, number, err))
        return -1;
    if (!strncmp(who, "socket", 6) && guards_find(&t->guards, *number)->spec.action == GUARD_RUN) {
        guards_remove(&t->guards, *number);
        return err_set(err, VAC_ERR_USAGE,
                       "a guard that runs a command is given in the run file or on the screen");
    }
    return tell_guard(t, who, guards_find(&t->guards, *number), true, err);
}

/* What holds already would be reached at once, and is a slip. */
int alarm_run_until(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    const struct condition *when;
    struct guard *g;

    if (guards_go_until(&t->guards, c->text, err))
        return -1;
    g = guards_find(&t->guards, 0);
    if (!g)
        return 0;
    when = &g->spec.when;
    if (when->kind == CONDITION_STEP &&
        bound_passed(&when->bound, (double)(when->what ? t->st.done : t->at.step))) {
        guards_remove(&t->guards, 0);
        return err_set(err, VAC_ERR_USAGE, "it is so already, at step %llu",
                       (unsigned long long)(when->what ? t->st.done : t->at.step));
    }
    t->steer.paused = t->steer.fault = false;
    t->steer.steps_left = 0;
    return 0;
}
