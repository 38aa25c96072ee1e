/* spec_json.h - the resolved description: every key with its value. */
#ifndef SPEC_SPEC_JSON_H
#define SPEC_SPEC_JSON_H

#include "spec/spec.h"

/* The resolved description; NULL and an error. Free with cJSON_Delete. */
cJSON *spec_json(const struct run_spec *s, struct vac_err *err);
#endif
