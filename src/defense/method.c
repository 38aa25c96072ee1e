/* method.c - see method.h */
#include "defense/method.h"

#include "base/name.h"

#define METHOD_DECLARE(name) extern const struct method method_##name;
METHODS(METHOD_DECLARE)
#define METHOD_ENTRY(name) &method_##name,
static const struct method *const methods[] = {METHODS(METHOD_ENTRY) NULL};

const struct method *method_at(size_t i)
{
    return i < sizeof methods / sizeof *methods ? methods[i] : NULL;
}

static const char *method_name(const void *ctx, size_t i)
{
    (void)ctx;
    return method_at(i) ? method_at(i)->name : NULL;
}

const struct method *method_find(const char *name, struct vac_err *err)
{
    size_t i = name_find(name, method_name, NULL);
    const char *near = i == SIZE_MAX ? err_nearest(name, method_name, NULL) : NULL;
    struct strbuf have = {0};

    if (i != SIZE_MAX)
        return methods[i];
    name_list(method_name, NULL, &have);
    err_set(err, VAC_ERR_USAGE, "\"%s\" is no method%s%s%s; there are %s", name,
            near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "",
            have.s ? have.s : "none");
    sb_done(&have);
    return NULL;
}

size_t method_streams(const struct method *m)
{
    size_t n = 1;

    while (m->streams && m->streams[n - 1])
        n++;
    return n;
}

const char *method_stream(const struct method *m, size_t i)
{
    if (i == 0)
        return "train";
    return i < method_streams(m) ? m->streams[i - 1] : NULL;
}
