/* weights.h - reading weights by mapping, strictly.
 *
 *
 * A weights set is one .safetensors file or a sharded folder (model.safetensors.index.json). Opening maps
 * the files and checks headers: nothing of the data is read. Every offset, size and count is checked:
 * header length, JSON, duplicate names, dtype, shape x size == length, overlap, holes, end == file end.
 * F32, BF16 and F16 can be used; other dtypes are refused by name when such a tensor is asked for.
 * pytorch_model.bin (pickle) is refused with advice how to convert it. */
#ifndef WEIGHTS_WEIGHTS_H
#define WEIGHTS_WEIGHTS_H

#include "base/dtype.h"
#include "base/io.h"

#define TENSOR_MAX_RANK 8

struct st_tensor {
    const char *name;
    const char *in_file;    /* its name there, where that is another (GGUF); else NULL */
    const char *file;       /* base name of the file it lies in */
    const char *dtype_text; /* as written in the file */
    enum dtype dtype;       /* valid when readable */
    bool readable;          /* F32, BF16, F16 or blocks */
    size_t rank, shape[TENSOR_MAX_RANK];
    size_t numel;
    const void *data; /* in the mapping; little-endian; may be unaligned for its type */
};

struct weights;
/* A file (GGUF too), or a folder with model.safetensors, model.safetensors.index.json or adapter_model.safetensors. */
struct weights *weights_open(const char *path, struct vac_err *err);
/* The same; of a folder, only those called so: "model", "adapter_model". */
struct weights *weights_open_stem(const char *path, const char *stem, struct vac_err *err);
/* Of an architecture whose GGUF files have a head's rows of q and k in the order of neighbours that are
 * rotated together: in the order of the two halves, as safetensors have them, which stay as they are. */
int weights_order_rows(struct weights *w, struct vac_err *err);
void weights_close(struct weights *w);
/* Whether the files are still those that were opened (base/map.h): asked before what was made of the
 * numbers is believed. */
int weights_check(const struct weights *w, struct vac_err *err);
size_t weights_count(const struct weights *w);
const struct st_tensor *weights_at(const struct weights *w, size_t i); /* sorted by name */
const struct st_tensor *weights_find(const struct weights *w, const char *name); /* NULL = none */
/* The tensor must exist, be readable and have exactly this shape; else NULL and an error naming file,
 * tensor, and both shapes (or the nearest name). */
const struct st_tensor *weights_want(const struct weights *w, const char *name, size_t rank,
                                     const size_t *shape, struct vac_err *err);
/* The file that was opened (the index of a sharded set), for messages. */
const char *weights_path(const struct weights *w);
/* Tells the kernel that the pages of this tensor are not needed for now (after copying it). */
void weights_forget(const struct weights *w, const struct st_tensor *t);
#endif
