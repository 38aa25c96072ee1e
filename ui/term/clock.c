/* clock.c - see clock.h */
#include <math.h>
#include <time.h>
#include "term/clock.h"

static double seconds_of(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double clock_seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double clock_thread_seconds(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

/* A line of 80 x 24 gets 3 kB/s, one of 200 x 60 10 kB/s; more than that is no smoother to the eye. */
static double byte_rate(const struct pace *p, double cells)
{
    double rate = 3000 + 7000 * (cells - 1920) / (12000 - 1920);

    return p->line > 0 ? p->line : fmin(fmax(rate, 2500), 10000);
}

/* All processors train, and wait for each other: what a frame takes of one, training loses on all of them, and as
 * measured three to four times as much. So frames come as often as they take .18 % of one, but from four to one a
 * second. */
static double interval_of(const struct pace *p, bool spare)
{
    if (p->asked > 0)
        return p->asked;
    return spare ? fmin(fmax(p->cost / .0018, .25), 1) : .25;
}

void pace_frame(struct pace *p, double now, double used, int w, int h, size_t bytes, bool spare,
                bool unfocused)
{
    double rate = byte_rate(p, (double)w * h);

    p->left = fmin(p->left + (now - p->at) * rate, 2 * rate);
    p->left = fmax(p->left - (double)bytes, -rate); /* one large picture is no debt for ever */
    p->at = now;
    p->cost += (used - p->used - p->cost) / 8;
    p->used = used;
    p->next = now + fmax(fmax(interval_of(p, spare), unfocused ? 2 : 0), -p->left / rate);
}
