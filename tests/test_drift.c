/* test_drift.c - drift against numbers recorded in float64 with PyTorch, and losses of data sets.
 */
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "eval/drift.h"
#include "eval/loss.h"
#include "eval/pack.h"
#include "model_support.h"

static const char *const folders[] = {"golden/llama-gqa", "golden/llama-rope3-tied", "golden/opt"};
enum { FOLDERS = 3 };

/* The golden batch as a data set of ready-made tokens. */
static void golden_dataset(struct dataset *d, const char *folder)
{
    struct vac_err err = {0};
    const struct encoder enc = {.eos = -1};
    char path[1200], *text, *at;
    struct dataset_spec spec = {.file = path};
    struct strbuf s = {0};
    size_t len;

    snprintf(path, sizeof path, "%s/batch.json", support_path(folder));
    text = file_read(path, 1 << 20, &len, &err);
    if (!text)
        fail_msg("%s", err.msg);
    for (char *from = text; (at = strstr(from, "\"ids\"")) || *from; from = at + 5) {
        if (!at) {
            sb_puts(&s, from);
            break;
        }
        sb_put(&s, from, (size_t)(at - from));
        sb_puts(&s, "\"input_ids\"");
    }
    snprintf(path, sizeof path, "%s/rows.json", support_tmp());
    support_write(path, s.s, s.len);
    *d = (struct dataset){0};
    assert_ok(dataset_add(d, &spec, &enc, &err), &err);
    sb_done(&s);
    free(text);
}

/* The trained parameters become those of a recorded adapter. */
static void upload_adapter(struct golden *g, const char *prefix)
{
    const struct params *p = model_params(g->m);
    char name[256];

    for (size_t i = 0; i < p->count; i++) {
        const struct param *q = &p->list[i];
        size_t n = q->shape[0] * (q->rank == 2 ? q->shape[1] : 1);

        snprintf(name, sizeof name, "%s.%s", prefix, q->name);
        compute_upload(g->c, ref_at(p->w, q->at), golden_tensor(g, name, n), n);
    }
}

static void assert_series(const struct golden *g, const char *key, const double *have)
{
    const cJSON *want = cJSON_GetObjectItemCaseSensitive(g->numbers, key);
    size_t L = model_config(g->m)->L;

    assert_int_equal(cJSON_GetArraySize(want), (int)L);
    for (size_t l = 0; l < L; l++) {
        double w = cJSON_GetArrayItem(want, (int)l)->valuedouble;

        if (!(fabs(have[l] - w) <= 1e-3 * w))
            fail_msg("%s: %s[%zu] = %.6g, expected %.6g", g->dir, key, l, have[l], w);
    }
}

static void drift_after(struct golden *g, struct drift *x, const char *method)
{
    double rel[16], sq[16];
    char name[64];

    snprintf(name, sizeof name, "%s_step5", method);
    upload_adapter(g, name);
    drift_measure(x, rel, sq);
    snprintf(name, sizeof name, "%s_drift_sq", method);
    assert_series(g, name, sq);
    snprintf(name, sizeof name, "%s_drift_rel", method);
    assert_series(g, name, rel);
}

static void check_drift(const char *folder, const char *backend, size_t rows, const char *file)
{
    double rel[16], sq[16];
    struct vac_err err = {0};
    struct dataset d;
    struct golden g;
    struct drift *x;

    golden_open(&g, folder, backend, 1, true, false);
    golden_dataset(&d, folder);
    x = drift_new(g.m, g.a, rows ? rows : g.b.N, &d, file, &err);
    if (!x)
        fail_msg("%s", err.msg);
    assert_ok(drift_set_reference(x, &err), &err);
    drift_measure(x, rel, sq);
    for (size_t l = 0; l < model_config(g.m)->L; l++)
        assert_true(rel[l] == 0 && sq[l] == 0);
    drift_after(&g, x, "sft");
    drift_after(&g, x, "vaccine");
    drift_free(x);
    dataset_done(&d);
    golden_close(&g);
}

static void test_drift_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++)
        check_drift(folders[i], "cpu", 0, NULL);
}

static void test_drift_in_small_batches(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++)
        check_drift(folders[i], "cpu", 20, NULL);
}

/* Nothing here looks inside a tensor. */
static void test_drift_fenced(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++)
        check_drift(folders[i], "fence", 0, NULL);
}

static bool same_numbers(const double *a, const double *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

/* In a file it gives the very same numbers; the file goes with it. */
static void test_drift_in_file(void **state)
{
    double rel[2][16], sq[2][16];
    float now[2][8 * 256], ref[2][8 * 256];
    struct vac_err err = {0};
    struct dataset d;
    struct golden g;
    char file[1200];

    (void)state;
    snprintf(file, sizeof file, "%s/drift-reference.tmp", support_tmp());
    for (size_t i = 0; i < FOLDERS; i++) {
        check_drift(folders[i], "cpu", 20, file);
        check_drift(folders[i], "fence", 0, file);
        for (int in_file = 0; in_file < 2; in_file++) {
            struct drift *x;
            golden_open(&g, folders[i], "cpu", 1, true, false);
            golden_dataset(&d, folders[i]);
            x = drift_new(g.m, g.a, 20, &d, in_file ? file : NULL, &err);
            assert_ok(drift_set_reference(x, &err), &err);
            assert_true(file_exists(file) == in_file);
            if (in_file)
                assert_int_equal(file_size(file), drift_reference_bytes(g.m, d.tokens));
            upload_adapter(&g, "sft_step5");
            drift_measure(x, rel[in_file], sq[in_file]);
            assert_true(drift_rows(x) * model_config(g.m)->D <= sizeof now[0] / sizeof **now);
            drift_points(x, 1, now[in_file], ref[in_file]);
            drift_free(x);
            assert_false(file_exists(file));
            if (in_file) {
                size_t L = model_config(g.m)->L, n = d.n * model_config(g.m)->D;
                assert_true(same_numbers(rel[0], rel[1], L) && same_numbers(sq[0], sq[1], L));
                assert_memory_equal(now[0], now[1], n * sizeof(float));
                assert_memory_equal(ref[0], ref[1], n * sizeof(float));
            }
            dataset_done(&d);
            golden_close(&g);
        }
    }
}

/* No room for the file: the error says so, and the reference stays what it was. */
static void test_drift_file_too_large(void **state)
{
    double rel[2][16], sq[2][16];
    struct vac_err err = {0};
    struct dataset d;
    struct golden g;
    struct drift *x;
    struct rlimit l;
    char file[1200];

    (void)state;
    snprintf(file, sizeof file, "%s/drift-reference.tmp", support_tmp());
    golden_open(&g, folders[0], "cpu", 1, true, false);
    golden_dataset(&d, folders[0]);
    x = drift_new(g.m, g.a, 20, &d, file, &err);
    assert_ok(drift_set_reference(x, &err), &err);
    upload_adapter(&g, "sft_step5");
    drift_measure(x, rel[0], sq[0]);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
    assert_int_equal(drift_set_reference(x, &err), -1);
    l.rlim_cur = RLIM_INFINITY;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
    assert_int_equal(err.code, VAC_ERR_SPACE);
    assert_error(&err, "drift-reference.tmp");
    drift_measure(x, rel[1], sq[1]);
    assert_true(rel[0][0] > 0);
    assert_true(same_numbers(rel[0], rel[1], model_config(g.m)->L));
    assert_true(same_numbers(sq[0], sq[1], model_config(g.m)->L));
    drift_free(x);
    dataset_done(&d);
    golden_close(&g);
}

/* A reference behind zero drift follows the model. */
static void test_drift_reference_moves(void **state)
{
    double rel[16], sq[16];
    struct vac_err err = {0};
    struct dataset d;
    struct golden g;
    struct drift *x;

    (void)state;
    golden_open(&g, folders[0], "cpu", 1, true, false);
    golden_dataset(&d, folders[0]);
    x = drift_new(g.m, g.a, g.b.N, &d, NULL, &err);
    assert_ok(drift_set_reference(x, &err), &err);
    upload_adapter(&g, "sft_step5");
    drift_measure(x, rel, sq);
    assert_true(rel[0] > 0 && sq[0] > 0);
    assert_ok(drift_set_reference(x, &err), &err);
    drift_measure(x, rel, sq);
    assert_true(rel[0] == 0 && sq[0] == 0);
    drift_free(x);
    dataset_done(&d);
    golden_close(&g);
}

/* mean[S,D] over the tokens of each sequence of the golden batch, by a pass of our own. */
static void mean_attention(struct golden *g, size_t layer, double *mean)
{
    size_t D = model_config(g->m)->D;
    struct vac_err err = {0};
    struct buf *keep = compute_alloc(g->c, g->b.N * D, &err);
    float *host = calloc(g->b.N * D, sizeof *host);
    struct taps taps;
    struct pass p = {
        .m = g->m, .a = g->a, .b = &g->b, .taps = &taps, .from = PLACE_START, .stop = PLACE_START};

    assert_ok(taps_init(&taps, g->m, &err), &err);
    taps_at(&taps, SITE_ATTN, layer)->keep = (struct ref){keep, 0};
    pass_forward(&p);
    compute_download(g->c, host, (struct ref){keep, 0}, g->b.N * D);
    for (size_t s = 0; s < g->b.S; s++)
        for (size_t i = 0; i < D; i++) {
            mean[s * D + i] = 0;
            for (size_t t = 0; t < g->b.seq[s].nq; t++)
                mean[s * D + i] +=
                    (double)host[(g->b.seq[s].q0 + t) * D + i] / (double)g->b.seq[s].nq;
        }
    taps_done(&taps);
    compute_release(g->c, keep);
    free(host);
}

static void check_points(size_t rows)
{
    struct vac_err err = {0};
    struct dataset d;
    struct golden g;
    struct drift *x;
    size_t n;
    float *now, *ref;
    double *want;

    golden_open(&g, folders[0], "cpu", 1, true, false);
    golden_dataset(&d, folders[0]);
    x = drift_new(g.m, g.a, rows ? rows : g.b.N, &d, NULL, &err);
    n = drift_rows(x) * model_config(g.m)->D;
    assert_int_equal(drift_rows(x), g.b.S);
    now = calloc(n, sizeof *now);
    ref = calloc(n, sizeof *ref);
    want = calloc(n, sizeof *want);
    assert_ok(drift_set_reference(x, &err), &err);
    mean_attention(&g, 1, want);
    drift_points(x, 1, now, ref);
    assert_true(support_diff_d(ref, want, n) < 1e-5);
    assert_true(support_diff_d(now, want, n) < 1e-5);
    upload_adapter(&g, "sft_step5");
    drift_points(x, 1, now, ref);
    assert_true(support_diff_d(ref, want, n) < 1e-5);
    mean_attention(&g, 1, want);
    assert_true(support_diff_d(now, want, n) < 1e-5);
    assert_true(support_diff(now, ref, n) > 1e-3);
    free(now);
    free(ref);
    free(want);
    drift_free(x);
    dataset_done(&d);
    golden_close(&g);
}

static void test_drift_points(void **state)
{
    (void)state;
    check_points(0);
    check_points(20);
}

static void test_drift_bytes(void **state)
{
    struct golden g;
    uint64_t L, D;

    (void)state;
    golden_open(&g, folders[2], "cpu", 1, true, false);
    L = model_config(g.m)->L;
    D = model_config(g.m)->D;
    assert_true(drift_reference_bytes(g.m, 100) == 4 * D * L * 100);
    assert_true(drift_bytes(g.m, 100, 30) == 4 * D * (L * 30 + 30));
    assert_true(drift_bytes(g.m, 100, 1000) == 4 * D * (L * 100 + 100));
    golden_close(&g);
}

/* A row that does not fit alone is named. */
static void test_no_room(void **state)
{
    struct vac_err err = {0};
    struct dataset d;
    struct golden g;

    (void)state;
    golden_open(&g, folders[0], "cpu", 1, true, false);
    golden_dataset(&d, folders[0]);
    assert_null(drift_new(g.m, g.a, 10, &d, NULL, &err));
    assert_error(&err, "rows.json:");
    assert_error(&err, "room for 10");
    assert_true(isnan(dataset_loss(g.m, g.a, 10, &d, NULL, NULL)));
    dataset_done(&d);
    golden_close(&g);
}

/* --- losses --- */

static void check_loss(const char *folder, const char *backend, size_t rows, size_t labelled)
{
    struct vac_err err = {0};
    struct dataset d;
    struct golden g;
    double per[8], sum = 0, loss, want;
    struct acts *a;

    golden_open(&g, folder, backend, 1, true, false);
    golden_dataset(&d, folder);
    a = acts_new(g.m, rows, labelled, 64, false, &err);
    if (!a)
        fail_msg("%s", err.msg);
    want = golden_number(&g, "loss_lora");
    loss = dataset_loss(g.m, a, rows, &d, per, NULL);
    assert_true(fabs(loss - want) < 1e-5 * want);
    for (size_t i = 0; i < d.n; i++)
        sum += per[i] * (double)d.sample[i].n_labels;
    assert_true(fabs(sum / (double)d.labels - want) < 1e-5 * want);
    assert_true(fabs(dataset_loss(g.m, a, rows, &d, NULL, NULL) - want) < 1e-5 * want);
    acts_free(a);
    dataset_done(&d);
    golden_close(&g);
}

static void test_loss_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        check_loss(folders[i], "cpu", 64, 64);
        check_loss(folders[i], "cpu", 20, 20);
        check_loss(folders[i], "cpu", 64, 13); /* labels end a batch before rows do */
        check_loss(folders[i], "fence", 64, 64);
    }
}

/* Each sample's loss is what it has alone. */
static void test_loss_per_sample(void **state)
{
    struct dataset d, one;
    struct golden g;
    double per[8];

    (void)state;
    golden_open(&g, folders[1], "cpu", 1, true, false);
    golden_dataset(&d, folders[1]);
    dataset_loss(g.m, g.a, g.b.N, &d, per, NULL);
    for (size_t i = 0; i < d.n; i++) {
        one = d;
        one.sample = &d.sample[i];
        one.n = 1;
        one.labels = d.sample[i].n_labels;
        assert_true(fabs(dataset_loss(g.m, g.a, g.b.N, &one, NULL, NULL) - per[i]) < 1e-5 * per[i]);
    }
    one = (struct dataset){0};
    assert_true(isnan(dataset_loss(g.m, g.a, g.b.N, &one, NULL, NULL)));
    dataset_done(&d);
    golden_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drift_golden),
        cmocka_unit_test(test_drift_in_small_batches),
        cmocka_unit_test(test_drift_fenced),
        cmocka_unit_test(test_drift_in_file),
        cmocka_unit_test(test_drift_file_too_large),
        cmocka_unit_test(test_drift_reference_moves),
        cmocka_unit_test(test_drift_points),
        cmocka_unit_test(test_drift_bytes),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_loss_golden),
        cmocka_unit_test(test_loss_per_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
