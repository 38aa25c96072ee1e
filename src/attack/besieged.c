/* besieged.c - see besieged.h */
#include "attack/besieged.h"

#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "attack/battery.h"
#include "attack/siege.h"
#include "base/stopwatch.h"
#include "record/journal.h"
#include "run/book.h"
#include "run/checkpoint.h"
#include "run/trainer.h"

/* How often a trainer that waits looks whether it is to end. */
#define LOOK_EVERY_MS 200

/* --- of a run that makes them by itself --- */

/* Steps of one that are set, or those of the stage. */
static int64_t steps_of(const struct battery_attack *a, int64_t own)
{
    int64_t steps = own;

    for (size_t i = 0; i < a->set.n; i++) {
        const char *at = strstr(a->set.v[i], ".steps=");

        if (at && at[7] >= '1' && at[7] <= '9')
            steps = strtoll(at + 7, NULL, 10);
    }
    return steps;
}

int besieged_plan(const struct run_spec *s, int64_t own, int64_t *attacks, int64_t *steps,
                  struct vac_err *err)
{
    const struct stage_spec *st = &s->stage[s->attack.stage];
    struct attack_on on = {.stage = st->name};
    struct battery b = {.v = NULL};
    cJSON *config;
    int rc;

    *attacks = 1;
    *steps = s->attack.steps ? s->attack.steps : own;
    if (s->attack.samples && !s->attack.steps && !st->steps && st->samples)
        *steps = (int64_t)ceil((double)own * (double)s->attack.samples / (double)st->samples);
    if (!s->attack.battery)
        return 0;
    on.config = config = cJSON_CreateObject();
    rc = json_add(config, "spec", json_copy(s->json, err), err);
    if (rc == 0)
        rc = battery_read(&b, s->attack.battery, &on, err);
    *attacks = (int64_t)b.n;
    *steps = 0;
    for (size_t i = 0; i < b.n; i++)
        *steps += steps_of(&b.v[i], own);
    if (s->attack.budget || b.budget) {
        int64_t budget = s->attack.budget ? s->attack.budget : b.budget;

        *steps = budget < *steps ? budget : *steps;
    }
    battery_done(&b);
    cJSON_Delete(config);
    return rc;
}

/* --- of a trainer that waits for it --- */

static int see_through(struct trainer *t, struct vac_siege *s, struct vac_err *err)
{
    int rc;

    while ((rc = vac_siege_go(s, err)) > 0) {
        struct pollfd p = {.fd = vac_siege_fd(s), .events = POLLIN};

        control_writing(t->steer.ctl)->attack = *vac_siege_now(s);
        steer_show(&t->steer, VAC_MEASURING, vac_siege_text(s));
        if (atomic_load(&t->steer.ctl->waiting))
            return 1;
        if (p.fd >= 0)
            poll(&p, 1, LOOK_EVERY_MS);
    }
    return rc;
}

int besieged_run(struct trainer *t, const char *words, const char *who, struct vac_err *err)
{
    struct attack_words w = {.at = ""};
    const char *run = t->book.folder.dir;
    struct vac_siege *s = NULL;
    struct journal_entry e = {
        .applied = true, .applied_step = (int64_t)t->at.step, .who = who, .verb = JOURNAL_ATTACK};
    bool runs = t->steer.watch.since > 0, present = false;
    int rc = words ? words_read(&w, words, err) : 0;

    stopwatch_hold(&t->steer.watch);
    steer_show(&t->steer, VAC_MEASURING, "an attack is made ready");
    if (!words)
        w.spec = t->rig.spec.attack;
    if (rc == 0 && words)
        rc = siege_check(run, &w, t->st.index, (int64_t)t->at.step, &present, err);
    if (rc == 0 && present && t->at.saved_step != (int64_t)t->at.step)
        rc = checkpoint_save_now(t, err);
    if (rc == 0)
        rc = siege_open(&s, run, &w, words ? -1 : (int64_t)t->at.step, who, err);
    if (rc == 0)
        rc = see_through(t, s, err);
    if (words)
        words_done(&w);
    e.key = s && *vac_siege_now(s)->dir ? vac_siege_now(s)->dir : NULL;
    e.status = rc < 0 ? "failed" : rc ? "left" : NULL;
    e.reason = rc < 0 ? err->msg : s ? vac_siege_text(s) : NULL;
    if (s || !words) /* a command that was refused is answered, and has done nothing */
        book_tell(&t->book, &e);
    if (rc == 0)
        control_event(t->steer.ctl, VAC_EVENT_ATTACK, t->steer.answering, (int64_t)t->at.step,
                      vac_siege_text(s), NULL);
    vac_siege_close(s);
    control_writing(t->steer.ctl)->attack = (struct vac_siege_now){.at = 0};
    if (runs)
        stopwatch_go(&t->steer.watch);
    t->steer.step_at = clock_now();
    return rc;
}
