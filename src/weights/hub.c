/* hub.c - finds a model on this machine; nothing is downloaded.
 *
 * The cache is laid out as the huggingface_hub library does it: models--OWNER--NAME holds refs/REF
 * (a file with a commit) and snapshots/COMMIT (a folder of links). */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/kind.h"
#include "weights/gguf.h"
#include "weights/hub.h"

#define REF_LIMIT 256
#define CONFIG_LIMIT ((size_t)1 << 20)
#define NAME_MAX_LEN 96 /* the hub's own limit for owner/name */
#define PREFIX_MIN 4    /* as few digits of a commit as may stand for it */

/* A model's name taken apart: "owner/name@revision". */
struct hub_name {
    char *folder; /* models--owner--name */
    char *revision;
};

static void name_done(struct hub_name *h)
{
    free(h->folder);
    free(h->revision);
}

/* Letters, digits and . _ - with neither "--" nor ".." nor a dot or dash at an end: the hub's rule,
 * which also keeps the name inside the cache's folder. */
static bool part_is_valid(const char *s, size_t n)
{
    if (n == 0 || strchr(".-", s[0]) || strchr(".-", s[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
            return false;
        if (i && s[i] == s[i - 1] && strchr(".-", s[i]))
            return false;
    }
    return true;
}

/* A ref may have slashes ("refs/pr/1"), but every part must be a plain name. */
static bool revision_is_valid(const char *s)
{
    for (;;) {
        size_t n = strcspn(s, "/");
        if (!part_is_valid(s, n))
            return false;
        if (!s[n])
            return true;
        s += n + 1;
    }
}

static bool is_hex(const char *s)
{
    return *s && s[strspn(s, "0123456789abcdef")] == 0;
}

static int name_parse(struct hub_name *h, const char *model, struct vac_err *err)
{
    struct strbuf b = {0};
    size_t all = strcspn(model, "@");
    const char *slash = memchr(model, '/', all);
    size_t owner = slash ? (size_t)(slash - model) : 0;
    const char *name = slash ? slash + 1 : model;
    size_t n = all - (size_t)(name - model);

    if (all > NAME_MAX_LEN || !part_is_valid(name, n) || (slash && !part_is_valid(model, owner)))
        return err_set(err, VAC_ERR_USAGE,
                       "model \"%.200s\": no such folder, and not a name like \"owner/name\"",
                       model);
    if (model[all] && !revision_is_valid(model + all + 1))
        return err_set(err, VAC_ERR_USAGE,
                       "model \"%.200s\": the revision after \"@\" must be a branch, tag or commit",
                       model);
    sb_puts(&b, "models--");
    sb_put(&b, model, owner);
    sb_puts(&b, owner ? "--" : "");
    sb_put(&b, name, n);
    if (sb_ok(&b, err)) {
        sb_done(&b);
        return -1;
    }
    h->folder = b.s;
    h->revision = mem_strdup(model[all] ? model + all + 1 : "main", err);
    return h->revision ? 0 : -1;
}

/* DIR/snapshots/COMMIT when it is there. 1 = found, 0 = not, -1 = error. */
static int snapshot_find(const char *dir, const char *commit, char **out, struct vac_err *err)
{
    struct strbuf b = {0};

    sb_printf(&b, "%s/snapshots/%s", dir, commit);
    if (sb_ok(&b, err)) {
        sb_done(&b);
        return -1;
    }
    if (!dir_exists(b.s)) {
        sb_done(&b);
        return 0;
    }
    *out = b.s;
    return 1;
}

/* The commit that DIR/refs/REVISION names, or NULL when there is no such ref; an error only in
 * `err`. */
static char *ref_read(const char *dir, const char *revision, struct vac_err *err)
{
    struct strbuf b = {0};
    char *commit = NULL;
    size_t n;

    sb_printf(&b, "%s/refs/%s", dir, revision);
    if (sb_ok(&b, err) || !file_exists(b.s))
        goto out;
    commit = file_read(b.s, REF_LIMIT, &n, err);
    if (!commit)
        goto out;
    while (n && isspace((unsigned char)commit[n - 1]))
        commit[--n] = 0;
    if (!is_hex(commit) || strlen(commit) != n) {
        err_set(err, VAC_ERR_FORMAT, "%s: expected a commit (hexadecimal digits)", b.s);
        free(commit);
        commit = NULL;
    }
out:
    sb_done(&b);
    return commit;
}

/* The one snapshot whose commit begins with `prefix`: 1 found, 0 none, -1 several or an error. */
static int prefix_find(const char *dir, const char *prefix, char **out, struct vac_err *err)
{
    char hit[NAME_MAX_LEN] = "";
    char *snapshots = path_join(dir, "snapshots", err);
    size_t n = strlen(prefix), count = 0;
    struct dirent *e;
    int rc;
    DIR *d;

    if (!snapshots)
        return -1;
    d = opendir(snapshots);
    free(snapshots);
    if (!d)
        return errno == ENOENT ? 0 : path_error(dir, "list its snapshots", err);
    while ((errno = 0, e = readdir(d))) {
        if (strncmp(e->d_name, prefix, n) || !is_hex(e->d_name) || strlen(e->d_name) >= sizeof hit)
            continue;
        memcpy(hit, e->d_name, strlen(e->d_name) + 1);
        count++;
    }
    rc = errno ? path_error(dir, "list its snapshots", err) : 0;
    closedir(d);
    if (rc)
        return -1;
    if (count > 1)
        return err_set(err, VAC_ERR_USAGE,
                       "%s: revision \"%s\" fits %zu snapshots: give more digits of the commit",
                       dir, prefix, count);
    return count ? snapshot_find(dir, hit, out, err) : 0;
}

/* A ref's name comes first, then a commit, whole or its unique beginning. */
static int revision_find(const char *dir, const char *revision, char **out, struct vac_err *err)
{
    struct vac_err bad = {0};
    char *commit = ref_read(dir, revision, &bad);
    int rc;

    if (bad.code)
        return err_set(err, bad.code, "%s", bad.msg);
    if (commit) {
        rc = snapshot_find(dir, commit, out, err);
        free(commit);
        return rc;
    }
    if (!is_hex(revision) || strlen(revision) < PREFIX_MIN)
        return 0;
    rc = snapshot_find(dir, revision, out, err);
    return rc ? rc : prefix_find(dir, revision, out, err);
}

/* Looks into one cache; a place without the model, and why, goes into `looked`. */
static int cache_find(const char *root, const struct hub_name *h, struct strbuf *looked, char **out,
                      struct vac_err *err)
{
    char *dir = path_join(root, h->folder, err);
    int rc = -1;

    if (!dir)
        return -1;
    if (!dir_exists(dir)) {
        sb_printf(looked, "%s%s", looked->len ? ", " : "", dir);
        rc = 0;
    } else {
        rc = revision_find(dir, h->revision, out, err);
        if (rc == 0)
            sb_printf(looked, "%s%s (without revision %s)", looked->len ? ", " : "", dir,
                      h->revision);
    }
    free(dir);
    return rc;
}

/* Where caches may be, in the order of preference; `tail` goes behind the variable's value. */
static const struct cache_root {
    const char *variable, *tail;
    bool absolute; /* a relative value is to be ignored */
} cache_roots[] = {
    {.variable = "HF_HUB_CACHE", .tail = ""},
    {.variable = "HF_HOME", .tail = "/hub"},
    {.variable = "XDG_CACHE_HOME", .tail = "/huggingface/hub", .absolute = true},
    {.variable = "HOME", .tail = "/.cache/huggingface/hub"},
};

static int caches_find(const struct hub_name *h, struct strbuf *looked, char **out,
                       struct vac_err *err)
{
    for (size_t i = 0; i < sizeof cache_roots / sizeof *cache_roots; i++) {
        const char *value = getenv(cache_roots[i].variable);
        struct strbuf root = {0};
        int rc;

        if (!value || !*value || (cache_roots[i].absolute && *value != '/'))
            continue;
        sb_printf(&root, "%s%s", value, cache_roots[i].tail);
        rc = sb_ok(&root, err) ? -1 : cache_find(root.s, h, looked, out, err);
        sb_done(&root);
        if (rc)
            return rc;
    }
    return 0;
}

static void refuse_missing(const char *model, const struct hub_name *h, struct strbuf *looked,
                           struct vac_err *err)
{
    if (sb_ok(looked, err))
        return;
    if (looked->len == 0)
        err_set(err, VAC_ERR_IO,
                "model \"%s\": no such folder, and no cache to look in: set HOME or HF_HOME",
                model);
    else
        err_set(err, VAC_ERR_IO,
                "model \"%s\" (revision %s): no such folder, and not in the cache; looked in: %s",
                model, h->revision, looked->s);
}

static void refuse_file(const char *path, struct vac_err *err)
{
    char *dir = path_dir(path, NULL), *config = dir ? path_join(dir, "config.json", NULL) : NULL;

    if (config && file_exists(config))
        err_set(err, VAC_ERR_USAGE, "%s: is a file: a model is the whole folder, %s", path, dir);
    else if (strstr(path, ".json") || !kind_refuse_file(path, KIND_WEIGHTS, err))
        err_set(err, VAC_ERR_USAGE,
                "%s: is a file: a model is a folder with config.json, tokenizer.json and weights",
                path);
    free(config);
    free(dir);
}

char *hub_find(const char *model, struct vac_err *err)
{
    struct hub_name h = {0};
    struct strbuf looked = {0};
    char *found = NULL;

    if (dir_exists(model))
        return mem_strdup(model, err);
    if (kind_refuse_link(model, err))
        return NULL;
    if (gguf_is(model))
        return mem_strdup(model, err);
    if (file_exists(model)) {
        refuse_file(model, err);
        return NULL;
    }
    if (name_parse(&h, model, err) == 0 && caches_find(&h, &looked, &found, err) == 0)
        refuse_missing(model, &h, &looked, err);
    sb_done(&looked);
    name_done(&h);
    return found;
}

/* .../models--OWNER--NAME/snapshots/COMMIT, or without an owner. */
int hub_name_of(const char *dir, char **name, char **commit, struct vac_err *err)
{
    static const char before[] = "models--", between[] = "/snapshots/";
    const char *cut = strstr(dir, between), *start, *from;
    struct strbuf s = {0}, rest = {0};
    size_t len;

    *name = *commit = NULL;
    for (const char *next = cut; next; next = strstr(next + 1, between))
        cut = next;
    for (start = cut; start && start > dir && start[-1] != '/'; start--)
        ;
    if (!cut || strncmp(start, before, sizeof before - 1))
        return 1;
    start += sizeof before - 1;
    from = cut + sizeof between - 1;
    len = strcspn(from, "/");
    if (start == cut || len == 0 || from[len + strspn(from + len, "/")])
        return 1;
    sb_put(&s, start, (size_t)(cut - start));
    if (sb_ok(&s, err))
        return -1;
    if (strstr(s.s, "--")) {
        char *dashes = strstr(s.s, "--");
        *dashes = '/';
        memmove(dashes + 1, dashes + 2, strlen(dashes + 2) + 1);
    }
    *name = s.s;
    sb_put(&rest, from, len);
    if (sb_ok(&rest, err)) {
        free(*name);
        *name = NULL;
        return -1;
    }
    *commit = rest.s;
    return 0;
}

static int eos_add(struct gen_config *g, const struct jnode *node, struct vac_err *err)
{
    double x = cJSON_IsNumber(node->v) ? node->v->valuedouble : -1;

    if (!(x >= 0 && x <= INT32_MAX) || x != (double)(int32_t)x)
        return json_error(node, err, "expected a token id (0 to %d) or a list of them", INT32_MAX);
    if (g->n_eos == GEN_MAX_EOS)
        return json_error(node, err, "more than %d token ids", GEN_MAX_EOS);
    g->eos[g->n_eos++] = (int32_t)x;
    return 0;
}

static int eos_read(struct gen_config *g, const struct jnode *root, struct vac_err *err)
{
    struct jnode eos;
    int rc = json_opt(root, "eos_token_id", JSON_ANY, &eos, err);
    size_t i = 0;

    if (rc)
        return rc < 0 ? -1 : 0;
    if (!cJSON_IsArray(eos.v))
        return eos_add(g, &eos, err);
    for (const cJSON *c = eos.v->child; c; c = c->next, i++) {
        struct jnode one = {.v = c, .up = &eos, .file = eos.file, .index = i};
        if (eos_add(g, &one, err))
            return -1;
    }
    return 0;
}

/* A number from 0 to max. */
static int rate_read(const struct jnode *root, const char *key, double max, double *out,
                     struct vac_err *err)
{
    struct jnode node;
    int rc = json_opt(root, key, JSON_NUMBER, &node, err);

    if (rc)
        return rc < 0 ? -1 : 0;
    if (!(node.v->valuedouble >= 0 && node.v->valuedouble <= max))
        return json_error(&node, err, "expected a number from 0 to %g, found %g", max,
                          node.v->valuedouble);
    *out = node.v->valuedouble;
    return 0;
}

static int config_fields(struct gen_config *g, const cJSON *doc, const char *path,
                         struct vac_err *err)
{
    struct jnode root = json_root(doc, path);

    if (!cJSON_IsObject(doc))
        return json_error(&root, err, "expected an object");
    if (eos_read(g, &root, err) || rate_read(&root, "temperature", 1000, &g->temperature, err))
        return -1;
    return rate_read(&root, "top_p", 1, &g->top_p, err);
}

int gen_config_read(const char *dir, struct gen_config *out, struct vac_err *err)
{
    struct gen_config g = {.temperature = 1, .top_p = 1};
    char *path = path_join(dir, "generation_config.json", err);
    cJSON *doc = NULL;
    int rc = -1;

    if (!path)
        return -1;
    rc = gguf_is(dir) ? 0 : kind_file_there(path, err); /* such a file has none: its keys tell */
    if (rc <= 0)
        goto out;
    rc = -1;
    doc = json_read(path, CONFIG_LIMIT, err);
    if (!doc)
        goto out;
    rc = config_fields(&g, doc, path, err);
out:
    if (rc == 0)
        *out = g;
    cJSON_Delete(doc);
    free(path);
    return rc;
}
