/* chain.c - see chain.h */
#include "proof/chain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/json_out.h"

enum { TRIES = 50 };

/* What is made anew as a run goes on may be newer than the last link of one that was cut off. */
static int note_stat(void *ctx, const char *name, const struct stat *st, struct vac_err *err)
{
    const struct ledger *l = ctx;
    struct ledger_file *f = ledger_file(l, name);

    (void)err;
    if (f && (l->end == LEDGER_SHUT || files_kind(name) != FILES_MADE))
        f->st = *st;
    return 0;
}

int chain_open(struct chain *c, const char *dir, const char *const *lines, size_t n,
               struct vac_err *err)
{
    *c = (struct chain){.dir = mem_strdup(dir, err), .n_lines = n};
    for (size_t i = 0; i < n; i++) {
        c->lines[i].name = lines[i];
        sha256_init(&c->lines[i].sha);
    }
    if (c->dir && ledger_read(&c->ledger, dir, NULL, NULL, err) >= 0 &&
        !files_each(dir, note_stat, &c->ledger, err))
        return 0;
    chain_close(c);
    return -1;
}

void chain_close(struct chain *c)
{
    ledger_done(&c->ledger);
    free(c->dir);
    *c = (struct chain){.dir = NULL};
}

/* --- what is new --- */

/* Reads on from `sha` (of the first *bytes) up to `to`, which is then *bytes; checksums of the lines from `from` on
 * go behind `crc`. */
static int read_on(const char *path, struct sha256 *sha, int64_t *bytes, int64_t from, int64_t to,
                   struct strbuf *crc, struct vac_err *err)
{
    FILE *in = stream_open(path, err);
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int rc = in ? 0 : -1;

    if (rc == 0 && fseeko(in, (off_t)*bytes, SEEK_SET))
        rc = path_error(path, "read", err);
    while (rc == 0 && *bytes < to && (n = getline(&line, &cap, in)) > 0) {
        n = *bytes + n > to ? (ssize_t)(to - *bytes) : n;
        sha256_put(sha, line, (size_t)n);
        if (*bytes >= from)
            sb_printf(crc, "%08x", crc32c(0, line, (size_t)n));
        *bytes += n;
    }
    if (rc == 0 && *bytes < to)
        rc = path_error(path, "read", err);
    if (in)
        fclose(in);
    free(line);
    return rc;
}

static void put_lines(struct json_out *o, const char *name, int64_t from, int64_t to,
                      const struct sha256 *sha, const struct strbuf *crc)
{
    struct sha256 copy = *sha;
    char hex[65];

    sha256_hex(&copy, hex);
    json_put_object(o, name, JSON_TIGHT);
    json_put_int(o, "from", from);
    json_put_int(o, "to", to);
    json_put_text(o, "sha256", hex);
    json_put_text(o, "crc32c", crc->s ? crc->s : "");
    json_put_end(o);
}

/* 1 = it has not changed. */
static int line_file(struct chain *c, size_t i, struct json_out *o, struct vac_err *err)
{
    const struct ledger_lines *had = ledger_lines(&c->ledger, c->lines[i].name);
    int64_t from = ledger_end_of(had), to = 0;
    char *path = path_join(c->dir, c->lines[i].name, err);
    struct strbuf crc = {0};
    int rc = path ? file_measure(path, &to, err) : -1;

    to = to < 0 ? 0 : to;
    if (rc == 0 && to == from)
        rc = 1;
    for (size_t k = had ? had->n : 0; rc == 0 && from > to; k--)
        from = k > 1 ? had->part[k - 2].to : 0; /* it was cut: back to where a link ends */
    if (rc == 0 && c->lines[i].bytes > from) {
        c->lines[i].bytes = 0;
        sha256_init(&c->lines[i].sha);
    }
    if (rc == 0 && to > c->lines[i].bytes)
        rc = read_on(path, &c->lines[i].sha, &c->lines[i].bytes, from, to, &crc, err);
    if (rc == 0)
        rc = sb_ok(&crc, err);
    if (rc == 0)
        put_lines(o, c->lines[i].name, from, to, &c->lines[i].sha, &crc);
    sb_done(&crc);
    free(path);
    return rc;
}

/* The walk through the folder: what is new or another goes to `o`. */
struct looking {
    struct chain *c;
    struct json_out *o;
    struct seen {
        char *name;
        struct stat st;
    } * seen; /* in the order of the ledger: by name */
    size_t n, cap;
    bool any;
};

static int look_at(void *ctx, const char *name, const struct stat *st, struct vac_err *err)
{
    struct looking *x = ctx;
    enum files_kind kind = files_kind(name);
    const struct ledger_file *f = ledger_file(&x->c->ledger, name);
    char hash[FILES_HASH];

    if (!S_ISREG(st->st_mode) || (kind != FILES_OWN && kind != FILES_MADE))
        return 0;
    if (mem_grow(&x->seen, &x->cap, x->n + 1, sizeof *x->seen, err) ||
        !(x->seen[x->n].name = mem_strdup(name, err)))
        return -1;
    x->seen[x->n++].st = *st;
    if (f && *f->hash && f->st.st_ino == st->st_ino && f->st.st_size == st->st_size &&
        f->st.st_mtim.tv_sec == st->st_mtim.tv_sec && f->st.st_mtim.tv_nsec == st->st_mtim.tv_nsec)
        return 0;
    if (files_hash(x->c->dir, name, hash, err))
        return -1;
    if (f && !strcmp(f->hash, hash))
        return 0;
    json_put_text(x->o, name, hash);
    x->any = true;
    return 0;
}

static int seen_by_name(const void *a, const void *b)
{
    return strcmp(((const struct seen *)a)->name, ((const struct seen *)b)->name);
}

/* Behind what was seen: what is gone. */
static void put_gone(struct looking *x)
{
    const struct ledger *l = &x->c->ledger;

    if (x->n)
        qsort(x->seen, x->n, sizeof *x->seen, seen_by_name);
    for (size_t i = 0, k = 0; i < l->n_files; i++) {
        while (k < x->n && strcmp(x->seen[k].name, l->file[i].name) < 0)
            k++;
        if ((k < x->n && !strcmp(x->seen[k].name, l->file[i].name)) ||
            !strncmp(l->file[i].name, "attacks/", 8)) /* others' */
            continue;
        json_put_text(x->o, l->file[i].name, NULL);
        x->any = true;
    }
}

/* --- a link --- */

/* Waits a little for others that write to it; a file system without locks has none. */
static void lock_shortly(int fd)
{
    for (int i = 0; i < TRIES && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Behind the last link, whatever is there: others may have put one since. `rest` is an object of its other members,
 * which is still open. */
static int append(const char *dir, const struct strbuf *rest, bool synced, struct strbuf *line,
                  struct vac_err *err)
{
    char *path = path_join(dir, LEDGER_FILE, err), tail[LEDGER_SEAL], prev[65] = "";
    struct appender a = {0};
    struct json_out o = json_out(line);
    int64_t size = 0;
    int rc = path ? app_open(&a, path, err) : -1;

    if (rc == 0) {
        lock_shortly(a.fd);
        rc = app_size(&a, &size, err);
    }
    if (rc == 0 && size >= LEDGER_SEAL &&
        pread(a.fd, tail, sizeof tail, (off_t)size - LEDGER_SEAL) == LEDGER_SEAL)
        ledger_hash(tail, sizeof tail, prev);
    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_text(&o, "prev", prev);
    if (rest->len) {
        sb_putc(line, ',');
        sb_put(line, rest->s + 1, rest->len - 1);
    }
    ledger_seal(line);
    if (rc == 0)
        rc = sb_ok(rest, err) || sb_ok(line, err) || app_put(&a, line->s, line->len, err) ||
                     (synced && app_sync(&a, err))
                 ? -1
                 : 0;
    app_close(&a);
    free(path);
    return rc;
}

/* The run's own link, which its ledger takes over. */
static int put_own(struct chain *c, const struct strbuf *rest, bool synced, struct vac_err *err)
{
    struct strbuf line = {0};
    struct vac_err why_not = {0};
    int rc = append(c->dir, rest, synced, &line, err);

    if (rc == 0 && ledger_take(&c->ledger, line.s, line.len, &why_not) &&
        why_not.code == VAC_ERR_MEMORY)
        rc = err_set(err, why_not.code, "%s", why_not.msg);
    sb_done(&line);
    c->linked = clock_now();
    return rc;
}

static int put_link(struct chain *c, const char *why, uint64_t step, bool whole,
                    struct vac_err *err)
{
    struct strbuf rest = {0};
    struct json_out o = json_out(&rest);
    struct looking x = {.c = c, .o = &o};
    bool any = false;
    int rc = 0;

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_natural(&o, "step", step);
    json_put_text(&o, "why", why);
    json_put_object(&o, "lines", JSON_TIGHT);
    for (size_t i = 0; rc >= 0 && i < c->n_lines; i++) {
        rc = line_file(c, i, &o, err);
        any |= rc == 0;
    }
    json_put_end(&o);
    if (rc >= 0 && whole) {
        json_put_object(&o, "files", JSON_TIGHT);
        rc = files_each(c->dir, look_at, &x, err);
        if (rc == 0)
            put_gone(&x);
        json_put_end(&o);
        any |= x.any;
    }
    if (rc >= 0 && (any || !c->ledger.links || (whole && c->ledger.end != ledger_end(why))))
        rc = put_own(c, &rest, whole, err);
    for (size_t i = 0; i < x.n; i++) {
        struct ledger_file *f = rc >= 0 ? ledger_file(&c->ledger, x.seen[i].name) : NULL;

        if (f)
            f->st = x.seen[i].st;
        free(x.seen[i].name);
    }
    free(x.seen);
    sb_done(&rest);
    return rc < 0 ? -1 : 0;
}

int chain_link(struct chain *c, const char *why, uint64_t step, struct vac_err *err)
{
    return c->dir ? put_link(c, why, step, true, err) : 0;
}

int chain_rewrite(struct chain *c, const char *folder, uint64_t step, struct vac_err *err)
{
    struct strbuf rest = {0};
    struct json_out o = json_out(&rest);
    size_t n = strlen(folder);
    bool any = false;
    int rc = 0;

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_natural(&o, "step", step);
    json_put_text(&o, "why", "rewrite");
    json_put_object(&o, "files", JSON_TIGHT);
    for (size_t i = 0; i < c->ledger.n_files; i++) {
        const char *name = c->ledger.file[i].name;

        if (strncmp(name, folder, n) || name[n] != '/')
            continue;
        json_put_text(&o, name, "");
        any = true;
    }
    json_put_end(&o);
    if (c->dir && any)
        rc = put_own(c, &rest, true, err);
    sb_done(&rest);
    return rc;
}

void chain_tick(struct chain *c, uint64_t step)
{
    struct vac_err ignored = {0};

    if (c->dir && clock_now() - c->linked >= 1)
        put_link(c, "step", step, false, &ignored);
}

/* --- another program's --- */

static bool has_chain(const char *dir)
{
    char *path = path_join(dir, LEDGER_FILE, NULL);
    bool yes = path && file_exists(path);

    free(path);
    return yes;
}

/* The members of a link that is not the run's own, up to `key`, whose object is open. */
static void begin_link(struct json_out *o, const char *why, const char *key)
{
    json_put_object(o, NULL, JSON_TIGHT);
    json_put_int(o, "step", 0);
    json_put_text(o, "why", why);
    json_put_object(o, key, JSON_TIGHT);
}

static int end_link(struct json_out *o, const char *dir, struct strbuf *rest, struct vac_err *err)
{
    struct strbuf line = {0};
    int rc;

    json_put_end(o);
    rc = append(dir, rest, true, &line, err);
    sb_done(&line);
    return rc;
}

/* `sha` is that of what stands before the line, `from` bytes. */
static int link_line(const char *dir, const char *why, const char *name, int64_t from,
                     const struct sha256 *sha, const struct strbuf *line, struct vac_err *err)
{
    struct strbuf rest = {0}, crc = {0};
    struct json_out o = json_out(&rest);
    struct sha256 whole = *sha;
    int rc;

    sha256_put(&whole, line->s, line->len);
    sb_printf(&crc, "%08x", crc32c(0, line->s, line->len));
    begin_link(&o, why, "lines");
    put_lines(&o, name, from, from + (int64_t)line->len, &whole, &crc);
    rc = sb_ok(&crc, err) ? -1 : end_link(&o, dir, &rest, err);
    sb_done(&rest);
    sb_done(&crc);
    return rc;
}

int chain_add(const char *dir, const char *name, const struct strbuf *line, struct vac_err *err)
{
    char *path = path_join(dir, name, err);
    struct appender a = {0};
    struct strbuf crc = {0};
    struct sha256 sha;
    int64_t from, bytes = 0;
    bool chained = has_chain(dir);
    int rc = path && !sb_ok(line, err) ? app_open(&a, path, err) : -1;

    sha256_init(&sha);
    if (rc == 0) {
        lock_shortly(a.fd); /* two that add at once would announce the same place */
        rc = app_size(&a, &from, err);
    }
    if (rc == 0 && chained)
        rc = read_on(path, &sha, &bytes, from, from, &crc, err) ||
                     link_line(dir, "adding", name, from, &sha, line, err)
                 ? -1
                 : 0;
    if (rc == 0)
        rc = app_put(&a, line->s, line->len, err) || app_sync(&a, err) ? -1 : 0;
    if (rc == 0 && chained)
        link_line(dir, "added", name, from, &sha, line, NULL); /* it stands, and was announced */
    app_close(&a);
    sb_done(&crc);
    free(path);
    return rc;
}

static int link_file(const char *dir, const char *why, const char *name, const char *hash,
                     struct vac_err *err)
{
    struct strbuf rest = {0};
    struct json_out o = json_out(&rest);
    int rc;

    begin_link(&o, why, "files");
    json_put_text(&o, name, hash);
    rc = end_link(&o, dir, &rest, err);
    sb_done(&rest);
    return rc;
}

int chain_writes(const char *dir, const char *name, struct vac_err *err)
{
    return has_chain(dir) ? link_file(dir, "adding", name, "", err) : 0;
}

int chain_wrote(const char *dir, const char *name, struct vac_err *err)
{
    char *path, hash[FILES_HASH];
    int rc = -1;

    if (!has_chain(dir))
        return 0;
    path = path_join(dir, name, err);
    if (path && path_missing(path))
        rc = link_file(dir, "added", name, NULL, err);
    else if (path && !files_hash(dir, name, hash, err))
        rc = link_file(dir, "added", name, hash, err);
    free(path);
    return rc;
}
