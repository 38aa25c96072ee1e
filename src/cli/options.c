/* options.c - the command line read by the rows of a command, and its --help written from them.
 *
 * GNU rules: options and operands in any order, --name=value or --name value, unambiguous
 * beginnings of long names, -x value or -xvalue, switches bundled, `--` ends the options. A number below
 * nought is an operand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"
#include "cli/options.h"
#include "base/name.h"
#include "ui/ui.h"

const char *const cli_model_help =
    "MODEL is a folder, a name in the Hugging Face cache (owner/name), or a run: RUN_DIR as it "
    "ended, RUN_DIR@STAGE as a stage of it did, RUN_DIR@STEP as checkpoint-STEP is; with all that "
    "the run put on its model, and its template.";

static const struct cli_option help_row = {
    .row = {.name = "help", .help = "show this help and exit", .type = OPTION_BOOL},
    .letter = 'h',
};
static const struct cli_option version_row = {
    .row = {.name = "version", .help = "show the version and exit", .type = OPTION_BOOL},
    .letter = 'V',
};

/* A command line on its way: operands collect at the front of argv. */
struct parse {
    const struct command *cmd;
    char **argv;
    int argc, at, operands;
    void *values;
    uint64_t seen; /* bit i: row i was given */
    enum cli_wish wish;
};

const struct cli_option *cli_rows(const struct command *cmd)
{
    return cmd->rows ? cmd->rows() : cmd->options;
}

const struct cli_option *cli_option_at(const struct command *cmd, size_t i)
{
    const struct cli_option *rows = cli_rows(cmd);
    size_t n = 0;

    while (rows[n].row.name)
        n++;
    if (i < n)
        return &rows[i];
    return i == n ? &help_row : i == n + 1 ? &version_row : NULL;
}

const struct cli_option *cli_option_named(const struct command *cmd, const char *word)
{
    const struct cli_option *o = NULL;
    size_t len = strcspn(word, "=");

    if (len > 2 && !strncmp(word, "--", 2))
        for (size_t i = 0; (o = cli_option_at(cmd, i)); i++)
            if (strlen(o->row.name) == len - 2 && !strncmp(o->row.name, word + 2, len - 2))
                break;
    return o;
}

static const char *row_name_at(const void *ctx, size_t i)
{
    const struct cli_option *o = cli_option_at(ctx, i);

    return o ? o->row.name : NULL;
}

static int usage(const struct parse *p, struct vac_err *err, const char *what, const char *word,
                 const char *advice)
{
    return err_set(err, VAC_ERR_USAGE, "%s \"%s\"%s; see vaccine %s --help", what, word, advice,
                   p->cmd->name);
}

static int unknown_long(const struct parse *p, const char *name, const char *word,
                        struct vac_err *err)
{
    const char *near = err_nearest(name, row_name_at, p->cmd);
    char advice[80] = "";

    if (near)
        snprintf(advice, sizeof advice, " (did you mean \"--%s\"?)", near);
    return usage(p, err, "unknown option", word, advice);
}

/* The row of a long name or of the beginning of just one. */
static const struct cli_option *find_long(const struct parse *p, const char *word,
                                          struct vac_err *err)
{
    const struct cli_option *o, *found = cli_option_named(p->cmd, word);
    size_t len = strcspn(word + 2, "=");
    char name[64];
    int hits = 0;

    if (found)
        return found;
    for (size_t i = 0; (o = cli_option_at(p->cmd, i)); i++) {
        if (strncmp(o->row.name, word + 2, len))
            continue;
        found = o;
        hits++;
    }
    if (hits == 1)
        return found;
    snprintf(name, sizeof name, "%.*s", (int)(len < 63 ? len : 63), word + 2);
    if (hits > 1)
        usage(p, err, "more than one option begins like", word, "");
    else
        unknown_long(p, name, word, err);
    return NULL;
}

static int take_value(struct parse *p, const struct cli_option *o, const char *text,
                      struct vac_err *err)
{
    char where[80];

    if (o == &help_row || o == &version_row) {
        if (p->wish == WISH_RUN)
            p->wish = o == &help_row ? WISH_HELP : WISH_VERSION;
        return 0;
    }
    p->seen |= UINT64_C(1) << (o - cli_rows(p->cmd));
    if (o->list) {
        struct cli_list *list = (struct cli_list *)((char *)p->values + o->row.offset);

        if (mem_grow(&list->v, &list->cap, list->n + 1, sizeof *list->v, err))
            return -1;
        list->v[list->n++] = text;
        return 0;
    }
    snprintf(where, sizeof where, "--%s", o->row.name);
    if (option_set(&o->row, text, p->values, where, err)) {
        if (err->code != VAC_ERR_MEMORY)
            err->code = VAC_ERR_USAGE;
        return -1;
    }
    return 0;
}

/* The value behind an option: in the same word, else the next word. */
static int take_option(struct parse *p, const struct cli_option *o, const char *inside,
                       struct vac_err *err)
{
    char advice[80];

    if (!o->arg)
        return take_value(p, o, "true", err);
    if (inside)
        return take_value(p, o, inside, err);
    if (p->at < p->argc)
        return take_value(p, o, p->argv[p->at++], err);
    snprintf(advice, sizeof advice, " without its value %s", o->arg);
    return usage(p, err, "option", o->row.name, advice);
}

static int take_long(struct parse *p, const char *word, struct vac_err *err)
{
    const struct cli_option *o = find_long(p, word, err);
    const char *eq = strchr(word, '=');

    if (!o)
        return -1;
    if (eq && !o->arg)
        return usage(p, err, "a value where none is wanted:", word, "");
    return take_option(p, o, eq ? eq + 1 : NULL, err);
}

static int take_letters(struct parse *p, const char *word, struct vac_err *err)
{
    for (const char *s = word + 1; *s; s++) {
        const struct cli_option *o;
        size_t i = 0;

        while ((o = cli_option_at(p->cmd, i)) && o->letter != *s)
            i++;
        if (!o)
            return unknown_long(p, word + 1, word, err);
        if (o->arg)
            return take_option(p, o, s[1] ? s + 1 : NULL, err);
        if (take_option(p, o, NULL, err))
            return -1;
    }
    return 0;
}

static int check_complete(const struct parse *p, struct vac_err *err)
{
    const struct command *cmd = p->cmd;

    if ((size_t)p->operands < cmd->min_operands)
        return err_set(err, VAC_ERR_USAGE,
                       "%s: too few arguments: usage is vaccine %s [OPTION]... %s", cmd->name,
                       cmd->name, cmd->args);
    if ((size_t)p->operands > cmd->max_operands)
        return usage(p, err, "unexpected argument", p->argv[cmd->max_operands], "");
    for (const struct cli_option *o = cli_rows(cmd); o->row.name; o++)
        if (o->row.required && !(p->seen >> (o - cli_rows(cmd)) & 1))
            return err_set(err, VAC_ERR_USAGE, "%s: --%s %s is missing; see vaccine %s --help",
                           cmd->name, o->row.name, o->arg, cmd->name);
    return 0;
}

/* "-3", "-.5": no option is called so. */
static bool is_negative(const char *word)
{
    char digit = word[0] == '-' ? word[1 + (word[1] == '.')] : 'x';

    return digit >= '0' && digit <= '9';
}

/* base/option.h works on tables of its own rows: one of ours at a time. */
static int row_default(const struct cli_option *o, void *values, struct vac_err *err)
{
    const struct option_row one[2] = {o->row, {.name = NULL}};

    return o->list ? 0 : option_defaults(one, values, err);
}

int cli_parse(const struct command *cmd, int argc, char **argv, void *values, enum cli_wish *wish,
              struct vac_err *err)
{
    struct parse p = {.cmd = cmd, .argv = argv, .argc = argc, .values = values};
    bool only_operands = false;

    for (const struct cli_option *o = cli_rows(cmd); o->row.name; o++)
        if (row_default(o, values, err))
            return -1;
    while (p.at < argc && p.wish == WISH_RUN) {
        char *word = argv[p.at++];

        if (only_operands || word[0] != '-' || word[1] == '\0' || is_negative(word))
            argv[p.operands++] = word;
        else if (!strcmp(word, "--"))
            only_operands = true;
        else if (word[1] == '-' ? take_long(&p, word, err) : take_letters(&p, word, err))
            return -1;
    }
    argv[p.operands] = NULL;
    *wish = p.wish;
    return p.wish == WISH_RUN ? check_complete(&p, err) : 0;
}

void cli_values_done(const struct command *cmd, void *values)
{
    for (const struct cli_option *o = cli_rows(cmd); o->row.name; o++) {
        const struct option_row one[2] = {o->row, {.name = NULL}};

        if (o->list)
            free(((struct cli_list *)((char *)values + o->row.offset))->v);
        else
            option_free(one, values);
    }
}

/* Words in lines of less than 80 columns, continued under `indent`; the line already holds `col`.
 */
static void put_wrapped(struct strbuf *out, const char *text, size_t col, size_t indent)
{
    for (bool first = true; *text; first = false) {
        size_t len = strcspn(text, " ");

        if (first) {
            sb_put(out, text, len);
        } else if (col + 1 + len >= 80) {
            sb_printf(out, "\n%*s%.*s", (int)indent, "", (int)len, text);
            col = indent;
        } else {
            sb_printf(out, " %.*s", (int)len, text);
            col++;
        }
        col += len;
        text += len;
        text += strspn(text, " ");
    }
    sb_putc(out, '\n');
}

bool cli_option_default(const struct cli_option *o, struct strbuf *out)
{
    static const struct cli_option end;
    const struct cli_option rows[2] = {*o, end};
    const struct command one = {.options = rows};
    struct vac_err err = {0};
    void *values;
    bool told;

    if (!o->arg || o->list || o->row.required || (o->row.type == OPTION_STRING && !o->row.def_text))
        return false;
    values = mem_new(1, o->row.offset + sizeof(int64_t) + sizeof(void *), &err);
    if (!values)
        return false;
    told = !row_default(o, values, &err);
    if (told)
        option_text(&o->row, values, out);
    cli_values_done(&one, values);
    free(values);
    return told;
}

static void put_row(const struct cli_option *o, struct strbuf *out)
{
    enum { COLUMN = 28 };
    struct strbuf left = {0}, right = {0}, given = {0};

    if (o->letter)
        sb_printf(&left, "  -%c, --%s", o->letter, o->row.name);
    else
        sb_printf(&left, "      --%s", o->row.name);
    if (o->arg)
        sb_printf(&left, "=%s", o->arg);
    sb_puts(&right, o->row.help);
    if (cli_option_default(o, &given) && !given.bad)
        sb_printf(&right, " (default %s)", given.s);
    right.bad |= given.bad;
    sb_done(&given);
    if (!left.bad && !right.bad) {
        sb_printf(out, "%-*s", COLUMN, left.s);
        if (left.len >= COLUMN)
            sb_printf(out, "\n%*s", COLUMN, "");
        put_wrapped(out, right.s, COLUMN, COLUMN);
    }
    out->bad |= left.bad || right.bad;
    sb_done(&left);
    sb_done(&right);
}

void cli_command_help(const struct command *cmd, struct strbuf *out)
{
    const struct cli_option *o;

    sb_printf(out, "Usage: vaccine %s [OPTION]...%s%s\n%s.\n", cmd->name, *cmd->args ? " " : "",
              cmd->args, cmd->help);
    if (cmd->about) {
        sb_putc(out, '\n');
        put_wrapped(out, cmd->about, 0, 0);
    }
    if (strstr(cmd->args, "MODEL")) {
        sb_putc(out, '\n');
        put_wrapped(out, cli_model_help, 0, 0);
    }
    sb_putc(out, '\n');
    for (size_t i = 0; (o = cli_option_at(cmd, i)); i++)
        if (!o->hidden)
            put_row(o, out);
}

/* --- how the screen looks --- */

static const char *const charsets[] = {"braille", "block", "ascii", NULL};
static const char *const colors[] = {"none", "8", "16", "256", NULL};
static const char *const themes[] = {"dark", "light", "none", NULL};

const char *cli_charset_word(size_t i)
{
    return charsets[i];
}

const char *cli_color_word(size_t i)
{
    return colors[i];
}

const char *cli_theme_word(size_t i)
{
    return themes[i];
}

static int check_word(const char *option, const char *word, const char *const *list,
                      struct vac_err *err)
{
    return word && name_want(option, word, name_word, list, err) == SIZE_MAX ? -1 : 0;
}

int cli_looks_take(const struct cli_looks *l, struct ui_args *to, struct vac_err *err)
{
    if (check_word("--charset", l->charset, charsets, err) ||
        check_word("--color", l->color, colors, err) ||
        check_word("--theme", l->theme, themes, err))
        return -1;
    to->charset = l->ascii ? "ascii" : l->charset;
    to->color = l->color;
    to->theme = l->theme;
    to->slow = l->slow;
    to->mouse = l->mouse;
    to->interval = l->interval;
    to->script = l->script;
    to->deterministic = l->still;
    return 0;
}
