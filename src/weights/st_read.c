/* st_read.c - opens one safetensors file: header parsed, every number checked, no data touched.
 *
 * After st_file_open each tensor's bytes are known to lie inside the mapping, to have the size that
 * shape and dtype ask for, and to be nobody else's. */
#include <stdlib.h>
#include <string.h>
#include "base/kind.h"
#include "weights/st_read.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "weights are used as they lie in the file");

/* What the format knows; a row with `family` stands for all names that begin with its text. */
static const struct st_dtype {
    const char *text;
    bool family;
    unsigned bits; /* of one element */
    bool readable;
    enum dtype dtype; /* valid when readable */
} dtypes[] = {
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

static const struct st_dtype *dtype_find(const char *text)
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

static int read_tensor(struct st_file *f, const struct jnode *node, struct st_tensor *t,
                       struct span *s, struct vac_err *err)
{
    static const char *const keys[] = {"dtype", "shape", "data_offsets", NULL};
    const struct st_dtype *row;
    struct jnode shape, off;
    const char *text;
    size_t bits;

    if (!cJSON_IsObject(node->v))
        return json_error(node, err, "expected {\"dtype\", \"shape\", \"data_offsets\"}");
    if (json_known(node, keys, err) || json_str(node, "dtype", &text, err))
        return -1;
    row = dtype_find(text);
    if (!row)
        return json_error(node, err, "unknown dtype \"%.40s\" (expected F32, BF16, F16, ...)",
                          text);
    t->readable = row->readable;
    t->dtype = row->dtype;
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
    if (size_mul(t->numel, row->bits, &bits))
        return json_error(node, err, "is too large: its size does not fit 64 bits");
    if (bits % 8)
        return json_error(node, err, "%zu elements of %s do not end at a whole byte", t->numel,
                          text);
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
    if (s->end - s->begin != bits / 8)
        return json_error(&off, err, "%zu bytes, but shape and dtype ask for %zu",
                          s->end - s->begin, bits / 8);
    t->dtype_text = arena_strndup(&f->mem, text, strlen(text), err);
    t->name = arena_strndup(&f->mem, node->key, strlen(node->key), err);
    if (!t->dtype_text || !t->name)
        return -1;
    t->file = path_base(f->path);
    t->data = f->data + s->begin;
    s->name = t->name;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Nobody here asks for what is in it; that it is what the format says is checked all the same. */
static int check_meta(const struct jnode *node, struct vac_err *err)
{
    const char **keys;
    size_t n = 0;
    int rc = 0;

    if (cJSON_GetObjectItemCaseSensitive(node->up->v, ST_METADATA) != node->v)
        return json_error(node, err, "stands twice in the header");
    if (!cJSON_IsObject(node->v))
        return json_error(node, err, "expected an object of strings");
    keys = mem_new(json_count(node), sizeof *keys, err);
    if (!keys)
        return -1;
    for (const cJSON *c = node->v->child; !rc && c; c = c->next) {
        struct jnode one = {.v = c, .up = node, .file = node->file, .key = c->string};
        rc = cJSON_IsString(c) ? 0 : json_error(&one, err, "expected a string");
        keys[n++] = c->string;
    }
    qsort(keys, n, sizeof *keys, by_text);
    for (size_t i = 1; !rc && i < n; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            rc = json_error(node, err, "key \"%.100s\" stands twice", keys[i]);
    free(keys);
    return rc;
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

static int read_entries(struct st_file *f, const cJSON *doc, struct span *spans,
                        struct vac_err *err)
{
    struct jnode root = json_root(doc, f->path);

    for (const cJSON *c = doc->child; c; c = c->next) {
        struct jnode node = {.v = c, .up = &root, .file = f->path, .key = c->string};
        if (strcmp(c->string, ST_METADATA) == 0) {
            if (check_meta(&node, err))
                return -1;
            continue;
        }
        if (read_tensor(f, &node, &f->t[f->n], &spans[f->n], err))
            return -1;
        f->n++;
    }
    qsort(f->t, f->n, sizeof *f->t, by_name);
    for (size_t i = 1; i < f->n; i++)
        if (strcmp(f->t[i - 1].name, f->t[i].name) == 0)
            return err_set(err, VAC_ERR_FORMAT, "%s: tensor \"%.100s\" stands twice in the header",
                           f->path, f->t[i].name);
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
    arena_done(&f->mem);
    memset(f, 0, sizeof *f);
}
