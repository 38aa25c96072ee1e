/* steer.c - see steer.h */
#include "run/steer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/columns.h"
#include "run/control.h"
#include "rig/rig.h"
#include "run/stage.h"
#include "spec/due.h"
#include "spec/spec_until.h"

const char *const vac_state_names[] = {"loading", "running", "paused", "measuring",
                                       "done",    "stopped", "failed", NULL};

void steer_opened(struct steer *steer)
{
    const struct rig *rig = steer->rig;
    struct vac_snapshot *s = control_writing(steer->ctl);
    const char *model = rig->spec.model ? path_base(rig->spec.model) : "random";

    snprintf(s->model, sizeof s->model, "%s", model);
    point_clear(&s->last);
    layers_clear(&s->layers);
    s->drift_step = s->watch_step = s->checkpoint_step = s->healthy_step = -1;
    s->n_evals = (int)rig->spec.n_evaluate;
    for (size_t i = 0; i < rig->spec.n_evaluate; i++) {
        const struct evaluate_spec *e = &rig->spec.evaluate[i];
        s->eval[i] = (struct vac_eval){.step = -1,
                                       .value = NAN,
                                       .lo = NAN,
                                       .hi = NAN,
                                       .is_rate = evaluation_is_rate(rig->eval[i])};
        snprintf(s->eval[i].name, sizeof s->eval[i].name, "%s", e->name);
    }
}

/* --- how it stands --- */

static double resident_bytes(void)
{
    long pages = 0, size = sysconf(_SC_PAGESIZE);
    size_t len;
    char *text = file_read("/proc/self/statm", 4096, &len, NULL);

    if (text)
        sscanf(text, "%*s %ld", &pages);
    free(text);
    return (double)pages * (double)size;
}

/* Seconds of what is still to be measured. An entry that was not measured yet takes as long for each
 * prompt as the others do. */
static double measuring_left(const struct rig *rig, const struct stage *st,
                             const struct progress *at)
{
    const struct run_spec *s = &rig->spec;
    double known = 0, prompts = 0, sum = 0;

    for (size_t i = 0; i < s->n_evaluate; i++) {
        known += at->eval_s[i];
        prompts += at->eval_s[i] > 0 ? (double)evaluation_size(rig->eval[i]) : 0;
    }
    for (size_t k = st->open ? st->index : 0; k < s->n_stages; k++) {
        bool here = st->open && k == st->index;
        uint64_t total = here ? st->end : rig->stage_total[k];
        int64_t done = here ? (int64_t)st->done : -1;

        for (size_t i = 0; i < s->n_evaluate; i++) {
            double one = at->eval_s[i];

            if (!(one > 0) && prompts > 0)
                one = known / prompts * (double)evaluation_size(rig->eval[i]);
            sum += one * (double)due_evaluations(s, &s->stage[k], i, total, done);
        }
        sum += at->suite_s * (double)due_suites(s, total, done) +
               at->reading_s * (double)due_readings(s, total, done) +
               at->attack_s * (double)due_attacks(s, k, total, done);
    }
    return sum;
}

static void show_until(struct vac_snapshot *s, const struct rig *rig, const struct stage *st)
{
    struct strbuf text = {0};

    spec_until_text(&text, &rig->spec, st->spec);
    snprintf(s->until, sizeof s->until, "%.*s", (int)sizeof s->until - 1, text.s ? text.s : "");
    s->passed = spec_until_passed(&st->spec->until, st->passed);
    s->passed_want = st->spec->until.times;
    sb_done(&text);
}

/* Told of quick steps too, a screen would draw ten times as many frames. */
void steer_hear(void *ctx, const struct step *step, size_t b)
{
    enum { LONG = 1 };
    struct steer *steer = ctx;
    struct vac_snapshot *s = control_writing(steer->ctl);

    s->pass = (int)step->pass;
    s->micro = (int)b + 1;
    s->n_micro = (int)step->n_batch;
    if (clock_now() - steer->step_at >= LONG)
        control_publish(steer->ctl);
}

/* A method that perturbs nothing leaves it empty, and leaves out no layer. */
static void show_mask(struct vac_snapshot *s, const bool *mask)
{
    bool any = false;

    for (int i = 0; mask && i < s->n_layers; i++)
        any |= mask[i];
    for (int i = 0; mask && i < s->n_layers; i++)
        s->mask[i] = mask[i] || !any;
}

void steer_show(struct steer *steer, enum vac_state state, const char *reason)
{
    const struct rig *rig = steer->rig;
    const struct progress *at = steer->at;
    const struct stage *st = steer->st;
    struct vac_snapshot *s = control_writing(steer->ctl);
    bool changed = s->state != state;
    double left;

    s->state = state;
    snprintf(s->reason, sizeof s->reason, "%s", reason ? reason : "");
    s->fault = state == VAC_PAUSED && steer->fault;
    s->n_stages = (int)rig->spec.n_stages;
    if (st->open && st->total) {
        snprintf(s->stage, sizeof s->stage, "%s", st->spec->name);
        snprintf(s->method, sizeof s->method, "%s", st->spec->method->name);
        s->stage_index = (int)st->index;
        s->stage_step = (int64_t)st->done;
        s->stage_steps = (int64_t)st->end;
        s->n_layers = (int)rig_layers(rig);
        show_until(s, rig, st);
        show_mask(s, st->step.mask);
    }
    s->pass = s->micro = s->n_micro = 0;
    s->step = (int64_t)at->step;
    s->total_steps = at->total_steps;
    s->steps_left = steer->steps_left;
    s->steps_per_s = at->ms_average > 0 ? 1000 / at->ms_average : NAN;
    s->tokens_per_s = at->ms_average > 0 ? 1000 * at->tokens_average / at->ms_average : NAN;
    left = (double)(at->total_steps - (int64_t)at->step);
    s->eta_s =
        at->ms_average > 0 ? left * at->ms_average / 1000 + measuring_left(rig, st, at) : NAN;
    s->rss_bytes = resident_bytes();
    s->threads = rig->c ? rig->c->threads : 0;
    s->checkpoint_step = at->saved_step;
    s->checkpoint_age = at->saved_step >= 0 ? clock_now() - at->saved_at : 0;
    guards_show(steer->guards, s);
    control_publish(steer->ctl);
    if (changed)
        control_event(steer->ctl, VAC_EVENT_STATE, 0, (int64_t)at->step, vac_state_names[state],
                      NULL);
}

void steer_break(struct steer *steer, const struct vac_err *why)
{
    if (!steer->quit && !steer->broken.code)
        steer->broken = *why;
}
