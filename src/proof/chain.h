/* chain.h - the links of a run's chain, written as it goes on: see ledger.h for what they hold.
 *
 * The run itself is covered by who holds its lock; what others add to (attacks.jsonl, labels.jsonl) by links of
 * theirs. A link is one line, written at once behind the last one, so that a kill leaves a chain that is whole, and at
 * most what was written since then uncovered. What could not be written is in the next link. */
#ifndef PROOF_CHAIN_H
#define PROOF_CHAIN_H

#include "base/hash.h"
#include "proof/ledger.h"

enum { CHAIN_LINES = 8 };

struct chain {
    char *dir; /* NULL = there is none, and nothing is done */
    struct ledger ledger;
    struct {
        const char *name;
        struct sha256 sha; /* of its first bytes, */
        int64_t bytes;     /* so many */
    } lines[CHAIN_LINES];
    size_t n_lines;
    double linked; /* clock of the last link */
};
/* Reads what is there; whatever is wrong in it stays so. Nothing is written. */
int chain_open(struct chain *c, const char *dir, const char *const *lines, size_t n,
               struct vac_err *err);
void chain_close(struct chain *c);
/* A link of what is new in the folder, on the disk; `why` as ledger_end knows it, or another word. Nothing when
 * nothing is new and the chain does not end otherwise by it; the first one is always put. */
int chain_link(struct chain *c, const char *why, uint64_t step, struct vac_err *err);
/* The same of the line files alone, at most once a second, and as far as it can be done. */
void chain_tick(struct chain *c, uint64_t step);
/* Before a folder in there, which may hold what the chain knows, is written anew: whichever is found is right until the
 * next link. */
int chain_rewrite(struct chain *c, const char *folder, uint64_t step, struct vac_err *err);

/* Of another program, which holds no lock: a line (with its end) behind those of DIR/name, on the disk, between a link
 * that announces it and one that tells it. Without a chain the line alone. */
int chain_add(const char *dir, const char *name, const struct strbuf *line, struct vac_err *err);
/* Before and after it writes a file DIR/name in attacks/ whole, or removes it. Nothing where there is no chain. */
int chain_writes(const char *dir, const char *name, struct vac_err *err);
int chain_wrote(const char *dir, const char *name, struct vac_err *err);
#endif
