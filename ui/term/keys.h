/* keys.h - the one table of keys: what is pressed, what it does, what the help says.
 *
 * One key means one thing in every panel. keys.c, the key bar and the help overlay are made from
 * this list and from nothing else. */
#ifndef TERM_KEYS_H
#define TERM_KEYS_H

#include <stdbool.h>
#include <stddef.h>

/* Keys that are no character. */
enum {
    UIKEY_UP = 0x110000, /* above the last code point */
    UIKEY_DOWN,
    UIKEY_LEFT,
    UIKEY_RIGHT,
    UIKEY_PGUP,
    UIKEY_PGDN,
    UIKEY_HOME,
    UIKEY_END,
    UIKEY_BACKTAB,
    UIKEY_DELETE,
    UIKEY_F1,
    UIKEY_F10 = UIKEY_F1 + 9,
    UIKEY_MOUSE,
    UIKEY_RESIZE,
    UIKEY_FOCUS_IN,
    UIKEY_FOCUS_OUT,
    UIKEY_PASTE, /* a text: screen_pasted */
    UIKEY_ENTER = '\r',
    UIKEY_ESC = 27,
    UIKEY_BACKSPACE = 127,
    UIKEY_TAB = '\t'
};
#define UICTRL(c) ((c)&0x1f)

enum key_group {
    GROUP_RUN,
    GROUP_RHO,
    GROUP_PROBE,
    GROUP_MOVE,
    GROUP_VIEW,
    GROUP_FIND,
    GROUP_SCREEN,
    GROUP_COUNT
};

/* X(action, key, second key or 0, group, name of the key(s), word in the key bar or "", help) */
#define ACTIONS(X)                                                                                 \
    X(pause, ' ', 0, GROUP_RUN, "Space", "Pause", "pause at the next step, or resume")             \
    X(step, '.', 0, GROUP_RUN, ".", "Step", "one step, then pause")                                \
    X(steps, 'n', 0, GROUP_RUN, "n", "N steps", "so many steps, then pause")                       \
    X(run_until, 'G', 0, GROUP_RUN, "G", "Until", "go on until something is so, then pause")       \
    X(checkpoint, 'c', 0, GROUP_RUN, "c", "Ckpt", "save a checkpoint now")                         \
    X(rewind, 'w', 0, GROUP_RUN, "w", "",                                                          \
      "pause, and go back to a checkpoint; what lay after it is kept")                             \
    X(fork, 'b', 0, GROUP_RUN, "b", "", "another run that begins with a checkpoint of this")       \
    X(attack, 'a', 0, GROUP_RUN, "a", "",                                                          \
      "fine-tune a fork of the present weights as a user would: steps to break; again: stop it")   \
    X(evaluate, 'E', 0, GROUP_RUN, "E", "Eval", "measure HS and FA now")                           \
    X(reference, 'R', 0, GROUP_RUN, "R", "Ref",                                                    \
      "measure drift against the present weights from now on")                                     \
    X(rho_down, '[', 0, GROUP_RHO, "[", "", "rho x 0.9")                                           \
    X(rho_up, ']', 0, GROUP_RHO, "]", "", "rho x 1.1")                                             \
    X(rho_half, '{', 0, GROUP_RHO, "{", "", "rho x 0.5")                                           \
    X(rho_double, '}', 0, GROUP_RHO, "}", "", "rho x 2")                                           \
    X(rho_type, '=', 0, GROUP_RHO, "=", "rho", "type rho")                                         \
    X(edit, 'e', 0, GROUP_RHO, "e", "Edit", "edit the selected option (panel 6)")                  \
    X(mask, 'x', 0, GROUP_RHO, "x", "Mask", "perturb the selected layer, or leave it out")         \
    X(mask_range, 'X', 0, GROUP_RHO, "X", "", "type the layers to perturb, \"0-3,7\"")             \
    X(undo, 'u', 0, GROUP_RHO, "u", "Undo",                                                        \
      "take the last change back: an option, layers, a guard")                                     \
    X(probe, 'p', 0, GROUP_PROBE, "p", "Probe", "ask the present weights")                         \
    X(suite, 'P', 0, GROUP_PROBE, "P", "Suite", "ask the fixed probes now")                        \
    X(weights, '@', 0, GROUP_PROBE, "@", "Weights",                                                \
      "of a run that is over: which saved weights answer, a stage's or a checkpoint's")            \
    X(diff, 'D', 0, GROUP_PROBE, "D", "Diff",                                                      \
      "compare: answers of two steps (5), descriptions of two runs (0)")                           \
    X(full, 'v', 0, GROUP_PROBE, "v", "View", "the selected text in full")                         \
    X(label, 'V', 0, GROUP_PROBE, "V", "",                                                         \
      "say yourself, blind, what answers do: labels to hold the judge against")                    \
    X(stop, UICTRL('c'), 0, GROUP_PROBE, "Ctrl-C", "",                                             \
      "end the answer under way; twice: the quit dialog")                                          \
    X(up, UIKEY_UP, 'k', GROUP_MOVE, "Up k", "", "row above: layer, option, line")                 \
    X(down, UIKEY_DOWN, 'j', GROUP_MOVE, "Down j", "", "row below")                                \
    X(left, UIKEY_LEFT, 'h', GROUP_MOVE, "Left h", "", "cursor to the left in all plots")          \
    X(right, UIKEY_RIGHT, 'l', GROUP_MOVE, "Right l", "", "cursor to the right")                   \
    X(page_up, UIKEY_PGUP, 0, GROUP_MOVE, "PgUp", "", "a page up; cursor a tenth to the left")     \
    X(page_down, UIKEY_PGDN, 0, GROUP_MOVE, "PgDn", "",                                            \
      "a page down; cursor a tenth to the right")                                                  \
    X(home, UIKEY_HOME, 0, GROUP_MOVE, "Home", "", "first row; cursor to the first step")          \
    X(end, UIKEY_END, 0, GROUP_MOVE, "End", "", "last row; no cursor, newest values")              \
    X(enter, UIKEY_ENTER, '\n', GROUP_MOVE, "Enter", "",                                           \
      "open what is selected, else zoom the panel")                                                \
    X(back, UIKEY_ESC, UIKEY_BACKSPACE, GROUP_MOVE, "Esc", "",                                     \
      "back: close, unzoom, forget the cursor")                                                    \
    X(next_panel, UIKEY_TAB, 0, GROUP_VIEW, "Tab", "Panel", "next panel")                          \
    X(prev_panel, UIKEY_BACKTAB, 0, GROUP_VIEW, "S-Tab", "", "previous panel")                     \
    X(zoom, 'z', 0, GROUP_VIEW, "z", "Zoom", "the panel alone on the screen, and back")            \
    X(zoom_in, '+', 0, GROUP_VIEW, "+", "", "zoom in on the cursor")                               \
    X(zoom_out, '-', 0, GROUP_VIEW, "-", "", "zoom out")                                           \
    X(zoom_reset, 'Z', 0, GROUP_VIEW, "Z", "", "the whole run")                                    \
    X(pan_left, 'H', 0, GROUP_VIEW, "H", "", "pan to the left")                                    \
    X(pan_right, 'L', 0, GROUP_VIEW, "L", "", "pan to the right")                                  \
    X(log, 'y', 0, GROUP_VIEW, "y", "Log",                                                         \
      "logarithmic or linear: the axes of all plots, the heat map")                                \
    X(smooth, 'r', 0, GROUP_VIEW, "r", "Raw", "raw curves, or smoothed .6 .9 .98")                 \
    X(x_unit, 't', 0, GROUP_VIEW, "t", "", "x in steps, tokens or seconds")                        \
    X(metric, 'i', 0, GROUP_VIEW, "i", "Metric",                                                   \
      "layers, heat map: drift, its square, eps, eps/A, gradient, attention, refusal; "            \
      "evaluation: the run's scores or those of an attack")                                        \
    X(overlay, 'o', 0, GROUP_VIEW, "o", "Overlay", "lay the marked runs over the curves")          \
    X(sort, 's', 0, GROUP_VIEW, "s", "Sort", "sort the table by the next column")                  \
    X(freeze, 'F', 0, GROUP_VIEW, "F", "", "freeze the picture; training goes on")                 \
    X(guides, 'g', 0, GROUP_VIEW, "g", "", "guide lines in plots")                                 \
    X(filter, '/', 0, GROUP_FIND, "/", "Filter",                                                   \
      "filter the list: word word2 | other !not /regex/")                                          \
    X(next_match, 'N', 0, GROUP_FIND, "N", "", "next match, next change, next spike")              \
    X(mark, 'm', 0, GROUP_FIND, "m", "Mark", "mark the selected row of a list")                    \
    X(erase, UIKEY_DELETE, 0, GROUP_FIND, "Del", "", "delete the selected run (asks)")             \
    X(command, ':', 0, GROUP_FIND, ":", "Cmd", "type a command; :help lists them")                 \
    X(copy, 'Y', 0, GROUP_FIND, "Y", "Copy", "copy the read-out (clipboard and a file)")           \
    X(dump, 'S', 0, GROUP_FIND, "S", "", "save the screen as text and SVG")                        \
    X(theme, 'T', 0, GROUP_SCREEN, "T", "", "next theme: dark, light, no colour")                  \
    X(charset, 'C', 0, GROUP_SCREEN, "C", "", "next characters: braille, block, ASCII")            \
    X(mouse, 'M', 0, GROUP_SCREEN, "M", "", "mouse on or off (off: the terminal selects text)")    \
    X(repaint, UICTRL('l'), 0, GROUP_SCREEN, "Ctrl-L", "", "paint everything again")               \
    X(suspend, UICTRL('z'), 0, GROUP_SCREEN, "Ctrl-Z", "",                                         \
      "suspend the program, training too; fg comes back")                                          \
    X(list, 'B', 0, GROUP_SCREEN, "B", "Runs",                                                     \
      "back to the list of runs, and from there to the one that trains meanwhile")                 \
    X(detach, 'd', 0, GROUP_SCREEN, "d", "",                                                       \
      "close the screen; training goes on, and vaccine attach comes back")                         \
    X(help, '?', UIKEY_F1, GROUP_SCREEN, "?", "Help", "this help")                                 \
    X(quit, 'q', UIKEY_F10, GROUP_SCREEN, "q", "Quit", "leave (asks while training)")

#define ACTION_ENUM(name, key, alt, group, keys, bar, help) ACT_##name,
enum action { ACT_NONE, ACTIONS(ACTION_ENUM) ACT_COUNT };
/* Digits select panels: panel.h. */

struct key_row {
    enum action action;
    int key, alt;
    enum key_group group;
    const char *name; /* of the action: "rho_up" */
    const char *keys; /* as the help shows them */
    const char *bar;
    const char *help;
};
extern const struct key_row key_rows[]; /* ACT_COUNT - 1 rows in order */
extern const char *const key_group_names[GROUP_COUNT];
enum action key_action(int key);
const struct key_row *key_row_of(enum action a);
/* "Space", "Ctrl-L", "Up", "p" -> key; 0 = no such name. For scripts. */
int key_by_name(const char *name);
#endif
