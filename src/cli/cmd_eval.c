/* cmd_eval.c - `vaccine eval`: asks a model a file of questions and says how it did, with an
 * interval; or compares two such runs, question by question. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"
#include "cli/eval_files.h"
#include "cli/options.h"
#include "cli/source.h"
#include "cli/words.h"
#include "weights/hub.h"
#include "eval/evaluate_write.h"
#include "eval/metric.h"
#include "eval/own.h"
#include "eval/score_json.h"
#include "model/plan.h"
#include "model/stops.h"

enum { AT_ONCE = 16, LOSS_ROWS = 512, OWN_MAX = 32 };

/* Room for the value of any option. */
union slot {
    double number;
    int64_t whole;
    uint64_t natural;
    char *text;
};

struct eval_values {
    struct cli_common common;
    char *name, *prompts, *data, *answers, *judge, *metric, *template_name, *out;
    int64_t max_new_tokens, take, at_once;
    uint64_t seed;
    int count;
    bool json, compare, first;
    union slot own[OWN_MAX]; /* keys of judges and metrics, by own_row() */
};
#define AT(field) .offset = offsetof(struct eval_values, field)

static const struct cli_option options[] = {
    {.row = {.name = "prompts",
             .help = "questions for a judge to rate the answers of",
             .type = OPTION_STRING,
             AT(prompts)},
     .arg = "FILE"},
    {.row = {.name = "judge",
             .help = "who rates (an unknown name lists them all)",
             .type = OPTION_STRING,
             AT(judge)},
     .letter = 'j',
     .arg = "NAME",
     .word = cli_judge_word},
    {.row = {.name = "data",
             .help = "questions with right answers for a metric",
             .type = OPTION_STRING,
             AT(data)},
     .arg = "FILE"},
    {.row = {.name = "answers",
             .help = "samples file whose answers a judge rates, in place of a model's",
             .type = OPTION_STRING,
             AT(answers)},
     .arg = "FILE"},
    {.row = {.name = "metric",
             .help = "how to compare (an unknown name lists them all)",
             .type = OPTION_STRING,
             AT(metric)},
     .letter = 'm',
     .arg = "NAME",
     .word = cli_metric_word},
    {.row =
         {.name = "template",
          .help =
              "how a question is put (an unknown name lists them all); without it the model's own "
              "chat template, or plain if it has none",
          .type = OPTION_STRING,
          AT(template_name)},
     .letter = 't',
     .arg = "NAME",
     .word = cli_template_word},
    {.row = {.name = "max-new-tokens",
             .help = "longest answer",
             .type = OPTION_INT,
             .min = 1,
             .max = 1 << 20,
             .def = 128,
             AT(max_new_tokens)},
     .letter = 'n',
     .arg = "N"},
    {.row = {.name = "at-once",
             .help = "questions that are answered together: more are faster and take more memory",
             .type = OPTION_INT,
             .min = 1,
             .max = 32,
             .def = AT_ONCE,
             AT(at_once)},
     .arg = "N"},
    {.row = {.name = "take",
             .help = "questions of the file that are asked, drawn by --seed; 0 = all",
             .type = OPTION_INT,
             .max = 1e9,
             AT(take)},
     .arg = "N"},
    {.row = {.name = "first",
             .help = "--take means the first questions of the file",
             .type = OPTION_BOOL,
             AT(first)}},
    {.row = {.name = "count",
             .help = "the verdict whose share is the score",
             .type = OPTION_CHOICE,
             .choices = verdict_names,
             .def = VERDICT_ANSWERED,
             AT(count)},
     .arg = "VERDICT"},
    {.row = {.name = "out",
             .help = "write results and samples into this folder",
             .type = OPTION_STRING,
             AT(out)},
     .letter = 'o',
     .arg = "DIR"},
    {.row = {.name = "name",
             .help = "what the score is called; without it the judge or the metric",
             .type = OPTION_STRING,
             AT(name)},
     .arg = "NAME"},
    {.row = {.name = "json", .help = "print one JSON object", .type = OPTION_BOOL, AT(json)}},
    {.row = {.name = "compare",
             .help =
                 "the arguments are two samples files of the same questions: paired bootstrap of "
                 "their difference",
             .type = OPTION_BOOL,
             AT(compare)}},
    {.row = {.name = "seed",
             .help = "of the bootstrap, and of what --take draws",
             .type = OPTION_SEED,
             .def = 1,
             AT(seed)},
     .arg = "N"},
    CLI_ADAPTER(struct eval_values),
    CLI_THREADS(struct eval_values),
    CLI_PRODUCTS(struct eval_values),
    CLI_PRECISION(struct eval_values),
    CLI_BACKEND(struct eval_values),
    {.row.name = NULL},
};

static bool stood_before(const struct option_row *row)
{
    struct own_keys first;

    return own_with(row->name, &first) && option_find(first.rows, row->name) != row;
}

/* The options, and behind them the keys of judges and metrics: "judge_model" is --judge-model. A key that
 * several have is one option. Made once. */
static const struct cli_option *eval_rows(void)
{
    static struct cli_option rows[sizeof options / sizeof *options + OWN_MAX];
    static char name[OWN_MAX][32];
    static const char *const arg[] = {
        [PATH_FILE] = "FILE", [PATH_FOLDER] = "DIR", [PATH_MODEL] = "DIR"};
    size_t n = sizeof options / sizeof *options - 1;
    const struct option_row *row;
    struct own_keys of;

    if (rows[0].row.name)
        return rows;
    for (size_t i = 0; (row = own_row(i, &of)) && i < OWN_MAX; i++) {
        if (stood_before(row))
            continue;
        snprintf(name[i], sizeof name[i], "%s", row->name);
        for (char *c = name[i]; *c; c++)
            *c = *c == '_' ? '-' : *c;
        rows[n] = (struct cli_option){.row = *row,
                                      .arg = row->path                    ? arg[row->path]
                                             : row->type == OPTION_BOOL   ? NULL
                                             : row->type == OPTION_STRING ? "TEXT"
                                                                          : "N"};
        rows[n].row.name = name[i];
        rows[n].row.required = false;
        rows[n++].row.offset = offsetof(struct eval_values, own) + i * sizeof(union slot);
    }
    memcpy(rows, options, sizeof options - sizeof *options);
    return rows;
}

struct job {
    const struct eval_values *v;
    const char *name; /* of the model, as given */
    struct cli_model model;
    struct tokenizer *tok;
    struct encoder enc;
    struct evaluate_spec spec;
    struct evaluation *e;
    struct generator *g;
    struct acts *acts;
    size_t rows; /* of acts */
    struct eval_result result;
    struct strbuf out;
};

/* --- opening --- */

static int fill_encoder(struct job *j, struct vac_err *err)
{
    const struct config *c = model_config(j->model.m);

    j->enc = (struct encoder){.tok = j->tok,
                              .max_length = c->max_pos,
                              .vocab = c->V,
                              .context = c->max_pos,
                              .eos = stops_eos(j->model.m, j->tok)};
    if (j->model.max_length && (size_t)j->model.max_length < c->max_pos)
        j->enc.max_length = (size_t)j->model.max_length; /* as the run cuts its rows */
    if (!j->tok)
        return 0;
    j->enc.system = j->model.run.system;
    j->enc.tmpl = cli_choose_template(j->v->template_name, &j->model, j->tok, NULL, err);
    return j->enc.tmpl ? 0 : -1;
}

/* The judge's or the metric's own keys, from the options of the same names. */
static int fill_own(struct job *j, struct vac_err *err)
{
    const struct option_row *row;
    struct own_keys own, of;

    if (!own_of(j->spec.judge, j->spec.metric, &own, NULL))
        return 0; /* evaluation_open says so */
    j->spec.options = own_new(&own, err);
    if (own.rows && !j->spec.options)
        return -1;
    for (size_t i = 0; (row = own_row(i, &of)) && i < OWN_MAX; i++) {
        const struct option_row *mine = own.rows ? option_find(own.rows, row->name) : NULL;
        struct option_row given = *row;
        struct strbuf text = {0};
        char *found = NULL;
        int rc = 0;

        given.offset = offsetof(struct eval_values, own) + i * sizeof(union slot);
        if (stood_before(row) || (row->type == OPTION_STRING && !j->v->own[i].text))
            continue;
        /* a key for another judge would do nothing, which its writer does not know */
        if (!mine && row->type == OPTION_STRING)
            return err_set(err, VAC_ERR_USAGE, "%s: %s is for %s \"%s\", but %s is \"%s\"",
                           j->spec.name, row->name, of.kind, of.name,
                           j->spec.judge ? "judge" : "metric",
                           j->spec.judge ? j->spec.judge : j->spec.metric);
        if (!mine)
            continue;
        option_text(&given, j->v, &text);
        if (sb_ok(&text, err) || (row->path == PATH_MODEL && !(found = hub_find(text.s, err))) ||
            option_set(mine, found ? found : text.s, j->spec.options, row->name, err))
            rc = -1;
        free(found);
        sb_done(&text);
        if (rc)
            return -1;
    }
    return 0;
}

static int job_open(struct job *j, const char *name, struct vac_err *err)
{
    const struct eval_values *v = j->v;
    struct strbuf warning = {0};
    int rc;

    j->name = name;
    if (cli_model_open(&j->model, name, &v->common, err))
        return -1;
    if (model_config(j->model.m)->n_labels)
        return err_set(err, VAC_ERR_UNSUPPORTED,
                       "%s: a sequence classifier writes no text; it may be the --judge-model",
                       j->model.dir);
    /* ready-made tokens need no tokenizer, and only a loss can be taken of them */
    if ((metric_is_rate(v->metric) || tokenizer_there(j->model.tokenizer)) &&
        !(j->tok = tokenizer_open(j->model.tokenizer, err)))
        return -1;
    j->spec = (struct evaluate_spec){.name = v->name    ? v->name
                                             : v->judge ? v->judge
                                                        : v->metric,
                                     .prompts = v->prompts,
                                     .data = v->data,
                                     .judge = v->judge,
                                     .metric = v->metric,
                                     .max_new_tokens = v->max_new_tokens,
                                     .take = v->take,
                                     .from = v->first,
                                     .seed = v->seed,
                                     .count = v->count};
    if (fill_encoder(j, err) || fill_own(j, err))
        return -1;
    j->e = evaluation_open(&j->spec, &j->enc, j->model.m, err);
    if (!j->e)
        return -1;
    evaluation_warning(j->e, &warning);
    rc = warning.len || warning.bad ? sb_ok(&warning, err) : 0;
    if (rc == 0)
        cli_note(warning.s);
    sb_done(&warning);
    return rc;
}

static void job_close(struct job *j)
{
    struct own_keys own;

    eval_result_done(&j->result);
    generator_free(j->g);
    acts_free(j->acts);
    evaluation_close(j->e);
    tokenizer_free(j->tok);
    cli_model_close(&j->model);
    if (own_of(j->spec.judge, j->spec.metric, &own, NULL))
        own_free(&own, j->spec.options);
    sb_done(&j->out);
}

/* --- memory --- */

static int make_generator(struct job *j, struct vac_err *err)
{
    size_t n = evaluation_size(j->e), most = (size_t)j->v->at_once, slots = n < most ? n : most;
    size_t context = evaluation_longest(j->e) + (size_t)j->spec.max_new_tokens;
    struct plan plan = {0};

    if (plan_generate(&plan, j->model.m, slots, context) ||
        plan_check(&plan, plan_available(), err))
        return -1;
    j->g = generator_new(j->model.m, slots, context, err);
    return j->g ? 0 : -1;
}

static int make_acts(struct job *j, struct vac_err *err)
{
    struct acts_room room = evaluation_room(j->e);
    struct plan plan = {0};
    size_t floats;

    j->rows = room.rows > LOSS_ROWS ? room.rows : LOSS_ROWS;
    floats = acts_floats(j->model.m, j->rows, j->rows, false);
    plan_add(&plan, "base weights (mapped)", model_bytes(j->model.m), NULL);
    plan_add(&plan, "activations", (uint64_t)floats * sizeof(float), "use shorter rows");
    if (plan_check(&plan, plan_available(), err))
        return -1;
    j->acts = acts_new(j->model.m, j->rows, j->rows, room.context, false, err);
    return j->acts ? 0 : -1;
}

/* --- showing --- */

static int show_progress(void *ctx, size_t done, size_t n)
{
    char text[64];

    (void)ctx;
    snprintf(text, sizeof text, "%zu of %zu", done, n);
    cli_progress(text);
    return 0;
}

static void put_json(struct job *j)
{
    const struct eval_result *r = &j->result;
    struct json_out o = json_out(&j->out);
    struct vac_eval score;

    eval_result_score(j->e, r, &score);
    json_put_object(&o, NULL, JSON_TIGHT);
    score_json(&o, &score, r->other, r->n_other);
    if (j->spec.judge) {
        json_put_object(&o, "verdicts", JSON_TIGHT);
        score_verdicts(&o, &score.verdicts);
        json_put_end(&o);
    }
    score_parts(&o, "categories", r->category, r->n_category);
    json_put_end(&o);
    sb_putc(&j->out, '\n');
}

static void put_rate(struct strbuf *out, size_t count, size_t n)
{
    struct interval ci = wilson(count, n, Z95);

    sb_printf(out, "%.2f %%  (%zu of %zu; 95 %% interval %.2f to %.2f)\n",
              100.0 * (double)count / (double)n, count, n, 100 * ci.lo, 100 * ci.hi);
}

static void put_text(struct job *j)
{
    const struct eval_result *r = &j->result;
    struct vac_eval score;

    if (!r->sample || !evaluation_is_rate(j->e)) {
        sb_printf(&j->out, "%s: %.6g  (%zu rows; 95 %% interval %.6g to %.6g)\n", j->spec.name,
                  r->value, r->n, r->ci.lo, r->ci.hi);
        return;
    }
    sb_printf(&j->out, "%s: %s ", j->spec.name,
              j->spec.judge ? verdict_names[j->spec.count] : "right");
    put_rate(&j->out, r->count, r->n);
    if (j->spec.judge) {
        eval_result_score(j->e, r, &score);
        cli_put_verdicts(&j->out, "  ", &score.verdicts, "\n");
        cli_put_beneath(&j->out, "  ", score.beneath, "\n");
    }
    for (size_t i = 0; i < r->n_category; i++) {
        sb_puts(&j->out, "  ");
        cli_put_name(&j->out, r->category[i].name);
        sb_puts(&j->out, ": ");
        put_rate(&j->out, r->category[i].count, r->category[i].n);
    }
}

/* --- running --- */

/* The name of the model's, the run's or the adapter's folder, fit for a file name. */
static void put_label(const struct job *j, char *label, size_t size)
{
    const struct cli_list *adapter = &j->v->common.adapter;
    const char *path = adapter->n ? adapter->v[adapter->n - 1] : j->name;
    size_t end = strlen(path), start, n = 0;

    while (end > 0 && path[end - 1] == '/')
        end--;
    for (start = end; start > 0 && path[start - 1] != '/'; start--)
        ;
    for (; start < end && n + 1 < size; start++)
        if (isalnum((unsigned char)path[start]) || path[start] == '_' || path[start] == '-' ||
            (path[start] == '.' && n > 0))
            label[n++] = path[start];
        else if (path[start] == '@')
            label[n++] = '-';
    label[n] = '\0';
    if (n == 0)
        snprintf(label, size, "model");
}

static int job_run(struct job *j, struct vac_err *err)
{
    char label[49];
    int rc;

    if (evaluation_longest(j->e) ? make_generator(j, err) : make_acts(j, err))
        return -1;
    rc = evaluation_run(j->e, j->g, j->acts, j->rows, &j->result, show_progress, NULL, err);
    cli_progress(NULL);
    put_label(j, label, sizeof label);
    if (rc || (j->v->out && eval_result_write(j->e, &j->result, j->v->out, label, err)))
        return -1;
    if (j->v->json)
        put_json(j);
    else
        put_text(j);
    return (j->v->json ? cli_write_data : cli_write)(&j->out, err);
}

/* Answers that were kept: no model is asked. */
static int rate_again(struct job *j, struct vac_err *err)
{
    const struct eval_values *v = j->v;
    const struct judge *judge = v->judge ? judge_find(v->judge, err) : NULL;
    struct compute *c = NULL;
    void *self = NULL;
    int rc = -1;

    if (!v->judge || v->metric || v->prompts || v->data || v->out)
        return err_set(err, VAC_ERR_USAGE,
                       "eval: --answers goes with --judge, and without MODEL, --prompts, --data, "
                       "--metric and --out");
    j->spec.name = v->name ? v->name : v->judge;
    j->spec.judge = v->judge;
    if (judge && !fill_own(j, err) && (c = cli_compute_open(&v->common, err)) &&
        (self = judge->open(j->spec.options, c, err)))
        rc = eval_again(v->answers, j->spec.name, judge, self, v->count, v->json, err);
    if (self)
        judge->close(self);
    compute_close(c);
    return rc;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    struct job j = {.v = values};
    int rc = -1;

    if (j.v->compare)
        return eval_compare(operand, j.v->seed, j.v->json, err);
    if (j.v->answers && !operand[0]) {
        rc = rate_again(&j, err);
        job_close(&j);
        return rc;
    }
    if (j.v->answers || !operand[0])
        return err_set(err, VAC_ERR_USAGE,
                       j.v->answers ? "eval: --answers goes without MODEL"
                                    : "eval: MODEL is missing");
    if (operand[1])
        return err_set(err, VAC_ERR_USAGE,
                       "eval: unexpected argument \"%s\": two arguments go with --compare",
                       operand[1]);
    if (!j.v->judge == !j.v->metric)
        return err_set(err, VAC_ERR_USAGE,
                       "eval: give either --judge (with --prompts) or --metric (with --data)");
    if (!job_open(&j, operand[0], err))
        rc = job_run(&j, err);
    job_close(&j);
    return rc;
}

const struct command command_eval = {
    .name = "eval",
    .args = "MODEL | --compare SAMPLES_A SAMPLES_B",
    .help = "Ask a model a file of questions and rate its answers",
    .about =
        "Answers are greedy. A judge says of each whether it was answered, refused or neither; a "
        "metric compares it with the expected one. Where a fifth or more is neither, that is "
        "marked "
        "and says what those answers are: one word for everything is answered 0 %, and not safe. "
        "Every rate comes with its Wilson interval. With "
        "--out, results_NAME_MODEL.json and samples_NAME_MODEL.jsonl are written. --answers rates "
        "the answers of such a file (or of any lines {\"prompt\", \"answer\"}) by another judge, "
        "and "
        "says how far the two agree and what they dispute.",
    .rows = eval_rows,
    .values = sizeof(struct eval_values),
    .max_operands = 2,
    .run = run,
};
