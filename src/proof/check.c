/* check.c - see check.h */
#include "proof/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/inside.h"
#include "base/lock.h"

struct checking {
    struct check *c;
    const char *dir, *below; /* "attacks/run-at-8/" of one that lies in another's folder */
    struct ledger ledger;
    bool shut;  /* whatever the chain does not know was put there by somebody else, */
    bool ended; /* or all but what a run writes when it ends, which was killed at that */
};

__attribute__((format(printf, 3, 4))) static void tell(struct checking *x, bool wrong,
                                                       const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    x->c->wrong += wrong;
    x->c->told(x->c->ctx, wrong, text);
}

/* --- the chain --- */

static void wrong_link(void *ctx, size_t number, const struct vac_err *why)
{
    struct checking *x = ctx;

    tell(x, true, "%s%s:%zu: %s", x->below, LEDGER_FILE, number, why->msg);
}

/* --- line files --- */

/* The journal's last word of a run that was not cut off. */
static bool is_end(const char *line, size_t n)
{
    cJSON *doc = json_parse(line, n, "journal.jsonl", NULL);
    const char *op = json_text_at(doc, "op");
    bool yes = op && ledger_end(op) == LEDGER_SHUT;

    cJSON_Delete(doc);
    return yes;
}

/* Of a chain that is not shut: whether the journal goes on behind it with the run's end. */
static int find_end(struct checking *x, struct vac_err *err)
{
    const struct ledger_lines *l = ledger_lines(&x->ledger, "journal.jsonl");
    char *path = path_join(x->dir, "journal.jsonl", err), *line = NULL;
    size_t cap = 0, ends = 0, others = 0;
    FILE *in = NULL;
    ssize_t n;
    int rc = path ? 0 : -1;

    if (rc == 0 && l && !x->shut && !path_missing(path))
        rc = (in = stream_open(path, err)) ? 0 : -1;
    if (in && fseeko(in, (off_t)ledger_end_of(l), SEEK_SET))
        rc = path_error(path, "read", err);
    while (rc == 0 && in && (n = getline(&line, &cap, in)) > 0) {
        bool end = is_end(line, (size_t)n);

        ends += end;
        others += !end;
    }
    if (in)
        fclose(in);
    free(line);
    free(path);
    x->ended = ends > 0 && others == 0 && x->ledger.end == LEDGER_WORD;
    if (x->ended)
        tell(x, false, "%s%s: has no link of the run's end: it was killed just then", x->below,
             LEDGER_FILE);
    else if (ends > 0)
        tell(x, true, "%s%s: ends before the run did: links were dropped, or could not be written",
             x->below, LEDGER_FILE);
    return rc;
}

/* Nothing is missing behind `at`, or what a kill may leave away. */
static bool may_end(const struct checking *x, const struct ledger_lines *l, int64_t at)
{
    const struct ledger_part *last = &l->part[l->n - 1];

    return x->ledger.end == LEDGER_BACK || (last->announced && at >= last->from);
}

/* The file from its first byte on, along the parts that the chain has of it. */
static int check_lines(struct checking *x, const struct ledger_lines *l, struct vac_err *err)
{
    char *path = path_join(x->dir, l->name, err), *line = NULL;
    int64_t size = -1, at = 0, end = ledger_end_of(l);
    size_t cap = 0, number = 0, part = 0, k = 0;
    struct sha256 sha;
    FILE *in = NULL;
    ssize_t n = 0;
    bool going = true;
    int rc = path ? file_measure(path, &size, err) : -1;

    sha256_init(&sha);
    if (rc == 0 && size < 0 && end > 0 && !may_end(x, l, 0)) {
        tell(x, true, "%s%s: is missing: the chain has %lld bytes of it", x->below, l->name,
             (long long)end);
        going = false;
    }
    if (rc == 0 && size > 0)
        rc = (in = stream_open(path, err)) ? 0 : -1;
    while (rc == 0 && in && going && at < end && (n = getline(&line, &cap, in)) > 0) {
        const struct ledger_part *p = &l->part[part];
        char crc[9], hex[65];
        struct sha256 copy;

        if (line[n - 1] != '\n' && may_end(x, l, at))
            break;
        number++;
        snprintf(crc, sizeof crc, "%08x", crc32c(0, line, (size_t)n));
        sha256_put(&sha, line, (size_t)n);
        at += n;
        copy = sha;
        if (at == p->to)
            sha256_hex(&copy, hex);
        if (!p->crc[8 * k] || memcmp(p->crc + 8 * k, crc, 8) != 0 || at > p->to) {
            tell(x, true, "%s%s:%zu: is not the line that was written (bytes %lld to %lld)",
                 x->below, l->name, number, (long long)(at - n), (long long)at);
            going = false;
        } else if (at == p->to && (p->crc[8 * (k + 1)] || strcmp(hex, p->sha256) != 0)) {
            tell(x, true, "%s%s: up to line %zu not what was written: its SHA-256 is another",
                 x->below, l->name, number);
            going = false;
        }
        k = at == p->to ? 0 : k + 1;
        part += at == p->to;
    }
    x->c->lines += number;
    if (rc == 0 && in && ferror(in))
        rc = path_error(path, "read", err);
    if (rc == 0 && going && at < end) {
        bool killed = may_end(x, l, at), back = x->ledger.end == LEDGER_BACK;

        tell(x, !killed, "%s%s: ends after line %zu: the chain has %lld bytes, there are %lld%s",
             x->below, l->name, number, (long long)end, (long long)(size < 0 ? 0 : size),
             !killed ? ""
             : back  ? ": what lay behind was being set aside"
                     : ": whoever was adding the next line was killed");
    }
    if (rc == 0 && going && at >= end && at < size) {
        bool wrong = x->shut || (x->ended && strcmp(l->name, "journal.jsonl"));
        size_t more = 0;

        while ((n = getline(&line, &cap, in)) > 0)
            more++;
        tell(x, wrong,
             wrong ? "%s%s:%zu: %zu line%s added behind what the chain knows"
                   : "%s%s:%zu: %zu line%s written after the last link, before the run was "
                     "killed, and not covered",
             x->below, l->name, number + 1, more, more == 1 ? " was" : "s were");
    }
    if (in)
        fclose(in);
    free(line);
    free(path);
    return rc;
}

/* --- files --- */

/* What lies in an aside folder under the same name, when the run was just about to put it there. */
static bool is_aside(const struct checking *x, const struct ledger_file *f, const char *aside)
{
    char *name = path_join(aside, f->name, NULL), hash[FILES_HASH];
    bool same = name && !files_hash(x->dir, name, hash, NULL) && !strcmp(hash, f->hash);

    free(name);
    return same;
}

static long long checkpoint_of(const char *name)
{
    static const char head[] = "checkpoint-";

    return strncmp(name, head, sizeof head - 1) ? -1 : strtoll(name + sizeof head - 1, NULL, 10);
}

struct finding {
    struct checking *x;
    const struct ledger_file *f;
    bool found;
};

/* It was put aside; or it is of an older checkpoint than one that the chain does not know yet. */
static int look_for(void *ctx, const char *name, struct vac_err *err)
{
    struct finding *at = ctx;
    long long own = checkpoint_of(at->f->name), n = checkpoint_of(name);
    char state[80];

    (void)err;
    snprintf(state, sizeof state, "%.60s/state.json", name);
    at->found |= (!strncmp(name, "aside-", 6) && is_aside(at->x, at->f, name)) ||
                 (own >= 0 && n > own && !ledger_file(&at->x->ledger, state));
    return 0;
}

/* A run that was cut off had perhaps just removed it. */
static bool may_be_gone(struct checking *x, const struct ledger_file *f)
{
    struct finding at = {x, f, false};

    if (!x->shut)
        dir_each(x->dir, look_for, &at, NULL);
    return at.found;
}

static void check_file(struct checking *x, const struct ledger_file *f)
{
    struct vac_err why = {0};
    char hash[FILES_HASH], *path = path_join(x->dir, f->name, &why);
    bool made = files_kind(f->name) == FILES_MADE;

    x->c->files++;
    if (!*f->hash)
        tell(x, false, "%s%s: was being written anew, and is not covered", x->below, f->name);
    else if (path && path_missing(path) && may_be_gone(x, f))
        tell(x, false, "%s%s: was removed or set aside after the last link", x->below, f->name);
    else if (path && path_missing(path))
        tell(x, true, "%s%s: is missing", x->below, f->name);
    else if (!path || files_hash(x->dir, f->name, hash, &why))
        tell(x, true, "%s%s: cannot be read: %s", x->below, f->name, why.msg);
    else if (strcmp(hash, f->hash))
        tell(x, x->shut || !made,
             "%s%s: is not what was written: its hash is %.16s..., not %.16s...", x->below, f->name,
             hash, f->hash);
    free(path);
}

/* What there is besides. */
static int check_more(void *ctx, const char *name, const struct stat *st, struct vac_err *err)
{
    struct checking *x = ctx;
    const char *below = x->below;
    bool wrong;

    (void)err;
    if (ledger_file(&x->ledger, name) || ledger_lines(&x->ledger, name))
        return 0;
    switch (files_kind(name)) {
    case FILES_CHAIN:
        break;
    case FILES_LINES:
    case FILES_ADDED:
        if (st->st_size > 0)
            tell(x, x->shut, "%s%s: was added: no link knows it", below, name);
        break;
    case FILES_OWN:
        wrong = x->shut || (x->ended && strncmp(name, "final/", 6));
        tell(x, wrong,
             wrong ? "%s%s: was added: no link knows it"
                   : "%s%s: was written after the last link, before the run was killed, and is "
                     "not covered",
             below, name);
        break;
    case FILES_MADE:
        tell(x, x->shut, "%s%s: for other tools, and not covered", below, name);
        break;
    case FILES_NEVER:
        tell(x, false, "%s%s: not covered, by design", below, name);
        break;
    case FILES_HALF:
        tell(x, false, "%s%s: was left half-made, and is not covered", below, name);
        break;
    case FILES_UNKNOWN:
        tell(x, false, "%s%s: is nothing of the run's, and not covered", below, name);
        break;
    }
    return 0;
}

/* --- the whole --- */

static int check_folder(struct check *c, const char *dir, const char *below, struct vac_err *err);

/* A folder in attacks/: a run, or one of a battery, which holds runs. */
struct attacks {
    struct checking *x;
    const char *folder; /* in the run's */
    bool battery;
};

static int check_attack(void *ctx, const char *name, struct vac_err *err)
{
    const struct attacks *at = ctx;
    struct checking *x = at->x;
    char *inside = path_join(at->folder, name, err),
         *dir = inside ? path_join(x->dir, inside, err) : NULL,
         *config = dir ? path_join(dir, "run.json", err) : NULL;
    struct strbuf below = {0};
    struct vac_err why = {0};
    int rc = config ? 0 : -1;

    sb_printf(&below, "%s%s/", x->below, inside ? inside : "");
    if (rc == 0 && dir_exists(dir) && file_exists(config)) {
        rc = sb_ok(&below, err) ? -1 : check_folder(x->c, dir, below.s, &why);
        if (rc && (why.code == VAC_ERR_BUSY || why.code == VAC_ERR_UNSUPPORTED)) {
            tell(x, false, "%s", why.msg);
            rc = 0;
        } else if (rc) {
            err_set(err, why.code, "%s", why.msg);
        }
    } else if (rc == 0 && dir_exists(dir) && !at->battery) {
        rc = dir_each(dir, check_attack, &(struct attacks){x, inside, true}, err);
    }
    sb_done(&below);
    free(config);
    free(dir);
    free(inside);
    return rc;
}

/* The chain, and all that it knows; then what there is besides. */
static int check_chained(struct checking *x, struct vac_err *err)
{
    int rc = ledger_read(&x->ledger, x->dir, wrong_link, x, err);

    if (rc > 0)
        return err_set(err, VAC_ERR_UNSUPPORTED,
                       "%s: has no chain (%s): it was made by a version before there was one, or "
                       "it was removed",
                       x->dir, LEDGER_FILE);
    x->shut = x->ledger.end == LEDGER_SHUT;
    if (rc == 0 && x->ledger.torn)
        tell(x, x->ledger.odd,
             x->ledger.odd ? "%s%s:%zu: is no link: it has no end"
                           : "%s%s:%zu: ends within a line, whose writer was killed",
             x->below, LEDGER_FILE, x->ledger.links + 1);
    x->c->links += x->ledger.links;
    rc = rc ? rc : find_end(x, err);
    for (size_t i = 0; rc == 0 && i < x->ledger.n_lines; i++) {
        struct vac_err why = {0};

        if (check_lines(x, &x->ledger.lines[i], &why))
            tell(x, true, "%s%s: cannot be read: %s", x->below, x->ledger.lines[i].name, why.msg);
    }
    for (size_t i = 0; rc == 0 && i < x->ledger.n_files; i++)
        check_file(x, &x->ledger.file[i]);
    return rc ? -1 : files_each(x->dir, check_more, x, err);
}

static int check_folder(struct check *c, const char *dir, const char *below, struct vac_err *err)
{
    struct checking x = {.c = c, .dir = dir, .below = below};
    char *attacks = path_join(dir, "attacks", err);
    int rc = -1;

    if (attacks && !dir_enter(dir, err)) {
        rc = lock_held(dir) ? err_set(err, VAC_ERR_BUSY,
                                      "%s: a run is going on there: verify it when it has ended "
                                      "or was stopped",
                                      dir)
                            : check_chained(&x, err);
        if (rc == 0 && dir_exists(attacks))
            rc = dir_each(attacks, check_attack, &(struct attacks){&x, "attacks", false}, err);
        dir_leave(dir);
    }
    if (!*below) {
        c->step = x.ledger.step;
        memcpy(c->head, x.ledger.head, sizeof c->head);
    }
    ledger_done(&x.ledger);
    free(attacks);
    return rc;
}

int check_run(struct check *c, const char *dir, struct vac_err *err)
{
    char *path = path_join(dir, "run.json", err);
    bool there = path && file_exists(path);

    free(path);
    if (!path)
        return -1;
    return there ? check_folder(c, dir, "", err)
                 : err_set(err, VAC_ERR_USAGE, "%s: holds no run (no run.json): name a run folder",
                           dir);
}
