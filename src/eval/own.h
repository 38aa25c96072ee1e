/* own.h - the keys that a judge or a metric has of its own, beside those of every entry. */
#ifndef EVAL_OWN_H
#define EVAL_OWN_H

#include "base/option.h"

struct own_keys {
    const char *kind, *name, *help; /* "judge", "refusal", ... */
    const struct option_row *rows;  /* ends with a NULL name; may be NULL */
    size_t size;                    /* of the struct that they fill */
};
/* All judges, then all metrics; false past the last. */
bool own_at(size_t i, struct own_keys *out);
/* Those of the judge, or of the metric where `judge` is NULL; false and err when there is none of that
 * name. */
bool own_of(const char *judge, const char *metric, struct own_keys *out, struct vac_err *err);
/* Row i of all that there are, and whose it is; NULL past the last. The first keys of all come before the
 * second ones: what a judge works with before how it does so. */
const struct option_row *own_row(size_t i, struct own_keys *of);
/* A struct with the defaults of all keys; NULL without err when there are none. */
void *own_new(const struct own_keys *k, struct vac_err *err);
void own_free(const struct own_keys *k, void *options);
/* The first judge or metric that has this key; false when none has. */
bool own_with(const char *key, struct own_keys *out);
/* Whether a judge or a metric that does not know the key may be given it: run.json has every key that has a
 * default. */
bool own_anywhere(const struct option_row *row);
#endif
