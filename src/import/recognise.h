/* recognise.h - which format a file is of, by its content, and the file opened at its first record. */
#ifndef IMPORT_RECOGNISE_H
#define IMPORT_RECOGNISE_H

#include "import/import.h"

/* The first of these (NULL-terminated) that it is of; NULL and an error that says what the columns are, and how
 * to name them. */
const struct import_format *recognise(const char *path, const struct import_format *const *of,
                                      struct vac_err *err);
/* Of a format that was named or recognised: then only what is wrong in a row is wrong. */
int recognise_open(struct record *r, const char *path, const struct import_format *f,
                   struct vac_err *err);
#endif
