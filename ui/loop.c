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
#include "term/clock.h"
#include "term/files.h"
#include "term/screen.h"
#include "term/signals.h"
#include "ui/attack.h"
#include "ui/actions.h"
#include "ui/chrome.h"
#include "ui/loop.h"
#include "ui/paint.h"
#include "ui/play.h"
#include "ui/press.h"
#include "ui/script.h"
#include "ui/session.h"

/* What the loop knows from one turn to the next. */
struct beat {
    struct pace pace;
    double keyed;    /* clock when a key came last */
    double pumped;   /* clock when news was taken last */
    int empty_reads; /* readable, and nothing to read: the terminal is gone */
    int seconds;     /* chrome_seconds as the screen has it */
};

/* Who has just pressed a key looks for what comes of it. */
static void paint_paced(struct ui *ui, struct beat *p)
{
    size_t bytes = frame_paint(ui);
    bool spare = ui->snap.state == VAC_RUNNING && ui->now > p->keyed + 1;

    pace_frame(&p->pace, ui->now, clock_thread_seconds(), ui->w, ui->h, bytes, spare,
               ui->priv->unfocused);
}

/* --- input --- */

static void key_pressed(struct ui *ui, int key, bool more)
{
    int x, y, button;
    const char *text;
    size_t n;

    switch (key) {
    case UIKEY_RESIZE:
        return;
    case UIKEY_FOCUS_IN:
    case UIKEY_FOCUS_OUT:
        ui->priv->unfocused = key == UIKEY_FOCUS_OUT;
        return;
    case UIKEY_PASTE:
        text = screen_pasted(&n);
        press_paste(ui, text, n);
        return;
    case UIKEY_MOUSE:
        screen_mouse_event(&x, &y, &button);
        press_mouse(ui, x, y, button);
        ui->dirty = true;
        return;
    default:
        press_key(ui, key, more);
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
    return any;
}

/* To be asked before anything is read: bytes that are no key are a sign of life too. */
static bool terminal_is_gone(struct beat *p, short revents)
{
    int waiting = 0;

    if (revents & (POLLHUP | POLLERR | POLLNVAL))
        return true;
    if ((revents & POLLIN) && !ioctl(STDIN_FILENO, FIONREAD, &waiting) && waiting == 0)
        p->empty_reads++;
    else
        p->empty_reads = 0;
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
    bool live;

    session_return(ui);
    live = session_is_live(ui) && !session_is_attached(ui);
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
        press_key(ui, UICTRL('c'), false);
    if (s & SIGNALLED_HANGUP)
        hang_up(ui);
    if (s & SIGNALLED_TERM) {
        session_return(ui);
        if (session_is_live(ui) && !session_is_attached(ui))
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
static void take_news(struct ui *ui, struct beat *p, double age)
{
    if (ui->now - p->pumped < age || ui->priv->quit)
        return;
    p->pumped = ui->now;
    if (session_pump(ui))
        ui->dirty = true;
}

/* Waits for something to do; news of the run wakes only when a frame may be drawn, so a fast run
 * costs no more than a slow one. */
static void wait_for_something(struct ui *ui, struct beat *p, double script)
{
    double frame = p->pace.next - ui->now;
    bool told = ui->session || ui->look || ui->priv->parked || ui->priv->attack.siege;
    bool listen = told && !ui->freeze && (frame <= 0 || ui->priv->script);
    bool behind = (ui->session && !ui->freeze && ui->priv->behind) || attack_is_waiting(ui) ||
                  screen_has_unread();
    bool news = behind;
    struct pollfd fds[2 + SESSION_FDS] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = signals_fd(), .events = POLLIN},
    };
    int n = 2 + session_fds(ui, fds + 2, listen);
    double timeout = sooner(script, session_due(ui));
    bool any, gone;

    if (ui->dirty || (told && !listen))
        timeout = sooner(timeout, fmax(frame, 0));
    timeout = sooner(timeout, hint_due(ui));
    timeout = sooner(timeout, chrome_seconds(ui) < 0 ? -1 : 1);
    if (poll(fds, (nfds_t)n, behind ? 0 : milliseconds(timeout)) < 0 && errno != EINTR)
        return;
    ui->now = clock_seconds();
    if (fds[1].revents)
        handle_signals(ui);
    if (!screen_is_open())
        return;
    gone = terminal_is_gone(p, fds[0].revents);
    any = read_keys(ui);
    if (any) {
        p->keyed = ui->now;
        take_news(ui, p, 0.25); /* keys come faster than frames: they must not keep the news away */
        paint_paced(ui, p);     /* at once: that is what a key feels like */
    }
    if (gone)
        hang_up(ui);
    for (int i = 2; i < n; i++)
        news |= fds[i].revents != 0;
    if (news || ui->look_wanted || session_due(ui) == 0)
        take_news(ui, p, 0);
}

static void loop(struct ui *ui)
{
    bool slow = ui->priv->args->slow;
    double asked = ui->priv->args->interval;
    struct beat p = {.pace = {.asked = asked > 0 ? asked : slow ? 1 : 0, .line = slow ? 800 : 0}};

    ui->now = clock_seconds();
    frame_paint(ui);
    p.pace.used = clock_thread_seconds();
    while (!ui->priv->quit) {
        double script = play_script(ui);

        if (ui->priv->quit)
            break;
        ui->now = clock_seconds();
        if (hint_due(ui) == 0) {
            ui->priv->hint = NULL;
            ui->dirty = true;
        }
        if (p.seconds != chrome_seconds(ui)) {
            p.seconds = chrome_seconds(ui);
            ui->dirty = true;
        }
        if (ui->dirty && ui->now >= p.pace.next)
            paint_paced(ui, &p);
        wait_for_something(ui, &p, script);
    }
}

/* --- opening --- */

static enum charset wanted_charset(const struct ui_args *args, bool utf8)
{
    static const char *const names[CHARSET_COUNT] = {"braille", "block", "ascii"};

    for (int i = 0; args->charset && i < CHARSET_COUNT; i++)
        if (!strcmp(args->charset, names[i]))
            return utf8 ? (enum charset)i : CHARSET_ASCII;
    return screen_charset(utf8);
}

enum { HINT_SECONDS = 30 };

static void show_hint(struct ui *ui)
{
    char dir[STATE_PATH], seen[STATE_PATH + 8];
    int fd;

    if (ui->priv->args->hint) {
        ui->priv->hint = ui->priv->args->hint;
        ui->priv->hint_until = ui->now + HINT_SECONDS;
        return;
    }
    if (ui->deterministic || ui->priv->args->script || ui->priv->args->tour ||
        !*files_state_dir(dir))
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

/* What the command line names must open, or the program says why not and ends: then the terminal has shown
 * nothing else. What takes long says so by itself. */
static int open_first(struct ui *ui, struct vac_err *err)
{
    int rc, w, h, x, y;

    ui_focus(ui, PANEL_runs);
    ui->zoom = true;
    if (!ui->priv->args->path)
        return 0;
    if (!*ui->message.text)
        ui_say(ui, "opening %s ...", ui->priv->args->path);
    screen_size(&w, &h);
    frame_draw(ui, w, h, &x,
               &y); /* reads the list of runs, which keys may go to before it is seen */
    ui->priv->opening = true;
    rc = session_open(ui, ui->priv->args->path, err);
    ui->priv->opening = false;
    if (rc) {
        if (!session_mend(ui, ui->priv->args->path, err))
            return -1;
        ui_warn(ui, "%s", err->msg);
        *err = (struct vac_err){0};
        return 0;
    }
    if (!session_can_go_on(ui) && /* else it says how to go on, */
        (!session_is_attached(ui) || !strncmp(ui->message.text, "opening", 7))) /* who steers */
        ui_unsay(ui);
    return 0;
}

int loop_run(struct ui *ui, struct vac_err *err)
{
    char dir[STATE_PATH], log[STATE_PATH + 32] = "";
    const struct ui_args *args = ui->priv->args;
    struct screen_wants wants;

    if (*files_state_dir(dir))
        snprintf(log, sizeof log, "%s/stderr-%ld.log", dir, (long)getpid());
    wants = (struct screen_wants){
        .color = args->color, .theme = args->theme, .mouse = args->mouse, .log = log};
    if (screen_open(&wants, err))
        return -1;
    ui->colors = screen_colors();
    ui->priv->theme = screen_theme();
    ui->charset = wanted_charset(ui->priv->args, ui->utf8);
    if (*screen_warning())
        ui_warn(ui, "%s", screen_warning());
    if (compare_lay_all(ui, args->overlay, args->n_overlay, err) || open_first(ui, err) ||
        (ui->priv->args->script && script_open(ui, ui->priv->args->script, err)))
        return -1;
    show_hint(ui);
    loop(ui);
    return 0;
}
