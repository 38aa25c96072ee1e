/* map.h - files mapped read-only, and what becomes of them while they are in use.
 *
 * A mapped file that another program cuts leaves pages without a file: touching one raises SIGBUS.
 * A driver that handles this signal (with SA_ONSTACK) gives the address to map_mend, which puts zeros there, so that
 * whoever reads goes on; map_check then tells that what was read is worth nothing. Whoever believes
 * something that was read from a mapping asks map_check before. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* Nothing is read until it is touched. An empty file has data == NULL. */
struct mapping {
    const unsigned char *data;
    size_t len;
    struct map_source *source;
};
int map_open(struct mapping *m, const char *path, struct vac_err *err);
void map_close(struct mapping *m);
/* 0 while the file is the one that was mapped: neither cut nor written to nor replaced. One that
 * was removed is still whole in the mapping. */
int map_check(const struct mapping *m, struct vac_err *err);
/* Has map_mend helped? Costs nothing. */
bool map_torn(const struct mapping *m);
/* Tells the kernel that these bytes of a mapping are not needed for now: pages that are theirs alone are
 * given up, their neighbours may be in use. */
void map_forget(const void *data, size_t n);
/* In a handler of SIGBUS, on any thread: false when the address lies in no mapping of these. */
bool map_mend(const void *address);
#endif
