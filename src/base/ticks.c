/* ticks.c - see ticks.h */
#include <math.h>
#include <stddef.h>
#include "base/ticks.h"

/* 1, 2, 2.5 or 5 times a power of ten: what one counts in. */
static double tick_step(double least)
{
    static const double steps[] = {1, 2, 2.5, 5};
    double unit = pow(10, floor(log10(least)));

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] * unit >= least * (1 - 1e-9))
            return steps[i] * unit;
    return 10 * unit;
}

static int linear_ticks(double lo, double hi, int max, double *out)
{
    double step = tick_step((hi - lo) / max);
    int n = 0;

    if (floor(hi / step + 1e-9) - ceil(lo / step - 1e-9) + 1 > max && max > 2)
        step = tick_step(1.01 * step); /* else the last would be left out */
    for (double t = ceil(lo / step - 1e-9) * step; t <= hi + step * 1e-9 && n < max; t += step)
        out[n++] = fabs(t) < step * 1e-9 ? 0 : t;
    return n;
}

/* Decades with as many marks between as fit; on a short range as on a linear axis. */
static int log_ticks(double lo, double hi, int max, double *out)
{
    static const double marks[][4] = {{1, 2, 5, 0}, {1, 3, 0}, {1, 0}};
    double decades = log10(hi / lo);
    int first = (int)floor(log10(lo)), last = (int)ceil(log10(hi)), n = 0;

    if (decades < 0.7)
        return linear_ticks(lo, hi, max, out);
    for (int set = 0; set < 3; set++) {
        int every = set < 2 ? 1 : (int)ceil(decades / max), count = 0;

        for (int e = first; e <= last; e += every)
            for (const double *m = marks[set]; *m > 0; m++) {
                double t = *m * pow(10, e);

                if (t < lo * (1 - 1e-9) || t > hi * (1 + 1e-9))
                    continue;
                if (count < max)
                    out[count] = t;
                count++;
            }
        n = count < max ? count : max;
        if (count <= max)
            break;
    }
    return n;
}

int ticks_make(double lo, double hi, bool log, int max, double *out)
{
    if (max < 1 || !(hi > lo) || !isfinite(lo) || !isfinite(hi))
        return 0;
    return log && lo > 0 ? log_ticks(lo, hi, max, out) : linear_ticks(lo, hi, max, out);
}
