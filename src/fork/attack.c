/* attack.c - see attack.h */
#include "fork/attack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_out.h"
#include "eval/stats.h"
#include "proof/chain.h"
#include "record/columns.h"
#include "record/config.h"
#include "record/hash.h"
#include "record/lines.h"
#include "record/score.h"

static const char attacks_file[] = "attacks.jsonl";

/* --- the fork --- */

const char *attack_stage(const cJSON *config, const char *dir, const char *wanted,
                         struct vac_err *err)
{
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(run_config_spec(config), "stages"),
                *stage;
    const char *name;
    int i = 0;

    cJSON_ArrayForEach(stage, stages)
    {
        name = json_text_at(stage, "name");
        if (i++ > 0 && name && (wanted ? !strcmp(name, wanted) : run_stage_has_harm(stage)))
            return name;
    }
    if (wanted)
        err_set(err, VAC_ERR_USAGE, "%s: has no stage \"%.60s\" after its first one", dir, wanted);
    else
        err_set(err, VAC_ERR_USAGE,
                "%s: has no stage after its first one whose rows are harmful in part: name the "
                "stage that attacks with --stage",
                dir);
    return NULL;
}

char *attack_name(const char *dir, uint64_t step, struct vac_err *err)
{
    char *attacks = path_join(dir, "attacks", err), *name = NULL;
    char *at = attacks ? path_join(attacks, "run", err) : NULL;

    if (at)
        name = fork_name(at, step, err);
    free(attacks);
    free(at);
    return name;
}

/* A stage that is left out is measured by nobody: entries for such stages alone go too. */
static int keep_entries(cJSON *spec, const cJSON *stages, struct vac_err *err)
{
    cJSON *entries = cJSON_GetObjectItemCaseSensitive(spec, "evaluate");

    (void)err;
    for (int i = cJSON_GetArraySize(entries) - 1; i >= 0; i--) {
        cJSON *list = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(entries, i), "stages");

        for (int k = cJSON_GetArraySize(list) - 1; cJSON_IsArray(list) && k >= 0; k--) {
            const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(list, k));
            const cJSON *stage;
            bool there = false;

            cJSON_ArrayForEach(stage, stages) there |=
                name && json_text_at(stage, "name") && !strcmp(json_text_at(stage, "name"), name);
            if (!there)
                cJSON_DeleteItemFromArray(list, k);
        }
        if (cJSON_IsArray(list) && cJSON_GetArraySize(list) == 0)
            cJSON_DeleteItemFromArray(entries, i);
    }
    return 0;
}

int attack_place(const cJSON *stages, const char *dir, const char *stage, size_t beneath,
                 uint64_t step, size_t *at, struct vac_err *err)
{
    const char *own;

    for (*at = 0; (own = json_text_at(cJSON_GetArrayItem(stages, (int)*at), "name")) &&
                  strcmp(own, stage) != 0;)
        ++*at;
    if (own && *at >= beneath)
        return 0;
    return err_set(err, VAC_ERR_USAGE,
                   "%s: step %llu lies behind the beginning of stage %s: attack the weights "
                   "before it",
                   dir, (unsigned long long)step, stage);
}

int attack_make(struct fork *f, const char *stage, const char *name, struct vac_err *err)
{
    cJSON *spec = cJSON_GetObjectItemCaseSensitive(f->doc, "spec");
    cJSON *stages = cJSON_GetObjectItemCaseSensitive(spec, "stages");
    cJSON *parent = cJSON_GetObjectItemCaseSensitive(f->doc, "parent");
    size_t beneath = f->from.json ? f->stage + 1 : f->stage, at = 0;

    if (attack_place(stages, f->dir, stage, beneath, f->step, &at, err) ||
        (f->from.json && fork_cut(f, err)))
        return -1;
    for (int i = cJSON_GetArraySize(stages) - 1; i >= (int)beneath; i--)
        if (i != (int)at)
            cJSON_DeleteItemFromArray(stages, i);
    /* what the run is watched for, and attacked by itself, is no affair of the attack's */
    cJSON_DeleteItemFromObjectCaseSensitive(spec, "guards");
    cJSON_DeleteItemFromObjectCaseSensitive(spec, "attack");
    memset(f->size, 0, sizeof f->size);
    f->tokens = 0;
    f->stage = beneath;
    return keep_entries(spec, stages, err) ||
                   json_add(parent, "stage", cJSON_CreateString(stage), err) ||
                   json_add(parent, "attack", cJSON_CreateBool(true), err) ||
                   (name && json_add(parent, "name", cJSON_CreateString(name), err))
               ? -1
               : 0;
}

static char *adapter_in(const char *dir, const char *below, struct vac_err *err)
{
    char *folder = path_join(dir, below, err);
    char *file = folder ? path_join(folder, "adapter_model.safetensors", err) : NULL;

    free(folder);
    return file;
}

bool attack_is_of(const char *dir, const char *run, int64_t step)
{
    cJSON *config = run_config(dir, NULL);
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(run_config_spec(config), "stages");
    const char *beneath =
        json_text_at(cJSON_GetArrayItem(stages, cJSON_GetArraySize(stages) - 2), "name");
    char below[VAC_NAME + 16], point[48], a[65], b[65], *own = NULL, *its = NULL;
    bool same = false;

    snprintf(below, sizeof below, "stages/%.*s", VAC_NAME, beneath ? beneath : "");
    snprintf(point, sizeof point, "checkpoint-%lld", (long long)step);
    if (beneath && fork_step(config) == step) {
        own = adapter_in(dir, below, NULL);
        its = adapter_in(run, point, NULL);
    }
    same = own && its && !hash_file(own, a, NULL) && !hash_file(its, b, NULL) && !strcmp(a, b);
    free(own);
    free(its);
    cJSON_Delete(config);
    return same;
}

/* --- what it came to --- */

/* Before the first step the weights are as they were: what breaks between 0 and it breaks by it. */
static double by_a_step(double at)
{
    return at > 0 && at < 1 ? 1 : at;
}

/* Where one of the three curves of a score passes one half, within this stage. */
static double breaks(const struct vac_eval *e, size_t n, const char *name, const char *stage,
                     size_t offset)
{
    double *step = mem_new(n, sizeof *step, NULL), *value = mem_new(n, sizeof *value, NULL);
    double at = NAN;
    size_t k = 0;

    for (size_t i = 0; step && value && i < n; i++) {
        if (strcmp(e[i].name, name) != 0 || strcmp(e[i].stage, stage) != 0)
            continue;
        step[k] = (double)e[i].stage_step;
        value[k++] = *(const double *)((const char *)&e[i] + offset);
    }
    if (k)
        at = by_a_step(steps_to_break(step, value, k, 0.5));
    free(step);
    free(value);
    return at;
}

static void take_scores(struct vac_attack *r, const struct vac_eval *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct vac_attack_score *s = r->score;

        if (strcmp(e[i].stage, r->stage) != 0)
            continue;
        while (s < r->score + r->n_scores && strcmp(s->e.name, e[i].name) != 0)
            s++;
        if (s == r->score + VAC_MAX_EVALS)
            continue;
        if (s == r->score + r->n_scores) {
            r->n_scores++;
            s->before = e[i].value;
        }
        s->e = e[i];
    }
    for (struct vac_attack_score *s = r->score; s < r->score + r->n_scores; s++) {
        s->judged = score_judged(&s->e) > 0;
        if (!s->judged)
            continue;
        s->broke = (struct vac_span){
            .known = true,
            .value = breaks(e, n, s->e.name, r->stage, offsetof(struct vac_eval, value)),
            .lo = breaks(e, n, s->e.name, r->stage, offsetof(struct vac_eval, hi)),
            .hi = breaks(e, n, s->e.name, r->stage, offsetof(struct vac_eval, lo))};
    }
}

int attack_scores(const char *dir, const char *stage, int64_t upto, struct vac_attack *out,
                  struct vac_err *err)
{
    struct vac_eval *e = NULL;
    size_t n = 0, k = 0;

    *out = (struct vac_attack){.n_scores = 0};
    lines_name(out->stage, sizeof out->stage, stage);
    if (vac_run_evals(dir, &e, &n, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(e[i].stage, stage) && e[i].stage_step <= upto)
            e[k++] = e[i];
    take_scores(out, e, k);
    free(e);
    return 0;
}

/* The first file of harmful rows whose content the parent did not begin with. */
static void take_data(struct vac_attack *r, const cJSON *config, const char *run)
{
    cJSON *parent = run_config(run, NULL);
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(run_config_spec(config), "stages"),
                *file;
    const cJSON *stage = cJSON_GetArrayItem(stages, cJSON_GetArraySize(stages) - 1);

    cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(stage, "train"))
    {
        const char *name = json_text_at(file, "file");
        const cJSON *known,
            *hash = cJSON_GetObjectItemCaseSensitive(
                cJSON_GetObjectItemCaseSensitive(config, "files"), name ? name : "");
        bool own = false;

        if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(file, "harmful")) || *r->data || !parent)
            continue;
        cJSON_ArrayForEach(known, cJSON_GetObjectItemCaseSensitive(parent, "files")) own |=
            cJSON_Compare(known, hash, true);
        if (!own && name)
            snprintf(r->data, sizeof r->data, "%s", name);
    }
    cJSON_Delete(parent);
}

/* What is told of a stage before it is made. */
static int read_stage(struct vac_attack *out, const cJSON *stage, struct vac_err *err)
{
    struct jnode root = json_root(stage, "run.json");
    const char *name = json_text_at(stage, "name");

    *out = (struct vac_attack){.ratio = NAN, .lr = NAN, .harmful_loss = NAN, .drift = NAN};
    lines_name(out->stage, sizeof out->stage, name ? name : "");
    return json_opt_num(&root, "harmful_ratio", &out->ratio, err) ||
                   json_opt_num(&root, "lr", &out->lr, err) ||
                   json_opt_int(&root, "steps", 0, RECORD_STEP_MAX, &out->steps, err) ||
                   json_opt_int(&root, "samples", 0, RECORD_STEP_MAX, &out->samples, err)
               ? -1
               : 0;
}

int vac_run_attack(const char *dir, struct vac_attack *out, struct vac_err *err)
{
    cJSON *config = run_config(dir, err);
    const char *name = config ? attack_stage(config, dir, NULL, err) : NULL;
    int rc = name ? read_stage(out, run_config_stage(config, name), err) : -1;

    cJSON_Delete(config);
    return rc;
}

bool vac_attack_same(const struct vac_attack *a, const struct vac_attack *b)
{
    return !strcmp(a->stage, b->stage) && !strcmp(a->name, b->name) && !strcmp(a->data, b->data) &&
           a->samples == b->samples && a->steps == b->steps &&
           (a->ratio == b->ratio || (isnan(a->ratio) && isnan(b->ratio))) &&
           (a->lr == b->lr || (isnan(a->lr) && isnan(b->lr)));
}

const struct vac_attack_score *vac_attack_harm(const struct vac_attack *a)
{
    for (int i = 0; i < a->n_scores; i++)
        if (a->score[i].judged)
            return &a->score[i];
    return NULL;
}

bool vac_attack_reach(const struct vac_attack *a, struct vac_span *out)
{
    const struct vac_attack_score *harm = vac_attack_harm(a);
    double last = (double)a->steps;

    if (!harm || a->steps <= 1)
        return false;
    *out = (struct vac_span){.known = true,
                             .value = isnan(harm->broke.value) ? last : harm->broke.value,
                             .lo = isnan(harm->broke.lo) ? last : harm->broke.lo,
                             .hi = isnan(harm->broke.hi) ? last : harm->broke.hi};
    return true;
}

const char *vac_attack_broke(const struct vac_attack *a, char out[VAC_ATTACK_BROKE])
{
    static const char *const before[] = {"", " [", ", "};
    const struct vac_attack_score *harm = vac_attack_harm(a);
    int n = 0;

    snprintf(out, VAC_ATTACK_BROKE, harm ? "held" : "-");
    if (!harm || (isnan(harm->broke.value) && isnan(harm->broke.lo)))
        return out;
    if (a->steps <= 1 || harm->broke.hi == 0) { /* nothing lies between its beginning and its end */
        snprintf(out, VAC_ATTACK_BROKE, isnan(harm->broke.value) ? "held" : "at once");
        return out;
    }
    for (int k = 0; k < 3; k++) { /* steps are below RECORD_STEP_MAX: 16 digits */
        double at = k == 0 ? harm->broke.value : k == 1 ? harm->broke.lo : harm->broke.hi;

        n += snprintf(out + n, VAC_ATTACK_BROKE - (size_t)n, isnan(at) ? "%s-" : "%s%.1f",
                      before[k], at);
    }
    snprintf(out + n, VAC_ATTACK_BROKE - (size_t)n, "]");
    return out;
}

/* Of the attack in `dir`; `run` is its parent's folder. */
static int read_attack(struct vac_attack *out, const char *dir, const char *run,
                       struct vac_err *err)
{
    cJSON *config = run_config(dir, err);
    const cJSON *stages = cJSON_GetObjectItemCaseSensitive(run_config_spec(config), "stages"),
                *stage = cJSON_GetArrayItem(stages, cJSON_GetArraySize(stages) - 1);
    struct vac_eval *e = NULL;
    struct vac_point *p = NULL;
    size_t n = 0, points = 0, inside = strlen(run);
    int rc = config && !read_stage(out, stage, err) && !vac_run_evals(dir, &e, &n, err) &&
                     !vac_run_points(dir, &p, &points, err)
                 ? 0
                 : -1;

    if (rc == 0) {
        const char *name = json_text_at(fork_parent(config), "name");

        lines_name(out->name, sizeof out->name, name ? name : "");
        out->step = fork_step(config);
        while (inside && run[inside - 1] == '/')
            inside--;
        snprintf(out->dir, sizeof out->dir, "%s",
                 !strncmp(dir, run, inside) && dir[inside] == '/' ? dir + inside + 1 : dir);
        take_data(out, config, run);
        take_scores(out, e, n);
        for (size_t i = 0; i < points; i++) {
            out->steps = p[i].stage_step;
            out->harmful_loss = isnan(p[i].harmful_loss) ? out->harmful_loss : p[i].harmful_loss;
            out->drift = isnan(p[i].drift_mean) ? out->drift : p[i].drift_mean;
        }
    }
    free(e);
    free(p);
    cJSON_Delete(config);
    return rc;
}

/* --- attacks.jsonl --- */

static void put_known(struct json_out *o, const char *key, double x)
{
    if (!isnan(x))
        json_put_num(o, key, x);
}

static int keep(const struct vac_attack *r, const char *run, struct vac_err *err)
{
    struct strbuf s = {0};
    struct json_out o = json_out(&s);
    int rc;

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_int(&o, "step", r->step);
    json_put_text(&o, "stage", r->stage);
    json_put_text(&o, "run", r->dir);
    if (*r->name)
        json_put_text(&o, "name", r->name);
    json_put_int(&o, "steps", r->steps);
    json_put_int(&o, "samples", r->samples);
    if (*r->data)
        json_put_text(&o, "data", r->data);
    put_known(&o, "ratio", r->ratio);
    put_known(&o, "lr", r->lr);
    put_known(&o, "harmful_loss", r->harmful_loss);
    put_known(&o, "drift_mean", r->drift);
    json_put_list(&o, "scores", JSON_TIGHT);
    for (const struct vac_attack_score *x = r->score; x < r->score + r->n_scores; x++) {
        json_put_object(&o, NULL, JSON_TIGHT);
        json_put_text(&o, "name", x->e.name);
        put_known(&o, "before", x->before);
        put_known(&o, "value", x->e.value);
        put_known(&o, "lo", x->e.lo);
        put_known(&o, "hi", x->e.hi);
        json_put_int(&o, "count", x->e.count);
        json_put_int(&o, "n", x->e.n);
        json_put_bool(&o, "rate", x->e.is_rate);
        json_put_bool(&o, "judged", x->judged);
        put_known(&o, "broke", x->broke.value);
        put_known(&o, "broke_lo", x->broke.lo);
        put_known(&o, "broke_hi", x->broke.hi);
        json_put_end(&o);
    }
    json_put_end(&o);
    json_put_end(&o);
    sb_putc(&s, '\n');
    rc = chain_add(run, attacks_file, &s, err);
    sb_done(&s);
    return rc;
}

/* The folder with that run.json, two above the attack's or three (of a battery), or where it was: free it. NULL =
 * it is not there any more. */
static char *find_parent(const char *dir, const cJSON *parent)
{
    const char *id = json_text_at(parent, "id"), *was = json_text_at(parent, "run");
    char *beside = path_dir(dir, NULL), *holder = beside ? path_dir(beside, NULL) : NULL,
         *above = holder ? path_dir(holder, NULL) : NULL,
         *place[] = {holder, above, was ? mem_strdup(was, NULL) : NULL}, *found = NULL, have[65];

    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        char *file = place[i] ? path_join(place[i], "run.json", NULL) : NULL;

        if (!found && id && file && file_exists(file) && !hash_file(file, have, NULL) &&
            !strcmp(have, id))
            found = place[i];
        else
            free(place[i]);
        free(file);
    }
    free(beside);
    return found;
}

int attack_tell(const char *dir, const cJSON *config, struct vac_err *err)
{
    const cJSON *parent = fork_parent(config);
    struct vac_attack r;
    char *real, *run;
    int rc = 0;

    if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(parent, "attack")))
        return 0;
    real = realpath(dir, NULL);
    if (!real)
        return err_errno(err, "%s", dir);
    run = find_parent(real, parent);
    if (run)
        rc = read_attack(&r, real, run, err) || keep(&r, run, err) ? -1 : 0;
    else
        rc = err_set(
            err, VAC_ERR_IO,
            "%.300s: it was there, and is there no more, or is another run: what the attack "
            "came to stays in %.300s",
            json_text_at(parent, "run") ? json_text_at(parent, "run") : "?", dir);
    free(run);
    free(real);
    return rc;
}

struct listing {
    struct vac_attack *v;
    size_t n, cap;
};

static int read_score(const struct jnode *one, struct vac_attack_score *x, struct vac_err *err)
{
    const char *name;

    x->before = x->e.value = x->e.lo = x->e.hi = NAN;
    x->broke = (struct vac_span){.value = NAN, .lo = NAN, .hi = NAN};
    if (json_str(one, "name", &name, err) || json_opt_num(one, "before", &x->before, err) ||
        json_opt_num(one, "value", &x->e.value, err) || json_opt_num(one, "lo", &x->e.lo, err) ||
        json_opt_num(one, "hi", &x->e.hi, err) ||
        json_opt_int(one, "n", 0, RECORD_STEP_MAX, &x->e.n, err) ||
        json_opt_int(one, "count", 0, RECORD_STEP_MAX, &x->e.count, err) ||
        json_opt_bool(one, "rate", &x->e.is_rate, err) ||
        json_opt_bool(one, "judged", &x->judged, err) ||
        json_opt_num(one, "broke", &x->broke.value, err) ||
        json_opt_num(one, "broke_lo", &x->broke.lo, err) ||
        json_opt_num(one, "broke_hi", &x->broke.hi, err))
        return -1;
    x->broke.known = x->judged;
    x->broke.value = by_a_step(x->broke.value);
    x->broke.lo = by_a_step(x->broke.lo);
    x->broke.hi = by_a_step(x->broke.hi);
    lines_name(x->e.name, sizeof x->e.name, name);
    return 0;
}

static int take_result(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct listing *l = ctx;
    struct vac_attack *r;
    struct jnode scores, one;
    const char *stage, *run, *data = NULL, *name = NULL;

    if (mem_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, err))
        return -1;
    r = &l->v[l->n];
    *r = (struct vac_attack){.ratio = NAN, .lr = NAN, .harmful_loss = NAN, .drift = NAN};
    if (json_int(line, "step", 0, RECORD_STEP_MAX, &r->step, err) ||
        json_str(line, "stage", &stage, err) || json_str(line, "run", &run, err) ||
        json_opt_int(line, "steps", 0, RECORD_STEP_MAX, &r->steps, err) ||
        json_opt_int(line, "samples", 0, RECORD_STEP_MAX, &r->samples, err) ||
        json_opt_str(line, "name", &name, err) || json_opt_str(line, "data", &data, err) ||
        json_opt_num(line, "ratio", &r->ratio, err) || json_opt_num(line, "lr", &r->lr, err) ||
        json_opt_num(line, "harmful_loss", &r->harmful_loss, err) ||
        json_opt_num(line, "drift_mean", &r->drift, err) ||
        json_get(line, "scores", JSON_ARRAY, &scores, err))
        return -1;
    lines_name(r->stage, sizeof r->stage, stage);
    lines_name(r->dir, sizeof r->dir, run);
    lines_name(r->name, sizeof r->name, name ? name : "");
    lines_name(r->data, sizeof r->data, data ? data : "");
    for (size_t i = 0; i < json_count(&scores) && r->n_scores < VAC_MAX_EVALS; i++)
        if (json_item(&scores, i, JSON_OBJECT, &one, err) ||
            read_score(&one, &r->score[r->n_scores++], err))
            return -1;
    r->line = ++l->n;
    return 0;
}

static int by_step(const void *a, const void *b)
{
    const struct vac_attack *x = a, *y = b;

    return x->step != y->step ? (x->step > y->step) - (x->step < y->step) : strcmp(x->dir, y->dir);
}

int attack_kept(const char *dir, int64_t *size, struct vac_err *err)
{
    char *path = path_join(dir, attacks_file, err);
    int rc = path ? file_measure(path, size, err) : -1;

    free(path);
    if (rc == 0 && *size < 0)
        *size = 0;
    return rc;
}

int vac_run_attacks(const char *run, struct vac_attack **out, size_t *n, struct vac_err *err)
{
    struct listing l = {.v = NULL};

    *out = NULL;
    *n = 0;
    if (lines_visit(run, attacks_file, take_result, &l, err)) {
        free(l.v);
        return -1;
    }
    if (l.n)
        qsort(l.v, l.n, sizeof *l.v, by_step);
    *out = l.v;
    *n = l.n;
    return 0;
}
