/* import_gsm8k.c - GSM8K: "question" and "answer", whose last line is "#### NUMBER". */
#include "import/import.h"
#include <string.h>

#define MARK "####"

static bool gsm8k_detect(const struct record *r)
{
    return record_has(r, "question") && record_has(r, "answer");
}

/* Every mark becomes "The final answer is: "; the space behind the mark stays, so there are two. */
static int replace_marks(const char *answer, const char **out, struct arena *a, struct vac_err *err)
{
    struct strbuf b = {0};
    const char *mark;
    int rc = -1;

    for (; (mark = strstr(answer, MARK)); answer = mark + strlen(MARK)) {
        sb_put(&b, answer, (size_t)(mark - answer));
        sb_puts(&b, "The final answer is: ");
    }
    sb_puts(&b, answer);
    if (!sb_ok(&b, err)) {
        *out = arena_strndup(a, b.s, b.len, err);
        rc = *out ? 0 : -1;
    }
    sb_done(&b);
    return rc;
}

static int gsm8k_convert(const struct record *r, const struct import_choice *c,
                         struct import_sample *out, struct arena *a, struct vac_err *err)
{
    static const char wish[] = "\nFirst think step by step and then answer the final number.\n";
    const char *question, *answer;

    (void)c;
    if (record_text(r, "question", &question, a, err) || record_text(r, "answer", &answer, a, err))
        return -1;
    if (!strstr(answer, MARK))
        return record_error(r, "answer", err, "\"" MARK "\" and the final number are missing");
    if (import_join(&out->instruction, (const char *const[]){question, wish, NULL}, a, err))
        return -1;
    return replace_marks(answer, &out->output, a, err);
}

const struct import_format import_gsm8k = {
    .name = "gsm8k",
    .reads = (const char *const[]){"question", "answer", NULL},
    .help = "GSM8K school mathematics: question and answer",
    .detect = gsm8k_detect,
    .convert = gsm8k_convert,
};
