/* spec_keys.c - what reading every part of a run file needs: keys, lists, names, data files. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "eval/own.h"
#include "spec/spec_keys.h"
#include "spec/spec_path.h"
#include "spec/spec_tables.h"
#include "vaccine/vaccine.h"

struct jnode spec_key(const struct jnode *obj, const char *key)
{
    return (struct jnode){.v = cJSON_GetObjectItemCaseSensitive(obj->v, key),
                          .up = obj,
                          .file = obj->file,
                          .key = key};
}

bool spec_has(const struct jnode *obj, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj->v, key);

    return v && !cJSON_IsNull(v);
}

int spec_prefix(const struct jnode *n, struct vac_err *err)
{
    char path[192];

    return err_prefix(err, "%s: %s", n->file, json_path(n, path, sizeof path));
}

void spec_keys_add(struct spec_keys *k, const char *name)
{
    if (!k->bad && mem_grow(&k->name, &k->cap, k->n + 2, sizeof *k->name, NULL) == 0) {
        k->name[k->n++] = name;
        k->name[k->n] = NULL;
    } else {
        k->bad = true;
    }
}

void spec_keys_rows(struct spec_keys *k, const struct option_row *rows)
{
    for (; rows && rows->name; rows++)
        spec_keys_add(k, rows->name);
}

void spec_keys_own(struct spec_keys *k)
{
    const struct option_row *row;
    struct own_keys of;

    for (size_t i = 0; (row = own_row(i, &of)); i++)
        spec_keys_add(k, row->name);
}

int spec_keys_check(struct spec_keys *k, const struct jnode *obj, struct vac_err *err)
{
    int rc = k->bad ? err_set(err, VAC_ERR_MEMORY, "out of memory") : json_known(obj, k->name, err);

    free(k->name);
    return rc;
}

int spec_read_object(const struct jnode *obj, const struct option_row *rows,
                     const char *const *more, void *base, struct vac_err *err)
{
    struct spec_keys known = {0};

    spec_keys_rows(&known, rows);
    for (; more && *more; more++)
        spec_keys_add(&known, *more);
    if (spec_keys_check(&known, obj, err) || option_defaults(rows, base, err))
        return -1;
    return option_read(rows, obj, base, err);
}

int spec_check_bounds(const struct jnode *obj, const struct spec_bound *b, const void *base,
                      struct vac_err *err)
{
    for (; b->key; b++) {
        double x = *(const double *)((const char *)base + b->offset);
        struct jnode n = spec_key(obj, b->key);

        if (b->below_one ? x >= 1 : x <= 0)
            return json_wrong(&n, b->below_one ? "a number below 1" : "a number above 0", err);
    }
    return 0;
}

int spec_list(const struct jnode *list, size_t min, size_t max, size_t *count, struct jnode *first,
              struct vac_err *err)
{
    size_t n = json_count(list);

    if (n < min)
        return json_error(list, err, "the list is empty: give at least one");
    if (n > max)
        return json_error(list, err, "a list of at most %zu is allowed, found %zu", max, n);
    *count = n;
    *first = (struct jnode){.v = list->v->child, .up = list, .file = list->file};
    return 0;
}

bool spec_name_is_valid(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
            return false;
    return name[0] && name[0] != '.' && strlen(name) < VAC_NAME;
}

int spec_check_name(const struct jnode *obj, const char *name, size_t i,
                    const char *(*at)(const void *ctx, size_t i), const struct run_spec *s,
                    struct vac_err *err)
{
    struct jnode n = spec_key(obj, "name");

    if (!spec_name_is_valid(name))
        return json_wrong(
            &n, "a name of up to 63 letters, digits, _, - and ., not beginning with .", err);
    for (size_t k = 0; k < i; k++)
        if (!strcmp(at(s, k), name))
            return json_error(&n, err, "\"%s\" is the name of an earlier one too", name);
    return 0;
}

int spec_read_data(struct data_keys *d, const struct jnode *n, const struct option_row *more,
                   const char *dir, struct vac_err *err)
{
    struct jnode file = spec_key(n, "file");
    struct spec_keys known = {0};

    if (option_defaults(spec_rows_data, d, err))
        return -1;
    if (cJSON_IsString(n->v)) {
        d->file = mem_strdup(n->v->valuestring, err);
        return d->file ? spec_path(&d->file, PATH_FILE, n, dir, err) : -1;
    }
    if (!cJSON_IsObject(n->v))
        return json_wrong(n, "the name of a file or an object {\"file\": ...}", err);
    spec_keys_rows(&known, spec_rows_data);
    spec_keys_rows(&known, more);
    if (more)
        spec_keys_own(&known);
    if (spec_keys_check(&known, n, err) || option_read(spec_rows_data, n, d, err))
        return -1;
    return spec_path(&d->file, PATH_FILE, &file, dir, err);
}
