/* output.h - what curses writes in one frame goes to the terminal in one piece.
 *
 * Curses writes after every movement of the cursor, fifty times a frame; each time the program that
 * reads the terminal (sshd, tmux) is woken, on a processor that trains. */
#ifndef TERM_OUTPUT_H
#define TERM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The file for newterm: the terminal of standard output under a number of its own. NULL when out of
 * descriptors. */
FILE *output_open(void);
void output_close(void);
/* Past curses, all of it; what a terminal that is gone does not take is lost. */
void output_write(const char *bytes, size_t n);
/* From here on what curses writes is kept. False, and nothing is kept, where there is no room for
 * it; no output_release then. */
bool output_hold(void);
/* Writes what was kept between two texts, all at once or not at all when it is nothing. Returns its
 * bytes. */
size_t output_release(const char *before, const char *after);
/* The terminal is gone: all goes to /dev/null now. */
void output_abandon(int null);
#endif
