/* format_beavertails.c - {"prompt", "response", "is_safe", "category": {name: bool, ...}}.
 *
 * With a "refusal" that is the answer, and a safe one; the prompt of such rows is a whole exchange,
 * "Question: ...\nAnswer: ...", of which the question is taken. */
#include "data/format.h"
#include <string.h>

static bool beavertails_detect(const struct jnode *row)
{
    return format_has(row, "prompt") && (format_has(row, "is_safe") || format_has(row, "refusal"));
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

static int refusal_read(const struct jnode *row, struct row *out, struct arena *a,
                        struct vac_err *err)
{
    static const char question[] = "Question: ";
    const char *text, *end;

    if (format_pair(row, "prompt", "refusal", out, a, err))
        return -1;
    text = out->turn[out->n_turn - 2].text;
    end = strstr(text, "\nAnswer: ");
    if (!strncmp(text, question, sizeof question - 1))
        text += sizeof question - 1;
    out->turn[out->n_turn - 2].text =
        arena_strndup(a, text, end && end > text ? (size_t)(end - text) : strlen(text), err);
    out->is_safe = 1;
    return out->turn[out->n_turn - 2].text ? 0 : -1;
}

static int beavertails_read(const struct jnode *row, struct row *out, struct arena *a,
                            struct vac_err *err)
{
    bool safe = true, refused = format_has(row, "refusal");

    if ((refused ? json_opt_bool(row, "is_safe", &safe, err)
                 : json_bool(row, "is_safe", &safe, err)) ||
        beavertails_category(row, out, a, err))
        return -1;
    if (refused)
        return refusal_read(row, out, a, err);
    out->is_safe = safe;
    return format_pair(row, "prompt", "response", out, a, err);
}

const struct format format_beavertails = {
    .name = "beavertails",
    .help = "prompt and response with the mark is_safe and its categories, or with a refusal",
    .keys = (const char *const[]){"prompt", "response", "is_safe", NULL},
    .reads = (const char *const[]){"prompt", "response", "refusal", "is_safe", "category",
                                   FORMAT_QUESTION, NULL},
    .detect = beavertails_detect,
    .read = beavertails_read,
};
