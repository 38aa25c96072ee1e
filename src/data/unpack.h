/* unpack.h - data files as they are, or packed with gzip. */
#ifndef DATA_UNPACK_H
#define DATA_UNPACK_H

#include "base/map.h"

/* map_open, with the content of a gzip file in memory in place of the file. */
int unpack_open(struct mapping *m, const char *path, struct vac_err *err);
#endif
