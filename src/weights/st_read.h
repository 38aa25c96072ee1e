/* st_read.h - one safetensors file, opened and checked. */
#ifndef WEIGHTS_ST_READ_H
#define WEIGHTS_ST_READ_H

#include "base/json.h"
#include "weights/weights.h"

#define ST_HEADER_MAX ((size_t)100000000) /* the limit of every reader of the format */
#define ST_WHOLE_MAX ((int64_t)1 << 53)   /* JSON numbers are exact up to here */
#define ST_METADATA "__metadata__"

struct st_file {
    char *path;
    struct mapping map;
    const unsigned char *data; /* behind the header */
    size_t data_len;
    struct st_tensor *t; /* sorted by name, no name twice */
    size_t n;
    struct arena mem; /* names and values */
};
/* On failure nothing is left to close. */
int st_file_open(struct st_file *f, const char *path, struct vac_err *err);
void st_file_close(struct st_file *f);
#endif
