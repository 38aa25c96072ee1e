/* cmd_replay.c - `vaccine replay`: repeats a run with what its journal changed, and compares. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vaccine/vaccine.h>
#include "base/json_out.h"
#include "cli/cli.h"
#include "cli/cmd_replay.h"
#include "term/signals.h"
#include "ui/ui.h"

struct replay_values {
    char *output;
    struct cli_list set;
    bool json;
};

static const struct cli_option options[] = {
    {.row = {.name = "output",
             .help = "keep the repeated run in this folder; a temporary one when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct replay_values, output)},
     .letter = 'o',
     .arg = "DIR"},
    {.row = {.name = "set",
             .help = "where the model or data is now, like model=PATH",
             .type = OPTION_STRING,
             .offset = offsetof(struct replay_values, set)},
     .arg = "PATH=VALUE",
     .list = true},
    {.row = {.name = "json",
             .help = "print the result as one JSON object",
             .type = OPTION_BOOL,
             .offset = offsetof(struct replay_values, json)}},
    {.row.name = NULL},
};

/* --- an interrupt ends the repetition; the folder is then still removed --- */

static volatile sig_atomic_t interrupted, watching;
static const char *own_folder; /* made for the repetition; NULL = the user's */

/* Until the repetition is watched there is nothing in the folder. */
static void on_signal(int number)
{
    interrupted = number;
    if (watching)
        return;
    if (own_folder)
        rmdir(own_folder);
    cli_die_of(number);
}

static void catch_signals(void)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction a = {.sa_handler = on_signal};

    sigemptyset(&a.sa_mask);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        signals_catch(caught[i], &a, NULL);
}

/* --- the repetition --- */

static int repeat(struct repetition *r, const char *out, struct vac_err *err)
{
    struct vac_open o = {.file = r->dir,
                         .out = out,
                         .set = r->set->v,
                         .n_set = r->set->n,
                         .replay = true,
                         .stretch = r->stretch};
    struct vac_session *s;
    int rc = -1;

    watching = 0;
    if (vac_session_open(&s, &o, err))
        return -1;
    if (vac_session_start(s, err) == 0) {
        if (strcmp(r->kernels, vac_session_kernels(s)) != 0)
            cli_note(vac_session_kernels(s));
        snprintf(r->kernels, sizeof r->kernels, "%s", vac_session_kernels(s));
        watching = 1;
        cli_see_through(s, "step", VAC_OP_DISCARD, NULL, &interrupted);
        if (interrupted && vac_snapshot(s)->state == VAC_LOADING) {
            if (own_folder)
                path_remove(own_folder, NULL);
            cli_die_of((int)interrupted);
        }
        rc = vac_session_result(s, err) ? -1 : interrupted ? 128 + (int)interrupted : 0;
    }
    vac_session_close(s);
    return rc;
}

/* A folder's name that is not taken, in which nothing is yet. */
static char *temporary(struct vac_err *err)
{
    const char *root = getenv("TMPDIR");
    char *path = path_join(root && *root ? root : "/tmp", "vaccine-replay-XXXXXX", err);

    if (path && !mkdtemp(path)) {
        err_errno(err, "%s: cannot make a temporary folder", path);
        free(path);
        path = NULL;
    }
    return path;
}

int replay_repeat(struct repetition *r, struct vac_err *err)
{
    char *out = r->out ? mem_strdup(r->out, err) : temporary(err);
    int rc;

    if (!out)
        return -1;
    own_folder = r->out ? NULL : out;
    catch_signals();
    rc = repeat(r, out, err);
    if (rc == 0)
        rc = r->stretch ? replay_compare_to(r->dir, out, r->stretch[1], &r->result, err)
                        : replay_compare(r->dir, out, &r->result, err);
    if (!r->out)
        path_remove(out, NULL);
    own_folder = NULL;
    watching = 0;
    free(out);
    return rc;
}

static int print_result(const struct replay_values *v, const char *dir,
                        const struct replay_result *r, const char *kernels, struct vac_err *err)
{
    struct strbuf s = {0};
    struct json_out o = json_out(&s);
    int rc;

    if (v->json) {
        json_put_object(&o, NULL, JSON_TIGHT);
        json_put_bool(&o, "identical", r->same);
        json_put_natural(&o, "lines", r->lines);
        json_put_natural(&o, "tensors", r->tensors);
        json_put_text(&o, "weights", r->weights);
        if (!r->same)
            json_put_text(&o, "difference", r->difference);
        if (*kernels)
            json_put_text(&o, "kernels", kernels);
        json_put_end(&o);
        sb_putc(&s, '\n');
    } else {
        cli_put_name(&s, dir);
        if (r->same)
            sb_printf(&s, ": bit-identical: %zu lines of metrics and %zu tensors, up to %s",
                      r->lines, r->tensors, r->weights);
        else
            sb_puts(&s, ": not the same: ");
        cli_put_name(&s, r->difference);
        sb_putc(&s, '\n');
    }
    rc = (v->json ? cli_write_data : cli_write)(&s, err);
    sb_done(&s);
    return rc ? -1 : r->same ? STATUS_DONE : STATUS_FAILED;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct replay_values *v = values;
    struct repetition r = {.dir = operand[0], .out = v->output, .set = &v->set};
    int rc = replay_repeat(&r, err);

    return rc ? rc : print_result(v, operand[0], &r.result, r.kernels, err);
}

const struct command command_replay = {
    .name = "replay",
    .args = "RUN_DIR",
    .help = "Repeat a run and tell whether it is bit-identical",
    .about =
        "Repeats the run in a temporary folder, with the changes that its journal holds, and "
        "compares every "
        "line of metrics.jsonl (but for the clock) and the weights. A run that has not ended is "
        "repeated "
        "up to its last checkpoint. Exit status 1 when they differ, naming the first difference; "
        "what "
        "computes otherwise here than it did there is told first.",
    .options = options,
    .values = sizeof(struct replay_values),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
