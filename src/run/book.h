/* book.h - a run's folder while it is written to: each line is waited for when the disk is full. */
#ifndef RUN_BOOK_H
#define RUN_BOOK_H

#include "proof/chain.h"
#include "record/folder.h"
#include "run/steer.h"

struct book {
    struct folder folder;
    cJSON *pins;               /* what checkpoints stand on: see pins.h */
    int64_t mark[LINES_COUNT]; /* sizes of the line files when the present duty began */
    bool marked;               /* it is under way, or failed: its lines do not count */
    struct chain chain;        /* that proves what is in it */
    bool shut;                 /* the run is only looked at: nothing is written, nor waited for */
    struct steer *steer;
};
/* Journal line: written, fsynced, and shown. */
int book_journal(struct book *b, const struct journal_entry *e, struct vac_err *err);
/* The line of what has taken effect: when it cannot be written the run fails, not the command. */
void book_tell(struct book *b, const struct journal_entry *e);
int book_line(struct book *b, enum line_file which, const struct strbuf *line, struct vac_err *err);
/* Around what writes several lines, so that all of them stand or none: `rc` is how it went, and
 * what book_end returns. A checkpoint that is saved after a failure does not know those lines. */
int book_begin(struct book *b, struct vac_err *err);
int book_end(struct book *b, int rc, struct vac_err *err);
/* A link of the chain, of all that is new by now; see chain.h. */
int book_link(struct book *b, const char *why, struct vac_err *err);
/* Before a folder of it is written anew. */
int book_rewrite(struct book *b, const char *folder, struct vac_err *err);
void book_tick(struct book *b); /* of lines alone, when it is time for one */
#endif
