/* optimizer.c - see optimizer.h */
#include "rig/optimizer.h"

#include <math.h>

int optimizer_init(struct optimizer *o, struct model *m, struct vac_err *err)
{
    const struct params *p = model_params(m);

    *o = (struct optimizer){.m = m, .n = p->n};
    o->state = compute_alloc(model_compute(m), 2 * p->n, err);
    if (!o->state)
        return -1;
    o->mean = (struct ref){o->state, 0};
    o->var = (struct ref){o->state, p->n};
    return 0;
}

void optimizer_done(struct optimizer *o)
{
    if (o->m)
        compute_release(model_compute(o->m), o->state);
    *o = (struct optimizer){0};
}

double optimizer_grad_norm(const struct optimizer *o)
{
    return sqrt(op_sumsq(model_compute(o->m), model_params(o->m)->g, o->n));
}

void optimizer_update(struct optimizer *o, const struct stage_spec *s, double lr, double grad_norm)
{
    const struct params *p = model_params(o->m);
    double clip = s->max_grad_norm > 0 ? s->max_grad_norm / (grad_norm + 1e-6) : 1;
    struct adamw a = {.lr = (float)lr,
                      .beta1 = (float)s->beta1,
                      .beta2 = (float)s->beta2,
                      .eps = (float)s->adam_eps,
                      .weight_decay = (float)s->weight_decay,
                      .grad_scale = (float)(clip < 1 ? clip : 1),
                      .step = ++o->updates};

    op_adamw(model_compute(o->m), p->w, p->g, o->mean, o->var, p->n_decay, &a);
    if (p->n_decay == p->n)
        return;
    a.weight_decay = 0;
    op_adamw(model_compute(o->m), ref_at(p->w, p->n_decay), ref_at(p->g, p->n_decay),
             ref_at(o->mean, p->n_decay), ref_at(o->var, p->n_decay), p->n - p->n_decay, &a);
}

double schedule_factor(int schedule, double warmup_ratio, uint64_t s, uint64_t total)
{
    double W = ceil(warmup_ratio * (double)total), at = (double)s, rest = (double)total - W;
    double done = rest > 0 ? (at - W) / rest : 1;

    if (at < W)
        return at / W;
    if (schedule == SCHEDULE_CONSTANT)
        return 1;
    if (schedule == SCHEDULE_LINEAR)
        return fmax(0, 1 - done);
    return fmax(0, 0.5 * (1 + cos(M_PI * done)));
}

double schedule_rho(const struct rho_schedule *r, uint64_t s, uint64_t total)
{
    double part = 1;

    if (!r->given)
        return 1;
    if (!r->steps) {
        part = schedule_factor(r->schedule, r->warmup_ratio, s, total);
        return (double)s < ceil(r->warmup_ratio * (double)total) || r->schedule == SCHEDULE_CONSTANT
                   ? part
                   : r->end + (1 - r->end) * part;
    }
    for (size_t i = 0; i < r->n_turns && (uint64_t)r->turn[i].from <= s; i++)
        part = r->turn[i].part;
    return part;
}

int schedule_check(const struct stage_spec *s, uint64_t total, struct vac_err *err)
{
    double warm = ceil(s->warmup_ratio * (double)total);

    if (!(s->lr > 0))
        return err_set(err, VAC_ERR_USAGE, "nothing is trained: lr is 0 at every step");
    for (uint64_t i = 0; i < total; i++) {
        if (schedule_factor(s->schedule, s->warmup_ratio, i, total) > 0)
            return 0;
    }
    return err_set(
        err, VAC_ERR_USAGE,
        "nothing is trained: the learning rate is 0 at every step, for warm-up begins at "
        "0 and takes %.0f of %llu: set warmup_ratio 0, or make more steps",
        warm, (unsigned long long)total);
}
