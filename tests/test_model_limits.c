/* test_model_limits.c - what is refused before it is run: configs that are not implemented, and
 * models that do not fit; and that opening a large model reads nothing. */
#include <sys/mman.h>
#include <unistd.h>

#include "model/plan.h"
#include "model_cpu.h"

#define LLAMA                                                                                      \
    "\"model_type\":\"llama\",\"vocab_size\":31,\"hidden_size\":16,\"intermediate_size\":20,"      \
    "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,"                 \
    "\"max_position_embeddings\":64"

struct refusal {
    const char *text, *says;
};

/* --- config.json --- */

static void test_configs_refused(void **state)
{
    (void)state;
#define L1                                                                                         \
    "\"model_type\":\"llama\",\"vocab_size\":31,\"intermediate_size\":20,\"num_hidden_layers\":2,"
#define O1                                                                                         \
    "\"model_type\":\"opt\",\"vocab_size\":31,\"hidden_size\":16,\"ffn_dim\":20,\"num_hidden_"     \
    "layers\":1,"
    static const struct refusal cases[] = {
        {"{" LLAMA ",\"sliding_window\":63}", "sliding_window"},
        {"{" LLAMA ",\"layer_types\":[\"full_attention\",\"sliding_attention\"]}",
         "layer_types[1]: \"sliding_attention\""},
        {"{" LLAMA ",\"layer_types\":\"full_attention\"}", "layer_types"},
        {"{" LLAMA ",\"mlp_layer_types\":[\"sparse\",\"dense\"]}",
         "mlp_layer_types[0]: \"sparse\""},
        {"{" LLAMA ",\"per_layer_config\":{\"0\":{\"head_dim\":8}}}", "per_layer_config"},
        {"{" LLAMA ",\"is_causal\":false}", "is_causal"},
        {"{" LLAMA ",\"use_qk_norm\":true}", "use_qk_norm"},
        {"{" LLAMA ",\"num_local_experts\":8}", "num_local_experts"},
        {"{" LLAMA ",\"no_rope_layers\":[1,0]}", "no_rope_layers"},
        {"{" LLAMA ",\"add_cross_attention\":true}", "add_cross_attention"},
        {"{" LLAMA
         ",\"rope_parameters\":{\"rope_type\":\"default\",\"partial_rotary_factor\":0.5}}",
         "partial_rotary_factor"},
        {"{" LLAMA ",\"rope_parameters\":{\"rope_type\":\"default\",\"mrope_section\":[1,2]}}",
         "rope_parameters.mrope_section"},
        {"{" LLAMA ",\"quantization_config\":{\"bits\":4}}", "quantization_config"},
        {"{" LLAMA ",\"is_encoder_decoder\":true}", "is_encoder_decoder"},
        {"{" LLAMA ",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2}}",
         "rope_scaling: rope type \"yarn\""},
        {"{" LLAMA ",\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2}}", "dynamic"},
        {"{" LLAMA ",\"rope_scaling\":{\"type\":\"linear\"}}", "rope_scaling"},
        {"{" LLAMA ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":0}}", "factor"},
        {"{" LLAMA ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2,\"beta\":1}}", "beta"},
        {"{" LLAMA ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,"
         "\"high_freq_factor\":1,\"original_max_position_embeddings\":8}}",
         "high_freq_factor"},
        {"{" LLAMA ",\"rope_theta\":-1}", "rope_theta"},
        {"{" LLAMA ",\"partial_rotary_factor\":0.5}", "partial_rotary_factor"},
        {"{" LLAMA ",\"rms_norm_eps\":-1}", "rms_norm_eps"},
        {"{" LLAMA ",\"hidden_act\":\"gelu\"}", "hidden_act \"gelu\""},
        {"{" LLAMA ",\"logit_scale\":2}", "logit_scale"},
        {"{" LLAMA ",\"attention_bias\":3}", "attention_bias"},
        {"{" LLAMA ",\"hidden_size\":16}", "hidden_size: stands here twice"},
        {"{" LLAMA ",\"head_dim\":5}", "head_dim 5 must be even"},
        {"{" LLAMA ",\"torch_dtype\":\"float8_e4m3fn\"}", "torch_dtype"},
        {"{" LLAMA ",\"eos_token_id\":[2,31]}", "eos_token_id[1]"},
        {"{" LLAMA ",\"bos_token_id\":31}", "bos_token_id"},
        {"{" LLAMA ",\"architectures\":[\"MixtralForCausalLM\"]}",
         "architectures[0]: \"MixtralForCausalLM\""},
        {"{" LLAMA ",\"architectures\":[\"LlamaForSequenceClassification\"],\"id2label\":{}}",
         "id2label"},
        {"{" LLAMA
         ",\"architectures\":[\"LlamaForSequenceClassification\"],\"id2label\":{\"1\":\"a\"}}",
         "id2label"},
        {"{" L1 "\"hidden_size\":18,\"num_attention_heads\":4}",
         "multiple of num_attention_heads 4"},
        {"{" L1 "\"hidden_size\":16,\"num_attention_heads\":4,\"num_key_value_heads\":3}",
         "num_key_value_heads 3"},
        {"{" L1 "\"hidden_size\":12,\"num_attention_heads\":4}", "head_dim 3 must be even"},
        {"{" L1 "\"num_attention_heads\":4}", "hidden_size"},
        {"{" L1 "\"hidden_size\":1e9,\"num_attention_heads\":4}", "hidden_size"},
        {"{" L1 "\"hidden_size\":16.5,\"num_attention_heads\":4}", "hidden_size"},
        {"{" L1 "\"hidden_size\":\"16\",\"num_attention_heads\":4}", "hidden_size"},
        {"{" O1 "\"num_attention_heads\":3}", "multiple of num_attention_heads 3"},
        {"{" O1 "\"num_attention_heads\":2,\"activation_function\":\"gelu_new\"}",
         "activation_function \"gelu_new\""},
        {"{" O1 "\"num_attention_heads\":2,\"layer_norm_elementwise_affine\":false}",
         "layer_norm_elementwise_affine"},
        {"{" O1 "\"num_attention_heads\":2,\"num_key_value_heads\":1}", "num_key_value_heads"},
        {"{\"model_type\":\"gpt2\"}",
         "model_type \"gpt2\" is not supported; supported are llama, opt, "},
        {"{\"vocab_size\":3}", "model_type"},
        {"{\"model_type\":3}", "model_type"},
        {"{" LLAMA, "1:"},
        {"[]", "expected an object"},
        {"", ""},
    };
    const char *dir = support_tmp();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config c = {0};
        struct vac_err err = {0};
        support_write_text(support_join(dir, "config.json"), cases[i].text);
        if (config_read(&c, dir, &err) == 0)
            fail_msg("accepted: %s", cases[i].text);
        assert_error(&err, "config.json");
        assert_error(&err, cases[i].says);
    }
}

struct accepted {
    const char *text;
    double theta;
    size_t n_eos, E;
};

/* Every form that Transformers 4 and 5 write, and what other tools put in: none of it changes what is
 * computed. */
static void test_configs_accepted(void **state)
{
    (void)state;
    static const struct accepted cases[] = {
        {",\"sliding_window\":null,\"use_cache\":true,\"attention_dropout\":0.1,\"eos_token_id\":["
         "2,3]",
         10000, 2, 4},
        {",\"sliding_window\":4096,\"use_sliding_window\":false,\"something_new\":null", 10000, 0,
         4},
        {",\"sliding_window\":64", 10000, 0, 4},
        {",\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":500000}", 500000, 0, 4},
        {",\"dtype\":\"bfloat16\",\"pad_token_id\":-1,\"head_dim\":6", 10000, 0, 6},
        {",\"unk_token_id\":0,\"cls_token_id\":30,\"sep_token_id\":3,\"mask_token_id\":99,"
         "\"image_token_id\":1,\"decoder_start_token_id\":null",
         10000, 0, 4},
        {",\"layer_types\":[\"full_attention\",\"full_attention\"],\"mlp_layer_types\":[\"dense\","
         "\"dense\"]",
         10000, 0, 4},
        {",\"layer_types\":[\"attention\",\"full_attention\"],\"per_layer_config\":{},"
         "\"tie_last_hidden_states\":true",
         10000, 0, 4},
        {",\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":1000,"
         "\"partial_rotary_factor\":1.0,\"attention_factor\":null,\"beta_fast\":null}",
         1000, 0, 4},
        {",\"use_qk_norm\":false,\"qk_layernorm\":false,\"experts\":[],\"vision\":{},\"moe\":\"\","
         "\"is_causal\":true,\"logit_scale\":1,\"num_local_experts\":0",
         10000, 0, 4},
        {",\"max_new_tokens\":20,\"min_p\":0.1,\"temperature\":0.7,\"embd_pdrop\":0.1,"
         "\"classifier_dropout\":0.1,\"_from_model_config\":true,\"_commit_hash\":\"abc\","
         "\"auto_map\":{\"AutoConfig\":\"x.Y\"},\"pretraining_tp\":2,\"chunk_size_feed_forward\":4,"
         "\"is_decoder\":true,\"return_dict\":true,\"problem_type\":null",
         10000, 0, 4},
    };
    const char *dir = support_tmp();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config c = {0};
        struct vac_err err = {0};
        char text[2048];
        snprintf(text, sizeof text, "{" LLAMA "%s}", cases[i].text);
        support_write_text(support_join(dir, "config.json"), text);
        assert_ok(config_read(&c, dir, &err), &err);
        assert_true(c.rope.theta == cases[i].theta);
        assert_int_equal(c.n_eos, cases[i].n_eos);
        assert_int_equal(c.E, cases[i].E);
        assert_int_equal(c.pad, -1);
        config_done(&c);
    }
}

/* --- large models, as files with nothing in them --- */

struct header {
    struct strbuf s;
    uint64_t at;
};

static void header_put(struct header *h, const char *name, size_t rows, size_t cols)
{
    uint64_t end = h->at + 2 * (uint64_t)rows * (cols ? cols : 1);

    sb_printf(&h->s, "%s\"%s\":{\"dtype\":\"BF16\",\"shape\":[%zu", h->s.len ? "," : "{", name,
              rows);
    if (cols)
        sb_printf(&h->s, ",%zu", cols);
    sb_printf(&h->s, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)h->at,
              (unsigned long long)end);
    h->at = end;
}

struct shape {
    size_t D, F, L, H, K, E, V;
    bool tied;
};

static void header_layer(struct header *h, const struct shape *s, size_t l)
{
    const struct {
        const char *part;
        size_t rows, cols;
    } row[] = {{"self_attn.q_proj", s->H * s->E, s->D}, {"self_attn.k_proj", s->K * s->E, s->D},
               {"self_attn.v_proj", s->K * s->E, s->D}, {"self_attn.o_proj", s->D, s->H * s->E},
               {"mlp.gate_proj", s->F, s->D},           {"mlp.up_proj", s->F, s->D},
               {"mlp.down_proj", s->D, s->F},           {"input_layernorm", s->D, 0},
               {"post_attention_layernorm", s->D, 0}};
    char name[128];

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        snprintf(name, sizeof name, "model.layers.%zu.%s.weight", l, row[i].part);
        header_put(h, name, row[i].rows, row[i].cols);
    }
}

/* False where the file system cannot hold a file with a hole of that size. */
static bool sparse_folder(const char *dir, const struct shape *s)
{
    struct header h = {{0}, 0};
    unsigned char len[8];
    char text[1024];
    bool ok;

    header_put(&h, "model.embed_tokens.weight", s->V, s->D);
    for (size_t l = 0; l < s->L; l++)
        header_layer(&h, s, l);
    header_put(&h, "model.norm.weight", s->D, 0);
    if (!s->tied)
        header_put(&h, "lm_head.weight", s->V, s->D);
    sb_puts(&h.s, "}");
    while (h.s.len % 8)
        sb_puts(&h.s, " ");
    for (int i = 0; i < 8; i++)
        len[i] = (unsigned char)(h.s.len >> 8 * i);
    FILE *f = fopen(support_join(dir, "model.safetensors"), "wb");
    ok = f && fwrite(len, 1, 8, f) == 8 && fwrite(h.s.s, 1, h.s.len, f) == h.s.len && !fflush(f) &&
         !ftruncate(fileno(f), (off_t)(8 + h.s.len + h.at));
    if (f)
        fclose(f);
    sb_done(&h.s);
    snprintf(text, sizeof text,
             "{\"model_type\":\"llama\",\"vocab_size\":%zu,\"hidden_size\":%zu,\"intermediate_"
             "size\":%zu,"
             "\"num_hidden_layers\":%zu,\"num_attention_heads\":%zu,\"num_key_value_heads\":%zu,"
             "\"head_dim\":%zu,"
             "\"max_position_embeddings\":131072,\"tie_word_embeddings\":%s}",
             s->V, s->D, s->F, s->L, s->H, s->K, s->E, s->tied ? "true" : "false");
    support_write_text(support_join(dir, "config.json"), text);
    return ok;
}

/* How many of the pages in which a tensor alone lies are in memory. */
static size_t resident(const struct st_tensor *t)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
    uintptr_t from = ((uintptr_t)t->data + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)t->data + t->numel * dtype_size(t->dtype)) / page * page;
    unsigned char *in = calloc((to - from) / page + 1, 1);

    if (to > from)
        assert_int_equal(mincore((void *)from, to - from, in), 0);
    for (size_t i = 0; to > from && i < (to - from) / page; i++)
        n += in[i] & 1;
    free(in);
    return n;
}

static long rss_pages(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long size = 0, rss = -1;

    if (f && fscanf(f, "%ld %ld", &size, &rss) != 2)
        rss = -1;
    if (f)
        fclose(f);
    return rss;
}

static const struct shape one_b = {
    .D = 2048, .F = 8192, .L = 16, .H = 32, .K = 8, .E = 64, .V = 128256, .tied = true};
static const struct shape seventy_b = {
    .D = 8192, .F = 28672, .L = 80, .H = 64, .K = 8, .E = 128, .V = 128256};

/* Opening reads no weight: the kernel brings none of their pages in, and we take next to no memory.
 * The few pages allowed are what it reads ahead behind the header. */
static void test_open_reads_nothing(void **state)
{
    (void)state;
    const char *dir = support_tmp();
    struct model *m;
    size_t pages = 0;
    long before;

    if (!sparse_folder(dir, &one_b))
        skip();
    before = rss_pages();
    m = open_model_at(cpu, dir);
    assert_int_equal(model_count(m), 1235814400);
    assert_int_equal(model_bytes(m), 2 * 1235814400ULL);
    for (size_t i = 0; i < m->n_weight; i++)
        pages += m->weight[i] == m->embed ? 0 : resident(m->weight[i]->src);
    assert_int_equal(pages, 0);
    assert_true(resident(m->embed->src) < 512);
    if (before >= 0)
        assert_true(rss_pages() - before < 2048);
    model_close(m);
}

static uint64_t plan_row(const struct plan *p, const char *what)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strstr(p->row[i].what, what))
            return p->row[i].bytes;
    }
    return 0;
}

static void test_plans(void **state)
{
    (void)state;
    const char *dir = support_tmp();
    struct plan run = {0}, train = {0};
    struct vac_err err = {0};
    struct strbuf s = {0};
    struct model *m;
    uint64_t sum = 0;

    if (!sparse_folder(dir, &one_b))
        skip();
    m = open_model_at(cpu, dir);
    assert_ok(plan_generate(&run, m, 4, 2048), &err);
    assert_int_equal(plan_row(&run, "base weights"), model_bytes(m));
    assert_true(plan_row(&run, "generation") >=
                2ULL * 16 * 4 * 2048 * 512 * sizeof(float)); /* the cache */
    assert_ok(plan_check(&run, 64000000000, &err), &err);
    assert_ok(model_add_lora(m, &(struct lora_spec){.r = 8, .alpha = 4, .targets = "q_proj,v_proj"},
                             1, 0, &err),
              &err);
    assert_ok(plan_train(&train, m, 2048, 1024, 512), &err);
    assert_int_equal(plan_row(&train, "adapters"), m->adapter[0].n * sizeof(float));
    assert_int_equal(plan_row(&train, "gradients"), 3 * m->adapter[0].n * sizeof(float));
    assert_int_equal(plan_row(&train, "activations"),
                     acts_floats(m, 2048, 1024, true) * sizeof(float));
    assert_true(plan_row(&train, "scratch") > 0);
    plan_text(&train, &s);
    for (size_t i = 0; i < train.n; i++) {
        assert_non_null(strstr(s.s, train.row[i].what));
        sum += train.row[i].bytes;
    }
    assert_int_equal(sum, train.total);
    assert_non_null(strstr(s.s, "total"));
    assert_int_equal(plan_check(&train, 3000000000, &err), -1);
    assert_error(&err, "max_length");
    sb_done(&s);
    model_close(m);
}

static void test_too_large(void **state)
{
    (void)state;
    const char *dir = support_tmp();
    struct vac_err err = {0};
    struct plan p = {0};
    struct model *m;

    if (!sparse_folder(dir, &seventy_b))
        skip();
    m = open_model_at(cpu, dir);
    assert_int_equal(model_count(m), 70553706496);
    assert_ok(plan_generate(&p, m, 1, 4096), &err);
    assert_int_equal(plan_check(&p, 64000000000, &err), -1);
    assert_int_equal(err.code, VAC_ERR_MEMORY);
    assert_error(&err, "base weights (mapped) 141.11 GB");
    assert_error(&err, "there are 64.00 GB");
    assert_error(&err, "use a smaller model");
    model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configs_refused),    cmocka_unit_test(test_configs_accepted),
        cmocka_unit_test(test_open_reads_nothing), cmocka_unit_test(test_plans),
        cmocka_unit_test(test_too_large),
    };

    return cmocka_run_group_tests_name("model_limits", tests, cpu_setup, cpu_teardown);
}
