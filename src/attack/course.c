/* course.c - a battery on its course: forks first, one after the other, then what is to be run, round by round.
 * Declared in vaccine.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack/battery.h"
#include "attack/halving.h"
#include "attack/rank.h"
#include "base/io.h"
#include "fork/attack.h"
#include "proof/chain.h"
#include "record/config.h"
#include "record/folder.h"

struct vac_course {
    struct vac_battery_want want; /* while it is opened */
    char *run, *dir;              /* the run's folder, and that of its attacks */
    struct battery b;
    int64_t *planned; /* [b.n] */
    struct halving h;
    bool *made;    /* [b.n]: its fork was made by us, */
    size_t forked; /* as far as we have come with that */
    bool fresh;    /* so was the folder of all */
    bool round;    /* there is one */
    size_t next;   /* attack of it */
};

/* Writes battery.json, or removes all, between the links of it in the chain of the attacked run. */
static int put_file(const struct vac_course *c, bool save, struct vac_err *err)
{
    struct strbuf name = {0};
    int rc;

    sb_printf(&name, "attacks/%s/%s", path_base(c->dir), battery_file);
    rc = sb_ok(&name, err) || chain_writes(c->run, name.s, err) ||
                 (save ? battery_save(&c->b, c->dir, err) : path_remove(c->dir, err)) ||
                 chain_wrote(c->run, name.s, err)
             ? -1
             : 0;
    sb_done(&name);
    return rc;
}

static char *folder_of(const struct vac_course *c, size_t i, struct vac_err *err)
{
    return path_join(c->dir, c->b.v[i].name, err);
}

/* What is wanted beside the file, or in its place. */
static int take_wants(struct vac_course *c, const cJSON *config, struct vac_err *err)
{
    const struct vac_battery_want *w = &c->want;
    struct battery *b = &c->b;

    if (w->n_bound)
        b->within.n = 0;
    for (size_t i = 0; i < w->n_bound; i++)
        if (within_take(&b->within, w->bound[i], err))
            return err_prefix(err, "bound '%.80s'", w->bound[i]);
    if (within_check(&b->within, config, b->stage, err))
        return err_prefix(err, "%s", w->n_bound ? "bound" : w->file);
    if (w->budget)
        b->budget = w->budget;
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < w->n_set; k++) {
            struct strbuf text = {0};

            sb_puts(&text, w->set[k]);
            if (attack_sets_put(&b->v[i].set, &text, err))
                return -1;
        }
    return 0;
}

/* dir NULL: all is checked, and nothing is made. */
static int make_fork(struct vac_course *c, size_t i, const char *dir, struct vac_fork *out,
                     struct vac_err *err)
{
    struct battery_attack *a = &c->b.v[i];

    *out = (struct vac_fork){.run = c->run,
                             .at = c->want.at,
                             .out = dir,
                             .set = (const char *const *)a->set.v,
                             .n_set = a->set.n,
                             .who = c->want.who,
                             .attack = c->b.stage,
                             .name = a->name,
                             .dry = !dir};
    return vac_fork(out, err) ? err_prefix(err, "%s: %s", c->want.file, a->name) : 0;
}

/* Nothing has begun: what was made for it goes again. */
static void unmake(struct vac_course *c)
{
    for (size_t i = 0; i < c->forked; i++) {
        char *dir = c->made[i] ? folder_of(c, i, NULL) : NULL;

        if (dir)
            path_remove(dir, NULL);
        free(dir);
    }
    if (c->fresh && put_file(c, false, NULL))
        path_remove(c->dir, NULL);
}

/* One fork; behind the last one it is written down how many steps each will make. */
static int make_next(struct vac_course *c, struct vac_err *err)
{
    size_t i = c->forked++;
    char *dir = folder_of(c, i, err);
    struct vac_fork fork;
    int rc = dir ? 0 : -1;

    if (rc == 0 && path_missing(dir)) {
        rc = make_fork(c, i, dir, &fork, err);
        c->made[i] = rc == 0;
        if (rc == 0 && fork.step != c->b.step)
            rc = err_set(err, VAC_ERR_USAGE,
                         "%s: has saved step %lld meanwhile: name the step that is meant", c->run,
                         (long long)fork.step);
        c->b.v[i].planned = fork.steps;
    } else if (rc == 0 && c->b.v[i].planned == 0) { /* it was killed before it wrote that down */
        rc = make_fork(c, i, NULL, &fork, err);
        c->b.v[i].planned = fork.steps;
    }
    free(dir);
    c->planned[i] = c->b.v[i].planned;
    if (rc == 0 && c->forked == c->b.n)
        rc = halving_open(&c->h, c->planned, c->b.n, c->b.budget, err) || put_file(c, true, err)
                 ? -1
                 : 0;
    if (rc)
        unmake(c);
    return rc;
}

/* The folder that is called so: of what was begun on the weights that the step has now, or a free name. */
static int find_folder(struct vac_course *c, const char *attacks, struct vac_err *err)
{
    char name[VAC_NAME + 48];
    bool others = true;

    for (int k = 1; others; k++) {
        int n = snprintf(name, sizeof name, "%s-at-%lld", c->b.name, (long long)c->b.step);

        if (k > 1)
            snprintf(name + n, sizeof name - (size_t)n, "-%d", k);
        free(c->dir);
        others = false;
        if (!(c->dir = path_join(attacks, name, err)))
            return -1;
        for (size_t i = 0; !others && i < c->b.n; i++) {
            char *dir = folder_of(c, i, err);

            if (!dir)
                return -1;
            others = !path_missing(dir) && !attack_is_of(dir, c->run, c->b.step);
            free(dir);
        }
    }
    return 0;
}

/* Finds what was begun, and writes down what there is now. */
static int join(struct vac_course *c, struct vac_err *err)
{
    struct vac_fork first;
    struct battery begun = {.v = NULL};
    char *attacks = NULL, *file = NULL;
    int rc = -1;

    if (make_fork(c, 0, NULL, &first, err))
        return -1;
    c->b.step = first.step;
    if (!(attacks = path_join(c->run, "attacks", err)) || find_folder(c, attacks, err) ||
        !(file = path_join(c->dir, battery_file, err)))
        goto out;
    c->fresh = !file_exists(file);
    if (c->fresh)
        rc = dirs_make(c->dir, err) || put_file(c, true, err) ? -1 : 0;
    else
        rc = battery_load(&begun, c->dir, err) || battery_join(&c->b, &begun, c->dir, err) ? -1 : 0;
out:
    battery_done(&begun);
    free(attacks);
    free(file);
    return rc;
}

int vac_course_open(struct vac_course **out, const struct vac_battery_want *w, struct vac_err *err)
{
    struct vac_course *c = mem_new(1, sizeof *c, err);
    cJSON *config = c ? run_config(w->run, err) : NULL;
    struct attack_on on = {.config = config};
    int rc = -1;

    *out = NULL;
    if (config && (c->run = mem_strdup(w->run, err)) &&
        (on.stage = attack_stage(config, w->run, w->stage, err))) {
        c->want = *w;
        rc = battery_read(&c->b, w->file, &on, err) || take_wants(c, config, err) ? -1 : 0;
    }
    if (rc == 0) {
        c->planned = mem_new(c->b.n, sizeof *c->planned, err);
        c->made = mem_new(c->b.n, sizeof *c->made, err);
        rc = c->planned && c->made ? join(c, err) : -1;
    }
    cJSON_Delete(config);
    if (rc)
        vac_course_close(c);
    else
        *out = c;
    return rc;
}

/* Steps that the attack in that folder has made and saved. */
static int steps_made(const struct vac_course *c, size_t i, const char *dir, int64_t *made,
                      struct vac_err *err)
{
    bool finished;
    int64_t step = -1;

    if (folder_finished(dir, &finished, err) || (!finished && vac_run_checkpoint(dir, &step, err)))
        return -1;
    *made = finished ? c->planned[i] : step < c->b.step ? 0 : step - c->b.step;
    return 0;
}

/* What is not kept yet: of attacks that were stopped, and of those whose end nobody was told. */
static int keep_results(struct vac_course *c, struct vac_err *err)
{
    struct vac_attack *told = NULL;
    char own[2 * VAC_NAME + 64];
    size_t n = 0;
    int rc = vac_run_attacks(c->run, &told, &n, err);

    for (size_t i = 0; rc == 0 && i < c->b.n; i++) {
        char *dir = folder_of(c, i, err);
        cJSON *config = dir ? run_config(dir, err) : NULL;
        int64_t made = 0;
        bool known = false;

        snprintf(own, sizeof own, "attacks/%s/%s", path_base(c->dir), c->b.v[i].name);
        rc = config ? steps_made(c, i, dir, &made, err) : -1;
        for (size_t k = 0; rc == 0 && k < n; k++)
            known |= told[k].steps == made && !strcmp(told[k].dir, own);
        if (rc == 0 && !known && made > 0)
            rc = attack_tell(dir, config, err);
        cJSON_Delete(config);
        free(dir);
    }
    free(told);
    return rc;
}

/* The weaker half of a round's is left; behind the last one what is left of the budget is given out. */
static int end_round(struct vac_course *c, struct vac_err *err)
{
    size_t *order;
    int rc;

    if (!halving_goes_on(&c->h))
        return 0;
    order = mem_new(c->b.n, sizeof *order, err);
    rc = order ? battery_rank(&c->b, c->dir, c->h.target, order, err) : -1;
    if (rc == 0)
        halving_cut(&c->h, order);
    free(order);
    return rc;
}

/* All attacks are made before the first begins, so that what is wrong with one is told before. */
int vac_course_next(struct vac_course *c, struct vac_leg *out, struct vac_err *err)
{
    if (c->forked < c->b.n) {
        *out = (struct vac_leg){.number = c->forked + 1, .of = c->b.n};
        snprintf(out->name, sizeof out->name, "%s", c->b.v[c->forked].name);
        return make_next(c, err) ? -1 : 2;
    }
    for (;;) {
        if (!c->round && !halving_next(&c->h))
            return keep_results(c, err);
        for (c->round = true; c->next < c->b.n;) {
            size_t i = c->next++;
            int64_t made = 0, target = c->h.target[i];
            char *dir = c->h.in[i] ? folder_of(c, i, err) : NULL;

            if (!c->h.in[i])
                continue;
            if (!dir || steps_made(c, i, dir, &made, err)) {
                free(dir);
                return -1;
            }
            *out = (struct vac_leg){.upto = target < c->planned[i] ? c->b.step + target : 0,
                                    .number = i + 1,
                                    .of = c->b.n};
            snprintf(out->dir, sizeof out->dir, "%s", dir);
            snprintf(out->name, sizeof out->name, "%s", c->b.v[i].name);
            free(dir);
            if (made < target)
                return 1;
        }
        if (end_round(c, err))
            return -1;
        c->round = false;
        c->next = 0;
    }
}

const char *vac_course_folder(const struct vac_course *c)
{
    return path_base(c->dir);
}

void vac_course_close(struct vac_course *c)
{
    if (!c)
        return;
    battery_done(&c->b);
    halving_close(&c->h);
    free(c->planned);
    free(c->made);
    free(c->run);
    free(c->dir);
    free(c);
}
