/* cmd_screen.c - `vaccine [FILE.json|RUN_DIR]`: opens the workbench. Its door is ui/ui.h; the rows
 * below are its command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"
#include "cli/options.h"
#include "ui/ui.h"

struct screen_values {
    char *output, *hint;
    struct cli_list set, overlay;
    bool resume, from_start, paused, plain;
    struct cli_looks looks;
};

#define SWITCH(field, help_)                                                                       \
    {                                                                                              \
        .row = {                                                                                   \
            .name = #field,                                                                        \
            .help = help_,                                                                         \
            .type = OPTION_BOOL,                                                                   \
            .offset = offsetof(struct screen_values, field)                                        \
        }                                                                                          \
    }
#define WORD(field, arg_, word_, help_)                                                            \
    {                                                                                              \
        .row = {.name = #field,                                                                    \
                .help = help_,                                                                     \
                .type = OPTION_STRING,                                                             \
                .offset = offsetof(struct screen_values, field)},                                  \
        .arg = arg_, .word = word_                                                                 \
    }

static const struct cli_option options[] = {
    {.row = {.name = "output",
             .help = "run folder; runs/FILE-NNN when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct screen_values, output)},
     .letter = 'o',
     .arg = "DIR"},
    {.row = {.name = "set",
             .help = "change a key of the run file, like stages[1].rho=2",
             .type = OPTION_STRING,
             .offset = offsetof(struct screen_values, set)},
     .arg = "PATH=VALUE",
     .list = true},
    SWITCH(resume, "go on with the run in the folder from its last good checkpoint"),
    {.row = {.name = "from-start",
             .help =
                 "with --resume: begin again at step 0 when there is no checkpoint to go on from",
             .type = OPTION_BOOL,
             .offset = offsetof(struct screen_values, from_start)}},
    SWITCH(paused, "wait for Space before the first step"),
    SWITCH(plain, "line mode: text lines and typed commands, for screen readers and logs"),
    CLI_LOOKS(struct screen_values),
    {.row = {.name = "overlay",
             .help = "lay the loss of a run over the run's own, as o does in the list of runs",
             .type = OPTION_STRING,
             .offset = offsetof(struct screen_values, overlay)},
     .arg = "DIR",
     .list = true},
    WORD(hint, "TEXT", NULL,
         "up to three lines to show for half a minute or until a key; a tab ends the keys in one"),
    {.row.name = NULL},
};

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct screen_values *v = values;
    struct ui_args args = {
        .path = operand[0],
        .out = v->output,
        .set = v->set.v,
        .n_set = v->set.n,
        .resume = v->resume,
        .from_start = v->from_start,
        .paused = v->paused,
        .plain = v->plain,
        .overlay = v->overlay.v,
        .n_overlay = v->overlay.n,
        .hint = v->hint,
    };

    return cli_looks_take(&v->looks, &args, err) ? -1 : ui_main(&args, err);
}

const struct command command_screen = {
    .name = "screen",
    .args = "[FILE.json|RUN_DIR]",
    .help = "open the workbench; the word itself may be left out",
    .about =
        "Opens the run that a file describes, or a run folder, or the start screen, which lists "
        "runs and samples. A run folder is only looked at, and nothing in it changes, until Space "
        "(or . or n) goes on with a stopped run. ? on the screen lists all keys; q leaves, and "
        "asks first.",
    .options = options,
    .values = sizeof(struct screen_values),
    .max_operands = 1,
    .run = run,
};
