/* kind.h - the ways in which weights are attacked.
 *
 * A kind is one file kind_NAME.c with one `const struct attack_kind attack_kind_NAME`, one word in ATTACK_KINDS,
 * and its line in Makefile.am. Every attack is a fork of the run (fork/attack.h), so that the parent's weights,
 * folder and bytes stay as they are; a kind says what that fork does otherwise. */
#ifndef ATTACK_KIND_H
#define ATTACK_KIND_H

#include "base/option.h"

/* X-macro: kind_<name>.c each. The first is meant where nothing is said. */
#define ATTACK_KINDS(X) X(finetune) X(abliteration)

/* What is attacked, and where what is written of the attack stands; all borrowed. */
struct attack_on {
    const cJSON *config; /* run.json of the run, */
    const char *stage;   /* its stage that attacks */
    const char *dir;     /* where paths in the attack's keys begin, a whole path */
};
/* Overrides of a description, as in spec.h; a zeroed one is empty. */
struct attack_sets {
    char **v;
    size_t n, cap;
};
/* Takes the text over, also when it fails. */
int attack_sets_put(struct attack_sets *s, struct strbuf *text, struct vac_err *err);
/* "stages.STAGE.KEY=VALUE", of the stage that attacks. */
int attack_sets_key(struct attack_sets *s, const struct attack_on *on, const char *key,
                    const char *value, struct vac_err *err);
void attack_sets_done(struct attack_sets *s);

struct attack_kind {
    const char *name;
    const char *help; /* one line, no full stop */
    /* Tables of its keys, NULL at the end. They stand beside "name" and "kind" in an attack file; with a list in
     * the place of a value each of the list is an attack of its own. */
    const struct option_row *const *rows;
    /* Checks the values of `one`, whose keys are known to be rows, none a list, and puts what the attack sets in
     * the description of the fork. What the fork reads (data, folders) must be there: an error names the key. */
    int (*set)(const struct jnode *one, const struct attack_on *on, struct attack_sets *out,
               struct vac_err *err);
};
const struct attack_kind *attack_kind_at(size_t i); /* NULL after the last */

/* That of an attack, `one`, after its keys were checked: "kind", or the first. NULL and err. */
const struct attack_kind *attack_kind_of(const struct jnode *one, struct vac_err *err);
#endif
