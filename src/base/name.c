/* name.c - see name.h */
#include "base/name.h"

#include <string.h>

const char *name_of(const void *list, size_t i)
{
    const char *const *x = ((const char *const *const *)list)[i];

    return x ? *x : NULL;
}

const char *name_word(const void *list, size_t i)
{
    return ((const char *const *)list)[i];
}

size_t name_find(const char *name, name_at *at, const void *ctx)
{
    const char *x;

    for (size_t i = 0; (x = at(ctx, i)); i++) {
        if (!strcmp(x, name))
            return i;
    }
    return SIZE_MAX;
}

void name_list(name_at *at, const void *ctx, struct strbuf *out)
{
    const char *x;

    for (size_t i = 0; (x = at(ctx, i)); i++)
        sb_printf(out, "%s%s", i ? ", " : "", x);
}

size_t name_want(const char *what, const char *name, name_at *at, const void *ctx,
                 struct vac_err *err)
{
    size_t i = name_find(name, at, ctx);
    const char *near = i == SIZE_MAX ? err_nearest(name, at, ctx) : NULL;
    struct strbuf all = {0};

    if (i != SIZE_MAX)
        return i;
    name_list(at, ctx, &all);
    err_set(err, VAC_ERR_USAGE, "unknown %s \"%s\": expected one of %s%s%s%s", what, name,
            all.s && !all.bad ? all.s : "", near ? " (did you mean \"" : "", near ? near : "",
            near ? "\"?)" : "");
    sb_done(&all);
    return i;
}

bool name_listed(const char *const *list, const char *name)
{
    for (; list && *list; list++) {
        if (!strcmp(*list, name))
            return true;
    }
    return false;
}
