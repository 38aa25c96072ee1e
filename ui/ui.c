/* ui.c - the door: see ui.h */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/utf8.h"
#include "panels/look.h"
#include "term/clock.h"
#include "term/dialog.h"
#include "term/prompt.h"
#include "term/screen.h"
#include "term/signals.h"
#include "term/text.h"
#include "ui/attack.h"
#include "ui/headless.h"
#include "ui/loop.h"
#include "ui/paint.h"
#include "ui/plain.h"
#include "ui/script.h"
#include "ui/session.h"
#include "ui/tour.h"

static int allocate_panels(struct ui *ui)
{
    for (int i = 0; i < PANEL_COUNT; i++)
        if (panels[i]->own && !(ui->own[i] = calloc(1, panels[i]->own)))
            return -1;
    return 0;
}

static void set_defaults(struct ui *ui, const struct ui_args *args)
{
    ui->priv->args = args;
    ui->deterministic = args->deterministic;
    ui->utf8 = utf8_shown(STDOUT_FILENO);
    ui->who = "ui";
    ui->cursor = NAN;
    ui->ema = 0.9;
    ui->log_y = true;
    ui->metric = METRIC_drift_rel;
    ui->snap.checkpoint_step = -1;
    ui->priv->status = -1;
    ui->priv->mouse = args->mouse;
    ui->priv->tour.on = args->tour;
    ui->priv->dragging = -1;
    ui->now = clock_seconds();
    ui->paint = frame_now;
}

static bool wants_lines(const struct ui_args *args)
{
    const char *term = getenv("TERM");

    return args->plain || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term ||
           !strcmp(term, "dumb");
}

static void free_ui(struct ui *ui)
{
    script_close(ui);
    attack_leave(ui);
    session_return(ui);
    session_close(ui);
    overlay_close();
    for (int i = 0; i < PANEL_COUNT; i++) {
        if (panels[i]->done)
            panels[i]->done(ui);
        free(ui->own[i]);
    }
    canvas_done(&ui->priv->canvas);
    free(ui->priv);
    free(ui);
}

static int run_ui(struct ui *ui, struct vac_err *err)
{
    if (wants_lines(ui->priv->args))
        return plain_main(ui, err);
    if (loop_run(ui, err)) {
        screen_close();
        return -1;
    }
    prompt_close(ui);
    look_drop(ui); /* while there is a screen that says what is waited for */
    screen_close();
    session_return(ui);
    if (ui->priv->headless)
        headless_run(ui);
    return headless_end(ui, err);
}

void ui_tour_print(FILE *out)
{
    tour_print(out);
}

int ui_main(const struct ui_args *args, struct vac_err *err)
{
    struct ui *ui = calloc(1, sizeof *ui);
    int status = -1;

    if (ui)
        ui->priv = calloc(1, sizeof *ui->priv);
    if (!ui || !ui->priv || signals_open(vac_mend_map)) {
        free(ui);
        return err_set(err, VAC_ERR_MEMORY, "out of memory");
    }
    text_locale();
    set_defaults(ui, args);
    status = allocate_panels(ui) ? err_set(err, VAC_ERR_MEMORY, "out of memory") : run_ui(ui, err);
    prompt_done();
    free_ui(ui);
    signals_close();
    return status;
}
