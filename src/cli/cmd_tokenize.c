/* cmd_tokenize.c - `vaccine tokenize`: text to token ids and back, JSON lines in and out. */
#include <stdlib.h>
#include "base/json_out.h"
#include "cli/cli.h"
#include "data/stdin.h"
#include "cli/source.h"
#include "token/tokenizer.h"

struct tokenize_values {
    bool special;
};

static const struct cli_option options[] = {
    {.row = {.name = "special",
             .help = "add the special tokens that the tokenizer puts around a text",
             .type = OPTION_BOOL,
             .offset = offsetof(struct tokenize_values, special)}},
    {.row.name = NULL},
};

struct work {
    struct tokenizer *tok;
    bool special;
    struct ids ids;
    struct strbuf text, decoded, out;
};

static int tokenize_text(struct work *w, struct vac_err *err)
{
    struct json_out o = json_out(&w->out);

    w->ids.n = 0;
    sb_clear(&w->decoded);
    sb_clear(&w->out);
    if (tokenizer_encode(w->tok, w->text.s, w->text.len, w->special, &w->ids, err) ||
        tokenizer_decode(w->tok, w->ids.v, w->ids.n, false, &w->decoded, err))
        return -1;
    json_put_object(&o, NULL, JSON_TIGHT);
    cli_put_ids(&o, "ids", w->ids.v, w->ids.n);
    json_put_bytes(&o, "decoded", w->decoded.s, w->decoded.len);
    json_put_end(&o);
    sb_putc(&w->out, '\n');
    return 0;
}

static int tokenize_line(void *ctx, const struct cli_line *line, struct vac_err *err)
{
    struct work *w = ctx;
    const char *text = NULL;

    if (json_str(&line->root, "text", &text, err) || cli_line_text(line, text, &w->text, err))
        return -1;
    if (tokenize_text(w, err))
        return err_prefix(err, "%s", line->root.file);
    return cli_write_data(&w->out, err);
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct tokenize_values *v = values;
    struct work w = {.special = v->special};
    struct cli_model model = {0};
    int rc = -1;

    if (file_exists(operand[0]))
        w.tok = tokenizer_open(operand[0], err);
    else if (!cli_model_find(&model, operand[0], err))
        w.tok = tokenizer_open(model.tokenizer, err);
    if (w.tok)
        rc = cli_each_line(tokenize_line, &w, err);
    tokenizer_free(w.tok);
    ids_done(&w.ids);
    sb_done(&w.text);
    sb_done(&w.decoded);
    sb_done(&w.out);
    cli_model_close(&model);
    return rc;
}

const struct command command_tokenize = {
    .name = "tokenize",
    .args = "MODEL",
    .help = "Turn texts into token ids and back",
    .about = "Reads JSON lines {\"text\":\"...\"} from standard input and writes "
             "{\"ids\":[...],\"decoded\":\"...\"} for each. MODEL may also be a tokenizer.json.",
    .options = options,
    .values = sizeof(struct tokenize_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
