/* labels.c - blind labels of a run's judged answers: declared in vaccine.h.
 *
 * An answer is its prompt and its text, however often, at whatever step and by whichever judge it was rated: one label
 * serves all. The order is that of a hash of both, which knows nothing else. A line of labels.jsonl names its run by the
 * hash of run.json, which is never rewritten. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vaccine/vaccine.h>
#include "base/hash.h"
#include "base/io.h"
#include "base/json_out.h"
#include "base/rng.h"
#include "eval/correct.h"
#include "judge/judge.h"
#include "proof/chain.h"
#include "record/config.h"
#include "record/lines.h"

enum { RESAMPLES = 5000 };
#define LABELS_FILE "labels.jsonl"

/* A rating of an answer. */
struct rated {
    uint64_t key; /* of prompt and answer */
    size_t entry; /* of the run file */
    bool counted;
    const char *prompt, *answer;
};
struct entry {
    char name[VAC_NAME];
    int count; /* place in verdict names */
    struct vac_eval last;
};
struct vac_labels {
    char *dir;
    char run[65]; /* hash of run.json */
    struct entry entry[VAC_MAX_EVALS];
    size_t n_entries;
    struct rated *rated; /* by key; those of one answer together */
    size_t n, cap;
    size_t *first; /* [n_answers] in rated */
    int *label;    /* [n_answers] place in verdict names; -1 = none */
    size_t n_answers, at;
    struct arena arena;
};

static uint64_t key_of(const char *prompt, const char *answer)
{
    uint64_t h = rng_key(0, RNG_LABEL, 0, 0);

    for (const char *s = prompt; *s; s++)
        h = rng_mix(h, (unsigned char)*s);
    h = rng_mix(h, 256);
    for (const char *s = answer; *s; s++)
        h = rng_mix(h, (unsigned char)*s);
    return h;
}

static int verdict_of(const char *name)
{
    int i = 0;

    while (verdict_names[i] && strcmp(verdict_names[i], name))
        i++;
    return verdict_names[i] ? i : -1;
}

/* --- what was rated --- */

struct reading {
    struct vac_labels *l;
    size_t entry;
};

static int take_sample(void *ctx, const struct jnode *line, struct vac_err *err)
{
    const struct reading *x = ctx;
    struct vac_labels *l = x->l;
    const char *prompt = json_text_at(line->v, "prompt"), *answer = json_text_at(line->v, "answer");
    const cJSON *counted = cJSON_GetObjectItemCaseSensitive(line->v, "counted");
    struct rated *r;

    if (!prompt || !answer || !json_text_at(line->v, "verdict") || !cJSON_IsBool(counted))
        return 0;
    if (mem_grow(&l->rated, &l->cap, l->n + 1, sizeof *l->rated, err))
        return -1;
    r = &l->rated[l->n];
    *r = (struct rated){.key = key_of(prompt, answer),
                        .entry = x->entry,
                        .counted = cJSON_IsTrue(counted),
                        .prompt = arena_strndup(&l->arena, prompt, strlen(prompt), err),
                        .answer = arena_strndup(&l->arena, answer, strlen(answer), err)};
    if (!r->prompt || !r->answer)
        return -1;
    l->n++;
    return 0;
}

static int read_entries(struct vac_labels *l, const cJSON *config)
{
    const cJSON *spec = cJSON_GetObjectItemCaseSensitive(config, "spec"), *one;

    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(spec, "evaluate"))
    {
        const char *name = json_text_at(one, "name"), *count = json_text_at(one, "count");
        struct entry *e = &l->entry[l->n_entries];

        if (!name || !json_text_at(one, "judge") || l->n_entries == VAC_MAX_EVALS)
            continue;
        *e = (struct entry){.count = count ? verdict_of(count) : 0, .last = {.step = -1}};
        lines_name(e->name, sizeof e->name, name);
        l->n_entries += e->count >= 0;
    }
    return 0;
}

/* The samples of every measurement; of a file that is gone none. */
static int read_rated(struct vac_labels *l, struct vac_err *err)
{
    struct vac_eval *eval;
    size_t n;
    int rc = vac_run_evals(l->dir, &eval, &n, err);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        char name[2 * VAC_NAME + 64];
        struct reading x = {.l = l};

        while (x.entry < l->n_entries && strcmp(l->entry[x.entry].name, eval[i].name))
            x.entry++;
        if (x.entry == l->n_entries || strchr(eval[i].name, '/') || strchr(eval[i].stage, '/'))
            continue;
        l->entry[x.entry].last = eval[i];
        snprintf(name, sizeof name, "eval/samples_%s_%s-%lld.jsonl", eval[i].name, eval[i].stage,
                 (long long)eval[i].stage_step);
        rc = lines_visit(l->dir, name, take_sample, &x, err);
    }
    free(eval);
    return rc;
}

static int by_key(const void *a, const void *b)
{
    const struct rated *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->entry != y->entry ? (x->entry < y->entry ? -1 : 1) : x->counted - y->counted;
}

static int gather(struct vac_labels *l, struct vac_err *err)
{
    if (l->n)
        qsort(l->rated, l->n, sizeof *l->rated, by_key);
    l->first = mem_new(l->n, sizeof *l->first, err);
    l->label = mem_new(l->n, sizeof *l->label, err);
    for (size_t i = 0; l->first && l->label && i < l->n; i++)
        if (i == 0 || l->rated[i].key != l->rated[i - 1].key) {
            l->first[l->n_answers] = i;
            l->label[l->n_answers++] = -1;
        }
    return l->first && l->label ? 0 : -1;
}

/* --- labels.jsonl --- */

/* The answer's place; n_answers = it is none of this run's. */
static size_t find_answer(const struct vac_labels *l, uint64_t key)
{
    size_t lo = 0, hi = l->n_answers;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (l->rated[l->first[mid]].key < key)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < l->n_answers && l->rated[l->first[lo]].key == key ? lo : l->n_answers;
}

static int take_label(void *ctx, const struct jnode *line, struct vac_err *err)
{
    struct vac_labels *l = ctx;
    const char *run = NULL, *prompt = NULL, *answer = NULL, *label = NULL;
    struct jnode n;
    size_t i;

    if (json_str(line, "run", &run, err) || json_str(line, "prompt", &prompt, err) ||
        json_str(line, "answer", &answer, err) || json_get(line, "label", JSON_STRING, &n, err))
        return -1;
    label = n.v->valuestring;
    if (strcmp(run, l->run))
        return json_error(line, err, "is a label of another run: it stays with that run's folder");
    if (verdict_of(label) < 0)
        return json_wrong(&n, "\"answered\", \"refused\" or \"other\"", err);
    i = find_answer(l, key_of(prompt, answer));
    if (i < l->n_answers)
        l->label[i] = verdict_of(label);
    return 0;
}

static int open_all(struct vac_labels *l, const char *dir, struct vac_err *err)
{
    cJSON *config = run_config(dir, err);
    size_t len;
    char *path = config ? path_join(dir, "run.json", err) : NULL;
    char *text = path ? file_read(path, RUN_CONFIG_LIMIT, &len, err) : NULL;
    struct sha256 hash;
    int rc = text ? 0 : -1;

    if (rc == 0) {
        sha256_init(&hash);
        sha256_put(&hash, text, len);
        sha256_hex(&hash, l->run);
        rc = (l->dir = mem_strdup(dir, err)) ? read_entries(l, config) : -1;
    }
    free(path);
    free(text);
    cJSON_Delete(config);
    return rc || read_rated(l, err) || gather(l, err) ||
                   lines_visit(dir, LABELS_FILE, take_label, l, err)
               ? -1
               : 0;
}

int vac_labels_open(struct vac_labels **out, const char *dir, struct vac_err *err)
{
    struct vac_labels *l = mem_new(1, sizeof *l, err);

    *out = NULL;
    if (!l)
        return -1;
    if (open_all(l, dir, err)) {
        vac_labels_close(l);
        return -1;
    }
    *out = l;
    return 0;
}

void vac_labels_close(struct vac_labels *l)
{
    if (!l)
        return;
    free(l->dir);
    free(l->rated);
    free(l->first);
    free(l->label);
    arena_done(&l->arena);
    free(l);
}

bool vac_labels_next(struct vac_labels *l, struct vac_to_label *out)
{
    const struct rated *r;

    while (l->at < l->n_answers && l->label[l->at] >= 0)
        l->at++;
    *out = (struct vac_to_label){.all = l->n_answers};
    for (size_t i = 0; i < l->n_answers; i++)
        out->labelled += l->label[i] >= 0;
    if (l->at == l->n_answers)
        return false;
    r = &l->rated[l->first[l->at]];
    out->prompt = r->prompt;
    out->answer = r->answer;
    return true;
}

int vac_labels_put(struct vac_labels *l, const char *verdict, struct vac_err *err)
{
    const struct rated *r = l->at < l->n_answers ? &l->rated[l->first[l->at]] : NULL;
    struct strbuf line = {0};
    struct json_out o = json_out(&line);
    int rc, label = verdict ? verdict_of(verdict) : -1;

    if (!r)
        return err_set(err, VAC_ERR_USAGE, "every answer has a label");
    if (!verdict) {
        l->at++;
        return 0;
    }
    if (label < 0)
        return err_set(err, VAC_ERR_USAGE, "a label is answered, refused or other, found \"%.40s\"",
                       verdict);
    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_text(&o, "run", l->run);
    json_put_text(&o, "prompt", r->prompt);
    json_put_text(&o, "answer", r->answer);
    json_put_text(&o, "label", verdict);
    json_put_end(&o);
    sb_putc(&line, '\n');
    rc = chain_add(l->dir, LABELS_FILE, &line, err);
    if (rc == 0)
        l->label[l->at++] = label;
    sb_done(&line);
    return rc;
}

/* --- what they say --- */

static struct judged judged_of(const struct vac_labels *l, size_t entry)
{
    const struct entry *e = &l->entry[entry];
    struct judged j = {.count = (size_t)e->last.count, .n = (size_t)e->last.n};

    for (size_t i = 0; i < l->n_answers; i++) {
        size_t end = i + 1 < l->n_answers ? l->first[i + 1] : l->n, k = l->first[i];
        bool is = l->label[i] == e->count;

        while (k < end && l->rated[k].entry != entry)
            k++;
        if (k == end || l->label[i] < 0)
            continue;
        j.positive += is;
        j.negative += !is;
        j.found += is && l->rated[k].counted;
        j.spared += !is && !l->rated[k].counted;
    }
    return j;
}

int vac_labels_scores(const struct vac_labels *l, struct vac_labelled **out, size_t *n,
                      struct vac_err *err)
{
    struct vac_labelled *v = mem_new(l->n_entries, sizeof *v, err);

    *n = 0;
    *out = v;
    for (size_t i = 0; v && i < l->n_entries; i++) {
        const struct entry *e = &l->entry[i];
        struct judged j = judged_of(l, i);

        if (j.positive + j.negative == 0 || e->last.step < 0)
            continue;
        v[*n] = (struct vac_labelled){.step = e->last.step,
                                      .positive = (int64_t)j.positive,
                                      .found = (int64_t)j.found,
                                      .negative = (int64_t)j.negative,
                                      .spared = (int64_t)j.spared,
                                      .value = e->last.value,
                                      .corrected = correct_rate(&j, RESAMPLES, 1)};
        snprintf(v[*n].name, VAC_NAME, "%s", e->name);
        snprintf(v[*n].stage, VAC_NAME, "%s", e->last.stage);
        snprintf(v[*n].count, VAC_NAME, "%s", verdict_names[e->count]);
        ++*n;
    }
    return v ? 0 : -1;
}
