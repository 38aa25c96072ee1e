/* within.c - see within.h */
#include "attack/within.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/config.h"

static int put(struct within *w, const char *name, size_t n, const char *bound, struct vac_err *err)
{
    if (w->n == VAC_MAX_EVALS)
        return err_set(err, VAC_ERR_USAGE, "at most %d bounds", VAC_MAX_EVALS);
    if (n == 0 || n >= VAC_NAME)
        return err_set(err, VAC_ERR_USAGE, "write NAME < NUMBER or NAME > NUMBER, as 'FA > 80%%'");
    if (bound_read(&w->v[w->n].bound, bound, err))
        return -1;
    snprintf(w->v[w->n].name, VAC_NAME, "%.*s", (int)n, name);
    w->n++;
    return 0;
}

int within_take(struct within *w, const char *text, struct vac_err *err)
{
    size_t n = strcspn(text, "<>"), blank = strspn(text, " ");
    const char *bound = text + n;

    while (n > blank && text[n - 1] == ' ')
        n--;
    if (*bound == '\0' || n <= blank)
        return err_set(err, VAC_ERR_USAGE, "write NAME < NUMBER or NAME > NUMBER, as 'FA > 80%%'");
    return put(w, text + blank, n - blank, bound, err);
}

int within_read(struct within *w, const struct jnode *obj, struct vac_err *err)
{
    w->n = 0;
    for (const cJSON *v = obj->v ? obj->v->child : NULL; v; v = v->next) {
        struct jnode one = {.v = v, .up = obj, .file = obj->file, .key = v->string};
        struct vac_err why = {0};

        if (!cJSON_IsString(v))
            return json_wrong(&one, "a bound like \"< 20 %\" or \"> 0.8\"", err);
        if (put(w, v->string, strlen(v->string), v->valuestring, &why))
            return json_error(&one, err, "%s", why.msg);
    }
    return 0;
}

static const char *entry_name(const void *ctx, size_t i)
{
    return json_text_at(cJSON_GetArrayItem(ctx, (int)i), "name");
}

int within_check(const struct within *w, const cJSON *config, const char *stage,
                 struct vac_err *err)
{
    const cJSON *entries = cJSON_GetObjectItemCaseSensitive(run_config_spec(config), "evaluate"),
                *stages, *one;

    for (size_t i = 0; i < w->n; i++) {
        const char *name = w->v[i].name, *near = err_nearest(name, entry_name, entries);
        bool here = false;
        int k = 0;

        while (entry_name(entries, (size_t)k) && strcmp(entry_name(entries, (size_t)k), name) != 0)
            k++;
        if (!entry_name(entries, (size_t)k))
            return err_set(err, VAC_ERR_USAGE, "the run measures no \"%.60s\"%s%s%s", name,
                           near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
        stages = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(entries, k), "stages");
        cJSON_ArrayForEach(one, stages) here |=
            cJSON_IsString(one) && !strcmp(one->valuestring, stage);
        if (cJSON_IsArray(stages) && !here)
            return err_set(err, VAC_ERR_USAGE,
                           "\"%.60s\" is not measured in stage %.60s: leave this bound out", name,
                           stage);
        if (run_config_is_rate(config, name) && bound_check_share(&w->v[i].bound, name, err))
            return -1;
    }
    return 0;
}

void within_text(const struct within *w, char out[VAC_BOUNDS])
{
    struct strbuf s = {0};

    for (size_t i = 0; i < w->n; i++) {
        sb_printf(&s, "%s%s ", i ? " and " : "", w->v[i].name);
        bound_text(&s, &w->v[i].bound);
    }
    snprintf(out, VAC_BOUNDS, "%s", s.s && !s.bad ? s.s : "");
    sb_done(&s);
}

double within_shown(const struct vac_eval *e)
{
    char text[64];

    if (isnan(e->value))
        return NAN;
    snprintf(text, sizeof text, e->is_rate ? "%.1f" : "%.4f",
             e->is_rate ? 100 * e->value : e->value);
    return strtod(text, NULL) / (e->is_rate ? 100 : 1);
}

bool within_holds(const struct within *w, const struct vac_attack *a, char out[VAC_BOUNDS])
{
    *out = '\0';
    for (size_t i = 0; i < w->n; i++) {
        const struct vac_eval *e = NULL;
        struct strbuf s = {0};

        for (int k = 0; k < a->n_scores; k++)
            if (!strcmp(a->score[k].e.name, w->v[i].name))
                e = &a->score[k].e;
        if (e && bound_passed(&w->v[i].bound, within_shown(e)))
            continue;
        bound_text(&s, &w->v[i].bound);
        if (!e || isnan(e->value))
            snprintf(out, VAC_BOUNDS, "%s is not known", w->v[i].name);
        else
            snprintf(out, VAC_BOUNDS,
                     e->is_rate ? "%s %.1f%% is not %.60s" : "%s %.4f is not %.60s", w->v[i].name,
                     (e->is_rate ? 100 : 1) * e->value, s.s && !s.bad ? s.s : "");
        sb_done(&s);
        return false;
    }
    return true;
}

int within_compare(const struct vac_attack *a, const struct vac_attack *b)
{
    const struct vac_attack_score *x = vac_attack_harm(a), *y = vac_attack_harm(b);
    double hx = x && !isnan(x->e.value) ? within_shown(&x->e) : -1,
           hy = y && !isnan(y->e.value) ? within_shown(&y->e) : -1,
           sx = x && x->broke.known && !isnan(x->broke.value) ? x->broke.value : INFINITY,
           sy = y && y->broke.known && !isnan(y->broke.value) ? y->broke.value : INFINITY;

    return hx != hy ? (hx < hy) - (hx > hy) : (sx > sy) - (sx < sy);
}
