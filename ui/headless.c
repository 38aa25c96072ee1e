/* headless.c - see headless.h */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/utf8.h"
#include "panels/measured.h"
#include "term/clock.h"
#include "term/reply.h"
#include "term/signals.h"
#include "ui/headless.h"
#include "ui/session.h"

/* --- without anyone to answer --- */

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

/* Its reason goes on where its alert ends, and may be cut. */
static bool is_of_a_guard(const struct vac_snapshot *s)
{
    enum { WHOLE = 200 };
    size_t n = strlen(s->alert);

    return n && !strncmp(s->reason, s->alert, n < WHOLE ? n : WHOLE);
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
        ui->priv->guarded = is_of_a_guard(&ui->snap);
        ask_alone(ui, VAC_OP_QUIT);
    }
}

void headless_answer(struct ui *ui)
{
    struct alone *a = &ui->priv->alone;

    if (!session_is_live(ui) || session_is_attached(ui) || a->over || ui->priv->leaving)
        return;
    if (a->id && (ui->priv->answered < a->id || ui->snap.commands_applied < a->id))
        return;
    if (!a->begun && !a->ends) {
        ask_alone(ui, VAC_OP_RESUME); /* also ends a number of steps that was asked for */
    } else if (session_is_held(ui)) {
        if (ui->priv->served && !a->ends && (!ui->snap.fault || vac_session_steered(ui->session)))
            return; /* somebody holds it by its socket, or is there to answer */
        if (ui->snap.state == VAC_PAUSED) /* else what was asked last is still being answered */
            answer_fault(ui);
    } else {
        a->op = VAC_OP_RESUME; /* from here on a pause is a new one */
        a->until = 0;
        a->begun = true;
        a->ends = false;
    }
}

/* --- after the screen --- */

/* Columns of the terminal that it is written to; a file's lines are of any length. */
static int columns(void)
{
    struct winsize size;

    return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col > 0 ? size.ws_col : INT_MAX;
}

void headless_say(const struct ui *ui, const char *fmt, ...)
{
    char *text, *safe;
    const char *s;
    va_list args;
    size_t took, len;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    va_end(args);
    safe = text ? malloc(4 * strlen(text) + UTF8_ESCAPE) : NULL;
    if (safe)
        text_safe(safe, 4 * strlen(text) + UTF8_ESCAPE, text, ui->utf8);
    s = safe ? safe : "out of memory";
    do {
        took = text_line(s, strlen(s), columns(), ui->utf8, &len);
        if (s[len] && s[len] != ' ') { /* a word that is wider than the terminal */
            len += strcspn(s + len, " ");
            took = len + strspn(s + len, " ");
        }
        printf("%.*s\n", (int)len, s);
        s += *s ? took : 0;
    } while (*s);
    fflush(stdout);
    free(safe);
    free(text);
}

/* What to type about the run: in one line, so that it can be copied; and what that does. */
static void say_command(const struct ui *ui, const char *command, const char *option,
                        const char *does)
{
    struct strbuf line = {0}, safe = {0};
    int width;

    sb_printf(&line, "vaccine %s ", command);
    sb_word(&line, ui_dir(ui));
    sb_puts(&line, option);
    if (!line.bad)
        sb_safe(&safe, line.s, line.len, "", ui->utf8);
    width = text_width(safe.s, safe.len, ui->utf8) + 3 + (int)strlen(does);
    printf("%s%s%s\n", safe.s ? safe.s : "", width <= columns() ? "   " : "\n", does);
    fflush(stdout);
    sb_done(&safe);
    sb_done(&line);
}

static void put_number(char *out, size_t size, const char *label, const char *value)
{
    size_t n = strlen(out);

    if (strcmp(value, "-"))
        snprintf(out + n, size - n, " %s %s", label, value);
}

void headless_line(const struct ui *ui, char *out, size_t size)
{
    const struct vac_snapshot *s = &ui->snap;
    const struct vac_point *p = &s->last;
    char text[NUMBER_SIZE], rho[RHO_SIZE];
    struct strbuf scores = {0};

    snprintf(out, size, "step %lld", (long long)s->step);
    put_number(out, size, "loss", number_text(text, p->loss, 3));
    put_number(out, size, "align", number_text(text, p->align_loss, 3));
    put_number(out, size, "harmful", number_text(text, p->harmful_loss, 3));
    ui_rho_text(ui, rho);
    put_number(out, size, "rho", strchr(rho, '>') ? rho : number_text(text, p->rho, 2));
    put_number(out, size, "drift", number_text(text, p->drift_mean, 3));
    measured_put(&scores, (int)(size - strlen(out)) - 3, s);
    if (scores.len)
        put_number(out, size, "", scores.s);
    sb_done(&scores);
    if (s->state != VAC_RUNNING) {
        put_number(out, size, "", vac_state_names[s->state]);
        if (*s->reason)
            put_number(out, size, "", s->reason);
    }
}

/* Lines go to a terminal where this program is in the foreground: behind a shell, or on a line that
 * has dropped, they would only disturb. */
static bool may_print(const struct ui *ui)
{
    return !ui->priv->hung_up && isatty(STDOUT_FILENO) && tcgetpgrp(STDOUT_FILENO) == getpgrp();
}

/* The last word of a run that was at work when its screen was left. */
static void print_end(const struct ui *ui)
{
    const char *dir = ui_dir(ui);

    if (ui->snap.state == VAC_DONE) {
        headless_say(ui, "%s: done", dir);
    } else if (ui->snap.checkpoint_step < 0) {
        headless_say(ui, "%s: ended, nothing is saved", dir);
    } else {
        headless_say(ui, "%s: saved at step %lld", dir, (long long)ui->snap.checkpoint_step);
        say_command(ui, "run", " --resume", "goes on with it");
    }
}

int headless_end(struct ui *ui, struct vac_err *err)
{
    int rc;

    if (!ui->session)
        return ui->priv->status > 0 ? ui->priv->status : 0;
    rc = vac_session_result(ui->session, err); /* saves, by the command that was sent */
    if (ui->priv->status == 0)
        err_clear(err);
    if (!rc && *ui->priv->fault) {
        err_set(err, VAC_ERR_IO, "%s; the state before it is saved in %s: --resume goes on",
                ui->priv->fault, ui_dir(ui));
        rc = ui->priv->guarded ? 3 : 1; /* as a run without a screen */
    }
    session_pump(ui);
    if (!rc && !session_is_attached(ui) && may_print(ui))
        print_end(ui);
    if (!rc && session_is_attached(ui) && ui->snap.state < VAC_DONE && may_print(ui)) {
        headless_say(ui, "%s: %s", ui_dir(ui),
                     ui->snap.state == VAC_PAUSED ? "paused" : "training goes on");
        say_command(ui, "attach", "", "comes back to it");
    }
    return ui->priv->status >= 0 ? ui->priv->status : rc;
}

static void print_progress(const struct ui *ui, int64_t *next)
{
    int64_t every = vac_session_log_every(ui->session);
    char line[1024];

    if (ui->snap.state != VAC_RUNNING || ui->snap.step < *next || !may_print(ui))
        return;
    headless_line(ui, line, sizeof line);
    headless_say(ui, "%s", line);
    *next = ui->snap.step - ui->snap.step % every + every;
}

static void headless_signals(struct ui *ui)
{
    unsigned s = signals_take();

    if (s & SIGNALLED_STOP)
        signals_stop();
    if (s & SIGNALLED_HANGUP) {
        ui->priv->hung_up = true;
        ui_send(ui, VAC_OP_SAVE, 0, NULL, NULL);
    }
    if (!(s & (SIGNALLED_TERM | SIGNALLED_INT)))
        return;
    ui->priv->status = s & SIGNALLED_TERM ? 143 : 130;
    ui->priv->alone.over = true;
}

/* Others can come back to it; whoever wanted the terminal has it then. */
static void detach(struct ui *ui)
{
    struct vac_err err = {0};

    ui->priv->served = !ui->priv->alone.ends && vac_session_serve(ui->session, &err) == 0 &&
                       vac_session_served(ui->session);
    if (!ui->priv->background || !may_print(ui))
        return;
    if (!ui->priv->served) {
        fprintf(stderr, "vaccine: it stays in this terminal: %s\n",
                *err.msg ? err.msg : "\"control\" in its run file is \"none\"");
        return;
    }
    headless_say(ui, "%s: training goes on (process %ld), also where the shell calls it stopped",
                 ui_dir(ui), (long)getpid());
    say_command(ui, "attach", "", "comes back to it");
    if (signals_background())
        ui->priv->hung_up = true; /* nobody is there to print for */
}

/* As `vaccine run` until the run ends, with next to no cycles of its own. */
void headless_run(struct ui *ui)
{
    int64_t next = 0;

    detach(ui);
    if (may_print(ui) && !ui->priv->alone.ends) {
        headless_say(ui, "%s: training goes on without a screen (process %ld)", ui_dir(ui),
                     (long)getpid());
        headless_say(ui, "Ctrl-C saves and ends it; Ctrl-Z, then bg, gives the shell back");
    }
    ui->freeze = false;
    while (session_is_live(ui) && !ui->priv->alone.over) {
        struct pollfd fds[2] = {{.fd = signals_fd(), .events = POLLIN},
                                {.fd = vac_wakeup_fd(ui->session), .events = POLLIN}};

        headless_answer(ui);
        print_progress(ui, &next);
        poll(fds, 2, 1000);
        if (!fds[0].revents) /* a fast run wakes often */
            nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        ui->now = clock_seconds();
        headless_signals(ui);
        session_pump(ui);
    }
}
