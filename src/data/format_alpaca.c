/* format_alpaca.c - {"instruction", "input", "output", "system", "history": [[question, answer],
 * ...]}.
 *
 * "response" may stand for "output", "context" for "input". The answers in "history" are part of
 * the prompt: no labels. */
#include "data/format.h"
#include <string.h>

static bool alpaca_detect(const struct jnode *row)
{
    return format_has(row, "instruction");
}

static int history_pair(const struct jnode *pair, struct row *out, struct arena *a,
                        struct vac_err *err)
{
    struct turn turn[2] = {{.role = ROLE_USER}, {.role = ROLE_ASSISTANT}};

    if (!cJSON_IsArray(pair->v) || json_count(pair) != 2)
        return json_error(pair, err, "expected [question, answer]");
    for (size_t i = 0; i < 2; i++) {
        struct jnode item;
        const char *s;

        if (json_item(pair, i, JSON_STRING, &item, err))
            return -1;
        s = item.v->valuestring;
        turn[i].text = arena_strndup(a, s, strlen(s), err);
        if (!turn[i].text)
            return -1;
        format_put(out, turn[i]);
    }
    return 0;
}

static int alpaca_history(const struct jnode *history, struct row *out, struct arena *a,
                          struct vac_err *err)
{
    const cJSON *v;
    size_t i = 0;

    cJSON_ArrayForEach(v, history->v)
    {
        struct jnode pair = format_item(history, v, i++);

        if (history_pair(&pair, out, a, err))
            return -1;
    }
    return 0;
}

static int alpaca_turns(const struct jnode *row, const struct jnode *history, struct row *out,
                        struct arena *a, struct vac_err *err)
{
    static const char *const answers[] = {"output", "response", NULL};
    struct turn answer = {.role = ROLE_ASSISTANT, .train = true};
    const char *key;

    if (format_system(row, out, a, err) || (history->v && alpaca_history(history, out, a, err)) ||
        format_user(row, "instruction", out, a, err) || format_choose(row, answers, &key, err) ||
        format_str(row, key ? key : answers[0], &answer.text, a, err))
        return -1;
    format_put(out, answer);
    return 0;
}

static int alpaca_read(const struct jnode *row, struct row *out, struct arena *a,
                       struct vac_err *err)
{
    struct jnode history;
    size_t pairs;

    if (json_opt(row, "history", JSON_ARRAY, &history, err) < 0)
        return -1;
    pairs = history.v ? json_count(&history) : 0;
    if (format_room(out, 2 * pairs + 3, a, err))
        return -1;
    return alpaca_turns(row, &history, out, a, err);
}

const struct format format_alpaca = {
    .name = "alpaca",
    .help = "instruction, input (or context) and output (or response); system and history",
    .keys = (const char *const[]){"instruction", "output", NULL},
    .reads = (const char *const[]){"instruction", "output", "response", "history", FORMAT_QUESTION,
                                   NULL},
    .detect = alpaca_detect,
    .read = alpaca_read,
};
