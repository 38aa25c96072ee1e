/* model_cpu.h - one backend for all tests of a program, and what those that generate begin with. */
#ifndef TESTS_MODEL_CPU_H
#define TESTS_MODEL_CPU_H

#include "base/rng.h"
#include "model/generate.h"
#include "model_support.h"

static struct compute *cpu;

static int cpu_setup(void **state)
{
    struct vac_err err = {0};

    (void)state;
    cpu = compute_open("cpu", 1, NULL, &err);
    return cpu ? 0 : -1;
}

static int cpu_teardown(void **state)
{
    (void)state;
    compute_close(cpu);
    return 0;
}

/* Two adapters, so that generation is through both. */
static inline struct model *tuned_model(const char *config)
{
    struct model *m = random_model(config, cpu, 21);
    struct vac_err err = {0};

    for (uint64_t i = 0; i < 2; i++) {
        struct lora_spec s = {.r = 3, .alpha = 6, .dropout = 0.5, .targets = "all"};
        assert_ok(model_add_lora(m, &s, i, 0, &err), &err);
        op_normal(cpu, model_params(m)->w, model_params(m)->n, rng_key(i, RNG_TEST, 0, 0), 0.3f);
    }
    return m;
}

static inline struct generator *open_generator(struct model *m, size_t slots, size_t context)
{
    struct vac_err err = {0};
    struct generator *g = generator_new(m, slots, context, &err);

    if (!g)
        fail_msg("%s", err.msg);
    return g;
}

static inline void random_prompt(struct ids *out, size_t n, size_t V, uint64_t seed)
{
    struct rng r = {.key = rng_key(seed, RNG_TEST, 2, 0)};
    struct vac_err err = {0};

    *out = (struct ids){0};
    for (size_t i = 0; i < n; i++)
        assert_ok(ids_push(out, (int32_t)rng_below(&r, V), &err), &err);
}
#endif
