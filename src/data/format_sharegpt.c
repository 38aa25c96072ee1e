/* format_sharegpt.c - {"conversations": [{"from", "value"}, ...], "system"}. */
#include "data/format.h"

static const struct chat_role roles[] = {
    {"human", ROLE_USER},     {"gpt", ROLE_ASSISTANT},       {"system", ROLE_SYSTEM},
    {"user", ROLE_USER},      {"assistant", ROLE_ASSISTANT}, {"chatgpt", ROLE_ASSISTANT},
    {"bing", ROLE_ASSISTANT}, {"bard", ROLE_ASSISTANT},      {"model", ROLE_ASSISTANT},
    {NULL, ROLE_SYSTEM},
};
static const struct chat_keys keys = {
    .list = "conversations",
    .role = "from",
    .text = "value",
    .roles = roles,
    .names = "system, human (or user), gpt (or assistant, chatgpt, bing, bard, model)",
};

static bool sharegpt_detect(const struct jnode *row)
{
    return format_has(row, "conversations");
}

static int sharegpt_read(const struct jnode *row, struct row *out, struct arena *a,
                         struct vac_err *err)
{
    return format_chat(row, &keys, out, a, err);
}

const struct format format_sharegpt = {
    .name = "sharegpt",
    .help = "conversations of human and gpt",
    .keys = (const char *const[]){"conversations", NULL},
    .reads = (const char *const[]){"conversations", "system", "system_prompt", NULL},
    .detect = sharegpt_detect,
    .read = sharegpt_read,
};
