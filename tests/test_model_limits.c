/* test_model_limits.c - models that do not fit are refused before they are run, and opening a large one
 * reads nothing. Configs are in triplets/config.txt. */
#include <sys/mman.h>
#include <unistd.h>

#include "model/plan.h"
#include "model_cpu.h"

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
    assert_error(&err, "base weights (mapped) 141.1 GB");
    assert_error(&err, "there are 64 GB ");
    assert_error(&err, "use a smaller model");
    model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_reads_nothing),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_too_large),
    };

    return cmocka_run_group_tests_name("model_limits", tests, cpu_setup, cpu_teardown);
}
