/* screen.h - the terminal: opened, painted, read, and always given back.
 *
 * The only file set that knows curses. There is one screen in a process and one thread that may
 * call these functions. Signals only set flags and write a byte; the loop asks for them. */
#ifndef TERM_SCREEN_H
#define TERM_SCREEN_H

#include "term/color.h"
#include "term/draw.h"

struct vac_err;

/* What is wanted of it; NULL = by the terminal and the environment. */
struct screen_wants {
    const char *color; /* "none", "8", "16", "256" */
    const char *theme; /* "dark", "light" */
    bool mouse;
    const char *log; /* takes what libraries write to standard error */
};

/* Opens the terminal; what went to the log is printed by screen_close. -1 and err when there is no
 * terminal to be had. */
int screen_open(const struct screen_wants *wants, struct vac_err *err);
/* Gives the terminal back; harmless when it is not open. */
void screen_close(void);
bool screen_is_open(void);
/* The terminal is gone: nothing is written to it any more. */
void screen_abandon(void);

void screen_size(int *w, int *h);
/* After SIGWINCH: takes over the terminal's size. */
void screen_resize(void);
/* Paints what differs from the last time; returns about how many bytes that took. cursor_x < 0
 * hides the cursor. */
size_t screen_paint(const struct canvas *c, int cursor_x, int cursor_y);
/* Everything again at the next paint. */
void screen_repaint(void);
/* Next key: a code point, UIKEY_*, or 0 when none waits. */
int screen_key(void);
/* Keys that were read too early: screen_key gives them next, in their order. No more than SCREEN_UNREAD. */
enum { SCREEN_UNREAD = 64 };
void screen_unread(const int *keys, size_t n);
bool screen_has_unread(void);
/* The text of the last UIKEY_PASTE, n bytes of UTF-8; borrowed until the next key. */
const char *screen_pasted(size_t *n);
/* A paste has begun whose end has not come yet. */
bool screen_is_pasting(void);
/* Where UIKEY_MOUSE happened; button 1, 4 and 5 for the wheel, or 0 for a move with 1 held down. */
void screen_mouse_event(int *x, int *y, int *button);
/* False: this terminal has none. */
bool screen_set_mouse(bool on);
void screen_set_sync(bool on);
/* Stops the process as Ctrl-Z does; returns after fg. */
/* The terminal as it was, while something else has it. */
void screen_aside(void (*meanwhile)(void *ctx), void *ctx);
/* Rings, and tells the desktop where the terminal passes it on. */
void screen_notice(const char *text);
/* Puts text on the clipboard of a terminal that knows OSC 52; false: it was not sent. */
bool screen_copy(const char *text);

/* Charset, colours and theme that the terminal suggests. */
enum charset screen_charset(bool utf8);
int screen_colors(void);
enum theme screen_theme(void);
void screen_set_theme(enum theme t);
/* "unknown terminal x: xterm-256color is used", or "". */
const char *screen_warning(void);
#endif
