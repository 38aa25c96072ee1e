/* gguf.c - see gguf.h */
#include "weights/gguf.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/trace.h"
#include "base/io.h"
#include "base/utf8.h"
#include "weights/gguf_names.h"

#define NAME_MAX_BYTES 64     /* of a tensor's name */
#define KEY_MAX_BYTES 65535   /* of a key */
#define LEAST_KEY_BYTES 14    /* that a key and its value take */
#define LEAST_TENSOR_BYTES 33 /* that a tensor's description takes */
#define DIMS_MAX 4

static const unsigned char sizes[GGUF_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

/* Tensor types by their number. Those without a type here have layouts that are not read. */
static const struct {
    unsigned id;
    const char *name;
    int dtype; /* -1 = not read */
} tensor_types[] = {
    {0, "F32", DTYPE_F32},    {1, "F16", DTYPE_F16},    {2, "Q4_0", DTYPE_Q4_0},
    {3, "Q4_1", DTYPE_Q4_1},  {6, "Q5_0", DTYPE_Q5_0},  {7, "Q5_1", DTYPE_Q5_1},
    {8, "Q8_0", DTYPE_Q8_0},  {9, "Q8_1", -1},          {10, "Q2_K", DTYPE_Q2_K},
    {11, "Q3_K", DTYPE_Q3_K}, {12, "Q4_K", DTYPE_Q4_K}, {13, "Q5_K", DTYPE_Q5_K},
    {14, "Q6_K", DTYPE_Q6_K}, {15, "Q8_K", -1},         {16, "IQ2_XXS", -1},
    {17, "IQ2_XS", -1},       {18, "IQ3_XXS", -1},      {19, "IQ1_S", -1},
    {20, "IQ4_NL", -1},       {21, "IQ3_S", -1},        {22, "IQ2_S", -1},
    {23, "IQ4_XS", -1},       {24, "I8", -1},           {25, "I16", -1},
    {26, "I32", -1},          {27, "I64", -1},          {28, "F64", -1},
    {29, "IQ1_M", -1},        {30, "BF16", DTYPE_BF16}, {34, "TQ1_0", -1},
    {35, "TQ2_0", -1},        {39, "MXFP4", -1},        {40, "NVFP4", -1},
    {41, "Q1_0", -1},
};

/* --- the bytes, one after the other --- */

struct cursor {
    const struct gguf *g;
    size_t at;
};

/* The next n bytes; NULL when there are less. */
static const unsigned char *take(struct cursor *c, size_t n, const char *inside,
                                 struct vac_err *err)
{
    size_t at = c->at;

    if (n > c->g->map.len - at) {
        err_set(err, VAC_ERR_FORMAT,
                "%s: ends inside %s, which asks for %zu bytes where %zu are left: the file "
                "is cut short",
                c->g->path, inside, n, c->g->map.len - at);
        return NULL;
    }
    c->at += n;
    return c->g->map.data + at;
}

static int take_u32(struct cursor *c, const char *inside, uint32_t *out, struct vac_err *err)
{
    const unsigned char *p = take(c, sizeof *out, inside, err);

    if (p)
        memcpy(out, p, sizeof *out);
    return p ? 0 : -1;
}

static int take_u64(struct cursor *c, const char *inside, uint64_t *out, struct vac_err *err)
{
    const unsigned char *p = take(c, sizeof *out, inside, err);

    if (p)
        memcpy(out, p, sizeof *out);
    return p ? 0 : -1;
}

/* A name: a copy that ends with NUL, and holds none. */
static const char *take_name(struct gguf *g, struct cursor *c, const char *what, size_t most,
                             struct vac_err *err)
{
    const unsigned char *p;
    uint64_t len;

    if (take_u64(c, what, &len, err))
        return NULL;
    if (len == 0 || len > most) {
        err_set(err, VAC_ERR_FORMAT, "%s: %s at byte %zu has %llu bytes, expected 1 to %zu",
                g->path, what, c->at - 8, (unsigned long long)len, most);
        return NULL;
    }
    p = take(c, (size_t)len, what, err);
    if (!p)
        return NULL;
    if (memchr(p, 0, (size_t)len) || utf8_valid((const char *)p, (size_t)len) != len) {
        err_set(err, VAC_ERR_FORMAT, "%s: %s at byte %zu is no text in UTF-8", g->path, what,
                c->at - (size_t)len);
        return NULL;
    }
    return arena_strndup(&g->mem, (const char *)p, (size_t)len, err);
}

int gguf_error(const struct gguf *g, const char *key, struct vac_err *err, const char *fmt, ...)
{
    char text[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!strncmp(key, "ARCH.", 5))
        return err_set(err, VAC_ERR_FORMAT, "%s: %.64s%s: %s", g->path, g->arch, key + 4, text);
    return err_set(err, VAC_ERR_FORMAT, "%s: %.100s: %s", g->path, key, text);
}

/* --- keys --- */

static int skip_strings(struct cursor *c, const struct gguf_value *v, struct vac_err *err)
{
    uint64_t len;

    if (v->n > (c->g->map.len - c->at) / 8)
        return gguf_error(c->g, v->key, err, "%zu strings, which the file cannot hold", v->n);
    for (size_t i = 0; i < v->n; i++)
        if (take_u64(c, v->key, &len, err) || !take(c, (size_t)len, v->key, err))
            return -1;
    return 0;
}

static int read_value(struct gguf *g, struct cursor *c, struct gguf_value *v, struct vac_err *err)
{
    const unsigned char *p;
    uint32_t type;
    uint64_t n = 1;
    size_t bytes;

    v->key = take_name(g, c, "a key", KEY_MAX_BYTES, err);
    if (!v->key || take_u32(c, v->key, &type, err))
        return -1;
    v->array = type == GGUF_ARRAY;
    if (v->array && (take_u32(c, v->key, &type, err) || take_u64(c, v->key, &n, err)))
        return -1;
    if (v->array && type == GGUF_ARRAY)
        return gguf_error(g, v->key, err, "arrays in an array are not read");
    if (type >= GGUF_TYPES)
        return gguf_error(g, v->key, err, "a value of type %u, expected 0 to %d", type,
                          GGUF_TYPES - 1);
    v->type = type;
    v->n = (size_t)n;
    v->at = g->map.data + c->at;
    if (type == GGUF_STRING) {
        if (skip_strings(c, v, err))
            return -1;
        v->bytes = (size_t)(g->map.data + c->at - v->at);
        return 0;
    }
    if (size_mul(v->n, sizes[type], &bytes) || bytes > g->map.len - c->at)
        return gguf_error(g, v->key, err, "%llu elements, which the file cannot hold",
                          (unsigned long long)n);
    p = take(c, bytes, v->key, err);
    if (!p)
        return -1;
    v->bytes = bytes;
    for (size_t i = 0; type == GGUF_BOOL && i < v->n; i++)
        if (p[i] > 1)
            return gguf_error(g, v->key, err, "a bool of value %d, expected 0 or 1", p[i]);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct gguf_value *)a)->key, ((const struct gguf_value *)b)->key);
}

static int read_values(struct gguf *g, struct cursor *c, uint64_t n, struct vac_err *err)
{
    if (n > (g->map.len - c->at) / LEAST_KEY_BYTES)
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: the header tells of %llu keys, which the file cannot hold", g->path,
                       (unsigned long long)n);
    g->v = mem_new((size_t)n, sizeof *g->v, err);
    if (!g->v)
        return -1;
    for (; g->n_values < n; g->n_values++)
        if (read_value(g, c, &g->v[g->n_values], err))
            return -1;
    qsort(g->v, g->n_values, sizeof *g->v, by_key);
    for (size_t i = 1; i < g->n_values; i++)
        if (!strcmp(g->v[i - 1].key, g->v[i].key))
            return gguf_error(g, g->v[i].key, err, "the key stands there twice");
    return 0;
}

static int key_cmp(const void *key, const void *item)
{
    return strcmp(key, ((const struct gguf_value *)item)->key);
}

const struct gguf_value *gguf_find(const struct gguf *g, const char *key)
{
    char full[160];

    if (!strncmp(key, "ARCH.", 5)) {
        snprintf(full, sizeof full, "%.64s%s", g->arch ? g->arch : "", key + 4);
        key = full;
    }
    return g->n_values ? bsearch(key, g->v, g->n_values, sizeof *g->v, key_cmp) : NULL;
}

/* One value, not an array. */
static const struct gguf_value *find_one(const struct gguf *g, const char *key, int *absent,
                                         struct vac_err *err)
{
    const struct gguf_value *v = gguf_find(g, key);

    *absent = v ? 0 : 1;
    if (v && v->array) {
        *absent = gguf_error(g, v->key, err, "an array of %zu, expected one value", v->n);
        return NULL;
    }
    return v;
}

int gguf_int(const struct gguf *g, const char *key, int64_t min, int64_t max, int64_t *out,
             struct vac_err *err)
{
    int absent;
    const struct gguf_value *v = find_one(g, key, &absent, err);
    uint64_t u = 0;
    int64_t x;

    if (!v)
        return absent;
    if (v->type == GGUF_F32 || v->type == GGUF_F64 || v->type == GGUF_BOOL ||
        v->type == GGUF_STRING)
        return gguf_error(g, v->key, err, "expected a whole number");
    memcpy(&u, v->at, sizes[v->type]); /* the low bytes */
    switch (v->type) {
    case GGUF_I8:
        x = (int8_t)u;
        break;
    case GGUF_I16:
        x = (int16_t)u;
        break;
    case GGUF_I32:
        x = (int32_t)u;
        break;
    default:
        x = v->type == GGUF_U64 && u > INT64_MAX ? INT64_MAX : (int64_t)u;
    }
    if (x < min || x > max)
        return gguf_error(g, v->key, err, "expected a whole number from %lld to %lld, found %lld",
                          (long long)min, (long long)max, (long long)x);
    *out = x;
    return 0;
}

int gguf_num(const struct gguf *g, const char *key, double *out, struct vac_err *err)
{
    int absent;
    const struct gguf_value *v = find_one(g, key, &absent, err);
    float x;

    if (!v)
        return absent;
    if (v->type == GGUF_F64) {
        memcpy(out, v->at, sizeof *out);
        return 0;
    }
    if (v->type != GGUF_F32)
        return gguf_error(g, v->key, err, "expected a number (F32)");
    memcpy(&x, v->at, sizeof x);
    *out = (double)x;
    return 0;
}

int gguf_bool(const struct gguf *g, const char *key, bool *out, struct vac_err *err)
{
    int absent;
    const struct gguf_value *v = find_one(g, key, &absent, err);

    if (!v)
        return absent;
    if (v->type != GGUF_BOOL)
        return gguf_error(g, v->key, err, "expected true or false");
    *out = *v->at;
    return 0;
}

const char *gguf_next_string(const unsigned char **at, size_t *len)
{
    const char *s = (const char *)*at + 8;
    uint64_t n;

    memcpy(&n, *at, sizeof n);
    *len = (size_t)n;
    *at += 8 + n;
    return s;
}

int gguf_text(struct gguf *g, const char *key, const char **out, struct vac_err *err)
{
    int absent;
    const struct gguf_value *v = find_one(g, key, &absent, err);
    const unsigned char *at;
    const char *s;
    size_t n;

    if (!v)
        return absent;
    if (v->type != GGUF_STRING)
        return gguf_error(g, v->key, err, "expected a text");
    at = v->at;
    s = gguf_next_string(&at, &n);
    if (memchr(s, 0, n) || utf8_valid(s, n) != n)
        return gguf_error(g, v->key, err, "is no text in UTF-8");
    s = arena_strndup(&g->mem, s, n, err);
    if (!s)
        return -1;
    *out = s;
    return 0;
}

int gguf_array(const struct gguf *g, const char *key, enum gguf_type type,
               const struct gguf_value **out, struct vac_err *err)
{
    static const char *const names[GGUF_TYPES] = {
        [GGUF_STRING] = "texts", [GGUF_I32] = "whole numbers (I32)", [GGUF_F32] = "numbers (F32)"};

    *out = gguf_find(g, key);
    if (*out && (!(*out)->array || (*out)->type != type))
        return gguf_error(g, key, err, "expected an array of %s", names[type]);
    return 0;
}

int32_t gguf_i32_at(const struct gguf_value *v, size_t i)
{
    int32_t x;

    memcpy(&x, v->at + i * sizeof x, sizeof x);
    return x;
}

float gguf_f32_at(const struct gguf_value *v, size_t i)
{
    float x;

    memcpy(&x, v->at + i * sizeof x, sizeof x);
    return x;
}

/* --- tensors --- */

static int tensor_error(const struct gguf *g, const struct st_tensor *t, struct vac_err *err,
                        const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static int tensor_error(const struct gguf *g, const struct st_tensor *t, struct vac_err *err,
                        const char *fmt, ...)
{
    char text[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(err, VAC_ERR_FORMAT, "%s: tensor \"%s\": %s", g->path, t->in_file, text);
}

static int set_type(const struct gguf *g, struct st_tensor *t, uint32_t id, struct vac_err *err)
{
    for (size_t i = 0; i < sizeof tensor_types / sizeof *tensor_types; i++) {
        if (tensor_types[i].id != id)
            continue;
        t->dtype_text = tensor_types[i].name;
        t->readable = tensor_types[i].dtype >= 0;
        if (t->readable)
            t->dtype = (enum dtype)tensor_types[i].dtype;
        else
            return tensor_error(g, t, err,
                                "type %s is not read; F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, "
                                "Q5_1 and Q2_K to Q6_K are",
                                t->dtype_text);
        return 0;
    }
    return tensor_error(g, t, err, "type %u is none that a GGUF file has", id);
}

static int read_tensor(struct gguf *g, struct cursor *c, struct st_tensor *t, uint64_t *offset,
                       struct vac_err *err)
{
    char hf[128];
    uint32_t rank, type;
    uint64_t dim;

    t->in_file = take_name(g, c, "the name of a tensor", NAME_MAX_BYTES, err);
    if (!t->in_file || take_u32(c, t->in_file, &rank, err))
        return -1;
    if (rank == 0 || rank > DIMS_MAX)
        return tensor_error(g, t, err, "has %u dimensions, expected 1 to %d", rank, DIMS_MAX);
    t->rank = rank;
    t->numel = 1;
    for (size_t i = rank; i-- > 0;) { /* the first one varies fastest */
        if (take_u64(c, t->in_file, &dim, err))
            return -1;
        t->shape[i] = (size_t)dim;
        if (dim == 0 || dim > INT64_MAX || size_mul(t->numel, (size_t)dim, &t->numel) ||
            t->numel > INT64_MAX / 8)
            return tensor_error(g, t, err,
                                "dimension %zu of %llu: expected 1 or more, and a size "
                                "that fits 64 bits",
                                rank - i, (unsigned long long)dim);
    }
    if (take_u32(c, t->in_file, &type, err) || take_u64(c, t->in_file, offset, err) ||
        set_type(g, t, type, err))
        return -1;
    if (t->shape[rank - 1] % dtype_block(t->dtype))
        return tensor_error(g, t, err,
                            "rows of %zu numbers are no whole blocks of %s, which has %zu",
                            t->shape[rank - 1], t->dtype_text, dtype_block(t->dtype));
    gguf_name_to_hf(t->in_file, hf, sizeof hf);
    t->name = arena_strndup(&g->mem, hf, strlen(hf), err);
    t->file = path_base(g->path);
    return t->name ? 0 : -1;
}

static int by_place(const void *a, const void *b)
{
    const struct st_tensor *x = *(const struct st_tensor *const *)a,
                           *y = *(const struct st_tensor *const *)b;

    return x->data < y->data ? -1 : x->data > y->data;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct st_tensor *const *)a)->in_file,
                  (*(const struct st_tensor *const *)b)->in_file);
}

/* No two share a name or a byte. */
static int check_tensors(const struct gguf *g, struct vac_err *err)
{
    const struct st_tensor **t = mem_new(g->n, sizeof *t, err);
    int rc = 0;

    if (!t)
        return -1;
    for (size_t i = 0; i < g->n; i++)
        t[i] = &g->t[i];
    qsort(t, g->n, sizeof *t, by_name);
    for (size_t i = 1; !rc && i < g->n; i++)
        if (!strcmp(t[i - 1]->in_file, t[i]->in_file))
            rc = tensor_error(g, t[i], err, "stands in the file twice");
    qsort(t, g->n, sizeof *t, by_place);
    for (size_t i = 1; !rc && i < g->n; i++) {
        const unsigned char *end = t[i - 1]->data;
        if (end + dtype_bytes(t[i - 1]->dtype, t[i - 1]->numel) > (const unsigned char *)t[i]->data)
            rc = tensor_error(g, t[i], err, "shares bytes with \"%s\"", t[i - 1]->in_file);
    }
    free(t);
    return rc;
}

static int read_tensors(struct gguf *g, struct cursor *c, uint64_t n, struct vac_err *err)
{
    int64_t align = 32;
    uint64_t *offset = NULL;
    size_t begin;
    int rc = -1;

    if (n > (g->map.len - c->at) / LEAST_TENSOR_BYTES)
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: the header tells of %llu tensors, which the file cannot hold", g->path,
                       (unsigned long long)n);
    if (gguf_int(g, "general.alignment", 1, UINT32_MAX, &align, err) < 0)
        return -1;
    if (align & (align - 1))
        return gguf_error(g, "general.alignment", err, "expected a power of two, found %lld",
                          (long long)align);
    g->t = mem_new((size_t)n, sizeof *g->t, err);
    offset = mem_new((size_t)n, sizeof *offset, err);
    if (!g->t || !offset)
        goto out;
    for (; g->n < n; g->n++)
        if (read_tensor(g, c, &g->t[g->n], &offset[g->n], err))
            goto out;
    begin = (c->at + (size_t)align - 1) / (size_t)align * (size_t)align;
    for (size_t i = 0; i < g->n; i++) {
        struct st_tensor *t = &g->t[i];
        size_t bytes = dtype_bytes(t->dtype, t->numel), left;
        if (offset[i] % (uint64_t)align) {
            tensor_error(g, t, err, "begins at %llu, which is no multiple of the alignment %lld",
                         (unsigned long long)offset[i], (long long)align);
            goto out;
        }
        left = begin > g->map.len ? 0 : g->map.len - begin;
        if (offset[i] > left || bytes > left - offset[i]) {
            tensor_error(g, t, err,
                         "its %zu bytes at %llu go beyond the %zu of data: the file is cut short",
                         bytes, (unsigned long long)offset[i], left);
            goto out;
        }
        t->data = g->map.data + begin + offset[i];
    }
    rc = check_tensors(g, err);
out:
    free(offset);
    return rc;
}

/* --- the file --- */

/* A model, whole, in one file. */
static int check_kind(struct gguf *g, struct vac_err *err)
{
    const char *type = "model";
    int64_t parts = 1, part = 0;
    int rc = gguf_text(g, "general.architecture", &g->arch, err);

    if (rc)
        return rc < 0 ? -1
                      : gguf_error(g, "general.architecture", err,
                                   "is not there: expected the name of an architecture");
    if (gguf_int(g, "split.count", 0, INT64_MAX, &parts, err) < 0 ||
        gguf_int(g, "split.no", 0, INT64_MAX, &part, err) < 0 ||
        gguf_text(g, "general.type", &type, err) < 0)
        return -1;
    if (parts > 1)
        return gguf_error(g, "split.count", err,
                          "part %lld of %lld: join them first (llama-gguf-split --merge FIRST OUT)",
                          (long long)part + 1, (long long)parts);
    if (strcmp(type, "model"))
        return gguf_error(g, "general.type", err, "\"%.40s\", expected a model", type);
    return 0;
}

bool gguf_is(const char *path)
{
    FILE *f = file_exists(path) ? stream_open(path, NULL) : NULL;
    size_t n = strlen(path);
    char head[4];
    bool is = f && ((n > 5 && !strcmp(path + n - 5, ".gguf")) ||
                    (fread(head, 1, 4, f) == 4 && !memcmp(head, "GGUF", 4)));

    if (f)
        fclose(f);
    return is;
}

static int read_all(struct gguf *g, struct vac_err *err)
{
    struct cursor c = {.g = g};
    const unsigned char *magic = take(&c, 4, "the header", err);
    uint32_t version;
    uint64_t tensors, values;

    if (!magic)
        return -1;
    if (memcmp(magic, "GGUF", 4))
        return err_set(err, VAC_ERR_FORMAT, "%s: does not begin with \"GGUF\"", g->path);
    if (take_u32(&c, "the header", &version, err))
        return -1;
    if (version && !(version & 0xffff))
        return err_set(err, VAC_ERR_UNSUPPORTED,
                       "%s: its numbers are big-endian: little-endian GGUF files are read",
                       g->path);
    if (version != 2 && version != 3)
        return err_set(err, VAC_ERR_UNSUPPORTED, "%s: GGUF version %u; versions 2 and 3 are read",
                       g->path, version);
    if (take_u64(&c, "the header", &tensors, err) || take_u64(&c, "the header", &values, err) ||
        read_values(g, &c, values, err) || check_kind(g, err))
        return -1;
    return read_tensors(g, &c, tensors, err);
}

int gguf_open(struct gguf *g, const char *path, struct vac_err *err)
{
    memset(g, 0, sizeof *g);
    g->path = mem_strdup(path, err);
    if (!g->path || map_open(&g->map, path, err) || read_all(g, err)) {
        if (map_torn(&g->map)) { /* then that is what was wrong */
            err_clear(err);
            map_check(&g->map, err);
        }
        gguf_close(g);
        return -1;
    }
    return 0;
}

void gguf_close(struct gguf *g)
{
    map_close(&g->map);
    free(g->path);
    free(g->v);
    free(g->t);
    arena_done(&g->mem);
    memset(g, 0, sizeof *g);
}

/* In a head the file's row 2 i + j is Hugging Face's row j half + i: one rotates neighbours, the other the
 * two halves. Whole rows move, so blocks stay what they are. */
static int order_rows(struct gguf *g, struct st_tensor *t, size_t heads, struct vac_err *err)
{
    size_t rows = t->shape[0], half = rows / heads / 2, row;
    const unsigned char *from = t->data;
    unsigned char *to;

    if (half == 0 || rows != heads * half * 2)
        return tensor_error(g, t, err, "its %zu rows are no even number for each of %zu heads",
                            rows, heads);
    row = dtype_bytes(t->dtype, t->numel / rows);
    to = arena_alloc(&g->mem, rows, row, err);
    if (!to)
        return -1;
    for (size_t h = 0; h < heads; h++)
        for (size_t i = 0; i < half; i++)
            for (size_t j = 0; j < 2; j++)
                memcpy(to + (2 * half * h + j * half + i) * row,
                       from + (2 * half * h + 2 * i + j) * row, row);
    t->data = to;
    map_forget(from, row * rows);
    return 0;
}

int gguf_order_rows(struct gguf *g, struct vac_err *err)
{
    int64_t heads = 0, kv;

    if (gguf_int(g, "ARCH.attention.head_count", 1, 4096, &heads, err))
        return -1;
    kv = heads;
    if (gguf_int(g, "ARCH.attention.head_count_kv", 1, 4096, &kv, err) < 0)
        return -1;
    for (size_t i = 0; i < g->n; i++) {
        const char *part = strstr(g->t[i].in_file, ".attn_");
        bool q = part && !strncmp(part, ".attn_q.", 8), k = part && !strncmp(part, ".attn_k.", 8);
        if ((q || k) && (doing("ordering the rows of", g->path,
                               (uint64_t)((const unsigned char *)g->t[i].data - g->map.data),
                               g->map.len, err) ||
                         order_rows(g, &g->t[i], (size_t)(q ? heads : kv), err)))
            return -1;
    }
    return 0;
}

bool gguf_maps(const struct gguf *g, const void *data)
{
    const unsigned char *p = data;

    return p >= g->map.data && p < g->map.data + g->map.len;
}
