/* filter.h - the filters that a template may use. */
#ifndef JINJA_FILTER_H
#define JINJA_FILTER_H

#include "jinja/method.h"

struct value *call_filter(struct eval *e, struct str name, struct value *x, const struct args *a);
#endif
