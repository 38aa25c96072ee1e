/* format_prompt.c - {"prompt"} or {"instruction", "input"} without an answer: questions for evaluations and
 * probes. As training data such rows carry no labels. */
#include "data/format.h"

static const char *const answers[] = {"output", "response", "completion", "is_safe", NULL};

static bool prompt_detect(const struct jnode *row)
{
    for (size_t i = 0; answers[i]; i++) {
        if (format_has(row, answers[i]))
            return false;
    }
    return format_has(row, "prompt") || format_has(row, "instruction");
}

static int prompt_read(const struct jnode *row, struct row *out, struct arena *a, struct vac_err *err)
{
    struct turn user = {.role = ROLE_USER};

    if (format_str(row, format_has(row, "prompt") ? "prompt" : "instruction", &user.text, a, err) ||
        format_opt_str(row, "input", &user.input, a, err) || format_room(out, 1, a, err))
        return -1;
    format_put(out, user);
    return 0;
}

const struct format format_prompt = {
    .name = "prompt",
    .help = "prompt, or instruction and input, without an answer",
    .keys = (const char *const[]){"prompt", NULL},
    .detect = prompt_detect,
    .read = prompt_read,
};
