/* ledger.h - what the links of a chain say, one after another.
 *
 * A link is a line of proof.jsonl:
 *
 *     {"prev":"HASH","step":8,"why":"checkpoint",
 *      "lines":{"metrics.jsonl":{"from":120,"to":480,"sha256":"...","crc32c":"0123456789abcdef"}},
 *      "files":{"checkpoint-8/state.json":"...","checkpoint-4/state.json":null},"hash":"HASH"}
 *
 * "hash" is the SHA-256 of the line before `,"hash"`, "prev" the hash of the link before ("" of the first).
 * "lines": from where to where the file has grown since; the SHA-256 of its first `to` bytes, and the CRC-32C of
 * each line between. A `from` before the end: it was cut there first. "files": what they hold by now (see
 * files_hash), null where they are gone, "" while they are being written anew. What a link does not name is as it was.
 *
 * A program that is killed leaves its last writes without their link, so what must not look forged is told before it is
 * done: a run that has ended puts a link before it writes again, "back" before it sets aside, "end" before the
 * journal's last word. What others add is announced ("adding") and then told ("added"). Whatever the last line that
 * was written may be: a folder without it is what a kill just before would have left, and is called that. */
#ifndef PROOF_LEDGER_H
#define PROOF_LEDGER_H

#include "base/json.h"
#include "proof/files.h"

#define LEDGER_FILE "proof.jsonl"

struct ledger_part { /* a stretch of a line file, as one link has it */
    int64_t from, to;
    bool announced; /* only: it is not told yet that it was written */
    char sha256[65];
    char *crc; /* 8 digits a line */
};
struct ledger_lines {
    char *name;
    struct ledger_part *part; /* without holes from 0 on */
    size_t n, cap;
};
struct ledger_file {
    char *name;
    char hash[FILES_HASH]; /* "" = it is being written anew */
    struct stat st;        /* as it was when it was last looked at; st_ino 0 = it was not */
};
enum ledger_end {
    LEDGER_OPEN, /* the run went on, or was cut off */
    LEDGER_BACK, /* it was about to set aside what lay after a step */
    LEDGER_WORD, /* it was about to write its last word */
    LEDGER_SHUT  /* it has ended, or was told to stop */
};
enum ledger_end
ledger_end(const char *why); /* "back"; "end"; "done", "stop", "fail"; all others leave it open */
struct ledger {
    size_t links;
    char head[65]; /* hash of the last link */
    int64_t step;
    enum ledger_end end;
    bool torn;   /* the file ends within a line, which is not taken, */
    bool odd;    /* and is not how a link begins */
    bool adding; /* the link that is taken announces */
    struct ledger_lines *lines;
    size_t n_lines, cap_lines;
    struct ledger_file *file; /* by name */
    size_t n_files, cap_files;
};
/* Takes over one line (with its end) of proof.jsonl. VAC_ERR_FORMAT says what is wrong with it: its own hash, what it
 * follows (then and otherwise it is taken over as far as it can be), or its members. */
int ledger_take(struct ledger *l, const char *line, size_t n, struct vac_err *err);
/* The line of a link: its members, whose object is still open, get their hash and end. */
void ledger_seal(struct strbuf *line);
/* The hash at the end of a line; false = it has none. */
bool ledger_hash(const char *line, size_t n, char out[65]);
enum { LEDGER_SEAL = sizeof ",\"hash\":\"\"}\n" - 1 + 64 }; /* bytes of that end */
/* All of DIR/proof.jsonl; `wrong` (may be NULL) is told of each line that is not right. 1 = there is none. */
typedef void ledger_wrong(void *ctx, size_t number, const struct vac_err *why);
int ledger_read(struct ledger *l, const char *dir, ledger_wrong *wrong, void *ctx,
                struct vac_err *err);
struct ledger_lines *ledger_lines(const struct ledger *l, const char *name); /* NULL = none */
int64_t ledger_end_of(const struct ledger_lines *l); /* its last byte; 0 for NULL */
struct ledger_file *ledger_file(const struct ledger *l, const char *name);
void ledger_done(struct ledger *l);
#endif
