/* pass.c - forward and backward through a model, stopping at its taps.
 *
 * Places are numbered in the order in which a forward pass meets them: embed, then attn, mlp and block of
 * each layer. A pass may begin behind a place (what lies before it is as the last pass left it) and its
 * backward half may end at one. */
#include "model/pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/layers.h"

const char *const site_names[SITE_COUNT + 1] = {"embed", "attn", "mlp", "block", NULL};

size_t place_of(enum site site, size_t layer)
{
    return site == SITE_EMBED ? 0 : 3 * layer + (size_t)site;
}

int taps_init(struct taps *t, const struct model *m, struct vac_err *err)
{
    t->L = m->cfg.L;
    t->tap = mem_new(SITE_COUNT * t->L, sizeof *t->tap, err);
    return t->tap ? 0 : -1;
}

void taps_clear(struct taps *t)
{
    memset(t->tap, 0, SITE_COUNT * t->L * sizeof *t->tap);
}

void taps_done(struct taps *t)
{
    free(t->tap);
    *t = (struct taps){0};
}

struct tap *taps_at(const struct taps *t, enum site site, size_t layer)
{
    return &t->tap[(size_t)site * t->L + layer];
}

/* --- forward --- */

/* What a tap sees of activation x, and what it adds to `into` (x itself, or the sum x has gone into). */
static void tap_see(const struct pass *p, enum site site, size_t l, struct ref x)
{
    const struct tap *t = p->taps ? taps_at(p->taps, site, l) : NULL;
    size_t n = p->b->N * p->m->cfg.D;

    if (!t)
        return;
    if (ref_is(t->keep) && t->row)
        op_embed(pass_c(p), t->keep, x, t->row, t->n_row, p->m->cfg.D, false);
    else if (ref_is(t->keep))
        op_copy(pass_c(p), t->keep, x, n);
    if (t->sumsq)
        *t->sumsq += op_sumsq(pass_c(p), x, n);
}

static void tap_add(const struct pass *p, enum site site, size_t l, struct ref into)
{
    const struct tap *t = p->taps ? taps_at(p->taps, site, l) : NULL;

    if (t && ref_is(t->add))
        op_add(pass_c(p), into, into, t->add, p->b->N * p->m->cfg.D);
}

void pass_ablate(struct model *m, struct ref u)
{
    m->ablated = u;
}

static void ablate(const struct pass *p, struct ref x)
{
    if (ref_is(p->m->ablated))
        op_project(pass_c(p), x, p->m->ablated, p->b->N, p->m->cfg.D);
}

/* What a half has added to the stream already, for its tap alone. */
static void ablate_output(const struct pass *p)
{
    if (!p->m->cfg.post_norms)
        ablate(p, p->a->t);
}

/* Is the place still to be computed? When the pass begins right behind it, only its `add` is due. */
static bool ahead(const struct pass *p, enum site site, size_t l)
{
    return p->from == PLACE_START || place_of(site, l) > p->from;
}

static bool at_or_ahead(const struct pass *p, enum site site, size_t l)
{
    return p->from == PLACE_START || place_of(site, l) >= p->from;
}

static void block_forward(struct pass *p, size_t l)
{
    const struct arch *arch = p->m->cfg.arch;

    if (ahead(p, SITE_ATTN, l)) {
        arch->attn_forward(p, l);
        ablate_output(p);
        tap_see(p, SITE_ATTN, l, p->a->t);
    }
    if (at_or_ahead(p, SITE_ATTN, l))
        tap_add(p, SITE_ATTN, l, attn_sum(p, l));
    if (arch->attn_join && at_or_ahead(p, SITE_ATTN, l))
        arch->attn_join(p, l);
    ablate(p, p->a->layer[l].mid);
    if (ahead(p, SITE_MLP, l)) {
        arch->mlp_forward(p, l);
        ablate_output(p);
        tap_see(p, SITE_MLP, l, p->a->t);
    }
    if (at_or_ahead(p, SITE_MLP, l))
        tap_add(p, SITE_MLP, l, mlp_sum(p, l));
    if (arch->mlp_join && at_or_ahead(p, SITE_MLP, l))
        arch->mlp_join(p, l);
    ablate(p, p->m->cfg.pre_norm ? p->a->layer[l + 1].x : p->a->layer[l].sum);
    if (ahead(p, SITE_BLOCK, l)) {
        if (arch->out_forward)
            arch->out_forward(p, l);
        if (!p->m->cfg.pre_norm)
            ablate(p, p->a->layer[l + 1].x);
        tap_see(p, SITE_BLOCK, l, p->a->layer[l + 1].x);
    }
    if (at_or_ahead(p, SITE_BLOCK, l))
        tap_add(p, SITE_BLOCK, l, p->a->layer[l + 1].x);
}

static void take_rest(const struct pass *p)
{
    if (p->rest)
        p->rest(p->rest_ctx);
}

void pass_forward(struct pass *p)
{
    if (ahead(p, SITE_EMBED, 0)) {
        p->m->cfg.arch->embed_forward(p);
        ablate(p, p->a->layer[0].x);
        tap_see(p, SITE_EMBED, 0, p->a->layer[0].x);
    }
    if (at_or_ahead(p, SITE_EMBED, 0))
        tap_add(p, SITE_EMBED, 0, p->a->layer[0].x);
    for (size_t l = 0; l < p->m->cfg.L; l++) {
        take_rest(p);
        block_forward(p, l);
    }
}

/* --- the head --- */

static struct ref last_x(const struct pass *p)
{
    return p->a->layer[p->m->cfg.L].x;
}

double pass_loss(struct pass *p, bool want_grad, double *row_loss)
{
    const struct model *m = p->m;
    struct acts *a = p->a;
    size_t n = p->b->n_lab;
    size_t piece = compute_head_rows(m->c, n, m->cfg.V);
    double loss = 0;

    pass_forward(p);
    if (want_grad)
        op_fill(m->c, a->dx, p->b->N * m->cfg.D, 0);
    if (n == 0)
        return 0;
    op_embed(m->c, a->head_x, last_x(p), p->b->lab_row, n, m->cfg.D, false);
    m->cfg.arch->final_forward(p, n);
    row_loss = row_loss ? row_loss : a->row_loss;
    /* the head of a large vocabulary takes as long as several blocks */
    for (size_t at = 0; at < n; at += piece) {
        take_rest(p);
        op_xent(m->c, ref_at(a->head, at * m->cfg.P), m->head->w, p->b->lab_id + at,
                want_grad ? ref_at(a->dhead, at * m->cfg.P) : REF_NONE,
                want_grad && m->full ? weight_grad(p, m->head) : REF_NONE,
                n - at < piece ? n - at : piece, m->cfg.P, m->cfg.V, m->cfg.logit_cap, p->scale,
                row_loss + at);
    }
    for (size_t i = 0; i < n; i++)
        loss += row_loss[i];
    if (want_grad) {
        m->cfg.arch->final_backward(p, n);
        op_embed_bwd(m->c, a->dx, a->dhead_x, p->b->lab_row, n, m->cfg.D);
    }
    return loss;
}

void pass_logits(struct pass *p, struct ref out, size_t n)
{
    const struct config *c = &p->m->cfg;

    op_linear(p->m->c, out, p->a->head, p->m->head->w, REF_NONE, n, c->P, c->V, false);
    if (c->logit_cap > 0)
        op_softcap(p->m->c, out, n * c->V, c->logit_cap);
}

bool pass_score(struct pass *p, double *logp, int32_t *top)
{
    const struct model *m = p->m;
    const struct batch *b = p->b;
    int32_t *next = p->a->index;
    bool numbers = true;

    pass_forward(p);
    for (size_t at = 0; at < b->N; at += p->a->labelled) {
        size_t n = b->N - at < p->a->labelled ? b->N - at : p->a->labelled;
        op_copy(m->c, p->a->head_x, ref_at(last_x(p), at * m->cfg.D), n * m->cfg.D);
        m->cfg.arch->final_forward(p, n);
        /* the last row of a sequence has no next id: any valid one will do, its result is cleared */
        for (size_t i = 0; i < n; i++)
            next[i] = at + i + 1 < b->N ? b->ids[at + i + 1] : 0;
        op_logprobs(m->c, p->a->head, m->head->w, logp ? next : NULL, n, m->cfg.P, m->cfg.V,
                    m->cfg.logit_cap, logp ? logp + at : NULL, top ? top + at : NULL);
    }
    for (size_t i = 0; logp && i < b->N; i++)
        numbers &= isfinite(logp[i]) != 0;
    for (size_t s = 0; logp && s < b->S; s++)
        logp[b->seq[s].q0 + b->seq[s].nq - 1] = 0;
    return numbers;
}

void pass_classify(struct pass *p, float *logits)
{
    const struct model *m = p->m;
    struct acts *a = p->a;
    size_t D = m->cfg.D, K = m->cfg.n_labels;

    pass_forward(p);
    for (size_t s = 0; s < p->b->S; s++) {
        const struct seq *q = &p->b->seq[s];
        op_copy(m->c, a->head_x, ref_at(last_x(p), (q->q0 + q->nq - 1) * D), D);
        m->cfg.arch->final_forward(p, 1);
        op_linear(m->c, a->scores, a->head, m->score->w, REF_NONE, 1, D, K, false);
        compute_download(m->c, logits + s * K, a->scores, K);
    }
}

/* --- backward --- */

bool pass_wants_below(const struct pass *p, size_t l)
{
    const struct tap *embed = p->taps ? taps_at(p->taps, SITE_EMBED, 0) : NULL;

    return l > 0 || (p->grads && p->m->full) || p->stop == place_of(SITE_EMBED, 0) ||
           (embed && (ref_is(embed->keep_grad) || embed->grad_sumsq));
}

/* `from` is the gradient at the site. What is added to that of a half's output goes down through that half,
 * not past it along the residual stream. Returns whether the pass ends here. */
static bool tap_grad(const struct pass *p, enum site site, size_t l, struct ref from)
{
    const struct tap *t = p->taps ? taps_at(p->taps, site, l) : NULL;
    size_t n = p->b->N * p->m->cfg.D;
    struct acts *a = p->a;

    a->dt = from;
    if (t && ref_is(t->keep_grad))
        op_copy(pass_c(p), t->keep_grad, from, n);
    if (t && t->grad_sumsq)
        *t->grad_sumsq += op_sumsq(pass_c(p), from, n);
    if (t && ref_is(t->add_grad)) {
        if (site == SITE_ATTN || site == SITE_MLP)
            a->dt = a->t;
        op_add(pass_c(p), a->dt, from, t->add_grad, n);
    }
    return p->stop == place_of(site, l);
}

static bool block_backward(struct pass *p, size_t l)
{
    const struct arch *arch = p->m->cfg.arch;

    struct ref half = arch->attn_split ? p->a->dout : p->a->dx;

    if (tap_grad(p, SITE_BLOCK, l, p->a->dx))
        return true;
    if (arch->out_backward)
        arch->out_backward(p, l);
    if (arch->mlp_split)
        arch->mlp_split(p, l);
    if (tap_grad(p, SITE_MLP, l, half))
        return true;
    arch->mlp_backward(p, l);
    if (arch->attn_split)
        arch->attn_split(p, l);
    if (tap_grad(p, SITE_ATTN, l, half))
        return true;
    arch->attn_backward(p, l);
    return false;
}

void pass_backward(struct pass *p)
{
    for (size_t l = p->m->cfg.L; l-- > 0;) {
        take_rest(p);
        if (block_backward(p, l))
            return;
    }
    if (pass_wants_below(p, 0) && tap_grad(p, SITE_EMBED, 0, p->a->dx))
        return;
    if (p->grads && p->m->full)
        p->m->cfg.arch->embed_backward(p);
}
