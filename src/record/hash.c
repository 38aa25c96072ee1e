/* hash.c - the identity of a run's inputs, so that going on with changed ones is refused.
 *
 * Data files are hashed whole. A model's weights may be far larger than what can be read at every
 * start: of them the sizes, the headers and evenly spread samples are taken. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/io.h"
#include "record/hash.h"
#include "weights/gguf.h"

#define SAMPLES 64
#define SAMPLE_BYTES 4096
#define HEADER_MAX ((size_t)1 << 20)

static int hash_bytes(const char *path, char out[65], struct vac_err *err)
{
    struct mapping m = {0};
    struct sha256 s;
    int rc;

    if (map_open(&m, path, err))
        return -1;
    sha256_init(&s);
    sha256_put(&s, m.data, m.len);
    sha256_hex(&s, out);
    rc = map_check(&m, err);
    map_close(&m);
    return rc;
}

static void hash_weights(struct sha256 *s, const struct mapping *m)
{
    size_t head = m->len < HEADER_MAX ? m->len : HEADER_MAX;

    sha256_put(s, m->data, head);
    for (size_t i = 0; i < SAMPLES && m->len > HEADER_MAX; i++) {
        size_t at = (size_t)((double)(m->len - SAMPLE_BYTES) * (double)i / (SAMPLES - 1));
        sha256_put(s, m->data + at, SAMPLE_BYTES);
    }
}

static bool counts(const char *name)
{
    size_t n = strlen(name);

    return !strcmp(name, "config.json") || !strcmp(name, "tokenizer.json") ||
           !strcmp(name, "tokenizer_config.json") || !strcmp(name, "adapter_config.json") ||
           !strcmp(name, "generation_config.json") || !strcmp(name, "special_tokens_map.json") ||
           !strcmp(name, "chat_template.jinja") ||
           (n > 12 && !strcmp(name + n - 12, ".safetensors"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int chosen(const struct dirent *d)
{
    return counts(d->d_name);
}

static int hash_one(struct sha256 *s, const char *dir, const char *name, struct vac_err *err)
{
    char *path = *name ? path_join(dir, name, err) : mem_strdup(dir, err);
    struct mapping m = {0};
    uint64_t len;
    int rc = path ? map_open(&m, path, err) : -1;

    if (rc == 0) {
        len = m.len;
        sha256_put(s, name, strlen(name) + 1);
        sha256_put(s, &len, sizeof len);
        hash_weights(s, &m);
        rc = map_check(&m, err);
    }
    map_close(&m);
    free(path);
    return rc;
}

int hash_file(const char *path, char out[65], struct vac_err *err)
{
    return dir_exists(path) || gguf_is(path) ? hash_model(path, out, err)
                                             : hash_bytes(path, out, err);
}

int hash_model(const char *dir, char out[65], struct vac_err *err)
{
    struct dirent **list;
    struct sha256 s;
    int n, rc = 0;

    if (gguf_is(dir)) { /* one file is all; what it is called is not in it */
        sha256_init(&s);
        rc = hash_one(&s, dir, "", err);
        sha256_hex(&s, out);
        return rc;
    }
    n = scandir(dir, &list, chosen, by_name);

    if (n < 0)
        return err_errno(err, "%s", dir);
    sha256_init(&s);
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = hash_one(&s, dir, list[i]->d_name, err);
        free(list[i]);
    }
    free(list);
    sha256_hex(&s, out);
    return rc;
}
