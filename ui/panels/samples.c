/* samples.c - see samples.h */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "panels/samples.h"

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

/* The program itself tells first, so that a copy of what was installed finds its own samples. */
bool samples_find(char *dir, size_t size)
{
    static const char *const places[] = {"/samples", "/../share/vaccine/samples", "/../samples"};
    char exe[PATH_MAX] = "";
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    const char *beside = n > 0 ? dirname(exe) : NULL;

    for (size_t i = 0; beside && i < sizeof places / sizeof *places; i++)
        if ((size_t)snprintf(dir, size, "%s%s", beside, places[i]) < size && is_folder(dir, size))
            return true;
#ifdef PKGDATADIR
    return (size_t)snprintf(dir, size, "%s", PKGDATADIR "/samples") < size && is_folder(dir, size);
#else
    return false;
#endif
}
