/* batch.h - packed batches and the order in which a data set is gone through.
 *
 * A batch is N rows: its sequences one after another, no padding anywhere. All memory is allocated once,
 * for the largest batch; filling allocates nothing. */
#ifndef DATA_BATCH_H
#define DATA_BATCH_H

#include "compute/compute.h"
#include "data/dataset.h"

struct batch {
    size_t N, S; /* rows, sequences */
    size_t max_N, max_S;
    int32_t *ids, *pos; /* [N]; pos restarts at 0 in each sequence */
    struct seq *seq;    /* [S]; q0 == k0, nq == nk */
    size_t n_lab;       /* labelled rows: row lab_row[i] predicts lab_id[i] */
    int32_t *lab_row, *lab_id;
    uint32_t *slot;    /* [N] index of the row's sequence in the effective batch */
    uint64_t *row_key; /* [N] dropout streams: filled by batch_keys */
    size_t *sample;    /* [S] index in the data set */
};
int batch_init(struct batch *b, size_t max_N, size_t max_S, struct vac_err *err);
void batch_done(struct batch *b);
/* Fills from samples index[0..n), whose places in the effective batch are first_slot .. first_slot+n-1. */
void batch_fill(struct batch *b, const struct dataset *d, const size_t *index, size_t n,
                size_t first_slot);
/* Packs one sequence of ready-made ids (labels may be NULL). */
void batch_fill_ids(struct batch *b, const int32_t *ids, const int32_t *labels, size_t n);
/* row_key[n] = stream of (seed, RNG_DROPOUT, step, slot) mixed with the token's position: the same in both
 * passes, whatever the micro-batches and the packing. */
void batch_keys(struct batch *b, uint64_t seed, uint64_t step);

/* A cursor through epochs: plain numbers, saved in a checkpoint as they are. Whoever starts or restores
 * one calls cursor_order before the first cursor_next. */
struct cursor {
    uint64_t seed, stage;
    uint64_t epoch; /* from 0 */
    uint64_t next;  /* position in the epoch's order of the next sample */
    bool shuffle;
};
/* The order of one epoch: a permutation from (seed, stage, epoch), or 0 .. n-1. */
void cursor_order(const struct cursor *c, size_t *order, size_t n);
/* Takes the next effective batch of at most `want` samples; never crosses an epoch; a batch larger than
 * the data is all of it. `order` is the current epoch's order, refilled when a new epoch begins.
 * Returns the count (>= 1 for n >= 1) and copies the indices out. */
size_t cursor_next(struct cursor *c, size_t *order, size_t n, size_t want, size_t *out);
#endif
