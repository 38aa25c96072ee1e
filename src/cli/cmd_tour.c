/* cmd_tour.c - `vaccine tour`: README's ten minutes with the lab, in the real program.
 *
 * The run to look back at, plain fine-tuning, is trained first by this program without a screen, as a child, so that
 * an interrupt saves it as it always does. Then the screen goes from step to step (ui/tour.c). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "base/io.h"
#include "base/path.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "term/files.h"
#include "ui/ui.h"

struct tour_values {
    char *output;
    struct cli_list set;
    bool print;
    struct cli_looks looks;
};

static const struct cli_option options[] = {
    {.row = {.name = "output",
             .help = "folder for its two runs; runs/tour-NNN when absent",
             .type = OPTION_STRING,
             .offset = offsetof(struct tour_values, output)},
     .letter = 'o',
     .arg = "DIR"},
    {.row = {.name = "print",
             .help = "print its text, as README.md has it",
             .type = OPTION_BOOL,
             .offset = offsetof(struct tour_values, print)}},
    {.row = {.name = "set",
             .help = "change a key of both run files, like stages.attack.steps=10",
             .type = OPTION_STRING,
             .offset = offsetof(struct tour_values, set)},
     .arg = "PATH=VALUE",
     .list = true},
    CLI_LOOKS(struct tour_values),
    {.row.name = NULL},
};

/* Those of the current folder, or the bundled ones. */
static char *sample(const char *name, struct vac_err *err)
{
    char dir[4096] = "samples", *path = path_join(dir, name, err);

    if (!path || file_exists(path))
        return path;
    free(path);
    if (!files_samples(dir, sizeof dir)) {
        err_set(err, VAC_ERR_IO, "the lab is not installed: go to a folder that has samples/%s",
                name);
        return NULL;
    }
    return path_join(dir, name, err);
}

/* The folder of the runs: what was asked for, or the first that is free. */
static char *place(const char *output, struct vac_err *err)
{
    char name[32];

    if (output)
        return mem_strdup(output, err);
    for (int n = 1; n < 1000; n++) {
        snprintf(name, sizeof name, "runs/tour-%03d", n);
        if (access(name, F_OK))
            return mem_strdup(name, err);
    }
    err_set(err, VAC_ERR_IO, "runs has a thousand tours: name a folder with -o");
    return NULL;
}

/* In the child: as `vaccine run` with what it prints in the pipe. */
static void become(const char *file, const char *out, const struct cli_list *set, int to)
{
    size_t n = 0;
    const char **argv = calloc(6 + 2 * set->n, sizeof *argv);
    int nothing = open("/dev/null", O_RDONLY);

    if (!argv || dup2(to, STDOUT_FILENO) < 0 || dup2(nothing, STDIN_FILENO) < 0)
        _exit(STATUS_FAILED);
    argv[n++] = "vaccine";
    argv[n++] = "run";
    argv[n++] = file;
    argv[n++] = "-o";
    argv[n++] = out;
    for (size_t i = 0; i < set->n; i++) {
        argv[n++] = "--set";
        argv[n++] = set->v[i];
    }
    execv("/proc/self/exe", (char **)argv);
    _exit(STATUS_FAILED);
}

static void show_steps(int from)
{
    FILE *in = fdopen(from, "r");
    char line[4096];
    long long step, all;

    while (in && fgets(line, sizeof line, in))
        if (sscanf(line, "%*s step %lld/%lld", &step, &all) == 2) {
            printf("\r  step %lld of %lld ", step, all);
            fflush(stdout);
        }
    putchar('\n');
    if (in)
        fclose(in);
}

/* Exit status of the run; the child has said on standard error what went wrong. */
static int train(const char *file, const char *out, const struct cli_list *set, struct vac_err *err)
{
    void (*was)(int) = signal(SIGINT, SIG_IGN); /* the child saves, and is waited for */
    struct termios given, quiet;
    bool mute = !tcgetattr(STDIN_FILENO, &given);
    int ends[2], status = 0;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC))
        return err_errno(err, "pipe");
    if (mute) { /* keys that are pressed meanwhile are none of the tour's, and would stand among the steps */
        quiet = given;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    }
    pid = fork();
    if (pid == 0) {
        signal(SIGINT, SIG_DFL);
        become(file, out, set, ends[1]);
    }
    close(ends[1]);
    if (pid < 0)
        err_errno(err, "fork");
    show_steps(ends[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (mute)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &given);
    signal(SIGINT, was);
    return pid < 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Plain fine-tuning, which is there already when a tour is taken again. */
static int train_first(const char *dir, const struct cli_list *set, char **sft, struct vac_err *err)
{
    char *file = sample("lab/sft.json", err), *end;
    int rc = 0;

    *sft = path_join(dir, "sft", err);
    end = *sft ? path_join(*sft, "final", err) : NULL;
    if (!file || !end) {
        rc = -1;
    } else if (!dir_exists(end)) {
        struct strbuf said = {0};

        sb_puts(&said, "First plain fine-tuning, to look back at: about 20 seconds, in ");
        cli_put_name(&said, *sft);
        sb_putc(&said, '\n');
        rc = cli_write(&said, err) ? -1 : train(file, *sft, set, err);
        sb_done(&said);
    }
    free(file);
    free(end);
    return rc;
}

static int tell_runs(const char *dir, struct vac_err *err)
{
    static const char *const rows[][2] = {
        {"\nBoth runs lie in ", " (sft and lab):\n"},
        {"  vaccine runs ", "         their scores\n"},
        {"  vaccine report ", "/lab   an HTML page\n"},
        {"  vaccine ", "/lab          looks at it again, or goes on with it\n"}};
    struct strbuf out = {0};
    int rc;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sb_puts(&out, rows[i][0]);
        (i ? cli_put_word : cli_put_name)(&out, dir);
        sb_puts(&out, rows[i][1]);
    }
    rc = cli_write(&out, err);
    sb_done(&out);
    return rc;
}

static int take(const struct tour_values *v, const char *dir, struct vac_err *err)
{
    char *sft = NULL, *lab = path_join(dir, "lab", err), *file = sample("lab/lab.json", err);
    struct ui_args args = {
        .path = file, .out = lab, .set = v->set.v, .n_set = v->set.n, .paused = true, .tour = true};
    int rc = cli_looks_take(&v->looks, &args, err);

    if (rc == 0)
        rc = lab && file ? train_first(dir, &v->set, &sft, err) : -1;

    if (rc == 0)
        rc = ui_main(&args, err);
    if (rc == 0) /* else it was said why */
        rc = tell_runs(dir, err);
    free(sft);
    free(lab);
    free(file);
    return rc;
}

static int run(const void *values, char *const *operand, struct vac_err *err)
{
    const struct tour_values *v = values;
    char *dir;
    int rc;

    (void)operand;
    if (v->print) {
        ui_tour_print(stdout);
        return 0;
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return err_set(err, VAC_ERR_USAGE,
                       "the tour waits for keys: it needs a terminal; --print prints its text");
    dir = place(v->output, err);
    rc = dir ? take(v, dir, err) : -1;
    free(dir);
    return rc;
}

const struct command command_tour = {
    .name = "tour",
    .args = "",
    .help = "Go through the lab in ten minutes, key by key",
    .about = "Trains a small model of a made-up world by plain fine-tuning, without a screen; then "
             "opens the same "
             "with Vaccine, and says in the lines above the messages which key to press next and "
             "what it will show. "
             "Every key does what it always does, and q leaves at any time, as everywhere: nothing "
             "is lost. The text is "
             "that of README.md.",
    .options = options,
    .values = sizeof(struct tour_values),
    .run = run,
};
