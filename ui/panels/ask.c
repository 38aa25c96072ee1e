/* ask.c - see ask.h */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "panels/ask.h"
#include "panels/look.h"
#include "term/dialog.h"
#include "term/number.h"
#include "term/screen.h"

bool session_is_live(const struct ui *ui)
{
    return ui->session && ui->snap.state != VAC_DONE && ui->snap.state != VAC_STOPPED &&
           ui->snap.state != VAC_FAILED;
}

bool session_is_attached(const struct ui *ui)
{
    return ui->session && vac_session_attached(ui->session);
}

bool session_can_go_on(const struct ui *ui)
{
    return !ui->session && *ui->watched &&
           (ui->snap.state == VAC_STOPPED || ui->snap.state == VAC_FAILED);
}

bool session_is_held(const struct ui *ui)
{
    return ui->snap.state == VAC_PAUSED || (ui->snap.state == VAC_MEASURING && ui->held);
}

/* What the saved weights of a run that is over can be asked as well. */
static bool is_question(enum vac_op op)
{
    return op == VAC_OP_PROBE || op == VAC_OP_PROBE_STOP || op == VAC_OP_SUITE ||
           op == VAC_OP_EVALUATE || op == VAC_OP_SAMPLES || op == VAC_OP_MAP;
}

bool ui_answers(const struct ui *ui)
{
    bool gone = ui->snap.state == VAC_DONE && session_is_attached(ui); /* with who answered there */

    return ui->look || (ui->session && !gone && ui->snap.state != VAC_STOPPED &&
                        ui->snap.state != VAC_FAILED && ui->snap.state != VAC_LOADING);
}

void ui_warn_unsteered(struct ui *ui)
{
    ui_warn(ui, "%s",
            session_can_go_on(ui) ? screen_is_open()
                                        ? "this run is only looked at: Space goes on with it"
                                        : "this run is only looked at: resume goes on with it"
            : ui->snap.state == VAC_DONE
                ? "this run is over: p asks the weights that it saved, b forks it"
            : *ui->watched ? "this run is only looked at: vaccine attach steers it"
                           : "no run is open: Enter opens one");
}

uint64_t ui_send(struct ui *ui, enum vac_op op, int64_t n, const char *key, const char *text)
{
    struct vac_command c = {.op = op, .n = n, .text = text, .who = ui->who};
    struct vac_err err = {0};
    struct vac_session *to = ui->session;
    uint64_t id = 0;

    if (is_question(op) && (ui->look || (!ui_answers(ui) && look_can(ui)))) {
        if (!ui->look && (op == VAC_OP_PROBE_STOP || !look_take(ui, ui->at)))
            return 0;
        to = ui->look;
    }
    if (!to) {
        ui_warn_unsteered(ui);
        return 0;
    }
    snprintf(c.key, sizeof c.key, "%s", key ? key : "");
    if (vac_command(to, &c, &id, &err)) {
        ui_warn(ui, "%s", err.msg);
        return 0;
    }
    if (to == ui->look)
        ui->look_last = id;
    if (op == VAC_OP_PROBE)
        ui->answering = id;
    if (op == VAC_OP_PAUSE || op == VAC_OP_RESUME || op == VAC_OP_STEP ||
        (op == VAC_OP_RUN_UNTIL && text)) {
        ui->steering = id;
        ui->held = op == VAC_OP_PAUSE;
    }
    ui->dirty = true;
    return id;
}

void ui_evaluate(struct ui *ui)
{
    bool over = ui->snap.state == VAC_DONE;
    uint64_t id = ui_send(ui, VAC_OP_EVALUATE, 0, NULL, NULL);

    if (id)
        ui_announce(ui, id, "measuring %s",
                    ui->look ? "these weights; the run's files stay as they are"
                    : over   ? "the weights as they ended"
                             : "after this step");
}

void ui_take_options(struct ui *ui)
{
    struct vac_option *v = ui->option, rho;
    int n = 0;

    while (ui->session && n < OPTIONS_MOST && vac_option_at(ui->session, (size_t)n, &v[n]))
        n++;
    ui->n_options = n;
    n = ui_option(ui, "rho");
    if (n > 0) {
        rho = v[n];
        memmove(v + 1, v, (size_t)n * sizeof *v);
        v[0] = rho;
    }
}

int ui_option(const struct ui *ui, const char *name)
{
    for (int i = 0; i < ui->n_options; i++)
        if (!strcmp(ui->option[i].name, name))
            return i;
    return -1;
}

const char *ui_option_next(const struct vac_option *o)
{
    return *o->pending ? o->pending : o->value;
}

bool ui_option_waits(const struct ui *ui, int option, char now[VALUE_SIZE])
{
    const struct vac_option *o = &ui->option[option];
    double rho = ui->snap.last.rho, next = strtod(ui_option_next(o), NULL);

    snprintf(now, VALUE_SIZE, "%s", o->value);
    if (strcmp(o->name, "rho") || *o->course || !isfinite(rho) || !session_is_live(ui))
        return *o->pending != '\0';
    /* In a pause the option has its new value already; the last step was made with the old one. */
    if (fabs(next - rho) > 1e-9 * fabs(rho))
        snprintf(now, VALUE_SIZE, "%.4g", rho);
    return fabs(next - rho) > 1e-9 * fabs(rho);
}

const char *ui_rho_text(const struct ui *ui, char out[RHO_SIZE])
{
    double last = ui->snap.last.rho;
    int rho = ui_option(ui, "rho");
    char now[VALUE_SIZE];

    if (rho >= 0 && ui_option_waits(ui, rho, now))
        snprintf(out, RHO_SIZE, "%.32s -> %.32s", now, ui_option_next(&ui->option[rho]));
    else if (rho >= 0 && isnan(last)) /* no step was made yet, or none since the run went back */
        number_text(out, strtod(ui_option_next(&ui->option[rho]), NULL), 3);
    else
        number_text(out, last, 3);
    return out;
}

static bool set_option(struct ui *ui, int option, const char *value)
{
    struct vac_option was = ui->option[option];
    uint64_t id = ui_send(ui, VAC_OP_SET, 0, was.name, value);
    char now[VALUE_SIZE];

    if (!id)
        return false;
    ui_take_options(ui);
    if (option >= ui->n_options || !ui_option_waits(ui, option, now))
        snprintf(now, sizeof now, "%s", ui_option_next(&was));
    ui_announce(ui, id, "%s %s -> %s, from the next step on", was.name, now, value);
    return true;
}

static void set_after_all(struct ui *ui, int key)
{
    if (key == 'y' && ui->unsure.option < ui->n_options)
        set_option(ui, ui->unsure.option, ui->unsure.value);
}

/* A slip of the finger is mostly one of a factor: 1e-3 for 1e-5, 20 for 0.2. */
bool ui_set(struct ui *ui, int option, const char *value)
{
    enum { MUCH = 100 };
    const struct vac_option *o = &ui->option[option];
    double was = strtod(ui_option_next(o), NULL), is = strtod(value, NULL), by = is / was;
    char title[VAC_NAME + 140], text[200], factor[NUMBER_SIZE];

    if (!o->live || !o->number || ui->sure || !(by > 0) || !isfinite(by) ||
        (by <= MUCH && by >= 1.0 / MUCH) || is < o->min || is > o->max)
        return set_option(ui, option, value);
    ui->unsure.option = option;
    snprintf(ui->unsure.value, sizeof ui->unsure.value, "%s", value);
    snprintf(title, sizeof title, "%s %.60s -> %.60s?", o->name, ui_option_next(o), value);
    snprintf(text, sizeof text, by > 1 ? "That is %s times as much." : "That is %s of it.",
             number_text(factor, by, 3));
    dialog_open(&(struct dialog){.title = title,
                                 .text = text,
                                 .choice = {{'y', "yes, from the next step on"}},
                                 .done = set_after_all});
    return true;
}

bool action_works(const struct ui *ui, enum action a)
{
    bool done = ui->session && ui->snap.state == VAC_DONE; /* it can still be asked */

    switch (a) {
    case ACT_pause:
    case ACT_step:
    case ACT_steps:
        return session_is_live(ui) || session_can_go_on(ui);
    case ACT_checkpoint:
    case ACT_undo:
    case ACT_run_until:
    case ACT_rewind:
    case ACT_edit:
    case ACT_mask:
    case ACT_mask_range:
        return session_is_live(ui);
    case ACT_rho_down:
    case ACT_rho_up:
    case ACT_rho_half:
    case ACT_rho_double:
    case ACT_rho_type:
        return session_is_live(ui) && ui_option(ui, "rho") >= 0;
    case ACT_probe:
    case ACT_suite:
    case ACT_evaluate:
        return session_is_live(ui) || look_can(ui);
    case ACT_weights:
        return look_can(ui);
    case ACT_label:
    case ACT_fork:
    case ACT_attack:
        return *ui->snap.run != '\0';
    case ACT_list:
        return *ui->snap.run || *ui->parked;
    case ACT_reference:
        return session_is_live(ui) || done;
    case ACT_left:
    case ACT_right:
    case ACT_zoom:
    case ACT_zoom_in:
    case ACT_zoom_out:
    case ACT_zoom_reset:
    case ACT_pan_left:
    case ACT_pan_right:
    case ACT_log:
    case ACT_smooth:
    case ACT_x_unit:
    case ACT_metric:
    case ACT_freeze:
    case ACT_guides:
    case ACT_full:
        return ui->session || *ui->watched;
    default:
        return true;
    }
}

const char *ui_clock(const struct ui *ui, double time, char out[16])
{
    time_t t = (time_t)time;
    struct tm tm;

    if (ui->deterministic || !localtime_r(&t, &tm))
        return strcpy(out, "--:--:--");
    strftime(out, 16, "%H:%M:%S", &tm);
    return out;
}
