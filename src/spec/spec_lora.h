/* spec_lora.h - the adapter of a stage: its keys, and what it may go on with. */
#ifndef SPEC_SPEC_LORA_H
#define SPEC_SPEC_LORA_H

#include "spec/spec.h"

int spec_read_lora(struct stage_spec *st, const struct jnode *obj, const char *dir,
                   struct vac_err *err);
/* "same" needs an adapter to go on with. */
int spec_check_adapter(const struct run_spec *s, size_t i, const struct jnode *obj,
                       struct vac_err *err);
#endif
