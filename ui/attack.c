/* attack.c - see attack.h */
#include "ui/attack.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "panels/ask.h"
#include "term/dialog.h"
#include "term/prompt.h"
#include "term/signals.h"

bool attack_is_on(const struct ui *ui)
{
    return *ui->priv->attack.run != '\0';
}

bool attack_is_waiting(const struct ui *ui)
{
    return ui->priv->attack.siege && vac_siege_fd(ui->priv->attack.siege) < 0;
}

/* --- what with --- */

/* With a blank behind it: what is typed next is a word of its own. */
static int put(char *out, size_t size, int n, const char *key, double x)
{
    if (isnan(x) || x == 0)
        return n;
    return n + snprintf(out + n, size - (size_t)n, "%s=%.6g ", key, x);
}

static void asked(struct ui *ui, const char *line)
{
    attack_typed(ui, line);
}

static void stop_answered(struct ui *ui, int key)
{
    if (key == 's')
        attack_typed(ui, "stop");
}

void attack_ask(struct ui *ui)
{
    static const struct dialog stop = {
        .title = "Stop the attack?",
        .text = "It is saved, and can be gone on with.",
        .choice = {{'s', "stop it"}},
        .done = stop_answered,
    };
    struct vac_attack own;
    struct vac_err err = {0};
    char initial[160] = "";
    int n = 0;

    if (attack_is_on(ui)) {
        if (ui->priv->attack.asked)
            attack_typed(ui, "stop"); /* says why not */
        else
            dialog_open(&stop);
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

/* --- its course --- */

/* The run goes on if it was going on; it may be another one that is shown by now. */
static void finish(struct ui *ui)
{
    struct attacking *a = &ui->priv->attack;
    bool shown = !strcmp(ui_dir(ui), a->run);

    vac_siege_close(a->siege);
    if (a->resume && shown && session_is_held(ui))
        ui_send(ui, VAC_OP_RESUME, 0, NULL, NULL);
    *a = (struct attacking){.siege = NULL};
    ui->siege = (struct vac_siege_now){.at = 0};
    ui->dirty = true;
}

static void begin(struct ui *ui)
{
    struct attacking *a = &ui->priv->attack;
    struct vac_err err = {0};
    sigset_t was;
    int rc;

    a->saving = 0;
    signals_shield(&was);
    rc = vac_siege_open(&a->siege, a->run, a->words, ui->who, &err);
    signals_unshield(&was);
    if (rc) {
        ui_warn(ui, "attack: %s", err.msg);
        finish(ui);
    }
}

/* At the end of its step. One that the run's own program makes is that one's. */
static void stop_it(struct ui *ui)
{
    const struct attacking *a = &ui->priv->attack;
    bool battery = strstr(a->words, "battery=") != NULL;
    struct vac_siege_now now = {.at = 0};
    char run[VAC_PATH];

    if (!attack_is_on(ui) || a->asked) {
        ui_warn(ui, "%s",
                a->asked || *ui->snap.attack.dir
                    ? "the program that runs this makes the attack, and leaves it when it ends"
                    : "no attack is under way here");
        return;
    }
    if (a->siege)
        now = *vac_siege_now(a->siege);
    memcpy(run, a->run, sizeof run);
    ui_say(ui, "stopping the attack: it is saved first ...");
    if (ui->paint)
        ui->paint(ui);
    finish(ui);
    if (battery)
        ui_say(ui, "the battery is stopped; the same :attack goes on with it");
    else if (*now.dir)
        ui_say(ui, "the attack is stopped; :open %s/%s goes on with it", run, now.dir);
    else
        ui_say(ui, "the attack is stopped before it began");
}

void attack_typed(struct ui *ui, const char *args)
{
    struct attacking *a = &ui->priv->attack, now = {.siege = NULL};
    struct vac_attack own;
    struct vac_err err = {0};
    bool present;

    if (!strcmp(args, "stop")) {
        stop_it(ui);
        return;
    }
    if (attack_is_on(ui) || *ui->snap.attack.dir) {
        ui_warn(ui, "an attack is under way already%s",
                attack_is_on(ui) && !a->asked ? ": :attack stop ends it" : "");
        return;
    }
    if (!*ui->snap.run) {
        ui_warn(ui, "no run is open: Enter opens one");
        return;
    }
    if (vac_run_attack(ui_dir(ui), &own, &err) || vac_attack_words(args, now.words, &err)) {
        ui_warn(ui, "%s", err.msg);
        return;
    }
    if (session_is_live(ui) && session_is_attached(ui)) {
        now.asked = ui_send(ui, VAC_OP_ATTACK, 0, NULL, now.words);
        if (!now.asked)
            return;
    } else if (session_is_live(ui)) {
        if (vac_siege_check(ui_dir(ui), now.words, ui->snap.stage_index, ui->snap.step, &present,
                            &err)) {
            ui_warn(ui, "attack: %s", err.msg);
            return;
        }
        now.resume = !session_is_held(ui);
        if (now.resume && !(now.saving = ui_send(ui, VAC_OP_PAUSE, 0, NULL, NULL)))
            return;
        if (present && !(now.saving = ui_send(ui, VAC_OP_SAVE, 0, NULL, NULL)))
            return;
    }
    snprintf(now.run, sizeof now.run, "%s", ui_dir(ui));
    *a = now;
    if (a->saving || a->asked)
        ui_announce(ui, a->saving ? a->saving : a->asked, "attacking after this step");
    else
        begin(ui);
}

bool attack_pump(struct ui *ui)
{
    struct attacking *a = &ui->priv->attack;
    uint64_t waits = a->saving ? a->saving : a->asked;
    bool shown = !strcmp(ui_dir(ui), a->run);
    struct vac_err err = {0};
    sigset_t was;
    int more;

    if (!attack_is_on(ui))
        return false;
    if (waits) { /* a parent that has ended meanwhile has saved */
        if (!shown || ui->priv->refused >= waits)
            finish(ui);
        else if (ui->priv->answered >= waits || !session_is_live(ui))
            a->saving ? begin(ui) : finish(ui);
        return true;
    }
    signals_shield(&was); /* another session may begin */
    more = vac_siege_go(a->siege, &err);
    signals_unshield(&was);
    ui->siege = shown ? *vac_siege_now(a->siege) : (struct vac_siege_now){.at = 0};
    if (more > 0 && !strcmp(a->told, vac_siege_text(a->siege)))
        return false;
    snprintf(a->told, sizeof a->told, "%s", vac_siege_text(a->siege));
    if (more < 0)
        ui_warn(ui, "attack: %s", err.msg);
    else
        ui_say(ui, "%.480s%s", a->told,
               more && a->resume && session_is_held(ui) ? "; the run waits" : "");
    if (more <= 0)
        finish(ui);
    return true;
}

void attack_leave(struct ui *ui)
{
    if (attack_is_on(ui))
        finish(ui);
}
