/* ask.h - questions answered between two steps: probes, pages of samples, points for the map.
 *
 * A probe has its own cache, its own random stream and no dropout: asking changes nothing of the
 * run. */
#ifndef RUN_ASK_H
#define RUN_ASK_H

#include "run/book.h"

int ask_probe(const struct rig *rig, struct stage *st, struct book *book,
              const struct control_command *c, struct vac_err *err);
int ask_samples(const struct rig *rig, const struct stage *st, struct steer *steer,
                const struct control_command *c, struct vac_err *err);
int ask_map(const struct rig *rig, const struct stage *st, struct steer *steer,
            const struct control_command *c, struct vac_err *err);
/* Sum of the probabilities of the tokens that refusals begin with, for the next token after the
 * prompt. */
int ask_refusal_probability(const struct rig *rig, const struct stage *st, const struct ids *prompt,
                            double *out, struct vac_err *err);
#endif
