/* halving.h - a budget of steps for several attacks: successive halving (Karnin, Koren, Somekh 2013; Jamieson and
 * Talwalkar 2016).
 *
 * With n attacks there are 1 + log2(n) rounds, rounded up; what is left of the budget is shared evenly among
 * the rounds that are left, and within one among the attacks that are still in it. Behind each but the last, the
 * better half goes on. No attack makes more steps than it has; what it leaves goes to the rounds behind, and what
 * is left behind the last of them to the others, the best first, so that the budget is made whole. All of it follows
 * from n, planned and budget and from how the attacks were ranked: there is no chance in it. */
#ifndef ATTACK_HALVING_H
#define ATTACK_HALVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct halving {
    size_t n, left;         /* attacks, and those that go on */
    size_t round, rounds;   /* the next one, from 0; behind them is one with what is left */
    int64_t budget;         /* what is left of it; < 0 = there is none, and all are made whole */
    const int64_t *planned; /* [n], borrowed */
    int64_t *target;        /* [n]: steps from the attack's beginning to be made by now */
    bool *in;               /* [n] */
    bool rest;              /* the targets are those of what was left */
};
/* budget 0 = none. One that does not give every attack a step is an error, which says what would. */
int halving_open(struct halving *h, const int64_t *planned, size_t n, int64_t budget,
                 struct vac_err *err);
/* Sets the targets of those that are in; false: all is done. */
bool halving_next(struct halving *h);
/* Whether the round that was made is followed by another, for which the attacks are to be ranked: */
bool halving_goes_on(const struct halving *h);
/* `order` has all n, the best first. */
void halving_cut(struct halving *h, const size_t *order);
void halving_close(struct halving *h);
#endif
