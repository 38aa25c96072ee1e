/* test_model_files.c - models and adapters as files: PEFT folders, merged folders, and what is
 * refused of either and how it is said. */
#include <math.h>

#include "model/adapter.h"
#include "model_cpu.h"
#include "weights/st_write.h"

/* --- folders --- */

#define LLAMA                                                                                      \
    "\"model_type\":\"llama\",\"vocab_size\":31,\"hidden_size\":16,\"intermediate_size\":20,"      \
    "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,"                 \
    "\"max_position_embeddings\":64"
#define OPT                                                                                        \
    "\"model_type\":\"opt\",\"vocab_size\":31,\"hidden_size\":16,\"ffn_dim\":20,"                  \
    "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"max_position_embeddings\":32"
static const char *const configs[] = {
    "{" LLAMA ",\"architectures\":[\"LlamaForCausalLM\"],\"attention_bias\":true}",
    "{" LLAMA ",\"tie_word_embeddings\":true,\"mlp_bias\":true}",
    "{" OPT ",\"word_embed_proj_dim\":12,\"do_layer_norm_before\":false}",
};
#define CONFIGS (sizeof configs / sizeof *configs)

static char *read_all(const char *path, size_t *n)
{
    struct vac_err err = {0};
    char *s = file_read(path, (size_t)1 << 28, n, &err);

    if (!s)
        fail_msg("%s", err.msg);
    return s;
}

/* A folder with random weights. */
static const char *folder(const char *config, uint64_t seed)
{
    struct model *m = random_model(config, cpu, seed);
    const char *dir = support_tmp();
    struct vac_err err = {0};

    assert_ok(model_save_merged(m, dir, false, 0, &err), &err);
    model_close(m);
    return dir;
}

static void add_lora(struct model *m, const struct lora_spec *s, uint64_t seed)
{
    struct vac_err err = {0};
    const struct params *p;
    float *x;

    assert_ok(model_add_lora(m, s, seed, 0, &err), &err);
    p = model_params(m);
    x = calloc(p->n, sizeof *x);
    fill_normal(x, p->n, seed, 0.2);
    compute_upload(cpu, p->w, x, p->n);
    free(x);
}

/* Logits of two sequences of 7 and 4 ids; free(). */
#define ROWS 11
static float *logits_of(struct model *m)
{
    static const size_t len[] = {7, 4};
    struct vac_err err = {0};
    struct acts *a = acts_new(m, ROWS, ROWS, 7, false, &err);
    struct batch b;
    float *x;

    if (!a)
        fail_msg("%s", err.msg);
    random_batch(&b, len, 2, m->cfg.V, 0, 5);
    x = all_logits(m, a, &b);
    batch_done(&b);
    acts_free(a);
    return x;
}

static float *adapter_numbers(const struct model *m, size_t i)
{
    const struct adapter *a = &m->adapter[i];
    float *x = calloc(a->n, sizeof *x);

    compute_download(cpu, x, (struct ref){a->w, 0}, a->n);
    return x;
}

static void same_file(const char *a, const char *b)
{
    size_t n, k;
    char *x = read_all(a, &n), *y = read_all(b, &k);

    assert_int_equal(n, k);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

/* --- PEFT folders --- */

/* Names, shapes and every bit of what two models train. */
static void same_params(const struct model *m, const struct model *k)
{
    const struct params *p = model_params(m), *q = model_params(k);

    assert_int_equal(p->count, q->count);
    for (size_t i = 0; i < p->count; i++) {
        size_t n = p->list[i].shape[0] * p->list[i].shape[1];
        float *x = calloc(n, sizeof *x), *y = calloc(n, sizeof *y);
        assert_string_equal(p->list[i].name, q->list[i].name);
        assert_memory_equal(p->list[i].shape, q->list[i].shape, sizeof p->list[i].shape);
        compute_download(cpu, x, ref_at(p->w, p->list[i].at), n);
        compute_download(cpu, y, ref_at(q->w, q->list[i].at), n);
        assert_memory_equal(x, y, n * sizeof *x);
        free(x);
        free(y);
    }
}

static void round_trip(const char *base, const struct lora_spec *spec)
{
    const char *dir = support_tmp(), *again = support_tmp();
    struct model *m = open_model_at(cpu, base), *k = open_model_at(cpu, base);
    struct vac_err err = {0};

    add_lora(m, &(struct lora_spec){.r = 1, .alpha = 1, .targets = "all"},
             3); /* another one beneath */
    add_lora(m, spec, 4);
    assert_ok(model_save_peft(m, 1, NULL, dir, &err), &err);
    assert_ok(model_add_peft(k, dir, true, -1, &err), &err);
    const struct adapter *a = &m->adapter[1], *b = &k->adapter[0];
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->r, b->r);
    assert_true(a->alpha == b->alpha && a->dropout == b->dropout &&
                a->term->scale[0] == b->term->scale[0]);
    assert_true(a->rslora == b->rslora);
    assert_true(fabs(b->term->scale[0] * (b->rslora ? sqrt((double)b->r) : (double)b->r) -
                     spec->alpha) < 1e-6 * spec->alpha);
    assert_string_equal(a->targets, b->targets);
    same_params(m, k);
    assert_ok(model_save_peft(k, 0, NULL, again, &err), &err);
    same_file(support_join(dir, "adapter_model.safetensors"),
              support_join(again, "adapter_model.safetensors"));
    same_file(support_join(dir, "adapter_config.json"), support_join(again, "adapter_config.json"));
    model_close(m);
    model_close(k);
}

static void test_peft_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIGS; i++) {
        const char *base = folder(configs[i], 1);
        round_trip(base,
                   &(struct lora_spec){.r = 3, .alpha = 5.5, .dropout = 0.1, .targets = "all"});
        round_trip(base,
                   &(struct lora_spec){.r = 4,
                                       .alpha = 1e-3,
                                       .rslora = true,
                                       .targets = i == 2 ? "fc2,q_proj" : "v_proj,down_proj"});
    }
}

static void test_peft_dropout_and_training(void **state)
{
    (void)state;
    const char *base = folder(configs[0], 1), *dir = support_tmp();
    struct model *m = open_model_at(cpu, base);
    struct vac_err err = {0};

    add_lora(m, &(struct lora_spec){.r = 2, .alpha = 4, .dropout = 0.2, .targets = "all"}, 4);
    assert_ok(model_save_peft(m, 0, NULL, dir, &err), &err);
    assert_ok(model_add_peft(m, dir, false, -1, &err), &err);
    assert_null(model_params(m));
    assert_true(m->adapter[1].dropout == 0.2);
    assert_ok(model_add_peft(m, dir, true, 0, &err), &err);
    assert_true(m->adapter[2].dropout == 0);
    assert_non_null(model_params(m));
    assert_ok(model_retrain_lora(m, 0.4, &err), &err);
    assert_true(m->adapter[2].alpha == 4 && m->adapter[2].term->scale[0] == 2 &&
                m->adapter[2].dropout == 0.4);
    assert_int_equal(model_adapters(m), 3);
    model_close(m);
}

/* Gives an adapter folder another config. */
static const char *peft_with(const char *dir, const char *rows)
{
    char text[2048];

    snprintf(text, sizeof text, "{%s}", rows);
    support_write_text(support_join(dir, "adapter_config.json"), text);
    return dir;
}

#define PEFT                                                                                       \
    "\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4,\"target_modules\":[\"q_proj\",\"v_proj\"]"
#define PEFT_DOTTED                                                                                \
    "\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4,"                                             \
    "\"target_modules\":[\"self_attn.v_proj\",\"q_proj\"]"

static void test_peft_accepted(void **state)
{
    (void)state;
    static const char *const rows[] = {
        PEFT,
        PEFT
        ",\"use_dora\":false,\"modules_to_save\":null,\"rank_pattern\":{},\"alpha_pattern\":{},"
        "\"layers_pattern\":\"\",\"exclude_modules\":[],\"bias\":\"none\",\"inference_mode\":true,"
        "\"init_lora_weights\":\"gaussian\",\"megatron_core\":\"megatron.core\",\"task_type\":"
        "\"CAUSAL_LM\","
        "\"peft_version\":\"0.17.0\",\"fan_in_fan_out\":false,\"lora_bias\":false,\"eva_config\":"
        "null",
        PEFT_DOTTED,
    };
    struct model *m = open_model_at(cpu, folder(configs[0], 1));
    const char *dir = support_tmp();
    struct vac_err err = {0};

    add_lora(m, &(struct lora_spec){.r = 2, .alpha = 4, .targets = "q_proj,v_proj"}, 4);
    assert_ok(model_save_peft(m, 0, NULL, dir, &err), &err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_ok(model_add_peft(m, peft_with(dir, rows[i]), false, -1, &err), &err);
    model_close(m);
}

struct refusal {
    const char *text, *says;
};

static void test_peft_refused(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {PEFT ",\"use_dora\":true", "use_dora"},
        {PEFT ",\"bias\":\"all\"", "bias \"all\""},
        {PEFT ",\"bias\":3", "bias"},
        {PEFT ",\"modules_to_save\":[\"lm_head\"]", "modules_to_save"},
        {PEFT ",\"rank_pattern\":{\"q_proj\":0}", "rank_pattern.q_proj: expected a rank"},
        {PEFT ",\"rank_pattern\":{\"q_proj\":2.5}", "rank_pattern.q_proj: expected a rank"},
        {PEFT ",\"rank_pattern\":[3]", "rank_pattern: expected an object"},
        {PEFT ",\"rank_pattern\":{\".*q_proj\":4}", "rank_pattern..*q_proj: a regular expression"},
        {PEFT ",\"alpha_pattern\":{\"q_proj\":-4}", "alpha_pattern.q_proj: expected a positive"},
        {PEFT ",\"alpha_pattern\":{\"(q|v)_proj\":4}", "alpha_pattern.(q|v)_proj: a regular"},
        {PEFT ",\"fan_in_fan_out\":true", "fan_in_fan_out"},
        {PEFT ",\"layers_to_transform\":[\"a\"]", "layers_to_transform[0]"},
        {PEFT ",\"layers_to_transform\":\"0\"", "layers_to_transform"},
        {PEFT ",\"layers_to_transform\":[0],\"layers_pattern\":\"h\"", "layers_pattern"},
        {PEFT ",\"layers_to_transform\":[7]", "target_modules: no module of this model"},
        {PEFT ",\"exclude_modules\":\".*v_proj\"", "exclude_modules"},
        {PEFT ",\"exclude_modules\":[\"q_proj\",\"v_proj\"]",
         "target_modules: no module of this model"},
        {PEFT ",\"target_parameters\":[\"x\"]", "target_parameters"},
        {PEFT ",\"trainable_token_indices\":[1]", "trainable_token_indices"},
        {PEFT ",\"init_lora_weights\":\"pissa\"", "init_lora_weights"},
        {PEFT ",\"magic\":3", "magic"},
        {"\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":\"\"", "target_modules"},
        {"\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":[]", "target_modules"},
        {"\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":[3]", "target_modules[0]"},
        {"\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":[\"q_porj\"]",
         "did you mean \"q_proj\""},
        {"\"peft_type\":\"LORA\",\"r\":2", "target_modules"},
        {"\"peft_type\":\"IA3\",\"target_modules\":[\"q_proj\"]", "peft_type \"IA3\""},
        {"\"r\":2,\"target_modules\":[\"q_proj\"]", "peft_type"},
        {"\"peft_type\":\"LORA\",\"r\":0,\"target_modules\":[\"q_proj\"]", "r:"},
        {"\"peft_type\":\"LORA\",\"r\":2.5,\"target_modules\":[\"q_proj\"]", "r:"},
        {"\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":-1,\"target_modules\":[\"q_proj\"]",
         "alpha"},
        {"\"peft_type\":\"LORA\",\"r\":2,\"lora_dropout\":1,\"target_modules\":[\"q_proj\"]",
         "dropout"},
        {"\"peft_type\":\"LORA\"", ""},
        {"\"peft_type\":", ""},
    };
    struct model *m = open_model_at(cpu, folder(configs[0], 1));
    const char *dir = support_tmp();
    struct vac_err err = {0};

    add_lora(m, &(struct lora_spec){.r = 2, .alpha = 4, .targets = "q_proj,v_proj"}, 4);
    assert_ok(model_save_peft(m, 0, NULL, dir, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err_clear(&err);
        if (model_add_peft(m, peft_with(dir, cases[i].text), true, -1, &err) == 0)
            fail_msg("accepted: %s", cases[i].text);
        assert_error(&err, "adapter_config.json");
        assert_error(&err, cases[i].says);
        assert_int_equal(model_adapters(m), 1);
    }
    err_clear(&err);
    support_write_text(support_join(dir, "adapter_config.json"), "[]");
    assert_int_equal(model_add_peft(m, dir, true, -1, &err), -1);
    assert_error(&err, "expected an object");
    model_close(m);
}

/* --- the same file of weights with one tensor changed --- */

enum edit { DROP, TURN, EXTRA, NARROW_WRONG };
static void write_edited(const char *from, const char *to, const char *name, enum edit e)
{
    static const float zeros[4096];
    struct vac_err err = {0};
    struct weights *in = weights_open(from, &err);
    struct st_writer *w = in ? st_create(to, &err) : NULL;
    size_t n;

    if (!w)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < weights_count(in); i++) {
        const struct st_tensor *t = weights_at(in, i);
        bool it = !strcmp(t->name, name);
        size_t turned[2] = {t->shape[1], t->shape[0]};
        if (!(it && e == DROP))
            assert_ok(st_declare(w, t->name, DTYPE_F32, t->rank,
                                 it && e == TURN ? turned : t->shape, &err),
                      &err);
    }
    if (e == EXTRA)
        assert_ok(st_declare(w, name, DTYPE_F32, 1, (size_t[]){3}, &err), &err);
    assert_ok(st_begin(w, &n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        const struct st_tensor *t = weights_find(in, st_order(w, i));
        assert_ok(st_put(w, t ? t->data : zeros, t ? t->numel : 3, &err), &err);
    }
    assert_ok(st_commit(w, &err), &err);
    st_free(w);
    weights_close(in);
    if (e == NARROW_WRONG) {
        char *bytes = file_read(to, 1 << 26, &n, &err), entry[160], *at;

        snprintf(entry, sizeof entry, "\"%s\":{\"dtype\":\"F32\"", name);
        at = bytes ? memmem(bytes, n, entry, strlen(entry)) : NULL;
        assert_non_null(at);
        at[strlen(entry) - 4] = 'I';
        support_write(to, bytes, n);
        free(bytes);
    }
}

struct edit_case {
    enum edit e;
    const char *name, *says;
};

static void test_peft_tensors_refused(void **state)
{
    (void)state;
#define Q "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight"
    static const struct edit_case cases[] = {
        {DROP, Q, Q},
        {TURN, Q, "[16, 2], expected [2, 16]"},
        {EXTRA, "base_model.model.lm_head.lora_A.weight", "base_model.model.lm_head.lora_A.weight"},
        {NARROW_WRONG, Q, "I32"}};
    struct model *m = open_model_at(cpu, folder(configs[0], 1));
    const char *dir = support_tmp(), *bad = support_tmp();
    struct vac_err err = {0};

    add_lora(m, &(struct lora_spec){.r = 2, .alpha = 4, .targets = "q_proj,v_proj"}, 4);
    assert_ok(model_save_peft(m, 0, NULL, dir, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        copy_file(dir, bad, "adapter_config.json");
        write_edited(support_join(dir, "adapter_model.safetensors"),
                     support_join(bad, "adapter_model.safetensors"), cases[i].name, cases[i].e);
        err_clear(&err);
        assert_int_equal(model_add_peft(m, bad, true, -1, &err), -1);
        assert_error(&err, "adapter_model.safetensors");
        assert_error(&err, cases[i].says);
        assert_int_equal(model_adapters(m), 1);
    }
    model_close(m);
}

static void test_model_tensors_refused(void **state)
{
    (void)state;
    static const struct edit_case cases[] = {
        {DROP, "model.layers.1.mlp.down_proj.weight", "model.layers.1.mlp.down_proj.weight"},
        {TURN, "model.layers.0.mlp.down_proj.weight", "[20, 16], expected [16, 20]"},
        {EXTRA, "model.layers.0.self_attn.q_norm.weight", "model.layers.0.self_attn.q_norm.weight"},
        {NARROW_WRONG, "model.norm.weight", "I32"},
        {DROP, "lm_head.weight", "lm_head.weight"},
        {DROP, "model.embed_tokens.weight", "model.embed_tokens.weight"}};
    const char *base = folder(configs[0], 1), *bad = support_tmp();
    struct vac_err err = {0};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        copy_file(base, bad, "config.json");
        write_edited(support_join(base, "model.safetensors"),
                     support_join(bad, "model.safetensors"), cases[i].name, cases[i].e);
        err_clear(&err);
        assert_null(model_open(bad, cpu, &err));
        assert_error(&err, "model.safetensors");
        assert_error(&err, cases[i].says);
    }
}

static void test_folders_refused(void **state)
{
    (void)state;
    const char *dir = support_tmp();
    struct vac_err err = {0};

    assert_null(model_open(dir, cpu, &err));
    assert_error(&err, "config.json");
    err_clear(&err);
    support_write_text(support_join(dir, "config.json"), configs[0]);
    assert_null(model_open(dir, cpu, &err));
    assert_int_not_equal(err.code, 0);
    err_clear(&err);
    support_write_text(support_join(dir, "pytorch_model.bin"), "PK");
    assert_null(model_open(dir, cpu, &err));
    assert_error(&err, "pytorch_model.bin");
    assert_error(&err, "pickle");
}

/* A file with one more tensor: `name`, equal to `like`. */
static void write_copied(const char *from, const char *to, const char *name, const char *like)
{
    struct vac_err err = {0};
    struct weights *in = weights_open(from, &err);
    struct st_writer *w = in ? st_create(to, &err) : NULL;
    size_t n;

    assert_non_null(w);
    for (size_t i = 0; i < weights_count(in); i++) {
        const struct st_tensor *t = weights_at(in, i);
        assert_ok(st_declare(w, t->name, t->dtype, t->rank, t->shape, &err), &err);
        if (!strcmp(t->name, like))
            assert_ok(st_declare(w, name, t->dtype, t->rank, t->shape, &err), &err);
    }
    assert_ok(st_begin(w, &n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        bool it = !strcmp(st_order(w, i), name);
        const struct st_tensor *t = weights_find(in, it ? like : st_order(w, i));
        assert_ok(st_put(w, t->data, t->numel, &err), &err);
    }
    assert_ok(st_commit(w, &err), &err);
    st_free(w);
    weights_close(in);
}

/* Buffers of old files, and the copy of a tied head, are fine. */
static void test_tensors_accepted(void **state)
{
    (void)state;
    static const char *const more[][2] = {
        {"lm_head.weight", "model.embed_tokens.weight"},
        {"model.layers.0.self_attn.rotary_emb.inv_freq", "model.norm.weight"}};
    const char *base = folder(configs[1], 1);

    for (size_t i = 0; i < 2; i++) {
        const char *dir = support_tmp();
        copy_file(base, dir, "config.json");
        write_copied(support_join(base, "model.safetensors"),
                     support_join(dir, "model.safetensors"), more[i][0], more[i][1]);
        struct model *m = open_model_at(cpu, dir);
        assert_ptr_equal(m->head, m->embed);
        assert_null(model_note(m));
        model_close(m);
    }
}

/* --- merging --- */

/* The merged folder of `m` computes what m computes. */
static void same_when_merged(struct model *m, const char *dir, size_t shard, double tol)
{
    struct vac_err err = {0};
    struct model *k;
    float *x = logits_of(m), *y;

    assert_ok(model_save_merged(m, dir, false, shard, &err), &err);
    k = open_model_at(cpu, dir);
    assert_int_equal(model_count(k), model_count(m));
    y = logits_of(k);
    assert_close("merged logits", y, x, ROWS * m->cfg.V, tol);
    assert_true(file_exists(support_join(dir, "model.safetensors.index.json")) == (shard != 0));
    assert_true(file_exists(support_join(dir, "model.safetensors")) == (shard == 0));
    free(x);
    free(y);
    model_close(k);
}

static void test_merge(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIGS; i++) {
        struct model *m = open_model_at(cpu, folder(configs[i], 7));
        const char *dir = support_tmp();
        same_when_merged(m, support_join(dir, "base"), 0, 0);
        same_when_merged(m, support_join(dir, "shards"), 3000, 0);
        add_lora(m, &(struct lora_spec){.r = 3, .alpha = 2, .targets = "all"}, 8);
        same_when_merged(m, support_join(dir, "one"), 0, 1e-5);
        add_lora(
            m, &(struct lora_spec){.r = 2, .alpha = 3, .rslora = true, .targets = "k_proj,v_proj"},
            9);
        same_when_merged(m, support_join(dir, "two"), 0, 1e-5);
        same_when_merged(m, support_join(dir, "two shards"), 2000, 1e-5);
        model_close(m);
    }
}

/* w + every adapter's s B A, in double. */
static double *merged_by_hand(const struct model *m, const struct linear *x)
{
    size_t n = x->w->numel, k = 0;
    double *sum = calloc(n, sizeof *sum);
    float *w = calloc(n, sizeof *w);
    struct lora_place at;

    compute_download(cpu, w, x->w->w, n);
    for (size_t i = 0; i < n; i++)
        sum[i] = w[i];
    while (model_linear_at(m, k) != x)
        k++;
    for (size_t j = 0; j < m->n_adapter; j++) {
        const struct adapter *a = &m->adapter[j];
        float *num = adapter_numbers(m, j);
        if (adapter_place(m, a, k, &at) && at.on) {
            for (size_t i = 0; i < n; i++)
                for (size_t r = 0; r < a->r; r++)
                    sum[i] += a->alpha / (double)a->r * num[at.b + i / x->in * a->r + r] *
                              num[at.a + r * x->in + i % x->in];
        }
        free(num);
    }
    free(w);
    return sum;
}

/* A merged 16-bit weight is the F32 sum rounded once, to the nearest, ties to even. */
static void check_rounding(const struct model *m, struct model *sum, const struct weights *file,
                           enum dtype t)
{
    for (size_t k = 0; model_linear_at(m, k); k++) {
        const struct linear *x = model_linear_at(m, k);
        const struct st_tensor *got = weights_find(file, x->w->name);
        size_t n = x->w->numel;
        double *exact = merged_by_hand(m, x);
        float *f32 = calloc(n, sizeof *f32);
        uint16_t *want = calloc(n, sizeof *want);
        compute_download(cpu, f32, model_linear_at(sum, k)->w->w, n);
        dtype_narrow(want, f32, t, n);
        assert_non_null(got);
        assert_int_equal(got->dtype, t);
        assert_memory_equal(got->data, want, n * sizeof *want);
        assert_true(support_diff_d(f32, exact, n) < 1e-6);
        free(want);
        free(f32);
        free(exact);
    }
}

static void test_merge_rounds_once(void **state)
{
    (void)state;
    for (enum dtype t = DTYPE_BF16; t <= DTYPE_F16; t++) {
        const char *wide = folder(configs[0], 7), *base = support_tmp(), *out = support_tmp();
        struct vac_err err = {0};
        narrow_folder(wide, base, t, false);
        struct model *m[2] = {open_model_at(cpu, base), open_model_at(cpu, base)};
        for (int i = 0; i < 2; i++) {
            add_lora(m[i], &(struct lora_spec){.r = 3, .alpha = 2, .targets = "all"}, 8);
            add_lora(m[i], &(struct lora_spec){.r = 2, .alpha = 3, .targets = "k_proj,up_proj"}, 9);
        }
        assert_ok(model_save_merged(m[0], out, false, 0, &err), &err);
        assert_ok(model_train_full(m[1], &err), &err); /* the F32 sum */
        assert_int_equal(model_adapters(m[1]), 0);
        struct weights *file = weights_open(out, &err);
        assert_non_null(file);
        check_rounding(m[0], m[1], file, t);
        weights_close(file);
        model_close(m[0]);
        model_close(m[1]);
    }
}

/* Every tensor of the folder is of this dtype, and config.json says so under each of its names. */
static void check_dtype(const char *dir, enum dtype t)
{
    static const char *const names[] = {"\"float32\"", "\"bfloat16\"", "\"float16\""};
    struct vac_err err = {0};
    struct weights *w = weights_open(dir, &err);
    size_t n;
    char *text = read_all(support_join(dir, "config.json"), &n), said[64];

    assert_non_null(w);
    for (size_t i = 0; i < weights_count(w); i++)
        assert_int_equal(weights_at(w, i)->dtype, t);
    snprintf(said, sizeof said, "dtype\":\t%s", names[t]);
    assert_non_null(strstr(text, said));
    for (int k = 0; k < 3; k++)
        assert_true(k == (int)t || !strstr(text, names[k]));
    weights_close(w);
    free(text);
}

static void save_as(const struct model *m, bool wide, enum dtype t)
{
    const char *out = support_tmp();
    struct vac_err err = {0};

    assert_ok(model_save_merged(m, out, wide, 0, &err), &err);
    check_dtype(out, wide ? DTYPE_F32 : t);
}

/* Of every base, with and without adapters, kept or in F32, trained in full or not: what was asked
 * for is what lies in the folder. */
static void test_merge_dtype(void **state)
{
    (void)state;
    static const char *const says[] = {"", ",\"torch_dtype\":\"%s\"", ",\"dtype\":\"%s\"",
                                       ",\"dtype\":\"%s\",\"torch_dtype\":\"%s\""};
    static const char *const names[] = {"float32", "bfloat16", "float16"};
    const char *wide = folder(configs[0], 7);
    struct vac_err err = {0};

    for (int k = 0; k < 12; k++) {
        enum dtype t = (enum dtype)(k % 3);
        const char *base = support_tmp();
        char extra[128], config[1024];
        snprintf(extra, sizeof extra, says[k / 3], names[t], names[t]);
        snprintf(config, sizeof config, "{" LLAMA ",\"attention_bias\":true%s}", extra);
        narrow_folder(wide, base, t, false);
        support_write_text(support_join(base, "config.json"), config);
        struct model *m = open_model_at(cpu, base);
        save_as(m, false, t);
        save_as(m, true, t);
        add_lora(m, &(struct lora_spec){.r = 2, .alpha = 2, .targets = "all"}, 8);
        save_as(m, false, t);
        save_as(m, true, t);
        assert_ok(model_train_full(m, &err), &err);
        save_as(m, false, t);
        save_as(m, true, t);
        model_freeze(m);
        save_as(m, true, t);
        model_close(m);
    }
}

/* Kept as it is, a folder is the same bytes; in F32 it is the same numbers. */
static void test_merge_nothing(void **state)
{
    (void)state;
    const char *base = support_tmp(), *out[2] = {support_tmp(), support_tmp()};
    struct vac_err err = {0};

    narrow_folder(folder(configs[0], 7), base, DTYPE_BF16, false);
    support_write_text(support_join(base, "tokenizer.json"), "{\"not\": \"read here\"}");
    support_write_text(support_join(base, "vocab.json"), "");
    struct model *m = open_model_at(cpu, base), *k;
    float *x = logits_of(m), *y;
    for (int i = 0; i < 2; i++)
        assert_ok(model_save_merged(m, out[i], i == 1, 0, &err), &err);
    same_file(support_join(base, "tokenizer.json"), support_join(out[0], "tokenizer.json"));
    same_file(support_join(base, "vocab.json"), support_join(out[0], "vocab.json"));
    same_file(support_join(base, "model.safetensors"), support_join(out[0], "model.safetensors"));
    k = open_model_at(cpu, out[1]);
    y = logits_of(k);
    assert_close("F32 logits", y, x, ROWS * m->cfg.V, 0);
    free(x);
    free(y);
    model_close(k);
    model_close(m);
}

/* A sum that F16 cannot hold is no infinity in the file. */
static void test_merge_outgrows_f16(void **state)
{
    (void)state;
    const char *base = support_tmp(), *out = support_tmp();
    struct vac_err err = {0};

    narrow_folder(folder(configs[0], 7), base, DTYPE_F16, false);
    struct model *m = open_model_at(cpu, base);
    add_lora(m, &(struct lora_spec){.r = 2, .alpha = 1e7, .targets = "q_proj"}, 8);
    assert_int_equal(model_save_merged(m, support_join(out, "a"), false, 0, &err), -1);
    assert_error(&err, "self_attn.q_proj.weight: a merged weight is too large for F16");
    err_clear(&err);
    assert_ok(model_save_merged(m, support_join(out, "b"), true, 0, &err), &err);
    model_close(m);
}

/* --- a head that config.json says is the embedding --- */

/* The untied model `base` with a config that ties it. */
static void tie_config(const char *base, const char *to, const char *config)
{
    copy_file(base, to, "model.safetensors");
    support_write_text(support_join(to, "config.json"), config);
}

static void test_tied_with_own_head(void **state)
{
    (void)state;
    static const char *const untied[] = {"{" LLAMA "}", "{" OPT ",\"tie_word_embeddings\":false}"};
    static const char *const tied[] = {"{" LLAMA ",\"tie_word_embeddings\":true}", "{" OPT "}"};

    for (size_t i = 0; i < 2; i++) {
        const char *base = folder(untied[i], 3), *dir = support_tmp(), *out = support_tmp();
        struct model *m = open_model_at(cpu, base), *k, *back;
        struct vac_err err = {0};
        float *x = logits_of(m), *y, *z;
        tie_config(base, dir, tied[i]);
        k = open_model_at(cpu, dir);
        y = logits_of(k);
        assert_close("logits", y, x, ROWS * m->cfg.V, 0);
        assert_null(model_note(m));
        assert_non_null(strstr(model_note(k), "lm_head.weight"));
        assert_int_equal(model_count(k), model_count(m));
        /* what leaves says what it is */
        assert_ok(model_save_merged(k, out, false, 0, &err), &err);
        back = open_model_at(cpu, out);
        assert_null(model_note(back));
        z = logits_of(back);
        assert_close("merged logits", z, x, ROWS * m->cfg.V, 0);
        free(x);
        free(y);
        free(z);
        model_close(m);
        model_close(k);
        model_close(back);
    }
}

/* Another program reads what we wrote. */
static void test_read_from_outside(void **state)
{
    (void)state;
    struct model *m = open_model_at(cpu, folder(configs[0], 7));
    const char *dir = support_tmp(), *out = support_tmp();
    struct vac_err err = {0};
    char cmd[4096];

    if (system("command -v python3 >/dev/null 2>&1"))
        skip();
    add_lora(m, &(struct lora_spec){.r = 3, .alpha = 2, .targets = "all"}, 8);
    assert_ok(model_save_peft(m, 0, NULL, dir, &err), &err);
    assert_ok(model_save_merged(m, out, false, 0, &err), &err);
    snprintf(cmd, sizeof cmd, "python3 '%s' '%s' >/dev/null && python3 '%s' '%s' >/dev/null",
             support_path("read_safetensors.py"), support_join(dir, "adapter_model.safetensors"),
             support_path("read_safetensors.py"), support_join(out, "model.safetensors"));
    assert_int_equal(system(cmd), 0);
    model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peft_round_trip),
        cmocka_unit_test(test_peft_dropout_and_training),
        cmocka_unit_test(test_peft_accepted),
        cmocka_unit_test(test_peft_refused),
        cmocka_unit_test(test_peft_tensors_refused),
        cmocka_unit_test(test_model_tensors_refused),
        cmocka_unit_test(test_folders_refused),
        cmocka_unit_test(test_tensors_accepted),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_merge_rounds_once),
        cmocka_unit_test(test_merge_dtype),
        cmocka_unit_test(test_merge_nothing),
        cmocka_unit_test(test_merge_outgrows_f16),
        cmocka_unit_test(test_tied_with_own_head),
        cmocka_unit_test(test_read_from_outside),
    };

    return cmocka_run_group_tests_name("model_files", tests, cpu_setup, cpu_teardown);
}
