/* files.c - see files.h */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "term/files.h"

FILE *files_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), number = EINVAL;
    struct stat st;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st))
        number = errno;
    else if (S_ISREG(st.st_mode) ||
             (!strncmp(path, "/dev/fd/", 8) && !fcntl(fd, F_SETFL, O_RDONLY)))
        return fdopen(fd, "r");
    close(fd);
    errno = number;
    return NULL;
}

const char *files_state_dir(char out[STATE_PATH])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *slash;

    if (state && *state == '/')
        snprintf(out, STATE_PATH, "%s/vaccine", state);
    else if (home && *home)
        snprintf(out, STATE_PATH, "%s/.local/state/vaccine", home);
    else
        return strcpy(out, "");
    for (slash = out + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(out, 0700);
        *slash = '/';
    }
    if (mkdir(out, 0700) && errno != EEXIST)
        *out = '\0';
    return out;
}

/* Whether the folder is there; then its path without "..". */
static bool is_folder(char *dir, size_t size)
{
    char *real = realpath(dir, NULL);
    struct stat st;
    bool yes = real && stat(real, &st) == 0 && S_ISDIR(st.st_mode) && strlen(real) < size;

    if (yes)
        strcpy(dir, real);
    free(real);
    return yes;
}

/* Whether it is ours: where the program was built a folder of that name holds what was compiled. */
static bool holds_samples(const char *dir)
{
    char one[PATH_MAX];

    return (size_t)snprintf(one, sizeof one, "%s/lab/lab.json", dir) < sizeof one &&
           access(one, R_OK) == 0;
}

/* The program itself tells first, so that a copy of what was installed finds its own samples. */
bool files_samples(char *dir, size_t size)
{
    static const char *const places[] = {"/samples", "/../share/vaccine/samples", "/../samples"};
    char exe[PATH_MAX] = "";
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    const char *beside = n > 0 ? dirname(exe) : NULL;

    for (size_t i = 0; beside && i < sizeof places / sizeof *places; i++)
        if ((size_t)snprintf(dir, size, "%s%s", beside, places[i]) < size && is_folder(dir, size) &&
            holds_samples(dir))
            return true;
#ifdef PKGDATADIR
    return (size_t)snprintf(dir, size, "%s", PKGDATADIR "/samples") < size && is_folder(dir, size);
#else
    return false;
#endif
}
