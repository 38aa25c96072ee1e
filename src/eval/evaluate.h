/* evaluate.h - one "evaluate" entry at work: prompts, answers, verdicts, a rate and interval. */
#ifndef EVAL_EVALUATE_H
#define EVAL_EVALUATE_H

#include <vaccine/vaccine.h>
#include "data/dataset.h"
#include "eval/judge.h"
#include "eval/metric.h"
#include "eval/stats.h"
#include "model/acts.h"
#include "model/generate.h"

/* The keys of an entry (option rows over this struct: evaluate_options). */
struct evaluate_spec {
    char *name;
    char *prompts; /* data set whose user turns are asked; with `judge` */
    char *data;    /* data set with answers; with `metric` */
    char *judge, *metric;
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

struct eval_sample {
    const char *prompt, *answer, *expected, *category, *id; /* expected, category, id may be NULL */
    size_t n_tokens;
    struct rating rating; /* judges */
    bool correct;         /* metrics */
    bool counted;         /* this one is in `count` */
    double loss;          /* metric "loss" */
};
enum { EVAL_OTHERS = 3 };
struct eval_result {
    size_t count, n; /* value = count / n; metric "loss": value = mean loss */
    double value;
    struct interval ci;
    size_t verdict[VERDICT_COUNT];
    /* The most frequent other answers, where at least one in five is other: what the score does not
     * tell then. */
    struct vac_part other[EVAL_OTHERS];
    size_t n_other;
    struct eval_sample *sample; /* [n] */
    struct vac_part *category;
    size_t n_category;
    struct arena arena;
};
void eval_result_done(struct eval_result *r);

struct evaluation;
/* Paths in the spec are already resolved. spec, enc and m are borrowed. Everything that can be
 * wrong with the entry's files is found here. */
struct evaluation *evaluation_open(const struct evaluate_spec *spec, const struct encoder *enc,
                                   struct model *m, struct vac_err *err);
void evaluation_close(struct evaluation *e);
bool evaluation_is_rate(const struct evaluation *e); /* else a loss */
size_t evaluation_size(const struct evaluation *e);  /* prompts */
/* Longest prompt in tokens, for the generator's context; 0 for metric "loss", that asks nothing. */
size_t evaluation_longest(const struct evaluation *e);
/* What makes the score mean less than it seems, as one sentence; nothing where all is well. */
void evaluation_warning(const struct evaluation *e, struct strbuf *out);
/* The least room of the activations for metric "loss"; zeros for all others. */
struct acts_room evaluation_room(const struct evaluation *e);
/* Asks all prompts (greedy) and rates the answers. `a` (for metric "loss") has room for acts_rows
 * rows. progress is called at least after each answer with the number that are known to be
 * finished; non-zero ends with VAC_ERR_STOPPED. Same weights, same result. */
typedef int evaluate_progress(void *ctx, size_t done, size_t n);
int evaluation_run(struct evaluation *e, struct generator *g, struct acts *a, size_t acts_rows,
                   struct eval_result *out, evaluate_progress *progress, void *ctx,
                   struct vac_err *err);
/* As a measurement, of no step yet. */
void eval_result_score(const struct evaluation *e, const struct eval_result *r,
                       struct vac_eval *out);
/* DIR/results_NAME_LABEL.json (lm-eval style) and DIR/samples_NAME_LABEL.jsonl, replaced safely. */
int eval_result_write(const struct evaluation *e, const struct eval_result *r, const char *dir,
                      const char *label, struct vac_err *err);
#endif
