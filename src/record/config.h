/* config.h - run.json: the description that a run began with. */
#ifndef RECORD_CONFIG_H
#define RECORD_CONFIG_H

#include "base/json.h"

enum { RUN_CONFIG_LIMIT = 1 << 26 }; /* bytes */

/* run.json; free with cJSON_Delete. */
cJSON *run_config(const char *dir, struct vac_err *err);
/* The resolved run file inside run.json, or NULL. */
const cJSON *run_config_spec(const cJSON *config);
/* Its stage of that name, or NULL. */
const cJSON *run_config_stage(const cJSON *config, const char *name);
/* Whether harmful rows are among those that it trains on: it may be an attack. */
bool run_stage_has_harm(const cJSON *stage);
/* Is this entry of "evaluate" a rate? Only the metric "loss" is not. */
bool run_config_is_rate(const cJSON *config, const char *name);
#endif
