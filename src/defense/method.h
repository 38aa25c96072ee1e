/* method.h - the list of methods. */
#ifndef DEFENSE_METHOD_H
#define DEFENSE_METHOD_H

#include "defense/defense.h"

const struct method *method_at(size_t i); /* NULL after the last; 0 = of a stage that names none */
const struct method *method_find(const char *name,
                                 struct vac_err *err); /* error names the nearest */

size_t method_streams(const struct method *m); /* how many data sets, "train" included */
const char *method_stream(const struct method *m, size_t i); /* "train", ...; NULL after the last */
#endif
