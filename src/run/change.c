/* change.c - see change.h */
#include "run/change.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fork/broke.h"
#include "guard/value.h"
#include "run/book.h"
#include "run/options.h"
#include "run/trainer.h"
#include "spec/spec_guard.h"
#include "spec/spec_tables.h"

static void change_done(struct change *c)
{
    free(c->value);
    if (c->held.own)
        guard_spec_done(&c->held.spec);
}

static void cut_to(struct changes *u, size_t n)
{
    while (u->n > n)
        change_done(&u->v[--u->n]);
}

void changes_done(struct changes *u)
{
    cut_to(u, 0);
    u->at = 0;
}

static struct change *push(struct changes *u)
{
    cut_to(u, u->at);
    if (u->n == CHANGES_MOST) {
        change_done(&u->v[0]);
        memmove(u->v, u->v + 1, (CHANGES_MOST - 1) * sizeof *u->v);
        u->n--;
    }
    u->at = u->n + 1;
    u->v[u->n] = (struct change){0};
    return &u->v[u->n++];
}

int change_option(struct trainer *t, const char *who, const char *key, const char *text,
                  struct vac_err *err)
{
    struct strbuf old = {0};
    struct change *c;

    if (options_value(&t->st, key, &old, err) ||
        options_change(&t->book, &t->st, who, key, text, err)) {
        sb_done(&old);
        return -1;
    }
    c = push(&t->changes);
    c->stage = t->st.index;
    c->value = old.s ? old.s : mem_strdup("", NULL);
    snprintf(c->key, sizeof c->key, "%s", key);
    return 0;
}

static int tell_guard(struct trainer *t, const char *who, const struct guard *g, bool given,
                      struct vac_err *err)
{
    struct strbuf text = {0};
    char number[24];
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->at.step,
                              .who = who,
                              .verb = JOURNAL_GUARD,
                              .key = number,
                              .status = given ? "given" : "taken away"};
    int rc;

    guards_text(&text, &t->guards, g);
    snprintf(number, sizeof number, "%lld", (long long)g->number);
    e.value = text.s;
    rc = sb_ok(&text, err);
    if (rc == 0)
        book_tell(&t->book, &e);
    sb_done(&text);
    return rc;
}

static int toggle_guard(struct trainer *t, const char *who, int64_t number, struct guard *held,
                        struct vac_err *err)
{
    if (guards_take(&t->guards, number, held))
        return tell_guard(t, who, held, false, err);
    if (held->number != number)
        return err_set(err, VAC_ERR_USAGE, "guard %lld is not there any more", (long long)number);
    if (guards_give(&t->guards, held, err))
        return -1;
    *held = (struct guard){0};
    return tell_guard(t, who, guards_find(&t->guards, number), true, err);
}

static int give_guard(struct trainer *t, const char *who, const char *text, int64_t *number,
                      struct vac_err *err)
{
    if (guards_add(&t->guards, text, number, err))
        return -1;
    if (!strncmp(who, "socket", 6) && guards_find(&t->guards, *number)->spec.action == GUARD_RUN) {
        guards_remove(&t->guards, *number);
        return err_set(err, VAC_ERR_USAGE,
                       "a guard that runs a command is given in the run file or on the screen");
    }
    return tell_guard(t, who, guards_find(&t->guards, *number), true, err);
}

int change_guard(struct trainer *t, const char *who, int64_t n, const char *text,
                 struct vac_err *err)
{
    struct guard held = {0};

    if (!text && (n < 1 || !guards_find(&t->guards, n)))
        return err_set(err, VAC_ERR_USAGE, "there is no guard %lld", (long long)n);
    if (text ? give_guard(t, who, text, &n, err) : toggle_guard(t, who, n, &held, err))
        return -1;
    *push(&t->changes) = (struct change){.guard = n, .held = held};
    return 0;
}

/* The other one of the two values: what it replaces stands in its place. */
static int swap_option(struct trainer *t, struct change *c, const char *who, struct vac_err *err)
{
    struct strbuf was = {0};
    int rc = -1;

    if (c->stage != t->st.index)
        return err_set(err, VAC_ERR_USAGE, "%s was changed in stage %s, which is over", c->key,
                       t->rig.spec.stage[c->stage].name);
    if (!c->value || options_value(&t->st, c->key, &was, err))
        err_set(err, VAC_ERR_MEMORY, "out of memory");
    else if ((rc = options_change(&t->book, &t->st, who, c->key, c->value, err)) == 0) {
        free(c->value);
        c->value = was.s ? was.s : mem_strdup("", NULL);
        was = (struct strbuf){0};
    }
    sb_done(&was);
    return rc;
}

int change_back(struct trainer *t, const char *who, bool again, struct vac_err *err)
{
    struct changes *u = &t->changes;
    struct change *c;
    char number[24];
    struct journal_entry e = {.applied = true,
                              .applied_step = (int64_t)t->at.step,
                              .who = who,
                              .verb = again ? JOURNAL_REDO : JOURNAL_UNDO,
                              .status = "applied"};

    if (again ? u->at == u->n : u->at == 0)
        return err_set(err, VAC_ERR_USAGE,
                       again ? "no change was taken back that could be made again"
                             : "nothing to take back: no option and no guard was changed");
    c = &u->v[again ? u->at : u->at - 1];
    e.key = c->key;
    if (c->guard) {
        snprintf(number, sizeof number, "guard %lld", (long long)c->guard);
        e.key = number;
        if (toggle_guard(t, who, c->guard, &c->held, err))
            return -1;
    } else if (swap_option(t, c, who, err)) {
        return -1;
    }
    u->at += again ? 1 : (size_t)-1;
    book_tell(&t->book, &e);
    return 0;
}

/* --- in a checkpoint --- */

void changes_put(struct json_out *o, const struct changes *u, const struct guards *g)
{
    if (u->n == 0)
        return;
    json_put_natural(o, "taken_back", u->n - u->at);
    json_put_list(o, "changes", JSON_SPACED);
    for (const struct change *c = u->v; c < u->v + u->n; c++) {
        json_put_object(o, NULL, JSON_SPACED);
        if (c->guard) {
            json_put_int(o, "guard", c->guard);
            if (c->held.number)
                guard_put(o, "held", g, &c->held);
        } else {
            json_put_natural(o, "stage", c->stage);
            json_put_text(o, "key", c->key);
            json_put_text(o, "value", c->value ? c->value : "");
        }
        json_put_end(o);
    }
    json_put_end(o);
}

static int read_change(struct change *c, const struct guards *g, const struct jnode *n,
                       struct vac_err *err)
{
    int64_t stage = 0;
    const char *key, *value;
    struct jnode held;
    int rc;

    if (json_opt_int(n, "guard", 0, INT64_C(1) << 53, &c->guard, err) < 0)
        return -1;
    if (c->guard) {
        rc = json_opt(n, "held", JSON_OBJECT, &held, err);
        return rc < 0 || (rc == 0 && guard_read(&c->held, g, &held, err)) ? -1 : 0;
    }
    if (json_int(n, "stage", 0, (int64_t)g->spec->n_stages - 1, &stage, err) ||
        json_str(n, "key", &key, err) || json_str(n, "value", &value, err))
        return -1;
    c->stage = (size_t)stage;
    c->value = mem_strdup(value, err);
    snprintf(c->key, sizeof c->key, "%.*s", (int)sizeof c->key - 1, key);
    return c->value ? 0 : -1;
}

int changes_read(struct changes *u, const struct guards *g, const struct jnode *state,
                 struct vac_err *err)
{
    struct jnode list, one;
    int64_t back = 0;
    int rc = json_opt(state, "changes", JSON_ARRAY, &list, err);

    changes_done(u);
    if (rc)
        return rc < 0 ? -1 : 0;
    if (json_count(&list) > CHANGES_MOST)
        return json_error(&list, err, "more changes than are kept");
    for (size_t i = 0, n = json_count(&list); i < n; i++)
        if (json_item(&list, i, JSON_OBJECT, &one, err) || read_change(push(u), g, &one, err))
            return -1;
    if (json_opt_int(state, "taken_back", 0, (int64_t)u->n, &back, err) < 0)
        return -1;
    u->at = u->n - (size_t)back;
    return 0;
}

/* --- rho that follows --- */

static bool follows(const struct trainer *t, bool broke)
{
    const struct rho_spec *r = &t->st.spec->rho_control;

    return r->measure && r->broke == broke && !t->how.replay && t->st.done > 0 &&
           t->st.done < t->st.end;
}

/* What it follows is x. With `why` the journal has that, also when rho stays. */
static void follow(struct trainer *t, double x, const char *why)
{
    const struct rho_spec *r = &t->st.spec->rho_control;
    struct strbuf was = {0};
    struct vac_err err = {0};
    char text[32];
    double rho, by;

    if (options_value(&t->st, "rho", &was, &err) == 0) {
        rho = strtod(was.s ? was.s : "", NULL);
        by = r->gain * (r->rises ? 1 : -1) * (r->target - x) / fabs(r->target);
        rho *= exp(fmax(-M_LN2, fmin(M_LN2, by)));
        /* four digits, so that the journal can be read, and no change that is none */
        snprintf(text, sizeof text, "%.4g", fmax(r->min, fmin(r->max, rho)));
        if (why || strtod(text, NULL) != strtod(was.s ? was.s : "", NULL))
            options_set(&t->book, &t->st, "rho_control", "rho", text, why, &err);
    }
    sb_done(&was);
    if (err.code)
        steer_break(&t->steer, &err);
}

void change_rho(struct trainer *t, int entry)
{
    const struct rho_spec *r = &t->st.spec->rho_control;
    int64_t k, n;
    double x;

    if (!follows(t, false) || (r->what.kind == CONDITION_SCORE) != (entry >= 0) ||
        (entry >= 0 && (size_t)entry != r->what.what))
        return;
    x = entry >= 0 ? value_of_score(&r->what, &control_writing(t->steer.ctl)->eval[entry], &k, &n)
                   : value_of_step(&r->what, &t->at.point, &t->at.layers);
    if (isfinite(x))
        follow(t, x, NULL);
}

void change_rho_broke(struct trainer *t)
{
    const struct rho_spec *r = &t->st.spec->rho_control;
    struct vac_attack a;
    struct vac_err err = {0};
    char broke[VAC_ATTACK_BROKE], why[VAC_PATH + 160];
    double x;
    int found;

    if (!follows(t, true))
        return;
    found = broke_next(&t->at.broke, t->book.folder.dir, (int64_t)t->at.step, &a, &err);
    if (found < 0) { /* rho stays as it is, and that is told */
        struct journal_entry e = {.verb = JOURNAL_WARNING, .key = "rho_control", .reason = err.msg};

        book_tell(&t->book, &e);
    }
    if (found <= 0)
        return;
    x = vac_attack_harm(&a)->broke.value;
    snprintf(why, sizeof why,
             "the weights of step %lld, attacked by %s: steps to break %s, target %.6g",
             (long long)a.step, a.dir, vac_attack_broke(&a, broke), r->target);
    if (isnan(x) && (double)a.steps < r->target)
        x = r->target; /* it is at least so many, and may be any */
    follow(t, isnan(x) ? (double)a.steps : x, why);
}
