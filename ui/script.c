/* script.c - a file that plays the user: one line at a time.
 *
 *     # a comment
 *     Space j j Enter        keys by name or character
 *     "text to type"         characters as they stand, with \n for Enter
 *     :set rho 2             a typed command
 *     :wait step 1300        until the run is there; also `state paused`, `probe`, `attack`, or seconds
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "term/files.h"
#include "ui/attack.h"
#include "ui/script.h"

struct script {
    FILE *file;
    double until; /* clock; 0 = not waiting for it */
    int64_t step; /* -1 = not waiting for it */
    int state;    /* enum vac_state; -1 = not waiting for it */
    bool probe, attack;
    unsigned line;
    char path[VAC_PATH];
};

int script_open(struct ui *ui, const char *path, struct vac_err *err)
{
    struct script *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(err, VAC_ERR_MEMORY, "out of memory");
    s->file = files_open(path);
    if (!s->file) {
        free(s);
        return err_errno(err, "script %s", path);
    }
    snprintf(s->path, sizeof s->path, "%s", path);
    s->step = s->state = -1;
    script_close(ui);
    ui->priv->script = s;
    ui->who = "script";
    return 0;
}

void script_close(struct ui *ui)
{
    if (!ui->priv->script)
        return;
    fclose(ui->priv->script->file);
    free(ui->priv->script);
    ui->priv->script = NULL;
    ui->who = "ui";
}

static int state_by_name(const char *name)
{
    for (int i = VAC_LOADING; i <= VAC_FAILED; i++)
        if (!strcmp(vac_state_names[i], name))
            return i;
    return -1;
}

void script_wait(struct ui *ui, const char *args)
{
    struct script *s = ui->priv->script;

    if (!s) {
        ui_warn(ui, ":wait is for scripts");
        return;
    }
    if (!strncmp(args, "step ", 5))
        s->step = strtoll(args + 5, NULL, 10);
    else if (!strncmp(args, "state ", 6) && state_by_name(args + 6) >= 0)
        s->state = state_by_name(args + 6);
    else if (!strcmp(args, "probe"))
        s->probe = true;
    else if (!strcmp(args, "attack"))
        s->attack = true;
    else if (strtod(args, NULL) > 0)
        s->until = ui->now + strtod(args, NULL);
    else
        ui_warn(ui,
                "%s:%u: :wait wants \"step N\", \"state NAME\", \"probe\", \"attack\" or seconds",
                s->path, s->line);
}

/* The step that is shown is the one that the script sees. */
static bool is_waiting(const struct ui *ui, struct script *s)
{
    bool ended = ui->session && !ui->look && !session_is_live(ui);

    if (ui->priv->leaving || (s->until > 0 && ui->now < s->until))
        return true;
    if (s->step >= 0 && ui->snap.step < s->step && !ended)
        return true;
    if (s->state >= 0 && (int)ui->snap.state != s->state && !ended)
        return true;
    if (s->probe && ui->answering && !ended)
        return true;
    if (s->attack && attack_is_on(ui))
        return true;
    s->until = 0;
    s->step = s->state = -1;
    s->probe = s->attack = false;
    return false;
}

bool script_next(struct ui *ui, char *line, int size, double *due)
{
    struct script *s = ui->priv->script;

    *due = -1;
    if (!s)
        return false;
    if (is_waiting(ui, s)) {
        if (s->until > 0)
            *due = fmax(s->until - ui->now, 0.001);
        return false;
    }
    if (!fgets(line, size, s->file)) {
        if (ferror(s->file))
            ui_warn(ui, "script %.200s: %s", s->path, strerror(errno));
        script_close(ui);
        return false;
    }
    s->line++;
    return true;
}

void script_complain(struct ui *ui, const char *word)
{
    const struct script *s = ui->priv->script;

    if (s)
        ui_warn(ui, "%s:%u: no key \"%s\"", s->path, s->line, word);
}
