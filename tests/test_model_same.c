/* test_model_same.c - what must not change a model's numbers: how a batch is cut and packed, where
 * a pass begins and ends, the backend, the number format of the weights. */
#include <math.h>

#include "model/attention.h"
#include "model_support.h"

/* Every tensor to 1e-5 of its largest number (of the largest of all, where its own is nothing
 * beside it: what adds up to zero in theory is noise). */
static void same_params(struct rig *r, const char *what, const float *a, const float *b)
{
    const struct params *p = model_params(r->m);
    double all = 0;

    for (size_t i = 0; i < p->n; i++)
        all = fmax(all, fabs((double)b[i]));
    for (size_t i = 0; i < p->count; i++) {
        const struct param *q = &p->list[i];
        size_t n = q->shape[0] * (q->rank == 2 ? q->shape[1] : 1);
        double diff = 0, top = 1e-2 * all;
        for (size_t k = q->at; k < q->at + n; k++) {
            diff = fmax(diff, fabs((double)a[k] - b[k]));
            top = fmax(top, fabs((double)b[k]));
        }
        if (!(diff <= 1e-5 * top))
            fail_msg("%s: %s: %s differs by %.3g of %.3g", r->form->name, what, q->name, diff, top);
    }
}

static double pass_once(struct rig *r, struct batch *b)
{
    struct pass p = rig_pass(r);
    double loss;

    p.b = b;
    loss = pass_loss(&p, true, NULL);
    pass_backward(&p);
    return loss;
}

static void split(struct batch *one, const struct batch *b, size_t s)
{
    size_t first = b->seq[s].q0, n = b->seq[s].nq;
    int32_t labels[RIG_ROWS];

    for (size_t i = 0; i < n; i++)
        labels[i] = -100;
    for (size_t k = 0; k < b->n_lab; k++) {
        if ((size_t)b->lab_row[k] >= first && (size_t)b->lab_row[k] < first + n)
            labels[(size_t)b->lab_row[k] - first + 1] = b->lab_id[k];
    }
    batch_fill_ids(one, b->ids + first, labels, n);
}

static void packed_equals_single(const struct form *f, bool full, int threads)
{
    struct rig r;
    struct batch one;
    struct vac_err err = {0};
    double packed, single = 0;
    float *a, *b;

    rig_make(&r, f, "cpu", threads, 9);
    if (full)
        assert_ok(model_train_full(r.m, &err), &err);
    else
        rig_add_lora(&r, 3, false, 0, "all", 9);
    rig_ready(&r);
    assert_ok(batch_init(&one, RIG_ROWS, RIG_SEQS, &err), &err);
    rig_zero_grads(&r);
    packed = pass_once(&r, &r.b);
    a = rig_fetch(&r, model_params(r.m)->g, model_params(r.m)->n);
    rig_zero_grads(&r);
    for (size_t s = 0; s < RIG_SEQS; s++) {
        split(&one, &r.b, s);
        single += pass_once(&r, &one);
    }
    b = rig_fetch(&r, model_params(r.m)->g, model_params(r.m)->n);
    assert_true(fabs(packed - single) <= 1e-5 * single);
    same_params(&r, "packed and one by one", a, b);
    free(a);
    free(b);
    batch_done(&one);
    rig_drop(&r);
}

static void test_packed(void **state)
{
    (void)state;
    for (size_t i = 0; i < RIG_FORMS; i++) {
        for (int threads = 1; threads <= 2; threads++) {
            packed_equals_single(&rig_forms[i], true, threads);
            packed_equals_single(&rig_forms[i], false, threads);
        }
    }
}

/* Four samples in micro-batches of `size`: the gradient that they add up to. */
static float *micro_gradient(struct rig *r, const struct dataset *d, size_t size, double *loss)
{
    static const size_t index[] = {2, 0, 3, 1};
    struct batch b;
    struct vac_err err = {0};

    assert_ok(batch_init(&b, RIG_ROWS, 4, &err), &err);
    rig_zero_grads(r);
    *loss = 0;
    for (size_t at = 0; at < 4; at += size) {
        batch_fill(&b, d, index + at, size, at);
        batch_keys(&b, 11, 5);
        *loss += pass_once(r, &b);
    }
    batch_done(&b);
    return rig_fetch(r, model_params(r->m)->g, model_params(r->m)->n);
}

static void test_micro_batches(void **state)
{
    (void)state;
    static const int32_t ids[] = {3, 9, 4, 27, 8, 1, 0, 5, 5, 12, 20, 7, 6};
    struct sample sample[4];
    struct dataset d = {.sample = sample, .n = 4};
    for (size_t i = 0; i < 4; i++)
        sample[i] = (struct sample){.ids = ids + i, .labels = ids + i, .n = 2 + i};
    for (size_t i = 0; i < RIG_FORMS; i++) {
        struct rig r;
        double loss[3];
        float *g[3], *other;
        rig_make(&r, &rig_forms[i], "cpu", 1, 12);
        rig_add_lora(&r, 3, false, 0.3, "all", 12);
        rig_ready(&r);
        for (size_t k = 0; k < 3; k++)
            g[k] = micro_gradient(&r, &d, (size_t)4 >> k, &loss[k]);
        for (size_t k = 1; k < 3; k++) {
            assert_true(fabs(loss[k] - loss[0]) <= 1e-5 * loss[0]);
            same_params(&r, "micro-batches", g[k], g[0]);
        }
        r.train = false; /* so dropout was on */
        other = micro_gradient(&r, &d, 4, &loss[1]);
        assert_true(fabs(loss[1] - loss[0]) > 1e-4 * loss[0]);
        free(other);
        for (size_t k = 0; k < 3; k++)
            free(g[k]);
        rig_drop(&r);
    }
}

static void same_bits(struct rig *r, const char *what, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&a[i], &b[i], sizeof *a))
            fail_msg("%s: %s: number %zu is %.9g, not %.9g", r->form->name, what, i, a[i], b[i]);
    }
}

/* Forward and backward with the adds at places >= first, from `from`; what it leaves, to compare.
 */
static double run_from(struct rig *r, size_t first, size_t from, float **x, float **g)
{
    struct pass p = rig_pass(r);
    double loss;

    taps_clear(&r->taps);
    for (size_t q = first; q < r->places; q++)
        rig_tap(r, q)->add = rig_array(r, ADD, q);
    p.from = from;
    rig_zero_grads(r);
    loss = pass_loss(&p, true, NULL);
    pass_backward(&p);
    *x = rig_fetch(r, r->a->layer[r->m->cfg.L].x, r->n);
    *g = rig_fetch(r, model_params(r->m)->g, model_params(r->m)->n);
    return loss;
}

static void check_from(struct rig *r)
{
    size_t n = model_params(r->m)->n;

    for (size_t q = 0; q < r->places; q++)
        rig_fill(r, rig_array(r, ADD, q), r->n, 300 + q, 0.1);
    for (size_t q = 0; q < r->places; q++) {
        float *x[2], *g[2], *skip_x, *skip_g;
        double loss[2], clean = run_from(r, r->places, PLACE_START, &skip_x, &skip_g);
        loss[0] = run_from(r, q, q, &x[0], &g[0]);
        loss[1] = run_from(r, q, PLACE_START, &x[1], &g[1]);
        assert_true(loss[0] == loss[1] && loss[0] != clean);
        same_bits(r, "activations from a place", x[0], x[1], r->n);
        same_bits(r, "gradients from a place", g[0], g[1], n);
        for (int i = 0; i < 2; i++) {
            free(x[i]);
            free(g[i]);
        }
        free(skip_x);
        free(skip_g);
    }
}

static void test_from(void **state)
{
    (void)state;
    for (size_t i = 0; i < RIG_FORMS; i++) {
        for (int full = 0; full < 2; full++) {
            struct rig r;
            struct vac_err err = {0};
            rig_make(&r, &rig_forms[i], "cpu", 2, 14);
            if (full)
                assert_ok(model_train_full(r.m, &err), &err);
            else
                rig_add_lora(&r, 3, false, 0.3, "all", 14);
            rig_ready(&r);
            check_from(&r);
            rig_drop(&r);
        }
    }
}

/* keep_grad at all places with backward ending at `stop`; the places below it are left alone. */
static float *grads_until(struct rig *r, size_t stop)
{
    struct pass p = rig_pass(r);

    op_fill(r->c, rig_array(r, KEEP_GRAD, 0), r->places * r->n, 77);
    for (size_t q = 0; q < r->places; q++)
        *rig_tap(r, q) = (struct tap){.keep_grad = rig_array(r, KEEP_GRAD, q)};
    p.stop = stop;
    p.grads = false;
    rig_zero_grads(r);
    pass_loss(&p, true, NULL);
    pass_backward(&p);
    assert_true(op_sumsq(r->c, model_params(r->m)->g, model_params(r->m)->n) == 0);
    return rig_fetch(r, rig_array(r, KEEP_GRAD, 0), r->places * r->n);
}

static void test_stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < RIG_FORMS; i++) {
        struct rig r;
        rig_make(&r, &rig_forms[i], "cpu", 1, 15);
        rig_lora(&r, &rig_loras[5], 15);
        float *whole = grads_until(&r, PLACE_START);
        for (size_t stop = 0; stop < r.places; stop++) {
            float *part = grads_until(&r, stop);
            same_bits(&r, "gradients until a place", part + stop * r.n, whole + stop * r.n,
                      (r.places - stop) * r.n);
            for (size_t k = 0; k < stop * r.n; k++)
                assert_true(part[k] == 77);
            free(part);
        }
        free(whole);
        rig_drop(&r);
    }
}

/* --- backends, number formats, edges --- */

/* Nobody looks into a buffer between ops, and no op looks past one's end. */
static void test_fence(void **state)
{
    (void)state;
    static const size_t which[] = {0, 3, 4};
    for (size_t i = 0; i < 3; i++) {
        for (int full = 0; full < 2; full++) {
            struct rig r[2];
            struct vac_err err = {0};
            float *g[2];
            double loss[2];
            for (int k = 0; k < 2; k++) {
                rig_make(&r[k], &rig_forms[which[i]], k ? "fence" : "cpu", 1, 16);
                if (full)
                    assert_ok(model_train_full(r[k].m, &err), &err);
                else
                    rig_add_lora(&r[k], 3, false, 0.3, "all", 16);
                rig_ready(&r[k]);
                rig_tap_all(&r[k], true);
                loss[k] = pass_once(&r[k], &r[k].b);
                g[k] = rig_fetch(&r[k], model_params(r[k].m)->g, model_params(r[k].m)->n);
            }
            assert_true(fabs(loss[0] - loss[1]) <= 1e-6 * loss[0]);
            same_params(&r[0], "fence", g[1], g[0]);
            for (int k = 0; k < 2; k++) {
                free(g[k]);
                rig_drop(&r[k]);
            }
        }
    }
}

/* A golden folder with its adapter; logits and the adapter's gradients. */
static float *golden_gradients(struct golden *g, const char *dir, float **logits)
{
    struct vac_err err = {0};

    acts_free(g->a);
    model_close(g->m);
    g->m = model_open(dir, g->c, &err);
    if (!g->m)
        fail_msg("%s", err.msg);
    assert_ok(model_add_peft(g->m, g->dir, true, 0, &err), &err);
    g->a = acts_new(g->m, g->b.N, g->b.N, g->b.N, true, &err);
    if (!g->a)
        fail_msg("%s", err.msg);
    *logits = all_logits(g->m, g->a, &g->b);
    struct pass p = {.m = g->m,
                     .a = g->a,
                     .b = &g->b,
                     .grads = true,
                     .scale = 1,
                     .from = PLACE_START,
                     .stop = PLACE_START};
    const struct params *q = model_params(g->m);
    float *x = calloc(q->n, sizeof *x);
    pass_loss(&p, true, NULL);
    pass_backward(&p);
    compute_download(g->c, x, q->g, q->n);
    return x;
}

/* 16-bit weights are widened without loss: an F32 folder of the same numbers gives the same
 * results. */
static void test_narrow_weights(void **state)
{
    (void)state;
    static const char *const folders[] = {"golden/llama-gqa", "golden/llama-rope3-tied",
                                          "golden/opt"};
    for (size_t i = 0; i < 3; i++) {
        for (enum dtype t = DTYPE_BF16; t <= DTYPE_F16; t++) {
            const char *narrow = support_tmp(), *wide = support_tmp();
            struct golden g;
            float *x[2], *y[2];
            golden_open(&g, folders[i], "cpu", 1, false, false);
            narrow_folder(g.dir, narrow, t, false);
            narrow_folder(g.dir, wide, t, true);
            x[0] = golden_gradients(&g, narrow, &y[0]);
            assert_int_equal(model_config(g.m)->dtype, t);
            size_t n = model_params(g.m)->n, k = g.b.N * g.m->cfg.V;
            x[1] = golden_gradients(&g, wide, &y[1]);
            assert_int_equal(model_config(g.m)->dtype, DTYPE_F32);
            assert_close("logits", y[0], y[1], k, 2e-6);
            assert_close("gradients", x[0], x[1], n, 2e-6);
            for (int s = 0; s < 2; s++) {
                free(x[s]);
                free(y[s]);
            }
            golden_close(&g);
        }
    }
}

static double loss_with(struct rig *r, size_t adapters)
{
    struct pass p = rig_pass(r);
    size_t was = model_use_adapters(r->m, adapters);
    double loss = pass_loss(&p, false, NULL);

    model_use_adapters(r->m, was);
    return loss;
}

/* Passes can leave the upper adapters out: what is left computes as a model that never had them. */
static void test_use_adapters(void **state)
{
    (void)state;
    for (size_t i = 0; i < RIG_FORMS; i++) {
        struct rig r, one, none;
        rig_make(&r, &rig_forms[i], "cpu", 1, 19);
        rig_make(&one, &rig_forms[i], "cpu", 1, 19);
        rig_make(&none, &rig_forms[i], "cpu", 1, 19);
        rig_add_lora(&r, 3, false, 0, "all", 1);
        rig_add_lora(&r, 2, true, 0, rig_forms[i].some, 2);
        rig_add_lora(&one, 3, false, 0, "all", 1);
        rig_ready(&r);
        rig_ready(&one);
        rig_ready(&none);
        double all = loss_with(&r, SIZE_MAX), first = loss_with(&one, SIZE_MAX),
               base = loss_with(&none, SIZE_MAX);
        assert_true(all != first && first != base);
        assert_true(loss_with(&r, 0) == base);
        assert_true(loss_with(&r, 1) == first);
        assert_true(loss_with(&r, 2) == all);
        assert_true(loss_with(&r, SIZE_MAX) == all);
        rig_drop(&none);
        rig_drop(&one);
        rig_drop(&r);
    }
}

/* The logits that tests/reference_forward.py finds for one sequence of the batch. */
static cJSON *reference_logits(const char *dir, const struct batch *b, size_t s)
{
    char cmd[4096];
    char *text = calloc(1, 1 << 20);
    int used =
        snprintf(cmd, sizeof cmd, "python3 '%s' '%s'", support_path("reference_forward.py"), dir);
    struct vac_err err = {0};
    cJSON *doc;
    FILE *f;

    for (size_t i = 0; i < b->seq[s].nq; i++)
        used += snprintf(cmd + used, sizeof cmd - (size_t)used, " %d", b->ids[b->seq[s].q0 + i]);
    f = popen(cmd, "r");
    if (!f || !fread(text, 1, (1 << 20) - 1, f) || pclose(f))
        fail_msg("%s", cmd);
    doc = json_parse(text, strlen(text), "reference_forward.py", &err);
    if (!doc)
        fail_msg("%s", err.msg);
    free(text);
    return doc;
}

/* Another program, written from the definitions, in double precision. */
static void test_reference(void **state)
{
    (void)state;
    if (system("command -v python3 >/dev/null 2>&1"))
        skip();
    for (size_t i = 0; i < RIG_FORMS; i++) {
        const char *dir = support_tmp();
        struct vac_err err = {0};
        struct rig r;
        rig_make(&r, &rig_forms[i], "cpu", 1, 22);
        rig_ready(&r);
        assert_ok(model_save_merged(r.m, dir, false, 0, &err), &err);
        float *x = all_logits(r.m, r.a, &r.b);
        for (size_t s = 0; s < RIG_SEQS; s++) {
            cJSON *doc = reference_logits(dir, &r.b, s);
            double want[RIG_ROWS * 29];
            size_t n = 0;
            for (const cJSON *row = doc->child; row; row = row->next) {
                for (const cJSON *v = row->child; v; v = v->next)
                    want[n++] = v->valuedouble;
            }
            assert_int_equal(n, r.b.seq[s].nq * 29);
            if (!(support_diff_d(x + r.b.seq[s].q0 * 29, want, n) < 2e-6))
                fail_msg("%s: logits differ by %.3g", r.form->name,
                         support_diff_d(x + r.b.seq[s].q0 * 29, want, n));
            cJSON_Delete(doc);
        }
        free(x);
        rig_drop(&r);
    }
}

/* Position 4 t of a model whose rotations are slowed down by 4 is position t of one that is not. */
static void test_linear_rope(void **state)
{
    (void)state;
    static const char text[] = "{\"model_type\":\"llama\",\"vocab_size\":29,\"hidden_size\":16,"
                               "\"intermediate_size\":20,\"num_hidden_layers\":2,"
                               "\"num_attention_heads\":4,\"rope_scaling\":%s}";
    double loss[3];
    for (int i = 0; i < 3; i++) {
        char config[512];
        struct form f = {"linear rope", config, ""};
        struct rig r;
        snprintf(config, sizeof config, text, i ? "{\"type\":\"linear\",\"factor\":4}" : "null");
        rig_make(&r, &f, "cpu", 1, 20);
        rig_ready(&r);
        model_rope(r.m, 64, &(struct vac_err){0});
        for (size_t k = 0; i == 2 && k < r.b.N; k++)
            r.b.pos[k] *= 4;
        struct pass p = rig_pass(&r);
        loss[i] = pass_loss(&p, false, NULL);
        rig_drop(&r);
    }
    assert_true(fabs(loss[1] - loss[0]) > 1e-3);
    assert_true(loss[2] == loss[0]);
}

/* One layer, sequences of one token, no label anywhere: nothing to learn, nothing goes wrong. */
static void test_edges(void **state)
{
    (void)state;
    static const size_t ones[] = {1, 1, 1};
    static const struct form small[] = {
        {.name = "one layer",
         .config = "{\"model_type\":\"llama\",\"vocab_size\":29,\"hidden_size\":16,\"intermediate_"
                   "size\":20,"
                   "\"num_hidden_layers\":1,\"num_attention_heads\":4}"},
        {.name = "one layer of opt",
         .config =
             "{\"model_type\":\"opt\",\"vocab_size\":29,\"hidden_size\":16,\"ffn_dim\":20,"
             "\"num_hidden_layers\":1,\"num_attention_heads\":2,\"max_position_embeddings\":8,"
             "\"word_embed_proj_dim\":8,\"do_layer_norm_before\":false}"}};
    for (size_t i = 0; i < 2; i++) {
        struct rig r;
        struct vac_err err = {0};
        struct batch b;
        double logp[3] = {1, 1, 1};
        int32_t top[3] = {-1, -1, -1};
        rig_make(&r, &small[i], "fence", 2, 17);
        assert_ok(model_train_full(r.m, &err), &err);
        rig_ready(&r);
        random_batch(&b, ones, 3, r.m->cfg.V, 0, 17);
        assert_int_equal(b.n_lab, 0);
        rig_zero_grads(&r);
        assert_true(pass_once(&r, &b) == 0);
        assert_true(op_sumsq(r.c, model_params(r.m)->g, model_params(r.m)->n) == 0);
        struct pass p = rig_pass(&r);
        p.b = &b;
        pass_score(&p, logp, top);
        for (size_t s = 0; s < 3; s++)
            assert_true(logp[s] == 0 && top[s] >= 0 && top[s] < (int32_t)r.m->cfg.V);
        batch_done(&b);
        rig_drop(&r);
    }
}

/* row_loss are the numbers that the loss is the sum of, and those that pass_score gives. */
static void test_row_losses(void **state)
{
    (void)state;
    for (size_t i = 0; i < RIG_FORMS; i++) {
        struct rig r;
        double row[RIG_ROWS], logp[RIG_ROWS], sum = 0, loss;
        rig_make(&r, &rig_forms[i], "cpu", 1, 18);
        rig_add_lora(&r, 3, false, 0, "all", 18);
        rig_ready(&r);
        struct pass p = rig_pass(&r);
        loss = pass_loss(&p, false, row);
        r.a->labelled = 4; /* the head in pieces */
        pass_score(&p, logp, NULL);
        for (size_t k = 0; k < r.b.n_lab; k++) {
            sum += row[k];
            assert_true(fabs(row[k] + logp[r.b.lab_row[k]]) <= 1e-5 * (1 + row[k]));
        }
        assert_true(fabs(sum - loss) <= 1e-12 * loss);
        rig_drop(&r);
    }
}

/* Where products are in bf16 a frozen base is kept in no more, and yet nothing of it is lost: what is merged,
 * and what is trained in full later, comes from the file. */
static void test_narrow_base(void **state)
{
    (void)state;
    const struct lora_spec lora = {.r = 3, .alpha = 2, .targets = "all"};
    const char *base = support_tmp(), *out[2] = {support_tmp(), support_tmp()};
    struct vac_err err = {0};
    struct compute *cpu = compute_open("cpu", 1, NULL, &err);
    struct compute *half = compute_open_in("cpu", 1, NULL, 1, &err);
    struct model *m[2] = {random_model(rig_forms[0].config, cpu, 7)};
    char *file[2];
    size_t n[2];

    assert_ok(model_save_merged(m[0], base, false, 0, &err), &err);
    model_close(m[0]);
    m[0] = open_model_at(cpu, base);
    m[1] = open_model_at(half, base);
    for (int i = 0; i < 2; i++) {
        assert_ok(model_add_lora(m[i], &lora, 8, 0, &err), &err);
        assert_ok(model_save_merged(m[i], out[i], true, 0, &err), &err);
        assert_ok(model_train_full(m[i], &err), &err);
        file[i] = file_read(support_join(out[i], "model.safetensors"), 1 << 26, &n[i], &err);
        assert_non_null(file[i]);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(file[0], file[1], n[0]);
    free(file[0]);
    free(file[1]);
    assert_int_equal(m[0]->own_n, m[1]->own_n);
    for (size_t i = 0; i < m[0]->n_weight; i++) {
        const struct weight *a = m[0]->weight[i], *b = m[1]->weight[i];
        float *x = calloc(a->numel, sizeof *x), *y = calloc(a->numel, sizeof *y);
        compute_download(cpu, x, a->w, a->numel);
        compute_download(half, y, b->w, a->numel);
        assert_memory_equal(x, y, a->numel * sizeof *x);
        free(x);
        free(y);
    }
    model_close(m[0]);
    model_close(m[1]);
    compute_close(cpu);
    compute_close(half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed),       cmocka_unit_test(test_micro_batches),
        cmocka_unit_test(test_from),         cmocka_unit_test(test_stop),
        cmocka_unit_test(test_fence),        cmocka_unit_test(test_narrow_weights),
        cmocka_unit_test(test_use_adapters), cmocka_unit_test(test_reference),
        cmocka_unit_test(test_linear_rope),  cmocka_unit_test(test_edges),
        cmocka_unit_test(test_row_losses),   cmocka_unit_test(test_narrow_base),
    };

    return cmocka_run_group_tests_name("model_same", tests, NULL, NULL);
}
