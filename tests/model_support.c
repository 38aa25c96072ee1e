/* model_support.c - see model_support.h */
#include "model_support.h"

#include "base/rng.h"

static void pack_json(struct batch *b, const char *path)
{
    struct vac_err err = {0};
    cJSON *doc = json_read(path, 1 << 20, &err), *x, *v, *y;
    size_t n = 0;

    if (!doc)
        fail_msg("%s", err.msg);
    assert_ok(batch_init(b, 256, 16, &err), &err);
    for (x = doc->child; x; x = x->next) {
        size_t start = n, i = 0;
        y = cJSON_GetObjectItemCaseSensitive(x, "labels")->child;
        for (v = cJSON_GetObjectItemCaseSensitive(x, "ids")->child; v; v = v->next, y = y->next, i++, n++) {
            b->ids[n] = v->valueint;
            b->pos[n] = (int32_t)i;
            b->slot[n] = (uint32_t)b->S;
            if (i && y->valueint >= 0) {
                b->lab_row[b->n_lab] = (int32_t)n - 1;
                b->lab_id[b->n_lab++] = y->valueint;
            }
        }
        b->seq[b->S++] = (struct seq){start, i, start, i};
    }
    b->N = n;
    cJSON_Delete(doc);
}

void golden_open(struct golden *g, const char *name, const char *backend, int threads, bool adapter, bool full)
{
    struct vac_err err = {0};
    char path[1200];

    *g = (struct golden){.dir = support_path(name)};
    g->c = compute_open(backend, threads, &err);
    if (!g->c)
        fail_msg("%s", err.msg);
    g->m = model_open(g->dir, g->c, &err);
    if (!g->m)
        fail_msg("%s", err.msg);
    if (adapter)
        assert_ok(model_add_peft(g->m, g->dir, true, -1, &err), &err);
    if (full)
        assert_ok(model_train_full(g->m, &err), &err);
    snprintf(path, sizeof path, "%s/batch.json", g->dir);
    pack_json(&g->b, path);
    g->a = acts_new(g->m, g->b.N, g->b.N, g->b.N, true, &err);
    if (!g->a)
        fail_msg("%s", err.msg);
    snprintf(path, sizeof path, "%s/expected.safetensors", g->dir);
    g->want = weights_open(path, &err);
    if (!g->want)
        fail_msg("%s", err.msg);
    snprintf(path, sizeof path, "%s/expected.json", g->dir);
    g->numbers = json_read(path, 1 << 20, &err);
    if (!g->numbers)
        fail_msg("%s", err.msg);
}

void golden_close(struct golden *g)
{
    acts_free(g->a);
    model_close(g->m);
    compute_close(g->c);
    batch_done(&g->b);
    weights_close(g->want);
    cJSON_Delete(g->numbers);
}

double golden_number(const struct golden *g, const char *key)
{
    cJSON *x = cJSON_GetObjectItemCaseSensitive(g->numbers, key);

    if (!cJSON_IsNumber(x))
        fail_msg("expected.json has no number %s", key);
    return x->valuedouble;
}

const float *golden_tensor(const struct golden *g, const char *name, size_t n)
{
    const struct st_tensor *t = weights_find(g->want, name);

    if (!t || t->numel != n || t->dtype != DTYPE_F32)
        fail_msg("expected.safetensors: %s is missing or has not %zu numbers", name, n);
    return t->data;
}

float *all_logits(struct model *m, struct acts *a, const struct batch *b)
{
    struct pass p = {.m = m, .a = a, .b = b, .from = PLACE_START, .stop = PLACE_START};
    const struct config *c = &m->cfg;
    struct vac_err err = {0};
    struct buf *buf = compute_alloc(m->c, b->N * c->V, &err);
    float *out = calloc(b->N * c->V, sizeof *out);

    if (!buf || !out)
        fail_msg("out of memory");
    pass_forward(&p);
    op_copy(m->c, a->head_x, a->layer[c->L].x, b->N * c->D);
    c->arch->final_forward(&p, b->N);
    op_linear(m->c, (struct ref){buf, 0}, a->head, m->head->w, REF_NONE, b->N, c->P, c->V, false);
    compute_download(m->c, out, (struct ref){buf, 0}, b->N * c->V);
    compute_release(m->c, buf);
    return out;
}

void fill_normal(float *x, size_t n, uint64_t seed, double sd)
{
    struct rng r = {.key = rng_key(seed, RNG_TEST, 0, 0)};

    for (size_t i = 0; i < n; i++)
        x[i] = (float)(sd * rng_normal(&r));
}

struct model *random_model(const char *config, struct compute *c, uint64_t seed)
{
    struct vac_err err = {0};
    cJSON *doc = json_parse(config, strlen(config), "config", &err);
    struct jnode root = json_root(doc, "config");
    struct model *m = doc ? model_random(&root, seed, c, &err) : NULL;
    float *x, *noise;

    if (!m)
        fail_msg("%s", err.msg);
    x = calloc(m->own_n, sizeof *x);
    noise = calloc(m->own_n, sizeof *noise);
    compute_download(c, x, (struct ref){m->owned, 0}, m->own_n);
    fill_normal(noise, m->own_n, seed + 1, 0.1);
    for (size_t i = 0; i < m->own_n; i++)
        x[i] += noise[i];
    compute_upload(c, (struct ref){m->owned, 0}, x, m->own_n);
    free(x);
    free(noise);
    cJSON_Delete(doc);
    return m;
}

void random_batch(struct batch *b, const size_t *len, size_t S, size_t V, size_t masked, uint64_t seed)
{
    struct rng r = {.key = rng_key(seed, RNG_TEST, 1, 0)};
    struct vac_err err = {0};
    size_t N = 0;

    for (size_t s = 0; s < S; s++)
        N += len[s];
    assert_ok(batch_init(b, N, S, &err), &err);
    for (size_t s = 0; s < S; s++) {
        b->seq[b->S++] = (struct seq){b->N, len[s], b->N, len[s]};
        for (size_t i = 0; i < len[s]; i++, b->N++) {
            b->ids[b->N] = (int32_t)rng_below(&r, V);
            b->pos[b->N] = (int32_t)i;
            b->slot[b->N] = (uint32_t)s;
            if (i > masked) {
                b->lab_row[b->n_lab] = (int32_t)b->N - 1;
                b->lab_id[b->n_lab++] = b->ids[b->N];
            }
        }
    }
}

void copy_file(const char *from, const char *to, const char *name)
{
    struct vac_err err = {0};
    char path[1200];
    size_t n;
    char *text;

    snprintf(path, sizeof path, "%s/%s", from, name);
    text = file_read(path, (size_t)1 << 28, &n, &err);
    if (!text)
        fail_msg("%s", err.msg);
    snprintf(path, sizeof path, "%s/%s", to, name);
    support_write(path, text, n);
    free(text);
}

static void put_narrowed(struct st_writer *w, const struct st_tensor *x, enum dtype t)
{
    struct vac_err err = {0};
    float *f = calloc(x->numel, sizeof *f);
    void *half = calloc(x->numel, sizeof(float));

    dtype_widen(f, x->data, x->dtype, x->numel);
    dtype_narrow(half, f, t, x->numel);
    dtype_widen(f, half, t, x->numel);
    assert_ok(st_put(w, f, x->numel, &err), &err);
    free(half);
    free(f);
}

void narrow_folder(const char *from, const char *to, enum dtype t, bool widen)
{
    struct vac_err err = {0};
    struct weights *in = weights_open(from, &err);
    struct st_writer *w;
    char path[1200];
    size_t n;

    snprintf(path, sizeof path, "%s/model.safetensors", to);
    w = in ? st_create(path, &err) : NULL;
    if (!w)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < weights_count(in); i++) {
        const struct st_tensor *x = weights_at(in, i);
        assert_ok(st_declare(w, x->name, widen ? DTYPE_F32 : t, x->rank, x->shape, &err), &err);
    }
    assert_ok(st_begin(w, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        put_narrowed(w, weights_find(in, st_order(w, i)), t);
    assert_ok(st_commit(w, &err), &err);
    st_free(w);
    weights_close(in);
    copy_file(from, to, "config.json");
}
