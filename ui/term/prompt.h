/* prompt.h - the line that is typed: readline edits, cells show.
 *
 * One at a time. It has Emacs or vi keys as ~/.inputrc says, a history file of its own (0600, prompts
 * can be private), and completion. Callbacks run on the screen's thread and get the `ui` that the line
 * was opened with, of which nothing is known here. */
#ifndef TERM_PROMPT_H
#define TERM_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include "term/draw.h"

struct ui;

struct prompt {
    const char *label;   /* "probe> " */
    const char *initial; /* NULL = empty */
    bool replaced;       /* what is typed first takes its place, until it is edited */
    const char *history; /* "probe", "command", "filter": name of its history; NULL = none */
    const char *hint;    /* faint, at the right */
    bool keep;           /* stays open after Enter; Esc closes it */
    bool files;          /* Tab completes a word that begins with @ as a file name */
    bool lines;          /* a text: what is pasted keeps its line breaks */
    /* Tab: candidate number i for the word that begins with `word` at `start` of the line,
     * malloc'ed; NULL past the last. Or NULL: nothing to complete. */
    char *(*complete)(struct ui *ui, const char *line, int start, const char *word, int i);
    /* What is told of a candidate where several are listed, malloc'ed; NULL = itself. Or NULL. */
    char *(*told)(struct ui *ui, const char *line, const char *candidate);
    /* Enter, with an empty line too. The line is borrowed. */
    void (*done)(struct ui *ui, const char *line);
    /* While typing; NULL = nothing. */
    void (*changed)(struct ui *ui, const char *line);
    /* Left without Enter; NULL = nothing. */
    void (*dropped)(struct ui *ui);
};
/* All texts are copied, but for the name of the history, which is a literal. */
void prompt_open(struct ui *ui, const struct prompt *p);
void prompt_close(struct ui *ui);
/* Number i of the files that begin with a word, malloc'ed, a folder with a slash behind it; NULL past
 * the last. For `complete`. */
char *prompt_file(const char *word, int i);
bool prompt_is_open(const struct ui *ui);

/* A key (keys.h) while a prompt line is open; false = not for it: do with it what is usual. `more`
 * = the next key is there already, so that an Esc is the beginning of Alt-something. */
bool prompt_key(struct ui *ui, int key, bool more);
/* Pasted text: never runs anything; line breaks become blanks where a line has none. */
void prompt_paste(struct ui *ui, const char *s, size_t n);
/* Label, line and hint in the last row of v, what Tab found in the row above when v has one. Where
 * the terminal's cursor belongs, relative to v, in *cx and *cy. */
void prompt_draw(struct ui *ui, const struct view *v, int *cx, int *cy);
/* Gives back what readline holds. */
void prompt_done(void);
#endif
