/* launch.c - see launch.h */
#include "guard/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

enum { OWN = 5 };

static char *pair(const char *key, const char *value, struct vac_err *err)
{
    struct strbuf s = {0};

    sb_printf(&s, "%s=%s", key, value);
    if (sb_ok(&s, err))
        sb_done(&s);
    return s.s;
}

static bool is_own(const char *entry, char *const *own)
{
    for (int i = 0; i < OWN; i++)
        if (!strncmp(entry, own[i], (size_t)(strchr(own[i], '=') - own[i]) + 1))
            return true;
    return false;
}

/* Ours and what of this program's is not called so; the first OWN are to be freed, and the array. */
static char **make_environment(const struct launch *l, struct vac_err *err)
{
    char step[24], guard[24];
    size_t n = 0, all = OWN;
    char **v;

    while (environ && environ[n])
        n++;
    v = mem_new(n + OWN + 1, sizeof *v, err);
    if (!v)
        return NULL;
    snprintf(step, sizeof step, "%lld", l->step);
    snprintf(guard, sizeof guard, "%lld", l->guard);
    v[0] = pair("VACCINE_RUN", l->run, err);
    v[1] = pair("VACCINE_STAGE", l->stage, err);
    v[2] = pair("VACCINE_STEP", step, err);
    v[3] = pair("VACCINE_GUARD", guard, err);
    v[4] = pair("VACCINE_REASON", l->reason, err);
    for (int i = 0; i < OWN; i++)
        if (!v[i])
            goto fail;
    for (size_t i = 0; i < n; i++)
        if (!is_own(environ[i], v))
            v[all++] = environ[i];
    return v;
fail:
    for (int i = 0; i < OWN; i++)
        free(v[i]);
    free(v);
    return NULL;
}

int launch_start(const struct launch *l, pid_t *pid, struct vac_err *err)
{
    static const int reset[] = {SIGPIPE, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD, SIGXFSZ};
    posix_spawn_file_actions_t act;
    posix_spawnattr_t attr;
    sigset_t none, defaults;
    char **env = make_environment(l, err);
    int rc;

    if (!env)
        return -1;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (size_t i = 0; i < sizeof reset / sizeof *reset; i++)
        sigaddset(&defaults, reset[i]);
    rc = posix_spawn_file_actions_init(&act);
    if (rc)
        goto no_actions;
    rc = posix_spawnattr_init(&attr);
    if (rc)
        goto no_attr;
    if ((rc = posix_spawn_file_actions_addopen(&act, 0, "/dev/null", O_RDONLY, 0)) == 0 &&
        (rc = posix_spawn_file_actions_addopen(&act, 1, l->log, O_WRONLY | O_CREAT | O_APPEND,
                                               0666)) == 0 &&
        (rc = posix_spawn_file_actions_adddup2(&act, 1, 2)) == 0 &&
        (rc = posix_spawnattr_setsigmask(&attr, &none)) == 0 &&
        (rc = posix_spawnattr_setsigdefault(&attr, &defaults)) == 0 &&
        (rc = posix_spawnattr_setpgroup(&attr, 0)) == 0 &&
        (rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                  POSIX_SPAWN_SETPGROUP)) == 0)
        rc = posix_spawnp(pid, l->word[0], &act, &attr, l->word, env);
    posix_spawnattr_destroy(&attr);
no_attr:
    posix_spawn_file_actions_destroy(&act);
no_actions:
    for (int i = 0; i < OWN; i++)
        free(env[i]);
    free(env);
    errno = rc;
    return rc ? err_errno(err, "guard %lld: %.100s", l->guard, l->word[0]) : 0;
}
