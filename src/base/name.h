/* name.h - things that are found by their names. */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include "base/mem.h"

/* Name i, NULL after the last. */
typedef const char *name_at(const void *ctx, size_t i);
/* The same of an array of pointers that NULL ends, to things that begin with the pointer to their name. */
const char *name_of(const void *list, size_t i);
/* The same of an array of names. */
const char *name_word(const void *list, size_t i);
/* The place of the name; SIZE_MAX = it is none of them. */
size_t name_find(const char *name, name_at *at, const void *ctx);
/* The same, with an error that says what there is, and which is nearest:
 * unknown WHAT "NAME": expected one of A, B (did you mean "B"?) */
size_t name_want(const char *what, const char *name, name_at *at, const void *ctx,
                 struct vac_err *err);
/* "A, B" */
void name_list(name_at *at, const void *ctx, struct strbuf *out);
/* Whether it stands in a list that NULL ends; a list that is NULL is empty. */
bool name_listed(const char *const *list, const char *name);
#endif
