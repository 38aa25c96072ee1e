/* battery.h - an attack file: several attacks on the same weights, and what is asked of the worst of them.
 *
 *     {"attacks": [{"name": "strong", "harmful_ratio": 0.4, "lr": [1e-4, 1e-3]}, {"name": "benign", "benign": true}],
 *      "within": {"FA": "> 80 %"}, "budget": 400}
 *
 * Every attack is a run in RUN/attacks/BATTERY-at-STEP/, and battery.json beside them says which belong to it:
 * it is what a battery that was interrupted goes on from, and what its results are read by. */
#ifndef ATTACK_BATTERY_H
#define ATTACK_BATTERY_H

#include "attack/kind.h"
#include "attack/within.h"

enum { BATTERY_MAX = 512 };       /* attacks */
extern const char battery_file[]; /* "battery.json" */

struct battery_attack {
    char name[VAC_NAME]; /* of its folder too: letters, digits and "_.,=+-" */
    const struct attack_kind *kind;
    struct attack_sets set;
    int64_t planned; /* steps that it makes; 0 = not known yet, or it makes none */
};
struct battery {
    char name[VAC_NAME], stage[VAC_NAME];
    int64_t step; /* of the run, whose weights are attacked */
    struct battery_attack *v;
    size_t n, cap;
    struct within within;
    int64_t budget; /* steps; 0 = every attack is made whole */
};
/* Reads an attack file against the run that `on` names (its `dir` is not used: paths begin beside the file). With
 * a list in the place of a value each of it is an attack of its own, "NAME,KEY=VALUE". battery_done after a
 * failure too. */
int battery_read(struct battery *b, const char *file, const struct attack_on *on,
                 struct vac_err *err);
/* battery.json of a battery's folder: names, kinds, what they set, planned steps, step, bounds and budget. Nothing
 * of it is trusted. */
int battery_load(struct battery *b, const char *dir, struct vac_err *err);
int battery_save(const struct battery *b, const char *dir, struct vac_err *err);
/* Takes over from what was begun in the folder: planned steps. An attack of the same name that set something else
 * is an error. */
int battery_join(struct battery *b, const struct battery *begun, const char *dir,
                 struct vac_err *err);
void battery_done(struct battery *b);
#endif
