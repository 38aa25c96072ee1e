/* plan.h - what a job will take of the machine's memory, shown before it is taken.
 *
 * Rows are added by whoever will allocate; a plan that cannot fit is refused with its numbers and with
 * what to change, before anything is allocated. */
#ifndef MODEL_PLAN_H
#define MODEL_PLAN_H

#include "base/json_out.h"
#include "model/lora.h"

#define PLAN_BASE "base weights (mapped)" /* which all that run on the model share */
struct plan_row {
    const char *what;
    const char *remedy; /* "use a smaller batch_size or max_length"; NULL = nothing can be done */
    uint64_t bytes;
};
struct plan {
    struct plan_row row[24];
    size_t n;
    uint64_t total;
};
void plan_add(struct plan *p, const char *what, uint64_t bytes, const char *remedy);
/* What this process may use: the machine's memory, or the control group's or address-space limit when lower. */
uint64_t plan_available(void);
/* 0, or -1 with all rows, the sum, what is available, and the remedy of the largest row. */
int plan_check(const struct plan *p, uint64_t available, struct vac_err *err);
/* "KEY": [{"what", "bytes"}], the rows. */
void plan_put(struct json_out *o, const char *key, const struct plan *p);
/* One line each: name, size, share; then the total. */
void plan_text(const struct plan *p, struct strbuf *out);

/* The rows of running a model for generation (slots texts of context tokens at a time). */
int plan_generate(struct plan *p, const struct model *m, size_t slots, size_t context);
/* The rows of training: rows packed tokens per pass, labelled of them with labels, the longest context. */
int plan_train(struct plan *p, const struct model *m, size_t rows, size_t labelled, size_t context);
/* The same rows for what is not made yet: a model as it will be when more is trained on it. */
struct plan_next {
    bool widened; /* by then all weights are F32 copies with all present adapters merged */
    const struct lora_spec *lora; /* [n_lora] adapters that will lie on it */
    size_t n_lora;
    bool full; /* all weights are trained, with all adapters merged; else the top adapter */
};
/* *trained = numbers that are trained. Fails when an adapter does not fit the model. */
int plan_train_next(struct plan *p, const struct model *m, const struct plan_next *next,
                    size_t rows, size_t labelled, size_t context, uint64_t *trained,
                    struct vac_err *err);
#endif
