/* cmd_validate.c - `vaccine validate`: what a run file would do, without doing it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json_out.h"
#include "base/io.h"
#include "cli/cli.h"
#include "door/validate.h"
#include "spec/spec_attack.h"
#include "spec/spec_guard.h"
#include "spec/spec_rho.h"

struct validate_values {
    struct cli_list set;
    bool json;
};

static const struct cli_option options[] = {
    {.row = {.name = "set",
             .help = "change a key of the run file, like stages[1].rho=2",
             .type = OPTION_STRING,
             .offset = offsetof(struct validate_values, set)},
     .arg = "PATH=VALUE",
     .list = true},
    {.row = {.name = "json",
             .help = "print one JSON object",
             .type = OPTION_BOOL,
             .offset = offsetof(struct validate_values, json)}},
    {.row.name = NULL},
};

/* --- for people --- */

static void put_time(struct strbuf *s, double seconds)
{
    if (seconds < 60)
        sb_printf(s, "%.0f s", seconds < 1 ? 1 : seconds);
    else if (seconds < 5400)
        sb_printf(s, "%.0f min", seconds / 60);
    else
        sb_printf(s, "%.1f h", seconds / 3600);
}

static double share(size_t part, size_t all)
{
    return all ? 100.0 * (double)part / (double)all : 0;
}

static void put_files(struct strbuf *s, const struct validate_stage *x)
{
    for (size_t i = 0; i < x->n_files; i++) {
        const struct validate_file *f = &x->file[i];
        sb_puts(s, "  ");
        cli_put_name(s, path_base(f->path));
        sb_printf(s, "%s: %zu samples, %zu tokens, %zu with a label\n",
                  f->harmful ? " (harmful)" : "", f->samples, f->tokens, f->labels);
    }
    sb_printf(s,
              "  %zu rows: %zu cut at max_length, %zu skipped without a label; %.1f %% keep "
              "labels; the longest has %zu tokens\n",
              x->rows, x->cut, x->skipped, share(x->rows - x->skipped, x->rows), x->longest);
}

static void put_warnings(struct strbuf *s, const struct strbuf *lines)
{
    size_t n;

    for (const char *at = lines->s; at && *at; at += n + (at[n] == '\n')) {
        n = strcspn(at, "\n");
        sb_printf(s, "  warning: %.*s\n", (int)n, at);
    }
}

static void put_stage(struct strbuf *s, const struct validate_stage *x)
{
    char epochs[32];

    snprintf(epochs, sizeof epochs, x->epochs < 1e4 ? "%.4g" : "%.0f", x->epochs);
    sb_printf(s, "\nstage %s: %s, %s, %llu steps = %s epochs of %llu; ", x->spec->name,
              x->spec->method->name, x->spec->full ? "all weights" : "LoRA",
              (unsigned long long)x->steps, epochs, (unsigned long long)x->steps_per_epoch);
    sb_printf(s, "%llu numbers are trained\n", (unsigned long long)x->trained);
    if (x->until.len) {
        sb_puts(s, "  ends when ");
        cli_put_name(s, x->until.s);
        if (x->spec->until.times > 1)
            sb_printf(s, ", %lld measurements in a row", (long long)x->spec->until.times);
        sb_printf(s, ": looked at every %llu steps, and at the last\n",
                  (unsigned long long)x->until_every);
    }
    if (x->spec->rho_schedule.given) {
        sb_puts(s, "  rho: ");
        spec_rho_text(s, &x->spec->rho_schedule);
        sb_putc(s, '\n');
    }
    put_files(s, x);
    put_warnings(s, &x->warnings);
    for (size_t i = 0; i < x->plan.n; i++) {
        sb_printf(s, "  %-32s ", x->plan.row[i].what);
        sb_quantity(s, (double)x->plan.row[i].bytes, "B");
        sb_putc(s, '\n');
    }
    sb_printf(s, "  %-32s ", "memory in all");
    sb_quantity(s, (double)x->plan.total, "B");
    sb_puts(s, "\n  about ");
    put_time(s, x->seconds);
    sb_puts(s, " (");
    sb_quantity(s, x->flops, "FLOP)");
    if (x->measuring > 0) {
        sb_puts(s, ", and ");
        put_time(s, x->measuring);
        sb_puts(s, " of measuring");
    }
    sb_putc(s, '\n');
}

static bool all_rehearsed(const struct validation *v)
{
    for (size_t i = 0; i < v->n_stages; i++)
        if (!v->stage[i].rehearsed)
            return false;
    return true;
}

static void put_text(struct strbuf *s, const struct validation *v)
{
    sb_puts(s, "model ");
    cli_put_name(s, v->spec->model ? v->spec->model : "random");
    sb_printf(s, ": %llu parameters; %d thread%s, ", (unsigned long long)v->parameters, v->threads,
              v->threads == 1 ? "" : "s");
    sb_quantity(s, v->gflops * 1e9, "FLOP/s, ");
    sb_quantity(s, (double)v->available, "B");
    sb_puts(s, " of memory\n");
    for (size_t i = 0; i < v->n_stages; i++)
        put_stage(s, &v->stage[i]);
    sb_putc(s, '\n');
    for (size_t i = 0; i < v->n_evaluate; i++) {
        const struct validate_evaluate *e = &v->evaluate[i];
        sb_printf(s, "evaluate %s: %zu prompts", e->name, e->prompts);
        if (e->longest)
            sb_printf(s, ", the longest has %zu tokens", e->longest);
        sb_putc(s, '\n');
        put_warnings(s, &e->warning);
    }
    if (v->spec->attack.every) {
        struct strbuf text = {0};

        spec_attack_text(&text, &v->spec->attack);
        sb_puts(s, "attack ");
        cli_put_name(s, text.s ? text.s : "");
        sb_printf(s, ": %llu attacks on forks, by stage ", (unsigned long long)v->attacks);
        cli_put_name(s, v->spec->stage[v->spec->attack.stage].name);
        sb_putc(s, '\n');
        s->bad |= text.bad;
        sb_done(&text);
    }
    for (size_t i = 0; i < v->spec->n_guards; i++) {
        struct strbuf text = {0};

        guard_spec_text(&text, v->spec, &v->spec->guard[i]);
        sb_printf(s, "guard %zu: ", i + 1);
        cli_put_name(s, text.s ? text.s : "");
        sb_putc(s, '\n');
        s->bad |= text.bad;
        sb_done(&text);
    }
    sb_printf(s, "%llu steps, about ", (unsigned long long)v->steps);
    if (v->crowd >= VALIDATE_CROWDED) {
        put_time(s, (v->seconds + v->measuring + v->attacking) / v->crowd);
        sb_puts(s, " to ");
    }
    put_time(s, v->seconds + v->measuring + v->attacking);
    sb_puts(s, ": ");
    put_time(s, v->seconds);
    sb_puts(s, " of training");
    if (v->measuring > 0) {
        sb_puts(s, ", ");
        put_time(s, v->measuring);
        sb_puts(s, " of measuring");
    }
    if (v->attacks > 0) {
        sb_puts(s, ", ");
        put_time(s, v->attacking);
        sb_puts(s, " of attacks");
    }
    sb_puts(s, all_rehearsed(v) ? "\n" : "; by the arithmetic alone\n");
    if (v->crowd >= VALIDATE_CROWDED)
        sb_printf(s,
                  "others use the processors: with them all takes %.1f times longer, and the "
                  "shortest time is the one without them\n",
                  v->crowd);
}

/* --- for programs --- */

static void put_files_json(struct json_out *o, const struct validate_stage *x)
{
    json_put_list(o, "files", JSON_TIGHT);
    for (size_t i = 0; i < x->n_files; i++) {
        const struct validate_file *f = &x->file[i];

        json_put_object(o, NULL, JSON_TIGHT);
        json_put_text(o, "file", f->path);
        json_put_bool(o, "harmful", f->harmful);
        json_put_natural(o, "samples", f->samples);
        json_put_natural(o, "tokens", f->tokens);
        json_put_natural(o, "labels", f->labels);
        json_put_end(o);
    }
    json_put_end(o);
}

static void put_warnings_json(struct json_out *o, const struct strbuf *lines)
{
    size_t n;

    json_put_list(o, "warnings", JSON_TIGHT);
    for (const char *at = lines->s; at && *at; at += n + (at[n] == '\n')) {
        n = strcspn(at, "\n");
        json_put_bytes(o, NULL, at, n);
    }
    json_put_end(o);
}

static void put_stage_json(struct json_out *o, const struct validate_stage *x)
{
    json_put_object(o, NULL, JSON_TIGHT);
    json_put_text(o, "name", x->spec->name);
    json_put_text(o, "method", x->spec->method->name);
    json_put_bool(o, "full", x->spec->full);
    json_put_natural(o, "rows", x->rows);
    json_put_natural(o, "cut", x->cut);
    json_put_natural(o, "skipped", x->skipped);
    json_put_natural(o, "samples", x->samples);
    json_put_natural(o, "tokens", x->tokens);
    json_put_natural(o, "labels", x->labels);
    json_put_natural(o, "longest", x->longest);
    json_put_num(o, "keep_labels", share(x->rows - x->skipped, x->rows) / 100);
    json_put_natural(o, "steps", x->steps);
    json_put_natural(o, "steps_per_epoch", x->steps_per_epoch);
    json_put_num(o, "epochs", x->epochs);
    put_warnings_json(o, &x->warnings);
    if (x->until.len)
        json_put_text(o, "until", x->until.s);
    spec_put_rho(o, x->spec);
    json_put_natural(o, "trained", x->trained);
    json_put_num(o, "flops", x->flops);
    json_put_num(o, "seconds", x->seconds);
    json_put_num(o, "measuring", x->measuring);
    put_files_json(o, x);
    plan_put(o, "plan", &x->plan);
    json_put_natural(o, "bytes", x->plan.total);
    json_put_end(o);
}

static void put_json(struct strbuf *s, const struct validation *v)
{
    struct json_out o = json_out(s);

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_natural(&o, "parameters", v->parameters);
    json_put_int(&o, "threads", v->threads);
    json_put_num(&o, "gflops", v->gflops);
    json_put_natural(&o, "available", v->available);
    json_put_bool(&o, "fits", !v->refused.code);
    json_put_natural(&o, "steps", v->steps);
    json_put_num(&o, "seconds", v->seconds);
    json_put_num(&o, "measuring", v->measuring);
    if (v->spec->attack.every) {
        json_put_natural(&o, "attacks", v->attacks);
        json_put_num(&o, "attacking", v->attacking);
    }
    json_put_num(&o, "crowd", v->crowd);
    json_put_list(&o, "stages", JSON_TIGHT);
    for (size_t i = 0; i < v->n_stages; i++)
        put_stage_json(&o, &v->stage[i]);
    json_put_end(&o);
    json_put_list(&o, "evaluate", JSON_TIGHT);
    for (size_t i = 0; i < v->n_evaluate; i++) {
        json_put_object(&o, NULL, JSON_TIGHT);
        json_put_text(&o, "name", v->evaluate[i].name);
        json_put_natural(&o, "prompts", v->evaluate[i].prompts);
        json_put_natural(&o, "longest", v->evaluate[i].longest);
        put_warnings_json(&o, &v->evaluate[i].warning);
        json_put_end(&o);
    }
    json_put_end(&o);
    json_put_list(&o, "guards", JSON_TIGHT);
    for (size_t i = 0; i < v->spec->n_guards; i++)
        guard_spec_json(&o, NULL, v->spec, &v->spec->guard[i]);
    json_put_end(&o);
    json_put_end(&o);
    sb_putc(s, '\n');
}

/* --- the command --- */

/* All is shown even when a stage does not fit: the numbers tell what to change. */
static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct validate_values *o = values;
    struct validation v;
    struct strbuf s = {0};
    int rc = -1;

    if (validate_open(&v, operand[0], o->set.v, o->set.n, err))
        return -1;
    if (o->json)
        put_json(&s, &v);
    else
        put_text(&s, &v);
    rc = (o->json ? cli_write_data : cli_write)(&s, err);
    if (rc == 0 && v.refused.code)
        rc = err_set(err, v.refused.code, "%s", v.refused.msg);
    sb_done(&s);
    validate_done(&v);
    return rc;
}

const struct command command_validate = {
    .name = "validate",
    .args = "FILE.json",
    .help = "Check a run file and its data, and plan the run, without running it",
    .about =
        "Reads everything that the run would read and tells rows, tokens, labels, steps, "
        "memory and rough time "
        "of every stage; where others use the processors, from the time without them to that with "
        "them. Exit status 1: the file or its data are wrong, or a stage does not fit "
        "into memory; 2: wrong usage, as --set of no such key or of a wrong value.",
    .options = options,
    .values = sizeof(struct validate_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
