/* battery_text.c - see battery_text.h */
#include "report/battery_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/csv_out.h"
#include "base/json_out.h"

enum { CURVE_POINTS = 7, CELL = 96 };
/* Columns before those of the other scores, and behind them. */
enum {
    NAME,
    STEPS,
    HARM,
    BROKE,
    SCORES,
    AFTER = SCORES + VAC_MAX_EVALS,
    LOSS = AFTER,
    CURVE,
    COLUMNS
};

static void put_safe(struct strbuf *s, const char *text)
{
    sb_safe(s, text, strlen(text), "", true);
}

/* --- for people --- */

static void score_text(char *out, size_t size, const struct vac_attack_score *x, bool before)
{
    double unit = x->e.is_rate ? 100 : 1;
    const char *sign = x->e.is_rate ? "%" : "";
    int digits = x->e.is_rate ? 1 : 4, n = 0;

    if (before && !isnan(x->before))
        n = snprintf(out, size, "%.*f -> ", digits, unit * x->before);
    n += snprintf(out + n, size - (size_t)n, "%.*f%s", digits, unit * x->e.value, sign);
    if (!isnan(x->e.lo))
        snprintf(out + n, size - (size_t)n, " [%.*f, %.*f]", digits, unit * x->e.lo, digits,
                 unit * x->e.hi);
}

/* The curve at a few steps, evenly, the first and the last among them: "0 0 12 55 89". */
static void curve_text(char *out, size_t size, const struct vac_battery_row *r)
{
    size_t points = r->n_curve < CURVE_POINTS ? r->n_curve : CURVE_POINTS;
    int n = 0;

    *out = '\0';
    for (size_t i = 0; i < points; i++) {
        const struct vac_eval *e = &r->curve[points > 1 ? i * (r->n_curve - 1) / (points - 1) : 0];

        n += snprintf(out + n, size - (size_t)n, e->is_rate ? "%s%.0f" : "%s%.3f", i ? " " : "",
                      (e->is_rate ? 100 : 1) * e->value);
    }
}

/* A row that is told has the head's scores where it measured them. */
static void cell_text(char out[CELL], const struct vac_battery_row *r,
                      const struct vac_attack *head, int column)
{
    const struct vac_attack_score *harm = vac_attack_harm(&r->attack);
    char broke[VAC_ATTACK_BROKE];

    *out = '\0';
    if (column == NAME)
        snprintf(out, CELL, "%s", r->name);
    else if (column == STEPS && !r->told)
        snprintf(out, CELL, r->planned ? "-/%lld" : "-", (long long)r->planned);
    else if (column == STEPS)
        snprintf(out, CELL, r->attack.steps < r->planned ? "%lld/%lld" : "%lld",
                 (long long)r->attack.steps, (long long)r->planned);
    else if (!r->told)
        return;
    else if (column == HARM && harm)
        score_text(out, CELL, harm, true);
    else if (column == BROKE)
        snprintf(out, CELL, "%s", vac_battery_broke(r, broke));
    else if (column == LOSS && !isnan(r->attack.harmful_loss))
        snprintf(out, CELL, "%.4f", r->attack.harmful_loss);
    else if (column == CURVE)
        curve_text(out, CELL, r);
    else if (column >= SCORES && column < SCORES + head->n_scores)
        for (int i = 0; i < r->attack.n_scores; i++)
            if (!strcmp(r->attack.score[i].e.name, head->score[column - SCORES].e.name) &&
                &r->attack.score[i] != harm)
                score_text(out, CELL, &r->attack.score[i], false);
}

/* The head of a column; "" = the table has it not. */
static void head_text(char out[CELL], const struct vac_attack *head, int column)
{
    static const char *const fixed[COLUMNS] = {
        [NAME] = "ATTACK", [STEPS] = "STEPS", [BROKE] = "STEPS TO BREAK", [LOSS] = "HARMFUL LOSS"};
    const struct vac_attack_score *harm = vac_attack_harm(head);

    snprintf(out, CELL, "%s", fixed[column] ? fixed[column] : "");
    if (column == HARM && harm)
        snprintf(out, CELL, "%s", harm->e.name);
    else if (column == CURVE && harm)
        snprintf(out, CELL, "%s OVER ITS STEPS", harm->e.name);
    else if (column >= SCORES && column < SCORES + head->n_scores &&
             &head->score[column - SCORES] != harm)
        snprintf(out, CELL, "%s", head->score[column - SCORES].e.name);
}

/* What is not in the worst case, and where the steps went. */
static void put_notes(struct strbuf *s, const struct vac_battery *v)
{
    size_t stopped = 0;

    for (size_t i = 0; i < v->n; i++) {
        const struct vac_battery_row *r = &v->row[i];

        stopped += r->told && r->attack.steps < r->planned;
        if (r->told && !r->within) {
            sb_puts(s, "outside the bounds: ");
            put_safe(s, r->name);
            sb_puts(s, ": ");
            put_safe(s, r->outside);
            sb_putc(s, '\n');
        }
    }
    sb_printf(s, v->spent == 1 ? "%lld attack step was made" : "%lld attack steps were made",
              (long long)v->spent);
    if (v->budget)
        sb_printf(s, ", of a budget of %lld", (long long)v->budget);
    if (stopped)
        sb_printf(s, "; %zu attack%s stopped early (STEPS made/planned)", stopped,
                  stopped == 1 ? " was" : "s were");
    if (v->told < v->n)
        sb_printf(s, "; %zu not made yet", v->n - v->told);
    sb_putc(s, '\n');
}

void battery_text(struct strbuf *s, const struct vac_battery *v)
{
    const struct vac_attack none = {.n_scores = 0}, *head = &none;
    size_t wide[COLUMNS] = {0};
    char text[CELL], worst[VAC_BATTERY_WORST];

    for (size_t i = 0; i < v->n && head == &none; i++)
        if (v->row[i].told)
            head = &v->row[i].attack;
    sb_puts(s, "battery ");
    put_safe(s, v->name);
    sb_printf(s, ": the weights of step %lld, against each of these attacks\n", (long long)v->step);
    for (int c = 0; c < COLUMNS; c++) {
        head_text(text, head, c);
        wide[c] = *text ? strlen(text) : 0;
        for (size_t i = 0; wide[c] && i < v->n; i++) {
            cell_text(text, &v->row[i], head, c);
            wide[c] = strlen(text) > wide[c] ? strlen(text) : wide[c];
        }
    }
    for (size_t i = 0; i <= v->n; i++) {
        size_t gap = 0;

        for (int c = 0; c < COLUMNS; c++) {
            if (!wide[c])
                continue;
            if (i == 0)
                head_text(text, head, c);
            else
                cell_text(text, &v->row[i - 1], head, c);
            if (*text)
                sb_printf(s, "%*s", (int)gap, "");
            gap = *text ? 0 : gap;
            put_safe(s, text);
            gap += wide[c] - strlen(text) + 2;
        }
        sb_putc(s, '\n');
    }
    put_safe(s, vac_battery_worst(v, worst));
    sb_putc(s, '\n');
    put_notes(s, v);
}

/* --- for programs --- */

static void csv_number(struct strbuf *s, double x)
{
    sb_putc(s, ',');
    if (!isnan(x))
        sb_num(s, x);
}

void battery_csv(struct strbuf *s, const struct vac_battery *v, size_t n)
{
    sb_puts(s,
            "battery,step,attack,kind,planned,steps,within,worst,harmful_loss,score,before,value,"
            "lo,hi,count,n,broke,broke_lo,broke_hi\n");
    for (; n > 0; n--, v++)
        for (size_t i = 0; i < v->n; i++) {
            const struct vac_battery_row *r = &v->row[i];

            for (int k = 0; r->told && k < r->attack.n_scores; k++) {
                const struct vac_attack_score *x = &r->attack.score[k];

                csv_put(s, v->name);
                sb_printf(s, ",%lld,", (long long)v->step);
                csv_put(s, r->name);
                sb_putc(s, ',');
                csv_put(s, r->kind);
                sb_printf(s, ",%lld,%lld,%d,%d", (long long)r->planned, (long long)r->attack.steps,
                          r->within, i == v->worst);
                csv_number(s, r->attack.harmful_loss);
                sb_putc(s, ',');
                csv_put(s, x->e.name);
                csv_number(s, x->before);
                csv_number(s, x->e.value);
                csv_number(s, x->e.lo);
                csv_number(s, x->e.hi);
                sb_printf(s, ",%lld,%lld", (long long)x->e.count, (long long)x->e.n);
                csv_number(s, x->broke.value);
                csv_number(s, x->broke.lo);
                csv_number(s, x->broke.hi);
                sb_putc(s, '\n');
            }
        }
}

static void row_json(struct json_out *o, const struct vac_battery_row *r)
{
    json_put_object(o, NULL, JSON_TIGHT);
    json_put_text(o, "name", r->name);
    json_put_text(o, "kind", r->kind);
    json_put_int(o, "planned", r->planned);
    if (r->told) {
        json_put_int(o, "steps", r->attack.steps);
        json_put_bool(o, "within", r->within);
        if (!r->within)
            json_put_text(o, "outside", r->outside);
        json_put_num(o, "harmful_loss", r->attack.harmful_loss);
        json_put_num(o, "drift_mean", r->attack.drift);
        json_put_object(o, "scores", JSON_TIGHT);
        for (int i = 0; i < r->attack.n_scores; i++) {
            const struct vac_attack_score *x = &r->attack.score[i];

            json_put_object(o, x->e.name, JSON_TIGHT);
            json_put_num(o, "before", x->before);
            json_put_num(o, "value", x->e.value);
            json_put_num(o, "lo", x->e.lo);
            json_put_num(o, "hi", x->e.hi);
            json_put_int(o, "count", x->e.count);
            json_put_int(o, "n", x->e.n);
            if (x->judged) {
                json_put_num(o, "broke", x->broke.value);
                json_put_num(o, "broke_lo", x->broke.lo);
                json_put_num(o, "broke_hi", x->broke.hi);
            }
            json_put_end(o);
        }
        json_put_end(o);
        json_put_list(o, "curve", JSON_TIGHT);
        for (size_t i = 0; i < r->n_curve; i++) {
            json_put_list(o, NULL, JSON_TIGHT);
            json_put_int(o, NULL, r->curve[i].stage_step);
            json_put_num(o, NULL, r->curve[i].value);
            json_put_num(o, NULL, r->curve[i].lo);
            json_put_num(o, NULL, r->curve[i].hi);
            json_put_end(o);
        }
        json_put_end(o);
    }
    json_put_end(o);
}

void battery_json(struct strbuf *s, const struct vac_battery *v, size_t n)
{
    for (; n > 0; n--, v++) {
        struct json_out o = json_out(s);

        json_put_object(&o, NULL, JSON_TIGHT);
        json_put_text(&o, "battery", v->name);
        json_put_int(&o, "step", v->step);
        json_put_text(&o, "stage", v->stage);
        json_put_text(&o, "bounds", v->bounds);
        json_put_int(&o, "budget", v->budget);
        json_put_int(&o, "spent", v->spent);
        if (v->worst < v->n)
            json_put_text(&o, "worst", v->row[v->worst].name);
        json_put_list(&o, "attacks", JSON_TIGHT);
        for (size_t i = 0; i < v->n; i++)
            row_json(&o, &v->row[i]);
        json_put_end(&o);
        json_put_end(&o);
        sb_putc(s, '\n');
    }
}
