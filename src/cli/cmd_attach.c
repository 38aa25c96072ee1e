/* cmd_attach.c - `vaccine attach`: the screen of a run that another program runs. */
#include "cli/cli.h"
#include "cli/options.h"
#include "ui/ui.h"

struct attach_values {
    char *as;
    bool plain;
    struct cli_looks looks;
};

static const struct cli_option options[] = {
    {.row = {.name = "as",
             .help = "who asks, for the journal; user and process when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct attach_values, as)},
     .arg = "NAME"},
    {.row = {.name = "plain",
             .help = "line mode: text lines and typed commands, for screen readers and logs",
             .type = OPTION_BOOL,
             .offset = offsetof(struct attach_values, plain)}},
    CLI_LOOKS(struct attach_values),
    {.row.name = NULL},
};

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct attach_values *v = values;
    struct ui_args args = {.path = operand[0], .attach = true, .as = v->as, .plain = v->plain};

    return cli_looks_take(&v->looks, &args, err) ? -1 : ui_main(&args, err);
}

const struct command command_attach = {
    .name = "attach",
    .args = "RUN_DIR",
    .help = "Open the screen of a run that another program runs",
    .about = "Of a run that was begun by vaccine run, or left with d, or whose line has dropped: "
             "the whole screen, and "
             "control. One screen has control at a time; the others are told who, look, and ask "
             "for it with :control, "
             "with which that one gives it. q and d leave the screen, and the run as it is; :quit "
             "save ends it.",
    .options = options,
    .values = sizeof(struct attach_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
