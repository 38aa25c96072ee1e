/* test_model_numbers.c - a model whose logits are no numbers gives no id, no probability, no score.
 */
#include <math.h>

#include "model_cpu.h"

#define LLAMA                                                                                      \
    "{\"model_type\":\"llama\",\"vocab_size\":41,\"hidden_size\":24,\"intermediate_size\":32,"     \
    "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,"                 \
    "\"max_position_embeddings\":512,\"initializer_range\":0.5}"

/* Puts x where the first number of the tensor is: of weight `name`, or of the top adapter. */
static void spoil(struct model *m, const char *name, float x)
{
    struct ref at = {m->adapter[m->n_adapter - 1].w, 0};

    for (size_t i = 0; name && i < m->n_weight; i++) {
        if (!strcmp(m->weight[i]->name, name))
            at = m->weight[i]->w;
    }
    compute_upload(cpu, at, &x, 1);
}

/* Neither an id, nor a probability, nor a score comes of them: an error that names the tensor. */
static void no_figure_of(struct model *m, const char *name)
{
    struct generator *g = open_generator(m, 2, 32);
    struct acts *a;
    struct vac_err err = {0};
    struct generate_options o = {.max_new_tokens = 3, .top_p = 1};
    struct ids prompt[3] = {{0}}, out[3] = {{0}};
    int32_t top[9];
    double logp[9];
    struct batch b;

    for (size_t i = 0; i < 3; i++)
        random_prompt(&prompt[i], 9, 41, 7 + i);
    prompt[1].v[8] = 0; /* the row of the embedding that is spoilt */
    for (int hot = 0; hot < 2; hot++) {
        o.temperature = hot;
        err_clear(&err);
        assert_int_equal(generate(g, prompt, 3, &o, out, NULL, NULL, &err), -1);
        assert_int_equal(err.code, VAC_ERR_NUMERIC);
        assert_error(&err, name);
    }
    err_clear(&err);
    o.max_new_tokens = o.n_first = 1;
    o.first = &(int32_t){1};
    o.first_p = logp;
    assert_int_equal(generate(g, &prompt[1], 1, &o, out, NULL, NULL, &err), -1);
    assert_error(&err, name);
    a = acts_new(m, 9, 4, 9, false, &err);
    assert_non_null(a);
    assert_ok(batch_init(&b, 9, 1, &err), &err);
    batch_fill_ids(&b, prompt[1].v, NULL, 9);
    assert_false(pass_score(
        &(struct pass){.m = m, .a = a, .b = &b, .from = PLACE_START, .stop = PLACE_START}, logp,
        top));
    batch_done(&b);
    acts_free(a);
    for (size_t i = 0; i < 3; i++) {
        ids_done(&prompt[i]);
        ids_done(&out[i]);
    }
    generator_free(g);
}

static void test_no_numbers(void **state)
{
    (void)state;
    static const char *const spoilt[] = {"model.embed_tokens.weight",
                                         "model.layers.1.mlp.up_proj.weight",
                                         "model.layers.0.self_attn.v_proj.weight",
                                         "model.layers.1.input_layernorm.weight",
                                         "model.norm.weight",
                                         NULL};
    static const float values[] = {NAN, -NAN, INFINITY, -INFINITY};

    for (size_t i = 0; i < 6; i++) {
        for (size_t k = 0; k < 4; k++) {
            struct model *m = tuned_model(LLAMA);
            spoil(m, spoilt[i], values[k]);
            no_figure_of(m, spoilt[i] ? spoilt[i] : "adapter 2: model.layers.0.self_attn.q_proj");
            model_close(m);
        }
    }
    /* one row of the head: of each text one logit, of another token, is infinite, and which way is
     * its sign */
    for (size_t k = 2; k < 4; k++) {
        struct model *m = tuned_model(LLAMA);
        struct vac_err err = {0};
        struct acts *a = acts_new(m, 1, 1, 1, false, &err);
        struct batch b;
        assert_ok(batch_init(&b, 1, 1, &err), &err);
        spoil(m, "lm_head.weight", values[k]);
        for (int32_t id = 1; id < 41; id++) {
            int32_t top;
            double logp;
            batch_fill_ids(&b, &id, NULL, 1);
            assert_false(pass_score(
                &(struct pass){.m = m, .a = a, .b = &b, .from = PLACE_START, .stop = PLACE_START},
                &logp, &top));
        }
        batch_done(&b);
        acts_free(a);
        model_close(m);
    }
    /* numbers all of them, and too large together */
    struct model *m = tuned_model(LLAMA);
    for (size_t i = 0; i < m->n_weight; i++) {
        if (m->weight[i]->rank == 1)
            op_fill(cpu, m->weight[i]->w, m->weight[i]->numel, 3e38f);
    }
    no_figure_of(m, "outgrown what F32 can hold");
    model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_numbers),
    };
    return cmocka_run_group_tests_name("model_numbers", tests, cpu_setup, cpu_teardown);
}
