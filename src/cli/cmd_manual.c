/* cmd_manual.c - `vaccine manual [BLOCK]`: the parts of the manual pages that are tables here.
 *
 * doc/vaccine.1 and doc/vaccine-run.5 hold them between their prose, in blocks that doc/blocks.sh
 * writes anew; a test compares. Without BLOCK all blocks are listed, each behind its section. */
#include <ctype.h>
#include <math.h>
#include <string.h>
#include "attack/kind.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "defense/method.h"
#include "spec/keys.h"
#include "data/dataset.h"
#include "import/import.h"
#include "eval/own.h"

static const struct cli_option options[] = {{.row.name = NULL}};

/* ---- roff ---- */

/* A hyphen between small letters is one, but a minus in options, names and numbers, which people
 * copy. */
static void put_char(struct strbuf *out, const char *text, size_t i)
{
    static const struct {
        char c;
        const char *roff;
    } escapes[] = {{'\\', "\\e"}, {'^', "\\(ha"}, {'~', "\\(ti"}, {'`', "\\(ga"}};
    bool word = i > 0 && islower((unsigned char)text[i - 1]) && islower((unsigned char)text[i + 1]);

    for (size_t k = 0; k < sizeof escapes / sizeof *escapes; k++)
        if (text[i] == escapes[k].c) {
            sb_puts(out, escapes[k].roff);
            return;
        }
    if (text[i] == '-' && !word)
        sb_putc(out, '\\');
    sb_putc(out, text[i]);
}

/* A dot or a quote that begins a line would be a request. */
static void put_word(struct strbuf *out, const char *word, size_t n, bool first)
{
    if (first && (word[0] == '.' || word[0] == '\''))
        sb_puts(out, "\\&");
    for (size_t i = 0; i < n; i++)
        put_char(out, word, i);
}

static bool ends_sentence(const char *word, size_t n)
{
    while (n > 1 && strchr(")\"", word[n - 1]))
        n--;
    return n > 1 && strchr(".?!", word[n - 1]) && (n < 3 || memcmp(word + n - 3, "...", 3));
}

/* Filled lines, each sentence on a new one. */
static void put_text(struct strbuf *out, const char *text)
{
    enum { WIDTH = 76 };
    size_t col = 0;
    bool fresh = true;

    while (*text) {
        size_t n = strcspn(text, " ");

        if (!fresh && col + 1 + n > WIDTH) {
            sb_putc(out, '\n');
            fresh = true;
        }
        if (!fresh)
            sb_putc(out, ' ');
        col = fresh ? n : col + 1 + n;
        put_word(out, text, n, fresh);
        fresh = ends_sentence(text, n);
        text += n;
        text += strspn(text, " ");
        if (fresh && *text)
            sb_putc(out, '\n');
    }
    sb_putc(out, '\n');
}

static void put_italic(struct strbuf *out, const char *text, size_t n)
{
    sb_puts(out, "\\fI");
    put_word(out, text, n, false);
    sb_puts(out, "\\fR");
}

static void put_item(struct strbuf *out, const char *name, const char *help)
{
    sb_puts(out, ".TP\n.B ");
    put_word(out, name, strlen(name), false);
    sb_putc(out, '\n');
    put_text(out, help);
}

/* "HELP (PARTS)" */
static void put_help(struct strbuf *out, const char *help, const struct strbuf *parts)
{
    struct strbuf text = {0};

    sb_puts(&text, help);
    if (parts->len)
        sb_printf(&text, " (%s)", parts->s);
    if (!text.bad)
        put_text(out, text.s);
    out->bad |= text.bad || parts->bad;
    sb_done(&text);
}

static void put_part(struct strbuf *parts, const char *text)
{
    sb_printf(parts, "%s%s", parts->len ? "; " : "", text);
}

/* ---- commands ---- */

static void put_option(struct strbuf *out, const struct cli_option *o)
{
    const struct option_row *r = &o->row;
    struct strbuf parts = {0}, value = {0};

    sb_puts(out, ".TP\n");
    if (o->letter)
        sb_printf(out, "\\fB\\-%c\\fR, ", o->letter);
    sb_puts(out, "\\fB\\-\\-");
    for (const char *c = r->name; *c; c++)
        sb_printf(out, *c == '-' ? "\\-" : "%c", *c);
    sb_puts(out, "\\fR");
    if (o->arg) {
        sb_putc(out, '=');
        put_italic(out, o->arg, strlen(o->arg));
    }
    sb_putc(out, '\n');
    if (r->required)
        put_part(&parts, "required");
    if (o->list)
        put_part(&parts, "may be given several times");
    if (r->type == OPTION_CHOICE || r->min != 0 || r->max != 0) {
        put_part(&parts, "");
        option_wants(r, &parts);
    }
    if (cli_option_default(o, &value) && !value.bad) {
        put_part(&parts, "default ");
        sb_puts(&parts, value.s);
    }
    put_help(out, r->help, &parts);
    sb_done(&value);
    sb_done(&parts);
}

/* Operands: options bold, all else in italics. */
static void put_args(struct strbuf *out, const char *args)
{
    while (*args) {
        size_t n = strcspn(args, " ");

        sb_putc(out, ' ');
        if (args[0] == '-' || args[0] == '|')
            put_word(out, args, n, false);
        else
            put_italic(out, args, n);
        args += n;
        args += strspn(args, " ");
    }
    sb_putc(out, '\n');
}

static int put_command(struct strbuf *out, const char *name)
{
    const struct command *c;
    const struct cli_option *o;
    size_t i = 0;

    while ((c = cli_command_at(i)) && (c->hidden || strcmp(c->name, name)))
        i++;
    if (!c)
        return -1;
    sb_printf(out, ".SS %s\n", c->name);
    sb_printf(out, i ? "\\fBvaccine %s\\fR" : "\\fBvaccine\\fR [\\fB%s\\fR]", c->name);
    sb_puts(out, " [\\fIOPTION\\fR]...");
    put_args(out, c->args);
    sb_printf(out, ".PP\n%c%s.\n", toupper((unsigned char)c->help[0]), c->help + 1);
    if (c->about)
        put_text(out, c->about);
    for (o = cli_rows(c); o->row.name; o++)
        if (!o->hidden)
            put_option(out, o);
    return 0;
}

/* ---- keys of a run file ---- */

/* "steps" has a default of 0 that its own range refuses: none. */
static bool has_default(const struct option_row *r)
{
    if (r->required || (r->type == OPTION_STRING && !r->def_text))
        return false;
    return (r->min == 0 && r->max == 0) || (r->def >= r->min && r->def <= r->max);
}

static void put_default(struct strbuf *parts, const struct option_row *r)
{
    put_part(parts, "default ");
    if (r->type == OPTION_STRING)
        sb_puts(parts, r->def_text);
    else if (r->type == OPTION_CHOICE)
        sb_puts(parts, r->choices[(int)r->def]);
    else if (r->type == OPTION_BOOL)
        sb_puts(parts, r->def != 0 ? "true" : "false");
    else
        sb_num(parts, r->def);
}

static void put_keys(struct strbuf *out, const struct option_row *rows)
{
    for (const struct option_row *r = rows; r && r->name; r++) {
        struct strbuf parts = {0};

        option_wants(r, &parts);
        if (r->unit)
            sb_printf(&parts, ", in %s", strcmp(r->unit, "min") ? r->unit : "minutes");
        if (r->required)
            put_part(&parts, "required");
        if (has_default(r))
            put_default(&parts, r);
        if (r->live)
            put_part(&parts, "live");
        sb_printf(out, ".TP\n.B %s\n", r->name);
        put_help(out, r->help, &parts);
        sb_done(&parts);
    }
}

static int put_section(struct strbuf *out, const char *name)
{
    const struct option_row *rows;
    char found[VAC_NAME];

    for (size_t i = 0; keys_section(i, found, &rows); i++)
        if (!strcmp(found, name)) {
            put_keys(out, rows);
            return 0;
        }
    return -1;
}

static int put_methods(struct strbuf *out, const char *none)
{
    const struct method *m;

    for (size_t i = 0; (m = method_at(i)); i++) {
        struct strbuf text = {0};

        sb_printf(out, ".SS method %s\n", m->name);
        sb_printf(&text, "%c%s%s%s.", toupper((unsigned char)m->help[0]), m->help + 1,
                  m->paper ? ": " : "", m->paper ? m->paper : "");
        put_text(out, text.bad ? m->help : text.s);
        sb_done(&text);
        for (size_t k = 1; method_stream(m, k); k++)
            sb_printf(out, ".TP\n.B %s\nfiles beside train, with the keys of stages.train\n",
                      method_stream(m, k));
        if (!m->options || !m->options->name)
            sb_puts(out, "It has no keys of its own.\n");
        put_keys(out, m->options);
    }
    return none ? -1 : 0;
}

/* ---- things with a name and a line of help ---- */

static int put_templates(struct strbuf *out, const char *none)
{
    const struct template_row *t;

    for (size_t i = 0; (t = template_at(i)); i++)
        put_item(out, template_name(t), template_help(t));
    return none ? -1 : 0;
}

static int put_formats(struct strbuf *out, const char *none)
{
    const struct format *f;

    for (size_t i = 0; (f = format_at(i)); i++)
        put_item(out, f->name, f->help);
    return none ? -1 : 0;
}

static int put_notes(struct strbuf *out, const char *none)
{
    struct strbuf list = {0};
    const char *name;

    for (size_t i = 0; (name = format_note_at(i)); i++)
        sb_printf(&list, "%s%s%s", i ? ", " : "", name[0] == '_' ? "*" : "", name);
    sb_putc(&list, '.');
    put_text(out, list.bad ? "" : list.s);
    sb_done(&list);
    return none ? -1 : 0;
}

/* Judges or metrics; those with keys of their own have them below. */
static int put_own(struct strbuf *out, const char *kind)
{
    struct own_keys own;

    for (size_t i = 0; own_at(i, &own); i++) {
        if (strcmp(own.kind, kind))
            continue;
        put_item(out, own.name, own.help);
        if (!own.rows)
            continue;
        sb_puts(out, ".RS\n");
        put_keys(out, own.rows);
        sb_puts(out, ".RE\n");
    }
    return 0;
}

static int put_judges(struct strbuf *out, const char *none)
{
    return none ? -1 : put_own(out, "judge");
}

static int put_metrics(struct strbuf *out, const char *none)
{
    return none ? -1 : put_own(out, "metric");
}

/* Kinds of attack, with their own keys below; those that they take from a run file are there. */
static int put_attacks(struct strbuf *out, const char *none)
{
    const struct attack_kind *k;

    for (size_t i = 0; (k = attack_kind_at(i)); i++) {
        put_item(out, k->name, k->help);
        sb_puts(out, ".RS\n");
        put_keys(out, k->rows[0]);
        sb_puts(out, ".RE\n");
    }
    return none ? -1 : 0;
}

static int put_importers(struct strbuf *out, const char *none)
{
    const struct import_format *f;

    for (size_t i = 0; (f = import_at(i)); i++)
        put_item(out, f->name, f->help);
    return none ? -1 : 0;
}

/* A number of a run's lines, with its unit. */
static void put_number(struct strbuf *out, const char *name, const char *help, const char *unit)
{
    struct strbuf parts = {0};

    sb_puts(out, ".TP\n.B ");
    put_word(out, name, strlen(name), false);
    sb_putc(out, '\n');
    sb_puts(&parts, unit);
    put_help(out, help, &parts);
    sb_done(&parts);
}

static int put_columns(struct strbuf *out, const char *none)
{
    for (size_t i = 0; i < VAC_COLUMN_COUNT; i++)
        if (vac_columns[i].kind == VAC_TOLD)
            put_number(out, vac_columns[i].name, vac_columns[i].help, vac_columns[i].unit);
    return none ? -1 : 0;
}

static int put_series(struct strbuf *out, const char *none)
{
    for (size_t k = 0; k < VAC_SERIES_COUNT; k++)
        put_number(out, vac_series[k].name, vac_series[k].help, "");
    return none ? -1 : 0;
}

/* ---- the command ---- */

static const struct block {
    char section;
    const char *name;
    int (*put)(struct strbuf *out, const char *of);
} blocks[] = {
    {'1', "command", put_command}, {'1', "importers", put_importers}, {'5', "keys", put_section},
    {'5', "methods", put_methods}, {'5', "templates", put_templates}, {'5', "formats", put_formats},
    {'5', "notes", put_notes},     {'5', "judges", put_judges},       {'5', "metrics", put_metrics},
    {'5', "attacks", put_attacks}, {'5', "columns", put_columns},     {'5', "series", put_series},
};
enum { N_BLOCKS = sizeof blocks / sizeof *blocks };

static void list_blocks(struct strbuf *out)
{
    const struct option_row *rows;
    const struct command *c;
    char name[VAC_NAME];

    for (size_t i = 0; (c = cli_command_at(i)); i++)
        if (!c->hidden)
            sb_printf(out, "1 command %s\n", c->name);
    for (size_t i = 0; keys_section(i, name, &rows); i++)
        if (strncmp(name, "method ", 7))
            sb_printf(out, "5 keys %s\n", name);
    for (size_t i = 0; i < N_BLOCKS; i++)
        if (blocks[i].put != put_command && blocks[i].put != put_section)
            sb_printf(out, "%c %s\n", blocks[i].section, blocks[i].name);
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    struct strbuf out = {0};
    int rc = -1;

    (void)values;
    if (!operand[0])
        list_blocks(&out);
    for (size_t i = 0; operand[0] && i < N_BLOCKS; i++)
        if (!strcmp(blocks[i].name, operand[0]) && blocks[i].put(&out, operand[1]))
            sb_clear(&out);
    if (out.len || out.bad)
        rc = cli_write_data(&out, err);
    else
        err_set(err, VAC_ERR_USAGE, "manual: there is no block \"%s%s%s\"", operand[0],
                operand[1] ? " " : "", operand[1] ? operand[1] : "");
    sb_done(&out);
    return rc;
}

const struct command command_manual = {
    .name = "manual",
    .args = "[BLOCK]",
    .help = "Print the tables of the manual pages",
    .options = options,
    .values = 1,
    .max_operands = 2,
    .run = run,
    .hidden = true,
};
