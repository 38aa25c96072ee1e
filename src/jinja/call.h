/* call.h - the functions and tests that a template may call. */
#ifndef JINJA_CALL_H
#define JINJA_CALL_H

#include "jinja/method.h"

struct value *call_test(struct eval *e, struct str name, struct value *x, const struct args *a);
/* A function by name, NULL = there is none; f is one, or a method. */
struct value *global_function(struct eval *e, struct str name);
struct value *call_function(struct eval *e, struct value *f, const struct args *a);
#endif
