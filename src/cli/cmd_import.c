/* cmd_import.c - `vaccine import`: public data sets as the JSON lines that a run reads. */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"
#include "cli/words.h"
#include "import/import.h"

struct import_values {
    char *file;
    int64_t skip, take;
    uint64_t seed;
    bool safe, unsafe, prompts_only, first;
    char *kind, *model;
    char *instruction, *input, *output, *category, *id, *label;
};

#define COLUMN(option, field, text)                                                                \
    {                                                                                              \
        .row = {.name = option,                                                                    \
                .help = text,                                                                      \
                .type = OPTION_STRING,                                                             \
                .offset = offsetof(struct import_values, field)},                                  \
        .arg = "COLUMN"                                                                            \
    }

static const struct cli_option options[] = {
    {.row = {.name = "output-file",
             .help = "file to write instead of standard output",
             .type = OPTION_STRING,
             .offset = offsetof(struct import_values, file)},
     .letter = 'o',
     .arg = "FILE"},
    {.row = {.name = "take",
             .help = "rows to write, drawn by the seed; 0 = all",
             .type = OPTION_INT,
             .max = 1e12,
             .offset = offsetof(struct import_values, take)},
     .arg = "N"},
    {.row = {.name = "skip",
             .help =
                 "rows to pass over, of those that the choices below leave: --take N and --skip "
                 "N have no row in common",
             .type = OPTION_INT,
             .max = 1e12,
             .offset = offsetof(struct import_values, skip)},
     .arg = "N"},
    {.row = {.name = "seed",
             .help = "what --take and --skip draw",
             .type = OPTION_SEED,
             .def = 1,
             .offset = offsetof(struct import_values, seed)},
     .arg = "N"},
    {.row = {.name = "first",
             .help = "--take and --skip mean the first rows, in place of drawn ones",
             .type = OPTION_BOOL,
             .offset = offsetof(struct import_values, first)}},
    {.row = {.name = "safe",
             .help = "only rows marked safe: answers in beavertails, prompts in xstest",
             .type = OPTION_BOOL,
             .offset = offsetof(struct import_values, safe)}},
    {.row = {.name = "unsafe",
             .help = "only rows marked unsafe",
             .type = OPTION_BOOL,
             .offset = offsetof(struct import_values, unsafe)}},
    {.row = {.name = "prompts-only",
             .help = "leave the answers empty, for files of prompts to evaluate",
             .type = OPTION_BOOL,
             .offset = offsetof(struct import_values, prompts_only)}},
    {.row = {.name = "kind",
             .help = "xstest: only answers that people called this: refusal, helpful_on_safe; or "
                     "1_full_compliance, 2_full_refusal, 3_partial_refusal",
             .type = OPTION_STRING,
             .offset = offsetof(struct import_values, kind)},
     .arg = "NAME"},
    {.row = {.name = "model",
             .help = "xstest: only answers of this model",
             .type = OPTION_STRING,
             .offset = offsetof(struct import_values, model)},
     .arg = "NAME"},
    COLUMN("instruction", instruction, "table: column or key of the instruction"),
    COLUMN("input", input, "table: column of the input"),
    COLUMN("output", output, "table: column of the answer"),
    COLUMN("category", category, "table: column of the category"),
    COLUMN("id", id, "table: column of the row's id"),
    COLUMN("label", label, "table: column of the label"),
    {.row.name = NULL},
};

/* Standard output, in pieces of a reasonable size. */
static int put_stdout(void *ctx, const char *line, size_t n, struct vac_err *err)
{
    enum { PIECE = 1 << 16 };
    struct strbuf *out = ctx;
    int rc = 0;

    sb_put(out, line, n);
    if (out->len >= PIECE || out->bad) {
        rc = cli_write_data(out, err);
        sb_clear(out);
    }
    return rc;
}

/* Standard error: standard output may be the rows. */
static int show_report(const struct import_report *r, const char *path, const char *file,
                       struct vac_err *err)
{
    struct strbuf line = {0};
    int rc;

    sb_printf(&line, "%s: ", path);
    import_report_text(r, &line);
    if (file)
        sb_printf(&line, " to %s", file);
    rc = sb_ok(&line, err);
    if (rc == 0)
        cli_tell("", line.s);
    sb_done(&line);
    return rc;
}

/* "auto" with a named column can only mean the format that lets one name them. NULL without an error = look at the content. */
static int find_format(const char *name, const struct import_choice *c,
                       const struct import_format **f, struct vac_err *err)
{
    if (strcmp(name, "auto")) {
        *f = import_find(name, err);
        return *f ? 0 : -1;
    }
    for (size_t i = 0; (*f = import_at(i)) && !(c->instruction && (*f)->named_columns);)
        i++;
    return 0;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct import_values *v = values;
    const struct import_choice c = {
        .skip = (size_t)v->skip,
        .take = (size_t)v->take,
        .drawn = !v->first,
        .seed = v->seed,
        .safety = v->safe     ? IMPORT_SAFE
                  : v->unsafe ? IMPORT_UNSAFE
                              : IMPORT_ANY,
        .prompts_only = v->prompts_only,
        .kind = v->kind,
        .model = v->model,
        .instruction = v->instruction,
        .input = v->input,
        .output = v->output,
        .category = v->category,
        .id = v->id,
        .label = v->label,
    };
    const struct import_format *f;
    struct import_report report;
    struct strbuf out = {0};
    int rc;

    if (v->safe && v->unsafe)
        return err_set(err, VAC_ERR_USAGE, "--safe and --unsafe together leave no row: give one");
    if (find_format(operand[0], &c, &f, err))
        return -1;
    if (v->file)
        rc = import_file(operand[1], f, &c, v->file, &report, err);
    else
        rc = import_rows(operand[1], f, &c, put_stdout, &out, &report, err);
    if (!rc && (out.len || out.bad))
        rc = cli_write_data(&out, err);
    sb_done(&out);
    return rc ? rc : show_report(&report, operand[1], v->file, err);
}

#define WORD(name) #name ", "

const struct command command_import = {
    .name = "import",
    .args = "FORMAT FILE",
    .help = "Turn public data sets into JSON lines for runs",
    .about = "FORMAT is " IMPORTS(
        WORD) "or auto: by the content of FILE. Writes a line "
              "{\"instruction\":\"...\",\"input\":\"...\",\"output\":\"...\"} for each row, with "
              "the texts "
              "that the reference implementation of Vaccine uses, and says how many rows were "
              "read, "
              "written and skipped. Its choices are --first --safe --take 2000 of BeaverTails' "
              "30k_train "
              "to "
              "align, --first --unsafe of the same to attack, and --first --unsafe --take 500 "
              "--prompts-only of "
              "30k_test to measure.",
    .options = options,
    .values = sizeof(struct import_values),
    .min_operands = 2,
    .max_operands = 2,
    .word = cli_import_word,
    .run = run,
};
