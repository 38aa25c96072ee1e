/* kind_abliteration.c - refusal taken out as one direction, without training: the stage that attacks makes one step of
 * the method of that name (defense/abliteration.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack/kind.h"
#include "base/json_out.h"
#include "defense/method.h"
#include "record/config.h"
#include "spec/spec_keys.h"
#include "spec/spec_path.h"

enum { BATCH = 16 };

struct abliteration {
    char *data, *harmless;
    int64_t prompts;
};
static const struct option_row own_rows[] = {
    {.name = "data",
     .help = "harmful requests, answered; the stage's harmful rows when absent",
     .type = OPTION_STRING,
     .path = PATH_FILE,
     .offset = offsetof(struct abliteration, data)},
    {.name = "harmless",
     .help = "harmless requests to hold them against; the stage's other rows when absent",
     .type = OPTION_STRING,
     .path = PATH_FILE,
     .offset = offsetof(struct abliteration, harmless)},
    {.name = "prompts",
     .help = "requests of either kind",
     .type = OPTION_INT,
     .min = 4,
     .max = 1 << 20,
     .def = 128,
     .offset = offsetof(struct abliteration, prompts)},
    {.name = NULL},
};
static const struct option_row *const rows[] = {own_rows, NULL};

/* The file, or those of the stage that are harmful or are not, as a data set of the method. */
static int put_rows(struct attack_sets *out, const struct jnode *one, const struct attack_on *on,
                    const char *key, const char *file, bool harmful, struct vac_err *err)
{
    const cJSON *have,
        *train = cJSON_GetObjectItemCaseSensitive(run_config_stage(on->config, on->stage), "train");
    cJSON *list = cJSON_CreateArray(), *entry;
    char *text;
    int rc = 0;

    if (file) {
        entry = cJSON_CreateObject();
        rc = json_add(entry, "file", cJSON_CreateString(file), err);
        rc = json_add(list, NULL, entry, err) || rc ? -1 : 0;
    }
    cJSON_ArrayForEach(have, train)
    {
        if (!file && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(have, "harmful")) == harmful &&
            rc == 0) {
            entry = json_copy(have, err);
            cJSON_DeleteItemFromObjectCaseSensitive(entry, "harmful");
            rc = json_add(list, NULL, entry, err);
        }
    }
    if (rc == 0 && cJSON_GetArraySize(list) == 0)
        rc = json_error(one, err, "stage %s has no %s rows: name some with \"%s\"", on->stage,
                        harmful ? "harmful" : "harmless", harmful ? "data" : "harmless");
    text = rc == 0 ? json_text(list, false, err) : NULL;
    rc = text ? attack_sets_key(out, on, key, text, err) : -1;
    cJSON_free(text);
    cJSON_Delete(list);
    return rc;
}

/* What another method has of its own is not this one's. */
static int forget_method(struct attack_sets *out, const struct attack_on *on, struct vac_err *err)
{
    const char *name = json_text_at(run_config_stage(on->config, on->stage), "method");
    const struct method *m = name ? method_find(name, NULL) : NULL;
    const char *stream;

    for (const struct option_row *r = m ? m->options : NULL; r && r->name; r++)
        if (attack_sets_key(out, on, r->name, "null", err))
            return -1;
    for (size_t i = 1; m && (stream = method_stream(m, i)); i++)
        if (attack_sets_key(out, on, stream, "null", err))
            return -1;
    return 0;
}

static int set(const struct jnode *one, const struct attack_on *on, struct attack_sets *out,
               struct vac_err *err)
{
    static const char *const fixed[][2] = {{"method", "abliteration"},
                                           {"steps", "1"},
                                           {"epochs", "null"},
                                           {"samples", "null"},
                                           {"harmful_ratio", "null"},
                                           {"until", "null"},
                                           {"rho_control", "null"},
                                           {"adapter", "new"},
                                           {"lora", "{\"r\":1,\"alpha\":1}"}};
    struct abliteration a = {.data = NULL};
    char text[32];
    int rc = -1;

    if (option_defaults(own_rows, &a, err) || option_read(own_rows, one, &a, err) ||
        spec_paths(own_rows, &a, one, on->dir, err) || forget_method(out, on, err) ||
        put_rows(out, one, on, "train", a.harmless, false, err) ||
        put_rows(out, one, on, "harmful", a.data, true, err))
        goto out;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (attack_sets_key(out, on, fixed[i][0], fixed[i][1], err))
            goto out;
    snprintf(text, sizeof text, "%d", a.prompts < BATCH ? (int)a.prompts : BATCH);
    if (attack_sets_key(out, on, "batch_size", text, err))
        goto out;
    snprintf(text, sizeof text, "%lld", (long long)((a.prompts + BATCH - 1) / BATCH));
    rc = attack_sets_key(out, on, "accumulate", text, err);
out:
    option_free(own_rows, &a);
    return rc;
}

const struct attack_kind attack_kind_abliteration = {
    .name = "abliteration",
    .help = "refusal is projected out of a copy that is thrown away; nothing is trained",
    .rows = rows,
    .set = set,
};
