/* rng.h - counter-based random numbers: a hash of (seed, purpose, step, index), never a hidden state.
 *
 * The same key and counter always give the same number, whatever was drawn before, in whatever order and
 * on however many threads. A struct rng is a value: copy it to save it. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a stream is for. Numbers are part of the run format: add at the end, never reorder. */
enum rng_purpose {
    RNG_SHUFFLE = 1, /* permutation of an epoch: step = stage, index = epoch */
    RNG_MIX = 2,     /* order of a mixed data set */
    RNG_LORA = 3,    /* initial lora_A: step = stage, index = module */
    RNG_DROPOUT = 4, /* step, index = index in the effective batch */
    RNG_NOISE = 5,   /* random perturbation: step, index = layer */
    RNG_SAMPLE = 6,  /* sampling of generated tokens: step = request, index = position */
    RNG_INIT = 7,    /* initial weights: index = tensor */
    RNG_BOOTSTRAP = 8,
    RNG_TAKE = 9,    /* order in which rows of a file are taken */
    RNG_LABEL = 10,  /* order in which answers are shown to who labels them */
    RNG_VERIFY = 11, /* which stretches of a run are made again */
    RNG_TEST = 99
};

/* A stream's key. */
uint64_t rng_key(uint64_t seed, enum rng_purpose purpose, uint64_t step, uint64_t index);
/* Mixes one more number into a key (token, module, ...). */
uint64_t rng_mix(uint64_t key, uint64_t x);

static inline uint64_t rng_hash64(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}
/* Number `ctr` of the stream, uniform over 64 bits. */
static inline uint64_t rng_at(uint64_t key, uint64_t ctr)
{
    return rng_hash64(rng_hash64(key + ctr * 0x9e3779b97f4a7c15ULL) ^ key);
}
/* 32 bits of a stream for wide loops (dropout): cheap, vectorisable; `ctr` below 2^32. */
static inline uint32_t rng_at32(uint64_t key, uint32_t ctr)
{
    uint32_t x = (uint32_t)key ^ (ctr * 0x9e3779b9u);
    x ^= x >> 16;
    x *= 0x21f0aaadu;
    x ^= x >> 15;
    x += (uint32_t)(key >> 32);
    x *= 0x735a2d97u;
    return x ^ (x >> 15);
}

struct rng {
    uint64_t key, ctr;
};
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* 0 .. n-1, unbiased; n > 0 */
/* A permutation of 0 .. n-1 (Fisher-Yates) from the key alone. */
void rng_permute(uint64_t key, size_t *out, size_t n);
#endif
