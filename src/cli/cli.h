/* cli.h - the program `vaccine`: its table of commands and what they share.
 *
 * Only this layer prints and decides the exit status. A command is one file cmd_NAME.c with one
 * `const struct command command_NAME`, one word in COMMANDS, and its Makefile.am line. Its options
 * are rows: parsing, defaults and --help all come from them. A command gets its values filled in
 * and its operands counted; it returns 0, or -1 and an error that main prints as `vaccine:
 * MESSAGE`. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <signal.h>
#include <vaccine/vaccine.h>
#include "base/json_out.h"
#include "base/option.h"

/* X-macro: cmd_<name>.c each. Order = order in --help; hidden ones come last. */
/* clang-format off */
#define COMMANDS(X)                                                                              \
    X(screen) X(tour) X(run) X(attach) X(ctl) X(validate) X(fork) X(attack) X(replay) X(verify) X(runs) X(report) X(gate) X(label) X(import) X(tokenize) \
    X(render) X(score) X(probe) X(eval) X(merge) X(doctor) X(bench) X(manual) X(candidates)
/* clang-format on */

enum cli_status { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

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
    const struct cli_option *(*rows)(
        void);     /* in their place, where plug-ins have some too; or NULL */
    size_t values; /* size of the struct that the rows fill */
    size_t min_operands, max_operands;
    const char *(*word)(size_t i); /* possible values of the first operand; NULL = see args */
    bool hidden;                   /* not in --help: for the manual and the shell */
    /* operand is NULL-terminated. Returns 0, -1 and err, or an exit status above 0 of its own. */
    int (*run)(const void *values, char *const *operand, struct vac_err *err);
};

#define COMMAND_EXTERN(name) extern const struct command command_##name;
COMMANDS(COMMAND_EXTERN)
const struct command *cli_command_at(size_t i); /* NULL after the last; hidden ones too */

/* Ends the program by this signal, as if it had not been caught; also from a handler. */
void cli_die_of(int signal);
/* Where a session is left to its caller: it pauses, at that step or behind it, and has dealt with that command. */
struct cli_pause {
    int64_t step;
    uint64_t command;
};
/* How far something has come, on a terminal's standard error, in the place of what was told before; NULL: it is
 * over, and the line is free. */
void cli_progress(const char *text);
/* A session that was started, to its end or to `at` (NULL = there is none), in silence but for its progress "WHAT N of M".
 * Once *number is a signal's it is told to `leave`; while a stage is built nobody listens, and this
 * returns at once. */
void cli_see_through(struct vac_session *s, const char *what, enum vac_op leave,
                     const struct cli_pause *at, const volatile sig_atomic_t *number);
const char *cli_version(void);
/* The text to standard output, now, for people: where it goes to a terminal, a line too long for it goes on in the
 * next. A failed write is an error. */
int cli_write(const struct strbuf *text, struct vac_err *err);
/* Columns of the terminal that a descriptor goes to, or of COLUMNS; 0 = it goes to none, and lines may be of any
 * length. */
size_t cli_columns(int fd);
/* For programs: lines as they are. Of both: whatever would steer a terminal, hide or reorder text is written as an
 * escape that is the same character in a JSON string; so is what is not ASCII on a terminal whose locale has no
 * UTF-8. */
int cli_write_data(const struct strbuf *text, struct vac_err *err);
/* Byte for byte, for who reads a model's answer by a pipe. */
int cli_write_raw(const struct strbuf *text, struct vac_err *err);
/* A name, path or message of others, which must stay on its line: as standard output will show it. */
void cli_put_name(struct strbuf *out, const char *s);
/* The same of a word that is to be typed (sb_word). */
void cli_put_word(struct strbuf *out, const char *s);
/* A line to standard error, what it begins with and the rest: safe and as wide in the same way. */
void cli_tell(const char *before, const char *line);
/* One line on standard error that is no failure; NULL = none. */
void cli_note(const char *text);
void cli_put_ids(struct json_out *o, const char *key, const int32_t *ids, size_t n);
/* "answered 2, refused 30, other 0" between two texts; where many are other, "! other 32 of 32: ..."
 * says what they are. Nothing where no verdicts are known. */
void cli_put_verdicts(struct strbuf *out, const char *before, const struct vac_verdicts *v,
                      const char *after);
/* " @40" of a figure that is of another step than `now`. */
void cli_put_step(struct strbuf *out, int64_t step, int64_t now);
/* What lies under the answers, with intervals; nothing where it is not known. */
void cli_put_beneath(struct strbuf *out, const char *before,
                     const struct vac_span beneath[VAC_BENEATH_COUNT], const char *after);

/* "vaccine 1 -> 1.1": what aligned it, and how strongly, with `before` between them; " " or "  rho ". */
void cli_put_method(struct strbuf *out, const struct vac_run_info *r, const char *before);
/* "align: HS < 5 % (2 in a row): passed at step 50 of 400", or that it was not. */
void cli_put_until(struct strbuf *out, const struct vac_until *u);
#endif
