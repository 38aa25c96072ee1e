/* dataset.h - samples from files: formats detected by content, rendered, tokenised, counted.
 *
 * A format is one file format_NAME.c with one const descriptor and one word in FORMATS. All text is
 * checked to be valid UTF-8 (file:line:column). Invalid rows are errors, never skipped; a row that is cut
 * or loses all its labels is legal, counted, and reported. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "base/json.h"
#include "data/template.h"
#include "token/tokenizer.h"

/* X-macro: format_<name>.c each. Order = order of detection. */
#define FORMATS(X)                                                                                 \
    X(tokens) X(messages) X(sharegpt) X(prompt) X(alpaca) X(beavertails) X(completion) X(text)

/* One row as read: either turns or ready-made ids and labels. Strings live in the arena. */
struct row {
    struct turn *turn;
    size_t n_turn;
    const int32_t *ids, *labels; /* format "tokens": n_ids each */
    size_t n_ids;
    int is_safe;          /* BeaverTails: 1, 0; -1 = the format has no such mark */
    const char *category; /* NULL = none */
    const char *id;       /* the row's own "id" or NULL */
    const cJSON
        *json;   /* the row itself while it is being read: for extra fields ("label", "answer") */
    size_t line; /* 1-based line (JSON lines) or element number (JSON array) */
};
struct format {
    const char *name;
    const char *help;
    const char *const *keys;  /* the keys it needs, for messages */
    const char *const *reads; /* all that it reads; other text in a row is an error */
    bool (*detect)(const struct jnode *row);
    /* Fills `out` (zeroed, is_safe -1); strings copied into `a`. */
    int (*read)(const struct jnode *row, struct row *out, struct arena *a, struct vac_err *err);
};
const struct format *format_at(size_t i); /* NULL after the last */
/* Names of keys that tell about a row, for the manual; "_id" stands for all that end so. NULL after
 * the last. */
const char *format_note_at(size_t i);

/* All rows of a file, in file order. JSON array, JSON lines; gzip is not read. */
struct rows {
    char *path;
    const struct format *format;
    struct row *row; /* .json is NULL here */
    size_t n;
    struct arena arena;
};
/* Called for each row while its JSON is at hand; may be NULL. -1 stops. */
typedef int rows_visit(void *ctx, const struct row *row, size_t index, struct vac_err *err);
int rows_read(struct rows *r, const char *path, rows_visit *visit, void *ctx, struct vac_err *err);
void rows_done(struct rows *r);
/* Keeps those that `skip` and `take` of the spec choose; fewer than `take` is fine. */
struct dataset_spec;
int rows_choose(struct rows *r, const struct dataset_spec *spec, struct vac_err *err);

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
    size_t rows_text;                         /* that were rendered and tokenised here */
    size_t tokens, labels;
    size_t longest;
    struct arena arena;
};
/* What turns a row into ids. tok may be NULL when all files hold ready-made tokens (asking for text is
 * then an error naming the file). vocab bounds ready-made ids. */
struct encoder {
    struct tokenizer *tok;
    const struct template_row *tmpl;
    size_t max_length, vocab; /* 0 = unlimited, not checked */
    size_t context;           /* what the model reads: no prompt is longer; 0 = unlimited */
    int32_t eos;              /* ends an answer where the template has no end of turn; -1 = none */
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
/* The id that a trained answer ends with: the end of turn that the template writes, where the
 * tokenizer has it as one token (nothing follows it then), else EOS; -1 = nothing ends it. */
int encoder_end(const struct encoder *enc, int32_t *id, struct vac_err *err);
#define ENCODER_NO_END                                                                             \
    "no token ends an answer, so that nothing teaches the model to stop: name an eos_token in "    \
    "tokenizer_config.json, or an eos_token_id in config.json"
/* The prompt part of a row as ids (of one far beyond the context only a beginning), ready for
 * generation (BOS by the tokenizer's own rule). */
int encode_prompt(const struct encoder *enc, const struct turn *turn, size_t n, struct ids *out,
                  struct vac_err *err);
#endif
