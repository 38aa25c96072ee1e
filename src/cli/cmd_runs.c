/* cmd_runs.c - `vaccine runs`: the runs in a folder, and how each of them stands. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vaccine/vaccine.h>
#include "base/io.h"
#include "cli/cli.h"

struct runs_values {
    bool json;
};

static const struct cli_option options[] = {
    {.row = {.name = "json",
             .help = "print one JSON object per run and line",
             .type = OPTION_BOOL,
             .offset = offsetof(struct runs_values, json)}},
    {.row.name = NULL},
};

/* ---- For programs ---- */

static void put_member(struct strbuf *out, const char *key, const char *text)
{
    sb_printf(out, "\"%s\":", key);
    cli_put_string(out, text, strlen(text));
    sb_putc(out, ',');
}

static void put_number(struct strbuf *out, const char *key, double x)
{
    sb_printf(out, "\"%s\":", key);
    sb_num(out, x);
    sb_putc(out, ',');
}

static void put_json(struct strbuf *out, const struct vac_run_info *r)
{
    sb_putc(out, '{');
    put_member(out, "dir", r->dir);
    put_member(out, "name", r->name);
    put_member(out, "model", r->model);
    put_member(out, "state", r->state);
    put_number(out, "step", (double)r->step);
    put_number(out, "total_steps", (double)r->total_steps);
    put_number(out, "modified", r->modified);
    sb_puts(out, "\"eval\":[");
    for (int i = 0; i < r->n_evals; i++) {
        const struct vac_eval *e = &r->eval[i];

        sb_puts(out, i ? ",{" : "{");
        put_member(out, "name", e->name);
        put_number(out, "value", e->value);
        put_number(out, "lo", e->lo);
        put_number(out, "hi", e->hi);
        put_number(out, "count", (double)e->count);
        put_number(out, "n", (double)e->n);
        if (e->verdicts.answered + e->verdicts.refused + e->verdicts.other > 0) {
            put_number(out, "answered", (double)e->verdicts.answered);
            put_number(out, "refused", (double)e->verdicts.refused);
            put_number(out, "other", (double)e->verdicts.other);
            if (*e->verdicts.others)
                put_member(out, "others", e->verdicts.others);
        }
        sb_printf(out, "\"step\":%lld}", (long long)e->step);
    }
    sb_puts(out, "]}\n");
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
    if (r->total_steps > 0)
        sb_printf(&text, " %3.0f%%", 100 * fmin(1, (double)r->step / (double)r->total_steps));
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

/* A rate never stands without its n and its interval. */
static void put_eval(struct strbuf *out, const struct vac_eval *e)
{
    double unit = e->is_rate ? 100 : 1;
    int digits = e->is_rate ? 1 : 3;

    sb_puts(out, "    ");
    put_cell(out, e->name, 14);
    if (!isfinite(e->value)) {
        sb_puts(out, "-\n");
        return;
    }
    sb_printf(out, "%.*f%s", digits, unit * e->value, e->is_rate ? " %" : "");
    if (isfinite(e->lo) && isfinite(e->hi))
        sb_printf(out, "  [%.*f, %.*f]", digits, unit * e->lo, digits, unit * e->hi);
    sb_printf(out, "  n %lld, step %lld", (long long)e->n, (long long)e->step);
    cli_put_verdicts(out, "  ", &e->verdicts, "");
    sb_putc(out, '\n');
}

static void put_table(struct strbuf *out, const struct vac_run_info *r, size_t n)
{
    size_t name = 4, model = 5, wide;
    struct strbuf away = {0};

    for (size_t i = 0; i < n; i++) {
        name = (wide = put_name(&away, r[i].name)) > name ? wide : name;
        model = (wide = put_name(&away, r[i].model)) > model ? wide : model;
    }
    out->bad |= away.bad;
    sb_done(&away);
    put_cell(out, "NAME", name);
    put_cell(out, "STATE", 7);
    put_cell(out, "STEP", 19);
    put_cell(out, "MODEL", model);
    sb_puts(out, "MODIFIED\n");
    for (size_t i = 0; i < n; i++) {
        put_cell(out, r[i].name, name);
        put_cell(out, r[i].state, 7);
        put_steps(out, &r[i]);
        put_cell(out, r[i].model, model);
        put_modified(out, r[i].modified);
        sb_putc(out, '\n');
        for (int k = 0; k < r[i].n_evals; k++)
            put_eval(out, &r[i].eval[k]);
    }
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct runs_values *v = values;
    const char *dir = operand[0] ? operand[0] : dir_exists("runs") ? "runs" : ".";
    struct vac_run_info *r = NULL;
    struct strbuf out = {0};
    size_t n = 0;
    int rc;

    if (vac_runs(dir, &r, &n, err))
        return -1;
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
    rc = cli_write(&out, err);
    sb_done(&out);
    free(r);
    return rc;
}

const struct command command_runs = {
    .name = "runs",
    .args = "[DIR]",
    .help = "List the runs in a folder with state, progress and scores",
    .about = "DIR is a run, or a folder of runs; ./runs when absent. Newest first.",
    .options = options,
    .values = sizeof(struct runs_values),
    .max_operands = 1,
    .run = run,
};
