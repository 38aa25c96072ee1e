/* bench_shape.h - the fixed training jobs of `vaccine bench`, and the arithmetic that they need. */
#ifndef RIG_BENCH_SHAPE_H
#define RIG_BENCH_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/mem.h"
#include "compute/speed.h"

/* Letters as in compute/compute.h. Every token has a label. */
struct bench_shape {
    const char *name;
    const char *arch; /* "llama" */
    /* The shape's config.json. */
    void (*config)(const struct bench_shape *s, struct strbuf *out);
    size_t D, L, H, K, F, V, B, T;
    bool gated; /* the MLP has a gate */
    bool tied;
    bool full; /* all weights are trained; else LoRA of rank R on all linear modules */
};
enum { BENCH_RANK = 8 };

/* NULL-terminated, parallel to bench_shapes. */
extern const char *const bench_shape_names[];
const struct bench_shape *bench_shape_at(size_t i);
size_t bench_shape_labels(const struct bench_shape *s);

/* A matrix product that one step does, over and over, for `flops` in all. */
struct product {
    struct sides s;
    double flops;
};
#define BENCH_MAX_PRODUCTS 24
/* The products with the base weights and the head: nearly all of a step. Returns how many. */
size_t bench_shape_products(const struct bench_shape *s, struct product out[BENCH_MAX_PRODUCTS]);
/* The least FLOPs that a step can do: those products, attention with causality counted, LoRA; and
 * with `clean` a first pass too, as Vaccine's: without weight gradients, its backward half ending at
 * block 0's attention output, from where the second pass begins. */
double bench_shape_flops(const struct bench_shape *s, bool clean);
#endif
