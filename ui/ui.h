/* ui.h - the door of the screen.
 *
 * ui_main opens the workbench, drives one run (or none: the start screen), gives the terminal back
 * and returns the program's exit status, or -1; err says what went wrong. Nothing outside ui/ knows
 * curses; ui/ knows nothing of the core except include/vaccine. */
#ifndef UI_UI_H
#define UI_UI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "vaccine/vaccine.h"

struct ui_args {
    const char *path;       /* a run file or a run folder; NULL = the start screen */
    const char *out;        /* run folder to make; NULL = the core's choice */
    const char *const *set; /* "stages[1].rho=2", in order */
    size_t n_set;
    bool resume;
    bool from_start;     /* with resume: begin again when there is no checkpoint */
    bool paused;         /* wait for Space before the first step */
    const char *script;  /* file of keys and : commands to play; NULL = none */
    const char *charset; /* "braille", "block", "ascii"; NULL = by the terminal */
    const char *color;   /* "none", "8", "16", "256"; NULL = by the terminal and NO_COLOR */
    const char *theme;   /* "dark", "light"; NULL = by COLORFGBG, else dark */
    bool slow;           /* at most 1 kB/s, for thin lines */
    bool
        attach; /* path is the folder of a run that another program runs: it is asked and steered */
    const char *as;             /* who asks it, for its journal; NULL = user and process */
    bool plain;                 /* line mode: typed commands, one line of text per log interval */
    bool mouse;                 /* on from the start */
    const char *const *overlay; /* run folders to lay over the curves */
    size_t n_overlay;
    /* Up to three lines to show for half a minute or until a key, in place of those of the first
     * time; keys may stand before a tab. NULL = none. */
    const char *hint;
    bool tour;          /* goes through the lab, key by key: see tour.h */
    double interval;    /* seconds between frames, or between lines of the line mode; 0 = default */
    bool deterministic; /* tests: no clocks on the screen */
};

int ui_main(const struct ui_args *args, struct vac_err *err);
/* The text of the tour, as README.md has it. */
void ui_tour_print(FILE *out);
#endif
