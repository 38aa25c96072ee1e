/* st_write.h - writing one safetensors file.
 *
 * Declare all tensors, then give the data of each in the order that st_order tells. The file appears whole or
 * not at all. Sorted by descending size of an element, then name; data starts 8-byte aligned. */
#ifndef WEIGHTS_ST_WRITE_H
#define WEIGHTS_ST_WRITE_H

#include "base/dtype.h"
#include "base/io.h"

struct st_writer;
struct st_writer *st_create(const char *path, struct vac_err *err);
int st_declare(struct st_writer *w, const char *name, enum dtype t, size_t rank,
               const size_t *shape, struct vac_err *err);
/* Ends the declarations; *n tensors follow. */
int st_begin(struct st_writer *w, size_t *n, struct vac_err *err);
const char *st_order(const struct st_writer *w, size_t i); /* name of the tensor that comes i-th */
/* Exactly the numbers of the next tensor, narrowed to its dtype (round to nearest even); may come in
 * several pieces. */
int st_put(struct st_writer *w, const float *x, size_t n, struct vac_err *err);
/* Flush, fsync, rename; all data must be there. */
int st_commit(struct st_writer *w, struct vac_err *err);
void st_free(struct st_writer *w); /* removes the temporary file if not committed */
#endif
