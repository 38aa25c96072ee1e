/* event.c - see event.h */
#include "record/event.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct vac_event_memory {
    struct arena arena;
    atomic_size_t holders;
};

void *event_alloc(struct vac_event *e, size_t n, size_t size, struct vac_err *err)
{
    if (!e->memory) {
        e->memory = mem_new(1, sizeof *e->memory, err);
        if (!e->memory)
            return NULL;
        atomic_init(&e->memory->holders, 1);
    }
    return arena_alloc(&e->memory->arena, n, size, err);
}

const char *event_text(struct vac_event *e, const char *s, size_t n, struct vac_err *err)
{
    char *copy = event_alloc(e, n + 1, 1, err);

    if (copy && n)
        memcpy(copy, s, n);
    return copy;
}

void vac_event_keep(const struct vac_event *e)
{
    if (e->memory)
        atomic_fetch_add(&e->memory->holders, 1);
}

void vac_event_done(struct vac_event *e)
{
    if (e->memory && atomic_fetch_sub(&e->memory->holders, 1) == 1) {
        arena_done(&e->memory->arena);
        free(e->memory);
    }
    e->memory = NULL;
}
