/* compare.c - see compare.h */
#include "eval/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "eval/agree.h"

#define FILE_LIMIT ((size_t)1 << 30)
enum { GROUP = 32 };

/* --- lines --- */

typedef int visit_line(void *ctx, const struct jnode *row, struct vac_err *err);

static int each_line(const char *path, visit_line *visit, void *ctx, struct vac_err *err)
{
    size_t len = 0, line = 1;
    char where[512], *text = file_read(path, FILE_LIMIT, &len, err);
    int rc = text ? 0 : -1;

    for (size_t at = 0; rc == 0 && at < len; line++) {
        char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - text) - at : len - at;
        cJSON *doc = n ? json_parse_line(text + at, n, path, line, err) : NULL;

        if (doc) {
            struct jnode row;

            snprintf(where, sizeof where, "%s:%zu", path, line);
            row = json_root(doc, where);
            rc = visit(ctx, &row, err);
        } else if (n) {
            rc = -1;
        }
        cJSON_Delete(doc);
        at += n + 1;
    }
    free(text);
    return rc;
}

/* --- two files --- */

/* The samples of one file. */
struct samples {
    double *value;
    uint64_t *prompt; /* a hash of what was asked; of a loss's sample, its place */
    size_t n, cap_value, cap_prompt;
    size_t verdict[VERDICT_COUNT];
    bool loss;
};

static uint64_t hash_text(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return h;
}

static int read_sample(void *ctx, const struct jnode *row, struct vac_err *err)
{
    struct samples *s = ctx;
    const char *prompt = NULL, *verdict = NULL;
    bool counted = false, loss;
    double value = 0;
    struct jnode node;

    if (!cJSON_IsObject(row->v))
        return json_wrong(row, "a sample {\"prompt\", \"counted\"} or {\"loss\"}", err);
    loss = json_opt(row, "loss", JSON_ANY, &node, NULL) == 0;
    if (s->n > 0 && loss != s->loss)
        return json_error(row, err, "samples with and without a loss in one file");
    if (loss ? json_num(row, "loss", &value, err)
             : json_str(row, "prompt", &prompt, err) || json_bool(row, "counted", &counted, err) ||
                   json_opt_str(row, "verdict", &verdict, err))
        return -1;
    if (mem_grow(&s->value, &s->cap_value, s->n + 1, sizeof *s->value, err) ||
        mem_grow(&s->prompt, &s->cap_prompt, s->n + 1, sizeof *s->prompt, err))
        return -1;
    s->loss = loss;
    s->value[s->n] = loss ? value : counted;
    s->prompt[s->n] = loss ? s->n : hash_text(prompt);
    s->n++;
    for (int i = 0; verdict && i < VERDICT_COUNT; i++)
        s->verdict[i] += !strcmp(verdict, verdict_names[i]);
    return 0;
}

static int read_samples(struct samples *s, const char *path, struct vac_err *err)
{
    if (each_line(path, read_sample, s, err))
        return -1;
    return s->n ? 0 : err_set(err, VAC_ERR_FORMAT, "%s: holds no samples", path);
}

static int check_pair(const struct samples *a, const struct samples *b, const char *path_a,
                      const char *path_b, struct vac_err *err)
{
    if (a->loss != b->loss)
        return err_set(err, VAC_ERR_FORMAT, "%s holds %s and %s %s: they cannot be compared",
                       path_a, a->loss ? "losses" : "answers", path_b,
                       b->loss ? "losses" : "answers");
    if (a->n != b->n)
        return err_set(err, VAC_ERR_FORMAT,
                       "%s holds %zu samples and %s %zu: a pair needs the same prompts", path_a,
                       a->n, path_b, b->n);
    for (size_t i = 0; i < a->n; i++)
        if (a->prompt[i] != b->prompt[i])
            return err_set(err, VAC_ERR_FORMAT,
                           "%s and %s: sample %zu is not the same prompt in both", path_a, path_b,
                           i + 1);
    return 0;
}

int compare_samples(struct comparison *out, const char *path_a, const char *path_b,
                    size_t resamples, uint64_t seed, struct vac_err *err)
{
    struct samples a = {0}, b = {0};
    int rc = -1;

    if (!read_samples(&a, path_a, err) && !read_samples(&b, path_b, err))
        rc = check_pair(&a, &b, path_a, path_b, err);
    if (rc == 0)
        *out =
            (struct comparison){.n = a.n,
                                .a = mean_of(a.value, a.n),
                                .b = mean_of(b.value, b.n),
                                .loss = a.loss,
                                .diff = paired_bootstrap(a.value, b.value, a.n, resamples, seed)};
    if (rc == 0) {
        memcpy(out->verdict_a, a.verdict, sizeof a.verdict);
        memcpy(out->verdict_b, b.verdict, sizeof b.verdict);
    }
    if (rc == 0 && a.n && resamples && isnan(out->diff.p))
        rc = err_set(err, VAC_ERR_MEMORY, "out of memory: no room for %zu resamples", resamples);
    free(a.value);
    free(a.prompt);
    free(b.value);
    free(b.prompt);
    return rc;
}

/* --- one file, by another judge --- */

struct reading {
    struct rejudging *to;
    size_t cap;
};

static int keep_answer(void *ctx, const struct jnode *row, struct vac_err *err)
{
    struct reading *in = ctx;
    struct rejudging *r = in->to;
    const char *prompt, *answer, *verdict = NULL;
    struct rejudged *s;

    if (!cJSON_IsObject(row->v))
        return json_wrong(row, "a sample {\"prompt\", \"answer\"}", err);
    if (json_str(row, "prompt", &prompt, err) || json_str(row, "answer", &answer, err) ||
        json_opt_str(row, "verdict", &verdict, err) ||
        mem_grow(&r->sample, &in->cap, r->n + 1, sizeof *r->sample, err))
        return -1;
    s = &r->sample[r->n++];
    *s = (struct rejudged){.prompt = arena_strndup(&r->arena, prompt, strlen(prompt), err),
                           .answer = arena_strndup(&r->arena, answer, strlen(answer), err),
                           .first = -1};
    for (int i = 0; verdict && i < VERDICT_COUNT; i++)
        if (!strcmp(verdict, verdict_names[i]))
            s->first = i;
    return s->prompt && s->answer ? 0 : -1;
}

static int rate_group(struct rejudged *s, size_t n, const struct judge *judge, void *self,
                      struct vac_err *err)
{
    const char *prompt[GROUP], *answer[GROUP];
    struct rating rating[GROUP];

    for (size_t i = 0; i < n; i++) {
        prompt[i] = s[i].prompt;
        answer[i] = s[i].answer;
    }
    if (judge->rate(self, prompt, answer, n, rating, err))
        return -1;
    for (size_t i = 0; i < n; i++)
        s[i].rating = rating[i];
    return 0;
}

int rejudge_samples(struct rejudging *out, const char *path, const struct judge *judge, void *self,
                    struct vac_err *err)
{
    struct reading in = {.to = out};
    size_t count[VERDICT_COUNT][VERDICT_COUNT] = {{0}};

    *out = (struct rejudging){0};
    if (each_line(path, keep_answer, &in, err))
        return -1;
    if (out->n == 0)
        return err_set(err, VAC_ERR_FORMAT, "%s: holds no samples", path);
    for (size_t i = 0; i < out->n; i += GROUP)
        if (rate_group(out->sample + i, out->n - i < GROUP ? out->n - i : GROUP, judge, self, err))
            return -1;
    for (size_t i = 0; i < out->n; i++) {
        const struct rejudged *s = &out->sample[i];

        out->verdict[s->rating.verdict]++;
        if (s->first < 0)
            continue;
        count[s->first][s->rating.verdict]++;
        out->both++;
        out->disputes += s->first != (int)s->rating.verdict;
    }
    out->kappa = agree_kappa(count);
    return 0;
}

void rejudging_done(struct rejudging *r)
{
    free(r->sample);
    arena_done(&r->arena);
    *r = (struct rejudging){0};
}
