/* test_model_slots.c - many prompts at once say what each says alone, whoever multiplies. */
#include <math.h>
#include "compute/products.h"
#include "generate_support.h"

/* Where a prompt's answer among many parts from its answer alone, the two tokens are a near tie; how near is shown. */
static void check_same(struct generator *alone, const struct ids *prompt, const struct ids *one,
                       const struct ids *many)
{
    struct generate_options o = {.max_new_tokens = 1, .top_p = 1, .n_first = 2};
    struct ids until = {0}, next = {0};
    struct vac_err err = {0};
    int32_t two[2];
    double p[2], margin;
    size_t at = 0;

    while (at < one->n && at < many->n && one->v[at] == many->v[at])
        at++;
    if (at == one->n && at == many->n)
        return;
    if (at == one->n || at == many->n)
        fail_msg("an answer ends after %zu tokens, and after %zu among others", one->n, many->n);
    two[0] = one->v[at];
    two[1] = many->v[at];
    o.first = two;
    o.first_p = p;
    assert_ok(ids_append(&until, prompt->v, prompt->n, &err), &err);
    assert_ok(ids_append(&until, one->v, at, &err), &err);
    assert_ok(generate(alone, &until, 1, &o, &next, NULL, NULL, &err), &err);
    margin = log(p[0] / p[1]);
    print_message("token %zu: %d alone, %d among others, by a margin of %.2e\n", at, two[0], two[1],
                  margin);
    assert_true(fabs(margin) < 1e-4);
    ids_done(&until);
    ids_done(&next);
}

/* Many prompts through few slots give what each gives alone, sampled ones too; also when all begin with the
 * same `begin` tokens, one is no more than that, and one leaves no room for an answer. */
static void check_slots(struct model *m, size_t n, size_t slots, size_t begin,
                        const struct generate_options *o)
{
    struct generator *g = open_generator(m, slots, 48), *alone = open_generator(m, 1, 48);
    static struct ids prompt[200], out[200];
    static struct trace t[200];
    struct vac_err err = {0};

    memset(t, 0, sizeof t);
    for (size_t i = 0; i < n; i++) {
        struct ids own;
        random_prompt(&prompt[i], begin, 41, 29);
        random_prompt(&own, begin > 0 ? 13 * i % 29 : 1 + 5 * i % (n > 7 ? 39 : 11), 41, 30 + i);
        assert_ok(ids_append(&prompt[i], own.v, own.n, &err), &err);
        ids_done(&own);
    }
    assert_ok(generate(g, prompt, n, o, out, visit_trace, t, &err), &err);
    for (size_t i = 0; i < n; i++) {
        struct ids one = {0};
        assert_int_equal(t[i].n, out[i].n);
        if (o->temperature > 0)
            continue; /* a stream of random numbers belongs to the prompt's place */
        one = generate_one(alone, &prompt[i], o, NULL);
        check_same(alone, &prompt[i], &one, &out[i]);
        ids_done(&one);
    }
    for (size_t i = 0; i < n; i++) {
        ids_done(&prompt[i]);
        ids_done(&out[i]);
    }
    generator_free(g);
    generator_free(alone);
}

static void test_slots(void **state)
{
    (void)state;
    const int32_t stop[] = {3, 17, 22, 30};
    const struct generate_options o = {.max_new_tokens = 9, .top_p = 1};
    const struct generate_options stops = {
        .max_new_tokens = 20, .top_p = 1, .stop = stop, .n_stop = 4};
    for (size_t i = 0; i < CONFIGS; i++) {
        struct model *m = tuned_model(configs[i]);
        check_slots(m, 3, 2, 0, &o);
        check_slots(m, 7, 3, 0, &stops);
        check_slots(m, 2, 5, 0, &o);
        check_slots(m, 9, 3, 22, &o);
        check_slots(m, 5, 8, 30, &stops);
        model_close(m);
    }
}

/* 200 prompts of mixed length through 16 places, by every provider. */
static void test_slots_by_each_provider(void **state)
{
    const struct generate_options o = {.max_new_tokens = 9, .top_p = 1};
    struct compute *before = cpu;
    size_t tried = 0;

    (void)state;
    for (size_t i = 0; products_at(i); i++) {
        struct vac_err err = {0};
        struct model *m;
        if (products_lack(products_at(i)))
            continue;
        cpu = compute_open("cpu", 1, products_name(products_at(i)), &err);
        if (!cpu)
            fail_msg("%s", err.msg);
        m = tuned_model(LLAMA);
        check_slots(m, 200, 16, 0, &o);
        model_close(m);
        compute_close(cpu);
        tried++;
    }
    cpu = before;
    assert_true(tried > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_slots_by_each_provider),
    };

    return cmocka_run_group_tests_name("model_slots", tests, cpu_setup, cpu_teardown);
}
