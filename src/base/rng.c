/* rng.c - keys of random streams, and what is drawn from one in order. */
#include <math.h>
#include "base/rng.h"

/* A bijection in x for every key and in the key for every x: two streams meet by chance only. The
 * multiplier differs from the one that rng_at counts with, so that keys and counters do not line
 * up. */
uint64_t rng_mix(uint64_t key, uint64_t x)
{
    uint64_t h = rng_hash64(key + 0x9e3779b97f4a7c15ULL);

    return rng_hash64(h + x * 0xd1342543de82ef95ULL);
}

uint64_t rng_key(uint64_t seed, enum rng_purpose purpose, uint64_t step, uint64_t index)
{
    return rng_mix(rng_mix(rng_mix(rng_mix(0, seed), (uint64_t)purpose), step), index);
}

uint64_t rng_next(struct rng *r)
{
    return rng_at(r->key, r->ctr++);
}

/* The 2^64 mod n smallest numbers are drawn again: what remains is a whole multiple of n. */
uint64_t rng_below(struct rng *r, uint64_t n)
{
    uint64_t refused, x;

    if (n < 2)
        return 0;
    refused = (0 - n) % n;
    do
        x = rng_next(r);
    while (x < refused);
    return x % n;
}

/* Box-Muller; the second number is not kept, for that would be hidden state. */

void rng_permute(uint64_t key, size_t *out, size_t n)
{
    struct rng r = {.key = key};

    for (size_t i = 0; i < n; i++)
        out[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)rng_below(&r, i), t = out[i - 1];

        out[i - 1] = out[j];
        out[j] = t;
    }
}
