/* look.c - see look.h */
#include "panels/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "panels/measured.h"
#include "panels/panel.h"
#include "term/clock.h"
#include "term/number.h"
#include "term/prompt.h"
#include "term/screen.h"
#include "term/signals.h"

/* Who waits while something is opened: told a few times a second, and may leave it. */
struct waiting {
    struct ui *ui;
    const char *name;   /* what is opened */
    double since, told; /* clock */
    int held[SCREEN_UNREAD];
    size_t n_held;
};

/* Letters and pastes go into a line that is open, up to a key that does something: that waits, and all behind it. False: it is
 * to be left. */
static bool take_key(struct waiting *w, int key)
{
    bool line = prompt_is_open(w->ui), first = line && w->n_held == 0;
    const char *pasted;
    size_t n;

    if (key == UIKEY_ESC || key == UICTRL('c') || (key == 'q' && !line))
        return false;
    if (first && key >= ' ' && key != UIKEY_BACKSPACE && key <= 0x10ffff) {
        prompt_key(w->ui, key, false);
    } else if (first && key == UIKEY_PASTE) {
        pasted = screen_pasted(&n);
        prompt_paste(w->ui, pasted, n);
    } else if (line && w->n_held < SCREEN_UNREAD && key != UIKEY_MOUSE && key != UIKEY_PASTE) {
        w->held[w->n_held++] = key;
    }
    return true;
}

static bool told_of(void *ctx, const char *what, const char *file, uint64_t done, uint64_t all)
{
    struct waiting *w = ctx;
    double now = clock_seconds();
    char part[2][NUMBER_SIZE], time[NUMBER_SIZE];
    int key;

    if (now - w->told < 0.25 && !w->ui->deterministic)
        return true;
    w->told = now;
    number_bytes(part[0], (double)done);
    number_bytes(part[1], (double)all);
    ui_say(w->ui, "opening %.150s: %s %.150s, %s%s%s, %s; Esc leaves it", w->name, what, file,
           all ? part[0] : "", all ? " of " : "", all ? part[1] : "size not known",
           number_time(time, w->ui->deterministic ? 0 : now - w->since));
    while ((key = screen_key()))
        if (!take_key(w, key))
            return false;
    w->ui->paint(w->ui);
    return true;
}

int look_begin(struct ui *ui, struct vac_session **out, const struct vac_open *open,
               struct vac_err *err)
{
    struct waiting w = {.ui = ui, .name = open->file, .since = clock_seconds()};
    struct vac_open o = *open;
    bool zoom = ui->zoom;
    sigset_t was;
    int rc;

    signals_shield(&was);
    signals_deaf(true);
    w.told = w.since;
    if (ui->paint && screen_is_open()) {
        o.doing = told_of;
        o.doing_ctx = &w;
    }
    rc = vac_session_open(out, &o, err);
    screen_unread(w.held, w.n_held);
    signals_deaf(false);
    if (!rc && vac_session_start(*out, err)) {
        vac_session_close(*out);
        rc = -1;
    }
    if (rc)
        *out = NULL;
    signals_unshield(&was);
    ui->zoom = zoom; /* frames of no run at all have changed it */
    return rc;
}

bool look_can(const struct ui *ui)
{
    return *ui->snap.run && (ui->snap.state == VAC_DONE || ui->snap.state == VAC_STOPPED ||
                             ui->snap.state == VAC_FAILED);
}

void look_close(struct ui *ui, struct vac_session *s)
{
    const struct vac_snapshot *now = s ? vac_snapshot(s) : NULL;
    struct message was = ui->message;

    if (now && now->state == VAC_MEASURING && ui->paint && screen_is_open()) {
        ui_say(ui, "%s is still being measured; that ends first ...", now->reason);
        ui->paint(ui);
        ui->message = was;
    }
    vac_session_close(s);
}

static void let_go_of_kept(struct ui *ui)
{
    look_close(ui, ui->kept.session);
    memset(&ui->kept, 0, sizeof ui->kept);
}

void look_drop(struct ui *ui)
{
    look_close(ui, ui->look);
    ui->look = NULL;
    let_go_of_kept(ui);
    ui->look_wanted = false;
    ui->dirty = true;
}

/* Those that are asked stay until the next have loaded; those that have not loaded themselves, and came after such, do
 * not. */
static void keep(struct ui *ui)
{
    struct vac_command stop = {.op = VAC_OP_PROBE_STOP, .who = ui->who};

    if (ui->kept.session) {
        look_close(ui, ui->look);
    } else if (ui->look) {
        vac_command(ui->look, &stop, NULL, NULL); /* nobody reads on */
        ui->kept.session = ui->look;
        ui->kept.last = ui->look_last;
        memcpy(ui->kept.at, ui->at, sizeof ui->kept.at);
    }
    ui->look = NULL;
}

int64_t look_step(const struct ui *ui)
{
    const struct vac_snapshot *s = ui->look ? vac_snapshot(ui->look) : NULL;

    return s && s->state != VAC_LOADING ? s->step : ui->snap.step;
}

void look_want(struct ui *ui)
{
    if (!ui->look && !ui->look_failed && look_can(ui))
        ui->look_wanted = true;
}

bool look_take(struct ui *ui, const char *which)
{
    char at[VAC_NAME];
    struct vac_open o = {.file = ui_dir(ui), .look = true, .at = *which ? at : NULL};
    struct vac_session *next;
    struct vac_err err = {0};

    snprintf(at, sizeof at, "%s", which); /* it may be what the screen has */

    if (!look_can(ui)) {
        ui_warn(ui, *ui->snap.run ? "the present weights are asked while a run goes on"
                                  : "no run is open: Enter opens one");
        return false;
    }
    ui_say(ui, "taking up the weights of %s ...", *at ? at : "the last");
    if (ui->paint)
        ui->paint(ui);
    if (look_begin(ui, &next, &o, &err)) {
        ui->look_failed = !ui->look;
        ui_warn(ui, "%s", err.msg);
        return false;
    }
    keep(ui);
    ui->look = next;
    ui->looks++;
    ui->look_last = 0;
    ui->look_failed = ui->look_wanted = false;
    snprintf(ui->at, sizeof ui->at, "%s", at);
    ui_unsay(ui);
    return true;
}

static void chosen(struct ui *ui, const char *line)
{
    look_take(ui, strcmp(line, "end") ? line : "");
}

/* Word i of "align, attack, 120" that begins with `word`, or of its checkpoints alone. */
static char *saved_word(const struct ui *ui, bool steps, const char *word, int *i)
{
    struct vac_err err = {0};
    char *list = vac_run_saved(ui_dir(ui), &err), *at = list, *out = NULL;
    size_t n = strlen(word);

    for (; at && *at && !out; at += strspn(at, ", ")) {
        size_t len = strcspn(at, ",");

        if (!strncmp(at, word, n) && (!steps || strspn(at, "0123456789") == len) && (*i)-- == 0)
            out = strndup(at, len);
        at += len;
    }
    free(list);
    return out;
}

char *look_saved(const struct ui *ui, const char *word, int i)
{
    char *out = saved_word(ui, false, word, &i);

    return out ? out : !strncmp("end", word, strlen(word)) && i == 0 ? strdup("end") : NULL;
}

char *look_checkpoint(const struct ui *ui, const char *word, int i)
{
    return saved_word(ui, true, word, &i);
}

static char *complete(struct ui *ui, const char *line, int start, const char *word, int i)
{
    (void)line;
    return start > 0 ? NULL : look_saved(ui, word, i);
}

void look_choose(struct ui *ui)
{
    struct vac_err err = {0};
    char *list = look_can(ui) ? vac_run_saved(ui_dir(ui), &err) : NULL, hint[160];

    if (!look_can(ui)) {
        look_take(ui, ""); /* says why not */
        return;
    }
    if (list && !*list)
        ui_warn(ui, "this run has saved no weights yet");
    else if (!list)
        ui_warn(ui, "%s", err.msg);
    snprintf(hint, sizeof hint, "end, %s", list ? list : "");
    if (list && *list)
        prompt_open(ui,
                    &(struct prompt){
                        .label = "weights> ", .hint = hint, .complete = complete, .done = chosen});
    free(list);
}

/* What the saved weights answer is no news of the run: its journal knows nothing of it. */
static void tell_panels(struct ui *ui, const struct vac_event *e)
{
    if (e->id == ui->answering && e->kind != VAC_EVENT_PROBE_TEXT)
        ui->answering = 0;
    for (int i = 0; i < PANEL_COUNT; i++)
        if (panels[i]->event)
            panels[i]->event(ui, e);
}

void look_score(struct ui *ui, const struct vac_eval *score)
{
    char head[64];
    struct strbuf text = {0};

    snprintf(head, sizeof head, "these weights @%lld", (long long)score->step);
    sb_printf(&text, "%s  ",
              strncmp(ui->message.text, head, strlen(head)) ? head : ui->message.text);
    measured_one(&text, score, score->step, true);
    ui_say(ui, "%s", text.s ? text.s : head);
    sb_done(&text);
}

/* They cannot be taken up: whoever waits for an answer is told, and those that were asked before are asked again. */
static void refuse_all(struct ui *ui, const char *why)
{
    struct vac_event e = {.kind = VAC_EVENT_REJECTED};

    snprintf(e.text, sizeof e.text, "%s", why);
    for (e.id = 1; e.id <= ui->look_last; e.id++)
        tell_panels(ui, &e);
    look_close(ui, ui->look);
    ui->look = ui->kept.session;
    ui->look_last = ui->kept.last;
    memcpy(ui->at, ui->kept.at, sizeof ui->at);
    memset(&ui->kept, 0, sizeof ui->kept);
    ui->looks++;
    ui->look_failed = !ui->look;
    ui->dirty = true;
    ui_warn(ui, "%s", why);
}

bool look_pump(struct ui *ui)
{
    const struct vac_snapshot *now;
    struct vac_event e;
    char drain[64];
    bool any = false;
    int fd;

    if (ui->look_wanted && !ui->look) {
        ui->look_wanted = false;
        return look_can(ui) && look_take(ui, ui->at);
    }
    if (!ui->look)
        return false;
    fd = vac_wakeup_fd(ui->look);
    while (fd >= 0 && read(fd, drain, sizeof drain) == (ssize_t)sizeof drain)
        ;
    for (; vac_event_next(ui->look, &e); vac_event_done(&e)) {
        any = true;
        if (e.kind == VAC_EVENT_REJECTED)
            ui_warn(ui, "%s", e.text);
        if (e.kind == VAC_EVENT_EVAL && e.eval.score)
            look_score(ui, e.eval.score);
        if (e.kind != VAC_EVENT_JOURNAL && e.kind != VAC_EVENT_STATE)
            tell_panels(ui, &e);
    }
    now = vac_snapshot(ui->look);
    if (now->state == VAC_FAILED) {
        char why[sizeof now->reason];

        snprintf(why, sizeof why, "%s", now->reason);
        refuse_all(ui, why);
    } else if (now->state != VAC_LOADING) {
        let_go_of_kept(ui);
    }
    return any;
}
