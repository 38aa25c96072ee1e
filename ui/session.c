/* session.c - the screen's side of a run: opening it, asking it, taking over what it tells. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "ui/frame.h"
#include "ui/start.h"
#include "ui/store.h"

/* --- asking --- */

uint64_t ui_send(struct ui *ui, enum vac_op op, int64_t n, const char *key, const char *text)
{
    struct vac_command c = {
        .op = op, .n = n, .text = text ? text : "", .who = ui->priv->script ? "script" : "ui"};
    struct vac_err err = {0};
    uint64_t id = 0;

    if (!ui->session) {
        ui_warn(ui, "%s",
                *ui->priv->watched ? "this run is only looked at, not driven"
                                   : "no run is open: Enter opens one");
        return 0;
    }
    snprintf(c.key, sizeof c.key, "%s", key ? key : "");
    if (vac_command(ui->session, &c, &id, &err)) {
        ui_warn(ui, "%s", err.msg);
        return 0;
    }
    if (op == VAC_OP_PROBE)
        ui->priv->answering = id;
    ui->dirty = true;
    return id;
}

void ui_set(struct ui *ui, const char *key, const char *value)
{
    struct vac_option o;
    bool known = ui_option(ui, key, &o);

    if (!ui_send(ui, VAC_OP_SET, 0, key, value))
        return;
    if (known)
        ui_say(ui, "%s %s -> %s, from the next step on", key, *o.pending ? o.pending : o.value,
               value);
    else
        ui_say(ui, "%s -> %s, from the next step on", key, value);
}

bool ui_option(struct ui *ui, const char *name, struct vac_option *out)
{
    for (size_t i = 0; ui->session && vac_option_at(ui->session, i, out); i++)
        if (!strcmp(out->name, name))
            return true;
    return false;
}

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
    reset_panels(ui);
    history_done(&ui->points);
    layer_history_done(&ui->layers);
    journal_done(&ui->journal);
    memset(&ui->snap, 0, sizeof ui->snap);
    ui->priv->next_point = ui->priv->next_layer = 0;
    ui->priv->answering = 0;
    ui->priv->watched[0] = ui->priv->title[0] = '\0';
    ui->cursor = NAN;
    ui->from = ui->to = 0;
    ui->layer = 0;
    ui->freeze = false;
    ui->dirty = true;
}

/* Signals are for the screen's thread: those that the session starts must not get them. */
static int open_and_start(struct ui *ui, const struct vac_open *o, struct vac_err *err)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t all, old;
    int rc;

    sigfillset(&all);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        sigdelset(&all, deadly[i]);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = vac_session_open(&ui->session, o, err);
    if (!rc && vac_session_start(ui->session, err)) {
        vac_session_close(ui->session);
        rc = -1;
    }
    if (rc)
        ui->session = NULL;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

static void take_state(struct vac_snapshot *snap, const char *state)
{
    snap->state = VAC_STOPPED;
    for (int i = VAC_LOADING; i <= VAC_FAILED; i++)
        if (!strcmp(vac_state_names[i], state))
            snap->state = (enum vac_state)i;
}

/* A finished run, or one that another program drives: its files tell what happened. */
static int watch(struct ui *ui, const struct vac_run_info *info, struct vac_err *err)
{
    struct vac_point *points = NULL;
    struct vac_layers *layers = NULL;
    size_t n = 0, rows = 0;
    int n_layers = 0;

    if (vac_run_points(info->dir, &points, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        history_push(&ui->points, &points[i]);
    if (n)
        ui->snap.last = points[n - 1];
    if (!vac_run_layers(info->dir, &layers, &rows, &n_layers, err))
        for (size_t i = 0; i < rows; i++)
            layer_history_push(&ui->layers, &layers[i], n_layers);
    if (rows)
        ui->snap.layers = layers[rows - 1];
    free(points);
    free(layers);
    ui->snap.n_layers = n_layers;
    ui->snap.step = info->step;
    ui->snap.total_steps = info->total_steps;
    ui->snap.checkpoint_step = -1;
    ui->snap.steps_per_s = ui->snap.eta_s = ui->snap.tokens_per_s = ui->snap.rss_bytes = NAN;
    ui->snap.n_evals = info->n_evals;
    memcpy(ui->snap.eval, info->eval, sizeof info->eval);
    snprintf(ui->snap.run, sizeof ui->snap.run, "%s", info->name);
    snprintf(ui->snap.model, sizeof ui->snap.model, "%s", info->model);
    take_state(&ui->snap, info->state);
    for (int i = 0; i < VAC_MAX_LAYERS; i++)
        ui->snap.mask[i] = true;
    snprintf(ui->priv->watched, sizeof ui->priv->watched, "%s", info->dir);
    return 0;
}

/* 1 = looked at, 0 = to be driven, -1 = err. */
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
        if (!strcmp(info[i].dir, path) &&
            (!strcmp(info[i].state, "done") || !strcmp(info[i].state, "running")))
            rc = watch(ui, &info[i], err) ? -1 : 1;
    free(info);
    return rc;
}

int session_open(struct ui *ui, const char *path, struct vac_err *err)
{
    struct vac_open o = {.file = path, .interactive = true};
    const struct ui_args *a = ui->args;
    int rc;

    session_close(ui);
    if (a->path && !strcmp(a->path, path)) {
        o.out = a->out;
        o.set = a->set;
        o.n_set = a->n_set;
        o.resume = a->resume;
    }
    o.paused = a->paused;
    o.deterministic_wall = a->deterministic;
    rc = maybe_watch(ui, path, err);
    if (rc == 0)
        rc = open_and_start(ui, &o, err);
    if (rc < 0)
        return -1;
    start_remember(path);
    session_pump(ui);
    if (ui->focus == PANEL_runs) {
        ui->zoom = false;
        ui_focus(ui, PANEL_loss);
    }
    return 0;
}

void session_close(struct ui *ui)
{
    vac_session_close(ui->session);
    ui->session = NULL;
    forget(ui);
}

bool session_is_live(const struct ui *ui)
{
    return ui->session && ui->snap.state != VAC_DONE && ui->snap.state != VAC_STOPPED &&
           ui->snap.state != VAC_FAILED;
}

static void open_pending(struct ui *ui)
{
    struct vac_err err = {0};
    char path[VAC_PATH];

    memcpy(path, ui->priv->pending_path, sizeof path);
    ui->priv->pending_path[0] = '\0';
    ui_say(ui, "opening %s ...", path);
    frame_now(ui);
    if (session_open(ui, path, &err)) {
        ui_warn(ui, "%s", err.msg);
        ui_focus(ui, PANEL_runs);
        ui->zoom = true;
    } else {
        ui_say(ui, "%s", ui->session ? "" : "looking at a run that is not driven from here");
    }
}

static void leave_and_open(struct ui *ui, int key)
{
    ui_send(ui, key == 's' ? VAC_OP_QUIT : VAC_OP_DISCARD, 0, NULL, NULL);
    open_pending(ui);
}

void ui_open_run(struct ui *ui, const char *path)
{
    static const struct dialog ask = {
        .title = "A run is open",
        .text = "It has to end here before another one is opened.",
        .choice = {{'s', "save a checkpoint, then open"}, {'D', "end without saving, then open"}},
        .done = leave_and_open,
    };

    snprintf(ui->priv->pending_path, sizeof ui->priv->pending_path, "%s", path);
    if (session_is_live(ui))
        dialog_open(ui, &ask);
    else
        open_pending(ui);
}

/* --- taking over --- */

static bool pump_history(struct ui *ui)
{
    static struct vac_point points[256];
    static struct vac_layers layers[16];
    bool any = false;
    size_t n;

    while ((n = vac_history(ui->session, &ui->priv->next_point, points,
                            sizeof points / sizeof *points)) > 0) {
        for (size_t i = 0; i < n; i++)
            history_push(&ui->points, &points[i]);
        any = true;
    }
    while ((n = vac_layer_history(ui->session, &ui->priv->next_layer, layers,
                                  sizeof layers / sizeof *layers)) > 0) {
        for (size_t i = 0; i < n; i++)
            layer_history_push(&ui->layers, &layers[i], ui->snap.n_layers);
        any = true;
    }
    return any;
}

static void tell(struct ui *ui, const struct vac_event *e)
{
    if (e->kind == VAC_EVENT_JOURNAL || e->kind == VAC_EVENT_REJECTED)
        journal_push(&ui->journal, e);
    if (e->kind == VAC_EVENT_REJECTED)
        ui_warn(ui, "%s", e->text);
    if (e->kind == VAC_EVENT_PROBE_END && e->id == ui->priv->answering)
        ui->priv->answering = 0;
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
        free(e.body);
        any = true;
    }
    return any;
}

/* A change of state is news, once. */
static void tell_state(struct ui *ui, enum vac_state before)
{
    const struct vac_snapshot *s = &ui->snap;

    if (s->state == before)
        return;
    if (s->state == VAC_FAILED)
        ui_warn(ui, "%s", *s->reason ? s->reason : "the run has failed");
    else if (s->state == VAC_PAUSED && *s->reason)
        ui_say(ui, "%s", s->reason);
    else if (s->state == VAC_DONE)
        ui_say(ui, "the run is done; q leaves");
}

bool session_pump(struct ui *ui)
{
    enum vac_state before = ui->snap.state;
    char drain[64];
    int fd;

    if (!ui->session)
        return false;
    fd = vac_wakeup_fd(ui->session);
    while (fd >= 0 && read(fd, drain, sizeof drain) == (ssize_t)sizeof drain)
        ;
    pump_events(ui);
    if (ui->freeze)
        return false;
    ui->snap = *vac_snapshot(ui->session);
    pump_history(ui);
    tell_state(ui, before);
    return true;
}

/* --- places and clocks --- */

const char *ui_dir(const struct ui *ui)
{
    const char *dir = ui->session ? vac_session_dir(ui->session) : ui->priv->watched;

    return *dir ? dir : ".";
}

const char *ui_state_dir(char out[VAC_PATH])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *slash;

    if (state && *state == '/')
        snprintf(out, VAC_PATH, "%s/vaccine", state);
    else if (home && *home)
        snprintf(out, VAC_PATH, "%s/.local/state/vaccine", home);
    else
        return strcpy(out, "");
    for (slash = out + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(out, 0700);
        *slash = '/';
    }
    if (mkdir(out, 0700) && errno != EEXIST)
        *out = '\0';
    return out;
}

const char *ui_clock(const struct ui *ui, double time, char out[16])
{
    time_t t = (time_t)time;
    struct tm tm;

    if (ui->args->deterministic || !localtime_r(&t, &tm))
        return strcpy(out, "--:--:--");
    strftime(out, 16, "%H:%M:%S", &tm);
    return out;
}
