/* spec_path.c - paths of a run file: made absolute, and looked for before anything is trained. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/kind.h"
#include "base/name.h"
#include "weights/gguf.h"
#include "weights/hub.h"
#include "spec/spec_path.h"

enum { ENTRIES_MAX = 65536, NAME_ROOM = SPEC_NAME_ROOM };

void spec_nearest(const char *path, char best[SPEC_NAME_ROOM])
{
    char *dir = path_dir(path, NULL);
    DIR *d = dir ? opendir(dir) : NULL;
    const char *base = path_base(path);
    struct dirent *e;

    best[0] = '\0';
    for (size_t n = 0; d && n < ENTRIES_MAX && (e = readdir(d)); n++) {
        const char *both[] = {best[0] ? best : e->d_name, e->d_name, NULL};

        if (err_nearest(base, name_word, both) == e->d_name && strlen(e->d_name) < NAME_ROOM)
            memcpy(best, e->d_name, strlen(e->d_name) + 1);
    }
    if (d)
        closedir(d);
    free(dir);
}

/* `name` as in the file; `path` is where it was looked for. */
static int not_found(const struct jnode *n, const char *name, const char *path, struct vac_err *err)
{
    char near[NAME_ROOM];
    const char *base = path_base(name);

    struct vac_err link = {0};

    if (kind_refuse_link(path, &link))
        return json_error(n, err, "%s", link.msg);
    spec_nearest(path, near);
    if (!near[0])
        return json_error(n, err, "\"%.200s\" not found", name);
    return json_error(n, err, "\"%.200s\" not found (did you mean \"%.*s%s\"?)", name,
                      base - name > 200 ? 0 : (int)(base - name), name, near);
}

/* A name that is no folder beside the run file: one of the cache's, or NULL and an error. The
 * current folder is refused because the same file would mean something else elsewhere. */
static char *find_model(const struct jnode *n, const char *name, const char *path,
                        struct vac_err *err)
{
    char near[NAME_ROOM], where[192], *found;

    if (dir_exists(name)) {
        json_error(n, err,
                   "\"%.200s\" is in the current folder, but paths are relative to the run file: "
                   "give the whole path",
                   name);
        return NULL;
    }
    spec_nearest(path, near);
    found = hub_find(name, near[0] ? NULL : err);
    if (!found && near[0])
        not_found(n, name, path, err);
    else if (!found)
        err_prefix(err, "%s: %s", n->file, json_path(n, where, sizeof where));
    return found;
}

int spec_path(char **text, enum option_path kind, const struct jnode *n, const char *dir,
              struct vac_err *err)
{
    const char *name = *text;
    bool folder = kind != PATH_FILE;
    char *path;
    int rc = 0;

    if (!name)
        return 0;
    if (!name[0])
        return json_wrong(n, folder ? "the name of a folder" : "the name of a file", err);
    path = path_join(dir, name, err);
    if (!path)
        return -1;
    if (kind == PATH_MODEL && name[0] != '/' && access(path, F_OK)) {
        char *found = find_model(n, name, path, err);

        free(path);
        path = found;
    } else if ((folder ? dir_exists(path) : file_exists(path)) ||
               (kind == PATH_MODEL && gguf_is(path))) {
        rc = 0;
    } else if (folder && file_exists(path)) {
        rc = json_error(n, err, "\"%.200s\" is a file: a folder is needed", name);
    } else if (dir_exists(path)) {
        rc = json_error(n, err, "\"%.200s\" is a folder: a file is needed", name);
    } else if (access(path, F_OK) == 0) {
        rc = json_error(n, err, "\"%.200s\" is neither a file nor a folder", name);
    } else {
        rc = not_found(n, name, path, err);
    }
    if (rc || !path) {
        free(path);
        return -1;
    }
    free(*text);
    *text = path;
    return 0;
}

int spec_paths(const struct option_row *rows, void *base, const struct jnode *obj, const char *dir,
               struct vac_err *err)
{
    for (; rows && rows->name; rows++) {
        struct jnode n = {.up = obj, .file = obj->file, .key = rows->name};

        if (rows->path &&
            spec_path((char **)((char *)base + rows->offset), rows->path, &n, dir, err))
            return -1;
    }
    return 0;
}
