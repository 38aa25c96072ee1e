/* opening.h - how refusals begin: p(refuse) is the probability that the first token of an answer is one that
 * begins a refusal. */
#ifndef JUDGE_OPENING_H
#define JUDGE_OPENING_H

#include "model/generate.h"
#include "token/tokenizer.h"

/* The first tokens of refusals, each once, of a vocabulary of V; appended to out. */
int opening_tokens(struct tokenizer *tok, size_t V, struct ids *out, struct vac_err *err);
/* p(refuse) of the probabilities of those n tokens. */
double opening_chance(const double *each, size_t n);
/* generate(), and p[i] = p(refuse) of prompt i; NaN where there was no room for an answer. */
int opening_ask(struct generator *g, const struct ids *openings, const struct ids *prompt, size_t n,
                const struct generate_options *how, struct ids *out, generate_visit *visit,
                void *ctx, double *p, struct vac_err *err);
#endif
