/* stopwatch.h - the time that a run has run: what pauses take does not count. */
#ifndef BASE_STOPWATCH_H
#define BASE_STOPWATCH_H

#include <stdbool.h>

struct stopwatch {
    bool stopped_at_0; /* for tests: it always reads 0 */
    double before;     /* seconds until it was last held */
    double since;      /* clock at which it last went on; 0 = it is held */
};
double stopwatch_read(const struct stopwatch *w);
/* Of one that is held already, and goes already, nothing changes. */
void stopwatch_hold(struct stopwatch *w);
void stopwatch_go(struct stopwatch *w);
#endif
