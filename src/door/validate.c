/* validate.c - see validate.h */
#include "door/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attack/besieged.h"
#include "compute/speed.h"
#include "door/crowd.h"
#include "run/control.h"
#include "run/ask.h"
#include "run/memory.h"
#include "run/stage.h"
#include "run/trainer.h"
#include "run/warnings.h"
#include "run/watch.h"
#include "spec/due.h"
#include "spec/spec_until.h"

#define SPEED_SECONDS 0.2
/* Share of the products' speed that a whole step reaches, roughly. */
#define STEP_SHARE 0.6
/* Steps that the arithmetic lets expect to be quicker than this are made, for that many seconds:
 * much of a small model's time is no arithmetic. */
#define REHEARSE_BELOW 0.5
#define REHEARSE_SECONDS 0.25
/* Share of a forward pass in a step over the same rows, which goes back as well. */
#define FORWARD_SHARE 0.35
/* As long is each entry of "evaluate" asked, and are the fixed probes. */
#define ASK_SECONDS 0.15
/* Where others use the processors so much, all that is as many times longer: their turns even out, and
 * waiting threads have seen that they had better sleep (compute/wait.c). */
#define PATIENCE 6

/* What the stages so far leave for the next to lie on. */
struct outlook {
    struct lora_spec *lora; /* [n] adapters, from the base or the last full weights on */
    char **targets;         /* [n] what their specs borrow */
    size_t n;
    bool widened;
};
struct validate_work {
    struct control ctl;
    struct trainer t;
    double patience; /* how many times longer than on processors of one's own things are tried */
    struct model *stage; /* of the rehearsals: trained stage by stage as the run's will be */
    bool skipped;        /* a stage was not rehearsed, so none after it can be */
};

/* --- memory --- */

/* The stage's own adapter joins those of the stages before. */
static int look_ahead(struct outlook *o, const struct model *m, const struct stage_spec *s,
                      struct vac_err *err)
{
    if (s->full)
        return 0;
    if (s->adapter == ADAPTER_SAME && !s->lora.init) {
        if (s->lora.dropout_given)
            o->lora[o->n - 1].dropout = s->lora.dropout;
        return 0;
    }
    free(o->targets[o->n]); /* of a stage before one that trained all weights */
    o->n++;
    return memory_adapter(m, s, &o->lora[o->n - 1], &o->targets[o->n - 1], err);
}

static int plan_stage(struct validation *v, size_t i, struct outlook *o, struct vac_err *err)
{
    struct validate_stage *x = &v->stage[i];
    struct plan_next next = {.widened = o->widened, .lora = o->lora, .full = x->spec->full};

    if (look_ahead(o, v->work->t.rig.m, x->spec, err))
        return err_prefix(err, "stages[%zu].lora", i);
    next.n_lora = o->n;
    if (memory_plan(&v->work->t.rig, &v->work->t.st, &next, &x->plan, &x->trained, err))
        return err_prefix(err, "stages[%zu].lora", i);
    if (v->refused.code == 0 && plan_check(&x->plan, v->available, &v->refused))
        err_prefix(&v->refused, "stages[%zu]", i);
    if (x->spec->full) {
        o->widened = true;
        o->n = 0;
    }
    return 0;
}

/* --- time --- */

/* Multiplications and additions of one pass forward and back over the average sample. Frozen
 * weights need no gradient of their own; the head sees labelled rows only; of causal attention half
 * is computed. */
static double sample_flops(const struct validate_stage *x, const struct config *c,
                           uint64_t parameters)
{
    double n = (double)x->samples, tokens = (double)x->tokens / n, labels = (double)x->labels / n;
    double embed = (double)c->V * (double)c->P * (c->tied ? 1 : 2);
    double inside = fmax(0, (double)parameters - embed), heads = (double)c->H * (double)c->E;
    double weights =
        (x->spec->full ? 6 : 4) * inside + (x->spec->full ? 0 : 6 * (double)x->trained);
    double attention = 7 * heads * tokens * (double)c->L;
    double head = (x->spec->full ? 6 : 4) * (double)c->V * (double)c->P;

    return tokens * (weights + attention) + labels * head;
}

static void guess_time(struct validation *v, struct validate_stage *x)
{
    const struct method *m = x->spec->method;
    double passes = m->cost ? m->cost(x->spec->options) : 1;

    x->flops = passes * (double)x->steps * (double)x->samples / (double)x->steps_per_epoch *
               sample_flops(x, model_config(v->work->t.rig.m), v->parameters);
    x->seconds = v->gflops > 0 ? x->flops / (1e9 * STEP_SHARE * v->gflops) : 0;
}

/* --- the time of what is measured --- */

struct asked {
    double begun, seconds;
    size_t done, n;
};

/* Answers that are made together end together: the time of one is known when the next token belongs to
 * none of them. */
static int enough(void *ctx, size_t done, size_t n)
{
    struct asked *a = ctx;
    bool more = done > a->done;

    a->done = done;
    a->n = n;
    return !more && done > 0 && clock_now() - a->begun > a->seconds;
}

/* Counts tokens, which an answer may have at most so many of: without an end there are that many. */
static enum generate_next enough_tokens(void *ctx, size_t i, int32_t id)
{
    struct asked *a = ctx;

    (void)i;
    (void)id;
    a->done++;
    return clock_now() - a->begun > a->seconds ? GENERATE_END_ALL : GENERATE_ON;
}

/* Seconds of one round of the fixed probes; 0 = there are none. */
static double ask_suite(struct trainer *t, double seconds)
{
    struct suite *suite = &t->rig.suite;
    struct ask *a = mem_new(suite->rows.n, sizeof *a, NULL);
    size_t n = a ? watch_questions(&t->rig, &t->st, a) : 0;
    struct asked so_far = {
        .begun = clock_now(), .seconds = seconds, .n = n * (size_t)t->rig.spec.watch.probes_tokens};
    double took = 0;

    if (n && ask_questions(&t->rig, &t->st, a, n, enough_tokens, &so_far, NULL) == 0) {
        took = clock_now() - so_far.begun;
        if (took > seconds && so_far.done)
            took *= (double)so_far.n / (double)so_far.done;
        else if (ask_rate(&t->rig, &t->st, a, n, NULL) == 0)
            took = clock_now() - so_far.begun;
    }
    for (size_t i = 0; i < n; i++)
        ask_done(&a[i]);
    free(a);
    return took;
}

/* A few questions of every entry that was not asked yet, and of the fixed probes, on the stage that is
 * rehearsed. How long the answers are hangs on how far it is trained: this is the time of a beginning. */
static void ask_some(struct validation *v)
{
    struct trainer *t = &v->work->t;
    struct stage *st = &t->st;
    size_t slots, context = memory_generator(&t->rig, st, &slots);
    double seconds = ASK_SECONDS * v->work->patience;

    if (!t->rig.tok || !(st->gen = generator_new(t->rig.m, slots, context, NULL)))
        return;
    for (size_t i = 0; i < v->n_evaluate; i++) {
        struct asked a = {.begun = clock_now(), .seconds = seconds};
        struct eval_result r = {0};

        if (v->evaluate[i].seconds > 0 || !watch_applies(&t->rig, st, i) ||
            !evaluation_is_rate(t->rig.eval[i]))
            continue;
        if (evaluation_run(t->rig.eval[i], st->gen, st->acts, st->acts_rows, &r, enough, &a,
                           NULL) == 0)
            eval_result_done(&r);
        if (a.done)
            v->evaluate[i].seconds = (clock_now() - a.begun) * (double)a.n / (double)a.done;
    }
    if (v->suite <= 0)
        v->suite = ask_suite(t, seconds);
}

/* Where nothing was asked, by the tokens and what a step's take: prompts at full length and half of
 * the longest answers, each token of which is a pass of its own. */
static void guess_measuring(struct validation *v, size_t index)
{
    const struct trainer *t = &v->work->t;
    const struct run_spec *s = &t->rig.spec;
    struct validate_stage *x = &v->stage[index];
    const struct method *m = x->spec->method;
    double passes = m->cost ? m->cost(x->spec->options) : 1;
    double each = (double)x->tokens / (double)x->samples,
           rows = each * (double)x->samples / (double)x->steps_per_epoch,
           token = FORWARD_SHARE * x->seconds / ((double)x->steps * rows * passes), answer;
    size_t probe = 0;

    for (size_t i = 0; i < v->n_evaluate; i++) {
        const struct evaluate_spec *e = &s->evaluate[i];
        double prompts = (double)v->evaluate[i].prompts;

        answer = v->evaluate[i].longest
                     ? (double)v->evaluate[i].longest + 0.5 * (double)e->max_new_tokens
                     : each;
        if (!(v->evaluate[i].seconds > 0))
            v->evaluate[i].seconds = prompts * answer * token;
        x->measuring +=
            v->evaluate[i].seconds * (double)due_evaluations(s, x->spec, i, x->steps, -1);
    }
    for (size_t i = 0; i < t->rig.suite.rows.n; i++)
        probe += t->rig.suite.prompt[i].n + (size_t)s->watch.probes_tokens / 2;
    if (!(v->suite > 0))
        v->suite = (double)probe * token;
    x->reading = token * (double)(t->rig.drift_set.tokens + t->rig.align_set.tokens +
                                  t->rig.harmful_set.tokens);
    x->measuring += v->suite * (double)due_suites(s, x->steps, -1) +
                    x->reading * (double)due_readings(s, x->steps, -1);
    v->measuring += x->measuring;
}

static struct model *another_model(struct trainer *t, struct vac_err *err)
{
    struct jnode root = json_root(t->rig.spec.config, "config");

    return t->rig.spec.init_random ? model_random(&root, t->rig.spec.seed, t->rig.c, err)
                                   : model_open(t->rig.spec.model, t->rig.c, err);
}

/* A few steps on a model of its own; where that does not work the guess stays. */
static void rehearse(struct validation *v, struct validate_stage *x)
{
    struct validate_work *w = v->work;
    struct trainer *t = &w->t;
    struct model *own = t->rig.m;
    double per_step = 0;

    w->skipped |= v->refused.code || x->seconds > REHEARSE_BELOW * (double)x->steps;
    if (!w->skipped && !w->stage)
        w->stage = another_model(t, NULL);
    if (w->skipped || !w->stage)
        return;
    t->rig.m = w->stage;
    if (stage_rehearse(&t->st, &t->rig, REHEARSE_SECONDS * w->patience, &per_step, NULL) == 0) {
        x->seconds = per_step * (double)x->steps;
        x->rehearsed = true;
        ask_some(v);
    }
    w->skipped = !x->rehearsed;
    stage_close(&t->st, &t->rig);
    t->rig.m = own;
}

/* --- data --- */

/* Counts a stream's samples by the file they are from. */
static void count_files(struct validate_file *file, const struct stream_spec *spec,
                        const struct dataset *d)
{
    for (size_t i = 0; i < spec->n; i++) {
        file[i].path = spec->file[i].file;
        file[i].harmful = spec->file[i].harmful;
    }
    for (size_t i = 0; i < d->n; i++) {
        const char *from = d->file[d->sample[i].source];
        for (size_t k = 0; k < spec->n; k++) {
            if (strcmp(file[k].path, from) || file[k].harmful != d->sample[i].harmful)
                continue;
            file[k].samples++;
            file[k].tokens += d->sample[i].n;
            file[k].labels += d->sample[i].n_labels;
            break;
        }
    }
}

static int look_at_data(struct validation *v, size_t i, struct vac_err *err)
{
    struct validate_stage *x = &v->stage[i];
    struct trainer *t = &v->work->t;
    const struct dataset *d = &t->st.stream[0].data;
    uint64_t per = (uint64_t)(t->rig.spec.stage[i].batch_size * t->rig.spec.stage[i].accumulate);
    struct data_counts counts;

    x->spec = &t->rig.spec.stage[i];
    for (size_t k = 0; k < x->spec->n_streams; k++)
        x->n_files += x->spec->stream[k].n;
    x->file = mem_new(x->n_files, sizeof *x->file, err);
    if (!x->file || stage_data(&t->st, &t->rig, i, 0, err))
        return -1;
    for (size_t k = 0, at = 0; k < x->spec->n_streams; at += x->spec->stream[k++].n)
        count_files(x->file + at, &x->spec->stream[k], &t->st.stream[k].data);
    x->rows = d->rows_seen;
    x->cut = d->rows_cut;
    x->skipped = d->rows_skipped;
    x->samples = d->n;
    x->tokens = d->tokens;
    x->labels = d->labels;
    x->longest = d->longest;
    x->steps = t->st.total;
    x->steps_per_epoch = (d->n + per - 1) / per;
    x->epochs = (double)x->steps / (double)x->steps_per_epoch;
    v->steps += x->steps;
    spec_until_text(&x->until, &t->rig.spec, x->spec);
    x->until_every = spec_until_every(&t->rig.spec, x->spec);
    if (sb_ok(&x->until, err))
        return -1;
    counts = warnings_count(&t->st);
    return warnings_of_stage(&t->rig, i, &counts, &x->warnings, err);
}

/* Attacks on forks: their time, and what one needs beside a stage, but for the base, which is there already. */
static int look_at_attacks(struct validation *v, struct vac_err *err)
{
    const struct run_spec *s = v->spec;
    const struct validate_stage *x = &v->stage[s->attack.stage];
    int64_t n, steps;
    double one;
    uint64_t base = 0;

    if (!s->attack.every)
        return 0;
    if (besieged_plan(s, (int64_t)x->steps, &n, &steps, err))
        return -1;
    one = (double)steps * x->seconds / (double)x->steps;
    for (size_t i = 0; i < v->n_evaluate; i++)
        one += (double)n * v->evaluate[i].seconds *
               (double)due_evaluations(s, x->spec, i, (uint64_t)(steps / n), -1);
    one += (double)n * (v->suite * (double)due_suites(s, (uint64_t)(steps / n), -1) +
                        x->reading * (double)due_readings(s, (uint64_t)(steps / n), -1));
    for (size_t i = 0; i < x->plan.n; i++)
        base += strcmp(x->plan.row[i].what, PLAN_BASE) == 0 ? x->plan.row[i].bytes : 0;
    for (size_t k = 0; k < s->attack.stage; k++) {
        uint64_t times = due_attacks(s, k, v->stage[k].steps, 0);

        if (times == 0)
            continue;
        v->attacks += times * (uint64_t)n;
        v->attacking += (double)times * one;
        plan_add(&v->stage[k].plan, "an attack on a fork, beside it", x->plan.total - base,
                 "leave attack.every out, and attack when it is done");
        if (v->refused.code == 0 && plan_check(&v->stage[k].plan, v->available, &v->refused))
            err_prefix(&v->refused, "stages[%zu]", k);
    }
    return 0;
}

static int look_at_stages(struct validation *v, struct outlook *o, struct vac_err *err)
{
    struct trainer *t = &v->work->t;

    for (size_t i = 0; i < v->n_stages; i++) {
        int rc = look_at_data(v, i, err) || plan_stage(v, i, o, err) ? -1 : 0;
        if (rc == 0) {
            guess_time(v, &v->stage[i]);
            rehearse(v, &v->stage[i]);
            guess_measuring(v, i);
            v->seconds += v->stage[i].seconds;
        }
        stage_data_done(&t->st);
        if (rc)
            return -1;
    }
    return look_at_attacks(v, err);
}

/* --- the whole --- */

static void look_at_rest(struct validation *v)
{
    struct trainer *t = &v->work->t;
    const struct config *c = model_config(t->rig.m);
    size_t rows = t->rig.spec.max_length > 0 ? (size_t)t->rig.spec.max_length : 256;

    v->spec = &t->rig.spec;
    v->parameters = model_count(t->rig.m);
    v->threads = t->rig.c->threads;
    v->available = plan_available();
    v->gflops = speed_of_products(t->rig.c, (struct sides){false, true, rows, c->D, c->F},
                                  SPEED_SECONDS, false);
    for (size_t i = 0; i < v->n_evaluate; i++) {
        v->evaluate[i] = (struct validate_evaluate){.name = t->rig.spec.evaluate[i].name,
                                                    .prompts = evaluation_size(t->rig.eval[i]),
                                                    .longest = evaluation_longest(t->rig.eval[i])};
        evaluation_warning(t->rig.eval[i], &v->evaluate[i].warning);
    }
}

static int look(struct validation *v, struct vac_err *err)
{
    const struct run_spec *s = &v->work->t.rig.spec;
    struct outlook o = {0};
    struct crowd crowd;
    int rc = -1;

    v->n_stages = s->n_stages;
    v->n_evaluate = s->n_evaluate;
    v->stage = mem_new(v->n_stages, sizeof *v->stage, err);
    v->evaluate = mem_new(v->n_evaluate, sizeof *v->evaluate, err);
    o.lora = mem_new(v->n_stages, sizeof *o.lora, err);
    o.targets = mem_new(v->n_stages, sizeof *o.targets, err);
    if (v->stage && v->evaluate && o.lora && o.targets) {
        crowd_begin(&crowd);
        look_at_rest(v);
        v->work->patience = crowd_now(&crowd) >= VALIDATE_CROWDED ? PATIENCE : 1;
        crowd_begin(&crowd);
        rc = look_at_stages(v, &o, err);
        v->crowd = crowd_now(&crowd);
    }
    for (size_t i = 0; o.targets && i < v->n_stages; i++)
        free(o.targets[i]);
    free(o.lora);
    free(o.targets);
    return rc;
}

int validate_open(struct validation *v, const char *file, const char *const *set, size_t n_set,
                  struct vac_err *err)
{
    struct vac_open how = {.file = file};

    *v = (struct validation){.work = mem_new(1, sizeof *v->work, err)};
    if (!v->work)
        return -1;
    trainer_init(&v->work->t, &v->work->ctl);
    if (control_init(&v->work->ctl, err)) {
        free(v->work);
        v->work = NULL;
        return -1;
    }
    if (spec_read(&v->work->t.rig.spec, file, set, n_set, err) ||
        trainer_open(&v->work->t, &how, err)) {
        validate_done(v);
        return -1;
    }
    if (look(v, err)) {
        spec_blame_file(err);
        err_prefix(err, "%s", file);
        validate_done(v);
        return -1;
    }
    return 0;
}

void validate_done(struct validation *v)
{
    for (size_t i = 0; v->stage && i < v->n_stages; i++) {
        free(v->stage[i].file);
        sb_done(&v->stage[i].warnings);
        sb_done(&v->stage[i].until);
    }
    for (size_t i = 0; v->evaluate && i < v->n_evaluate; i++)
        sb_done(&v->evaluate[i].warning);
    free(v->stage);
    free(v->evaluate);
    if (v->work) {
        model_close(v->work->stage);
        trainer_close(&v->work->t);
        control_done(&v->work->ctl);
    }
    free(v->work);
    *v = (struct validation){0};
}
