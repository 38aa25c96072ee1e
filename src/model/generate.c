/* generate.c - see generate.h. What all prompts begin with (a template, a system text) goes through the model
 * once. The rest of them enters free slots, together where the tokens fit; all active slots then advance by
 * one token together, so that many short answers cost little more than one. */
#include "model/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/layers.h"

/* Prompt tokens that go through the model at once. */
#define PREFILL_ROWS 256
/* A shared beginning is worth a pass of its own when it saves this many rows. */
#define SHARED_ROWS 64
#define CACHE_TOO_MANY (SIZE_MAX / 16)

struct slot {
    bool busy;
    bool enters;   /* its prompt is in this batch */
    size_t prompt; /* its number */
    size_t len;    /* tokens in the cache */
    size_t made;   /* new tokens so far */
    int32_t next;  /* chosen, not yet in the cache */
};
struct candidate {
    float p;
    int32_t id;
};
/* What is being answered; all of it is the caller's. */
struct job {
    struct generate_options o;
    const struct ids *prompt;
    size_t n, next; /* prompts, and the first that waits */
    struct ids *out;
    generate_visit *visit;
    void *ctx;
    bool over; /* the visitor has ended it all */
};
struct generator {
    struct model *m;
    struct job job;
    struct acts *a;
    struct batch b;
    struct kv kv;
    struct buf *cache, *logits;
    size_t slots, context, rows;
    size_t shared; /* tokens that every prompt begins with, in every slot's cache */
    struct slot *slot;
    float *host; /* [V] */
    struct candidate *order;
};

static size_t clip_context(const struct model *m, size_t context)
{
    size_t max = model_config(m)->max_pos;

    return context == 0 || context > max ? max : context;
}

static size_t prefill_rows(size_t slots, size_t context)
{
    size_t rows = context < PREFILL_ROWS ? context : PREFILL_ROWS;

    return rows > slots ? rows : slots;
}

/* Too many to count gives a number that no allocation and no plan will grant. */
static size_t cache_floats(const struct model *m, size_t slots, size_t context)
{
    const struct config *c = model_config(m);
    size_t n;

    if (size_mul(2 * c->L * c->K * c->E, slots, &n) || size_mul(n, context, &n))
        return CACHE_TOO_MANY;
    return n < CACHE_TOO_MANY ? n : CACHE_TOO_MANY;
}

size_t generator_bytes(const struct model *m, size_t slots, size_t context)
{
    size_t ctx = clip_context(m, context);

    return sizeof(float) * (cache_floats(m, slots, ctx) + slots * model_config(m)->V +
                            acts_floats(m, prefill_rows(slots, ctx), slots, false));
}

struct generator *generator_new(struct model *m, size_t slots, size_t context, struct vac_err *err)
{
    struct generator *g = mem_new(1, sizeof *g, err);
    const struct config *c = model_config(m);
    size_t half;

    if (!g)
        return NULL;
    g->m = m;
    g->slots = slots;
    g->context = clip_context(m, context);
    g->rows = prefill_rows(slots, g->context);
    g->kv.rows = slots * g->context;
    half = cache_floats(m, slots, g->context) / 2;
    g->slot = mem_new(slots, sizeof *g->slot, err);
    g->host = mem_new(c->V, sizeof *g->host, err);
    g->order = mem_new(c->V, sizeof *g->order, err);
    if (!g->slot || !g->host || !g->order || batch_init(&g->b, g->rows, slots, err))
        goto fail;
    g->a = acts_new(m, g->rows, slots, g->context, false, err);
    g->cache = compute_alloc(m->c, 2 * half, err);
    g->logits = compute_alloc(m->c, slots * c->V, err);
    if (!g->a || !g->cache || !g->logits)
        goto fail;
    g->kv.k = (struct ref){g->cache, 0};
    g->kv.v = (struct ref){g->cache, half};
    return g;
fail:
    generator_free(g);
    return NULL;
}

void generator_free(struct generator *g)
{
    if (!g)
        return;
    compute_release(g->m->c, g->cache);
    compute_release(g->m->c, g->logits);
    acts_free(g->a);
    batch_done(&g->b);
    free(g->slot);
    free(g->host);
    free(g->order);
    free(g);
}

size_t generator_context(const struct generator *g)
{
    return g->context;
}

/* --- one forward of the batch, logits of the last row of each sequence --- */

static void batch_begin(struct generator *g)
{
    g->b.N = g->b.S = g->b.n_lab = 0;
}

/* Adds n tokens of a slot behind what its cache holds. */
static void batch_push(struct generator *g, size_t slot, const int32_t *ids, size_t n)
{
    struct batch *b = &g->b;
    struct slot *s = &g->slot[slot];

    for (size_t i = 0; i < n; i++) {
        b->ids[b->N + i] = ids[i];
        b->pos[b->N + i] = (int32_t)(s->len + i);
    }
    b->seq[b->S++] = (struct seq){.q0 = b->N, .nq = n, .k0 = slot * g->context, .nk = s->len + n};
    b->N += n;
    s->len += n;
}

static void run_batch(struct generator *g, bool want_logits)
{
    struct model *m = g->m;
    struct pass p = {
        .m = m, .a = g->a, .b = &g->b, .from = PLACE_START, .stop = PLACE_START, .kv = &g->kv};
    const struct config *c = &m->cfg;

    pass_forward(&p);
    if (!want_logits)
        return;
    for (size_t s = 0; s < g->b.S; s++)
        g->a->index[s] = (int32_t)(g->b.seq[s].q0 + g->b.seq[s].nq - 1);
    op_embed(m->c, g->a->head_x, g->a->layer[c->L].x, g->a->index, g->b.S, c->D, false);
    c->arch->final_forward(&p, g->b.S);
    pass_logits(&p, (struct ref){g->logits, 0}, g->b.S);
}

/* --- choosing a token --- */

/* The first of the largest. Sixteen at a time, which compilers make vectors of. */
static int32_t largest(const float *x, size_t n)
{
    enum { SIDE = 16 };
    float most[SIDE], top;
    size_t at = 0;

    for (size_t j = 0; j < SIDE; j++)
        most[j] = x[0];
    for (; at + SIDE <= n; at += SIDE)
        for (size_t j = 0; j < SIDE; j++)
            most[j] = x[at + j] > most[j] ? x[at + j] : most[j];
    for (; at < n; at++)
        most[0] = x[at] > most[0] ? x[at] : most[0];
    top = most[0];
    for (size_t j = 1; j < SIDE; j++)
        top = most[j] > top ? most[j] : top;
    for (at = 0; at + 1 < n && x[at] != top; at++)
        ;
    return (int32_t)at;
}

static int by_probability(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->p != y->p)
        return x->p < y->p ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Nucleus sampling: the smallest set of most probable tokens that holds top_p of the mass. */
static int32_t sample(struct generator *g, const struct generate_options *o, float top, double u)
{
    size_t V = g->m->cfg.V, n = 0;
    double sum = 0, kept = 0, at = 0;

    for (size_t i = 0; i < V; i++) {
        g->order[i] =
            (struct candidate){(float)exp(((double)g->host[i] - top) / o->temperature), (int32_t)i};
        sum += (double)g->order[i].p;
    }
    if (o->top_p < 1)
        qsort(g->order, V, sizeof *g->order, by_probability);
    while (n < V && (n == 0 || kept < o->top_p * sum))
        kept += (double)g->order[n++].p;
    for (size_t i = 0; i < n; i++) {
        at += (double)g->order[i].p;
        if (u * kept < at)
            return g->order[i].id;
    }
    return g->order[n - 1].id;
}

/* From g->host. */
static int32_t choose(struct generator *g, const struct slot *s, const struct generate_options *o)
{
    int32_t best = largest(g->host, g->m->cfg.V);
    uint64_t key = rng_key(o->seed, RNG_SAMPLE, s->prompt, s->made);

    if (!(o->temperature > 0))
        return best;
    return sample(g, o, g->host[best], (double)(rng_at(key, 0) >> 11) * 0x1p-53);
}

/* --- the loop --- */

static bool is_stop(const struct generate_options *o, int32_t id)
{
    for (size_t i = 0; i < o->n_stop; i++) {
        if (o->stop[i] == id)
            return true;
    }
    return false;
}

/* Of the ids that are asked for, from g->host. */
static void put_first(const struct generator *g, const struct generate_options *o, double *p)
{
    size_t V = g->m->cfg.V;
    float top = g->host[largest(g->host, V)];
    double sum = 0;

    for (size_t i = 0; i < V; i++)
        sum += exp((double)g->host[i] - top);
    for (size_t i = 0; i < o->n_first; i++)
        p[i] = exp((double)g->host[o->first[i]] - (top + log(sum)));
}

/* Takes the token that row `row` of the logits gives this slot; ends the slot where it must. */
static int take_token(struct generator *g, struct slot *s, size_t row, struct vac_err *err)
{
    struct job *j = &g->job;
    enum generate_next wish = GENERATE_ON;
    size_t V = g->m->cfg.V, bad = 0;
    int32_t id;

    compute_download(g->m->c, g->host, (struct ref){g->logits, row * V}, V);
    for (size_t i = 0; i < V; i++)
        bad += !isfinite(g->host[i]);
    if (bad > 0)
        return model_not_numbers(g->m, "logits", err);
    if (s->made == 0 && j->o.first_p)
        put_first(g, &j->o, j->o.first_p + s->prompt * j->o.n_first);
    id = choose(g, s, &j->o);
    if (is_stop(&j->o, id)) {
        s->busy = false;
        return 0;
    }
    if (ids_push(&j->out[s->prompt], id, err))
        return -1;
    s->next = id;
    s->made++;
    if (j->visit)
        wish = j->visit(j->ctx, s->prompt, id);
    j->over = wish == GENERATE_END_ALL;
    if (wish != GENERATE_ON || s->made >= j->o.max_new_tokens || s->len + 1 >= g->context)
        s->busy = false;
    return 0;
}

/* Adds what a slot's cache has not of the first n tokens of a prompt to the batch. Of more tokens than
 * rows all but the last rows run at once. */
static void push_prompt(struct generator *g, size_t slot, const struct ids *prompt, size_t n)
{
    size_t at = g->slot[slot].len;

    for (; n - at > g->rows; at += g->rows) {
        batch_push(g, slot, prompt->v + at, g->rows);
        run_batch(g, false);
        batch_begin(g);
    }
    batch_push(g, slot, prompt->v + at, n - at);
}

/* Runs what the prompts that will be answered begin with, and gives it to every slot. Each of them keeps at least
 * one token of its own, whose logits choose the first new one. */
static void share_prefix(struct generator *g, const struct ids *prompt, size_t n)
{
    const struct config *c = &g->m->cfg;
    const struct ids *first = NULL;
    size_t same = 0, asked = 0;

    for (size_t i = 0; i < n; i++) {
        if (prompt[i].n >= g->context)
            continue;
        asked++;
        if (!first) {
            first = &prompt[i];
            same = first->n - 1;
        }
        if (same >= prompt[i].n)
            same = prompt[i].n - 1;
        for (size_t k = 0; k < same; k++) {
            if (prompt[i].v[k] != first->v[k])
                same = k;
        }
    }
    g->shared = asked > 0 && same * (asked - 1) >= SHARED_ROWS ? same : 0;
    if (g->shared == 0)
        return;
    batch_begin(g);
    push_prompt(g, 0, first, g->shared);
    run_batch(g, false);
    for (size_t l = 0; l < c->L; l++) {
        for (size_t i = 1; i < g->slots && i < asked; i++) {
            size_t width = c->K * c->E, from = l * g->kv.rows * width;
            size_t to = from + i * g->context * width;
            op_copy(g->m->c, ref_at(g->kv.k, to), ref_at(g->kv.k, from), g->shared * width);
            op_copy(g->m->c, ref_at(g->kv.v, to), ref_at(g->kv.v, from), g->shared * width);
        }
    }
}

/* Waiting prompts enter free slots, as many at once as there are rows for; *entered when any did. */
static int fill_slots(struct generator *g, bool *entered, struct vac_err *err)
{
    struct job *j = &g->job;

    while (!j->over) {
        size_t row = 0;
        batch_begin(g);
        for (size_t i = 0; i < g->slots; i++) {
            const struct ids *prompt = j->prompt + j->next;

            if (g->slot[i].busy)
                continue;
            for (; j->next < j->n && (prompt->n >= g->context || j->o.max_new_tokens == 0);
                 prompt++)
                j->next++; /* no room for a new token */
            if (j->next == j->n || (g->b.N > 0 && prompt->n - g->shared > g->rows - g->b.N))
                break;
            g->slot[i] =
                (struct slot){.prompt = j->next, .busy = true, .enters = true, .len = g->shared};
            push_prompt(g, i, prompt, prompt->n);
            j->next++;
        }
        if (g->b.S == 0)
            return 0;
        run_batch(g, true);
        *entered = true;
        for (size_t i = 0; i < g->slots; i++) {
            if (!g->slot[i].enters)
                continue;
            g->slot[i].enters = false;
            if (j->over)
                g->slot[i].busy = false;
            else if (take_token(g, &g->slot[i], row++, err))
                return -1;
        }
    }
    return 0;
}

static int advance(struct generator *g, struct vac_err *err)
{
    size_t row = 0;

    batch_begin(g);
    for (size_t i = 0; i < g->slots; i++) {
        if (g->slot[i].busy)
            batch_push(g, i, &g->slot[i].next, 1);
    }
    if (g->b.S == 0)
        return 0;
    run_batch(g, true);
    for (size_t i = 0; i < g->slots; i++) {
        if (!g->job.over && g->slot[i].busy && take_token(g, &g->slot[i], row++, err))
            return -1;
    }
    return 0;
}

static int check_prompts(const struct generator *g, const struct ids *prompt, size_t n,
                         struct vac_err *err)
{
    if (!g->m->head)
        return err_set(err, VAC_ERR_UNSUPPORTED, "a sequence classifier does not generate text");
    for (size_t i = 0; i < n; i++) {
        if (prompt[i].n == 0)
            return err_set(err, VAC_ERR_USAGE,
                           "prompt %zu has no tokens: a model with a BOS token or a "
                           "non-empty prompt is needed",
                           i + 1);
        for (size_t k = 0; k < prompt[i].n; k++) {
            if (prompt[i].v[k] < 0 || (size_t)prompt[i].v[k] >= g->m->cfg.V)
                return err_set(err, VAC_ERR_USAGE,
                               "prompt %zu: id %d is outside the model's vocabulary of %zu", i + 1,
                               prompt[i].v[k], g->m->cfg.V);
        }
    }
    return 0;
}

int generate_begin(struct generator *g, const struct ids *prompt, size_t n,
                   const struct generate_options *o, struct ids *out, generate_visit *visit,
                   void *ctx, struct vac_err *err)
{
    if (check_prompts(g, prompt, n, err))
        return -1;
    for (size_t i = 0; i < o->n_first; i++)
        if (o->first[i] < 0 || (size_t)o->first[i] >= g->m->cfg.V)
            return err_set(err, VAC_ERR_USAGE, "id %d is outside the model's vocabulary of %zu",
                           o->first[i], g->m->cfg.V);
    g->job =
        (struct job){.o = *o, .prompt = prompt, .n = n, .out = out, .visit = visit, .ctx = ctx};
    memset(g->slot, 0, g->slots * sizeof *g->slot);
    g->shared = 0;
    return 0;
}

int generate_go_on(struct generator *g, struct vac_err *err)
{
    struct job *j = &g->job;
    bool entered = false, busy = false;

    if (j->next == 0 && j->o.max_new_tokens > 0)
        share_prefix(g, j->prompt, j->n);
    if (fill_slots(g, &entered, err) || (!entered && !j->over && advance(g, err)))
        return -1;
    for (size_t i = 0; i < g->slots; i++)
        busy |= g->slot[i].busy;
    return !j->over && (busy || j->next < j->n) ? 1 : model_check(g->m, err);
}

int generate(struct generator *g, const struct ids *prompt, size_t n,
             const struct generate_options *o, struct ids *out, generate_visit *visit, void *ctx,
             struct vac_err *err)
{
    int rc = generate_begin(g, prompt, n, o, out, visit, ctx, err);

    for (rc = rc ? rc : 1; rc > 0;)
        rc = generate_go_on(g, err);
    return rc;
}
