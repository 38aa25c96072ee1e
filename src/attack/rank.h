/* rank.h - which attacks of a battery are ahead at a step. */
#ifndef ATTACK_RANK_H
#define ATTACK_RANK_H

#include "attack/battery.h"

/* Fills order[b->n] with the attacks of `b`, whose runs lie in `dir`, the best first, by what was measured up to
 * step target[i] of each. Those within the bounds come first, then it goes by within_compare, then by the file. */
int battery_rank(const struct battery *b, const char *dir, const int64_t *target, size_t *order,
                 struct vac_err *err);
#endif
