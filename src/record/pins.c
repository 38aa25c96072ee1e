/* pins.c - see pins.h */
#include "record/pins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/io.h"

int pin_there(const char *path, int64_t *size, struct vac_err *err)
{
    struct stat st;

    if (path_stat(path, &st)) {
        if (errno == ENOENT || errno == ENOTDIR)
            return err_set(err, VAC_ERR_FORMAT, "%s: is missing", path);
        if (errno != ELOOP)
            return path_error(path, "look at it", err);
        st.st_mode = S_IFLNK;
    }
    if (S_ISLNK(st.st_mode))
        return err_set(err, VAC_ERR_FORMAT, "%s: no link is followed here", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, VAC_ERR_FORMAT, "%s: is not a file", path);
    *size = (int64_t)st.st_size;
    return 0;
}

/* Read, not mapped: a page that cannot be read is then an error like any other. */
static int file_crc(const char *path, int64_t *size, uint32_t *crc, struct vac_err *err)
{
    enum { PIECE = 1 << 16 };
    char *piece = mem_new(PIECE, 1, err);
    FILE *f = piece && !pin_there(path, size, err) ? stream_open(path, err) : NULL;
    size_t n;
    int rc = -1;

    if (f) {
        *size = 0;
        *crc = 0;
        while ((n = fread(piece, 1, PIECE, f)) > 0) {
            *size += (int64_t)n;
            *crc = crc32c(*crc, piece, n);
        }
        rc = ferror(f) ? path_error(path, "read", err) : 0;
        fclose(f);
    }
    free(piece);
    return rc;
}

int pin_file(cJSON *pins, const char *dir, const char *name, struct vac_err *err)
{
    int64_t size;
    uint32_t crc;
    char text[16], *path = path_join(dir, name, err);
    cJSON *one;
    int rc = path ? file_crc(path, &size, &crc, err) : -1;

    free(path);
    if (rc)
        return -1;
    snprintf(text, sizeof text, "%08x", crc);
    one = cJSON_CreateObject();
    if (!json_add(one, "bytes", cJSON_CreateNumber((double)size), err) &&
        !json_add(one, "crc32c", cJSON_CreateString(text), err))
        return json_add(pins, name, one, err);
    cJSON_Delete(one);
    return -1;
}

struct pinning {
    cJSON *pins;
    const char *dir, *name;
};

static int pin_one(void *ctx, const char *file, struct vac_err *err)
{
    const struct pinning *at = ctx;
    char *path = path_join(at->name, file, err);
    int rc = path ? pin_file(at->pins, at->dir, path, err) : -1;

    free(path);
    return rc;
}

int pin_folder(cJSON *pins, const char *dir, const char *name, struct vac_err *err)
{
    struct pinning at = {pins, dir, name};
    char *folder = path_join(dir, name, err);
    int rc = folder ? dir_each(folder, pin_one, &at, err) : -1;

    free(folder);
    return rc;
}

bool pins_know(const cJSON *pins, const char *name)
{
    size_t n = strlen(name);

    for (const cJSON *p = pins ? pins->child : NULL; p; p = p->next)
        if (!strncmp(p->string, name, n) && (!p->string[n] || p->string[n] == '/'))
            return true;
    return false;
}

int pins_check(const struct jnode *pins, const char *dir, bool whole, struct vac_err *err)
{
    for (const cJSON *f = pins->v->child; f; f = f->next) {
        struct jnode one = {.v = f, .up = pins, .file = pins->file, .key = f->string};
        const char *want;
        int64_t bytes, size;
        uint32_t crc;
        char have[16] = "not read", *path;
        int rc;

        if (f->string[0] == '/' || strstr(f->string, ".."))
            return json_error(&one, err, "is no file of this run");
        if (json_int(&one, "bytes", 0, (int64_t)1 << 53, &bytes, err) ||
            json_str(&one, "crc32c", &want, err))
            return -1;
        path = path_join(dir, f->string, err);
        rc = !path ? -1 : whole ? file_crc(path, &size, &crc, err) : pin_there(path, &size, err);
        free(path);
        if (rc)
            return -1;
        if (whole)
            snprintf(have, sizeof have, "%08x", crc);
        if (size != bytes || (whole && strcmp(have, want)))
            return err_set(
                err, VAC_ERR_FORMAT,
                "%s/%s: damaged, or another file (%lld bytes, crc %s; expected %lld, %s)", dir,
                f->string, (long long)size, have, (long long)bytes, want);
    }
    return 0;
}

void pins_put(struct json_out *o, const char *key, const cJSON *pins)
{
    json_put_object(o, key, JSON_LINED);
    for (const cJSON *p = pins->child; p; p = p->next) {
        json_put_object(o, p->string, JSON_SPACED);
        json_put_int(o, "bytes",
                     (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(p, "bytes")));
        json_put_text(o, "crc32c",
                      cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(p, "crc32c")));
        json_put_end(o);
    }
    json_put_end(o);
}
