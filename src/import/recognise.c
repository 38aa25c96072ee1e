/* recognise.c - see recognise.h */
#include "import/recognise.h"

/* The file from its beginning; a table is ready for its first line. */
static int open_plain(struct record *r, const char *path, const struct import_format *f,
                      struct vac_err *err)
{
    record_close(r);
    if (record_open(r, path, err))
        return -1;
    if (f->literal_quotes)
        record_literal(r);
    return 0;
}

/* A table at its first row: its first line holds names, or is that row. */
static int open_header(struct record *r, const char *path, const struct import_format *f,
                       struct vac_err *err)
{
    int rc;

    if (open_plain(r, path, f, err) || record_header(r, err) || record_unique(r, err))
        return -1;
    rc = record_next(r, err);
    if (rc == 0)
        return err_set(err, VAC_ERR_FORMAT, "%s: holds no rows, only a line of names", path);
    return rc < 0 ? -1 : 0;
}

static int open_bare(struct record *r, const char *path, const struct import_format *f,
                     struct vac_err *err)
{
    if (open_plain(r, path, f, err))
        return -1;
    record_columns(r, f->columns);
    return record_next(r, err) < 0 ? -1 : 0;
}

static bool fits(const struct import_format *f, const struct record *r)
{
    size_t n = 0;

    if (f->detect)
        return f->detect(r);
    while (f->needs && f->needs[n] && record_has(r, f->needs[n]))
        n++;
    return n > 0 && !f->needs[n];
}

static bool is_as_wide(const struct record *r, const char *const *columns)
{
    size_t n = 0;

    while (columns && columns[n])
        n++;
    return n > 0 && n == r->csv.columns;
}

/* Whether the first line holds names: 1 when the names or, without them, the values are the
 * format's. */
static int match_table(struct record *r, const char *path, const struct import_format *f,
                       struct vac_err *err)
{
    if (record_header(r, err))
        return -1;
    if (fits(f, r))
        return open_header(r, path, f, err) ? -1 : 1;
    if (!is_as_wide(r, f->columns))
        return 0;
    return open_bare(r, path, f, err) ? -1 : fits(f, r);
}

/* Opens the file at its first record. 1; 0 when it is not of this format; -1. */
static int match_format(struct record *r, const char *path, const struct import_format *f,
                        struct vac_err *err)
{
    if (open_plain(r, path, f, err))
        return -1;
    if (!r->json)
        return match_table(r, path, f, err);
    return record_next(r, err) < 0 ? -1 : fits(f, r);
}

int recognise_open(struct record *r, const char *path, const struct import_format *f,
                   struct vac_err *err)
{
    int rc = match_format(r, path, f, err);

    if (rc == 0 && !r->json)
        return open_header(r, path, f, err);
    return rc < 0 ? -1 : 0;
}

static int unknown_file(const struct record *r, const char *path, struct vac_err *err)
{
    struct strbuf names = {0};

    record_names(r, &names);
    if (!sb_ok(&names, err))
        err_set(
            err, VAC_ERR_FORMAT,
            "%s: of no known format (%s: %s): name a format, or use \"table\" and say which %s is "
            "the instruction",
            path, r->json ? "keys" : "columns", names.s ? names.s : "none",
            r->json ? "key" : "column");
    sb_done(&names);
    return -1;
}

const struct import_format *recognise(const char *path, const struct import_format *const *of,
                                      struct vac_err *err)
{
    const struct import_format *found = NULL;
    struct record r = {0};
    int rc = 0;

    for (; rc == 0 && *of; of++) {
        rc = match_format(&r, path, *of, err);
        if (rc > 0)
            found = *of;
    }
    if (rc == 0)
        unknown_file(&r, path, err);
    record_close(&r);
    return found;
}
