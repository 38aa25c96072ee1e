/* model_support.c - see model_support.h */
#include "model_support.h"

#include <math.h>
#include "base/rng.h"
#include "weights/st_write.h"

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
        for (v = cJSON_GetObjectItemCaseSensitive(x, "ids")->child; v;
             v = v->next, y = y->next, i++, n++) {
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

void golden_open(struct golden *g, const char *name, const char *backend, int threads, bool adapter,
                 bool full)
{
    struct vac_err err = {0};
    char path[1200];

    *g = (struct golden){.dir = support_path(name)};
    g->c = compute_open(backend, threads, NULL, &err);
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
    pass_logits(&p, (struct ref){buf, 0}, b->N);
    compute_download(m->c, out, (struct ref){buf, 0}, b->N * c->V);
    compute_release(m->c, buf);
    return out;
}

/* [0, 1) with 53 bits. */
static double uniform(struct rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

static double normal(struct rng *r)
{
    double radius = sqrt(-2 * log(1 - uniform(r)));

    return radius * cos(6.283185307179586477 * uniform(r));
}

void fill_normal(float *x, size_t n, uint64_t seed, double sd)
{
    struct rng r = {.key = rng_key(seed, RNG_TEST, 0, 0)};

    for (size_t i = 0; i < n; i++)
        x[i] = (float)(sd * normal(&r));
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

void random_batch(struct batch *b, const size_t *len, size_t S, size_t V, size_t masked,
                  uint64_t seed)
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
    size_t n;
    char *text = file_read(support_join(from, name), (size_t)1 << 28, &n, &err);

    if (!text)
        fail_msg("%s", err.msg);
    support_write(support_join(to, name), text, n);
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

/* --- rig --- */

#define GATED                                                                                      \
    "\"vocab_size\":29,\"intermediate_size\":20,\"max_position_embeddings\":64,"                   \
    "\"num_attention_heads\":4,"
#define LLAMA "\"model_type\":\"llama\"," GATED
#define OPT                                                                                        \
    "\"model_type\":\"opt\",\"vocab_size\":29,\"hidden_size\":16,\"ffn_dim\":20,\"num_hidden_"     \
    "layers\":2,"                                                                                  \
    "\"num_attention_heads\":2,\"max_position_embeddings\":16,"

const struct form rig_forms[RIG_FORMS] = {
    {"llama, biases, grouped heads, linear rope",
     "{" LLAMA
     "\"hidden_size\":16,\"num_hidden_layers\":2,\"num_key_value_heads\":2,\"attention_bias\":true,"
     "\"mlp_bias\":true,\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}}",
     "q_proj,v_proj"},
    {"llama, one key head, llama3 rope, tied",
     "{" LLAMA "\"hidden_size\":24,\"num_hidden_layers\":2,\"num_key_value_heads\":1,"
     "\"tie_word_embeddings\":true,\"rope_theta\":500,\"rope_scaling\":{\"rope_type\":\"llama3\","
     "\"factor\":8,\"low_freq_factor\":1,\"high_freq_factor\":4,\"original_max_position_"
     "embeddings\":32}}",
     "k_proj,up_proj,down_proj"},
    {"llama, three layers, heads wider than the model",
     "{" LLAMA "\"hidden_size\":12,\"num_hidden_layers\":3,\"head_dim\":8}", "o_proj,gate_proj"},
    {"opt", "{" OPT "\"do_layer_norm_before\":true}", "fc1,out_proj"},
    {"opt-350m", "{" OPT "\"word_embed_proj_dim\":12,\"do_layer_norm_before\":false}",
     "fc2,v_proj"},
    {"opt-350m with a wide embedding and gelu",
     "{" OPT
     "\"word_embed_proj_dim\":24,\"do_layer_norm_before\":false,\"activation_function\":\"gelu\"}",
     "fc1,fc2"},
    {"opt, gelu, no final norm",
     "{" OPT "\"activation_function\":\"gelu\",\"_remove_final_layer_norm\":true}", "k_proj"},
    {"opt, no biases, untied",
     "{" OPT
     "\"activation_function\":\"gelu\",\"enable_bias\":false,\"tie_word_embeddings\":false}",
     "q_proj,fc2"},
    {"qwen2, biases on q, k, v",
     "{" GATED "\"model_type\":\"qwen2\",\"hidden_size\":16,\"num_hidden_layers\":2,"
     "\"num_key_value_heads\":2}",
     "q_proj,o_proj"},
    {"qwen3, norms of heads",
     "{" GATED "\"model_type\":\"qwen3\",\"hidden_size\":12,\"num_hidden_layers\":2,"
     "\"num_key_value_heads\":2,\"head_dim\":6}",
     "k_proj,v_proj,down_proj"},
    {"mistral, a window that binds",
     "{" GATED "\"model_type\":\"mistral\",\"hidden_size\":16,\"num_hidden_layers\":2,"
     "\"num_key_value_heads\":2,\"sliding_window\":3}",
     "v_proj,up_proj"},
    {"gemma2, caps that bite, every other layer slides",
     "{" GATED "\"model_type\":\"gemma2\",\"hidden_size\":12,\"num_hidden_layers\":2,"
     "\"num_key_value_heads\":2,\"head_dim\":6,\"query_pre_attn_scalar\":5,\"sliding_window\":3,"
     "\"attn_logit_softcapping\":1.5,\"final_logit_softcapping\":2}",
     "q_proj,o_proj,gate_proj"},
    {"gemma3, two rotations",
     "{" GATED "\"model_type\":\"gemma3_text\",\"hidden_size\":20,\"num_hidden_layers\":3,"
     "\"num_key_value_heads\":1,\"head_dim\":8,\"query_pre_attn_scalar\":3,\"sliding_window\":2,"
     "\"sliding_window_pattern\":2,\"rope_theta\":300,\"rope_local_base_freq\":20,"
     "\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":3}}",
     "k_proj,down_proj"},
};
static const size_t rig_lengths[RIG_SEQS] = {7, 1, 5, 6};

/* Finite differences must not cross a corner of ReLU: its biases put one half of the units well
 * above 0 and the other well below. */
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

void rig_make(struct rig *r, const struct form *f, const char *backend, int threads, uint64_t seed)
{
    struct vac_err err = {0};

    *r = (struct rig){.form = f};
    r->c = compute_open(backend, threads, NULL, &err);
    if (!r->c)
        fail_msg("%s", err.msg);
    r->m = random_model(f->config, r->c, seed);
    away_from_corners(r->m);
    random_batch(&r->b, rig_lengths, RIG_SEQS, r->m->cfg.V, 1, seed + 7);
    batch_keys(&r->b, seed, 3);
}

void rig_ready(struct rig *r)
{
    struct vac_err err = {0};

    r->a = acts_new(r->m, RIG_ROWS, RIG_ROWS, 8, true, &err);
    if (!r->a)
        fail_msg("%s", err.msg);
    assert_ok(taps_init(&r->taps, r->m, &err), &err);
    r->places = 3 * r->m->cfg.L + 1;
    r->n = RIG_ROWS * r->m->cfg.D;
    r->arrays = compute_alloc(r->c, ARRAYS * r->places * r->n, &err);
    assert_non_null(r->arrays);
}

void rig_drop(struct rig *r)
{
    compute_release(r->c, r->arrays);
    taps_done(&r->taps);
    acts_free(r->a);
    batch_done(&r->b);
    model_close(r->m);
    compute_close(r->c);
}

struct pass rig_pass(struct rig *r)
{
    return (struct pass){.m = r->m,
                         .a = r->a,
                         .b = &r->b,
                         .taps = &r->taps,
                         .train = r->train,
                         .grads = true,
                         .scale = RIG_SCALE,
                         .from = PLACE_START,
                         .stop = PLACE_START};
}

enum site rig_site(size_t place)
{
    return place ? (enum site)(1 + (place - 1) % 3) : SITE_EMBED;
}

struct tap *rig_tap(struct rig *r, size_t place)
{
    return taps_at(&r->taps, rig_site(place), place ? (place - 1) / 3 : 0);
}

struct ref rig_array(struct rig *r, enum rig_array_kind which, size_t place)
{
    return (struct ref){r->arrays, (which * r->places + place) * r->n};
}

void rig_fill(struct rig *r, struct ref to, size_t n, uint64_t seed, double sd)
{
    float *x = calloc(n, sizeof *x);

    fill_normal(x, n, seed, sd);
    compute_upload(r->c, to, x, n);
    free(x);
}

float *rig_fetch(struct rig *r, struct ref from, size_t n)
{
    float *x = calloc(n ? n : 1, sizeof *x);

    compute_download(r->c, x, from, n);
    return x;
}

void rig_zero_grads(struct rig *r)
{
    const struct params *p = model_params(r->m);

    op_fill(r->c, p->g, p->n, 0);
}

void rig_add_lora(struct rig *r, size_t rank, bool rslora, double dropout, const char *targets,
                  uint64_t seed)
{
    struct lora_spec s = {
        .r = rank, .alpha = 3, .rslora = rslora, .dropout = dropout, .targets = targets};
    struct vac_err err = {0};
    const struct params *p;

    assert_ok(model_add_lora(r->m, &s, seed, 0, &err), &err);
    p = model_params(r->m);
    rig_fill(r, p->w, p->n, seed + 100, 0.2);
    r->train |= dropout > 0;
}

const struct rig_lora_case rig_loras[RIG_LORAS] = {
    {.r = 3},
    {.r = 4, .rslora = true},
    {.r = 2, .some = true},
    {.r = 3, .below = true},
    {.r = 3, .dropout = 0.3},
    {.r = 2, .some = true, .dropout = 0.3, .below = true}};

void rig_lora(struct rig *r, const struct rig_lora_case *k, uint64_t seed)
{
    if (k->below)
        rig_add_lora(r, 5, false, k->dropout, k->some ? "all" : r->form->some, seed + 1);
    rig_add_lora(r, k->r, k->rslora, k->dropout, k->some ? r->form->some : "all", seed + 2);
    rig_ready(r);
}

void rig_tap_all(struct rig *r, bool add_grad)
{
    for (size_t q = 0; q < r->places; q++) {
        struct tap *t = rig_tap(r, q);
        *t = (struct tap){.add = rig_array(r, ADD, q),
                          .keep = rig_array(r, KEEP, q),
                          .keep_grad = rig_array(r, KEEP_GRAD, q)};
        rig_fill(r, t->add, r->n, 900 + q, 0.1);
        if (add_grad && q % 2 == 0) { /* every other place: embed, mlp, attn, block, ... */
            t->add_grad = rig_array(r, ADD_GRAD, q);
            rig_fill(r, t->add_grad, r->n, 950 + q, 0.05);
        }
    }
}

struct model *open_model_at(struct compute *c, const char *dir)
{
    struct vac_err err = {0};
    struct model *m = model_open(dir, c, &err);

    if (!m)
        fail_msg("%s", err.msg);
    return m;
}
