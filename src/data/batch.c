/* batch.c - packing samples into one batch, and going through a data set in a repeatable order. */
#include "data/batch.h"
#include "base/rng.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NO_LABEL (-100)

int batch_init(struct batch *b, size_t max_N, size_t max_S, struct vac_err *err)
{
    *b = (struct batch){.max_N = max_N, .max_S = max_S};
    b->ids = mem_new(max_N, sizeof *b->ids, err);
    b->pos = mem_new(max_N, sizeof *b->pos, err);
    b->seq = mem_new(max_S, sizeof *b->seq, err);
    b->lab_row = mem_new(max_N, sizeof *b->lab_row, err);
    b->lab_id = mem_new(max_N, sizeof *b->lab_id, err);
    b->slot = mem_new(max_N, sizeof *b->slot, err);
    b->row_key = mem_new(max_N, sizeof *b->row_key, err);
    b->sample = mem_new(max_S, sizeof *b->sample, err);
    if (b->ids && b->pos && b->seq && b->lab_row && b->lab_id && b->slot && b->row_key && b->sample)
        return 0;
    batch_done(b);
    return -1;
}

void batch_done(struct batch *b)
{
    free(b->ids);
    free(b->pos);
    free(b->seq);
    free(b->lab_row);
    free(b->lab_id);
    free(b->slot);
    free(b->row_key);
    free(b->sample);
    *b = (struct batch){0};
}

/* Row i predicts the label at i + 1; a sequence's first label has no row that predicts it. */
static void put_labels(struct batch *b, const int32_t *labels, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        if (labels[i + 1] == NO_LABEL)
            continue;
        b->lab_row[b->n_lab] = (int32_t)(b->N + i);
        b->lab_id[b->n_lab++] = labels[i + 1];
    }
}

static void put_sequence(struct batch *b, const int32_t *ids, const int32_t *labels, size_t n,
                         size_t sample, size_t slot)
{
    assert(b->S < b->max_S && n <= b->max_N - b->N);
    if (labels)
        put_labels(b, labels, n);
    if (n > 0)
        memcpy(b->ids + b->N, ids, n * sizeof *ids);
    for (size_t i = 0; i < n; i++) {
        b->pos[b->N + i] = (int32_t)i;
        b->slot[b->N + i] = (uint32_t)slot;
    }
    b->seq[b->S] = (struct seq){.q0 = b->N, .nq = n, .k0 = b->N, .nk = n};
    b->sample[b->S++] = sample;
    b->N += n;
}

void batch_fill(struct batch *b, const struct dataset *d, const size_t *index, size_t n,
                size_t first_slot)
{
    b->N = b->S = b->n_lab = 0;
    for (size_t i = 0; i < n; i++) {
        const struct sample *s = &d->sample[index[i]];

        put_sequence(b, s->ids, s->labels, s->n, index[i], first_slot + i);
    }
}

void batch_fill_ids(struct batch *b, const int32_t *ids, const int32_t *labels, size_t n)
{
    b->N = b->S = b->n_lab = 0;
    put_sequence(b, ids, labels, n, 0, 0);
}

void batch_keys(struct batch *b, uint64_t seed, uint64_t step)
{
    for (size_t s = 0; s < b->S; s++) {
        size_t first = b->seq[s].q0;
        uint64_t key = b->seq[s].nq ? rng_key(seed, RNG_DROPOUT, step, b->slot[first]) : 0;

        for (size_t i = 0; i < b->seq[s].nq; i++)
            b->row_key[first + i] = rng_mix(key, (uint64_t)b->pos[first + i]);
    }
}

void cursor_order(const struct cursor *c, size_t *order, size_t n)
{
    if (c->shuffle) {
        rng_permute(rng_key(c->seed, RNG_SHUFFLE, c->stage, c->epoch), order, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        order[i] = i;
}

/* The epoch changes only when a sample of the next one is asked for: whoever saves the cursor in
 * between saves the end of the old epoch, and goes on to the same sample. */
size_t cursor_next(struct cursor *c, size_t *order, size_t n, size_t want, size_t *out)
{
    size_t left;

    if (n == 0 || want == 0)
        return 0;
    if (c->next >= n) {
        c->epoch++;
        c->next = 0;
        cursor_order(c, order, n);
    }
    left = n - (size_t)c->next;
    if (want > left)
        want = left;
    memcpy(out, order + c->next, want * sizeof *out);
    c->next += want;
    return want;
}
