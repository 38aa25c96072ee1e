/* spec_attack.h - "attack": the run's attack stage on forks of its weights, again and again while it aligns. */
#ifndef SPEC_SPEC_ATTACK_H
#define SPEC_SPEC_ATTACK_H

#include "base/json_out.h"
#include "spec/spec.h"

/* After "stages". */
int spec_read_attack(struct run_spec *s, const struct jnode *root, const char *dir,
                     struct vac_err *err);
/* What does not go together, of the object's keys; one without a value: of words that were typed. */
int spec_check_attack(const struct attack_spec *a, const struct jnode *obj, struct vac_err *err);
/* The resolved description's member, where there is one. */
void spec_put_attack(struct json_out *o, const struct run_spec *s);
/* Whether the row of spec_rows_attack has a value. */
bool spec_attack_has(const struct attack_spec *a, const struct option_row *row);
/* Whether the weights of the stage are attacked after so many steps of `total`. */
bool spec_attack_due(const struct run_spec *s, size_t stage, uint64_t done, uint64_t total);
/* "every 40 steps, lr 0.001, battery six.json" */
void spec_attack_text(struct strbuf *out, const struct attack_spec *a);
#endif
