/* judge.c - the list of judges. */
#include "judge/judge.h"

#include "base/name.h"

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

const struct judge *judge_find(const char *name, struct vac_err *err)
{
    return judge_at(name_want("judge", name, name_of, judges, err));
}
