/* judge.c - the list of judges. */
#include "eval/judge.h"

#include <string.h>

const char *const verdict_names[VERDICT_COUNT + 1] = {[VERDICT_ANSWERED] = "answered",
                                                      [VERDICT_REFUSED] = "refused",
                                                      [VERDICT_OTHER] = "other",
                                                      NULL};

#define DECLARE(name) extern const struct judge judge_##name;
JUDGES(DECLARE)

#define ADDRESS(name) &judge_##name,
static const struct judge *const judges[] = {JUDGES(ADDRESS) NULL};

const struct judge *judge_at(size_t i)
{
    return i < sizeof judges / sizeof *judges ? judges[i] : NULL;
}

static const char *name_at(const void *ctx, size_t i)
{
    (void)ctx;
    return judge_at(i) ? judges[i]->name : NULL;
}

const struct judge *judge_find(const char *name, struct vac_err *err)
{
    struct strbuf all = {0};
    const char *near;

    for (size_t i = 0; judges[i]; i++)
        if (!strcmp(judges[i]->name, name))
            return judges[i];
    for (size_t i = 0; judges[i]; i++)
        sb_printf(&all, "%s%s", i ? ", " : "", judges[i]->name);
    near = err_nearest(name, name_at, NULL);
    err_set(err, VAC_ERR_USAGE, "unknown judge \"%s\": expected one of %s%s%s%s", name,
            all.bad ? "" : all.s, near ? " (did you mean \"" : "", near ? near : "",
            near ? "\"?)" : "");
    sb_done(&all);
    return NULL;
}
