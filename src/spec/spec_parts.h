/* spec_parts.h - what the files of the run description share among themselves: tables, paths,
 * overrides.
 *
 * spec_tables.c holds the rows; spec.c reads the whole, spec_stage.c and spec_measure.c its parts,
 * with the helpers of spec_keys.c; spec_path.c resolves paths; spec_set.c applies overrides;
 * spec_json.c writes the resolved description. */
#ifndef SPEC_SPEC_PARTS_H
#define SPEC_SPEC_PARTS_H

#include "spec/spec.h"

/* Over struct run_spec, stage_spec, lora_keys, data_keys, checkpoint_spec; the last two over
 * watch_spec. */
extern const struct option_row spec_rows_top[];
extern const struct option_row spec_rows_stage[];
extern const struct option_row spec_rows_lora[];
extern const struct option_row spec_rows_data[];
extern const struct option_row spec_rows_checkpoint[];
extern const struct option_row spec_rows_watch[];
extern const struct option_row spec_rows_probes[];

/* The data sets of "watch": key, and offsets in struct watch_spec. Ends with a NULL key. */
struct spec_watched {
    const char *key;
    size_t data, has;
    const struct option_row *more; /* rows over struct watch_spec in the same object; NULL = none */
};
extern const struct spec_watched spec_watched[];

/* --- spec_keys.c --- */
/* A member of obj that need not be there, for messages. */
struct jnode spec_key(const struct jnode *obj, const char *key);
/* null counts as absent. */
bool spec_has(const struct jnode *obj, const char *key);
/* "FILE: PATH" in front of an error that is set; returns -1. */
int spec_prefix(const struct jnode *n, struct vac_err *err);

/* The keys that an object may have. Failures to add are told by spec_keys_check, which also frees
 * the list. */
struct spec_keys {
    const char **name;
    size_t n, cap;
    bool bad;
};
void spec_keys_add(struct spec_keys *k, const char *name);
void spec_keys_rows(struct spec_keys *k, const struct option_row *rows); /* rows may be NULL */
int spec_keys_check(struct spec_keys *k, const struct jnode *obj, struct vac_err *err);
/* Defaults, then the object `obj` into base; `more` are keys that the caller reads
 * (NULL-terminated). */
int spec_read_object(const struct jnode *obj, const struct option_row *rows,
                     const char *const *more, void *base, struct vac_err *err);

/* Bounds that a table's inclusive ones cannot say: a double at `offset` is above 0, or below 1.
 * Arrays end with a NULL key. */
struct spec_bound {
    const char *key;
    size_t offset;
    bool below_one;
};
int spec_check_bounds(const struct jnode *obj, const struct spec_bound *b, const void *base,
                      struct vac_err *err);
/* Counts a list that must have min to max items; *first is for a walk along .v->next, .index++. */
int spec_list(const struct jnode *list, size_t min, size_t max, size_t *count, struct jnode *first,
              struct vac_err *err);
/* A name that can stand in the names of files, and is none of the i before it. */
int spec_check_name(const struct jnode *obj, const char *name, size_t i,
                    const char *(*at)(const void *ctx, size_t i), const struct run_spec *s,
                    struct vac_err *err);
/* A file's name alone, or an object. `more`: rows of the same object that the caller reads, or
 * NULL. */
int spec_read_data(struct data_keys *d, const struct jnode *n, const struct option_row *more,
                   const char *dir, struct vac_err *err);

/* --- spec_stage.c, spec_measure.c --- */
int spec_read_stages(struct run_spec *s, const struct jnode *root, const char *dir,
                     struct vac_err *err);
const char *spec_stage_name(const void *run_spec, size_t i); /* NULL after the last */
int spec_read_watch(struct run_spec *s, const struct jnode *root, const char *dir,
                    struct vac_err *err);
int spec_read_evaluates(struct run_spec *s, const struct jnode *root, const char *dir,
                        struct vac_err *err);

enum { SPEC_NAME_ROOM = 256 };
/* The entry of the path's folder that is most like its last part, or "". */
void spec_nearest(const char *path, char best[SPEC_NAME_ROOM]);
enum spec_path_kind { PATH_FILE, PATH_FOLDER, PATH_MODEL };
/* Replaces *text (owned; NULL stays) by its absolute form, relative to `dir`; what is not there, or
 * of the wrong kind, is an error at the node. A model may also be a name that hub_find knows. */
int spec_path(char **text, enum spec_path_kind kind, const struct jnode *n, const char *dir,
              struct vac_err *err);

/* Applies one "PATH=VALUE" to the document (an object). Whether the key exists is checked by the
 * reader. */
int spec_set(cJSON *doc, const char *text, struct vac_err *err);

/* The resolved description; NULL and an error. Free with cJSON_Delete. */
cJSON *spec_json(const struct run_spec *s, struct vac_err *err);
#endif
