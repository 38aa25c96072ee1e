/* draw.h - which rows of a file are meant by "skip" and "take".
 *
 * Files are often sorted, so that their first rows are of one kind. Rows are therefore numbered in
 * an order that a seed draws: with one seed, `take` 400 and `skip` 400 have no row in common. What
 * was chosen is used in the order of the file. */
#ifndef DATA_DRAW_H
#define DATA_DRAW_H

#include "base/mem.h"

struct draw {
    size_t *place; /* [n] of each row in the order; NULL = that of the file */
    size_t n;
};
int draw_init(struct draw *d, size_t n, uint64_t seed, struct vac_err *err);
size_t draw_place(const struct draw *d, size_t row);
void draw_done(struct draw *d);
#endif
