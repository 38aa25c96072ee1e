/* rows.h - the rows of a file: JSON lines, a JSON array, or a table; one at a time, so that memory does
 * not grow with the file, or all.
 *
 * All text is checked to be valid UTF-8 (file:line:column). */
#ifndef DATA_ROWS_H
#define DATA_ROWS_H

#include "base/io.h"
#include "data/csv.h"
#include "data/draw.h"
#include "data/format.h"
#include "data/rows_shape.h"

struct row_reader {
    struct mapping map;
    bool table;            /* a table whose first line names the keys of a format: */
    struct csv_reader csv; /* then map holds nothing */
    char **name;           /* [csv.columns], lower case */
    char *path;
    char *where; /* the current row for messages: "FILE:LINE", in an array "FILE:LINE: row N" */
    size_t where_size;
    const struct format *format; /* known after the first row */
    struct rows_shape shape;
    bool skip_odd; /* to be set by who opened it: see ROW_ODD */
    bool may_skip; /* likewise: there is a key for that, which the error of such a row names */
    bool ended;    /* the array's closing bracket was seen */
    size_t start;  /* behind a byte order mark */
    size_t at;     /* where the next row is looked for */
    size_t line;   /* 1-based line of `at` */
    size_t index;  /* rows given so far */
    size_t told;   /* how far it had come when that was told (base/trace.h) */
    cJSON *json;   /* of the current row */
};
int row_reader_open(struct row_reader *r, const char *path, struct vac_err *err);
/* 1 and a row with its strings in `a`; 0 after the last; -1. The row's .json lives until the next
 * call. With skip_odd a conversation that no template can write is no error but gives ROW_ODD. */
enum { ROW_ODD = 2 };
int row_reader_next(struct row_reader *r, struct row *out, struct arena *a, struct vac_err *err);
/* Passes over a row without reading it: 1, 0 after the last, -1. */
int row_reader_pass(struct row_reader *r, struct vac_err *err);
/* The same for a row of any keys: an object that lives until the next call. */
int row_reader_next_object(struct row_reader *r, struct jnode *out, struct vac_err *err);
void row_reader_close(struct row_reader *r);
/* Numbers the rows of a file in the order that the seed draws. */
int row_reader_draw(const char *path, uint64_t seed, struct draw *out, struct vac_err *err);

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
#endif
