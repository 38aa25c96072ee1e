/* stopwatch.c - see stopwatch.h */
#include "base/stopwatch.h"

#include "base/io.h"

double stopwatch_read(const struct stopwatch *w)
{
    if (w->stopped_at_0)
        return 0;
    return w->before + (w->since > 0 ? clock_now() - w->since : 0);
}

void stopwatch_hold(struct stopwatch *w)
{
    w->before = stopwatch_read(w);
    w->since = 0;
}

void stopwatch_go(struct stopwatch *w)
{
    if (w->since <= 0)
        w->since = clock_now();
}
