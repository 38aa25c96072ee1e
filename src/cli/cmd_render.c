/* cmd_render.c - `vaccine render`: what a model is given, from conversations, by its own chat
 * template. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_out.h"
#include "base/name.h"
#include "cli/cli.h"
#include "data/stdin.h"
#include "cli/source.h"
#include "cli/words.h"
#include "data/rows.h"
#include "data/encode.h"
#include "jinja/jinja.h"

struct render_values {
    char *template_name, *bos, *eos, *today;
    bool prompt, json, ids;
};

#define AT(member) .offset = offsetof(struct render_values, member)
static const struct cli_option options[] = {
    {.row = {.name = "template",
             .help = "a file with a Jinja chat template, or one of the built-in ones; the model's "
                     "when absent",
             .type = OPTION_STRING,
             AT(template_name)},
     .letter = 't',
     .arg = "NAME|FILE",
     .word = cli_template_word},
    {.row = {.name = "bos",
             .help = "text of the token that begins a text; the model's when absent",
             .type = OPTION_STRING,
             AT(bos)},
     .arg = "TEXT"},
    {.row = {.name = "eos",
             .help = "text of the token that ends one; the model's when absent",
             .type = OPTION_STRING,
             AT(eos)},
     .arg = "TEXT"},
    {.row = {.name = "today",
             .help = "the day that a template may ask for, like 2026-11-26",
             .type = OPTION_STRING,
             AT(today)},
     .arg = "DATE"},
    {.row = {.name = "prompt",
             .help = "go on to where the next answer begins",
             .type = OPTION_BOOL,
             AT(prompt)}},
    {.row = {.name = "json",
             .help = "print {\"text\":...} or {\"error\":...} for each conversation",
             .type = OPTION_BOOL,
             AT(json)}},
    {.row = {.name = "ids",
             .help =
                 "the tokens too: id, + where it is learnt, and what it stands for; with --json "
                 "\"ids\" and \"labels\"",
             .type = OPTION_BOOL,
             AT(ids)}},
    {.row.name = NULL},
};

struct work {
    const struct render_values *v;
    const char *bos, *eos;
    char today[32];
    struct jinja *jinja; /* or */
    const struct template_row *row;
    struct encoder enc; /* with ids */
    struct encoded coded;
    struct strbuf out;
    size_t n;
};

/* --- by a built-in template --- */

static int read_turns(const struct jnode *list, struct row *row, struct arena *a,
                      struct vac_err *err)
{
    static const char *const roles[] = {"system", "user", "assistant", NULL};
    size_t n = json_count(list);
    struct jnode one;

    if (format_room(row, n, a, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct turn turn = {0};
        struct vac_err why = {0};
        const char *role;
        size_t k;
        if (json_item(list, i, JSON_OBJECT, &one, err) || json_str(&one, "role", &role, err) ||
            json_str(&one, "content", &turn.text, err))
            return -1;
        k = name_want("role", role, name_word, roles, &why);
        if (k == SIZE_MAX)
            return json_error(&one, err, "%s", why.msg);
        turn.role = (enum role)k;
        turn.train = k == ROLE_ASSISTANT;
        format_put(row, turn);
    }
    return 0;
}

/* --- by Jinja --- */

static int render_jinja(const struct work *w, const struct jnode *list, struct strbuf *text,
                        struct vac_err *err)
{
    cJSON *vars = cJSON_CreateObject();
    struct jinja_output out = {0};
    int rc = -1;

    if (!json_add(vars, "messages", json_copy(list->v, err), err) &&
        !json_add(vars, "add_generation_prompt", cJSON_CreateBool(w->v->prompt), err) &&
        !json_add(vars, "bos_token", cJSON_CreateString(w->bos), err) &&
        !json_add(vars, "eos_token", cJSON_CreateString(w->eos), err) &&
        !json_add(vars, "tools", cJSON_CreateNull(), err) &&
        !json_add(vars, "documents", cJSON_CreateNull(), err))
        rc = jinja_render(w->jinja, vars, w->today, &out, err);
    if (rc == 0)
        sb_put(text, out.text.s ? out.text.s : "", out.text.len);
    jinja_output_done(&out);
    cJSON_Delete(vars);
    return rc;
}

/* --- a conversation --- */

/* Members of the object that is open, or a line each. */
static int put_tokens(struct work *w, struct row *row, struct json_out *o, struct vac_err *err)
{
    struct encoded *e = &w->coded;

    if (w->v->prompt && row->n_turn && row->turn[row->n_turn - 1].role == ROLE_ASSISTANT)
        row->n_turn--;
    if (encode_row(&w->enc, row, e, err))
        return -1;
    if (w->v->json) {
        cli_put_ids(o, "ids", e->ids.v, e->ids.n);
        cli_put_ids(o, "labels", e->labels.v, e->labels.n);
        return 0;
    }
    for (size_t i = 0; i < e->ids.n; i++) {
        struct strbuf piece = {0};
        struct json_out quoted = json_out(&w->out);
        int rc = tokenizer_decode(w->enc.tok, &e->ids.v[i], 1, false, &piece, err);

        sb_printf(&w->out, "%7d %c ", (int)e->ids.v[i], e->labels.v[i] == -100 ? ' ' : '+');
        json_put_bytes(&quoted, NULL, piece.s, piece.len);
        sb_putc(&w->out, '\n');
        sb_done(&piece);
        if (rc)
            return -1;
    }
    return 0;
}

static int write_one(struct work *w, const struct jnode *root, struct arena *a, struct vac_err *err)
{
    struct strbuf text = {0};
    struct json_out o = json_out(&w->out);
    struct vac_err why = {0};
    struct row row = {.is_safe = -1};
    struct jnode list = {0};
    struct rendered rendered = {0};
    const struct format *format = format_at(0);
    bool messages = json_opt(root, "messages", JSON_ARRAY, &list, &why) == 0, turns;
    int rc = why.code ? -1 : 0;

    turns = !w->jinja || !messages || w->v->ids;
    if (rc == 0 && turns && messages)
        rc = read_turns(&list, &row, a, &why);
    for (size_t i = 0; !messages && format && !format->detect(root); i++)
        format = format_at(i + 1);
    if (rc == 0 && !messages)
        rc = format ? format->read(root, &row, a, &why)
                    : json_error(root, &why,
                                 "expected \"messages\", or the keys of another data format");
    if (rc == 0 && row.ids)
        rc = json_error(root, &why, "holds token ids, which no template renders");
    if (rc == 0)
        rc = w->jinja && messages
                 ? render_jinja(w, &list, &text, &why)
                 : template_render(w->row, row.turn, row.n_turn, w->bos, w->eos, &rendered, &why);
    sb_put(&text, rendered.text.s ? rendered.text.s : "", rc ? 0 : rendered.text.len);
    rendered_done(&rendered);
    sb_clear(&w->out);
    if (w->v->json) {
        json_put_object(&o, NULL, JSON_TIGHT);
        if (rc)
            json_put_text(&o, "error", why.msg);
        else
            json_put_bytes(&o, "text", text.s, text.len);
    } else if (rc == 0) {
        if (w->n)
            sb_puts(&w->out, "----\n");
        sb_put(&w->out, text.s ? text.s : "", text.len);
        sb_putc(&w->out, '\n');
    }
    sb_done(&text);
    if (rc && !w->v->json) {
        *err = why;
        /* a member of the line is named with the line already; a fault of the template is not */
        return strstr(why.msg, root->file) ? -1 : err_prefix(err, "%s", root->file);
    }
    if (rc == 0 && w->v->ids && put_tokens(w, &row, &o, err))
        return err_prefix(err, "%s", root->file);
    if (w->v->json) {
        json_put_end(&o);
        sb_putc(&w->out, '\n');
    }
    w->n++;
    return cli_write_data(&w->out, err);
}

static int render_line(void *ctx, const struct cli_line *line, struct vac_err *err)
{
    struct arena a = {0};
    int rc = write_one(ctx, &line->root, &a, err);

    arena_done(&a);
    return rc;
}

static int render_file(struct work *w, const char *path, struct vac_err *err)
{
    struct row_reader in;
    struct jnode root;
    int rc;

    if (row_reader_open(&in, path, err))
        return -1;
    while ((rc = row_reader_next_object(&in, &root, err)) > 0) {
        struct arena a = {0};

        rc = write_one(w, &root, &a, err);
        arena_done(&a);
        if (rc)
            break;
    }
    row_reader_close(&in);
    return rc;
}

/* --- which template --- */

static const char *token_text(const struct tokenizer *tok, int32_t id)
{
    const char *s = tok && id >= 0 ? tokenizer_token(tok, id) : NULL;

    return s ? s : "";
}

static int open_template(struct work *w, struct cli_model *x, struct tokenizer *tok,
                         struct vac_err *err)
{
    const char *name = w->v->template_name, *own = tok ? tokenizer_chat_template(tok) : NULL;
    size_t len = own ? strlen(own) : 0;
    char *file = NULL;

    if (!name && !own)
        return err_set(err, VAC_ERR_USAGE, "%s: has no chat template: choose with --template",
                       x->dir);
    if (name && template_check(name, err))
        return -1;
    if (name && !template_find(name, NULL) && !(file = file_read(name, 4 << 20, &len, err)))
        return -1;
    if (file || !name)
        w->jinja = jinja_parse(file ? file : own, len, name ? name : x->dir, err);
    free(file);
    if (!w->jinja && (file || !name))
        return -1;
    w->row = cli_choose_template(name, x, tok, w->today, err);
    w->enc = (struct encoder){.tok = tok, .tmpl = w->row, .eos = -1};
    if (tok)
        w->enc.eos = tokenizer_roles(tok).eos;
    return w->row ? 0 : -1;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct render_values *v = values;
    struct work w = {.v = v};
    struct cli_model model = {0};
    struct tokenizer *tok = NULL;
    /* With a template the model may be left out: one operand is then the conversations, if a file. */
    const char *dot = operand[0] ? strrchr(operand[0], '.') : NULL;
    bool alone = operand[0] && !operand[1] && v->template_name && file_exists(operand[0]) &&
                 !(dot && !strcmp(dot, ".gguf"));
    const char *name = alone ? NULL : operand[0], *file = alone ? operand[0] : NULL;
    int rc = -1;

    template_now(w.today);
    if (!file && operand[0])
        file = operand[1];
    if (v->today && template_check_day(v->today, err))
        return err_prefix(err, "--today");
    if (v->today)
        snprintf(w.today, sizeof w.today, "%s", v->today);
    if (!name && !v->template_name)
        return err_set(err, VAC_ERR_USAGE, "expected a MODEL, or --template NAME|FILE");
    if (v->ids && !name)
        return err_set(err, VAC_ERR_USAGE, "--ids needs a MODEL, whose tokenizer makes them");
    if (name &&
        (cli_model_find(&model, name, err) || !(tok = tokenizer_open(model.tokenizer, err))))
        goto out;
    w.bos = v->bos ? v->bos : token_text(tok, tok ? tokenizer_roles(tok).bos : -1);
    w.eos = v->eos ? v->eos : token_text(tok, tok ? tokenizer_roles(tok).eos : -1);
    if (open_template(&w, &model, tok, err) == 0)
        rc = file ? render_file(&w, file, err) : cli_each_line(render_line, &w, err);
out:
    jinja_free(w.jinja);
    cli_model_close(&model);
    tokenizer_free(tok);
    encoded_done(&w.coded);
    sb_done(&w.out);
    return rc;
}

const struct command command_render = {
    .name = "render",
    .args = "[MODEL] [FILE]",
    .help = "Show what a model is given: conversations through its chat template",
    .about = "Reads the rows of FILE, of any data format, or JSON lines "
             "{\"messages\":[{\"role\":\"user\",\"content\":\"...\"}]} from standard input. A "
             "template is rendered as Hugging Face's library does it; what it may compute is "
             "bounded, and what it "
             "does not implement is refused with the line.",
    .options = options,
    .values = sizeof(struct render_values),
    .max_operands = 2,
    .run = run,
};
