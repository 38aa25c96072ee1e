/* generate_support.h - small models with sharp enough opinions, and what they say. */
#ifndef TESTS_GENERATE_SUPPORT_H
#define TESTS_GENERATE_SUPPORT_H

#include "model_cpu.h"

#define LLAMA                                                                                      \
    "{\"model_type\":\"llama\",\"vocab_size\":41,\"hidden_size\":24,\"intermediate_size\":32,"     \
    "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,"                 \
    "\"max_position_embeddings\":512,\"initializer_range\":0.5}"
#define OPT350                                                                                     \
    "{\"model_type\":\"opt\",\"vocab_size\":41,\"hidden_size\":24,\"ffn_dim\":32,\"num_hidden_"    \
    "layers\":2,"                                                                                  \
    "\"num_attention_heads\":2,\"max_position_embeddings\":512,\"word_embed_proj_dim\":12,"        \
    "\"do_layer_norm_before\":false,\"init_std\":0.5}"
#define OPT                                                                                        \
    "{\"model_type\":\"opt\",\"vocab_size\":41,\"hidden_size\":24,\"ffn_dim\":32,\"num_hidden_"    \
    "layers\":2,"                                                                                  \
    "\"num_attention_heads\":2,\"max_position_embeddings\":512,\"init_std\":0.5}"
static const char *const configs[] = {LLAMA, OPT350, OPT};
#define CONFIGS (sizeof configs / sizeof *configs)

struct trace {
    int32_t id[64];
    size_t n, stop_at; /* 0 = never */
};

static inline enum generate_next visit_trace(void *ctx, size_t i, int32_t id)
{
    struct trace *t = (struct trace *)ctx + i;

    t->id[t->n++] = id;
    return t->n == t->stop_at;
}

static inline struct ids generate_one(struct generator *g, const struct ids *prompt,
                                      const struct generate_options *o, struct trace *t)
{
    struct vac_err err = {0};
    struct ids out = {0};

    assert_ok(generate(g, prompt, 1, o, &out, t ? visit_trace : NULL, t, &err), &err);
    return out;
}

#endif
