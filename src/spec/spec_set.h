/* spec_set.h - "PATH=VALUE" overrides. */
#ifndef SPEC_SPEC_SET_H
#define SPEC_SPEC_SET_H

#include "base/json.h"

/* Applies one "PATH=VALUE" to the document (an object). Whether the key exists is checked by the
 * reader. */
int spec_set(cJSON *doc, const char *text, struct vac_err *err);
#endif
