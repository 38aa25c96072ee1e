/* siege.c - see siege.h; vac_siege_* are declared in vaccine.h. */
#include "attack/siege.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attack/battery.h"
#include "base/io.h"
#include "fork/attack.h"
#include "record/config.h"
#include "record/folder.h"

struct vac_siege {
    char *run, *dir; /* what is attacked; the folder of the attack at work */
    char who[VAC_NAME], at[VAC_NAME], *file; /* and what a course borrows */
    struct vac_course *course;               /* of a battery */
    struct vac_session *session; /* of the attack at work; NULL = the next one is to be begun */
    struct vac_leg leg;
    uint64_t measuring; /* its command before it is left */
    bool made;          /* it was made before: nothing is to be run */
    struct vac_siege_now now;
    char text[VAC_SIEGE_TEXT];
};

/* --- the beginning --- */

static int take_dir(struct vac_siege *s, const char *dir, struct vac_err *err)
{
    size_t inside = strlen(s->run);

    free(s->dir);
    s->dir = mem_strdup(dir, err);
    snprintf(s->now.dir, sizeof s->now.dir, "%s",
             !strncmp(dir, s->run, inside) && dir[inside] == '/' ? dir + inside + 1 : dir);
    return s->dir ? 0 : -1;
}

static int begin_session(struct vac_siege *s, struct vac_err *err)
{
    struct vac_open o = {.file = s->dir, .paused = s->leg.upto > 0};
    char until[64];

    snprintf(s->now.name, sizeof s->now.name, "%s", s->leg.name);
    s->now.number = (int64_t)s->leg.number;
    s->now.of = (int64_t)s->leg.of;
    s->now.step = s->now.steps = 0;
    s->measuring = 0;
    if (vac_session_open(&s->session, &o, err) || vac_session_start(s->session, err))
        return -1;
    if (!s->leg.upto)
        return 0;
    snprintf(until, sizeof until, "step >= %lld", (long long)s->leg.upto);
    return vac_command(s->session,
                       &(struct vac_command){.op = VAC_OP_RUN_UNTIL, .text = until, .who = s->who},
                       NULL, err);
}

/* The folder of the run's own attack on a step: 1 = it was begun on the weights that the step has now, 0 = the name is
 * free. Free it. */
static int own_folder(const char *run, int64_t step, char **out, struct vac_err *err)
{
    char name[64];

    for (int k = 1;; k++) {
        snprintf(name, sizeof name, k == 1 ? "attacks/every-at-%lld" : "attacks/every-at-%lld-%d",
                 (long long)step, k);
        *out = path_join(run, name, err);
        if (!*out)
            return -1;
        if (path_missing(*out))
            return 0;
        if (attack_is_of(*out, run, step))
            return 1;
        free(*out);
    }
}

/* It has ended: what it came to is kept, if it was not. */
static int keep_made(const struct vac_siege *s, struct vac_err *err)
{
    cJSON *config = run_config(s->dir, err);
    struct vac_attack *told = NULL;
    size_t n = 0;
    int rc = config ? vac_run_attacks(s->run, &told, &n, err) : -1;
    bool known = false;

    for (size_t i = 0; i < n; i++)
        known |= !strcmp(told[i].dir, s->now.dir);
    if (rc == 0 && !known)
        rc = attack_tell(s->dir, config, err);
    free(told);
    cJSON_Delete(config);
    return rc;
}

static int begin_one(struct vac_siege *s, const struct attack_words *w, const cJSON *config,
                     int64_t own, struct vac_err *err)
{
    struct attack_on on = {.config = config};
    struct attack_sets set = {0};
    char *out = NULL;
    int begun = own >= 0 ? own_folder(s->run, own, &out, err) : 0, rc = -1;
    bool finished = false;

    if (begun < 0 || !(on.stage = attack_stage(config, s->run, NULL, err)) ||
        words_sets(&w->spec, &on, &set, err))
        goto out;
    if (begun) {
        s->now.at = own;
        rc = folder_finished(out, &finished, err);
    } else {
        struct vac_fork f = {.run = s->run,
                             .at = *s->at ? s->at : NULL,
                             .attack = on.stage,
                             .out = out,
                             .set = (const char *const *)set.v,
                             .n_set = set.n,
                             .who = s->who};

        rc = vac_fork(&f, err);
        s->now.at = f.step;
        free(out);
        out = rc ? NULL : mem_strdup(f.dir, err);
        rc = out ? 0 : -1;
    }
    s->made = finished;
    if (rc == 0)
        rc = take_dir(s, out, err) || (finished ? keep_made(s, err) : begin_session(s, err)) ? -1
                                                                                             : 0;
out:
    attack_sets_done(&set);
    free(out);
    return rc;
}

int siege_check(const char *run, const struct attack_words *w, size_t stage, int64_t step,
                bool *present, struct vac_err *err)
{
    cJSON *config = run_config(run, err);
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(run_config_spec(config), "stages");
    struct attack_on on = {.config = config};
    struct attack_sets set = {0};
    struct battery b = {.v = NULL};
    size_t at;
    int rc = config && (on.stage = attack_stage(config, run, NULL, err)) ? 0 : -1;

    *present = !*w->at || (isdigit((unsigned char)*w->at) && strtoll(w->at, NULL, 10) == step);
    if (rc == 0 && *present)
        rc = attack_place(stages, run, on.stage, stage + 1, (uint64_t)step, &at, err);
    if (rc == 0)
        rc = w->spec.battery ? battery_read(&b, w->spec.battery, &on, err)
                             : words_sets(&w->spec, &on, &set, err);
    battery_done(&b);
    attack_sets_done(&set);
    cJSON_Delete(config);
    return rc ? -1 : 0;
}

int vac_siege_check(const char *run, const char *words, int stage, int64_t step, bool *present,
                    struct vac_err *err)
{
    struct attack_words w;
    int rc = words_read(&w, words, err);

    if (rc == 0)
        rc = siege_check(run, &w, (size_t)stage, step, present, err);
    words_done(&w);
    return rc;
}

int siege_open(struct vac_siege **out, const char *run, const struct attack_words *w, int64_t own,
               const char *who, struct vac_err *err)
{
    struct vac_siege *s = mem_new(1, sizeof *s, err);
    cJSON *config = s ? run_config(run, err) : NULL;
    int rc = -1;

    *out = NULL;
    if (config && (s->run = mem_strdup(run, err)) &&
        (!w->spec.battery || (s->file = mem_strdup(w->spec.battery, err)))) {
        struct vac_battery_want want = {
            .run = s->run, .file = s->file, .budget = w->spec.budget, .who = s->who};

        snprintf(s->who, sizeof s->who, "%s", who ? who : "core");
        snprintf(s->at, sizeof s->at, "%s", w->at);
        if (own >= 0)
            snprintf(s->at, sizeof s->at, "%lld", (long long)own);
        want.at = *s->at ? s->at : NULL;
        rc = s->file ? vac_course_open(&s->course, &want, err) : begin_one(s, w, config, own, err);
    }
    cJSON_Delete(config);
    if (rc)
        vac_siege_close(s);
    else
        *out = s;
    return rc ? -1 : 0;
}

int vac_siege_open(struct vac_siege **out, const char *run, const char *words, const char *who,
                   struct vac_err *err)
{
    struct attack_words w;
    int rc = words_read(&w, words, err);

    *out = NULL;
    if (rc == 0)
        rc = siege_open(out, run, &w, -1, who, err);
    words_done(&w);
    return rc;
}

void vac_siege_close(struct vac_siege *s)
{
    if (!s)
        return;
    vac_session_close(s->session);
    vac_course_close(s->course);
    free(s->run);
    free(s->file);
    free(s->dir);
    free(s);
}

/* --- what is told --- */

const struct vac_siege_now *vac_siege_now(const struct vac_siege *s)
{
    return &s->now;
}

const char *vac_siege_text(const struct vac_siege *s)
{
    return s->text;
}

int vac_siege_fd(const struct vac_siege *s)
{
    return s->session ? vac_wakeup_fd(s->session) : -1;
}

__attribute__((format(printf, 3, 4))) static int say(struct vac_siege *s, int n, const char *fmt,
                                                     ...)
{
    va_list ap;

    if (n >= (int)sizeof s->text)
        return n;
    va_start(ap, fmt);
    n += vsnprintf(s->text + n, sizeof s->text - (size_t)n, fmt, ap);
    va_end(ap);
    return n;
}

/* "attack at step 40: steps to break 23.1 [15.0, -], HS 0.0 -> 58.0%" */
static int tell_one(struct vac_siege *s, struct vac_err *err)
{
    struct vac_attack *list = NULL;
    char broke[VAC_ATTACK_BROKE];
    size_t n = 0;
    int at;

    if (vac_run_attacks(s->run, &list, &n, err))
        return -1;
    while (n && strcmp(list[n - 1].dir, s->now.dir) != 0)
        n--;
    at = say(s, 0, "attack at step %lld: ", (long long)s->now.at);
    if (n)
        at = say(s, at, "steps to break %s", vac_attack_broke(&list[n - 1], broke));
    else
        say(s, at, "it is done, and nothing was kept of it");
    for (int i = 0; n && i < list[n - 1].n_scores; i++) {
        const struct vac_attack_score *x = &list[n - 1].score[i];
        double unit = x->e.is_rate ? 100 : 1;

        at = say(s, at, ", %.20s %.1f -> %.1f%s", x->e.name, unit * x->before, unit * x->e.value,
                 x->e.is_rate ? "%" : "");
    }
    free(list);
    return 0;
}

static int tell_battery(struct vac_siege *s, struct vac_err *err)
{
    struct vac_battery *v;
    char worst[VAC_BATTERY_WORST];
    size_t n;

    if (vac_run_batteries(s->run, false, &v, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(path_base(v[i].dir), vac_course_folder(s->course)))
            say(s, 0, "%s", vac_battery_worst(&v[i], worst));
    vac_batteries_done(v, n);
    return 0;
}

/* "attack at step 40: step 12 of 60, HS 32.0%, over_refusal 0.0%, drift 0.12, harmful loss 3.2", as far as it is
 * measured by now. */
static void tell_course(struct vac_siege *s, const struct vac_snapshot *p)
{
    const struct {
        const char *label;
        double x;
    } last[] = {{"drift", p->last.drift_mean}, {"harmful loss", p->last.harmful_loss}};
    int n;

    if (s->course)
        n = say(s, 0, "attack %lld of %lld, %s: step %lld of %lld", (long long)s->now.number,
                (long long)s->now.of, s->now.name, (long long)s->now.step, (long long)s->now.steps);
    else
        n = say(s, 0, "attack at step %lld: step %lld of %lld", (long long)s->now.at,
                (long long)s->now.step, (long long)s->now.steps);
    for (int i = 0; i < p->n_evals; i++) {
        const struct vac_eval *e = &p->eval[i];

        if (e->step >= 0 && !isnan(e->value) && !strcmp(e->stage, p->stage))
            n = say(s, n, ", %.20s %.1f%s", e->name, e->is_rate ? 100 * e->value : e->value,
                    e->is_rate ? "%" : "");
    }
    for (size_t i = 0; i < 2; i++)
        if (!isnan(last[i].x))
            n = say(s, n, ", %s %.3g", last[i].label, last[i].x);
}

/* --- its course --- */

/* The next of a battery: a folder is made, or a run begins. */
static int next_leg(struct vac_siege *s, struct vac_err *err)
{
    int more = vac_course_next(s->course, &s->leg, err);

    if (more == 2)
        say(s, 0, "battery: %zu of %zu attacks made ready", s->leg.number, s->leg.of);
    if (more == 1)
        return take_dir(s, s->leg.dir, err) || begin_session(s, err) ? -1 : 1;
    return more < 0 ? -1 : more == 2 ? 1 : tell_battery(s, err);
}

/* Where it is to be gone on with later it is measured first, then saved. */
static void leave_leg(struct vac_siege *s, const struct vac_snapshot *p)
{
    struct vac_command c = {.op = s->measuring ? VAC_OP_QUIT : VAC_OP_EVALUATE, .who = s->who};

    if (p->commands_applied >= s->measuring)
        vac_command(s->session, &c, &s->measuring, NULL);
}

int vac_siege_go(struct vac_siege *s, struct vac_err *err)
{
    const struct vac_snapshot *p;
    struct vac_event e;
    char drain[64];
    int status;

    if (s->made)
        return tell_one(s, err);
    if (!s->session)
        return next_leg(s, err);
    while (read(vac_wakeup_fd(s->session), drain, sizeof drain) == (ssize_t)sizeof drain)
        ;
    while (vac_event_next(s->session, &e))
        vac_event_done(&e);
    p = vac_snapshot(s->session);
    if (p->stage_steps > 0) {
        s->now.at = p->step - p->stage_step;
        s->now.step = p->stage_step;
        s->now.steps = p->stage_steps;
        tell_course(s, p);
    }
    if (s->course && s->leg.upto && p->state == VAC_PAUSED && p->step >= s->leg.upto)
        leave_leg(s, p);
    if (p->state != VAC_DONE && p->state != VAC_STOPPED && p->state != VAC_FAILED)
        return 1;
    status = vac_session_result(s->session, err);
    vac_session_close(s->session);
    s->session = NULL;
    if (status)
        return err->code ? -1
                         : err_set(err, VAC_ERR_STOPPED, "%s: was stopped before its end", s->dir);
    return s->course ? 1 : tell_one(s, err);
}
