/* actions.c - what keys do: first the panel that has the focus, then panels that care, then the
 * general meaning in the table below. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/look.h"
#include "term/screen.h"
#include "term/signals.h"
#include "ui/actions.h"
#include "ui/attack.h"
#include "ui/export.h"
#include "ui/layout.h"
#include "ui/session.h"

/* --- run --- */

static void do_pause(struct ui *ui)
{
    bool paused = session_is_held(ui) || session_can_go_on(ui);
    uint64_t id =
        paused ? session_drive(ui, VAC_OP_RESUME, 0) : ui_send(ui, VAC_OP_PAUSE, 0, NULL, NULL);

    if (id)
        ui_announce(ui, id, "%s",
                    paused                          ? "training goes on"
                    : ui->snap.state == VAC_RUNNING ? "pausing after this step"
                                                    : "pausing when this is done");
}

static void do_step(struct ui *ui)
{
    session_drive(ui, VAC_OP_STEP, 1);
}

static void steps_typed(struct ui *ui, const char *line)
{
    char *end, text[NUMBER_SIZE];
    long long n = strtoll(line, &end, 10);
    uint64_t id;

    if (!*line)
        return;
    if (*end || n < 1 || n > 1000000000)
        ui_warn(ui, "\"%s\" is not a number of steps: a whole number from 1 on", line);
    else if ((id = session_drive(ui, VAC_OP_STEP, n)))
        ui_announce(ui, id, "%s, then pause", number_of(text, n, "steps"));
}

static void do_steps(struct ui *ui)
{
    prompt_open(ui, &(struct prompt){
                        .label = "steps> ", .hint = "so many, then pause", .done = steps_typed});
}

static void until_typed(struct ui *ui, const char *line)
{
    uint64_t id = *line ? ui_send(ui, VAC_OP_RUN_UNTIL, 0, NULL, line) : 0;

    if (id)
        ui_announce(ui, id, "goes on until %s", line);
}

static void do_run_until(struct ui *ui)
{
    prompt_open(ui, &(struct prompt){.label = "until> ",
                                     .history = "until",
                                     .hint = "step >= 500, HS < 5%, loss < .2: then pause",
                                     .done = until_typed});
}

static void do_undo(struct ui *ui)
{
    uint64_t id = ui_send(ui, VAC_OP_UNDO, 0, NULL, NULL);

    if (id)
        ui_announce(ui, id, "the last change is taken back");
}

static void do_checkpoint(struct ui *ui)
{
    uint64_t id = ui_send(ui, VAC_OP_SAVE, 0, NULL, NULL);

    if (id)
        ui_announce(ui, id, "saving a checkpoint after this step");
}

/* --- back, and beside --- */

/* Its checkpoints up to a step, as "60, 40, 20"; the newest of them, -1 = there is none. */
static int64_t checkpoints(const struct ui *ui, double before, char *list, size_t size)
{
    struct vac_err err = {0};
    char *saved = vac_run_saved(ui_dir(ui), &err);
    int64_t newest = -1;
    size_t n = 0;

    *list = '\0';
    /* stages stand first, and then the steps, from the first on: each goes before those before it */
    for (char *at = saved; at && *at; at += strspn(at, ", ")) {
        size_t len = strcspn(at, ",");
        int64_t step = strspn(at, "0123456789") == len ? strtoll(at, NULL, 10) : -1;

        if (step > newest && (double)step <= before)
            newest = step;
        if (step >= 0 && (double)step <= (double)ui->snap.step && n + len + 3 < size) {
            memmove(list + len + 2, list, n + 1);
            memcpy(list, at, len);
            memcpy(list + len, ", ", 2);
            n += len + 2;
        }
        at += len;
    }
    if (n)
        list[n - 2] = '\0';
    free(saved);
    return newest;
}

static bool read_step(const char *text, int64_t *step)
{
    char *end;

    *step = isdigit((unsigned char)*text) ? strtoll(text, &end, 10) : -1;
    return *step >= 0 && !*end;
}

void action_rewind(struct ui *ui, const char *args)
{
    int64_t step;
    uint64_t id;

    if (!read_step(args, &step)) {
        ui_warn(ui, "rewind wants the step of a checkpoint, and \"%s\" is none", args);
        return;
    }
    if (!session_is_held(ui) && !ui_send(ui, VAC_OP_PAUSE, 0, NULL, NULL))
        return;
    id = ui_send(ui, VAC_OP_REWIND, step, NULL, NULL);
    if (id)
        ui_announce(ui, id, "going back to step %lld", (long long)step);
}

static void rewind_typed(struct ui *ui, const char *line)
{
    if (*line)
        action_rewind(ui, line);
}

static void do_rewind(struct ui *ui)
{
    char list[160], hint[200], initial[24];
    int64_t step;

    if (!session_is_live(ui)) {
        ui_warn(ui, "a run that is at work can go back; b forks this one");
        return;
    }
    step = checkpoints(ui, isnan(ui->cursor) ? INFINITY : ui->cursor, list, sizeof list);
    if (!*list) {
        ui_warn(ui, "there is no checkpoint yet to go back to; c saves one");
        return;
    }
    snprintf(initial, sizeof initial, "%lld", (long long)step);
    snprintf(hint, sizeof hint, "checkpoints: %s", list);
    prompt_open(ui, &(struct prompt){.label = "back to step> ",
                                     .initial = step >= 0 ? initial : NULL,
                                     .replaced = true,
                                     .hint = hint,
                                     .done = rewind_typed});
}

/* A run that is only looked at is forked from here: nobody else has to. */
static void fork_saved(struct ui *ui, const char *at, const char *out)
{
    struct vac_fork f = {.run = ui_dir(ui), .at = at, .out = out, .who = ui->who};
    struct vac_err err = {0};

    if (vac_fork(&f, &err))
        ui_warn(ui, "%s", err.msg);
    else
        session_say_forked(ui, f.dir);
}

void action_fork(struct ui *ui, const char *args)
{
    char at[VAC_NAME], out[VAC_PATH];
    size_t n = strcspn(args, " \t");
    bool here = n == 0 || (n == 4 && !strncmp(args, "here", 4));
    int64_t step = 0; /* here */
    uint64_t id;

    snprintf(at, sizeof at, "%.*s", (int)n, args);
    text_unquote(out, sizeof out, args + n + strspn(args + n, " \t"));
    if (!*ui->snap.run)
        ui_warn(ui, "no run is open: Enter opens one");
    else if (!session_is_live(ui))
        fork_saved(ui, here ? NULL : at, *out ? out : NULL);
    else if (!here && !read_step(at, &step))
        ui_warn(ui, ":fork wants the step of a checkpoint, or here, and \"%s\" is neither", at);
    else if ((id = ui_send(ui, VAC_OP_FORK, step, NULL, *out ? out : NULL)))
        ui_announce(ui, id, "forking after this step");
}

static void do_fork(struct ui *ui)
{
    char list[140], hint[200], initial[24] = "here";
    int64_t step;

    step = checkpoints(ui, isnan(ui->cursor) ? INFINITY : ui->cursor, list, sizeof list);
    if (!isnan(ui->cursor) && step >= 0)
        snprintf(initial, sizeof initial, "%lld", (long long)step);
    snprintf(hint, sizeof hint, "a step, and a folder: here%s%s", *list ? ", " : "", list);
    prompt_open(ui, &(struct prompt){.label = "fork at> ",
                                     .initial = initial,
                                     .replaced = true,
                                     .hint = hint,
                                     .done = action_fork});
}

/* --- measuring --- */

static void do_reference(struct ui *ui)
{
    uint64_t id = ui_send(ui, VAC_OP_REFERENCE, 0, NULL, NULL);

    if (id)
        ui_announce(ui, id, "after this step its weights are what drift is measured against");
}

/* --- rho and layers --- */

/* Number of rho; -1, and said why, when there is none. */
static int rho_option(struct ui *ui)
{
    int rho = ui_option(ui, "rho");

    if (rho < 0 && session_is_live(ui))
        ui_warn(ui, "this stage has no rho");
    else if (rho < 0)
        ui_warn_unsteered(ui);
    return rho;
}

static void scale_rho(struct ui *ui, double factor)
{
    char value[NUMBER_SIZE];
    int rho = rho_option(ui);
    double now = rho < 0 ? NAN : strtod(ui_option_next(&ui->option[rho]), NULL);

    if (rho < 0)
        return;
    if (now == 0) {
        ui_warn(ui, "rho is 0, and any multiple of it: = sets another");
        return;
    }
    snprintf(value, sizeof value, "%.4g", now * factor);
    ui_set(ui, rho, value);
}

static void rho_typed(struct ui *ui, const char *line)
{
    int rho = rho_option(ui);

    if (*line && rho >= 0)
        ui_set(ui, rho, line);
}

static void do_rho_type(struct ui *ui)
{
    char hint[128], now[RHO_SIZE];
    int rho = rho_option(ui);

    if (rho < 0)
        return;
    snprintf(hint, sizeof hint, "now %.64s; another from the next step on", ui_rho_text(ui, now));
    prompt_open(ui, &(struct prompt){.label = "rho> ", .hint = hint, .done = rho_typed});
}

/* "0-3,7" of a mask. */
static void mask_text(const bool *mask, int n, char *out, size_t size)
{
    size_t used = 0;

    *out = '\0';
    for (int i = 0; i < n && used + 12 < size; i++) {
        int last = i;

        if (!mask[i])
            continue;
        while (last + 1 < n && mask[last + 1])
            last++;
        used += (size_t)snprintf(out + used, size - used, last > i ? "%s%d-%d" : "%s%d",
                                 used ? "," : "", i, last);
        i = last;
    }
}

/* The layers of the next step: a change that waits counts. */
static void next_mask(const struct ui *ui, bool mask[VAC_MAX_LAYERS])
{
    int layers = ui_option(ui, "layers"), n = ui->snap.n_layers;
    const char *s = layers >= 0 ? ui_option_next(&ui->option[layers]) : "";
    bool all = !*s || !strcmp(s, "all");

    for (int i = 0; i < n; i++)
        mask[i] = all;
    while (!all && *s) {
        char *end;
        long from = strtol(s, &end, 10), to = *end == '-' ? strtol(end + 1, &end, 10) : from;

        for (long i = from; i >= 0 && i <= to && i < n; i++)
            mask[i] = true;
        s = *end ? end + 1 : end;
    }
}

static void set_layers(struct ui *ui, const char *text)
{
    int layers = ui_option(ui, "layers");

    if (layers >= 0)
        ui_set(ui, layers, text);
    else
        ui_send(ui, VAC_OP_SET, 0, "layers", text); /* says why not */
}

static void do_mask(struct ui *ui)
{
    bool mask[VAC_MAX_LAYERS];
    char text[128];

    if (ui->layer < 0 || ui->layer >= ui->snap.n_layers) {
        ui_warn(ui, "no stage has begun: its layers are not known yet");
        return;
    }
    next_mask(ui, mask);
    mask[ui->layer] = !mask[ui->layer];
    mask_text(mask, ui->snap.n_layers, text, sizeof text);
    set_layers(ui, text);
}

static void mask_typed(struct ui *ui, const char *line)
{
    if (*line)
        set_layers(ui, line);
}

static void do_mask_range(struct ui *ui)
{
    bool mask[VAC_MAX_LAYERS];
    char text[128];

    next_mask(ui, mask);
    mask_text(mask, ui->snap.n_layers, text, sizeof text);
    prompt_open(ui, &(struct prompt){.label = "layers> ",
                                     .initial = text,
                                     .replaced = true,
                                     .hint = "to perturb, like 0-3,7",
                                     .done = mask_typed});
}

/* --- moving --- */

static double last_step(const struct ui *ui)
{
    return ui->points.n ? ui->points.v[(ui->points.n - 1) * COL_COUNT + COL_step] : 0;
}

static void step_range(const struct ui *ui, double *from, double *to)
{
    *from = ui->from;
    *to = ui->to;
    if (ui->to <= ui->from) {
        *from = ui->points.n ? ui->points.v[COL_step] : 0;
        *to = last_step(ui);
    }
}

static void move_cursor(struct ui *ui, double part)
{
    double from, to, by, at = isnan(ui->cursor) ? last_step(ui) : ui->cursor;

    if (!ui->points.n)
        return;
    step_range(ui, &from, &to);
    by = round((to - from) * fabs(part));
    at += copysign(by < 1 ? 1 : by, part);
    ui->cursor = fmin(fmax(at, ui->points.v[COL_step]), last_step(ui));
}

static void do_home(struct ui *ui)
{
    if (ui->points.n)
        ui->cursor = ui->points.v[COL_step];
}

static void do_end(struct ui *ui)
{
    ui->cursor = NAN;
}

static void do_up(struct ui *ui)
{
    if (ui->layer > 0)
        ui->layer--;
}

static void do_down(struct ui *ui)
{
    if (ui->layer + 1 < ui->snap.n_layers)
        ui->layer++;
}

static void do_back(struct ui *ui)
{
    ui_unsay(ui);
    if (ui->zoom && (ui->session || *ui->watched))
        ui->zoom = false;
    else if (ui->to > ui->from)
        ui->from = ui->to = 0;
    else
        ui->cursor = NAN;
}

/* --- views --- */

static void do_zoom(struct ui *ui)
{
    ui->zoom = !ui->zoom;
}

static void zoom_by(struct ui *ui, double factor)
{
    double from, to, first, last = last_step(ui), at, width;

    step_range(ui, &from, &to);
    first = ui->points.n ? ui->points.v[COL_step] : 0;
    at = isnan(ui->cursor) ? to : ui->cursor;
    width = fmax((to - from) * factor, 8);
    if (width >= last - first) {
        ui->from = ui->to = 0;
        return;
    }
    from = fmin(fmax(at - width / 2, first), last - width);
    ui->from = floor(from);
    ui->to = floor(from + width);
}

static void do_zoom_reset(struct ui *ui)
{
    ui->from = ui->to = 0;
}

static void pan(struct ui *ui, double part)
{
    double by = (ui->to - ui->from) * part, first = ui->points.n ? ui->points.v[COL_step] : 0;

    if (ui->to <= ui->from) {
        ui_say(ui, "the whole run is in sight; + zooms in");
        return;
    }
    by = fmax(by, first - ui->from);
    by = fmin(by, fmax(last_step(ui) - ui->to, 0));
    ui->from += round(by);
    ui->to += round(by);
}

static void do_log(struct ui *ui)
{
    ui->log_y = !ui->log_y;
}

static void do_smooth(struct ui *ui)
{
    static const double steps[] = {0, 0.6, 0.9, 0.98};
    size_t i = 0;

    while (i < 3 && steps[i] < ui->ema)
        i++;
    ui->ema = steps[(i + 1) % 4];
}

static void do_x_unit(struct ui *ui)
{
    ui->x_unit = (enum x_unit)((ui->x_unit + 1) % X_COUNT);
}

static void do_metric(struct ui *ui)
{
    ui->metric = (enum metric)((ui->metric + 1) % METRIC_COUNT);
}

static void do_freeze(struct ui *ui)
{
    ui->freeze = !ui->freeze;
    ui_say(ui, "%s%s", ui->freeze ? "the picture stands still; F again" : "",
           ui->freeze && ui->snap.state == VAC_RUNNING ? "; training goes on" : "");
}

static void do_guides(struct ui *ui)
{
    ui->guides = !ui->guides;
}

/* --- finding --- */

static struct {
    enum panel_id panel;
    char before[200]; /* the filter that stands again when the line is dropped */
} filtering;

static void filter_typed(struct ui *ui, const char *line)
{
    if (!panel_filter(ui, filtering.panel, line))
        ui_warn(ui, "no match: %s", line);
}

/* Its rows are at hand: each letter filters them. */
static void filter_typing(struct ui *ui, const char *line)
{
    ui_next_message(ui);
    filter_typed(ui, line);
}

static void filter_dropped(struct ui *ui)
{
    ui_next_message(ui);
    panel_filter(ui, filtering.panel, filtering.before);
}

static void do_filter(struct ui *ui)
{
    enum panel_id id = (enum panel_id)ui->focus;
    const char *before = panel_filter_text(ui, id);

    filtering.panel = id;
    snprintf(filtering.before, sizeof filtering.before, "%s", before ? before : "");
    if (panel_filters(id))
        prompt_open(ui, &(struct prompt){.label = "/",
                                         .history = "filter",
                                         .hint = "word | other  !not  /regex/",
                                         .changed = before ? filter_typing : NULL,
                                         .dropped = before ? filter_dropped : NULL,
                                         .done = filter_typed});
    else
        ui_say(ui, "%s has no list to filter; 8 journal, 9 data and 0 runs have",
               panels[ui->focus]->title);
}

static void do_dump(struct ui *ui)
{
    export_panel(ui, -1, "txt", NULL);
    export_panel(ui, -1, "svg", NULL);
}

/* --- screen --- */

static void do_theme(struct ui *ui)
{
    ui->priv->theme = (enum theme)((ui->priv->theme + 1) % THEME_COUNT);
    screen_set_theme(ui->priv->theme);
    ui->colors = screen_colors();
    ui_say(ui, "theme %s", theme_names[ui->priv->theme]);
}

void action_charset(struct ui *ui, enum charset wanted)
{
    static const char *const names[] = {"braille", "block", "ASCII"};

    ui->charset = ui->utf8 ? wanted : CHARSET_ASCII;
    ui_say(ui, ui->utf8 ? "characters: %s" : "characters: %s; the locale is not UTF-8",
           names[ui->charset]);
}

static void do_charset(struct ui *ui)
{
    action_charset(ui, (enum charset)((ui->charset + 1) % CHARSET_COUNT));
}

static void do_mouse(struct ui *ui)
{
    if (!screen_set_mouse(!ui->priv->mouse)) {
        ui_warn(ui, "this terminal has no mouse");
        return;
    }
    ui->priv->mouse = !ui->priv->mouse;
    ui_say(ui, "%s", ui->priv->mouse ? "mouse on: Shift-drag selects text" : "mouse off");
}

static void do_repaint(struct ui *ui)
{
    screen_repaint();
    ui->dirty = true;
}

static void stop_here(void *unused)
{
    (void)unused;
    signals_stop();
}

static void do_suspend(struct ui *ui)
{
    screen_aside(stop_here, NULL);
    ui->dirty = true;
}

static void go_headless(struct ui *ui)
{
    ui->priv->headless = true;
    ui->priv->quit = true;
}

static void do_detach(struct ui *ui)
{
    session_return(ui);
    if (session_is_attached(ui)) {
        ui->priv->quit = true;
    } else if (session_is_live(ui)) {
        ui->priv->background = true;
        go_headless(ui);
    } else {
        ui_say(ui, "nothing is training; q leaves");
    }
}

static void quit_answered(struct ui *ui, int key)
{
    if (key == 'h') {
        go_headless(ui);
        return;
    }
    if (key == 's') {
        session_leave(ui);
        return;
    }
    ui_send(ui, VAC_OP_DISCARD, 0, NULL, NULL);
    ui->priv->status = 0; /* whatever it could not write: nothing is what was wanted */
    ui->priv->quit = true;
}

/* q q saves and leaves, as Enter does: a finger that repeats never loses data. */
void action_quit(struct ui *ui)
{
    static const struct dialog ask = {
        .title = "Leave?",
        .text = "A run is under way.",
        .choice = {{'s', "save and quit: a checkpoint, to go on from later"},
                   {'h', "go on headless: as vaccine run, in this terminal"},
                   {'D', "discard: quit without saving; old checkpoints stay"}},
        .enter = 's',
        .again = 'q',
        .done = quit_answered,
    };

    session_return(ui); /* that is the one that is asked about */
    if (session_is_live(ui) && !session_is_attached(ui))
        dialog_open(&ask);
    else
        ui->priv->quit = true;
}

static void do_stop(struct ui *ui)
{
    if (ui->answering) {
        ui_send(ui, VAC_OP_PROBE_STOP, 0, NULL, NULL);
        return;
    }
    if (attack_is_on(ui)) {
        attack_ask(ui);
        return;
    }
    if (ui->priv->stop_asked > 0 && ui->now - ui->priv->stop_asked < 2) {
        ui->priv->stop_asked = 0;
        action_quit(ui);
        return;
    }
    ui->priv->stop_asked = ui->now;
    ui_say(ui, "press q to quit, Space to pause");
}

static void focus_next(struct ui *ui, double direction)
{
    ui_focus(ui, layout_next(ui, ui->focus, direction < 0 ? -1 : 1));
}

/* --- dispatch --- */

static const struct {
    void (*act)(struct ui *ui, double by);
    double by;
} by_amount[ACT_COUNT] = {
    [ACT_rho_down] = {scale_rho, 0.9},   [ACT_rho_up] = {scale_rho, 1.1},
    [ACT_rho_half] = {scale_rho, 0.5},   [ACT_rho_double] = {scale_rho, 2},
    [ACT_left] = {move_cursor, -0.01},   [ACT_right] = {move_cursor, 0.01},
    [ACT_page_up] = {move_cursor, -0.1}, [ACT_page_down] = {move_cursor, 0.1},
    [ACT_zoom_in] = {zoom_by, 0.5},      [ACT_zoom_out] = {zoom_by, 2},
    [ACT_pan_left] = {pan, -0.25},       [ACT_pan_right] = {pan, 0.25},
    [ACT_next_panel] = {focus_next, 1},  [ACT_prev_panel] = {focus_next, -1},
};

static void (*const general[ACT_COUNT])(struct ui *) = {
    [ACT_pause] = do_pause,
    [ACT_step] = do_step,
    [ACT_steps] = do_steps,
    [ACT_run_until] = do_run_until,
    [ACT_undo] = do_undo,
    [ACT_checkpoint] = do_checkpoint,
    [ACT_rewind] = do_rewind,
    [ACT_fork] = do_fork,
    [ACT_attack] = attack_ask,
    [ACT_evaluate] = ui_evaluate,
    [ACT_reference] = do_reference,
    [ACT_rho_type] = do_rho_type,
    [ACT_mask] = do_mask,
    [ACT_mask_range] = do_mask_range,
    [ACT_up] = do_up,
    [ACT_down] = do_down,
    [ACT_home] = do_home,
    [ACT_end] = do_end,
    [ACT_enter] = do_zoom,
    [ACT_back] = do_back,
    [ACT_zoom] = do_zoom,
    [ACT_zoom_reset] = do_zoom_reset,
    [ACT_log] = do_log,
    [ACT_smooth] = do_smooth,
    [ACT_x_unit] = do_x_unit,
    [ACT_metric] = do_metric,
    [ACT_freeze] = do_freeze,
    [ACT_guides] = do_guides,
    [ACT_filter] = do_filter,
    [ACT_copy] = export_copy,
    [ACT_dump] = do_dump,
    [ACT_theme] = do_theme,
    [ACT_charset] = do_charset,
    [ACT_mouse] = do_mouse,
    [ACT_repaint] = do_repaint,
    [ACT_suspend] = do_suspend,
    [ACT_detach] = do_detach,
    [ACT_list] = session_list,
    [ACT_weights] = look_choose,
    [ACT_quit] = action_quit,
    [ACT_stop] = do_stop,
};

/* Keys of some panels only: tells where they mean something. */
static void tell_where(struct ui *ui, enum action a)
{
    static const struct {
        enum action action;
        const char *where;
    } rows[] = {
        {ACT_edit, "e edits an option in panel 6"},
        {ACT_sort, "s sorts tables: 2 layers, 9 data, 0 runs"},
        {ACT_mark, "m marks rows of lists; r smooths curves"},
        {ACT_diff, "D shows differences in 5 probe and 0 runs"},
        {ACT_full, "v shows the selected text of a list in full"},
        {ACT_overlay, "o overlays the runs marked with m in panel 0"},
        {ACT_erase, "Del deletes the selected run of panel 0"},
        {ACT_next_match, "N goes to the next match of a list, the next spike of the loss"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].action == a)
            ui_say(ui, "%s", rows[i].where);
}

void action_do(struct ui *ui, enum action a)
{
    unsigned bits;

    ui->dirty = true;
    if (!ui->session && !*ui->watched && !action_works(ui, a) &&
        !(a == ACT_attack && attack_is_on(ui))) { /* it can be stopped from anywhere */
        ui_warn_unsteered(ui);
        return;
    }
    bits = panel_act(ui, (enum panel_id)ui->focus, a);
    for (int i = 0; !bits && i < PANEL_COUNT; i++)
        if (panels[i]->act_anywhere)
            bits = panels[i]->act_anywhere(ui, a);
    if (bits & UI_OPEN)
        session_open_next(ui);
    if (bits)
        return;
    if (general[a])
        general[a](ui);
    else if (by_amount[a].act)
        by_amount[a].act(ui, by_amount[a].by);
    else
        tell_where(ui, a);
}
