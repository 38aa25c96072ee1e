/* commands.c - commands applied between two optimizer steps: one function each, in a table. */
#include "run/commands.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/stopwatch.h"
#include "base/trace.h"
#include "fork/fork.h"
#include "record/journal.h"
#include "run/alarm.h"
#include "run/ask.h"
#include "run/begin.h"
#include "run/book.h"
#include "run/checkpoint.h"
#include "run/control.h"
#include "run/options.h"
#include "run/stage.h"
#include "run/steer.h"
#include "defense/step.h"
#include "run/trainer.h"
#include "run/watch.h"
#include "spec/spec_tables.h"

/* How long a paused trainer sleeps before it looks whether a checkpoint's age should be shown anew.
 */
#define PAUSE_TICK 1.0

/* --- what ends the run --- */

static bool ends(const struct trainer *t)
{
    return t->steer.quit || t->steer.broken.code;
}

/* --- the commands --- */

static int do_pause(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    (void)err;
    t->steer.paused = true;
    t->steer.fault = false;
    t->steer.steps_left = 0;
    snprintf(t->steer.pause_reason, sizeof t->steer.pause_reason, "on request%s%s",
             strcmp(c->who, "ui") ? " of " : "", strcmp(c->who, "ui") ? c->who : "");
    return 0;
}

static int do_resume(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    (void)c;
    (void)err;
    t->steer.paused = t->steer.fault = false;
    t->steer.steps_left = 0;
    return 0;
}

static int do_step(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    if (c->n < 1)
        return err_set(err, VAC_ERR_USAGE, "expected at least 1 step, found %lld", (long long)c->n);
    t->steer.paused = t->steer.fault = false;
    t->steer.steps_left = c->n;
    return 0;
}

static int do_set(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    return change_option(t, c->who, c->key, c->text, err);
}

static int do_guard(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    return change_guard(t, c->who, c->n, c->text, err);
}

static int do_undo(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    return change_back(t, c->who, c->n > 0, err);
}

static int do_save(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    (void)c;
    return checkpoint_save_now(t, err);
}

static int do_rewind(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    return begin_rewind(t, c->n, c->who, err);
}

static int do_fork(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    const char *run = t->book.folder.dir;
    struct journal_entry e = {
        .applied = true, .applied_step = c->n, .who = c->who, .verb = JOURNAL_FORK};
    char at[32], *out = NULL;
    struct fork f;
    int rc;

    if (c->n <= 0) {
        e.applied_step = (int64_t)t->at.step;
        if (t->at.saved_step != e.applied_step && checkpoint_save_now(t, err))
            return -1;
    }
    snprintf(at, sizeof at, "%lld", (long long)e.applied_step);
    rc = fork_open(&f, run, at, NULL, 0, err);
    if (rc == 0)
        rc = (out = c->text ? mem_strdup(c->text, err) : fork_name(run, f.step, err)) ? 0 : -1;
    if (rc == 0)
        rc = fork_write(&f, out, c->who, err);
    fork_done(&f);
    if (rc == 0) {
        e.key = out;
        book_tell(&t->book, &e);
        control_event(t->steer.ctl, VAC_EVENT_FORK, c->id, e.applied_step, out, NULL);
    }
    free(out);
    return rc;
}

static int do_attack(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    if (!t->attack)
        return err_set(err, VAC_ERR_USAGE, "this run is only looked at: it cannot be attacked so");
    return t->attack(t, c->text ? c->text : "", c->who, err) < 0 ? -1 : 0;
}

static int do_probe(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    return ask_probe(&t->rig, &t->st, &t->book, c, err);
}

static int do_samples(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    return ask_samples(&t->rig, &t->st, &t->steer, c, err);
}

static int do_map(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    return ask_map(&t->rig, &t->st, &t->steer, c, err);
}

static int do_forget(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    if (recall_forget(&t->rig.own, c->text, c->key) || !c->text)
        return 0;
    return err_set(err, VAC_ERR_USAGE, "not one of the questions that are asked again: %s",
                   c->text);
}

static int do_suite(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    if (t->rig.suite.rows.n == 0 && t->rig.own.n == 0)
        return err_set(err, VAC_ERR_USAGE,
                       "watch.probes is not set, and nothing was asked: there is no suite to ask");
    switch (watch_suite(&t->rig, &t->st, &t->book, c->id, err)) {
    case 0:
        guards_probe(&t->guards, t->st.index, (int64_t)t->at.step, t->rig.suite.turned);
        return 0;
    case 1:
        return 0;
    default:
        return -1;
    }
}

static int do_evaluate(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    bool any = false;
    int rc;

    (void)c;
    for (size_t i = 0; i < t->rig.spec.n_evaluate; i++) {
        if (!watch_applies(&t->rig, &t->st, i))
            continue;
        any = true;
        rc = watch_evaluate(&t->rig, &t->st, &t->book, i, err);
        if (rc < 0)
            return -1;
        if (rc == 0)
            guards_score(&t->guards, t->st.index, i, &control_writing(t->steer.ctl)->eval[i]);
    }
    return any ? 0
               : err_set(err, VAC_ERR_USAGE, "no evaluate entry applies to stage %s",
                         t->st.spec->name);
}

/* The weights are kept, so that a checkpoint can have them: the reference outlives a kill. */
static int do_reference(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    const struct params *p = model_params(t->rig.m);
    struct buf *kept;

    (void)c;
    if (!t->st.drift)
        return err_set(err, VAC_ERR_USAGE, "watch.drift is not set: there is no drift to measure");
    if (p->n > START_COPY_MAX)
        return err_set(err, VAC_ERR_UNSUPPORTED,
                       "too many parameters are trained to keep these as the reference");
    kept = t->st.reference ? t->st.reference : compute_alloc(t->rig.c, p->n, err);
    if (!kept)
        return -1;
    if (drift_set_reference(t->st.drift, err)) { /* a full disk: nothing has moved */
        if (kept != t->st.reference)
            compute_release(t->rig.c, kept);
        return -1;
    }
    if (t->st.direction)
        direction_set_reference(t->st.direction);
    op_copy(t->rig.c, (struct ref){kept, 0}, p->w, p->n);
    t->st.reference = kept;
    t->st.drift_from = (int64_t)t->at.step;
    return 0;
}

static int do_nothing(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    (void)t;
    (void)c;
    (void)err;
    return 0;
}

/* With a text it is who has it now, in place of `key`: from who deals with those that are attached. */
static int do_control(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->at.step,
                              .who = c->who,
                              .verb = JOURNAL_CONTROL,
                              .old = c->key,
                              .value = c->text};

    if (!c->text)
        return err_set(err, VAC_ERR_USAGE,
                       "control is this program's: nobody else has to be asked");
    book_tell(&t->book, &e);
    return 0;
}

static int do_quit(struct trainer *t, const struct control_command *c, struct vac_err *err)
{
    (void)err;
    t->steer.quit = true;
    t->steer.discard = c->op == VAC_OP_DISCARD;
    return 0;
}

static const struct {
    enum journal_verb verb;
    int (*apply)(struct trainer *t, const struct control_command *c, struct vac_err *err);
    bool journalled; /* here; set, save, rewind, fork, attack and control write their own line */
    bool steers;     /* means nothing once the last step is done */
    bool writes;     /* ... to the run's files, or changes what a checkpoint holds */
} table[] = {
    [VAC_OP_PAUSE] = {.verb = JOURNAL_PAUSE, .apply = do_pause, .journalled = true, .steers = true},
    [VAC_OP_RESUME] = {.verb = JOURNAL_RESUME,
                       .apply = do_resume,
                       .journalled = true,
                       .steers = true},
    [VAC_OP_STEP] = {.verb = JOURNAL_STEP, .apply = do_step, .journalled = true, .steers = true},
    [VAC_OP_SET] = {.verb = JOURNAL_SET, .apply = do_set, .steers = true, .writes = true},
    [VAC_OP_RUN_UNTIL] = {.verb = JOURNAL_RUN_UNTIL,
                          .apply = alarm_run_until,
                          .journalled = true,
                          .steers = true},
    [VAC_OP_GUARD] = {.verb = JOURNAL_GUARD, .apply = do_guard, .steers = true, .writes = true},
    [VAC_OP_UNDO] = {.verb = JOURNAL_UNDO, .apply = do_undo, .steers = true, .writes = true},
    [VAC_OP_SAVE] = {.verb = JOURNAL_CHECKPOINT, .apply = do_save, .steers = true, .writes = true},
    [VAC_OP_REWIND] = {.verb = JOURNAL_REWIND, .apply = do_rewind, .steers = true, .writes = true},
    [VAC_OP_FORK] = {.verb = JOURNAL_FORK, .apply = do_fork, .writes = true},
    [VAC_OP_ATTACK] = {.verb = JOURNAL_ATTACK, .apply = do_attack, .writes = true},
    [VAC_OP_PROBE] = {.verb = JOURNAL_PROBE, .apply = do_probe, .journalled = true, .writes = true},
    [VAC_OP_PROBE_STOP] = {.apply = do_nothing},
    [VAC_OP_NOTE] = {.verb = JOURNAL_NOTE, .apply = do_nothing, .journalled = true},
    [VAC_OP_FORGET] = {.verb = JOURNAL_FORGET, .apply = do_forget, .journalled = true},
    [VAC_OP_SUITE] = {.verb = JOURNAL_SUITE, .apply = do_suite, .journalled = true, .writes = true},
    [VAC_OP_EVALUATE] = {.verb = JOURNAL_EVALUATE,
                         .apply = do_evaluate,
                         .journalled = true,
                         .writes = true},
    [VAC_OP_REFERENCE] = {.verb = JOURNAL_REFERENCE,
                          .apply = do_reference,
                          .journalled = true,
                          .writes = true},
    [VAC_OP_SAMPLES] = {.apply = do_samples},
    [VAC_OP_MAP] = {.apply = do_map},
    [VAC_OP_CONTROL] = {.verb = JOURNAL_CONTROL, .apply = do_control},
    [VAC_OP_QUIT] = {.verb = JOURNAL_QUIT, .apply = do_quit, .journalled = true},
    [VAC_OP_DISCARD] = {.verb = JOURNAL_DISCARD, .apply = do_quit, .journalled = true},
};

/* What came of it is written and told; `step` is that of the weights it was about. */
static void tell(struct trainer *t, const struct control_command *c, uint64_t step, bool journalled,
                 int rc, const struct vac_err *err)
{
    char n[24];

    t->steer.answering = c->id;
    if (rc == 0 && journalled) {
        struct journal_entry e = {.applied = true,
                                  .applied_step = (int64_t)step,
                                  .who = c->who,
                                  .verb = table[c->op].verb,
                                  .key = *c->key ? c->key : NULL,
                                  .value = c->text,
                                  .status = "applied"};
        snprintf(n, sizeof n, "%lld", (long long)c->n);
        if (c->op == VAC_OP_STEP)
            e.value = n;
        book_tell(&t->book, &e);
    }
    if (rc)
        control_refuse(t->steer.ctl, c, (int64_t)step, err->msg);
    else
        control_event(t->steer.ctl, VAC_EVENT_ACK, c->id, (int64_t)step, "", NULL);
}

static void put_away(struct trainer *t, struct control_command *c, const struct vac_err *err,
                     double begun)
{
    control_writing(t->steer.ctl)->commands_applied = c->id;
    t->steer.answering = 0;
    TRACE("command %llu %s at step %llu: error %d, %.1f ms", (unsigned long long)c->id,
          journal_word(table[c->op].verb), (unsigned long long)t->at.step, err->code,
          1e3 * (clock_now() - begun));
    free(c->text);
}

/* --- while a step is made --- */

static void inquiry_end(struct trainer *t, int rc, struct vac_err *err)
{
    struct inquiry *q = &t->inquiry;

    asking_free(q->asking);
    q->asking = NULL;
    tell(t, &q->by, q->step, table[q->by.op].journalled, rc, err);
    put_away(t, &q->by, err, q->begun);
    control_publish(t->steer.ctl);
}

static void inquiry_begin(struct trainer *t)
{
    struct inquiry *q = &t->inquiry;
    struct vac_err err = {0};

    if (!control_pop(t->steer.ctl, &q->by, 0))
        return;
    q->step = t->at.step;
    q->rewinds = t->at.rewinds;
    q->begun = clock_now();
    if (q->by.op == VAC_OP_PROBE)
        q->asking = asking_new(&t->rig, &t->st, &t->book, &q->by, &err);
    if (!q->asking)
        inquiry_end(t, err.code ? -1 : 0, &err);
}

static void inquiry_go_on(struct trainer *t)
{
    struct vac_err err = {0};
    double begun = clock_now(), took;
    int rc = asking_go_on(t->inquiry.asking, &err);

    took = clock_now() - begun;
    t->inquiry.seconds += took; /* it was not the step that took them */
    t->steer.step_at += took;
    if (rc <= 0)
        inquiry_end(t, rc, &err);
}

static void inquiry_finish(struct trainer *t)
{
    while (t->inquiry.asking)
        inquiry_go_on(t);
}

/* There may be no step for it to go on in. */
static void inquiry_settle(struct trainer *t)
{
    if (t->inquiry.asking && t->inquiry.rewinds != t->at.rewinds)
        commands_drop(t, "the run went back");
    else if (!t->steer.broken.code && (t->steer.paused || t->steer.quit || t->st.done >= t->st.end))
        inquiry_finish(t);
}

void commands_drop(struct trainer *t, const char *why)
{
    struct vac_err err = {0};

    if (!t->inquiry.asking)
        return;
    err_set(&err, VAC_ERR_STOPPED, "not answered: %s", why);
    inquiry_end(t, -1, &err);
}

void commands_rest(void *trainer)
{
    struct trainer *t = trainer;
    enum vac_op next;

    if (!t->inquiry.asking && (!t->st.asker || !control_next(t->steer.ctl, &next) ||
                               (next != VAC_OP_PROBE && next != VAC_OP_PROBE_STOP)))
        return;
    vigil_back(&t->vigil); /* the book and the snapshot are not the step's */
    if (!t->inquiry.asking)
        inquiry_begin(t);
    if (t->inquiry.asking)
        inquiry_go_on(t);
    vigil_step(&t->vigil);
}

void commands_weights_move(struct trainer *t)
{
    while (t->inquiry.asking && !asking_stay(t->inquiry.asking))
        inquiry_go_on(t);
}

/* --- between two steps --- */

static void apply_one(struct trainer *t, struct control_command *c)
{
    struct vac_err err = {0};
    double begun = clock_now();
    /* who leaves the screen has the run go on, which it may do already */
    bool idle = c->op == VAC_OP_RESUME && !t->steer.paused && t->steer.steps_left == 0;
    int rc;

    inquiry_finish(t); /* it was asked first */
    t->steer.answering = c->id;
    if (t->steer.over && table[c->op].steers)
        rc = err_set(&err, VAC_ERR_USAGE, "the run is done");
    else
        rc = (table[c->op].writes && begin_settle(t, &err)) || table[c->op].apply(t, c, &err) ? -1
                                                                                              : 0;
    tell(t, c, t->at.step, table[c->op].journalled && !idle, rc, &err);
    if (!t->steer.over && alarm_act(t, &err))
        steer_break(&t->steer, &err);
    put_away(t, c, &err, begun);
}

/* What a replay gives at the present stage and step. A failure ends the run. */
static void repeat(struct trainer *t)
{
    struct script *s = &t->script;

    for (; s->next < s->n && !t->steer.broken.code; s->next++) {
        const struct scripted *e = &s->v[s->next];
        if (e->stage != t->st.index || e->step != t->at.step)
            return;
        struct control_command c = {.op = e->op, .who = "replay", .text = e->text};
        int rc = 0;

        if (e->ends)
            stage_end(&t->st, &t->rig, &t->at, e->stage, t->st.done);
        else
            rc = e->op == VAC_OP_SET
                     ? options_set(&t->book, &t->st, c.who, e->key, e->text, NULL, &t->steer.broken)
                 : e->op == VAC_OP_QUIT ? do_quit(t, &c, &t->steer.broken)
                                        : do_reference(t, &c, &t->steer.broken);
        if (rc)
            err_prefix(&t->steer.broken, "the journal's line %llu cannot be repeated",
                       (unsigned long long)e->seq);
    }
}

void commands_apply(struct trainer *t)
{
    struct control_command c;

    inquiry_settle(t);
    repeat(t);
    while (!ends(t) && control_pop(t->steer.ctl, &c, 0))
        apply_one(t, &c);
    while (t->steer.paused && !ends(t)) {
        book_tick(&t->book);
        stopwatch_hold(&t->steer.watch);
        steer_show(&t->steer, VAC_PAUSED, t->steer.pause_reason);
        if (control_pop(t->steer.ctl, &c, PAUSE_TICK))
            apply_one(t, &c);
    }
    t->steer.step_at = t->steer.watch.since ? t->steer.step_at : clock_now();
    stopwatch_go(&t->steer.watch);
}

void commands_linger(struct trainer *t)
{
    struct control_command c;
    struct vac_err unsaid = {0};

    t->steer.over = true;
    if (t->inquiry.asking) /* its answer is written down, and the chain was shut */
        chain_link(&t->book.chain, "open", t->at.step, &unsaid);
    while (!t->steer.quit) {
        book_tick(&t->book);
        if (control_pop(t->steer.ctl, &c, PAUSE_TICK)) {
            chain_link(&t->book.chain, "open", t->at.step, &unsaid);
            apply_one(t, &c);
        }
        steer_show(&t->steer, VAC_DONE, t->steer.broken.msg);
    }
}
