/* norm.c - see norm.h */
#include "model/norm.h"

void norm_forward(struct pass *p, struct ref y, struct ref mean, struct ref rstd, struct ref x,
                  const struct weight *w, const struct weight *b, size_t n)
{
    const struct config *c = &p->m->cfg;

    if (b)
        op_layernorm(pass_c(p), y, mean, rstd, x, w->w, b->w, n, c->D, c->norm_eps);
    else
        op_rmsnorm(pass_c(p), y, rstd, x, w->w, c->norm_plus, n, c->D, c->norm_eps);
}

void norm_backward(struct pass *p, struct ref dx, struct ref dy, struct ref x,
                   const struct weight *w, const struct weight *b, struct ref mean, struct ref rstd,
                   size_t n)
{
    struct ref dw = weight_grad(p, w);

    if (b)
        op_layernorm_bwd(pass_c(p), dx, dw, weight_grad(p, b), dy, x, w->w, mean, rstd, n,
                         p->m->cfg.D);
    else
        op_rmsnorm_bwd(pass_c(p), dx, dw, dy, x, w->w, p->m->cfg.norm_plus, rstd, n, p->m->cfg.D);
}
