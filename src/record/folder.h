/* folder.h - a run's folder: its lock, its identity, its line files.
 *
 * run.json is written once, atomically; a folder with a run.json holds a run. The line files
 * (metrics, layers, probes, eval/history) only grow; a checkpoint remembers their sizes, and going
 * on from it sets what follows aside (aside.h), so that every step stands there once. The journal
 * keeps everything. */
#ifndef RECORD_FOLDER_H
#define RECORD_FOLDER_H

#include "base/inside.h"
#include "base/io.h"
#include "base/lock.h"
#include "record/journal.h"

enum line_file {
    LINES_METRICS,
    LINES_LAYERS,
    LINES_PROBES,
    LINES_HISTORY,
    LINES_JOURNAL,
    LINES_COUNT
};
extern const char *const line_files[LINES_COUNT]; /* paths inside the folder */

struct folder {
    char *dir;
    bool entered; /* see base/inside.h */
    struct lock lock;
    struct appender lines[LINES_COUNT];
    uint64_t journal_seq;
};

/* Makes runs/<name>-NNN, the first number that nobody has: its path. Free it. */
char *folder_make(const char *run_file, struct vac_err *err);
/* 1 = yes, 0 = no, -1 and err = it cannot be told just now: that is neither. */
int folder_holds_run(const char *dir, struct vac_err *err);
/* For who needs one: -1 and err also when it holds none, or is none. */
int folder_with_run(const char *dir, struct vac_err *err);
int folder_is_free(const char *dir, struct vac_err *err); /* 0, or -1 and err: it holds a run */
int folder_finished(const char *dir, bool *yes, struct vac_err *err); /* final/ stands */
/* Makes the folder where it is missing, enters it and takes its lock (VAC_ERR_BUSY names the
 * holder). */
int folder_open(struct folder *f, const char *dir, struct vac_err *err);
void folder_close(struct folder *f);
char *folder_path(const struct folder *f, const char *name, struct vac_err *err);

/* Opens the line files for appending (after folder_cut when a run goes on; then the journal, which
 * nothing cuts, was opened before). */
int folder_lines(struct folder *f, struct vac_err *err);
int folder_journal_open(struct folder *f, struct vac_err *err);
/* Removes what a killed program left half-made: names that only this program gives, of these
 * stages. Only for who holds the lock. */
void folder_sweep(const struct folder *f, const char *const *stages, size_t n);
/* Sizes of the open line files. */
int folder_sizes(const struct folder *f, int64_t size[LINES_COUNT], struct vac_err *err);
/* Takes back what was appended (but to the journal) since folder_sizes. */
int folder_take_back(struct folder *f, const int64_t size[LINES_COUNT], struct vac_err *err);
/* 0 when the file is missing. */
int folder_size(const struct folder *f, enum line_file which, int64_t *size, struct vac_err *err);
/* Whether none of the line files (without the journal) is shorter than this. */
int folder_fits(const struct folder *f, const int64_t size[LINES_COUNT], struct vac_err *err);
/* Cuts them to these sizes. */
int folder_cut(struct folder *f, const int64_t size[LINES_COUNT], struct vac_err *err);
int folder_line(struct folder *f, enum line_file which, const struct strbuf *line,
                struct vac_err *err);
int folder_sync(struct folder *f, struct vac_err *err); /* fsync of all line files */

/* Appends and fsyncs one line. */
int folder_journal(struct folder *f, const struct journal_entry *e, struct vac_err *err);

/* Renames the complete folder `from` to `to` (both in dir), replacing what stands there: `to` is
 * never missing. */
int folder_swap(const char *dir, const char *from, const char *to, struct vac_err *err);
#endif
