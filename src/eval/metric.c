/* metric.c - the list of task metrics. */
#include "eval/metric.h"

#include "base/name.h"

#define DECLARE(name) extern const struct metric metric_##name;
METRICS(DECLARE)

#define ADDRESS(name) &metric_##name,
static const struct metric *const metrics[] = {METRICS(ADDRESS) NULL};

const struct metric *metric_at(size_t i)
{
    return i < sizeof metrics / sizeof *metrics ? metrics[i] : NULL;
}

const struct metric *metric_find(const char *name, struct vac_err *err)
{
    return metric_at(name_want("metric", name, name_of, metrics, err));
}

bool metric_is_rate(const char *name)
{
    const struct metric *m = name ? metric_find(name, NULL) : NULL;

    return !m || !m->loss;
}
