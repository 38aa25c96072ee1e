/* linear.c - a group of linears that read the same input, with the low-rank terms of all adapters.
 *
 *     y_i  = x W_i^T + b_i + sum over adapters  s (drop(x) A_i^T) B_i^T
 *     dx   = sum_i dy_i W_i + sum over adapters  drop'(dh_i A_i),  dh_i = s dy_i B_i
 *     dA_i = dh_i^T drop(x),  dB_i = s dy_i^T h_i
 *
 * Without dropout the A of a group are one matrix: one skinny product instead of three. */
#include "model/linear.h"

/* A dropout stream of its own for every linear of the model. */
static uint64_t module_id(size_t l, enum group_id g, size_t i)
{
    return (l * GROUP_COUNT + g) * GROUP_MAX + i;
}

static bool drops(const struct pass *p, const struct adapter *a)
{
    return p->train && a->trained && a->dropout > 0;
}

static void term_down(struct pass *p, size_t l, enum group_id g, const struct adapter *a,
                      struct ref x)
{
    const struct lowrank *t = &a->term[l * GROUP_COUNT + g];
    const struct group *group = &p->m->layer[l].group[g];
    struct compute *c = pass_c(p);
    size_t N = p->b->N, ldh = p->m->h_cols[g], at = 0;
    struct ref h = ref_at(p->a->layer[l].h[g], a->col[g]), A = {a->w, t->a_at};

    if (!drops(p, a)) {
        op_lora_down(c, h, ldh, x, A, N, group->in, t->n_on * a->r);
        return;
    }
    for (size_t i = 0; i < group->n; i++) {
        if (!t->on[i])
            continue;
        op_dropout(c, p->a->drop, x, p->b->row_key, module_id(l, g, i), (float)a->dropout, N,
                   group->in, false);
        op_lora_down(c, ref_at(h, at), ldh, p->a->drop, ref_at(A, at * group->in), N, group->in,
                     a->r);
        at += a->r;
    }
}

void group_forward(struct pass *p, size_t l, enum group_id g, struct ref x, const struct ref *y)
{
    const struct group *group = &p->m->layer[l].group[g];
    size_t N = p->b->N, ldh = p->m->h_cols[g];

    for (size_t i = 0; i < group->n; i++) {
        const struct linear *w = &group->lin[i];
        op_linear(pass_c(p), y[i], x, w->w->w, weight_ref(w->b), N, w->in, w->out, false);
    }
    for (size_t k = 0; k < p->m->n_adapter && k < p->m->n_used; k++) {
        const struct adapter *a = &p->m->adapter[k];
        const struct lowrank *t = &a->term[l * GROUP_COUNT + g];
        struct ref h = ref_at(p->a->layer[l].h[g], a->col[g]);
        if (!t->n_on)
            continue;
        term_down(p, l, g, a, x);
        for (size_t i = 0; i < group->n; i++) {
            if (!t->on[i])
                continue;
            op_lora_up(pass_c(p), y[i], h, ldh, (struct ref){a->w, t->b_at[i]}, t->scale[i], N,
                       group->lin[i].out, a->r);
            h = ref_at(h, a->r);
        }
    }
}

/* From dh to dA and dx, when x went through dropout: module by module, as the masks differ. */
static void term_back_dropped(struct pass *p, size_t l, enum group_id g, const struct adapter *a,
                              struct ref dx, struct ref x)
{
    const struct lowrank *t = &a->term[l * GROUP_COUNT + g];
    const struct group *group = &p->m->layer[l].group[g];
    struct compute *c = pass_c(p);
    size_t N = p->b->N, in = group->in, ldh = p->m->h_cols[g], at = 0;

    for (size_t i = 0; i < group->n; i++) {
        uint64_t id = module_id(l, g, i);
        struct ref dh = ref_at(p->a->dh, a->col[g] + at);
        if (!t->on[i])
            continue;
        if (p->grads) {
            op_dropout(c, p->a->drop, x, p->b->row_key, id, (float)a->dropout, N, in, false);
            op_lora_down_dw(c, (struct ref){a->g, t->a_at + at * in}, dh, ldh, p->a->drop, N, in,
                            a->r);
        }
        if (ref_is(dx)) {
            op_lora_down_dx(c, p->a->back, dh, ldh, (struct ref){a->w, t->a_at + at * in}, N, in,
                            a->r, false);
            op_dropout(c, dx, p->a->back, p->b->row_key, id, (float)a->dropout, N, in, true);
        }
        at += a->r;
    }
}

static void term_back(struct pass *p, size_t l, enum group_id g, const struct adapter *a,
                      struct ref dx, const struct ref *dy, struct ref x)
{
    const struct lowrank *t = &a->term[l * GROUP_COUNT + g];
    const struct group *group = &p->m->layer[l].group[g];
    struct compute *c = pass_c(p);
    bool grads = p->grads && a->trained;
    size_t N = p->b->N, ldh = p->m->h_cols[g], cols = t->n_on * a->r, at = 0;
    struct ref h = ref_at(p->a->layer[l].h[g], a->col[g]), dh = ref_at(p->a->dh, a->col[g]);

    for (size_t i = 0; i < group->n; i++) {
        if (!t->on[i])
            continue;
        op_lora_up_bwd(c, ref_at(dh, at), ldh, grads ? (struct ref){a->g, t->b_at[i]} : REF_NONE,
                       dy[i], ref_at(h, at), (struct ref){a->w, t->b_at[i]}, t->scale[i], N,
                       group->lin[i].out, a->r);
        at += a->r;
    }
    if (drops(p, a)) {
        term_back_dropped(p, l, g, a, dx, x);
        return;
    }
    if (grads)
        op_lora_down_dw(c, (struct ref){a->g, t->a_at}, dh, ldh, x, N, group->in, cols);
    if (ref_is(dx))
        op_lora_down_dx(c, dx, dh, ldh, (struct ref){a->w, t->a_at}, N, group->in, cols, true);
}

void group_backward(struct pass *p, size_t l, enum group_id g, struct ref dx, const struct ref *dy,
                    struct ref x)
{
    const struct group *group = &p->m->layer[l].group[g];
    struct compute *c = pass_c(p);
    size_t N = p->b->N;

    for (size_t i = 0; i < group->n; i++) {
        const struct linear *w = &group->lin[i];
        if (ref_is(dx))
            op_linear_dx(c, dx, dy[i], w->w->w, N, w->in, w->out, i > 0);
        if (p->grads && p->m->full)
            op_linear_dw(c, w->w->g, w->b ? w->b->g : REF_NONE, dy[i], x, N, w->in, w->out);
    }
    for (size_t k = 0; k < p->m->n_adapter && k < p->m->n_used; k++) {
        const struct adapter *a = &p->m->adapter[k];
        if (a->term[l * GROUP_COUNT + g].n_on && (ref_is(dx) || (p->grads && a->trained)))
            term_back(p, l, g, a, dx, dy, x);
    }
}
