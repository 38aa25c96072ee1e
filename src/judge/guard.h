/* guard.h - inside src/judge: a language model that judges in words, read by the probability of its verdict's token.
 *
 * z = logits where the verdict stands; mass = softmax(z) summed over all verdict words; bad, between = the shares of
 * mass. A guard whose mass is small does not answer in verdicts. */
#ifndef JUDGE_GUARD_H
#define JUDGE_GUARD_H

#include "compute/compute.h"

/* A row of the table: the form of a public guard's question and verdict. */
struct guard_form {
    const char *name, *help;
    /* What a user turn asks, with the places {prompt} and {response}; NULL = the conversation itself is what the
     * guard's own chat template makes a question of. */
    const char *ask;
    bool worded;      /* ... but the wording is the guard's, in a file */
    const char *tail; /* what stands before the verdict, unless the text ends with it */
    const char *const *bad, *const *good, *const *between; /* ended by NULL; each one token there */
};
extern const char *const guard_form_names[]; /* ended by NULL */

struct guard_share {
    size_t tokens;             /* of the text */
    double bad, between, mass; /* NaN = the text was too long */
};
struct guard;
/* `model` is a folder or a GGUF file. `prompt`, a JSON file {"text", "bad", "good", "between"}, takes the place of
 * what the form says; NULL = none. Words that are no single token are an error. */
struct guard *guard_open(const char *model, int form, const char *prompt, struct compute *c,
                         struct vac_err *err);
void guard_close(struct guard *g);
/* What that would take: bytes of its mapped weights, and bytes beside them. */
int guard_memory(const char *model, struct compute *c, uint64_t *mapped, uint64_t *own,
                 struct vac_err *err);
size_t guard_context(const struct guard *g);
int guard_rate(struct guard *g, const char *const *prompt, const char *const *answer, size_t n,
               struct guard_share *out, struct vac_err *err);
#endif
