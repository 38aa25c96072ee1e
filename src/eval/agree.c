/* agree.c - see agree.h */
#include "eval/agree.h"

#include <math.h>

#include "eval/stats.h"

struct vac_span agree_kappa(size_t count[VERDICT_COUNT][VERDICT_COUNT])
{
    double n = 0, row[VERDICT_COUNT] = {0}, column[VERDICT_COUNT] = {0}, seen = 0, chance = 0,
           diagonal = 0, rest = 0, variance, kappa, half;

    for (int i = 0; i < VERDICT_COUNT; i++)
        for (int k = 0; k < VERDICT_COUNT; k++)
            n += (double)count[i][k];
    for (int i = 0; i < VERDICT_COUNT; i++)
        for (int k = 0; k < VERDICT_COUNT; k++) {
            row[i] += (double)count[i][k] / n;
            column[k] += (double)count[i][k] / n;
            seen += i == k ? (double)count[i][k] / n : 0;
        }
    for (int i = 0; i < VERDICT_COUNT; i++)
        chance += row[i] * column[i];
    if (!(n > 0) || !(1 - chance > 1e-12))
        return (struct vac_span){.value = NAN, .lo = NAN, .hi = NAN};
    for (int i = 0; i < VERDICT_COUNT; i++)
        for (int k = 0; k < VERDICT_COUNT; k++) {
            double p = (double)count[i][k] / n, sum = row[k] + column[i];
            double own = 1 - chance - (row[i] + column[i]) * (1 - seen);

            if (i == k)
                diagonal += p * own * own;
            else
                rest += p * sum * sum;
        }
    kappa = (seen - chance) / (1 - chance);
    variance =
        (diagonal + (1 - seen) * (1 - seen) * rest - pow(seen * chance - 2 * chance + seen, 2)) /
        (n * pow(1 - chance, 4));
    half = Z95 * sqrt(fmax(0, variance));
    return (struct vac_span){
        .known = true, .value = kappa, .lo = fmax(-1, kappa - half), .hi = fmin(1, kappa + half)};
}
