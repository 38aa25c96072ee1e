/* test_model_grad.c - gradients of whole models against finite differences, and what must not depend on
 * how a batch is cut, packed, resumed or stored. */
#include <math.h>

#include "base/rng.h"
#include "model_support.h"

/* --- models of every form, as small as they can be --- */

#define LLAMA                                                                                          \
    "\"model_type\":\"llama\",\"vocab_size\":29,\"intermediate_size\":20,\"max_position_embeddings\":64," \
    "\"num_attention_heads\":4,"
#define OPT                                                                                            \
    "\"model_type\":\"opt\",\"vocab_size\":29,\"hidden_size\":16,\"ffn_dim\":20,\"num_hidden_layers\":2," \
    "\"num_attention_heads\":2,\"max_position_embeddings\":16,"

struct form {
    const char *name, *config, *some; /* some: a subset of its linears */
};
static const struct form forms[] = {
    {"llama, biases, grouped heads, linear rope",
     "{" LLAMA "\"hidden_size\":16,\"num_hidden_layers\":2,\"num_key_value_heads\":2,\"attention_bias\":true,"
     "\"mlp_bias\":true,\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}}", "q_proj,v_proj"},
    {"llama, one key head, llama3 rope, tied",
     "{" LLAMA "\"hidden_size\":24,\"num_hidden_layers\":2,\"num_key_value_heads\":1,"
     "\"tie_word_embeddings\":true,\"rope_theta\":500,\"rope_scaling\":{\"rope_type\":\"llama3\","
     "\"factor\":8,\"low_freq_factor\":1,\"high_freq_factor\":4,\"original_max_position_embeddings\":32}}",
     "k_proj,up_proj,down_proj"},
    {"llama, three layers, heads wider than the model",
     "{" LLAMA "\"hidden_size\":12,\"num_hidden_layers\":3,\"head_dim\":8}", "o_proj,gate_proj"},
    {"opt", "{" OPT "\"do_layer_norm_before\":true}", "fc1,out_proj"},
    {"opt-350m", "{" OPT "\"word_embed_proj_dim\":12,\"do_layer_norm_before\":false}", "fc2,v_proj"},
    {"opt-350m with a wide embedding and gelu",
     "{" OPT "\"word_embed_proj_dim\":24,\"do_layer_norm_before\":false,\"activation_function\":\"gelu\"}",
     "fc1,fc2"},
    {"opt, gelu, no final norm",
     "{" OPT "\"activation_function\":\"gelu\",\"_remove_final_layer_norm\":true}", "k_proj"},
    {"opt, no biases, untied",
     "{" OPT "\"activation_function\":\"gelu\",\"enable_bias\":false,\"tie_word_embeddings\":false}",
     "q_proj,fc2"},
};
#define FORMS (sizeof forms / sizeof *forms)

static const size_t lengths[] = {7, 1, 5, 6};
#define SEQS (sizeof lengths / sizeof *lengths)
#define ROWS 19

/* A model, its activations, a batch, and one array per place. */
struct rig {
    const struct form *form;
    struct compute *c;
    struct model *m;
    struct acts *a;
    struct batch b;
    struct taps taps;
    struct buf *arrays; /* add, keep, keep_grad, add_grad for each place */
    size_t places, n;   /* n = N D */
    bool train;
};
enum array { ADD, KEEP, KEEP_GRAD, ADD_GRAD, ARRAYS };

/* Finite differences must not cross a corner of ReLU: its biases put one half of the units well above 0 and
 * the other well below. */
static void away_from_corners(struct model *m)
{
    float x[64];

    for (size_t i = 0; i < m->n_weight; i++) {
        const struct weight *w = m->weight[i];
        if (m->cfg.act != ACT_RELU || !strstr(w->name, "fc1.bias"))
            continue;
        assert_true(w->numel <= 64);
        for (size_t k = 0; k < w->numel; k++)
            x[k] = k % 2 ? 2.5f : -2.5f;
        compute_upload(m->c, w->w, x, w->numel);
    }
}

static void rig_open(struct rig *r, const struct form *f, const char *backend, int threads, uint64_t seed)
{
    struct vac_err err = {0};

    *r = (struct rig){.form = f};
    r->c = compute_open(backend, threads, &err);
    if (!r->c)
        fail_msg("%s", err.msg);
    r->m = random_model(f->config, r->c, seed);
    away_from_corners(r->m);
    random_batch(&r->b, lengths, SEQS, r->m->cfg.V, 1, seed + 7);
    batch_keys(&r->b, seed, 3);
}

/* To be called when the adapter stack is as the test wants it. */
static void rig_ready(struct rig *r)
{
    struct vac_err err = {0};

    r->a = acts_new(r->m, ROWS, ROWS, 8, true, &err);
    if (!r->a)
        fail_msg("%s", err.msg);
    assert_ok(taps_init(&r->taps, r->m, &err), &err);
    r->places = 3 * r->m->cfg.L + 1;
    r->n = ROWS * r->m->cfg.D;
    r->arrays = compute_alloc(r->c, ARRAYS * r->places * r->n, &err);
    assert_non_null(r->arrays);
}

static void rig_close(struct rig *r)
{
    compute_release(r->c, r->arrays);
    taps_done(&r->taps);
    acts_free(r->a);
    batch_done(&r->b);
    model_close(r->m);
    compute_close(r->c);
}

#define SCALE 0.37f
static struct pass rig_pass(struct rig *r)
{
    return (struct pass){.m = r->m, .a = r->a, .b = &r->b, .taps = &r->taps, .train = r->train,
                         .grads = true, .scale = SCALE, .from = PLACE_START, .stop = PLACE_START};
}

static enum site site_at(size_t place)
{
    return place ? (enum site)(1 + (place - 1) % 3) : SITE_EMBED;
}

static struct tap *tap_at(struct rig *r, size_t place)
{
    return taps_at(&r->taps, site_at(place), place ? (place - 1) / 3 : 0);
}

static struct ref array_at(struct rig *r, enum array which, size_t place)
{
    return (struct ref){r->arrays, (which * r->places + place) * r->n};
}

static void fill_ref(struct rig *r, struct ref to, size_t n, uint64_t seed, double sd)
{
    float *x = calloc(n, sizeof *x);

    fill_normal(x, n, seed, sd);
    compute_upload(r->c, to, x, n);
    free(x);
}

static float *fetch(struct rig *r, struct ref from, size_t n)
{
    float *x = calloc(n ? n : 1, sizeof *x);

    compute_download(r->c, x, from, n);
    return x;
}

static void zero_grads(struct rig *r)
{
    const struct params *p = model_params(r->m);

    op_fill(r->c, p->g, p->n, 0);
}

/* A trained adapter with numbers everywhere: B = 0 would hide the gradient of A. */
static void add_lora(struct rig *r, size_t rank, bool rslora, double dropout, const char *targets,
                     uint64_t seed)
{
    struct lora_spec s = {.r = rank, .alpha = 3, .rslora = rslora, .dropout = dropout, .targets = targets};
    struct vac_err err = {0};
    const struct params *p;

    assert_ok(model_add_lora(r->m, &s, seed, 0, &err), &err);
    p = model_params(r->m);
    fill_ref(r, p->w, p->n, seed + 100, 0.2);
    r->train |= dropout > 0;
}

/* --- finite differences --- */

/* What is differentiated: the loss, and where taps add to gradients, <add_grad, activation> as well. */
static double objective(struct rig *r)
{
    struct pass p = rig_pass(r);
    double f = (double)SCALE * pass_loss(&p, false, NULL);

    for (size_t q = 0; q < r->places; q++) {
        struct tap *t = tap_at(r, q);
        if (ref_is(t->add_grad))
            f += op_dot(r->c, t->add_grad, t->keep, r->n);
    }
    return f;
}

static double objective_at(struct rig *r, struct ref w, const float *x, const double *d, size_t n, double t)
{
    float *y = calloc(n, sizeof *y);

    for (size_t i = 0; i < n; i++)
        y[i] = (float)(x[i] + t * d[i]);
    compute_upload(r->c, w, y, n);
    free(y);
    return objective(r);
}

/* d = a unit vector between g and a random one: along g alone a missing part would not show. Returns g d. */
static double direction(double *d, const float *g, size_t n, double norm, uint64_t seed)
{
    float *x = calloc(n, sizeof *x);
    double len = 0, slope = 0;

    fill_normal(x, n, seed, 1);
    for (size_t i = 0; i < n; i++)
        len += (double)x[i] * x[i];
    for (size_t i = 0; i < n; i++)
        d[i] = x[i] / sqrt(len) + (norm > 0 ? g[i] / norm : 0);
    len = 0;
    for (size_t i = 0; i < n; i++)
        len += d[i] * d[i];
    for (size_t i = 0; i < n; i++) {
        d[i] /= sqrt(len);
        slope += d[i] * g[i];
    }
    free(x);
    return slope;
}

/* The fourth-order central difference with step h has an error of h^4/30 times the fifth derivative, nothing
 * with these steps, but it carries the noise of a loss in F32 over h: 13 labelled rows with errors of 1e-7 or
 * so add up to a few 1e-8 of the loss. Beyond that noise a slope must agree to 1e-3 of the gradient's length. */
#define TOL_FD 1e-3
#define NOISE 3e-8
static bool slope_agrees(struct rig *r, struct ref w, const float *x, const float *g, size_t n, uint64_t seed,
                         char *text, size_t size)
{
    double *d = calloc(n, sizeof *d), norm = 0, h = 2.5e-3, slope, f[4], fd;

    for (size_t i = 0; i < n; i++)
        norm += (double)g[i] * g[i];
    norm = sqrt(norm);
    slope = direction(d, g, n, norm, seed);
    for (int i = 0; i < 4; i++)
        f[i] = objective_at(r, w, x, d, n, h * (double[]){-2, -1, 1, 2}[i]);
    compute_upload(r->c, w, x, n);
    free(d);
    fd = (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h);
    snprintf(text, size, "slope %.6g, by differences %.6g (gradient %.3g, loss %.3g)", slope, fd, norm, f[0]);
    return fabs(fd - slope) <= TOL_FD * fmax(norm, fabs(fd)) + NOISE * fabs(f[0]) / h;
}

static void check_slope(struct rig *r, const char *what, struct ref w, const float *g, size_t n, uint64_t seed)
{
    float *x = fetch(r, w, n);
    char text[160];

    if (!slope_agrees(r, w, x, g, n, seed, text, sizeof text))
        fail_msg("%s: %s: %s", r->form->name, what, text);
    free(x);
}

static void check_params(struct rig *r, uint64_t seed)
{
    const struct params *p = model_params(r->m);
    struct pass pass = rig_pass(r);
    float *g;

    zero_grads(r);
    pass_loss(&pass, true, NULL);
    pass_backward(&pass);
    g = fetch(r, p->g, p->n);
    for (size_t i = 0; i < p->count; i++) {
        const struct param *q = &p->list[i];
        check_slope(r, q->name, ref_at(p->w, q->at), g + q->at, q->shape[0] * (q->rank == 2 ? q->shape[1] : 1),
                    seed + i);
    }
    free(g);
}

static void test_full(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct rig r;
            struct vac_err err = {0};
            rig_open(&r, &forms[i], "cpu", 1, seed);
            assert_ok(model_train_full(r.m, &err), &err);
            rig_ready(&r);
            check_params(&r, seed);
            rig_close(&r);
        }
    }
}

struct lora_case {
    size_t r;
    bool rslora, some;
    double dropout;
    bool below; /* a frozen adapter beneath, of another rank and the other targets */
};
static const struct lora_case lora_cases[] = {
    {.r = 3}, {.r = 4, .rslora = true}, {.r = 2, .some = true}, {.r = 3, .below = true},
    {.r = 3, .dropout = 0.3}, {.r = 2, .some = true, .dropout = 0.3, .below = true}};
#define LORA_CASES (sizeof lora_cases / sizeof *lora_cases)

static void rig_lora(struct rig *r, const struct lora_case *k, uint64_t seed)
{
    if (k->below)
        add_lora(r, 5, false, k->dropout, k->some ? "all" : r->form->some, seed + 1);
    add_lora(r, k->r, k->rslora, k->dropout, k->some ? r->form->some : "all", seed + 2);
    rig_ready(r);
}

static void test_lora(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        for (size_t k = 0; k < LORA_CASES; k++) {
            struct rig r;
            rig_open(&r, &forms[i], "cpu", 1, 3 + k);
            rig_lora(&r, &lora_cases[k], k);
            check_params(&r, 50 + k);
            rig_close(&r);
        }
    }
}

/* Both passes have to see the frozen adapter, which is not among the parameters. */
static void test_lower_adapter(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &forms[0], "cpu", 1, 1);
    rig_lora(&r, &lora_cases[3], 1);
    struct pass p = rig_pass(&r);
    double with = pass_loss(&p, false, NULL);
    op_fill(r.c, (struct ref){r.m->adapter[0].w, 0}, r.m->adapter[0].n, 0);
    assert_true(fabs(pass_loss(&p, false, NULL) - with) > 1e-2);
    assert_null(r.m->adapter[0].g);
    assert_int_equal(model_params(r.m)->n, r.m->adapter[1].n);
    rig_close(&r);
}

/* --- taps --- */

static void tap_everything(struct rig *r, bool add_grad)
{
    for (size_t q = 0; q < r->places; q++) {
        struct tap *t = tap_at(r, q);
        *t = (struct tap){.add = array_at(r, ADD, q), .keep = array_at(r, KEEP, q),
                          .keep_grad = array_at(r, KEEP_GRAD, q)};
        fill_ref(r, t->add, r->n, 900 + q, 0.1);
        if (add_grad && q % 2 == 0) { /* every other place: embed, mlp, attn, block, ... */
            t->add_grad = array_at(r, ADD_GRAD, q);
            fill_ref(r, t->add_grad, r->n, 950 + q, 0.05);
        }
    }
}

/* keep_grad at every place is the slope along what is added there, with all the others added too, and
 * with terms on the activations themselves whose gradients come in through add_grad. The gradient at a place
 * is that of everything above it: its own term comes in below. */
static void check_taps(struct rig *r, bool add_grad, uint64_t seed)
{
    struct pass p = rig_pass(r);

    tap_everything(r, add_grad);
    zero_grads(r);
    pass_loss(&p, true, NULL);
    pass_backward(&p);
    for (size_t q = 0; q < r->places; q++) {
        char what[64];
        float *g = fetch(r, array_at(r, KEEP_GRAD, q), r->n);
        snprintf(what, sizeof what, "%s %zu", site_names[site_at(q)], q ? (q - 1) / 3 : 0);
        check_slope(r, what, array_at(r, ADD, q), g, r->n, seed + q);
        free(g);
    }
    check_params(r, seed);
    taps_clear(&r->taps);
}

static void test_taps(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        for (int add_grad = 0; add_grad < 2; add_grad++) {
            struct rig r;
            rig_open(&r, &forms[i], "cpu", 1, 5);
            rig_lora(&r, &lora_cases[add_grad ? 4 : 0], 5);
            check_taps(&r, add_grad, 70);
            rig_close(&r);
        }
    }
}

static void test_taps_full(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        struct rig r;
        struct vac_err err = {0};
        rig_open(&r, &forms[i], "cpu", 1, 6);
        assert_ok(model_train_full(r.m, &err), &err);
        rig_ready(&r);
        check_taps(&r, true, 80);
        rig_close(&r);
    }
}

/* sumsq and grad_sumsq are sums of squares of keep and keep_grad, and add up over batches. */
static void test_tap_squares(void **state)
{
    (void)state;
    struct rig r;
    double sq[32] = {0}, gsq[32] = {0};
    rig_open(&r, &forms[4], "cpu", 1, 8);
    rig_lora(&r, &lora_cases[0], 8);
    struct pass p = rig_pass(&r);
    tap_everything(&r, false);
    for (size_t q = 0; q < r.places; q++) {
        tap_at(&r, q)->sumsq = &sq[q];
        tap_at(&r, q)->grad_sumsq = &gsq[q];
    }
    for (int i = 0; i < 2; i++) {
        pass_loss(&p, true, NULL);
        pass_backward(&p);
    }
    for (size_t q = 0; q < r.places; q++) {
        double a = 2 * op_sumsq(r.c, array_at(&r, KEEP, q), r.n);
        double g = 2 * op_sumsq(r.c, array_at(&r, KEEP_GRAD, q), r.n);
        assert_true(a > 0 && fabs(sq[q] - a) <= 1e-12 * a);
        assert_true(g > 0 && fabs(gsq[q] - g) <= 1e-12 * g);
    }
    rig_close(&r);
}

/* --- the same, however it is computed --- */

/* Every tensor to 1e-5 of its largest number (of the largest of all, where its own is nothing beside it:
 * what adds up to zero in theory is noise). */
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
    int32_t labels[ROWS];

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

    rig_open(&r, f, "cpu", threads, 9);
    if (full)
        assert_ok(model_train_full(r.m, &err), &err);
    else
        add_lora(&r, 3, false, 0, "all", 9);
    rig_ready(&r);
    assert_ok(batch_init(&one, ROWS, SEQS, &err), &err);
    zero_grads(&r);
    packed = pass_once(&r, &r.b);
    a = fetch(&r, model_params(r.m)->g, model_params(r.m)->n);
    zero_grads(&r);
    for (size_t s = 0; s < SEQS; s++) {
        split(&one, &r.b, s);
        single += pass_once(&r, &one);
    }
    b = fetch(&r, model_params(r.m)->g, model_params(r.m)->n);
    assert_true(fabs(packed - single) <= 1e-5 * single);
    same_params(&r, "packed and one by one", a, b);
    free(a);
    free(b);
    batch_done(&one);
    rig_close(&r);
}

static void test_packed(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        for (int threads = 1; threads <= 2; threads++) {
            packed_equals_single(&forms[i], true, threads);
            packed_equals_single(&forms[i], false, threads);
        }
    }
}

/* Four samples in micro-batches of `size`: the gradient that they add up to. */
static float *micro_gradient(struct rig *r, const struct dataset *d, size_t size, double *loss)
{
    static const size_t index[] = {2, 0, 3, 1};
    struct batch b;
    struct vac_err err = {0};

    assert_ok(batch_init(&b, ROWS, 4, &err), &err);
    zero_grads(r);
    *loss = 0;
    for (size_t at = 0; at < 4; at += size) {
        batch_fill(&b, d, index + at, size, at);
        batch_keys(&b, 11, 5);
        *loss += pass_once(r, &b);
    }
    batch_done(&b);
    return fetch(r, model_params(r->m)->g, model_params(r->m)->n);
}

static void test_micro_batches(void **state)
{
    (void)state;
    static const int32_t ids[] = {3, 9, 4, 27, 8, 1, 0, 5, 5, 12, 20, 7, 6};
    struct sample sample[4];
    struct dataset d = {.sample = sample, .n = 4};
    for (size_t i = 0; i < 4; i++)
        sample[i] = (struct sample){.ids = ids + i, .labels = ids + i, .n = 2 + i};
    for (size_t i = 0; i < FORMS; i++) {
        struct rig r;
        double loss[3];
        float *g[3], *other;
        rig_open(&r, &forms[i], "cpu", 1, 12);
        add_lora(&r, 3, false, 0.3, "all", 12);
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
        rig_close(&r);
    }
}

static void same_bits(struct rig *r, const char *what, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&a[i], &b[i], sizeof *a))
            fail_msg("%s: %s: number %zu is %.9g, not %.9g", r->form->name, what, i, a[i], b[i]);
    }
}

/* Forward and backward with the adds at places >= first, from `from`; what it leaves, to compare. */
static double run_from(struct rig *r, size_t first, size_t from, float **x, float **g)
{
    struct pass p = rig_pass(r);
    double loss;

    taps_clear(&r->taps);
    for (size_t q = first; q < r->places; q++)
        tap_at(r, q)->add = array_at(r, ADD, q);
    p.from = from;
    zero_grads(r);
    loss = pass_loss(&p, true, NULL);
    pass_backward(&p);
    *x = fetch(r, r->a->layer[r->m->cfg.L].x, r->n);
    *g = fetch(r, model_params(r->m)->g, model_params(r->m)->n);
    return loss;
}

static void check_from(struct rig *r)
{
    size_t n = model_params(r->m)->n;

    for (size_t q = 0; q < r->places; q++)
        fill_ref(r, array_at(r, ADD, q), r->n, 300 + q, 0.1);
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
    for (size_t i = 0; i < FORMS; i++) {
        for (int full = 0; full < 2; full++) {
            struct rig r;
            struct vac_err err = {0};
            rig_open(&r, &forms[i], "cpu", 2, 14);
            if (full)
                assert_ok(model_train_full(r.m, &err), &err);
            else
                add_lora(&r, 3, false, 0.3, "all", 14);
            rig_ready(&r);
            check_from(&r);
            rig_close(&r);
        }
    }
}

/* keep_grad at all places with backward ending at `stop`; the places below it are left alone. */
static float *grads_until(struct rig *r, size_t stop)
{
    struct pass p = rig_pass(r);

    op_fill(r->c, array_at(r, KEEP_GRAD, 0), r->places * r->n, 77);
    for (size_t q = 0; q < r->places; q++)
        *tap_at(r, q) = (struct tap){.keep_grad = array_at(r, KEEP_GRAD, q)};
    p.stop = stop;
    p.grads = false;
    zero_grads(r);
    pass_loss(&p, true, NULL);
    pass_backward(&p);
    assert_true(op_sumsq(r->c, model_params(r->m)->g, model_params(r->m)->n) == 0);
    return fetch(r, array_at(r, KEEP_GRAD, 0), r->places * r->n);
}

static void test_stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        struct rig r;
        rig_open(&r, &forms[i], "cpu", 1, 15);
        rig_lora(&r, &lora_cases[5], 15);
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
        rig_close(&r);
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
                rig_open(&r[k], &forms[which[i]], k ? "fence" : "cpu", 1, 16);
                if (full)
                    assert_ok(model_train_full(r[k].m, &err), &err);
                else
                    add_lora(&r[k], 3, false, 0.3, "all", 16);
                rig_ready(&r[k]);
                tap_everything(&r[k], true);
                loss[k] = pass_once(&r[k], &r[k].b);
                g[k] = fetch(&r[k], model_params(r[k].m)->g, model_params(r[k].m)->n);
            }
            assert_true(fabs(loss[0] - loss[1]) <= 1e-6 * loss[0]);
            same_params(&r[0], "fence", g[1], g[0]);
            for (int k = 0; k < 2; k++) {
                free(g[k]);
                rig_close(&r[k]);
            }
        }
    }
}

/* A golden folder with its adapter; logits and the adapter's gradients. */
static float *golden_gradients(struct golden *g, const char *dir, float **logits)
{
    struct vac_err err = {0};

    model_close(g->m);
    acts_free(g->a);
    g->m = model_open(dir, g->c, &err);
    if (!g->m)
        fail_msg("%s", err.msg);
    assert_ok(model_add_peft(g->m, g->dir, true, 0, &err), &err);
    g->a = acts_new(g->m, g->b.N, g->b.N, g->b.N, true, &err);
    if (!g->a)
        fail_msg("%s", err.msg);
    *logits = all_logits(g->m, g->a, &g->b);
    struct pass p = {.m = g->m, .a = g->a, .b = &g->b, .grads = true, .scale = 1, .from = PLACE_START,
                     .stop = PLACE_START};
    const struct params *q = model_params(g->m);
    float *x = calloc(q->n, sizeof *x);
    pass_loss(&p, true, NULL);
    pass_backward(&p);
    compute_download(g->c, x, q->g, q->n);
    return x;
}

/* 16-bit weights are widened without loss: an F32 folder of the same numbers gives the same results. */
static void test_narrow_weights(void **state)
{
    (void)state;
    static const char *const folders[] = {"golden/llama-gqa", "golden/llama-rope3-tied", "golden/opt"};
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

/* One layer, sequences of one token, no label anywhere: nothing to learn, nothing goes wrong. */
static void test_edges(void **state)
{
    (void)state;
    static const size_t ones[] = {1, 1, 1};
    static const struct form small[] = {
        {.name = "one layer", .config = "{" LLAMA "\"hidden_size\":16,\"num_hidden_layers\":1}"},
        {.name = "one layer of opt",
         .config = "{\"model_type\":\"opt\",\"vocab_size\":29,\"hidden_size\":16,\"ffn_dim\":20,"
                   "\"num_hidden_layers\":1,\"num_attention_heads\":2,\"max_position_embeddings\":8,"
                   "\"word_embed_proj_dim\":8,\"do_layer_norm_before\":false}"}};
    for (size_t i = 0; i < 2; i++) {
        struct rig r;
        struct vac_err err = {0};
        struct batch b;
        double logp[3] = {1, 1, 1};
        int32_t top[3] = {-1, -1, -1};
        rig_open(&r, &small[i], "fence", 2, 17);
        assert_ok(model_train_full(r.m, &err), &err);
        rig_ready(&r);
        random_batch(&b, ones, 3, r.m->cfg.V, 0, 17);
        assert_int_equal(b.n_lab, 0);
        zero_grads(&r);
        assert_true(pass_once(&r, &b) == 0);
        assert_true(op_sumsq(r.c, model_params(r.m)->g, model_params(r.m)->n) == 0);
        struct pass p = rig_pass(&r);
        p.b = &b;
        pass_score(&p, logp, top);
        for (size_t s = 0; s < 3; s++)
            assert_true(logp[s] == 0 && top[s] >= 0 && top[s] < (int32_t)r.m->cfg.V);
        batch_done(&b);
        rig_close(&r);
    }
}

/* row_loss are the numbers that the loss is the sum of, and those that pass_score gives. */
static void test_row_losses(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMS; i++) {
        struct rig r;
        double row[ROWS], logp[ROWS], sum = 0, loss;
        rig_open(&r, &forms[i], "cpu", 1, 18);
        add_lora(&r, 3, false, 0, "all", 18);
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
        rig_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_lora),
        cmocka_unit_test(test_lower_adapter),
        cmocka_unit_test(test_taps),
        cmocka_unit_test(test_taps_full),
        cmocka_unit_test(test_tap_squares),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_micro_batches),
        cmocka_unit_test(test_from),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_fence),
        cmocka_unit_test(test_narrow_weights),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_row_losses),
    };

    return cmocka_run_group_tests_name("model_grad", tests, NULL, NULL);
}
