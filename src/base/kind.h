/* kind.h - what a file is that is not what it should be: one table of first bytes, for messages.
 *
 * Every reader asks it, so that a Parquet file is called one whether it stands for rows, for a
 * config or for weights. An advice names what makes of the file one that is read here; tests follow
 * each of them. */
#ifndef BASE_KIND_H
#define BASE_KIND_H

#include <stddef.h>
#include "base/err.h"

/* What the file was to be: the same thing is turned into rows in one way, into weights in another.
 */
enum kind_use { KIND_ROWS, KIND_JSON, KIND_WEIGHTS, KIND_USES };

/* How weights that were pickled become safetensors. */
#define KIND_CONVERT_PICKLE                                                                        \
    "convert it: python3 -c \"import sys, torch, safetensors.torch as s; "                         \
    "s.save_file(torch.load(sys.argv[1], weights_only=True), sys.argv[2])\" OLD NEW.safetensors"
#define KIND_GGUF "give that file itself as the model (\"FILE.gguf\" in the place of the folder)"

enum { KIND_HEAD = 512 }; /* bytes that suffice */

/* The first n bytes of `path`: -1 and "PATH: is a Parquet file: convert it ..." when they are those
 * of another kind of file, else 0. */
int kind_refuse(const char *path, const void *head, size_t n, enum kind_use use,
                struct vac_err *err);
/* The same, reading them. Also of a link that leads nowhere. What cannot be read is no error here.
 */
int kind_refuse_file(const char *path, enum kind_use use, struct vac_err *err);
/* A symbolic link to what is not there: -1 and an error that says where it leads, else 0. */
int kind_refuse_link(const char *path, struct vac_err *err);
/* For a file that may be absent: 1 it is there, 0 nothing is, -1 a link that leads nowhere is. */
int kind_file_there(const char *path, struct vac_err *err);
#endif
