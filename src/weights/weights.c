/* weights.c - a set of weights: one file, or shards that an index ties together; looking tensors
 * up.
 *
 * All tensors of all files stand in one list sorted by name, so that every look-up is a binary
 * search. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/kind.h"
#include "weights/weights.h"
#include "weights/gguf.h"
#include "weights/gguf_names.h"
#include "weights/st_foreign.h"
#include "weights/st_read.h"

#define INDEX_SUFFIX ".safetensors.index.json"
#define INDEX_LIMIT ((size_t)100000000)

struct weights {
    char *path;       /* the file, the index, or the folder of shards that have none */
    const char *stem; /* then: "model" or "adapter_model" */
    struct st_file *files;
    size_t n_files;
    struct gguf gguf;           /* in their place, when it is open */
    const struct st_tensor **t; /* sorted by name */
    size_t n;
};

/* What an index says; the strings belong to the document. */
struct index_entry {
    const char *tensor, *file;
};
struct shard_index {
    cJSON *doc;
    struct index_entry *entries; /* sorted by tensor */
    size_t n;
    const char **files; /* sorted, each once */
    size_t n_files;
};

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);

    return n >= m && strcmp(s + n - m, tail) == 0;
}

/* What weights are called, in a folder. */
static const char *const stems[] = {"model", "adapter_model", NULL};

struct shard_search {
    const char *stem;
    size_t n; /* of its shards, by the name of one; 0 = none */
};

/* "model-00002-of-00005.safetensors" gives 5. */
static int see_shard(void *search, const char *name, struct vac_err *err)
{
    struct shard_search *s = search;
    size_t n = strlen(s->stem);
    unsigned at, of;
    int end = 0;

    (void)err;
    if (!strncmp(name, s->stem, n) &&
        sscanf(name + n, "-%5u-of-%5u.safetensors%n", &at, &of, &end) == 2 && end && !name[n + end])
        s->n = of;
    return s->n > 0;
}

/* How many shards lie in the folder by the name of one; 0 = none. */
static int count_shards(const char *dir, const char *stem, size_t *n, struct vac_err *err)
{
    struct shard_search s = {.stem = stem};
    int rc = dir_each(dir, see_shard, &s, err);

    *n = s.n;
    return rc < 0 ? -1 : 0;
}

/* STEM.safetensors in the folder, or its index, or the folder where only shards are; free it. NULL
 * without an error when there is none of them. */
static char *find_stem(struct weights *w, const char *dir, const char *stem, struct vac_err *err)
{
    static const char *const tails[] = {".safetensors", INDEX_SUFFIX};
    char name[64], *p;
    size_t n;

    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s%s", stem, tails[i]);
        p = path_join(dir, name, err);
        if (p && kind_refuse_link(p, err)) {
            free(p);
            return NULL;
        }
        if (!p || file_exists(p))
            return p;
        free(p);
    }
    w->stem = stem;
    return count_shards(dir, stem, &n, err) || n == 0 ? NULL : mem_strdup(dir, err);
}

/* The file to open for a path: itself, or what a folder has of the stem, or of any (NULL). Free it.
 */
static char *choose_file(struct weights *w, const char *path, const char *stem, struct vac_err *err)
{
    struct vac_err why = {0};
    char *found, wanted[64];

    if (!dir_exists(path))
        return mem_strdup(path, err);
    for (size_t i = 0; stems[i]; i++) {
        if (stem && strcmp(stem, stems[i]))
            continue;
        found = find_stem(w, path, stems[i], &why);
        if (why.code)
            err_set(err, why.code, "%s", why.msg);
        if (found || why.code)
            return found;
    }
    snprintf(wanted, sizeof wanted, "%s.safetensors", stem ? stem : stems[0]);
    if (st_refuse_folder(path, wanted, err) == 0)
        err_set(err, VAC_ERR_IO, "%s: holds no weights (expected %s%s)", path, wanted,
                stem ? "" : ", model.safetensors.index.json or adapter_model.safetensors");
    return NULL;
}

/* A file that is not there: what stands in its place beside it? */
static int refuse_absent(const char *path, struct vac_err *err)
{
    char *dir = file_exists(path) || kind_refuse_link(path, NULL) ? NULL : path_dir(path, NULL);
    int rc = dir && dir_exists(dir) ? st_refuse_folder(dir, path_base(path), err) : 0;

    free(dir);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const struct st_tensor *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* Lists the tensors of all files; no two files may hold the same one. */
static int list_tensors(struct weights *w, struct vac_err *err)
{
    size_t total = w->gguf.n;

    for (size_t i = 0; i < w->n_files; i++)
        total += w->files[i].n;
    w->t = mem_new(total, sizeof *w->t, err);
    if (!w->t)
        return -1;
    for (size_t i = 0; i < w->n_files; i++)
        for (size_t k = 0; k < w->files[i].n; k++)
            w->t[w->n++] = &w->files[i].t[k];
    for (size_t k = 0; k < w->gguf.n; k++)
        w->t[w->n++] = &w->gguf.t[k];
    qsort(w->t, w->n, sizeof *w->t, by_name);
    for (size_t i = 1; i < w->n; i++)
        if (strcmp(w->t[i - 1]->name, w->t[i]->name) == 0)
            return err_set(err, VAC_ERR_FORMAT, "%s: tensor \"%.100s\" stands in both %s and %s",
                           w->path, w->t[i]->name, w->t[i - 1]->file, w->t[i]->file);
    return 0;
}

static int open_single(struct weights *w, struct vac_err *err)
{
    w->files = mem_new(1, sizeof *w->files, err);
    if (!w->files || refuse_absent(w->path, err) || st_file_open(&w->files[0], w->path, err))
        return -1;
    w->n_files = 1;
    return list_tensors(w, err);
}

static int by_tensor(const void *a, const void *b)
{
    return strcmp(((const struct index_entry *)a)->tensor, ((const struct index_entry *)b)->tensor);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int index_entries(struct shard_index *x, const struct jnode *map, struct vac_err *err)
{
    const char *s;

    x->entries = mem_new(json_count(map), sizeof *x->entries, err);
    if (!x->entries)
        return -1;
    for (const cJSON *c = map->v->child; c; c = c->next) {
        struct jnode node = {.v = c, .up = map, .file = map->file, .key = c->string};
        if (!cJSON_IsString(c))
            return json_error(&node, err, "expected the name of a file");
        s = c->valuestring; /* it must lie beside its index: a name that leads elsewhere is refused */
        if (strchr(s, '/') || strchr(s, '\\') || strstr(s, "..") || !ends_with(s, ".safetensors"))
            return json_error(
                &node, err, "\"%.100s\" is not the name of a .safetensors file in the same folder",
                s);
        x->entries[x->n++] = (struct index_entry){.tensor = c->string, .file = c->valuestring};
    }
    qsort(x->entries, x->n, sizeof *x->entries, by_tensor);
    for (size_t i = 1; i < x->n; i++)
        if (strcmp(x->entries[i - 1].tensor, x->entries[i].tensor) == 0)
            return json_error(map, err, "tensor \"%.100s\" stands twice", x->entries[i].tensor);
    return 0;
}

static int index_read(struct shard_index *x, const char *path, struct vac_err *err)
{
    struct jnode root, map;

    x->doc = json_read(path, INDEX_LIMIT, err);
    if (!x->doc)
        return -1;
    root = json_root(x->doc, path);
    if (!cJSON_IsObject(x->doc))
        return json_error(&root, err, "expected an object with \"weight_map\"");
    if (json_get(&root, "weight_map", JSON_OBJECT, &map, err))
        return -1;
    if (!map.v->child)
        return json_error(&map, err, "is empty: expected tensors and their files");
    if (index_entries(x, &map, err))
        return -1;
    x->files = mem_new(x->n, sizeof *x->files, err);
    if (!x->files)
        return -1;
    for (size_t i = 0; i < x->n; i++)
        x->files[i] = x->entries[i].file;
    qsort(x->files, x->n, sizeof *x->files, by_text);
    for (size_t i = 0; i < x->n; i++)
        if (i == 0 || strcmp(x->files[i], x->files[x->n_files - 1]) != 0)
            x->files[x->n_files++] = x->files[i];
    return 0;
}

static int open_shard(struct weights *w, const char *dir, const char *name, struct vac_err *err)
{
    char *path = path_join(dir, name, err);
    int rc = -1;

    if (!path)
        return -1;
    if (kind_refuse_link(path, err)) {
        free(path);
        return -1;
    }
    if (!file_exists(path))
        err_set(err, VAC_ERR_IO,
                "%s: shard \"%.100s\" is missing from the folder: it was not downloaded whole",
                w->path, name);
    else
        rc = st_file_open(&w->files[w->n_files], path, err);
    if (!rc)
        w->n_files++;
    free(path);
    return rc;
}

static int open_shards(struct weights *w, const struct shard_index *x, struct vac_err *err)
{
    char *dir = path_dir(w->path, err);
    int rc = -1;

    if (!dir)
        return -1;
    w->files = mem_new(x->n_files, sizeof *w->files, err);
    if (!w->files)
        goto out;
    for (size_t i = 0; i < x->n_files; i++)
        if (open_shard(w, dir, x->files[i], err))
            goto out;
    rc = 0;
out:
    free(dir);
    return rc;
}

/* Index and shards must tell the same; both lists are sorted by name. What the index names and no
 * shard holds is missed when it is wanted: tied heads and buffers of old files often stand there
 * alone. */
static int compare_index(const struct weights *w, const struct shard_index *x, struct vac_err *err)
{
    for (size_t i = 0, k = 0; i < x->n || k < w->n; i++, k++) {
        const struct index_entry *e = i < x->n ? &x->entries[i] : NULL;
        const struct st_tensor *t = k < w->n ? w->t[k] : NULL;
        int order = !e ? 1 : !t ? -1 : strcmp(e->tensor, t->name);

        if (order < 0) {
            k--;
            continue;
        }
        if (order > 0)
            return err_set(err, VAC_ERR_FORMAT,
                           "%s: tensor \"%.100s\" lies in %s but the index does not name it",
                           w->path, t->name, t->file);
        if (strcmp(e->file, t->file) != 0)
            return err_set(err, VAC_ERR_FORMAT,
                           "%s: tensor \"%.100s\" should be in %s but lies in %s", w->path,
                           e->tensor, e->file, t->file);
    }
    return 0;
}

static int open_sharded(struct weights *w, struct vac_err *err)
{
    struct shard_index x = {0};
    int rc = -1;

    if (index_read(&x, w->path, err) || open_shards(w, &x, err) || list_tensors(w, err))
        goto out;
    rc = compare_index(w, &x, err);
out:
    cJSON_Delete(x.doc);
    free(x.entries);
    free(x.files);
    return rc;
}

/* Shards whose index is missing are one set by their names. */
static int open_unindexed(struct weights *w, struct vac_err *err)
{
    size_t n;

    if (count_shards(w->path, w->stem, &n, err))
        return -1;
    w->files = mem_new(n, sizeof *w->files, err);
    if (!w->files)
        return -1;
    for (size_t i = 1; i <= n; i++) {
        char name[64];

        snprintf(name, sizeof name, "%s-%05zu-of-%05zu.safetensors", w->stem, i, n);
        if (open_shard(w, w->path, name, err))
            return -1;
    }
    return list_tensors(w, err);
}

static int open_chosen(struct weights *w, struct vac_err *err)
{
    if (dir_exists(w->path))
        return open_unindexed(w, err);
    if (gguf_is(w->path) && !ends_with(w->path, ".safetensors"))
        return gguf_open(&w->gguf, w->path, err) ? -1 : list_tensors(w, err);
    return ends_with(w->path, INDEX_SUFFIX) ? open_sharded(w, err) : open_single(w, err);
}

struct weights *weights_open(const char *path, struct vac_err *err)
{
    return weights_open_stem(path, NULL, err);
}

struct weights *weights_open_stem(const char *path, const char *stem, struct vac_err *err)
{
    struct weights *w = mem_new(1, sizeof *w, err);

    if (!w)
        return NULL;
    w->path = choose_file(w, path, stem, err);
    if (!w->path)
        goto fail;
    if (open_chosen(w, err))
        goto fail;
    return w;
fail:
    weights_close(w);
    return NULL;
}

int weights_order_rows(struct weights *w, struct vac_err *err)
{
    return w->gguf.path ? gguf_order_rows(&w->gguf, err) : 0;
}

void weights_close(struct weights *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n_files; i++)
        st_file_close(&w->files[i]);
    free(w->files);
    gguf_close(&w->gguf);
    free(w->t);
    free(w->path);
    free(w);
}

int weights_check(const struct weights *w, struct vac_err *err)
{
    for (size_t i = 0; i < w->n_files; i++)
        if (map_check(&w->files[i].map, err))
            return -1;
    return w->gguf.path ? map_check(&w->gguf.map, err) : 0;
}

size_t weights_count(const struct weights *w)
{
    return w->n;
}

const struct st_tensor *weights_at(const struct weights *w, size_t i)
{
    return i < w->n ? w->t[i] : NULL;
}

static int name_cmp(const void *key, const void *item)
{
    return strcmp(key, (*(const struct st_tensor *const *)item)->name);
}

const struct st_tensor *weights_find(const struct weights *w, const char *name)
{
    const struct st_tensor *const *hit = bsearch(name, w->t, w->n, sizeof *w->t, name_cmp);

    return hit ? *hit : NULL;
}

static const char *name_at(const void *ctx, size_t i)
{
    const struct st_tensor *t = weights_at(ctx, i);

    return t ? t->name : NULL;
}

static int refuse_missing(const struct weights *w, const char *name, struct vac_err *err)
{
    const char *near = w->gguf.path ? NULL : err_nearest(name, name_at, w);
    char own[128];

    if (w->gguf.path) {
        gguf_name_from_hf(name, own, sizeof own);
        name = own;
    }
    if (near)
        return err_set(err, VAC_ERR_FORMAT, "%s: no tensor \"%.100s\" (did you mean \"%.100s\"?)",
                       w->path, name, near);
    return err_set(err, VAC_ERR_FORMAT, "%s: no tensor \"%.100s\" among its %zu", w->path, name,
                   w->n);
}

/* "[2, 3]"; what does not fit is cut. */
static const char *shape_text(char *buf, size_t size, size_t rank, const size_t *shape)
{
    size_t used = 1;

    snprintf(buf, size, "[");
    for (size_t i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(buf + used, size - used, "%s%zu", i ? ", " : "", shape[i]);
    if (used < size)
        snprintf(buf + used, size - used, "]");
    return buf;
}

static const struct st_file *file_of(const struct weights *w, const struct st_tensor *t)
{
    size_t i = 0;

    while (i + 1 < w->n_files && t->file != path_base(w->files[i].path))
        i++;
    return &w->files[i];
}

const struct st_tensor *weights_want(const struct weights *w, const char *name, size_t rank,
                                     const size_t *shape, struct vac_err *err)
{
    const struct st_tensor *t = weights_find(w, name);
    const char *path = t && !w->gguf.path ? file_of(w, t)->path : w->path;
    char has[200], want[200];

    if (!t) {
        refuse_missing(w, name, err);
        return NULL;
    }
    if (!t->readable) {
        err_set(err, VAC_ERR_UNSUPPORTED,
                "%s: tensor \"%.100s\" has dtype %.40s, only F32, BF16 and F16 can be used", path,
                name, t->dtype_text);
        return NULL;
    }
    if (t->rank != rank || (rank && memcmp(t->shape, shape, rank * sizeof *shape) != 0)) {
        err_set(err, VAC_ERR_FORMAT, "%s: tensor \"%.100s\" has shape %s, expected %s", path,
                t->in_file ? t->in_file : name, shape_text(has, sizeof has, t->rank, t->shape),
                shape_text(want, sizeof want, rank, shape));
        return NULL;
    }
    return t;
}

const char *weights_path(const struct weights *w)
{
    return w->path;
}

void weights_forget(const struct weights *w, const struct st_tensor *t)
{
    if (t->readable && !(w->gguf.path && !gguf_maps(&w->gguf, t->data)))
        map_forget(t->data, dtype_bytes(t->dtype, t->numel));
}
