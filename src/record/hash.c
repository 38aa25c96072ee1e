/* hash.c - the identity of a run's inputs, so that going on with changed ones is refused.
 *
 * Data files are hashed whole. A model's weights may be far larger than what can be read at every
 * start: of them the sizes, the headers and evenly spread samples are taken. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/name.h"
#include "record/hash.h"
#include "weights/gguf.h"

#define SAMPLES 64
#define SAMPLE_BYTES 4096
#define HEADER_MAX ((size_t)1 << 20)
#define PART ((size_t)4 << 20)

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int chosen(const struct dirent *d)
{
    static const char *const names[] = {"config.json",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "adapter_config.json",
                                        "generation_config.json",
                                        "special_tokens_map.json",
                                        "chat_template.jinja",
                                        NULL};
    size_t n = strlen(d->d_name);

    return name_listed(names, d->d_name) || (n > 12 && !strcmp(d->d_name + n - 12, ".safetensors"));
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
        sha256_put(s, m.data, m.len < HEADER_MAX ? m.len : HEADER_MAX);
        for (size_t i = 0; i < SAMPLES && m.len > HEADER_MAX; i++) {
            size_t at = (size_t)((double)(m.len - SAMPLE_BYTES) * (double)i / (SAMPLES - 1));
            sha256_put(s, m.data + at, SAMPLE_BYTES);
        }
        rc = map_check(&m, err);
    }
    map_close(&m);
    free(path);
    return rc;
}

int hash_file(const char *path, char out[65], struct vac_err *err)
{
    struct mapping m = {0};
    struct sha256 s;
    int rc = 0;

    if (dir_exists(path) || gguf_is(path))
        return hash_model(path, out, err);
    if (map_open(&m, path, err))
        return -1;
    sha256_init(&s);
    for (size_t at = 0; rc == 0 && at < m.len; at += PART) {
        sha256_put(&s, m.data + at, m.len - at < PART ? m.len - at : PART);
        rc = doing("comparing", path, at, m.len, err);
    }
    sha256_hex(&s, out);
    rc = rc || map_check(&m, err) ? -1 : 0;
    map_close(&m);
    return rc;
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
