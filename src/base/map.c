/* map.c - see map.h */
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/io.h"

/* What a signal handler may have to know of a mapping. Sources are never given back, only used
 * again: a handler may be walking the list at any moment. */
struct map_source {
    _Atomic uintptr_t begin; /* 0 = free */
    atomic_size_t len;
    atomic_bool torn;
    char *path;
    struct stat st;
    struct map_source *next;
};
static struct map_source *_Atomic sources;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

/* One whose begin is still 0, which is nobody else's while the guard is held. */
static struct map_source *source_find(struct vac_err *err)
{
    struct map_source *s = atomic_load(&sources);

    while (s && atomic_load(&s->begin))
        s = s->next;
    if (s)
        return s;
    s = mem_new(1, sizeof *s, err);
    if (s) {
        s->next = atomic_load(&sources);
        atomic_store(&sources, s);
    }
    return s;
}

static int source_take(struct mapping *m, const char *path, const struct stat *st,
                       struct vac_err *err)
{
    char *copy = mem_strdup(path, err);
    struct map_source *s;

    pthread_mutex_lock(&guard);
    s = copy ? source_find(err) : NULL;
    if (s) {
        s->path = copy;
        s->st = *st;
        atomic_store(&s->torn, false);
        atomic_store(&s->len, m->len);
        atomic_store(&s->begin, (uintptr_t)m->data);
    }
    pthread_mutex_unlock(&guard);
    m->source = s;
    if (!s)
        free(copy);
    return s ? 0 : -1;
}

int map_open(struct mapping *m, const char *path, struct vac_err *err)
{
    struct stat st;
    int fd = file_fd(path, O_RDONLY, "open", &st, err), rc = -1;
    void *p;

    *m = (struct mapping){0};
    if (fd < 0)
        return -1;
    if (!S_ISREG(st.st_mode)) {
        err_set(err, VAC_ERR_IO, "%s: is not a regular file and cannot be mapped", path);
        goto out;
    }
    if ((uintmax_t)st.st_size > PTRDIFF_MAX) {
        err_set(err, VAC_ERR_MEMORY, "%s: too large to map on this machine", path);
        goto out;
    }
    if (st.st_size > 0) {
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            path_error(path, "map", err);
            goto out;
        }
        m->data = p;
        m->len = (size_t)st.st_size;
        if (source_take(m, path, &st, err)) {
            map_close(m);
            goto out;
        }
    }
    rc = 0;
out:
    close(fd);
    return rc;
}

void map_close(struct mapping *m)
{
    if (!m)
        return;
    if (m->source) {
        pthread_mutex_lock(&guard);
        free(m->source->path);
        m->source->path = NULL;
        atomic_store(&m->source->begin, 0);
        pthread_mutex_unlock(&guard);
    }
    if (m->data)
        munmap((void *)(uintptr_t)m->data, m->len);
    *m = (struct mapping){0};
}

bool map_torn(const struct mapping *m)
{
    return m->source && atomic_load(&m->source->torn);
}

int map_check(const struct mapping *m, struct vac_err *err)
{
    const struct map_source *s = m->source;
    struct stat now;
    const char *what = NULL;

    if (!s)
        return 0;
    if (atomic_load(&s->torn))
        what = "was cut, or cannot be read any more,";
    else if (path_stat(s->path, &now))
        return 0; /* removed, or out of sight: what is mapped stays */
    else if (now.st_dev != s->st.st_dev || now.st_ino != s->st.st_ino)
        what = "was replaced by another file";
    else if (now.st_size != s->st.st_size || now.st_mtim.tv_sec != s->st.st_mtim.tv_sec ||
             now.st_mtim.tv_nsec != s->st.st_mtim.tv_nsec)
        what = now.st_size < s->st.st_size ? "was cut" : "was written to";
    return what ? err_set(err, VAC_ERR_IO, "%s: %s while it was in use: put the old file back",
                          s->path, what)
                : 0;
}

bool map_mend(const void *address)
{
    uintptr_t at = (uintptr_t)address, page = (uintptr_t)sysconf(_SC_PAGESIZE);
    int saved = errno;

    for (struct map_source *s = atomic_load(&sources); s; s = s->next) {
        uintptr_t begin = atomic_load(&s->begin), end = begin + atomic_load(&s->len);
        void *p = (void *)(at / page * page);

        if (!begin || at < begin || at >= (end + page - 1) / page * page)
            continue;
        atomic_store(&s->torn, true);
        /* all that follows: what a cut has taken is at the end */
        p = mmap(p, (end + page - 1) / page * page - (uintptr_t)p, PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
        errno = saved;
        return p != MAP_FAILED;
    }
    errno = saved;
    return false;
}

void map_forget(const void *data, size_t n)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)data, end = begin + n;

    begin = (begin + page - 1) / page * page;
    end = end / page * page;
    if (begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}
