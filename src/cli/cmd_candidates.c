/* cmd_candidates.c - `vaccine candidates -- WORD...`: what the last word of a command line may
 * become.
 *
 * The shell's completion asks this, so that it knows what --help knows. One candidate per line, the
 * whole word; a line that begins with a colon asks the shell for names on the disk: :json run
 * files, :runs run folders, :dirs, :files. */
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/words.h"
#include "spec/keys.h"

enum { RUN_FILE_LIMIT = 1 << 20, OPERANDS_MAX = 4096 };

static const struct cli_option options[] = {{.row.name = NULL}};

/* A command line so far; `word` is the one that is being typed. */
struct line {
    const char *word;
    const struct command *cmd;
    char *const *given; /* words behind the command */
    size_t n_given;
    const struct cli_option *open; /* the option whose value the word is; NULL = none */
    size_t operands;               /* before the word */
    bool only_operands;
    cJSON *run; /* the run file among the words, or what run.json of a folder describes */
    struct strbuf out;
};

/* LEAD and WORD, when they begin as the typed word does. */
static void offer(struct line *l, const char *lead, const char *word)
{
    size_t n = strlen(lead), typed = strlen(l->word);

    if (strncmp(lead, l->word, n < typed ? n : typed) ||
        (typed > n && strncmp(word, l->word + n, typed - n)))
        return;
    sb_printf(&l->out, "%s%s\n", lead, word);
}

static void offer_words(struct line *l, const char *lead, const char *(*word)(size_t i))
{
    const char *w;

    for (size_t i = 0; (w = word(i)); i++)
        offer(l, lead, w);
}

static void offer_choices(struct line *l, const char *lead, const struct option_row *row)
{
    for (size_t i = 0; row->choices[i]; i++)
        offer(l, lead, row->choices[i]);
}

/* ---- Keys of a run file ---- */

/* Keys whose values are known. */
static const struct {
    const char *key;
    const char *(*word)(size_t i);
} key_values[] = {
    {.key = "method", .word = cli_method_word},
    {.key = "template", .word = cli_template_word},
    {.key = "judge", .word = cli_judge_word},
    {.key = "metric", .word = cli_metric_word},
};

static void offer_key_value(struct line *l, const char *lead, const struct option_row *row)
{
    static const char *const truth[] = {"true", "false", NULL};
    static const struct option_row yes_no = {.choices = truth};

    if (row->type == OPTION_CHOICE)
        offer_choices(l, lead, row);
    if (row->type == OPTION_BOOL)
        offer_choices(l, lead, &yes_no);
    for (size_t i = 0; i < sizeof key_values / sizeof *key_values; i++)
        if (!strcmp(key_values[i].key, row->name))
            offer_words(l, lead, key_values[i].word);
    if (row->path)
        sb_puts(&l->out, row->path == PATH_FILE ? ":files\n" : ":dirs\n");
}

struct typing {
    struct line *l;
    const char *typed; /* the path so far, maybe with "=" and a value */
    const char *equals;
};

/* A path up to its next dot behind what is typed, or whole with "=". */
static void offer_path(void *ctx, const char *path, const struct option_row *row)
{
    struct typing *t = ctx;
    struct strbuf cut = {0};
    size_t typed = strlen(t->typed), lead = (size_t)(t->typed - t->l->word);
    const char *dot;

    (void)row;
    if (strncmp(path, t->typed, typed))
        return;
    dot = strchr(path + typed, '.');
    sb_printf(&cut, "\n%.*s%.*s%s\n", (int)lead, t->l->word,
              dot ? (int)(dot + 1 - path) : (int)strlen(path), path, dot ? "" : "=");
    if (!t->l->out.s)
        sb_putc(&t->l->out, '\n');
    if (!cut.bad && !t->l->out.bad && !strstr(t->l->out.s, cut.s))
        sb_puts(&t->l->out, cut.s + 1);
    sb_done(&cut);
}

static void offer_value(void *ctx, const char *path, const struct option_row *row)
{
    struct typing *t = ctx;
    size_t n = (size_t)(t->equals - t->typed);
    struct strbuf lead = {0};

    if (strlen(path) != n || memcmp(path, t->typed, n))
        return;
    sb_printf(&lead, "%.*s", (int)(t->equals + 1 - t->l->word), t->l->word);
    if (!lead.bad)
        offer_key_value(t->l, lead.s, row);
    sb_done(&lead);
}

/* ---- Options and operands ---- */

/* The value is the word, or what stands in it behind `lead`, "--set=". */
static void offer_option_value(struct line *l, const struct cli_option *o, const char *lead)
{
    const char *typed = l->word + strlen(lead);
    struct typing t = {.l = l, .typed = typed, .equals = strchr(typed, '=')};

    if (o->word)
        offer_words(l, lead, o->word);
    else if (o->row.type == OPTION_CHOICE)
        offer_choices(l, lead, &o->row);
    else if (!strcmp(o->arg, "DIR"))
        sb_puts(&l->out, ":dirs\n");
    else if (!strcmp(o->arg, "FILE"))
        sb_puts(&l->out, ":files\n");
    else if (!strcmp(o->arg, "PATH=VALUE"))
        keys_each(l->run, !strncmp(t.typed, "stages[", 7) || !strncmp(t.typed, "evaluate[", 9),
                  t.equals ? offer_value : offer_path, &t);
}

/* The option that the word names by "--name", "--name=..." or "-x". */
static const struct cli_option *option_of(const struct line *l, const char *word)
{
    const struct cli_option *o;
    size_t n = strcspn(word, "=");

    for (size_t i = 0; (o = cli_option_at(l->cmd, i)); i++) {
        if (!strncmp(word, "--", 2) && strlen(o->row.name) == n - 2 &&
            !memcmp(o->row.name, word + 2, n - 2))
            return o;
        if (o->letter && word[0] == '-' && word[1] == o->letter && !word[2])
            return o;
    }
    return NULL;
}

/* Of "A | --option B C" the part that the options given choose. */
static const char *operands_meant(const struct line *l)
{
    const char *args = l->cmd->args, *other = strstr(args, "| --");

    for (size_t i = 0; other && i < l->n_given; i++) {
        size_t n = strcspn(other + 2, " ");

        if (strlen(l->given[i]) == n && !memcmp(l->given[i], other + 2, n))
            return other + 2 + n;
    }
    return args;
}

/* The operand's word in the usage line says what it is. */
static void offer_operand(struct line *l)
{
    static const struct {
        const char *part, *names;
    } kinds[] = {{"FILE.json", ":json\n"}, {"RUN_DIR", ":runs\n"}, {"MODEL", ":dirs\n"},
                 {"SAMPLES", ":files\n"},  {"FILE", ":files\n"},   {"DIR", ":dirs\n"}};
    const char *at = operands_meant(l);
    char part[64];
    size_t n;

    if (l->operands == 0 && l->cmd->word)
        offer_words(l, "", l->cmd->word);
    for (size_t i = 0;; i++) {
        at += strspn(at, " []");
        n = strcspn(at, " []");
        if (!n || *at == '|')
            return;
        if (i == l->operands)
            break;
        at += n;
    }
    if (n >= sizeof part)
        return;
    memcpy(part, at, n);
    part[n] = '\0';
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char *found = strstr(part, kinds[i].part);

        if (!found)
            continue;
        sb_puts(&l->out, kinds[i].names);
        memset(found, '-', strlen(kinds[i].part)); /* FILE.json is not FILE too */
    }
}

static void read_run(struct line *l, const char *path)
{
    size_t n = strlen(path);
    char *inside = NULL;
    cJSON *doc;

    if (l->run)
        return;
    if (n < 5 || strcmp(path + n - 5, ".json"))
        path = inside = path_join(path, "run.json", NULL);
    doc = path && file_exists(path) ? json_read(path, RUN_FILE_LIMIT, NULL) : NULL;
    l->run = inside ? cJSON_DetachItemFromObjectCaseSensitive(doc, "spec") : doc;
    if (inside)
        cJSON_Delete(doc);
    free(inside);
}

static void take_word(struct line *l, const char *word)
{
    if (l->open) {
        l->open = NULL;
    } else if (l->only_operands || word[0] != '-' || !word[1]) {
        if (l->operands++ == 0)
            read_run(l, word);
    } else if (!strcmp(word, "--")) {
        l->only_operands = true;
    } else {
        const struct cli_option *o = option_of(l, word);

        l->open = o && o->arg && !strchr(word, '=') ? o : NULL;
    }
}

static void offer_last(struct line *l)
{
    const char *equals = strchr(l->word, '=');
    const struct cli_option *o = !strncmp(l->word, "--", 2) ? option_of(l, l->word) : NULL;
    struct strbuf lead = {0};

    if (l->open) {
        offer_option_value(l, l->open, "");
    } else if (l->only_operands || l->word[0] != '-') {
        offer_operand(l);
    } else if (equals && o && o->arg) {
        sb_printf(&lead, "%.*s", (int)(equals + 1 - l->word), l->word);
        if (!lead.bad)
            offer_option_value(l, o, lead.s);
        sb_done(&lead);
    } else if (!equals) {
        for (size_t i = 0; (o = cli_option_at(l->cmd, i)); i++) {
            bool given = false;

            for (size_t k = 0; k < l->n_given; k++)
                given |= l->given[k][0] == '-' && option_of(l, l->given[k]) == o;
            if (!o->hidden && (o->list || !given))
                offer(l, "--", o->row.name);
        }
    }
}

/* ---- The command ---- */

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    struct line l = {.word = ""};
    const struct command *c;
    size_t n = 0;
    bool named = false;
    int rc = 0;

    (void)values;
    while (operand[n])
        n++;
    l.word = operand[n - 1];
    l.cmd = cli_command_at(0); /* without a command it is the workbench that is opened */
    for (size_t i = 0; n > 1 && !named && (c = cli_command_at(i)); i++)
        if (!strcmp(c->name, operand[0])) {
            l.cmd = c;
            named = true;
        }
    l.given = operand + named;
    l.n_given = n - 1 - named;
    for (size_t i = 0; i < l.n_given; i++)
        take_word(&l, l.given[i]);
    for (size_t i = 0; n == 1 && (c = cli_command_at(i)); i++)
        if (!c->hidden)
            offer(&l, "", c->name);
    offer_last(&l);
    if (l.out.len && l.out.s[0] == '\n') /* put there for the search of what is offered already */
        memmove(l.out.s, l.out.s + 1, l.out.len--);
    if (l.out.len || l.out.bad)
        rc = cli_write_data(&l.out, err);
    sb_done(&l.out);
    cJSON_Delete(l.run);
    return rc;
}

const struct command command_candidates = {
    .name = "candidates",
    .args = "-- WORD...",
    .help = "Tell a shell what the last word of a command line may become",
    .options = options,
    .values = 1,
    .min_operands = 1,
    .max_operands = OPERANDS_MAX,
    .run = run,
    .hidden = true,
};
