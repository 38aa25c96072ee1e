/* acts.h - the activations of a pass, made once for all passes of such a size. */
#ifndef MODEL_ACTS_H
#define MODEL_ACTS_H

#include "model/model.h"

struct acts;
/* Floats that acts_new will take. rows = packed tokens of the largest batch, labelled = rows with labels;
 * train keeps every layer's activations, else all layers share theirs. */
size_t acts_floats(const struct model *m, size_t rows, size_t labelled, bool train);
/* Made for the adapters that the model has now: make new ones after the stack has changed. Sets the
 * compute limits too. context = the longest sequence. */
struct acts *acts_new(struct model *m, size_t rows, size_t labelled, size_t context, bool train,
                      struct vac_err *err);
void acts_free(struct acts *a);
/* What they were made for. */
struct acts_room {
    size_t rows, labelled, context;
};
struct acts_room acts_room(const struct acts *a);
/* The shapes of passes over `rows` packed tokens in sequences of at most `context`. */
struct compute_limits acts_limits(const struct model *m, size_t rows, size_t context, bool train);
#endif
