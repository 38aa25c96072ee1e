/* metric.c - the list of task metrics. */
#include "eval/metric.h"

#include <string.h>

#define DECLARE(name) extern const struct metric metric_##name;
METRICS(DECLARE)

#define ADDRESS(name) &metric_##name,
static const struct metric *const metrics[] = {METRICS(ADDRESS) NULL};

const struct metric *metric_at(size_t i)
{
    return i < sizeof metrics / sizeof *metrics ? metrics[i] : NULL;
}

/* "loss" is not in the table, but a user may have meant it. */
static const char *name_at(const void *ctx, size_t i)
{
    size_t n = sizeof metrics / sizeof *metrics - 1;

    (void)ctx;
    return i < n ? metrics[i]->name : i == n ? "loss" : NULL;
}

const struct metric *metric_find(const char *name, struct vac_err *err)
{
    struct strbuf all = {0};
    const char *near;

    for (size_t i = 0; metrics[i]; i++)
        if (!strcmp(metrics[i]->name, name))
            return metrics[i];
    for (size_t i = 0; name_at(NULL, i); i++)
        sb_printf(&all, "%s%s", i ? ", " : "", name_at(NULL, i));
    near = err_nearest(name, name_at, NULL);
    err_set(err, VAC_ERR_USAGE, "unknown metric \"%s\": expected one of %s%s%s%s", name,
            all.bad ? "" : all.s, near ? " (did you mean \"" : "", near ? near : "",
            near ? "\"?)" : "");
    sb_done(&all);
    return NULL;
}
