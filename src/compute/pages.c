/* pages.c - memory straight from the system, in huge pages where there is much of it: a product's
 * operands then take few entries of the processor's address cache. */
#include "compute/pages.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void *pages_new(size_t bytes, size_t *map_len)
{
    bool huge = bytes >= HUGE_PAGE;
    size_t step = huge ? HUGE_PAGE : 4096, len, skip;
    char *p;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    len = (bytes + step - 1) / step * step;
    len = len ? len : step;
    p = mmap(NULL, huge ? len + step : len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
             0);
    if (p == MAP_FAILED)
        return NULL;
    *map_len = len;
    if (!huge)
        return p;
    /* Cut the mapping down to whole huge pages. */
    skip = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (skip)
        munmap(p, skip);
    if (step - skip)
        munmap(p + skip + len, step - skip);
#ifdef MADV_HUGEPAGE
    madvise(p + skip, len, MADV_HUGEPAGE);
#endif
    return p + skip;
}

void pages_free(void *p, size_t map_len)
{
    if (p)
        munmap(p, map_len);
}
