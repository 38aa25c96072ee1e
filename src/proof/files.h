/* files.h - the files of a run's folder: which there are, what they are, and what they hold. */
#ifndef PROOF_FILES_H
#define PROOF_FILES_H

#include "base/io.h"

enum files_kind {
    FILES_OWN,    /* the run's: written whole, never changed after that */
    FILES_LINES,  /* the run's: lines that are added to */
    FILES_ADDED,  /* lines that others add, each with a link of its own */
    FILES_MADE,   /* for other tools, made anew from the run's as it goes on */
    FILES_CHAIN,  /* the chain itself */
    FILES_NEVER,  /* covered by nothing, by design: lock, socket, a report */
    FILES_HALF,   /* half-made by a program that was killed */
    FILES_UNKNOWN /* nothing of the run's */
};
enum files_kind files_kind(const char *name); /* of a path inside the folder */

/* Every file of DIR, with its path in there, folders in the order of their names; below attacks/, whose runs
 * are runs of their own, none. A visitor's result other than 0 ends it and is returned. */
typedef int files_visitor(void *ctx, const char *name, const struct stat *st, struct vac_err *err);
int files_each(const char *dir, files_visitor *visit, void *ctx, struct vac_err *err);

enum { FILES_HASH = 65 };
/* What DIR/NAME holds: its SHA-256, or, of more than 64 MiB, "crc32c:01234567:BYTES", which takes a fiftieth of
 * the time of it and finds what was damaged, though not what was forged. */
int files_hash(const char *dir, const char *name, char out[FILES_HASH], struct vac_err *err);
#endif
