/* book.c - see book.h */
#include "run/book.h"

#include <stdio.h>

#include "record/folder.h"
#include "record/journal.h"
#include "run/control.h"
#include "run/patience.h"
#include "run/steer.h"

/* A full disk has no room for the line that says so: it is told when there is some. */
static void tell_space(struct book *book)
{
    struct steer *steer = book->steer;
    struct strbuf why = {0};
    struct journal_entry fault = {.applied = true,
                                  .applied_step = (int64_t)steer->at->step,
                                  .verb = JOURNAL_FAULT,
                                  .status = "waited"};
    struct journal_entry resume = {.applied = true,
                                   .applied_step = (int64_t)steer->at->step,
                                   .who = *steer->space.who ? steer->space.who : NULL,
                                   .verb = JOURNAL_RESUME,
                                   .status = "applied"};

    if (steer->space.seconds <= 0)
        return;
    sb_printf(&why, "%s; %.0f s", steer->space.why, steer->space.seconds);
    steer->space.seconds = 0;
    fault.reason = why.s;
    book_tell(book, &fault);
    if (!steer->paused)
        book_tell(book, &resume);
    sb_done(&why);
}

int book_journal(struct book *book, const struct journal_entry *e, struct vac_err *err)
{
    struct steer *steer = book->steer;
    struct journal_entry now = *e;
    struct strbuf sentence = {0};
    struct patience p = {.steer = steer, .what = "journal"};
    bool there = book->folder.lines[LINES_JOURNAL].path != NULL; /* the folder is, already */
    struct vac_event told = {.line = there ? book->folder.journal_seq + 1 : 0};

    if (book->shut)
        return 0;
    tell_space(book);
    now.step = (int64_t)steer->at->step;
    journal_sentence(&sentence, &now);
    control_event(steer->ctl, journal_note(&now) ? VAC_EVENT_NOTE : VAC_EVENT_JOURNAL,
                  steer->answering, now.step, sentence.s, &told);
    sb_done(&sentence);
    while (there && patience_left(&p, err))
        p.rc = folder_journal(&book->folder, &now, &p.why);
    return p.rc;
}

void book_tell(struct book *book, const struct journal_entry *e)
{
    struct steer *steer = book->steer;
    struct vac_err err = {0};

    if (book_journal(book, e, &err))
        steer_break(steer, &err);
}

int book_line(struct book *book, enum line_file which, const struct strbuf *line,
              struct vac_err *err)
{
    struct steer *steer = book->steer;
    struct patience p = {.steer = steer, .what = line_files[which]};

    while (!book->shut && patience_left(&p, err))
        p.rc = folder_line(&book->folder, which, line, &p.why);
    return p.rc;
}

int book_begin(struct book *book, struct vac_err *err)
{
    if (book->shut)
        return 0;
    if (folder_sizes(&book->folder, book->mark, err))
        return -1;
    book->marked = true;
    return 0;
}

int book_end(struct book *book, int rc, struct vac_err *err)
{
    if (rc && !book->shut && folder_take_back(&book->folder, book->mark, err))
        return -1; /* the mark stays */
    book->marked = false;
    return rc;
}

int book_link(struct book *book, const char *why, struct vac_err *err)
{
    struct patience p = {.steer = book->steer, .what = LEDGER_FILE};

    while (patience_left(&p, err))
        p.rc = chain_link(&book->chain, why, book->steer->at->step, &p.why);
    return p.rc;
}

int book_rewrite(struct book *book, const char *folder, struct vac_err *err)
{
    return chain_rewrite(&book->chain, folder, book->steer->at->step, err);
}

void book_tick(struct book *book)
{
    tell_space(book);
    chain_tick(&book->chain, book->steer->at->step);
}
