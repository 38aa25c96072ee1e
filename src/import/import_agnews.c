/* import_agnews.c - AG News: class 1 to 4, title and description, with or without names; or the
 * hub's "text" with a "label" from 0 to 3, which is only taken when the format is named. */
#include "import/import.h"
#include <string.h>

static const char *const classes[] = {"1", "2", "3", "4", NULL};
static const char *const labels[] = {"0", "1", "2", "3", NULL};
static const char *const answers[] = {"World", "Sports", "Business", "Sci/Tech"};
static const char *const class_names[] = {"class index", "class", NULL};

static bool is_class(const char *s)
{
    return strlen(s) == 1 && *s >= '1' && *s <= '4';
}

static bool agnews_detect(const struct record *r)
{
    if (r->json || r->header)
        return record_first(r, class_names) && record_has(r, "title") &&
               record_has(r, "description");
    return is_class(r->csv.field[0].text);
}

static int read_article(const struct record *r, struct import_sample *out, size_t *label,
                        struct arena *a, struct vac_err *err)
{
    const char *title, *description;
    const char *name = record_first(r, class_names);

    if (record_choice(r, name ? name : class_names[0], classes, label, err) ||
        record_text(r, "title", &title, a, err) ||
        record_text(r, "description", &description, a, err))
        return -1;
    return import_join(&out->input, (const char *const[]){title, " ", description, NULL}, a, err);
}

static int read_hub(const struct record *r, struct import_sample *out, size_t *label,
                    struct arena *a, struct vac_err *err)
{
    if (record_text(r, "text", &out->input, a, err))
        return -1;
    return record_choice(r, "label", labels, label, err);
}

static int agnews_convert(const struct record *r, const struct import_choice *c,
                          struct import_sample *out, struct arena *a, struct vac_err *err)
{
    size_t label;
    bool hub = !record_has(r, "title") && record_has(r, "text");

    (void)c;
    if (hub ? read_hub(r, out, &label, a, err) : read_article(r, out, &label, a, err))
        return -1;
    out->instruction =
        "Categorize the news article given in the input into one of the 4 categories:"
        "\n\nWorld\nSports\nBusiness\nSci/Tech\n";
    out->output = answers[label];
    return 0;
}

const struct import_format import_agnews = {
    .name = "agnews",
    .reads = (const char *const[]){"class index", "class", "title", "description", "text", "label",
                                   NULL},
    .help = "AG News: class 1 to 4, title and description",
    .columns = (const char *const[]){"class", "title", "description", NULL},
    .detect = agnews_detect,
    .convert = agnews_convert,
};
