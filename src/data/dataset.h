/* dataset.h - samples from files: rendered, tokenised, counted.
 *
 * Invalid rows are errors, never skipped; a row that is cut or loses all its labels is legal, counted,
 * and reported. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "data/encode.h"

/* Which rows of a file belong to a set: `skip` rows are passed over, then `take` rows are chosen; of those
 * the ones without a label are skipped and counted. Going round starts again behind `skip`. What comes
 * first is drawn by a seed (draw.h) or as in the file; those chosen stand in the order of the file. */
struct dataset_spec {
    const char *file;
    size_t skip;
    size_t take;  /* 0 = all that are left */
    bool harmful; /* mark every sample */
    bool repeat;  /* asking for more rows than there are goes round instead of failing */
    bool drawn;
    bool skip_odd; /* conversations of other roles, or out of turn, are passed over and counted */
    uint64_t seed; /* with drawn */
};

/* A tokenised sample. ids = BOS + text + EOS, cut on the right at max_length; labels[i] = ids[i] or -100;
 * position i is predicted from positions < i. */
struct sample {
    const int32_t *ids, *labels;
    size_t n;
    size_t n_labels; /* labels that are predicted: those at positions >= 1 */
    bool harmful, cut;
    size_t source; /* index of the file in the set */
    size_t line;   /* its line there */
    const char *category;
};
struct dataset {
    struct sample *sample;
    size_t n, cap;
    char **file;
    size_t n_files;
    size_t rows_seen, rows_cut, rows_skipped; /* skipped = no label left */
    size_t rows_empty;                        /* whose answer is empty: they teach to say nothing */
    size_t rows_odd;                          /* passed over: see skip_odd */
    size_t rows_text;                         /* that were rendered and tokenised here */
    size_t tokens, labels;
    size_t longest;
    struct arena arena;
};
/* Appends the rows of one file that `spec` chooses. */
int dataset_add(struct dataset *d, const struct dataset_spec *spec, const struct encoder *enc,
                struct vac_err *err);
/* The reference's mix: k = round(p n) rows from the harmful files, n - k from the others, of each file the
 * first ones of its spec's order (before shuffling). Counted are samples: rows that lose all their labels make room for the next ones,
 * so that the set has exactly `samples`. Several files of a kind: in order, then those that say repeat go
 * round. Asking for more than there are is an error that names file and counts, unless
 * the file's spec says repeat. */
int dataset_mix(struct dataset *d, const struct dataset_spec *spec, size_t n_spec, size_t samples,
                double harmful_ratio, const struct encoder *enc, struct vac_err *err);
size_t dataset_bytes(const struct dataset *d); /* memory that it holds */
void dataset_done(struct dataset *d);
#endif
