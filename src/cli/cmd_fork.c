/* cmd_fork.c - `vaccine fork`: a new run that begins with what another one has saved. */
#include <string.h>
#include <vaccine/vaccine.h>
#include "cli/cli.h"

struct fork_values {
    char *at, *output;
    struct cli_list set;
    bool dry;
};

static const struct cli_option options[] = {
    {.row = {.name = "at",
             .help =
                 "step of a checkpoint, a stage that has ended, or final; the newest when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct fork_values, at)},
     .arg = "STEP"},
    {.row = {.name = "set",
             .help = "what it does otherwise from there on, like stages.attack.lr=1e-4",
             .type = OPTION_STRING,
             .offset = offsetof(struct fork_values, set)},
     .arg = "PATH=VALUE",
     .list = true},
    {.row = {.name = "output",
             .help = "folder of the new run; RUN_DIR-at-STEP when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct fork_values, output)},
     .letter = 'o',
     .arg = "DIR"},
    {.row = {.name = "dry",
             .help = "check everything, and make nothing",
             .type = OPTION_BOOL,
             .offset = offsetof(struct fork_values, dry)}},
    {.row.name = NULL},
};

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct fork_values *v = values;
    struct vac_fork f = {.run = operand[0],
                         .at = v->at,
                         .out = v->output,
                         .set = v->set.v,
                         .n_set = v->set.n,
                         .who = "cli",
                         .dry = v->dry};
    struct strbuf s = {0};
    int rc;

    if (vac_fork(&f, err))
        return -1;
    cli_put_name(&s, f.dir);
    sb_puts(&s, v->dry ? ": would begin" : ": begins");
    sb_printf(&s, " in stage ");
    cli_put_name(&s, f.stage);
    sb_printf(&s, ", as ");
    cli_put_name(&s, f.run);
    sb_printf(&s, " was after step %lld", (long long)f.step);
    if (!v->dry) {
        sb_puts(&s, "; go on with: vaccine run ");
        cli_put_word(&s, f.dir);
    }
    sb_putc(&s, '\n');
    rc = cli_write(&s, err);
    sb_done(&s);
    return rc;
}

const struct command command_fork = {
    .name = "fork",
    .args = "RUN_DIR",
    .help = "Begin a new run with what another one has saved",
    .about = "RUN_DIR is only read: it may be at work, finished, moved or read-only. The new run "
             "has its lines up "
             "to that step, goes on from its checkpoint, and knows whose child it is; what it "
             "begins with it shares "
             "with its parent (a second name for the same files, or a copy), so that it misses "
             "nothing that its "
             "parent removes. Where nothing is set it makes the parent's steps again, byte for "
             "byte. Options that "
             "were set on the way stay as they were then, unless they are set; what is over, the "
             "model, and the "
             "adapter that is being trained stay.",
    .options = options,
    .values = sizeof(struct fork_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
