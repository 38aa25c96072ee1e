/* main.c - the program: finds the command, lets it run, prints its error and sets the exit status.
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/options.h"
#include "compute/openblas.h"
#include "compute/products.h"
#include "compute/selfcheck.h"
#include "term/files.h"

#ifndef PACKAGE_BUGREPORT
#define PACKAGE_BUGREPORT "the people who gave you this program"
#endif

static const char *word_at(const void *ctx, size_t i)
{
    static const char *const options[] = {"--help", "--version", NULL};
    const char *word = ctx;

    if (word[0] == '-')
        return options[i];
    return cli_command_at(i) && !cli_command_at(i)->hidden ? cli_command_at(i)->name : NULL;
}

static const struct command *command_named(const char *word)
{
    const struct command *c;

    for (size_t i = 0; (c = cli_command_at(i)) && strcmp(c->name, word); i++)
        ;
    return c;
}

static void put_help(struct strbuf *out)
{
    const struct command *c;

    sb_puts(out, "Usage: vaccine [FILE.json|RUN_DIR] [OPTION]...\n"
                 "  or:  vaccine COMMAND [OPTION]...\n"
                 "Aligns language models so that harmful fine-tuning undoes less of it.\n\n"
                 "Commands:\n");
    for (size_t i = 0; (c = cli_command_at(i)); i++)
        if (!c->hidden)
            sb_printf(out, "  %-10s %s\n", c->name, c->help);
    sb_puts(out, "\nOptions:\n"
                 "  -h, --help     show this help and exit; after a command, that command's\n"
                 "  -V, --version  show the version and exit\n\n"
                 "MODEL is a folder as Hugging Face writes it, a GGUF file, or a name like\n"
                 "owner/model in the cache under $HF_HOME/hub; nothing is downloaded.\n\n"
                 "Exit status: 0 done, 1 failed, 2 wrong usage.\n\n"
                 "Report bugs to: " PACKAGE_BUGREPORT "\n");
#ifdef PACKAGE_URL
    if (*PACKAGE_URL)
        sb_puts(out, "vaccine home page: " PACKAGE_URL "\n");
#endif
}

static void put_version(struct strbuf *out)
{
    sb_printf(out, "vaccine (vaccine) %s\n", cli_version());
    sb_puts(out, "Copyright (C) 2026 the vaccine authors\n"
                 "License GPLv3+: GNU GPL version 3 or later "
                 "<https://gnu.org/licenses/gpl.html>.\n"
                 "This is free software: you are free to change and redistribute it.\n"
                 "There is NO WARRANTY, to the extent permitted by law.\n");
}

static int show(void (*put)(struct strbuf *), struct vac_err *err)
{
    struct strbuf out = {0};
    int rc;

    put(&out);
    rc = cli_write(&out, err);
    sb_done(&out);
    return rc;
}

/* "samples/..." of the manual is in the source tree; elsewhere the installed one is meant. */
static int check_sample(const struct command *cmd, const char *file, struct vac_err *err)
{
    char dir[4096];
    struct strbuf path = {0};
    int rc = 0;

    if (!file || !strstr(cmd->args, "FILE.json") || strncmp(file, "samples/", 8) ||
        !access(file, F_OK) || !files_samples(dir, sizeof dir))
        return 0;
    sb_printf(&path, "%s%s", dir, file + 7);
    if (!path.bad && !access(path.s, F_OK))
        rc = err_set(err, VAC_ERR_IO, "%s: not found (did you mean \"%s\"?)", file, path.s);
    sb_done(&path);
    return rc;
}

static int run_command(const struct command *cmd, int argc, char **argv, struct vac_err *err)
{
    void *values = mem_new(1, cmd->values, err);
    enum cli_wish wish = WISH_RUN;
    struct strbuf help = {0};
    int rc = -1;

    if (!values)
        return -1;
    if (!cli_parse(cmd, argc, argv, values, &wish, err)) {
        if (wish == WISH_HELP) {
            cli_command_help(cmd, &help);
            sb_puts(&help, "\nReport bugs to: " PACKAGE_BUGREPORT "\n");
            rc = cli_write(&help, err);
            sb_done(&help);
        } else if (wish == WISH_VERSION) {
            rc = show(put_version, err);
        } else if (!check_sample(cmd, argv[0], err)) {
            rc = cmd->run(values, argv, err);
        }
    }
    cli_values_done(cmd, values);
    free(values);
    return rc;
}

/* No command, but nothing, an option, or something on the disk: the workbench. */
static bool is_for_screen(int argc, char **argv)
{
    struct stat st;

    if (argc < 2)
        return true;
    if (command_named(argv[1]))
        return false;
    if (argv[1][0] == '-')
        return strcmp(argv[1], "--help") && strcmp(argv[1], "--version") &&
               (argc > 2 || cli_option_named(&command_screen, argv[1]));
    return !stat(argv[1], &st) || strchr(argv[1], '/') || strstr(argv[1], ".json");
}

static int run_line(int argc, char **argv, struct vac_err *err)
{
    const struct command *cmd;
    const char *near, *kind;

    if (is_for_screen(argc, argv))
        return run_command(&command_screen, argc - 1, argv + 1, err);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return show(put_help, err);
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
        return show(put_version, err);
    cmd = command_named(argv[1]);
    if (cmd)
        return run_command(cmd, argc - 2, argv + 2, err);
    near = err_nearest(argv[1], word_at, argv[1]);
    kind = argv[1][0] == '-' ? "option" : "command";
    return err_set(err, VAC_ERR_USAGE, "unknown %s \"%s\"%s%s%s; see vaccine --help", kind, argv[1],
                   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

/* A file that is opened must not become standard output because that was closed: what is printed
 * would go into it. What opens nowhere still takes its place with the root folder, which can be
 * neither read nor written. */
static void hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0 && open("/", O_RDONLY) < 0)
            _exit(STATUS_FAILED);
}

/* A mapped file that was cut is no reason to die: who reads it is told. */
static void on_bus(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code <= 0 || !vac_mend_map(info->si_addr))
        signal(number, SIG_DFL); /* comes again when this returns */
}

/* A BLAS that runs kernels older than this processor is told so. It chooses before main, so the
 * program starts again, once, or once more where those that were tried do not run or compute wrong
 * numbers. What the user has chosen stays. */
static void take_kernels(char **argv)
{
    static const char key[] = "OPENBLAS_CORETYPE", mark[] = "VACCINE_CORETYPE";
    const char *set = getenv(key), *ours = getenv(mark), *better;
    bool chosen = set && *set, tried = chosen && ours && !strcmp(set, ours);

    if ((chosen && !tried) || (ours && !*ours))
        return;
    better = openblas_better(tried ? ours : NULL,
                             tried && !selfcheck_products(products_find("openblas", NULL), NULL));
    if (!better || setenv(mark, better, 1) || (*better ? setenv(key, better, 1) : unsetenv(key)))
        return;
    execv("/proc/self/exe", argv);
    unsetenv(key); /* no such file here: it goes as it is */
}

int main(int argc, char **argv)
{
    struct sigaction bus = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct vac_err err = {0};
    int rc;

    take_kernels(argv);
    hold_standard_descriptors();
    /* A reader that has gone is an error of write like any other. */
    signal(SIGPIPE, SIG_IGN);
    /* So is a file that may not grow: a full disk. */
    signal(SIGXFSZ, SIG_IGN);
    sigaction(SIGBUS, &bus, NULL);
    rc = run_line(argc, argv, &err);
    if (rc >= 0 && fclose(stdout))
        err_errno(&err, "standard output");
    if (rc < 0) /* a failure is never taken for success because nobody said why */
        err_set(&err, VAC_ERR_IO, "failed without a reason: please report this");
    if (err.code == VAC_OK)
        return rc > 0 ? rc : STATUS_DONE;
    if (err.code == VAC_ERR_NO_CHECKPOINT) {
        size_t n = strlen(err.msg);

        snprintf(err.msg + n, sizeof err.msg - n,
                 ": begin again at step 0 with --from-start, which sets them aside");
    }
    cli_tell("vaccine: ", err.msg);
    return rc > 0 ? rc : err.code == VAC_ERR_USAGE ? STATUS_USAGE : STATUS_FAILED;
}
