/* format_prompt.c - {"prompt"} or {"instruction", "input"} without an answer: questions for
 * evaluations and probes. As training data such rows carry no labels. */
#include "data/format.h"

static const char *const answers[] = {"output",  "response", "completion",
                                      "is_safe", "refusal",  NULL};

static bool prompt_detect(const struct jnode *row)
{
    for (size_t i = 0; answers[i]; i++) {
        if (format_has(row, answers[i]))
            return false;
    }
    return format_has(row, "prompt") || format_has(row, "instruction");
}

static int prompt_read(const struct jnode *row, struct row *out, struct arena *a,
                       struct vac_err *err)
{
    static const char *const questions[] = {"prompt", "instruction", NULL};
    const char *key;

    if (format_choose(row, questions, &key, err) || format_room(out, 2, a, err) ||
        format_system(row, out, a, err))
        return -1;
    return format_user(row, key, out, a, err);
}

const struct format format_prompt = {
    .name = "prompt",
    .questions = true,
    .help = "prompt, or instruction and input, without an answer; system",
    .keys = (const char *const[]){"prompt", NULL},
    /* other people's answers are no part of a question */
    .reads =
        (const char *const[]){"prompt", "instruction", "chosen", "rejected", "target", "reference",
                              "expected", "response_0", "response_1", FORMAT_QUESTION, NULL},
    .detect = prompt_detect,
    .read = prompt_read,
};
