/* generate.h - text from a model: greedy or sampled, many prompts at once, with a key-value cache.
 *
 * A generator owns its activations and its cache, so that it can be used between two training steps
 * without touching them. Same prompts, same options, same weights: same ids. */
#ifndef MODEL_GENERATE_H
#define MODEL_GENERATE_H

#include "model/model.h"

struct generate_options {
    size_t max_new_tokens;
    double temperature; /* 0 = greedy */
    double top_p;       /* 1 = all */
    uint64_t seed;
    const int32_t *stop; /* ids that end a text (not part of it) */
    size_t n_stop;
    /* first_p[n prompts, n_first] = probability of each of these ids as the first new token, where there is
     * room for one; NULL = not asked. */
    const int32_t *first;
    size_t n_first;
    double *first_p;
};
/* Called for each new id of prompt i, in order. */
enum generate_next { GENERATE_ON, GENERATE_END_PROMPT, GENERATE_END_ALL };
typedef enum generate_next generate_visit(void *ctx, size_t i, int32_t id);

struct generator;
/* For at most `slots` prompts at a time and texts of at most `context` tokens, prompt included. */
struct generator *generator_new(struct model *m, size_t slots, size_t context, struct vac_err *err);
void generator_free(struct generator *g);
size_t generator_bytes(const struct model *m, size_t slots, size_t context);
size_t generator_context(const struct generator *g);
/* prompt[i] (n of them, any number: they go through the slots in order). Appends the new ids to out[i].
 * A prompt that fills the context gets no new token. -1 only for bad ids, memory of `out`, or logits
 * that are no numbers. */
int generate(struct generator *g, const struct ids *prompt, size_t n,
             const struct generate_options *o, struct ids *out, generate_visit *visit, void *ctx,
             struct vac_err *err);
/* The same in pieces, with other things done between them. Begun, what was given stays where it is; going on, prompts
 * that have a free slot enter it and get their first id, or each one that is at work gets one more. 1 = there is more
 * to come, 0 = the texts are whole. */
int generate_begin(struct generator *g, const struct ids *prompt, size_t n,
                   const struct generate_options *o, struct ids *out, generate_visit *visit,
                   void *ctx, struct vac_err *err);
int generate_go_on(struct generator *g, struct vac_err *err);
#endif
