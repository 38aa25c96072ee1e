/* format_beavertails.c - {"prompt", "response", "is_safe", "category": {name: bool, ...}}. */
#include "data/format.h"

static bool beavertails_detect(const struct jnode *row)
{
    return format_has(row, "prompt") && format_has(row, "is_safe");
}

/* The names that are true, with commas between. */
static int put_names(const struct jnode *category, struct strbuf *names, struct vac_err *err)
{
    const cJSON *v;

    cJSON_ArrayForEach(v, category->v)
    {
        if (!cJSON_IsBool(v))
            return json_error(category, err, "\"%s\" must be true or false", v->string);
        if (!cJSON_IsTrue(v))
            continue;
        if (names->len)
            sb_putc(names, ',');
        sb_puts(names, v->string);
    }
    return sb_ok(names, err);
}

static int category_names(const struct jnode *category, struct row *out, struct arena *a,
                          struct vac_err *err)
{
    struct strbuf names = {0};
    int rc = put_names(category, &names, err);

    if (!rc && names.len) {
        out->category = arena_strndup(a, names.s, names.len, err);
        rc = out->category ? 0 : -1;
    }
    sb_done(&names);
    return rc;
}

static int beavertails_category(const struct jnode *row, struct row *out, struct arena *a,
                                struct vac_err *err)
{
    struct jnode category;

    if (json_opt(row, "category", JSON_ANY, &category, err) < 0)
        return -1;
    if (!category.v)
        return 0;
    if (cJSON_IsString(category.v))
        return format_opt_str(row, "category", &out->category, a, err);
    if (!cJSON_IsObject(category.v))
        return json_error(&category, err, "expected an object of true and false, or a name");
    return category_names(&category, out, a, err);
}

static int beavertails_read(const struct jnode *row, struct row *out, struct arena *a,
                            struct vac_err *err)
{
    bool safe;

    if (json_bool(row, "is_safe", &safe, err) || beavertails_category(row, out, a, err))
        return -1;
    out->is_safe = safe;
    return format_pair(row, "prompt", "response", out, a, err);
}

const struct format format_beavertails = {
    .name = "beavertails",
    .help = "prompt and response with the mark is_safe and its categories",
    .keys = (const char *const[]){"prompt", "response", "is_safe", NULL},
    .reads =
        (const char *const[]){"prompt", "response", "is_safe", "category", FORMAT_QUESTION, NULL},
    .detect = beavertails_detect,
    .read = beavertails_read,
};
