/* html_tables.c - the summary of the stages and the journal. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "record/journal.h"
#include "report/html_curves.h"
#include "report/html_svg.h"
#include "report/html_tables.h"
#include "report/html_text.h"
#include "record/lines.h"
#include "record/score.h"
#include "record/scores.h"
#include "record/columns.h"

enum { JOURNAL_ROWS = 400 };

/* ---- Summary ---- */

/* A column over the points of a stage: first and last finite value. */
struct course {
    double first, last;
};

static struct course course_of(const struct run_data *r, size_t stage, size_t column)
{
    struct course c = {NAN, NAN};

    for (size_t i = 0; i < r->n_points; i++) {
        double x = point_get(&r->point[i], column);

        if ((size_t)r->point[i].stage != stage || !isfinite(x))
            continue;
        c.first = isnan(c.first) ? x : c.first;
        c.last = x;
    }
    return c;
}

static void put_course(struct strbuf *out, struct course c, int digits)
{
    sb_puts(out, "<td class=\"n\">");
    page_number(out, c.first, digits);
    if (isfinite(c.first) && c.last != c.first) {
        sb_puts(out, " \xe2\x86\x92 ");
        page_number(out, c.last, digits);
    }
    sb_puts(out, "</td>");
}

static int64_t steps_of(const struct run_data *r, size_t stage)
{
    int64_t n = 0;

    for (size_t i = 0; i < r->n_points; i++)
        if ((size_t)r->point[i].stage == stage && r->point[i].stage_step > n)
            n = r->point[i].stage_step;
    return n;
}

static void put_value(struct strbuf *out, const struct vac_eval *e, enum role role)
{
    if (role == ROLE_LOSS)
        page_number(out, e->value, 4);
    else
        page_percent(out, e->value);
}

static void put_interval(struct strbuf *out, const struct vac_eval *e, enum role role)
{
    if (isfinite(e->lo) && isfinite(e->hi)) {
        bool loss = role == ROLE_LOSS;

        sb_putc(out, '[');
        loss ? page_number(out, e->lo, 4) : page_fixed(out, 100 * e->lo, 1);
        sb_puts(out, ", ");
        loss ? page_number(out, e->hi, 4) : page_fixed(out, 100 * e->hi, 1);
        sb_puts(out, "], ");
    }
    sb_printf(out, "n\xc2\xa0=\xc2\xa0%lld", (long long)e->n);
}

/* How the answers were called: a score that is low because nothing is answered at all is marked,
 * with what is said instead. Nothing where verdicts are not known. */
static void put_verdicts(struct strbuf *out, const struct vac_eval *e, const char *before,
                         const char *after)
{
    const struct vac_verdicts *v = &e->verdicts;

    if (isnan(score_share(e, VERDICT_OTHER)))
        return;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        bool mark = i == VERDICT_OTHER && *v->others;

        sb_puts(out, i ? ", " : before);
        sb_puts(out, mark ? "<strong>" : "");
        sb_printf(out, "%s ", verdict_names[i]);
        page_percent(out, score_share(e, (enum verdict)i));
        sb_puts(out, mark ? "</strong>: " : "");
    }
    page_text(out, v->others, SIZE_MAX);
    sb_puts(out, after);
}

/* What lies under the greedy answers, where it is known. */
static void put_beneath(struct strbuf *out, const struct vac_eval *e, const char *before,
                        const char *after)
{
    const char *sep = before;

    for (size_t i = 0; i < VAC_BENEATH_COUNT; i++) {
        char text[VAC_SPAN_TEXT];

        if (!e->beneath[i].known)
            continue;
        sb_printf(out, "%s%s %s", sep, vac_beneath[i].label,
                  vac_span_text(&e->beneath[i], true, text));
        sep = ", ";
    }
    if (sep != before)
        sb_puts(out, after);
}

/* Whether an entry's margin was ever known. */
static bool any_margin(const struct run_data *r, const struct entry *entry)
{
    for (size_t i = 0; i < r->n_evals; i++)
        if (r->eval[i].beneath[VAC_BENEATH_margin].known && !strcmp(r->eval[i].name, entry->name))
            return true;
    return false;
}

/* Last value of an entry in a stage, with its interval, and where it came from. */
static void put_result(struct strbuf *out, const struct run_data *r, size_t stage,
                       const struct entry *entry)
{
    const struct vac_eval *first = run_eval_first(r, r->stage[stage].name, entry->name);
    const struct vac_eval *last = run_eval_last(r, r->stage[stage].name, entry->name);

    if (!last) {
        sb_puts(out, "<td class=\"n\">\xe2\x80\x93</td>");
        return;
    }
    sb_puts(out, "<td class=\"n\"><b>");
    put_value(out, last, entry->role);
    sb_puts(out, "</b><small>");
    put_interval(out, last, entry->role);
    sb_puts(out, "</small>");
    put_verdicts(out, last, "<small>", "</small>");
    put_beneath(out, last, "<small>", "</small>");
    if (first != last) {
        sb_puts(out, "<small>from ");
        put_value(out, first, entry->role);
        sb_puts(out, "</small>");
    }
    sb_puts(out, "</td>");
}

/* Where a share passed one half: `at`, NaN = nowhere. */
static void put_half(struct strbuf *out, const struct run_data *r, size_t stage,
                     const struct entry *entry, double at, bool known)
{
    const struct vac_eval *first = run_eval_first(r, r->stage[stage].name, entry->name);

    sb_puts(out, "<td class=\"n\">");
    if (!first || !known)
        page_number(out, NAN, 3);
    else if (at <= (double)first->stage_step)
        sb_puts(out, "begins above");
    else if (isfinite(at))
        page_number(out, at, 3);
    else
        sb_printf(out, "not in %lld", (long long)steps_of(r, stage));
    sb_puts(out, "</td>");
}

static void put_head(struct strbuf *out, const struct run_data *r, const struct entry *entry,
                     size_t n)
{
    sb_puts(out, "<thead><tr><th>Stage</th><th>Method</th><th class=\"n\">\xcf\x81</th>"
                 "<th class=\"n\">Steps</th><th class=\"n\">Loss</th>");
    for (size_t i = 0; i < n; i++) {
        sb_puts(out, "<th class=\"n\">");
        page_text(out, entry[i].name, SIZE_MAX);
        sb_puts(out, "</th>");
        if (entry[i].role == ROLE_HARM) {
            sb_puts(out, "<th class=\"n\">Steps to ");
            page_text(out, entry[i].name, SIZE_MAX);
            sb_puts(out, " 50\xc2\xa0%<br>against this attack</th><th class=\"n\">Steps until "
                         "half<br>is no longer "
                         "refused</th>");
            if (any_margin(r, &entry[i]))
                sb_puts(out, "<th class=\"n\">Steps until the<br>margin is below .5</th>");
        }
    }
    sb_puts(out, "</tr></thead>\n");
}

static void put_stage(struct strbuf *out, const struct run_data *r, size_t i,
                      const struct entry *entry, size_t n)
{
    const char *stage = r->stage[i].name;
    const struct vac_eval *last;

    sb_puts(out, "<tr><td>");
    page_text(out, stage, SIZE_MAX);
    sb_puts(out, "</td><td>");
    page_text(out, r->stage[i].method, SIZE_MAX);
    sb_puts(out, "</td>");
    put_course(out, course_of(r, i, VAC_COLUMN_rho), 4);
    sb_printf(out, "<td class=\"n\">%lld</td>", (long long)steps_of(r, i));
    put_course(out, course_of(r, i, VAC_COLUMN_loss), 3);
    for (size_t k = 0; k < n; k++) {
        put_result(out, r, i, &entry[k]);
        if (entry[k].role != ROLE_HARM)
            continue;
        last = run_eval_last(r, stage, entry[k].name);
        put_half(out, r, i, &entry[k], run_steps_to_break(r, stage, entry[k].name, 0.5), true);
        put_half(out, r, i, &entry[k], run_steps_to_unrefused(r, stage, entry[k].name, 0.5),
                 last && !isnan(score_share(last, VERDICT_REFUSED)));
        if (any_margin(r, &entry[k]))
            put_half(out, r, i, &entry[k], run_steps_to_confused(r, stage, entry[k].name, 0.5),
                     last && last->beneath[VAC_BENEATH_margin].known);
    }
    sb_puts(out, "</tr>\n");
}

/* The newest value of each entry, large. */
static void put_tiles(struct strbuf *out, const struct run_data *r, const struct entry *entry,
                      size_t n)
{
    sb_puts(out, "<div class=\"tiles\">");
    for (size_t i = 0; i < n; i++) {
        const struct vac_eval *last = NULL;

        for (size_t k = 0; k < r->n_evals; k++)
            if (!strcmp(r->eval[k].name, entry[i].name))
                last = &r->eval[k];
        if (!last)
            continue;
        sb_printf(out, "<div class=\"tile c%d\">", (int)role_hue(entry[i].role));
        page_text(out, entry[i].name, SIZE_MAX);
        sb_puts(out, "<b>");
        put_value(out, last, entry[i].role);
        sb_puts(out, "</b><small>");
        put_interval(out, last, entry[i].role);
        put_verdicts(out, last, "<br>", "");
        put_beneath(out, last, "<br>", "");
        sb_puts(out, "<br>");
        page_text(out, last->stage, SIZE_MAX);
        sb_printf(out, ", step %lld</small></div>", (long long)last->stage_step);
    }
    sb_puts(out, "</div>\n");
}

void page_summary(struct strbuf *out, const struct run_data *r)
{
    struct entry entry[VAC_MAX_EVALS];
    size_t n = page_entries(r, entry);

    put_tiles(out, r, entry, n);
    sb_puts(out, "<section><h2>Summary</h2>\n<div class=\"wide\"><table>");
    put_head(out, r, entry, n);
    sb_puts(out, "<tbody>\n");
    for (size_t i = 0; i < r->n_stages; i++)
        put_stage(out, r, i, entry, n);
    sb_puts(
        out,
        "</tbody></table></div>\n<p class=\"muted\">Values at the end of each stage with "
        "Wilson 95\xc2\xa0% intervals (in percent), and where they began. A model that answers "
        "neither yes nor no looks safe in a score that counts answers: what is neither answered "
        "nor refused is other, and bold where it is a fifth or more.</p></section>\n");
}

/* ---- Journal ---- */

static void put_part(struct strbuf *out, const char *before, const char *text)
{
    if (text && *text) {
        sb_puts(out, before);
        page_text(out, text, 400);
    }
}

static void put_journal_row(struct strbuf *out, const cJSON *line)
{
    struct jnode node = json_root(line, "journal.jsonl");
    struct journal_entry e;
    char time[24];

    journal_read(&node, &e, NULL);
    sb_printf(out, "<tr><td class=\"n\">%lld</td><td style=\"white-space:nowrap\">",
              (long long)(e.applied ? e.applied_step : e.step));
    lines_name(time, sizeof time, e.time ? e.time : "");
    time[strcspn(time, ".")] = '\0';
    if (strlen(time) == 19 && time[10] == 'T')
        time[10] = ' ';
    page_text(out, time, SIZE_MAX);
    sb_puts(out, "</td><td>");
    put_part(out, "", e.who);
    sb_puts(out, "</td><td>");
    put_part(out, "", e.word);
    sb_puts(out, "</td><td>");
    put_part(out, "", e.key);
    put_part(out, " ", e.old);
    put_part(out, e.old ? " \xe2\x86\x92 " : " ", e.value);
    put_part(out, e.key ? ": " : "", e.reason);
    sb_puts(out, "</td><td>");
    put_part(out, "", e.status);
    sb_puts(out, "</td></tr>\n");
}

void page_journal(struct strbuf *out, const struct run_data *r)
{
    int n = cJSON_GetArraySize(r->journal), skip = n > JOURNAL_ROWS ? n - JOURNAL_ROWS : 0;
    const cJSON *line;

    if (!n)
        return;
    sb_puts(out, "<section><h2>Journal</h2>\n");
    if (skip)
        sb_printf(out, "<p class=\"muted\">The newest %d of %d lines.</p>\n", JOURNAL_ROWS, n);
    sb_puts(
        out,
        "<div class=\"wide\"><table><thead><tr><th class=\"n\">Step</th><th>Time "
        "(UTC)</th><th>Who</th><th>What</th><th>Details</th><th>Status</th></tr></thead><tbody>\n");
    cJSON_ArrayForEach(line, r->journal)
    {
        if (skip-- <= 0)
            put_journal_row(out, line);
    }
    sb_puts(out, "</tbody></table></div></section>\n");
}
