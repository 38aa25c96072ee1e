/* ticks.h - the round numbers that stand at an axis, on a screen or on a page. */
#ifndef BASE_TICKS_H
#define BASE_TICKS_H

#include <stdbool.h>

/* Up to `max` round numbers in [lo, hi]; returns how many, 0 where that is no range. */
int ticks_make(double lo, double hi, bool log, int max, double *out);
#endif
