/* test_compute_products.c - matrix products, low-rank products, attention and the head, against
 * plain loops in double and against central differences. */
#include "support_compute.h"
#include <math.h>

static const size_t rows_of[] = {1, 2, 3, 17, 67};
static const size_t widths_of[] = {1, 5, 33, 130};
static const size_t ranks_of[] = {1, 3, 8, 17, 70};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- plain products in double --- */

struct mat {
    const float *x;
    size_t rows, cols; /* of the stored array */
    bool t;            /* read transposed */
    size_t ld;
};

static struct mat mat(const float *x, size_t rows, size_t cols, size_t ld)
{
    return (struct mat){.x = x, .rows = rows, .cols = cols, .ld = ld};
}

static struct mat flip(struct mat a)
{
    a.t = !a.t;
    return a;
}

static double mat_get(struct mat a, size_t i, size_t j)
{
    return (double)(a.t ? a.x[j * a.ld + i] : a.x[i * a.ld + j]);
}

/* got = s a b + start (NULL = nothing), all dense: every number is right to tol of the sum of the
 * sizes of its terms, since terms may cancel. */
static void check_mul(struct rig *rig, const char *what, const float *got, struct mat a,
                      struct mat b, double s, const float *start)
{
    size_t m = a.t ? a.cols : a.rows, k = a.t ? a.rows : a.cols, n = b.t ? b.rows : b.cols;

    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0, size = 0, base = start ? (double)start[i * n + j] : 0;
            for (size_t l = 0; l < k; l++) {
                double term = s * mat_get(a, i, l) * mat_get(b, l, j);
                sum += term;
                size += fabs(term);
            }
            if (!(fabs((double)got[i * n + j] - sum - base) <= 1e-6 * (size + fabs(base))))
                fail_msg("%s: %s: [%zu,%zu] is %.9g, not %.9g (terms %.3g)", rig->name, what, i, j,
                         (double)got[i * n + j], sum + base, size);
        }
}

/* --- linear --- */

struct linear_case {
    float *x, *w, *b, *dy, *y0, *dx0, *dw0, *db0;
    struct ref rx, rw, rb, rdy;
};

static struct linear_case linear_case(struct rig *rig, size_t N, size_t D, size_t M, enum dtype t)
{
    struct linear_case k = {.x = rig_random(rig, N * D),
                            .w = rig_random(rig, M * D),
                            .b = rig_random(rig, M),
                            .dy = rig_random(rig, N * M),
                            .y0 = rig_random(rig, N * M),
                            .dx0 = rig_random(rig, N * D),
                            .dw0 = rig_random(rig, M * D),
                            .db0 = rig_random(rig, M)};

    k.rx = rig_in(rig, k.x, N * D);
    k.rw = rig_wrap(rig, k.w, t, M * D);
    k.rb = rig_wrap(rig, k.b, t, M);
    k.rdy = rig_in(rig, k.dy, N * M);
    return k;
}

/* y0 + b in every row, what a biased product starts from. */
static float *with_bias(struct rig *rig, const float *y0, const float *b, size_t N, size_t M)
{
    float *y = rig_floats(rig, N * M);

    for (size_t i = 0; i < N * M; i++)
        y[i] = (y0 ? y0[i] : 0) + b[i % M];
    return y;
}

static void linear_forward(struct rig *rig, const struct linear_case *k, size_t N, size_t D,
                           size_t M)
{
    struct mat x = mat(k->x, N, D, D), w = flip(mat(k->w, M, D, D));
    struct ref y = rig_out(rig, NULL, N * M), more = rig_out(rig, k->y0, N * M);
    struct ref both = rig_out(rig, k->y0, N * M);

    op_linear(rig->c, y, k->rx, k->rw, REF_NONE, N, D, M, false);
    check_mul(rig, "linear", rig_get(rig, y, N * M), x, w, 1, NULL);
    op_linear(rig->c, y, k->rx, k->rw, k->rb, N, D, M, false);
    check_mul(rig, "linear with bias", rig_get(rig, y, N * M), x, w, 1,
              with_bias(rig, NULL, k->b, N, M));
    op_linear(rig->c, more, k->rx, k->rw, REF_NONE, N, D, M, true);
    check_mul(rig, "linear added", rig_get(rig, more, N * M), x, w, 1, k->y0);
    op_linear(rig->c, both, k->rx, k->rw, k->rb, N, D, M, true);
    check_mul(rig, "linear added with bias", rig_get(rig, both, N * M), x, w, 1,
              with_bias(rig, k->y0, k->b, N, M));
}

static void linear_backward(struct rig *rig, const struct linear_case *k, size_t N, size_t D,
                            size_t M)
{
    struct mat dy = mat(k->dy, N, M, M), w = mat(k->w, M, D, D), x = mat(k->x, N, D, D);
    struct ref dx = rig_out(rig, NULL, N * D), more = rig_out(rig, k->dx0, N * D);
    struct ref dw = rig_out(rig, k->dw0, M * D), db = rig_out(rig, k->db0, M);
    float *ones = rig_floats(rig, N);

    for (size_t n = 0; n < N; n++)
        ones[n] = 1;
    op_linear_dx(rig->c, dx, k->rdy, k->rw, N, D, M, false);
    check_mul(rig, "linear_dx", rig_get(rig, dx, N * D), dy, w, 1, NULL);
    op_linear_dx(rig->c, more, k->rdy, k->rw, N, D, M, true);
    check_mul(rig, "linear_dx added", rig_get(rig, more, N * D), dy, w, 1, k->dx0);
    op_linear_dw(rig->c, dw, REF_NONE, k->rdy, k->rx, N, D, M);
    op_linear_dw(rig->c, REF_NONE, db, k->rdy, k->rx, N, D, M);
    check_mul(rig, "linear_dw", rig_get(rig, dw, M * D), flip(dy), x, 1, k->dw0);
    check_mul(rig, "linear_db", rig_get(rig, db, M), mat(ones, 1, N, N), dy, 1, k->db0);
}

static void linear(struct rig *rig, size_t N, size_t D, size_t M, enum dtype t)
{
    struct linear_case k = linear_case(rig, N, D, M, t);

    linear_forward(rig, &k, N, D, M);
    linear_backward(rig, &k, N, D, M);
    rig_done(rig);
}

static void linear_rig(struct rig *rig)
{
    for (size_t i = 0; i < COUNT(rows_of); i++)
        for (size_t j = 0; j < COUNT(widths_of); j++)
            for (int t = 0; t < 3; t++)
                linear(rig, rows_of[i], widths_of[j], widths_of[COUNT(widths_of) - 1 - j] + j,
                       (enum dtype)t);
    for (int t = 0; t < 3; t++) {
        linear(rig, 131, 270, 601, (enum dtype)t); /* several threads, several groups of rows */
        linear(rig, 3, 700, 1500, (enum dtype)t);
        linear(rig, 131, 1024, 70, (enum dtype)t); /* whole pages between the rows of x */
    }
}

static void test_linear(void **state)
{
    (void)state;
    rigs_each(linear_rig);
}

/* --- LoRA --- */

struct lora {
    size_t N, D, R, ld, at; /* R columns of h, from column `at` of rows ld apart */
    float *x, *a, *h, *dh, *y0;
    struct ref rx, ra, rh, rdh;
};

static struct lora lora_case(struct rig *rig, size_t N, size_t D, size_t R)
{
    struct lora k = {.N = N,
                     .D = D,
                     .R = R,
                     .ld = R + 5,
                     .at = 2,
                     .x = rig_random(rig, N * D),
                     .a = rig_random(rig, R * D),
                     .h = rig_random(rig, N * (R + 5)),
                     .dh = rig_random(rig, N * (R + 5)),
                     .y0 = rig_random(rig, N * D)};

    k.rx = rig_in(rig, k.x, N * D);
    k.ra = rig_in(rig, k.a, R * D);
    k.rh = ref_at(rig_in(rig, k.h, N * k.ld), k.at);
    k.rdh = ref_at(rig_in(rig, k.dh, N * k.ld), k.at);
    return k;
}

/* The R columns that an op wrote; those beside them must be as before. */
static float *columns(struct rig *rig, const char *what, const struct lora *k, struct ref r,
                      const float *before)
{
    float *got = rig_get(rig, r, k->N * k->ld), *inside = rig_floats(rig, k->N * k->R);

    for (size_t i = 0; i < k->N * k->ld; i++) {
        size_t n = i / k->ld, col = i % k->ld;
        if (col >= k->at && col < k->at + k->R)
            inside[n * k->R + col - k->at] = got[i];
        else if (memcmp(&got[i], &before[i], sizeof(float)) != 0)
            fail_msg("%s: %s wrote beside its columns", rig->name, what);
    }
    return inside;
}

static void lora_down(struct rig *rig, const struct lora *k)
{
    size_t N = k->N, D = k->D, R = k->R;
    struct mat x = mat(k->x, N, D, D), a = mat(k->a, R, D, D);
    struct mat dh = mat(k->dh + k->at, N, R, k->ld);
    struct ref h = rig_out(rig, k->h, N * k->ld), dx = rig_out(rig, NULL, N * D);
    struct ref more = rig_out(rig, k->y0, N * D), da = rig_out(rig, k->a, R * D);

    op_lora_down(rig->c, ref_at(h, k->at), k->ld, k->rx, k->ra, N, D, R);
    check_mul(rig, "lora_down", columns(rig, "lora_down", k, h, k->h), x, flip(a), 1, NULL);
    op_lora_down_dx(rig->c, dx, k->rdh, k->ld, k->ra, N, D, R, false);
    check_mul(rig, "lora_down_dx", rig_get(rig, dx, N * D), dh, a, 1, NULL);
    op_lora_down_dx(rig->c, more, k->rdh, k->ld, k->ra, N, D, R, true);
    check_mul(rig, "lora_down_dx added", rig_get(rig, more, N * D), dh, a, 1, k->y0);
    op_lora_down_dw(rig->c, da, k->rdh, k->ld, k->rx, N, D, R);
    check_mul(rig, "lora_down_dw", rig_get(rig, da, R * D), flip(dh), x, 1, k->a);
}

/* Here x plays dy and a plays b, read as [D,R]. */
static void lora_up(struct rig *rig, const struct lora *k)
{
    const float s = -0.37f;
    const double sd = (double)s;
    size_t N = k->N, M = k->D, R = k->R;
    struct mat dy = mat(k->x, N, M, M), b = mat(k->a, M, R, R);
    struct mat h = mat(k->h + k->at, N, R, k->ld);
    struct ref y = rig_out(rig, k->y0, N * M), dh = rig_out(rig, k->dh, N * k->ld);
    struct ref db = rig_out(rig, k->a, M * R), at = ref_at(dh, k->at);

    op_lora_up(rig->c, y, k->rh, k->ld, k->ra, s, N, M, R);
    check_mul(rig, "lora_up", rig_get(rig, y, N * M), h, flip(b), sd, k->y0);
    op_lora_up_bwd(rig->c, at, k->ld, REF_NONE, k->rx, REF_NONE, k->ra, s, N, M, R);
    check_mul(rig, "lora_up_bwd", columns(rig, "lora_up_bwd", k, dh, k->dh), dy, b, sd, NULL);
    op_lora_up_bwd(rig->c, at, k->ld, db, k->rx, k->rh, k->ra, s, N, M, R);
    check_mul(rig, "lora_up_bwd", columns(rig, "lora_up_bwd", k, dh, k->dh), dy, b, sd, NULL);
    check_mul(rig, "lora_up_bwd db", rig_get(rig, db, M * R), flip(dy), h, sd, k->a);
}

static void lora_merge(struct rig *rig, size_t M, size_t D, size_t R)
{
    float *w = rig_random(rig, M * D), *a = rig_random(rig, R * D), *b = rig_random(rig, M * R);
    struct ref rw = rig_out(rig, w, M * D), ra = rig_in(rig, a, R * D), rb = rig_in(rig, b, M * R);

    op_lora_merge(rig->c, rw, ra, rb, 0.5f, M, D, R);
    check_mul(rig, "lora_merge", rig_get(rig, rw, M * D), mat(b, M, R, R), mat(a, R, D, D), 0.5, w);
}

static void lora(struct rig *rig, size_t N, size_t D, size_t R)
{
    struct lora k = lora_case(rig, N, D, R);

    lora_down(rig, &k);
    lora_up(rig, &k);
    lora_merge(rig, N, D, R);
    rig_done(rig);
}

static void lora_rig(struct rig *rig)
{
    for (size_t i = 0; i < COUNT(rows_of); i++)
        for (size_t j = 0; j < COUNT(widths_of); j++)
            for (size_t r = 0; r < COUNT(ranks_of); r++)
                lora(rig, rows_of[i], widths_of[j], ranks_of[r]);
    lora(rig, 301, 203, 24);
    lora(rig, 131, 130, 64);
}

static void test_lora(void **state)
{
    (void)state;
    rigs_each(lora_rig);
}

/* --- attention --- */

struct att {
    size_t S, H, K, E, N, NK; /* rows of q and of k */
    struct seq seqs[4];
    double *q, *k, *v, *dy, *y, *lse;
    double s, cap;
    size_t window;
};

static struct attn_form att_form(const struct att *o)
{
    return (struct attn_form){.H = o->H,
                              .K = o->K,
                              .E = o->E,
                              .scale = (float)o->s,
                              .window = o->window,
                              .cap = (float)o->cap};
}

static void att_row(const struct att *o, const struct seq *seq, size_t i, size_t h)
{
    size_t seen = seq->nk - seq->nq + i + 1, kh = h / (o->H / o->K), at = seq->q0 + i;
    size_t from = o->window && seen > o->window ? seen - o->window : 0;
    const double *q = o->q + (at * o->H + h) * o->E;
    double *y = o->y + (at * o->H + h) * o->E, p[600], top = -INFINITY, sum = 0;

    for (size_t j = from; j < seen; j++) {
        const double *k = o->k + ((seq->k0 + j) * o->K + kh) * o->E;
        p[j] = 0;
        for (size_t e = 0; e < o->E; e++)
            p[j] += o->s * q[e] * k[e];
        p[j] = o->cap > 0 ? o->cap * tanh(p[j] / o->cap) : p[j];
        top = fmax(top, p[j]);
    }
    for (size_t j = from; j < seen; j++)
        sum += exp(p[j] - top);
    o->lse[at * o->H + h] = top + log(sum);
    for (size_t e = 0; e < o->E; e++)
        y[e] = 0;
    for (size_t j = from; j < seen; j++)
        for (size_t e = 0; e < o->E; e++)
            y[e] += exp(p[j] - top) / sum * o->v[((seq->k0 + j) * o->K + kh) * o->E + e];
}

static double att_loss(void *ctx)
{
    const struct att *o = ctx;
    double loss = 0;

    for (size_t i = 0; i < o->S; i++)
        for (size_t n = 0; n < o->seqs[i].nq; n++)
            for (size_t h = 0; h < o->H; h++)
                att_row(o, &o->seqs[i], n, h);
    for (size_t i = 0; o->dy && i < o->N * o->H * o->E; i++)
        loss += o->dy[i] * o->y[i];
    return loss;
}

/* Lays out S sequences of the given numbers of queries and keys one after another. */
static struct att att_layout(const size_t (*len)[2], size_t S, size_t H, size_t K, size_t E)
{
    struct att o = {.S = S, .H = H, .K = K, .E = E, .s = (double)(float)(1 / sqrt((double)E))};

    for (size_t i = 0; i < S; i++) {
        o.seqs[i] = (struct seq){.q0 = o.N, .nq = len[i][0], .k0 = o.NK, .nk = len[i][1]};
        o.N += len[i][0];
        o.NK += len[i][1];
    }
    return o;
}

static float *wider(struct rig *rig, size_t n, float by)
{
    float *x = rig_random(rig, n);

    for (size_t i = 0; i < n; i++)
        x[i] *= by;
    return x;
}

static void att_backward(struct rig *rig, struct att *o, struct ref q, struct ref k, struct ref v,
                         struct ref y, struct ref lse)
{
    size_t nq = o->N * o->H * o->E, nk = o->NK * o->K * o->E;
    float *dy = rig_random(rig, nq);
    struct ref rdy = rig_in(rig, dy, nq), dq = rig_out(rig, NULL, nq), dk = rig_out(rig, NULL, nk);
    struct ref dv = rig_out(rig, NULL, nk);
    struct attn_form form = att_form(o);

    o->dy = rig_widen(rig, dy, nq);
    op_attention_bwd(rig->c, dq, dk, dv, rdy, y, lse, q, k, v, o->seqs, o->S, &form);
    rig_check_grad(rig, "attention dq", att_loss, o, o->q, rig_get(rig, dq, nq), nq, 2e-5);
    rig_check_grad(rig, "attention dk", att_loss, o, o->k, rig_get(rig, dk, nk), nk, 2e-5);
    rig_check_grad(rig, "attention dv", att_loss, o, o->v, rig_get(rig, dv, nk), nk, 2e-5);
}

static void attention(struct rig *rig, const size_t (*len)[2], size_t S, const size_t heads[3],
                      size_t window, double cap, bool backward)
{
    size_t H = heads[0], K = heads[1], E = heads[2];
    struct att o = att_layout(len, S, H, K, E);
    struct attn_form form;
    size_t nq = o.N * H * E, nk = o.NK * K * E;
    float *q = wider(rig, nq, 3), *k = wider(rig, nk, 3), *v = rig_random(rig, nk);
    struct ref rq = rig_in(rig, q, nq), rk = rig_in(rig, k, nk), rv = rig_in(rig, v, nk);
    struct ref y = rig_out(rig, NULL, nq), lse = rig_out(rig, NULL, o.N * H);

    o.window = window;
    o.cap = cap;
    form = att_form(&o);
    o.q = rig_widen(rig, q, nq);
    o.k = rig_widen(rig, k, nk);
    o.v = rig_widen(rig, v, nk);
    o.y = rig_doubles(rig, nq);
    o.lse = rig_doubles(rig, o.N * H);
    att_loss(&o);
    op_attention(rig->c, y, REF_NONE, rq, rk, rv, o.seqs, S, &form);
    rig_check(rig, "attention without lse", rig_get(rig, y, nq), o.y, nq, 3e-6);
    op_attention(rig->c, y, lse, rq, rk, rv, o.seqs, S, &form);
    rig_check(rig, "attention", rig_get(rig, y, nq), o.y, nq, 3e-6);
    rig_check(rig, "attention lse", rig_get(rig, lse, o.N * H), o.lse, o.N * H, 3e-6);
    if (backward)
        att_backward(rig, &o, rq, rk, rv, y, lse);
    rig_done(rig);
}

static void attention_rig(struct rig *rig)
{
    static const size_t one[][2] = {{1, 1}};
    static const size_t packed[][2] = {{67, 67}, {1, 1}, {64, 64}, {17, 17}};
    static const size_t longer[][2] = {{150, 150}, {3, 3}};
    static const size_t cached[][2] = {{1, 40}, {3, 200}, {70, 131}, {1, 513}};
    static const size_t heads[][3] = {{1, 1, 5}, {6, 2, 8}, {4, 1, 33}, {3, 3, 64}};

    static const size_t windows[] = {1, 7, 64, 65, 149};

    for (size_t i = 0; i < COUNT(heads); i++) {
        attention(rig, one, 1, heads[i], 0, 0, true);
        attention(rig, packed, 4, heads[i], 0, 0, true);
        attention(rig, longer, 2, heads[i], 0, 0, i == 1);
        attention(rig, cached, 4, heads[i], 0, 0, false);
        attention(rig, packed, 4, heads[i], 9, 2, true);
    }
    for (size_t i = 0; i < COUNT(windows); i++) {
        attention(rig, longer, 2, heads[1], windows[i], 0, i == 2);
        attention(rig, cached, 4, heads[2], windows[i], 3, false);
    }
}

static void test_attention(void **state)
{
    (void)state;
    rigs_each(attention_rig);
}

/* Scores far apart: one key takes all, the others underflow, nothing becomes NaN. */
static void attention_extreme_rig(struct rig *rig)
{
    enum { T = 70, E = 8 };
    const struct seq seq = {.nq = T, .nk = T};
    float *q = wider(rig, T * E, 1e4f), *v = rig_random(rig, T * E);
    struct ref rq = rig_in(rig, q, T * E), rv = rig_in(rig, v, T * E);
    struct ref y = rig_out(rig, NULL, T * E), lse = rig_out(rig, NULL, T);
    struct ref dq = rig_out(rig, NULL, T * E), dk = rig_out(rig, NULL, T * E);
    struct ref dv = rig_out(rig, NULL, T * E);
    const struct ref all[] = {y, dq, dk, dv};
    const struct attn_form form = {.H = 1, .K = 1, .E = E, .scale = 1};

    op_attention(rig->c, y, lse, rq, rq, rv, &seq, 1, &form);
    op_attention_bwd(rig->c, dq, dk, dv, rv, y, lse, rq, rq, rv, &seq, 1, &form);
    for (size_t a = 0; a < COUNT(all); a++) {
        float *x = rig_get(rig, all[a], T * E);
        for (size_t i = 0; i < T * E; i++)
            assert_true(isfinite(x[i]));
    }
}

static void test_attention_extreme(void **state)
{
    (void)state;
    rigs_each(attention_extreme_rig);
}

/* --- the head --- */

struct head {
    double *h, *w;
    const int32_t *label;
    size_t N, D, V;
    double scale, cap;
};

static double head_row(const struct head *o, size_t n, int32_t id, int32_t *best)
{
    double top = -INFINITY, sum = 0, hit = 0;
    double *x = malloc(o->V * sizeof(*x));

    assert_non_null(x);
    for (size_t v = 0; v < o->V; v++) {
        x[v] = 0;
        for (size_t d = 0; d < o->D; d++)
            x[v] += o->h[n * o->D + d] * o->w[v * o->D + d];
        x[v] = o->cap > 0 ? o->cap * tanh(x[v] / o->cap) : x[v];
        if (x[v] > top && best)
            *best = (int32_t)v;
        top = fmax(top, x[v]);
    }
    for (size_t v = 0; v < o->V; v++)
        sum += exp(x[v] - top);
    hit = x[id];
    free(x);
    return top + log(sum) - hit;
}

static double head_loss(void *ctx)
{
    const struct head *o = ctx;
    double loss = 0;

    for (size_t n = 0; n < o->N; n++)
        loss += head_row(o, n, o->label[n], NULL);
    return loss * o->scale;
}

struct head_case {
    float *h, *w, *dw0;
    int32_t *label;
    struct ref rh, rw;
    struct head o;
};

static struct head_case head_case(struct rig *rig, size_t N, size_t D, size_t V, double cap,
                                  enum dtype t)
{
    struct head_case k = {.h = wider(rig, N * D, 2),
                          .w = rig_random(rig, V * D),
                          .dw0 = rig_random(rig, V * D),
                          .label = (int32_t *)(void *)rig_floats(rig, N)};

    for (size_t n = 0; n < N; n++)
        k.label[n] = (int32_t)((n * 37 + V - 1) % V);
    k.rh = rig_in(rig, k.h, N * D);
    k.rw = rig_wrap(rig, k.w, t, V * D);
    k.o = (struct head){.h = rig_widen(rig, k.h, N * D),
                        .w = rig_widen(rig, k.w, V * D),
                        .label = k.label,
                        .N = N,
                        .D = D,
                        .V = V,
                        .scale = (double)0.125f,
                        .cap = cap};
    return k;
}

static void head_gradients(struct rig *rig, struct head_case *k, size_t N, size_t D, size_t V)
{
    struct ref dh = rig_out(rig, NULL, N * D), only = rig_out(rig, NULL, N * D);
    struct ref dw = rig_out(rig, k->dw0, V * D);
    float *got, cap = (float)k->o.cap;

    op_xent(rig->c, k->rh, k->rw, k->label, dh, dw, N, D, V, cap, 0.125f, NULL);
    op_xent(rig->c, k->rh, k->rw, k->label, only, REF_NONE, N, D, V, cap, 0.125f, NULL);
    assert_memory_equal(rig_get(rig, dh, N * D), rig_get(rig, only, N * D), N * D * sizeof(float));
    rig_check_grad(rig, "xent dh", head_loss, &k->o, k->o.h, rig_get(rig, dh, N * D), N * D, 2e-5);
    got = rig_get(rig, dw, V * D);
    for (size_t i = 0; i < V * D; i++)
        got[i] -= k->dw0[i];
    rig_check_grad(rig, "xent dw", head_loss, &k->o, k->o.w, got, V * D, 2e-5);
}

static void head_forward(struct rig *rig, struct head_case *k, size_t N, size_t D, size_t V)
{
    double *row = rig_doubles(rig, N), *logp = rig_doubles(rig, N), total = 0, got;
    int32_t *top = (int32_t *)(void *)rig_floats(rig, N);
    int32_t *again = (int32_t *)(void *)rig_floats(rig, N);
    float cap = (float)k->o.cap;

    got = op_xent(rig->c, k->rh, k->rw, k->label, REF_NONE, REF_NONE, N, D, V, cap, 1, row);
    op_logprobs(rig->c, k->rh, k->rw, k->label, N, D, V, cap, logp, top);
    op_logprobs(rig->c, k->rh, k->rw, NULL, N, D, V, cap, NULL, again);
    for (size_t n = 0; n < N; n++) {
        int32_t best = 0;
        double want = head_row(&k->o, n, k->label[n], &best);
        total += want;
        assert_true(fabs(row[n] - want) <= 3e-6 * (1 + fabs(want)));
        assert_true(fabs(logp[n] + want) <= 3e-6 * (1 + fabs(want)));
        assert_int_equal(top[n], best);
        assert_int_equal(again[n], best);
    }
    assert_true(fabs(got - total) <= 3e-6 * (1 + fabs(total)));
}

static void head(struct rig *rig, size_t N, size_t D, size_t V, double cap, enum dtype t)
{
    struct head_case k = head_case(rig, N, D, V, cap, t);

    head_forward(rig, &k, N, D, V);
    head_gradients(rig, &k, N, D, V);
    rig_done(rig);
}

static void head_rig(struct rig *rig)
{
    for (size_t i = 0; i < COUNT(rows_of); i++)
        for (int t = 0; t < 3; t++)
            head(rig, rows_of[i], widths_of[(i + (size_t)t) % COUNT(widths_of)], 97, t == 1 ? 5 : 0,
                 (enum dtype)t);
    for (int t = 0; t < 3; t++)
        head(rig, 17, 33, 1003, 0, (enum dtype)t);
    head(rig, 300, 5, 600, 0, DTYPE_F32); /* two chunks */
    head(rig, 300, 5, 600, 2, DTYPE_F32);
}

static void test_head(void **state)
{
    (void)state;
    rigs_each(head_rig);
}

/* Huge logits, logits of -inf (a whole block of them too), and equal logits. */
static void head_extreme_rig(struct rig *rig)
{
    enum { V = 1003, N = 3 };
    float *w = rig_floats(rig, V), h[N] = {1, 1, 0};
    int32_t label[N] = {1000, 999, 5}, top[N];
    double row[N], logp[N];
    struct ref rw, rh = rig_in(rig, h, N), dh = rig_out(rig, NULL, N);
    float *grad;

    for (size_t v = 0; v < V; v++)
        w[v] = v < 600 ? -INFINITY : v == 1000 ? 3e4f : v == 1001 ? 3e4f : -3e30f;
    h[2] = 2;
    rh = rig_in(rig, h, N);
    rw = rig_wrap(rig, w, DTYPE_F32, V);
    label[2] = 1001;
    op_xent(rig->c, rh, rw, label, REF_NONE, REF_NONE, N, 1, V, 0, 1, row);
    op_logprobs(rig->c, rh, rw, label, N, 1, V, 0, logp, NULL);
    assert_true(fabs(row[0] - log(2)) < 1e-6 && fabs(row[2] - log(2)) < 1e-6);
    assert_true(isfinite(row[1]) && row[1] > 1e30);
    assert_true(fabs(logp[0] + log(2)) < 1e-6);
    op_logprobs(rig->c, rh, rw, label, N, 1, V, 0, logp, top);
    for (size_t n = 0; n < N; n++)
        assert_true(isnan(logp[n])); /* who asks for the largest is told that not all are numbers */
    for (size_t v = 0; v < 600; v++)
        w[v] = -1e30f;
    rw = rig_wrap(rig, w, DTYPE_F32, V);
    op_logprobs(rig->c, rh, rw, label, N, 1, V, 0, logp, top);
    assert_true(fabs(logp[0] + log(2)) < 1e-6);
    for (size_t n = 0; n < N; n++)
        assert_int_equal(top[n], 1000); /* the lower of two equals */
    op_xent(rig->c, rh, rw, label, dh, REF_NONE, N, 1, V, 0, 1, row);
    grad = rig_get(rig, dh, N);
    for (size_t n = 0; n < N; n++)
        assert_true(isfinite(grad[n]) && isfinite(row[n]));
}

static void test_head_extreme(void **state)
{
    (void)state;
    rigs_each(head_extreme_rig);
}

/* --- the same call gives the same bits --- */

static void twice(struct rig *rig, struct ref y, size_t n, float *first, bool again)
{
    float *now = rig_get(rig, y, n);

    if (again)
        assert_memory_equal(now, first, n * sizeof(float));
    memcpy(first, now, n * sizeof(float));
}

static void repeat_rig(struct rig *rig)
{
    enum { N = 300, D = 192, V = 1003, R = 8 };
    const struct seq seqs[] = {{0, 170, 0, 170}, {170, 130, 170, 130}};
    float *x = rig_random(rig, N * D), *w = rig_random(rig, V * D), *first[4];
    struct ref rx = rig_in(rig, x, N * D), rw = rig_wrap(rig, w, DTYPE_BF16, V * D);
    struct ref y = rig_out(rig, NULL, N * D), lse = rig_out(rig, NULL, N * 6);
    struct ref dh = rig_out(rig, NULL, N * D), hr = rig_out(rig, NULL, N * R);
    struct ref dq = rig_out(rig, NULL, N * D), dk = rig_out(rig, NULL, N * 64);
    struct ref dv = rig_out(rig, NULL, N * 64);
    const struct attn_form form = {.H = 6, .K = 2, .E = 32, .scale = 0.2f};
    int32_t label[N];
    double loss[2];

    for (size_t i = 0; i < N; i++)
        label[i] = (int32_t)(i * 3 % V);
    for (int i = 0; i < 4; i++)
        first[i] = rig_floats(rig, N * D);
    for (int i = 0; i < 2; i++) {
        op_linear(rig->c, y, rx, rw, REF_NONE, N, D, D, false);
        twice(rig, y, N * D, first[0], i);
        op_attention(rig->c, y, lse, rx, rx, rx, seqs, 2, &form);
        op_attention_bwd(rig->c, dq, dk, dv, rx, y, lse, rx, rx, rx, seqs, 2, &form);
        twice(rig, dk, N * 64, first[1], i);
        loss[i] = op_xent(rig->c, rx, rw, label, dh, REF_NONE, N, D, V, 0, 1, NULL);
        twice(rig, dh, N * D, first[2], i);
        op_lora_down(rig->c, hr, R, rx, rx, N, D, R);
        twice(rig, hr, N * R, first[3], i);
    }
    assert_memory_equal(&loss[0], &loss[1], sizeof(double));
}

static void test_repeat(void **state)
{
    (void)state;
    rigs_each(repeat_rig);
}

/* The loss does not depend on the threads, whether blocks of the vocabulary, rows or both are dealt out. */
static void head_threads(size_t N, size_t D, size_t V)
{
    struct vac_err err = {0};
    float *x = malloc((N + V) * D * sizeof(*x));
    double *row = malloc(2 * N * sizeof(*row));
    int32_t *label = malloc(N * sizeof(*label));

    assert_true(x && row && label);
    rig_seed(6);
    for (size_t i = 0; i < (N + V) * D; i++)
        x[i] = (float)rig_number();
    for (size_t n = 0; n < N; n++)
        label[n] = (int32_t)(n * 7919 % V);
    for (int threads = 1; threads <= 5; threads++) {
        struct compute *c = compute_open("cpu", threads, NULL, &err);
        struct compute_limits lim = {
            .rows = N, .seq = 1, .width = D, .vocab = V, .head = D, .train = true};
        struct buf *b = compute_wrap(c, x, DTYPE_F32, (N + V) * D, &err);
        struct buf *dh = compute_alloc(c, N * D, &err);

        assert_int_equal(compute_reserve(c, &lim, &err), 0);
        op_xent(c, (struct ref){b, 0}, (struct ref){b, N * D}, label, (struct ref){dh, 0}, REF_NONE,
                N, D, V, 0, 1, threads == 1 ? row : row + N);
        assert_true(threads == 1 || !memcmp(row, row + N, N * sizeof(*row)));
        compute_release(c, dh);
        compute_release(c, b);
        compute_close(c);
    }
    free(x);
    free(row);
    free(label);
}

static void test_head_threads(void **state)
{
    (void)state;
    head_threads(300, 48, 512);
    head_threads(131, 33, 700);
    head_threads(64, 16, 2500);
}

/* --- what is left without a direction --- */

static void projection(struct rig *rig, size_t N, size_t D)
{
    float *x = rig_random(rig, N * D), *u = rig_random(rig, D);
    struct ref rx, ru;
    double sq = 0, *want = rig_doubles(rig, N * D);

    for (size_t d = 0; d < D; d++)
        sq += (double)u[d] * (double)u[d];
    for (size_t d = 0; d < D; d++)
        u[d] = (float)((double)u[d] / sqrt(sq));
    ru = rig_in(rig, u, D);
    rx = rig_out(rig, x, N * D);
    for (size_t n = 0; n < N; n++) {
        double along = 0;

        for (size_t d = 0; d < D; d++)
            along += (double)x[n * D + d] * (double)u[d];
        for (size_t d = 0; d < D; d++)
            want[n * D + d] = (double)x[n * D + d] - along * (double)u[d];
    }
    op_project(rig->c, rx, ru, N, D);
    rig_check(rig, "project", rig_get(rig, rx, N * D), want, N * D, 2e-6);
    rig_done(rig);
}

static void projection_rig(struct rig *rig)
{
    for (size_t i = 0; i < COUNT(rows_of); i++)
        for (size_t j = 0; j < COUNT(widths_of); j++)
            projection(rig, rows_of[i], widths_of[j]);
    projection(rig, 400, 130);
}

static void test_projection(void **state)
{
    (void)state;
    rigs_each(projection_rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_threads),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_lora),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_attention_extreme),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_head_extreme),
        cmocka_unit_test(test_repeat),
        cmocka_unit_test(test_projection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
