/* condition.c - see condition.h */
#include "spec/condition.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/metric.h"
#include "judge/judge.h"
#include "spec/spec.h"

#define NUMBER_WORDS "nan"
#define PROBE_WORDS "a refused probe is answered"
#define IDLE_WORDS "no step for"
#define LAYER_WORDS " of layer "

/* --- what there is to look at --- */

static bool has_rho(const struct run_spec *s)
{
    for (size_t i = 0; i < s->n_stages; i++)
        if (s->stage[i].method->options && option_find(s->stage[i].method->options, "rho"))
            return true;
    return false;
}

static bool has_column(const struct run_spec *s, size_t column)
{
    const struct watch_spec *w = &s->watch;

    switch (column) {
    case VAC_COLUMN_align_loss:
        return w->every && w->has_align;
    case VAC_COLUMN_harmful_loss:
        return w->every && w->has_harmful;
    case VAC_COLUMN_drift_mean:
        return w->every && w->has_drift;
    case VAC_COLUMN_loss_clean:
    case VAC_COLUMN_eps_norm:
    case VAC_COLUMN_rho:
        return has_rho(s);
    default:
        return true;
    }
}

static bool has_series(const struct run_spec *s, size_t series)
{
    switch (series) {
    case VAC_SERIES_drift_rel:
    case VAC_SERIES_drift_sq:
        return s->watch.every && s->watch.has_drift;
    case VAC_SERIES_refusal:
        return s->watch.every && s->watch.refusal > 0;
    case VAC_SERIES_eps:
    case VAC_SERIES_eps_rel:
        return has_rho(s);
    default:
        return true;
    }
}

static const char *column_word(size_t column)
{
    return column == VAC_COLUMN_drift_mean ? "drift" : vac_columns[column].name;
}

/* The measure i of those that the run has; NULL after the last. */
static const char *measure_at(const void *ctx, size_t i)
{
    const struct run_spec *s = ctx;
    static const char *const steps[] = {"step", "stage_step"};

    if (i < s->n_evaluate)
        return s->evaluate[i].name;
    i -= s->n_evaluate;
    for (size_t k = 0; k < VAC_COLUMN_COUNT; k++)
        if (has_column(s, k) && i-- == 0)
            return column_word(k);
    return i < 2 ? steps[i] : NULL;
}

static int no_measure(const struct run_spec *s, const char *word, struct vac_err *err)
{
    const char *near = err_nearest(word, measure_at, s), *one;
    struct strbuf all = {0};

    for (size_t i = 0; (one = measure_at(s, i)); i++)
        sb_printf(&all, "%s%s", i ? ", " : "", one);
    for (size_t k = 0; k < VAC_SERIES_COUNT; k++)
        if (has_series(s, k))
            sb_printf(&all, ", %s of layer N", vac_series[k].label);
    err_set(err, VAC_ERR_USAGE, "the run has no \"%.40s\"%s%s%s: it has %s", word,
            near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "",
            all.s ? all.s : "");
    sb_done(&all);
    return -1;
}

bool condition_part(const char *word, int *share, int *beneath)
{
    *share = *beneath = -1;
    for (int v = 0; verdict_names[v]; v++)
        if (!strcmp(word, verdict_names[v])) {
            *share = v;
            return true;
        }
    for (int i = 0; i < VAC_BENEATH_COUNT; i++)
        if (!strcmp(word, vac_beneath[i].name)) {
            *beneath = i;
            return true;
        }
    return false;
}

/* --- reading --- */

static int find_score(struct condition *c, const struct run_spec *s, const char *word)
{
    size_t n = strlen(word);
    const char *dot = strrchr(word, '.');

    c->kind = CONDITION_SCORE;
    for (c->what = 0; c->what < s->n_evaluate; c->what++)
        if (!strcmp(s->evaluate[c->what].name, word)) {
            c->rate = metric_is_rate(s->evaluate[c->what].metric);
            return 1;
        }
    if (!dot || !condition_part(dot + 1, &c->share, &c->beneath))
        dot = NULL;
    if (!dot && !condition_part(word, &c->share, &c->beneath))
        return 0;
    n = dot ? (size_t)(dot - word) : 0;
    /* alone, it is that of the first entry that has it: a judge's, that counts what is answered */
    for (c->what = 0; c->what < s->n_evaluate; c->what++) {
        const struct evaluate_spec *e = &s->evaluate[c->what];

        if (!e->metric && (dot ? strlen(e->name) == n && !memcmp(e->name, word, n)
                               : c->beneath < 0 || e->count == VERDICT_ANSWERED)) {
            c->rate = c->share >= 0;
            return 1;
        }
    }
    return 0;
}

/* What stands before the bound. */
static int find_measure(struct condition *c, const struct run_spec *s, char *word,
                        struct vac_err *err)
{
    char *layer = strstr(word, LAYER_WORDS), *end;

    c->share = c->beneath = -1;
    if (layer) {
        c->kind = CONDITION_LAYER;
        *layer = '\0';
        c->layer = (size_t)strtoul(layer + strlen(LAYER_WORDS), &end, 10);
        for (c->what = 0; c->what < VAC_SERIES_COUNT; c->what++)
            if (has_series(s, c->what) && (!strcmp(word, vac_series[c->what].label) ||
                                           !strcmp(word, vac_series[c->what].name)))
                break;
        *layer = ' ';
        if (c->what < VAC_SERIES_COUNT && isdigit((unsigned char)layer[strlen(LAYER_WORDS)]) &&
            !*end)
            return 0;
        return no_measure(s, word, err);
    }
    if (find_score(c, s, word))
        return 0;
    c->share = c->beneath = -1;
    c->what = !strcmp(word, "stage_step");
    c->kind = CONDITION_STEP;
    if (c->what || !strcmp(word, "step"))
        return 0;
    c->kind = CONDITION_COLUMN;
    for (c->what = 0; c->what < VAC_COLUMN_COUNT; c->what++)
        if (has_column(s, c->what) &&
            (!strcmp(word, column_word(c->what)) || !strcmp(word, vac_columns[c->what].name)))
            return 0;
    return no_measure(s, word, err);
}

int condition_measure(struct condition *c, const struct run_spec *s, const char *text,
                      struct vac_err *err)
{
    char word[2 * VAC_NAME];

    *c = (struct condition){.share = -1, .beneath = -1};
    snprintf(word, sizeof word, "%s", text);
    return find_measure(c, s, word, err);
}

/* The words, one space where there are some; *text moves behind them. */
static bool take_words(const char **text, const char *words)
{
    const char *at = *text;

    for (; *words; words++) {
        if (*words == ' ') {
            if (*at != ' ')
                return false;
            at += strspn(at, " ");
        } else if (tolower((unsigned char)*at++) != *words) {
            return false;
        }
    }
    if (isalnum((unsigned char)*at) || *at == '_')
        return false;
    *text = at;
    return true;
}

static int take_count(const char **text, int64_t *n, const char *what, struct vac_err *err)
{
    char *end;

    *text += strspn(*text, " ");
    *n = isdigit((unsigned char)**text) ? strtoll(*text, &end, 10) : 0;
    if (*n < 1 || *n > 1000000000)
        return err_set(err, VAC_ERR_USAGE, "%s", what);
    *text = end;
    return 0;
}

static int take_plateau(struct condition *c, const struct run_spec *s, const char **text,
                        struct vac_err *err)
{
    char word[VAC_NAME];
    size_t n;

    c->kind = CONDITION_PLATEAU;
    c->what = VAC_COLUMN_loss;
    if (take_words(text, " of")) {
        *text += strspn(*text, " ");
        n = strcspn(*text, " ");
        snprintf(word, sizeof word, "%.*s", (int)n, *text);
        *text += n;
        if (find_measure(c, s, word, err))
            return -1;
        if (c->kind != CONDITION_COLUMN)
            return err_set(err, VAC_ERR_USAGE, "plateau is of a column of metrics.jsonl, as loss");
        c->kind = CONDITION_PLATEAU;
    }
    return take_count(text, &c->n, "write plateau N, for N steps without a new low of the loss",
                      err);
}

int condition_take(struct condition *c, const struct run_spec *s, const char **text,
                   struct vac_err *err)
{
    const char *at = *text + strspn(*text, " ");
    size_t n = strcspn(at, "<>");
    char word[2 * VAC_NAME];

    *c = (struct condition){.share = -1, .beneath = -1};
    *text = at;
    if (take_words(text, NUMBER_WORDS)) {
        c->kind = CONDITION_NUMBER;
        return 0;
    }
    if (take_words(text, PROBE_WORDS)) {
        c->kind = CONDITION_PROBE;
        return s->watch.has_probes && s->watch.probes_every > 0
                   ? 0
                   : err_set(err, VAC_ERR_USAGE,
                             "the run asks no fixed probes: set watch.probes and its every");
    }
    if (take_words(text, IDLE_WORDS)) {
        c->kind = CONDITION_IDLE;
        if (take_count(text, &c->n, "write no step for N s", err))
            return -1;
        return take_words(text, " s") || take_words(text, "s")
                   ? 0
                   : err_set(err, VAC_ERR_USAGE, "write no step for %lld s", (long long)c->n);
    }
    if (take_words(text, "plateau"))
        return take_plateau(c, s, text, err);
    *text = at + n;
    while (n > 0 && at[n - 1] == ' ')
        n--;
    if (!**text || n == 0 || n >= sizeof word)
        return err_set(err, VAC_ERR_USAGE,
                       "\"%.60s\": write MEASURE > NUMBER or MEASURE < NUMBER, as HS > 20%%; or "
                       "plateau N, nan, a refused probe is answered, no step for N s",
                       at);
    memcpy(word, at, n);
    word[n] = '\0';
    if (n > 9 && !strcmp(word + n - 9, " measured")) {
        c->measured = true;
        for (n -= 9; n > 0 && word[n - 1] == ' ';)
            n--;
        word[n] = '\0';
    }
    if (find_measure(c, s, word, err) || bound_take(&c->bound, text, err))
        return -1;
    if (c->kind == CONDITION_COLUMN &&
        (take_words(text, " x average") || take_words(text, "x average")))
        c->average = true;
    if (c->rate && bound_check_share(&c->bound, word, err))
        return -1;
    c->measured |= !c->rate;
    return 0;
}

/* --- as text --- */

static void measure_text(struct strbuf *out, const struct run_spec *s, const struct condition *c)
{
    switch (c->kind) {
    case CONDITION_STEP:
        sb_puts(out, c->what ? "stage_step" : "step");
        break;
    case CONDITION_LAYER:
        sb_printf(out, "%s" LAYER_WORDS "%zu", vac_series[c->what].label, c->layer);
        break;
    case CONDITION_SCORE:
        sb_puts(out, s->evaluate[c->what].name);
        if (c->share >= 0 || c->beneath >= 0)
            sb_printf(out, ".%s",
                      c->share >= 0 ? verdict_names[c->share] : vac_beneath[c->beneath].name);
        break;
    default:
        sb_puts(out, column_word(c->what));
    }
}

void condition_text(struct strbuf *out, const struct run_spec *s, const struct condition *c)
{
    switch (c->kind) {
    case CONDITION_NUMBER:
        sb_puts(out, NUMBER_WORDS);
        return;
    case CONDITION_PROBE:
        sb_puts(out, PROBE_WORDS);
        return;
    case CONDITION_IDLE:
        sb_printf(out, IDLE_WORDS " %lld s", (long long)c->n);
        return;
    case CONDITION_PLATEAU:
        sb_puts(out, "plateau ");
        if (c->what != VAC_COLUMN_loss)
            sb_printf(out, "of %s ", column_word(c->what));
        sb_printf(out, "%lld", (long long)c->n);
        return;
    default:
        measure_text(out, s, c);
        sb_puts(out, c->rate && c->measured ? " measured " : " ");
        bound_text(out, &c->bound);
        sb_puts(out, c->average ? " x average" : "");
    }
}
