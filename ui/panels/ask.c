/* ask.c - see ask.h */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "panels/ask.h"

bool session_is_live(const struct ui *ui)
{
    return ui->session && ui->snap.state != VAC_DONE && ui->snap.state != VAC_STOPPED &&
           ui->snap.state != VAC_FAILED;
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

uint64_t ui_send(struct ui *ui, enum vac_op op, int64_t n, const char *key, const char *text)
{
    struct vac_command c = {.op = op, .n = n, .text = text, .who = ui->who};
    struct vac_err err = {0};
    uint64_t id = 0;

    if (!ui->session) {
        ui_warn(ui, "%s",
                session_can_go_on(ui) ? "this run is only looked at: Space goes on with it"
                : *ui->watched        ? "this run is only looked at, not driven"
                                      : "no run is open: Enter opens one");
        return 0;
    }
    snprintf(c.key, sizeof c.key, "%s", key ? key : "");
    if (vac_command(ui->session, &c, &id, &err)) {
        ui_warn(ui, "%s", err.msg);
        return 0;
    }
    if (op == VAC_OP_PROBE)
        ui->answering = id;
    if (op == VAC_OP_PAUSE || op == VAC_OP_RESUME || op == VAC_OP_STEP) {
        ui->steering = id;
        ui->held = op == VAC_OP_PAUSE;
    }
    ui->dirty = true;
    return id;
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

bool ui_set(struct ui *ui, int option, const char *value)
{
    struct vac_option was = ui->option[option];

    if (!ui_send(ui, VAC_OP_SET, 0, was.name, value))
        return false;
    ui_take_options(ui);
    ui_say(ui, "%s %s -> %s, from the next step on", was.name, ui_option_next(&was), value);
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
    case ACT_reference:
        return session_is_live(ui) || done;
    default:
        return true;
    }
}

const char *ui_dir(const struct ui *ui)
{
    const char *dir = ui->session ? vac_session_dir(ui->session) : ui->watched;

    return *dir ? dir : ".";
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
