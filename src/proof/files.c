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

struct names {
    char **v;
    size_t n, cap;
};

static int keep_name(void *ctx, const char *name, struct vac_err *err)
{
    struct names *l = ctx;

    if (mem_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, err))
        return -1;
    l->v[l->n] = mem_strdup(name, err);
    return l->v[l->n] ? (l->n++, 0) : -1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int walk(const char *dir, const char *below, size_t depth, files_visitor *visit, void *ctx,
                struct vac_err *err)
{
    char *folder = *below ? path_join(dir, below, err) : mem_strdup(dir, err);
    struct names l = {0};
    int rc = folder ? dir_each(folder, keep_name, &l, err) : -1;

    if (l.n)
        qsort(l.v, l.n, sizeof *l.v, by_name);
    for (size_t i = 0; i < l.n; i++) {
        char *name = rc ? NULL : path_join(below, l.v[i], err);
        char *path = name ? path_join(dir, name, err) : NULL;
        struct stat st;

        if (rc == 0 && !path)
            rc = -1;
        else if (rc == 0 && path_stat(path, &st) == 0) { /* else it is gone meanwhile */
            if (!S_ISDIR(st.st_mode))
                rc = visit(ctx, name, &st, err);
            else if (strcmp(name, "attacks") && depth < DEPTH)
                rc = walk(dir, name, depth + 1, visit, ctx, err);
        }
        free(name);
        free(path);
        free(l.v[i]);
    }
    free(l.v);
    free(folder);
    return rc;
}

int files_each(const char *dir, files_visitor *visit, void *ctx, struct vac_err *err)
{
    return walk(dir, "", 0, visit, ctx, err);
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
