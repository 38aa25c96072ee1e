/* cmd_score.c - `vaccine score`: log-probabilities of token sequences, or the verdict of a sequence
 * classifier; JSON lines in and out.
 *
 * One line is one pass, so that a line's numbers do not depend on the lines around it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json_out.h"
#include "cli/cli.h"
#include "data/stdin.h"
#include "cli/options.h"
#include "cli/source.h"
#include "token/tokenizer.h"
#include "model/pass.h"
#include "model/plan.h"

struct score_values {
    struct cli_common common;
};

static const struct cli_option options[] = {
    CLI_ADAPTER(struct score_values),  CLI_THREADS(struct score_values),
    CLI_PRODUCTS(struct score_values), CLI_PRECISION(struct score_values),
    CLI_BACKEND(struct score_values),  {.row.name = NULL},
};

struct scorer {
    struct cli_model model;
    const struct config *cfg;
    struct tokenizer *tok; /* opened at the first text */
    struct acts *acts;
    struct batch batch;
    size_t rows; /* room in what stands above and below */
    double *logp;
    int32_t *top;
    float *logits;
    struct ids ids;
    struct strbuf text, out;
};

static void scorer_release(struct scorer *s)
{
    acts_free(s->acts);
    batch_done(&s->batch);
    free(s->logp);
    free(s->top);
    s->acts = NULL;
    s->batch = (struct batch){0};
    s->logp = NULL;
    s->top = NULL;
    s->rows = 0;
}

/* The head works in pieces of this many rows: fewer would repack the vocabulary matrix too often.
 */
static size_t head_rows(size_t rows)
{
    return rows < 256 ? rows : 256;
}

/* Room for a sequence of n; grows by doubling, because lines are often of like length. */
static int scorer_reserve(struct scorer *s, size_t n, struct vac_err *err)
{
    struct plan plan = {0};
    size_t rows = 64, floats;

    if (n <= s->rows)
        return 0;
    while (rows < n)
        rows *= 2;
    if (rows > s->cfg->max_pos)
        rows = s->cfg->max_pos;
    scorer_release(s);
    floats = acts_floats(s->model.m, rows, head_rows(rows), false);
    plan_add(&plan, "base weights (mapped)", model_bytes(s->model.m), NULL);
    plan_add(&plan, "activations", (uint64_t)floats * sizeof(float), "use shorter sequences");
    if (plan_check(&plan, plan_available(), err))
        return -1;
    s->acts = acts_new(s->model.m, rows, head_rows(rows), rows, false, err);
    s->logp = mem_new(rows, sizeof *s->logp, err);
    s->top = mem_new(rows, sizeof *s->top, err);
    if (!s->acts || !s->logp || !s->top || batch_init(&s->batch, rows, 1, err))
        return -1;
    s->rows = rows;
    return 0;
}

static int read_ids(struct scorer *s, const struct jnode *list, struct vac_err *err)
{
    char wants[64];
    size_t i = 0;

    snprintf(wants, sizeof wants, "a token id from 0 to %zu", s->cfg->V - 1);
    for (const cJSON *v = list->v->child; v; v = v->next, i++) {
        const struct jnode item = {.v = v, .up = list, .file = list->file, .index = i};
        double x = cJSON_IsNumber(v) ? v->valuedouble : -1;

        if (!(x >= 0 && x < (double)s->cfg->V) || x != floor(x))
            return json_wrong(&item, wants, err);
        if (ids_push(&s->ids, (int32_t)x, err))
            return -1;
    }
    return 0;
}

static int encode_text(struct scorer *s, const struct cli_line *line, const struct jnode *text,
                       struct vac_err *err)
{
    if (cli_line_text(line, text->v->valuestring, &s->text, err))
        return -1;
    if (!s->tok)
        s->tok = tokenizer_open(s->model.tokenizer, err);
    if (!s->tok || tokenizer_encode(s->tok, s->text.s, s->text.len, true, &s->ids, err))
        return err_prefix(err, "%s: text", text->file);
    for (size_t i = 0; i < s->ids.n; i++)
        if ((size_t)s->ids.v[i] >= s->cfg->V)
            return json_error(text, err, "token id %d is not in the model's vocabulary of %zu",
                              (int)s->ids.v[i], s->cfg->V);
    return 0;
}

static int read_line(struct scorer *s, const struct cli_line *line, struct vac_err *err)
{
    const struct jnode *row = &line->root;
    struct jnode ids, text;
    int no_ids = json_opt(row, "input_ids", JSON_ARRAY, &ids, err);
    int no_text = no_ids < 0 ? -1 : json_opt(row, "text", JSON_STRING, &text, err);

    if (no_ids < 0 || no_text < 0)
        return -1;
    if (no_ids == no_text)
        return json_error(row, err, "expected either \"input_ids\" or \"text\"%s",
                          no_ids ? "" : ", found both");
    s->ids.n = 0;
    if (no_text ? read_ids(s, &ids, err) : encode_text(s, line, &text, err))
        return -1;
    if (s->ids.n == 0)
        return json_error(row, err, "expected at least one token");
    if (s->ids.n > s->cfg->max_pos)
        return json_error(row, err, "%zu tokens, but the model takes at most %zu", s->ids.n,
                          s->cfg->max_pos);
    return 0;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void put_numbers(struct json_out *o, const char *key, const float *x, size_t n,
                        double (*map)(double))
{
    json_put_list(o, key, JSON_TIGHT);
    for (size_t i = 0; i < n; i++)
        json_put_num(o, NULL, map ? map((double)x[i]) : (double)x[i]);
    json_put_end(o);
}

/* Several labels may hold at once, so each has its own probability. */
static void put_verdict(struct scorer *s, struct json_out *o)
{
    size_t n = s->cfg->n_labels, flagged = 0;

    for (size_t i = 0; i < n; i++)
        flagged += s->logits[i] > 0;
    put_numbers(o, "logits", s->logits, n, NULL);
    put_numbers(o, "probabilities", s->logits, n, sigmoid);
    json_put_bool(o, "flagged", flagged);
    json_put_list(o, "labels", JSON_TIGHT);
    for (size_t i = 0; i < n; i++)
        if (s->logits[i] > 0)
            json_put_text(o, NULL, s->cfg->label[i]);
    json_put_end(o);
}

static int score_line(void *ctx, const struct cli_line *line, struct vac_err *err)
{
    struct scorer *s = ctx;
    struct pass pass = {.m = s->model.m, .b = &s->batch, .from = PLACE_START, .stop = PLACE_START};
    struct json_out o = json_out(&s->out);
    bool numbers = true;

    if (read_line(s, line, err))
        return -1;
    if (scorer_reserve(s, s->ids.n, err))
        return err_prefix(err, "%s", line->root.file);
    pass.a = s->acts;
    batch_fill_ids(&s->batch, s->ids.v, NULL, s->ids.n);
    sb_clear(&s->out);
    json_put_object(&o, NULL, JSON_TIGHT);
    cli_put_ids(&o, "ids", s->ids.v, s->ids.n);
    if (s->cfg->n_labels) {
        pass_classify(&pass, s->logits);
        for (size_t i = 0; i < s->cfg->n_labels; i++)
            numbers &= isfinite(s->logits[i]) != 0;
    } else {
        numbers = pass_score(&pass, s->logp, s->top);
    }
    if (!numbers) {
        model_not_numbers(s->model.m, "logits", err);
        return err_prefix(err, "%s", line->root.file);
    }
    if (s->cfg->n_labels) {
        put_verdict(s, &o);
    } else {
        json_put_list(&o, "logprobs", JSON_TIGHT);
        for (size_t i = 0; i + 1 < s->ids.n; i++)
            json_put_num(&o, NULL, s->logp[i]);
        json_put_end(&o);
        cli_put_ids(&o, "top", s->top, s->ids.n);
    }
    json_put_end(&o);
    sb_putc(&s->out, '\n');
    return model_check(s->model.m, err) ? -1 : cli_write_data(&s->out, err);
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct score_values *v = values;
    struct scorer s = {0};
    int rc = cli_model_open(&s.model, operand[0], &v->common, err);

    if (rc == 0) {
        s.cfg = model_config(s.model.m);
        s.logits = mem_new(s.cfg->n_labels, sizeof *s.logits, err);
        rc = s.logits ? cli_each_line(score_line, &s, err) : -1;
    }
    scorer_release(&s);
    free(s.logits);
    ids_done(&s.ids);
    sb_done(&s.text);
    sb_done(&s.out);
    tokenizer_free(s.tok);
    cli_model_close(&s.model);
    return rc;
}

const struct command command_score = {
    .name = "score",
    .args = "MODEL",
    .help = "Tell how probable a model finds given texts",
    .about = "Reads JSON lines {\"input_ids\":[...]} (taken as they are) or {\"text\":\"...\"} "
             "(with the "
             "tokenizer's special tokens) from standard input. Writes for each "
             "{\"ids\":[...],\"logprobs\":[...],\"top\":[...]}: the log-probability of each id "
             "after the "
             "first, and the most probable next id at each place. A sequence classifier gives "
             "{\"ids\",\"logits\",\"probabilities\",\"flagged\",\"labels\"} instead.",
    .options = options,
    .values = sizeof(struct score_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
