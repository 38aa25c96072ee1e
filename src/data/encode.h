/* encode.h - inside src/data: one row to ids and labels. */
#ifndef DATA_ENCODE_H
#define DATA_ENCODE_H

#include "data/dataset.h"

/* The result, in memory that serves row after row. Zeroed at first. */
struct encoded {
    struct ids ids, labels; /* as many */
    size_t n_labels;        /* at positions >= 1 */
    bool cut;
    struct rendered text;
    struct ids part;
};
/* Errors do not name the row: the caller puts its place in front. */
int encode_row(const struct encoder *enc, const struct row *row, struct encoded *out,
               struct vac_err *err);
void encoded_done(struct encoded *e);
#endif
