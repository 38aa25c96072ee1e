/* test_guard.c - the judge that is a language model, beside numbers recorded with transformers (golden/guard). */
#include <math.h>

#include "base/json.h"
#include "base/json_out.h"
#include "model/direction.h"
#include "eval_support.h"
#include "judge/guard.h"
#include "judge/judge.h"
#include "model/acts.h"
#include "model/peft.h"
#include "own_support.h"

static cJSON *expected(void)
{
    struct vac_err err = {0};
    cJSON *doc = json_read(support_path("golden/guard/expected.json"), 1 << 24, &err);

    if (!doc)
        fail_msg("%s", err.msg);
    return doc;
}

/* A guard_prompt file of a recorded template. */
static const char *prompt_file(const cJSON *doc, const char *name)
{
    static char path[1200];
    cJSON *t = cJSON_Duplicate(cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "templates"), name), 1);
    char *text;

    cJSON_DeleteItemFromObject(t, "like");
    text = cJSON_Print(t);
    snprintf(path, sizeof path, "%s/%s.json", support_tmp(), name);
    support_write_text(path, text);
    free(text);
    cJSON_Delete(t);
    return path;
}

static void check_number(const char *what, double got, double want)
{
    if (!(fabs(got - want) < 2e-5))
        fail_msg("%s: %.9g, expected %.9g", what, got, want);
}

static const char *text_at(const cJSON *row, const char *key)
{
    return cJSON_GetObjectItem(row, key)->valuestring;
}

static double number_at(const cJSON *row, const char *key)
{
    const cJSON *v = cJSON_GetObjectItem(row, key);

    return v ? v->valuedouble : (double)NAN;
}

/* All rows of a template at once: shares, mass, verdicts. */
static void test_guard_golden(void **state)
{
    cJSON *doc = expected();
    const cJSON *t, *row;
    struct compute *c = compute_open("cpu", 1, NULL, NULL);
    size_t all = 0;

    (void)state;
    cJSON_ArrayForEach(t, cJSON_GetObjectItem(doc, "templates"))
    {
        struct vac_err err = {0};
        const char *prompt[64], *answer[64], *file = prompt_file(doc, t->string);
        struct guard *g = guard_open(support_path("golden/guard"), 0, file, c, &err);
        void *options = own_options("guard", NULL, "guard_prompt", file), *j;
        const struct judge *judge = judge_find("guard", &err);
        struct guard_share s[64];
        struct rating r[64];
        const cJSON *of[64];
        size_t n = 0;

        if (!g)
            fail_msg("%s: %s", t->string, err.msg);
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(doc, "rows"))
        {
            if (strcmp(text_at(row, "template"), t->string))
                continue;
            of[n] = row;
            prompt[n] = text_at(row, "prompt");
            answer[n++] = text_at(row, "response");
        }
        assert_ok(guard_rate(g, prompt, answer, n, s, &err), &err);
        assert_ok(option_set(option_find(judge->options, "guard_model"),
                             support_path("golden/guard"), options, "guard_model", &err),
                  &err);
        j = judge->open(options, c, &err);
        assert_non_null(j);
        assert_ok(judge->rate(j, prompt, answer, n, r, &err), &err);
        for (size_t i = 0; i < n; i++) {
            check_number("p_bad", s[i].bad, number_at(of[i], "p_bad"));
            check_number("mass", s[i].mass, number_at(of[i], "mass"));
            if (!isnan(number_at(of[i], "p_bad_strict")))
                check_number("strict", s[i].bad + s[i].between, number_at(of[i], "p_bad_strict"));
            assert_true((r[i].verdict == VERDICT_ANSWERED) ==
                        cJSON_IsTrue(cJSON_GetObjectItem(of[i], "flagged")));
            check_number("score", r[i].score, number_at(of[i], "p_bad"));
            /* a random model gives its verdicts next to nothing, and the judge says so */
            assert_non_null(strstr(r[i].reason, "no clear verdict"));
        }
        all += n;
        judge->close(j);
        guard_close(g);
    }
    assert_int_equal(all, cJSON_GetArraySize(cJSON_GetObjectItem(doc, "rows")));
    compute_close(c);
    cJSON_Delete(doc);
}

static void refused(int form, const char *file, const char *json, const char *why)
{
    struct vac_err err = {0};
    struct compute *c = compute_open("cpu", 1, NULL, NULL);
    char path[1200];

    if (json) {
        snprintf(path, sizeof path, "%s/prompt.json", support_tmp());
        support_write_text(path, json);
        file = path;
    }
    assert_null(guard_open(support_path("golden/guard"), form, file, c, &err));
    assert_error(&err, why);
    assert_null(strchr(err.msg, '\n'));
    compute_close(c);
}

static void test_guard_refusals(void **state)
{
    enum { LLAMA_GUARD, QWEN3GUARD, WILDGUARD };

    (void)state;
    refused(LLAMA_GUARD, NULL,
            "{\"text\":\"{prompt} {response}:\",\"bad\":[\"harmful thing\"],\"good\":[\"safe\"]}",
            "the verdict \"harmful thing\" is no single token");
    refused(LLAMA_GUARD, NULL, "{\"text\":\"{prompt}:\",\"bad\":[\"safe\"],\"good\":[\"safe\"]}",
            "stands twice");
    refused(LLAMA_GUARD, NULL, "{\"text\":\"nothing:\",\"bad\":[\"safe\"],\"good\":[\"unsafe\"]}",
            "neither {prompt} nor {response}");
    refused(LLAMA_GUARD, NULL, "{\"text\":\"{prompt}:\",\"bad\":[\"unsafe\"]}",
            "each need a verdict");
    refused(LLAMA_GUARD, NULL, "{\"text\":\"{prompt}:\",\"bed\":[]}", "bed");
    refused(LLAMA_GUARD, NULL, NULL, "no chat template");
    refused(WILDGUARD, NULL, NULL, "needs guard_prompt");
    assert_string_equal(guard_form_names[WILDGUARD], "wildguard");
}

/* A text that is longer than the guard reads gets no verdict, and the others theirs. */
static void test_guard_long_texts(void **state)
{
    struct vac_err err = {0};
    struct compute *c = compute_open("cpu", 1, NULL, NULL);
    cJSON *doc = expected();
    struct guard *g =
        guard_open(support_path("golden/guard"), 0, prompt_file(doc, "yesno"), c, &err);
    struct guard_share s[2];
    char *much = calloc(1, 40001);
    const char *answer[2] = {much, "Yes."};

    (void)state;
    assert_non_null(g);
    memset(much, '?', 40000);
    assert_ok(guard_rate(g, (const char *[]){"a", "b"}, answer, 2, s, &err), &err);
    assert_true(isnan(s[0].bad) && s[0].tokens > guard_context(g));
    assert_true(s[1].bad > 0 && s[1].bad < 1);
    guard_close(g);
    free(much);
    cJSON_Delete(doc);
    compute_close(c);
}

/* The guard's own chat template asks: the same text in a file gives the same verdict. */
static void test_guard_own_template(void **state)
{
    static const char *const files[] = {"config.json", "model.safetensors", "tokenizer.json", NULL};
    static const char *const prompt[] = {"Where is the mill?"}, *const answer[] = {"Behind it."};
    struct vac_err err = {0};
    struct compute *c = compute_open("cpu", 1, NULL, NULL);
    const char *dir = support_tmp();
    char from[PATH_MAX], to[1300];
    struct guard_share own, file;
    struct guard *g;

    (void)state;
    for (size_t i = 0; files[i]; i++) {
        assert_non_null(realpath(support_join(support_path("golden/guard"), files[i]), from));
        assert_int_equal(symlink(from, support_join(dir, files[i])), 0);
    }
    snprintf(to, sizeof to, "%s/tokenizer_config.json", dir);
    support_write_text(
        to, "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"chat_template\":\"{{ bos_token }}"
            "{% for m in messages %}<|turn|>{{ m.role }}: {{ m.content }}<|end|>{% endfor %}"
            "<|turn|>assistant\"}");
    snprintf(to, sizeof to, "%s/prompt.json", dir);
    support_write_text(
        to, "{\"text\":\"<|turn|>user: {prompt}<|end|><|turn|>assistant: {response}<|end|>"
            "<|turn|>assistant\\n\\n\"}");
    for (int i = 0; i < 2; i++) {
        g = guard_open(dir, 0, i ? to : NULL, c, &err);
        if (!g)
            fail_msg("%s", err.msg);
        assert_ok(guard_rate(g, prompt, answer, 1, i ? &file : &own, &err), &err);
        guard_close(g);
    }
    assert_int_equal(own.tokens, file.tokens);
    assert_true(own.bad == file.bad && own.mass == file.mass);
    compute_close(c);
}

/* --- the refusal direction of the same model --- */

static size_t read_prompts(const cJSON *list, struct ids *out)
{
    const cJSON *prompt, *id;
    struct vac_err err = {0};
    size_t n = 0;

    cJSON_ArrayForEach(prompt, list)
    {
        out[n] = (struct ids){0};
        cJSON_ArrayForEach(id, prompt)
            assert_ok(ids_push(&out[n], (int32_t)id->valuedouble, &err), &err);
        n++;
    }
    return n;
}

/* Cosines with the model alone, and projections of the probes on its direction, in float64 from PyTorch. */
static void test_direction_golden(void **state)
{
    static const char *const adapter[] = {NULL, "adapter-a", "adapter-b"}, *const of[] = {"base",
                                                                                          "a", "b"};
    struct vac_err err = {0};
    cJSON *doc = json_read(support_path("golden/guard/direction.json"), 1 << 24, &err);
    struct ids harm[16], kind[16], probe[16];
    size_t n_harm, n_kind, n_probe;

    (void)state;
    assert_non_null(doc);
    n_harm = read_prompts(cJSON_GetObjectItem(doc, "first"), harm);
    n_kind = read_prompts(cJSON_GetObjectItem(doc, "second"), kind);
    n_probe = read_prompts(cJSON_GetObjectItem(doc, "probes"), probe);
    for (int k = 0; k < 3; k++) {
        struct compute *c = compute_open("cpu", 1, NULL, &err);
        struct model *m = model_open(support_path("golden/guard"), c, &err);
        char folder[64], pair[8];
        struct direction *x;
        double got[3], want[3], along;
        const cJSON *norm = cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "direction_norm"), "base");
        const cJSON *zero = cJSON_GetObjectItem(
            cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "mean_projection_on_base"), "base"),
            "second");

        snprintf(folder, sizeof folder, "golden/guard/%s", adapter[k] ? adapter[k] : "");
        if (adapter[k])
            assert_ok(model_add_peft(m, support_path(folder), false, 0, &err), &err);
        x = direction_new(m, (struct prompt_list){harm, n_harm}, (struct prompt_list){kind, n_kind},
                          200, &err);
        if (!x)
            fail_msg("%s", err.msg);
        model_use_adapters(m, 0); /* the reference is the model alone */
        direction_set_reference(x);
        model_use_adapters(m, SIZE_MAX);
        direction_measure(x, got);
        snprintf(pair, sizeof pair, "base,%s", of[k]);
        for (int l = 0; l < 3; l++) {
            want[l] = k == 0 ? 1
                             : cJSON_GetArrayItem(
                                   cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "cosine"), pair), l)
                                   ->valuedouble;
            check_number("cosine", got[l], want[l]);
        }
        for (size_t i = 0; i < n_probe; i++) {
            const cJSON *row = cJSON_GetArrayItem(
                cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "projection_on_base"), of[k]), (int)i);

            double mean = 0;

            assert_true(direction_project(x, &probe[i], got, &along));
            for (int l = 0; l < 3; l++)
                if (!(fabs(got[l] - cJSON_GetArrayItem(row, l)->valuedouble) < 1e-3))
                    fail_msg("%s, probe %zu, layer %d: %.9g, expected %.9g", of[k], i, l, got[l],
                             cJSON_GetArrayItem(row, l)->valuedouble);
            for (int l = 0; l < 3; l++)
                mean += (cJSON_GetArrayItem(row, l)->valuedouble -
                         cJSON_GetArrayItem(zero, l)->valuedouble) /
                        cJSON_GetArrayItem(norm, l)->valuedouble / 3;
            check_number("along", along, mean);
        }
        direction_free(x);
        model_close(m);
        compute_close(c);
    }
    for (size_t i = 0; i < 16; i++) {
        if (i < n_harm)
            ids_done(&harm[i]);
        if (i < n_kind)
            ids_done(&kind[i]);
        if (i < n_probe)
            ids_done(&probe[i]);
    }
    cJSON_Delete(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard_golden),     cmocka_unit_test(test_guard_refusals),
        cmocka_unit_test(test_guard_long_texts), cmocka_unit_test(test_guard_own_template),
        cmocka_unit_test(test_direction_golden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
