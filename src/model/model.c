/* model.c - opening a model, and random ones. */
#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/adapter.h"
#include "model/bind.h"

struct compute *model_compute(const struct model *m)
{
    return m->c;
}

const struct config *model_config(const struct model *m)
{
    return &m->cfg;
}

const char *model_dir(const struct model *m)
{
    return m->dir ? m->dir : "";
}

uint64_t model_count(const struct model *m)
{
    uint64_t n = 0;

    for (size_t i = 0; i < m->n_weight; i++)
        n += m->weight[i]->numel;
    return n;
}

uint64_t model_bytes(const struct model *m)
{
    uint64_t n = 0;

    for (size_t i = 0; i < m->n_weight; i++)
        n += dtype_bytes(m->weight[i]->src ? m->weight[i]->src->dtype : DTYPE_F32,
                         m->weight[i]->numel);
    return n;
}

/* The number format of most of the weights; what config.json says may be wrong. */
static enum dtype most_stored(const struct model *m)
{
    uint64_t n[DTYPE_COUNT] = {0};
    size_t most = 0;

    for (size_t i = 0; i < m->n_weight; i++)
        n[m->weight[i]->src->dtype] += m->weight[i]->numel;
    for (size_t t = 1; t < DTYPE_COUNT; t++)
        most = n[t] > n[most] ? t : most;
    return (enum dtype)most;
}

static int name_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A tensor that nobody reads means a model we do not fully understand: an error, but for buffers that old
 * files carry and the copy of a tied head. */
static int refuse_leftovers(const struct model *m, struct vac_err *err)
{
    const char **used = mem_new(m->n_weight, sizeof *used, err);
    size_t n = 0;
    int rc = -1;

    if (!used)
        return -1;
    for (size_t i = 0; i < m->n_weight; i++)
        used[n++] = m->weight[i]->src->name;
    qsort(used, n, sizeof *used, name_cmp);
    for (size_t i = 0; i < weights_count(m->files); i++) {
        const struct st_tensor *t = weights_at(m->files, i);
        const char *name = t->name;
        if (bsearch(&name, used, n, sizeof *used, name_cmp) ||
            strstr(name, "rotary_emb.inv_freq") || !strcmp(name, "rope_freqs.weight") ||
            (m->cfg.tied && !strcmp(name, "lm_head.weight")))
            continue;
        err_set(err, VAC_ERR_UNSUPPORTED,
                "%s: %s: a tensor that a %s model of this config does not have",
                weights_path(m->files), t->in_file ? t->in_file : name, m->cfg.arch->name);
        goto out;
    }
    rc = 0;
out:
    free(used);
    return rc;
}

/* A file that brings a head of its own where config.json ties it to the embedding (a merged adapter with a
 * trained head does) means that head, as Transformers 5 takes it; a copy of the embedding is no other. */
static int bind_own_head(struct model *m, struct vac_err *err)
{
    const struct st_tensor *embed = m->embed->src, *head;

    head = m->files && m->head == m->embed ? weights_find(m->files, "lm_head.weight") : NULL;
    if (!head || (head->dtype == embed->dtype && head->numel == embed->numel &&
                  !memcmp(head->data, embed->data, dtype_bytes(embed->dtype, embed->numel))))
        return 0;
    m->head = model_weight(m, err, m->cfg.V, m->cfg.P, "lm_head.weight");
    m->untied = true;
    m->cfg.tied = false;
    return m->head ? 0 : -1;
}

static int model_bind(struct model *m, struct vac_err *err)
{
    m->layer = mem_new(m->cfg.L, sizeof *m->layer, err);
    if (!m->layer || m->cfg.arch->bind(m, err))
        return -1;
    return bind_own_head(m, err);
}

/* Whether n numbers at x are all finite; those that cannot be looked at pass. */
static bool all_finite(const struct model *m, struct ref x, size_t n)
{
    enum { PART = 1 << 16 };
    float *part = mem_new(PART, sizeof *part, NULL);
    bool finite = true;

    for (size_t at = 0; part && finite && at < n; at += PART) {
        size_t k = n - at < PART ? n - at : PART;
        compute_download(m->c, part, ref_at(x, at), k);
        for (size_t i = 0; i < k; i++)
            finite &= isfinite(part[i]) != 0;
    }
    free(part);
    return finite;
}

/* The name of the first tensor that holds what is no number, of the base or of an adapter. */
static bool find_spoilt(const struct model *m, char *name, size_t size)
{
    struct lora_place at;

    for (size_t i = 0; i < m->n_weight; i++) {
        snprintf(name, size, "%s", m->weight[i]->name);
        if (!all_finite(m, m->weight[i]->w, m->weight[i]->numel))
            return true;
    }
    for (size_t j = 0; j < m->n_adapter; j++) {
        const struct adapter *a = &m->adapter[j];
        for (size_t k = 0; adapter_place(m, a, k, &at); k++) {
            for (int b = 0; at.on && b < 2; b++) {
                snprintf(name, size, "adapter %zu: %s.lora_%s", j + 1, at.x->module, b ? "B" : "A");
                if (!all_finite(m, (struct ref){a->w, b ? at.b : at.a},
                                a->r * (b ? at.x->out : at.x->in)))
                    return true;
            }
        }
    }
    return false;
}

int model_check(const struct model *m, struct vac_err *err)
{
    return m->files ? weights_check(m->files, err) : 0;
}

int model_not_numbers(const struct model *m, const char *what, struct vac_err *err)
{
    char name[192];

    if (model_check(m, err))
        return -1;
    if (find_spoilt(m, name, sizeof name))
        return err_set(err, VAC_ERR_NUMERIC, "%s: its %s are no numbers: %s holds NaN or infinity",
                       *model_dir(m) ? model_dir(m) : "the model", what, name);
    return err_set(err, VAC_ERR_NUMERIC,
                   "%s: its %s are no numbers: all weights are, but an activation has "
                   "outgrown what F32 can hold",
                   *model_dir(m) ? model_dir(m) : "the model", what);
}

const char *model_note(const struct model *m)
{
    return m->untied ? "config.json says that the head is the embedding (tie_word_embeddings), and "
                       "the weights "
                       "hold another lm_head.weight: that one is used"
                     : NULL;
}

struct model *model_open(const char *dir, struct compute *c, struct vac_err *err)
{
    return model_open_parts(dir, NULL, NULL, c, err);
}

struct model *model_open_parts(const char *dir, const struct jnode *config, const char *weights,
                               struct compute *c, struct vac_err *err)
{
    struct model *m = mem_new(1, sizeof *m, err);

    if (!m)
        return NULL;
    m->c = c;
    m->n_used = SIZE_MAX;
    m->dir = mem_strdup(dir, err);
    if (!m->dir || (config ? config_from(&m->cfg, config, err) : config_read(&m->cfg, dir, err)))
        goto fail;
    m->files = weights_open(weights ? weights : dir, err);
    if (!m->files || (m->cfg.arch->gguf_neighbours && weights_order_rows(m->files, err)) ||
        model_bind(m, err) || refuse_leftovers(m, err))
        goto fail;
    m->cfg.dtype = most_stored(m);
    return m;
fail:
    model_close(m);
    return NULL;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);

    return n >= k && !strcmp(s + n - k, end);
}

static int fill_random(struct model *m, uint64_t seed, struct vac_err *err)
{
    if (model_own(m, err))
        return -1;
    for (size_t i = 0; i < m->n_weight; i++) {
        struct weight *w = m->weight[i];
        w->w = (struct ref){m->owned, w->own_at};
        if (w->rank == 2)
            op_normal(m->c, w->w, w->numel, rng_key(seed, RNG_INIT, 0, i),
                      (float)m->cfg.init_range);
        else
            op_fill(m->c, w->w, w->numel,
                    ends_with(w->name, ".bias") ? 0.0f : 1.0f - m->cfg.norm_plus);
    }
    return 0;
}

struct model *model_random(const struct jnode *config, uint64_t seed, struct compute *c,
                           struct vac_err *err)
{
    struct model *m = mem_new(1, sizeof *m, err);

    if (!m)
        return NULL;
    m->c = c;
    m->n_used = SIZE_MAX;
    m->dir = mem_strdup("", err);
    if (!m->dir || config_from(&m->cfg, config, err) || model_bind(m, err) ||
        fill_random(m, seed, err)) {
        model_close(m);
        return NULL;
    }
    m->cfg.dtype = DTYPE_F32;
    return m;
}

void model_close(struct model *m)
{
    if (!m)
        return;
    model_freeze(m);
    while (m->n_adapter)
        adapter_pop(m);
    free(m->adapter);
    for (size_t i = 0; i < m->n_weight; i++) {
        compute_release(m->c, m->weight[i]->wrapped);
        compute_release(m->c, m->weight[i]->narrowed);
        free(m->weight[i]->narrow);
        free(m->weight[i]);
    }
    free(m->weight);
    free(m->layer);
    compute_release(m->c, m->owned);
    for (int i = 0; i < 2; i++) {
        compute_release(m->c, m->rope_cos[i]);
        compute_release(m->c, m->rope_sin[i]);
    }
    weights_close(m->files);
    config_done(&m->cfg);
    free(m->dir);
    free(m);
}
