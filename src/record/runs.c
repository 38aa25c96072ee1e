/* runs.c - which runs lie in a folder, and how each of them stands, at the price of a few small
 * reads.
 *
 * A run that cannot be read is listed as "broken": one damaged folder must not hide the others. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/inside.h"
#include "base/lock.h"
#include "defense/defense.h"
#include "eval/stats.h"
#include "record/runs.h"
#include "base/mem.h"
#include "base/io.h"
#include "record/journal.h"
#include "record/config.h"
#include "record/hash.h"
#include "record/lines.h"
#include "record/score.h"
#include "record/columns.h"

enum { TAIL = 1 << 16 };

/* ---- The last step ---- */

/* The end of a file, at most TAIL bytes; no text when there is no file, or nothing in it. */
static int read_tail(const char *path, char **text, size_t *len, struct vac_err *err)
{
    int64_t size;
    FILE *in;
    int rc = -1;

    *text = NULL;
    *len = 0;
    if (file_measure(path, &size, err))
        return -1;
    if (size <= 0)
        return 0;
    in = stream_open(path, err);
    *text = in ? mem_new(TAIL, 1, err) : NULL;
    if (*text && (size <= TAIL || !fseeko(in, (off_t)(size - TAIL), SEEK_SET))) {
        *len = fread(*text, 1, TAIL, in);
        rc = ferror(in) ? -1 : 0;
    }
    if (rc && *text)
        err_errno(err, "%s: cannot read", path);
    if (in)
        fclose(in);
    return rc;
}

/* Step of the last whole line of metrics.jsonl; 0 when there is none yet. */
static int last_step(const char *dir, int64_t *step, struct vac_err *err)
{
    char *path = path_join(dir, "metrics.jsonl", err), *text = NULL;
    size_t len = 0, from;
    cJSON *doc = NULL;
    struct jnode line;
    int rc = path ? read_tail(path, &text, &len, err) : -1;

    while (len > 0 && text[len - 1] != '\n')
        len--;
    if (rc == 0 && len > 0) {
        for (from = len - 1; from > 0 && text[from - 1] != '\n'; from--)
            ;
        doc = json_parse(text + from, len - from, "metrics.jsonl", err);
        line = json_root(doc, "metrics.jsonl");
        rc = doc ? json_int(&line, "step", 0, INT64_C(1) << 52, step, err) : -1;
    }
    cJSON_Delete(doc);
    free(text);
    free(path);
    return rc;
}

/* ---- State ---- */

/* What the journal says last. */
struct story {
    enum journal_verb verb;
    bool paused;
    double pause_at; /* the step up to which a step command goes on; 0 = none */
};

static int follow(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct story *s = ctx;
    struct journal_entry e;

    (void)err;
    journal_read(line, &e, NULL);
    if (!e.word || !journal_happened(&e))
        return 0;
    s->verb = e.verb;
    if (e.verb == JOURNAL_REWIND && s->pause_at > 0 && e.old) { /* what is left to go is left */
        double left = s->pause_at - strtod(e.old, NULL);

        s->paused = left <= 0;
        s->pause_at = left > 0 ? (double)e.applied_step + left : 0;
    }
    if (journal_state(e.verb) == JOURNAL_SAME)
        return 0;
    s->paused = journal_state(e.verb) == JOURNAL_STANDS;
    /* a step command says where it was applied and how many steps it asked for */
    s->pause_at = e.verb == JOURNAL_STEP && e.applied && e.value
                      ? (double)e.applied_step + strtod(e.value, NULL)
                      : 0;
    return 0;
}

/* A folder is broken by what its files hold; what cannot be read now is no reason to say so. */
static const char *broken(const struct vac_err *why, struct vac_err *err)
{
    if (why->code == VAC_ERR_FORMAT || why->code == VAC_ERR_UNSUPPORTED)
        return "broken";
    err_set(err, why->code, "%s", why->msg);
    return NULL;
}

/* State of a folder whose run.json is fine. A run that was killed can go on, as a stopped one can.
 */
static const char *state_of(const char *dir, struct vac_err *err)
{
    struct vac_err why = {0};
    struct story s = {0};
    char *final = path_join(dir, "final", err);
    bool done;
    int64_t step = 0;
    int rc = final ? dir_measure(final, &done, err) : -1;

    free(final);
    if (rc)
        return NULL;
    if (lines_visit(dir, "journal.jsonl", follow, &s, &why) || last_step(dir, &step, &why))
        return broken(&why, err);
    if (done) /* the screen may still hold it open */
        return "done";
    if (lock_held(dir))
        return s.paused || (s.pause_at > 0 && (double)step >= s.pause_at) ? "paused" : "running";
    return s.verb == JOURNAL_DONE ? "done" : s.verb == JOURNAL_FAIL ? "failed" : "stopped";
}

const char *run_state(const char *dir, struct vac_err *err)
{
    struct vac_err why = {0};
    cJSON *config = run_config(dir, &why);

    cJSON_Delete(config);
    return config ? state_of(dir, err) : broken(&why, err);
}

/* ---- One run ---- */

/* The curve of an entry in the stage that measured it last. */
struct curve {
    double *step, *value; /* free them */
    size_t n, cap, cap_value;
};
struct survey {
    struct vac_run_info *info;
    const cJSON *config;
    char first[VAC_NAME]; /* name of the first stage */
    bool attacks;         /* harmful rows are among what it learns from */
    struct curve curve[VAC_MAX_EVALS];
};

static int eval_slot(struct vac_run_info *info, const char *name)
{
    int i = 0;

    while (i < info->n_evals && strcmp(info->eval[i].name, name) != 0)
        i++;
    if (i == info->n_evals && i < VAC_MAX_EVALS)
        info->before[i] = info->broke[info->n_evals++] = NAN;
    return i < VAC_MAX_EVALS ? i : -1;
}

static int take_eval(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct survey *s = ctx;
    struct vac_eval e;
    struct curve *c;
    int i;

    if (score_read(line, s->config, &e, err))
        return -1;
    i = eval_slot(s->info, e.name);
    if (i < 0)
        return 0;
    c = &s->curve[i];
    if (strcmp(s->info->eval[i].stage, e.stage) != 0) {
        if (c->n && !strcmp(s->info->eval[i].stage, s->first))
            s->info->before[i] = s->info->eval[i].value;
        c->n = 0;
    }
    s->info->eval[i] = e;
    if (mem_grow(&c->step, &c->cap, c->n + 1, sizeof *c->step, err) ||
        mem_grow(&c->value, &c->cap_value, c->n + 1, sizeof *c->value, err))
        return -1;
    c->step[c->n] = (double)e.stage_step;
    c->value[c->n++] = e.value;
    return 0;
}

/* A curve that begins above one half was not broken in this stage, and a stage that comes first breaks
 * nothing unless it is an attack itself. */
static void survey_breaks(struct survey *s)
{
    for (int i = 0; i < s->info->n_evals; i++) {
        const struct vac_eval *e = &s->info->eval[i];
        const struct curve *c = &s->curve[i];

        s->info->broke[i] = score_judged(e) > 0 && c->n && c->value[0] <= 0.5 &&
                                    (s->attacks || strcmp(e->stage, s->first) != 0)
                                ? steps_to_break(c->step, c->value, c->n, 0.5)
                                : NAN;
    }
}

/* What run.json says; -1 when it is not one. */
static int survey_config(struct survey *s, const cJSON *config, struct vac_err *err)
{
    struct vac_run_info *info = s->info;
    const char *method = METHOD_DEFAULT, *name = "";
    struct jnode root = json_root(config, "run.json"), spec, stages, first;
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(config, "model");
    const char *path = json_text_at(model, "path");

    if (path) {
        lines_name(info->model, sizeof info->model, path_base(path));
        info->model[strcspn(info->model, "/")] = '\0';
    }
    if (json_get(&root, "spec", JSON_OBJECT, &spec, err) ||
        json_get(&spec, "stages", JSON_ARRAY, &stages, err))
        return -1;
    if (json_count(&stages) > 0) {
        if (json_item(&stages, 0, JSON_OBJECT, &first, err) ||
            json_opt_str(&first, "name", &name, err) < 0 ||
            json_opt_str(&first, "method", &method, err) < 0 ||
            json_opt_num(&first, "rho", &info->rho, err) < 0)
            return -1;
        s->attacks = run_stage_has_harm(first.v);
        lines_name(s->first, sizeof s->first, name);
        lines_name(info->method, sizeof info->method, method);
    }
    return json_opt_int(&root, "total_steps", 0, INT64_C(1) << 52, &info->total_steps, err);
}

/* ---- Stages that end by bounds ---- */

/* Bounds stand there as they were checked; what somebody else wrote is passed over. */
static void take_bounds(struct vac_run_info *info, const cJSON *stage)
{
    const cJSON *until = cJSON_GetObjectItemCaseSensitive(stage, "until"), *v;
    const char *name = json_text_at(stage, "name");
    struct vac_until *u = &info->until[info->n_untils];
    struct strbuf text = {0};

    if (!cJSON_IsObject(until) || !name || info->n_untils == VAC_MAX_UNTILS)
        return;
    *u = (struct vac_until){.times = 1};
    cJSON_ArrayForEach(v, until)
    {
        if (cJSON_IsString(v))
            sb_printf(&text, "%s%s %s", text.len ? " and " : "", v->string, v->valuestring);
        else if (!strcmp(v->string, "for"))
            json_whole(v, &u->times);
    }
    lines_name(u->stage, sizeof u->stage, name);
    lines_name(u->bounds, sizeof u->bounds, text.s ? text.s : "");
    sb_done(&text);
    info->n_untils++;
}

static bool take_end(struct vac_until *u, const struct journal_entry *e)
{
    if (!e->key || !e->value || !e->old || strcmp(e->key, u->stage) != 0)
        return false;
    u->step = strtoll(e->value, NULL, 10);
    u->planned = strtoll(e->old, NULL, 10);
    return true;
}

/* ---- What the journal changed ---- */

struct rho_set {
    int64_t seq; /* of its journal line */
    double value;
};
struct changes {
    struct vac_run_info *info;
    const char *first;           /* the stage whose rho is told; */
    bool elsewhere;              /* the journal is in another */
    int64_t seq[VAC_MAX_UNTILS]; /* journal line that told where it ended */
    struct rho_set *rho;         /* free it */
    size_t n, cap;
};

/* What came after the checkpoint that a run goes on from was made again. */
static void forget_after(struct changes *s, int64_t from)
{
    for (int i = 0; i < s->info->n_untils; i++)
        if (s->seq[i] > from)
            s->info->until[i].step = s->info->until[i].planned = 0;
    while (s->n && s->rho[s->n - 1].seq > from)
        s->n--;
}

static int take_rho(struct changes *s, const struct journal_entry *e, int64_t seq,
                    struct vac_err *err)
{
    double value = NAN;

    if (s->elsewhere || !e->key || strcmp(e->key, "rho") != 0 || !e->value ||
        sscanf(e->value, "%lf", &value) != 1 || !isfinite(value))
        return 0;
    if (mem_grow(&s->rho, &s->cap, s->n + 1, sizeof *s->rho, err))
        return -1;
    s->rho[s->n++] = (struct rho_set){seq, value};
    return 0;
}

static int take_change(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct changes *s = ctx;
    struct journal_entry e;
    int64_t seq = 0, from = 0;

    journal_read(line, &e, NULL);
    if (!journal_happened(&e))
        return 0;
    if (json_opt_int(line, "seq", 0, RECORD_STEP_MAX, &seq, err) < 0 ||
        json_opt_int(line, "from", 0, RECORD_STEP_MAX, &from, err) < 0)
        return -1;
    if (e.key && (e.verb == JOURNAL_STAGE || e.verb == JOURNAL_RESUME_RUN ||
                  e.verb == JOURNAL_REWIND || e.verb == JOURNAL_FORKED))
        s->elsewhere = strcmp(e.key, s->first) != 0;
    if (e.verb == JOURNAL_RESUME_RUN || e.verb == JOURNAL_REWIND)
        forget_after(s, from);
    else if (e.verb == JOURNAL_FORKED && !s->elsewhere)
        s->n = 0; /* its run.json has what was set on the way */
    else if (e.verb == JOURNAL_SET)
        return take_rho(s, &e, seq, err);
    for (int i = 0; e.verb == JOURNAL_UNTIL && i < s->info->n_untils; i++)
        if (take_end(&s->info->until[i], &e))
            s->seq[i] = seq;
    return 0;
}

/* Fills info->until, takes the steps that were not made off info->total_steps, and tells the rho that
 * holds. The journal is read only where there is any of them. */
static int survey_changes(struct survey *of, const char *dir, struct vac_err *err)
{
    struct vac_run_info *info = of->info;
    const cJSON *spec = cJSON_GetObjectItemCaseSensitive(of->config, "spec"),
                *stages = cJSON_GetObjectItemCaseSensitive(spec, "stages"), *stage;
    struct changes s = {.info = info, .first = of->first};
    int rc = 0;

    cJSON_ArrayForEach(stage, stages) take_bounds(info, stage);
    if (info->n_untils || isfinite(info->rho))
        rc = lines_visit(dir, "journal.jsonl", take_change, &s, err);
    for (int i = 0; rc == 0 && i < info->n_untils; i++) {
        struct vac_until *u = &info->until[i];

        if (u->step > 0 && u->step < u->planned && u->planned - u->step < info->total_steps)
            info->total_steps -= u->planned - u->step;
    }
    if (rc == 0 && s.n && s.rho[s.n - 1].value != info->rho) {
        info->rho_was = info->rho;
        info->rho = s.rho[s.n - 1].value;
    }
    free(s.rho);
    return rc;
}

/* ---- The whole ---- */

static double newest(const char *dir)
{
    static const char *const files[] = {"run.json", "metrics.jsonl", "journal.jsonl",
                                        "eval/history.jsonl"};
    double at = 0;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = path_join(dir, files[i], NULL);
        struct stat st;

        if (path && !lstat(path, &st)) {
            double t = (double)st.st_mtim.tv_sec + 1e-9 * (double)st.st_mtim.tv_nsec;
            at = t > at ? t : at;
        }
        free(path);
    }
    return at;
}

/* run.json is never rewritten: it tells a run apart. Its first digits will do. */
static void survey_family(struct vac_run_info *info, const char *dir, const cJSON *config)
{
    const cJSON *parent = cJSON_GetObjectItemCaseSensitive(config, "parent");
    const char *id = json_text_at(parent, "id");
    char *path = path_join(dir, "run.json", NULL), hash[65];

    if (path && hash_file(path, hash, NULL) == 0)
        snprintf(info->id, sizeof info->id, "%.20s", hash);
    if (id && json_whole(cJSON_GetObjectItemCaseSensitive(parent, "step"), &info->fork_step))
        snprintf(info->parent, sizeof info->parent, "%.20s", id);
    free(path);
}

/* One that cannot be read is listed all the same; but no memory is nobody's damage. */
static int survey(struct vac_run_info *info, const char *dir, struct vac_err *err)
{
    struct vac_err why = {0};
    cJSON *config = run_config(dir, &why);
    struct survey s = {.info = info, .config = config};
    const char *state = NULL;
    char *real;

    snprintf(info->dir, sizeof info->dir, "%s", dir);
    real = realpath(dir, NULL);
    lines_name(info->name, sizeof info->name, path_base(real ? real : dir));
    free(real);
    info->modified = newest(dir);
    info->rho = info->rho_was = NAN;
    info->fork_step = -1;
    if (config)
        survey_family(info, dir, config);
    if (config && !survey_config(&s, config, &why) && !last_step(dir, &info->step, &why) &&
        !lines_visit(dir, "eval/history.jsonl", take_eval, &s, &why) &&
        !survey_changes(&s, dir, &why)) {
        survey_breaks(&s);
        state = state_of(dir, &why);
    }
    for (size_t i = 0; i < VAC_MAX_EVALS; i++) {
        free(s.curve[i].step);
        free(s.curve[i].value);
    }
    snprintf(info->state, sizeof info->state, "%s", state ? state : "broken");
    cJSON_Delete(config);
    return why.code == VAC_ERR_MEMORY ? err_set(err, why.code, "%s", why.msg) : 0;
}

/* ---- All runs ---- */

struct listing {
    const char *dir;
    struct vac_run_info *v;
    size_t n, cap;
    bool own; /* the folder itself holds a run: what it set aside is no run beside it */
};

/* Adds the folder when it holds a run; a path too long for the caller's struct is passed over. */
static int consider(struct listing *list, const char *dir, struct vac_err *err)
{
    char *config = path_join(dir, "run.json", err);
    bool yes = config && strlen(dir) < VAC_PATH && file_exists(config);
    int rc = config ? 0 : -1;

    free(config);
    if (yes) {
        rc = mem_grow(&list->v, &list->cap, list->n + 1, sizeof *list->v, err);
        if (rc == 0)
            rc = survey(&list->v[list->n++], dir, err);
    }
    return rc;
}

static int consider_below(void *ctx, const char *name, struct vac_err *err)
{
    struct listing *list = ctx;
    bool skip = *name == '.' || (list->own && !strncmp(name, "aside-", 6));
    char *sub = skip ? NULL : path_join(list->dir, name, err);
    int rc = skip ? 0 : sub ? consider(list, sub, err) : -1;

    free(sub);
    return rc;
}

/* Run i, and its forks behind it. */
static size_t put_family(const struct vac_run_info *was, size_t n, size_t i, int depth,
                         struct vac_run_info *out, bool *placed)
{
    size_t k = 1;

    placed[i] = true;
    out[0] = was[i];
    out[0].depth = depth;
    for (size_t j = 0; *was[i].id && j < n; j++)
        if (!placed[j] && !strcmp(was[j].parent, was[i].id))
            k += put_family(was, n, j, depth + 1, out + k, placed);
    return k;
}

static bool has_parent(const struct vac_run_info *was, size_t n, size_t i)
{
    bool found = false;

    for (size_t j = 0; *was[i].parent && j < n; j++)
        found |= j != i && !strcmp(was[j].id, was[i].parent);
    return found;
}

/* A fork whose parent is not in the list stands where a run does; so does one that claims to be its own
 * ancestor. */
static int put_families(struct vac_run_info *v, size_t n, struct vac_err *err)
{
    struct vac_run_info *was = mem_new(n, sizeof *was, err);
    bool *placed = mem_new(n, sizeof *placed, err);
    size_t k = 0;
    int rc = was && placed ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < n; i++)
        was[i] = v[i];
    for (int rest = 0; rc == 0 && rest < 2; rest++)
        for (size_t i = 0; i < n; i++)
            if (!placed[i] && (rest || !has_parent(was, n, i)))
                k += put_family(was, n, i, 0, v + k, placed);
    free(was);
    free(placed);
    return rc;
}

static int newer(const void *a, const void *b)
{
    const struct vac_run_info *x = a, *y = b;

    if (x->modified != y->modified)
        return x->modified < y->modified ? 1 : -1;
    return strcmp(x->name, y->name);
}

int vac_runs(const char *dir, struct vac_run_info **out, size_t *n, struct vac_err *err)
{
    struct listing list = {.dir = dir};
    size_t own;

    *out = NULL;
    *n = 0;
    if (consider(&list, dir, err)) {
        free(list.v);
        return -1;
    }
    own = list.n;
    list.own = own > 0;
    /* a folder of runs may also hold the run file that they were begun with */
    if ((own == 0 || !strcmp(list.v[0].state, "broken")) &&
        dir_each(dir, consider_below, &list, err)) {
        free(list.v);
        return -1;
    }
    if (own && list.n > own)
        memmove(list.v, list.v + own, (list.n -= own) * sizeof *list.v);
    if (list.n)
        qsort(list.v, list.n, sizeof *list.v, newer);
    if (put_families(list.v, list.n, err)) {
        free(list.v);
        return -1;
    }
    *out = list.v;
    *n = list.n;
    return 0;
}
