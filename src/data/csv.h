/* csv.h - tables in text: comma, semicolon or tab separated values, one record at a time.
 *
 * RFC 4180 with what is met in the wild: any of the line ends, a byte order mark, empty lines
 * (passed over), no line end after the last record. A quoted field may hold separators and line
 * ends, kept as they are. Every record has as many fields as the first. The file stays mapped;
 * memory does not grow with it. Everything else is an error that names FILE:LINE:COLUMN (columns
 * count characters). */
#ifndef DATA_CSV_H
#define DATA_CSV_H

#include "base/io.h"

enum {
    CSV_COLUMNS_MAX = 4096,
    CSV_RECORD_MAX = 16 << 20 /* bytes: a forgotten quote must not swallow a large file */
};
/* What a quotation mark means: nothing, or the beginning and end of a field. */
enum csv_quotes {
    CSV_QUOTED,  /* as the RFC has it: a mark inside an unquoted field is an error */
    CSV_RELAXED, /* ... is itself: what is usual in tab-separated files */
    CSV_LITERAL  /* every mark is itself */
};

struct csv_field {
    const char *text; /* 0-terminated, valid UTF-8, no 0 bytes; lives until the next record */
    size_t at;        /* offset of the field in the file */
};
struct csv_reader {
    struct mapping map;
    char *path;
    char separator;
    enum csv_quotes quotes;
    struct csv_field *field; /* of the current record */
    size_t n, cap;
    size_t columns;     /* of the first record; 0 before it */
    size_t begin, line; /* of the current record: its offset and line */
    size_t at;          /* where the next one is looked for */
    size_t next_line;
    struct strbuf text; /* the current record's fields */
};
/* The separator and what quotes mean are found in the first line; both may be changed before the
 * first record is read. */
int csv_open(struct csv_reader *r, const char *path, struct vac_err *err);
/* 1 and the fields; 0 after the last record; -1. */
int csv_next(struct csv_reader *r, struct vac_err *err);
void csv_close(struct csv_reader *r);
/* err_set with "FILE:LINE:COLUMN: " of a field of the current record in front; returns -1. */
int csv_error(const struct csv_reader *r, const struct csv_field *f, struct vac_err *err,
              const char *fmt, ...) __attribute__((format(printf, 4, 5)));
#endif
