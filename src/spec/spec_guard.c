/* spec_guard.c - see spec_guard.h */
#include "spec/spec_guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "spec/spec_keys.h"
#include "spec/spec_stage.h"
#include "spec/spec_tables.h"

enum { COMMAND_MOST = 64 };

static void words_free(char **v)
{
    for (size_t i = 0; v && v[i]; i++)
        free(v[i]);
    free(v);
}

void guard_spec_done(struct guard_spec *g)
{
    words_free(g->command);
    words_free(g->stages);
    *g = (struct guard_spec){0};
}

static bool listed(char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (!strcmp(*names, name))
            return true;
    return names == NULL;
}

bool guard_spec_applies(const struct guard_spec *g, const struct run_spec *s, size_t stage)
{
    return listed(g->stages, s->stage[stage].name) &&
           (g->when.kind != CONDITION_SCORE ||
            listed(s->evaluate[g->when.what].stages, s->stage[stage].name));
}

/* --- as typed --- */

static int take_command(struct guard_spec *g, const char *text, struct vac_err *err)
{
    size_t n = 0;

    g->command = mem_new(COMMAND_MOST + 1, sizeof *g->command, err);
    for (; g->command && *(text += strspn(text, " ")); text += strcspn(text, " ")) {
        if (n == COMMAND_MOST)
            return err_set(err, VAC_ERR_USAGE, "a command has at most %d words", COMMAND_MOST);
        g->command[n] = mem_strndup(text, strcspn(text, " "), err);
        if (!g->command[n++])
            return -1;
    }
    if (g->command && n == 0)
        return err_set(err, VAC_ERR_USAGE, "run wants a command");
    return g->command ? 0 : -1;
}

static const char *action_at(const void *ctx, size_t i)
{
    (void)ctx;
    return guard_actions[i];
}

static int take_action(struct guard_spec *g, const char *text, struct vac_err *err)
{
    char word[32];
    const char *near;
    size_t n;

    text += strspn(text, " :,");
    g->action = GUARD_PAUSE;
    n = strcspn(text, " ");
    if (n == 0)
        return 0;
    snprintf(word, sizeof word, "%.*s", (int)n, text);
    text += n;
    for (g->action = 0; g->action < GUARD_ACTION_COUNT; g->action++)
        if (!strcmp(guard_actions[g->action], word))
            break;
    if (g->action == GUARD_RUN)
        return take_command(g, text, err);
    if (g->action < GUARD_ACTION_COUNT && !text[strspn(text, " ")])
        return 0;
    near = g->action < GUARD_ACTION_COUNT ? NULL : err_nearest(word, action_at, NULL);
    return err_set(
        err, VAC_ERR_USAGE,
        "\"%.40s\" after the condition%s%s%s: alert, pause, save, rewind, stop, or run COMMAND",
        g->action < GUARD_ACTION_COUNT ? text + strspn(text, " ") : word,
        near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

int guard_spec_read(struct guard_spec *g, const struct run_spec *s, const char *text,
                    struct vac_err *err)
{
    *g = (struct guard_spec){.times = 1};
    if (condition_take(&g->when, s, &text, err) || take_action(g, text, err)) {
        guard_spec_done(g);
        return -1;
    }
    return 0;
}

/* --- in the run file --- */

static int read_words(char ***out, const struct jnode *obj, const char *key, size_t most,
                      struct vac_err *err)
{
    struct jnode list, one;
    size_t n;
    int rc = json_opt(obj, key, JSON_ARRAY, &list, err);

    if (rc)
        return rc < 0 ? -1 : 0;
    if (spec_list(&list, 1, most, &n, &one, err))
        return -1;
    *out = mem_new(n + 1, sizeof **out, err);
    for (; *out && one.v; one.v = one.v->next, one.index++) {
        if (!cJSON_IsString(one.v) || !*one.v->valuestring)
            return json_wrong(&one, "a text", err);
        if (!((*out)[one.index] = mem_strdup(one.v->valuestring, err)))
            return -1;
    }
    return *out ? 0 : -1;
}

static int check_stages(const struct guard_spec *g, const struct run_spec *s,
                        const struct jnode *obj, struct vac_err *err)
{
    struct jnode n = spec_key(obj, "stages");

    for (size_t i = 0; g->stages && g->stages[i]; i++) {
        size_t k = 0;

        while (k < s->n_stages && strcmp(s->stage[k].name, g->stages[i]))
            k++;
        if (k == s->n_stages) {
            const char *near = err_nearest(g->stages[i], spec_stage_name, s);

            return json_error(&n, err, "there is no stage \"%.80s\"%s%s%s", g->stages[i],
                              near ? " (did you mean \"" : "", near ? near : "",
                              near ? "\"?)" : "");
        }
    }
    return 0;
}

int guard_spec_from(struct guard_spec *g, const struct run_spec *s, const struct jnode *n,
                    struct vac_err *err)
{
    static const char *const more[] = {"command", "stages", NULL};
    struct guard_keys keys = {0};
    struct jnode when = spec_key(n, "when"), command = spec_key(n, "command");
    struct vac_err why = {0};
    const char *text;
    int rc = -1;

    *g = (struct guard_spec){.times = 1};
    if (cJSON_IsString(n->v)) {
        if (guard_spec_read(g, s, n->v->valuestring, &why))
            return json_error(n, err, "%s", why.msg);
        return 0;
    }
    if (!cJSON_IsObject(n->v))
        return json_wrong(n, "a guard like {\"when\": \"HS > 20%\", \"do\": \"pause\"}", err);
    if (spec_read_object(n, spec_rows_guard, more, &keys, err))
        goto out;
    text = keys.when;
    if (condition_take(&g->when, s, &text, &why) ||
        (text[strspn(text, " ")] &&
         err_set(&why, VAC_ERR_USAGE, "\"%.40s\" after the condition: actions go to \"do\"",
                 text + strspn(text, " ")))) {
        json_error(&when, err, "%s", why.msg);
        goto out;
    }
    g->action = keys.action;
    g->times = keys.times;
    if (read_words(&g->command, n, "command", COMMAND_MOST, err) ||
        read_words(&g->stages, n, "stages", s->n_stages, err) || check_stages(g, s, n, err))
        goto out;
    if (g->action == GUARD_RUN ? !g->command : g->command != NULL) {
        json_error(
            &command, err,
            "goes with \"do\": \"run\": the program and its words, [\"notify-send\", \"look\"]");
        goto out;
    }
    rc = 0;
out:
    option_free(spec_rows_guard, &keys);
    if (rc)
        guard_spec_done(g);
    return rc;
}

int spec_read_guards(struct run_spec *s, const struct jnode *root, struct vac_err *err)
{
    struct jnode list, one;
    size_t n;
    int rc = json_opt(root, "guards", JSON_ARRAY, &list, err);

    if (rc)
        return rc < 0 ? -1 : 0;
    if (spec_list(&list, 0, VAC_MAX_GUARDS, &n, &one, err))
        return -1;
    s->guard = mem_new(n, sizeof *s->guard, err);
    if (!s->guard)
        return -1;
    for (; one.v; one.v = one.v->next, one.index++) {
        struct guard_spec *g = &s->guard[one.index];
        bool any = false;

        if (guard_spec_from(g, s, &one, err))
            return -1;
        s->n_guards++;
        for (size_t i = 0; i < s->n_stages; i++)
            any |= guard_spec_applies(g, s, i);
        if (!any)
            return json_error(&one, err, "%s is measured in none of its stages",
                              s->evaluate[g->when.what].name);
    }
    return 0;
}

/* --- out --- */

static void put_words(struct json_out *o, const char *key, char *const *words)
{
    if (!words) {
        json_put_text(o, key, NULL);
        return;
    }
    json_put_list(o, key, JSON_TIGHT);
    for (; *words; words++)
        json_put_text(o, NULL, *words);
    json_put_end(o);
}

void guard_spec_json(struct json_out *o, const char *key, const struct run_spec *s,
                     const struct guard_spec *g)
{
    struct strbuf when = {0};

    condition_text(&when, s, &g->when);
    json_put_object(o, key, JSON_TIGHT);
    json_put_text(o, "when", when.s);
    json_put_text(o, "do", guard_actions[g->action]);
    json_put_int(o, "for", g->times);
    put_words(o, "command", g->command);
    put_words(o, "stages", g->stages);
    json_put_end(o);
    o->to->bad |= when.bad;
    sb_done(&when);
}

void guard_spec_text(struct strbuf *out, const struct run_spec *s, const struct guard_spec *g)
{
    condition_text(out, s, &g->when);
    if (g->times > 1)
        sb_printf(out, ", %lld in a row", (long long)g->times);
    for (size_t i = 0; g->stages && g->stages[i]; i++)
        sb_printf(out, "%s%s", i ? ", " : " in ", g->stages[i]);
    sb_printf(out, ": %s", guard_actions[g->action]);
    for (size_t i = 0; g->command && g->command[i]; i++)
        sb_printf(out, " %s", g->command[i]);
}
