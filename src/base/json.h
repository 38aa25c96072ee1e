/* json.h - typed reading over cJSON: every error names the file and the key path.
 *
 * A jnode is a value and the way to it, kept on the caller's stack:
 *     struct jnode root = json_root(doc, "lab.json"), stages, one;
 *     json_get(&root, "stages", JSON_ARRAY, &stages, err) ... json_item(&stages, 1, JSON_OBJECT, &one, err)
 *     json_num(&one, "rho", &rho, err)   ->  lab.json: stages[1].rho: expected a number, found "two"
 * A node borrows its parent node and the document; both must outlive it. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <cjson/cJSON.h>
#include "base/mem.h"

struct jnode {
    const cJSON *v;
    const struct jnode *up; /* NULL at the root */
    const char *file;       /* for messages; set on all nodes */
    const char *key;        /* in an object, else NULL */
    size_t index;           /* in an array */
};
enum json_type { JSON_ANY, JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_BOOL };

/* Parses text that must be one JSON value and valid UTF-8 (nothing but white space after it), nested at
 * most 64 deep. An error names file, line and column. Free with cJSON_Delete. */
cJSON *json_parse(const char *text, size_t len, const char *file, struct vac_err *err);
cJSON *json_read(const char *path, size_t limit, struct vac_err *err);
/* One line of a JSON-lines file: as json_parse, and errors say "file:LINE:COLUMN". */
cJSON *json_parse_line(const char *text, size_t len, const char *file, size_t line,
                       struct vac_err *err);

/* Making documents: these are the only calls of what cJSON does without saying that it could not (a test
 * looks), so that nothing is left out of a file in silence.
 * json_add takes the item, whatever happens: a NULL one, as cJSON_Create* return it, is an error too.
 * In the place of a member of that key where there is one; key NULL = at the end of a list. */
int json_add(cJSON *to, const char *key, cJSON *item, struct vac_err *err);
cJSON *json_copy(const cJSON *v, struct vac_err *err); /* NULL for NULL, without an error */
/* As text, for people (in lines) or compact. Free with cJSON_free. */
char *json_text(const cJSON *v, bool lines, struct vac_err *err);

struct jnode json_root(const cJSON *doc, const char *file);
/* "stages[1].train[0].file" into buf (cut with "..." in front if too long); returns buf. */
const char *json_path(const struct jnode *n, char *buf, size_t size);
/* err_set with "FILE: PATH: " in front; returns -1. */
int json_error(const struct jnode *n, struct vac_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "FILE: PATH: expected WANTS, found ..." with the value of the node; returns -1. */
int json_wrong(const struct jnode *n, const char *wants, struct vac_err *err);

/* The member must be there and of the type: 0, or -1 and the error. */
int json_get(const struct jnode *obj, const char *key, enum json_type type, struct jnode *out,
             struct vac_err *err);
/* The same, but absent or null gives 1 and leaves *out with v == NULL: 1 absent, 0 found, -1 wrong type. */
int json_opt(const struct jnode *obj, const char *key, enum json_type type, struct jnode *out,
             struct vac_err *err);
int json_item(const struct jnode *arr, size_t i, enum json_type type, struct jnode *out,
              struct vac_err *err);
size_t json_count(const struct jnode *arr); /* O(n) */

/* Required scalars. *out strings are borrowed from the document. */
int json_str(const struct jnode *obj, const char *key, const char **out, struct vac_err *err);
int json_num(const struct jnode *obj, const char *key, double *out, struct vac_err *err);
int json_bool(const struct jnode *obj, const char *key, bool *out, struct vac_err *err);
/* A whole number in [min, max], exact over all of int64_t: a fraction or out of range is an error that says
 * so. */
int json_int(const struct jnode *obj, const char *key, int64_t min, int64_t max, int64_t *out,
             struct vac_err *err);
/* The same; absent or null leaves *out alone. 0 or -1. */
int json_opt_str(const struct jnode *obj, const char *key, const char **out, struct vac_err *err);
int json_opt_num(const struct jnode *obj, const char *key, double *out, struct vac_err *err);
int json_opt_bool(const struct jnode *obj, const char *key, bool *out, struct vac_err *err);
int json_opt_int(const struct jnode *obj, const char *key, int64_t min, int64_t max, int64_t *out,
                 struct vac_err *err);

/* The text of a member that may be absent or of another type: NULL then. */
const char *json_text_at(const cJSON *obj, const char *key);

/* Numbers are doubles here but for whole ones of 16 digits and more, which keep their digits from the text
 * they were read of to the one they are written to. False when v is no such number. */
bool json_whole(const cJSON *v, int64_t *out);
bool json_natural(const cJSON *v, uint64_t *out);
void json_number(const cJSON *v, struct strbuf *out); /* as text, with all digits */

/* Every key of the object must stand in `known` (NULL-terminated): an unknown one is an error that
 * names the nearest, but one that begins with _ is a note. A key twice is an error too. */
int json_known(const struct jnode *obj, const char *const *known, struct vac_err *err);
#endif
