/* output.c - while a frame is made, the descriptor that curses writes to is a file in memory. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "term/output.h"

static struct {
    FILE *file; /* curses', on fd */
    int fd, kept;
} output = {.fd = -1, .kept = -1};

FILE *output_open(void)
{
    output.fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    output.file = output.fd >= 0 ? fdopen(output.fd, "w") : NULL;
    if (!output.file) {
        if (output.fd >= 0)
            close(output.fd);
        output.fd = -1;
        return NULL;
    }
#ifdef MFD_CLOEXEC
    output.kept = memfd_create("frame", MFD_CLOEXEC);
#endif
    return output.file;
}

void output_close(void)
{
    if (output.file)
        fclose(output.file);
    if (output.kept >= 0)
        close(output.kept);
    output.file = NULL;
    output.fd = output.kept = -1;
}

bool output_hold(void)
{
    return output.fd >= 0 && output.kept >= 0 && lseek(output.kept, 0, SEEK_SET) == 0 &&
           dup3(output.kept, output.fd, O_CLOEXEC) >= 0;
}

void output_write(const char *bytes, size_t n)
{
    struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};

    while (n) {
        ssize_t k = write(STDOUT_FILENO, bytes, n);

        if (k < 0 && errno == EAGAIN) {
            poll(&room, 1, -1);
            continue;
        }
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return;
        bytes += k;
        n -= (size_t)k;
    }
}

/* Few frames are longer than a piece. */
size_t output_release(const char *before, const char *after)
{
    char piece[16384];
    off_t n = lseek(output.kept, 0, SEEK_CUR);
    size_t have = strlen(before), end = strlen(after), sum = 0;

    dup3(STDOUT_FILENO, output.fd, O_CLOEXEC);
    if (n <= 0)
        return 0;
    memcpy(piece, before, have);
    for (off_t at = 0; at < n;) {
        size_t room = sizeof piece - have - end, left = (size_t)(n - at);
        ssize_t k = pread(output.kept, piece + have, left < room ? left : room, at);

        if (k <= 0)
            break;
        at += k;
        have += (size_t)k;
        if (at == n) {
            memcpy(piece + have, after, end);
            have += end;
        }
        output_write(piece, have);
        sum += have;
        have = 0;
    }
    return sum;
}

void output_abandon(int null)
{
    if (output.fd >= 0)
        dup3(null, output.fd, O_CLOEXEC);
}
