/* io.h - files: mapped or whole for reading, replaced safely or appended for writing.
 *
 * Paths are as in path.h. EINTR is retried. Opening never waits: what is no regular file is refused
 * (but for an open descriptor's own name, /dev/fd/N). */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdio.h>
#include "base/map.h"
#include "base/mem.h"
#include "base/path.h"

/* The whole file, 0-terminated (len does not count that 0). Refuses more than `limit` bytes. */
char *file_read(const char *path, size_t limit, size_t *len, struct vac_err *err);
/* A descriptor of open(2) with these flags, and what it is; `what` is what cannot be done in the
 * error. */
int file_fd(const char *path, int flags, const char *what, struct stat *st, struct vac_err *err);
/* To be read line by line; who reads asks ferror at the end. */
FILE *stream_open(const char *path, struct vac_err *err);
/* Every name in a folder but "." and "..", in the order of their bytes; a visitor's result other than 0 ends it and
 * is returned. */
typedef int dir_visit(void *ctx, const char *name, struct vac_err *err);
int dir_each(const char *path, dir_visit *visit, void *ctx, struct vac_err *err);
int file_cut(const char *path, int64_t size, struct vac_err *err);
/* Puts bytes behind the `size` that the file has, whole or not at all, and on the disk. 1 when it is
 * not that long any more: another program has been faster. */
int file_extend(const char *path, int64_t size, const void *data, size_t n, struct vac_err *err);

/* Safe replacement: everything goes to PATH.tmp-PID; commit flushes, fsyncs, renames over PATH and
 * fsyncs the folder, so that after a crash PATH is either the old or the new content, whole.
 * out_abort removes the temporary file; after a commit or on a zeroed struct it does nothing. */
struct outfile {
    int fd; /* 0 in a zeroed struct means "not open": descriptors are kept above 2 */
    char *path, *tmp;
    unsigned char *buf;
    size_t used;
    uint64_t written; /* bytes put so far */
    uint32_t crc;     /* CRC-32C of all bytes put so far */
};
int out_open(struct outfile *f, const char *path, struct vac_err *err);
int out_put(struct outfile *f, const void *data, size_t n, struct vac_err *err);
int out_commit(struct outfile *f, struct vac_err *err);
void out_abort(struct outfile *f);
/* The same for a text that is there whole: DIR/name, or name when dir is "". */
int out_text(const char *dir, const char *name, const struct strbuf *text, struct vac_err *err);

/* Appending whole lines with one write(2) each, so that only the last can be torn. app_open cuts
 * such a torn line (no newline at its end) off; app_put adds the newline where the line has none,
 * and takes back what it wrote when it fails. */
struct appender {
    int fd; /* as above */
    char *path;
};
int app_open(struct appender *a, const char *path, struct vac_err *err);
int app_put(struct appender *a, const char *line, size_t n, struct vac_err *err);
int app_size(const struct appender *a, int64_t *size, struct vac_err *err);
int app_cut(struct appender *a, int64_t size, struct vac_err *err); /* to what app_size said */
/* Also fails when the name has become another file's: what was written would be lost. */
int app_sync(struct appender *a, struct vac_err *err);
void app_close(struct appender *a);

/* A new file TO of the bytes [from, end) of PATH, on the disk; a file that is shorter than a known end is an
 * error. end -1 = all of it. */
int file_copy(const char *path, int64_t from, int64_t end, const char *to, struct vac_err *err);

/* Seconds of a clock that never jumps. */
double clock_now(void);
#endif
