/* files.c - see files.h */
#include "proof/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { DEPTH = 8, PIECE = 1 << 16, SHA_MOST = 64 << 20 };

/* A name, or with a slash or a dash at its end what a name begins with. */
static const struct {
    const char *name;
    enum files_kind kind;
} known[] = {
    {"run.json", FILES_OWN},
    {"metrics.jsonl", FILES_LINES},
    {"layers.jsonl", FILES_LINES},
    {"probes.jsonl", FILES_LINES},
    {"journal.jsonl", FILES_LINES},
    {"eval/history.jsonl", FILES_LINES},
    {"attacks.jsonl", FILES_ADDED},
    {"labels.jsonl", FILES_ADDED},
    {"proof.jsonl", FILES_CHAIN},
    {"lock", FILES_NEVER},
    {"lock.pid", FILES_NEVER},
    {"control.sock", FILES_NEVER},
    {"report.html", FILES_NEVER},
    {"metrics.csv", FILES_MADE},
    {"trainer_state.json", FILES_MADE},
    {"events.out.tfevents.", FILES_MADE},
    {"checkpoint-", FILES_OWN},
    {"aside-", FILES_OWN},
    {"stages/", FILES_OWN},
    {"final/", FILES_OWN},
    {"eval/", FILES_OWN},
};

enum files_kind files_kind(const char *name)
{
    const char *half = strstr(name, ".tmp");

    if (half && (!half[4] || strchr("./-", half[4])))
        return FILES_HALF;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].name);

        if (!strncmp(name, known[i].name, n) && (!name[n] || strchr("/-.", known[i].name[n - 1])))
            return known[i].kind;
    }
    return FILES_UNKNOWN;
}

/* --- walking --- */

struct walk {
    const char *dir, *below;
    size_t depth;
    files_visitor *visit;
    void *ctx;
};

static int walk(const struct walk *w, struct vac_err *err);

static int walk_one(void *ctx, const char *entry, struct vac_err *err)
{
    const struct walk *w = ctx;
    char *name = path_join(w->below, entry, err),
         *path = name ? path_join(w->dir, name, err) : NULL;
    struct stat st;
    int rc = path ? 0 : -1;

    if (rc == 0 && path_stat(path, &st) == 0) { /* else it is gone meanwhile */
        if (!S_ISDIR(st.st_mode))
            rc = w->visit(w->ctx, name, &st, err);
        else if (strcmp(name, "attacks") && w->depth < DEPTH)
            rc = walk(&(struct walk){w->dir, name, w->depth + 1, w->visit, w->ctx}, err);
    }
    free(name);
    free(path);
    return rc;
}

static int walk(const struct walk *w, struct vac_err *err)
{
    char *folder = *w->below ? path_join(w->dir, w->below, err) : mem_strdup(w->dir, err);
    int rc = folder ? dir_each(folder, walk_one, (void *)(uintptr_t)w, err) : -1;

    free(folder);
    return rc;
}

int files_each(const char *dir, files_visitor *visit, void *ctx, struct vac_err *err)
{
    return walk(&(struct walk){dir, "", 0, visit, ctx}, err);
}

/* --- content --- */

int files_hash(const char *dir, const char *name, char out[FILES_HASH], struct vac_err *err)
{
    char *path = path_join(dir, name, err), *piece = mem_new(PIECE, 1, err);
    FILE *f = path && piece ? stream_open(path, err) : NULL;
    struct sha256 sha;
    struct stat st;
    uint32_t crc = 0;
    int64_t bytes = 0;
    int rc = f ? 0 : -1;

    if (rc == 0 && fstat(fileno(f), &st))
        rc = path_error(path, "look at it", err);
    sha256_init(&sha);
    for (size_t n; rc == 0 && (n = fread(piece, 1, PIECE, f)) > 0; bytes += (int64_t)n) {
        if (st.st_size > SHA_MOST)
            crc = crc32c(crc, piece, n);
        else
            sha256_put(&sha, piece, n);
    }
    if (rc == 0 && ferror(f))
        rc = path_error(path, "read", err);
    if (rc == 0 && st.st_size > SHA_MOST)
        snprintf(out, FILES_HASH, "crc32c:%08x:%lld", crc, (long long)bytes);
    else if (rc == 0)
        sha256_hex(&sha, out);
    if (f)
        fclose(f);
    free(piece);
    free(path);
    return rc;
}
