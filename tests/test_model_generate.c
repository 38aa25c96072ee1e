/* test_model_generate.c - generation against scoring, and real models against recorded numbers. */
#include <math.h>

#include "token/tokenizer.h"
#include "generate_support.h"

/* What the model says about a text without any cache: log-probabilities and the most probable ids.
 */
static void score(struct model *m, const int32_t *ids, size_t n, double *logp, int32_t *top)
{
    struct vac_err err = {0};
    struct acts *a = acts_new(m, n, n, n, false, &err);
    struct batch b;
    struct pass p = {.m = m, .a = a, .b = &b, .from = PLACE_START, .stop = PLACE_START};

    if (!a)
        fail_msg("%s", err.msg);
    assert_ok(batch_init(&b, n, 1, &err), &err);
    batch_fill_ids(&b, ids, NULL, n);
    pass_score(&p, logp, top);
    batch_done(&b);
    acts_free(a);
}

/* --- greedy --- */

/* Each id is the most probable one after all before it, found without a cache. */
static void check_greedy(struct model *m, const struct ids *prompt, const struct ids *out,
                         const struct trace *t)
{
    struct ids text = {0};
    struct vac_err err = {0};
    double logp[600];
    int32_t top[600];

    assert_ok(ids_append(&text, prompt->v, prompt->n, &err), &err);
    for (size_t i = 0; i < out->n; i++) {
        score(m, text.v, text.n, logp, top);
        assert_int_equal(out->v[i], top[text.n - 1]);
        assert_int_equal(out->v[i], t->id[i]);
        assert_ok(ids_push(&text, out->v[i], &err), &err);
    }
    assert_int_equal(t->n, out->n);
    ids_done(&text);
}

static void test_greedy(void **state)
{
    (void)state;
    const struct generate_options o = {.max_new_tokens = 12, .top_p = 1};
    for (size_t i = 0; i < CONFIGS; i++) {
        struct model *m = tuned_model(configs[i]);
        struct generator *g = open_generator(m, 2, 40);
        for (uint64_t seed = 0; seed < 3; seed++) {
            struct trace t = {0};
            struct ids prompt, out;
            random_prompt(&prompt, 1 + 6 * seed, 41, seed);
            out = generate_one(g, &prompt, &o, &t);
            assert_int_equal(out.n, 12);
            check_greedy(m, &prompt, &out, &t);
            ids_done(&prompt);
            ids_done(&out);
        }
        generator_free(g);
        model_close(m);
    }
}

/* The adapters are part of what speaks. */
static void test_adapters_speak(void **state)
{
    (void)state;
    const struct generate_options o = {.max_new_tokens = 30, .top_p = 1};
    struct model *m[2] = {tuned_model(LLAMA), random_model(LLAMA, cpu, 21)};
    struct ids prompt, out[2];

    random_prompt(&prompt, 5, 41, 9);
    for (int i = 0; i < 2; i++) {
        struct generator *g = open_generator(m[i], 1, 64);
        out[i] = generate_one(g, &prompt, &o, NULL);
        generator_free(g);
    }
    assert_int_equal(out[0].n, out[1].n);
    assert_memory_not_equal(out[0].v, out[1].v, 30 * sizeof *out[0].v);
    for (int i = 0; i < 2; i++) {
        ids_done(&out[i]);
        model_close(m[i]);
    }
    ids_done(&prompt);
}

/* A prompt that goes through the model in pieces is understood as in one. */
static void test_long_prompts(void **state)
{
    (void)state;
    static const size_t lengths[] = {255, 256, 257, 300, 508};
    const struct generate_options o = {.max_new_tokens = 3, .top_p = 1};
    for (size_t i = 0; i < CONFIGS; i++) {
        struct model *m = tuned_model(configs[i]);
        struct generator *g = open_generator(m, 1, 0);
        assert_int_equal(generator_context(g), 512);
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
            struct trace t = {0};
            struct ids prompt, out;
            random_prompt(&prompt, lengths[k], 41, 50 + k);
            out = generate_one(g, &prompt, &o, &t);
            check_greedy(m, &prompt, &out, &t);
            assert_int_equal(out.n, 3);
            ids_done(&prompt);
            ids_done(&out);
        }
        generator_free(g);
        model_close(m);
    }
}

/* --- where a text ends --- */

static void test_ends(void **state)
{
    (void)state;
    struct model *m = tuned_model(LLAMA);
    struct generator *g = open_generator(m, 1, 20);
    struct ids prompt, whole, out;
    int32_t stop[2];
    size_t first = 0;

    random_prompt(&prompt, 5, 41, 70);
    whole = generate_one(g, &prompt, &(struct generate_options){.max_new_tokens = 100, .top_p = 1},
                         NULL);
    assert_int_equal(whole.n, 15); /* the context is full */
    for (size_t n = 0; n <= 4; n++) {
        out = generate_one(g, &prompt, &(struct generate_options){.max_new_tokens = n, .top_p = 1},
                           NULL);
        assert_int_equal(out.n, n);
        assert_memory_equal(out.v ? out.v : whole.v, whole.v, n * sizeof *out.v);
        ids_done(&out);
    }
    stop[0] = 40 - whole.v[7] == 20 ? 21 : 40 - whole.v[7];
    stop[1] = whole.v[7];
    while (whole.v[first] != stop[0] && whole.v[first] != stop[1])
        first++;
    out = generate_one(
        g, &prompt,
        &(struct generate_options){.max_new_tokens = 100, .top_p = 1, .stop = stop, .n_stop = 2},
        NULL);
    assert_int_equal(out.n, first);
    ids_done(&out);
    struct trace t = {.stop_at = 6};
    out =
        generate_one(g, &prompt, &(struct generate_options){.max_new_tokens = 100, .top_p = 1}, &t);
    assert_int_equal(out.n, 6);
    ids_done(&out);
    ids_done(&whole);
    ids_done(&prompt);
    generator_free(g);
    model_close(m);
}

/* Prompt and answer together are at most `context` tokens; a prompt that fills it gets none. */
static void test_context(void **state)
{
    (void)state;
    const struct generate_options o = {.max_new_tokens = 100, .top_p = 1};
    for (size_t i = 0; i < CONFIGS; i++) {
        struct model *m = tuned_model(configs[i]);
        struct generator *g = open_generator(m, 2, 8);
        for (size_t n = 1; n <= 10; n++) {
            struct ids prompt, out;
            random_prompt(&prompt, n, 41, n);
            out = generate_one(g, &prompt, &o, NULL);
            assert_int_equal(out.n, n < 8 ? 8 - n : 0);
            ids_done(&prompt);
            ids_done(&out);
        }
        generator_free(g);
        g = open_generator(m, 1, 100000);
        assert_int_equal(generator_context(g), 512);
        generator_free(g);
        model_close(m);
    }
}

static void refused(struct generator *g, const int32_t *ids, size_t n, const char *says)
{
    struct ids prompt[2] = {{.v = (int32_t[]){1}, .n = 1}, {0}}, out[2] = {{0}};
    struct vac_err err = {0};

    prompt[1].v = (int32_t *)ids;
    prompt[1].n = n;
    assert_int_equal(generate(g, prompt, 2,
                              &(struct generate_options){.max_new_tokens = 3, .top_p = 1}, out,
                              NULL, NULL, &err),
                     -1);
    assert_error(&err, says);
    assert_error(&err, "prompt 2");
    assert_int_equal(out[0].n, 0);
}

static void test_bad_prompts(void **state)
{
    (void)state;
    struct model *m = tuned_model(LLAMA);
    struct generator *g = open_generator(m, 1, 8);

    refused(g, (int32_t[]){3, -1}, 2, "id -1");
    refused(g, (int32_t[]){41}, 1, "id 41");
    refused(g, NULL, 0, "no tokens");
    generator_free(g);
    model_close(m);
}

/* What the model says about the next token, beside what scoring says. */
static void test_next_logprobs(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIGS; i++) {
        struct model *m = tuned_model(configs[i]);
        struct generator *g = open_generator(m, 2, 300);
        struct vac_err err = {0};
        struct ids text, out = {0};
        int32_t id[41], top[281];
        double p[41], want[281], sum = -1;
        struct generate_options o = {1, 0, 1, 0, NULL, 0, id, 41, p};
        random_prompt(&text, 280, 41, 95);
        for (size_t k = 0; k < 41; k++)
            id[k] = (int32_t)k;
        assert_ok(generate(g, &text, 1, &o, &out, NULL, NULL, &err), &err);
        assert_ok(ids_push(&text, 0, &err), &err);
        for (int32_t k = 0; k < 41; k += 8) {
            text.v[280] = k;
            score(m, text.v, 281, want, top);
            assert_true(fabs(want[279] - log(p[k])) < 1e-4);
        }
        for (size_t k = 0; k < 41; k++)
            sum += p[k];
        assert_true(fabs(sum) < 1e-6);
        id[3] = 41;
        assert_true(generate(g, &text, 1, &o, &out, NULL, NULL, &err) == -1);
        assert_error(&err, "id 41");
        ids_done(&text), ids_done(&out);
        generator_free(g);
        model_close(m);
    }
}

/* --- sampling --- */

static void test_sampling(void **state)
{
    (void)state;
    struct model *m = tuned_model(LLAMA);
    struct generator *g = open_generator(m, 1, 64);
    struct generate_options o = {.max_new_tokens = 30, .temperature = 2, .top_p = 1, .seed = 4};
    struct ids prompt, out[4];

    random_prompt(&prompt, 4, 41, 80);
    out[0] = generate_one(g, &prompt, &(struct generate_options){.max_new_tokens = 30, .top_p = 1},
                          NULL);
    out[1] = generate_one(g, &prompt, &o, NULL);
    out[2] = generate_one(g, &prompt, &o, NULL);
    o.seed = 5;
    out[3] = generate_one(g, &prompt, &o, NULL);
    assert_memory_equal(out[1].v, out[2].v, 30 * sizeof *out[1].v);
    assert_memory_not_equal(out[1].v, out[3].v, 30 * sizeof *out[1].v);
    assert_memory_not_equal(out[1].v, out[0].v, 30 * sizeof *out[1].v);
    ids_done(&out[1]);
    o.top_p = 1e-9;
    out[1] = generate_one(g, &prompt, &o, NULL);
    assert_memory_equal(out[1].v, out[0].v, 30 * sizeof *out[1].v);
    o.top_p = 1;
    o.temperature = 1e-6;
    ids_done(&out[2]);
    out[2] = generate_one(g, &prompt, &o, NULL);
    assert_memory_equal(out[2].v, out[0].v, 30 * sizeof *out[1].v);
    for (int i = 0; i < 4; i++)
        ids_done(&out[i]);
    ids_done(&prompt);
    generator_free(g);
    model_close(m);
}

/* Softmax of logits at a temperature, in double. */
static void probabilities(const float *x, size_t V, double temperature, double *p)
{
    double top = -INFINITY, sum = 0;

    for (size_t i = 0; i < V; i++)
        top = fmax(top, (double)x[i]);
    for (size_t i = 0; i < V; i++)
        sum += p[i] = exp((x[i] - top) / temperature);
    for (size_t i = 0; i < V; i++)
        p[i] /= sum;
}

/* First tokens of many prompts that are all the same: how often each comes is what the model's
 * probabilities say, none is outside the nucleus, and inside they keep their proportions. */
static void check_frequencies(struct model *m, double temperature, double top_p)
{
    enum { N = 4000, V = 41 };
    struct generator *g = open_generator(m, 8, 16);
    struct acts *a = acts_new(m, 16, 16, 16, false, &(struct vac_err){0});
    struct ids one, *prompt = calloc(N, sizeof *prompt), *out = calloc(N, sizeof *out);
    struct vac_err err = {0};
    struct batch b;
    double p[V], count[V] = {0}, kept = 0;

    random_prompt(&one, 4, V, 90);
    assert_ok(batch_init(&b, 4, 1, &err), &err);
    batch_fill_ids(&b, one.v, NULL, 4);
    float *x = all_logits(m, a, &b);
    probabilities(x + (size_t)3 * V, V, temperature, p);
    for (size_t i = 0; i < N; i++)
        prompt[i] = one;
    assert_ok(
        generate(g, prompt, N,
                 &(struct generate_options){
                     .max_new_tokens = 1, .temperature = temperature, .top_p = top_p, .seed = 1},
                 out, NULL, NULL, &err),
        &err);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(out[i].n, 1);
        count[out[i].v[0]]++;
        ids_done(&out[i]);
    }
    for (size_t i = 0; i < V; i++) {
        double above = 0;
        for (size_t k = 0; k < V; k++)
            above += p[k] > p[i] ? p[k] : 0;
        p[i] = above < top_p ? p[i] : -p[i]; /* outside the nucleus */
        kept += p[i] > 0 ? p[i] : 0;
    }
    for (size_t i = 0; i < V; i++) {
        double want = p[i] > 0 ? p[i] / kept : 0;
        assert_true(fabs(count[i] / N - want) <=
                    4.5 * sqrt(want * (1 - want) / N)); /* deviations */
    }
    free(x);
    free(prompt);
    free(out);
    ids_done(&one);
    batch_done(&b);
    acts_free(a);
    generator_free(g);
}

static void test_frequencies(void **state)
{
    (void)state;
    struct model *m = tuned_model(LLAMA);

    check_frequencies(m, 1, 1);
    check_frequencies(m, 3, 1);
    check_frequencies(m, 3, 0.6);
    model_close(m);
}

/* A generator has memory of its own: made and used between the halves of a step, it changes
 * neither. */
static void test_generator_beside_training(void **state)
{
    (void)state;
    static const size_t len[] = {6, 3};
    const struct generate_options o = {.max_new_tokens = 30, .temperature = 1, .top_p = 1};
    struct model *m = tuned_model(LLAMA);
    struct vac_err err = {0};
    struct acts *a = acts_new(m, 9, 9, 6, true, &err);
    struct pass p = {.m = m,
                     .a = a,
                     .train = true,
                     .grads = true,
                     .scale = 1,
                     .from = PLACE_START,
                     .stop = PLACE_START};
    struct batch b;
    struct ids prompt, out;
    double loss[2], g[2];

    random_batch(&b, len, 2, 41, 0, 1);
    batch_keys(&b, 1, 1);
    random_prompt(&prompt, 4, 41, 1);
    p.b = &b;
    for (int i = 0; i < 2; i++) {
        struct generator *gen;
        op_fill(cpu, model_params(m)->g, model_params(m)->n, 0);
        loss[i] = pass_loss(&p, true, NULL);
        gen = open_generator(m, 2, 100 + 50 * (size_t)i); /* between the halves of a step */
        out = generate_one(gen, &prompt, &o, NULL);
        generator_free(gen);
        ids_done(&out);
        pass_backward(&p);
        g[i] = op_sumsq(cpu, model_params(m)->g, model_params(m)->n);
    }
    assert_true(loss[0] == loss[1] && g[0] == g[1] && g[0] > 0);
    ids_done(&prompt);
    batch_done(&b);
    acts_free(a);
    model_close(m);
}

/* --- real models --- */

static struct model *real_model(const char *config)
{
    const char *path = support_testdata(config);
    struct vac_err err = {0};
    char dir[1100];
    struct model *m;

    if (!path)
        return NULL;
    snprintf(dir, sizeof dir, "%.*s", (int)(strlen(path) - strlen("/config.json")), path);
    m = model_open(dir, cpu, &err);
    if (!m)
        fail_msg("%s", err.msg);
    return m;
}

static size_t ids_of(const cJSON *list, int32_t *out, size_t cap)
{
    size_t n = 0;

    for (const cJSON *x = list->child; x && n < cap; x = x->next)
        out[n++] = x->valueint;
    return n;
}

/* Logits recorded with another program, each rounded to six places. */
static void check_line(struct model *m, const char *line, size_t len)
{
    struct vac_err err = {0};
    cJSON *doc = json_parse(line, len, "reference_logits.jsonl", &err);
    size_t V = m->cfg.V, n, i = 0;
    int32_t ids[512];
    struct acts *a;
    struct batch b;
    float *x;

    if (!doc)
        fail_msg("%s", err.msg);
    n = ids_of(cJSON_GetObjectItemCaseSensitive(doc, "ids"), ids, 512);
    a = acts_new(m, n, n, n, false, &err);
    assert_ok(batch_init(&b, n, 1, &err), &err);
    batch_fill_ids(&b, ids, NULL, n);
    x = all_logits(m, a, &b);
    for (const cJSON *row = cJSON_GetObjectItemCaseSensitive(doc, "logits")->child; row;
         row = row->next)
        for (const cJSON *v = row->child; v; v = v->next, i++)
            assert_true(fabs(x[i] - v->valuedouble) < 2e-4);
    assert_int_equal(i, n * V);
    free(x);
    batch_done(&b);
    acts_free(a);
    cJSON_Delete(doc);
}

static void test_stories_logits(void **state)
{
    (void)state;
    struct model *m = real_model("models/stories260K/config.json");
    struct vac_err err = {0};
    size_t n, lines = 0;
    char *text, *line;

    if (!m)
        skip();
    text =
        file_read(support_testdata("models/stories260K/reference_logits.jsonl"), 1 << 26, &n, &err);
    if (!text)
        fail_msg("%s", err.msg);
    for (line = text; *line; lines++) {
        size_t len = strcspn(line, "\n");
        check_line(m, line, len);
        line += len + (line[len] == '\n');
    }
    assert_int_equal(lines, 8);
    free(text);
    model_close(m);
}

/* 257 tokens, each the most probable, as another program wrote them. */
static void test_stories_text(void **state)
{
    (void)state;
    struct model *m = real_model("models/stories260K/config.json");
    const struct generate_options o = {.max_new_tokens = 257, .top_p = 1};
    struct ids prompt = {.v = (int32_t[]){1}, .n = 1}, out;
    struct vac_err err = {0};
    struct strbuf text = {0};
    struct generator *g;
    struct tokenizer *t;
    size_t n;
    char *want;

    if (!m)
        skip();
    g = open_generator(m, 1, 0);
    out = generate_one(g, &prompt, &o, NULL);
    t = tokenizer_open(model_dir(m), &err);
    if (!t)
        fail_msg("%s", err.msg);
    assert_ok(tokenizer_decode(t, out.v, out.n, true, &text, &err), &err);
    want = file_read(support_testdata("models/stories260K/expected_greedy_257.txt"), 1 << 20, &n,
                     &err);
    if (!want)
        fail_msg("%s", err.msg);
    while (n && want[n - 1] == '\n')
        want[--n] = 0;
    assert_string_equal(text.s, want);
    free(want);
    sb_done(&text);
    ids_done(&out);
    tokenizer_free(t);
    generator_free(g);
    model_close(m);
}

static void test_judge(void **state)
{
    (void)state;
    struct model *m = real_model("judge/config.json");
    struct vac_err err = {0};
    size_t K, cases = 0;
    cJSON *doc;

    if (!m)
        skip();
    K = m->cfg.n_labels;
    assert_int_equal(K, 14);
    assert_string_equal(m->cfg.label[13], "violence,aiding_and_abetting,incitement");
    doc = json_read(support_testdata("judge/expected.json"), 1 << 20, &err);
    if (!doc)
        fail_msg("%s", err.msg);
    for (const cJSON *x = doc->child; x; x = x->next, cases++) {
        struct batch b;
        int32_t ids[128];
        float got[14];
        double want[14];
        size_t n = ids_of(cJSON_GetObjectItemCaseSensitive(x, "input_ids"), ids, 128), k = 0;
        struct acts *a = acts_new(m, n, 0, n, false, &err);
        struct pass p = {.m = m, .a = a, .b = &b, .from = PLACE_START, .stop = PLACE_START};
        assert_ok(batch_init(&b, n, 1, &err), &err);
        batch_fill_ids(&b, ids, NULL, n);
        pass_classify(&p, got);
        for (const cJSON *v = cJSON_GetObjectItemCaseSensitive(x, "logits")->child; v && k < K;
             v = v->next)
            want[k++] = v->valuedouble;
        assert_int_equal(k, K);
        for (k = 0; k < K; k++)
            assert_true(fabs(got[k] - want[k]) < 1e-4);
        batch_done(&b);
        acts_free(a);
    }
    assert_true(cases > 0);
    cJSON_Delete(doc);
    model_close(m);
}

static void refuse_speech(struct model *m)
{
    struct generator *g = open_generator(m, 1, 8);
    struct ids prompt = {.v = (int32_t[]){1}, .n = 1}, out = {0};
    struct vac_err err = {0};

    assert_int_equal(generate(g, &prompt, 1,
                              &(struct generate_options){.max_new_tokens = 2, .top_p = 1}, &out,
                              NULL, NULL, &err),
                     -1);
    assert_error(&err, "classifier");
    generator_free(g);
}

/* Several texts at once are judged as one by one; a judge neither speaks nor learns. */
static void test_judge_limits(void **state)
{
    (void)state;
    static const size_t len[] = {4, 1, 6};
    struct model *m = real_model("judge/config.json");
    struct vac_err err = {0};
    float got[3][14], one[14];
    struct batch b, s;
    struct acts *a;

    if (!m)
        skip();
    a = acts_new(m, 11, 0, 6, false, &err);
    random_batch(&b, len, 3, m->cfg.V, 0, 3);
    struct pass p = {.m = m, .a = a, .b = &b, .from = PLACE_START, .stop = PLACE_START};
    pass_classify(&p, got[0]);
    assert_ok(batch_init(&s, 6, 1, &err), &err);
    for (size_t i = 0; i < 3; i++) {
        batch_fill_ids(&s, b.ids + b.seq[i].q0, NULL, len[i]);
        p.b = &s;
        pass_classify(&p, one);
        assert_close("judge", got[i], one, 14, 1e-5);
    }
    assert_int_equal(
        model_add_lora(m, &(struct lora_spec){.r = 2, .alpha = 2, .targets = "all"}, 1, 0, &err),
        -1);
    assert_error(&err, "classifier");
    err_clear(&err);
    assert_int_equal(model_train_full(m, &err), -1);
    assert_error(&err, "classifier");
    err_clear(&err);
    refuse_speech(m);
    batch_done(&s);
    batch_done(&b);
    acts_free(a);
    model_close(m);
}

static void test_gpt2_refused(void **state)
{
    (void)state;
    const char *dir = support_testdata("models/tiny-random-gpt2");
    struct vac_err err = {0};

    if (!dir)
        skip();
    assert_null(model_open(dir, cpu, &err));
    assert_int_not_equal(err.code, 0);
    assert_error(&err, "config.json");
    assert_error(&err, "gpt2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy),         cmocka_unit_test(test_adapters_speak),
        cmocka_unit_test(test_long_prompts),   cmocka_unit_test(test_ends),
        cmocka_unit_test(test_context),        cmocka_unit_test(test_bad_prompts),
        cmocka_unit_test(test_next_logprobs),  cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_frequencies),    cmocka_unit_test(test_generator_beside_training),
        cmocka_unit_test(test_stories_logits), cmocka_unit_test(test_stories_text),
        cmocka_unit_test(test_judge),          cmocka_unit_test(test_judge_limits),
        cmocka_unit_test(test_gpt2_refused),
    };

    return cmocka_run_group_tests_name("model_generate", tests, cpu_setup, cpu_teardown);
}
