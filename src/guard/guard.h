/* guard.h - the guards of a run at work: they are fed with what was measured, and say which of them trip.
 *
 * Nothing is measured for them, and they change nothing: what is done about one that trips is its caller's.
 * A guard trips once, when what it watches for has come so often in a row, and again only after it has been
 * well in between. The last checkpoint at which every guard that watches had been seen to be well is kept in
 * mind, and who removes old ones spares it. */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include <vaccine/vaccine.h>
#include "base/json_out.h"
#include "spec/spec.h"

struct guard {
    int64_t number;         /* as it is named; 0 = where the run pauses next */
    struct guard_spec spec; /* owned where it is `own` */
    bool own;               /* given while the run goes on, not by its file */
    bool tripped, due;      /* due: what it is for is still to be done; */
    bool told;              /* ... but that it tripped was told */
    int64_t backs;          /* how often the run went back for it, in this program */
    int64_t looks, in_a_row;
    int64_t fine; /* last step at which it was well; -1 = never seen */
    size_t stage; /* at which it looked last: what follows is of that */
    double average, lowest;
    int64_t averaged, lowest_step;
    char stands[sizeof((struct vac_guard *)0)->stands];
};
/* What a guard can see of the run that it is for. */
struct guard_sight {
    size_t layers;
    size_t size[VAC_MAX_EVALS]; /* prompts of each entry of "evaluate" */
};
struct guards {
    const struct run_spec *spec;
    struct guard_sight sight;
    struct guard v[VAC_MAX_GUARDS + 1];
    size_t n;
    int64_t healthy, candidate; /* steps of checkpoints; -1 = none */
    size_t slow_stage;          /* it is still to come, and its learning rate is then halved */
    int64_t slow_by;            /* ... so often; 0 = no stage's is */
};
/* With those of the run file, which is borrowed. */
int guards_open(struct guards *g, const struct run_spec *s, const struct guard_sight *sight,
                struct vac_err *err);
void guards_done(struct guards *g);
/* One as it is typed; *number = its. */
int guards_add(struct guards *g, const char *text, int64_t *number, struct vac_err *err);
/* A condition that the run pauses at, once, in the place of another; NULL = none any more. */
int guards_go_until(struct guards *g, const char *text, struct vac_err *err);
struct guard *guards_find(struct guards *g, int64_t number); /* NULL = there is none */
/* Moves it out, for the caller to give back or to free; false = there is none. */
bool guards_take(struct guards *g, int64_t number, struct guard *out);
int guards_give(struct guards *g, const struct guard *one, struct vac_err *err);
void guards_remove(struct guards *g, int64_t number);
/* "HS > 20 %: pause" */
void guards_text(struct strbuf *out, const struct guards *g, const struct guard *one);

/* --- what happens; `stage` is the one at work --- */
void guards_step(struct guards *g, size_t stage, const struct vac_point *p,
                 const struct vac_layers *l);
void guards_score(struct guards *g, size_t stage, size_t entry, const struct vac_eval *e);
/* The fixed probes were asked: `said` was refused and is answered now; NULL = none was. */
void guards_probe(struct guards *g, size_t stage, int64_t step, const char *said);
void guards_fault(struct guards *g, size_t stage, int64_t step);
void guards_idle(struct guards *g, size_t stage, int64_t step, double seconds);
/* Such a step is not there yet: a guard trips that will when it comes; the next that has, and was not told,
 * is returned, NULL = none. */
struct guard *guards_hang(struct guards *g, size_t stage, double seconds);
bool guards_for_idle(const struct guards *g); /* whether there are guards of that kind */
/* A checkpoint of that step stands. */
void guards_saved(struct guards *g, int64_t step);
/* The next one that trips; NULL = none does. */
struct guard *guards_next(struct guards *g);
/* As a person or a notice is told: "guard 1: HS > 20 %: 36 % [21, 53] at look 3", "until step >= 4: 4". */
void guards_reason(struct strbuf *out, const struct guards *g, const struct guard *one);
/* Into a snapshot. */
void guards_show(const struct guards *g, struct vac_snapshot *s);

/* --- in a checkpoint --- */
/* One, also one that was taken away; what was read is the caller's to give or to free, also after an error. */
void guard_put(struct json_out *o, const char *key, const struct guards *g,
               const struct guard *one);
int guard_read(struct guard *one, const struct guards *g, const struct jnode *n,
               struct vac_err *err);
void guards_put(struct json_out *o, const struct guards *g); /* a member "guards"; none = nothing */
/* In the place of those there are; without the member those of the run file stay. */
int guards_read(struct guards *g, const struct jnode *state, struct vac_err *err);
#endif
