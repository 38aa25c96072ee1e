/* html_samples.c - answers before and after, side by side: of the evaluations and of the probes.
 *
 * A file of samples that is missing or damaged costs the page these samples, not the page. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "report/html.h"

enum { CARDS = 8, SEARCHED = 2000, PROMPT_CHARS = 500, ANSWER_CHARS = 700 };

/* One side of a card. */
struct side {
    const cJSON *line;
    const char *stage, *unit; /* what step counts */
    int64_t step;
};

static const char *verdict_text(const cJSON *line)
{
    const cJSON *correct = cJSON_GetObjectItemCaseSensitive(line, "correct");
    const char *verdict = reader_text(line, "verdict");

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

static void put_side(struct strbuf *out, enum role role, const struct side *s)
{
    const char *verdict = verdict_text(s->line), *answer = reader_text(s->line, "answer");

    sb_puts(out, "<div><small>");
    page_text(out, s->stage, SIZE_MAX);
    sb_printf(out, ", %s %lld</small> ", s->unit, (long long)s->step);
    if (*verdict) {
        sb_printf(out, "<span class=\"verdict c%d\">", (int)verdict_hue(role, verdict));
        page_text(out, verdict, 40);
        sb_puts(out, "</span>");
    }
    sb_puts(out, "<div class=\"answer\">");
    if (answer && *answer)
        page_text(out, answer, ANSWER_CHARS);
    else
        sb_puts(out, "<span class=\"muted\">(empty)</span>");
    sb_puts(out, "</div></div>");
}

static void put_card(struct strbuf *out, enum role role, const struct side *before,
                     const struct side *after)
{
    const char *expected = reader_text(before->line, "target");

    if (!expected)
        expected = reader_text(before->line, "expected");
    sb_puts(out, "<div class=\"card\"><div class=\"ask\">");
    page_text(out, reader_text(before->line, "prompt"), PROMPT_CHARS);
    if (expected) {
        sb_puts(out, "\n<small>expected: ");
        page_text(out, expected, PROMPT_CHARS);
        sb_puts(out, "</small>");
    }
    sb_puts(out, "</div><div class=\"pair\">");
    put_side(out, role, before);
    if (after)
        put_side(out, role, after);
    sb_puts(out, "</div></div>\n");
}

/* ---- Evaluations ---- */

/* The samples of one measurement. */
struct measured {
    const struct run_eval *at;
    cJSON *lines;
};

static int read_samples(struct measured *m, const struct run_data *r, const struct run_eval *at)
{
    char name[2 * VAC_NAME + 64];

    *m = (struct measured){.at = at};
    if (strchr(at->name, '/') || strchr(at->stage, '/'))
        return -1;
    snprintf(name, sizeof name, "eval/samples_%s_%s-%lld.jsonl", at->name, at->stage,
             (long long)at->stage_step);
    return reader_array(&m->lines, r->dir, name, NULL);
}

static bool same_prompt(const cJSON *a, const cJSON *b)
{
    const char *x = reader_text(a, "prompt"), *y = reader_text(b, "prompt");

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
static int put_cards(struct strbuf *out, enum role role, const struct measured *first,
                     const struct measured *last, bool changed, int room)
{
    const cJSON *line, *guess = last->lines ? last->lines->child : NULL;
    int put = 0, seen = 0;

    cJSON_ArrayForEach(line, first->lines)
    {
        const cJSON *other = partner(line, guess, last->lines);

        guess = guess ? guess->next : NULL;
        if (put == room || seen++ == SEARCHED)
            break;
        if (!other || changed == !strcmp(verdict_text(line), verdict_text(other)))
            continue;
        put_card(out, role,
                 &(struct side){line, first->at->stage, "stage step", first->at->stage_step},
                 first->at == last->at
                     ? NULL
                     : &(struct side){other, last->at->stage, "stage step", last->at->stage_step});
        put++;
    }
    return put;
}

static void put_entry(struct strbuf *out, const struct run_data *r, const struct entry *e)
{
    const struct run_eval *first = NULL, *last = NULL;
    struct measured a = {0}, b = {0};
    int n = 0;

    for (size_t i = 0; i < r->n_evals; i++)
        if (!strcmp(r->eval[i].name, e->name)) {
            first = first ? first : &r->eval[i];
            last = &r->eval[i];
        }
    if (!first || e->role == ROLE_LOSS)
        return;
    sb_puts(out, "<h3>");
    page_text(out, e->name, SIZE_MAX);
    sb_puts(out, "</h3>\n");
    if (!read_samples(&a, r, first) && !read_samples(&b, r, last)) {
        n = put_cards(out, e->role, &a, &b, true, CARDS);
        n += put_cards(out, e->role, &a, &b, false, CARDS - n);
    }
    if (!n)
        sb_puts(out, "<p class=\"muted\">Its samples could not be read.</p>\n");
    cJSON_Delete(a.lines);
    cJSON_Delete(b.lines);
}

void page_samples(struct strbuf *out, const struct run_data *r)
{
    struct entry entry[VAC_MAX_EVALS];
    size_t n = page_entries(r, entry);

    if (!r->n_evals)
        return;
    sb_puts(out, "<section><h2>Answers before and after</h2>\n<p class=\"muted\">First and last "
                 "measurement of each evaluation, at most eight, those whose verdict changed "
                 "first.</p>\n");
    for (size_t i = 0; i < n; i++)
        put_entry(out, r, &entry[i]);
    sb_puts(out, "</section>\n");
}

/* ---- Probes ---- */

static struct side probe_side(const cJSON *line)
{
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(line, "step");
    const char *stage = reader_text(line, "stage");
    bool sane = cJSON_IsNumber(step) && step->valuedouble >= 0 && step->valuedouble < 1e15;

    return (struct side){line, stage ? stage : "", "step", sane ? (int64_t)step->valuedouble : 0};
}

/* The last probe that asks the same as `line`; NULL when `line` is not the first to ask it. */
static const cJSON *last_asked(const cJSON *probes, const cJSON *line)
{
    const cJSON *other, *last = NULL;
    bool before = true;
    int left = SEARCHED;

    cJSON_ArrayForEach(other, probes)
    {
        before &= other != line;
        if (left-- == 0)
            break;
        if (same_prompt(line, other)) {
            if (before)
                return NULL;
            last = other;
        }
    }
    return last ? last : line;
}

void page_probes(struct strbuf *out, const struct run_data *r)
{
    const cJSON *line;
    int n = 0, seen = 0;

    if (!cJSON_GetArraySize(r->probes))
        return;
    sb_puts(out,
            "<section><h2>Probes</h2>\n<p class=\"muted\">First and last answer to each of the "
            "first eight prompts.</p>\n");
    cJSON_ArrayForEach(line, r->probes)
    {
        const cJSON *last = last_asked(r->probes, line);
        struct side before = probe_side(line), after;

        if (n == CARDS || seen++ == SEARCHED)
            break;
        if (!last || !reader_text(line, "prompt"))
            continue;
        after = probe_side(last);
        put_card(out, ROLE_HARM, &before, last == line ? NULL : &after);
        n++;
    }
    sb_puts(out, "</section>\n");
}
