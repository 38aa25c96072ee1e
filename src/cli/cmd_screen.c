/* cmd_screen.c - `vaccine [FILE.json|RUN_DIR]`: opens the workbench. Its door is ui/ui.h; the rows
 * below are its command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/name.h"
#include "cli/cli.h"
#include "ui/ui.h"

struct screen_values {
    char *output, *script, *charset, *color, *theme, *hint;
    struct cli_list set, overlay;
    bool resume, from_start, paused, plain, ascii, slow, mouse, still;
    double interval;
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

static const char *const charsets[] = {"braille", "block", "ascii", NULL};
static const char *const colors[] = {"none", "8", "16", "256", NULL};
static const char *const themes[] = {"dark", "light", "none", NULL};

static const char *charset_word(size_t i)
{
    return charsets[i];
}
static const char *color_word(size_t i)
{
    return colors[i];
}
static const char *theme_word(size_t i)
{
    return themes[i];
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
    SWITCH(ascii, "draw with ASCII only"),
    WORD(charset, "NAME", charset_word,
         "draw with braille, block or ascii; by the terminal when absent"),
    WORD(color, "N", color_word,
         "none, 8, 16 or 256 colours; by the terminal and NO_COLOR when absent"),
    WORD(theme, "NAME", theme_word, "dark, light, or none: no colours"),
    SWITCH(slow, "send at most 1 kB a second, for thin lines"),
    SWITCH(mouse, "take the mouse from the start"),
    {.row = {.name = "interval",
             .help = "seconds between two pictures, or two lines of the line mode; 0 = usual",
             .type = OPTION_NUM,
             .max = 3600,
             .offset = offsetof(struct screen_values, interval)},
     .arg = "SECONDS"},
    WORD(script, "FILE", NULL, "play a file of keys and commands"),
    {.row = {.name = "overlay",
             .help = "lay the loss of a run over the run's own, as o does in the list of runs",
             .type = OPTION_STRING,
             .offset = offsetof(struct screen_values, overlay)},
     .arg = "DIR",
     .list = true},
    WORD(hint, "TEXT", NULL,
         "up to three lines to show for half a minute or until a key; a tab ends the keys in one"),
    {.row = {.name = "still",
             .help = "no clocks on the screen",
             .type = OPTION_BOOL,
             .offset = offsetof(struct screen_values, still)},
     .hidden = true},
    {.row.name = NULL},
};

static int check(const struct screen_values *v, struct vac_err *err)
{
    if (v->charset && !name_listed(charsets, v->charset))
        return err_set(err, VAC_ERR_USAGE, "--charset: \"%s\" is not braille, block or ascii",
                       v->charset);
    if (v->color && !name_listed(colors, v->color))
        return err_set(err, VAC_ERR_USAGE, "--color: \"%s\" is not none, 8, 16 or 256", v->color);
    if (v->theme && !name_listed(themes, v->theme))
        return err_set(err, VAC_ERR_USAGE, "--theme: \"%s\" is not dark, light or none", v->theme);
    return 0;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct screen_values *v = values;
    const struct ui_args args = {
        .path = operand[0],
        .out = v->output,
        .set = v->set.v,
        .n_set = v->set.n,
        .resume = v->resume,
        .from_start = v->from_start,
        .paused = v->paused,
        .script = v->script,
        .charset = v->ascii ? "ascii" : v->charset,
        .color = v->color,
        .theme = v->theme,
        .slow = v->slow,
        .plain = v->plain,
        .mouse = v->mouse,
        .overlay = v->overlay.v,
        .n_overlay = v->overlay.n,
        .hint = v->hint,
        .interval = v->interval,
        .deterministic = v->still,
    };

    return check(v, err) ? -1 : ui_main(&args, err);
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
