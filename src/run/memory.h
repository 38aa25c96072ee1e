/* memory.h - what a stage will take: the largest batch, the longest text, and the plan. The stage
 * needs its data only. */
#ifndef RUN_MEMORY_H
#define RUN_MEMORY_H

#include "model/plan.h"
#include "run/stage.h"
#include "run/steer.h"

struct memory_sizes {
    size_t batch[METHOD_STREAMS];  /* samples of a micro-batch of each stream, */
    size_t micros[METHOD_STREAMS]; /* micro-batches of an effective batch */
    size_t rows, labels;           /* of a micro-batch, and at least the longest watched sample */
    size_t all_rows, all_labels;   /* of an effective batch */
    size_t context;
};
int memory_sizes(const struct rig *rig, const struct stage *st, struct memory_sizes *z,
                 struct vac_err *err);
/* Tokens of the longest prompt whose place along the refusal direction is asked: of those that it is made of, and of
 * the fixed probes; 0 = none. */
size_t memory_refusal(const struct rig *rig);
/* Context and slots of the generator. */
size_t memory_generator(const struct rig *rig, const struct stage *st, size_t *slots);
/* The adapter that the stage begins with (not "same"); *targets is to be freed. */
int memory_adapter(const struct model *m, const struct stage_spec *s, struct lora_spec *out,
                   char **targets, struct vac_err *err);
/* All rows, nothing allocated. *trained = numbers that are trained. */
int memory_plan(const struct rig *rig, const struct stage *st, const struct plan_next *next,
                struct plan *p, uint64_t *trained, struct vac_err *err);
/* As events. */
void memory_show(struct steer *steer, const struct plan *p);
#endif
