/* cli.h - the program `vaccine`: its table of commands and what they share.
 *
 * Only this layer prints and decides the exit status. A command is one file cmd_NAME.c with one
 * `const struct command command_NAME`, one word in COMMANDS, and its Makefile.am line. Its options
 * are rows: parsing, defaults and --help all come from them. A command gets its values filled in
 * and its operands counted; it returns 0, or -1 and an error that main prints as `vaccine:
 * MESSAGE`. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <vaccine/vaccine.h>
#include "base/option.h"
#include "compute/compute.h"
#include "data/template.h"
#include "token/tokenizer.h"
#include "model/model.h"
#include "run/as_model.h"

/* X-macro: cmd_<name>.c each. Order = order in --help; hidden ones come last. */
/* clang-format off */
#define COMMANDS(X)                                                                              \
    X(screen) X(run) X(validate) X(replay) X(runs) X(report) X(import) X(tokenize) X(render)      \
    X(score) X(probe) X(eval) X(merge) X(doctor) X(bench) X(manual) X(candidates)
/* clang-format on */

enum cli_status { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_GUARD = 3 };

struct cli_option {
    struct option_row row; /* name without dashes; offset in the command's struct of values */
    char letter;           /* 'o' for -o; 0 = none */
    const char *arg;       /* what --help calls the value, "DIR"; NULL = a switch (OPTION_BOOL) */
    const char *(*word)(size_t i); /* a text's possible values, NULL after the last; NULL = any */
    bool list;                     /* may stand several times: the field is a struct cli_list */
    bool hidden;                   /* not in --help */
};
/* Values of a repeatable option, in order; the strings are the program's arguments. */
struct cli_list {
    const char **v;
    size_t n, cap;
};

struct command {
    const char *name;
    const char *args;                 /* operands as --help shows them */
    const char *help;                 /* one line, no full stop */
    const char *about;                /* a paragraph for its own --help, or NULL */
    const struct cli_option *options; /* ends with a row without a name */
    size_t values;                    /* size of the struct that the rows fill */
    size_t min_operands, max_operands;
    const char *(*word)(size_t i); /* possible values of the first operand; NULL = see args */
    bool hidden;                   /* not in --help: for the manual and the shell */
    /* operand is NULL-terminated. Returns 0, -1 and err, or an exit status above 0 of its own. */
    int (*run)(const void *values, char *const *operand, struct vac_err *err);
};

/* --- main.c --- */
const struct command *cli_command_at(size_t i); /* NULL after the last; hidden ones too */

/* --- options.c --- */
enum cli_wish { WISH_RUN, WISH_HELP, WISH_VERSION };
/* Fills the values (zeroed, cmd->values bytes) with defaults and what argv[0..argc) says; operands
 * go to the front of argv, which is then NULL-terminated (argv[argc] must be writable). */
int cli_parse(const struct command *cmd, int argc, char **argv, void *values, enum cli_wish *wish,
              struct vac_err *err);
void cli_values_done(const struct command *cmd, void *values);
/* What a MODEL on the command line may be. */
extern const char *const cli_model_help;
/* The command's --help. */
void cli_command_help(const struct command *cmd, struct strbuf *out);
/* The command's rows, then --help and --version; NULL after the last. */
const struct cli_option *cli_option_at(const struct command *cmd, size_t i);
/* The value without the option, as text; false when there is none to tell. */
bool cli_option_default(const struct cli_option *o, struct strbuf *out);

/* Options of several commands; their struct of values holds a `struct cli_common common`. */
struct cli_common {
    int64_t threads;
    char *backend;
    struct cli_list adapter;
};
#define CLI_THREADS(values_type)                                                                   \
    {                                                                                              \
        .row = {.name = "threads",                                                                 \
                .help = "threads to compute with; 0 = physical cores",                             \
                .type = OPTION_INT,                                                                \
                .max = 1024,                                                                       \
                .offset = offsetof(values_type, common.threads)},                                  \
        .arg = "N"                                                                                 \
    }
#define CLI_BACKEND(values_type)                                                                   \
    {                                                                                              \
        .row = {.name = "backend",                                                                 \
                .help = "where to compute",                                                        \
                .type = OPTION_STRING,                                                             \
                .def_text = "cpu",                                                                 \
                .offset = offsetof(values_type, common.backend)},                                  \
        .arg = "NAME", .hidden = true                                                              \
    }
#define CLI_ADAPTER(values_type)                                                                   \
    {                                                                                              \
        .row = {.name = "adapter",                                                                 \
                .help = "PEFT adapter to put on the model; several are applied in order",          \
                .type = OPTION_STRING,                                                             \
                .offset = offsetof(values_type, common.adapter)},                                  \
        .arg = "DIR", .list = true                                                                 \
    }

/* --- cli.c --- */
/* Ends the program by this signal, as if it had not been caught; also from a handler. */
void cli_die_of(int signal);
const char *cli_version(void);
/* The text to standard output, now; a failed write is an error. Whatever would steer a terminal, hide
 * or reorder text is written as an escape that is the same character in a JSON string. */
int cli_write(const struct strbuf *text, struct vac_err *err);
/* Byte for byte, for who reads a model's answer by a pipe. */
int cli_write_raw(const struct strbuf *text, struct vac_err *err);
/* A name, path or message of others, which must stay on its line. */
void cli_put_name(struct strbuf *out, const char *s);
/* A line to standard error, safe in the same way. */
void cli_tell(const char *line);
/* One line on standard error that is no failure; NULL = none. */
void cli_note(const char *text);
/* "[1,2,3]" */
void cli_put_ids(struct strbuf *out, const int32_t *ids, size_t n);
/* `"text"` as JSON. */
void cli_put_string(struct strbuf *out, const char *s, size_t n);
/* "answered 2, refused 30, other 0" between two texts; where many are other, "! other 32 of 32: ..."
 * says what they are. Nothing where no verdicts are known. */
void cli_put_verdicts(struct strbuf *out, const char *before, const struct vac_verdicts *v,
                      const char *after);

/* A backend that computes right numbers: the BLAS is checked first. */
struct compute *cli_compute_open(const struct cli_common *o, struct vac_err *err);
/* --- source.c --- */
/* A model by folder, by its name in the Hugging Face cache, or by a run's folder (run/as_model.h), with
 * the adapters of the options. */
struct cli_model {
    char *dir;                 /* of config.json and what lies beside it */
    char *tokenizer;           /* folder of the tokenizer's files */
    const char *template_name; /* the run's; NULL = none */
    int64_t max_length;        /* the run's; 0 = none */
    struct run_model run;      /* of a run; else zeroed */
    struct compute *c;
    struct model *m;
    char **adapter; /* those that were put on it, in order */
    size_t n_adapter;
};
int cli_model_open(struct cli_model *x, const char *name, const struct cli_common *o,
                   struct vac_err *err);
/* The same with x->c given. */
int cli_model_load(struct cli_model *x, const char *name, const struct cli_list *adapter,
                   struct vac_err *err);
/* Its files without the model: dir, tokenizer and what a run says. */
int cli_model_find(struct cli_model *x, const char *name, struct vac_err *err);
void cli_model_close(struct cli_model *x);

/* --- choose.c --- */
/* The template of that name; without one (NULL) the run's, else the model's own chat template, or plain
 * if it has none. */
const struct template_row *cli_choose_template(const char *name, const struct cli_model *x,
                                               const struct tokenizer *tok, struct vac_err *err);

/* --- words.c: values of options and keys by name; NULL after the last --- */
const char *cli_template_word(size_t i);
const char *cli_judge_word(size_t i);
const char *cli_metric_word(size_t i); /* "loss" is one of them */
const char *cli_method_word(size_t i);
const char *cli_import_word(size_t i); /* formats, and "auto" */

/* --- lines.c --- */
/* One line of standard input, which is a JSON object; root.file is "stdin:LINE". */
struct cli_line {
    struct jnode root;
    uint32_t
        zero; /* the character that stands for \u0000 in this line's strings; 0 = there is none */
};
/* Each line, empty ones left out; -1 of the visitor ends it. */
typedef int cli_line_visit(void *ctx, const struct cli_line *line, struct vac_err *err);
int cli_each_line(cli_line_visit *visit, void *ctx, struct vac_err *err);
/* A string of the line as it was meant, zero bytes included. Clears `out` first. */
int cli_line_text(const struct cli_line *line, const char *string, struct strbuf *out,
                  struct vac_err *err);
#endif
