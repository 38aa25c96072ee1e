/* entry.h - the keys of an entry of "evaluate". */
#ifndef EVAL_ENTRY_H
#define EVAL_ENTRY_H

#include "base/option.h"

/* Option rows over this struct: evaluate_options. */
struct evaluate_spec {
    char *name;
    char *prompts; /* data set whose user turns are asked; with `judge` */
    char *data;    /* data set with answers; with `metric` */
    char *judge, *metric;
    char *answers; /* an earlier entry, whose answers are rated again; NULL = its own */
    void *options; /* of the judge or the metric (own.h); NULL = it has none */
    int64_t max_new_tokens, every, take;
    int from;      /* 0 = `take` is drawn by the seed, 1 = from the start */
    int count;     /* enum verdict that the rate counts */
    uint64_t seed; /* the run's; no key of its own */
    char **stages; /* names, NULL-terminated; NULL = all (read by the run file's parser) */
};
extern const struct option_row evaluate_options[];
void evaluate_spec_done(struct evaluate_spec *s);
/* Every key of an entry, with the struct that its row reads: those of judges and metrics stand behind
 * "metric", of others than its own with their defaults. -1 and err only for memory. */
typedef void evaluate_visit(void *ctx, const struct option_row *row, const void *base);
int evaluate_each(const struct evaluate_spec *s, evaluate_visit *visit, void *ctx,
                  struct vac_err *err);
extern const char *const take_from_names[]; /* of data keys, too */
/* Letters, digits, _ . - and no . in front: fit for a file name. */
bool evaluation_name_ok(const char *name);
#endif
