/* words.h - an attack in words, as it is typed, sent or given in a run file: "at=40 ratio=0.2 steps=60", or
 * "battery=six.json budget=400". What is left out is as the run's own attack stage has it. */
#ifndef ATTACK_WORDS_H
#define ATTACK_WORDS_H

#include "attack/kind.h"
#include "spec/spec.h"

struct attack_words {
    char at[VAC_NAME];       /* as in struct vac_fork; "" = the newest */
    struct attack_spec spec; /* `every` is not of these */
};
/* An error names the word, and what would be right. words_done after a failure too. */
int words_read(struct attack_words *w, const char *text, struct vac_err *err);
void words_done(struct attack_words *w);
/* As overrides of the run that attacks. */
int words_sets(const struct attack_spec *a, const struct attack_on *on, struct attack_sets *out,
               struct vac_err *err);
#endif
