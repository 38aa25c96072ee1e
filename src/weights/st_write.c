/* st_write.c - writes a safetensors file in one pass: header first, then the data in a known order.
 *
 * Tensors lie sorted by descending element size, so that with an aligned beginning each is aligned
 * for its type without a gap. Numbers are narrowed in small pieces: a tensor is never held twice.
 */
#include <stdlib.h>
#include <string.h>
#include "base/json_out.h"
#include "base/utf8.h"
#include "base/json.h"
#include "weights/st_write.h"
#include "weights/st_read.h"

#define ST_ALIGN 8
#define NARROW_CHUNK 4096

struct st_decl {
    const char *name;
    enum dtype dtype;
    size_t rank, shape[TENSOR_MAX_RANK], bytes;
};

enum st_stage { ST_DECLARING, ST_WRITING, ST_COMMITTED, ST_FAILED };

struct st_writer {
    struct outfile out;
    enum st_stage stage;
    struct arena mem;
    struct st_decl *d; /* in the order of the file once writing */
    size_t n, cap;
    size_t at;   /* tensor that is being written */
    size_t done; /* bytes of it already written */
};

struct st_writer *st_create(const char *path, struct vac_err *err)
{
    struct st_writer *w = mem_new(1, sizeof *w, err);

    if (!w)
        return NULL;
    if (out_open(&w->out, path, err)) {
        st_free(w);
        return NULL;
    }
    return w;
}

static int check_stage(const struct st_writer *w, enum st_stage want, struct vac_err *err)
{
    static const char *const why[] = {
        [ST_DECLARING] = "the declarations are not ended yet",
        [ST_WRITING] = "the declarations are ended",
        [ST_COMMITTED] = "the file is committed",
        [ST_FAILED] = "an earlier write failed",
    };

    if (w->stage == want)
        return 0;
    return err_set(err, VAC_ERR_USAGE, "%s: %s", w->out.path ? w->out.path : "safetensors file",
                   why[w->stage]);
}

static int refuse_decl(const struct st_writer *w, const char *name, const char *why,
                       struct vac_err *err)
{
    return err_set(err, VAC_ERR_USAGE, "%s: tensor \"%.100s\": %s", w->out.path, name, why);
}

int st_declare(struct st_writer *w, const char *name, enum dtype t, size_t rank,
               const size_t *shape, struct vac_err *err)
{
    struct st_decl d = {.dtype = t, .rank = rank, .bytes = dtype_size(t)};

    if (check_stage(w, ST_DECLARING, err))
        return -1;
    if (strcmp(name, ST_METADATA) == 0 || utf8_valid(name, strlen(name)) != strlen(name))
        return refuse_decl(w, name, "a name must be UTF-8 and not " ST_METADATA, err);
    if (rank > TENSOR_MAX_RANK)
        return refuse_decl(w, name, "has more than 8 dimensions", err);
    for (size_t i = 0; i < rank; i++) {
        d.shape[i] = shape[i];
        if (shape[i] > (uint64_t)ST_WHOLE_MAX || size_mul(d.bytes, shape[i], &d.bytes))
            return refuse_decl(w, name, "is too large", err);
    }
    d.name = arena_strndup(&w->mem, name, strlen(name), err);
    if (!d.name || mem_grow(&w->d, &w->cap, w->n + 1, sizeof *w->d, err))
        return -1;
    w->d[w->n++] = d;
    return 0;
}

static void put_decl(struct json_out *o, const struct st_decl *d, size_t begin)
{
    json_put_object(o, d->name, JSON_TIGHT);
    json_put_text(o, "dtype", dtype_name(d->dtype));
    json_put_list(o, "shape", JSON_TIGHT);
    for (size_t i = 0; i < d->rank; i++)
        json_put_natural(o, NULL, d->shape[i]);
    json_put_end(o);
    json_put_list(o, "data_offsets", JSON_TIGHT);
    json_put_natural(o, NULL, begin);
    json_put_natural(o, NULL, begin + d->bytes);
    json_put_end(o);
    json_put_end(o);
}

static int by_size_then_name(const void *a, const void *b)
{
    const struct st_decl *x = a, *y = b;
    size_t m = dtype_size(x->dtype), n = dtype_size(y->dtype);

    if (m != n)
        return m > n ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct st_decl *)a)->name, ((const struct st_decl *)b)->name);
}

/* Sorts into the order of the file. Names are compared on the way, because two of one name need not
 * become neighbours in that order. */
static int sort_decls(struct st_writer *w, struct vac_err *err)
{
    if (w->n == 0)
        return 0;
    qsort(w->d, w->n, sizeof *w->d, by_name);
    for (size_t i = 1; i < w->n; i++)
        if (strcmp(w->d[i - 1].name, w->d[i].name) == 0)
            return refuse_decl(w, w->d[i].name, "is declared twice", err);
    qsort(w->d, w->n, sizeof *w->d, by_size_then_name);
    return 0;
}

static int build_header(struct strbuf *b, const struct st_writer *w, struct vac_err *err)
{
    struct json_out o = json_out(b);
    size_t at = 0;

    /* Readers of PyTorch weights ask for "format". */
    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_object(&o, ST_METADATA, JSON_TIGHT);
    json_put_text(&o, "format", "pt");
    json_put_end(&o);
    for (size_t i = 0; i < w->n; i++) {
        put_decl(&o, &w->d[i], at);
        if (size_add(at, w->d[i].bytes, &at) || at > (uint64_t)ST_WHOLE_MAX)
            return refuse_decl(w, w->d[i].name, "makes the file too large", err);
    }
    json_put_end(&o);
    while (!b->bad && b->len % ST_ALIGN)
        sb_putc(b, ' ');
    if (sb_ok(b, err))
        return -1;
    if (b->len > ST_HEADER_MAX)
        return err_set(err, VAC_ERR_USAGE,
                       "%s: header of %zu bytes, at most %zu are allowed: too many tensors",
                       w->out.path, b->len, ST_HEADER_MAX);
    return 0;
}

/* Every byte of the file goes through here, so that a failed write cannot be committed later. */
static int put_bytes(struct st_writer *w, const void *bytes, size_t n, struct vac_err *err)
{
    if (out_put(&w->out, bytes, n, err)) {
        w->stage = ST_FAILED;
        return -1;
    }
    return 0;
}

static void skip_finished(struct st_writer *w)
{
    while (w->at < w->n && w->done == w->d[w->at].bytes) {
        w->at++;
        w->done = 0;
    }
}

int st_begin(struct st_writer *w, size_t *n, struct vac_err *err)
{
    struct strbuf b = {0};
    uint64_t len;
    int rc = -1;

    if (check_stage(w, ST_DECLARING, err))
        return -1;
    if (sort_decls(w, err) || build_header(&b, w, err))
        goto out;
    len = b.len;
    if (put_bytes(w, &len, sizeof len, err) || put_bytes(w, b.s, b.len, err))
        goto out;
    w->stage = ST_WRITING;
    skip_finished(w);
    *n = w->n;
    rc = 0;
out:
    sb_done(&b);
    return rc;
}

const char *st_order(const struct st_writer *w, size_t i)
{
    return i < w->n ? w->d[i].name : NULL;
}

int st_put(struct st_writer *w, const float *x, size_t n, struct vac_err *err)
{
    unsigned char piece[NARROW_CHUNK * sizeof(float)];
    enum dtype t;
    size_t bytes;

    if (check_stage(w, ST_WRITING, err))
        return -1;
    if (n == 0)
        return 0;
    if (w->at == w->n)
        return err_set(err, VAC_ERR_USAGE, "%s: more data than the declared tensors hold",
                       w->out.path);
    t = w->d[w->at].dtype;
    if (size_mul(n, dtype_size(t), &bytes))
        return err_set(err, VAC_ERR_USAGE, "%s: %zu numbers are too many", w->out.path, n);
    if (bytes > w->d[w->at].bytes - w->done)
        return err_set(err, VAC_ERR_USAGE,
                       "%s: tensor \"%.100s\": %zu bytes given, room for %zu more", w->out.path,
                       w->d[w->at].name, bytes, w->d[w->at].bytes - w->done);
    for (size_t i = 0; i < n; i += NARROW_CHUNK) {
        size_t m = n - i < NARROW_CHUNK ? n - i : NARROW_CHUNK;
        dtype_narrow(piece, x + i, t, m);
        if (put_bytes(w, piece, m * dtype_size(t), err))
            return -1;
    }
    w->done += bytes;
    skip_finished(w);
    return 0;
}

int st_commit(struct st_writer *w, struct vac_err *err)
{
    if (check_stage(w, ST_WRITING, err))
        return -1;
    if (w->at < w->n)
        return err_set(err, VAC_ERR_USAGE, "%s: tensor \"%.100s\" lacks %zu of its %zu bytes",
                       w->out.path, w->d[w->at].name, w->d[w->at].bytes - w->done,
                       w->d[w->at].bytes);
    w->stage = ST_FAILED;
    if (out_commit(&w->out, err))
        return -1;
    w->stage = ST_COMMITTED;
    return 0;
}

void st_free(struct st_writer *w)
{
    if (!w)
        return;
    out_abort(&w->out);
    arena_done(&w->mem);
    free(w->d);
    free(w);
}
