/* spec_guard.h - "guards": what a run is watched for, and what is done then. */
#ifndef SPEC_SPEC_GUARD_H
#define SPEC_SPEC_GUARD_H

#include "base/json_out.h"
#include "spec/spec.h"

/* Stages and entries of "evaluate" have been read. */
int spec_read_guards(struct run_spec *s, const struct jnode *root, struct vac_err *err);
/* As typed: "HS > 20% pause", "plateau 200 run COMMAND WORD..."; without an action it pauses. Words are
 * what blanks part. */
int guard_spec_read(struct guard_spec *g, const struct run_spec *s, const char *text,
                    struct vac_err *err);
/* An entry of "guards": an object, or a text as it is typed. */
int guard_spec_from(struct guard_spec *g, const struct run_spec *s, const struct jnode *n,
                    struct vac_err *err);
/* The entry, as guard_spec_from reads it. */
void guard_spec_json(struct json_out *o, const char *key, const struct run_spec *s,
                     const struct guard_spec *g);
/* "HS > 20 %, 2 in a row: pause", for people. */
void guard_spec_text(struct strbuf *out, const struct run_spec *s, const struct guard_spec *g);
/* Whether it is for that stage, and what it looks at is measured there. */
bool guard_spec_applies(const struct guard_spec *g, const struct run_spec *s, size_t stage);
void guard_spec_done(struct guard_spec *g);
#endif
