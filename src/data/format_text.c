/* format_text.c - {"text"}: plain text without a template; every token carries a label. */
#include "data/format.h"

static bool text_detect(const struct jnode *row)
{
    return format_has(row, "text");
}

static int text_read(const struct jnode *row, struct row *out, struct arena *a, struct vac_err *err)
{
    struct turn turn = {.role = ROLE_ASSISTANT, .train = true};

    if (format_str(row, "text", &turn.text, a, err) || format_room(out, 1, a, err))
        return -1;
    format_put(out, turn);
    return 0;
}

const struct format format_text = {
    .name = "text",
    .help = "plain text, all of it learnt",
    .keys = (const char *const[]){"text", NULL},
    .reads = (const char *const[]){"text", NULL},
    .detect = text_detect,
    .read = text_read,
};
