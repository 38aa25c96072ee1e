/* dialog.h - what lies over the panels: a question with its answers, or a long text to read. One at a
 * time; callbacks get the `ui` of the key that answered. */
#ifndef TERM_DIALOG_H
#define TERM_DIALOG_H

#include <stdbool.h>
#include "term/draw.h"

struct ui;

struct choice {
    int key;           /* 's' */
    const char *label; /* "save and quit" */
};
enum { DIALOG_CHOICES = 6 };
struct dialog {
    const char *title;
    const char *text;                     /* copied; lines by \n */
    struct choice choice[DIALOG_CHOICES]; /* ends with key 0; Esc is always cancel */
    int enter;                            /* the choice that Enter takes; 0 = cancel */
    int again; /* a key that takes it too: the one that opened the question; 0 = none */
    /* key = the choice; never called on cancel. */
    void (*done)(struct ui *ui, int key);
};
void dialog_open(const struct dialog *d);
/* Long text over the screen, with scrolling; both strings are copied. */
void pager_open(const char *title, const char *text);

bool overlay_is_up(void);
/* Fills the view with it. */
void overlay_draw(const struct view *v);
/* A key while it is up; always taken. */
void overlay_key(struct ui *ui, int key);
void overlay_close(void);
/* The question that is up with its choices, as text; free it. NULL = there is none. */
char *overlay_question(void);
#endif
