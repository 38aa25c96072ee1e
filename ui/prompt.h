/* prompt.h - what the user is asked: the prompt line (readline), dialogs, the pager, messages.
 *
 * One of each at a time. The prompt line has Emacs or vi keys as ~/.inputrc says, a history file of
 * its own (0600, prompts can be private), and completion. Callbacks run on the screen's thread. */
#ifndef UI_PROMPT_H
#define UI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

struct ui;

struct prompt {
    const char *label;   /* "probe> " */
    const char *initial; /* NULL = empty */
    const char *history; /* "probe", "command", "filter": name of its history; NULL = none */
    const char *hint;    /* faint, at the right */
    bool keep;           /* stays open after Enter; Esc closes it */
    bool files;          /* Tab completes a word that begins with @ as a file name */
    bool lines;          /* a text: what is pasted keeps its line breaks */
    /* Tab: candidate number i for the word that begins with `word` at `start` of the line,
     * malloc'ed; NULL past the last. Or NULL: nothing to complete. */
    char *(*complete)(struct ui *ui, const char *line, int start, const char *word, int i);
    /* Enter, with an empty line too. The line is borrowed. */
    void (*done)(struct ui *ui, const char *line);
    /* While typing; NULL = nothing. */
    void (*changed)(struct ui *ui, const char *line);
};
/* The strings must live as long as the prompt is open (literals), except initial. */
void prompt_open(struct ui *ui, const struct prompt *p);
void prompt_close(struct ui *ui);
bool prompt_is_open(const struct ui *ui);

struct choice {
    int key;           /* 's' */
    const char *label; /* "save and quit" */
};
enum { DIALOG_CHOICES = 6 };
struct dialog {
    const char *title;
    const char *text;                     /* copied; lines by \n */
    struct choice choice[DIALOG_CHOICES]; /* ends with key 0; Esc is always cancel */
    /* key = the choice; never called on cancel. */
    void (*done)(struct ui *ui, int key);
};
void dialog_open(struct ui *ui, const struct dialog *d);
/* Long text over the screen, with scrolling; both strings are copied. */
void pager_open(struct ui *ui, const char *title, const char *text);

/* The message line: news, and warnings (in the warning colour, with a "!"). */
void ui_say(struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ui_warn(struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
