/* cmd_probe.c - `vaccine probe`: asks a model one thing and prints the answer while it comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/source.h"
#include "cli/words.h"
#include "model/generate.h"
#include "model/plan.h"
#include "model/stops.h"
#include "token/tok_stream.h"

#define PROMPT_LIMIT ((size_t)16 << 20)

struct probe_values {
    struct cli_common common;
    char *template_name, *system, *today;
    bool echo;
    int64_t max_new_tokens;
    uint64_t seed;
    double temperature, top_p;
};

static const struct cli_option options[] = {
    {.row = {.name = "template",
             .help = "how a prompt is put (an unknown name lists them all), or a file with a chat "
                     "template; without it the model's own, or plain if it has none",
             .type = OPTION_STRING,
             .offset = offsetof(struct probe_values, template_name)},
     .letter = 't',
     .arg = "NAME",
     .word = cli_template_word},
    {.row = {.name = "system",
             .help = "system text before the prompt",
             .type = OPTION_STRING,
             .offset = offsetof(struct probe_values, system)},
     .arg = "TEXT"},
    {.row = {.name = "today",
             .help = "the day that a chat template may ask for, like 2026-11-26",
             .type = OPTION_STRING,
             .offset = offsetof(struct probe_values, today)},
     .arg = "DATE"},
    {.row = {.name = "echo",
             .help = "print the prompt before the answer",
             .type = OPTION_BOOL,
             .offset = offsetof(struct probe_values, echo)}},
    {.row = {.name = "max-new-tokens",
             .help = "longest answer",
             .type = OPTION_INT,
             .min = 1,
             .max = 1 << 20,
             .def = 128,
             .offset = offsetof(struct probe_values, max_new_tokens)},
     .letter = 'n',
     .arg = "N"},
    {.row = {.name = "temperature",
             .help = "of sampling; 0 = always the most probable token",
             .type = OPTION_NUM,
             .max = 100,
             .offset = offsetof(struct probe_values, temperature)},
     .arg = "X"},
    {.row = {.name = "top-p",
             .help = "sample among the most probable tokens that have this share together",
             .type = OPTION_NUM,
             .min = 1e-6,
             .max = 1,
             .def = 1,
             .offset = offsetof(struct probe_values, top_p)},
     .arg = "P"},
    {.row = {.name = "seed",
             .help = "of sampling",
             .type = OPTION_SEED,
             .def = 1,
             .offset = offsetof(struct probe_values, seed)},
     .arg = "N"},
    CLI_ADAPTER(struct probe_values),
    CLI_THREADS(struct probe_values),
    CLI_PRODUCTS(struct probe_values),
    CLI_PRECISION(struct probe_values),
    CLI_BACKEND(struct probe_values),
    {.row.name = NULL},
};

struct probe {
    const struct probe_values *v;
    struct cli_model model;
    struct tokenizer *tok;
    struct ids prompt;
    struct stops stops;
    struct tokenizer_stream stream;
    struct strbuf piece;
    bool visible; /* standard output is a terminal */
    char last;    /* last byte printed */
    struct vac_err *err;
};

/* All of standard input, without the line end that an editor or echo puts behind it. */
static char *read_prompt(struct vac_err *err)
{
    struct strbuf b = {0};
    char part[4096];
    size_t n;

    while ((n = fread(part, 1, sizeof part, stdin)) > 0 && b.len <= PROMPT_LIMIT)
        sb_put(&b, part, n);
    if (ferror(stdin))
        err_errno(err, "standard input");
    else if (b.len > PROMPT_LIMIT)
        err_set(err, VAC_ERR_FORMAT, "standard input: a prompt has at most %zu bytes",
                PROMPT_LIMIT);
    else if (b.len && memchr(b.s, '\0', b.len))
        err_set(err, VAC_ERR_FORMAT, "standard input: expected text, found a zero byte");
    else if (!sb_ok(&b, err)) {
        if (b.len && b.s[b.len - 1] == '\n')
            b.s[b.len - 1] = '\0';
        return b.len ? b.s : mem_strdup("", err);
    }
    sb_done(&b);
    return NULL;
}

static int encode(struct probe *p, const char *text, struct vac_err *err)
{
    const struct config *cfg = model_config(p->model.m);
    struct encoder enc = {.tok = p->tok, .vocab = cfg->V, .context = cfg->max_pos, .eos = -1};
    struct turn turn = {.role = ROLE_USER, .text = text};

    enc.tmpl = cli_choose_template(p->v->template_name, &p->model, p->tok, p->v->today, err);
    if (!enc.tmpl)
        return -1;
    enc.system = p->v->system ? p->v->system : p->model.run.system;
    if (stops_collect(&p->stops, p->model.m, &enc, err))
        return -1;
    if (encode_prompt(&enc, &turn, 1, &p->prompt, err))
        return err_prefix(err, "prompt");
    if (p->prompt.n == 0)
        return err_set(err, VAC_ERR_FORMAT, "prompt: expected at least one token");
    if (p->prompt.n >= cfg->max_pos)
        return err_set(err, VAC_ERR_FORMAT, "prompt: %zu tokens, but the model takes less than %zu",
                       p->prompt.n, cfg->max_pos);
    return 0;
}

/* Prints what has collected in p->piece. */
static int print_piece(struct probe *p, struct vac_err *err)
{
    if (p->piece.len == 0)
        return sb_ok(&p->piece, err);
    if (p->visible ? cli_write_data(&p->piece, err) : cli_write_raw(&p->piece, err))
        return -1;
    p->last = p->piece.s[p->piece.len - 1];
    sb_clear(&p->piece);
    return 0;
}

/* A special token stands for no text. */
static int print_token(struct probe *p, int32_t id, struct vac_err *err)
{
    if (tokenizer_is_special(p->tok, id))
        return 0;
    if (tokenizer_stream_put(&p->stream, id, &p->piece, err))
        return -1;
    return print_piece(p, err);
}

static enum generate_next visit(void *ctx, size_t i, int32_t id)
{
    struct probe *p = ctx;

    (void)i;
    return print_token(p, id, p->err) ? GENERATE_END_ALL : GENERATE_ON;
}

static int answer(struct probe *p, struct vac_err *err)
{
    size_t limit = model_config(p->model.m)->max_pos;
    size_t context = p->prompt.n + (size_t)p->v->max_new_tokens;
    struct generate_options o = {.max_new_tokens = (size_t)p->v->max_new_tokens,
                                 .temperature = p->v->temperature,
                                 .top_p = p->v->top_p,
                                 .seed = p->v->seed,
                                 .stop = p->stops.id,
                                 .n_stop = p->stops.n};
    struct generator *g;
    struct ids out = {0};
    struct plan plan = {0};
    int rc = -1;

    context = context < limit ? context : limit;
    if (plan_generate(&plan, p->model.m, 1, context) || plan_check(&plan, plan_available(), err))
        return -1;
    for (size_t i = 0; p->v->echo && i < p->prompt.n; i++)
        if (print_token(p, p->prompt.v[i], err))
            return -1;
    p->err = err;
    if ((g = generator_new(p->model.m, 1, context, err)))
        rc = generate(g, &p->prompt, 1, &o, &out, visit, p, err);
    generator_free(g);
    ids_done(&out);
    if (rc || err->code || tokenizer_stream_end(&p->stream, &p->piece, err) || print_piece(p, err))
        return -1;
    if (p->last != '\n')
        sb_putc(&p->piece, '\n');
    return print_piece(p, err);
}

static int probe_open(struct probe *p, const char *name, struct vac_err *err)
{
    if (cli_model_open(&p->model, name, &p->v->common, err))
        return -1;
    if (model_config(p->model.m)->n_labels)
        return err_set(err, VAC_ERR_UNSUPPORTED,
                       "%s: a sequence classifier writes no text; use vaccine score", p->model.dir);
    p->tok = tokenizer_open(p->model.tokenizer, err);
    p->stream.t = p->tok;
    return p->tok ? 0 : -1;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    struct probe p = {.v = values, .visible = isatty(STDOUT_FILENO)};
    char *text;
    int rc = -1;

    /* Wrong usage is told before anybody is asked for a prompt or waits for a model. */
    if ((p.v->template_name && template_check(p.v->template_name, err)) ||
        (p.v->today && template_check_day(p.v->today, err)))
        return -1;
    text = operand[1] ? mem_strdup(operand[1], err) : read_prompt(err);
    if (text && !probe_open(&p, operand[0], err) && !encode(&p, text, err))
        rc = answer(&p, err);
    free(text);
    tokenizer_stream_done(&p.stream);
    tokenizer_free(p.tok);
    ids_done(&p.prompt);
    sb_done(&p.piece);
    cli_model_close(&p.model);
    return rc;
}

const struct command command_probe = {
    .name = "probe",
    .args = "MODEL [PROMPT]",
    .help = "Ask a model and print its answer",
    .about = "The prompt is read from standard input when it is not given.",
    .options = options,
    .values = sizeof(struct probe_values),
    .min_operands = 1,
    .max_operands = 2,
    .run = run,
};
