/* stops.h - which ids end an answer. The one place that collects them, whoever asks: a probe, an
 * evaluation, a run. */
#ifndef MODEL_STOPS_H
#define MODEL_STOPS_H

#include "data/dataset.h"
#include "model/model.h"

struct stops {
    int32_t id[2 * GEN_MAX_EOS + 3];
    size_t n;
};
/* What config.json, generation_config.json and the tokenizer call an end, and what a trained answer
 * ends with by `enc`, whose tokenizer and template may be NULL. */
int stops_collect(struct stops *s, const struct model *m, const struct encoder *enc,
                  struct vac_err *err);
void stops_add(struct stops *s, int32_t id); /* -1 is none */
/* The tokenizer's EOS (`tok` may be NULL), else the model's; -1 = none. */
int32_t stops_eos(const struct model *m, const struct tokenizer *tok);
#endif
