/* session.c - the screen's side of a run: opening it, asking it, taking over what it tells. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "panels/compare.h"
#include "panels/look.h"
#include "term/reply.h"
#include "panels/start.h"
#include "term/clock.h"
#include "term/screen.h"
#include "ui/attack.h"
#include "ui/mend.h"
#include "ui/paint.h"
#include "ui/park.h"
#include "ui/session.h"

/* --- opening --- */

/* Panels' own memory as on the first day. */
static void reset_panels(struct ui *ui)
{
    for (int i = 0; i < PANEL_COUNT; i++) {
        if (i == PANEL_runs)
            continue; /* knows all runs, not this one */
        if (panels[i]->done)
            panels[i]->done(ui);
        if (panels[i]->own)
            memset(ui->own[i], 0, panels[i]->own);
    }
}

static void forget(struct ui *ui)
{
    look_drop(ui);
    compare_ghosts_done(ui);
    ui->look_failed = false;
    ui->at[0] = '\0';
    ui->looks++;
    vac_follow_close(ui->priv->follow);
    ui->priv->follow = NULL;
    reset_panels(ui);
    history_done(&ui->points);
    layer_history_done(&ui->layers);
    journal_done(&ui->journal);
    memset(&ui->snap, 0, sizeof ui->snap);
    ui->priv->next_point = ui->priv->next_layer = 0;
    ui->priv->moved = ui->now;
    ui->answering = ui->priv->leaving = ui->priv->answered = ui->priv->refused = 0;
    ui->steering = 0;
    ui->held = false;
    ui->watched[0] = '\0';
    ui->n_options = 0;
    ui->cursor = NAN;
    ui->from = ui->to = 0;
    ui->layer = 0;
    ui->freeze = false;
    ui->dirty = true;
}

/* --- what the files of a run tell --- */

struct old {
    struct ui *ui;
    int64_t last; /* only what was measured up to this step */
};

static void old_point(void *ctx, const struct vac_point *p)
{
    history_push(&((struct old *)ctx)->ui->points, p);
}

static void old_layers(void *ctx, const struct vac_layers *l, int n_layers)
{
    layer_history_push(&((struct old *)ctx)->ui->layers, l, n_layers);
}

/* A line of the journal. */
static bool is_journal(const struct vac_event *e)
{
    return e->kind == VAC_EVENT_JOURNAL || e->kind == VAC_EVENT_NOTE ||
           e->kind == VAC_EVENT_REJECTED;
}

/* News of long ago is no news: nothing is said of it. */
static void old_event(void *ctx, const struct vac_event *e)
{
    const struct old *old = ctx;
    bool journal = is_journal(e);

    if (!journal && e->step > old->last)
        return; /* the run goes on from before that */
    if (journal)
        journal_push(&old->ui->journal, e);
    for (int i = 0; i < PANEL_COUNT; i++)
        if (panels[i]->event)
            panels[i]->event(old->ui, e);
}

static void unfollow(struct ui *ui)
{
    vac_follow_close(ui->priv->follow);
    ui->priv->follow = NULL;
}

/* VAC_FOLLOW_..., or -1 and err. */
static int read_on(struct ui *ui, struct vac_err *err)
{
    static const struct vac_follow_take take = {old_point, old_layers, old_event};
    struct old old = {.ui = ui, .last = INT64_MAX};
    int rc = vac_follow_read(ui->priv->follow, &take, &old, err);

    ui->priv->next_look = ui->now + 1;
    ui->snap = *vac_follow_snapshot(ui->priv->follow);
    if (ui->snap.state == VAC_DONE)
        unfollow(ui);
    return rc;
}

/* A finished run, or one that another program drives: its files tell what happened, and go on
 * telling. */
static int watch(struct ui *ui, const char *dir, struct vac_err *err)
{
    struct ui_private *p = ui->priv;
    struct message said = ui->message;

    if (vac_follow_open(&p->follow, dir, err))
        return -1;
    if (read_on(ui, err) != VAC_FOLLOW_NEW) {
        forget(ui);
        return -1;
    }
    ui->message = said;
    snprintf(ui->watched, sizeof ui->watched, "%s", dir);
    compare_ghosts(ui);
    return 0;
}

static void tell_state(struct ui *ui, const struct vac_snapshot *before);

/* The program that drives it went back to a checkpoint: all is read again. */
static int watch_again(struct ui *ui, struct vac_err *err)
{
    char dir[VAC_PATH];

    memcpy(dir, ui->watched, sizeof dir);
    forget(ui);
    *err = (struct vac_err){0};
    return watch(ui, dir, err) ? -1 : VAC_FOLLOW_NEW;
}

double session_due(const struct ui *ui)
{
    return ui->priv->follow && !ui->freeze ? fmax(ui->priv->next_look - ui->now, 0) : -1;
}

static void note_moved(struct ui *ui, const struct vac_snapshot *before)
{
    const struct vac_snapshot *s = &ui->snap;

    if (s->state != before->state || s->step != before->step || strcmp(s->reason, before->reason))
        ui->priv->moved = ui->now;
}

static bool pump_files(struct ui *ui)
{
    struct vac_snapshot before = ui->snap;
    struct vac_err err = {0};
    int rc;

    if (session_due(ui) != 0)
        return false;
    rc = read_on(ui, &err);
    note_moved(ui, &before);
    if (rc == VAC_FOLLOW_CUT || rc < 0)
        rc = watch_again(ui, &err);
    if (rc < 0)
        ui_warn(ui, "%s", err.msg);
    else if (rc == VAC_FOLLOW_NEW)
        tell_state(ui, &before);
    return rc != VAC_FOLLOW_NOTHING;
}

/* What a run that goes on was asked, measured and told before, up to a step; -1 = to where it is. */
static void read_old(struct ui *ui, int64_t last)
{
    static const struct vac_follow_take take = {.event = old_event};
    const struct vac_snapshot *s = vac_snapshot(ui->session);
    struct old old = {.ui = ui,
                      .last = last >= 0              ? last
                              : s->state == VAC_DONE ? INT64_MAX
                                                     : s->step};
    struct vac_follow *f = NULL;
    struct vac_err err = {0}; /* the session has read the same files, and would have said so */

    if (vac_follow_open(&f, vac_session_dir(ui->session), &err) == 0)
        vac_follow_read(f, &take, &old, &err);
    vac_follow_close(f);
    ui_unsay(ui);
}

/* 1 = looked at, 0 = it is no run's folder, -1 = err. */
static int maybe_watch(struct ui *ui, const char *path, struct vac_err *err)
{
    struct vac_run_info *info = NULL;
    struct vac_err ignored = {0};
    struct stat st;
    size_t n = 0;
    int rc = 0;

    if (stat(path, &st) || !S_ISDIR(st.st_mode) || vac_runs(path, &info, &n, &ignored))
        return 0;
    for (size_t i = 0; i < n; i++) /* the folder itself, not a run below it */
        if (!strcmp(info[i].dir, path))
            rc = watch(ui, path, err) ? -1 : 1;
    free(info);
    return rc;
}

/* "stopped at 189; Space goes on from checkpoint 180" */
static void offer(struct ui *ui)
{
    const struct vac_snapshot *s = &ui->snap;
    const char *key = screen_is_open() ? "Space" : "resume";
    struct vac_err err = {0};
    int64_t step;

    if (!session_can_go_on(ui))
        return;
    if (vac_run_checkpoint(ui->watched, &step, &err))
        ui_warn(ui, "%s", err.msg);
    else if (step >= 0)
        ui_say(ui, "%s at %lld; %s goes on from checkpoint %lld", vac_state_names[s->state],
               (long long)s->step, key, (long long)step);
    else
        ui_say(ui, "%s at %lld, without a checkpoint to go on from; %s asks what to do",
               vac_state_names[s->state], (long long)s->step, key);
}

static int drive(struct ui *ui, const struct vac_open *o, struct vac_err *err)
{
    struct stat st;

    if (look_begin(ui, &ui->session, o, err))
        return -1;
    ui->priv->made |= o->out || o->resume;
    if (*vac_session_kernels(ui->session))
        ui_warn(ui, "%s", vac_session_kernels(ui->session));
    ui->held = o->paused; /* also while it is measured before the first step */
    if (!o->attach && (o->resume || (!stat(o->file, &st) && S_ISDIR(st.st_mode))))
        read_old(ui, -1);
    compare_ghosts(ui);
    session_pump(ui);
    return 0;
}

/* What the command line says of the run that it names. */
static struct vac_open how_to_open(const struct ui *ui, const char *path)
{
    const struct ui_args *a = ui->priv->args;
    struct vac_open o = {.file = path, .interactive = true, .deterministic_wall = a->deterministic};

    if ((a->path && !strcmp(a->path, path)) || (a->out && !strcmp(a->out, path))) {
        o.set = a->set;
        o.n_set = a->n_set;
        o.attach = a->attach;
        o.as = a->as;
        if (!ui->priv->made) {
            o.out = a->out;
            o.resume = a->resume;
            o.from_start = a->from_start;
        }
    }
    o.paused = a->paused;
    return o;
}

static void begin_again(struct ui *ui, int key)
{
    if (key == 'b')
        session_begin_again(ui);
}

/* All that was trained would be made again: that is for the user to say. */
static void ask_to_begin_again(struct ui *ui, const struct vac_err *why)
{
    ui_warn(ui, "%s", why->msg);
    dialog_open(
        &(struct dialog){.title = "Begin again?",
                         .text = why->msg,
                         .choice = {{'b', "begin again at step 0; what there is is set aside"}},
                         .done = begin_again});
}

/* The run that is set aside has ended: nothing is lost by letting it go. */
static void drop_parked(struct ui *ui)
{
    park_swap(ui);
    vac_session_close(ui->session);
    ui->session = NULL;
    forget(ui);
    park_swap(ui);
    park_free(ui);
}

static bool parked_is_live(struct ui *ui)
{
    bool live;

    if (!ui->priv->parked)
        return false;
    park_swap(ui);
    live = session_is_live(ui);
    park_swap(ui);
    return live;
}

/* From looking at a run to driving it; when that fails it is looked at again. */
static uint64_t go_on(struct ui *ui, enum vac_op op, int64_t n, bool from_start)
{
    char dir[VAC_PATH];
    struct vac_open o;
    struct vac_err err = {0}, ignored = {0};
    bool zoom = ui->zoom;

    if (parked_is_live(ui)) {
        ui_warn(ui, "%s trains here, and one run does at a time: B goes back to it",
                ui->priv->parked->ui.snap.run);
        return 0;
    }
    if (ui->priv->parked)
        drop_parked(ui);
    memcpy(dir, ui->watched, sizeof dir);
    o = how_to_open(ui, dir);
    o.paused = op == VAC_OP_STEP;
    o.from_start |= from_start;
    ui_say(ui, "opening %s ...", dir);
    frame_now(ui);
    forget(ui);
    if (drive(ui, &o, &err)) {
        watch(ui, dir, &ignored);
        ui->zoom = zoom;
        if (err.code == VAC_ERR_NO_CHECKPOINT)
            ask_to_begin_again(ui, &err);
        else
            ui_warn(ui, "%s", err.msg);
        return 0;
    }
    ui_unsay(ui);
    return op == VAC_OP_STEP ? ui_send(ui, op, n, NULL, NULL) : 1;
}

void session_begin_again(struct ui *ui)
{
    if (session_can_go_on(ui))
        go_on(ui, VAC_OP_RESUME, 0, true);
    else
        ui_warn(ui, "no run is open that has stopped");
}

uint64_t session_drive(struct ui *ui, enum vac_op op, int64_t n)
{
    return session_can_go_on(ui) ? go_on(ui, op, n, false) : ui_send(ui, op, n, NULL, NULL);
}

int session_open(struct ui *ui, const char *path, struct vac_err *err)
{
    struct vac_open o = how_to_open(ui, path);
    int rc = 0;

    session_close(ui);
    if (!o.resume && !o.attach)
        rc = maybe_watch(ui, path, err);
    if (rc == 0 && drive(ui, &o, err)) {
        struct vac_err why = *err;

        if ((why.code != VAC_ERR_NO_CHECKPOINT && !(o.attach && ui->priv->opened)) ||
            !screen_is_open())
            return -1;
        err_clear(err);
        if (maybe_watch(ui, o.out ? o.out : path, err) != 1)
            return -1;
        rc = o.attach; /* who ran it has left: it is looked at */
        if (!rc)
            ask_to_begin_again(ui, &why);
    } else if (rc < 0) {
        return -1;
    }
    ui->priv->opened = true;
    start_remember(path);
    if (rc == 1) {
        ui_unsay(ui);
        offer(ui);
    }
    if (ui->focus == PANEL_runs) {
        ui->zoom = false;
        ui_focus(ui, PANEL_loss);
    }
    return 0;
}

void session_return(struct ui *ui)
{
    if (!ui->priv->parked)
        return;
    forget(ui);
    park_swap(ui);
    park_free(ui);
    ui->dirty = true;
}

/* The list of runs is the whole screen while none is shown. */
static void show_list(struct ui *ui)
{
    ui_focus(ui, PANEL_runs);
    ui->zoom = true;
}

void session_list(struct ui *ui)
{
    char *name;

    ui_unsay(ui);
    if (ui->priv->parked) {
        session_return(ui);
        ui->zoom = false;
        ui_focus(ui, PANEL_loss);
        return;
    }
    if (!ui->session && !*ui->watched) {
        ui_say(ui, "this is the list of runs; Enter opens one");
        return;
    }
    name = strdup(ui->snap.run);
    if (!session_is_live(ui)) {
        session_close(ui);
    } else if (!park_make(ui)) {
        ui_warn(ui, "out of memory");
        free(name);
        return;
    } else {
        ui_say(ui, "%s goes on meanwhile; Enter looks at another run, B goes back",
               name ? name : "");
    }
    free(name);
    show_list(ui);
}

void session_close(struct ui *ui)
{
    look_close(ui, ui->session);
    ui->session = NULL;
    forget(ui);
}

/* What is measured tells nothing of it, and an older state nothing of what was asked for since. */
static void note_held(struct ui *ui)
{
    const struct vac_snapshot *s = &ui->snap;

    if (s->commands_applied >= ui->steering && (s->state == VAC_PAUSED || s->state == VAC_RUNNING))
        ui->held = s->state == VAC_PAUSED;
}

static void open_again(struct ui *ui, const char *path)
{
    snprintf(ui->open_path, sizeof ui->open_path, "%s", path);
    session_open_next(ui);
}

bool session_mend(struct ui *ui, const char *path, const struct vac_err *why)
{
    return mend_offer(ui, path, why, open_again);
}

/* What cannot be opened closes nothing: what was looked at is looked at again. */
static void open_pending(struct ui *ui)
{
    struct vac_err err = {0}, ignored = {0};
    char path[VAC_PATH], before[VAC_PATH];

    memcpy(before, ui->watched, sizeof before);
    memcpy(path, ui->open_path, sizeof path);
    ui->open_path[0] = '\0';
    ui_say(ui, "opening %s ...", path);
    frame_now(ui);
    if (session_open(ui, path, &err)) {
        ui_warn(ui, "%s", err.msg);
        session_mend(ui, path, &err);
        if (!*before || watch(ui, before, &ignored)) {
            ui_focus(ui, PANEL_runs);
            ui->zoom = true;
        }
    } else if (ui->session) {
        ui_unsay(ui);
    } else if (!session_can_go_on(ui)) { /* else it was said how */
        ui_say(ui, look_can(ui) ? "p asks the weights that it saved, @ chooses which; B goes back"
                                : "looking at a run that is not driven from here; B goes back");
    }
}

static void leave_and_open(struct ui *ui, int key)
{
    if (key == 's') {
        session_leave(ui);
        return;
    }
    ui_send(ui, VAC_OP_DISCARD, 0, NULL, NULL);
    open_pending(ui);
}

/* The run ends by itself while it is being asked about: what it was asked for is done all the same.
 */
void session_leave(struct ui *ui)
{
    ui->freeze = false;
    ui->priv->leaving = ui_send(ui, VAC_OP_QUIT, 0, NULL, NULL);
    if (ui->priv->leaving)
        ui_say(ui, "saving a checkpoint after this step, then leaving");
}

static void leave_when_saved(struct ui *ui)
{
    if (!ui->priv->leaving)
        return;
    if (ui->priv->refused >= ui->priv->leaving) {
        ui->priv->leaving = 0;
        ui->open_path[0] = '\0';
    } else if (!session_is_live(ui)) {
        ui->priv->leaving = 0;
        if (*ui->open_path)
            open_pending(ui);
        else
            ui->priv->quit = true;
    }
}

/* A run is there that can be looked at: another one may go on training meanwhile. */
static bool is_run(const char *path)
{
    struct vac_run_info *info = NULL;
    struct vac_err ignored = {0};
    struct stat st;
    size_t n = 0;
    bool is = false;

    if (stat(path, &st) || !S_ISDIR(st.st_mode) || vac_runs(path, &info, &n, &ignored))
        return false;
    for (size_t i = 0; i < n; i++)
        is |= !strcmp(info[i].dir, path);
    free(info);
    return is;
}

void session_open_next(struct ui *ui)
{
    static const struct dialog ask = {
        .title = "A run is open",
        .text = "It has to end here before another one begins.",
        .choice = {{'s', "save a checkpoint, then open"}, {'D', "end without saving, then open"}},
        .done = leave_and_open,
    };
    struct vac_err err = {0};
    char path[VAC_PATH];

    memcpy(path, ui->open_path, sizeof path);
    if (parked_is_live(ui) && !is_run(path))
        session_return(ui);
    else if (*ui->parked && compare_is_same(path, ui->parked)) { /* it is the one that trains */
        session_list(ui);
        return;
    }
    if (session_is_live(ui) && is_run(path)) {
        if (compare_is_same(path, ui_dir(ui))) {
            ui->zoom = false;
            ui_focus(ui, PANEL_loss);
            return;
        }
        if (!park_make(ui)) {
            ui_warn(ui, "out of memory");
            return;
        }
    }
    if (session_is_live(ui) && !mend_is_sound(ui->open_path, &err)) {
        ui_warn(ui, "%s", err.msg);
        session_mend(ui, ui->open_path, &err);
        ui->open_path[0] = '\0';
    } else if (session_is_live(ui) && !session_is_attached(ui))
        dialog_open(&ask);
    else
        open_pending(ui);
}

/* --- taking over --- */

/* Not for longer than a key may wait: the rest comes in the next round. */
static bool pump_history(struct ui *ui)
{
    static struct vac_point points[256];
    static struct vac_layers layers[16];
    double until = clock_seconds() + 0.01;
    bool any = false;
    size_t n;

    while (clock_seconds() < until && (n = vac_history(ui->session, &ui->priv->next_point, points,
                                                       sizeof points / sizeof *points)) > 0) {
        for (size_t i = 0; i < n; i++)
            history_push(&ui->points, &points[i]);
        any = true;
    }
    /* while a run is opened it is not known yet how many they are: their past waits in its file */
    while (ui->snap.n_layers > 0 && clock_seconds() < until &&
           (n = vac_layer_history(ui->session, &ui->priv->next_layer, layers,
                                  sizeof layers / sizeof *layers)) > 0) {
        for (size_t i = 0; i < n; i++)
            layer_history_push(&ui->layers, &layers[i], ui->snap.n_layers);
        any = true;
    }
    ui->priv->behind = clock_seconds() >= until;
    return any;
}

/* The run went back: all that is shown of it is read again, and what it left stays as a ghost. */
static void rewound(struct ui *ui, const struct vac_event *e)
{
    reset_panels(ui);
    history_done(&ui->points);
    layer_history_done(&ui->layers);
    journal_done(&ui->journal);
    ui->priv->next_point = ui->priv->next_layer = 0;
    read_old(ui, e->step);
    compare_ghosts(ui);
    ui_say(ui, *e->text ? "back at step %lld; what lay after it is in %s" : "back at step %lld%s",
           (long long)e->step, e->text);
}

void session_say_forked(struct ui *ui, const char *dir)
{
    struct strbuf word = {0};

    sb_word(&word, dir);
    ui_say(ui, "forked: :open %s goes on with it; elsewhere: vaccine %s", word.s ? word.s : dir,
           word.s ? word.s : dir);
    sb_done(&word);
}

static void tell(struct ui *ui, const struct vac_event *e)
{
    if (is_journal(e))
        journal_push(&ui->journal, e);
    if (e->kind == VAC_EVENT_GUARD)
        screen_notice(e->text);
    if (e->kind == VAC_EVENT_REJECTED) {
        ui_warn(ui, "%s", e->text);
        ui->priv->refused = e->id;
    }
    if (e->kind == VAC_EVENT_ACK || e->kind == VAC_EVENT_REJECTED)
        ui->priv->answered = e->id;
    if (e->kind == VAC_EVENT_EVAL && e->id && e->eval.score)
        look_score(ui, e->eval.score);
    if (e->kind == VAC_EVENT_CONTROL || e->kind == VAC_EVENT_ATTACK)
        ui_say(ui, "%s", e->text);
    if (e->kind == VAC_EVENT_REWIND)
        rewound(ui, e);
    if (e->kind == VAC_EVENT_FORK)
        session_say_forked(ui, e->text);
    if (e->kind == VAC_EVENT_PROBE_END)
        ui->priv->tour.answers++;
    if (e->kind == VAC_EVENT_PROBE_END && e->id == ui->answering)
        ui->answering = 0;
    for (int i = 0; i < PANEL_COUNT; i++)
        if (panels[i]->event)
            panels[i]->event(ui, e);
}

static bool pump_events(struct ui *ui)
{
    struct vac_event e;
    bool any = false;

    while (vac_event_next(ui->session, &e)) {
        tell(ui, &e);
        vac_event_done(&e);
        any = true;
    }
    return any;
}

/* A change of state is news, once. */
static void tell_state(struct ui *ui, const struct vac_snapshot *before)
{
    const struct vac_snapshot *s = &ui->snap;

    /* what was asked for has been measured, and it stands as it stood */
    if (before->state == VAC_MEASURING && s->step == before->step &&
        s->commands_applied > before->commands_applied)
        return;
    /* between two pauses may be a step too short to be seen */
    if (s->state == before->state && (s->state != VAC_PAUSED || !strcmp(s->reason, before->reason)))
        return;
    if (s->state == VAC_FAILED)
        ui_warn(ui, "%s", *s->reason ? s->reason : "the run has failed");
    else if (s->state == VAC_PAUSED && *s->reason)
        ui_say(ui, "%s", s->reason);
    else if (s->state == VAC_DONE)
        ui_say(ui, "the run is done; q leaves");
}

/* Time alone is no news: what has grown older, or moved in memory, is right in the next frame, and
 * an idle screen draws none. */
static bool is_news(const struct vac_snapshot *before, const struct vac_snapshot *now)
{
    struct vac_snapshot old = *before;

    old.checkpoint_age = now->checkpoint_age;
    old.rss_bytes = now->rss_bytes;
    return memcmp(&old, now, sizeof old) != 0;
}

static bool pump(struct ui *ui)
{
    struct vac_snapshot before = ui->snap;
    bool any;
    char drain[64];
    int fd;

    if (!ui->session)
        return pump_files(ui);
    fd = vac_wakeup_fd(ui->session);
    while (fd >= 0 && read(fd, drain, sizeof drain) == (ssize_t)sizeof drain)
        ;
    any = pump_events(ui);
    if (ui->freeze)
        return false;
    ui->snap = *vac_snapshot(ui->session);
    note_moved(ui, &before);
    ui_take_options(ui);
    note_held(ui);
    if (!ui->priv->headless) /* else nobody looks any more */
        any |= pump_history(ui);
    any |= is_news(&before, &ui->snap);
    tell_state(ui, &before);
    leave_when_saved(ui);
    return any;
}

static bool pump_parked(struct ui *ui)
{
    char name[VAC_NAME];
    bool any;

    park_swap(ui);
    snprintf(name, sizeof name, "%s", ui->snap.run);
    ui->news = name;
    any = pump(ui);
    ui->news = "";
    park_swap(ui);
    return any;
}

bool session_pump(struct ui *ui)
{
    const char *was = ui->news; /* one run may be opened as another ends */
    bool any;

    ui->news = "";
    any = pump(ui);
    any |= look_pump(ui);
    if (ui->priv->parked)
        any |= pump_parked(ui);
    any |= attack_pump(ui);
    ui->news = was;
    return any;
}

int session_fds(const struct ui *ui, struct pollfd *fds, bool listen)
{
    struct vac_session *const from[] = {ui->session, ui->look,
                                        ui->priv->parked ? ui->priv->parked->ui.session : NULL};
    const struct vac_siege *siege = ui->priv->attack.siege;
    int n = 0;

    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        fds[n++] = (struct pollfd){.fd = listen && from[i] ? vac_wakeup_fd(from[i]) : -1,
                                   .events = POLLIN};
    fds[n++] = (struct pollfd){.fd = listen && siege ? vac_siege_fd(siege) : -1, .events = POLLIN};
    return n;
}
