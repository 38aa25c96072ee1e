/* rows_shape.h - where in a file its rows are. */
#ifndef DATA_ROWS_SHAPE_H
#define DATA_ROWS_SHAPE_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

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
#endif
