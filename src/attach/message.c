/* message.c - see message.h */
#include "attach/message.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/score_json.h"
#include "record/columns.h"
#include "record/event.h"
#include "record/lines.h"
#include "record/probe.h"

/* --- members by a table --- */

enum kind { TEXT, FLAG, NUMBER, WHOLE, SHORT };
struct member {
    const char *name;
    enum kind kind;
    size_t offset, size;
};
#define MEMBER(type, member, kind)                                                                 \
    {                                                                                              \
#member, kind, offsetof(struct type, member), sizeof((struct type *)0)->member             \
    }

static const struct member status_members[] = {
    MEMBER(vac_snapshot, reason, TEXT),
    MEMBER(vac_snapshot, fault, FLAG),
    MEMBER(vac_snapshot, run, TEXT),
    MEMBER(vac_snapshot, model, TEXT),
    MEMBER(vac_snapshot, stage, TEXT),
    MEMBER(vac_snapshot, method, TEXT),
    MEMBER(vac_snapshot, stage_index, SHORT),
    MEMBER(vac_snapshot, n_stages, SHORT),
    MEMBER(vac_snapshot, step, WHOLE),
    MEMBER(vac_snapshot, total_steps, WHOLE),
    MEMBER(vac_snapshot, stage_step, WHOLE),
    MEMBER(vac_snapshot, stage_steps, WHOLE),
    MEMBER(vac_snapshot, pass, SHORT),
    MEMBER(vac_snapshot, micro, SHORT),
    MEMBER(vac_snapshot, n_micro, SHORT),
    MEMBER(vac_snapshot, until, TEXT),
    MEMBER(vac_snapshot, passed, WHOLE),
    MEMBER(vac_snapshot, passed_want, WHOLE),
    MEMBER(vac_snapshot, steps_left, WHOLE),
    MEMBER(vac_snapshot, goes_until, TEXT),
    MEMBER(vac_snapshot, alert, TEXT),
    MEMBER(vac_snapshot, healthy_step, WHOLE),
    MEMBER(vac_snapshot, steps_per_s, NUMBER),
    MEMBER(vac_snapshot, tokens_per_s, NUMBER),
    MEMBER(vac_snapshot, eta_s, NUMBER),
    MEMBER(vac_snapshot, rss_bytes, NUMBER),
    MEMBER(vac_snapshot, threads, SHORT),
    MEMBER(vac_snapshot, drift_step, WHOLE),
    MEMBER(vac_snapshot, watch_step, WHOLE),
    MEMBER(vac_snapshot, checkpoint_step, WHOLE),
    MEMBER(vac_snapshot, checkpoint_age, NUMBER),
    MEMBER(vac_snapshot, n_layers, SHORT),
    {.name = NULL},
};
static const struct member score_members[] = {
    MEMBER(vac_eval, name, TEXT),    MEMBER(vac_eval, stage, TEXT),
    MEMBER(vac_eval, step, WHOLE),   MEMBER(vac_eval, stage_step, WHOLE),
    MEMBER(vac_eval, value, NUMBER), MEMBER(vac_eval, lo, NUMBER),
    MEMBER(vac_eval, hi, NUMBER),    MEMBER(vac_eval, count, WHOLE),
    MEMBER(vac_eval, n, WHOLE),      MEMBER(vac_eval, is_rate, FLAG),
    MEMBER(vac_eval, done, WHOLE),   {.name = NULL},
};
static const struct member attack_members[] = {
    MEMBER(vac_siege_now, dir, TEXT),    MEMBER(vac_siege_now, name, TEXT),
    MEMBER(vac_siege_now, at, WHOLE),    MEMBER(vac_siege_now, step, WHOLE),
    MEMBER(vac_siege_now, steps, WHOLE), MEMBER(vac_siege_now, number, WHOLE),
    MEMBER(vac_siege_now, of, WHOLE),    {.name = NULL},
};
static const struct member guard_members[] = {
    MEMBER(vac_guard, number, WHOLE),
    MEMBER(vac_guard, text, TEXT),
    MEMBER(vac_guard, stands, TEXT),
    MEMBER(vac_guard, tripped, FLAG),
    {.name = NULL},
};
static const struct member option_members[] = {
    MEMBER(vac_option, name, TEXT),
    MEMBER(vac_option, value, TEXT),
    MEMBER(vac_option, pending, TEXT),
    MEMBER(vac_option, applied_step, WHOLE),
    MEMBER(vac_option, live, FLAG),
    MEMBER(vac_option, number, FLAG),
    MEMBER(vac_option, min, NUMBER),
    MEMBER(vac_option, max, NUMBER),
    MEMBER(vac_option, unit, TEXT),
    MEMBER(vac_option, wants, TEXT),
    MEMBER(vac_option, help, TEXT),
    MEMBER(vac_option, course, TEXT),
    {.name = NULL},
};

static void put_members(struct json_out *o, const struct member *m, const void *from)
{
    for (; m->name; m++) {
        const char *at = (const char *)from + m->offset;

        if (m->kind == TEXT)
            json_put_text(o, m->name, at);
        else if (m->kind == FLAG)
            json_put_bool(o, m->name, *(const bool *)at);
        else if (m->kind == NUMBER)
            json_put_num(o, m->name, *(const double *)at);
        else
            json_put_int(o, m->name, m->kind == WHOLE ? *(const int64_t *)at : *(const int *)at);
    }
}

static void read_number(const cJSON *v, double *out)
{
    if (cJSON_IsNumber(v))
        *out = v->valuedouble;
    else if (cJSON_IsNull(v))
        *out = (double)NAN;
}

static void read_members(const cJSON *from, const struct member *m, void *to)
{
    for (; m->name; m++) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(from, m->name);
        char *at = (char *)to + m->offset;
        int64_t x;

        if (m->kind == TEXT && cJSON_IsString(v))
            lines_name(at, m->size, v->valuestring);
        else if (m->kind == FLAG && cJSON_IsBool(v))
            *(bool *)at = cJSON_IsTrue(v);
        else if (m->kind == NUMBER)
            read_number(v, (double *)at);
        else if (m->kind == WHOLE && json_whole(v, &x))
            *(int64_t *)at = x;
        else if (m->kind == SHORT && json_whole(v, &x) && x >= 0 && x <= 1 << 20)
            *(int *)at = (int)x;
    }
}

/* --- requests --- */

static const char *word_at(const void *ctx, size_t i)
{
    (void)ctx;
    return i < VAC_OP_COUNT        ? vac_ops[i].word
           : i == VAC_OP_COUNT     ? "status"
           : i == VAC_OP_COUNT + 1 ? "options"
           : i == VAC_OP_COUNT + 2 ? "hello"
                                   : NULL;
}

static int read_word(struct request *r, const char *word, struct vac_err *err)
{
    const char *near;
    size_t i = 0;

    while (word_at(NULL, i) && strcmp(word_at(NULL, i), word) != 0)
        i++;
    near = word_at(NULL, i) ? NULL : err_nearest(word, word_at, NULL);
    if (!word_at(NULL, i))
        return err_set(err, VAC_ERR_USAGE, "no command \"%.40s\"%s%s%s", word,
                       near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    r->command.op = i < VAC_OP_COUNT ? (enum vac_op)i : VAC_OP_PAUSE;
    r->kind = i < VAC_OP_COUNT        ? REQUEST_COMMAND
              : i == VAC_OP_COUNT     ? REQUEST_STATUS
              : i == VAC_OP_COUNT + 1 ? REQUEST_OPTIONS
                                      : REQUEST_HELLO;
    return 0;
}

int request_read(struct request *r, const char *line, size_t n, struct vac_err *err)
{
    static const char *const known[] = {"id", "do",      "n",       "key",   "text",
                                        "as", "version", "control", "watch", NULL};
    const char *word = NULL, *as = NULL, *key = NULL;
    struct jnode root;

    *r = (struct request){.id = 0};
    r->doc = json_parse(line, n, "request", err);
    if (!r->doc)
        return -1;
    root = json_root(r->doc, "request");
    if (!cJSON_IsObject(r->doc))
        return json_wrong(&root, "an object, as {\"id\":1,\"do\":\"status\"}", err);
    if (json_opt_int(&root, "id", 0, INT64_MAX, &r->id, err) || json_known(&root, known, err) ||
        json_str(&root, "do", &word, err) || read_word(r, word, err) ||
        json_opt_int(&root, "version", 0, INT64_MAX, &r->version, err) ||
        json_opt_str(&root, "as", &as, err) || json_opt_bool(&root, "control", &r->control, err) ||
        json_opt_bool(&root, "watch", &r->watch, err) ||
        json_opt_int(&root, "n", 0, INT64_MAX, &r->command.n, err) ||
        json_opt_str(&root, "key", &key, err) || json_opt_str(&root, "text", &r->command.text, err))
        return -1;
    if (key && strlen(key) >= sizeof r->command.key)
        return err_set(err, VAC_ERR_USAGE, "request: key: longer than %d bytes", VAC_NAME - 1);
    if (as && (!*as || strlen(as) >= VAC_NAME - 8))
        return err_set(err, VAC_ERR_USAGE, "request: as: expected a name of 1 to %d bytes",
                       VAC_NAME - 9);
    snprintf(r->command.key, sizeof r->command.key, "%s", key ? key : "");
    snprintf(r->as, sizeof r->as, "%s", as ? as : "");
    return 0;
}

void request_done(struct request *r)
{
    cJSON_Delete(r->doc);
    r->doc = NULL;
}

void request_put(struct strbuf *out, const struct request *r)
{
    struct json_out o = json_out(out);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_int(&o, "id", r->id);
    json_put_text(&o, "do",
                  word_at(NULL, r->kind == REQUEST_COMMAND   ? r->command.op
                                : r->kind == REQUEST_STATUS  ? VAC_OP_COUNT
                                : r->kind == REQUEST_OPTIONS ? VAC_OP_COUNT + 1
                                                             : VAC_OP_COUNT + 2));
    if (r->kind == REQUEST_HELLO) {
        json_put_int(&o, "version", r->version);
        if (*r->as)
            json_put_text(&o, "as", r->as);
        json_put_bool(&o, "control", r->control);
        json_put_bool(&o, "watch", r->watch);
    }
    if (r->command.n)
        json_put_int(&o, "n", r->command.n);
    if (*r->command.key)
        json_put_text(&o, "key", r->command.key);
    if (r->command.text)
        json_put_text(&o, "text", r->command.text);
    json_put_end(&o);
    sb_putc(out, '\n');
}

/* --- how it stands --- */

void message_put_status(struct json_out *o, const char *key, const struct vac_snapshot *s)
{
    json_put_object(o, key, JSON_TIGHT);
    json_put_text(o, "state", vac_state_names[s->state]);
    put_members(o, status_members, s);
    json_put_object(o, "last", JSON_TIGHT);
    for (int i = 0; i < VAC_COLUMN_COUNT; i++) {
        double x = *(const double *)((const char *)&s->last + vac_columns[i].offset);

        if (!isnan(x))
            json_put_num(o, vac_columns[i].name, x);
    }
    json_put_end(o);
    json_put_list(o, "layers_perturbed", JSON_TIGHT);
    for (int i = 0; i < s->n_layers && i < VAC_MAX_LAYERS; i++)
        if (s->mask[i])
            json_put_int(o, NULL, i);
    json_put_end(o);
    json_put_list(o, "scores", JSON_TIGHT);
    for (int i = 0; i < s->n_evals && i < VAC_MAX_EVALS; i++) {
        json_put_object(o, NULL, JSON_TIGHT);
        put_members(o, score_members, &s->eval[i]);
        if (s->eval[i].is_rate)
            score_verdicts(o, &s->eval[i].verdicts);
        json_put_end(o);
    }
    json_put_end(o);
    if (*s->attack.dir) {
        json_put_object(o, "attack", JSON_TIGHT);
        put_members(o, attack_members, &s->attack);
        json_put_end(o);
    }
    json_put_list(o, "guards", JSON_TIGHT);
    for (int i = 0; i < s->n_guards && i < VAC_MAX_GUARDS; i++) {
        json_put_object(o, NULL, JSON_TIGHT);
        put_members(o, guard_members, &s->guard[i]);
        json_put_end(o);
    }
    json_put_end(o);
    json_put_end(o);
}

void message_read_status(const cJSON *from, struct vac_snapshot *s)
{
    const cJSON *last = cJSON_GetObjectItemCaseSensitive(from, "last");
    const cJSON *mask = cJSON_GetObjectItemCaseSensitive(from, "layers_perturbed");
    const cJSON *guards = cJSON_GetObjectItemCaseSensitive(from, "guards");
    const cJSON *scores = cJSON_GetObjectItemCaseSensitive(from, "scores"), *one;
    const char *state = json_text_at(from, "state");
    int n = 0;

    for (int i = 0; state && vac_state_names[i]; i++)
        if (!strcmp(vac_state_names[i], state))
            s->state = (enum vac_state)i;
    read_members(from, status_members, s);
    s->attack = (struct vac_siege_now){.at = 0};
    read_members(cJSON_GetObjectItemCaseSensitive(from, "attack"), attack_members, &s->attack);
    if (s->n_layers > VAC_MAX_LAYERS)
        s->n_layers = VAC_MAX_LAYERS;
    for (int i = 0; i < VAC_COLUMN_COUNT; i++)
        read_number(cJSON_GetObjectItemCaseSensitive(last, vac_columns[i].name),
                    (double *)((char *)&s->last + vac_columns[i].offset));
    if (cJSON_IsArray(mask)) {
        memset(s->mask, 0, sizeof s->mask);
        cJSON_ArrayForEach(one, mask)
        {
            int64_t layer;

            if (json_whole(one, &layer) && layer >= 0 && layer < VAC_MAX_LAYERS)
                s->mask[layer] = true;
        }
    }
    if (cJSON_IsArray(guards))
        s->n_guards = 0;
    cJSON_ArrayForEach(one, guards)
    {
        if (s->n_guards == VAC_MAX_GUARDS)
            break;
        s->guard[s->n_guards] = (struct vac_guard){0};
        read_members(one, guard_members, &s->guard[s->n_guards++]);
    }
    cJSON_ArrayForEach(one, scores)
    {
        struct vac_eval e = {.value = (double)NAN, .lo = (double)NAN, .hi = (double)NAN};
        int i = 0;

        read_members(one, score_members, &e);
        while (i < s->n_evals && strcmp(s->eval[i].name, e.name) != 0)
            i++;
        if (i == VAC_MAX_EVALS || n++ == VAC_MAX_EVALS)
            return;
        if (i == s->n_evals) {
            s->eval[s->n_evals++] = e;
        } else { /* what lies beneath it is told by its file */
            memcpy(e.beneath, s->eval[i].beneath, sizeof e.beneath);
            e.verdicts = s->eval[i].verdicts;
            s->eval[i] = e;
        }
    }
}

void message_put_option(struct json_out *o, const struct vac_option *v)
{
    json_put_object(o, NULL, JSON_TIGHT);
    put_members(o, option_members, v);
    json_put_end(o);
}

void message_read_option(const cJSON *from, struct vac_option *v)
{
    *v = (struct vac_option){.min = (double)NAN, .max = (double)NAN};
    read_members(from, option_members, v);
}

/* --- events --- */

static const char *const event_names[] = {[VAC_EVENT_JOURNAL] = "journal",
                                          [VAC_EVENT_REJECTED] = "rejected",
                                          [VAC_EVENT_PROBE_TEXT] = "probe-text",
                                          [VAC_EVENT_PROBE_END] = "probe",
                                          [VAC_EVENT_SUITE] = "suite",
                                          [VAC_EVENT_EVAL] = "evaluation",
                                          [VAC_EVENT_SAMPLES] = "samples",
                                          [VAC_EVENT_MAP] = "map",
                                          [VAC_EVENT_STATE] = "state",
                                          [VAC_EVENT_NOTE] = "note",
                                          [VAC_EVENT_PLAN] = "journal",
                                          [VAC_EVENT_CONTROL] = "control",
                                          [VAC_EVENT_GUARD] = "guard",
                                          [VAC_EVENT_REWIND] = "rewind",
                                          [VAC_EVENT_FORK] = "fork",
                                          [VAC_EVENT_ATTACK] = "attack"};
enum { EVENT_NAMES = sizeof event_names / sizeof *event_names };

static void put_samples(struct json_out *o, const struct vac_event *e)
{
    json_put_natural(o, "first", e->samples.first);
    json_put_natural(o, "total", e->samples.total);
    json_put_list(o, "samples", JSON_TIGHT);
    for (size_t i = 0; i < e->samples.n; i++) {
        const struct vac_sample *x = &e->samples.v[i];

        json_put_object(o, NULL, JSON_TIGHT);
        json_put_int(o, "index", x->index);
        json_put_int(o, "line", x->line);
        json_put_text(o, "file", x->file);
        json_put_text(o, "category", x->category);
        json_put_text(o, "source", x->source);
        json_put_text(o, "answer", x->answer);
        json_put_int(o, "tokens", x->tokens);
        json_put_int(o, "labels", x->labels);
        json_put_bool(o, "cut", x->cut);
        json_put_bool(o, "harmful", x->harmful);
        json_put_num(o, "loss", x->loss);
        json_put_int(o, "loss_step", x->loss_step);
        json_put_end(o);
    }
    json_put_end(o);
}

static void put_map(struct json_out *o, const struct vac_event *e)
{
    json_put_int(o, "layer", e->map.layer);
    json_put_list(o, "explained", JSON_TIGHT);
    for (int i = 0; i < 2; i++)
        json_put_num(o, NULL, e->map.explained[i]);
    json_put_end(o);
    json_put_list(o, "points", JSON_TIGHT);
    for (size_t i = 0; i < e->map.n; i++) {
        const struct vac_spot *p = &e->map.v[i];
        const double v[4] = {p->x, p->y, p->rx, p->ry};

        json_put_list(o, NULL, JSON_TIGHT);
        for (int k = 0; k < 4; k++)
            json_put_num(o, NULL, v[k]);
        json_put_end(o);
    }
    json_put_end(o);
}

/* What it carries, in the words of the run's own files. */
static void put_carried(struct json_out *o, const struct vac_event *e)
{
    switch (e->kind) {
    case VAC_EVENT_EVAL:
        score_history(o, e->eval.score, e->eval.other, e->eval.n_other);
        score_parts(o, "categories", e->eval.category, e->eval.n_category);
        break;
    case VAC_EVENT_PROBE_END:
        probe_json(o, e->probes.v);
        break;
    case VAC_EVENT_SUITE:
        json_put_int(o, "step", e->step);
        json_put_list(o, "probes", JSON_TIGHT);
        for (size_t i = 0; i < e->probes.n; i++) {
            json_put_object(o, NULL, JSON_TIGHT);
            probe_json(o, &e->probes.v[i]);
            json_put_end(o);
        }
        json_put_end(o);
        break;
    case VAC_EVENT_SAMPLES:
        put_samples(o, e);
        break;
    default:
        put_map(o, e);
    }
}

bool message_put_event(struct strbuf *out, const struct vac_event *e, int64_t id)
{
    const char *name = (size_t)e->kind < EVENT_NAMES ? event_names[e->kind] : NULL;
    struct json_out o = json_out(out);
    bool carries = e->kind == VAC_EVENT_EVAL || e->kind == VAC_EVENT_PROBE_END ||
                   e->kind == VAC_EVENT_SUITE || e->kind == VAC_EVENT_SAMPLES ||
                   e->kind == VAC_EVENT_MAP;

    if (!name)
        return false;
    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_text(&o, "event", name);
    if (id)
        json_put_int(&o, "id", id);
    json_put_int(&o, "step", e->step);
    if (carries) {
        json_put_object(&o, name, JSON_TIGHT);
        put_carried(&o, e);
        json_put_end(&o);
    } else {
        json_put_text(&o, name, e->text);
    }
    json_put_end(&o);
    sb_putc(out, '\n');
    return true;
}

/* A text that the event keeps; NULL where there is none. */
static const char *text_of(struct vac_event *e, const cJSON *obj, const char *key,
                           struct vac_err *err)
{
    const char *s = json_text_at(obj, key);

    return event_text(e, s ? s : "", s ? strlen(s) : 0, err);
}

static int64_t whole_of(const cJSON *obj, const char *key)
{
    int64_t x;

    return json_whole(cJSON_GetObjectItemCaseSensitive(obj, key), &x) && x >= 0 ? x : 0;
}

static int read_samples(struct vac_event *e, const cJSON *from, struct vac_err *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(from, "samples"), *x;
    struct vac_sample *v = event_alloc(e, (size_t)cJSON_GetArraySize(list), sizeof *v, err);

    e->samples.v = v;
    e->samples.n = 0;
    e->samples.first = (size_t)whole_of(from, "first");
    e->samples.total = (size_t)whole_of(from, "total");
    cJSON_ArrayForEach(x, list)
    {
        struct vac_sample *s = v ? &v[e->samples.n++] : NULL;

        if (!s)
            return -1;
        *s = (struct vac_sample){
            .index = whole_of(x, "index"),
            .line = whole_of(x, "line"),
            .file = text_of(e, x, "file", err),
            .category = json_text_at(x, "category") ? text_of(e, x, "category", err) : NULL,
            .source = text_of(e, x, "source", err),
            .answer = text_of(e, x, "answer", err),
            .tokens = whole_of(x, "tokens"),
            .labels = whole_of(x, "labels"),
            .cut = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(x, "cut")),
            .harmful = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(x, "harmful")),
            .loss = (double)NAN,
            .loss_step = whole_of(x, "loss_step")};
        read_number(cJSON_GetObjectItemCaseSensitive(x, "loss"), &s->loss);
        if (!s->file || !s->source || !s->answer)
            return -1;
    }
    return v ? 0 : -1;
}

static int read_map(struct vac_event *e, const cJSON *from, struct vac_err *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(from, "points"), *x;
    const cJSON *part = cJSON_GetObjectItemCaseSensitive(from, "explained");
    struct vac_spot *v = event_alloc(e, (size_t)cJSON_GetArraySize(list), sizeof *v, err);

    if (!v)
        return -1;
    e->map.v = v;
    e->map.n = 0;
    e->map.layer = (int)(whole_of(from, "layer") % VAC_MAX_LAYERS);
    for (int i = 0; i < 2; i++)
        read_number(cJSON_GetArrayItem(part, i), &e->map.explained[i]);
    cJSON_ArrayForEach(x, list)
    {
        struct vac_spot *p = &v[e->map.n++];
        double *const to[4] = {&p->x, &p->y, &p->rx, &p->ry};

        for (int k = 0; k < 4; k++)
            read_number(cJSON_GetArrayItem(x, k), to[k]);
    }
    return 0;
}

static int read_probe(struct vac_event *e, const cJSON *from, struct vac_err *err)
{
    struct vac_probe *p = event_alloc(e, 1, sizeof *p, err);

    if (!p)
        return -1;
    probe_read(from, p);
    e->probes.v = p;
    e->probes.n = 1;
    return probe_keep(e, p, err);
}

int message_read_event(const cJSON *line, struct vac_event *e, int64_t *id, struct vac_err *err)
{
    const char *name = json_text_at(line, "event");
    const cJSON *from = name ? cJSON_GetObjectItemCaseSensitive(line, name) : NULL;
    size_t i = 0;
    int rc = 1;

    *e = (struct vac_event){.step = whole_of(line, "step")};
    *id = whole_of(line, "id");
    while (i < EVENT_NAMES && (!event_names[i] || !name || strcmp(event_names[i], name) != 0))
        i++;
    e->kind = (enum vac_event_kind)i;
    switch (i) {
    case VAC_EVENT_PROBE_TEXT:
    case VAC_EVENT_STATE:
    case VAC_EVENT_CONTROL:
    case VAC_EVENT_REWIND:
    case VAC_EVENT_FORK:
    case VAC_EVENT_ATTACK:
        lines_name(e->text, sizeof e->text, cJSON_IsString(from) ? from->valuestring : "");
        return 0;
    case VAC_EVENT_SAMPLES:
        rc = read_samples(e, from, err);
        break;
    case VAC_EVENT_MAP:
        rc = read_map(e, from, err);
        break;
    case VAC_EVENT_PROBE_END:
        rc = read_probe(e, from, err);
        break;
    default:
        break;
    }
    if (rc)
        vac_event_done(e);
    return rc;
}
