/* step.h - one step of a method, and the memory that it takes. */
#ifndef DEFENSE_STEP_H
#define DEFENSE_STEP_H

#include "defense/defense.h"

/* Room for a method's steps on effective batches of at most `rows` tokens and `labels` labelled ones. */
int step_init(struct step *s, struct model *m, struct acts *a, const struct method *method,
              const void *options, size_t rows, size_t labels, struct vac_err *err);
void step_done(struct step *s);
/* Bytes that step_init takes of the backend: for the perturbation, and for the arrays of `trained`
 * numbers. */
uint64_t step_bytes(const struct model *m, const struct method *method, const void *options,
                    size_t rows);
uint64_t step_state_bytes(const struct method *method, uint64_t trained);
/* Takes over options that have changed; -1 and nothing changed when they do not fit. */
int step_options(struct step *s, const struct method *method, const void *options,
                 struct vac_err *err);
/* One step of the method: gradients zeroed, "train" taken unless the method has streams to choose from,
 * then method->step. */
void step_run(struct step *s, const struct method *method);
/* The step looks at the effective batch of a stream from now on: readings cleared, dropout streams keyed. */
void step_use(struct step *s, size_t stream);
#endif
