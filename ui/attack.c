/* attack.c - see attack.h */
#include "ui/attack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "panels/ask.h"
#include "panels/look.h"
#include "term/prompt.h"

#define DIGITS "0123456789"

bool attack_is_on(const struct ui *ui)
{
    return *ui->priv->attack.run != '\0';
}

bool attack_is_waiting(const struct ui *ui)
{
    return ui->priv->attack.course && !ui->priv->attack.session;
}

/* --- what with --- */

static int put(char *out, size_t size, int n, const char *key, double x)
{
    if (isnan(x) || x == 0)
        return n;
    return n + snprintf(out + n, size - (size_t)n, "%s%s=%.6g", n ? " " : "", key, x);
}

static void asked(struct ui *ui, const char *line)
{
    attack_typed(ui, line);
}

void attack_ask(struct ui *ui)
{
    struct vac_attack own;
    struct vac_err err = {0};
    char initial[160] = "";
    int n = 0;

    if (!*ui->snap.run) {
        ui_warn(ui, "no run is open: Enter opens one");
        return;
    }
    if (vac_run_attack(ui_dir(ui), &own, &err)) {
        ui_warn(ui, "%s", err.msg);
        return;
    }
    n = put(initial, sizeof initial, n, "ratio", own.ratio);
    n = put(initial, sizeof initial, n, "samples", (double)own.samples);
    n = put(initial, sizeof initial, n, "steps", (double)own.steps);
    put(initial, sizeof initial, n, "lr", own.lr);
    prompt_open(ui, &(struct prompt){.label = "attack> ",
                                     .initial = initial,
                                     .history = "attack",
                                     .hint = session_is_live(ui)
                                                 ? "saves, and waits meanwhile; or at=STEP"
                                                 : "the newest checkpoint; or at=STEP",
                                     .done = asked});
}

/* One word of what is typed, as an override; false, and said. */
static bool take_word(struct ui *ui, struct attacking *a, const char *word)
{
    static const char *const known[][2] = {
        {"ratio", "harmful_ratio"}, {"samples", "samples"}, {"steps", "steps"}, {"lr", "lr"}};
    const char *value = strchr(word, '=');
    size_t n = value ? (size_t)(value - word) : 0;

    if (value && n == 2 && !strncmp(word, "at", n)) {
        snprintf(a->at, sizeof a->at, "%s", value + 1);
        return true;
    }
    if (value && !strncmp(word, "battery=", 8) && value[1]) {
        snprintf(a->battery, sizeof a->battery, "%s", value + 1);
        return true;
    }
    if (value && !strncmp(word, "budget=", 7) && value[1] &&
        !value[1 + strspn(value + 1, DIGITS)]) {
        a->budget = strtoll(value + 1, NULL, 10);
        return true;
    }
    for (size_t i = 0; value && i < sizeof known / sizeof *known; i++)
        if (strlen(known[i][0]) == n && !strncmp(word, known[i][0], n) && a->n < ATTACK_SETS) {
            snprintf(a->set[a->n++], sizeof a->set[0], "stages.%s.%s=%.60s", a->stage, known[i][1],
                     value + 1);
            return true;
        }
    ui_warn(
        ui,
        "\"%.40s\" is none of at=STEP, ratio=P, samples=N, steps=N, lr=X, battery=FILE, budget=N",
        word);
    return false;
}

/* --- its course --- */

/* The run goes on if it was going on; it may be another one that is shown by now. */
static void finish(struct ui *ui)
{
    struct attacking *a = &ui->priv->attack;
    bool shown = !strcmp(ui_dir(ui), a->run);

    vac_session_close(a->session);
    vac_course_close(a->course);
    if (a->resume && shown && session_is_held(ui))
        ui_send(ui, VAC_OP_RESUME, 0, NULL, NULL);
    *a = (struct attacking){.session = NULL};
    ui->dirty = true;
}

static void tell_battery(struct ui *ui)
{
    const struct attacking *a = &ui->priv->attack;
    struct vac_battery *v;
    struct vac_err err = {0};
    char worst[VAC_BATTERY_WORST];
    size_t n;

    if (vac_run_batteries(a->run, false, &v, &n, &err)) {
        ui_warn(ui, "attack: %s", err.msg);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = strrchr(v[i].dir, '/');

        if (name && !strcmp(name + 1, vac_course_folder(a->course)))
            ui_say(ui, "%s", vac_battery_worst(&v[i], worst));
    }
    vac_batteries_done(v, n);
}

/* The next step of a battery: a folder is made, or a run begins. */
static void go_on(struct ui *ui)
{
    struct attacking *a = &ui->priv->attack;
    struct vac_open o = {.file = a->leg.dir};
    struct vac_err err = {0};
    char until[64];
    int more = vac_course_next(a->course, &a->leg, &err);

    if (more == 2) {
        ui_say(ui, "battery: %zu of %zu attacks made ready", a->leg.number, a->leg.of);
        return;
    }
    o.paused = a->leg.upto > 0;
    if (more < 0 || (more > 0 && look_begin(ui, &a->session, &o, &err))) {
        ui_warn(ui, "attack: %s", err.msg);
        finish(ui);
    } else if (more == 0) {
        tell_battery(ui);
        finish(ui);
    } else {
        a->shown = -1;
        a->measuring = 0;
        snprintf(until, sizeof until, "step >= %lld", (long long)a->leg.upto);
        if (a->leg.upto)
            vac_command(
                a->session,
                &(struct vac_command){.op = VAC_OP_RUN_UNTIL, .text = until, .who = ui->who}, NULL,
                NULL);
    }
}

/* Where it is to be left for now it is measured first, then saved. */
static void leave_leg(struct ui *ui, const struct vac_snapshot *s)
{
    struct attacking *a = &ui->priv->attack;
    struct vac_command c = {.op = a->measuring ? VAC_OP_QUIT : VAC_OP_EVALUATE, .who = ui->who};

    if (s->commands_applied >= a->measuring)
        vac_command(a->session, &c, &a->measuring, NULL);
}

static void begin(struct ui *ui)
{
    struct attacking *a = &ui->priv->attack;
    const char *set[ATTACK_SETS];
    struct vac_fork f = {.run = a->run,
                         .at = *a->at ? a->at : NULL,
                         .attack = a->stage,
                         .set = set,
                         .n_set = (size_t)a->n,
                         .who = ui->who};
    struct vac_open o = {.file = f.dir};
    struct vac_err err = {0};

    for (int i = 0; i < a->n; i++)
        set[i] = a->set[i];
    a->saving = 0;
    if (*a->battery) {
        struct vac_battery_want want = {.run = a->run,
                                        .file = a->battery,
                                        .at = f.at,
                                        .stage = a->stage,
                                        .budget = a->budget,
                                        .who = ui->who};

        if (vac_course_open(&a->course, &want, &err)) {
            ui_warn(ui, "attack: %s", err.msg);
            finish(ui);
        }
        return;
    }
    if (vac_fork(&f, &err) || look_begin(ui, &a->session, &o, &err)) {
        ui_warn(ui, "attack: %s", err.msg);
        finish(ui);
        return;
    }
    a->step = f.step;
    a->shown = -1;
    snprintf(a->dir, sizeof a->dir, "%s", f.dir);
}

void attack_typed(struct ui *ui, const char *args)
{
    struct attacking *a = &ui->priv->attack, now = {.session = NULL};
    struct vac_attack own;
    struct vac_err err = {0};
    char line[512], *save;

    if (attack_is_on(ui)) {
        ui_warn(ui, "an attack is under way already");
        return;
    }
    if (!*ui->snap.run) {
        ui_warn(ui, "no run is open: Enter opens one");
        return;
    }
    if (vac_run_attack(ui_dir(ui), &own, &err)) {
        ui_warn(ui, "%s", err.msg);
        return;
    }
    snprintf(now.stage, sizeof now.stage, "%s", own.stage);
    snprintf(line, sizeof line, "%s", args);
    for (char *word = strtok_r(line, " \t", &save); word; word = strtok_r(NULL, " \t", &save))
        if (!take_word(ui, &now, word))
            return;
    if (*now.battery ? now.n > 0 : now.budget > 0) {
        ui_warn(ui, *now.battery
                        ? "a battery's file says what attacks: leave all but at and budget out"
                        : "a budget is of a battery: add battery=FILE");
        return;
    }
    if (session_is_live(ui)) {
        now.resume = !session_is_held(ui);
        if (now.resume && !ui_send(ui, VAC_OP_PAUSE, 0, NULL, NULL))
            return;
        now.saving = ui_send(ui, VAC_OP_SAVE, 0, NULL, NULL);
        if (!now.saving)
            return;
    }
    snprintf(now.run, sizeof now.run, "%s", ui_dir(ui));
    *a = now;
    if (!a->saving)
        begin(ui);
}

/* "attack at step 40: broke 23.1 [15.0, -], HS 0.0 -> 58.0 %" */
static void tell(struct ui *ui)
{
    const struct attacking *a = &ui->priv->attack;
    struct vac_attack *list = NULL;
    struct vac_err err = {0};
    size_t n = 0, inside = strlen(a->run);
    char broke[VAC_ATTACK_BROKE], text[160];

    if (vac_run_attacks(a->run, &list, &n, &err)) {
        ui_warn(ui, "attack: %s", err.msg);
        return;
    }
    while (n && strcmp(list[n - 1].dir, a->dir) != 0 &&
           (strncmp(a->dir, a->run, inside) != 0 || a->dir[inside] != '/' ||
            strcmp(list[n - 1].dir, a->dir + inside + 1) != 0))
        n--;
    if (n) {
        const struct vac_attack *r = &list[n - 1];
        int at = snprintf(text, sizeof text, "attack at step %lld: steps to break %s",
                          (long long)r->step, vac_attack_broke(r, broke));

        for (int i = 0; i < r->n_scores && at < (int)sizeof text; i++) {
            double unit = r->score[i].e.is_rate ? 100 : 1;

            at += snprintf(text + at, sizeof text - (size_t)at, ", %.20s %.1f -> %.1f%s",
                           r->score[i].e.name, unit * r->score[i].before,
                           unit * r->score[i].e.value, r->score[i].e.is_rate ? "%" : "");
        }
        ui_say(ui, "%s", text);
    }
    free(list);
}

/* "HS 32.0%, over_refusal 0.0%, drift 0.12, harmful loss 3.2", as far as it is measured by now. */
static void stands(char *out, size_t size, const struct vac_snapshot *s)
{
    const struct {
        const char *label;
        double x;
    } last[] = {{"drift", s->last.drift_mean}, {"harmful loss", s->last.harmful_loss}};
    int n = 0;

    *out = '\0';
    for (int i = 0; i < s->n_evals && n < (int)size; i++) {
        const struct vac_eval *e = &s->eval[i];

        if (e->step >= 0 && !isnan(e->value) && !strcmp(e->stage, s->stage))
            n += snprintf(out + n, size - (size_t)n, ", %.20s %.1f%s", e->name,
                          e->is_rate ? 100 * e->value : e->value, e->is_rate ? "%" : "");
    }
    for (size_t i = 0; i < 2 && n < (int)size; i++)
        if (!isnan(last[i].x))
            n += snprintf(out + n, size - (size_t)n, ", %s %.3g", last[i].label, last[i].x);
}

bool attack_pump(struct ui *ui)
{
    struct attacking *a = &ui->priv->attack;
    const struct vac_snapshot *s;
    struct vac_event e;
    struct vac_err err = {0};
    char drain[64], told[256];
    int fd;

    if (!attack_is_on(ui))
        return false;
    if (a->saving) { /* a parent that has ended meanwhile has saved */
        if (strcmp(ui_dir(ui), a->run) != 0 || ui->priv->refused >= a->saving)
            finish(ui);
        else if (ui->priv->answered >= a->saving || !session_is_live(ui))
            begin(ui);
        return true;
    }
    if (!a->session) {
        go_on(ui);
        return true;
    }
    fd = vac_wakeup_fd(a->session);
    while (fd >= 0 && read(fd, drain, sizeof drain) == (ssize_t)sizeof drain)
        ;
    while (vac_event_next(a->session, &e))
        vac_event_done(&e);
    s = vac_snapshot(a->session);
    if (s->state == VAC_DONE || s->state == VAC_STOPPED || s->state == VAC_FAILED) {
        if (vac_session_result(a->session, &err)) {
            ui_warn(ui, "attack: %s", err.msg);
        } else if (a->course) {
            vac_session_close(a->session);
            a->session = NULL;
            return true;
        } else {
            tell(ui);
        }
        finish(ui);
        return true;
    }
    if (a->course && a->leg.upto && s->state == VAC_PAUSED && s->step >= a->leg.upto)
        leave_leg(ui, s);
    if (s->stage_step == a->shown || s->stage_steps == 0)
        return false;
    a->shown = s->stage_step;
    stands(told, sizeof told, s);
    if (a->course)
        ui_say(ui, "attack %zu of %zu, %s: step %lld of %lld%s%s", a->leg.number, a->leg.of,
               a->leg.name, (long long)s->stage_step, (long long)s->stage_steps, told,
               a->resume ? "; the run waits" : "");
    else
        ui_say(ui, "attack at step %lld: step %lld of %lld%s%s", (long long)a->step,
               (long long)s->stage_step, (long long)s->stage_steps, told,
               a->resume ? "; the run waits" : "");
    return true;
}

void attack_leave(struct ui *ui)
{
    if (attack_is_on(ui))
        finish(ui);
}
