/* clock.h - the time that the loop lives by. */
#ifndef TERM_CLOCK_H
#define TERM_CLOCK_H

/* CLOCK_MONOTONIC. */
double clock_seconds(void);
#endif
