/* drift.c - see drift.h
 *
 * One forward pass keeps the attention outputs of all layers; sums of squares are the backend's, in
 * double. The present lies layer by layer, [L, rows of a batch, D]; the reference batch by batch,
 * each [L, its rows, D], so that it is written and read from front to back. */
#include "eval/drift.h"

#include <math.h>
#include <stdlib.h>

#include "base/io.h"
#include "eval/pack.h"

struct drift {
    struct model *m;
    struct acts *a;
    const struct dataset *d;
    struct pack pack;
    struct taps taps;
    struct buf *reference, *now;
    char *file;         /* that holds the reference, or NULL */
    struct mapping map; /* of the file */
    double *ref_sq;     /* [2 L] squared norm of the reference; and of the one being made */
    float *host;        /* [rows of a batch, D] */
    double *mean;       /* [D] */
};

static size_t layers(const struct drift *x)
{
    return model_config(x->m)->L;
}

static size_t width(const struct drift *x)
{
    return model_config(x->m)->D;
}

/* L n D numbers; too many to count gives a number that no allocation will grant. */
static size_t layer_floats(const struct model *m, size_t n)
{
    const struct config *c = model_config(m);
    size_t total;

    return size_mul(n, c->D, &total) || size_mul(total, c->L, &total) || total > SIZE_MAX / 64
               ? SIZE_MAX / 64
               : total;
}

uint64_t drift_reference_bytes(const struct model *m, size_t tokens)
{
    return sizeof(float) * (uint64_t)layer_floats(m, tokens);
}

uint64_t drift_bytes(const struct model *m, size_t tokens, size_t acts_rows)
{
    size_t rows = acts_rows < tokens ? acts_rows : tokens;

    return sizeof(float) * ((uint64_t)layer_floats(m, rows) + (uint64_t)rows * model_config(m)->D);
}

static int allocate(struct drift *x, const char *file, struct vac_err *err)
{
    struct compute *c = model_compute(x->m);

    if (file)
        x->file = mem_strdup(file, err);
    else
        x->reference = compute_alloc(c, layer_floats(x->m, x->d->tokens), err);
    x->now = compute_alloc(c, layer_floats(x->m, x->pack.max_N), err);
    x->ref_sq = mem_new(2 * layers(x), sizeof *x->ref_sq, err);
    x->host = mem_new(x->pack.max_N, width(x) * sizeof *x->host, err);
    x->mean = mem_new(width(x), sizeof *x->mean, err);
    return (x->file || x->reference) && x->now && x->ref_sq && x->host && x->mean
               ? taps_init(&x->taps, x->m, err)
               : -1;
}

struct drift *drift_new(struct model *m, struct acts *a, size_t acts_rows, const struct dataset *d,
                        const char *file, struct vac_err *err)
{
    struct drift *x = mem_new(1, sizeof *x, err);
    struct acts_room room = acts_room(a);

    if (!x)
        return NULL;
    room.rows = acts_rows < room.rows ? acts_rows : room.rows;
    room.labelled = SIZE_MAX; /* no head is run */
    x->m = m;
    x->a = a;
    x->d = d;
    if (!pack_open(&x->pack, d, room, err) && !allocate(x, file, err))
        return x;
    drift_free(x);
    return NULL;
}

void drift_free(struct drift *x)
{
    if (!x)
        return;
    compute_release(model_compute(x->m), x->reference);
    compute_release(model_compute(x->m), x->now);
    map_close(&x->map);
    if (x->file && file_exists(x->file))
        path_remove(x->file, NULL);
    free(x->file);
    pack_close(&x->pack);
    taps_done(&x->taps);
    free(x->ref_sq);
    free(x->host);
    free(x->mean);
    free(x);
}

static struct ref now_at(const struct drift *x, size_t layer)
{
    return (struct ref){x->now, layer * x->pack.max_N * width(x)};
}

/* What the reference holds of the present batch, which begins after `done` tokens. */
static struct ref reference_at(const struct drift *x, size_t layer, size_t done)
{
    return (struct ref){x->reference, (done * layers(x) + layer * x->pack.b.N) * width(x)};
}

static void forward(struct drift *x)
{
    struct pass p = {.m = x->m,
                     .a = x->a,
                     .b = &x->pack.b,
                     .taps = &x->taps,
                     .from = PLACE_START,
                     .stop = PLACE_START};

    pass_forward(&p);
}

static void keep(struct drift *x, size_t layer, struct ref to)
{
    taps_at(&x->taps, SITE_ATTN, layer)->keep = to;
}

/* Writing through a mapping would die of a full disk; a write is told of it. */
static int put_reference(struct drift *x, struct outfile *f, size_t layer, size_t done,
                         struct vac_err *err)
{
    struct compute *c = model_compute(x->m);
    size_t n = x->pack.b.N * width(x);

    if (!x->file) {
        op_copy(c, reference_at(x, layer, done), now_at(x, layer), n);
        return 0;
    }
    compute_download(c, x->host, now_at(x, layer), n);
    return out_put(f, x->host, n * sizeof *x->host, err);
}

/* All layers are kept from the first row on, and nothing is summed yet. */
static void rewind_all(struct drift *x, double *sq)
{
    taps_clear(&x->taps);
    for (size_t l = 0; l < layers(x); l++) {
        keep(x, l, now_at(x, l));
        sq[l] = 0;
    }
    pack_rewind(&x->pack);
}

static int write_reference(struct drift *x, struct outfile *f, struct vac_err *err)
{
    size_t L = layers(x);
    double *sq = x->ref_sq + L;

    rewind_all(x, sq);
    for (size_t done = 0; pack_next(&x->pack); done += x->pack.b.N) {
        forward(x);
        for (size_t l = 0; l < L; l++) {
            sq[l] += op_sumsq(model_compute(x->m), now_at(x, l), x->pack.b.N * width(x));
            if (put_reference(x, f, l, done, err))
                return -1;
        }
    }
    return 0;
}

/* The new file takes the old one's place, whose mapping holds until then. */
static int map_reference(struct drift *x, struct outfile *f, struct vac_err *err)
{
    struct mapping map = {0};
    struct buf *b;

    if (out_commit(f, err) || map_open(&map, x->file, err))
        return -1;
    b = compute_wrap(model_compute(x->m), map.data, DTYPE_F32, map.len / sizeof(float), err);
    if (!b) {
        map_close(&map);
        return -1;
    }
    compute_release(model_compute(x->m), x->reference);
    map_close(&x->map);
    x->reference = b;
    x->map = map;
    return 0;
}

int drift_set_reference(struct drift *x, struct vac_err *err)
{
    struct outfile f = {0};
    int rc = x->file ? out_open(&f, x->file, err) : 0;

    if (rc == 0)
        rc = write_reference(x, &f, err);
    if (rc == 0 && x->file)
        rc = map_reference(x, &f, err);
    out_abort(&f);
    if (rc == 0)
        rc = model_check(x->m, err);
    for (size_t l = 0; rc == 0 && l < layers(x); l++)
        x->ref_sq[l] = x->ref_sq[layers(x) + l];
    return rc;
}

void drift_measure(struct drift *x, double *rel, double *sq)
{
    size_t L = layers(x);

    rewind_all(x, sq);
    for (size_t done = 0; pack_next(&x->pack); done += x->pack.b.N) {
        forward(x);
        for (size_t l = 0; l < L; l++)
            sq[l] += op_sumsq_diff(model_compute(x->m), now_at(x, l), reference_at(x, l, done),
                                   x->pack.b.N * width(x));
    }
    for (size_t l = 0; l < L; l++)
        rel[l] = sq[l] > 0 ? sqrt(sq[l]) / sqrt(x->ref_sq[l]) : sq[l];
}

size_t drift_rows(const struct drift *x)
{
    return x->d->n;
}

/* out[S,D] = mean over the tokens of each sequence of the batch; from [N,D]. */
static void batch_means(struct drift *x, struct ref from, float *out)
{
    const struct batch *b = &x->pack.b;
    size_t D = width(x);

    compute_download(model_compute(x->m), x->host, from, b->N * D);
    for (size_t s = 0; s < b->S; s++, out += D) {
        const float *row = x->host + b->seq[s].q0 * D;

        for (size_t i = 0; i < D; i++)
            x->mean[i] = 0;
        for (size_t t = 0; t < b->seq[s].nq; t++, row += D)
            for (size_t i = 0; i < D; i++)
                x->mean[i] += (double)row[i];
        for (size_t i = 0; i < D; i++)
            out[i] = (float)(x->mean[i] / (double)b->seq[s].nq);
    }
}

void drift_points(struct drift *x, size_t layer, float *now, float *reference)
{
    size_t first = 0;

    taps_clear(&x->taps);
    keep(x, layer, now_at(x, layer));
    pack_rewind(&x->pack);
    for (size_t done = 0; pack_next(&x->pack); done += x->pack.b.N, first += x->pack.b.S) {
        forward(x);
        batch_means(x, now_at(x, layer), now + first * width(x));
        batch_means(x, reference_at(x, layer, done), reference + first * width(x));
    }
}
