/* adapters.h - adapters.json: what to apply to what, in order, for whoever loads final/. */
#ifndef RUN_ADAPTERS_H
#define RUN_ADAPTERS_H

#include "spec/spec.h"

/* `full` = the last stage trained all weights. */
void adapters_json(struct strbuf *out, const struct run_spec *run, bool full);
#endif
