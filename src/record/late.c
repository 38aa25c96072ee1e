/* late.c - see late.h */
#include "record/late.h"

#include <stdlib.h>
#include "record/folder.h"
#include "spec/spec.h"

/* Whether the run in `dir` began with this file and these overrides. */
static bool began_with(const char *dir, const char *file, const char *const *set, size_t n_set)
{
    char *path = path_join(dir, "run.json", NULL);
    struct run_spec then, now;
    bool same = false;

    if (path && spec_read(&then, path, NULL, 0, NULL) == 0) {
        if (spec_read(&now, file, set, n_set, NULL) == 0) {
            same = then.seed == now.seed && cJSON_Compare(then.json, now.json, true);
            spec_done(&now);
        }
        spec_done(&then);
    }
    free(path);
    return same;
}

int late_check(const char *file, const char *out, const char *const *set, size_t n_set,
               struct vac_err *err)
{
    const char *dir = dir_exists(file) ? file : out;
    struct strbuf word = {0};
    bool finished;

    if (n_set == 0 || !dir)
        return 0;
    if (folder_finished(dir, &finished, err))
        return -1;
    if (!finished || (dir == out && began_with(dir, file, set, n_set)))
        return 0;
    sb_word(&word, dir);
    err_set(err, VAC_ERR_USAGE,
            "--set %.100s: the run in %s is finished and stays as it was described: begin "
            "another one like it: vaccine run %s/run.json --set ... -o DIR",
            set[0], dir, word.s ? word.s : dir);
    sb_done(&word);
    return -1;
}
