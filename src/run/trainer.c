/* trainer.c - the loop of a run: stages, steps, duties after a step, checkpoints, faults, the end.
 */
#include "run/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_out.h"
#include "base/stopwatch.h"
#include "base/trace.h"
#include "fork/attack.h"
#include "record/columns.h"
#include "record/folder.h"
#include "record/late.h"
#include "record/script.h"
#include "run/adapters.h"
#include "run/alarm.h"
#include "run/begin.h"
#include "run/book.h"
#include "run/checkpoint.h"
#include "run/commands.h"
#include "run/control.h"
#include "rig/inputs.h"
#include "rig/optimizer.h"
#include "run/options.h"
#include "run/patience.h"
#include "rig/rig.h"
#include "run/stage.h"
#include "run/steer.h"
#include "run/warnings.h"
#include "run/watch.h"
#include "spec/spec_attack.h"
#include "spec/spec_tables.h"
#include "spec/spec_until.h"

void trainer_init(struct trainer *t, struct control *ctl)
{
    t->steer.ctl = ctl;
    t->steer.rig = &t->rig;
    t->steer.st = &t->st;
    t->steer.at = &t->at;
    t->steer.guards = &t->guards;
    t->book.steer = &t->steer;
    pthread_mutex_init(&t->steer.option_lock, NULL);
    vigil_init(&t->vigil, t);
}

/* What is wrong with a key of the run file says in which file it stands. */
static int blame_file(const struct vac_open *o, struct vac_err *err)
{
    static const char *const keys[] = {"stages[", "watch.", "evaluate", "guards["};

    spec_blame_file(err);
    for (size_t i = 0; err && i < sizeof keys / sizeof *keys; i++)
        if (!strncmp(err->msg, keys[i], strlen(keys[i])))
            return err_prefix(err, "%s%s", o->file, dir_exists(o->file) ? "/run.json" : "");
    return -1;
}

int trainer_open(struct trainer *t, const struct vac_open *o, struct vac_err *err)
{
    t->how = *o;
    t->steer.interactive = o->interactive;
    t->steer.watch.stopped_at_0 = o->deterministic_wall;
    t->at.saved_step = -1;
    t->book.pins = cJSON_CreateObject();
    if (!t->book.pins)
        return err_set(err, VAC_ERR_MEMORY, "out of memory");
    t->steer.paused = o->paused;
    if (o->paused)
        snprintf(t->steer.pause_reason, sizeof t->steer.pause_reason, "waiting to start");
    if (o->resume && late_check(o->file, o->out, o->set, o->n_set, err))
        return -1;
    if (rig_open(&t->rig, t->origin.began, err) || stage_totals(&t->rig, err))
        return blame_file(o, err);
    t->at.total_steps = rig_steps(&t->rig);
    if (!o->replay && !o->look && alarm_open(t, err)) /* what they did stands in the journal */
        return blame_file(o, err);
    steer_opened(&t->steer);
    return 0;
}

void trainer_close(struct trainer *t)
{
    stage_close(&t->st, &t->rig);
    guards_done(&t->guards);
    changes_done(&t->changes);
    rig_close(&t->rig);
    cJSON_Delete(t->origin.resume.json);
    cJSON_Delete(t->book.pins);
    cJSON_Delete(t->origin.began);
    folder_close(&t->book.folder);
    chain_close(&t->book.chain);
    script_done(&t->script);
    pthread_mutex_destroy(&t->steer.option_lock);
    vigil_done(&t->vigil);
}

static bool save_due(const struct trainer *t)
{
    const struct checkpoint_spec *c = &t->rig.spec.checkpoint;

    if (t->how.replay)
        return false;
    return (c->steps > 0 && t->st.done % (uint64_t)c->steps == 0) || t->st.done == t->st.end ||
           (c->minutes > 0 && clock_now() - t->at.last_save >= 60 * c->minutes);
}

/* --- one step --- */

static void keep_sample_losses(struct stage *st, int64_t step)
{
    struct stream *from = &st->stream[st->step.stream];
    size_t at = 0;

    for (size_t b = 0; b < from->n_micro; b++) {
        const struct batch *x = &from->micro[b];
        for (size_t s = 0, k = 0; s < x->S; s++) {
            size_t end = x->seq[s].q0 + x->seq[s].nq, n = 0;
            double sum = 0;
            for (; k < x->n_lab && (size_t)x->lab_row[k] < end; k++, n++)
                sum += st->step.out.row_loss[at + k];
            if (n) {
                from->sample_loss[x->sample[s]] = sum / (double)n;
                from->sample_step[x->sample[s]] = step;
            }
        }
        at += x->n_lab;
    }
}

/* Loss or gradient is no number: nothing was updated, so the state is that before the step. */
static int numeric_fault(struct trainer *t, const struct cursor before[METHOD_STREAMS],
                         struct vac_err *err)
{
    struct journal_entry e = {.verb = JOURNAL_FAULT, .status = "step dropped"};
    uint64_t rewinds = t->at.rewinds;
    char why[192];

    snprintf(why, sizeof why, "step %llu of stage %.100s was dropped: its %s is not a number",
             (unsigned long long)t->at.step + 1, t->st.spec->name,
             isfinite(t->st.step.out.loss) ? "gradient" : "loss");
    stage_rewind(&t->st, before);
    e.reason = why;
    t->at.keep_more = 1; /* the weights may be spoilt already: the checkpoint before them stays */
    if (book_journal(&t->book, &e, err))
        return -1;
    guards_fault(&t->guards, t->st.index, (int64_t)t->at.step);
    if (alarm_act(t, err))
        return -1;
    if (t->steer.guarded || t->at.rewinds != rewinds)
        return 0;
    if (t->how.interactive) {
        t->steer.paused = t->steer.fault = true;
        snprintf(t->steer.pause_reason, sizeof t->steer.pause_reason,
                 "%s: lower lr (or rho) and resume", why);
        return 0;
    }
    if (checkpoint_save_now(t, err))
        return -1;
    return err_set(err, VAC_ERR_NUMERIC,
                   "%s; the state before it is saved: go on with --resume and --set "
                   "stages[%zu].lr=... lower; should it come again, remove checkpoint-%llu first",
                   why, t->st.index, (unsigned long long)t->at.step);
}

static void hear(void *ctx, const struct step *step, size_t b)
{
    struct trainer *t = ctx;

    vigil_back(&t->vigil); /* the snapshot is not the step's */
    steer_hear(&t->steer, step, b);
    vigil_step(&t->vigil);
}

/* 1 = a fault has paused the run: no step was made. */
static int one_step(struct trainer *t, struct vac_err *err)
{
    struct stage *st = &t->st;
    struct cursor before[METHOD_STREAMS];
    double start = clock_now(), norm, lr;

    for (size_t k = 0; k < st->n_streams; k++)
        before[k] = st->stream[k].cursor;
    st->step.hear = hear;
    st->step.rest = commands_rest;
    st->step.hear_ctx = t;
    t->inquiry.seconds = 0;
    vigil_step(&t->vigil);
    stage_step(st, t->rig.spec.seed, t->at.step + 1);
    vigil_back(&t->vigil);
    /* before anything is learnt from it: a step on other weights is no step of this run */
    if (model_check(t->rig.m, err)) {
        stage_rewind(st, before);
        return -1;
    }
    norm = optimizer_grad_norm(&st->opt);
    if (!isfinite(st->step.out.loss) || !isfinite(norm))
        return numeric_fault(t, before, err) ? -1 : 1;
    lr = st->spec->lr *
         schedule_factor(st->spec->schedule, st->spec->warmup_ratio, st->done, st->total);
    if (!st->spec->method->still) {
        commands_weights_move(t);
        optimizer_update(&st->opt, st->spec, lr, norm);
    }
    start += t->inquiry.seconds;
    t->at.step++;
    st->done++;
    t->at.tokens += st->step.rows;
    t->at.duty = 0;
    keep_sample_losses(st, (int64_t)t->at.step);
    point_clear(&t->at.point);
    t->at.point.loss = st->step.out.loss;
    t->at.point.loss_clean = st->step.out.loss_clean;
    t->at.point.grad_norm = norm;
    t->at.point.lr = lr;
    t->at.point.rho = st->rho;
    t->at.point.eps_norm = st->step.out.eps_norm;
    t->at.point.step_ms = t->how.deterministic_wall ? 0 : 1000 * (clock_now() - start);
    t->at.ms_average = t->at.ms_average > 0 ? 0.9 * t->at.ms_average + 100 * (clock_now() - start)
                                            : 1000 * (clock_now() - start);
    t->at.tokens_average = t->at.tokens_average > 0
                               ? 0.9 * t->at.tokens_average + 0.1 * (double)st->step.rows
                               : (double)st->step.rows;
    guards_idle(&t->guards, st->index, (int64_t)t->at.step, clock_now() - t->steer.step_at);
    t->steer.step_at = clock_now();
    layers_clear(&t->at.layers);
    for (size_t i = 0; i < rig_layers(&t->rig); i++) {
        t->at.layers.grad[i] = (float)st->step.out.grad[i];
        t->at.layers.eps[i] = (float)st->step.out.eps[i];
        t->at.layers.attn[i] = (float)st->step.out.attn[i];
        t->at.layers.eps_rel[i] = (float)(st->step.out.eps[i] / st->step.site[i]);
    }
    return 0;
}

/* --- duties after a step, and at a stage's beginning --- */

static int duty_lines(struct trainer *t, struct vac_err *err)
{
    struct stage *st = &t->st;
    struct vac_snapshot *s;
    struct strbuf line = {0}, layers = {0};
    int rc = book_begin(&t->book, err);

    if (rc)
        return -1;
    if (watch_due(&t->rig, &t->st)) {
        steer_show(&t->steer, VAC_MEASURING, "drift and losses");
        rc = watch_measure(&t->rig, &t->st, &t->at.point, &t->at.layers, err) ||
                     model_check(t->rig.m, err)
                 ? -1
                 : 0;
    }
    t->at.point.step = t->at.layers.step = (int64_t)t->at.step;
    t->at.point.stage_step = (int64_t)st->done;
    t->at.point.stage = (int)st->index;
    t->at.point.epoch = (double)st->stream[0].cursor.epoch +
                        (double)st->stream[0].cursor.next / (double)st->stream[0].data.n;
    t->at.point.tokens = (double)t->at.tokens;
    t->at.point.wall = stopwatch_read(&t->steer.watch);
    point_json(&(struct json_out){.to = &line}, NULL, &t->at.point, st->spec->name);
    layers_json(&(struct json_out){.to = &layers}, NULL, &t->at.layers, st->spec->name,
                rig_layers(&t->rig));
    sb_putc(&line, '\n');
    sb_putc(&layers, '\n');
    if (rc == 0)
        rc = book_line(&t->book, LINES_METRICS, &line, err) ||
                     book_line(&t->book, LINES_LAYERS, &layers, err)
                 ? -1
                 : 0;
    sb_done(&line);
    sb_done(&layers);
    if (book_end(&t->book, rc, err))
        return -1;
    control_point(t->steer.ctl, &t->at.point);
    control_layer(t->steer.ctl, &t->at.layers);
    guards_step(&t->guards, st->index, &t->at.point, &t->at.layers);
    s = control_writing(t->steer.ctl); /* the newest value of each column stays */
    point_update(&s->last, &t->at.point);
    layers_update(&s->layers, &t->at.layers);
    if (!isnan(t->at.layers.drift_rel[0]))
        s->drift_step = t->at.layers.step;
    if (watch_due(&t->rig, &t->st))
        s->watch_step = t->at.point.step;
    return 0;
}

/* A score of what is no number is not written. On a screen the run waits, because the next step
 * would be spoilt too; without one it ends with the error. 1 = a guard went back, and the duties are others. */
static int measure_fault(struct trainer *t, struct vac_err *err)
{
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->at.step,
                              .verb = JOURNAL_FAULT,
                              .status = "not measured",
                              .reason = err->msg};
    uint64_t rewinds = t->at.rewinds;
    struct vac_err lost = {0};

    t->at.keep_more = 1;
    guards_fault(&t->guards, t->st.index, (int64_t)t->at.step);
    if (alarm_act(t, &lost) == 0 && (t->steer.guarded || t->at.rewinds != rewinds)) {
        err_clear(err);
        return t->at.rewinds != rewinds;
    }
    if (!t->how.interactive || book_journal(&t->book, &e, NULL))
        return -1;
    t->steer.paused = t->steer.fault = true;
    snprintf(t->steer.pause_reason, sizeof t->steer.pause_reason, "%.255s", err->msg);
    err_clear(err);
    return 0;
}

/* All that a stage is asked to come to was measured at this step: it ends here when it has. */
static int end_early(struct trainer *t, struct vac_err *err)
{
    struct stage *st = &t->st;
    char planned[24], made[24];
    struct strbuf why = {0};
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->at.step,
                              .verb = JOURNAL_UNTIL,
                              .key = st->spec->name,
                              .old = planned,
                              .value = made};
    int rc;

    if (!watch_may_end(st) ||
        spec_until_passed(&st->spec->until, st->passed) < st->spec->until.times)
        return 0;
    snprintf(planned, sizeof planned, "%llu", (unsigned long long)st->total);
    snprintf(made, sizeof made, "%llu", (unsigned long long)st->done);
    spec_until_text(&why, &t->rig.spec, st->spec);
    if (st->spec->until.times > 1)
        sb_printf(&why, ", %lld measurements in a row", (long long)st->spec->until.times);
    e.reason = why.s;
    rc = sb_ok(&why, err) || book_journal(&t->book, &e, err) ? -1 : 0;
    sb_done(&why);
    if (rc == 0)
        stage_end(st, &t->rig, &t->at, st->index, st->done);
    return rc;
}

/* The last duty, where there is one. */
static size_t attack_duty(const struct trainer *t)
{
    return stage_is_attacked(&t->st, &t->rig) ? stage_duties(&t->st, &t->rig) - 1 : SIZE_MAX;
}

/* A checkpoint that does not know of the attack yet is what it begins with: a run that is killed meanwhile comes back
 * to it. One that comes to nothing is told by the journal, and the run goes on. */
static int attack_itself(struct trainer *t, struct vac_err *err)
{
    struct vac_err why = {0};
    int rc;

    if (t->at.saved_step != (int64_t)t->at.step && checkpoint_save_now(t, err))
        return -1;
    rc = t->attack(t, NULL, NULL, &why);
    return rc > 0;
}

/* What a duty took, for the time that is left; lines without a reading are no measure of one. */
static void note_seconds(struct trainer *t, size_t i, double seconds)
{
    size_t n = t->rig.spec.n_evaluate;

    if (t->at.duty == attack_duty(t))
        t->at.attack_s = seconds;
    else if (t->at.duty == 0 && watch_due(&t->rig, &t->st))
        t->at.reading_s = seconds;
    else if (t->at.duty == n + 1)
        t->at.suite_s = seconds;
    else if (t->at.duty > 0 && i < n)
        t->at.eval_s[i] = seconds;
}

/* Duty 0: lines; 1 .. n: evaluate entries; n + 1: probe suite; and of a stage with bounds n + 2: whether
 * it ends here; then the entries that are due only because it does; and an attack on a fork. A checkpoint remembers how far they
 * came, so that what a quit has cut short is done after going on. 1 = cut short. */
static int do_duties(struct trainer *t, struct vac_err *err)
{
    size_t n = t->rig.spec.n_evaluate, end = stage_duties(&t->st, &t->rig);
    int rc = 0;

    if (t->at.duty < end && begin_settle(t, err))
        return -1;
    for (; rc == 0 && t->at.duty < end; t->at.duty += rc == 0) {
        size_t i = t->at.duty <= n ? t->at.duty - 1 : t->at.duty - n - 3;
        double begun = clock_now();

        if (t->at.duty == 0) {
            rc = duty_lines(t, err);
            if (rc == 0)
                change_rho(t, -1);
        } else if (t->how.replay) {
            continue; /* what was asked changes nothing of the run */
        } else if (t->at.duty == attack_duty(t)) {
            if (!t->attack || !spec_attack_due(&t->rig.spec, t->st.index, t->st.done, t->st.end))
                continue;
            rc = attack_itself(t, err);
        } else if (t->at.duty == n + 1) {
            if (!t->rig.suite.rows.n || !t->st.gen || t->rig.spec.watch.probes_every <= 0 ||
                t->st.done % (uint64_t)t->rig.spec.watch.probes_every != 0)
                continue;
            rc = watch_suite(&t->rig, &t->st, &t->book, 0, err);
            if (rc == 0)
                guards_probe(&t->guards, t->st.index, (int64_t)t->at.step, t->rig.suite.turned);
        } else if (t->at.duty == n + 2) {
            rc = end_early(t, err);
        } else if (t->at.duty <= n && watch_eval_due(&t->rig, &t->st, i)) {
            rc = watch_evaluate(&t->rig, &t->st, &t->book, i, err);
            if (rc <= 0)
                stage_note_score(&t->st, i,
                                 rc == 0 ? &control_writing(t->steer.ctl)->eval[i] : NULL);
            if (rc == 0)
                change_rho(t, (int)i);
        } else if (t->at.duty > n && t->st.done == t->st.end && t->st.end < t->st.total &&
                   watch_applies(&t->rig, &t->st, i) && !watch_eval_due(&t->rig, &t->st, i)) {
            rc = watch_evaluate(&t->rig, &t->st, &t->book, i, err);
        } else {
            continue;
        }
        if (rc == 0 && i < n)
            guards_score(&t->guards, t->st.index, i, &control_writing(t->steer.ctl)->eval[i]);
        if (rc == 0)
            note_seconds(t, i, clock_now() - begun);
        TRACE("duty %zu after step %llu: %d, %.1f ms", t->at.duty, (unsigned long long)t->at.step,
              rc, 1e3 * (clock_now() - begun));
        if (rc < 0 && err->code == VAC_ERR_NUMERIC)
            rc = measure_fault(t, err);
    }
    return rc;
}

/* --- a stage --- */

static int note(struct trainer *t, enum journal_verb verb, const char *key, const char *reason,
                struct vac_err *err)
{
    struct journal_entry e = {.verb = verb, .key = key, .reason = reason};

    return book_journal(&t->book, &e, err);
}

static int stage_loop(struct trainer *t, struct vac_err *err)
{
    struct stage *st = &t->st;
    int rc;

    t->steer.step_at = clock_now();
    for (;;) {
        uint64_t rewinds = t->at.rewinds;

        rc = do_duties(t, err);
        if (rc < 0 || alarm_act(t, err))
            return -1;
        book_tick(&t->book);
        commands_apply(t);
        if (t->steer.broken.code)
            return err_set(err, t->steer.broken.code, "%s", t->steer.broken.msg);
        if ((rc == 1 || t->at.rewinds != rewinds) && !t->steer.quit)
            continue;      /* what was cut short, also before the checkpoint, is done first */
        if (t->steer.quit) /* what was not changed is saved already */
            return t->steer.discard || t->origin.unsettled ? 0 : checkpoint_save_now(t, err);
        change_rho_broke(t);
        if (st->done && save_due(t) && t->at.saved_step != (int64_t)t->at.step &&
            checkpoint_save_now(t, err))
            return -1;
        if (begin_settle(t, err))
            return -1;
        if (st->done >= st->end)
            return 0;
        steer_show(&t->steer, VAC_RUNNING, "");
        rc = one_step(t, err);
        if (rc < 0)
            return -1;
        if (rc == 0 && t->steer.steps_left > 0 && --t->steer.steps_left == 0) {
            t->steer.paused = true;
            t->steer.fault = false;
            snprintf(t->steer.pause_reason, sizeof t->steer.pause_reason,
                     "the steps asked for are done");
        }
    }
}

static int note_warning(void *ctx, const char *line, struct vac_err *err)
{
    struct trainer *t = ctx;

    return note(t, JOURNAL_WARNING, t->st.spec->name, line, err);
}

/* What the user should know before the steps are made. */
static int warn_of_stage(struct trainer *t, struct vac_err *err)
{
    struct data_counts counts = warnings_count(&t->st);
    struct strbuf lines = {0};
    int rc = warnings_of_stage(&t->rig, t->st.index, &counts, &lines, err);

    if (rc == 0)
        rc = warnings_each(&lines, note_warning, t, err);
    sb_done(&lines);
    return rc;
}

static int run_stages(struct trainer *t, size_t first, struct vac_err *err)
{
    for (size_t i = first; i < t->rig.spec.n_stages; i++) {
        struct patience p = {.steer = &t->steer, .what = "stage folder"};

        if (!t->st.open) {
            steer_show(&t->steer, VAC_LOADING, t->rig.spec.stage[i].name);
            if (inputs_check_stage(&t->rig, &t->origin, i, err) || begin_stage(t, i, err) ||
                note(t, JOURNAL_STAGE, t->rig.spec.stage[i].name, NULL, err) || alarm_stage(t, err))
                return -1;
        }
        if (t->st.done == 0 && warn_of_stage(t, err))
            return -1;
        if (stage_loop(t, err))
            return -1;
        i = t->st.index; /* it may have gone back */
        if (t->steer.quit)
            return 0;
        while (patience_left(&p, err))
            p.rc = stage_save(&t->st, &t->rig, &t->book, &p.why);
        if (p.rc || book_link(&t->book, "stage", err))
            return -1;
        if (i + 1 < t->rig.spec.n_stages || !t->how.interactive)
            stage_close(&t->st, &t->rig); /* on a screen the last one stays, to be asked */
    }
    return 0;
}

/* --- the end --- */

static int final_fill(struct trainer *t, struct vac_err *err)
{
    char *tmp = folder_path(&t->book.folder, "final.tmp", err);
    struct strbuf s = {0};
    int rc = -1;

    if (!tmp || (dir_exists(tmp) && path_remove(tmp, err)))
        goto out;
    if (stage_write_model(&t->st, &t->rig, &t->book.folder, tmp, err))
        goto out;
    adapters_json(&s, &t->rig.spec, model_is_full(t->rig.m));
    rc = out_text(tmp, "adapters.json", &s, err);
out:
    if (rc && tmp)
        path_remove(tmp, NULL); /* gives the space back */
    sb_done(&s);
    free(tmp);
    return rc;
}

/* What the journal ends with, behind a link of all before: what a kill leaves uncovered is that alone. */
static int last_word(struct trainer *t, enum journal_verb verb, const char *reason,
                     struct vac_err *err)
{
    return book_link(&t->book, "end", err) || note(t, verb, NULL, reason, err) ? -1 : 0;
}

/* final/ is what makes a run finished, so it comes last: until then all of this is done again when
 * the run goes on. */
static int finish(struct trainer *t, struct vac_err *err)
{
    struct patience tools = {.steer = &t->steer, .what = "files for other tools"},
                    fill = {.steer = &t->steer, .what = "final/"}, swap = fill;
    struct vac_err why = {0};

    while (patience_left(&tools, err))
        tools.rc = checkpoint_export(t, true, &tools.why);
    while (tools.rc == 0 && patience_left(&fill, err))
        fill.rc = final_fill(t, &fill.why);
    if (tools.rc || fill.rc || last_word(t, JOURNAL_DONE, NULL, err))
        return -1;
    while (patience_left(&swap, err))
        swap.rc = folder_swap(t->book.folder.dir, "final.tmp", "final", &swap.why);
    if (swap.rc || t->how.replay || attack_tell(t->book.folder.dir, t->origin.began, &why) == 0)
        return swap.rc;
    return err_set(err, why.code, "done, but the run that was attacked could not be told: %s",
                   why.msg);
}

/* Before the last step: what there is stays to go on with. */
static int leave(struct trainer *t, struct vac_err *err)
{
    struct vac_err why = {0};

    if (last_word(t, JOURNAL_STOP,
                  t->steer.discard      ? "without saving"
                  : t->origin.unsettled ? "as it was"
                                        : "saved",
                  err))
        return -1;
    if (t->origin.unsettled || checkpoint_export(t, false, &why) == 0)
        return 0;
    return err_set(err, why.code, "%s, but the files for other tools could not be written: %s",
                   t->steer.discard ? "ended" : "saved", why.msg);
}

/* Whatever went wrong, what was trained is kept, or its loss is told. */
static void keep_trained(struct trainer *t, struct vac_err *err)
{
    struct vac_err why = {0}, both = {0};

    if (!t->st.open || !t->st.done || t->steer.discard || t->at.saved_step == (int64_t)t->at.step ||
        err->code == VAC_ERR_SPACE || err->code == VAC_ERR_NUMERIC)
        return;
    if (checkpoint_save(t, &why)) {
        err_set(&both, err->code, "%s; and what was trained since then is lost: %s", err->msg,
                why.msg);
        *err = both;
    }
}

static void trainer_end(struct trainer *t, int rc, struct vac_err *err)
{
    enum vac_state state;
    struct vac_err unsaid = {0};

    /* what was written through open descriptors may lie where nobody finds it */
    if (rc == 0 && dir_check(t->book.folder.dir, err))
        rc = -1;
    state = rc ? VAC_FAILED : t->steer.quit ? VAC_STOPPED : VAC_DONE;

    if (rc) {
        t->end = *err;
        t->exit_code = 1;
        chain_link(&t->book.chain, "end", t->at.step, &unsaid); /* else by the last one */
        note(t, JOURNAL_FAIL, NULL, err->msg, NULL);
    } else if (t->steer.guarded) {
        t->exit_code = 3;
    }
    t->steer.steps_left = 0; /* there are none */
    stopwatch_hold(&t->steer.watch);
    steer_show(&t->steer, state, rc ? err->msg : "");
}

void trainer_run(struct trainer *t)
{
    struct vac_err err = {0}, unsaid = {0};
    const char *why;
    size_t first = 0;
    int rc;

    vigil_begin(&t->vigil);
    stopwatch_go(&t->steer.watch);
    t->at.last_save = clock_now();
    rc = begin_run(t, &first, &err);
    if (rc == 0 && t->how.resume) /* what is set now is set last */
        rc = alarm_resume(t, &err) || options_set_all(&t->book, &t->st, &t->how, &err) ? -1 : 0;
    if (rc == 0 && (rc = run_stages(t, first, &err)))
        spec_blame_file(&err);
    if (rc == 0)
        rc = t->steer.quit ? leave(t, &err) : finish(t, &err);
    if (rc) {
        err_set(&err, VAC_ERR_IO, "the run failed without a reason: please report this");
        keep_trained(t, &err);
    }
    trainer_end(t, rc, &err);
    why = rc ? "fail" : t->steer.quit ? "stop" : "done";
    if (rc == 0 && !t->steer.quit && t->how.interactive) {
        chain_link(&t->book.chain, why, t->at.step, &unsaid);
        commands_linger(t);
    }
    commands_drop(t, "the run has ended");
    chain_link(&t->book.chain, why, t->at.step, &unsaid);
    vigil_end(&t->vigil);
    stage_close(&t->st, &t->rig);
}
