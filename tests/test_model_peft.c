/* test_model_peft.c - adapters whose modules have ranks, weights and layers of their own: against
 * what PEFT computes with them (golden/peft/record.py), written again, merged and trained. */
#include <math.h>

#include "model_cpu.h"

static cJSON *expected;

static int setup(void **state)
{
    struct vac_err err = {0};

    expected = json_read(support_path("golden/peft/expected.json"), 1 << 20, &err);
    return cpu_setup(state) || !expected;
}

static int teardown(void **state)
{
    cJSON_Delete(expected);
    return cpu_teardown(state);
}

static const char *const names[] = {"ranks", "ranks-rslora", "alphas",   "layers",  "one-layer",
                                    "names", "exact",        "excluded", "pattern", "all-linear"};
#define NAMES (sizeof names / sizeof *names)

static const char *folder_of(const char *name)
{
    static char path[64];

    snprintf(path, sizeof path, "golden/peft/%s", name);
    return support_path(path);
}

static struct model *base(void)
{
    struct vac_err err = {0};
    struct model *m = model_open(support_path("golden/llama-gqa"), cpu, &err);

    if (!m)
        fail_msg("%s", err.msg);
    return m;
}

static struct model *with(const char *dir, bool trained)
{
    struct model *m = base();
    struct vac_err err = {0};

    assert_ok(model_add_peft(m, dir, trained, -1, &err), &err);
    return m;
}

enum { LENGTH = 10 };

static void batch_of(struct batch *b)
{
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(expected, "ids");
    struct vac_err err = {0};
    int32_t id[LENGTH];

    assert_int_equal(cJSON_GetArraySize(ids), LENGTH);
    for (int i = 0; i < LENGTH; i++)
        id[i] = (int32_t)cJSON_GetArrayItem(ids, i)->valuedouble;
    assert_ok(batch_init(b, LENGTH, 1, &err), &err);
    batch_fill_ids(b, id, NULL, LENGTH);
}

static void assert_gives(struct model *m, const char *name, double tol)
{
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(expected, "logprobs");
    const cJSON *want = cJSON_GetObjectItemCaseSensitive(all, name);
    struct vac_err err = {0};
    struct acts *a = acts_new(m, LENGTH, LENGTH, LENGTH, false, &err);
    double logp[LENGTH];
    struct batch b;

    assert_non_null(a);
    batch_of(&b);
    assert_true(pass_score(
        &(struct pass){.m = m, .a = a, .b = &b, .from = PLACE_START, .stop = PLACE_START}, logp,
        NULL));
    for (int i = 0; i + 1 < LENGTH; i++) {
        double d = logp[i] - cJSON_GetArrayItem(want, i)->valuedouble;
        if (!(fabs(d) < tol))
            fail_msg("%s: place %d is off by %g", name, i, d);
    }
    batch_done(&b);
    acts_free(a);
}

static void test_as_peft(void **state)
{
    (void)state;
    struct model *m = base();

    assert_gives(m, "none", 1e-5);
    model_close(m);
    for (size_t i = 0; i < NAMES; i++) {
        m = with(folder_of(names[i]), false);
        assert_gives(m, names[i], 1e-5);
        model_close(m);
    }
}

/* Written again it is the same adapter, and the folder after that is the same bytes. */
static void test_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAMES; i++) {
        const char *once = support_tmp(), *twice = support_tmp(), *out = support_tmp();
        struct vac_err err = {0};
        struct model *m = with(folder_of(names[i]), false), *k;
        static const char *const files[] = {"adapter_config.json", "adapter_model.safetensors"};

        assert_ok(model_save_peft(m, 0, NULL, once, &err), &err);
        assert_ok(model_save_merged(m, out, false, 0, &err), &err);
        model_close(m);
        m = with(once, false);
        assert_gives(m, names[i], 1e-5);
        assert_ok(model_save_peft(m, 0, NULL, twice, &err), &err);
        for (int f = 0; f < 2; f++) {
            size_t n[2];
            char *a = file_read(support_join(once, files[f]), 1 << 24, &n[0], &err);
            char *b = file_read(support_join(twice, files[f]), 1 << 24, &n[1], &err);
            assert_int_equal(n[0], n[1]);
            assert_memory_equal(a, b, n[0]);
            free(a);
            free(b);
        }
        model_close(m);
        k = model_open(out, cpu, &err);
        assert_non_null(k);
        assert_gives(k, names[i], 1e-5);
        model_close(k);
    }
}

/* Gradient of every number, by finite differences along itself; rows and columns that only fill up
 * to the largest rank have none, so that training leaves them zero. */
static void test_trained(void **state)
{
    (void)state;
    struct model *m = with(folder_of("ranks"), true);
    const struct params *p = model_params(m);
    struct vac_err err = {0};
    struct acts *a = acts_new(m, LENGTH, LENGTH, LENGTH, true, &err);
    float *w = calloc(p->n, sizeof *w), *g = calloc(p->n, sizeof *g),
          *dir = calloc(p->n, sizeof *dir);
    struct batch b;
    double up, down, slope = 0;
    size_t filled = 0;

    assert_non_null(a);
    batch_of(&b);
    for (size_t i = 0; i + 1 < LENGTH; i++) {
        b.lab_row[i] = (int32_t)i;
        b.lab_id[i] = b.ids[i + 1];
    }
    b.n_lab = LENGTH - 1;
    struct pass pass = {.m = m,
                        .a = a,
                        .b = &b,
                        .grads = true,
                        .scale = 1,
                        .from = PLACE_START,
                        .stop = PLACE_START};
    op_fill(cpu, p->g, p->n, 0);
    pass_loss(&pass, true, NULL);
    pass_backward(&pass);
    compute_download(cpu, w, p->w, p->n);
    compute_download(cpu, g, p->g, p->n);
    fill_normal(dir, p->n, 5, 1);
    for (size_t i = 0; i < p->n; i++) {
        slope += (double)g[i] * (double)dir[i] * (w[i] != 0);
        if (w[i] != 0)
            continue;
        filled++;
        assert_true(g[i] == 0);
    }
    assert_true(filled > 100);
    for (int side = 0; side < 2; side++) {
        float *x = calloc(p->n, sizeof *x);
        for (size_t i = 0; i < p->n; i++)
            x[i] = w[i] + (w[i] != 0 ? (side ? -1e-3f : 1e-3f) * dir[i] : 0);
        compute_upload(cpu, p->w, x, p->n);
        *(side ? &down : &up) = pass_loss(&pass, false, NULL);
        free(x);
    }
    assert_true(fabs((up - down) / 2e-3 - slope) < 2e-2 * fabs(slope));
    free(w);
    free(g);
    free(dir);
    batch_done(&b);
    acts_free(a);
    model_close(m);
}

/* --- files --- */

static void refused(const char *dir, const char *says)
{
    struct model *m = base();
    struct vac_err err = {0};

    assert_int_equal(model_add_peft(m, dir, false, -1, &err), -1);
    assert_error(&err, says);
    assert_int_equal(model_adapters(m), 0);
    model_close(m);
}

static void rename_in(const char *dir, const char *from, const char *to)
{
    char a[1200];

    snprintf(a, sizeof a, "%s", support_join(dir, from));
    assert_int_equal(rename(a, support_join(dir, to)), 0);
}

static void test_files(void **state)
{
    (void)state;
    const char *dir = support_tmp();
    struct model *m;

    copy_file(folder_of("alphas"), dir, "adapter_config.json");
    refused(dir, "adapter_model.safetensors");
    support_write_text(support_join(dir, "adapter_model.bin"), "x");
    refused(dir, "pickle");
    copy_file(folder_of("alphas"), dir, "adapter_model.safetensors");
    m = with(dir, false);
    assert_gives(m, "alphas", 1e-5);
    model_close(m);
    /* shards: by an index, or by their names alone */
    rename_in(dir, "adapter_model.safetensors", "adapter_model-00001-of-00001.safetensors");
    m = with(dir, false);
    assert_gives(m, "alphas", 1e-5);
    model_close(m);
    support_write_text(support_join(dir, "adapter_model.safetensors.index.json"),
                       "{\"weight_map\":{\"x\":\"nothing.safetensors\"}}");
    refused(dir, "nothing.safetensors");
}

/* A pattern with the ranks of the wrong modules does not fit the tensors, and says which. */
static void test_wrong_rank(void **state)
{
    (void)state;
    const char *dir = support_tmp();

    copy_file(folder_of("alphas"), dir, "adapter_model.safetensors");
    support_write_text(
        support_join(dir, "adapter_config.json"),
        "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4,\"target_modules\":[\"q_proj\","
        "\"v_proj\"],\"rank_pattern\":{\"layers.1.self_attn.q_proj\":3}}");
    refused(dir, "layers.1.self_attn.q_proj.lora_A.weight\" has shape [2, 32], expected [3, 32]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_peft),    cmocka_unit_test(test_written),
        cmocka_unit_test(test_trained),    cmocka_unit_test(test_files),
        cmocka_unit_test(test_wrong_rank),
    };
    return cmocka_run_group_tests_name("model_peft", tests, setup, teardown);
}
