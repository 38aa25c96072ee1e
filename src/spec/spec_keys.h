/* spec_keys.h - an object of the run file, key by key: known keys, values, bounds, names. */
#ifndef SPEC_SPEC_KEYS_H
#define SPEC_SPEC_KEYS_H

#include "spec/spec.h"

/* A member of obj that need not be there, for messages. */
struct jnode spec_key(const struct jnode *obj, const char *key);
/* null counts as absent. */
bool spec_has(const struct jnode *obj, const char *key);
/* "FILE: PATH" in front of an error that is set; returns -1. */
int spec_prefix(const struct jnode *n, struct vac_err *err);

/* The keys that an object may have. Failures to add are told by spec_keys_check, which also frees
 * the list. */
struct spec_keys {
    const char **name;
    size_t n, cap;
    bool bad;
};
void spec_keys_add(struct spec_keys *k, const char *name);
/* The keys that judges and metrics have of their own. */
void spec_keys_own(struct spec_keys *k);
void spec_keys_rows(struct spec_keys *k, const struct option_row *rows); /* rows may be NULL */
int spec_keys_check(struct spec_keys *k, const struct jnode *obj, struct vac_err *err);
/* Defaults, then the object `obj` into base; `more` are keys that the caller reads
 * (NULL-terminated). */
int spec_read_object(const struct jnode *obj, const struct option_row *rows,
                     const char *const *more, void *base, struct vac_err *err);

/* Bounds that a table's inclusive ones cannot say: a double at `offset` is above 0, or below 1.
 * Arrays end with a NULL key. */
struct spec_bound {
    const char *key;
    size_t offset;
    bool below_one;
};
int spec_check_bounds(const struct jnode *obj, const struct spec_bound *b, const void *base,
                      struct vac_err *err);
/* Counts a list that must have min to max items; *first is for a walk along .v->next, .index++. */
int spec_list(const struct jnode *list, size_t min, size_t max, size_t *count, struct jnode *first,
              struct vac_err *err);
/* A name that can stand in the names of files, and is none of the i before it. */
int spec_check_name(const struct jnode *obj, const char *name, size_t i,
                    const char *(*at)(const void *ctx, size_t i), const struct run_spec *s,
                    struct vac_err *err);
/* A file's name alone, or an object. `more`: rows of the same object that the caller reads, or
 * NULL. */
int spec_read_data(struct data_keys *d, const struct jnode *n, const struct option_row *more,
                   const char *dir, struct vac_err *err);

/* Whether a stage or an evaluation may be called so: letters, digits, "_.-", no dot in front. */
bool spec_name_is_valid(const char *name);
#endif
