/* mend.c - see mend.h */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "term/files.h"
#include "term/screen.h"
#include "ui/frame.h"
#include "ui/mend.h"

static struct {
    char path[VAC_PATH], line[24], label[128];
    void (*again)(struct ui *ui, const char *path);
} fault;

/* The first line that holds "key", the last part of "stages[0].rho"; 1 = none does. */
static long line_of_key(const char *path, const char *key, size_t n)
{
    char line[4096], quoted[VAC_NAME + 4];
    FILE *f = files_open(path);
    long at = 0, found = 1;

    snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)n, key);
    while (f && fgets(line, sizeof line, f) && found == 1) {
        at++;
        if (strstr(line, quoted))
            found = at;
    }
    if (f)
        fclose(f);
    return found;
}

/* Of "FILE:4:19: ..." the 4; of "FILE: stages[0].rho: ..." the line of that key. */
static long line_of(const char *path, const char *why)
{
    size_t n = strlen(path), from, len;
    const char *s = strstr(why, path);
    long line;

    s = s ? s + n : why;
    if (*s == ':' && (line = strtol(s + 1, NULL, 10)) > 0)
        return line;
    s += strspn(s, ": ");
    for (len = strcspn(s, ": "); len > 0 && s[len - 1] == ']';)
        while (len > 0 && s[--len] != '[')
            ;
    for (from = len; from > 0 && (isalnum((unsigned char)s[from - 1]) || s[from - 1] == '_');)
        from--;
    return len > from && len - from < VAC_NAME ? line_of_key(path, s + from, len - from) : 1;
}

static void edit(void *unused)
{
    pid_t pid;
    sigset_t none;
    int status;

    (void)unused;
    pid = fork();
    if (pid == 0) {
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execl("/bin/sh", "sh", "-c", "exec ${VISUAL:-${EDITOR:-vi}} \"+$1\" \"$2\"", "sh",
              fault.line, fault.path, (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
}

static void answered(struct ui *ui, int key)
{
    if (key == 'e')
        screen_aside(edit, NULL);
    fault.again(ui, fault.path);
}

bool mend_offer(struct ui *ui, const char *path, const struct vac_err *why,
                void (*again)(struct ui *ui, const char *path))
{
    const char *editor = getenv("VISUAL");
    struct stat st;

    if (why->code == VAC_ERR_STOPPED || /* it was left */
        why->code == VAC_ERR_USAGE ||   /* the file is sound */
        !screen_is_open() || ui->priv->script || ui->priv->args->script || stat(path, &st) ||
        !S_ISREG(st.st_mode) || strlen(path) >= VAC_PATH)
        return false;
    if (!editor || !*editor)
        editor = getenv("EDITOR");
    if (!editor || !*editor)
        editor = "vi";
    snprintf(fault.path, sizeof fault.path, "%s", path);
    snprintf(fault.line, sizeof fault.line, "%ld", line_of(path, why->msg));
    snprintf(fault.label, sizeof fault.label, "open it in %.30s at line %s, then read it again",
             editor, fault.line);
    fault.again = again;
    dialog_open(&(struct dialog){.title = "This run file has a fault",
                                 .text = why->msg,
                                 .choice = {{'e', fault.label}, {'r', "read it again"}},
                                 .enter = 'e',
                                 .done = answered});
    return true;
}

bool mend_is_sound(const char *path, struct vac_err *err)
{
    struct vac_open o = {.file = path, .interactive = true};
    struct vac_session *s;
    struct stat st;

    if (stat(path, &st)) {
        err_errno(err, "%s", path);
        return false;
    }
    if (S_ISDIR(st.st_mode)) {
        char *config = vac_run_config(path, err);

        free(config);
        return config != NULL;
    }
    if (vac_session_open(&s, &o, err))
        return false;
    vac_session_close(s);
    return true;
}
