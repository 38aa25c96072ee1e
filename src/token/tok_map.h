/* tok_map.h - from a token's bytes to its id: a hash map filled once and then only asked. */
#ifndef TOKEN_TOK_MAP_H
#define TOKEN_TOK_MAP_H

#include "base/mem.h"

struct tok_slot {
    const char *s; /* borrowed from whoever filled the map; NULL = free */
    size_t len;
    uint32_t hash;
    int32_t id;
};

struct tok_map {
    struct tok_slot *slot;
    size_t mask; /* slots - 1, a power of two less one */
};

/* Room for n keys. */
int tok_map_init(struct tok_map *m, size_t n, struct vac_err *err);
void tok_map_done(struct tok_map *m);
/* -1 when the key is there already (nothing changes); never more than the n keys of tok_map_init.
 */
int tok_map_put(struct tok_map *m, const char *s, size_t len, int32_t id);
/* The key's id, or -1. */
int32_t tok_map_get(const struct tok_map *m, const char *s, size_t len);
#endif
