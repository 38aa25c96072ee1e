/* merge_gguf.c - see merge_gguf.h */
#include "model/merge_gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/adapter.h"
#include "model/attention.h"
#include "model/merge.h"
#include "token/tok_gguf_write.h"
#include "weights/gguf_names.h"

/* What such files call the architecture; NULL and err. A window that binds has no place there: who reads the
 * file would look further back. */
static const char *arch_name(const struct model *m, struct vac_err *err)
{
    const struct config *c = &m->cfg;
    const struct arch *a = c->arch;
    struct strbuf known = {0};

    if (!a->gguf) {
        arch_of_gguf("", &known);
        err_set(err, VAC_ERR_UNSUPPORTED, "%s: a %s model is not written as GGUF; those of %s are",
                model_dir(m), a->name, known.s ? known.s : "none");
        sb_done(&known);
        return NULL;
    }
    if (c->window && c->window < c->max_pos) {
        err_set(err, VAC_ERR_UNSUPPORTED,
                "%s: a window of %zu of %zu positions is not written as GGUF", model_dir(m),
                c->window, c->max_pos);
        return NULL;
    }
    return a->gguf;
}

/* Heads whose rows the file has in another order: weights_order_rows the other way. 0 = as they are. */
static size_t turned_heads(const struct model *m, const char *name)
{
    if (!m->cfg.arch->gguf_neighbours)
        return 0;
    return strstr(name, "self_attn.q_proj.")   ? m->cfg.H
           : strstr(name, "self_attn.k_proj.") ? m->cfg.K
                                               : 0;
}

static void turn_rows(float *to, const float *from, size_t rows, size_t width, size_t heads)
{
    size_t half = rows / heads / 2;

    for (size_t h = 0; h < heads; h++)
        for (size_t i = 0; i < half; i++)
            for (size_t j = 0; j < 2; j++)
                memcpy(to + (2 * half * h + 2 * i + j) * width,
                       from + (2 * half * h + j * half + i) * width, width * sizeof *to);
}

static void put_size(struct gguf_writer *w, const char *arch, const char *key, size_t x)
{
    char full[96];

    snprintf(full, sizeof full, "%s.%s", arch, key);
    gguf_put_u32(w, full, (uint32_t)x);
}

static void put_rate(struct gguf_writer *w, const char *arch, const char *key, double x)
{
    char full[96];

    snprintf(full, sizeof full, "%s.%s", arch, key);
    gguf_put_f32(w, full, (float)x);
}

/* The keys of a model that came from a folder. */
static int put_keys(const struct model *m, const char *arch, const char *tokenizer,
                    struct gguf_writer *w, struct vac_err *err)
{
    const struct config *c = &m->cfg;
    char full[96];

    if (c->o_bias || c->mlp_bias)
        return err_set(err, VAC_ERR_UNSUPPORTED,
                       "%s: biases of o_proj or of the MLP are not written as GGUF", model_dir(m));
    gguf_put_text(w, "general.architecture", arch);
    gguf_put_text(w, "general.type", "model");
    put_size(w, arch, "block_count", c->L);
    put_size(w, arch, "context_length", c->max_pos);
    put_size(w, arch, "embedding_length", c->D);
    put_size(w, arch, "feed_forward_length", c->F);
    put_size(w, arch, "vocab_size", c->V);
    put_size(w, arch, "attention.head_count", c->H);
    put_size(w, arch, "attention.head_count_kv", c->K);
    put_size(w, arch, "attention.key_length", c->E);
    put_size(w, arch, "attention.value_length", c->E);
    put_size(w, arch, "rope.dimension_count", c->E);
    put_rate(w, arch, "attention.layer_norm_rms_epsilon", (double)c->norm_eps);
    put_rate(w, arch, "rope.freq_base", c->rope.theta);
    if (c->rope.kind == ROPE_LINEAR) {
        snprintf(full, sizeof full, "%s.rope.scaling.type", arch);
        gguf_put_text(w, full, "linear");
        put_rate(w, arch, "rope.scaling.factor", c->rope.factor);
    }
    return tok_gguf_write(tokenizer, c->V, w, err);
}

/* Those of the file, but for what its tensors decide. */
static int copy_keys(const char *from, struct gguf_writer *w, struct vac_err *err)
{
    static const char *const own[] = {"general.alignment", "general.file_type",
                                      "general.quantization_version"};
    struct gguf g;

    if (gguf_open(&g, from, err))
        return -1;
    for (size_t i = 0; i < g.n_values; i++) {
        bool ours = !strncmp(g.v[i].key, "split.", 6);
        for (size_t k = 0; k < sizeof own / sizeof *own; k++)
            ours |= !strcmp(g.v[i].key, own[k]);
        if (!ours)
            gguf_put_value(w, &g.v[i]);
    }
    gguf_close(&g);
    return 0;
}

static enum dtype type_of(const struct weight *x, bool in_f32)
{
    return x->rank == 2 && !in_f32 ? DTYPE_F16 : DTYPE_F32;
}

static int write_model(const struct model *m, const char *arch, const char *tokenizer, bool in_f32,
                       struct gguf_writer *w, struct vac_err *err)
{
    bool from_gguf = gguf_is(model_dir(m)), scales = m->cfg.rope.kind == ROPE_LLAMA3;
    const struct rope_config plain = {.kind = ROPE_DEFAULT, .theta = m->cfg.rope.theta};
    size_t half = m->cfg.E / 2;
    struct buf *tmp = NULL;
    float *host = NULL, *turned = NULL;
    size_t largest = 0;
    char name[128];
    int rc = -1;

    if (from_gguf ? copy_keys(model_dir(m), w, err) : put_keys(m, arch, tokenizer, w, err))
        return -1;
    gguf_put_u32(w, "general.file_type", in_f32 ? 0 : 1);
    for (size_t i = 0; i < m->n_weight; i++) {
        const struct weight *x = m->weight[i];
        gguf_name_from_hf(x->name, name, sizeof name);
        gguf_declare(w, name, type_of(x, in_f32), x->rank, x->shape);
        largest = x->numel > largest ? x->numel : largest;
    }
    if (scales)
        gguf_declare(w, "rope_freqs.weight", DTYPE_F32, 1, (size_t[]){half});
    largest = largest < half ? half : largest;
    host = mem_new(largest, sizeof *host, err);
    turned = mem_new(largest, sizeof *turned, err);
    tmp = compute_alloc(m->c, largest, err);
    if (!host || !turned || !tmp || gguf_begin(w, err))
        goto out;
    for (size_t i = 0; i < m->n_weight; i++) {
        const struct weight *x = m->weight[i];
        size_t heads = turned_heads(m, x->name);
        if (model_merged(m, x, type_of(x, in_f32), tmp, host, err))
            goto out;
        if (heads)
            turn_rows(turned, host, x->shape[0], x->numel / x->shape[0], heads);
        if (gguf_put(w, heads ? turned : host, x->numel, err))
            goto out;
    }
    for (size_t i = 0; scales && i < half; i++) /* what llama.cpp divides each pair's angle by */
        host[i] = (float)(rope_frequency(&plain, i, m->cfg.E) /
                          rope_frequency(&m->cfg.rope, i, m->cfg.E));
    rc = scales ? gguf_put(w, host, half, err) : 0;
out:
    compute_release(m->c, tmp);
    free(turned);
    free(host);
    return rc;
}

int model_save_gguf(const struct model *m, const char *tokenizer, const char *path, bool in_f32,
                    struct vac_err *err)
{
    const char *arch = arch_name(m, err);
    struct gguf_writer *w = arch ? gguf_create(path, err) : NULL;
    int rc = w && !write_model(m, arch, tokenizer, in_f32, w, err) ? gguf_commit(w, err) : -1;

    gguf_writer_free(w);
    return rc;
}

/* --- adapters --- */

/* A file has one alpha for all its terms, which means alpha / r: that of the one adapter, or 0, which means
 * that b has the factor in it. */
static float common_alpha(const struct model *m)
{
    struct lora_place at;
    float scale = 0;

    for (size_t n = 0; m->n_adapter == 1 && adapter_place(m, &m->adapter[0], n, &at); n++) {
        if (at.on && scale != 0 && at.scale != scale)
            return 0;
        scale = at.on ? at.scale : scale;
    }
    return m->n_adapter == 1 ? scale * (float)m->adapter[0].r : 0;
}

/* The terms of all adapters for linear n side by side: a [r,in], b [out,r] with each one's scale in it (fold), the
 * `all` is the sum of their ranks, `part` as large as b. With 0 only that sum is told. */
static size_t join_terms(const struct model *m, size_t n, size_t all, bool fold, float *a, float *b,
                         float *part)
{
    struct lora_place at;
    size_t r = 0;

    for (size_t i = 0; i < m->n_adapter; i++) {
        const struct adapter *ad = &m->adapter[i];
        size_t in, out;

        if (!adapter_place(m, ad, n, &at) || !at.on)
            continue;
        in = at.x->in;
        out = at.x->out;
        if (all) {
            compute_download(m->c, a + r * in, (struct ref){ad->w, at.a}, ad->r * in);
            compute_download(m->c, part, (struct ref){ad->w, at.b}, out * ad->r);
            for (size_t o = 0; o < out; o++)
                for (size_t k = 0; k < ad->r; k++)
                    b[o * all + r + k] = part[o * ad->r + k] * (fold ? at.scale : 1);
        }
        r += ad->r;
    }
    return r;
}

static int put_terms(const struct model *m, size_t n, bool fold, struct gguf_writer *w,
                     struct vac_err *err)
{
    const struct linear *x = model_linear_at(m, n);
    size_t r = join_terms(m, n, 0, false, NULL, NULL, NULL);
    size_t heads = turned_heads(m, x->w->name);
    float *a = mem_new(r * x->in, sizeof *a, err), *b = mem_new(x->out * r, sizeof *b, err);
    float *turned = mem_new(x->out * r, sizeof *turned, err);
    int rc = -1;

    if (a && b && turned) {
        join_terms(m, n, r, fold, a, b, turned);
        if (heads)
            turn_rows(turned, b, x->out, r, heads);
        rc = gguf_put(w, a, r * x->in, err) || gguf_put(w, heads ? turned : b, x->out * r, err) ? -1
                                                                                                : 0;
    }
    free(a);
    free(b);
    free(turned);
    return rc;
}

int model_save_gguf_lora(const struct model *m, const char *path, struct vac_err *err)
{
    const char *arch = arch_name(m, err);
    struct gguf_writer *w = arch ? gguf_create(path, err) : NULL;
    const struct linear *x;
    float alpha = common_alpha(m);
    char name[128], full[160];
    int rc = -1;

    if (!w)
        return -1;
    gguf_put_text(w, "general.architecture", arch);
    gguf_put_text(w, "general.type", "adapter");
    gguf_put_text(w, "adapter.type", "lora");
    gguf_put_f32(w, "adapter.lora.alpha", alpha);
    for (size_t n = 0; (x = model_linear_at(m, n)); n++) {
        size_t r = join_terms(m, n, 0, false, NULL, NULL, NULL);
        if (!r)
            continue;
        gguf_name_from_hf(x->w->name, name, sizeof name);
        snprintf(full, sizeof full, "%s.lora_a", name);
        gguf_declare(w, full, DTYPE_F32, 2, (size_t[]){r, x->in});
        snprintf(full, sizeof full, "%s.lora_b", name);
        gguf_declare(w, full, DTYPE_F32, 2, (size_t[]){x->out, r});
    }
    if (gguf_begin(w, err))
        goto out;
    for (size_t n = 0; model_linear_at(m, n); n++)
        if (join_terms(m, n, 0, false, NULL, NULL, NULL) && put_terms(m, n, alpha == 0, w, err))
            goto out;
    rc = gguf_commit(w, err);
out:
    gguf_writer_free(w);
    return rc;
}
