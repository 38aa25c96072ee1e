/* test_model.c - models against numbers recorded in float64 with PyTorch (tests/golden): logits,
 * loss, gradients of adapters, of all weights, and at the attention outputs. */
#include <math.h>

#include "model/stops.h"
#include "model_support.h"
#include "token/tok_added.h"

static const char *const folders[] = {
    "golden/llama-gqa", "golden/llama-rope3-tied", "golden/opt",   "golden/mistral", "golden/qwen2",
    "golden/qwen3",     "golden/gemma2",           "golden/gemma3"};
#define FOLDERS (sizeof folders / sizeof *folders)
#define TOL 1e-4

static struct pass golden_pass(struct golden *g)
{
    return (struct pass){.m = g->m,
                         .a = g->a,
                         .b = &g->b,
                         .grads = true,
                         .scale = 1.0f / (float)g->b.n_lab,
                         .from = PLACE_START,
                         .stop = PLACE_START};
}

static void check_logits(struct golden *g, const char *prefix)
{
    float *x = all_logits(g->m, g->a, &g->b);
    size_t V = g->m->cfg.V;
    char name[64];

    for (size_t s = 0; s < g->b.S; s++) {
        const struct seq *q = &g->b.seq[s];
        snprintf(name, sizeof name, "%s.%zu", prefix, s);
        assert_close(name, x + q->q0 * V, golden_tensor(g, name, q->nq * V), q->nq * V, TOL);
    }
    free(x);
}

static void check_gradients(struct golden *g, const char *prefix)
{
    const struct params *p = model_params(g->m);
    float *x = calloc(p->n, sizeof *x);
    char name[256];

    compute_download(g->c, x, p->g, p->n);
    for (size_t i = 0; i < p->count; i++) {
        const struct param *q = &p->list[i];
        size_t n = q->shape[0] * (q->rank == 2 ? q->shape[1] : 1);
        if (strstr(q->name, "k_proj.bias"))
            continue; /* zero in theory: adding a constant to all keys shifts every score alike */
        snprintf(name, sizeof name, "%s.%s", prefix, q->name);
        assert_close(name, x + q->at, golden_tensor(g, name, n), n, TOL);
    }
    free(x);
}

static void test_logits_base(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        struct golden g;
        golden_open(&g, folders[i], "cpu", 1, false, false);
        check_logits(&g, "logits_base");
        golden_close(&g);
    }
}

static void test_logits_lora(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        struct golden g;
        golden_open(&g, folders[i], "cpu", 1, true, false);
        check_logits(&g, "logits_lora");
        golden_close(&g);
    }
}

static void lora_gradients(const char *folder, const char *backend, int threads)
{
    struct golden g;
    struct pass p;
    double loss;

    golden_open(&g, folder, backend, threads, true, false);
    p = golden_pass(&g);
    loss = pass_loss(&p, true, NULL) / (double)g.b.n_lab;
    pass_backward(&p);
    assert_true(fabs(loss - golden_number(&g, "loss_lora")) < 1e-5 * loss);
    check_gradients(&g, "sft_grad");
    golden_close(&g);
}

static void test_lora_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++)
        lora_gradients(folders[i], "cpu", 1);
}

static void test_lora_gradients_threads(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        lora_gradients(folders[i], "cpu", 2);
        lora_gradients(folders[i], "cpu", 3);
    }
}

static void test_lora_gradients_fence(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++)
        lora_gradients(folders[i], "fence", 1);
}

static void full_gradients(const char *folder, const char *backend)
{
    struct golden g;
    struct pass p;
    double loss;

    golden_open(&g, folder, backend, 1, false, true);
    p = golden_pass(&g);
    loss = pass_loss(&p, true, NULL) / (double)g.b.n_lab;
    pass_backward(&p);
    assert_true(fabs(loss - golden_number(&g, "loss_base")) < 1e-5 * loss);
    check_gradients(&g, "full_grad");
    golden_close(&g);
}

static void test_full_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++)
        full_gradients(folders[i], "cpu");
}

static void test_full_gradients_fence(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++)
        full_gradients(folders[i], "fence");
}

static void attention_gradients(const char *folder)
{
    struct golden g;
    struct taps taps;
    struct vac_err err = {0};
    struct buf *buf;
    float *x;
    char name[64];

    golden_open(&g, folder, "cpu", 1, true, false);
    size_t L = g.m->cfg.L, D = g.m->cfg.D, N = g.b.N;
    assert_ok(taps_init(&taps, g.m, &err), &err);
    buf = compute_alloc(g.c, L * N * D, &err);
    for (size_t l = 0; l < L; l++)
        taps_at(&taps, SITE_ATTN, l)->keep_grad = (struct ref){buf, l * N * D};
    struct pass p = golden_pass(&g);
    p.taps = &taps;
    p.grads = false;
    p.stop = place_of(SITE_ATTN, 0);
    pass_loss(&p, true, NULL);
    pass_backward(&p);
    x = calloc(L * N * D, sizeof *x);
    compute_download(g.c, x, (struct ref){buf, 0}, L * N * D);
    for (size_t l = 0; l < L; l++) {
        for (size_t s = 0; s < g.b.S; s++) {
            const struct seq *q = &g.b.seq[s];
            snprintf(name, sizeof name, "attn_grad.%zu.%zu", s, l);
            assert_close(name, x + (l * N + q->q0) * D, golden_tensor(&g, name, q->nq * D),
                         q->nq * D, TOL);
        }
    }
    assert_true(op_sumsq(g.c, model_params(g.m)->g, model_params(g.m)->n) == 0);
    free(x);
    compute_release(g.c, buf);
    taps_done(&taps);
    golden_close(&g);
}

static void test_attention_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++)
        attention_gradients(folders[i]);
}

static bool stops_at(const struct stops *s, int32_t id)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->id[i] == id)
            return true;
    return false;
}

/* The ends of all files, and the end of turn that the template writes where it is a token. */
static void test_stops(void **state)
{
    static const char config[] = "{\"eos_token\":\"</s>\",\"pad_token\":\"%s\"}";
    struct golden g;
    struct encoder enc = {.eos = -1, .tmpl = template_find("chatml", NULL)};
    struct vac_err err = {0};
    struct stops s;
    const char *dir = strdup(support_tmp());
    char path[1200], text[100];

    (void)state;
    golden_open(&g, "golden/llama-gqa", "cpu", 1, false, false);
    assert_ok(stops_collect(&s, g.m, &enc, &err), &err);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.id[0], 2);
    assert_int_equal(stops_eos(g.m, NULL), 2);
    copy_file(support_path("tokenizer"), dir, "tokenizer.json");
    snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
    for (int is_token = 0; is_token < 2; is_token++) {
        snprintf(text, sizeof text, config, is_token ? "<|im_end|>" : "<|eot_id|>");
        support_write_text(path, text);
        enc.tok = tokenizer_open(dir, &err);
        if (!enc.tok)
            fail_msg("%s", err.msg);
        assert_int_equal(stops_eos(g.m, enc.tok), 1);
        assert_ok(stops_collect(&s, g.m, &enc, &err), &err);
        assert_int_equal(s.n, 2 + is_token);
        assert_true(stops_at(&s, 1) && stops_at(&s, 2));
        assert_int_equal(stops_at(&s, tok_find(enc.tok, "<|im_end|>")), is_token);
        tokenizer_free(enc.tok);
    }
    golden_close(&g);
    free((char *)dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits_base),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_logits_lora),
        cmocka_unit_test(test_lora_gradients),
        cmocka_unit_test(test_lora_gradients_threads),
        cmocka_unit_test(test_lora_gradients_fence),
        cmocka_unit_test(test_full_gradients),
        cmocka_unit_test(test_full_gradients_fence),
        cmocka_unit_test(test_attention_gradients),
    };

    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
