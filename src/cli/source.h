/* source.h - the model that a command is about, and what computes it. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "cli/options.h"
#include "compute/compute.h"
#include "data/template.h"
#include "model/model.h"
#include "rig/as_model.h"
#include "token/tokenizer.h"

/* A backend that computes right numbers: products are checked first. */
struct compute *cli_compute_open(const struct cli_common *o, struct vac_err *err);

/* A model by folder, by its name in the Hugging Face cache, or by a run's folder (rig/as_model.h), with
 * the adapters of the options. */
struct cli_model {
    char *dir;                       /* of config.json and what lies beside it */
    char *tokenizer;                 /* folder of the tokenizer's files */
    const char *template_name;       /* the run's; NULL = none */
    const struct template_row *tmpl; /* that was chosen */
    int64_t max_length;              /* the run's; 0 = none */
    struct run_model run;            /* of a run; else zeroed */
    struct compute *c;
    struct model *m;
    char **adapter; /* those that were put on it, in order */
    size_t n_adapter;
};
int cli_model_open(struct cli_model *x, const char *name, const struct cli_common *o,
                   struct vac_err *err);
/* The same with x->c given. */
int cli_model_load(struct cli_model *x, const char *name, const struct cli_list *adapter,
                   struct vac_err *err);
/* Its files without the model: dir, tokenizer and what a run says. */
int cli_model_find(struct cli_model *x, const char *name, struct vac_err *err);
void cli_model_close(struct cli_model *x);

/* The template that the name means; without one (NULL) the run's, else the model's own chat template,
 * or plain if it has none. `today` is for chat templates: NULL = the run's, or now. Kept in x->tmpl, and
 * closed with it. */
const struct template_row *cli_choose_template(const char *name, struct cli_model *x,
                                               struct tokenizer *tok, const char *today,
                                               struct vac_err *err);
#endif
