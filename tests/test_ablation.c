/* test_ablation.c - a direction taken out of the residual stream: on the activations and in the weights, which is the
 * same map, in every architecture that it is so in; against recorded numbers; and the weights stay as they were. */
#include <math.h>
#include <stdlib.h>

#include "model/adapter.h"
#include "model_support.h"

/* A direction of length 1 on the backend. */
static struct buf *make_direction(struct compute *c, size_t D, uint64_t seed)
{
    struct vac_err err = {0};
    struct buf *u = compute_alloc(c, D, &err);
    float *x = calloc(D, sizeof *x);
    double sq = 0;

    assert_non_null(u);
    fill_normal(x, D, seed, 1);
    for (size_t i = 0; i < D; i++)
        sq += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < D; i++)
        x[i] = (float)((double)x[i] / sqrt(sq));
    compute_upload(c, (struct ref){u, 0}, x, D);
    free(x);
    return u;
}

/* W <- W - u (u^T W), W[out,in] */
static void project_matrix(struct compute *c, struct ref w, struct ref u, size_t out, size_t in)
{
    struct vac_err err = {0};
    struct buf *row = compute_alloc(c, in, &err);

    assert_non_null(row);
    op_linear_dx(c, (struct ref){row, 0}, u, w, 1, in, out, false);
    op_lora_merge(c, w, (struct ref){row, 0}, u, -1, out, in, 1);
    compute_release(c, row);
}

/* Of a model whose weights are its own: all that write to the stream, the head not. */
static void project_weights(struct model *m, struct ref u, struct weight *head)
{
    static const enum group_id writes[] = {GROUP_O, GROUP_DOWN};
    struct compute *c = m->c;
    size_t D = m->cfg.D;
    struct vac_err err = {0};
    struct lora_place at;

    if (m->head == m->embed) {
        *head = *m->embed;
        head->w = (struct ref){compute_alloc(c, head->numel, &err), 0};
        assert_non_null(head->w.buf);
        op_copy(c, head->w, m->embed->w, head->numel);
        m->head = head;
    }
    op_project(c, m->embed->w, u, m->embed->shape[0], D);
    if (m->embed_pos)
        op_project(c, m->embed_pos->w, u, m->embed_pos->shape[0], D);
    for (size_t l = 0; l < m->cfg.L; l++) {
        for (size_t i = 0; i < 2; i++) {
            const struct linear *x = &m->layer[l].group[writes[i]].lin[0];

            project_matrix(c, x->w->w, u, x->out, x->in);
            if (x->b)
                op_project(c, x->b->w, u, 1, D);
        }
    }
    for (size_t i = 0; i < m->n_adapter; i++)
        for (size_t k = 0; adapter_place(m, &m->adapter[i], k, &at); k++) {
            bool stream = false;

            for (size_t l = 0; l < m->cfg.L; l++)
                stream |= at.x == &m->layer[l].group[GROUP_O].lin[0] ||
                          at.x == &m->layer[l].group[GROUP_DOWN].lin[0];
            if (at.on && stream)
                project_matrix(c, (struct ref){m->adapter[i].w, at.b}, u, D, m->adapter[i].r);
        }
}

static void form_same(const struct form *f, const char *backend, int adapters)
{
    struct rig on, in;
    struct weight head = {.rank = 0};
    struct buf *u, *v;
    float *before, *one, *two, *again;
    double moved = 0;
    size_t n;

    rig_make(&on, f, backend, 1, 19);
    rig_make(&in, f, backend, 1, 19);
    for (int k = 0; k < adapters; k++) {
        rig_add_lora(&on, 2, false, 0, k ? f->some : "all", (uint64_t)k + 1);
        rig_add_lora(&in, 2, false, 0, k ? f->some : "all", (uint64_t)k + 1);
    }
    rig_ready(&on);
    rig_ready(&in);
    n = on.b.N * on.m->cfg.V;
    u = make_direction(on.c, on.m->cfg.D, 5);
    v = make_direction(in.c, in.m->cfg.D, 5);
    before = all_logits(on.m, on.a, &on.b);
    pass_ablate(on.m, (struct ref){u, 0});
    one = all_logits(on.m, on.a, &on.b);
    project_weights(in.m, (struct ref){v, 0}, &head);
    two = all_logits(in.m, in.a, &in.b);
    assert_close(f->name, one, two, n, 2e-5);
    for (size_t i = 0; i < n; i++)
        moved = fmax(moved, fabs((double)one[i] - (double)before[i]));
    if (moved < 1e-3)
        fail_msg("%s: nothing has changed", f->name);
    pass_ablate(on.m, REF_NONE);
    again = all_logits(on.m, on.a, &on.b);
    assert_memory_equal(before, again, n * sizeof *before);
    if (head.rank)
        compute_release(in.c, head.w.buf);
    compute_release(on.c, u);
    compute_release(in.c, v);
    rig_drop(&on);
    rig_drop(&in);
    free(before);
    free(one);
    free(two);
    free(again);
}

static void test_same_map(void **state)
{
    (void)state;
    for (size_t i = 0; i < RIG_FORMS; i++) {
        struct rig r;
        bool weights_alone;

        rig_make(&r, &rig_forms[i], "cpu", 1, 19);
        weights_alone = r.m->cfg.pre_norm && !r.m->cfg.post_norms;
        rig_drop(&r);
        if (!weights_alone)
            continue;
        form_same(&rig_forms[i], "cpu", 0);
        form_same(&rig_forms[i], "cpu", 2);
    }
    form_same(&rig_forms[0], "fence", 1);
}

/* Also where norms stand between an output and the stream, or in it: nothing is left along u behind a block. */
static void test_nothing_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < RIG_FORMS; i++) {
        struct rig r;
        struct buf *u, *kept;
        struct vac_err err = {0};
        size_t D, N;

        rig_make(&r, &rig_forms[i], "cpu", 1, 7);
        rig_add_lora(&r, 3, false, 0, "all", 1);
        rig_ready(&r);
        D = r.m->cfg.D;
        N = r.b.N;
        u = make_direction(r.c, D, 11);
        kept = compute_alloc(r.c, N * D, &err);
        assert_non_null(kept);
        for (int with = 0; with < 2; with++)
            for (size_t l = 0; l < r.m->cfg.L; l++) {
                struct pass p = rig_pass(&r);
                double most = 0;

                p.from = p.stop = PLACE_START;
                taps_clear(&r.taps);
                taps_at(&r.taps, SITE_BLOCK, l)->keep = (struct ref){kept, 0};
                pass_ablate(r.m, with ? (struct ref){u, 0} : REF_NONE);
                pass_forward(&p);
                for (size_t k = 0; k < N; k++)
                    most = fmax(
                        most, fabs(op_dot(r.c, (struct ref){kept, k * D}, (struct ref){u, 0}, D)));
                if ((most < 2e-6) != (with == 1))
                    fail_msg("%s, layer %zu: %g along the direction %s", r.form->name, l, most,
                             with ? "that was taken out" : "before");
            }
        compute_release(r.c, u);
        compute_release(r.c, kept);
        rig_drop(&r);
    }
}

/* A tap that keeps some rows only. */
static void test_rows_of_a_tap(void **state)
{
    const int32_t row[] = {6, 0, 11};
    struct rig r;
    struct buf *all, *some;
    struct vac_err err = {0};
    float *x, *y;
    size_t D;

    (void)state;
    rig_make(&r, &rig_forms[0], "cpu", 1, 3);
    rig_ready(&r);
    D = r.m->cfg.D;
    all = compute_alloc(r.c, r.b.N * D, &err);
    some = compute_alloc(r.c, 3 * D, &err);
    for (int k = 0; k < 2; k++) {
        struct pass p = rig_pass(&r);
        struct tap *t = taps_at(&r.taps, SITE_BLOCK, 1);

        p.from = p.stop = PLACE_START;
        taps_clear(&r.taps);
        t->keep = (struct ref){k ? some : all, 0};
        t->row = k ? row : NULL;
        t->n_row = 3;
        pass_forward(&p);
    }
    x = rig_fetch(&r, (struct ref){all, 0}, r.b.N * D);
    y = rig_fetch(&r, (struct ref){some, 0}, 3 * D);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(x + (size_t)row[i] * D, y + i * D, D * sizeof *x);
    free(x);
    free(y);
    compute_release(r.c, all);
    compute_release(r.c, some);
    rig_drop(&r);
}

/* --- against what PyTorch makes of changed weights (golden/guard/ablation.py) --- */

static void load_direction(struct compute *c, struct buf *u, const cJSON *unit, size_t D)
{
    float *x = calloc(D, sizeof *x);
    size_t n = 0;
    const cJSON *v;

    cJSON_ArrayForEach(v, unit)
    {
        assert_true(n < D);
        x[n++] = (float)v->valuedouble;
    }
    assert_int_equal(n, D);
    compute_upload(c, (struct ref){u, 0}, x, D);
    free(x);
}

/* The logits of the last place, every seventh. */
static void check_probe(struct model *m, struct acts *a, const cJSON *ids, const cJSON *want)
{
    struct batch b;
    struct vac_err err = {0};
    size_t n = (size_t)cJSON_GetArraySize(ids), V = m->cfg.V, i = 0;
    int32_t *v = calloc(n, sizeof *v);
    const cJSON *x;
    float *logits;

    cJSON_ArrayForEach(x, ids) v[i++] = (int32_t)x->valuedouble;
    assert_ok(batch_init(&b, n, 1, &err), &err);
    batch_fill_ids(&b, v, NULL, n);
    logits = all_logits(m, a, &b);
    i = 0;
    cJSON_ArrayForEach(x, want)
    {
        double got = (double)logits[(n - 1) * V + 7 * i];

        if (!(fabs(got - x->valuedouble) <= 2e-4 * (1 + fabs(x->valuedouble))))
            fail_msg("logit %zu: %.8g, recorded %.8g", 7 * i, got, x->valuedouble);
        i++;
    }
    assert_int_equal(i, (V + 6) / 7);
    free(logits);
    free(v);
    batch_done(&b);
}

static void test_golden(void **state)
{
    struct vac_err err = {0};
    cJSON *prompts = json_read(support_path("golden/guard/direction.json"), 1 << 24, &err);
    cJSON *doc = json_read(support_path("golden/guard/ablation.json"), 1 << 24, &err);
    const cJSON *probes = cJSON_GetObjectItem(prompts, "probes");

    (void)state;
    assert_non_null(doc);
    for (int adapter = 0; adapter < 2; adapter++) {
        struct compute *c = compute_open("cpu", 1, NULL, &err);
        struct model *m = model_open(support_path("golden/guard"), c, &err);
        struct buf *u = compute_alloc(c, m->cfg.D, &err);
        struct acts *a;
        const char *of = adapter ? "a" : "base";

        if (adapter)
            assert_ok(model_add_peft(m, support_path("golden/guard/adapter-a"), false, 0, &err),
                      &err);
        a = acts_new(m, 200, 200, 200, false, &err);
        assert_non_null(a);
        load_direction(c, u, cJSON_GetObjectItem(doc, "unit"), m->cfg.D);
        for (int after = 0; after < 2; after++) {
            const cJSON *want =
                cJSON_GetObjectItem(cJSON_GetObjectItem(doc, after ? "after" : "before"), of);

            pass_ablate(m, after ? (struct ref){u, 0} : REF_NONE);
            for (int i = 0; i < cJSON_GetArraySize(probes); i++)
                check_probe(m, a, cJSON_GetArrayItem(probes, i), cJSON_GetArrayItem(want, i));
        }
        compute_release(c, u);
        acts_free(a);
        model_close(m);
        compute_close(c);
    }
    cJSON_Delete(doc);
    cJSON_Delete(prompts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_map), cmocka_unit_test(test_nothing_left),
        cmocka_unit_test(test_rows_of_a_tap), cmocka_unit_test(test_golden)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
