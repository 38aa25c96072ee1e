/* alarm.c - see alarm.h */
#include "run/alarm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "guard/launch.h"
#include "record/lines.h"
#include "run/begin.h"
#include "run/book.h"
#include "run/change.h"
#include "run/checkpoint.h"
#include "run/control.h"
#include "run/options.h"
#include "run/steer.h"
#include "run/trainer.h"

/* Who did it, in the journal. */
static const char by_guard[] = "guard";

/* A guard that trips again and again is not dealt with by a smaller rate. */
enum { BACKS_MOST = 3 };

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

int alarm_stage(struct trainer *t, struct vac_err *err)
{
    int64_t halvings = t->guards.slow_stage == t->st.index ? t->guards.slow_by : 0;
    struct strbuf lr = {0};
    char slower[32];
    int rc;

    if (!halvings)
        return 0;
    t->guards.slow_by = 0;
    rc = options_value(&t->st, "lr", &lr, err);
    snprintf(slower, sizeof slower, "%.6g", ldexp(strtod(lr.s ? lr.s : "", NULL), (int)-halvings));
    sb_done(&lr);
    return rc ? -1 : options_set(&t->book, &t->st, by_guard, "lr", slower, NULL, err);
}

/* To the last healthy checkpoint, and on from there with half the learning rate of the stage that it tripped in,
 * which may begin only after it; each time for the same guard with half of that. 1 = it cannot, and *why says so. */
static int go_back(struct trainer *t, int64_t number, struct vac_err *why, struct vac_err *err)
{
    const struct guard *g = guards_find(&t->guards, number);
    int64_t backs = g->backs + 1;
    size_t stage = t->st.index;
    struct strbuf text = {0};
    int rc = 0;

    if (t->steer.quit || backs > BACKS_MOST || t->guards.healthy < 0) {
        if (t->steer.quit)
            err_set(why, VAC_ERR_USAGE, "the run ends");
        else if (backs > BACKS_MOST)
            err_set(why, VAC_ERR_USAGE, "it went back %d times already", BACKS_MOST);
        else
            err_set(why, VAC_ERR_USAGE, "no checkpoint is known to be healthy");
        return 1;
    }
    guards_text(&text, &t->guards, g);
    if (sb_ok(&text, err) || begin_settle(t, err)) {
        rc = -1;
    } else if (begin_rewind(t, t->guards.healthy, by_guard, why)) {
        rc = t->steer.broken.code ? err_set(err, why->code, "%s", why->msg) : 1;
    } else if (!guards_find(&t->guards, number)) { /* it was given after that checkpoint */
        rc = change_guard(t, by_guard, 0, text.s, err);
        number = rc ? 0 : t->guards.v[t->guards.n - 1].number;
    }
    sb_done(&text);
    if (rc)
        return rc;
    guards_find(&t->guards, number)->backs = backs;
    t->guards.slow_stage = stage;
    t->guards.slow_by = backs;
    return alarm_stage(t, err);
}

/* What a journal tells of guards since the checkpoint was saved. */
struct since {
    struct trainer *t;
    size_t stage; /* at which it is */
    int64_t number;
    size_t slow_stage;   /* the guard that tripped last to go back, and in which stage, */
    int64_t backs;       /* how often the run did; 0 = it did not, or has gone on from elsewhere */
    struct strbuf given; /* and as it was given again */
};

static int read_since(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct since *x = ctx;
    const struct run_spec *spec = &x->t->rig.spec;
    struct journal_entry e;
    bool guards, enters;
    struct guard *g;

    if (journal_read(line, &e, err))
        return -1;
    if (e.seq <= x->t->origin.resume.journal || !journal_happened(&e))
        return 0;
    guards = e.who && !strcmp(e.who, by_guard);
    enters = e.verb == JOURNAL_RESUME_RUN || e.verb == JOURNAL_REWIND;
    if (e.verb == JOURNAL_TRIP && e.key && e.value &&
        !strcmp(e.value, guard_actions[GUARD_REWIND])) {
        x->number = strtoll(e.key, NULL, 10);
        x->slow_stage = x->stage;
    } else if (e.verb == JOURNAL_GUARD && guards && x->backs) {
        sb_clear(&x->given);
        sb_puts(&x->given, e.value ? e.value : "");
    } else if (enters && (!e.value || strcmp(e.value, x->t->origin.resume_name) != 0)) {
        x->backs = 0; /* from elsewhere */
    } else if (e.verb == JOURNAL_REWIND) {
        g = guards ? guards_find(&x->t->guards, x->number) : NULL;
        x->backs = g ? ++g->backs : guards ? x->backs + 1 : 0;
        sb_clear(&x->given);
    }
    for (size_t i = 0; (enters || e.verb == JOURNAL_STAGE) && e.key && i < spec->n_stages; i++)
        if (!strcmp(spec->stage[i].name, e.key))
            x->stage = i;
    return 0;
}

int alarm_resume(struct trainer *t, struct vac_err *err)
{
    struct since x = {.t = t, .stage = t->st.index};
    int rc;

    if (!t->guards.spec || !t->origin.resume.json)
        return 0;
    rc = lines_visit(t->book.folder.dir, "journal.jsonl", read_since, &x, err);
    if (rc == 0 && x.backs && x.given.len) {
        rc = sb_ok(&x.given, err) ? -1 : change_guard(t, by_guard, 0, x.given.s, err);
        if (rc == 0)
            t->guards.v[t->guards.n - 1].backs = x.backs;
    }
    sb_done(&x.given);
    if (rc || !x.backs)
        return rc;
    t->guards.slow_stage = x.slow_stage;
    t->guards.slow_by = x.backs;
    return alarm_stage(t, err);
}

/* It stands in the journal, whoever looks is told, and a command is started. */
static int tell(struct trainer *t, const struct guard *g, struct strbuf *reason,
                struct vac_err *err)
{
    struct vac_err why = {0};
    char number[24];
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->at.step,
                              .who = by_guard,
                              .verb = JOURNAL_TRIP,
                              .key = number,
                              .value = guard_actions[g->spec.action],
                              .status = "applied"};

    snprintf(number, sizeof number, "%lld", (long long)g->number);
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
    return 0;
}

static int trip(struct trainer *t, struct guard *g, struct strbuf *reason, struct vac_err *err)
{
    bool waits = g->spec.action == GUARD_PAUSE && t->steer.interactive;
    bool ends = g->spec.action == GUARD_STOP || (g->spec.action == GUARD_PAUSE && !waits);
    struct vac_err why = {0};
    struct journal_entry e;

    if (t->guards.healthy >= 0)
        sb_printf(reason, "; last healthy checkpoint: %lld", (long long)t->guards.healthy);
    if (sb_ok(reason, err) || (!g->told && tell(t, g, reason, err)))
        return -1;
    g->told = false;
    if (g->spec.action == GUARD_REWIND) {
        int rc = go_back(t, g->number, &why, err);

        if (rc <= 0)
            return rc;
        sb_printf(reason, "; %s", why.msg);
        if (sb_ok(reason, err))
            return -1;
        waits = t->steer.interactive;
        ends = !waits;
    }
    if (waits) {
        e = (struct journal_entry){.applied = true,
                                   .applied_step = (int64_t)t->at.step,
                                   .who = by_guard,
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

void alarm_hangs(struct trainer *t)
{
    struct guard *g;
    struct vac_err err = {0};

    while ((g = guards_hang(&t->guards, t->st.index, clock_now() - t->steer.step_at))) {
        struct strbuf reason = {0};

        guards_reason(&reason, &t->guards, g);
        sb_printf(&reason, "; step %llu is still being made", (unsigned long long)t->at.step + 1);
        if (tell(t, g, &reason, &err))
            steer_break(&t->steer, &err);
        sb_done(&reason);
        steer_show(&t->steer, VAC_RUNNING, "");
    }
}

/* --- commands --- */

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
