/* follow.c - a run folder whose files still grow: what is new in them since the last look.
 *
 * Another program writes them, line by line; it may be killed, and it may go back to a checkpoint,
 * which cuts the files. Nothing that was handed over is kept, so that a long run costs no memory.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/inside.h"
#include "record/event.h"
#include "record/journal.h"
#include "record/probe.h"
#include "record/reader.h"
#include "record/config.h"
#include "record/lines.h"
#include "record/runs.h"
#include "record/score.h"
#include "record/columns.h"

enum followed { METRICS, LAYERS, EVALS, PROBES, JOURNAL, FOLLOWED };
static const char *const followed[FOLLOWED] = {
    "metrics.jsonl", "layers.jsonl", "eval/history.jsonl", "probes.jsonl", "journal.jsonl"};

struct vac_follow {
    struct run_data r; /* description; points of one reading */
    struct reader_pile points;
    struct layers_marks marks; /* of the layers lines of one reading, which went on at once */
    struct vac_snapshot snap;
    int64_t at[FOLLOWED], seen[FOLLOWED]; /* bytes handed over; size when last looked at */
    size_t number[FOLLOWED];              /* lines handed over */
    const struct vac_follow_take *take;   /* during a reading */
    void *ctx;
    int64_t ended;        /* its step when it ended, by its journal; -1 = it has not */
    bool read;            /* once at least */
    bool aside;           /* the run went back: lines that were handed over are no longer in it */
    bool carried, joined; /* r.point[0] was handed over before, with its drift */
    struct vac_until until[VAC_MAX_UNTILS]; /* of its stages that have one */
    int n_untils;
    double step_ms;          /* smoothed */
    struct vac_point from;   /* the first one; no step = none yet */
    struct vac_probe *suite; /* probes of one round, as far as they were read */
    size_t n_suite, suite_cap;
    struct vac_event texts; /* whose memory they are in */
    int64_t suite_step;
    bool suite_grew;       /* since it was handed over */
    struct vac_err failed; /* what ended the reading for good */
};

static int follow_file(struct vac_follow *f, enum followed which, lines_visitor *visit, void *ctx,
                       struct vac_err *err)
{
    char *path = path_join(f->r.dir, followed[which], err);
    int rc =
        path ? lines_visit_file(path, INT64_MAX, &f->at[which], &f->number[which], visit, ctx, err)
             : -1;

    free(path);
    return rc;
}

static void give_event(const struct vac_follow *f, struct vac_event *e)
{
    if (f->take->event)
        f->take->event(f->ctx, e);
    vac_event_done(e);
}

/* ---- Its points and layers ---- */

/* The newest value of each column and series stays, as long as its stage. */
static void note_point(struct vac_follow *f, const struct vac_point *p, bool again)
{
    struct vac_snapshot *s = &f->snap;

    if (p->stage != s->stage_index)
        point_clear(&s->last);
    point_update(&s->last, p);
    if (!isnan(p->align_loss) || !isnan(p->harmful_loss) || !isnan(p->drift_mean))
        s->watch_step = p->step;
    if (f->from.step == 0)
        f->from = *p;
    if (p->step_ms > 0 && !again)
        f->step_ms = f->step_ms > 0 ? 0.9 * f->step_ms + 0.1 * p->step_ms : p->step_ms;
    s->step = p->step;
    s->stage_step = p->stage_step;
    s->stage_index = p->stage;
    memcpy(s->stage, f->r.stage[p->stage].name, sizeof s->stage);
    memcpy(s->method, f->r.stage[p->stage].method, sizeof s->method);
}

/* Of a line that tells of a step: a layer that is left out has no eps there, and one of a method that
 * perturbs nothing counts as in a session. */
static void note_mask(struct vac_snapshot *s, const struct vac_layers *l)
{
    bool any = !isnan(layers_total(l->eps, VAC_MAX_LAYERS));

    if (!any && isnan(layers_total(l->grad, VAC_MAX_LAYERS)))
        return;
    for (int i = 0; i < VAC_MAX_LAYERS; i++)
        s->mask[i] = !any || !isnan(l->eps[i]);
}

static int give_layers(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct vac_follow *f = ctx;
    struct vac_layers l;

    if (layers_read(line, &l, &f->r.n_layers, err) || reader_mark(&f->marks, &l, err))
        return -1;
    layers_update(&f->snap.layers, &l);
    note_mask(&f->snap, &l);
    if (!isnan(layers_mean(l.drift_rel, VAC_MAX_LAYERS)))
        f->snap.drift_step = l.step;
    f->snap.n_layers = f->r.n_layers;
    if (f->take->layers)
        f->take->layers(f->ctx, &l, f->r.n_layers);
    return 0;
}

/* A point is written before its layers line: the last one waits here for its drift. */
static int give_points(struct vac_follow *f, struct vac_err *err)
{
    struct run_data *r = &f->r;
    size_t *join = reader_join_marks(r, &f->marks, err), n = r->n_points;

    for (size_t i = 0; join && i < n; i++) {
        bool joined = join[i] != SIZE_MAX, again = i == 0 && f->carried;

        if (joined)
            r->point[i].drift_mean = f->marks.v[join[i]].drift;
        if (again && (f->joined || !joined))
            continue;
        f->joined = joined;
        note_point(f, &r->point[i], again);
        if (f->take->point)
            f->take->point(f->ctx, &r->point[i]);
    }
    if (n > 0)
        r->point[0] = r->point[n - 1];
    r->n_points = f->carried = n > 0;
    f->marks.n = 0;
    free(join);
    return join ? 0 : -1;
}

/* ---- Its events ---- */

/* As the run itself says it while it goes. */
static int give_journal(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct vac_follow *f = ctx;
    struct journal_entry entry;
    struct vac_event e = {.kind = VAC_EVENT_JOURNAL};
    struct strbuf text = {0};

    if (journal_read(line, &entry, err))
        return -1;
    f->aside |= entry.verb == JOURNAL_ASIDE;
    if (entry.verb == JOURNAL_DONE || entry.verb == JOURNAL_STOP)
        f->ended = entry.step;
    else if (entry.verb == JOURNAL_RESUME_RUN || entry.verb == JOURNAL_REWIND)
        f->ended = -1;
    if (!journal_happened(&entry))
        e.kind = VAC_EVENT_REJECTED;
    else if (journal_note(&entry))
        e.kind = VAC_EVENT_NOTE;
    e.time = journal_seconds(&entry);
    e.step = entry.step;
    e.line = entry.seq;
    journal_sentence(&text, &entry);
    if (sb_ok(&text, err)) {
        sb_done(&text);
        return -1;
    }
    lines_name(e.text, sizeof e.text, text.s);
    sb_done(&text);
    give_event(f, &e);
    return 0;
}

/* What two judges call differently, of a results file. */
static int take_disputes(const cJSON *doc, struct vac_event *e, struct vac_err *err)
{
    static const char *const key[] = {"prompt", "answer", "verdict", "first"};
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(doc, "disputed"), *one;
    struct vac_dispute *v = event_alloc(e, (size_t)cJSON_GetArraySize(list), sizeof *v, err);
    int64_t all = 0;

    cJSON_ArrayForEach(one, list)
    {
        const char *text[4];
        bool whole = true;

        for (size_t i = 0; i < 4; i++) {
            const char *s = json_text_at(one, key[i]);

            text[i] = s ? event_text(e, s, strlen(s), err) : NULL;
            whole &= text[i] != NULL;
        }
        if (v && whole)
            v[e->eval.n_dispute++] = (struct vac_dispute){text[0], text[1], text[2], text[3]};
    }
    json_whole(cJSON_GetObjectItemCaseSensitive(doc, "disputes"), &all);
    e->eval.dispute = v;
    e->eval.disputes = all > 0 ? (size_t)all : 0;
    return v ? 0 : -1;
}

/* The categories of a measurement stand in its results file, and what two judges dispute. */
static int take_categories(const struct vac_follow *f, struct vac_event *e, struct vac_err *err)
{
    const struct vac_eval *score = e->eval.score;
    char name[3 * VAC_NAME + 64], *path = NULL;
    const cJSON *list, *one;
    struct vac_part *v;
    size_t n = 0;
    cJSON *doc;

    snprintf(name, sizeof name, "eval/results_%s_%s-%lld.json", score->name, score->stage,
             (long long)score->stage_step);
    if (!strchr(score->name, '/') && !strchr(score->stage, '/'))
        path = path_join(f->r.dir, name, NULL);
    doc = path && file_exists(path) ? json_read(path, RUN_CONFIG_LIMIT, NULL) : NULL;
    list = cJSON_GetObjectItemCaseSensitive(doc, "categories");
    e->eval.category = v = event_alloc(e, (size_t)cJSON_GetArraySize(list), sizeof *v, err);
    cJSON_ArrayForEach(one, list)
    {
        const char *text = json_text_at(one, "name");

        if (!v || !text)
            continue;
        v[n].name = event_text(e, text, strlen(text), err);
        json_whole(cJSON_GetObjectItemCaseSensitive(one, "count"), &v[n].count);
        json_whole(cJSON_GetObjectItemCaseSensitive(one, "n"), &v[n].n);
        v = v[n++].name ? v : NULL;
    }
    e->eval.n_category = n;
    if (v && take_disputes(doc, e, err))
        v = NULL;
    cJSON_Delete(doc);
    free(path);
    return v ? 0 : -1;
}

static int give_eval(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct vac_follow *f = ctx;
    struct vac_event e = {.kind = VAC_EVENT_EVAL};
    struct vac_eval *score = event_alloc(&e, 1, sizeof *score, err);
    int rc = score ? score_read(line, f->r.config, score, err) : -1;

    if (rc == 0) {
        e.eval.score = score;
        e.step = score->step;
        memcpy(e.text, score->name, sizeof score->name);
        rc = take_categories(f, &e, err);
    }
    if (rc == 0)
        give_event(f, &e);
    else
        vac_event_done(&e);
    return rc;
}

/* Each probe is written as soon as it is answered, and no line says that it was the last: what was
 * asked at one step is handed over whole each time there is more of it. */
static int give_suite(struct vac_follow *f, struct vac_err *err)
{
    struct vac_event e;
    struct vac_probe *all;

    if (!f->suite_grew)
        return 0;
    all = event_alloc(&f->texts, f->n_suite, sizeof *all, err);
    if (!all)
        return -1;
    memcpy(all, f->suite, f->n_suite * sizeof *all);
    e = (struct vac_event){.kind = VAC_EVENT_SUITE,
                           .step = f->suite_step,
                           .probes = {.v = all, .n = f->n_suite},
                           .memory = f->texts.memory};
    vac_event_keep(&e);
    give_event(f, &e);
    f->suite_grew = false;
    return 0;
}

static int give_probe(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct vac_follow *f = ctx;
    struct vac_event e = {.kind = VAC_EVENT_PROBE_END};
    struct vac_probe p, *one;

    if (json_opt_int(line, "step", 0, RECORD_STEP_MAX, &e.step, err))
        return -1;
    probe_read(line->v, &p);
    if (f->n_suite && (!p.suite || e.step != f->suite_step)) {
        if (give_suite(f, err))
            return -1;
        f->n_suite = 0;
        vac_event_done(&f->texts);
    }
    if (p.suite) {
        if (mem_grow(&f->suite, &f->suite_cap, f->n_suite + 1, sizeof *f->suite, err) ||
            probe_keep(&f->texts, &p, err))
            return -1;
        f->suite[f->n_suite++] = p;
        f->suite_step = e.step;
        f->suite_grew = true;
        return 0;
    }
    one = event_alloc(&e, 1, sizeof *one, err);
    if (!one || probe_keep(&e, &p, err)) {
        vac_event_done(&e);
        return -1;
    }
    *one = p;
    e.probes.v = one;
    e.probes.n = 1;
    give_event(f, &e);
    return 0;
}

/* What run.json keeps of it; a row that it should not hold ends the table. */
static void give_plan(const struct vac_follow *f)
{
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(f->r.config, "plan"), *one;
    struct vac_event e = {.kind = VAC_EVENT_PLAN, .plan = {.first = true, .past = true}};
    uint64_t total = 0;

    cJSON_ArrayForEach(one, rows)
    {
        const char *what = json_text_at(one, "what");

        if (!what || !json_natural(cJSON_GetObjectItemCaseSensitive(one, "bytes"), &e.plan.bytes))
            break;
        lines_name(e.plan.what, sizeof e.plan.what, what);
        total += e.plan.bytes;
        give_event(f, &e);
        e.plan.first = false;
    }
    if (e.plan.first)
        return;
    e.plan.bytes = total;
    memcpy(e.plan.what, "total", sizeof "total");
    give_event(f, &e);
}

/* ---- How it stands ---- */

static enum vac_state state_of(const char *text)
{
    return !strcmp(text, "running")                             ? VAC_RUNNING
           : !strcmp(text, "paused")                            ? VAC_PAUSED
           : !strcmp(text, "done")                              ? VAC_DONE
           : !strcmp(text, "failed") || !strcmp(text, "broken") ? VAC_FAILED
                                                                : VAC_STOPPED;
}

static void note_state(struct vac_follow *f, enum vac_state state)
{
    struct vac_snapshot *s = &f->snap;
    bool runs = state == VAC_RUNNING && f->step_ms > 0;
    double left = (double)(s->total_steps - s->step), made = (double)(s->step - f->from.step);
    /* the clock of the lines knows what was measured between two steps */
    double each = made > 0 && s->last.wall > f->from.wall ? (s->last.wall - f->from.wall) / made
                                                          : f->step_ms / 1000;

    s->state = state;
    s->steps_per_s = runs ? 1000 / f->step_ms : (double)NAN;
    s->eta_s = runs && left >= 0 ? left * each : (double)NAN;
}

static void note_until(struct vac_follow *f)
{
    struct vac_snapshot *s = &f->snap;

    *s->until = '\0';
    s->passed = -1;
    for (int i = 0; i < f->n_untils; i++)
        if (!strcmp(f->until[i].stage, s->stage)) {
            memcpy(s->until, f->until[i].bounds, sizeof s->until);
            s->passed_want = f->until[i].times;
        }
}

/* What is shown of it would pass for all that it made. */
static void note_cut(struct vac_follow *f)
{
    struct vac_snapshot *s = &f->snap;

    s->fault = s->step < f->ended;
    if (s->fault)
        snprintf(s->reason, sizeof s->reason, "metrics.jsonl ends at step %lld, the run at %lld",
                 (long long)s->step, (long long)f->ended);
}

static int note_info(struct vac_follow *f, struct vac_err *err)
{
    struct vac_snapshot *s = &f->snap;
    struct vac_run_info *info = NULL;
    size_t n = 0;

    if (vac_runs(f->r.dir, &info, &n, err))
        return -1;
    if (n > 0 && !strcmp(info->dir, f->r.dir)) {
        s->total_steps = info->total_steps;
        s->n_evals = info->n_evals;
        memcpy(s->eval, info->eval, sizeof s->eval);
        memcpy(f->until, info->until, sizeof f->until);
        f->n_untils = info->n_untils;
        memcpy(s->run, info->name, sizeof s->run);
        memcpy(s->model, info->model, sizeof s->model);
        note_state(f, state_of(info->state));
    }
    free(info);
    return 0;
}

/* What was handed over ended with a line's end, and does so still: else the file was cut, and has
 * grown again since. One that cannot be opened is left to the reading, which says why. */
static bool ends_line(const char *path, int64_t at)
{
    FILE *in = stream_open(path, NULL);
    bool yes = !in || (!fseeko(in, (off_t)at - 1, SEEK_SET) && getc(in) == '\n');

    if (in)
        fclose(in);
    return yes;
}

/* VAC_FOLLOW_NEW when a size is another one; the sizes are taken down. */
static int look_at_sizes(struct vac_follow *f)
{
    int rc = VAC_FOLLOW_NOTHING;

    for (int i = 0; i < FOLLOWED; i++) {
        char *path = path_join(f->r.dir, followed[i], NULL);
        int64_t size = path ? file_size(path) : -1;

        if (size != f->seen[i] && f->at[i] > 0 && (size < f->at[i] || !ends_line(path, f->at[i])))
            rc = VAC_FOLLOW_CUT;
        else if (size != f->seen[i]) {
            rc = rc == VAC_FOLLOW_CUT ? rc : VAC_FOLLOW_NEW;
            f->seen[i] = size;
        }
        free(path);
    }
    return rc;
}

int vac_follow_open(struct vac_follow **out, const char *dir, struct vac_err *err)
{
    struct vac_follow *f;

    *out = NULL;
    if (strlen(dir) >= VAC_PATH)
        return err_set(err, VAC_ERR_USAGE, "the path of a run may have at most %d bytes: %s",
                       VAC_PATH - 1, dir);
    *out = f = mem_new(1, sizeof *f, err);
    if (!f)
        return -1;
    f->r.dir = mem_strdup(dir, err);
    f->r.inside = f->r.dir && !dir_enter(dir, NULL);
    f->r.config = f->r.dir ? run_config(dir, err) : NULL;
    if (!f->r.config || reader_stages(&f->r, err)) {
        vac_follow_close(f);
        *out = NULL;
        return -1;
    }
    f->points.r = &f->r;
    f->snap.n_stages = (int)f->r.n_stages;
    f->snap.checkpoint_step = f->snap.drift_step = f->snap.watch_step = f->ended = -1;
    f->snap.state = VAC_STOPPED;
    f->snap.tokens_per_s = f->snap.rss_bytes = f->snap.checkpoint_age = NAN;
    point_clear(&f->snap.last);
    for (int i = 0; i < VAC_MAX_LAYERS; i++)
        f->snap.mask[i] = true;
    layers_clear(&f->snap.layers);
    for (int i = 0; i < FOLLOWED; i++)
        f->seen[i] = INT64_MIN;
    return 0;
}

static int read_new(struct vac_follow *f, struct vac_err *err)
{
    bool live = f->snap.state == VAC_RUNNING || f->snap.state == VAC_PAUSED;
    int rc = look_at_sizes(f);

    if (rc == VAC_FOLLOW_NOTHING && live) { /* a program that was killed changes no file */
        const char *text = run_state(f->r.dir, NULL);
        enum vac_state now = text ? state_of(text) : f->snap.state;

        rc = now == f->snap.state ? VAC_FOLLOW_NOTHING : VAC_FOLLOW_NEW;
        note_state(f, now);
        return rc;
    }
    if (rc != VAC_FOLLOW_NEW)
        return rc;
    if (!f->read)
        give_plan(f);
    if (note_info(f, err) || follow_file(f, METRICS, reader_point, &f->points, err) ||
        follow_file(f, LAYERS, give_layers, f, err) || give_points(f, err) ||
        follow_file(f, EVALS, give_eval, f, err) || follow_file(f, PROBES, give_probe, f, err) ||
        follow_file(f, JOURNAL, give_journal, f, err) || give_suite(f, err))
        return -1;
    note_state(f, f->snap.state);
    note_until(f);
    note_cut(f);
    if (f->read && f->aside) /* the files may have grown again since, line for line */
        return VAC_FOLLOW_CUT;
    f->read = true;
    f->aside = false;
    return VAC_FOLLOW_NEW;
}

int vac_follow_read(struct vac_follow *f, const struct vac_follow_take *take, void *ctx,
                    struct vac_err *err)
{
    int rc;

    f->take = take;
    f->ctx = ctx;
    rc = f->failed.code ? -1 : read_new(f, &f->failed);
    return rc < 0 ? err_set(err, f->failed.code, "%s", f->failed.msg) : rc;
}

const struct vac_snapshot *vac_follow_snapshot(const struct vac_follow *f)
{
    return &f->snap;
}

void vac_follow_close(struct vac_follow *f)
{
    if (!f)
        return;
    free(f->suite);
    vac_event_done(&f->texts);
    run_data_done(&f->r);
    free(f->marks.v);
    free(f);
}
