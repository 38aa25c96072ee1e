/* shim.c - makes one chosen call of a program fail, or counts the calls that could.
 *
 * Preloaded. FAULT_CALLS names the calls that are counted, from the beginning of main to its end:
 * alloc (malloc, calloc, realloc and their kin) and, of files whose path contains FAULT_PATH, open,
 * read, write, sync, rename, link, mkdir, remove, cut, close, map, stat, list, lock, and besides pipe
 * and thread.
 *     FAULT_COUNT=FILE  nothing fails; at the end the number of calls is written into FILE
 *     FAULT_AT=K        the K-th call fails, with FAULT_ERRNO (a number; EIO when absent)
 *     FAULT_SHORT=1     a failing write has written half before
 *     FAULT_HANG=FILE   it does not fail: it makes FILE, and waits for ever
 * What the providers of products and the OpenMP library allocate, and the threads they start, are
 * not counted: the BLAS does not ask whether it got any, and the others end the program when they
 * did not.
 * Allocations are too many to fail each of them. They are told apart by the path of calls that
 * leads to them, whose hash does not depend on where the program lies:
 *     FAULT_PATHS=FILE  nothing fails; at the end each path and how often it was taken, "HASH N"
 *     FAULT_AT=K with FAULT_HASH=HASH: the K-th allocation of that path fails */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DEPTH = 12, FAR = 32, PATHS = 1 << 15, MODULES = 64 };
enum caller { PASSES_ON, OURS, NOT_OURS };

static atomic_long calls;
static long at;
static int number = EIO, half, ready;
static const char *wanted = "", *part, *count_file, *paths_file, *hang;
static uint64_t hash_wanted;
static struct {
    _Atomic uint64_t hash;
    atomic_long n;
} paths[PATHS];
static struct {
    uintptr_t from, to;
    enum caller caller;
} module[MODULES];
static int modules;
static _Thread_local int inside; /* of the shim: its own allocations are no calls */

/* --- which call --- */

static int is_wanted(const char *name)
{
    size_t n = strlen(name);
    const char *p = wanted;

    if (!ready || inside)
        return 0;
    for (; (p = strstr(p, name)); p += n)
        if ((p == wanted || p[-1] == ',') && (p[n] == ',' || !p[n]))
            return 1;
    return 0;
}

static int fails(const char *name)
{
    if (!is_wanted(name) || atomic_fetch_add(&calls, 1) + 1 != at)
        return 0;
    if (!hang)
        return 1;
    syscall(SYS_close, (int)syscall(SYS_openat, AT_FDCWD, hang, O_CREAT | O_WRONLY, 0600));
    for (;;)
        pause();
}

static int is_ours(int fd)
{
    char link[40], path[4096];
    ssize_t n;

    if (!part)
        return 1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = syscall(SYS_readlink, link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    return strstr(path, part) != NULL;
}

static int path_fails(const char *name, int dir, const char *path)
{
    if (!is_wanted(name))
        return 0;
    return (!part || strstr(path, part) || (*path != '/' && dir >= 0 && is_ours(dir))) &&
           fails(name);
}

static int fd_fails(const char *name, int fd)
{
    return fd > 2 && is_wanted(name) && is_ours(fd) && fails(name);
}

/* --- who calls --- */

static int begins(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* This shim, the libraries of C and C++ and the loader only pass on what another asks for. */
static enum caller caller_of(const char *name)
{
    if (strstr(name, "shim") || begins(name, "libc.so") || begins(name, "ld-") ||
        begins(name, "libpthread") || begins(name, "libstdc++") || begins(name, "libgcc_s"))
        return PASSES_ON;
    if (strstr(name, "blas") || begins(name, "libdnnl") || begins(name, "libgomp") ||
        begins(name, "libomp") || begins(name, "libiomp"))
        return NOT_OURS;
    return OURS;
}

static int note_module(struct dl_phdr_info *info, size_t size, void *data)
{
    const char *slash = strrchr(info->dlpi_name, '/');
    const char *name = slash ? slash + 1 : info->dlpi_name;

    (void)size;
    (void)data;
    for (int i = 0; i < info->dlpi_phnum && modules < MODULES; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
            module[modules].from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            module[modules].to = module[modules].from + info->dlpi_phdr[i].p_memsz;
            module[modules].caller = caller_of(name);
            modules++;
        }
    return 0;
}

/* 0 when it is the BLAS or the OpenMP library that asks: the first that does not only pass on. */
static uint64_t path_hash(void)
{
    void *frame[FAR];
    enum caller asks = PASSES_ON;
    int n;
    uint64_t h = 1469598103934665603u;

    inside = 1;
    n = backtrace(frame, FAR);
    inside = 0;
    for (int i = 0; i < n && (i < DEPTH || asks == PASSES_ON); i++) {
        uintptr_t a = (uintptr_t)frame[i];
        int m = 0;

        while (m < modules && (a < module[m].from || a >= module[m].to))
            m++;
        if (m < modules) {
            if (asks == PASSES_ON)
                asks = module[m].caller;
            a = a - module[m].from + ((uintptr_t)m << 40);
        }
        h = (h ^ a) * 1099511628211u;
    }
    return asks == NOT_OURS ? 0 : h ? h : 1;
}

/* --- allocations, by the path of calls --- */

static long note_path(uint64_t h)
{
    for (size_t i = h % PATHS;; i = (i + 1) % PATHS) {
        uint64_t none = 0;

        if (paths[i].hash == h || atomic_compare_exchange_strong(&paths[i].hash, &none, h) ||
            none == h)
            return atomic_fetch_add(&paths[i].n, 1) + 1;
    }
}

static __attribute__((noinline)) int alloc_fails(void)
{
    uint64_t h;
    int yes;

    if (!is_wanted("alloc") || !(h = path_hash()))
        return 0;
    if (paths_file || hash_wanted)
        yes = (paths_file || h == hash_wanted) && note_path(h) == at;
    else
        yes = atomic_fetch_add(&calls, 1) + 1 == at;
    if (yes)
        errno = ENOMEM;
    return yes;
}

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t n)
{
    return alloc_fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return alloc_fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return alloc_fails() ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t a, size_t n)
{
    return alloc_fails() ? NULL : __libc_memalign(a, n);
}

int posix_memalign(void **out, size_t a, size_t n)
{
    void *p = alloc_fails() ? NULL : __libc_memalign(a, n);

    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

/* --- files --- */

#define FAIL                                                                                       \
    do {                                                                                           \
        errno = number;                                                                            \
        return -1;                                                                                 \
    } while (0)
#define NEXT(name)                                                                                 \
    static __typeof__(name) *next;                                                                 \
    if (!next)                                                                                     \
    next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int open_as(int dir, const char *path, int flags, mode_t mode)
{
    if (path_fails("open", dir, path))
        FAIL;
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define OPEN_MODE                                                                                  \
    va_list ap;                                                                                    \
    mode_t mode;                                                                                   \
    va_start(ap, flags);                                                                           \
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;                                 \
    va_end(ap)

int open(const char *path, int flags, ...)
{
    OPEN_MODE;
    return open_as(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    OPEN_MODE;
    return open_as(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    OPEN_MODE;
    return open_as(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
    OPEN_MODE;
    return open_as(dir, path, flags, mode);
}

ssize_t read(int fd, void *p, size_t n)
{
    if (fd_fails("read", fd))
        FAIL;
    return syscall(SYS_read, fd, p, n);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t from)
{
    if (fd_fails("read", fd))
        FAIL;
    return syscall(SYS_pread64, fd, p, n, from);
}

ssize_t pread(int fd, void *p, size_t n, off_t from)
{
    return pread64(fd, p, n, from);
}

/* Lines are read by the C library's own read, which nobody can come before. */
ssize_t getdelim(char **line, size_t *cap, int end, FILE *f)
{
    NEXT(getdelim);
    if (fd_fails("read", fileno(f))) {
        f->_flags |= 0x20; /* what ferror looks at */
        FAIL;
    }
    return next(line, cap, end, f);
}

ssize_t getline(char **line, size_t *cap, FILE *f)
{
    return getdelim(line, cap, '\n', f);
}

ssize_t write(int fd, const void *p, size_t n)
{
    if (fd_fails("write", fd)) {
        if (half && n > 1) {
            half = 0;
            at++; /* the rest comes again, and fails */
            return syscall(SYS_write, fd, p, n / 2);
        }
        FAIL;
    }
    return syscall(SYS_write, fd, p, n);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t to)
{
    if (fd_fails("write", fd))
        FAIL;
    return syscall(SYS_pwrite64, fd, p, n, to);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t to)
{
    return pwrite64(fd, p, n, to);
}

/* What is printed. */
int fflush(FILE *f)
{
    NEXT(fflush);
    if (f == stdout && !part && fails("write"))
        FAIL;
    return next(f);
}

int fsync(int fd)
{
    if (fd_fails("sync", fd))
        FAIL;
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    if (fd_fails("sync", fd))
        FAIL;
    return (int)syscall(SYS_fdatasync, fd);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    if (path_fails("rename", a, from))
        FAIL;
    return (int)syscall(SYS_renameat2, a, from, b, to, flags);
}

int renameat(int a, const char *from, int b, const char *to)
{
    return renameat2(a, from, b, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int a, const char *from, int b, const char *to, int flags)
{
    if (path_fails("link", b, to))
        FAIL;
    return (int)syscall(SYS_linkat, a, from, b, to, flags);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    if (path_fails("mkdir", dir, path))
        FAIL;
    return (int)syscall(SYS_mkdirat, dir, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int unlinkat(int dir, const char *path, int flags)
{
    if (path_fails("remove", dir, path))
        FAIL;
    return (int)syscall(SYS_unlinkat, dir, path, flags);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int ftruncate64(int fd, off64_t n)
{
    if (fd_fails("cut", fd))
        FAIL;
    return (int)syscall(SYS_ftruncate, fd, n);
}

int ftruncate(int fd, off_t n)
{
    return ftruncate64(fd, n);
}

int truncate64(const char *path, off64_t n)
{
    if (path_fails("cut", AT_FDCWD, path))
        FAIL;
    return (int)syscall(SYS_truncate, path, n);
}

int truncate(const char *path, off_t n)
{
    return truncate64(path, n);
}

/* The descriptor is gone all the same, as on Linux. */
int close(int fd)
{
    int bad = fd_fails("close", fd), rc = (int)syscall(SYS_close, fd);

    if (bad)
        FAIL;
    return rc;
}

void *mmap64(void *p, size_t n, int prot, int flags, int fd, off64_t from)
{
    if (fd >= 0 && fd_fails("map", fd)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, p, n, prot, flags, fd, from);
}

void *mmap(void *p, size_t n, int prot, int flags, int fd, off_t from)
{
    return mmap64(p, n, prot, flags, fd, from);
}

int fstatat64(int dir, const char *restrict path, struct stat64 *restrict out, int flags)
{
    if (path_fails("stat", dir, path))
        FAIL;
    return (int)syscall(SYS_newfstatat, dir, path, out, flags);
}

int fstatat(int dir, const char *restrict path, struct stat *restrict out, int flags)
{
    return fstatat64(dir, path, (struct stat64 *)out, flags);
}

int stat(const char *restrict path, struct stat *restrict out)
{
    return fstatat(AT_FDCWD, path, out, 0);
}

int stat64(const char *restrict path, struct stat64 *restrict out)
{
    return fstatat64(AT_FDCWD, path, out, 0);
}

int lstat(const char *restrict path, struct stat *restrict out)
{
    return fstatat(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}

int fstat(int fd, struct stat *out)
{
    if (fd_fails("stat", fd))
        FAIL;
    return (int)syscall(SYS_fstat, fd, out);
}

int fstat64(int fd, struct stat64 *out)
{
    return fstat(fd, (struct stat *)out);
}

struct dirent *readdir(DIR *d)
{
    NEXT(readdir);
    if (fd_fails("list", dirfd(d))) {
        errno = number;
        return NULL;
    }
    return next(d);
}

struct dirent64 *readdir64(DIR *d)
{
    return (struct dirent64 *)readdir(d);
}

static int fcntl_as(int fd, int what, void *arg)
{
    if (what == F_SETLK && fd_fails("lock", fd))
        FAIL;
    return (int)syscall(SYS_fcntl, fd, what, arg);
}

int fcntl(int fd, int what, ...)
{
    va_list ap;
    void *arg;

    va_start(ap, what);
    arg = va_arg(ap, void *);
    va_end(ap);
    return fcntl_as(fd, what, arg);
}

int fcntl64(int fd, int what, ...)
{
    va_list ap;
    void *arg;

    va_start(ap, what);
    arg = va_arg(ap, void *);
    va_end(ap);
    return fcntl_as(fd, what, arg);
}

int pipe2(int fd[2], int flags)
{
    if (fails("pipe"))
        FAIL;
    return (int)syscall(SYS_pipe2, fd, flags);
}

int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x)
{
    NEXT(pthread_create);
    return is_wanted("thread") && path_hash() && fails("thread") ? EAGAIN : next(t, a, f, x);
}

/* --- from main's beginning to its end --- */

static void put_counts(void)
{
    FILE *f;

    ready = 0;
    if (count_file && (f = fopen(count_file, "w"))) {
        fprintf(f, "%ld\n", (long)calls);
        fclose(f);
    }
    if (paths_file && (f = fopen(paths_file, "w"))) {
        for (size_t i = 0; i < PATHS; i++)
            if (paths[i].hash)
                fprintf(f, "%016llx %ld\n", (unsigned long long)paths[i].hash, (long)paths[i].n);
        fclose(f);
    }
}

static int (*program)(int, char **, char **);

static int counted(int argc, char **argv, char **env)
{
    const char *p;
    int rc;

    wanted = (p = getenv("FAULT_CALLS")) ? p : "";
    part = getenv("FAULT_PATH");
    count_file = getenv("FAULT_COUNT");
    paths_file = getenv("FAULT_PATHS");
    at = (p = getenv("FAULT_AT")) ? atol(p) : 0;
    number = (p = getenv("FAULT_ERRNO")) ? atoi(p) : EIO;
    half = getenv("FAULT_SHORT") != NULL;
    hang = getenv("FAULT_HANG");
    hash_wanted = (p = getenv("FAULT_HASH")) ? strtoull(p, NULL, 16) : 0;
    unsetenv("LD_PRELOAD"); /* for programs that this one starts */
    dl_iterate_phdr(note_module, NULL);
    path_hash(); /* the first time it loads what it needs */
    ready = 1;
    rc = program(argc, argv, env);
    put_counts();
    return rc;
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    NEXT(__libc_start_main);
    program = main;
    return next(counted, argc, argv, init, fini, rtld_fini, stack_end);
}
