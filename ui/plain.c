/* plain.c - the line mode: for screen readers, logs and terminals that can do nothing else.
 *
 * News comes as lines of text ("step 1204 loss 0.412 rho 2.0 HS 3.2%"); commands are typed, the
 * same as after a colon on the screen. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "panels/compare.h"
#include "panels/measured.h"
#include "term/clock.h"
#include "term/signals.h"
#include "ui/commands.h"
#include "ui/headless.h"
#include "ui/plain.h"
#include "ui/play.h"
#include "ui/script.h"
#include "ui/session.h"
#include <readline/readline.h>
#include <readline/history.h>

static struct {
    struct ui *ui;
    bool ended, interactive;
    bool
        obeying; /* a line that was ended: its prompt is gone, and comes again behind what it says */
    double next_line; /* clock */
    int64_t told_step;
    size_t told_journal;
    char rest[2048]; /* typed, without its end yet (not a terminal) */
    size_t n_rest;
    unsigned waits; /* bit i: panel i is to be written when what it asked for is there */
} plain;

/* What is being typed makes room for something above it, and stands again below that. */
static void leave_line(void)
{
    if (plain.interactive && !plain.obeying)
        rl_clear_visible_line();
    fflush(rl_outstream);
}

static void back_to_line(void)
{
    if (!plain.interactive || plain.obeying)
        return;
    rl_on_new_line();
    rl_redisplay();
}

static void say_line(const char *line)
{
    leave_line();
    headless_say(plain.ui, "%s", line);
    back_to_line();
}

/* A text of several lines, which is taken apart. */
static void say_lines(char *text)
{
    for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        say_line(line);
}

static void tell_answer(struct ui *ui, char *text)
{
    (void)ui;
    if (text)
        say_lines(text);
    free(text);
}

static void tell_message(struct ui *ui)
{
    char line[MESSAGE_SIZE + 16];

    for (; *ui->message.text; ui_next_message(ui)) {
        snprintf(line, sizeof line, "%s%s", ui->message.warning ? "warning: " : "",
                 ui->message.text);
        say_line(line);
    }
}

/* A question stays open for the next line; a long text is printed by the commands of this mode. */
static void tell_overlay(void)
{
    char *question = overlay_question();

    if (question)
        say_lines(question);
    else
        overlay_close();
    free(question);
}

static void tell_news(struct ui *ui, bool always)
{
    char line[1024];

    for (; plain.told_journal < ui->journal.n; plain.told_journal++)
        say_line(ui->journal.v[plain.told_journal].text);
    if (!always && (ui->snap.step == plain.told_step || ui->now < plain.next_line))
        return;
    plain.told_step = ui->snap.step;
    plain.next_line = ui->now + (ui->priv->args->interval > 0 ? ui->priv->args->interval : 5);
    headless_line(ui, line, sizeof line);
    say_line(line);
}

/* --- commands --- */

static void put_help(void)
{
    char *text = command_help(NULL);

    if (text)
        fputs(text, stdout);
    free(text);
    puts("\nIn this mode every action is typed by its name: pause, step 10, set rho 2, probe TEXT, "
         "status, quit;\nshow PANEL writes a panel (show layers), and status where the run is.");
    fflush(stdout);
}

/* The panel as lines, so that what the screen shows can be read too. */
static void put_panel(struct ui *ui, int panel)
{
    struct canvas c = {.utf8 = ui->utf8};
    struct view v;
    char *text;

    if (canvas_init(&c, 79, 20, CHARSET_ASCII))
        return;
    v = view_all(&c);
    panels[panel]->draw(ui, &v);
    text = canvas_text(&c);
    if (text) {
        size_t n = strlen(text);

        while (n > 1 && text[n - 1] == '\n' && text[n - 2] == '\n')
            text[--n] = '\0';
        leave_line();
        fputs(text, stdout);
        fflush(stdout);
        back_to_line();
    }
    free(text);
    canvas_done(&c);
}

/* Panels that were asked for, as soon as they have what they asked for. */
static void put_panels(struct ui *ui)
{
    for (int i = 0; i < PANEL_COUNT; i++) {
        if (!(plain.waits & 1u << i))
            continue;
        if (panels[i]->refresh)
            panels[i]->refresh(ui);
        if (panels[i]->waits && panels[i]->waits(ui))
            continue;
        plain.waits &= ~(1u << i);
        put_panel(ui, i);
    }
}

static bool own_command(struct ui *ui, const char *line)
{
    if (!strcmp(line, "help") || !strcmp(line, "?")) {
        put_help();
        return true;
    }
    if (!strcmp(line, "status")) {
        tell_news(ui, true);
        return true;
    }
    if (!strcmp(line, "quit") || !strcmp(line, "q")) {
        command_line(ui, "quit save");
        return true;
    }
    if (!strncmp(line, "show", 4) && (!line[4] || line[4] == ' ')) {
        int panel = command_panel(ui, line + 4 + strspn(line + 4, " "));

        if (panel >= 0) {
            ui_focus(ui, panel);
            plain.waits |= 1u << panel;
            put_panels(ui);
        }
        return true;
    }
    return false;
}

/* No more commands: training goes on to its end, as in a run that began without a screen. */
static void stop_reading(void)
{
    struct ui *ui = plain.ui;
    struct vac_err err = {0};

    plain.ended = true;
    if (session_is_live(ui) && !session_is_attached(ui)) /* it can be come back to */
        ui->priv->served = !vac_session_serve(ui->session, &err) && vac_session_served(ui->session);
    if (!plain.interactive)
        return;
    rl_callback_handler_remove();
    plain.interactive = false;
    say_line("training goes on without commands; Ctrl-C saves and ends it");
}

static void obey(struct ui *ui, const char *line)
{
    line += strspn(line, " \t:");
    if (overlay_is_up()) {
        overlay_key(ui, *line && !line[1] ? *line : UIKEY_ESC);
        overlay_close();
    } else if (!*line) {
        return;
    } else if (!own_command(ui, line))
        command_line(ui, line);
    if (overlay_is_up())
        tell_overlay();
    if (prompt_is_open(ui)) {
        prompt_close(ui);
        ui_warn(ui, "type it whole, like: probe TEXT, set rho 2, step 10");
    }
    tell_message(ui); /* before news take its place */
    session_pump(ui);
    tell_message(ui);
    if (ui->priv->headless && ui->priv->quit) {
        ui->priv->quit = false;
        stop_reading();
    }
}

static void take_line(char *line)
{
    if (!line) {
        stop_reading();
        return;
    }
    if (*line)
        add_history(line);
    plain.obeying = true;
    obey(plain.ui, line);
    plain.obeying = false;
    free(line);
}

/* Lines from a pipe or a file: the next one waits for what the one before it shows. */
static void obey_pipe(struct ui *ui)
{
    char *end;

    while (!plain.waits && ((end = memchr(plain.rest, '\n', plain.n_rest)) ||
                            plain.n_rest == sizeof plain.rest - 1)) {
        size_t len = end ? (size_t)(end - plain.rest) : plain.n_rest;

        plain.rest[len] = '\0';
        obey(ui, plain.rest);
        len += end != NULL;
        plain.n_rest -= len;
        memmove(plain.rest, plain.rest + len, plain.n_rest);
    }
}

static void read_pipe(struct ui *ui)
{
    ssize_t n = read(STDIN_FILENO, plain.rest + plain.n_rest, sizeof plain.rest - 1 - plain.n_rest);

    if (n <= 0 && plain.n_rest) { /* the last line may have no end */
        plain.rest[plain.n_rest++] = '\n';
    } else if (n <= 0) {
        plain.ended = true;
        if (session_is_live(ui) && ui->held && !session_is_attached(ui))
            say_line("no more commands can come: the run does not wait, and goes on");
    } else {
        plain.n_rest += (size_t)n;
    }
    obey_pipe(ui);
}

/* --- loop --- */

static void handle_signals(struct ui *ui)
{
    unsigned s = signals_take();

    if (s & (SIGNALLED_TERM | SIGNALLED_INT)) {
        ui->priv->status = s & SIGNALLED_TERM ? 143 : 130;
        ui->priv->quit = true; /* closing saves */
    }
    if (s & SIGNALLED_HANGUP) {
        if (session_is_live(ui) && !session_is_attached(ui))
            ui_send(ui, VAC_OP_SAVE, 0, NULL, NULL);
        stop_reading();
    }
    if (s & SIGNALLED_STOP)
        signals_stop();
}

static void wait_for_something(struct ui *ui)
{
    struct pollfd fds[2 + SESSION_FDS] = {
        {.fd = plain.ended || (plain.waits && !plain.interactive) ? -1 : STDIN_FILENO,
         .events = POLLIN},
        {.fd = signals_fd(), .events = POLLIN},
    };

    session_fds(ui, fds + 2, true);
    poll(fds, 2 + SESSION_FDS, ui->priv->script || plain.waits ? 20 : 1000);
    ui->now = clock_seconds();
    if (fds[1].revents)
        handle_signals(ui);
    if (fds[0].revents && !plain.interactive)
        read_pipe(ui);
    else if (fds[0].revents & POLLIN)
        rl_callback_read_char();
    else if (fds[0].revents)
        plain.ended = true;
    session_pump(ui);
    if (plain.waits) {
        put_panels(ui);
        obey_pipe(ui);
    }
}

static void loop(struct ui *ui)
{
    while (!ui->priv->quit) {
        play_script(ui);
        tell_message(ui);
        tell_news(ui, false);
        if (plain.ended && !ui->priv->script)
            headless_answer(ui);
        if (ui->priv->quit || ui->priv->alone.over)
            break;
        if (!session_is_live(ui) && !plain.waits &&
            (ui->session || (plain.ended && !ui->priv->script)))
            break;
        wait_for_something(ui);
    }
    session_pump(ui);
    tell_message(ui);
    session_return(ui);
}

/* Where the locale has no UTF-8, whatever inputrc says: what is typed is taken as it comes, and echoed as
 * escapes. */
static int echo_ascii(void)
{
    rl_variable_bind("input-meta", "on");
    rl_variable_bind("convert-meta", "off");
    rl_variable_bind("output-meta", "off");
    return 0;
}

static int open_run(struct ui *ui, struct vac_err *err)
{
    if (!ui->priv->args->path)
        return err_set(err, VAC_ERR_USAGE,
                       "the line mode wants a run file or a run folder; see vaccine --help");
    return compare_lay_all(ui, ui->priv->args->overlay, ui->priv->args->n_overlay, err) ||
           session_open(ui, ui->priv->args->path, err) ||
           (ui->priv->args->script && script_open(ui, ui->priv->args->script, err));
}

int plain_main(struct ui *ui, struct vac_err *err)
{
    if (open_run(ui, err))
        return -1;
    plain.ui = ui;
    plain.told_step = -1;
    ui->answered = tell_answer;
    plain.interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    ui->sure = !plain.interactive;
    ui->charset = CHARSET_ASCII;
    if (ui->priv->args->hint)
        puts(ui->priv->args->hint);
    if (plain.interactive) {
        rl_catch_signals = 0;
        rl_startup_hook = ui->utf8 ? NULL : echo_ascii;
        rl_callback_handler_install("vaccine> ", take_line);
    }
    loop(ui);
    if (plain.interactive) {
        rl_clear_visible_line();
        rl_callback_handler_remove();
    }
    ui->priv->headless = false; /* what there is to say has been said */
    return headless_end(ui, err);
}
