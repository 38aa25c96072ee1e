/* merge.c - base and adapters written as one Hugging Face folder.
 *
 * Adapters are added in their order, in F32, and the sum is rounded once, to the base's dtype. */
#include "model/merge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_out.h"
#include "base/kind.h"
#include "model/adapter.h"
#include "token/tok_gguf.h"
#include "weights/gguf.h"
#include "weights/st_write.h"

#define SHARD_BYTES ((size_t)5 << 30)

/* What a model folder holds besides weights, copied as it is where it exists. */
static const char *const generation_file = "generation_config.json";
static const char *const tokenizer_files[] = {
    "tokenizer.json",    "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "tokenizer.model",       "vocab.json",
    "merges.txt",        "chat_template.jinja"};

struct merge {
    const struct model *m;
    const char *dir;
    bool in_f32;
    size_t limit;  /* bytes of a shard */
    size_t *shard; /* [n_weight] shard of each weight */
    size_t n_shards;
    uint64_t total;
    struct buf *tmp; /* the largest weight, on the backend */
    float *host;
};

static enum dtype out_dtype(const struct merge *g, const struct weight *w)
{
    bool alone = w->src && dtype_block(w->src->dtype) == 1; /* safetensors have no blocks */

    return alone && !g->in_f32 ? w->src->dtype : DTYPE_F32;
}

static void assign_shards(struct merge *g)
{
    size_t used = 0;

    g->n_shards = 1;
    for (size_t i = 0; i < g->m->n_weight; i++) {
        const struct weight *w = g->m->weight[i];
        size_t bytes = w->numel * dtype_size(out_dtype(g, w));
        if (used && used + bytes > g->limit) {
            g->n_shards++;
            used = 0;
        }
        used += bytes;
        g->total += bytes;
        g->shard[i] = g->n_shards - 1;
    }
}

static void shard_name(const struct merge *g, size_t s, char *out, size_t size)
{
    if (g->n_shards == 1)
        snprintf(out, size, "model.safetensors");
    else
        snprintf(out, size, "model-%05zu-of-%05zu.safetensors", s + 1, g->n_shards);
}

/* What F16 would turn into infinity; what is none before stays what it is. */
static bool outgrows_f16(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fabsf(x[i]) >= 65520 && !isinf(x[i]))
            return true;
    }
    return false;
}

int model_merged(const struct model *m, const struct weight *x, enum dtype t, struct buf *tmp,
                 float *host, struct vac_err *err)
{
    struct ref to = {tmp, 0};

    op_copy(m->c, to, weight_exact(x), x->numel);
    model_merge_into(m, x, to);
    compute_download(m->c, host, to, x->numel);
    if (t == DTYPE_F16 && outgrows_f16(host, x->numel))
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: a merged weight is too large for F16 (65504): write "
                       "F32 instead",
                       x->name);
    return 0;
}

static int write_shard(struct merge *g, size_t s, struct vac_err *err)
{
    const struct model *m = g->m;
    char name[64], *path;
    struct st_writer *w = NULL;
    size_t n;
    int rc = -1;

    shard_name(g, s, name, sizeof name);
    path = path_join(g->dir, name, err);
    if (!path || !(w = st_create(path, err)))
        goto out;
    for (size_t i = 0; i < m->n_weight; i++) {
        const struct weight *x = m->weight[i];
        if (g->shard[i] == s && st_declare(w, x->name, out_dtype(g, x), x->rank, x->shape, err))
            goto out;
    }
    if (st_begin(w, &n, err))
        goto out;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;

        while (strcmp(m->weight[k]->name, st_order(w, i)))
            k++;
        if (model_merged(m, m->weight[k], out_dtype(g, m->weight[k]), g->tmp, g->host, err) ||
            st_put(w, g->host, m->weight[k]->numel, err))
            goto out;
    }
    rc = st_commit(w, err);
out:
    st_free(w);
    free(path);
    return rc;
}

static int write_index(const struct merge *g, struct vac_err *err)
{
    struct strbuf s = {0};
    struct json_out o = json_out(&s);
    char name[64];
    int rc;

    json_put_object(&o, NULL, JSON_LINED);
    json_put_object(&o, "metadata", JSON_SPACED);
    json_put_natural(&o, "total_size", g->total);
    json_put_end(&o);
    json_put_object(&o, "weight_map", JSON_LINED);
    for (size_t i = 0; i < g->m->n_weight; i++) {
        shard_name(g, g->shard[i], name, sizeof name);
        json_put_text(&o, g->m->weight[i]->name, name);
    }
    json_put_end(&o);
    json_put_end(&o);
    sb_putc(&s, '\n');
    rc = out_text(g->dir, "model.safetensors.index.json", &s, err);
    sb_done(&s);
    return rc;
}

/* Old files call it torch_dtype, new ones dtype, and some have both: each that is there. */
static int set_dtype(cJSON *doc, enum dtype t, struct vac_err *err)
{
    static const char *const names[] = {"float32", "bfloat16", "float16"};
    bool is_new = cJSON_GetObjectItemCaseSensitive(doc, "dtype") != NULL;

    if (is_new && json_add(doc, "dtype", cJSON_CreateString(names[t]), err))
        return -1;
    if (is_new && !cJSON_GetObjectItemCaseSensitive(doc, "torch_dtype"))
        return 0;
    return json_add(doc, "torch_dtype", cJSON_CreateString(names[t]), err);
}

/* config.json as it was; only what the weights have become changes: their dtype, and a head that is not the
 * embedding although the model's own file says so. */
static int write_config(const struct merge *g, struct vac_err *err)
{
    const struct model *m = g->m;
    cJSON *doc = json_parse(m->cfg.text, strlen(m->cfg.text), "config.json", err);
    struct strbuf s = {0};
    char *text = NULL;
    int rc = -1;

    if (doc && !set_dtype(doc, out_dtype(g, m->weight[0]), err) &&
        !(m->untied && json_add(doc, "tie_word_embeddings", cJSON_CreateFalse(), err)))
        text = json_text(doc, true, err);
    if (text) {
        sb_printf(&s, "%s\n", text);
        rc = out_text(g->dir, "config.json", &s, err);
    }
    sb_done(&s);
    cJSON_free(text);
    cJSON_Delete(doc);
    return rc;
}

static int copy_file(const char *from_dir, const char *to_dir, const char *name,
                     struct vac_err *err)
{
    char *from = path_join(from_dir, name, err);
    struct strbuf s = {0};
    int rc = from ? kind_file_there(from, err) : -1;

    if (rc > 0) {
        s.s = file_read(from, (size_t)1 << 30, &s.len, err);
        rc =
            !s.s || kind_refuse(from, s.s, s.len, KIND_JSON, err) || out_text(to_dir, name, &s, err)
                ? -1
                : 0;
    }
    sb_done(&s);
    free(from);
    return rc;
}

/* What a GGUF file has in itself. */
static int write_gguf_tokenizer(const char *from, const char *to, struct vac_err *err)
{
    struct strbuf tokenizer = {0}, config = {0};
    struct gguf g;
    int rc;

    if (gguf_open(&g, from, err))
        return -1;
    rc = tok_gguf_texts(&g, &tokenizer, &config, err) ||
                 out_text(to, "tokenizer.json", &tokenizer, err) ||
                 out_text(to, "tokenizer_config.json", &config, err)
             ? -1
             : 0;
    sb_done(&tokenizer);
    sb_done(&config);
    gguf_close(&g);
    return rc;
}

int model_copy_tokenizer(const char *from, const char *to, struct vac_err *err)
{
    if (gguf_is(from))
        return write_gguf_tokenizer(from, to, err);
    for (size_t i = 0; i < sizeof tokenizer_files / sizeof *tokenizer_files; i++)
        if (copy_file(from, to, tokenizer_files[i], err))
            return -1;
    return 0;
}

int model_save_merged(const struct model *m, const char *dir, bool in_f32, size_t shard,
                      struct vac_err *err)
{
    struct merge g = {.m = m, .dir = dir, .in_f32 = in_f32, .limit = shard ? shard : SHARD_BYTES};
    size_t largest = 0;
    int rc = -1;

    for (size_t i = 0; i < m->n_weight; i++)
        largest = m->weight[i]->numel > largest ? m->weight[i]->numel : largest;
    if (dirs_make(dir, err))
        return -1;
    g.shard = mem_new(m->n_weight, sizeof *g.shard, err);
    g.host = mem_new(largest, sizeof *g.host, err);
    g.tmp = compute_alloc(m->c, largest, err);
    if (!g.shard || !g.host || !g.tmp)
        goto out;
    assign_shards(&g);
    for (size_t s = 0; s < g.n_shards; s++) {
        if (write_shard(&g, s, err))
            goto out;
    }
    if (g.n_shards > 1 && write_index(&g, err))
        goto out;
    if (write_config(&g, err))
        goto out;
    /* a model with random weights has no folder */
    rc = *model_dir(m) && (copy_file(model_dir(m), dir, generation_file, err) ||
                           model_copy_tokenizer(model_dir(m), dir, err))
             ? -1
             : 0;
out:
    compute_release(m->c, g.tmp);
    free(g.host);
    free(g.shard);
    return rc;
}
