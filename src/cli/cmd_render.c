/* cmd_render.c - `vaccine render`: what a model is given, from conversations, by its own chat
 * template. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/lines.h"
#include "cli/source.h"
#include "cli/words.h"
#include "jinja/jinja.h"

struct render_values {
    char *template_name, *bos, *eos, *today;
    bool prompt, json;
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
    {.row.name = NULL},
};

struct work {
    const struct render_values *v;
    const char *bos, *eos;
    char today[32];
    struct jinja *jinja; /* or */
    const struct template_row *row;
    struct strbuf out;
    size_t n;
};

/* --- by a built-in template --- */

static int read_turns(const struct jnode *list, struct turn *turn, size_t n, struct vac_err *err)
{
    static const char *const roles[] = {"system", "user", "assistant"};
    struct jnode one;

    for (size_t i = 0; i < n; i++) {
        const char *role;
        size_t k = 0;
        if (json_item(list, i, JSON_OBJECT, &one, err) || json_str(&one, "role", &role, err) ||
            json_str(&one, "content", &turn[i].text, err))
            return -1;
        while (k < 3 && strcmp(roles[k], role))
            k++;
        if (k == 3)
            return json_error(&one, err, "role \"%s\": expected system, user or assistant", role);
        turn[i].role = (enum role)k;
        turn[i].train = k == 2;
    }
    return 0;
}

static int render_row(const struct work *w, const struct jnode *list, struct strbuf *text,
                      struct vac_err *err)
{
    size_t n = json_count(list);
    struct turn *turn = mem_new(n, sizeof *turn, err);
    struct rendered r = {0};
    int rc = -1;

    if (turn && !read_turns(list, turn, n, err) &&
        !template_render(w->row, turn, n, w->bos, w->eos, &r, err)) {
        sb_put(text, r.text.s ? r.text.s : "", r.text.len);
        rc = 0;
    }
    rendered_done(&r);
    free(turn);
    return rc;
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

static int render_line(void *ctx, const struct cli_line *line, struct vac_err *err)
{
    struct work *w = ctx;
    struct strbuf text = {0};
    struct vac_err why = {0};
    struct jnode list;
    int rc;

    if (json_get(&line->root, "messages", JSON_ARRAY, &list, err))
        return -1;
    rc = w->jinja ? render_jinja(w, &list, &text, &why) : render_row(w, &list, &text, &why);
    sb_clear(&w->out);
    if (rc && !w->v->json) {
        sb_done(&text);
        *err = why;
        /* a member of the line is named with the line already; a fault of the template is not */
        return w->jinja ? err_prefix(err, "%s", line->root.file) : -1;
    }
    if (w->v->json) {
        sb_puts(&w->out, rc ? "{\"error\":" : "{\"text\":");
        if (rc)
            cli_put_string(&w->out, why.msg, strlen(why.msg));
        else
            cli_put_string(&w->out, text.s ? text.s : "", text.len);
        sb_puts(&w->out, "}\n");
    } else {
        if (w->n)
            sb_puts(&w->out, "----\n");
        sb_put(&w->out, text.s ? text.s : "", text.len);
        sb_putc(&w->out, '\n');
    }
    w->n++;
    sb_done(&text);
    return cli_write(&w->out, err);
}

/* --- which template --- */

static const char *token_text(const struct tokenizer *tok, int32_t id)
{
    const char *s = tok && id >= 0 ? tokenizer_token(tok, id) : NULL;

    return s ? s : "";
}

static int open_template(struct work *w, const struct cli_model *x, const struct tokenizer *tok,
                         struct vac_err *err)
{
    const char *name = w->v->template_name, *own = tok ? tokenizer_chat_template(tok) : NULL;
    size_t len;
    char *text;

    if (name && !file_exists(name)) {
        w->row = template_find(name, err);
        return w->row ? 0 : -1;
    }
    if (!name && !own)
        return err_set(err, VAC_ERR_USAGE, "%s: has no chat template: choose with --template",
                       x->dir);
    text = name ? file_read(name, 4 << 20, &len, err) : NULL;
    if (name ? text != NULL : true)
        w->jinja =
            jinja_parse(name ? text : own, name ? len : strlen(own), name ? name : x->dir, err);
    free(text);
    return w->jinja ? 0 : -1;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct render_values *v = values;
    struct work w = {.v = v};
    struct cli_model model = {0};
    struct tokenizer *tok = NULL;
    time_t now = time(NULL);
    struct tm day;
    int rc = -1;

    snprintf(w.today, sizeof w.today, "%s", v->today ? v->today : "");
    if (!v->today && localtime_r(&now, &day))
        strftime(w.today, sizeof w.today, "%Y-%m-%d %H:%M:%S", &day);
    if (!operand[0] && !v->template_name)
        return err_set(err, VAC_ERR_USAGE, "expected a MODEL, or --template NAME|FILE");
    if (operand[0] &&
        (cli_model_find(&model, operand[0], err) || !(tok = tokenizer_open(model.tokenizer, err))))
        goto out;
    w.bos = v->bos ? v->bos : token_text(tok, tok ? tokenizer_roles(tok).bos : -1);
    w.eos = v->eos ? v->eos : token_text(tok, tok ? tokenizer_roles(tok).eos : -1);
    if (open_template(&w, &model, tok, err) == 0)
        rc = cli_each_line(render_line, &w, err);
out:
    jinja_free(w.jinja);
    tokenizer_free(tok);
    sb_done(&w.out);
    cli_model_close(&model);
    return rc;
}

const struct command command_render = {
    .name = "render",
    .args = "[MODEL]",
    .help = "Show what a model is given: conversations through its chat template",
    .about = "Reads JSON lines {\"messages\":[{\"role\":\"user\",\"content\":\"...\"}]} from "
             "standard input. A "
             "template is rendered as Hugging Face's library does it; what it may compute is "
             "bounded, and what it "
             "does not implement is refused with the line.",
    .options = options,
    .values = sizeof(struct render_values),
    .max_operands = 1,
    .run = run,
};
