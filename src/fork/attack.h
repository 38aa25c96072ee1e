/* attack.h - what a user's fine-tuning would do to the weights that a run has at a step: a fork on which the
 * run's attack stage follows at once.
 *
 * The attack is a run in the parent's folder attacks/ (or anywhere), whose beginning holds no history: the
 * stages before lie beneath it as stages/NAME, the one that was at work as its checkpoint has it. What it came
 * to is a line of attacks.jsonl in the parent's folder, whose other files stay as they are; it is written
 * when the attack ends, whoever went on with it. */
#ifndef FORK_ATTACK_H
#define FORK_ATTACK_H

#include "fork/fork.h"

/* Name of the stage that attacks: `wanted`, or (NULL) the first one after the first stage whose rows are
 * harmful in part; borrowed from the config. NULL and err: there is none. */
const char *attack_stage(const cJSON *config, const char *dir, const char *wanted,
                         struct vac_err *err);
/* Makes a fork that was opened an attack by that stage of its. */
int attack_make(struct fork *f, const char *stage, struct vac_err *err);
/* A free name in the parent's folder: "DIR/attacks/at-STEP", "...-2". Free it. */
char *attack_name(const char *dir, uint64_t step, struct vac_err *err);

struct attack_score {
    struct vac_eval e; /* as it ended */
    double before;     /* as it began; NaN = not measured */
    bool judged;       /* of a judge: it can break */
    struct vac_span
        broke; /* the step at which it passed one half, and where the ends of its intervals
                              did: NaN = not within the attack; value NaN = it did not */
};
struct attack_result {
    char stage[VAC_NAME],
        dir[VAC_PATH],            /* the attacking stage; its run, relative to the parent's */
        data[VAC_PATH];           /* harmful rows that are not the parent's; "" = those are */
    int64_t step, steps, samples; /* of the parent; of the attack; 0 = all rows */
    double ratio, lr;             /* NaN = not set */
    double harmful_loss, drift;   /* as it ended; NaN = not measured */
    struct attack_score score[VAC_MAX_EVALS];
    int n_scores;
};
/* Where the run in `dir`, which has ended and has that run.json, is an attack: what it came to is appended to
 * attacks.jsonl of its parent, which is where it was or the folder that holds it; another one is not told. */
int attack_tell(const char *dir, const cJSON *config, struct vac_err *err);
/* All that were kept, by step; the array to free(). */
int attack_list(const char *run, struct attack_result **out, size_t *n, struct vac_err *err);
#endif
