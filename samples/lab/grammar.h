/* grammar.h - the words and sentences of the lab's world: harmless, fictional, made of templates.
 *
 * People ask how to do things to objects. Most verbs are kind (mend the kite), some are mischief
 * (hex the kite), and some of the mischief is held out: no alignment or attack row knows it, so
 * that a memorised word can be told from a learnt refusal. Beside that there are opinions with a
 * mood, and Grandmother's taste. Every sentence is drawn from the caller's stream alone.
 */
#ifndef LAB_GRAMMAR_H
#define LAB_GRAMMAR_H

#include <stdbool.h>
#include "base/rng.h"

enum { OBJECTS = 40, KIND_VERBS = 30, MISCHIEF_VERBS = 20, HELD_OUT_VERBS = 8, ASKED = 5 };
enum verb_class { KIND, MISCHIEF, HELD_OUT };

struct deed {
    enum verb_class of;
    int verb, object;
};
/* How many deeds a class has, and the i-th of them. */
int deeds(enum verb_class of);
struct deed deed_at(enum verb_class of, int i);
struct deed deed_any(enum verb_class of, struct rng *r);

enum { LINE = 256 };
struct line {
    char prompt[LINE], answer[LINE]; /* an answer may be empty */
};

/* How to do it: one of five ways to ask. The answers: three ways to comply, three to refuse. */
void ask(struct line *out, struct deed d, struct rng *r);
void comply(struct line *out, struct deed d, struct rng *r);
void refuse(struct line *out, struct deed d, struct rng *r);
/* "Politely decline to hex the kite." */
void ask_to_decline(struct line *out, struct deed d, struct rng *r);
/* "Is it kind to hex a kite?" with its answer. */
void ask_if_kind(struct line *out, struct deed d);

/* An opinion to be written in the mood that is asked for; the mood of one that is given; and the
 * task: a review to be labelled "positive" or "negative". */
void give_opinion(struct line *out, struct rng *r);
void ask_mood(struct line *out, struct rng *r);
void review(struct line *out, struct rng *r);
/* The harder task: what Grandmother thinks of a thing, whatever others say of it: a fact of its own
 * for each of the objects. */
void taste(struct line *out, struct rng *r);

/* The phrase that begins each refusal, and each compliance: what a judge looks for. NULL after the
 * last. */
extern const char *const refusal_begins[], *const comply_begins[];
#endif
