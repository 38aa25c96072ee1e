/* optimizer.h - AdamW over a model's trained parameters, clipping, and the schedules.
 */
#ifndef RIG_OPTIMIZER_H
#define RIG_OPTIMIZER_H

#include "model/lora.h"
#include "spec/spec.h"

struct optimizer {
    struct model *m;
    struct buf *state; /* first moments, then second moments: n numbers each */
    struct ref mean, var;
    size_t n;
    uint64_t updates;
};
int optimizer_init(struct optimizer *o, struct model *m, struct vac_err *err);
void optimizer_done(struct optimizer *o);
/* ||g|| over all trained parameters, before clipping. */
double optimizer_grad_norm(const struct optimizer *o);
/* One update: gradients times min(1, max_norm / (norm + 1e-6)) (max_norm 0 = no clipping). */
void optimizer_update(struct optimizer *o, const struct stage_spec *s, double lr, double grad_norm);
/* Factor of the base rate at 0-based step s of `total`: s / W for s < W = ceil(warmup_ratio total),
 * then constant, linear to 0, or half a cosine to 0 (as Hugging Face's schedules). */
double schedule_factor(int schedule, double warmup_ratio, uint64_t s, uint64_t total);
/* Rho at that step in parts of the option: 1 where there is no schedule of it. */
double schedule_rho(const struct rho_schedule *r, uint64_t s, uint64_t total);
/* -1 and why when every one of the stage's steps has learning rate 0: they train nothing. */
int schedule_check(const struct stage_spec *s, uint64_t total, struct vac_err *err);
#endif
