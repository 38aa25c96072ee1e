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
/* Whether stage `stage` of the run in `dir` can attack its weights of a step beneath which the first `beneath` stages
 * lie: it is none of those. *at is its number. */
int attack_place(const cJSON *stages, const char *dir, const char *stage, size_t beneath,
                 uint64_t step, size_t *at, struct vac_err *err);
/* Makes a fork that was opened an attack by that stage of its; `name` tells it from others, NULL = it has none. */
int attack_make(struct fork *f, const char *stage, const char *name, struct vac_err *err);
/* A free name in the parent's folder: "DIR/attacks/at-STEP", "...-2". Free it. */
char *attack_name(const char *dir, uint64_t step, struct vac_err *err);

/* Whether the attack in `dir` attacks the weights that the run's checkpoint of that step holds now; a run that went
 * back may have made others. */
bool attack_is_of(const char *dir, const char *run, int64_t step);

/* Bytes of what is kept of attacks on the run in `dir`; 0 = nothing is. */
int attack_kept(const char *dir, int64_t *size, struct vac_err *err);

/* The scores of the run in `dir` within that stage, up to a step of it; nothing else of `out` is set. */
int attack_scores(const char *dir, const char *stage, int64_t upto, struct vac_attack *out,
                  struct vac_err *err);

/* Where the run in `dir`, which is not at work and has that run.json, is an attack: what it has come to is appended
 * to attacks.jsonl of its parent, which is where it was or a folder that holds it; one that is neither is an error. */
int attack_tell(const char *dir, const cJSON *config, struct vac_err *err);
#endif
