/* err.h - how everything in the core fails.
 *
 * A function that can fail returns 0 or -1 (or a pointer or NULL) and fills a struct vac_err, always
 * its last argument. The message is one line, complete for the user: it names the file, key or line,
 * what is wrong, and what would be right. The first error wins: setting a second one is ignored, and
 * callers on the way up only put something in front. The core never prints and never exits. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

enum vac_code {
    VAC_OK = 0,
    VAC_ERR_USAGE,        /* the user asked for something that makes no sense: exit 2 */
    VAC_ERR_IO,           /* the world: open, read, write, rename failed */
    VAC_ERR_SPACE,        /* the world: no space left on the device, file too large */
    VAC_ERR_FORMAT,       /* a file does not hold what it should */
    VAC_ERR_UNSUPPORTED,  /* a file holds something right that we do not implement */
    VAC_ERR_MEMORY,       /* out of memory, or a plan that cannot fit */
    VAC_ERR_NUMERIC,      /* NaN or Inf where a number must stand */
    VAC_ERR_BUSY,         /* somebody else holds the lock */
    VAC_ERR_STOPPED,      /* asked to stop */
    VAC_ERR_NO_CHECKPOINT /* a run can only begin again, and was not told to */
};

struct vac_err {
    int code; /* enum vac_code */
    char msg[512];
};

/* Each returns -1, so that a caller can write `return err_set(...)`. err may be NULL.
 * The message may quote untrusted files: what utf8_is_unsafe names is written as an escape. */
int err_set(struct vac_err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "PREFIX: " in front of the message of an error that is set; nothing on one that is not. */
int err_prefix(struct vac_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As err_set with ": " and the text of errno behind it; ENOSPC, EDQUOT and EFBIG become VAC_ERR_SPACE. */
int err_errno(struct vac_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Forgets the error, for a caller that has dealt with it. */
void err_clear(struct vac_err *err);

/* The candidate nearest to `word` in edit distance (at most a third of its length and 3), or NULL.
 * `at(ctx, i)` gives candidate i, NULL after the last. For "did you mean". */
const char *err_nearest(const char *word, const char *(*at)(const void *ctx, size_t i),
                        const void *ctx);
#endif
