/* ledger.c - see ledger.h */
#include "proof/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_out.h"

static const char seal[] = ",\"hash\":\"";

void ledger_done(struct ledger *l)
{
    for (size_t i = 0; i < l->n_lines; i++) {
        for (size_t k = 0; k < l->lines[i].n; k++)
            free(l->lines[i].part[k].crc);
        free(l->lines[i].part);
        free(l->lines[i].name);
    }
    for (size_t i = 0; i < l->n_files; i++)
        free(l->file[i].name);
    free(l->lines);
    free(l->file);
    *l = (struct ledger){0};
}

struct ledger_lines *ledger_lines(const struct ledger *l, const char *name)
{
    for (size_t i = 0; i < l->n_lines; i++)
        if (!strcmp(l->lines[i].name, name))
            return &l->lines[i];
    return NULL;
}

int64_t ledger_end_of(const struct ledger_lines *l)
{
    return l && l->n ? l->part[l->n - 1].to : 0;
}

/* Where it stands, or would. */
static size_t place_of(const struct ledger *l, const char *name)
{
    size_t lo = 0, hi = l->n_files;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (strcmp(l->file[mid].name, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct ledger_file *ledger_file(const struct ledger *l, const char *name)
{
    size_t i = place_of(l, name);

    return i < l->n_files && !strcmp(l->file[i].name, name) ? &l->file[i] : NULL;
}

/* --- one link --- */

static int is_inside(const struct jnode *at, struct vac_err *err)
{
    if (*at->key && *at->key != '/' && !strstr(at->key, ".."))
        return 0;
    return json_error(at, err, "is no file of this run");
}

static int take_file(struct ledger *l, const struct jnode *at, struct vac_err *err)
{
    const char *hash = cJSON_GetStringValue(at->v);
    struct ledger_file *have = ledger_file(l, at->key);
    size_t i = place_of(l, at->key);

    if (is_inside(at, err))
        return -1;
    if (!hash && !cJSON_IsNull(at->v))
        return json_wrong(at, "a hash, or null", err);
    if (hash && strlen(hash) >= FILES_HASH)
        return json_error(at, err, "is no hash");
    if (!hash) {
        if (!have)
            return 0;
        free(have->name);
        memmove(have, have + 1, (l->n_files - i - 1) * sizeof *have);
        l->n_files--;
        return 0;
    }
    if (!have) {
        char *name;

        if (mem_grow(&l->file, &l->cap_files, l->n_files + 1, sizeof *l->file, err) ||
            !(name = mem_strdup(at->key, err)))
            return -1;
        have = &l->file[i];
        memmove(have + 1, have, (l->n_files - i) * sizeof *have);
        *have = (struct ledger_file){.name = name};
        l->n_files++;
    }
    snprintf(have->hash, sizeof have->hash, "%s", hash);
    return 0;
}

static int take_lines(struct ledger *l, const struct jnode *at, struct vac_err *err)
{
    struct ledger_lines *x = ledger_lines(l, at->key);
    struct ledger_part p = {.announced = l->adding};
    const char *sha, *crc;

    if (is_inside(at, err) || json_int(at, "from", 0, INT64_C(1) << 53, &p.from, err) ||
        json_int(at, "to", p.from, INT64_C(1) << 53, &p.to, err) ||
        json_str(at, "sha256", &sha, err) || json_str(at, "crc32c", &crc, err))
        return -1;
    if (strlen(sha) != 64 || strlen(crc) % 8)
        return json_error(at, err, "has no hashes of its lines");
    if (!x) {
        if (mem_grow(&l->lines, &l->cap_lines, l->n_lines + 1, sizeof *l->lines, err))
            return -1;
        x = &l->lines[l->n_lines];
        *x = (struct ledger_lines){.name = mem_strdup(at->key, err)};
        if (!x->name)
            return -1;
        l->n_lines++;
    }
    while (x->n && x->part[x->n - 1].to > p.from)
        free(x->part[--x->n].crc);
    if (ledger_end_of(x) != p.from)
        return json_error(at, err, "begins at byte %lld, where no link before it ends",
                          (long long)p.from);
    if (x->n)
        x->part[x->n - 1].announced = false; /* whoever goes on there has seen it */
    if (p.to == p.from)
        return 0;
    memcpy(p.sha256, sha, sizeof p.sha256);
    p.crc = mem_strdup(crc, err);
    if (!p.crc || mem_grow(&x->part, &x->cap, x->n + 1, sizeof *x->part, err)) {
        free(p.crc);
        return -1;
    }
    x->part[x->n++] = p;
    return 0;
}

typedef int taker(struct ledger *l, const struct jnode *at, struct vac_err *err);

static int take_each(struct ledger *l, const struct jnode *root, const char *key, taker *take,
                     struct vac_err *err)
{
    struct jnode all;
    int rc = json_opt(root, key, JSON_OBJECT, &all, err);

    for (const cJSON *v = rc == 0 ? all.v->child : NULL; v && rc == 0; v = v->next) {
        struct jnode one = {.v = v, .up = &all, .file = root->file, .key = v->string};

        rc = take(l, &one, err);
    }
    return rc < 0 ? -1 : 0;
}

enum ledger_end ledger_end(const char *why)
{
    static const char *const shut[] = {"done", "stop", "fail"};

    for (size_t i = 0; i < sizeof shut / sizeof *shut; i++)
        if (!strcmp(why, shut[i]))
            return LEDGER_SHUT;
    return !strcmp(why, "back") ? LEDGER_BACK : !strcmp(why, "end") ? LEDGER_WORD : LEDGER_OPEN;
}

bool ledger_hash(const char *line, size_t n, char out[65])
{
    const char *at;

    if (n < LEDGER_SEAL)
        return false;
    at = line + n - LEDGER_SEAL;
    if (memcmp(at, seal, sizeof seal - 1) != 0 || memcmp(line + n - 3, "\"}\n", 3) != 0)
        return false;
    memcpy(out, at + sizeof seal - 1, 64);
    out[64] = '\0';
    return strspn(out, "0123456789abcdef") == 64;
}

int ledger_take(struct ledger *l, const char *line, size_t n, struct vac_err *err)
{
    struct sha256 sha;
    char own[65], is[65];
    const char *prev, *why;
    cJSON *doc = NULL;
    struct jnode root;
    int64_t step;
    int rc = -1;

    if (!ledger_hash(line, n, own))
        return err_set(err, VAC_ERR_FORMAT, "is no link: it has no hash at its end");
    sha256_init(&sha);
    sha256_put(&sha, line, n - LEDGER_SEAL);
    sha256_hex(&sha, is);
    if (strcmp(own, is))
        err_set(err, VAC_ERR_FORMAT, "is not the link that was written: its hash is another");
    doc = json_parse(line, n, "link", err);
    root = json_root(doc, "link");
    if (doc && !json_str(&root, "prev", &prev, err) && !json_str(&root, "why", &why, err) &&
        !json_int(&root, "step", 0, INT64_C(1) << 53, &step, err)) {
        if (strcmp(prev, l->head))
            err_set(err, VAC_ERR_FORMAT,
                    l->links ? "does not follow the link before it: one was dropped, added, "
                               "changed or moved"
                             : "is not the first link: those before it were dropped");
        l->adding = !strcmp(why, "adding");
        rc = take_each(l, &root, "lines", take_lines, err) ||
                     take_each(l, &root, "files", take_file, err)
                 ? -1
                 : 0;
        if (!l->adding && strcmp(why, "added")) { /* both are another program's */
            l->step = step;
            l->end = ledger_end(why);
        }
    }
    l->links++;
    memcpy(l->head, own, sizeof l->head);
    cJSON_Delete(doc);
    return rc || err->code ? -1 : 0;
}

void ledger_seal(struct strbuf *line)
{
    struct sha256 sha;
    char hash[65];

    if (line->bad)
        return;
    sha256_init(&sha);
    sha256_put(&sha, line->s, line->len);
    sha256_hex(&sha, hash);
    sb_printf(line, "%s%s\"}\n", seal, hash);
}

/* --- all of them --- */

/* What a kill leaves of a link is how one begins; one whose end was changed is more than that. */
static bool begins_link(const struct ledger *l, char *line, size_t n)
{
    struct strbuf head = {0};
    struct json_out o = json_out(&head);
    char hash[65];
    bool begins;

    json_put_object(&o, NULL, JSON_TIGHT);
    json_put_text(&o, "prev", l->head);
    begins = head.s && !strncmp(line, head.s, n < head.len ? n : head.len);
    sb_done(&head);
    line[n - 1] = '\n';
    return begins && !ledger_hash(line, n, hash);
}

int ledger_read(struct ledger *l, const char *dir, ledger_wrong *wrong, void *ctx,
                struct vac_err *err)
{
    char *path = path_join(dir, LEDGER_FILE, err), *line = NULL;
    FILE *in = NULL;
    size_t cap = 0, number = 0;
    ssize_t n;
    int rc = path ? 0 : -1;

    if (rc == 0 && path_missing(path))
        rc = 1;
    else if (rc == 0)
        rc = (in = stream_open(path, err)) ? 0 : -1;
    while (rc == 0 && (n = getline(&line, &cap, in)) > 0) {
        struct vac_err why = {0};

        number++;
        l->torn = line[n - 1] != '\n';
        if (l->torn) {
            l->odd = !begins_link(l, line, (size_t)n);
            break;
        }
        if (ledger_take(l, line, (size_t)n, &why) && why.code == VAC_ERR_MEMORY)
            rc = err_set(err, why.code, "%s", why.msg);
        else if (why.code && wrong)
            wrong(ctx, number, &why);
    }
    if (rc == 0 && ferror(in))
        rc = path_error(path, "read", err);
    if (in)
        fclose(in);
    free(line);
    free(path);
    return rc;
}
