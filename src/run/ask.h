/* ask.h - what somebody asks of a run: probes, also while a step is made; between two steps pages of samples, points
 * for the map.
 *
 * A probe has its own cache, its own random stream and no dropout: asking changes nothing of the
 * run. */
#ifndef RUN_ASK_H
#define RUN_ASK_H

#include "run/book.h"

/* A question: zeroed, then the first four filled in. ask_done afterwards. */
struct ask {
    const char *said;          /* by the user, as it is shown, judged and told apart */
    const char *template_name; /* "" or NULL = the run's */
    const struct ids *prompt;  /* all that the model reads */
    struct generate_options how;
    struct ids ids;
    struct strbuf text;
    enum verdict verdict;
    double *projection; /* [n_projection] along the refusal direction, by layer; NULL = not known */
    size_t n_projection;
    int64_t step, stage_step; /* whose weights answer */
    struct vac_probe told;    /* borrows from the others */
};
/* Asks n of them, as many at once as the stage's generator has slots; p_refuse is the sum of the
 * probabilities of the tokens that refusals begin with. `piece` may be NULL, and ends them all. */
int ask_questions(const struct rig *rig, struct stage *st, struct ask *a, size_t n,
                  generate_visit *piece, void *ctx, struct vac_err *err);
/* Reads and rates what was answered. */
int ask_rate(const struct rig *rig, struct stage *st, struct ask *a, size_t n, struct vac_err *err);
/* Fills in those of a question that borrows from `q`. */
void ask_again(const struct recalled *q, struct ask *a);
/* Its line of probes.jsonl; told's texts are the event's from then on. */
int ask_write(struct book *book, const struct stage *st, struct ask *a, const char *who,
              struct vac_event *e, struct vac_err *err);
void ask_done(struct ask *a);

/* --- a probe that somebody asks --- */
/* It is answered a token at a time, so that a step can go on meanwhile. The weights that answer are those of the last
 * step that was finished when it was asked, and nothing is copied for it as long as they stay: a step moves them at
 * its end. A thread of its own would have to share two cores, the products and the judges with the step, and would
 * need the copy at once. */
struct asking;
/* All that is given is borrowed. */
struct asking *asking_new(struct rig *rig, struct stage *st, struct book *book,
                          const struct control_command *c, struct vac_err *err);
/* A token more, or with the first one all of the prompt; behind the last one the answer is judged, shown and written.
 * 1 = there is more to come. */
int asking_go_on(struct asking *p, struct vac_err *err);
/* The weights are about to change: those that are asked are put aside. False: there is no room. */
bool asking_stay(struct asking *p);
void asking_free(struct asking *p);

/* --- commands --- */
/* The same from its beginning to its end, between two steps. */
int ask_probe(struct rig *rig, struct stage *st, struct book *book, const struct control_command *c,
              struct vac_err *err);
int ask_samples(const struct rig *rig, const struct stage *st, struct steer *steer,
                const struct control_command *c, struct vac_err *err);
int ask_map(const struct rig *rig, const struct stage *st, struct steer *steer,
            const struct control_command *c, struct vac_err *err);
#endif
