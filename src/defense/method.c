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

const struct method *method_find(const char *name, struct vac_err *err)
{
    return method_at(name_want("method", name, name_of, methods, err));
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
