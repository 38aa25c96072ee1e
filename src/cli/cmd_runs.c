/* cmd_runs.c - `vaccine runs`: the runs in a folder, and how each of them stands. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vaccine/vaccine.h>
#include "base/json_out.h"
#include "base/io.h"
#include "base/name.h"
#include "cli/cli.h"
#include "eval/score_json.h"
#include "record/score.h"

struct runs_values {
    char *sort;
    bool json;
};

static const struct cli_option options[] = {
    {.row = {.name = "sort",
             .help =
                 "order: name, state, method, rho, modified, an entry of \"evaluate\", or broke",
             .type = OPTION_STRING,
             .def_text = "modified",
             .offset = offsetof(struct runs_values, sort)},
     .arg = "COLUMN"},
    {.row = {.name = "json",
             .help = "print one JSON object per run and line",
             .type = OPTION_BOOL,
             .offset = offsetof(struct runs_values, json)}},
    {.row.name = NULL},
};

/* ---- For programs ---- */

static void put_json(struct strbuf *out, const struct vac_run_info *r)
{
    struct json_out o = json_out(out);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_text(&o, "dir", r->dir);
    json_put_text(&o, "name", r->name);
    json_put_text(&o, "model", r->model);
    json_put_text(&o, "state", r->state);
    json_put_text(&o, "method", r->method);
    json_put_num(&o, "rho", r->rho);
    if (!isnan(r->rho_was))
        json_put_num(&o, "rho_was", r->rho_was);
    json_put_int(&o, "step", r->step);
    json_put_int(&o, "total_steps", r->total_steps);
    json_put_num(&o, "modified", r->modified);
    if (*r->id)
        json_put_text(&o, "id", r->id);
    if (*r->parent) {
        json_put_text(&o, "parent", r->parent);
        json_put_int(&o, "fork_step", r->fork_step);
    }
    json_put_list(&o, "eval", JSON_TIGHT);
    for (int i = 0; i < r->n_evals; i++) {
        const struct vac_eval *e = &r->eval[i];

        json_put_object(&o, NULL, JSON_TIGHT);
        json_put_text(&o, "name", e->name);
        json_put_num(&o, "before", r->before[i]);
        json_put_num(&o, "value", e->value);
        json_put_num(&o, "lo", e->lo);
        json_put_num(&o, "hi", e->hi);
        json_put_int(&o, "count", e->count);
        json_put_int(&o, "n", e->n);
        if (score_judged(e) > 0) {
            json_put_int(&o, "answered", e->verdicts.answered);
            json_put_int(&o, "refused", e->verdicts.refused);
            json_put_int(&o, "other", e->verdicts.other);
            if (*e->verdicts.others)
                json_put_text(&o, "others", e->verdicts.others);
            json_put_num(&o, "broke", r->broke[i]);
            if (!isnan(r->broke[i]))
                json_put_text(&o, "against", e->stage); /* this one attack */
        }
        score_beneath(&o, e->beneath);
        json_put_int(&o, "step", e->step);
        json_put_end(&o);
    }
    json_put_end(&o);
    json_put_list(&o, "until", JSON_TIGHT);
    for (int i = 0; i < r->n_untils; i++) {
        const struct vac_until *u = &r->until[i];

        json_put_object(&o, NULL, JSON_TIGHT);
        json_put_text(&o, "stage", u->stage);
        json_put_text(&o, "bounds", u->bounds);
        json_put_int(&o, "for", u->times);
        if (u->step > 0) {
            json_put_int(&o, "step", u->step);
            json_put_int(&o, "planned", u->planned);
        }
        json_put_end(&o);
    }
    json_put_end(&o);
    json_put_end(&o);
    sb_putc(out, '\n');
}

/* ---- For people ---- */

/* Appends a name as it is shown; returns its characters. */
static size_t put_name(struct strbuf *out, const char *s)
{
    size_t at = out->len, n = 0;

    cli_put_name(out, s);
    for (; at < out->len; at++)
        n += ((unsigned char)out->s[at] & 0xc0) != 0x80;
    return n;
}

/* A fork stands below its parent, with the step after which it begins. */
static size_t put_run(struct strbuf *out, const struct vac_run_info *r)
{
    struct strbuf text = {0};
    size_t n;

    sb_printf(&text, "%*s%s", 2 * r->depth, "", r->name);
    if (*r->parent)
        sb_printf(&text, " @%lld", (long long)r->fork_step);
    n = put_name(out, text.s ? text.s : "");
    out->bad |= text.bad;
    sb_done(&text);
    return n;
}

/* A column is as wide as its widest text. */
static void put_cell(struct strbuf *out, const char *s, size_t width)
{
    for (size_t n = put_name(out, s); n < width + 2; n++)
        sb_putc(out, ' ');
}

static void put_steps(struct strbuf *out, const struct vac_run_info *r)
{
    struct strbuf text = {0};

    sb_printf(&text, "%lld/%lld", (long long)r->step, (long long)r->total_steps);
    if (r->total_steps > 0) /* cut, as on the screen: 100 is the end and nothing before it */
        sb_printf(&text, " %3.0f%%",
                  floor(fmin(100, 100.0 * (double)r->step / (double)r->total_steps)));
    out->bad |= text.bad;
    put_cell(out, text.s ? text.s : "", 19);
    sb_done(&text);
}

static void put_modified(struct strbuf *out, double seconds)
{
    time_t t = seconds > 0 && seconds < 253402300800.0 ? (time_t)seconds : 0;
    struct tm tm;
    char text[32];

    if (localtime_r(&t, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm))
        sb_puts(out, text);
}

/* A rate never stands without its n and its interval; what it was as the first stage ended stands before. */
static void put_eval(struct strbuf *out, const struct vac_eval *e, double before, double broke)
{
    double unit = e->is_rate ? 100 : 1;
    int digits = e->is_rate ? 1 : 3;

    sb_puts(out, "    ");
    put_cell(out, e->name, 14);
    if (!isfinite(e->value)) {
        sb_puts(out, "-\n");
        return;
    }
    if (isfinite(before))
        sb_printf(out, "%.*f -> ", digits, unit * before);
    sb_printf(out, "%.*f%s", digits, unit * e->value, e->is_rate ? " %" : "");
    if (isfinite(e->lo) && isfinite(e->hi))
        sb_printf(out, "  [%.*f, %.*f]", digits, unit * e->lo, digits, unit * e->hi);
    sb_printf(out, "  n %lld, step %lld", (long long)e->n, (long long)e->step);
    cli_put_verdicts(out, "  ", &e->verdicts, "");
    cli_put_beneath(out, "  ", e->beneath, "");
    if (isfinite(broke))
        sb_printf(out, "  broke at %.0f against this attack", broke);
    sb_putc(out, '\n');
}

static void put_table(struct strbuf *out, const struct vac_run_info *r, size_t n)
{
    size_t name = 4, method = 12, model = 5, wide;
    struct strbuf away = {0};

    for (size_t i = 0; i < n; i++) {
        name = (wide = put_run(&away, &r[i])) > name ? wide : name;
        wide = away.len;
        cli_put_method(&away, &r[i], " ");
        method = (wide = away.len - wide) > method ? wide : method;
        model = (wide = put_name(&away, r[i].model)) > model ? wide : model;
    }
    put_cell(out, "NAME", name);
    put_cell(out, "STATE", 7);
    put_cell(out, "STEP", 19);
    put_cell(out, "METHOD", method);
    put_cell(out, "MODEL", model);
    sb_puts(out, "MODIFIED\n");
    for (size_t i = 0; i < n; i++) {
        for (wide = put_run(out, &r[i]); wide < name + 2; wide++)
            sb_putc(out, ' ');
        put_cell(out, r[i].state, 7);
        put_steps(out, &r[i]);
        sb_clear(&away);
        cli_put_method(&away, &r[i], " ");
        put_cell(out, away.s ? away.s : "", method);
        put_cell(out, r[i].model, model);
        put_modified(out, r[i].modified);
        sb_putc(out, '\n');
        for (int k = 0; k < r[i].n_evals; k++)
            put_eval(out, &r[i].eval[k], r[i].before[k], r[i].broke[k]);
        for (int k = 0; k < r[i].n_untils; k++) {
            sb_puts(out, "    ");
            cli_put_until(out, &r[i].until[k]);
            sb_putc(out, '\n');
        }
    }
    out->bad |= away.bad;
    sb_done(&away);
}

/* ---- Order ---- */

/* Columns that any run has; an entry of "evaluate" is one where it was measured. */
enum { BY_NAME, BY_STATE, BY_METHOD, BY_RHO, BY_MODIFIED, BY_BROKE };
static const char *const columns[] = {[BY_NAME] = "name",
                                      [BY_STATE] = "state",
                                      [BY_METHOD] = "method",
                                      [BY_RHO] = "rho",
                                      [BY_MODIFIED] = "modified",
                                      [BY_BROKE] = "broke",
                                      NULL};

/* What a run has in the column by which they are sorted; a text goes before the number. */
struct rank {
    const struct vac_run_info *run;
    const char *text;
    double number; /* NaN goes last */
};

static int by_rank(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    int c = strcmp(x->text, y->text);

    if (c)
        return c;
    if (isnan(x->number) != isnan(y->number))
        return isnan(x->number) ? 1 : -1;
    if (!isnan(x->number) && x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->run < y->run ? -1 : x->run > y->run; /* newest first, as they came */
}

static void rank(struct rank *x, const char *column, bool *known)
{
    const struct vac_run_info *r = x->run;
    size_t by = name_find(column, name_word, columns);

    *known |= by != SIZE_MAX;
    x->text = by == BY_NAME     ? r->name
              : by == BY_STATE  ? r->state
              : by == BY_METHOD ? r->method
                                : "";
    x->number = by == BY_METHOD || by == BY_RHO ? r->rho : NAN;
    for (int i = 0; i < r->n_evals; i++)
        if (by == SIZE_MAX && !strcmp(column, r->eval[i].name)) {
            x->number = r->eval[i].value;
            *known = true;
        } else if (by == BY_BROKE && isnan(x->number)) {
            x->number = r->broke[i];
        }
}

static int sort(struct vac_run_info *r, size_t n, const char *column, struct vac_err *err)
{
    struct rank *x = mem_new(n, sizeof *x, err);
    struct vac_run_info *sorted = mem_new(n, sizeof *sorted, err);
    struct strbuf all = {0};
    bool known = n == 0;
    int rc = -1;

    for (size_t i = 0; x && i < n; i++) {
        x[i].run = &r[i];
        rank(&x[i], column, &known);
    }
    if (x && !known) {
        name_list(name_word, columns, &all);
        err_set(
            err, VAC_ERR_USAGE,
            "--sort %.60s: no such column: %s, or an entry of \"evaluate\" that one of the runs "
            "has measured",
            column, all.s ? all.s : "");
        sb_done(&all);
    } else if (x && sorted) {
        qsort(x, n, sizeof *x, by_rank);
        for (size_t i = 0; i < n; i++) {
            sorted[i] = *x[i].run;
            sorted[i].depth = 0;
        }
        memcpy(r, sorted, n * sizeof *r);
        rc = 0;
    }
    free(x);
    free(sorted);
    return rc;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct runs_values *v = values;
    const char *dir = operand[0] ? operand[0] : dir_exists("runs") ? "runs" : ".";
    struct vac_run_info *r = NULL;
    struct strbuf out = {0};
    size_t n = 0;
    int rc;

    /* they come newest first, with families together */
    if (vac_runs(dir, &r, &n, err) ||
        (n && strcmp(v->sort, columns[BY_MODIFIED]) != 0 && sort(r, n, v->sort, err))) {
        free(r);
        return -1;
    }
    for (size_t i = 0; v->json && i < n; i++)
        put_json(&out, &r[i]);
    if (!v->json && n)
        put_table(&out, r, n);
    else if (!v->json) {
        sb_puts(&out, "no runs in ");
        cli_put_name(&out, dir);
        sb_putc(&out, '\n');
    }
    if (!out.s)
        sb_puts(&out, "");
    rc = (v->json ? cli_write_data : cli_write)(&out, err);
    sb_done(&out);
    free(r);
    return rc;
}

const struct command command_runs = {
    .name = "runs",
    .args = "[DIR]",
    .help = "List the runs in a folder with method, progress and scores",
    .about = "DIR is a run, or a folder of runs; ./runs when absent. Newest first and forks "
             "(@STEP) below "
             "their parent, or by --sort, lowest first. A score is shown as it was when the first "
             "stage ended, and as it is; "
             "broke at "
             "is the step of the last stage at which a judge's score passed one half, against this "
             "one attack: another may do it sooner (vaccine attack --battery).",
    .options = options,
    .values = sizeof(struct runs_values),
    .max_operands = 1,
    .run = run,
};
