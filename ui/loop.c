/* loop.c - the screen's one loop: wait for keys, signals and news; draw when something changed, at
 * most a few times a second and never more bytes than the line takes. Keys come first and are never
 * dropped. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "panels/compare.h"
#include "term/screen.h"
#include "term/signals.h"
#include "ui/frame.h"
#include "ui/line.h"

struct pace {
    double interval; /* between frames */
    double next;     /* no frame before, except for keys */
    double left;     /* bytes that may be sent now; grows with time up to two seconds' worth */
    double counted;  /* clock when it was */
    double pumped;   /* clock when news was taken last */
    int empty_reads; /* readable, and nothing to read: the terminal is gone */
};

double clock_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- messages --- */

static void set_message(struct ui *ui, bool warning, const char *fmt, va_list ap)
{
    vsnprintf(ui->priv->message, sizeof ui->priv->message, fmt, ap);
    ui->priv->warning = warning;
    ui->priv->message_at = ui->now;
    ui->dirty = true;
}

void ui_say(struct ui *ui, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_message(ui, false, fmt, ap);
    va_end(ap);
}

void ui_warn(struct ui *ui, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_message(ui, true, fmt, ap);
    va_end(ap);
}

/* News goes when something else is drawn after a while: it is worth no frame of its own, and none
 * at all while nothing moves. Warnings stay until the next message. */
static void drop_old_message(struct ui *ui)
{
    enum { SECONDS = 12 };

    if (!ui->priv->warning && ui->snap.state == VAC_RUNNING && !ui->args->deterministic &&
        ui->now > ui->priv->message_at + SECONDS)
        ui->priv->message[0] = '\0';
}

/* --- frames --- */

static void draw_panels(struct ui *ui, struct view *all)
{
    const struct layout *l = &ui->priv->layout;

    for (int i = 0; i < l->n; i++) {
        const struct place *p = &l->place[i];
        struct view v = view_part(all, p->x, p->y, p->w, p->h);

        if (panels[p->panel]->refresh && !ui->freeze)
            panels[p->panel]->refresh(ui);
        if (p->framed)
            panel_draw(ui, (enum panel_id)p->panel, &v);
        else
            panels[p->panel]->draw(ui, &v);
    }
}

void frame_draw(struct ui *ui, int w, int h, int *cursor_x, int *cursor_y)
{
    struct canvas *c = &ui->priv->canvas;
    struct view all;

    ui->w = w;
    ui->h = h;
    c->utf8 = ui->utf8;
    if (c->w != w || c->h != h)
        canvas_init(c, w, h, ui->charset);
    c->charset = ui->charset;
    c->utf8 = ui->utf8 && ui->charset != CHARSET_ASCII;
    canvas_blank(c);
    if (!ui->session && !*ui->priv->watched)
        ui->zoom = true; /* the start screen */
    layout_make(ui, w, h);
    all = view_all(c);
    draw_panels(ui, &all);
    chrome_draw(ui, c, cursor_x, cursor_y);
}

static size_t paint(struct ui *ui)
{
    int w, h, x, y;

    drop_old_message(ui);
    screen_size(&w, &h);
    frame_draw(ui, w, h, &x, &y);
    ui->dirty = false;
    return screen_paint(&ui->priv->canvas, x, y);
}

void frame_now(struct ui *ui)
{
    if (screen_is_open())
        paint(ui);
}

/* A line of 80 x 24 gets 4 kB/s, one of 200 x 60 12 kB/s; more than that is no smoother to the eye.
 */
static double byte_rate(const struct ui *ui)
{
    double cells = (double)ui->w * ui->h, rate = 3000 + 7000 * (cells - 1920) / (12000 - 1920);

    if (ui->args->slow)
        return 800;
    return rate < 2500 ? 2500 : rate > 10000 ? 10000 : rate;
}

static void paint_paced(struct ui *ui, struct pace *p)
{
    double rate = byte_rate(ui),
           interval = ui->priv->unfocused ? fmax(p->interval, 2) : p->interval;

    p->left = fmin(p->left + (ui->now - p->counted) * rate, 2 * rate);
    p->counted = ui->now;
    p->left = fmax(p->left - (double)paint(ui), -rate); /* one large picture is no debt for ever */
    p->next = ui->now + fmax(interval, -p->left / rate);
}

/* --- input --- */

/* A paste is text for a line that is being typed, and no keys: it could hold any. */
static void paste(struct ui *ui)
{
    size_t n;
    const char *text = screen_pasted(&n);

    if (prompt_is_open(ui) && !overlay_is_up())
        prompt_paste(ui, text, n);
    else
        ui_say(ui,
               "nothing is typed here: a paste goes into a line (p asks the model, : commands)");
}

static void key_pressed(struct ui *ui, int key, bool more)
{
    int x, y, button;

    switch (key) {
    case UIKEY_RESIZE:
        return;
    case UIKEY_FOCUS_IN:
    case UIKEY_FOCUS_OUT:
        ui->priv->unfocused = key == UIKEY_FOCUS_OUT;
        return;
    case UIKEY_PASTE:
        paste(ui);
        return;
    case UIKEY_MOUSE:
        screen_mouse_event(&x, &y, &button);
        action_mouse(ui, x, y, button);
        ui->dirty = true;
        return;
    default:
        action_key(ui, key, more);
    }
}

/* Returns whether there was a key. */
static bool read_keys(struct ui *ui)
{
    int key = screen_key();
    bool any = key != 0;

    while (key && !ui->priv->quit) {
        int next = screen_key();

        key_pressed(ui, key, next && (next < UIKEY_MOUSE || next > UIKEY_PASTE));
        key = next;
    }
    return any || screen_is_pasting();
}

static bool terminal_is_gone(struct pace *p, short revents, bool any_key)
{
    int waiting = 0;

    if (revents & (POLLHUP | POLLERR | POLLNVAL))
        return true;
    if (!(revents & POLLIN) || any_key) {
        p->empty_reads = 0;
        return false;
    }
    if (!ioctl(STDIN_FILENO, FIONREAD, &waiting) && waiting == 0)
        p->empty_reads++;
    return p->empty_reads > 8;
}

/* A hang-up may come from somebody who only sends the signal. */
static bool terminal_takes_more(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    struct termios t;

    return !tcgetattr(STDIN_FILENO, &t) && poll(&out, 1, 200) == 1 && out.revents == POLLOUT;
}

/* The line is gone: save, and go on without a screen. A paused run has nobody left to let it go on:
 * it is saved and ended, so that its lock is free and it can be resumed. A terminal that is still
 * there is given back, and told. */
static void hang_up(struct ui *ui)
{
    bool live = session_is_live(ui);

    ui->priv->hung_up = !terminal_takes_more();
    if (ui->priv->hung_up)
        screen_abandon();
    else
        screen_close();
    ui->priv->alone.ends = live && session_is_held(ui);
    if (live && !ui->priv->alone.ends)
        ui_send(ui, VAC_OP_SAVE, 0, NULL, NULL);
    ui->priv->headless = live;
    ui->priv->quit = true;
    if (!live)
        ui->priv->status = 129;
}

static void handle_signals(struct ui *ui)
{
    unsigned s = signals_take();

    if (s & (SIGNALLED_RESIZE | SIGNALLED_CONT)) {
        screen_resize();
        ui->dirty = true;
    }
    if (s & SIGNALLED_STOP)
        action_do(ui, ACT_suspend);
    if (s & SIGNALLED_INT)
        action_key(ui, UICTRL('c'), false);
    if (s & SIGNALLED_HANGUP)
        hang_up(ui);
    if (s & SIGNALLED_TERM) {
        if (session_is_live(ui))
            ui_send(ui, VAC_OP_QUIT, 0, NULL, NULL);
        ui->priv->quit = true;
        ui->priv->status = 143;
    }
}

static int milliseconds(double seconds)
{
    return seconds < 0 ? -1 : seconds > 60 ? 60000 : (int)ceil(seconds * 1000);
}

static double sooner(double a, double b)
{
    return a < 0 ? b : b < 0 ? a : fmin(a, b);
}

/* Seconds until the hint goes by itself; < 0 = never. */
static double hint_due(const struct ui *ui)
{
    const struct ui_private *p = ui->priv;

    return p->hint && p->hint_until > 0 ? fmax(p->hint_until - ui->now, 0) : -1;
}

/* Unless that was done less than `age` seconds ago. */
static void take_news(struct ui *ui, struct pace *p, double age)
{
    if (ui->now - p->pumped < age || ui->priv->quit)
        return;
    p->pumped = ui->now;
    if (session_pump(ui))
        ui->dirty = true;
}

/* Waits for something to do; news of the run wakes only when a frame may be drawn, so a fast run
 * costs no more than a slow one. */
static void wait_for_something(struct ui *ui, struct pace *p, double script)
{
    double frame = p->next - ui->now;
    bool listen = ui->session && !ui->freeze && (frame <= 0 || ui->priv->script);
    bool behind = ui->session && !ui->freeze && ui->priv->behind;
    struct pollfd fds[3] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = signals_fd(), .events = POLLIN},
        {.fd = listen ? vac_wakeup_fd(ui->session) : -1, .events = POLLIN},
    };
    double timeout = sooner(script, session_due(ui));
    bool any;

    if (ui->dirty || (ui->session && !listen))
        timeout = sooner(timeout, fmax(frame, 0));
    timeout = sooner(timeout, hint_due(ui));
    if (poll(fds, 3, behind ? 0 : milliseconds(timeout)) < 0 && errno != EINTR)
        return;
    ui->now = clock_seconds();
    if (fds[1].revents)
        handle_signals(ui);
    if (!screen_is_open())
        return;
    any = read_keys(ui);
    if (any) {
        take_news(ui, p, 0.25); /* keys come faster than frames: they must not keep the news away */
        paint_paced(ui, p);     /* at once: that is what a key feels like */
    }
    if (terminal_is_gone(p, fds[0].revents, any))
        hang_up(ui);
    if (fds[2].revents || behind || session_due(ui) == 0)
        take_news(ui, p, 0);
}

static void loop(struct ui *ui)
{
    struct pace p = {.interval = ui->args->interval > 0 ? ui->args->interval
                                 : ui->args->slow       ? 1
                                                        : 0.25};

    ui->now = clock_seconds();
    paint(ui);
    while (!ui->priv->quit) {
        double script = script_run(ui);

        if (ui->priv->quit)
            break;
        ui->now = clock_seconds();
        if (hint_due(ui) == 0) {
            ui->priv->hint = NULL;
            ui->dirty = true;
        }
        if (ui->dirty && ui->now >= p.next)
            paint_paced(ui, &p);
        wait_for_something(ui, &p, script);
    }
}

/* --- after the screen --- */

/* Lines go to a terminal where this program is in the foreground: behind a shell, or on a line that
 * has dropped, they would only disturb. */
static bool may_print(const struct ui *ui)
{
    return !ui->priv->hung_up && isatty(STDOUT_FILENO) && tcgetpgrp(STDOUT_FILENO) == getpgrp();
}

/* A folder's name, on one line that steers nothing. */
static const char *shown_dir(const struct ui *ui)
{
    static char safe[4 * VAC_PATH];

    text_safe(safe, sizeof safe, ui_dir(ui), ui->utf8);
    return safe;
}

int end_status(struct ui *ui)
{
    struct vac_err err = {0};
    int rc;

    if (!ui->session)
        return ui->priv->status > 0 ? ui->priv->status : 0;
    rc = vac_session_result(ui->session, &err); /* saves, by the command that was sent */
    if (rc && *err.msg && ui->priv->status != 0)
        fprintf(stderr, "vaccine: %s\n", err.msg);
    if (!rc && *ui->priv->fault) {
        fprintf(stderr, "vaccine: %s; the state before it is saved in %s: --resume goes on\n",
                ui->priv->fault, shown_dir(ui));
        rc = 1;
    }
    session_pump(ui);
    if (!rc && ui->priv->headless && may_print(ui))
        printf("%s: %s\n", shown_dir(ui),
               ui->snap.state == VAC_DONE ? "done" : "saved; go on with --resume");
    return ui->priv->status >= 0 ? ui->priv->status : rc;
}

static void print_progress(const struct ui *ui, int64_t *next)
{
    int64_t every = vac_session_log_every(ui->session);
    char line[1024], safe[2048];

    if (ui->snap.state != VAC_RUNNING || ui->snap.step < *next || !may_print(ui))
        return;
    plain_line(ui, line, sizeof line);
    text_safe(safe, sizeof safe, line, ui->utf8);
    puts(safe);
    fflush(stdout);
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

/* As `vaccine run` until the run ends, with next to no cycles of its own. */
static void run_headless(struct ui *ui)
{
    int64_t next = 0;

    if (may_print(ui) && !ui->priv->alone.ends)
        printf("%s: training goes on without a screen (process %ld)\n"
               "Ctrl-C saves and ends it; Ctrl-Z, then bg, gives the shell back\n",
               shown_dir(ui), (long)getpid());
    ui->freeze = false;
    while (session_is_live(ui) && !ui->priv->alone.over) {
        struct pollfd fds[2] = {{.fd = signals_fd(), .events = POLLIN},
                                {.fd = vac_wakeup_fd(ui->session), .events = POLLIN}};

        session_alone(ui);
        print_progress(ui, &next);
        poll(fds, 2, 1000);
        if (!fds[0].revents) /* a fast run wakes often */
            nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        ui->now = clock_seconds();
        headless_signals(ui);
        session_pump(ui);
    }
}

/* --- the door --- */

static int allocate_panels(struct ui *ui)
{
    for (int i = 0; i < PANEL_COUNT; i++)
        if (panels[i]->own && !(ui->own[i] = calloc(1, panels[i]->own)))
            return -1;
    return 0;
}

static void set_defaults(struct ui *ui, const struct ui_args *args)
{
    ui->args = args;
    ui->cursor = NAN;
    ui->ema = 0.9;
    ui->log_y = true;
    ui->snap.checkpoint_step = -1;
    ui->priv->status = -1;
    ui->priv->mouse = args->mouse;
    ui->priv->dragging = -1;
    ui->now = clock_seconds();
}

static enum charset wanted_charset(const struct ui_args *args, bool utf8)
{
    static const char *const names[CHARSET_COUNT] = {"braille", "block", "ascii"};

    for (int i = 0; args->charset && i < CHARSET_COUNT; i++)
        if (!strcmp(args->charset, names[i]))
            return utf8 ? (enum charset)i : CHARSET_ASCII;
    return screen_charset();
}

enum { HINT_SECONDS = 30 };

static void show_hint(struct ui *ui)
{
    char dir[VAC_PATH], seen[VAC_PATH + 8];
    int fd;

    if (ui->args->hint) {
        ui->priv->hint = ui->args->hint;
        ui->priv->hint_until = ui->now + HINT_SECONDS;
        return;
    }
    if (ui->args->deterministic || ui->args->script || !*ui_state_dir(dir))
        return;
    snprintf(seen, sizeof seen, "%s/seen", dir);
    if (access(seen, F_OK) == 0)
        return;
    ui->priv->hint = "Space\tpauses, [ and ] change rho, p asks the model something\n"
                     "1-9 0\tchoose a panel, z shows it alone, arrows move in it\n"
                     "?\tlists all keys; q leaves, and asks before a run is lost";
    fd = open(seen, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

int lay_overlays(struct ui *ui, struct vac_err *err)
{
    for (size_t i = 0; i < ui->args->n_overlay; i++)
        if (!compare_lay(ui, ui->args->overlay[i]))
            return err_set(err, VAC_ERR_USAGE, "--overlay: %s", ui->priv->message);
    return 0;
}

/* What the command line names must open, or the program says why not and ends. */
static int open_first(struct ui *ui, struct vac_err *err)
{
    ui_focus(ui, PANEL_runs);
    ui->zoom = true;
    if (!ui->args->path)
        return 0;
    if (!*ui->priv->message)
        ui_say(ui, "opening %s ...", ui->args->path);
    frame_now(ui);
    if (session_open(ui, ui->args->path, err))
        return -1;
    if (!ui->priv->warning && !session_can_go_on(ui)) /* else it says how to go on */
        ui->priv->message[0] = '\0';
    return 0;
}

static int run_screen(struct ui *ui, struct vac_err *err)
{
    char dir[VAC_PATH], log[VAC_PATH + 32] = "";

    if (*ui_state_dir(dir))
        snprintf(log, sizeof log, "%s/stderr-%ld.log", dir, (long)getpid());
    if (screen_open(ui->args, log, err))
        return -1;
    ui->utf8 = screen_utf8();
    ui->colors = screen_colors();
    ui->priv->theme = screen_theme();
    ui->charset = wanted_charset(ui->args, ui->utf8);
    if (*screen_warning())
        ui_warn(ui, "%s", screen_warning());
    if (lay_overlays(ui, err) || open_first(ui, err) ||
        (ui->args->script && script_open(ui, ui->args->script, err)))
        return -1;
    show_hint(ui);
    loop(ui);
    return 0;
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

static int run_ui(struct ui *ui)
{
    struct vac_err err = {0};
    int status;

    if (wants_lines(ui->args))
        return plain_main(ui);
    if (run_screen(ui, &err)) {
        screen_close();
        fprintf(stderr, "vaccine: %s\n", err.msg);
        return err.code == VAC_ERR_USAGE ? 2 : 1;
    }
    prompt_close(ui);
    screen_close();
    if (ui->priv->headless)
        run_headless(ui);
    status = end_status(ui);
    return status;
}

int ui_main(const struct ui_args *args)
{
    struct ui *ui = calloc(1, sizeof *ui);
    int status = 1;

    if (ui)
        ui->priv = calloc(1, sizeof *ui->priv);
    if (!ui || !ui->priv || signals_open()) {
        fprintf(stderr, "vaccine: out of memory\n");
        free(ui);
        return 1;
    }
    set_defaults(ui, args);
    if (!allocate_panels(ui))
        status = run_ui(ui);
    prompt_done();
    free_ui(ui);
    signals_close();
    return status;
}
