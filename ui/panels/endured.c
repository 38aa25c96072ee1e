/* endured.c - see endured.h */
#include "panels/endured.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void forget_kept(struct endured *e)
{
    free(e->attack);
    vac_batteries_done(e->battery, e->n_batteries);
    e->attack = NULL;
    e->battery = NULL;
    e->n_attacks = e->n_batteries = 0;
}

/* By which attacks of a step are told apart. */
static void kind_text(char *out, size_t size, const struct vac_attack *a)
{
    int n = snprintf(out, size, "%s", a->name);
    char steps[NUMBER_SIZE];

    if (n == 0 && !isnan(a->lr))
        n = snprintf(out, size, "lr %.3g, ", a->lr);
    if (!*a->name)
        snprintf(out + n, size - (size_t)n, "%s", number_of(steps, a->steps, "steps"));
}

static void forget_scores(struct endured *e)
{
    vac_follow_close(e->follow);
    measures_done(&e->scores);
    e->follow = NULL;
    e->drift = e->harmful = (struct last_seen){.value = NAN};
}

void endured_done(struct endured *e)
{
    forget_kept(e);
    forget_scores(e);
    e->size = 0;
    e->looked = false;
}

/* The battery's attack that has its run there, relative to the run's folder; NULL = none. */
static const struct vac_battery_row *row_of(const struct vac_battery *b, const char *dir)
{
    size_t len = strlen(b->dir);

    for (size_t i = 0; i < b->n && !strncmp(dir, b->dir, len) && dir[len] == '/'; i++)
        if (!strcmp(dir + len + 1, b->row[i].name))
            return &b->row[i];
    return NULL;
}

/* --- the one whose curves are shown --- */

static void show(struct endured *e, const struct vac_siege_now *one, size_t line)
{
    if (strcmp(one->dir, e->shown.dir))
        forget_scores(e);
    e->shown = *one;
    e->line = line;
}

static void show_kept(struct endured *e, const struct vac_attack *a)
{
    struct vac_siege_now one = {.at = 0};

    if (a) {
        one.at = a->step;
        one.step = one.steps = a->steps;
        for (size_t i = 0; i < e->n_batteries; i++) {
            const struct vac_battery_row *r = row_of(&e->battery[i], a->dir);

            one.steps = r && r->planned > a->steps ? r->planned : one.steps;
        }
        snprintf(one.dir, sizeof one.dir, "%.*s", (int)sizeof one.dir - 1, a->dir);
        kind_text(one.name, sizeof one.name, a);
    }
    show(e, &one, a ? a->line : 0);
}

/* The newest that is kept before that line, of any folder or of that one. */
static const struct vac_attack *newest(const struct endured *e, size_t before, const char *dir)
{
    const struct vac_attack *found = NULL;

    for (size_t i = 0; i < e->n_attacks; i++) {
        const struct vac_attack *a = &e->attack[i];

        if (a->line < before && (!found || a->line > found->line) && (!dir || !strcmp(a->dir, dir)))
            found = a;
    }
    return found;
}

bool endured_next(struct endured *e)
{
    bool own = !*e->shown.dir;
    const struct vac_attack *a = newest(e, e->line ? e->line : SIZE_MAX, NULL);

    if (own && !*e->now.dir && !a)
        return false;
    if (own && *e->now.dir)
        show(e, &e->now, 0);
    else
        show_kept(e, a);
    return true;
}

bool endured_back(struct endured *e)
{
    bool kept = e->line > 0;

    if (kept)
        show_kept(e, NULL);
    return kept;
}

/* One that begins is what one looks for; when it ends, it stays. */
static void choose(struct endured *e, const struct vac_siege_now *now)
{
    bool watched = !strcmp(e->shown.dir, e->now.dir);

    if (strcmp(now->dir, e->now.dir) != 0) {
        if (*now->dir && (watched || !*e->now.dir))
            show(e, now, 0);
        else if (watched)
            show_kept(e, newest(e, SIZE_MAX, e->now.dir));
    } else if (watched) {
        show(e, now, 0);
    }
    e->now = *now;
}

static void take_point(void *ctx, const struct vac_point *p)
{
    struct endured *e = ctx;

    if (!isnan(p->drift_mean))
        e->drift = (struct last_seen){p->drift_mean, p->step};
    if (!isnan(p->harmful_loss))
        e->harmful = (struct last_seen){p->harmful_loss, p->step};
}

static void take_score(void *ctx, const struct vac_event *event)
{
    struct endured *e = ctx;

    if (event->kind == VAC_EVENT_EVAL && event->step >= e->shown.at)
        measures_put(&e->scores, event->eval.score);
}

static void read_scores(struct endured *e, const struct ui *ui)
{
    static const struct vac_follow_take take = {.point = take_point, .event = take_score};
    const char *dir = e->shown.dir;
    char path[VAC_PATH + sizeof e->shown.dir];

    if (!*dir)
        return;
    snprintf(path, sizeof path, *dir == '/' ? "%s%s" : "%s/%s", *dir == '/' ? "" : ui_dir(ui), dir);
    if (!e->follow && vac_follow_open(&e->follow, path, NULL))
        return;
    if (vac_follow_read(e->follow, &take, e, NULL) == VAC_FOLLOW_CUT)
        forget_scores(e);
}

static void read_kept(struct endured *e, const struct ui *ui)
{
    const char *dir = ui_dir(ui);
    char path[VAC_PATH + 16];
    struct stat st;

    snprintf(path, sizeof path, "%s/attacks.jsonl", dir);
    if (stat(path, &st) || st.st_size == e->size)
        return;
    forget_kept(e);
    vac_run_attacks(dir, &e->attack, &e->n_attacks, NULL);
    vac_run_batteries(dir, false, &e->battery, &e->n_batteries, NULL);
    e->size = st.st_size;
}

void endured_refresh(struct endured *e, const struct ui *ui)
{
    size_t had = e->n_attacks;

    read_kept(e, ui);
    if (e->looked && e->n_attacks > had && !*e->now.dir) /* too short to be seen going on */
        show_kept(e, newest(e, SIZE_MAX, NULL));
    e->looked = true;
    choose(e, ui_siege(ui));
    read_scores(e, ui);
}

/* --- in words --- */

/* Lines from one row up to another: the last row counts those for which there is no room. */
struct lines {
    const struct view *v;
    int first, y, end;
    size_t left; /* to come */
};

/* For the next one, beside what counts those after it. */
static int room_of(const struct lines *l)
{
    return l->end - l->y - (l->left > 1);
}

static void put_line(struct lines *l, int x, unsigned style, const char *text, bool flow)
{
    const struct view *v = l->v;
    bool alone = l->y == l->first; /* in the only row: it shares that */
    char more[32];
    int w = snprintf(more, sizeof more, "... %zu more", l->left - alone);

    if (room_of(l) > 0 && flow && draw_flow_rows(v, v->w - x - 1, text) <= room_of(l)) {
        l->y = draw_flow(v, x, l->y, v->w - x - 1, style, text, 0);
    } else if (room_of(l) > 0) {
        draw_cut(v, x, l->y++, v->w - x, style, text);
    } else if (l->y < l->end) {
        if (alone)
            draw_cut(v, x, l->y, v->w - x - w - 1, style, text);
        draw_text(v, alone ? v->w - w : x, l->y++, INK_FAINT, more);
    }
    l->left--;
}

/* How many steps of an attack the weights of each step took to break, but for the first `skip` of those. */
static void attack_text(const struct endured *e, size_t i, int skip, bool brief, char *out,
                        size_t size)
{
    const struct vac_attack *a = &e->attack[i];
    char broke[VAC_ATTACK_BROKE], steps[NUMBER_SIZE];
    int n = snprintf(out, size, "%s%s%s%s, lr %.3g", brief ? "" : "against this attack (", a->name,
                     *a->name ? ", " : "", number_of(steps, a->steps, "steps"), a->lr);

    if (!isnan(a->ratio))
        n += snprintf(out + n, size - (size_t)n, ", ratio %.3g", a->ratio);
    n += snprintf(out + n, size - (size_t)n, brief ? ": broke" : "): steps to break");
    n += snprintf(out + n, size - (size_t)n, skip ? "  ..." : "");
    for (size_t k = i; k < e->n_attacks && n < (int)size - 1; k++)
        if (vac_attack_same(a, &e->attack[k]) && skip-- <= 0)
            n += snprintf(out + n, size - (size_t)n, "  @%lld %s", (long long)e->attack[k].step,
                          vac_attack_broke(&e->attack[k], broke));
}

/* How many are like it; 0 = it is told with one before it, or in a battery. */
static int alike(const struct endured *e, size_t i)
{
    int n = 0;

    if (vac_attack_of_battery(&e->attack[i], e->battery, e->n_batteries))
        return 0;
    for (size_t k = 0; k < e->n_attacks; k++) {
        bool same = vac_attack_same(&e->attack[i], &e->attack[k]);

        if (same && k < i)
            return 0;
        n += same;
    }
    return n;
}

/* In a row where that is enough; else in few words, and without its first steps as far as it must: its end is what
 * matters. */
static void put_attack(struct lines *l, const struct endured *e, size_t i)
{
    int w = l->v->w - 5, n = alike(e, i);
    char text[1000];

    attack_text(e, i, 0, false, text, sizeof text);
    if (draw_flow_rows(l->v, w, text) > 1)
        for (int skip = 0; skip < n; skip++) {
            attack_text(e, i, skip, true, text, sizeof text);
            if (draw_flow_rows(l->v, w, text) <= room_of(l))
                break;
        }
    put_line(l, 4, INK_TEXT, text, true);
}

/* With `steps` there is a column of those that it made. */
static void row_text(char *out, size_t size, const struct vac_battery_row *r, bool steps)
{
    const struct vac_attack_score *harm = vac_attack_harm(&r->attack);
    char broke[VAC_ATTACK_BROKE], value[NUMBER_SIZE], made[64];
    int n = snprintf(out, size, "%-24s ", r->name);

    if (!r->told) {
        snprintf(out + n, size - (size_t)n, "not made yet");
        return;
    }
    snprintf(made, sizeof made, r->attack.steps < r->planned ? "%lld/%lld" : "%lld",
             (long long)r->attack.steps, (long long)r->planned);
    if (steps)
        n += snprintf(out + n, size - (size_t)n, "%-9s ", made);
    if (harm) {
        bool broken = harm->broke.known && !(isnan(harm->broke.value) && isnan(harm->broke.lo));

        vac_battery_broke(r, broke);
        n += snprintf(out + n, size - (size_t)n, "%s %5s%s  %s%-*s", harm->e.name,
                      measured_text(value, harm->e.value, harm->e.is_rate),
                      harm->e.is_rate ? "%" : "", broken ? "broke " : "", broken ? 18 : 24, broke);
    }
    for (int i = 0; i < r->attack.n_scores && n < (int)size; i++) {
        const struct vac_eval *e = &r->attack.score[i].e;

        if (&r->attack.score[i] != harm)
            n += snprintf(out + n, size - (size_t)n, "  %s %s%s", e->name,
                          measured_text(value, e->value, e->is_rate), e->is_rate ? "%" : "");
    }
    if (!r->within && n < (int)size)
        snprintf(out + n, size - (size_t)n, "  outside: %s", r->outside);
}

/* Of a battery the worst case, and its attacks, the worst first; those that do not count are faint. */
static void put_battery(struct lines *l, const struct vac_battery *b)
{
    char line[VAC_BATTERY_WORST + VAC_NAME + 32], worst[VAC_BATTERY_WORST];
    bool steps = false;

    snprintf(line, sizeof line, "%s @%lld: %s", b->name, (long long)b->step,
             vac_battery_worst(b, worst));
    put_line(l, 4, INK_STRONG, line, false);
    for (size_t i = 0; i < b->n; i++)
        steps |= b->row[i].told && b->row[i].attack.steps < b->row[i].planned;
    for (size_t k = 0; k < b->n; k++) {
        const struct vac_battery_row *r = &b->row[b->order[k]];

        row_text(line, sizeof line, r, steps);
        put_line(l, 6, r->told && r->within ? INK_TEXT : INK_FAINT, line, false);
    }
}

int endured_draw(const struct endured *e, const struct view *v, int y, int end)
{
    struct lines l = {.v = v, .first = y, .y = y, .end = end};

    for (size_t i = 0; i < e->n_attacks; i++)
        l.left += alike(e, i) > 0;
    for (size_t i = 0; i < e->n_batteries; i++)
        l.left += 1 + e->battery[i].n;
    for (size_t i = 0; i < e->n_attacks; i++)
        if (alike(e, i))
            put_attack(&l, e, i);
    for (size_t i = e->n_batteries; i-- > 0;)
        put_battery(&l, &e->battery[i]);
    return l.y;
}

/* "attack at 40: step 12/60", "attack at 40, 2/6 mild: ...", "attack at 40, mild: over",
 * "attack at 40, mild: stopped after step 7 of 160" */
static const char *shown_text(const struct endured *e, char *out, size_t size)
{
    const struct vac_siege_now *one = &e->shown;
    int n = snprintf(out, size, "attack at %lld", (long long)one->at);

    if (one->of)
        n += snprintf(out + n, size - (size_t)n, ", %lld/%lld %s", (long long)one->number,
                      (long long)one->of, one->name);
    else if (*one->name)
        n += snprintf(out + n, size - (size_t)n, ", %s", one->name);
    if (e->line && one->step < one->steps)
        snprintf(out + n, size - (size_t)n, ": stopped after step %lld of %lld",
                 (long long)one->step, (long long)one->steps);
    else if (e->line)
        snprintf(out + n, size - (size_t)n, ": over");
    else if (one->steps)
        snprintf(out + n, size - (size_t)n, ": step %lld/%lld", (long long)one->step,
                 (long long)one->steps);
    return out;
}

void endured_notes(const struct endured *e, char *out, size_t size)
{
    size_t number = 0;

    for (size_t i = 0; i < e->n_attacks; i++)
        number += e->attack[i].line >= e->line;
    if (e->line)
        snprintf(out, size, "attack %zu of %zu", number, e->n_attacks);
}

void endured_readout(const struct endured *e, FILE *out)
{
    char worst[VAC_BATTERY_WORST], text[200];

    if (*e->shown.dir)
        fprintf(out, "%s\n", shown_text(e, text, sizeof text));
    for (size_t i = 0; i < e->n_batteries; i++)
        fprintf(out, "%s at step %lld: %s\n", e->battery[i].name, (long long)e->battery[i].step,
                vac_battery_worst(&e->battery[i], worst));
}

/* --- the curve --- */

/* Where the weights of a step broke under an attack. */
struct broken {
    double step;
    struct vac_span broke;
};
enum { KINDS = 4, LEAST_CURVE = 2 };

/* Those like attacks[i], by step; 0 where an earlier one is like it. */
static size_t take_kind(const struct endured *e, size_t i, struct broken *out)
{
    size_t n = 0;

    for (size_t k = 0; k < i; k++)
        if (vac_attack_same(&e->attack[k], &e->attack[i]))
            return 0;
    for (size_t k = i; k < e->n_attacks; k++) {
        const struct vac_attack *a = &e->attack[k];

        if (vac_attack_same(a, &e->attack[i]) && vac_attack_reach(a, &out[n].broke))
            out[n++].step = (double)a->step;
    }
    return n;
}

bool endured_curve(const struct endured *e, struct ui *ui, const struct view *v)
{
    static const unsigned inks[KINDS] = {INK_HARM, INK_ALIGN, INK_EPS, INK_DRIFT};
    struct broken *all = malloc((e->n_attacks + 1) * sizeof *all);
    struct plot_line line[KINDS];
    char name[KINDS][VAC_NAME];
    struct plot p = {.lines = line,
                     .y0 = 0,
                     .y1 = NAN,
                     .cursor = NAN,
                     .level = NAN,
                     .x_unit = "step",
                     .band = "95%",
                     .guides = ui->guides};
    struct view below = view_part(v, 0, 1, v->w, v->h - 1);
    size_t at = 0;

    for (size_t i = 0; all && i < e->n_attacks && p.n_lines < KINDS; i++) {
        size_t n = take_kind(e, i, all + at);
        if (n < LEAST_CURVE)
            continue;
        kind_text(name[p.n_lines], sizeof *name, &e->attack[i]);
        line[p.n_lines] = (struct plot_line){.name = name[p.n_lines],
                                             .x = &all[at].step,
                                             .y = &all[at].broke.value,
                                             .lo = &all[at].broke.lo,
                                             .hi = &all[at].broke.hi,
                                             .n = n,
                                             .stride = sizeof *all,
                                             .style = inks[p.n_lines],
                                             .glyph = "*o+x"[p.n_lines],
                                             .steps = true};
        p.n_lines++;
        at += n;
    }
    p.mono = ui->colors == 0;
    p.legend = below.h > 8;
    if (p.n_lines && below.h >= 4) {
        draw_cut(v, 4, 0, v->w - 4, INK_FAINT, "immunity: steps to break by step (held: the last)");
        plot_draw(&below, &p);
    }
    free(all);
    return p.n_lines && below.h >= 4;
}

/* --- the curves of one attack --- */

static const struct {
    unsigned ink;
    char glyph;
} signs[] = {{INK_HARM, '*'}, {INK_ALIGN, 'o'}, {INK_EPS, '+'}, {INK_DRIFT, 'x'}, {INK_GRAD, '='}};
enum { SIGNS = sizeof signs / sizeof *signs };

/* As the table of the panel has it. */
static size_t sign_of(const struct ui *ui, const struct series *s)
{
    int i = 0;

    while (i < ui->snap.n_evals && strcmp(ui->snap.eval[i].name, s->name) != 0)
        i++;
    return (size_t)i % SIGNS;
}

/* At which anything of it was measured. */
static int64_t newest_step(const struct endured *e)
{
    int64_t step = e->drift.step > e->harmful.step ? e->drift.step : e->harmful.step;

    for (int i = 0; i < e->scores.n; i++) {
        const struct series *s = &e->scores.series[i];

        if (s->n && s->v[s->n - 1].e.step > step)
            step = s->v[s->n - 1].e.step;
    }
    return step;
}

/* The newest of all that is measured, with the signs of its curves, and each with its step where others are newer, in
 * as many rows as that takes. Returns the row below. */
static int draw_figures(const struct endured *e, const struct ui *ui, const struct view *v, int y)
{
    const struct {
        const char *label;
        struct last_seen seen;
    } last[] = {{"drift", e->drift}, {"harmful loss", e->harmful}};
    int64_t newest = newest_step(e);
    char text[VAC_NAME + 64], value[NUMBER_SIZE];
    int x = 4;

    for (int i = 0; i < e->scores.n + 2; i++) {
        const struct series *s = i < e->scores.n ? &e->scores.series[i] : NULL;
        unsigned ink = INK_TEXT;
        int64_t at;

        if (s ? s->n == 0 : isnan(last[i - e->scores.n].seen.value))
            continue;
        if (s) {
            const struct vac_eval *score = &s->v[s->n - 1].e;

            ink = signs[sign_of(ui, s)].ink;
            snprintf(text, sizeof text, "%c %s %s%s", signs[sign_of(ui, s)].glyph, s->name,
                     measured_text(value, score->value / (s->rate ? 100 : 1), s->rate),
                     s->rate ? "%" : "");
        } else {
            snprintf(text, sizeof text, "%s %.3g", last[i - e->scores.n].label,
                     last[i - e->scores.n].seen.value);
        }
        at = s ? s->v[s->n - 1].e.step : last[i - e->scores.n].seen.step;
        if (at < newest) {
            size_t len = strlen(text);

            snprintf(text + len, sizeof text - len, " @%lld", (long long)at);
        }
        if (x > 4 && x + (int)strlen(text) > v->w) {
            x = 4;
            y++;
        }
        if (y < v->h)
            x = draw_text(v, x, y, ink, text) + 2;
    }
    return y + 1;
}

bool endured_shown(const struct endured *e, const struct ui *ui, const struct measures *run,
                   const struct view *v)
{
    struct plot_line line[2 * VAC_MAX_EVALS];
    struct plot p = {.lines = line,
                     .y0 = 0,
                     .y1 = 100,
                     .y_unit = "%",
                     .level = NAN,
                     .cursor = NAN,
                     .x_unit = "step",
                     .mono = ui->colors == 0,
                     .guides = ui->guides};
    struct view below;
    char text[200];
    int y;

    if (!*e->shown.dir)
        return false;
    if (v->h > 0)
        draw_cut(v, 4, 0, v->w - 4, INK_HARM | STYLE_BOLD, shown_text(e, text, sizeof text));
    if (e->line && !e->follow && v->h > 1) {
        draw_cut(v, 4, 1, v->w - 4, INK_WARN, "its files cannot be read");
        return true;
    }
    y = draw_figures(e, ui, v, 1);
    below = view_part(v, 0, y, v->w, v->h > y ? v->h - y : 0);
    /* as many steps of the run as the attack has, up to where it leaves it */
    p.x0 = fmax(0, (double)(e->shown.at - e->shown.steps));
    p.x1 = (double)(e->shown.at + e->shown.steps);
    for (int i = 0; i < run->n; i++) {
        const struct series *s = &run->series[i];

        if (s->n && s->rate)
            line[p.n_lines++] =
                measured_line(s->v, s->n, &s->v->step, &s->v->e.value, NULL, INK_GHOST, PLOT_GHOST);
    }
    for (int i = 0; i < e->scores.n; i++) {
        const struct series *s = &e->scores.series[i];

        size_t k = sign_of(ui, s);

        if (s->n && s->rate)
            line[p.n_lines++] = measured_line(s->v, s->n, &s->v->step, &s->v->e.value, NULL,
                                              signs[k].ink, signs[k].glyph);
    }
    if (below.h >= 4 && p.x1 > p.x0)
        plot_draw(&below, &p);
    return true;
}
