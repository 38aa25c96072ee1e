/* endured.c - see endured.h */
#include "panels/endured.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void endured_done(struct endured *e)
{
    free(e->attack);
    vac_batteries_done(e->battery, e->n_batteries);
    *e = (struct endured){.attack = NULL};
}

void endured_refresh(struct endured *e, const char *dir)
{
    char path[VAC_PATH + 16];
    struct stat st;

    snprintf(path, sizeof path, "%s/attacks.jsonl", dir);
    if (stat(path, &st) || st.st_size == e->size)
        return;
    endured_done(e);
    vac_run_attacks(dir, &e->attack, &e->n_attacks, NULL);
    vac_run_batteries(dir, false, &e->battery, &e->n_batteries, NULL);
    e->size = st.st_size;
}

/* --- in words --- */

/* How many steps of an attack the weights of each step took to break, an attack in a row. */
static int draw_attacks(const struct endured *e, const struct view *v, int y)
{
    for (size_t i = 0; i < e->n_attacks && y < v->h; i++) {
        const struct vac_attack *a = &e->attack[i];
        char broke[VAC_ATTACK_BROKE], text[400];
        bool told = vac_attack_of_battery(a, e->battery, e->n_batteries);
        int n;

        for (size_t k = 0; k < i; k++)
            told |= vac_attack_same(a, &e->attack[k]);
        if (told)
            continue;
        n = snprintf(text, sizeof text, "against this attack (%s%s%lld steps, lr %.3g", a->name,
                     *a->name ? ", " : "", (long long)a->steps, a->lr);
        if (!isnan(a->ratio))
            n += snprintf(text + n, sizeof text - (size_t)n, ", ratio %.3g", a->ratio);
        n += snprintf(text + n, sizeof text - (size_t)n, "): steps to break");
        for (size_t k = i; k < e->n_attacks && n < (int)sizeof text - 1; k++)
            if (vac_attack_same(a, &e->attack[k]))
                n += snprintf(text + n, sizeof text - (size_t)n, "  @%lld %s",
                              (long long)e->attack[k].step, vac_attack_broke(&e->attack[k], broke));
        y = draw_flow(v, 4, y, v->w - 5, INK_TEXT, text, 0); /* its end is what matters */
    }
    return y;
}

static void row_text(char *out, size_t size, const struct vac_battery_row *r)
{
    const struct vac_attack_score *harm = vac_attack_harm(&r->attack);
    char broke[VAC_ATTACK_BROKE], value[NUMBER_SIZE];
    int n = snprintf(out, size, "%-24s ", r->name);

    if (!r->told) {
        snprintf(out + n, size - (size_t)n, "not made yet");
        return;
    }
    if (harm)
        n += snprintf(out + n, size - (size_t)n, "%s %5s%s  broke %-18s", harm->e.name,
                      measured_text(value, harm->e.value, harm->e.is_rate),
                      harm->e.is_rate ? "%" : "", vac_attack_broke(&r->attack, broke));
    for (int i = 0; i < r->attack.n_scores && n < (int)size; i++) {
        const struct vac_eval *e = &r->attack.score[i].e;

        if (&r->attack.score[i] != harm)
            n += snprintf(out + n, size - (size_t)n, "  %s %s%s", e->name,
                          measured_text(value, e->value, e->is_rate), e->is_rate ? "%" : "");
    }
    if (!r->within && n < (int)size)
        snprintf(out + n, size - (size_t)n, "  outside: %s", r->outside);
}

/* Of each battery the worst case, and its attacks as far as there is room: the worst first, those that
 * fall outside the bounds faint. */
static int draw_batteries(const struct endured *e, const struct view *v, int y)
{
    int rows = (v->h - y) / 2; /* the picture's is the other half */

    for (size_t i = e->n_batteries; i-- > 0 && rows > 0;) {
        const struct vac_battery *b = &e->battery[i];
        char line[VAC_BATTERY_WORST + VAC_NAME + 32], worst[VAC_BATTERY_WORST];

        snprintf(line, sizeof line, "%s @%lld: %s", b->name, (long long)b->step,
                 vac_battery_worst(b, worst));
        draw_cut(v, 4, y++, v->w - 4, INK_STRONG, line);
        rows--;
        for (int k = -1; k < (int)b->n && rows > 0; k++) { /* the worst, then all but the worst */
            size_t at = k < 0 ? b->worst : (size_t)k;

            if (at == b->n || (k >= 0 && at == b->worst))
                continue;
            row_text(line, sizeof line, &b->row[at]);
            draw_cut(v, 6, y++, v->w - 6,
                     b->row[at].told && b->row[at].within ? INK_TEXT : INK_FAINT, line);
            rows--;
        }
    }
    return y;
}

int endured_draw(const struct endured *e, const struct view *v, int y)
{
    return draw_batteries(e, v, draw_attacks(e, v, y));
}

void endured_readout(const struct endured *e, FILE *out)
{
    char worst[VAC_BATTERY_WORST];

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
    size_t at = 0, longest = 0;

    for (size_t i = 0; all && i < e->n_attacks && p.n_lines < KINDS; i++) {
        size_t n = take_kind(e, i, all + at);
        char *text = name[p.n_lines];

        if (n == 0)
            continue;
        if (*e->attack[i].name)
            snprintf(text, sizeof *name, "%s", e->attack[i].name);
        else
            snprintf(text, sizeof *name, "lr %.3g, %lld steps", e->attack[i].lr,
                     (long long)e->attack[i].steps);
        line[p.n_lines] = (struct plot_line){.name = text,
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
        longest = n > longest ? n : longest;
        at += n;
    }
    p.mono = ui->colors == 0;
    p.legend = below.h > 8;
    if (longest >= LEAST_CURVE && below.h >= 4) {
        draw_cut(v, 4, 0, v->w - 4, INK_FAINT,
                 "immunity: steps of the attack to break, by step of the run");
        plot_draw(&below, &p);
    }
    free(all);
    return longest >= LEAST_CURVE && below.h >= 4;
}
