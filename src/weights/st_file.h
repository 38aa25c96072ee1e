/* st_file.h - one safetensors file, opened and checked: shared by the parts behind safetensors.h.
 */
#ifndef WEIGHTS_ST_FILE_H
#define WEIGHTS_ST_FILE_H

#include "base/json.h"
#include "weights/safetensors.h"

#define ST_HEADER_MAX ((size_t)100000000) /* the limit of every reader of the format */
#define ST_WHOLE_MAX ((int64_t)1 << 53)   /* JSON numbers are exact up to here */
#define ST_METADATA "__metadata__"

/* What the format knows; a row with `family` stands for all names that begin with its text. */
struct st_dtype {
    const char *text;
    bool family;
    unsigned bits; /* of one element */
    bool readable;
    enum dtype dtype; /* valid when readable */
};
const struct st_dtype *st_dtype_find(const char *text); /* NULL = unknown */

struct st_pair {
    const char *key, *value;
};

struct st_file {
    char *path;
    struct mapping map;
    const unsigned char *data; /* behind the header */
    size_t data_len;
    struct st_tensor *t; /* sorted by name, no name twice */
    size_t n;
    struct st_pair *meta; /* sorted by key, no key twice */
    size_t n_meta;
    struct arena mem; /* names and values */
};
/* On failure nothing is left to close. */
int st_file_open(struct st_file *f, const char *path, struct vac_err *err);
void st_file_close(struct st_file *f);
#endif
