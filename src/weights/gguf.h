/* gguf.h - one GGUF file, opened and checked: its keys and where its tensors lie. Reading only.
 *
 * Nothing in the file is believed: a count is compared with the bytes that are left before it is used, no
 * array stands in an array, and after gguf_open each tensor's bytes are known to lie inside the file, to be
 * whole blocks, and to be nobody else's. Versions 2 and 3, little-endian, one file for all.
 *
 * Tensors are told by the names that Hugging Face has for them, with its order of dimensions and, after
 * gguf_order_rows, of the rows of q and k: what was made from a file is made from a folder too. */
#ifndef WEIGHTS_GGUF_H
#define WEIGHTS_GGUF_H

#include "base/map.h"
#include "weights/weights.h"

enum gguf_type {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_TYPES
};
struct gguf_value {
    const char *key;
    enum gguf_type type; /* of an array: that of its elements */
    bool array;
    size_t n;                /* elements; 1 of what is no array */
    const unsigned char *at; /* the first one, in the mapping */
    size_t bytes;            /* of all */
};

struct gguf {
    char *path;
    const char *arch; /* general.architecture */
    struct mapping map;
    struct arena mem;
    struct gguf_value *v; /* sorted by key, no key twice */
    size_t n_values;
    struct st_tensor *t; /* in the order of the file */
    size_t n;
};
/* Whether a file begins as one, or is called so. */
bool gguf_is(const char *path);
/* On failure nothing is left to close. */
int gguf_open(struct gguf *g, const char *path, struct vac_err *err);
void gguf_close(struct gguf *g);
/* For architectures whose files have the rows of q and k in another order than Hugging Face: copies them. */
int gguf_order_rows(struct gguf *g, struct vac_err *err);

/* Whether a tensor's data lie in the file; those whose rows were moved are a copy. */
bool gguf_maps(const struct gguf *g, const void *data);

/* Keys. NULL = it is not there. In a name, "ARCH." stands for the file's architecture. */
const struct gguf_value *gguf_find(const struct gguf *g, const char *key);
/* "FILE: KEY: ..."; returns -1. */
int gguf_error(const struct gguf *g, const char *key, struct vac_err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A whole number of any width, a number, a bool, a text: 1 = the key is not there (*out stays), -1. */
int gguf_int(const struct gguf *g, const char *key, int64_t min, int64_t max, int64_t *out,
             struct vac_err *err);
int gguf_num(const struct gguf *g, const char *key, double *out, struct vac_err *err);
int gguf_bool(const struct gguf *g, const char *key, bool *out, struct vac_err *err);
/* In UTF-8, without NUL inside; borrowed until gguf_close. */
int gguf_text(struct gguf *g, const char *key, const char **out, struct vac_err *err);
/* An array of this type; *out = NULL when the key is not there. */
int gguf_array(const struct gguf *g, const char *key, enum gguf_type type,
               const struct gguf_value **out, struct vac_err *err);
/* Element i of an array of I32 or F32. */
int32_t gguf_i32_at(const struct gguf_value *v, size_t i);
float gguf_f32_at(const struct gguf_value *v, size_t i);
/* The strings of an array one after the other: *at begins as v->at. */
const char *gguf_next_string(const unsigned char **at, size_t *len);
#endif
