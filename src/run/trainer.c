/* trainer.c - the loop of a run: stages, steps, duties after a step, checkpoints, faults, the end.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "run/trainer.h"
#include "spec/spec_tables.h"
#include "record/folder.h"

/* Between two exports while a run goes on. */
#define EXPORT_SECONDS 60

/* --- time: what pauses take does not count --- */

double trainer_wall(const struct trainer *t)
{
    if (t->how.deterministic_wall)
        return 0;
    return t->wall + (t->since > 0 ? clock_now() - t->since : 0);
}

void trainer_hold(struct trainer *t)
{
    t->wall = trainer_wall(t);
    t->since = 0;
}

void trainer_go(struct trainer *t)
{
    if (t->since <= 0)
        t->since = clock_now();
}

/* --- checkpoints --- */

static int save_try(struct trainer *t, void *ctx, struct vac_err *err)
{
    (void)ctx;
    return checkpoint_save(t, err);
}

static int export_try(struct trainer *t, void *done, struct vac_err *err)
{
    t->last_export = clock_now();
    return export_all(t->folder.dir, done != NULL, err);
}

/* Other tools' files are made anew from ours at any time: what cannot be written now is told, and
 * tried again the next time. */
static int export_soon(struct trainer *t, struct vac_err *err)
{
    struct vac_err why = {0};
    struct journal_entry e = {.verb = JOURNAL_EXPORT, .status = "failed", .reason = why.msg};

    return export_try(t, NULL, &why) ? journal(t, &e, err) : 0;
}

int save_now(struct trainer *t, struct vac_err *err)
{
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->step,
                              .verb = JOURNAL_CHECKPOINT,
                              .status = "saved"};

    if (until_written(t, save_try, NULL, NULL, err))
        return -1;
    if (journal(t, &e, err))
        return -1;
    /* at every checkpoint of a quick run it would cost more than training */
    return clock_now() - t->last_export >= EXPORT_SECONDS ? export_soon(t, err) : 0;
}

static bool save_due(const struct trainer *t)
{
    const struct checkpoint_spec *c = &t->spec.checkpoint;

    if (t->how.replay)
        return false;
    return (c->steps > 0 && t->st.done % (uint64_t)c->steps == 0) || t->st.done == t->st.total ||
           (c->minutes > 0 && clock_now() - t->last_save >= 60 * c->minutes);
}

/* --- one step --- */

static double live_rho(const struct stage *st)
{
    struct live_option o;

    for (size_t i = 0; spec_live(st->spec, i, &o); i++) {
        if (!strcmp(o.row->name, "rho"))
            return *(double *)((char *)o.base + o.row->offset);
    }
    return NAN;
}

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

static void layers_from(struct vac_layers *l, const struct reading *r, size_t L)
{
    for (size_t i = 0; i < L && i < VAC_MAX_LAYERS; i++) {
        l->grad[i] = (float)r->grad[i];
        l->eps[i] = (float)r->eps[i];
        l->attn[i] = (float)r->attn[i];
    }
}

/* Loss or gradient is no number: nothing was updated, so the state is that before the step. */
static int numeric_fault(struct trainer *t, const struct cursor before[METHOD_STREAMS],
                         struct vac_err *err)
{
    struct journal_entry e = {.verb = JOURNAL_FAULT, .status = "step dropped"};
    char why[192];

    snprintf(why, sizeof why, "step %llu of stage %.100s was dropped: its %s is not a number",
             (unsigned long long)t->step + 1, t->st.spec->name,
             isfinite(t->st.step.out.loss) ? "gradient" : "loss");
    stage_rewind(&t->st, before);
    e.reason = why;
    t->keep_more = 1; /* the weights may be spoilt already: the checkpoint before them stays */
    if (journal(t, &e, err))
        return -1;
    if (t->how.interactive) {
        t->paused = true;
        snprintf(t->pause_reason, sizeof t->pause_reason, "%s: lower lr (or rho) and resume", why);
        return 0;
    }
    if (save_now(t, err))
        return -1;
    return err_set(err, VAC_ERR_NUMERIC,
                   "%s; the state before it is saved: go on with --resume and --set "
                   "stages[%zu].lr=... lower; should it come again, remove checkpoint-%llu first",
                   why, t->st.index, (unsigned long long)t->step);
}

/* 1 = a fault has paused the run: no step was made. */
static int one_step(struct trainer *t, struct vac_err *err)
{
    struct stage *st = &t->st;
    struct cursor before[METHOD_STREAMS];
    double start = clock_now(), norm, lr;

    for (size_t k = 0; k < st->n_streams; k++)
        before[k] = st->stream[k].cursor;
    stage_step(t, t->step + 1);
    /* before anything is learnt from it: a step on other weights is no step of this run */
    if (model_check(t->m, err)) {
        stage_rewind(st, before);
        return -1;
    }
    norm = optimizer_grad_norm(&st->opt);
    if (!isfinite(st->step.out.loss) || !isfinite(norm))
        return numeric_fault(t, before, err) ? -1 : 1;
    lr = st->spec->lr *
         schedule_factor(st->spec->schedule, st->spec->warmup_ratio, st->done, st->total);
    optimizer_update(&st->opt, st->spec, lr, norm);
    t->step++;
    st->done++;
    t->tokens += st->step.rows;
    t->duty = 0;
    keep_sample_losses(st, (int64_t)t->step);
    point_clear(&t->point);
    t->point.loss = st->step.out.loss;
    t->point.loss_clean = st->step.out.loss_clean;
    t->point.grad_norm = norm;
    t->point.lr = lr;
    t->point.rho = live_rho(st);
    t->point.eps_norm = st->step.out.eps_norm;
    t->point.step_ms = t->how.deterministic_wall ? 0 : 1000 * (clock_now() - start);
    t->ms_average = t->ms_average > 0 ? 0.9 * t->ms_average + 100 * (clock_now() - start)
                                      : 1000 * (clock_now() - start);
    t->tokens_average = t->tokens_average > 0
                            ? 0.9 * t->tokens_average + 0.1 * (double)st->step.rows
                            : (double)st->step.rows;
    layers_clear(&t->layers);
    layers_from(&t->layers, &st->step.out, model_config(t->m)->L);
    return 0;
}

/* --- duties after a step, and at a stage's beginning --- */

static int write_point(struct trainer *t, void *line, struct vac_err *err)
{
    return folder_line(&t->folder, LINES_METRICS, line, err);
}

static int write_layers(struct trainer *t, void *line, struct vac_err *err)
{
    return folder_line(&t->folder, LINES_LAYERS, line, err);
}

static int duty_lines(struct trainer *t, struct vac_err *err)
{
    struct stage *st = &t->st;
    struct vac_snapshot *s;
    struct strbuf line = {0}, layers = {0};
    int rc = lines_begin(t, err);

    if (rc)
        return -1;
    if (watch_due(t)) {
        publish(t, VAC_MEASURING, "drift and losses");
        rc = watch_measure(t, &t->point, &t->layers, err) || model_check(t->m, err) ? -1 : 0;
    }
    t->point.step = t->layers.step = (int64_t)t->step;
    t->point.stage_step = (int64_t)st->done;
    t->point.stage = (int)st->index;
    t->point.epoch = (double)st->stream[0].cursor.epoch +
                     (double)st->stream[0].cursor.next / (double)st->stream[0].data.n;
    t->point.tokens = (double)t->tokens;
    t->point.wall = trainer_wall(t);
    point_json(&(struct json_out){.to = &line}, NULL, &t->point, st->spec->name);
    layers_json(&(struct json_out){.to = &layers}, NULL, &t->layers, shown_layers(t));
    sb_putc(&line, '\n');
    sb_putc(&layers, '\n');
    if (rc == 0)
        rc = until_written(t, write_point, &line, "metrics.jsonl", err) ||
                     until_written(t, write_layers, &layers, "layers.jsonl", err)
                 ? -1
                 : 0;
    sb_done(&line);
    sb_done(&layers);
    if (lines_end(t, rc, err))
        return -1;
    control_point(t->ctl, &t->point);
    control_layer(t->ctl, &t->layers);
    s = control_writing(t->ctl); /* the newest value of each column stays */
    point_update(&s->last, &t->point);
    layers_update(&s->layers, &t->layers);
    if (!isnan(t->layers.drift_rel[0]))
        s->drift_step = t->layers.step;
    return 0;
}

/* A score of what is no number is not written. On a screen the run waits, because the next step
 * would be spoilt too; without one it ends with the error. */
static int measure_fault(struct trainer *t, struct vac_err *err)
{
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->step,
                              .verb = JOURNAL_FAULT,
                              .status = "not measured",
                              .reason = err->msg};

    t->keep_more = 1;
    if (!t->how.interactive || journal(t, &e, NULL))
        return -1;
    t->paused = true;
    snprintf(t->pause_reason, sizeof t->pause_reason, "%.255s", err->msg);
    err_clear(err);
    return 0;
}

/* Duty 0: lines; 1 .. n: evaluate entries; n + 1: probe suite. A checkpoint remembers how far they
 * came, so that what a quit has cut short is done after going on. 1 = cut short. */
static int do_duties(struct trainer *t, struct vac_err *err)
{
    size_t n = t->spec.n_evaluate;
    int rc = 0;

    if (t->duty < n + 2 && trainer_settle(t, err))
        return -1;
    for (; rc == 0 && t->duty < n + 2; t->duty += rc == 0) {
        if (t->duty == 0)
            rc = duty_lines(t, err);
        else if (t->how.replay)
            continue; /* what was asked changes nothing of the run */
        else if (t->duty <= n && watch_eval_due(t, t->duty - 1))
            rc = watch_evaluate(t, t->duty - 1, err);
        else if (t->duty == n + 1 && t->suite.rows.n && t->st.gen &&
                 t->spec.watch.probes_every > 0 &&
                 t->st.done % (uint64_t)t->spec.watch.probes_every == 0)
            rc = watch_suite(t, 0, err);
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

    return journal(t, &e, err);
}

static int stage_loop(struct trainer *t, struct vac_err *err)
{
    struct stage *st = &t->st;
    int rc;

    for (;;) {
        rc = do_duties(t, err);
        if (rc < 0)
            return -1;
        commands_apply(t);
        if (t->broken.code)
            return err_set(err, t->broken.code, "%s", t->broken.msg);
        if (rc == 1 && !t->quit)
            continue; /* what was cut short is done first */
        if (t->quit)  /* what was not changed is saved already */
            return t->discard || t->unsettled ? 0 : save_now(t, err);
        if (st->done && save_due(t) && t->saved_step != (int64_t)t->step && save_now(t, err))
            return -1;
        if (trainer_settle(t, err))
            return -1;
        if (st->done >= st->total)
            return 0;
        publish(t, VAC_RUNNING, "");
        rc = one_step(t, err);
        if (rc < 0)
            return -1;
        if (rc == 0 && t->steps_left > 0 && --t->steps_left == 0) {
            t->paused = true;
            snprintf(t->pause_reason, sizeof t->pause_reason, "the steps asked for are done");
        }
    }
}

static int save_stage_try(struct trainer *t, void *ctx, struct vac_err *err)
{
    (void)ctx;
    return stage_save(t, err);
}

int stage_begin(struct trainer *t, size_t index, struct vac_err *err)
{
    publish(t, VAC_LOADING, t->spec.stage[index].name);
    t->duty = 0;
    point_clear(&t->point);
    layers_clear(&t->layers);
    /* another stage's last values would pass for this one's */
    point_clear(&control_writing(t->ctl)->last);
    layers_clear(&control_writing(t->ctl)->layers);
    if (stage_open(t, index, err) == 0)
        return 0;
    spec_blame_file(err);
    return -1;
}

static int note_warning(void *ctx, const char *line, struct vac_err *err)
{
    struct trainer *t = ctx;

    return note(t, JOURNAL_WARNING, t->st.spec->name, line, err);
}

/* What the user should know before the steps are made. */
static int warn_of_stage(struct trainer *t, struct vac_err *err)
{
    struct data_counts counts = stage_counts(&t->st);
    struct strbuf lines = {0};
    int rc = stage_warnings(t, t->st.index, &counts, &lines, err);

    if (rc == 0)
        rc = warnings_each(&lines, note_warning, t, err);
    sb_done(&lines);
    return rc;
}

static int run_stages(struct trainer *t, size_t first, struct vac_err *err)
{
    for (size_t i = first; i < t->spec.n_stages; i++) {
        if (!t->in_stage) {
            publish(t, VAC_LOADING, t->spec.stage[i].name);
            if (trainer_stage_inputs(t, i, err) || stage_begin(t, i, err) ||
                note(t, JOURNAL_STAGE, t->spec.stage[i].name, NULL, err))
                return -1;
        }
        if (t->st.done == 0 && warn_of_stage(t, err))
            return -1;
        if (stage_loop(t, err))
            return -1;
        if (t->quit)
            return 0;
        if (until_written(t, save_stage_try, NULL, "stage folder", err))
            return -1;
        if (i + 1 < t->spec.n_stages || !t->how.interactive)
            stage_close(t); /* on a screen the last one stays, to be asked */
    }
    return 0;
}

/* --- the end --- */

static int final_fill(struct trainer *t, void *ctx, struct vac_err *err)
{
    char *tmp = folder_path(&t->folder, "final.tmp", err);
    struct strbuf s = {0};
    int rc = -1;

    (void)ctx;
    if (!tmp || (dir_exists(tmp) && path_remove(tmp, err)))
        goto out;
    if (stage_write_model(t, tmp, err))
        goto out;
    lines_adapters(&s, t);
    rc = folder_write(tmp, "adapters.json", &s, err);
out:
    if (rc && tmp)
        path_remove(tmp, NULL); /* gives the space back */
    sb_done(&s);
    free(tmp);
    return rc;
}

static int final_swap(struct trainer *t, void *ctx, struct vac_err *err)
{
    (void)ctx;
    return folder_swap(t->folder.dir, "final.tmp", "final", err);
}

/* final/ is what makes a run finished, so it comes last: until then all of this is done again when
 * the run goes on. */
static int finish(struct trainer *t, struct vac_err *err)
{
    return until_written(t, export_try, t, "files for other tools", err) ||
                   until_written(t, final_fill, NULL, "final/", err) ||
                   note(t, JOURNAL_DONE, NULL, NULL, err) ||
                   until_written(t, final_swap, NULL, "final/", err)
               ? -1
               : 0;
}

/* Before the last step: what there is stays to go on with. */
static int leave(struct trainer *t, struct vac_err *err)
{
    struct vac_err why = {0};

    if (note(t, JOURNAL_STOP, NULL,
             t->discard     ? "without saving"
             : t->unsettled ? "as it was"
                            : "saved",
             err))
        return -1;
    if (t->unsettled || export_try(t, NULL, &why) == 0)
        return 0;
    return err_set(err, why.code, "%s, but the files for other tools could not be written: %s",
                   t->discard ? "ended" : "saved", why.msg);
}

/* Whatever went wrong, what was trained is kept, or its loss is told. */
static void keep_trained(struct trainer *t, struct vac_err *err)
{
    struct vac_err why = {0}, both = {0};

    if (!t->in_stage || !t->st.done || t->discard || t->saved_step == (int64_t)t->step ||
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

    /* what was written through open descriptors may lie where nobody finds it */
    if (rc == 0 && dir_check(t->folder.dir, err))
        rc = -1;
    state = rc ? VAC_FAILED : t->quit ? VAC_STOPPED : VAC_DONE;

    if (rc) {
        t->end = *err;
        t->exit_code = 1;
        note(t, JOURNAL_FAIL, NULL, err->msg, NULL);
    }
    trainer_hold(t);
    publish(t, state, rc ? err->msg : "");
}

void trainer_run(struct trainer *t)
{
    struct vac_err err = {0};
    size_t first = 0;
    int rc;

    trainer_go(t);
    t->last_save = clock_now();
    rc = trainer_begin(t, &first, &err);
    if (rc == 0 && (rc = run_stages(t, first, &err)))
        spec_blame_file(&err);
    if (rc == 0)
        rc = t->quit ? leave(t, &err) : finish(t, &err);
    if (rc) {
        err_set(&err, VAC_ERR_IO, "the run failed without a reason: please report this");
        keep_trained(t, &err);
    }
    trainer_end(t, rc, &err);
    if (rc == 0 && !t->quit && t->how.interactive)
        commands_linger(t);
    stage_close(t);
}
