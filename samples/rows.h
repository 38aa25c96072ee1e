/* rows.h - how the samples' generators write: a file of instruction rows, one JSON object a line. */
#ifndef SAMPLES_ROWS_H
#define SAMPLES_ROWS_H

#include "base/io.h"

struct row_file {
    struct outfile out;
    struct vac_err *err;
    int failed;
};
int row_file_open(struct row_file *f, const char *dir, const char *name, struct vac_err *err);
/* Without an answer the row is a question. Every sentence is ASCII without quotes or backslashes: nothing is
 * escaped. What fails is told by row_file_close(). */
void row_put(struct row_file *f, const char *prompt, const char *answer);
int row_file_close(struct row_file *f);
#endif
