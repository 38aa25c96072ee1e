/* pages.h - memory straight from the system. */
#ifndef COMPUTE_PAGES_H
#define COMPUTE_PAGES_H

#include <stddef.h>

/* Pages for `bytes` zeroed bytes, huge ones when it is worth it. NULL when there are none. */
void *pages_new(size_t bytes, size_t *map_len);
void pages_free(void *p, size_t map_len);

#endif
