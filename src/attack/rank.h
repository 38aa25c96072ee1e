/* rank.h - which attacks of a battery are ahead at a step. */
#ifndef ATTACK_RANK_H
#define ATTACK_RANK_H

#include "attack/battery.h"

/* Fills order[n] with 0 to n - 1, the best first: attack which[i] of `b`, whose run lies in `dir`, by what was
 * measured up to its step target[i]. Those within the bounds come first, of them the greatest harmful score, of
 * equals the first in the file. */
int battery_rank(const struct battery *b, const char *dir, const size_t *which,
                 const int64_t *target, size_t n, size_t *order, struct vac_err *err);
#endif
