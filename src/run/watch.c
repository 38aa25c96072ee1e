/* watch.c - what is measured beside training: drift, losses on fixed samples, the probe suite,
 * evaluations.
 *
 * All of it without dropout or perturbation, after the update, with its own random streams: a run
 * that is watched ends with the same bytes as one that is not. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/loss.h"
#include "eval/score.h"
#include "record/event.h"
#include "record/probe.h"
#include "run/trainer.h"

static bool due(int64_t every, uint64_t done)
{
    return every > 0 && done % (uint64_t)every == 0;
}

/* At the last step of a stage always: what the stage has come to is what is asked for first. */
bool watch_due(const struct trainer *t)
{
    int64_t every = t->spec.watch.every;

    return every > 0 && (due(every, t->st.done) || t->st.done == t->st.total) &&
           (t->drift_set.n || t->align_set.n || t->harmful_set.n);
}

/* NaN in a point means "not measured"; a loss that is no number was measured all the same. */
static int measure_loss(struct trainer *t, const struct dataset *d, double *out,
                        struct vac_err *err)
{
    struct vac_err why = {0};
    double x;

    if (!d->n)
        return 0;
    x = dataset_loss(t->m, t->st.acts, t->st.acts_rows, d, NULL, &why);
    if (why.code && why.code != VAC_ERR_NUMERIC)
        return err_set(err, why.code, "%s", why.msg);
    *out = isnan(x) ? INFINITY : x;
    return 0;
}

int watch_measure(struct trainer *t, struct vac_point *p, struct vac_layers *l, struct vac_err *err)
{
    struct stage *st = &t->st;
    size_t L = model_config(t->m)->L, n = L < VAC_MAX_LAYERS ? L : VAC_MAX_LAYERS;

    if (st->drift) {
        double *rel = t->drift_rel, *sq = t->drift_rel + L, sum = 0;
        drift_measure(st->drift, rel, sq);
        for (size_t i = 0; i < L; i++)
            sum += rel[i];
        p->drift_mean = sum / (double)L;
        for (size_t i = 0; i < n; i++) {
            l->drift_rel[i] = (float)rel[i];
            l->drift_sq[i] = (float)sq[i];
        }
    }
    return measure_loss(t, &t->align_set, &p->align_loss, err) ||
                   measure_loss(t, &t->harmful_set, &p->harmful_loss, err)
               ? -1
               : 0;
}

/* --- evaluations --- */

bool watch_applies(const struct trainer *t, size_t i)
{
    char *const *stages = t->spec.evaluate[i].stages;

    for (; stages && *stages; stages++) {
        if (!strcmp(*stages, t->st.spec->name))
            return true;
    }
    return t->spec.evaluate[i].stages == NULL;
}

/* At the start and the end of a stage, and every so many steps between. */
bool watch_eval_due(const struct trainer *t, size_t i)
{
    return watch_applies(t, i) && (t->st.done == 0 || t->st.done == t->st.total ||
                                   due(t->spec.evaluate[i].every, t->st.done));
}

static int eval_progress(void *ctx, size_t done, size_t n)
{
    struct trainer *t = ctx;
    struct vac_snapshot *s = control_writing(t->ctl);
    char text[128];

    s->eval[t->evaluating].done = (int64_t)done;
    snprintf(text, sizeof text, "%s %zu of %zu", t->spec.evaluate[t->evaluating].name, done, n);
    publish(t, VAC_MEASURING, text);
    return atomic_load(&t->ctl->waiting);
}

static int write_history(struct trainer *t, void *line, struct vac_err *err)
{
    return folder_line(&t->folder, LINES_HISTORY, line, err);
}

struct files_job {
    struct evaluation *e;
    const struct eval_result *r;
    const char *label;
};

static int write_files(struct trainer *t, void *ctx, struct vac_err *err)
{
    struct files_job *j = ctx;
    char *dir = folder_path(&t->folder, "eval", err);
    int rc = dir ? eval_result_write(j->e, j->r, dir, j->label, err) : -1;

    free(dir);
    return rc;
}

static int copy_parts(struct vac_event *e, const struct vac_part *from, size_t n,
                      const struct vac_part **out, struct vac_err *err)
{
    struct vac_part *v = event_alloc(e, n, sizeof *v, err);

    for (size_t i = 0; v && i < n; i++) {
        v[i] = from[i];
        v[i].name = event_text(e, from[i].name, strlen(from[i].name), err);
        if (!v[i].name)
            return -1;
    }
    *out = v;
    return v ? 0 : -1;
}

/* The score with its categories, for the screen. */
static int tell_score(struct trainer *t, const struct vac_eval *score, const struct eval_result *r,
                      struct vac_err *err)
{
    struct vac_event e = {.eval = {.n_category = r->n_category, .n_other = r->n_other}};
    struct vac_eval *copy = event_alloc(&e, 1, sizeof *copy, err);

    if (!copy || copy_parts(&e, r->category, r->n_category, &e.eval.category, err) ||
        copy_parts(&e, r->other, r->n_other, &e.eval.other, err)) {
        vac_event_done(&e);
        return -1;
    }
    *copy = *score;
    e.eval.score = copy;
    control_event(t->ctl, VAC_EVENT_EVAL, t->answering, (int64_t)t->step, score->name, &e);
    return 0;
}

static int record(struct trainer *t, size_t i, const struct eval_result *r, struct vac_err *err)
{
    struct vac_eval score;
    struct strbuf s = {0};
    struct json_out o = json_out(&s);
    struct files_job files = {.e = t->eval[i], .r = r};
    char label[VAC_NAME + 32];
    int rc;

    eval_result_score(t->eval[i], r, &score);
    score.step = (int64_t)t->step;
    score.stage_step = (int64_t)t->st.done;
    snprintf(score.stage, sizeof score.stage, "%s", t->st.spec->name);
    control_writing(t->ctl)->eval[i] = score;
    json_put_object(&o, NULL, JSON_TIGHT);
    score_history(&o, &score, r->other, r->n_other);
    json_put_end(&o);
    sb_putc(&s, '\n');
    snprintf(label, sizeof label, "%s-%llu", t->st.spec->name, (unsigned long long)t->st.done);
    files.label = label;
    rc = until_written(t, write_files, &files, "evaluation files", err) ||
                 until_written(t, write_history, &s, "eval/history.jsonl", err) ||
                 tell_score(t, &score, r, err)
             ? -1
             : 0;
    sb_done(&s);
    return rc;
}

int watch_evaluate(struct trainer *t, size_t i, struct vac_err *err)
{
    struct eval_result r = {0};
    struct vac_err why = {0};
    int rc;

    t->evaluating = i;
    publish(t, VAC_MEASURING, t->spec.evaluate[i].name);
    rc = evaluation_run(t->eval[i], t->st.gen, t->st.acts, t->st.acts_rows, &r, eval_progress, t,
                        &why);
    if (rc == 0) {
        rc = record(t, i, &r, err);
    } else if (why.code == VAC_ERR_STOPPED) {
        control_writing(t->ctl)->eval[i].done = 0;
        rc = 1;
    } else {
        rc = err_set(err, why.code, "evaluate %s at step %llu: %s", t->spec.evaluate[i].name,
                     (unsigned long long)t->step, why.msg);
    }
    eval_result_done(&r);
    return rc;
}

/* --- the fixed probes --- */

struct answer {
    struct ids ids;
    struct strbuf text;
    struct rating rating;
    double p_refuse;
};

static int ask_one(struct trainer *t, size_t i, struct answer *a, struct vac_err *err)
{
    struct generate_options o = {.max_new_tokens = (size_t)t->spec.watch.probes_tokens,
                                 .top_p = 1,
                                 .stop = t->stops.id,
                                 .n_stop = t->stops.n};
    const char *prompt = t->suite.rows.row[i].turn[0].text, *text;

    if (ask_refusal_probability(t, &t->suite.prompt[i], &a->p_refuse, err) ||
        generate(t->st.gen, &t->suite.prompt[i], 1, &o, &a->ids, NULL, NULL, err) ||
        tokenizer_decode(t->tok, a->ids.v, a->ids.n, true, &a->text, err))
        return -1;
    text = a->text.s ? a->text.s : "";
    return t->suite.kind->rate(t->suite.judge, &prompt, &text, 1, &a->rating, err);
}

static int write_probe(struct trainer *t, void *line, struct vac_err *err)
{
    return folder_line(&t->folder, LINES_PROBES, line, err);
}

/* Asks probe i; one line for the file, one member for the screen. */
static int suite_one(struct trainer *t, size_t i, int *verdict, struct vac_event *e,
                     struct vac_probe *out, struct vac_err *err)
{
    struct answer a = {.p_refuse = NAN};
    struct strbuf line = {0};
    int rc = ask_one(t, i, &a, err);

    if (rc == 0) {
        int last = t->suite.verdict[i];
        verdict[i] = (int)a.rating.verdict;
        *out = (struct vac_probe){.prompt = t->suite.rows.row[i].turn[0].text,
                                  .answer = a.text.s ? a.text.s : "",
                                  .verdict = verdict_names[a.rating.verdict],
                                  .p_refuse = a.p_refuse,
                                  .suite = true,
                                  .changed = last >= 0 && last != verdict[i]};
        probe_line(&line, out, (int64_t)t->step, t->st.spec->name, (int64_t)t->st.done, "suite");
        rc = until_written(t, write_probe, &line, "probes.jsonl", err) || probe_keep(e, out, err)
                 ? -1
                 : 0;
    }
    sb_done(&line);
    sb_done(&a.text);
    ids_done(&a.ids);
    return rc;
}

int watch_suite(struct trainer *t, uint64_t id, struct vac_err *err)
{
    size_t n = t->suite.rows.n;
    int *verdict = mem_new(n, sizeof *verdict, err), rc;
    struct vac_event e = {0};
    struct vac_probe *probe = event_alloc(&e, n, sizeof *probe, err);

    if (!verdict || !probe || lines_begin(t, err)) {
        vac_event_done(&e);
        free(verdict);
        return -1;
    }
    publish(t, VAC_MEASURING, "probe suite");
    rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = atomic_load(&t->ctl->waiting) ? 1 : suite_one(t, i, verdict, &e, &probe[i], err);
    rc = lines_end(t, rc, err);
    if (rc == 0) {
        memcpy(t->suite.verdict, verdict, n * sizeof *verdict);
        e.probes.v = probe;
        e.probes.n = n;
        control_event(t->ctl, VAC_EVENT_SUITE, id, (int64_t)t->step, "", &e);
    }
    vac_event_done(&e);
    free(verdict);
    return rc;
}
