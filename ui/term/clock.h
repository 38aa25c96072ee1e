/* clock.h - the time that the loop lives by, and how far apart frames are: as far as the line takes their bytes and
 * training can bear their cost. */
#ifndef TERM_CLOCK_H
#define TERM_CLOCK_H

#include <stdbool.h>
#include <stddef.h>

/* CLOCK_MONOTONIC. */
double clock_seconds(void);
/* Processor time of the calling thread. */
double clock_thread_seconds(void);

/* Zeroed but for asked and line. */
struct pace {
    double asked; /* seconds between frames that somebody asked for; 0 = what they cost decides */
    double line;  /* bytes a second that the line takes; 0 = what the picture's size is worth */
    double next;  /* clock: no frame before, except for keys */
    double left;  /* bytes that may be sent now; grows with time up to two seconds' worth */
    double at;    /* clock of the last frame */
    double used;  /* processor seconds of this thread until then */
    double cost;  /* such of a frame and all between two; the latest count most */
};
/* A frame of w x h cells was sent in so many bytes; `used` is the processor time of this thread so far. `spare`:
 * training needs the processors more than somebody the picture. Nobody looks at an unfocused one. */
void pace_frame(struct pace *p, double now, double used, int w, int h, size_t bytes, bool spare,
                bool unfocused);
#endif
