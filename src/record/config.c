/* config.c - see config.h */
#include "record/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/inside.h"
#include "base/io.h"
#include "eval/metric.h"
#include "record/lines.h"

cJSON *run_config(const char *dir, struct vac_err *err)
{
    char *path = path_join(dir, "run.json", err);
    bool inside = !dir_enter(dir, NULL);
    cJSON *doc = NULL;

    if (path && !file_exists(path))
        err_set(err, VAC_ERR_IO,
                dir_exists(dir) ? "%s: holds no run: there is no run.json in it"
                                : "%s: there is no such folder: name a run folder",
                dir);
    else if (path)
        doc = json_read(path, RUN_CONFIG_LIMIT, err);
    if (doc && !cJSON_IsObject(doc)) {
        err_set(err, VAC_ERR_FORMAT, "%s: expected an object", path);
        cJSON_Delete(doc);
        doc = NULL;
    }
    if (inside)
        dir_leave(dir);
    free(path);
    return doc;
}

const cJSON *run_config_spec(const cJSON *config)
{
    return cJSON_GetObjectItemCaseSensitive(config, "spec");
}

const cJSON *run_config_stage(const cJSON *config, const char *name)
{
    const cJSON *stage;

    cJSON_ArrayForEach(stage, cJSON_GetObjectItemCaseSensitive(run_config_spec(config), "stages"))
    {
        const char *own = json_text_at(stage, "name");

        if (own && !strcmp(own, name))
            return stage;
    }
    return NULL;
}

bool run_stage_has_harm(const cJSON *stage)
{
    const cJSON *file;

    cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(stage, "train"))
    {
        if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(file, "harmful")))
            return true;
    }
    return false;
}

bool run_config_is_rate(const cJSON *config, const char *name)
{
    const cJSON *entry,
        *list = cJSON_GetObjectItemCaseSensitive(run_config_spec(config), "evaluate");

    cJSON_ArrayForEach(entry, list)
    {
        const char *own = json_text_at(entry, "name"), *metric = json_text_at(entry, "metric");
        char cut[VAC_NAME];

        if (!own)
            continue;
        lines_name(cut, sizeof cut, own);
        if (!strcmp(cut, name))
            return metric_is_rate(metric);
    }
    return true;
}
