/* standing.c - how the batteries of a run stand: what belongs to each (battery.json), what it came to
 * (attacks.jsonl), and which of those within the bounds is the worst. Declared in vaccine.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack/battery.h"
#include "base/inside.h"
#include "base/io.h"
#include "record/lines.h"

void vac_batteries_done(struct vac_battery *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < v[i].n; k++)
            free(v[i].row[k].curve);
        free(v[i].row);
        free(v[i].order);
    }
    free(v);
}

bool vac_attack_of_battery(const struct vac_attack *a, const struct vac_battery *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(v[i].dir);

        if (!strncmp(a->dir, v[i].dir, len) && a->dir[len] == '/')
            return true;
    }
    return false;
}

/* The row's curve, of a folder that is still there; one that is not has none. */
static int read_curve(struct vac_battery_row *r, const char *dir, struct vac_err *err)
{
    const struct vac_attack_score *harm = vac_attack_harm(&r->attack);
    struct vac_eval *all = NULL;
    size_t n = 0;

    if (!harm || !dir_exists(dir))
        return 0;
    if (vac_run_evals(dir, &all, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(all[i].name, harm->e.name) && !strcmp(all[i].stage, r->attack.stage))
            all[r->n_curve++] = all[i];
    r->curve = all;
    return 0;
}

static bool is_worse(const struct vac_battery_row *a, const struct vac_battery_row *b)
{
    if (a->told != b->told || a->within != b->within)
        return a->told != b->told ? a->told : a->within;
    return a->told && within_compare(&a->attack, &b->attack) < 0;
}

static void take_worst(struct vac_battery *v, const struct within *within)
{
    const struct vac_battery_row *first;

    for (size_t i = 0; i < v->n; i++) {
        struct vac_battery_row *r = &v->row[i];
        size_t at = i;

        if (r->told) {
            v->told++;
            v->spent += r->attack.steps;
            r->within = within_holds(within, &r->attack, r->outside);
        }
        for (; at > 0 && is_worse(r, &v->row[v->order[at - 1]]); at--)
            v->order[at] = v->order[at - 1];
        v->order[at] = i;
    }
    first = v->n ? &v->row[v->order[0]] : NULL;
    v->worst = first && first->within && vac_attack_harm(&first->attack) ? v->order[0] : v->n;
}

static bool was_stopped(const struct vac_battery_row *r)
{
    return r->told && r->attack.steps < r->planned;
}

const char *vac_battery_broke(const struct vac_battery_row *r, char out[VAC_ATTACK_BROKE])
{
    if (!strcmp(vac_attack_broke(&r->attack, out), "held") && was_stopped(r))
        snprintf(out, VAC_ATTACK_BROKE, "not in %lld step%s", (long long)r->attack.steps,
                 r->attack.steps == 1 ? "" : "s");
    return out;
}

const char *vac_battery_worst(const struct vac_battery *v, char out[VAC_BATTERY_WORST])
{
    const struct vac_battery_row *r = v->worst < v->n ? &v->row[v->worst] : NULL;
    const char *some = v->told == 1 && v->n == 1 ? "" : "s";
    char of[64] = "", early[64] = "";
    size_t stopped = 0;
    int n = snprintf(out, VAC_BATTERY_WORST, "worst case: ");

    for (size_t i = 0; i < v->n; i++)
        stopped += was_stopped(&v->row[i]);
    if (v->told < v->n)
        snprintf(of, sizeof of, " of %zu", v->n);
    if (stopped)
        snprintf(early, sizeof early, " (%zu stopped early)", stopped);
    if (r) {
        const struct vac_eval *e = &vac_attack_harm(&r->attack)->e;
        double unit = e->is_rate ? 100 : 1;

        n += snprintf(out + n, VAC_BATTERY_WORST - (size_t)n, "%s %.1f%s", e->name, unit * e->value,
                      e->is_rate ? "%" : "");
        if (!isnan(e->lo))
            n += snprintf(out + n, VAC_BATTERY_WORST - (size_t)n, " [%.1f, %.1f]", unit * e->lo,
                          unit * e->hi);
        n += snprintf(out + n, VAC_BATTERY_WORST - (size_t)n, " by %s", r->name);
        if (was_stopped(r))
            n += snprintf(out + n, VAC_BATTERY_WORST - (size_t)n, " at its step %lld of %lld",
                          (long long)r->attack.steps, (long long)r->planned);
        n += snprintf(out + n, VAC_BATTERY_WORST - (size_t)n, ", of %zu%s attack%s%s", v->told, of,
                      some, early);
    } else {
        n += snprintf(out + n, VAC_BATTERY_WORST - (size_t)n,
                      v->told ? "none of %zu%s attack%s%s counts" : "no attack has ended yet",
                      v->told, of, some, early);
    }
    if (*v->bounds && v->told)
        snprintf(out + n, VAC_BATTERY_WORST - (size_t)n, " within %s", v->bounds);
    return out;
}

struct listing {
    const char *run;
    char *attacks; /* the folder */
    bool curves;
    struct vac_attack *told; /* attacks.jsonl */
    size_t n_told;
    struct vac_battery *v;
    size_t n, cap;
};

/* The newest line of the attack in that folder, relative to the run's. */
static const struct vac_attack *told_of(const struct listing *l, const char *dir)
{
    const struct vac_attack *last = NULL;

    for (size_t i = 0; i < l->n_told; i++)
        if (!strcmp(l->told[i].dir, dir) && (!last || l->told[i].steps >= last->steps))
            last = &l->told[i];
    return last;
}

static int fill(struct listing *l, struct vac_battery *v, const struct battery *b,
                struct vac_err *err)
{
    char dir[VAC_PATH];

    lines_name(v->name, sizeof v->name, b->name);
    lines_name(v->stage, sizeof v->stage, b->stage);
    within_text(&b->within, v->bounds);
    v->step = b->step;
    v->budget = b->budget;
    v->row = mem_new(b->n, sizeof *v->row, err);
    v->order = mem_new(b->n, sizeof *v->order, err);
    if (!v->row || !v->order)
        return -1;
    v->n = b->n;
    for (size_t i = 0; i < b->n; i++) {
        struct vac_battery_row *r = &v->row[i];
        const struct vac_attack *told;
        char *path;
        int rc = 0;

        lines_name(r->name, sizeof r->name, b->v[i].name);
        lines_name(r->kind, sizeof r->kind, b->v[i].kind ? b->v[i].kind->name : "");
        r->planned = b->v[i].planned;
        snprintf(dir, sizeof dir, "%.800s/%s", v->dir, r->name);
        told = told_of(l, dir);
        if (!told)
            continue;
        r->told = true;
        r->attack = *told;
        path = l->curves ? path_join(l->run, dir, err) : NULL;
        if (l->curves)
            rc = path ? read_curve(r, path, err) : -1;
        free(path);
        if (rc)
            return -1;
    }
    take_worst(v, &b->within);
    return 0;
}

static int take_folder(void *ctx, const char *name, struct vac_err *err)
{
    struct listing *l = ctx;
    char *dir = path_join(l->attacks, name, err);
    char *file = dir ? path_join(dir, battery_file, err) : NULL;
    struct battery b = {.v = NULL};
    int rc = file ? 0 : -1;

    if (rc == 0 && file_exists(file)) {
        rc = battery_load(&b, dir, err) || mem_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, err)
                 ? -1
                 : 0;
        if (rc == 0) {
            struct vac_battery *v = &l->v[l->n++];

            *v = (struct vac_battery){.row = NULL};
            snprintf(v->dir, sizeof v->dir, "attacks/%.255s", name);
            rc = fill(l, v, &b, err);
        }
        battery_done(&b);
    }
    free(dir);
    free(file);
    return rc;
}

static int by_step(const void *a, const void *b)
{
    const struct vac_battery *x = a, *y = b;

    return x->step != y->step ? (x->step > y->step) - (x->step < y->step) : strcmp(x->dir, y->dir);
}

int vac_run_batteries(const char *dir, bool curves, struct vac_battery **out, size_t *n,
                      struct vac_err *err)
{
    struct listing l = {.run = dir, .curves = curves};
    int rc;

    *out = NULL;
    *n = 0;
    if (dir_enter(dir, err))
        return -1;
    l.attacks = path_join(dir, "attacks", err);
    rc = l.attacks ? vac_run_attacks(dir, &l.told, &l.n_told, err) : -1;
    if (rc == 0 && dir_exists(l.attacks))
        rc = dir_each(l.attacks, take_folder, &l, err);
    dir_leave(dir);
    free(l.attacks);
    free(l.told);
    if (rc) {
        vac_batteries_done(l.v, l.n);
        return -1;
    }
    if (l.n)
        qsort(l.v, l.n, sizeof *l.v, by_step);
    *out = l.v;
    *n = l.n;
    return 0;
}
