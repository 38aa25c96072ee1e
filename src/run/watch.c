/* watch.c - what is measured beside training: drift, losses on fixed samples, the probe suite,
 * evaluations.
 *
 * All of it without dropout or perturbation, after the update, with its own random streams: a run
 * that is watched ends with the same bytes as one that is not. */
#include "run/watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_out.h"
#include "eval/evaluate_write.h"
#include "eval/loss.h"
#include "eval/score_json.h"
#include "record/event.h"
#include "record/folder.h"
#include "run/ask.h"
#include "run/book.h"
#include "run/control.h"
#include "run/patience.h"
#include "run/stage.h"
#include "run/steer.h"

bool watch_may_end(const struct stage *st)
{
    return st->look_every && st->done > 0 &&
           (st->done % st->look_every == 0 || st->done == st->total);
}

/* At the last step of a stage always, and where it may be the last: what the stage has come to is what
 * is asked for first. */
bool watch_due(const struct rig *rig, const struct stage *st)
{
    int64_t every = rig->spec.watch.every;

    return every > 0 &&
           (st->done % (uint64_t)every == 0 || st->done == st->total || watch_may_end(st)) &&
           (rig->drift_set.n || rig->align_set.n || rig->harmful_set.n || rig->harm.n);
}

/* NaN in a point means "not measured"; a loss that is no number was measured all the same. */
static int measure_loss(const struct rig *rig, struct stage *st, const struct dataset *d,
                        double *out, struct vac_err *err)
{
    struct vac_err why = {0};
    double x;

    if (!d->n)
        return 0;
    x = dataset_loss(rig->m, st->acts, st->acts_rows, d, NULL, &why);
    if (why.code && why.code != VAC_ERR_NUMERIC)
        return err_set(err, why.code, "%s", why.msg);
    *out = isnan(x) ? INFINITY : x;
    return 0;
}

int watch_measure(const struct rig *rig, struct stage *st, struct vac_point *p,
                  struct vac_layers *l, struct vac_err *err)
{
    size_t L = model_config(rig->m)->L, n = L < VAC_MAX_LAYERS ? L : VAC_MAX_LAYERS;

    if (st->drift) {
        double *rel = rig->drift_rel, *sq = rig->drift_rel + L, sum = 0;
        drift_measure(st->drift, rel, sq);
        for (size_t i = 0; i < L; i++)
            sum += rel[i];
        p->drift_mean = sum / (double)L;
        for (size_t i = 0; i < n; i++) {
            l->drift_rel[i] = (float)rel[i];
            l->drift_sq[i] = (float)sq[i];
        }
    }
    if (st->direction) {
        direction_measure(st->direction, rig->drift_rel);
        for (size_t i = 0; i < n; i++)
            l->refusal[i] = (float)rig->drift_rel[i];
    }
    return measure_loss(rig, st, &rig->align_set, &p->align_loss, err) ||
                   measure_loss(rig, st, &rig->harmful_set, &p->harmful_loss, err)
               ? -1
               : 0;
}

/* --- evaluations --- */

bool watch_applies(const struct rig *rig, const struct stage *st, size_t i)
{
    char *const *stages = rig->spec.evaluate[i].stages;

    for (; stages && *stages; stages++) {
        if (!strcmp(*stages, st->spec->name))
            return true;
    }
    return rig->spec.evaluate[i].stages == NULL;
}

/* At the start and the end of a stage, and every so many steps between. */
bool watch_eval_due(const struct rig *rig, const struct stage *st, size_t i)
{
    int64_t every = rig->spec.evaluate[i].every;

    return watch_applies(rig, st, i) && (st->done == 0 || st->done == st->total ||
                                         (every > 0 && st->done % (uint64_t)every == 0));
}

/* The evaluate entry under way. */
struct under_way {
    struct steer *steer;
    size_t entry;
    const char *name;
};

static int eval_progress(void *ctx, size_t done, size_t n)
{
    const struct under_way *x = ctx;
    struct steer *steer = x->steer;
    char text[128];

    control_writing(steer->ctl)->eval[x->entry].done = (int64_t)done;
    snprintf(text, sizeof text, "%s %zu of %zu", x->name, done, n);
    steer_show(steer, VAC_MEASURING, text);
    return atomic_load(&steer->ctl->waiting);
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

static int copy_disputes(struct vac_event *e, const struct eval_result *r, struct vac_err *err)
{
    size_t most = r->disputes < EVAL_DISPUTES ? r->disputes : EVAL_DISPUTES;
    struct vac_dispute *v = event_alloc(e, most, sizeof *v, err);

    for (size_t i = 0; v && e->eval.n_dispute < most; i++) {
        const struct eval_sample *s = &r->sample[i];
        struct vac_dispute *d = &v[e->eval.n_dispute];

        if (s->first == (int)s->rating.verdict)
            continue;
        *d = (struct vac_dispute){.prompt = event_text(e, s->prompt, strlen(s->prompt), err),
                                  .answer = event_text(e, s->answer, strlen(s->answer), err),
                                  .verdict = verdict_names[s->rating.verdict],
                                  .first = verdict_names[s->first]};
        if (!d->prompt || !d->answer)
            return -1;
        e->eval.n_dispute++;
    }
    e->eval.dispute = v;
    e->eval.disputes = r->disputes;
    return v ? 0 : -1;
}

/* The score with its categories, for the screen. */
static int make_event(struct vac_event *e, const struct vac_eval *score,
                      const struct eval_result *r, struct vac_err *err)
{
    struct vac_eval *copy = event_alloc(e, 1, sizeof *copy, err);

    if (!copy || copy_parts(e, r->category, r->n_category, &e->eval.category, err) ||
        copy_parts(e, r->other, r->n_other, &e->eval.other, err) || copy_disputes(e, r, err))
        return -1;
    *copy = *score;
    e->eval.score = copy;
    e->eval.n_category = r->n_category;
    e->eval.n_other = r->n_other;
    return 0;
}

static int record(const struct rig *rig, const struct stage *st, struct book *book, size_t i,
                  const struct eval_result *r, struct vac_err *err)
{
    struct steer *steer = book->steer;
    struct vac_eval score;
    struct vac_event e = {0};
    struct vac_err unsaid = {0};
    struct strbuf s = {0};
    struct json_out o = json_out(&s);
    struct patience p = {.steer = steer, .what = "evaluation files"};
    char label[VAC_NAME + 32], *dir = folder_path(&book->folder, "eval", err);
    int rc = dir ? 0 : -1;

    eval_result_score(rig->eval[i], r, &score);
    score.step = (int64_t)steer->at->step;
    score.stage_step = (int64_t)st->done;
    snprintf(score.stage, sizeof score.stage, "%s", st->spec->name);
    control_writing(steer->ctl)->eval[i] = score;
    json_put_object(&o, NULL, JSON_TIGHT);
    score_history(&o, &score, r->other, r->n_other);
    json_put_end(&o);
    sb_putc(&s, '\n');
    snprintf(label, sizeof label, "%s-%llu", st->spec->name, (unsigned long long)st->done);
    while (dir && !book->shut && patience_left(&p, err))
        rc = p.rc = eval_result_write(rig->eval[i], r, dir, label, &p.why);
    free(dir);
    /* the line is last: what fails behind it would be measured, and written, again */
    if (rc == 0)
        rc = make_event(&e, &score, r, err) || book_line(book, LINES_HISTORY, &s, err) ? -1 : 0;
    if (rc == 0)
        chain_link(&book->chain, "evaluation", steer->at->step, &unsaid); /* else by the next one */
    if (rc == 0)
        control_event(steer->ctl, VAC_EVENT_EVAL, steer->answering, (int64_t)steer->at->step,
                      score.name, &e);
    vac_event_done(&e);
    sb_done(&s);
    return rc;
}

int watch_evaluate(const struct rig *rig, struct stage *st, struct book *book, size_t i,
                   struct vac_err *err)
{
    struct steer *steer = book->steer;
    struct eval_result r = {0};
    struct under_way x = {.steer = steer, .entry = i, .name = rig->spec.evaluate[i].name};
    struct vac_err why = {0};
    int rc;

    steer_show(steer, VAC_MEASURING, rig->spec.evaluate[i].name);
    rc =
        evaluation_run(rig->eval[i], st->gen, st->acts, st->acts_rows, &r, eval_progress, &x, &why);
    if (rc == 0) {
        rc = record(rig, st, book, i, &r, err);
    } else if (why.code == VAC_ERR_STOPPED) {
        control_writing(steer->ctl)->eval[i].done = 0;
        rc = 1;
    } else {
        rc = err_set(err, why.code, "evaluate %s at step %llu: %s", rig->spec.evaluate[i].name,
                     (unsigned long long)steer->at->step, why.msg);
    }
    eval_result_done(&r);
    return rc;
}

/* --- the fixed probes --- */

size_t watch_questions(const struct rig *rig, const struct stage *st, struct ask *a)
{
    size_t n = 0;

    for (; n < rig->suite.rows.n; n++)
        a[n] = (struct ask){.said = rig->suite.said[n],
                            .prompt = &rig->suite.prompt[n],
                            .how = {.max_new_tokens = (size_t)rig->spec.watch.probes_tokens,
                                    .top_p = 1,
                                    .stop = rig->stops.id,
                                    .n_stop = rig->stops.n}};
    for (size_t i = 0; i < rig->own.n; i++)
        if (rig->own.v[i].prompt.n + 1 < generator_context(st->gen))
            ask_again(&rig->own.v[i], &a[n++]);
    return n;
}

static enum generate_next until_wanted(void *ctx, size_t i, int32_t id)
{
    struct control *ctl = ctx;

    (void)i;
    (void)id;
    return atomic_load(&ctl->waiting) ? GENERATE_END_ALL : GENERATE_ON;
}

/* Lines for the file: the suite is one event, each of the user's own one of its own. */
static int suite_write(const struct rig *rig, const struct stage *st, struct book *book,
                       struct ask *a, size_t n, struct vac_event *e, struct vac_event *own,
                       struct vac_err *err)
{
    size_t n_suite = rig->suite.rows.n;
    struct vac_probe *probe = event_alloc(e, n_suite, sizeof *probe, err);

    for (size_t i = 0; probe && i < n; i++) {
        struct vac_event *to = i < n_suite ? e : &own[i - n_suite];
        struct vac_probe *told = i < n_suite ? &probe[i] : event_alloc(to, 1, sizeof *told, err);
        int last = i < n_suite ? rig->suite.verdict[i] : -1;

        a[i].step = (int64_t)book->steer->at->step;
        a[i].stage_step = (int64_t)st->done;
        a[i].told.suite = i < n_suite;
        a[i].told.changed = last >= 0 && last != (int)a[i].verdict;
        if (!told || ask_write(book, st, &a[i], i < n_suite ? "suite" : "own", to, err))
            return -1;
        *told = a[i].told;
        to->probes.v = i < n_suite ? probe : told;
        to->probes.n++;
    }
    return probe ? 0 : -1;
}

static void suite_tell(struct rig *rig, struct steer *steer, const struct ask *a, size_t n,
                       struct vac_event *e, struct vac_event *own, uint64_t id)
{
    size_t n_suite = rig->suite.rows.n;

    rig->suite.turned = NULL;
    for (size_t i = n_suite; i-- > 0;) {
        if (rig->suite.verdict[i] == VERDICT_REFUSED && a[i].verdict == VERDICT_ANSWERED)
            rig->suite.turned = rig->suite.said[i];
        rig->suite.verdict[i] = (int)a[i].verdict;
    }
    control_event(steer->ctl, VAC_EVENT_SUITE, id, (int64_t)steer->at->step, "", e);
    for (size_t i = n_suite; i < n; i++)
        control_event(steer->ctl, VAC_EVENT_PROBE_END, 0, (int64_t)steer->at->step, "",
                      &own[i - n_suite]);
}

int watch_suite(struct rig *rig, struct stage *st, struct book *book, uint64_t id,
                struct vac_err *err)
{
    struct steer *steer = book->steer;
    size_t n = rig->suite.rows.n + rig->own.n;
    struct ask *a = mem_new(n, sizeof *a, err);
    struct vac_event e = {0}, *own = mem_new(rig->own.n, sizeof *own, err);
    int rc = -1;

    if (!a || !own || book_begin(book, err))
        goto out;
    steer_show(steer, VAC_MEASURING, "probe suite");
    n = watch_questions(rig, st, a);
    rc = ask_questions(rig, st, a, n, until_wanted, steer->ctl, err);
    if (rc == 0 && atomic_load(&steer->ctl->waiting))
        rc = 1;
    if (rc == 0 && (ask_rate(rig, st, a, n, err) || suite_write(rig, st, book, a, n, &e, own, err)))
        rc = -1;
    rc = book_end(book, rc, err);
    if (rc == 0)
        suite_tell(rig, steer, a, n, &e, own, id);
out:
    for (size_t i = 0; a && i < n; i++)
        ask_done(&a[i]);
    for (size_t i = 0; own && i < rig->own.n; i++)
        vac_event_done(&own[i]);
    vac_event_done(&e);
    free(own);
    free(a);
    return rc;
}
