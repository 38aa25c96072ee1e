/* import.h - public data sets turned into this program's JSON lines.
 *
 * A format is one file import_NAME.c with one const descriptor and one word in IMPORTS. Every row
 * is written as {"instruction","input","output"} with the texts that the reference implementation
 * of Vaccine uses, and "category", "id" and "label" where the source has them; keys in this order,
 * no spaces, text as UTF-8: the same input and choice give the same bytes. Rows that are not chosen
 * are counted by reason; a row that is not what its format says ends the import with an error. */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include "data/record.h"

/* X-macro: import_<name>.c each. Order = order of detection. */
#define IMPORTS(X)                                                                                 \
    X(sst2)                                                                                        \
    X(pku)                                                                                         \
    X(beavertails)                                                                                 \
    X(xstest)                                                                                      \
    X(jailbreakbench)                                                                              \
    X(advbench)                                                                                    \
    X(harmbench)                                                                                   \
    X(strongreject)                                                                                \
    X(sorrybench)                                                                                  \
    X(donotanswer)                                                                                 \
    X(orbench)                                                                                     \
    X(gsm8k)                                                                                       \
    X(agnews)                                                                                      \
    X(alpaca)                                                                                      \
    X(table)

enum import_safety { IMPORT_ANY, IMPORT_SAFE, IMPORT_UNSAFE };

/* What to take from a file. All zero: everything. */
struct import_choice {
    size_t skip, take; /* of the rows that the rest of this leaves; take 0 = all */
    bool drawn; /* skip and take are by an order that the seed draws (draw.h), not the file's */
    uint64_t seed;
    enum import_safety safety;
    bool prompts_only;        /* "output" is written empty */
    const char *kind, *model; /* only rows with this kind of answer, by this model */
    /* Columns of format "table"; NULL = none, but it needs instruction. */
    const char *instruction, *input, *output, *category, *id, *label;
};

/* A row on its way; texts live in the arena that came with it. */
struct import_sample {
    const char *instruction, *input, *output; /* NULL = "" */
    const char *category, *id, *label;        /* NULL or "" = not written */
    const char *kind, *model;                 /* NULL = the format has none */
    int is_safe;                              /* 1, 0; -1 = the format has no such mark */
};

/* Which column is what; NULL = none. */
struct import_map {
    const char *wish; /* the instruction, where it is the same for all rows */
    const char *instruction, *input, *output, *category, *id, *kind;
    /* A column of few values (NULL-terminated), and the answer that each stands for. */
    const char *choice;
    const char *const *values, *const *answers;
    enum import_safety safety; /* of all rows */
};

struct import_format {
    const char *name;
    const char *help;
    /* Of a table without a line of names: what its columns are, NULL-terminated. NULL = has names.
     */
    const char *const *columns;
    bool literal_quotes; /* its tab-separated files know no quoting */
    bool named_columns;  /* the choice says which column is what */
    /* Keys and columns that become part of the row (NULL-terminated; NULL with named_columns). Other
     * text that is no note about the row ends the import. */
    const char *const *reads;
    /* All of these are there (NULL-terminated): found by content without a function of its own. */
    const char *const *needs;
    struct import_map map; /* what becomes of a row, where `convert` is NULL */
    /* By keys or columns and, where a table has no line of names (r->header is false), by the
     * values of its first record. NULL = by `needs`; without those never found by content. */
    bool (*detect)(const struct record *r);
    /* Fills `out` (zeroed, is_safe -1). */
    int (*convert)(const struct record *r, const struct import_choice *c, struct import_sample *out,
                   struct arena *a, struct vac_err *err);
};
const struct import_format *import_at(size_t i); /* NULL after the last */
/* By name; an error names the nearest, or lists all. */
const struct import_format *import_find(const char *name, struct vac_err *err);

enum import_reason {
    IMPORT_NOT_SAFE,
    IMPORT_NOT_UNSAFE,
    IMPORT_OTHER_KIND,
    IMPORT_OTHER_MODEL,
    IMPORT_EMPTY,  /* no instruction */
    IMPORT_BEFORE, /* passed over by `skip` */
    IMPORT_UNDRAWN,
    IMPORT_REASONS
};
struct import_report {
    const struct import_format *format;
    size_t read, written, skipped[IMPORT_REASONS];
};
/* "sst2: 872 rows read, 500 written" and ", 12 skipped (12 unsafe)" */
void import_report_text(const struct import_report *r, struct strbuf *out);

/* Takes one line, its newline included. */
typedef int import_put(void *ctx, const char *line, size_t n, struct vac_err *err);
/* Reads until `take` rows are chosen; where they are drawn, all of the file before. f NULL = by content. No row left, or fewer than `take`, is an
 * error. */
int import_rows(const char *path, const struct import_format *f, const struct import_choice *c,
                import_put *put, void *ctx, struct import_report *report, struct vac_err *err);
/* The same into a file, which appears whole or not at all. */
int import_file(const char *path, const struct import_format *f, const struct import_choice *c,
                const char *out, struct import_report *report, struct vac_err *err);

/* --- for the files import_NAME.c --- */
/* The texts one behind the other; NULL-terminated. Copied into `a`. */
int import_join(const char **out, const char *const *texts, struct arena *a, struct vac_err *err);
#endif
