/* format_messages.c - {"messages": [{"role", "content"}, ...]}: conversations as chat models have
 * them. */
#include "data/format.h"

static const struct chat_role roles[] = {
    {"system", ROLE_SYSTEM},
    {"user", ROLE_USER},
    {"assistant", ROLE_ASSISTANT},
    {NULL, ROLE_SYSTEM},
};
static const struct chat_keys keys = {
    .list = "messages",
    .role = "role",
    .text = "content",
    .roles = roles,
    .names = "system, user, assistant",
};

static bool messages_detect(const struct jnode *row)
{
    return format_has(row, "messages");
}

static int messages_read(const struct jnode *row, struct row *out, struct arena *a,
                         struct vac_err *err)
{
    return format_chat(row, &keys, out, a, err);
}

const struct format format_messages = {
    .name = "messages",
    .help = "conversations of system, user and assistant; \"train\" or \"weight\" for each turn",
    .keys = (const char *const[]){"messages", NULL},
    .reads = (const char *const[]){"messages", "system", "system_prompt", NULL},
    .detect = messages_detect,
    .read = messages_read,
};
