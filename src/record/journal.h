/* journal.h - the journal of a run: every command, change and fault, as an entry, as its line of
 * journal.jsonl, and as a sentence. */
#ifndef RECORD_JOURNAL_H
#define RECORD_JOURNAL_H

#include "base/json.h"

/* What happened: X(VERB, as the file has it, what it means for a run that goes on). */
#define JOURNAL_VERBS(X)                                                                           \
    X(START, "start", JOURNAL_GOES)                                                                \
    X(RESUME_RUN, "resume-run", JOURNAL_SAME)                                                      \
    X(MOVED, "moved", JOURNAL_SAME)                                                                \
    X(LOCK, "lock", JOURNAL_SAME)                                                                  \
    X(KERNELS, "kernels", JOURNAL_SAME)                                                            \
    X(ASIDE, "aside", JOURNAL_SAME)                                                                \
    X(NOTE, "note", JOURNAL_SAME)                                                                  \
    X(WARNING, "warning", JOURNAL_SAME)                                                            \
    X(STAGE, "stage", JOURNAL_SAME)                                                                \
    X(UNTIL, "until", JOURNAL_SAME)                                                                \
    X(PAUSE, "pause", JOURNAL_STANDS)                                                              \
    X(RESUME, "resume", JOURNAL_GOES)                                                              \
    X(STEP, "step", JOURNAL_GOES)                                                                  \
    X(SET, "set", JOURNAL_SAME)                                                                    \
    X(UNDO, "undo", JOURNAL_SAME)                                                                  \
    X(REDO, "redo", JOURNAL_SAME)                                                                  \
    X(CHECKPOINT, "checkpoint", JOURNAL_SAME)                                                      \
    X(PROBE, "probe", JOURNAL_SAME)                                                                \
    X(FORGET, "forget", JOURNAL_SAME)                                                              \
    X(SUITE, "suite", JOURNAL_SAME)                                                                \
    X(EVALUATE, "evaluate", JOURNAL_SAME)                                                          \
    X(REFERENCE, "reference", JOURNAL_SAME)                                                        \
    X(REWIND, "rewind", JOURNAL_SAME)                                                              \
    X(FORK, "fork", JOURNAL_SAME)                                                                  \
    X(FORKED, "forked", JOURNAL_SAME)                                                              \
    X(ATTACK, "attack", JOURNAL_SAME)                                                              \
    X(CONTROL, "control", JOURNAL_SAME)                                                            \
    X(QUIT, "quit", JOURNAL_SAME)                                                                  \
    X(DISCARD, "discard", JOURNAL_SAME)                                                            \
    X(GUARD, "guard", JOURNAL_SAME)                                                                \
    X(TRIP, "trip", JOURNAL_SAME)                                                                  \
    X(RUN_UNTIL, "run-until", JOURNAL_GOES)                                                        \
    X(FAULT, "fault", JOURNAL_STANDS)                                                              \
    X(EXPORT, "export", JOURNAL_SAME)                                                              \
    X(STOP, "stop", JOURNAL_SAME)                                                                  \
    X(FAIL, "fail", JOURNAL_SAME)                                                                  \
    X(DONE, "done", JOURNAL_SAME)
enum journal_state { JOURNAL_SAME, JOURNAL_GOES, JOURNAL_STANDS };
#define JOURNAL_VERB(verb, word, state) JOURNAL_##verb,
enum journal_verb { JOURNAL_NONE, JOURNAL_VERBS(JOURNAL_VERB) };
const char *journal_word(enum journal_verb verb); /* "resume-run"; "" for JOURNAL_NONE */
enum journal_state journal_state(enum journal_verb verb);

/* NULL = left out. What is read is borrowed from the line. */
struct journal_entry {
    enum journal_verb verb; /* when read: JOURNAL_NONE = one that is not known here */
    int64_t step, applied_step;
    bool applied;    /* applied_step is told */
    const char *who; /* when written: NULL = "core" */
    const char *key, *old, *value, *status, *reason;
    uint64_t from; /* of a run that goes on: the last journal line that its checkpoint knows */
    bool has_from;
    const char *word, *time; /* when read; may be NULL */
    uint64_t seq;            /* when read; 0 = not told */
};
/* As line number `seq`, of now, with its end. */
void journal_line(struct strbuf *out, const struct journal_entry *e, uint64_t seq);
/* Members of another type are left out; a wrong step is an error, and all others are told then too. */
int journal_read(const struct jnode *line, struct journal_entry *e, struct vac_err *err);
/* Whether it took effect: it was neither refused nor only asked for. */
bool journal_happened(const struct journal_entry *e);
/* What the user says of a step; NULL = it is another entry, also a note of the program's own. */
const char *journal_note(const struct journal_entry *e);
/* "set rho 1.8 -> 2 (applied): reason" */
void journal_sentence(struct strbuf *out, const struct journal_entry *e);
double journal_seconds(const struct journal_entry *e); /* since the epoch; 0 = not told */
#endif
