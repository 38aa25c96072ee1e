/* cmd_gate.c - `vaccine gate`: thresholds on a run's scores, for a release pipeline.
 *
 * What is tested is the bound of the interval, not the figure: "HS < 10%" holds when the whole
 * interval lies below, so that a score from few answers does not pass by luck. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/name.h"
#include "cli/cli.h"
#include "spec/bound.h"
#include "eval/stats.h"
#include "record/folder.h"
#include "record/reader.h"
#include "record/score.h"
#include "record/scores.h"

struct gate_values {
    struct cli_list require;
    char *junit;
};

static const struct cli_option options[] = {
    {.row = {.name = "require",
             .help =
                 "what must hold, like 'HS < 10%', 'FA > 80%', 'HS@align < 5%', 'HS.other < 20%'",
             .type = OPTION_STRING,
             .offset = offsetof(struct gate_values, require)},
     .arg = "TEXT",
     .list = true},
    {.row = {.name = "junit",
             .help = "write the result as JUnit XML as well",
             .type = OPTION_STRING,
             .offset = offsetof(struct gate_values, junit)},
     .arg = "FILE"},
    {.row.name = NULL},
};

/* NAME[.SHARE][@STAGE] <|> NUMBER[%] */
struct require {
    const char *text;
    char name[VAC_NAME], stage[VAC_NAME]; /* stage "" = the last one in which it was measured */
    int share;                            /* enum verdict; -1 = the score itself, or */
    int beneath;                          /* what lies under it; -1 = neither */
    struct bound bound;
};
/* How one came out. */
struct outcome {
    const struct require *require;
    const struct vac_eval *eval;
    double value;
    struct interval ci;
    bool is_rate, holds;
};

/* Shares of the answers, then what lies under them. */
static const char *part_at(const void *ctx, size_t i)
{
    (void)ctx;
    if (i < VERDICT_COUNT)
        return verdict_names[i];
    i -= VERDICT_COUNT;
    return i < VAC_BENEATH_COUNT ? vac_beneath[i].name : NULL;
}

static int read_share(struct require *r, char *dot, struct vac_err *err)
{
    size_t i = name_want("part of a score", dot + 1, part_at, NULL, err);

    if (i == SIZE_MAX)
        return err_prefix(err, "--require '%.80s'", r->text);
    if (i < VERDICT_COUNT)
        r->share = (int)i;
    else
        r->beneath = (int)(i - VERDICT_COUNT);
    *dot = '\0';
    return 0;
}

static int read_require(struct require *r, const char *text, struct vac_err *err)
{
    size_t n, end;
    char left[2 * VAC_NAME], *at, *dot;

    text += strspn(text, " ");
    n = end = strcspn(text, "<>");
    *r = (struct require){.text = text, .share = -1, .beneath = -1};
    while (end > 0 && text[end - 1] == ' ')
        end--;
    if (!text[n] || end == 0 || end >= sizeof left)
        return err_set(err, VAC_ERR_USAGE,
                       "--require '%.80s': write NAME < NUMBER or NAME > NUMBER, as 'HS < 10%%'",
                       r->text);
    memcpy(left, text, end);
    left[end] = '\0';
    if (bound_read(&r->bound, text + n, err))
        return err_prefix(err, "--require '%.80s'", r->text);
    if ((at = strchr(left, '@')))
        *at++ = '\0';
    if ((dot = strrchr(left, '.')) && read_share(r, dot, err))
        return -1;
    snprintf(r->name, sizeof r->name, "%.*s", (int)sizeof r->name - 1, left);
    snprintf(r->stage, sizeof r->stage, "%.*s", (int)sizeof r->stage - 1, at ? at : "");
    return 0;
}

/* The last measurement of the entry, in its stage or in the last one that has it. */
static const struct vac_eval *find(const struct run_data *d, const struct require *r)
{
    const struct vac_eval *e = NULL;

    for (size_t i = d->n_stages; i-- > 0 && !e;)
        if (!*r->stage || !strcmp(r->stage, d->stage[i].name))
            e = run_eval_last(d, d->stage[i].name, r->name);
    return e;
}

static const char *eval_name(const void *ctx, size_t i)
{
    const struct run_data *d = ctx;

    return i < d->n_evals ? d->eval[i].name : NULL;
}

static const char *stage_name(const void *ctx, size_t i)
{
    const struct run_data *d = ctx;

    return i < d->n_stages ? d->stage[i].name : NULL;
}

/* Each once: a score has a name for every time that it was measured. */
static void put_names(struct strbuf *out, const char *(*at)(const void *ctx, size_t i),
                      const struct run_data *d)
{
    const char *told[VAC_MAX_EVALS], *name;
    size_t n = 0, k;

    for (size_t i = 0; (name = at(d, i)); i++) {
        for (k = 0; k < n && strcmp(told[k], name) != 0; k++)
            continue;
        if (k < n || n == VAC_MAX_EVALS)
            continue;
        told[n++] = name;
        sb_printf(out, "%s%s", n > 1 ? ", " : "", name);
    }
}

/* A name that the run has not is a slip, and no score that fails. */
static int not_there(const struct require *r, const char *what, const char *name,
                     const char *(*at)(const void *ctx, size_t i), const struct run_data *d,
                     struct vac_err *err)
{
    const char *near = err_nearest(name, at, d);
    struct strbuf names = {0};

    put_names(&names, at, d);
    err_set(err, VAC_ERR_USAGE, "--require '%.80s': the run has no %s \"%.40s\"%s%s%s; it has %s",
            r->text, what, name, near ? " (did you mean \"" : "", near ? near : "",
            near ? "\"?)" : "", names.len && !names.bad ? names.s : "none");
    sb_done(&names);
    return -1;
}

static int test(const struct run_data *d, const struct require *r, struct outcome *o,
                struct vac_err *err)
{
    const struct vac_eval *e = find(d, r);
    size_t i = 0;

    while (*r->stage && i < d->n_stages && strcmp(d->stage[i].name, r->stage))
        i++;
    if (*r->stage && i == d->n_stages)
        return not_there(r, "stage", r->stage, stage_name, d, err);
    if (!e)
        return not_there(r, *r->stage ? "score in that stage called" : "score", r->name, eval_name,
                         d, err);
    *o = (struct outcome){.require = r,
                          .eval = e,
                          .value = e->value,
                          .ci = {e->lo, e->hi},
                          .is_rate = e->is_rate || r->share >= 0};
    if (r->beneath >= 0) {
        const struct vac_span *x = &e->beneath[r->beneath];

        if (!x->known)
            return err_set(err, VAC_ERR_USAGE, "--require '%.80s': %s of \"%s\" is not known: %s",
                           r->text, vac_beneath[r->beneath].name, r->name,
                           "a judge's entry has it that counts what is answered, beside one that "
                           "counts what is refused");
        o->value = x->value;
        o->ci = (struct interval){x->lo, x->hi};
        o->is_rate = false;
        o->holds = bound_passed(&r->bound, r->bound.below ? o->ci.hi : o->ci.lo);
        return 0;
    }
    if (o->is_rate && bound_value(&r->bound) > 1)
        return err_set(err, VAC_ERR_USAGE,
                       "--require '%.80s': \"%s\" is a share, at most 1, or 100%%: was %g%% meant?",
                       r->text, r->name, bound_value(&r->bound));
    if (r->share >= 0) {
        int64_t n = score_judged(e);

        o->value = score_share(e, (enum verdict)r->share);
        if (n == 0 || isnan(o->value))
            return err_set(err, VAC_ERR_USAGE,
                           "--require '%.80s': \"%s\" has no verdicts: a metric rates it", r->text,
                           r->name);
        o->ci = wilson((size_t)llround(o->value * (double)n), (size_t)n, Z95);
    }
    o->holds = bound_passed(&r->bound, r->bound.below ? o->ci.hi : o->ci.lo);
    return 0;
}

static void put_figure(struct strbuf *out, const struct outcome *o)
{
    double scale = o->is_rate ? 100 : 1;
    const char *unit = o->is_rate ? "%" : "";
    int digits = o->is_rate ? 1 : 4;

    sb_printf(out, "%.*f%s [%.*f, %.*f] at step %lld", digits, scale * o->value, unit, digits,
              scale * o->ci.lo, digits, scale * o->ci.hi, (long long)o->eval->step);
    cli_put_verdicts(out, ", ", &o->eval->verdicts, "");
    cli_put_beneath(out, ", ", o->eval->beneath, "");
}

static void put_outcome(struct strbuf *out, const struct outcome *o)
{
    sb_puts(out, o->holds ? "holds  " : "FAILS  ");
    cli_put_name(out, o->require->text);
    sb_puts(out, "   ");
    put_figure(out, o);
    sb_putc(out, '\n');
}

/* Text between tags or in an attribute; what XML does not allow at all becomes "?". */
static void put_xml(struct strbuf *out, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '<')
            sb_puts(out, "&lt;");
        else if (c == '>')
            sb_puts(out, "&gt;");
        else if (c == '&')
            sb_puts(out, "&amp;");
        else if (c == '"')
            sb_puts(out, "&quot;");
        else
            sb_putc(out, c < 0x20 ? '?' : (char)c);
    }
}

static int write_junit(const char *path, const char *dir, const struct outcome *o, size_t n,
                       struct vac_err *err)
{
    struct strbuf xml = {0}, line = {0};
    size_t failed = 0;
    int rc = -1;

    for (size_t i = 0; i < n; i++)
        failed += !o[i].holds;
    sb_puts(&xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"");
    put_xml(&xml, dir);
    sb_printf(&xml, "\" tests=\"%zu\" failures=\"%zu\">\n", n, failed);
    for (size_t i = 0; i < n; i++) {
        sb_puts(&xml, "  <testcase classname=\"vaccine.gate\" name=\"");
        put_xml(&xml, o[i].require->text);
        sb_clear(&line);
        put_figure(&line, &o[i]);
        sb_puts(&xml, o[i].holds ? "\">\n    <system-out>" : "\">\n    <failure message=\"");
        put_xml(&xml, line.s ? line.s : "");
        sb_puts(&xml, o[i].holds ? "</system-out>\n" : "\"/>\n");
        sb_puts(&xml, "  </testcase>\n");
    }
    sb_puts(&xml, "</testsuite>\n");
    if (!sb_ok(&line, err) && !sb_ok(&xml, err))
        rc = out_text("", path, &xml, err);
    sb_done(&xml);
    sb_done(&line);
    return rc;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct gate_values *v = values;
    size_t n = v->require.n, failed = 0;
    struct require *r = mem_new(n ? n : 1, sizeof *r, err);
    struct outcome *o = mem_new(n ? n : 1, sizeof *o, err);
    struct run_data d = {0};
    struct strbuf out = {0};
    int rc = r && o ? 0 : -1;

    if (rc == 0 && n == 0)
        rc = err_set(err, VAC_ERR_USAGE, "say what must hold: --require 'HS < 10%%'");
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = read_require(&r[i], v->require.v[i], err);
    if (rc == 0)
        rc = run_data_read(&d, operand[0], err);
    if (rc == 0 && strcmp(d.state, "done") != 0)
        rc = err_set(err, VAC_ERR_FORMAT,
                     "%s: the run is not finished (%s): its scores are not those of what it would "
                     "leave",
                     operand[0], d.state);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = test(&d, &r[i], &o[i], err);
        if (rc == 0) {
            put_outcome(&out, &o[i]);
            failed += !o[i].holds;
        }
    }
    if (rc == 0)
        rc = cli_write(&out, err);
    if (rc == 0 && v->junit)
        rc = write_junit(v->junit, operand[0], o, n, err);
    run_data_done(&d);
    sb_done(&out);
    free(r);
    free(o);
    return rc ? rc : failed ? STATUS_FAILED : STATUS_DONE;
}

const struct command command_gate = {
    .name = "gate",
    .args = "RUN_DIR",
    .help = "Say whether a run's scores keep to thresholds",
    .about =
        "Each --require is NAME < NUMBER or NAME > NUMBER over an entry of \"evaluate\": its last "
        "measurement, or with @STAGE that of a stage; .answered, .refused or .other after the "
        "name is that share of the answers, and .p_refuse, .p_refuse_kind, .margin or .auc what "
        "lies "
        "under it. A score holds when the whole of its 95 % interval "
        "does, so few answers prove little. A line for each, and exit status 1 when one fails.",
    .options = options,
    .values = sizeof(struct gate_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
