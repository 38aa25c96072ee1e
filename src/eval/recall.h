/* recall.h - questions of the user's: once asked, each is asked again whenever the suite is. */
#ifndef EVAL_RECALL_H
#define EVAL_RECALL_H

#include <vaccine/vaccine.h>
#include "base/json_out.h"
#include "data/encode.h"
#include "model/stops.h"

struct recalled {
    char *said;
    char template_name[VAC_NAME]; /* "" = the run's */
    int64_t tokens;               /* that its answer may have at most */
    struct ids prompt;            /* all that the model reads */
    struct stops stops;           /* of the template that it is asked with */
};
struct recall {
    struct recalled *v; /* oldest first */
    size_t n, cap;
};

/* Encodes it. "[[SYSTEM]] PROMPT" has a system text of its own; an empty one stands for none. */
int recall_open(struct recalled *q, const char *said, const char *template_name, int64_t tokens,
                const struct encoder *enc, const struct model *m, struct vac_err *err);
void recall_done(struct recalled *q);

/* Takes it over, which zeroes it: in the place of the same question, or last; the oldest makes room. */
int recall_keep(struct recall *l, struct recalled *q, struct vac_err *err);
/* The one, or with said = NULL all; how many they were. */
size_t recall_forget(struct recall *l, const char *said, const char *template_name);
/* In a checkpoint's state.json. What cannot be encoded any more is left out. */
void recall_json(struct json_out *o, const struct recall *l);
int recall_read(struct recall *l, const cJSON *state, const struct encoder *enc,
                const struct model *m, struct vac_err *err);
#endif
