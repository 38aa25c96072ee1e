/* record.h - a data file of other people's as records whose fields are found by name.
 *
 * CSV, TSV, JSON lines and JSON arrays look alike from here. Names in a table are those of its
 * first line, found without regard to case, or given by the caller for a table without such a line.
 */
#ifndef DATA_RECORD_H
#define DATA_RECORD_H

#include "data/csv.h"
#include "data/rows.h"

struct record {
    bool json;
    struct row_reader rows; /* JSON */
    struct jnode object;
    struct csv_reader csv;     /* a table */
    const char *const *column; /* [n_columns] names; NULL before record_header or record_columns */
    size_t n_columns;
    bool header; /* the names come from the file */
    struct arena names;
};
/* Finds out by content what the file is; compressed and binary files are refused by name. */
int record_open(struct record *r, const char *path, struct vac_err *err);
void record_close(struct record *r);

/* Tables, before the first record. `literal` quotes are themselves (in tab-separated files). */
void record_literal(struct record *r);
/* The next line holds the names. An empty table is an error. */
int record_header(struct record *r, struct vac_err *err);
/* Right behind that: a name that stands there twice is an error. */
int record_unique(const struct record *r, struct vac_err *err);
/* The names are these (borrowed, NULL-terminated). */
void record_columns(struct record *r, const char *const *names);

/* 1 and the next record; 0 after the last; -1. Every record has all columns. */
int record_next(struct record *r, struct vac_err *err);

/* A column or key of this name is there. */
bool record_has(const struct record *r, const char *name);
/* The first of the names (NULL-terminated) that is there; NULL. */
const char *record_first(const struct record *r, const char *const *names);
/* As format_choose (format.h): the one that holds text; NULL = none is there. */
int record_choose(const struct record *r, const char *const *names, const char **out,
                  struct vac_err *err);
/* A text: must be there (or: absent, null give ""), in JSON a string. Copied into `a`. */
int record_text(const struct record *r, const char *name, const char **out, struct arena *a,
                struct vac_err *err);
int record_opt_text(const struct record *r, const char *name, const char **out, struct arena *a,
                    struct vac_err *err);
/* As record_text, but in JSON a number, true or false gives its text, too, and null "". */
int record_scalar(const struct record *r, const char *name, const char **out, struct arena *a,
                  struct vac_err *err);
/* -1 and an error at the first text of the record that is neither in `reads` nor a note about it
 * (format.h): it would be lost. */
int record_unread(const struct record *r, const char *const *reads, struct vac_err *err);
/* One of the values (NULL-terminated): its index. An error lists them. */
int record_choice(const struct record *r, const char *name, const char *const *values, size_t *out,
                  struct vac_err *err);
/* err_set with the field's place in front (the record's when name is NULL or not there); returns
 * -1. */
int record_error(const struct record *r, const char *name, struct vac_err *err, const char *fmt,
                 ...) __attribute__((format(printf, 4, 5)));
/* "instruction, input, output": what is there, for messages; cut when it is long. */
void record_names(const struct record *r, struct strbuf *out);
#endif
