/* options.h - a command line becomes values, and --help text. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli/cli.h"

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
/* The command's rows; ends with a row without a name. */
const struct cli_option *cli_rows(const struct command *cmd);
/* The command's rows, then --help and --version; NULL after the last. */
const struct cli_option *cli_option_at(const struct command *cmd, size_t i);
/* The row of "--name" or "--name=VALUE"; NULL = there is none. */
const struct cli_option *cli_option_named(const struct command *cmd, const char *word);
/* The value without the option, as text; false when there is none to tell. */
bool cli_option_default(const struct cli_option *o, struct strbuf *out);

/* Options of several commands; their struct of values holds a `struct cli_common common`. */
struct cli_common {
    int64_t threads;
    char *backend, *products;
    int precision;
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
#define CLI_PRODUCTS(values_type)                                                                  \
    {                                                                                              \
        .row = {.name = "products",                                                                \
                .help = "who multiplies matrices: onednn, openblas, or auto",                      \
                .type = OPTION_STRING,                                                             \
                .def_text = "auto",                                                                \
                .offset = offsetof(values_type, common.products)},                                 \
        .arg = "NAME"                                                                              \
    }
#define CLI_PRECISION(values_type)                                                                 \
    {                                                                                              \
        .row = {.name = "precision",                                                               \
                .help = "of what matrix products multiply (sums stay F32)",                        \
                .type = OPTION_CHOICE,                                                             \
                .choices = compute_precisions,                                                     \
                .offset = offsetof(values_type, common.precision)},                                \
        .arg = "f32|bf16"                                                                          \
    }
#define CLI_ADAPTER(values_type)                                                                   \
    {                                                                                              \
        .row = {.name = "adapter",                                                                 \
                .help = "PEFT adapter to put on the model; several are applied in order",          \
                .type = OPTION_STRING,                                                             \
                .offset = offsetof(values_type, common.adapter)},                                  \
        .arg = "DIR", .list = true                                                                 \
    }

/* How the screen looks, for each command that opens one; its struct of values holds a `struct cli_looks looks`. */
struct cli_looks {
    char *charset, *color, *theme, *script;
    bool ascii, slow, mouse, still;
    double interval;
};
#define CLI_LOOK(values_type, name_, type_, arg_, word_, help_)                                    \
    {                                                                                              \
        .row = {.name = #name_,                                                                    \
                .help = help_,                                                                     \
                .type = type_,                                                                     \
                .max = 3600,                                                                       \
                .offset = offsetof(values_type, looks.name_)},                                     \
        .arg = arg_, .word = word_                                                                 \
    }
#define CLI_LOOKS(t)                                                                               \
    CLI_LOOK(t, ascii, OPTION_BOOL, NULL, NULL, "draw with ASCII only"),                           \
        CLI_LOOK(t, charset, OPTION_STRING, "NAME", cli_charset_word,                              \
                 "draw with braille, block or ascii; by the terminal when absent"),                \
        CLI_LOOK(t, color, OPTION_STRING, "N", cli_color_word,                                     \
                 "none, 8, 16 or 256 colours; by the terminal and NO_COLOR when absent"),          \
        CLI_LOOK(t, theme, OPTION_STRING, "NAME", cli_theme_word,                                  \
                 "dark, light, or none: no colours"),                                              \
        CLI_LOOK(t, slow, OPTION_BOOL, NULL, NULL, "send at most 1 kB a second, for thin lines"),  \
        CLI_LOOK(t, mouse, OPTION_BOOL, NULL, NULL, "take the mouse from the start"),              \
        CLI_LOOK(t, interval, OPTION_NUM, "SECONDS", NULL,                                         \
                 "seconds between two pictures, or two lines of the line mode; 0 = usual"),        \
        CLI_LOOK(t, script, OPTION_STRING, "FILE", NULL, "play a file of keys and commands"),      \
    {                                                                                              \
        .row = {.name = "still",                                                                   \
                .help = "no clocks on the screen",                                                 \
                .type = OPTION_BOOL,                                                               \
                .offset = offsetof(t, looks.still)},                                               \
        .hidden = true                                                                             \
    }
const char *cli_charset_word(size_t i);
const char *cli_color_word(size_t i);
const char *cli_theme_word(size_t i);
struct ui_args;
/* Takes them over, after a look at their words. */
int cli_looks_take(const struct cli_looks *l, struct ui_args *to, struct vac_err *err);
#endif
