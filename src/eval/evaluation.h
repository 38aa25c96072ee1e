/* evaluation.h - an entry of "evaluate", opened: its questions are read and tokenised. */
#ifndef EVAL_EVALUATION_H
#define EVAL_EVALUATION_H

#include "eval/entry.h"
#include "judge/judge.h"
#include "model/acts.h"

struct encoder;
struct evaluation;
/* Paths in the spec are already resolved. spec, enc and m are borrowed. Everything that can be
 * wrong with the entry's files is found here. */
struct evaluation *evaluation_open(const struct evaluate_spec *spec, const struct encoder *enc,
                                   struct model *m, struct vac_err *err);
void evaluation_close(struct evaluation *e);
bool evaluation_counts(const struct evaluation *e, enum verdict verdict); /* with a judge */
/* The requests of `kind`, which are to be answered, are what p(refuse) is held against when e is measured; it
 * is borrowed, and open as long as e. */
void evaluation_set_kind(struct evaluation *e, const struct evaluation *kind);
/* The answers of `first`, which is of the same requests and measured before at the same steps, are what e rates;
 * it is borrowed, and open as long as e. */
void evaluation_set_first(struct evaluation *e, struct evaluation *first);
bool evaluation_is_rate(const struct evaluation *e); /* else a loss */
size_t evaluation_size(const struct evaluation *e);  /* prompts */
/* What the model is asked; n = 0 where nothing is. Borrowed. */
const struct ids *evaluation_prompts(const struct evaluation *e, size_t *n);
/* Longest prompt in tokens, also of those held against them, for the generator's context; 0 for metric "loss", that asks nothing. */
size_t evaluation_longest(const struct evaluation *e);
/* What makes the score mean less than it seems, as one sentence; nothing where all is well. */
void evaluation_warning(const struct evaluation *e, struct strbuf *out);
/* The least room of the activations for metric "loss"; zeros for all others. */
struct acts_room evaluation_room(const struct evaluation *e);
/* The file that is asked from. */
const char *evaluation_file(const struct evaluation *e);
/* "answered_rate", "label", "loss": what the value is. */
void evaluation_measure(const struct evaluation *e, struct strbuf *out);
#endif
