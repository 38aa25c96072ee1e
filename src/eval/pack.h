/* pack.h - inside src/eval: a data set in file order, in packed batches. */
#ifndef EVAL_PACK_H
#define EVAL_PACK_H

#include "data/batch.h"
#include "model/acts.h"

struct pack {
    const struct dataset *d;
    struct acts_room room;
    size_t max_N;   /* rows of the largest batch there is */
    size_t next;    /* sample that the next batch begins with */
    size_t *index;  /* 0, 1, 2, ... */
    struct batch b; /* slot = number of the sample in the set */
};
/* For passes with such room; a sample that does not fit alone is an error. */
int pack_open(struct pack *p, const struct dataset *d, struct acts_room room, struct vac_err *err);
void pack_rewind(struct pack *p);
/* Fills p->b; false behind the last sample. */
bool pack_next(struct pack *p);
void pack_close(struct pack *p);
#endif
