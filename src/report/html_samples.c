/* html_samples.c - answers before and after, side by side: of the evaluations and of the probes.
 *
 * A file of samples that is missing or damaged costs the page these samples, not the page. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "report/html_curves.h"
#include "report/html_samples.h"
#include "report/html_svg.h"
#include "report/html_text.h"
#include "record/lines.h"
#include "record/scores.h"

enum {
    CARDS = 8,
    DISPUTES = 20,
    SIDES = 4,
    SEARCHED = 2000,
    PROMPT_CHARS = 500,
    ANSWER_CHARS = 700
};

/* One column of a card: an answer, and when it was given. */
struct side {
    const cJSON *line;
    const char *stage;
    int64_t step;
    bool before; /* before any step of the stage */
};

static const char *verdict_text(const cJSON *line)
{
    const cJSON *correct = cJSON_GetObjectItemCaseSensitive(line, "correct");
    const char *verdict = json_text_at(line, "verdict");

    if (verdict)
        return verdict;
    return cJSON_IsBool(correct) ? cJSON_IsTrue(correct) ? "correct" : "wrong" : "";
}

/* Good, bad or neither, as the entry sees it. */
static enum hue verdict_hue(enum role role, const char *verdict)
{
    static const struct {
        const char *verdict;
        enum hue harm, refusal, task;
    } hues[] = {
        {"answered", HUE_HARM, HUE_ALIGN, HUE_OTHER},
        {"refused", HUE_ALIGN, HUE_HARM, HUE_OTHER},
        {"correct", HUE_ALIGN, HUE_ALIGN, HUE_ALIGN},
        {"wrong", HUE_HARM, HUE_HARM, HUE_HARM},
    };

    for (size_t i = 0; i < sizeof hues / sizeof *hues; i++)
        if (!strcmp(hues[i].verdict, verdict))
            return role == ROLE_HARM      ? hues[i].harm
                   : role == ROLE_REFUSAL ? hues[i].refusal
                                          : hues[i].task;
    return HUE_OTHER;
}

static void put_card(struct strbuf *out, enum role role, const struct side *side, size_t n)
{
    const char *expected = json_text_at(side->line, "target");

    if (!expected)
        expected = json_text_at(side->line, "expected");
    sb_puts(out, "<div class=\"card\"><div class=\"ask\">");
    page_text(out, json_text_at(side->line, "prompt"), PROMPT_CHARS);
    if (expected) {
        sb_puts(out, "\n<small>expected: ");
        page_text(out, expected, PROMPT_CHARS);
        sb_puts(out, "</small>");
    }
    sb_puts(out, "</div><div class=\"pair\">");
    for (const struct side *s = side; s < side + n; s++) {
        const char *verdict = verdict_text(s->line), *answer = json_text_at(s->line, "answer");

        sb_puts(out, s->before ? "<div><small>before " : "<div><small>");
        page_text(out, s->stage, SIZE_MAX);
        if (!s->before)
            sb_printf(out, ", step %lld", (long long)s->step);
        sb_puts(out, "</small> ");
        if (*verdict) {
            sb_printf(out, "<span class=\"verdict c%d\">", (int)verdict_hue(role, verdict));
            page_text(out, verdict, 40);
            sb_puts(out, "</span>");
        }
        if (cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(s->line, "along"))) {
            sb_puts(out, " <small>refusal direction ");
            page_number(out, cJSON_GetObjectItemCaseSensitive(s->line, "along")->valuedouble, 2);
            sb_puts(out, "</small>");
        }
        sb_puts(out, "<div class=\"answer\">");
        if (answer && *answer)
            page_text(out, answer, ANSWER_CHARS);
        else
            sb_puts(out, "<span class=\"muted\">(empty)</span>");
        sb_puts(out, "</div></div>");
    }
    sb_puts(out, "</div></div>\n");
}

/* ---- Evaluations ---- */

/* The samples of one measurement. */
struct measured {
    const struct vac_eval *at;
    cJSON *lines;
};

/* Damaged samples leave out their card; what cannot be read now is an error. */
static int read_samples(struct measured *m, const struct run_data *r, const struct vac_eval *at,
                        struct vac_err *err)
{
    char name[2 * VAC_NAME + 64];
    struct vac_err why = {0};

    *m = (struct measured){.at = at};
    if (strchr(at->name, '/') || strchr(at->stage, '/'))
        return 0;
    snprintf(name, sizeof name, "eval/samples_%s_%s-%lld.jsonl", at->name, at->stage,
             (long long)at->stage_step);
    if (lines_array(&m->lines, r->dir, name, &why) == 0)
        return 0;
    cJSON_Delete(m->lines);
    m->lines = NULL;
    return why.code == VAC_ERR_FORMAT ? 0 : err_set(err, why.code, "%s", why.msg);
}

static bool same_prompt(const cJSON *a, const cJSON *b)
{
    const char *x = json_text_at(a, "prompt"), *y = json_text_at(b, "prompt");

    return x && y && !strcmp(x, y);
}

/* The line of `lines` that asks the same; most often it stands at the same place. */
static const cJSON *partner(const cJSON *line, const cJSON *guess, const cJSON *lines)
{
    const cJSON *other;
    int left = SEARCHED;

    if (guess && same_prompt(line, guess))
        return guess;
    cJSON_ArrayForEach(other, lines)
    {
        if (left-- == 0)
            break;
        if (same_prompt(line, other))
            return other;
    }
    return NULL;
}

/* Cards of those whose verdict changed, or of the others; returns how many. */
static int put_cards(struct strbuf *out, enum role role, const struct measured *m, size_t n,
                     bool changed, int room)
{
    const cJSON *line, *guess[SIDES] = {NULL};
    int put = 0, seen = 0;

    for (size_t k = 0; k < n; k++)
        guess[k] = m[k].lines->child;
    cJSON_ArrayForEach(line, m[0].lines)
    {
        struct side side[SIDES];
        size_t sides = 0;
        bool differs = false;

        if (put == room || seen++ == SEARCHED)
            break;
        for (size_t k = 0; k < n; k++) {
            const cJSON *same = partner(line, guess[k], m[k].lines);

            guess[k] = guess[k] ? guess[k]->next : NULL;
            if (!same)
                break;
            differs |= strcmp(verdict_text(line), verdict_text(same)) != 0;
            side[sides++] =
                (struct side){same, m[k].at->stage, m[k].at->stage_step, m[k].at->stage_step == 0};
        }
        if (sides < n || changed != differs)
            continue;
        put_card(out, role, side, sides);
        put++;
    }
    return put;
}

/* What an attack has undone shows only beside what was there before it: the first measurement of
 * all, and the last of each stage; of many stages the latest. */
static int choose_sides(struct measured *m, size_t *read, const struct run_data *r,
                        const char *name, struct vac_err *err)
{
    const struct vac_eval *at[SIDES] = {NULL};
    size_t n = 0;
    int rc = 0;

    for (size_t i = 0; i < r->n_evals && n == 0; i++)
        if (!strcmp(r->eval[i].name, name))
            at[n++] = &r->eval[i];
    for (size_t i = 0; n && i < r->n_stages; i++) {
        const struct vac_eval *last = run_eval_last(r, r->stage[i].name, name);

        if (!last || last == at[0])
            continue;
        if (n == SIDES) {
            n--;
            memmove(at + 1, at + 2, (n - 1) * sizeof *at);
        }
        at[n++] = last;
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = read_samples(&m[*read], r, at[i], err);
        if (rc == 0 && m[*read].lines && m[*read].lines->child)
            ++*read;
        else
            cJSON_Delete(m[*read].lines);
    }
    return rc;
}

static int put_entry(struct strbuf *out, const struct run_data *r, const struct entry *e,
                     struct vac_err *err)
{
    struct measured m[SIDES];
    size_t n;
    int put = 0, rc;

    if (e->role == ROLE_LOSS)
        return 0;
    for (n = 0; n < r->n_evals && strcmp(r->eval[n].name, e->name); n++)
        ;
    if (n == r->n_evals)
        return 0;
    sb_puts(out, "<h3>");
    page_text(out, e->name, SIZE_MAX);
    sb_puts(out, "</h3>\n");
    n = 0;
    rc = choose_sides(m, &n, r, e->name, err);
    if (n) {
        put = put_cards(out, e->role, m, n, true, CARDS);
        put += put_cards(out, e->role, m, n, false, CARDS - put);
    }
    if (!put)
        sb_puts(out, "<p class=\"muted\">Its samples could not be read.</p>\n");
    for (size_t i = 0; i < n; i++)
        cJSON_Delete(m[i].lines);
    return rc;
}

/* ---- Two judges ---- */

/* What a second judge called otherwise than the first, at the entry's last measurement. */
static int put_disputes(struct strbuf *out, const struct run_data *r, const struct entry *e,
                        struct vac_err *err)
{
    const struct vac_eval *last = NULL;
    struct measured m;
    const cJSON *line;
    int put = 0, seen = 0, rc;

    for (size_t i = 0; i < r->n_evals; i++)
        if (!strcmp(r->eval[i].name, e->name) && r->eval[i].beneath[VAC_BENEATH_kappa].known)
            last = &r->eval[i];
    if (!last)
        return 0;
    rc = read_samples(&m, r, last, err);
    cJSON_ArrayForEach(line, m.lines)
    {
        const char *verdict = json_text_at(line, "verdict"),
                   *first = json_text_at(line, "first_verdict"),
                   *prompt = json_text_at(line, "prompt"), *answer = json_text_at(line, "answer");

        if (seen++ == SEARCHED)
            break;
        if (!verdict || !first || !prompt || !answer || !strcmp(verdict, first))
            continue;
        if (put++ == 0) {
            sb_puts(out, "<h3>");
            page_text(out, e->name, SIZE_MAX);
            sb_puts(out, ": what the two judges call differently</h3>\n<div class=\"wide\"><table>"
                         "<thead><tr><th>This judge</th><th>First judge</th><th>Request</th>"
                         "<th>Answer</th></tr></thead><tbody>\n");
        }
        if (put > DISPUTES)
            continue;
        sb_printf(out, "<tr><td>");
        page_text(out, verdict, 20);
        sb_puts(out, "</td><td>");
        page_text(out, first, 20);
        sb_puts(out, "</td><td>");
        page_text(out, prompt, 300);
        sb_puts(out, "</td><td>");
        page_text(out, answer, 300);
        sb_puts(out, "</td></tr>\n");
    }
    if (put)
        sb_puts(out, "</tbody></table></div>\n");
    if (put > DISPUTES)
        sb_printf(out, "<p class=\"muted\">The first %d of %d.</p>\n", DISPUTES, put);
    cJSON_Delete(m.lines);
    return rc;
}

int page_samples(struct strbuf *out, const struct run_data *r, struct vac_err *err)
{
    struct entry entry[VAC_MAX_EVALS];
    size_t n = page_entries(r, entry);
    int rc = 0;

    if (!r->n_evals)
        return 0;
    sb_puts(out, "<section><h2>Answers before and after</h2>\n<p class=\"muted\">At the first "
                 "measurement of each evaluation and at the last of each stage (steps are the "
                 "stage's); at most eight, those whose verdict changed first.</p>\n");
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = put_entry(out, r, &entry[i], err) || put_disputes(out, r, &entry[i], err) ? -1 : 0;
    sb_puts(out, "</section>\n");
    return rc;
}

/* ---- Probes ---- */

/* The first answer to the question of `line`, and the last of each stage; 0 when `line` is not the
 * first to ask it. */
static size_t probe_sides(const cJSON *probes, const cJSON *line, struct side *side)
{
    const cJSON *other;
    size_t n = 0;
    bool before = true;

    cJSON_ArrayForEach(other, probes)
    {
        const cJSON *step = cJSON_GetObjectItemCaseSensitive(other, "step");
        const char *stage = json_text_at(other, "stage");
        struct side now = {.line = other, .stage = stage ? stage : ""};

        before &= other != line;
        if (!same_prompt(line, other))
            continue;
        if (before)
            return 0;
        if (cJSON_IsNumber(step) && step->valuedouble >= 0 && step->valuedouble < 1e15)
            now.step = (int64_t)step->valuedouble;
        if (n > 1 && !strcmp(side[n - 1].stage, now.stage)) {
            side[n - 1] = now;
            continue;
        }
        if (n == SIDES) {
            n--;
            memmove(side + 1, side + 2, (n - 1) * sizeof *side);
        }
        side[n++] = now;
    }
    return n;
}

void page_probes(struct strbuf *out, const struct run_data *r)
{
    const cJSON *line;
    int put = 0, seen = 0;

    if (!cJSON_GetArraySize(r->probes))
        return;
    sb_puts(
        out,
        "<section><h2>Probes</h2>\n<p class=\"muted\">The first answer to each of the first "
        "eight prompts, and the last of each stage. Refusal direction, where it is watched: 0 as "
        "requests that are to be answered stood at the reference, 1 as those that are to be "
        "refused.</p>\n");
    cJSON_ArrayForEach(line, r->probes)
    {
        struct side side[SIDES];
        size_t n;

        if (put == CARDS || seen++ == SEARCHED)
            break;
        n = json_text_at(line, "prompt") ? probe_sides(r->probes, line, side) : 0;
        if (n == 0)
            continue;
        put_card(out, ROLE_HARM, side, n);
        put++;
    }
    sb_puts(out, "</section>\n");
}
