/* rows.h - inside src/data: the rows of a file one at a time, so that memory does not grow with the
 * file. */
#ifndef DATA_ROWS_H
#define DATA_ROWS_H

#include "base/io.h"
#include "data/dataset.h"

/* How the rows lie in a file. */
struct rows_shape {
    bool array;       /* in a list, whose bracket is at `from`; else one behind the other */
    bool spread;      /* over several lines each */
    size_t from, end; /* the part of the file that holds them */
};
/* Rows that lie in a list inside the file's only object are found there. What is a table, columns, or
 * several lists is an error that says so; all other text is left to who reads it. */
int rows_shape(const char *path, const char *s, size_t n, size_t at, struct rows_shape *out,
               struct vac_err *err);
/* For cutting: behind white space, behind a string, behind an object or list that begins at `at` (0 =
 * it is not closed). */
size_t rows_skip_space(const char *s, size_t n, size_t at);
size_t rows_string_end(const char *s, size_t n, size_t at);
size_t rows_object_end(const char *s, size_t n, size_t at);

struct row_reader {
    struct mapping map;
    char *path;
    char *where; /* the current row for messages: "FILE:LINE", in an array "FILE:LINE: row N" */
    size_t where_size;
    const struct format *format; /* known after the first row */
    struct rows_shape shape;
    bool ended;   /* the array's closing bracket was seen */
    size_t start; /* behind a byte order mark */
    size_t at;    /* where the next row is looked for */
    size_t line;  /* 1-based line of `at` */
    size_t index; /* rows given so far */
    cJSON *json;  /* of the current row */
};
int row_reader_open(struct row_reader *r, const char *path, struct vac_err *err);
/* 1 and a row with its strings in `a`; 0 after the last; -1. The row's .json lives until the next
 * call. */
int row_reader_next(struct row_reader *r, struct row *out, struct arena *a, struct vac_err *err);
/* Passes over a row without reading it: 1, 0 after the last, -1. */
int row_reader_pass(struct row_reader *r, struct vac_err *err);
/* The same for a row of any keys: an object that lives until the next call. */
int row_reader_next_object(struct row_reader *r, struct jnode *out, struct vac_err *err);
void row_reader_close(struct row_reader *r);
#endif
