/* tok_map.c - open addressing with linear probing, at most half full, so that a search always ends.
 */
#include "token/tok_map.h"
#include <stdlib.h>
#include <string.h>

static uint32_t hash_bytes(const char *s, size_t len)
{
    uint64_t h = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3ULL;
    return (uint32_t)(h ^ (h >> 32));
}

/* The slot that holds the key, or the free one where it would go. */
static struct tok_slot *find(const struct tok_map *m, const char *s, size_t len, uint32_t hash)
{
    size_t i = hash & m->mask;

    while (m->slot[i].s) {
        struct tok_slot *x = &m->slot[i];

        if (x->hash == hash && x->len == len && memcmp(x->s, s, len) == 0)
            return x;
        i = (i + 1) & m->mask;
    }
    return &m->slot[i];
}

int tok_map_init(struct tok_map *m, size_t n, struct vac_err *err)
{
    size_t slots = 16;

    while (slots / 2 < n) {
        if (size_mul(slots, 2, &slots))
            return err_set(err, VAC_ERR_MEMORY, "a table of %zu tokens does not fit in memory", n);
    }
    m->slot = mem_new(slots, sizeof(*m->slot), err);
    m->mask = slots - 1;
    return m->slot ? 0 : -1;
}

void tok_map_done(struct tok_map *m)
{
    free(m->slot);
    *m = (struct tok_map){0};
}

int tok_map_put(struct tok_map *m, const char *s, size_t len, int32_t id)
{
    uint32_t hash = hash_bytes(s, len);
    struct tok_slot *x = find(m, s, len, hash);

    if (x->s)
        return -1;
    *x = (struct tok_slot){.s = s, .len = len, .hash = hash, .id = id};
    return 0;
}

int32_t tok_map_get(const struct tok_map *m, const char *s, size_t len)
{
    const struct tok_slot *x;

    if (!m->slot)
        return -1;
    x = find(m, s, len, hash_bytes(s, len));
    return x->s ? x->id : -1;
}
