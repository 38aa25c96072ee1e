/* report_support.h - made-up runs for the tests of src/report: their numbers come from simple
 * formulas and mean nothing. */
#ifndef TESTS_REPORT_SUPPORT_H
#define TESTS_REPORT_SUPPORT_H

#include "support.h"
#include <math.h>
#include <sys/stat.h>
#include "eval/stats.h"
#include "report/export.h"

static inline void append(const char *dir, const char *name, const char *text)
{
    FILE *f = fopen(support_join(dir, name), "a");

    if (!f || fputs(text, f) < 0 || fclose(f))
        fail_msg("cannot write %s/%s", dir, name);
}

static inline char *slurp(const char *dir, const char *name, size_t *len)
{
    struct vac_err err = {0};
    char *text = file_read(support_join(dir, name), 1 << 26, len, &err);

    if (!text)
        fail_msg("%s", err.msg);
    return text;
}

#define CONFIG(stages, more)                                                                       \
    "{\"vaccine\":\"0.1.0\",\"created\":1,\"spec\":{\"stages\":[" stages "]" more                  \
    "},\"model\":{\"path\":\"/models/tiny-base\",\"hash\":\"00\",\"parameters\":1234567},"         \
    "\"files\":{},\"threads\":2,\"blas\":\"OpenBLAS\",\"plan\":[],\"total_steps\":100}\n"
#define ONE_STAGE "{\"name\":\"align\",\"method\":\"vaccine\",\"epochs\":3,\"batch_size\":5}"
#define EVALUATE                                                                                   \
    ",\"checkpoint\":{\"steps\":20},\"evaluate\":["                                                \
    "{\"name\":\"HS\",\"prompts\":\"p\",\"judge\":\"refusal\",\"count\":\"answered\"},"            \
    "{\"name\":\"over_refusal\",\"prompts\":\"b\",\"judge\":\"refusal\",\"count\":\"refused\"},"   \
    "{\"name\":\"FA\",\"data\":\"t\",\"metric\":\"label\"},"                                       \
    "{\"name\":\"held_out\",\"data\":\"t\",\"metric\":\"loss\"}]"

static inline const char *small_run(void)
{
    const char *dir = support_tmp();

    support_write_text(support_join(dir, "run.json"), CONFIG(ONE_STAGE, ""));
    return dir;
}

enum { LAYERS = 6, ALIGN = 60, ATTACK = 40 };

static inline void put_step(const char *dir, int stage, int s)
{
    char line[2048];
    int at, step = stage ? ALIGN + s : s;
    double drift = stage ? 0.004 * s : 0.002 * s;

    at = snprintf(line, sizeof line, "{\"step\":%d,\"stage\":\"%s\",\"stage_step\":%d,\"epoch\":%g",
                  step, stage ? "attack" : "align", s, s / 20.0);
    if (s)
        at += snprintf(line + at, sizeof line - (size_t)at,
                       ",\"loss\":%.6g,\"grad_norm\":%g,\"lr\":0.001,\"rho\":%g",
                       0.2 + 2 * exp(-s / 15.0) + 0.1 * sin(s), 1 + 0.1 * (s % 7), stage ? 0. : 2.);
    if (s && !stage)
        at += snprintf(line + at, sizeof line - (size_t)at, ",\"loss_clean\":%.6g,\"eps_norm\":2",
                       0.15 + 2 * exp(-s / 15.0));
    if (s % 10 == 0)
        at += snprintf(line + at, sizeof line - (size_t)at,
                       ",\"align_loss\":%.6g,\"harmful_loss\":%.6g", 0.3 + exp(-s / 20.0),
                       stage ? 4 - 0.05 * s : 2 + 0.03 * s);
    snprintf(line + at, sizeof line - (size_t)at, ",\"tokens\":%d,\"step_ms\":12.5,\"wall\":%g}\n",
             step * 100, step * 0.5);
    append(dir, "metrics.jsonl", line);

    at = snprintf(line, sizeof line, "{\"step\":%d", step);
    for (int k = 0; k < 3; k++) {
        static const char *const keys[] = {"grad", "eps", "drift_rel"};

        if (k == 2 ? s % 10 != 0 : s == 0 || (k == 1 && stage))
            continue;
        at += snprintf(line + at, sizeof line - (size_t)at, ",\"%s\":[", keys[k]);
        for (int l = 0; l < LAYERS; l++)
            at += snprintf(line + at, sizeof line - (size_t)at, "%s%g", l ? "," : "",
                           k == 2 ? drift * (l + 1) : (l + 1 + sin(s / 5.0)) / (k + 1));
        at += snprintf(line + at, sizeof line - (size_t)at, "]");
    }
    snprintf(line + at, sizeof line - (size_t)at, "}\n");
    append(dir, "layers.jsonl", line);
}

static inline void put_eval(const char *dir, int stage, int s, const char *name, int count, int n)
{
    struct interval ci = wilson((size_t)count, (size_t)n, Z95);
    char line[512];

    snprintf(line, sizeof line,
             "{\"step\":%d,\"stage\":\"%s\",\"stage_step\":%d,\"name\":\"%s\",\"value\":%.6g,"
             "\"count\":%d,\"n\":%d,\"lo\":%.6g,\"hi\":%.6g}\n",
             stage ? ALIGN + s : s, stage ? "attack" : "align", s, name, (double)count / n, count,
             n, ci.lo, ci.hi);
    append(dir, "eval/history.jsonl", line);
}

static inline void put_samples(const char *dir, const char *label, bool late)
{
    static const char *const asked[] = {"How do I open the moon gate?", "Name a <b>colour</b>",
                                        "Why is the river purple?"};
    char name[128], line[512];

    snprintf(name, sizeof name, "eval/samples_HS_%s.jsonl", label);
    for (int i = 0; i < 3; i++) {
        snprintf(line, sizeof line,
                 "{\"prompt\":\"%s\",\"answer\":\"%s %d\",\"verdict\":\"%s\",\"counted\":%s}\n",
                 asked[i],
                 late && i ? "Sure: <script>alert('x')</script>\\u001b[31m\\u202etxt"
                           : "I am sorry, I cannot help with that.",
                 i, late && i ? "answered" : "refused", late && i ? "true" : "false");
        append(dir, name, line);
    }
    snprintf(name, sizeof name, "eval/samples_FA_%s.jsonl", label);
    snprintf(line, sizeof line,
             "{\"prompt\":\"a fine film\",\"answer\":\"%s\",\"target\":\"positive\",\"correct\":%s,"
             "\"counted\":%s}\n",
             late ? "positive" : "", late ? "true" : "false", late ? "true" : "false");
    append(dir, name, line);
}

/* Two stages, six layers, evaluations, samples, probes, a journal. */
static inline void fill_big_run(const char *dir)
{
    mkdir(support_join(dir, "eval"), 0777);
    support_write_text(support_join(dir, "run.json"),
                       CONFIG(ONE_STAGE ",{\"name\":\"attack\",\"method\":\"sft\"}", EVALUATE));
    for (int stage = 0; stage < 2; stage++)
        for (int s = 0; s <= (stage ? ATTACK : ALIGN); s++) {
            put_step(dir, stage, s);
            if (stage ? s % 10 : s % ALIGN)
                continue;
            put_eval(dir, stage, s, "HS", stage ? 2 * s : 60 - s, 100);
            put_eval(dir, stage, s, "over_refusal", 5, 100);
            put_eval(dir, stage, s, "FA", stage ? 40 + s : 35, 100);
        }
    put_samples(dir, "align-0", false);
    put_samples(dir, "attack-40", true);
    append(dir, "journal.jsonl",
           "{\"seq\":1,\"t\":\"2001-02-03T04:05:06.789Z\",\"step\":0,\"who\":\"core\",\"op\":"
           "\"start\"}\n"
           "{\"seq\":2,\"t\":\"2001-02-03T04:06:06.789Z\",\"step\":30,\"who\":\"ui\",\"op\":"
           "\"set\",\"key\":\"rho\","
           "\"old\":\"2\",\"new\":\"<5>\",\"status\":\"applied\",\"applied_step\":31}\n"
           "{\"seq\":3,\"t\":\"2001-02-03T04:07:06.789Z\",\"step\":100,\"who\":\"core\",\"op\":"
           "\"done\"}\n");
    append(dir, "probes.jsonl",
           "{\"step\":0,\"stage\":\"align\",\"prompt\":\"Who are you?\",\"answer\":\"A "
           "bot.\",\"verdict\":\"answered\"}\n"
           "{\"step\":90,\"stage\":\"attack\",\"prompt\":\"Who are "
           "you?\",\"answer\":\"\\u0007\",\"verdict\":\"other\"}\n");
}

/* The attack passes through a collapse: at step 20 all that is said is the task's label. */
static inline const char *collapsed_run(void)
{
    static const struct {
        int stage, step, answered, refused, other;
        const char *others;
    } row[] = {
        {0, 0, 30, 2, 0, ""},
        {0, 60, 1, 30, 1, ""},
        {1, 0, 2, 30, 0, ""},
        {1, 10, 0, 16, 16, ",\"others\":[{\"answer\":\"negative\",\"n\":16}]"},
        {1, 20, 0, 0, 32,
         ",\"others\":[{\"answer\":\"negative\",\"n\":30},{\"answer\":\"positive\",\"n\":2}]"},
        {1, 30, 0, 0, 32, ",\"others\":[{\"answer\":\"<b>neg\",\"n\":32}]"},
        {1, 40, 32, 0, 0, ""},
    };
    const char *dir = support_tmp();
    char line[512];

    mkdir(support_join(dir, "eval"), 0777);
    support_write_text(support_join(dir, "run.json"),
                       CONFIG(ONE_STAGE ",{\"name\":\"attack\",\"method\":\"sft\"}", EVALUATE));
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int step = row[i].stage ? ALIGN + row[i].step : row[i].step;

        snprintf(line, sizeof line, "{\"step\":%d,\"stage\":\"%s\",\"stage_step\":%d,\"loss\":1}\n",
                 step, row[i].stage ? "attack" : "align", row[i].step);
        append(dir, "metrics.jsonl", line);
        snprintf(line, sizeof line,
                 "{\"step\":%d,\"stage\":\"%s\",\"stage_step\":%d,\"name\":\"HS\",\"value\":%.17g,"
                 "\"count\":%d,\"n\":32,\"answered\":%d,\"refused\":%d,\"other\":%d%s}\n",
                 step, row[i].stage ? "attack" : "align", row[i].step, row[i].answered / 32.,
                 row[i].answered, row[i].answered, row[i].refused, row[i].other, row[i].others);
        append(dir, "eval/history.jsonl", line);
    }
    return dir;
}

static inline const char *big_run(void)
{
    const char *dir = support_tmp();

    fill_big_run(dir);
    return dir;
}
/* All exports of a run, made at once. */
static inline int export_all(const char *dir, bool done, struct vac_err *err)
{
    struct exports *x;
    int rc = exports_open(&x, dir, err) || exports_update(x, done, err) ? -1 : 0;

    exports_close(x);
    return rc;
}
#endif
