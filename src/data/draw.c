/* draw.c - a permutation of a file's rows. */
#include "data/draw.h"
#include "base/rng.h"
#include <stdlib.h>

int draw_init(struct draw *d, size_t n, uint64_t seed, struct vac_err *err)
{
    size_t *order = mem_new(n, sizeof *order, err);

    *d = (struct draw){.place = order ? mem_new(n, sizeof *d->place, err) : NULL, .n = n};
    if (d->place) {
        rng_permute(rng_key(seed, RNG_TAKE, 0, 0), order, n);
        for (size_t i = 0; i < n; i++)
            d->place[order[i]] = i;
    }
    free(order);
    return d->place ? 0 : -1;
}

size_t draw_place(const struct draw *d, size_t row)
{
    return d->place && row < d->n ? d->place[row] : row;
}

void draw_done(struct draw *d)
{
    free(d->place);
    *d = (struct draw){0};
}
