/* alone.c - see alone.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "term/reply.h"
#include "ui/alone.h"

/* Seconds that a full disk is waited for, as the run file has it. */
static double disk_patience(const struct ui *ui)
{
    struct vac_err err = {0};
    char *text = vac_run_config(ui_dir(ui), &err);
    cJSON *doc = text ? cJSON_Parse(text) : NULL;
    double minutes = reply_number(cJSON_GetObjectItemCaseSensitive(doc, "spec"), "disk_wait");

    cJSON_Delete(doc);
    free(text);
    return 60 * (minutes >= 0 ? minutes : 10);
}

static void ask_alone(struct ui *ui, enum vac_op op)
{
    struct alone *a = &ui->priv->alone;
    uint64_t id = ui_send(ui, op, 0, NULL, NULL);

    if (id) { /* else the queue is full: again after the next news */
        a->id = id;
        a->op = op;
        a->begun = true;
    }
}

/* A folder that is no more is not waited for: no space that is freed brings it back. */
static bool folder_is_gone(const struct ui *ui)
{
    struct stat st;

    return stat(ui_dir(ui), &st) && (errno == ENOENT || errno == ENOTDIR || errno == ESTALE);
}

/* The fault stands in the snapshot. What a step without numbers leaves can be saved, and the run
 * ends; a full disk refuses that, and the trainer goes on trying. */
static void answer_fault(struct ui *ui)
{
    struct alone *a = &ui->priv->alone;

    if (a->op != VAC_OP_SAVE) {
        ask_alone(ui, VAC_OP_SAVE);
    } else if (ui->priv->refused >= a->id) {
        if (a->until <= 0)
            a->until = ui->now + disk_patience(ui);
        a->over = ui->now >= a->until || folder_is_gone(ui);
    } else {
        if (a->ends)
            ui->priv->status = 129;
        else
            snprintf(ui->priv->fault, sizeof ui->priv->fault, "%s", ui->snap.reason);
        ask_alone(ui, VAC_OP_QUIT);
    }
}

void alone_answer(struct ui *ui)
{
    struct alone *a = &ui->priv->alone;

    if (!session_is_live(ui) || session_is_attached(ui) || a->over || ui->priv->leaving)
        return;
    if (a->id && (ui->priv->answered < a->id || ui->snap.commands_applied < a->id))
        return;
    if (!a->begun && !a->ends) {
        ask_alone(ui, VAC_OP_RESUME); /* also ends a number of steps that was asked for */
    } else if (session_is_held(ui)) {
        if (ui->priv->served && !ui->snap.fault && !a->ends)
            return;                       /* somebody holds it by its socket */
        if (ui->snap.state == VAC_PAUSED) /* else what was asked last is still being answered */
            answer_fault(ui);
    } else {
        a->op = VAC_OP_RESUME; /* from here on a pause is a new one */
        a->until = 0;
        a->begun = true;
        a->ends = false;
    }
}
