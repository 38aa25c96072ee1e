/* gguf_write.c - see gguf_write.h */
#include "weights/gguf_write.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/io.h"

#define ALIGN 32
#define CHUNK 4096

struct gguf_writer {
    struct outfile out;
    struct strbuf keys, tensors;
    uint64_t n_keys, n_tensors, at; /* bytes of data declared so far */
    struct decl {
        enum dtype type;
        size_t numel;
    } * d;
    size_t cap, next;
    bool no_memory;
};

struct gguf_writer *gguf_create(const char *path, struct vac_err *err)
{
    struct gguf_writer *w = mem_new(1, sizeof *w, err);

    if (w && out_open(&w->out, path, err)) {
        gguf_writer_free(w);
        return NULL;
    }
    return w;
}

void gguf_writer_free(struct gguf_writer *w)
{
    if (!w)
        return;
    out_abort(&w->out);
    sb_done(&w->keys);
    sb_done(&w->tensors);
    free(w->d);
    free(w);
}

static void put(struct strbuf *b, const void *p, size_t n)
{
    sb_put(b, p, n);
}

static void put_text(struct strbuf *b, const char *s, size_t n)
{
    uint64_t len = n;

    put(b, &len, sizeof len);
    put(b, s, n);
}

static void put_key(struct gguf_writer *w, const char *key, uint32_t type)
{
    put_text(&w->keys, key, strlen(key));
    put(&w->keys, &type, sizeof type);
    w->n_keys++;
}

void gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t x)
{
    put_key(w, key, GGUF_U32);
    put(&w->keys, &x, sizeof x);
}

void gguf_put_f32(struct gguf_writer *w, const char *key, float x)
{
    put_key(w, key, GGUF_F32);
    put(&w->keys, &x, sizeof x);
}

void gguf_put_bool(struct gguf_writer *w, const char *key, bool x)
{
    put_key(w, key, GGUF_BOOL);
    sb_putc(&w->keys, x ? 1 : 0);
}

void gguf_put_text(struct gguf_writer *w, const char *key, const char *s)
{
    put_key(w, key, GGUF_STRING);
    put_text(&w->keys, s, strlen(s));
}

void gguf_put_array(struct gguf_writer *w, const char *key, enum gguf_type type, size_t n)
{
    uint32_t t = type;
    uint64_t count = n;

    put_key(w, key, GGUF_ARRAY);
    put(&w->keys, &t, sizeof t);
    put(&w->keys, &count, sizeof count);
}

void gguf_add_text(struct gguf_writer *w, const char *s, size_t n)
{
    put_text(&w->keys, s, n);
}

void gguf_add_i32(struct gguf_writer *w, int32_t x)
{
    put(&w->keys, &x, sizeof x);
}

void gguf_add_f32(struct gguf_writer *w, float x)
{
    put(&w->keys, &x, sizeof x);
}

void gguf_put_value(struct gguf_writer *w, const struct gguf_value *v)
{
    if (v->array)
        gguf_put_array(w, v->key, v->type, v->n);
    else
        put_key(w, v->key, v->type);
    put(&w->keys, v->at, v->bytes);
}

static uint64_t padded(uint64_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

void gguf_declare(struct gguf_writer *w, const char *name, enum dtype t, size_t rank,
                  const size_t *shape)
{
    uint32_t dims = (uint32_t)rank, type = t == DTYPE_F16 ? 1 : 0;
    size_t numel = 1;

    assert(t == DTYPE_F32 || t == DTYPE_F16);
    put_text(&w->tensors, name, strlen(name));
    put(&w->tensors, &dims, sizeof dims);
    for (size_t i = rank; i-- > 0; numel *= shape[i]) {
        uint64_t dim = shape[i];
        put(&w->tensors, &dim, sizeof dim);
    }
    put(&w->tensors, &type, sizeof type);
    put(&w->tensors, &w->at, sizeof w->at);
    w->at += padded(dtype_bytes(t, numel));
    if (mem_grow(&w->d, &w->cap, w->n_tensors + 1, sizeof *w->d, NULL))
        w->no_memory = true;
    else
        w->d[w->n_tensors++] = (struct decl){t, numel};
}

/* Zeros up to the next multiple of the alignment. */
static int pad(struct gguf_writer *w, struct vac_err *err)
{
    static const char zeros[ALIGN];

    return out_put(&w->out, zeros, padded(w->out.written) - w->out.written, err);
}

int gguf_begin(struct gguf_writer *w, struct vac_err *err)
{
    const uint32_t version = 3;

    if (w->no_memory)
        return err_set(err, VAC_ERR_MEMORY, "no memory for the list of tensors");
    return sb_ok(&w->keys, err) || sb_ok(&w->tensors, err) || out_put(&w->out, "GGUF", 4, err) ||
                   out_put(&w->out, &version, sizeof version, err) ||
                   out_put(&w->out, &w->n_tensors, sizeof w->n_tensors, err) ||
                   out_put(&w->out, &w->n_keys, sizeof w->n_keys, err) ||
                   out_put(&w->out, w->keys.s, w->keys.len, err) ||
                   out_put(&w->out, w->tensors.s, w->tensors.len, err) || pad(w, err)
               ? -1
               : 0;
}

int gguf_put(struct gguf_writer *w, const float *x, size_t n, struct vac_err *err)
{
    unsigned char piece[CHUNK * sizeof(float)];
    enum dtype t = w->d[w->next].type;

    assert(w->next < w->n_tensors && n == w->d[w->next].numel);
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        dtype_narrow(piece, x + i, t, m);
        if (out_put(&w->out, piece, dtype_bytes(t, m), err))
            return -1;
    }
    w->next++;
    return pad(w, err);
}

int gguf_commit(struct gguf_writer *w, struct vac_err *err)
{
    assert(w->next == w->n_tensors);
    return out_commit(&w->out, err);
}
