/* guard.c - see guard.h */
#include "guard/guard.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/stats.h"
#include "guard/value.h"
#include "judge/text.h"
#include "spec/spec_guard.h"

/* An average is of about the last fifty steps, and is not asked before it has some. */
#define AVERAGE_KEEP 0.98
#define AVERAGE_LEAST 20
/* A low that is new is lower by a thousandth. */
#define LOW_PART 1e-3

/* --- which there are --- */

/* With all prompts answered one way at the first look, which is the narrowest: can it ever be known? */
static int check_reach(const struct condition *c, const struct run_spec *s, size_t n,
                       struct vac_err *err)
{
    struct interval ci = rate_sequence(c->bound.below ? 0 : n, n, 1);
    const char *name = s->evaluate[c->what].name;
    double end = c->bound.below ? ci.hi : ci.lo;
    struct strbuf bound = {0};

    if (c->measured || bound_passed(&c->bound, end))
        return 0;
    bound_text(&bound, &c->bound);
    err_set(
        err, VAC_ERR_USAGE,
        "%zu prompts cannot show that %.64s %s: %s of them still leave %.1f %% (of a confidence "
        "sequence); ask more of them, or write \"%.64s measured %s\" for the figure itself",
        n, name, bound.s ? bound.s : "", c->bound.below ? "0" : "all", 100 * end, name,
        bound.s ? bound.s : "");
    sb_done(&bound);
    return -1;
}

static int check_sight(const struct guard_spec *g, const struct run_spec *s,
                       const struct guard_sight *sight, struct vac_err *err)
{
    const struct condition *c = &g->when;

    if (c->kind == CONDITION_LAYER && c->layer >= sight->layers)
        return err_set(err, VAC_ERR_USAGE, "there is no layer %zu: the model has 0 to %zu",
                       c->layer, sight->layers - 1);
    return c->kind == CONDITION_SCORE && c->rate ? check_reach(c, s, sight->size[c->what], err) : 0;
}

static struct guard made(int64_t number)
{
    return (struct guard){.number = number, .fine = -1, .stage = SIZE_MAX, .lowest = INFINITY};
}

static struct guard *append(struct guards *g, int64_t number)
{
    g->v[g->n] = made(number);
    return &g->v[g->n++];
}

int guards_open(struct guards *g, const struct run_spec *s, const struct guard_sight *sight,
                struct vac_err *err)
{
    *g = (struct guards){.spec = s, .sight = *sight, .healthy = -1, .candidate = -1};
    for (size_t i = 0; i < s->n_guards; i++) {
        if (check_sight(&s->guard[i], s, sight, err))
            return err_prefix(err, "guards[%zu]", i);
        append(g, (int64_t)i + 1)->spec = s->guard[i];
    }
    return 0;
}

static void clear(struct guard *one)
{
    if (one->own)
        guard_spec_done(&one->spec);
}

void guards_done(struct guards *g)
{
    for (size_t i = 0; i < g->n; i++)
        clear(&g->v[i]);
    *g = (struct guards){.healthy = -1, .candidate = -1};
}

struct guard *guards_find(struct guards *g, int64_t number)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].number == number)
            return &g->v[i];
    return NULL;
}

bool guards_take(struct guards *g, int64_t number, struct guard *out)
{
    struct guard *one = guards_find(g, number);

    if (!one)
        return false;
    *out = *one;
    g->n--;
    memmove(one, one + 1, (size_t)(g->v + g->n - one) * sizeof *one);
    return true;
}

void guards_remove(struct guards *g, int64_t number)
{
    struct guard one;

    if (guards_take(g, number, &one))
        clear(&one);
}

static int check_room(const struct guards *g, struct vac_err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++)
        n += g->v[i].number > 0;
    return n < VAC_MAX_GUARDS
               ? 0
               : err_set(err, VAC_ERR_USAGE, "there are %d guards already: take one away first",
                         VAC_MAX_GUARDS);
}

int guards_give(struct guards *g, const struct guard *one, struct vac_err *err)
{
    if (check_room(g, err))
        return -1;
    g->v[g->n++] = *one;
    return 0;
}

int guards_add(struct guards *g, const char *text, int64_t *number, struct vac_err *err)
{
    struct guard_spec spec;
    struct guard *one;
    int64_t last = (int64_t)g->spec->n_guards;

    for (size_t i = 0; i < g->n; i++)
        last = g->v[i].number > last ? g->v[i].number : last;
    if (check_room(g, err) || guard_spec_read(&spec, g->spec, text, err))
        return -1;
    if (check_sight(&spec, g->spec, &g->sight, err)) {
        guard_spec_done(&spec);
        return -1;
    }
    one = append(g, last + 1);
    one->spec = spec;
    one->own = true;
    *number = one->number;
    return 0;
}

int guards_go_until(struct guards *g, const char *text, struct vac_err *err)
{
    struct guard_spec spec = {.action = GUARD_PAUSE, .times = 1};
    struct guard *one;

    if (text &&
        (condition_take(&spec.when, g->spec, &text, err) ||
         (text[strspn(text, " ")] &&
          err_set(err, VAC_ERR_USAGE, "\"%.40s\" after the condition", text + strspn(text, " "))) ||
         check_sight(&spec, g->spec, &g->sight, err)))
        return -1;
    guards_remove(g, 0);
    if (text) {
        one = append(g, 0);
        one->spec = spec;
        one->own = true;
    }
    return 0;
}

/* --- looking --- */

/* The checkpoint that waits is well when every guard that watches this stage was seen to be well since. */
static void confirm(struct guards *g, size_t stage)
{
    if (g->candidate <= g->healthy)
        return;
    for (size_t i = 0; i < g->n; i++) {
        const struct guard *one = &g->v[i];
        enum condition_kind kind = one->spec.when.kind;

        if (one->number > 0 && kind != CONDITION_STEP && kind != CONDITION_IDLE &&
            guard_spec_applies(&one->spec, g->spec, stage) && one->fine < g->candidate)
            return;
    }
    g->healthy = g->candidate;
}

void guards_saved(struct guards *g, int64_t step)
{
    size_t stage = 0;

    for (size_t i = 0; i < g->n; i++) {
        if (g->v[i].number > 0 && g->v[i].tripped)
            return;
        if (g->v[i].stage != SIZE_MAX && g->v[i].stage > stage)
            stage = g->v[i].stage;
    }
    if (g->candidate <= g->healthy)
        g->candidate = step;
    confirm(g, stage);
}

static void look(struct guards *g, struct guard *one, int64_t step, bool so)
{
    one->in_a_row = so ? one->in_a_row + 1 : 0;
    if (!so) {
        one->tripped = false;
        one->fine = step;
        confirm(g, one->stage);
    } else if (!one->tripped && one->in_a_row >= one->spec.times) {
        one->tripped = one->due = true;
        if (one->number > 0)
            g->candidate = g->healthy; /* what was saved since is not known to be well */
    }
}

/* What it remembers is of one stage: the loss of another begins elsewhere. Its looks go on being counted. */
static bool watches(struct guards *g, struct guard *one, size_t stage)
{
    if (!guard_spec_applies(&one->spec, g->spec, stage))
        return false;
    if (one->stage != stage) {
        if (one->spec.when.kind != CONDITION_STEP || one->spec.when.what)
            one->tripped = false; /* the steps of the run go on being counted */
        one->in_a_row = one->averaged = one->lowest_step = 0;
        one->average = 0;
        one->lowest = INFINITY;
        one->stage = stage;
    }
    return true;
}

static double average_of(const struct guard *one)
{
    return one->average / (1 - pow(AVERAGE_KEEP, (double)one->averaged));
}

static void look_at_column(struct guards *g, struct guard *one, int64_t step, double x)
{
    const struct condition *c = &one->spec.when;
    double mean, at;
    bool plateau = c->kind == CONDITION_PLATEAU, so;

    if (isnan(x))
        return;
    one->looks++;
    if (!c->average && !plateau) {
        snprintf(one->stands, sizeof one->stands, "%.4g", x);
        look(g, one, step, bound_passed(&c->bound, x));
        return;
    }
    mean = one->averaged >= AVERAGE_LEAST ? average_of(one) : NAN;
    at = bound_value(&c->bound);
    so = c->average && !isnan(mean) && (c->bound.below ? x < at * mean : x > at * mean);
    if (c->average)
        snprintf(one->stands, sizeof one->stands, "%.4g, and the average %.4g", x, mean);
    if (isfinite(x)) {
        one->average = AVERAGE_KEEP * one->average + (1 - AVERAGE_KEEP) * x;
        one->averaged++;
    }
    if (plateau && one->averaged) {
        mean = average_of(one);
        if (mean < one->lowest - LOW_PART * fabs(one->lowest) || isinf(one->lowest)) {
            one->lowest = mean;
            one->lowest_step = step;
        }
        so = step - one->lowest_step >= c->n;
        snprintf(one->stands, sizeof one->stands, "average %.4g, lowest %.4g at step %lld", mean,
                 one->lowest, (long long)one->lowest_step);
    }
    look(g, one, step, so);
}

void guards_step(struct guards *g, size_t stage, const struct vac_point *p,
                 const struct vac_layers *l)
{
    for (size_t i = 0; i < g->n; i++) {
        struct guard *one = &g->v[i];
        const struct condition *c = &one->spec.when;
        double x = value_of_step(c, p, l);

        if (!watches(g, one, stage))
            continue;
        if (c->kind == CONDITION_NUMBER) {
            look(g, one, p->step, false);
        } else if (c->kind == CONDITION_COLUMN || c->kind == CONDITION_PLATEAU) {
            look_at_column(g, one, p->step, x);
        } else if (!isnan(x)) {
            one->looks++;
            snprintf(one->stands, sizeof one->stands, "%.6g", x);
            look(g, one, p->step, bound_passed(&c->bound, x));
        }
    }
}

void guards_score(struct guards *g, size_t stage, size_t entry, const struct vac_eval *e)
{
    for (size_t i = 0; i < g->n; i++) {
        struct guard *one = &g->v[i];
        const struct condition *c = &one->spec.when;
        int64_t k, n;
        double x;
        struct interval ci;

        if (c->kind != CONDITION_SCORE || c->what != entry || !watches(g, one, stage))
            continue;
        x = value_of_score(c, e, &k, &n);
        if (isnan(x))
            continue;
        one->looks++;
        if (!c->rate) {
            snprintf(one->stands, sizeof one->stands, "%.4g", x);
            look(g, one, e->step, bound_passed(&c->bound, x));
            continue;
        }
        ci = rate_sequence((size_t)k, (size_t)n, (size_t)one->looks);
        snprintf(one->stands, sizeof one->stands, "%.1f %% [%.1f, %.1f] of %lld at look %lld",
                 100 * x, 100 * ci.lo, 100 * ci.hi, (long long)n, (long long)one->looks);
        look(g, one, e->step,
             bound_passed(&c->bound, c->measured      ? x
                                     : c->bound.below ? ci.hi
                                                      : ci.lo));
    }
}

/* What happens at once: it is so, or it is not. */
static void happened(struct guards *g, size_t stage, enum condition_kind kind, int64_t step,
                     bool so, const char *stands)
{
    for (size_t i = 0; i < g->n; i++) {
        struct guard *one = &g->v[i];

        if (one->spec.when.kind != kind || !watches(g, one, stage))
            continue;
        one->looks++;
        if (so)
            snprintf(one->stands, sizeof one->stands, "%s", stands);
        one->tripped &= kind == CONDITION_PROBE && so; /* the next is another one */
        look(g, one, step, so);
    }
}

void guards_probe(struct guards *g, size_t stage, int64_t step, const char *said)
{
    char text[sizeof g->v->stands], brief[sizeof text - 4];

    text_copy(brief, sizeof brief, said ? said : "");
    snprintf(text, sizeof text, "\"%s\"", brief);
    happened(g, stage, CONDITION_PROBE, step, said != NULL, text);
}

void guards_fault(struct guards *g, size_t stage, int64_t step)
{
    happened(g, stage, CONDITION_NUMBER, step, true, "loss or gradient is not a number");
}

void guards_idle(struct guards *g, size_t stage, int64_t step, double seconds)
{
    char text[64];

    snprintf(text, sizeof text, "%.0f s", seconds);
    for (size_t i = 0; i < g->n; i++) {
        struct guard *one = &g->v[i];

        if (one->spec.when.kind != CONDITION_IDLE || !watches(g, one, stage))
            continue;
        if (seconds >= (double)one->spec.when.n)
            snprintf(one->stands, sizeof one->stands, "%s", text);
        look(g, one, step, seconds >= (double)one->spec.when.n);
    }
}

bool guards_for_idle(const struct guards *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].number > 0 && g->v[i].spec.when.kind == CONDITION_IDLE)
            return true;
    return false;
}

struct guard *guards_hang(struct guards *g, size_t stage, double seconds)
{
    for (size_t i = 0; i < g->n; i++) {
        struct guard *one = &g->v[i];

        if (one->number == 0 || one->spec.when.kind != CONDITION_IDLE || !watches(g, one, stage) ||
            seconds < (double)one->spec.when.n || one->tripped ||
            one->in_a_row + 1 < one->spec.times)
            continue;
        snprintf(one->stands, sizeof one->stands, "%.0f s", seconds);
        one->tripped = one->due = one->told = true;
        g->candidate = g->healthy;
        return one;
    }
    return NULL;
}

struct guard *guards_next(struct guards *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].due) {
            g->v[i].due = false;
            return &g->v[i];
        }
    return NULL;
}

/* --- as text --- */

void guards_text(struct strbuf *out, const struct guards *g, const struct guard *one)
{
    if (one->number > 0)
        guard_spec_text(out, g->spec, &one->spec);
    else
        condition_text(out, g->spec, &one->spec.when);
}

void guards_reason(struct strbuf *out, const struct guards *g, const struct guard *one)
{
    if (one->number > 0)
        sb_printf(out, "guard %lld: ", (long long)one->number);
    else
        sb_puts(out, "until ");
    condition_text(out, g->spec, &one->spec.when);
    if (*one->stands)
        sb_printf(out, ": %s", one->stands);
}

static void cut(char *to, size_t size, struct strbuf *text)
{
    text_copy(to, size, text->s ? text->s : "");
    sb_clear(text);
}

void guards_show(const struct guards *g, struct vac_snapshot *s)
{
    struct strbuf text = {0};

    s->n_guards = 0;
    s->goes_until[0] = s->alert[0] = '\0';
    for (size_t i = 0; i < g->n; i++) {
        const struct guard *one = &g->v[i];
        struct vac_guard *to = &s->guard[s->n_guards];

        guards_text(&text, g, one);
        if (one->number == 0) {
            cut(s->goes_until, sizeof s->goes_until, &text);
            continue;
        }
        s->n_guards++;
        *to = (struct vac_guard){.number = one->number, .tripped = one->tripped};
        cut(to->text, sizeof to->text, &text);
        memcpy(to->stands, one->stands, sizeof to->stands);
        if (!one->tripped)
            continue;
        guards_reason(&text, g, one);
        cut(s->alert, sizeof s->alert, &text);
    }
    s->healthy_step = g->spec ? g->healthy : -1;
    sb_done(&text);
}

/* --- in a checkpoint --- */

void guard_put(struct json_out *o, const char *key, const struct guards *g, const struct guard *one)
{
    json_put_object(o, key, JSON_SPACED);
    json_put_int(o, "number", one->number);
    json_put_bool(o, "own", one->own);
    guard_spec_json(o, "guard", g->spec, &one->spec);
    json_put_bool(o, "tripped", one->tripped);
    json_put_int(o, "looks", one->looks);
    json_put_int(o, "in_a_row", one->in_a_row);
    json_put_int(o, "fine", one->fine);
    json_put_int(o, "stage", one->stage == SIZE_MAX ? -1 : (int64_t)one->stage);
    json_put_num(o, "average", one->average);
    json_put_int(o, "averaged", one->averaged);
    json_put_num(o, "lowest", one->lowest);
    json_put_int(o, "lowest_step", one->lowest_step);
    json_put_text(o, "stands", one->stands);
    json_put_end(o);
}

void guards_put(struct json_out *o, const struct guards *g)
{
    if (g->n == 0 && !(g->spec && g->spec->n_guards))
        return;
    json_put_int(o, "healthy", g->healthy);
    json_put_int(o, "candidate", g->candidate);
    if (g->slow_by) {
        json_put_natural(o, "slow_stage", g->slow_stage);
        json_put_int(o, "slow_by", g->slow_by);
    }
    json_put_list(o, "guards", JSON_SPACED);
    for (size_t i = 0; i < g->n; i++)
        guard_put(o, NULL, g, &g->v[i]);
    json_put_end(o);
}

int guard_read(struct guard *one, const struct guards *g, const struct jnode *n,
               struct vac_err *err)
{
    enum { MOST = 1 << 30 };
    int64_t number = 0, stage = -1;
    const char *stands = "";
    struct jnode spec;
    bool own = false;

    *one = (struct guard){.number = 0};
    if (json_int(n, "number", 0, MOST, &number, err) ||
        json_get(n, "guard", JSON_OBJECT, &spec, err) || json_bool(n, "own", &own, err))
        return -1;
    *one = made(number);
    if (number > 0 && !own) {
        if ((size_t)number > g->spec->n_guards)
            return json_error(n, err, "the run file has no such guard");
        one->spec = g->spec->guard[number - 1];
    } else {
        one->own = true;
        if (guard_spec_from(&one->spec, g->spec, &spec, err) ||
            check_sight(&one->spec, g->spec, &g->sight, err))
            return -1;
    }
    if (json_bool(n, "tripped", &one->tripped, err) ||
        json_int(n, "looks", 0, INT64_C(1) << 53, &one->looks, err) ||
        json_int(n, "in_a_row", 0, INT64_C(1) << 53, &one->in_a_row, err) ||
        json_int(n, "fine", -1, INT64_C(1) << 53, &one->fine, err) ||
        json_int(n, "stage", -1, (int64_t)g->spec->n_stages - 1, &stage, err) ||
        json_opt_num(n, "average", &one->average, err) ||
        json_int(n, "averaged", 0, INT64_C(1) << 53, &one->averaged, err) ||
        json_opt_num(n, "lowest", &one->lowest, err) ||
        json_int(n, "lowest_step", 0, INT64_C(1) << 53, &one->lowest_step, err) ||
        json_opt_str(n, "stands", &stands, err))
        return -1;
    one->stage = stage < 0 ? SIZE_MAX : (size_t)stage;
    text_copy(one->stands, sizeof one->stands, stands);
    return 0;
}

int guards_read(struct guards *g, const struct jnode *state, struct vac_err *err)
{
    struct guards none = {.spec = g->spec, .sight = g->sight, .healthy = -1, .candidate = -1};
    struct guards was = *g; /* only to be counted on */
    struct jnode list, one;
    int64_t stage = 0;
    int rc = json_opt(state, "guards", JSON_ARRAY, &list, err);

    if (rc)
        return rc < 0 ? -1 : 0;
    guards_done(g);
    *g = none;
    if (json_opt_int(state, "healthy", -1, INT64_C(1) << 53, &g->healthy, err) ||
        json_opt_int(state, "candidate", -1, INT64_C(1) << 53, &g->candidate, err) ||
        json_opt_int(state, "slow_stage", 0, (int64_t)g->spec->n_stages - 1, &stage, err) ||
        json_opt_int(state, "slow_by", 0, 64, &g->slow_by, err))
        return -1;
    g->slow_stage = (size_t)stage;
    if (json_count(&list) > VAC_MAX_GUARDS + 1)
        return json_error(&list, err, "more guards than a run can have");
    for (size_t i = 0, n = json_count(&list); i < n; i++) {
        if (json_item(&list, i, JSON_OBJECT, &one, err) || guard_read(&g->v[g->n++], g, &one, err))
            return -1;
        for (size_t k = 0; k < i; k++)
            if (g->v[k].number == g->v[i].number)
                return json_error(&one, err, "another one has the same number");
    }
    for (size_t i = 0; i < was.n; i++) { /* else two guards that take turns go back for ever */
        struct guard *now = guards_find(g, was.v[i].number);

        if (now)
            now->backs = was.v[i].backs;
    }
    return 0;
}
