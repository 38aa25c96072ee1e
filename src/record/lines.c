/* lines.c - see lines.h */
#include "record/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/inside.h"
#include "base/io.h"
#include "base/utf8.h"

void lines_name(char *out, size_t size, const char *text)
{
    size_t n = strnlen(text, size - 1);

    n = utf8_valid(text, n);
    memcpy(out, text, n);
    out[n] = '\0';
}

/* One line after another: a long file is never in memory as a whole. */
static int visit_all(FILE *in, const char *path, int64_t end, int64_t *at, size_t *number,
                     lines_visitor *visit, void *ctx, struct vac_err *err)
{
    char *text = NULL, where[VAC_PATH + 32];
    size_t cap = 0;
    ssize_t n;
    int rc = 0;

    /* without memory getline says what it says at the end, but not that this is the end */
    while (rc == 0 && *at < end && (n = getline(&text, &cap, in)) > 0 && text[n - 1] == '\n') {
        struct jnode line;
        cJSON *doc;

        ++*number;
        *at += n;
        if (n == 1)
            continue;
        doc = json_parse_line(text, (size_t)n - 1, path, *number, err);
        snprintf(where, sizeof where, "%s:%zu", path, *number);
        line = json_root(doc, where);
        rc = !doc                  ? -1
             : cJSON_IsObject(doc) ? visit(ctx, &line, err)
                                   : json_wrong(&line, "an object", err);
        cJSON_Delete(doc);
    }
    if (rc == 0 && *at < end && (ferror(in) || !feof(in)))
        rc = err_errno(err, "%s: cannot read", path);
    free(text);
    return rc;
}

int lines_visit_file(const char *path, int64_t end, int64_t *at, size_t *number,
                     lines_visitor *visit, void *ctx, struct vac_err *err)
{
    int64_t left;
    FILE *in;
    int rc;

    if (file_measure(path, &left, err))
        return -1;
    left -= *at;
    if (left <= 0)
        return 0;
    if (left > LINES_LIMIT)
        return err_set(err, VAC_ERR_FORMAT, "%s: more than %d bytes", path, LINES_LIMIT);
    in = stream_open(path, err);
    if (!in)
        return -1;
    if (fseeko(in, (off_t)*at, SEEK_SET))
        rc = err_errno(err, "%s", path);
    else
        rc = visit_all(in, path, end, at, number, visit, ctx, err);
    fclose(in);
    return rc;
}

int lines_visit_to(const char *dir, const char *name, int64_t end, lines_visitor *visit, void *ctx,
                   struct vac_err *err)
{
    char *path = path_join(dir, name, err);
    bool inside = !dir_enter(dir, NULL);
    int rc = path ? lines_visit_file(path, end, &(int64_t){0}, &(size_t){0}, visit, ctx, err) : -1;

    if (inside)
        dir_leave(dir);
    free(path);
    return rc;
}

int lines_visit(const char *dir, const char *name, lines_visitor *visit, void *ctx,
                struct vac_err *err)
{
    return lines_visit_to(dir, name, INT64_MAX, visit, ctx, err);
}

int lines_keep(void *ctx, const struct jnode *line, struct vac_err *err)
{
    return json_add(ctx, NULL, json_copy(line->v, err), err);
}

int lines_array(cJSON **out, const char *dir, const char *name, struct vac_err *err)
{
    *out = cJSON_CreateArray();
    if (!*out)
        return err_set(err, VAC_ERR_MEMORY, "%s/%s: out of memory", dir, name);
    return lines_visit(dir, name, lines_keep, *out, err);
}
