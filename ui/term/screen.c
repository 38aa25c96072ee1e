/* screen.c - curses, and nothing but curses: a window as large as the terminal that shows a canvas.
 *
 * Nothing is ever cleared; a frame changes the cells that differ and calls doupdate once. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <curses.h>
#include <term.h>
#include "base/err.h"
#include "base/utf8.h"
#include "term/clock.h"
#include "term/keys.h"
#include "term/output.h"
#include "term/screen.h"
#include "term/signals.h"
#include "term/text.h"

enum { MICE = 8, PASTE_MOST = 1 << 20 };

/* Curses' codes for sequences that it has no name for. */
enum { CODE_FOCUS_IN = KEY_MAX - 1, CODE_FOCUS_OUT = KEY_MAX - 2 };
enum { CODE_PASTE = KEY_MAX - 3, CODE_PASTE_END = KEY_MAX - 4 };

static struct {
    SCREEN *screen;
    FILE *out;
    struct canvas front; /* what the terminal shows */
    bool open, sync, mouse, full;
    bool reports; /* of focus and of pastes */
    int colors;
    enum theme theme;
    int saved_stderr;
    char warning[160];
    int mouse_x, mouse_y, mouse_button;
    MEVENT mouse_event[MICE]; /* those that wait */
    int mice;
    int cursor;
    bool pasting;
    char *paste; /* what came of it, with room for PASTE_MOST */
    size_t n_paste;
    time_t paste_at;       /* seconds of the clock when its last character came */
    char seq[32];          /* an escape sequence that curses does not know, as far as it has come */
    size_t n_seq;          /* 0 = none is under way */
    double seq_at, esc_at; /* when its last byte came; when an Esc was given out as a key */
    int unread[SCREEN_UNREAD];
    size_t n_unread;
} scr = {.saved_stderr = -1};

/* --- opening --- */

static bool new_terminal(const char *name)
{
    scr.screen = newterm(name, scr.out, stdin);
    return scr.screen != NULL;
}

/* A terminal that this machine does not know is most likely like xterm. */
static int open_terminal(struct vac_err *err)
{
    static const char *const names[] = {"xterm-256color", "xterm", "vt100"};
    const char *term = getenv("TERM");

    if (term && *term && new_terminal(term))
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (new_terminal(names[i])) {
            snprintf(scr.warning, sizeof scr.warning, "unknown terminal \"%.40s\": %s is used",
                     term ? term : "", names[i]);
            return 0;
        }
    return err_set(err, VAC_ERR_IO,
                   "terminal \"%s\" cannot be opened; use --plain, or install ncurses-term",
                   term ? term : "");
}

/* 25 ms tell Esc from an arrow key on a local line; a remote one may split the key's bytes. */
static void set_escape_delay(void)
{
    if (!getenv("ESCDELAY"))
        set_escdelay(getenv("SSH_TTY") || getenv("SSH_CONNECTION") ? 75 : 25);
}

static void redirect_stderr(const char *log)
{
    int fd;

    fd = log && *log
             ? open(log, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_APPEND, 0600)
             : -1;
    if (fd >= 0)
        unlink(log); /* it lives as long as it is open: a kill leaves nothing */
    else
        fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    fflush(stderr);
    scr.saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    if (fd >= 0) {
        dup2(fd, STDERR_FILENO);
        close(fd);
    }
}

static int wanted_colors(const struct screen_wants *wants)
{
    const char *none = getenv("NO_COLOR");
    int have = has_colors() ? COLORS : 0;

    if (wants->color)
        return !strcmp(wants->color, "none") ? 0
               : atoi(wants->color) < have   ? atoi(wants->color)
                                             : have;
    if (none && *none)
        return 0;
    return have >= 256 ? 256 : have >= 16 ? 16 : have >= 8 ? 8 : 0;
}

static void set_pairs(void)
{
    bool own = use_default_colors() == OK;

    for (int i = 0; i < INK_COUNT; i++) {
        struct paint p = color_paint((enum ink)i, scr.theme, scr.colors);

        if (!own && p.fg < 0)
            p.fg = COLOR_WHITE;
        if (!own && p.bg < 0)
            p.bg = COLOR_BLACK;
        init_pair((short)(i + 1), p.fg, p.bg);
    }
}

static bool knows_xterm_modes(void)
{
    static const char *const names[] = {"xterm", "tmux",    "screen",  "alacritty", "foot",
                                        "kitty", "ghostty", "wezterm", "contour",   "rxvt"};
    const char *term = getenv("TERM");

    for (size_t i = 0; term && i < sizeof names / sizeof *names; i++)
        if (!strncmp(term, names[i], strlen(names[i])))
            return true;
    return false;
}

static void send(const char *bytes)
{
    fflush(stdout);
    output_write(bytes, strlen(bytes));
}

/* Ours for a key of curses; 0 = we have none. */
static int key_of(int code)
{
    static const struct {
        int curses, key;
    } map[] = {
        {KEY_UP, UIKEY_UP},
        {KEY_DOWN, UIKEY_DOWN},
        {KEY_LEFT, UIKEY_LEFT},
        {KEY_RIGHT, UIKEY_RIGHT},
        {KEY_PPAGE, UIKEY_PGUP},
        {KEY_NPAGE, UIKEY_PGDN},
        {KEY_HOME, UIKEY_HOME},
        {KEY_END, UIKEY_END},
        {KEY_BTAB, UIKEY_BACKTAB},
        {KEY_DC, UIKEY_DELETE},
        {KEY_ENTER, UIKEY_ENTER},
        {KEY_BACKSPACE, UIKEY_BACKSPACE},
        {KEY_RESIZE, UIKEY_RESIZE},
        {CODE_FOCUS_IN, UIKEY_FOCUS_IN},
        {CODE_FOCUS_OUT, UIKEY_FOCUS_OUT},
    };

    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (code == map[i].curses)
            return map[i].key;
    return 0;
}

/* What every terminal since the VT220 sends for these, also one whose TERM does not say so. And a control
 * character is itself where TERM names it as a key that means nothing here: Ctrl-Z is "suspend" of linux. */
static void define_usual_keys(void)
{
    static const struct {
        const char *sequence;
        int key;
    } usual[] = {{"\033[A", KEY_UP},     {"\033[B", KEY_DOWN},   {"\033[C", KEY_RIGHT},
                 {"\033[D", KEY_LEFT},   {"\033[H", KEY_HOME},   {"\033[F", KEY_END},
                 {"\033[1~", KEY_HOME},  {"\033[3~", KEY_DC},    {"\033[4~", KEY_END},
                 {"\033[5~", KEY_PPAGE}, {"\033[6~", KEY_NPAGE}, {"\033[Z", KEY_BTAB}};

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (!key_defined(usual[i].sequence))
            define_key(usual[i].sequence, usual[i].key);
    for (char c[2] = "\001"; *c < ' '; ++*c)
        if (key_defined(c) > 0 && !key_of(key_defined(c)))
            define_key(c, 0);
}

static void set_modes(void)
{
    raw();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    typeahead(-1); /* a frame is not left half made */
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    leaveok(stdscr, FALSE);
    scr.cursor = -1;
    curs_set(0);
    define_usual_keys();
    if (knows_xterm_modes()) {
        define_key("\033[I", CODE_FOCUS_IN);
        define_key("\033[O", CODE_FOCUS_OUT);
        define_key("\033[200~", CODE_PASTE);
        define_key("\033[201~", CODE_PASTE_END);
        scr.reports = true;
        send("\033[?1004h\033[?2004h");
    }
}

int screen_open(const struct screen_wants *wants, struct vac_err *err)
{
    scr.out = output_open();
    if (!scr.out)
        return err_errno(err, "the terminal");
    crash_arm();
    if (open_terminal(err)) {
        crash_disarm();
        output_close();
        return -1;
    }
    scr.open = true;
    set_escape_delay();
    if (has_colors())
        start_color();
    scr.colors = wanted_colors(wants);
    scr.theme = scr.colors ? color_guess_theme() : THEME_NONE;
    for (int i = 0; wants->theme && scr.colors && i < THEME_COUNT; i++)
        if (!strcmp(wants->theme, theme_names[i]))
            scr.theme = (enum theme)i;
    if (has_colors())
        set_pairs();
    set_modes();
    scr.sync = knows_xterm_modes();
    screen_set_mouse(wants->mouse);
    redirect_stderr(wants->log);
    crash_tell(scr.saved_stderr);
    screen_repaint();
    return 0;
}

/* --- closing --- */

/* What libraries wrote meanwhile belongs on the terminal now. */
static void give_back_stderr(void)
{
    char buf[4096];
    ssize_t n;
    int fd;

    if (scr.saved_stderr < 0)
        return;
    fflush(stderr);
    fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    dup2(scr.saved_stderr, STDERR_FILENO);
    close(scr.saved_stderr);
    scr.saved_stderr = -1;
    crash_tell(-1);
    if (fd < 0)
        return;
    n = pread(fd, buf, sizeof buf, 0);
    close(fd);
    if (n > 0) {
        char text[2 * sizeof buf];

        for (char *line = strtok((buf[n < (ssize_t)sizeof buf ? n : n - 1] = '\0', buf), "\n");
             line; line = strtok(NULL, "\n")) {
            text_safe(text, sizeof text, line, false);
            fprintf(stderr, "%s\n", text);
        }
    }
}

static bool has_another_screen(void)
{
    const char *leave = tigetstr("rmcup");

    return leave && leave != (const char *)-1 && *leave;
}

void screen_close(void)
{
    if (!scr.open)
        return;
    screen_set_mouse(false);
    if (scr.reports)
        send("\033[?1004l\033[?2004l");
    curs_set(1);
    if (!has_another_screen()) { /* the frame stays: what comes next has the last line for itself */
        move(LINES - 1, 0);
        clrtoeol();
        refresh();
    }
    endwin();
    delscreen(scr.screen);
    output_close();
    free(scr.paste);
    scr.paste = NULL;
    scr.pasting = false;
    scr.screen = NULL;
    scr.open = false;
    crash_disarm();
    canvas_done(&scr.front);
    give_back_stderr();
}

void screen_abandon(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        output_abandon(null);
        close(null);
    }
    screen_close();
}

bool screen_is_open(void)
{
    return scr.open;
}

/* --- size --- */

void screen_size(int *w, int *h)
{
    *w = COLS;
    *h = LINES;
}

void screen_resize(void)
{
    struct winsize size;

    if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col > 0 && size.ws_row > 0)
        resizeterm(size.ws_row, size.ws_col);
    screen_repaint();
}

void screen_repaint(void)
{
    scr.full = true;
}

/* --- painting --- */

static attr_t attributes(unsigned style)
{
    struct paint p = color_paint((enum ink)(style & STYLE_INK), scr.theme, scr.colors);
    attr_t a = A_NORMAL;

    if (p.bold || style & STYLE_BOLD)
        a |= A_BOLD;
    if (p.reverse != !!(style & STYLE_REVERSE))
        a |= A_REVERSE;
    if (style & STYLE_UNDERLINE)
        a |= A_UNDERLINE;
    return a;
}

static size_t paint_cell(const struct cell *e, int x, int y)
{
    wchar_t text[4] = {0};
    cchar_t out;

    for (int i = 0; i < 3 && e->ch[i]; i++)
        text[i] = (wchar_t)e->ch[i];
    setcchar(&out, text, attributes(e->style), scr.colors ? (short)((e->style & STYLE_INK) + 1) : 0,
             NULL);
    mvadd_wch(y, x, &out);
    return e->ch[0] < 0x80 ? 1 : 3;
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
    return a->ch[0] == b->ch[0] && a->ch[1] == b->ch[1] && a->ch[2] == b->ch[2] &&
           a->style == b->style && a->width == b->width;
}

static size_t paint_cells(const struct canvas *c)
{
    size_t bytes = 0;
    bool all = scr.front.w != c->w || scr.front.h != c->h;

    if (all) {
        canvas_init(&scr.front, c->w, c->h, c->charset);
        erase();
    }
    if (scr.front.w != c->w || scr.front.h != c->h)
        return 0;
    for (int y = 0; y < c->h; y++)
        for (int x = 0, last = -9; x < c->w; x++) {
            const struct cell *e = &c->cells[y * c->w + x];
            struct cell *f = &scr.front.cells[y * c->w + x];

            if (same_cell(e, f) && !scr.full)
                continue;
            if (e->width) {
                bytes +=
                    paint_cell(e, x, y) + (x > last + 4 ? 7 : 0) + (f->style != e->style ? 6 : 0);
                last = x;
            }
            *f = *e;
        }
    return bytes;
}

static void show_cursor(int x, int y)
{
    int on = x >= 0;

    if (on != scr.cursor)
        curs_set(scr.cursor = on);
    if (on)
        move(y, x);
}

size_t screen_paint(const struct canvas *c, int cursor_x, int cursor_y)
{
    size_t bytes;
    bool kept;

    if (!scr.open)
        return 0;
    if (scr.full)
        clearok(curscr, TRUE);
    bytes = paint_cells(c);
    if (scr.full)
        bytes = (size_t)(c->w * c->h);
    scr.full = false;
    kept = output_hold();
    show_cursor(cursor_x, cursor_y);
    wnoutrefresh(stdscr);
    doupdate();
    if (kept)
        bytes = output_release(scr.sync ? "\033[?2026h" : "", scr.sync ? "\033[?2026l" : "");
    return bytes;
}

/* --- keys --- */

#define MOUSE_EVENTS (BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED | REPORT_MOUSE_POSITION)

/* Events that came in one piece are given out by curses with the newest first: here the oldest is
 * the last of those that wait. */
static void read_mouse(void)
{
    MEVENT e;

    while (scr.mice < MICE && getmouse(&e) == OK)
        if (e.bstate & (MOUSE_EVENTS | BUTTON1_CLICKED))
            scr.mouse_event[scr.mice++] = e;
}

static int mouse_key(void)
{
    const MEVENT *e;

    if (!scr.mice)
        return 0;
    e = &scr.mouse_event[--scr.mice];
    scr.mouse_x = e->x;
    scr.mouse_y = e->y;
    scr.mouse_button = e->bstate & BUTTON4_PRESSED         ? 4
                       : e->bstate & BUTTON5_PRESSED       ? 5
                       : e->bstate & REPORT_MOUSE_POSITION ? 0
                                                           : 1;
    return UIKEY_MOUSE;
}

static int translate(wint_t code)
{
    int key = key_of((int)code);

    if (key)
        return key;
    if (code >= KEY_F(1) && code <= KEY_F(10))
        return UIKEY_F1 + (int)code - KEY_F(1);
    if (code == KEY_MOUSE)
        read_mouse();
    return mouse_key();
}

static time_t seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* Takes a character of a paste; true when it was the last. A terminal that is silent for long has
 * lost the end: what comes then is typed. */
static bool paste_takes(int rc, wint_t code)
{
    enum { SILENCE = 3 };
    time_t now = seconds();
    bool lost = now > scr.paste_at + SILENCE;

    scr.paste_at = now;
    if (lost && rc == KEY_CODE_YES)
        ungetch((int)code);
    else if (lost)
        unget_wch((wchar_t)code);
    else if (rc == KEY_CODE_YES && code == KEY_MOUSE)
        read_mouse();
    else if (rc != KEY_CODE_YES && scr.n_paste + 4 <= PASTE_MOST)
        scr.n_paste += utf8_put((uint32_t)code, scr.paste + scr.n_paste);
    scr.pasting = !lost && !(rc == KEY_CODE_YES && code == CODE_PASTE_END);
    return !scr.pasting;
}

static bool seq_is_text(void)
{
    return scr.n_seq > 1 && (scr.seq[1] == ']' || scr.seq[1] == 'P');
}

/* Takes a byte of a sequence that has begun: true when it is its last. A report of the keyboard (CSI, SS3)
 * ends with a letter, a text (OSC, DCS) with BEL or Esc \. */
static bool seq_takes(wint_t c)
{
    bool text = seq_is_text(), first = scr.n_seq == 2;

    if (text && (c == '\a' || (c == '\\' && scr.seq[scr.n_seq - 1] == '\033')))
        return true;
    if (text && scr.n_seq > 2)
        scr.n_seq--; /* of a text the last byte is enough */
    if (scr.n_seq + 1 < sizeof scr.seq)
        scr.seq[scr.n_seq++] = (char)c;
    scr.seq[scr.n_seq] = '\0';
    return !text && c >= '@' && !(c == '[' && first); /* a Linux console's F1 is CSI [ A */
}

/* A character, or a code of curses, as get_wch gives it. What a terminal sends for a key that nobody knows is
 * swallowed whole, also when it comes in pieces: none of its bytes is a key. Known ones that came so are
 * put together. An Esc that is a key has nothing behind it, or what begins no sequence. */
static int next_code(wint_t *code)
{
    static const double lost = 1, split = 0.1; /* seconds */
    int rc, known;

    while ((rc = get_wch(code)) != ERR) {
        double now = clock_seconds();

        if (now > scr.seq_at + lost || rc == KEY_CODE_YES ||
            (!seq_is_text() && (*code < ' ' || *code > '~')))
            scr.n_seq = 0; /* it was cut off */
        scr.seq_at = now;
        if (rc == KEY_CODE_YES)
            return rc;
        if (!scr.n_seq && *code == '\033') {
            rc = get_wch(code);
            if (rc != OK || *code > '~' || !*code || !strchr("[O]P", (int)*code)) {
                if (rc != ERR)
                    rc == KEY_CODE_YES ? ungetch((int)*code) : unget_wch((wchar_t)*code);
                scr.esc_at = now;
                *code = '\033';
                return OK;
            }
        } else if (!scr.n_seq && (*code != '[' || now > scr.esc_at + split)) {
            return rc;
        } else if (scr.n_seq) {
            if (!seq_takes(*code))
                continue;
            known = key_defined(scr.seq);
            scr.n_seq = 0;
            if (known <= 0)
                continue;
            *code = (wint_t)known;
            return KEY_CODE_YES;
        }
        scr.n_seq = 2;
        snprintf(scr.seq, sizeof scr.seq, "\033%c", (char)*code);
    }
    return ERR;
}

void screen_unread(const int *keys, size_t n)
{
    for (size_t i = 0; i < n && scr.n_unread < SCREEN_UNREAD; i++)
        scr.unread[scr.n_unread++] = keys[i];
}

bool screen_has_unread(void)
{
    return scr.n_unread > 0;
}

int screen_key(void)
{
    wint_t code;
    int rc = ERR, key = 0;

    if (scr.n_unread) {
        key = scr.unread[0];
        memmove(scr.unread, scr.unread + 1, --scr.n_unread * sizeof *scr.unread);
    } else {
        key = mouse_key();
    }
    while (!key) {
        rc = scr.open ? next_code(&code) : ERR;
        if (rc == ERR)
            return 0;
        if (scr.pasting) {
            key = paste_takes(rc, code) ? UIKEY_PASTE : 0;
        } else if (rc == KEY_CODE_YES && code == CODE_PASTE) {
            scr.paste = scr.paste ? scr.paste : malloc(PASTE_MOST);
            scr.pasting = scr.paste != NULL;
            scr.n_paste = 0;
            scr.paste_at = seconds();
        } else {
            key = rc == KEY_CODE_YES ? translate(code) : code == 8 ? UIKEY_BACKSPACE : (int)code;
        }
    }
    return key;
}

const char *screen_pasted(size_t *n)
{
    *n = scr.n_paste;
    return scr.paste;
}

bool screen_is_pasting(void)
{
    return scr.pasting;
}

void screen_mouse_event(int *x, int *y, int *button)
{
    *x = scr.mouse_x;
    *y = scr.mouse_y;
    *button = scr.mouse_button;
}

bool screen_set_mouse(bool on)
{
    if (on == scr.mouse)
        return true;
    mouseinterval(0);
    if (!on && knows_xterm_modes())
        send("\033[?1002l");
    if (!mousemask(on ? MOUSE_EVENTS : 0, NULL) && on)
        return false;
    scr.mouse = on;
    if (on && knows_xterm_modes()) /* curses asks for clicks: this adds moves with a button down */
        send("\033[?1002h");
    return true;
}

void screen_set_sync(bool on)
{
    scr.sync = on;
}

/* --- stopping and going on --- */

void screen_aside(void (*meanwhile)(void *ctx), void *ctx)
{
    bool mouse = scr.mouse;

    screen_set_mouse(false);
    if (scr.reports)
        send("\033[?1004l\033[?2004l");
    def_prog_mode();
    endwin();
    crash_disarm();
    meanwhile(ctx);
    crash_arm();
    reset_prog_mode();
    refresh();
    set_modes();
    screen_set_mouse(mouse);
    screen_resize();
}

/* --- clipboard --- */

bool screen_copy(const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(text), k = 0;
    char *out;

    if (n > 50000 || !scr.open || !knows_xterm_modes())
        return false;
    out = malloc((n + 2) / 3 * 4 + 16);
    if (!out)
        return false;
    k = (size_t)sprintf(out, "\033]52;c;");
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)(unsigned char)text[i] << 16;

        if (i + 1 < n)
            v |= (unsigned)(unsigned char)text[i + 1] << 8;
        if (i + 2 < n)
            v |= (unsigned char)text[i + 2];
        out[k++] = digits[v >> 18];
        out[k++] = digits[v >> 12 & 63];
        out[k++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
        out[k++] = i + 2 < n ? digits[v & 63] : '=';
    }
    out[k++] = '\a';
    out[k] = '\0';
    send(out);
    free(out);
    return true;
}

/* A bell, and a notice where the terminal has some: OSC 9 (iTerm2, ConEmu, WezTerm), OSC 777 (urxvt, foot,
 * VTE). The text is of one line, and of what ends no such sequence. */
void screen_notice(const char *text)
{
    char safe[256], all[2 * sizeof safe + 64];
    size_t n = strlen(text), at = 0, used = 0, took;
    uint32_t cp;

    if (!scr.open)
        return;
    while (at < n && used + 8 < sizeof safe) {
        took = utf8_get(text + at, n - at, &cp);
        at += took ? took : 1;
        used += utf8_put(!took || utf8_is_unsafe(cp) ? '?' : cp == ';' ? ',' : cp, safe + used);
    }
    safe[used] = '\0';
    snprintf(all, sizeof all, "\033]9;vaccine: %s\033\\\033]777;notify;vaccine;%s\033\\", safe,
             safe);
    send("\a");
    if (knows_xterm_modes())
        send(all);
}

/* --- what the terminal suggests --- */

enum charset screen_charset(bool utf8)
{
    const char *term = getenv("TERM");

    /* The fonts of a Linux console have neither braille nor half blocks, nor most of the signs. */
    if (!utf8 || (term && !strcmp(term, "linux")))
        return CHARSET_ASCII;
    return term && !strncmp(term, "vt", 2) ? CHARSET_BLOCK : CHARSET_BRAILLE;
}

int screen_colors(void)
{
    return scr.theme == THEME_NONE ? 0 : scr.colors;
}

enum theme screen_theme(void)
{
    return scr.theme;
}

void screen_set_theme(enum theme t)
{
    scr.theme = scr.colors ? t : THEME_NONE;
    if (scr.colors)
        set_pairs();
    screen_repaint();
}

const char *screen_warning(void)
{
    return scr.warning;
}
