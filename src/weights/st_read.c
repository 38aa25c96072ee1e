/* st_read.c - opens one safetensors file: header parsed, every number checked, no data touched.
 *
 * After st_file_open each tensor's bytes are known to lie inside the mapping, to have the size that
 * shape and dtype ask for, and to be nobody else's. */
#include <stdlib.h>
#include <string.h>
#include "base/kind.h"
#include "weights/st_file.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "weights are used as they lie in the file");

static const struct st_dtype dtypes[] = {
    {.text = "F32", .bits = 32, .readable = true, .dtype = DTYPE_F32},
    {.text = "BF16", .bits = 16, .readable = true, .dtype = DTYPE_BF16},
    {.text = "F16", .bits = 16, .readable = true, .dtype = DTYPE_F16},
    {.text = "F64", .bits = 64},
    {.text = "I64", .bits = 64},
    {.text = "U64", .bits = 64},
    {.text = "C64", .bits = 64},
    {.text = "I32", .bits = 32},
    {.text = "U32", .bits = 32},
    {.text = "I16", .bits = 16},
    {.text = "U16", .bits = 16},
    {.text = "BOOL", .bits = 8},
    {.text = "U8", .bits = 8},
    {.text = "I8", .bits = 8},
    {.text = "F8_", .bits = 8, .family = true},
    {.text = "F6_", .bits = 6, .family = true},
    {.text = "F4", .bits = 4},
};

const struct st_dtype *st_dtype_find(const char *text)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        const struct st_dtype *d = &dtypes[i];
        if (d->family ? strncmp(text, d->text, strlen(d->text)) == 0 : strcmp(text, d->text) == 0)
            return d;
    }
    return NULL;
}

/* Where a tensor lies in the data; kept beside it only until the layout is checked. */
struct span {
    size_t begin, end;
    const char *name;
};

static int read_whole(const struct jnode *list, size_t i, size_t *out, struct vac_err *err)
{
    struct jnode item;
    double x;

    if (json_item(list, i, JSON_NUMBER, &item, err))
        return -1;
    x = item.v->valuedouble;
    if (!(x >= 0 && x <= (double)ST_WHOLE_MAX) || x != (double)(uint64_t)x)
        return json_error(&item, err, "expected a whole number from 0 to 2^53, found %.17g", x);
    *out = (size_t)x;
    return 0;
}

static int read_shape(const struct jnode *node, struct st_tensor *t, struct vac_err *err)
{
    struct jnode shape;

    if (json_get(node, "shape", JSON_ARRAY, &shape, err))
        return -1;
    t->rank = json_count(&shape);
    if (t->rank > TENSOR_MAX_RANK)
        return json_error(&shape, err, "has %zu dimensions, at most %d can be read", t->rank,
                          TENSOR_MAX_RANK);
    t->numel = 1;
    for (size_t i = 0; i < t->rank; i++) {
        if (read_whole(&shape, i, &t->shape[i], err))
            return -1;
        if (size_mul(t->numel, t->shape[i], &t->numel))
            return json_error(&shape, err, "is too large: its product does not fit 64 bits");
    }
    return 0;
}

static int read_dtype(struct st_file *f, const struct jnode *node, struct st_tensor *t,
                      const struct st_dtype **row, struct vac_err *err)
{
    const char *text;

    if (json_str(node, "dtype", &text, err))
        return -1;
    *row = st_dtype_find(text);
    if (!*row)
        return json_error(node, err, "unknown dtype \"%.40s\" (expected F32, BF16, F16, ...)",
                          text);
    t->readable = (*row)->readable;
    t->dtype = (*row)->dtype;
    t->dtype_text = arena_strndup(&f->mem, text, strlen(text), err);
    return t->dtype_text ? 0 : -1;
}

/* Bytes that shape and dtype ask for. */
static int tensor_bytes(const struct jnode *node, const struct st_tensor *t,
                        const struct st_dtype *row, size_t *bytes, struct vac_err *err)
{
    size_t bits;

    if (size_mul(t->numel, row->bits, &bits))
        return json_error(node, err, "is too large: its size does not fit 64 bits");
    if (bits % 8)
        return json_error(node, err, "%zu elements of %s do not end at a whole byte", t->numel,
                          t->dtype_text);
    *bytes = bits / 8;
    return 0;
}

static int read_span(const struct st_file *f, const struct jnode *node, size_t bytes,
                     struct span *s, struct vac_err *err)
{
    struct jnode off;

    if (json_get(node, "data_offsets", JSON_ARRAY, &off, err))
        return -1;
    if (json_count(&off) != 2)
        return json_error(&off, err, "expected two numbers [begin, end], found %zu",
                          json_count(&off));
    if (read_whole(&off, 0, &s->begin, err) || read_whole(&off, 1, &s->end, err))
        return -1;
    if (s->begin > s->end)
        return json_error(&off, err, "begin %zu is behind end %zu", s->begin, s->end);
    if (s->end > f->data_len)
        return json_error(&off, err,
                          "end %zu is behind the %zu bytes of data: the file is cut short", s->end,
                          f->data_len);
    if (s->end - s->begin != bytes)
        return json_error(&off, err, "%zu bytes, but shape and dtype ask for %zu",
                          s->end - s->begin, bytes);
    return 0;
}

static int read_tensor(struct st_file *f, const struct jnode *node, struct st_tensor *t,
                       struct span *s, struct vac_err *err)
{
    static const char *const keys[] = {"dtype", "shape", "data_offsets", NULL};
    const struct st_dtype *row = NULL;
    size_t bytes = 0;

    if (!cJSON_IsObject(node->v))
        return json_error(node, err, "expected {\"dtype\", \"shape\", \"data_offsets\"}");
    if (json_known(node, keys, err) || read_dtype(f, node, t, &row, err) ||
        read_shape(node, t, err) || tensor_bytes(node, t, row, &bytes, err) ||
        read_span(f, node, bytes, s, err))
        return -1;
    t->name = arena_strndup(&f->mem, node->key, strlen(node->key), err);
    if (!t->name)
        return -1;
    t->file = path_base(f->path);
    t->data = f->data + s->begin;
    s->name = t->name;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct st_pair *)a)->key, ((const struct st_pair *)b)->key);
}

static int read_meta(struct st_file *f, const struct jnode *node, struct vac_err *err)
{
    size_t i = 0;

    if (f->meta)
        return json_error(node, err, "stands twice in the header");
    if (!cJSON_IsObject(node->v))
        return json_error(node, err, "expected an object of strings");
    f->n_meta = json_count(node);
    f->meta = mem_new(f->n_meta, sizeof *f->meta, err);
    if (!f->meta)
        return -1;
    for (const cJSON *c = node->v->child; c; c = c->next, i++) {
        struct jnode one = {.v = c, .up = node, .file = f->path, .key = c->string};
        if (!cJSON_IsString(c))
            return json_error(&one, err, "expected a string");
        f->meta[i].key = arena_strndup(&f->mem, c->string, strlen(c->string), err);
        f->meta[i].value = arena_strndup(&f->mem, c->valuestring, strlen(c->valuestring), err);
        if (!f->meta[i].key || !f->meta[i].value)
            return -1;
    }
    qsort(f->meta, f->n_meta, sizeof *f->meta, by_key);
    for (i = 1; i < f->n_meta; i++)
        if (strcmp(f->meta[i - 1].key, f->meta[i].key) == 0)
            return json_error(node, err, "key \"%.100s\" stands twice", f->meta[i].key);
    return 0;
}

static int by_begin(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The data must belong to the tensors without a hole and without overlap. */
static int check_layout(const struct st_file *f, struct span *s, struct vac_err *err)
{
    size_t at = 0;

    qsort(s, f->n, sizeof *s, by_begin);
    for (size_t i = 0; i < f->n; i++) {
        if (s[i].begin > at)
            return err_set(err, VAC_ERR_FORMAT,
                           "%s: tensor \"%.100s\" begins at %zu, expected %zu: a hole in the data",
                           f->path, s[i].name, s[i].begin, at);
        if (s[i].begin < at)
            return err_set(err, VAC_ERR_FORMAT,
                           "%s: tensor \"%.100s\" begins at %zu, expected %zu: it overlaps "
                           "tensor \"%.100s\"",
                           f->path, s[i].name, s[i].begin, at, s[i - 1].name);
        at = s[i].end;
    }
    if (at != f->data_len)
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: the tensors end at %zu, but the data hold %zu bytes: a hole at the end",
                       f->path, at, f->data_len);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct st_tensor *)a)->name, ((const struct st_tensor *)b)->name);
}

static int check_names(struct st_file *f, struct vac_err *err)
{
    qsort(f->t, f->n, sizeof *f->t, by_name);
    for (size_t i = 1; i < f->n; i++)
        if (strcmp(f->t[i - 1].name, f->t[i].name) == 0)
            return err_set(err, VAC_ERR_FORMAT, "%s: tensor \"%.100s\" stands twice in the header",
                           f->path, f->t[i].name);
    return 0;
}

static int read_entries(struct st_file *f, const cJSON *doc, struct span *spans,
                        struct vac_err *err)
{
    struct jnode root = json_root(doc, f->path);

    for (const cJSON *c = doc->child; c; c = c->next) {
        struct jnode node = {.v = c, .up = &root, .file = f->path, .key = c->string};
        if (strcmp(c->string, ST_METADATA) == 0) {
            if (read_meta(f, &node, err))
                return -1;
            continue;
        }
        if (read_tensor(f, &node, &f->t[f->n], &spans[f->n], err))
            return -1;
        f->n++;
    }
    if (check_names(f, err))
        return -1;
    return check_layout(f, spans, err);
}

static int read_header(struct st_file *f, const char *text, size_t len, struct vac_err *err)
{
    struct span *spans = NULL;
    size_t n;
    int rc = -1;
    cJSON *doc = json_parse(text, len, f->path, err);

    if (!doc)
        goto out;
    n = (size_t)cJSON_GetArraySize(doc);
    f->t = mem_new(n, sizeof *f->t, err);
    spans = mem_new(n, sizeof *spans, err);
    if (!f->t || !spans)
        goto out;
    rc = read_entries(f, doc, spans, err);
out:
    free(spans);
    cJSON_Delete(doc);
    return rc;
}

/* Length and place of the header, before any of it is believed. */
static int check_frame(const struct st_file *f, uint64_t *len, struct vac_err *err)
{
    if (f->map.len < 10)
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: %zu bytes cannot be a safetensors file: the file is cut short", f->path,
                       f->map.len);
    memcpy(len, f->map.data, 8);
    /* A right header length may look like another format's first bytes: "{" decides. */
    if ((*len > ST_HEADER_MAX || f->map.data[8] != '{') &&
        kind_refuse(f->path, f->map.data, f->map.len, KIND_WEIGHTS, err))
        return -1;
    if (*len > ST_HEADER_MAX)
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: header of %llu bytes, at most %zu are allowed: not a safetensors file",
                       f->path, (unsigned long long)*len, ST_HEADER_MAX);
    if (*len > f->map.len - 8)
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: header of %llu bytes in a file of %zu: the file is cut short", f->path,
                       (unsigned long long)*len, f->map.len);
    if (*len == 0 || f->map.data[8] != '{')
        return err_set(err, VAC_ERR_FORMAT,
                       "%s: the header does not begin with \"{\": not a safetensors file", f->path);
    return 0;
}

int st_file_open(struct st_file *f, const char *path, struct vac_err *err)
{
    uint64_t len = 0;

    memset(f, 0, sizeof *f);
    f->path = mem_strdup(path, err);
    if (!f->path || map_open(&f->map, path, err))
        goto fail;
    if (check_frame(f, &len, err))
        goto fail;
    f->data = f->map.data + 8 + len;
    f->data_len = f->map.len - 8 - (size_t)len;
    if (read_header(f, (const char *)f->map.data + 8, (size_t)len, err))
        goto fail;
    return 0;
fail:
    if (map_torn(&f->map)) { /* then that is what was wrong */
        err_clear(err);
        map_check(&f->map, err);
    }
    st_file_close(f);
    return -1;
}

void st_file_close(struct st_file *f)
{
    map_close(&f->map);
    free(f->path);
    free(f->t);
    free(f->meta);
    arena_done(&f->mem);
    memset(f, 0, sizeof *f);
}
