/* keys.h - every key that a run file may have, by its path as --set takes it. */
#ifndef SPEC_KEYS_H
#define SPEC_KEYS_H

#include <vaccine/vaccine.h>
#include "base/option.h"

/* Lists are gone through as `run` has them, a run file's or a run folder's description; NULL, or a
 * list that is absent, stands for one entry. Entries of stages and evaluate go by their names, or
 * with `numbers` as stages[0]. */
typedef void keys_visit(void *ctx, const char *path, const struct option_row *row);
void keys_each(const cJSON *run, bool numbers, keys_visit *visit, void *ctx);

/* Section i of the option tables as the manual calls it ("top", "stages.train", "method sft");
 * false past the last. */
bool keys_section(size_t i, char name[VAC_NAME], const struct option_row **rows);
#endif
